/* SPDX-License-Identifier: MIT */
#include "daemon/objects/composition.h"

#include "daemon/objects/adapter.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define STAGE_BIT(stage) (1u << (stage)) /* VkShaderStageFlagBits are SPIR-V's models in order */

_Static_assert(STAGE_BIT(PENSTOCK_SHADER_VERTEX) == PENSTOCK_STAGE_VERTEX &&
		       STAGE_BIT(PENSTOCK_SHADER_FRAGMENT) == PENSTOCK_STAGE_FRAGMENT &&
		       STAGE_BIT(PENSTOCK_SHADER_COMPUTE) == PENSTOCK_STAGE_COMPUTE,
	       "numbers of SPIR-V and of Vulkan");

/* What SPIR-V has of descriptors as Vulkan's, and how many of them one stage may use. */
static const struct {
	const char *name;
	uint32_t type;
	uint32_t most;
} kinds[PENSTOCK_BINDING_KINDS] = {
	[PENSTOCK_BINDING_UNIFORM_BUFFER] = { "uniform buffers", PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER,
					      15 },
	[PENSTOCK_BINDING_STORAGE_BUFFER] = { "storage buffers", PENSTOCK_DESCRIPTOR_STORAGE_BUFFER,
					      32 },
	[PENSTOCK_BINDING_SAMPLED_IMAGE] = { "sampled images", PENSTOCK_DESCRIPTOR_SAMPLED_IMAGE,
					     128 },
	[PENSTOCK_BINDING_STORAGE_IMAGE] = { "storage images", PENSTOCK_DESCRIPTOR_STORAGE_IMAGE,
					     64 },
	[PENSTOCK_BINDING_SAMPLER] = { "samplers", PENSTOCK_DESCRIPTOR_SAMPLER, 32 },
	[PENSTOCK_BINDING_COMBINED_IMAGE_SAMPLER] = { "combined image samplers",
						      PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER,
						      32 },
	[PENSTOCK_BINDING_UNIFORM_TEXEL_BUFFER] = { "uniform texel buffers",
						    PENSTOCK_DESCRIPTOR_UNIFORM_TEXEL_BUFFER, 128 },
	[PENSTOCK_BINDING_STORAGE_TEXEL_BUFFER] = { "storage texel buffers",
						    PENSTOCK_DESCRIPTOR_STORAGE_TEXEL_BUFFER, 64 },
	[PENSTOCK_BINDING_INPUT_ATTACHMENT] = { "input attachments",
						PENSTOCK_DESCRIPTOR_INPUT_ATTACHMENT, 8 },
};

#define RESOURCES_MOST 128u /* of one stage: maxPerStageResources */

/* To whole dwords. */
static uint32_t aligned(uint32_t bytes)
{
	return (uint32_t)penstock_align_up(bytes, sizeof(uint32_t));
}

/* ------------------------------------------------------------------ one stage by itself */

static enum penstock_status judge_stage(const struct penstock_shader_reflection *reflection,
					struct penstock_refusal *ret_refusal)
{
	uint64_t counts[PENSTOCK_BINDING_KINDS] = { 0 }, all = 0;

	for (uint32_t i = 0; i < reflection->binding_count; i++) {
		const struct penstock_shader_binding *binding = &reflection->bindings[i];

		counts[binding->kind] += binding->count;
		all += binding->kind == PENSTOCK_BINDING_SAMPLER ? 0 : binding->count;
	}
	for (uint32_t kind = 0; kind < PENSTOCK_BINDING_KINDS; kind++) {
		if (counts[kind] > kinds[kind].most) {
			return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
					       "a stage uses %" PRIu64 " %s; at most %u",
					       counts[kind], kinds[kind].name, kinds[kind].most);
		}
	}
	if (all > RESOURCES_MOST) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "a stage uses %" PRIu64 " resources; at most %u", all,
				       RESOURCES_MOST);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ bindings of all stages */

/* What is known of one so far; render's, and in which stages it is. */
struct joined {
	struct penstock_render_binding render;
	uint32_t stages;
};

struct layout {
	struct joined *bindings; /* by set and binding */
	uint32_t count;
	uint32_t push_constant_bytes;
};

/* Where the binding stands, or would. */
static uint32_t place_of(const struct layout *layout, uint32_t set, uint32_t binding)
{
	uint32_t at = 0;

	while (at < layout->count && (layout->bindings[at].render.set < set ||
				      (layout->bindings[at].render.set == set &&
				       layout->bindings[at].render.binding < binding))) {
		at++;
	}
	return at;
}

static bool stands_at(const struct layout *layout, uint32_t at, uint32_t set, uint32_t binding)
{
	return at < layout->count && layout->bindings[at].render.set == set &&
	       layout->bindings[at].render.binding == binding;
}

/* Several variables, of one stage or of several, may be one descriptor: it has to do for all. */
static enum penstock_status join_binding(struct layout *layout,
					 const struct penstock_shader_binding *binding,
					 uint32_t stage, struct penstock_refusal *ret_refusal)
{
	const uint32_t type = kinds[binding->kind].type;
	uint32_t at = place_of(layout, binding->set, binding->binding);
	struct joined *joined = &layout->bindings[at];

	if (!stands_at(layout, at, binding->set, binding->binding)) {
		memmove(joined + 1, joined, (layout->count - at) * sizeof(*joined));
		layout->count++;
		*joined = (struct joined){
			.render = { .set = binding->set, .binding = binding->binding, .type = type }
		};
	} else if (joined->render.type != type) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "set %u, binding %u is used as two types of descriptor",
				       binding->set, binding->binding);
	}
	if (joined->render.count < binding->count) {
		joined->render.count = binding->count;
	}
	if (joined->render.least_bytes < binding->minimum_bytes) {
		joined->render.least_bytes = binding->minimum_bytes;
	}
	joined->render.written |= (binding->flags & PENSTOCK_BINDING_WRITTEN) != 0;
	joined->stages |= STAGE_BIT(stage);
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status join_stage(struct layout *layout,
				       const struct penstock_shader_reflection *reflection,
				       struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = judge_stage(reflection, ret_refusal);
	uint32_t push_end = aligned(reflection->push_offset + reflection->push_bytes);

	for (uint32_t i = 0; i < reflection->binding_count && status == PENSTOCK_STATUS_SUCCESS;
	     i++) {
		status = join_binding(layout, &reflection->bindings[i], reflection->stage,
				      ret_refusal);
	}
	if (reflection->push_bytes != 0 && layout->push_constant_bytes < push_end) {
		layout->push_constant_bytes = push_end;
	}
	return status;
}

/* Each binding's first element, counted over all of them. */
static enum penstock_status number(struct layout *layout, uint32_t *ret_descriptors,
				   struct penstock_refusal *ret_refusal)
{
	uint64_t descriptors = 0;

	for (uint32_t i = 0; i < layout->count; i++) {
		struct penstock_render_binding *binding = &layout->bindings[i].render;

		if (binding->set >= PENSTOCK_LIMIT_DESCRIPTOR_SETS ||
		    binding->binding >= PENSTOCK_LIMIT_BINDING_NUMBER) {
			return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
					       "set %u, binding %u: at most %u and %u",
					       binding->set, binding->binding,
					       PENSTOCK_LIMIT_DESCRIPTOR_SETS - 1,
					       PENSTOCK_LIMIT_BINDING_NUMBER - 1);
		}
		binding->first = (uint32_t)descriptors;
		descriptors += binding->count;
	}
	if (descriptors > PENSTOCK_LIMIT_DESCRIPTORS) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "the stages use %" PRIu64 " descriptors; at most %u",
				       descriptors, PENSTOCK_LIMIT_DESCRIPTORS);
	}
	*ret_descriptors = (uint32_t)descriptors;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ what the GPU is given */

static uint32_t entry_bytes(const struct penstock_shader_reflection *reflection)
{
	return (uint32_t)strlen(reflection->entry_point) + 1u;
}

static uint64_t contents_bytes(const struct layout *layout,
			       const struct penstock_composition_stage *stages,
			       uint32_t stage_count)
{
	uint64_t bytes = sizeof(struct penstock_pipeline) +
			 layout->count * sizeof(struct penstock_pipeline_binding) +
			 stage_count * sizeof(struct penstock_pipeline_stage);

	for (uint32_t i = 0; i < stage_count; i++) {
		bytes += aligned(entry_bytes(stages[i].reflection)) +
			 (uint64_t)stages[i].word_count * sizeof(uint32_t);
	}
	return bytes;
}

/* Writes it behind `*end`, and moves that on. */
static uint32_t append(uint8_t *contents, uint32_t *end, const void *bytes, uint32_t count)
{
	uint32_t at = *end;

	memcpy(contents + at, bytes, count);
	*end += aligned(count);
	return at;
}

static void put_bindings(struct penstock_pipeline *pipeline, const struct layout *layout)
{
	struct penstock_pipeline_binding *bindings =
		(void *)((uint8_t *)pipeline + pipeline->binding_offset);

	for (uint32_t i = 0; i < layout->count; i++) {
		const struct joined *joined = &layout->bindings[i];

		bindings[i] = (struct penstock_pipeline_binding){
			.set = joined->render.set,
			.binding = joined->render.binding,
			.type = joined->render.type,
			.count = joined->render.count,
			.stages = joined->stages,
		};
	}
}

static void put_stages(struct penstock_pipeline *pipeline,
		       const struct penstock_composition_stage *stages)
{
	struct penstock_pipeline_stage *records =
		(void *)((uint8_t *)pipeline + pipeline->stage_offset);
	uint32_t end = pipeline->stage_offset + pipeline->stage_count * (uint32_t)sizeof(*records);

	for (uint32_t i = 0; i < pipeline->stage_count; i++) {
		const struct penstock_shader_reflection *reflection = stages[i].reflection;

		records[i] = (struct penstock_pipeline_stage){
			.stage = STAGE_BIT(reflection->stage),
			.entry_bytes = entry_bytes(reflection),
			.spirv_bytes = stages[i].word_count * (uint32_t)sizeof(uint32_t),
		};
		records[i].entry_offset = append((uint8_t *)pipeline, &end, reflection->entry_point,
						 records[i].entry_bytes);
		records[i].spirv_offset =
			append((uint8_t *)pipeline, &end, stages[i].words, records[i].spirv_bytes);
	}
	PENSTOCK_REQUIRE(end == pipeline->bytes);
}

/* False: no memory for it. */
static bool put_hash(struct penstock_pipeline *pipeline)
{
	const size_t from = offsetof(struct penstock_pipeline, hash) + PENSTOCK_PIPELINE_HASH_BYTES;

	return EVP_Digest((const uint8_t *)pipeline + from, pipeline->bytes - from, pipeline->hash,
			  NULL, EVP_sha256(), NULL) == 1;
}

/* NULL: no memory. */
static uint8_t *make_contents(const struct layout *layout,
			      const struct penstock_composition_stage *stages, uint32_t stage_count,
			      uint32_t kind, uint32_t bytes)
{
	struct penstock_pipeline *pipeline = calloc(1, bytes);

	if (pipeline == NULL) {
		return NULL;
	}
	*pipeline = (struct penstock_pipeline){
		.magic = PENSTOCK_PIPELINE_MAGIC,
		.version = PENSTOCK_PIPELINE_VERSION,
		.bytes = bytes,
		.kind = kind,
		.flags = (stages[0].reflection->flags & PENSTOCK_SHADER_COUNTS_GROUPS) != 0
				 ? PENSTOCK_PIPELINE_COUNTS_GROUPS
				 : 0,
		.push_constant_bytes = layout->push_constant_bytes,
		.binding_count = layout->count,
		.binding_offset = sizeof(*pipeline),
		.stage_count = stage_count,
		.stage_offset =
			(uint32_t)(sizeof(*pipeline) +
				   layout->count * sizeof(struct penstock_pipeline_binding)),
	};
	put_bindings(pipeline, layout);
	put_stages(pipeline, stages);
	if (!put_hash(pipeline)) {
		free(pipeline);
		return NULL;
	}
	PENSTOCK_REQUIRE(penstock_pipeline_valid(pipeline, bytes));
	return (uint8_t *)pipeline;
}

/* ------------------------------------------------------------------ all of it */

static enum penstock_status no_memory(struct penstock_refusal *ret_refusal)
{
	return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY, "no memory for a pipeline");
}

static enum penstock_status compose(struct layout *layout,
				    const struct penstock_composition_stage *stages,
				    uint32_t stage_count,
				    struct penstock_composition **ret_composition,
				    struct penstock_refusal *ret_refusal)
{
	const uint32_t kind = stages[0].reflection->stage == PENSTOCK_SHADER_COMPUTE
				      ? PENSTOCK_PIPELINE_COMPUTE
				      : PENSTOCK_PIPELINE_GRAPHICS;
	struct penstock_composition *composition;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint32_t descriptors = 0;
	uint64_t bytes;

	for (uint32_t i = 0; i < stage_count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = join_stage(layout, stages[i].reflection, ret_refusal);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = number(layout, &descriptors, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	composition =
		calloc(1, sizeof(*composition) + layout->count * sizeof(*composition->bindings));
	bytes = contents_bytes(layout, stages, stage_count);
	if (composition == NULL || bytes > UINT32_MAX) {
		free(composition);
		return no_memory(ret_refusal);
	}
	for (uint32_t i = 0; i < layout->count; i++) {
		composition->bindings[i] = layout->bindings[i].render;
	}
	composition->render = (struct penstock_render_pipeline){
		.kind = kind,
		.bytes = (uint32_t)bytes,
		.descriptor_count = descriptors,
		.binding_count = layout->count,
		.bindings = composition->bindings,
	};
	composition->contents = make_contents(layout, stages, stage_count, kind, (uint32_t)bytes);
	if (composition->contents == NULL) {
		free(composition);
		return no_memory(ret_refusal);
	}
	*ret_composition = composition;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_compose(const struct penstock_composition_stage *stages,
				      uint32_t stage_count,
				      struct penstock_composition **ret_composition,
				      struct penstock_refusal *ret_refusal)
{
	struct layout layout = {
		.bindings = calloc((size_t)stage_count * PENSTOCK_LIMIT_SHADER_BINDINGS,
				   sizeof(*layout.bindings)),
	};
	enum penstock_status status;

	if (layout.bindings == NULL) {
		return no_memory(ret_refusal);
	}
	status = compose(&layout, stages, stage_count, ret_composition, ret_refusal);
	free(layout.bindings);
	return status;
}

/* ------------------------------------------------------------------ after a restart */

enum penstock_status penstock_composition_restore(uint32_t kind, uint64_t bytes,
						  uint32_t binding_count,
						  struct penstock_composition **ret_composition)
{
	const uint64_t least = sizeof(struct penstock_pipeline) +
			       binding_count * sizeof(struct penstock_pipeline_binding) +
			       sizeof(struct penstock_pipeline_stage);
	struct penstock_composition *composition;

	if ((kind != PENSTOCK_PIPELINE_COMPUTE && kind != PENSTOCK_PIPELINE_GRAPHICS) ||
	    binding_count > PENSTOCK_LIMIT_DESCRIPTORS || bytes < least || bytes > UINT32_MAX) {
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	composition =
		calloc(1, sizeof(*composition) + binding_count * sizeof(*composition->bindings));
	if (composition == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	composition->render = (struct penstock_render_pipeline){
		.kind = kind,
		.bytes = (uint32_t)bytes,
		.binding_count = binding_count,
		.bindings = composition->bindings,
	};
	composition->missing = binding_count;
	*ret_composition = composition;
	return PENSTOCK_STATUS_SUCCESS;
}

static bool type_is_known(uint32_t type)
{
	for (uint32_t kind = 0; kind < PENSTOCK_BINDING_KINDS; kind++) {
		if (kinds[kind].type == type) {
			return true;
		}
	}
	return false;
}

bool penstock_composition_restore_binding(struct penstock_composition *composition,
					  const struct penstock_render_binding *binding)
{
	struct penstock_render_pipeline *render = &composition->render;
	const uint32_t at = render->binding_count - composition->missing;
	const struct penstock_render_binding *before =
		at == 0 ? NULL : &composition->bindings[at - 1];

	if (composition->missing == 0 || !type_is_known(binding->type) ||
	    binding->set >= PENSTOCK_LIMIT_DESCRIPTOR_SETS ||
	    binding->binding >= PENSTOCK_LIMIT_BINDING_NUMBER || binding->count == 0 ||
	    !penstock_range_fits(render->descriptor_count, binding->count,
				 PENSTOCK_LIMIT_DESCRIPTORS)) {
		return false;
	}
	if (before != NULL &&
	    (before->set > binding->set ||
	     (before->set == binding->set && before->binding >= binding->binding))) {
		return false;
	}
	composition->bindings[at] = *binding;
	composition->bindings[at].first = render->descriptor_count;
	render->descriptor_count += binding->count;
	composition->missing--;
	return true;
}

void penstock_composition_drop_contents(struct penstock_composition *composition)
{
	free(composition->contents);
	composition->contents = NULL;
}

void penstock_composition_free(struct penstock_composition *composition)
{
	if (composition != NULL) {
		free(composition->contents);
		free(composition);
	}
}
