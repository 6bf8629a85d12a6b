/* SPDX-License-Identifier: MIT */
#include "daemon/objects/pipeline.h"

#include "daemon/objects/composition.h"
#include "gpu-backend/graphics_state.h"
#include "proto/wire/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One stage: as it came, and as it was given back. */
struct stage {
	uint32_t stage; /* enum penstock_shader_stage */
	char *entry_point;
	uint32_t *words; /* the client's; then the hardened ones */
	uint32_t word_count;
	struct penstock_shader_constant *constants;
	uint32_t constant_count;
	struct penstock_shader_reflection *reflection;
};

struct penstock_pipeline_create {
	struct penstock_list link; /* penstock_principal.pipelines */
	struct penstock_transfer *transfer;
	struct penstock_opening *opening;    /* the transfer's */
	struct penstock_shader_check *check; /* of `stage`, while one is under way */
	struct penstock_composition *composition;
	uint64_t held_bytes; /* of the principal's heap */
	uint32_t stage;      /* that is next, or checked */
	uint32_t stage_count;
	bool working;
	bool is_graphics;
	struct penstock_graphics_state graphics; /* where it is */
	struct stage stages[PENSTOCK_LIMIT_PIPELINE_STAGES];
};

static struct penstock_session *session_of(const struct penstock_pipeline_create *create)
{
	return create->opening->device->session;
}

static struct penstock_machine *machine_of(const struct penstock_pipeline_create *create)
{
	return session_of(create)->machine;
}

static struct penstock_pipeline_create *from_link(struct penstock_list *link)
{
	return penstock_list_entry(link, struct penstock_pipeline_create, link);
}

/* ---------------------------------------------------------------- the block */

static void free_create(struct penstock_pipeline_create *create)
{
	for (uint32_t i = 0; i < create->stage_count; i++) {
		free(create->stages[i].entry_point);
		free(create->stages[i].words);
		free(create->stages[i].constants);
		free(create->stages[i].reflection);
	}
	penstock_composition_free(create->composition);
	free(create);
}

/* `count` bytes of it copied; NULL: no memory, or there are none. */
static void *copied(const void *bytes, size_t count)
{
	void *copy = count == 0 ? NULL : malloc(count);

	if (copy != NULL) {
		memcpy(copy, bytes, count);
	}
	return copy;
}

/* False: no memory. */
static bool copy_stage(struct stage *stage, const struct penstock_pipeline_stage_info *info)
{
	*stage = (struct stage){
		.stage = info->stage,
		.entry_point = strdup(info->entry_point),
		.words = copied(info->spirv, info->spirv_bytes),
		.word_count = info->spirv_bytes / (uint32_t)sizeof(uint32_t),
		.constants =
			copied(info->constants, info->constant_count * sizeof(*info->constants)),
		.constant_count = info->constant_count,
	};
	return stage->entry_point != NULL && (stage->words != NULL || info->spirv_bytes == 0) &&
	       (stage->constants != NULL || info->constant_count == 0);
}

static int by_stage(const void *left, const void *right)
{
	const struct stage *a = left, *b = right;

	return (a->stage > b->stage) - (a->stage < b->stage);
}

/* NULL: no memory. */
static struct penstock_pipeline_create *new_create(const struct penstock_create_pipeline_info *info)
{
	struct penstock_pipeline_create *create = calloc(1, sizeof(*create));
	bool copied_all = create != NULL;

	for (uint32_t i = 0; copied_all && i < info->stage_count; i++) {
		create->stage_count++;
		create->held_bytes += info->stages[i].spirv_bytes;
		copied_all = copy_stage(&create->stages[i], &info->stages[i]);
	}
	if (create != NULL && !copied_all) {
		free_create(create);
		return NULL;
	}
	if (create != NULL) {
		/* As a pipeline has them, in whatever order they came. */
		qsort(create->stages, create->stage_count, sizeof(*create->stages), by_stage);
		create->is_graphics = info->graphics != NULL;
		create->graphics = info->graphics != NULL ? *info->graphics : create->graphics;
	}
	return create;
}

/* ---------------------------------------------------------------- the end */

static void work(struct penstock_principal *principal);

/* It is made, or refused: the request is answered, and the next one's turn has come. */
static void finish(struct penstock_pipeline_create *create, enum penstock_status status,
		   struct penstock_refusal *refusal)
{
	struct penstock_session *session = session_of(create);
	struct penstock_principal *principal = session->principal;
	struct penstock_transfer *transfer = create->transfer;

	if (status != PENSTOCK_STATUS_SUCCESS && session->machine->stopping) {
		penstock_session_give_back(session, transfer->pending.serial);
	}
	penstock_list_remove(&create->link);
	penstock_principal_release(principal, create->held_bytes);
	free_create(create);
	session->pipelines--;
	penstock_principal_ref(principal);
	/* What waits for it can be read again, in a later turn. */
	penstock_session_may_read(session);
	penstock_transfer_made(transfer, status, refusal);
	work(principal);
	penstock_principal_put(principal);
}

static void refuse(struct penstock_pipeline_create *create, enum penstock_status status,
		   const char *sentence)
{
	struct penstock_refusal refusal = { .instruction = "", .operand = "" };

	finish(create, penstock_refuse(&refusal, status, "%s", sentence), &refusal);
}

/* ---------------------------------------------------------------- composed, and written */

static void reserved(void *argument, enum penstock_status status)
{
	struct penstock_pipeline_create *create = argument;
	struct penstock_allocation *allocation = create->opening->allocation;
	uint8_t *place;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		refuse(create, status, "no memory for what a pipeline holds");
		return;
	}
	place = penstock_vidmm_access_begin(allocation->memory, 0, PENSTOCK_ACCESS_WRITE);
	if (place == NULL) {
		refuse(create, PENSTOCK_STATUS_UNSUCCESSFUL,
		       "what was reserved for a pipeline is moving already");
		return;
	}
	memcpy(place, create->composition->contents, create->composition->render.bytes);
	penstock_vidmm_access_end(allocation->memory);
	penstock_composition_drop_contents(create->composition);
	allocation->composition = create->composition;
	create->composition = NULL;
	finish(create, PENSTOCK_STATUS_SUCCESS, NULL);
}

static void compose(struct penstock_pipeline_create *create)
{
	struct penstock_composition_stage stages[PENSTOCK_LIMIT_PIPELINE_STAGES];
	struct penstock_refusal refusal = { .instruction = "", .operand = "" };
	enum penstock_status status;

	for (uint32_t i = 0; i < create->stage_count; i++) {
		stages[i] = (struct penstock_composition_stage){
			.reflection = create->stages[i].reflection,
			.words = create->stages[i].words,
			.word_count = create->stages[i].word_count,
		};
	}
	status = penstock_compose(
		stages, create->stage_count, create->is_graphics ? &create->graphics : NULL,
		create->opening->device->adapter->config.formats, &create->composition, &refusal);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		create->opening->allocation->info.size_bytes = create->composition->render.bytes;
		status = penstock_opening_reserve(create->opening, reserved, create, &refusal);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		reserved(create, status);
	} else if (status != PENSTOCK_STATUS_PENDING) {
		finish(create, status, &refusal);
	}
}

/* ---------------------------------------------------------------- checked */

static void answered(void *owner, const struct penstock_shader_answer *answer);

/* False: it was refused, and is gone. */
static bool check(struct penstock_pipeline_create *create)
{
	const struct penstock_shader_checker *checker = &machine_of(create)->config.shaders;
	const struct stage *stage = &create->stages[create->stage];
	const struct penstock_shader_request request = {
		.words = stage->words,
		.word_count = stage->word_count,
		.stage = (enum penstock_shader_stage)stage->stage,
		.entry_point = stage->entry_point,
		.constants = stage->constants,
		.constant_count = stage->constant_count,
	};
	enum penstock_status status =
		checker->check(checker->service, &request, answered, create, &create->check);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		refuse(create, status, "the shader cannot be checked now");
		return false;
	}
	create->working = true;
	return true;
}

/* Keeps what the stage became. False: no memory. */
static bool keep(struct stage *stage, const struct penstock_shader_answer *answer)
{
	uint32_t *words = copied(answer->words, answer->word_count * sizeof(*words));

	free(stage->words);
	stage->words = words;
	stage->word_count = answer->word_count;
	stage->reflection = copied(answer->reflection, sizeof(*answer->reflection));
	return stage->words != NULL && stage->reflection != NULL;
}

static void refuse_stage(struct penstock_pipeline_create *create,
			 const struct penstock_shader_answer *answer)
{
	static const char *const names[PENSTOCK_SHADER_STAGES] = {
		"vertex",
		"tessellation control",
		"tessellation evaluation",
		"geometry",
		"fragment",
		"compute",
	};
	struct penstock_refusal refusal = { .instruction = "", .operand = "" };
	const char *name = names[create->stages[create->stage].stage];

	if (answer->word_offset != PENSTOCK_SHADER_NO_WORD) {
		(void)penstock_refuse(&refusal, answer->status, "%s shader, word %u: %s", name,
				      answer->word_offset, answer->sentence);
	} else {
		(void)penstock_refuse(&refusal, answer->status, "%s shader: %s", name,
				      answer->sentence);
	}
	finish(create, answer->status, &refusal);
}

static void answered(void *owner, const struct penstock_shader_answer *answer)
{
	struct penstock_pipeline_create *create = owner;

	create->check = NULL;
	if (create->opening->closed) {
		refuse(create, PENSTOCK_STATUS_CANCELLED, "its device or session has ended");
		return;
	}
	if (answer->status != PENSTOCK_STATUS_SUCCESS) {
		refuse_stage(create, answer);
		return;
	}
	if (!keep(&create->stages[create->stage], answer)) {
		refuse(create, PENSTOCK_STATUS_NO_MEMORY, "no memory for a shader");
		return;
	}
	if (++create->stage < create->stage_count) {
		(void)check(create);
	} else {
		compose(create);
	}
}

/* As many of the principal's as may be at work are. */
static void work(struct penstock_principal *principal)
{
	uint32_t working = 0;

	if (principal->machine->stopping) {
		return; /* penstock_pipelines_cancel ends them */
	}
	penstock_list_for_each (link, &principal->pipelines) {
		working += from_link(link)->working;
	}
	while (working < PENSTOCK_LIMIT_PIPELINES_AT_ONCE) {
		struct penstock_pipeline_create *next = NULL;

		penstock_list_for_each (link, &principal->pipelines) {
			if (!from_link(link)->working) {
				next = from_link(link);
				break;
			}
		}
		if (next == NULL) {
			return;
		}
		if (next->opening->closed) {
			refuse(next, PENSTOCK_STATUS_CANCELLED, "its device or session has ended");
			return; /* which has looked for more */
		}
		if (!check(next)) {
			return; /* likewise */
		}
		working++;
	}
}

void penstock_pipelines_cancel(struct penstock_machine *machine)
{
	const struct penstock_shader_checker *checker = &machine->config.shaders;

	penstock_list_for_each_safe (principal_link, &machine->principals) {
		struct penstock_principal *principal =
			penstock_list_entry(principal_link, struct penstock_principal, link);

		penstock_list_for_each_safe (link, &principal->pipelines) {
			struct penstock_pipeline_create *create = from_link(link);

			/*
			 * What has its pages reserved is waited for. A shader can take long: what a
			 * lease keeps is sent again to the next run, as behind a crash.
			 */
			if (create->composition != NULL) {
				continue;
			}
			if (create->check != NULL) {
				checker->cancel(create->check);
			}
			refuse(create, PENSTOCK_STATUS_CANCELLED, "the daemon ends");
		}
	}
}

/* ---------------------------------------------------------------- the request */

static enum penstock_status check_stage(const struct penstock_pipeline_stage_info *stage,
					struct penstock_refusal *ret_refusal)
{
	if (stage->stage >= PENSTOCK_SHADER_STAGES) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "there is no shader stage %u", stage->stage);
	}
	if (stage->spirv_bytes == 0 || stage->spirv_bytes % sizeof(uint32_t) != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "%u bytes of SPIR-V: a multiple of 4, at least one word",
				       stage->spirv_bytes);
	}
	if (stage->spirv_bytes > PENSTOCK_LIMIT_SHADER_BYTES) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "%u bytes of SPIR-V; a stage has at most %u",
				       stage->spirv_bytes, PENSTOCK_LIMIT_SHADER_BYTES);
	}
	if (strlen(stage->entry_point) >= PENSTOCK_LIMIT_SHADER_NAME_BYTES ||
	    stage->constant_count > PENSTOCK_LIMIT_SHADER_CONSTANTS) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "a stage with %u constants and an entry point of %zu bytes: "
				       "at most %u and %u",
				       stage->constant_count, strlen(stage->entry_point),
				       PENSTOCK_LIMIT_SHADER_CONSTANTS,
				       PENSTOCK_LIMIT_SHADER_NAME_BYTES - 1);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

#define TESSELLATION                                                                               \
	(1u << PENSTOCK_SHADER_TESSELLATION_CONTROL | 1u << PENSTOCK_SHADER_TESSELLATION_EVALUATION)

/* `stages` has a bit for each. */
static enum penstock_status check_kind(uint32_t stages,
				       const struct penstock_graphics_state *graphics,
				       struct penstock_refusal *ret_refusal)
{
	const char *fault = NULL;
	struct penstock_errbuf why;

	if (stages == 1u << PENSTOCK_SHADER_COMPUTE) {
		fault = graphics == NULL ? NULL : "a compute pipeline has no graphics state";
	} else if ((stages & 1u << PENSTOCK_SHADER_COMPUTE) != 0 ||
		   (stages & 1u << PENSTOCK_SHADER_VERTEX) == 0) {
		fault = "a pipeline has a compute stage alone, or a vertex stage and others of "
			"graphics";
	} else if ((stages & TESSELLATION) != 0 && (stages & TESSELLATION) != TESSELLATION) {
		fault = "a pipeline that tessellates has both stages of tessellation";
	} else if (graphics == NULL) {
		fault = "a pipeline of graphics needs a graphics state";
	} else if (!penstock_graphics_state_valid(graphics, &why)) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "graphics state, %s", why.text);
	}
	return fault == NULL ? PENSTOCK_STATUS_SUCCESS
			     : penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER, "%s",
					       fault);
}

static enum penstock_status check_stages(const struct penstock_create_pipeline_info *info,
					 struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint32_t stages = 0;

	for (uint32_t i = 0; i < info->stage_count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = check_stage(&info->stages[i], ret_refusal);
		if (status == PENSTOCK_STATUS_SUCCESS &&
		    (stages & 1u << info->stages[i].stage) != 0) {
			return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
					       "shader stage %u is there twice",
					       info->stages[i].stage);
		}
		stages |= status == PENSTOCK_STATUS_SUCCESS ? 1u << info->stages[i].stage : 0;
	}
	return status == PENSTOCK_STATUS_SUCCESS ? check_kind(stages, info->graphics, ret_refusal)
						 : status;
}

/* Of before a restart; what it was made of is not known any more. */
static bool created_before(struct penstock_session *session,
			   const struct penstock_create_pipeline_info *info)
{
	struct penstock_opening *opening =
		penstock_opening_made_before(session, info->name, info->device);

	if (opening == NULL || !opening->allocation->is_pipeline) {
		return false;
	}
	opening->restored = false;
	return true;
}

static enum penstock_status begin(struct penstock_device *device,
				  const struct penstock_create_pipeline_info *info,
				  struct penstock_request *request,
				  struct penstock_refusal *ret_refusal)
{
	static const struct penstock_create_allocation_info allocation = {
		.segment_set = PENSTOCK_EVERY_SEGMENT,
		.priority = PENSTOCK_ALLOCATION_PRIORITY_NORMAL,
	};
	struct penstock_pipeline_create *create = new_create(info);
	struct penstock_session *session = device->session;
	enum penstock_status status;

	if (create == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for a pipeline");
	}
	status = penstock_opening_new(device, &allocation, &create->opening, &create->transfer,
				      ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free_create(create);
		return status;
	}
	create->opening->allocation->is_pipeline = true;
	/* Now, so that one is ready by the time that the shaders are checked. */
	penstock_vidmm_process_need_pipelines(device->tenant->process);
	create->opening->read_only = true;
	penstock_opening_name(create->opening, info->name, create->transfer);
	penstock_transfer_begin_create(create->transfer, create->opening, request);
	penstock_principal_hold(session->principal, create->held_bytes);
	session->pipelines++;
	penstock_list_append(&session->principal->pipelines, &create->link);
	return PENSTOCK_STATUS_PENDING;
}

static enum penstock_status create_pipeline(struct penstock_session *session,
					    const struct penstock_create_pipeline_info *info,
					    struct penstock_request *request,
					    struct penstock_refusal *ret_refusal)
{
	struct penstock_device *device;
	enum penstock_status status = check_stages(info, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS || created_before(session, info) ||
	    penstock_session_overtaken(session, info->name)) {
		return status;
	}
	status = penstock_opening_check(session, info->name, info->device, &device, ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (!device->adapter->config.pipelines) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_IMPLEMENTED,
				       "adapter %u has no pipelines", device->adapter->index);
	}
	return begin(device, info, request, ret_refusal);
}

enum penstock_status penstock_create_pipeline(struct penstock_session *session,
					      const struct penstock_create_pipeline_info *info,
					      struct penstock_request *request,
					      struct penstock_refusal *ret_refusal)
{
	enum penstock_status status =
		penstock_session_take_serial(session, request->serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = penstock_session_executed(
		session, create_pipeline(session, info, request, ret_refusal), ret_refusal);
	if (status == PENSTOCK_STATUS_PENDING) {
		work(session->principal);
	}
	return status;
}

bool penstock_session_makes_pipelines(const struct penstock_session *session)
{
	return session->pipelines > 0;
}

bool penstock_session_makes_many_pipelines(const struct penstock_session *session)
{
	uint32_t count = 0;

	penstock_list_for_each (link, &session->principal->pipelines) {
		count++;
	}
	return count >= PENSTOCK_LIMIT_PIPELINES_MADE;
}
