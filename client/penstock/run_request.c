/* SPDX-License-Identifier: MIT */
/* The statements that make requests. */
#include "client/penstock/file.h"
#include "client/penstock/run.h"
#include "proto/isa/instruction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void penstock_run_device(struct penstock_run *run, const struct penstock_step *step)
{
	struct penstock_device_info info = {
		.adapter = (step->given & PENSTOCK_GIVEN_ADAPTER) != 0 ? (uint32_t)step->adapter
								       : run->adapter,
		.flags = (uint32_t)step->flags,
	};

	penstock_run_requested(run, step,
			       penstock_device_create(run->connection, &info,
						      &run->objects[step->subject].handle));
}

void penstock_run_context(struct penstock_run *run, const struct penstock_step *step)
{
	struct penstock_context_create_info info = {
		.device = run->objects[step->device].handle,
		.node_ordinal = (uint32_t)step->node,
		.engine_affinity = (uint32_t)step->affinity,
		.flags = (uint32_t)step->flags,
		.dma_buffer_bytes = (uint32_t)step->dma_buffer,
		.allocation_list = (uint32_t)step->allocation_list,
		.patch_location_list = (uint32_t)step->patch_list,
		.priority = step->priority,
	};

	run->objects[step->subject].device = info.device;
	penstock_run_requested(run, step,
			       penstock_context_create(run->connection, &info,
						       &run->objects[step->subject].handle));
}

void penstock_run_handle(struct penstock_run *run, const struct penstock_step *step)
{
	run->objects[step->subject].handle = step->value;
}

/* ------------------------------------------------------------------ allocations */

/* The pitch that the daemon chooses where none is asked for, and the size that follows. */
static void complete_surface(const struct penstock_run *run, struct penstock_run_object *object)
{
	uint64_t row = (uint64_t)object->width * penstock_format_bytes(object->format);

	if (object->width != 0 && object->pitch_bytes == 0) {
		object->pitch_bytes = penstock_align_up(row, run->pitch_alignment);
	}
	if (object->size_bytes == 0) {
		object->size_bytes = object->pitch_bytes * object->height;
	}
}

/* The bytes that hold an image's pixels, from its first to its last. */
static uint64_t surface_bytes(const struct penstock_run_object *object)
{
	return (object->height - 1) * object->pitch_bytes +
	       (uint64_t)object->width * penstock_format_bytes(object->format);
}

/* The flags of `allocation`, which has content too, are not a lock's. */
static enum penstock_status upload_bytes(struct penstock_run *run, const struct penstock_step *step,
					 const void *bytes, uint64_t size_bytes)
{
	return penstock_allocation_upload_with(
		run->connection, run->objects[step->subject].handle, step->offset, bytes,
		size_bytes, step->kind == PENSTOCK_STEP_UPLOAD ? (uint32_t)step->flags : 0, NULL,
		NULL);
}

static enum penstock_status upload_image(struct penstock_run *run, const struct penstock_step *step,
					 const struct penstock_picture *image)
{
	const struct penstock_run_object *object = &run->objects[step->subject];
	enum penstock_status status;
	uint8_t *bytes;
	uint64_t size;

	if (image->width == 0 || image->height == 0 ||
	    object->pitch_bytes < (uint64_t)object->width * penstock_format_bytes(object->format)) {
		return PENSTOCK_STATUS_INVALID_PARAMETER; /* a pitch that the script chose */
	}
	size = surface_bytes(object);
	bytes = calloc(1, size);
	if (bytes == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_picture_to_surface(image, object->format, bytes, object->pitch_bytes);
	status = upload_bytes(run, step, bytes, size);
	free(bytes);
	return status;
}

static enum penstock_status upload(struct penstock_run *run, const struct penstock_step *step)
{
	const struct penstock_run_content *content = &run->contents[step - run->script->steps];
	const uint8_t *bytes = step->file != NULL ? content->bytes : step->hex.bytes;
	size_t length = step->file != NULL ? content->length : step->hex.length;

	if (content->picture.pixels != NULL) {
		return upload_image(run, step, &content->picture);
	}
	return upload_bytes(run, step, bytes, length);
}

void penstock_run_upload(struct penstock_run *run, const struct penstock_step *step)
{
	penstock_run_called(run, step, upload(run, step));
}

void penstock_run_allocation(struct penstock_run *run, const struct penstock_step *step)
{
	struct penstock_run_object *object = &run->objects[step->subject];
	struct penstock_run_outcome *outcome = &run->outcomes[step - run->script->steps];
	struct penstock_allocation_create_info info = {
		.device = run->objects[step->device].handle,
		.size_bytes = object->size_bytes,
		.width = object->width,
		.height = object->height,
		.format = object->format,
		.surface_type = (uint32_t)step->type,
		.pitch_bytes = (uint32_t)step->pitch,
		.segment_set = (uint32_t)step->segments,
		.preferred_segment = (uint32_t)step->preferred,
		.flags = (uint32_t)step->flags,
		.priority = (uint32_t)step->allocation_priority,
	};
	struct penstock_failure failure;
	enum penstock_status status;

	complete_surface(run, object);
	status = penstock_allocation_create(run->connection, &info, &object->handle);
	penstock_run_requested(run, step, status);
	if (status != PENSTOCK_STATUS_SUCCESS || (step->given & PENSTOCK_GIVEN_CONTENT) == 0) {
		return;
	}
	status = upload(run, step);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	/* where there is no allocation, that is what there is to say */
	if (penstock_request_wait(run->connection, outcome->serial, run->timeout_ms, &failure) !=
	    PENSTOCK_STATUS_SUCCESS) {
		penstock_run_failed(run, step, &failure);
		return;
	}
	penstock_run_called(run, step, status);
}

void penstock_run_pipeline(struct penstock_run *run, const struct penstock_step *step)
{
	const struct penstock_run_content *content = &run->contents[step - run->script->steps];
	struct penstock_shader_stage_info stages[PENSTOCK_SCRIPT_SHADERS];
	struct penstock_pipeline_create_info info = {
		.device = run->objects[step->device].handle,
		.stages = stages,
		.graphics = step->graphics,
	};

	for (uint32_t i = 0; i < PENSTOCK_SCRIPT_SHADERS; i++) {
		if (content->shaders[i].bytes != NULL) {
			stages[info.stage_count++] = (struct penstock_shader_stage_info){
				.stage = i,
				.entry_point = step->entry,
				.spirv = content->shaders[i].bytes,
				.spirv_bytes = (uint32_t)content->shaders[i].length,
				.constants = step->constants,
				.constant_count = (uint32_t)step->constant_count,
			};
		}
	}
	penstock_run_requested(run, step,
			       penstock_pipeline_create(run->connection, &info,
							&run->objects[step->subject].handle));
}

void penstock_run_share(struct penstock_run *run, const struct penstock_step *step)
{
	enum penstock_status (*share)(struct penstock_connection * connection, uint64_t handle,
				      struct penstock_share_token * ret_token) =
		run->script->objects[step->subject].kind == PENSTOCK_SCRIPT_SYNC_OBJECT
			? penstock_sync_object_share
			: penstock_allocation_share;

	penstock_run_called(run, step,
			    share(run->connection, run->objects[step->subject].handle,
				  &run->objects[step->token].token));
}

struct penstock_share_token penstock_run_token(const struct penstock_run *run,
					       const struct penstock_step *step)
{
	const struct penstock_share_token token = { step->token_high, step->token_low };

	return step->token == PENSTOCK_SCRIPT_NONE ? token : run->objects[step->token].token;
}

void penstock_run_open(struct penstock_run *run, const struct penstock_step *step)
{
	const struct penstock_share_token token = penstock_run_token(run, step);

	complete_surface(run, &run->objects[step->subject]);
	penstock_run_requested(
		run, step,
		penstock_allocation_open(run->connection, run->objects[step->device].handle, &token,
					 step->flags != 0, &run->objects[step->subject].handle));
}

void penstock_run_destroy(struct penstock_run *run, const struct penstock_step *step)
{
	penstock_run_requested(
		run, step,
		penstock_object_destroy(run->connection, run->objects[step->subject].handle));
}

void penstock_run_offer(struct penstock_run *run, const struct penstock_step *step)
{
	penstock_run_requested(run, step,
			       penstock_allocations_offer(run->connection,
							  &run->objects[step->subject].handle, 1,
							  (uint32_t)step->offered));
}

void penstock_run_reclaim(struct penstock_run *run, const struct penstock_step *step)
{
	const uint32_t expected = step->given & (PENSTOCK_GIVEN_KEPT | PENSTOCK_GIVEN_LOST);
	bool lost = false;
	enum penstock_status status = penstock_allocations_reclaim(
		run->connection, &run->objects[step->subject].handle, 1, &lost);

	penstock_run_called(run, step, status);
	if (status == PENSTOCK_STATUS_SUCCESS && expected != 0 &&
	    expected != (lost ? PENSTOCK_GIVEN_LOST : PENSTOCK_GIVEN_KEPT)) {
		penstock_run_fault(run, step, "the content of '%s' is %s",
				   penstock_run_subject(run, step), lost ? "lost" : "kept");
	}
}

/* ------------------------------------------------------------------ submissions */

static void fill_list(const struct penstock_run *run,
		      const struct penstock_script_submission *submission,
		      struct penstock_wire_allocation *ret_list)
{
	for (size_t i = 0; i < submission->element_count; i++) {
		const struct penstock_script_element *element = &submission->elements[i];

		if (element->object != PENSTOCK_SCRIPT_NONE) {
			ret_list[i].name = run->objects[element->object].handle;
		}
		ret_list[i].flags = element->flags;
	}
}

void penstock_run_submit(struct penstock_run *run, const struct penstock_step *step)
{
	const struct penstock_script_submission *submission = step->submission;
	enum penstock_status status = PENSTOCK_STATUS_NO_MEMORY;
	struct penstock_wire_allocation *list;
	uint64_t *broadcast;
	struct penstock_submit_info info = {
		.context = run->objects[step->subject].handle,
		.command = submission->command,
		.command_offset = (uint32_t)step->command_offset,
		.command_length = submission->command_bytes,
		.allocation_count = (uint32_t)submission->element_count,
		.patch_locations = submission->patches,
		.patch_location_count = (uint32_t)submission->patch_count,
		.flags = (uint32_t)step->flags,
		.new_command_bytes = (uint32_t)step->new_command_bytes,
		.new_allocation_list = (uint32_t)step->new_allocation_list,
		.new_patch_list = (uint32_t)step->new_patch_list,
		.broadcast_count = (uint32_t)submission->broadcast_count,
	};

	if ((step->given & PENSTOCK_GIVEN_COMMAND_LENGTH) != 0) {
		info.command_length = (uint32_t)step->command_length;
	}
	list = calloc(submission->element_count + 1, sizeof(*list));
	broadcast = calloc(submission->broadcast_count + 1, sizeof(*broadcast));
	if (list != NULL && broadcast != NULL) {
		fill_list(run, submission, list);
		for (size_t i = 0; i < submission->broadcast_count; i++) {
			broadcast[i] = run->objects[submission->broadcast[i]].handle;
		}
		info.allocations = list;
		info.broadcast = broadcast;
		status = penstock_context_submit(run->connection, &info, NULL);
	}
	free(list);
	free(broadcast);
	penstock_run_requested(run, step, status);
}

/* ------------------------------------------------------------------ reading back */

bool penstock_run_range(struct penstock_run *run, const struct penstock_step *step,
			uint64_t *ret_offset, uint64_t *ret_size)
{
	const struct penstock_run_object *object = &run->objects[step->subject];

	*ret_offset = step->offset;
	*ret_size = step->size;
	if ((step->given & PENSTOCK_GIVEN_SIZE) != 0) {
		return true;
	}
	if (object->size_bytes == 0) {
		penstock_run_fault(run, step, "size= is needed: the size of '%s' is not known here",
				   penstock_run_subject(run, step));
		return false;
	}
	*ret_size = step->offset < object->size_bytes ? object->size_bytes - step->offset : 0;
	return true;
}

uint8_t *penstock_run_read_back(struct penstock_run *run, const struct penstock_step *step,
				uint64_t offset, uint64_t size, enum penstock_status *ret_status)
{
	uint8_t *bytes = size < SIZE_MAX ? malloc(size + 1) : NULL;

	*ret_status = PENSTOCK_STATUS_SUCCESS;
	if (bytes == NULL) {
		penstock_run_fault(run, step, "no memory for %llu bytes", (unsigned long long)size);
		return NULL;
	}
	*ret_status = penstock_allocation_read_back(
		run->connection, run->objects[step->subject].handle, offset, bytes, size);
	if (*ret_status != PENSTOCK_STATUS_SUCCESS) {
		free(bytes);
		return NULL;
	}
	return bytes;
}

static void save_png(struct penstock_run *run, const struct penstock_step *step,
		     const uint8_t *surface)
{
	const struct penstock_run_object *object = &run->objects[step->subject];
	struct penstock_picture image;
	struct penstock_errbuf fault;
	enum penstock_status status;

	status = penstock_picture_init(&image, object->width, object->height, &fault);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		penstock_picture_from_surface(&image, object->format, surface, object->pitch_bytes);
		status = penstock_picture_save(&image, step->png, &fault);
	}
	penstock_picture_fini(&image);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_run_fault(run, step, "%s", fault.text);
	}
}

void penstock_run_read(struct penstock_run *run, const struct penstock_step *step)
{
	const struct penstock_run_object *object = &run->objects[step->subject];
	struct penstock_errbuf fault;
	enum penstock_status status;
	uint64_t offset, size;
	uint8_t *bytes;

	penstock_run_settle(run);
	if (!penstock_run_range(run, step, &offset, &size)) {
		return;
	}
	if (step->png != NULL && (object->width == 0 || object->height == 0 ||
				  penstock_format_bytes(object->format) == 0)) {
		penstock_run_fault(run, step, "'%s' is no surface that is known here",
				   penstock_run_subject(run, step));
		return;
	}
	if (step->png != NULL) {
		size = surface_bytes(object);
	}
	bytes = penstock_run_read_back(run, step, offset, size, &status);
	if (bytes == NULL) {
		if (status != PENSTOCK_STATUS_SUCCESS) {
			penstock_run_called(run, step, status);
		}
		return;
	}
	penstock_run_called(run, step, PENSTOCK_STATUS_SUCCESS);
	if (step->png != NULL) {
		save_png(run, step, bytes);
	} else if (penstock_file_write(step->file, bytes, size, &fault) !=
		   PENSTOCK_STATUS_SUCCESS) {
		penstock_run_fault(run, step, "%s", fault.text);
	}
	free(bytes);
}
