/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/dispatch.h"

#include "gpu-backend/emulated/gpu/band.h"
#include "gpu-backend/emulated/gpu/parts.h"
#include "gpu-backend/emulated/gpu/submission.h"

#include <string.h>

/* So many times the workgroups of the last band, or so much less: one may have been disturbed. */
#define BAND_STEP 8u

/* More workgroups than this are begun with the crew; fewer, where they turn out to take long. */
#define ALONE_GROUPS 256u

/* What is left is worth waking the crew for. */
#define ALONE_NS 300000u

/* A dispatch on its way. */
struct dispatch {
	struct penstock_engine *engine;
	struct penstock_vulkan *vulkan;
	struct penstock_group group; /* its bytes are in penstock_vulkan.copy */
	uint32_t offset; /* of the group, from the batch's first one, in the buffer and the copy */
	struct penstock_vulkan_pipeline *pipeline;
	/* of the device that runs it now; objects and sets are made for it */
	enum penstock_vulkan_crew crew;
	struct penstock_vulkan_device *device;
	VkDescriptorSet sets[PENSTOCK_LIMIT_DESCRIPTOR_SETS];
};

/* Groups that follow each other and are one submission to the driver. */
struct batch {
	struct dispatch list[PENSTOCK_VULKAN_BATCH];
	uint32_t count;
	uint32_t length; /* of its groups in the DMA buffer */
	double bands;    /* that they are, all together */
};

/* ---------------------------------------------------------------- what is bound */

/* What the pipeline does not have is ignored. */
static bool has(const struct dispatch *dispatch, const struct penstock_member *member)
{
	const struct penstock_pipeline_binding *binding;
	uint32_t number;

	return penstock_vulkan_descriptor_number(
		dispatch->pipeline, penstock_load32(member->fields + PENSTOCK_DMA_BIND_BUFFER_set),
		penstock_load32(member->fields + PENSTOCK_DMA_BIND_BUFFER_binding),
		penstock_load32(member->fields + PENSTOCK_DMA_BIND_BUFFER_element), &binding,
		&number);
}

static enum penstock_outcome define_images(const struct dispatch *dispatch)
{
	enum penstock_outcome outcome = PENSTOCK_OUTCOME_COMPLETED;
	struct penstock_member member;
	uint32_t offset = 0;

	penstock_images_forget(&dispatch->vulkan->images);
	while (outcome == PENSTOCK_OUTCOME_COMPLETED &&
	       penstock_group_next(&dispatch->group, &offset, &member)) {
		if (member.id == PENSTOCK_DMA_IMAGE || member.id == PENSTOCK_DMA_IMAGE_WRITE) {
			outcome = penstock_images_define(dispatch->engine, member.fields,
							 member.id == PENSTOCK_DMA_IMAGE_WRITE);
		}
	}
	return outcome;
}

static enum penstock_outcome bind_all(const struct dispatch *dispatch)
{
	enum penstock_outcome outcome = define_images(dispatch);
	struct penstock_member member;
	uint32_t offset = 0;

	penstock_descriptors_forget(&dispatch->vulkan->descriptors);
	while (outcome == PENSTOCK_OUTCOME_COMPLETED &&
	       penstock_group_next(&dispatch->group, &offset, &member)) {
		if (penstock_descriptors_binds(member.id) && has(dispatch, &member)) {
			outcome = penstock_descriptors_bind(dispatch->engine, &member);
		}
	}
	return outcome;
}

/* Nothing of an earlier dispatch is left on the device. */
static bool empty(struct penstock_vulkan *vulkan, enum penstock_vulkan_crew crew)
{
	penstock_objects_begin(&vulkan->objects, &vulkan->devices[crew]);
	return penstock_descriptors_empty(&vulkan->descriptors, &vulkan->devices[crew]);
}

/* Everything that it needs on that device, which is that of penstock_vulkan.objects. */
static enum penstock_outcome begin_on(struct dispatch *dispatch, enum penstock_vulkan_crew crew)
{
	enum penstock_outcome outcome = PENSTOCK_OUTCOME_ILLEGAL;

	dispatch->crew = crew;
	dispatch->device = &dispatch->vulkan->devices[crew];
	if (penstock_pipelines_make(dispatch->pipeline, dispatch->vulkan->devices, crew)) {
		outcome = bind_all(dispatch);
	}
	return outcome != PENSTOCK_OUTCOME_COMPLETED
		       ? outcome
		       : penstock_descriptors_make(dispatch->vulkan, dispatch->pipeline, crew,
						   UINT32_MAX, dispatch->sets);
}

/* ---------------------------------------------------------------- a submission */

/* Behind it the device's progress is `number`, where it is not 0. */
static void record(const struct dispatch *dispatch, const struct penstock_band *band,
		   uint32_t number)
{
	/* What a shader writes is there for the host, which other engines are, and other shaders.
	 */
	static const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT |
				 VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
				 VK_ACCESS_UNIFORM_READ_BIT,
	};
	const struct penstock_vulkan_pipeline *pipeline = dispatch->pipeline;
	const struct penstock_vulkan_made *made = &pipeline->made[dispatch->crew];
	const struct penstock_vulkan_calls *calls = &dispatch->device->calls;
	const struct penstock_group *group = &dispatch->group;
	VkCommandBuffer commands = dispatch->device->commands;

	calls->CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, made->pipeline);
	if (pipeline->set_count > 0) {
		calls->CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, made->layout,
					     0, pipeline->set_count, dispatch->sets, 0, NULL);
	}
	if (pipeline->blob->push_constant_bytes > 0) {
		calls->CmdPushConstants(commands, made->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
					pipeline->blob->push_constant_bytes, group->push_constants);
	}
	calls->CmdDispatchBase(commands, group->base[0] + band->first[0],
			       group->base[1] + band->first[1], group->base[2] + band->first[2],
			       band->groups[0], band->groups[1], band->groups[2]);
	calls->CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
				  VK_PIPELINE_STAGE_HOST_BIT |
					  VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT |
					  VK_PIPELINE_STAGE_TRANSFER_BIT,
				  0, 1, &barrier, 0, NULL, 0, NULL);
	if (number != 0) {
		calls->CmdUpdateBuffer(commands, dispatch->device->progress_buffer, 0,
				       sizeof(number), &number);
	}
}

static VkResult submit_band(const struct dispatch *dispatch, const struct penstock_band *band)
{
	VkResult result = penstock_submission_begin(dispatch->device);

	if (result != VK_SUCCESS) {
		return result;
	}
	record(dispatch, band, 0);
	return penstock_submission_run(dispatch->vulkan, dispatch->device);
}

/* ---------------------------------------------------------------- bands */

/* The first one on a device also compiles: it says nothing of the next. */
static void learn(const struct penstock_vulkan *vulkan, struct penstock_vulkan_made *made,
		  uint64_t count, uint64_t wanted, uint64_t ns)
{
	uint64_t next;

	if (made->band_groups == 0) {
		made->band_groups = vulkan->first_band_groups;
		return;
	}
	made->measured = true;
	next = (uint64_t)((double)count * (double)vulkan->band_ns / (double)(ns + 1));
	/* A small one is mostly the cost of a submission: only that it can be more is certain. */
	if (next < made->band_groups && count * 2 < wanted) {
		return;
	}
	if (next > made->band_groups * BAND_STEP) {
		next = made->band_groups * BAND_STEP;
	} else if (next < made->band_groups / BAND_STEP) {
		next = made->band_groups / BAND_STEP;
	}
	made->band_groups = next == 0 ? 1 : next;
}

/* What is left takes long enough for others to help with it, as far as one knows. */
static bool needs_crew(const struct dispatch *dispatch, uint64_t left)
{
	const struct penstock_vulkan_pipeline *pipeline = dispatch->pipeline;
	const struct penstock_vulkan_made *made = &pipeline->made[PENSTOCK_VULKAN_ALONE];

	if (dispatch->vulkan->device_count <= PENSTOCK_VULKAN_CREW) {
		return false;
	}
	return !made->measured ? left > ALONE_GROUPS
			       : (double)left * (double)dispatch->vulkan->band_ns >
					 (double)made->band_groups * ALONE_NS;
}

static enum penstock_outcome run_bands(struct dispatch *dispatch, uint64_t total)
{
	struct penstock_engine *engine = dispatch->engine;
	bool whole = (dispatch->pipeline->blob->flags & PENSTOCK_PIPELINE_COUNTS_GROUPS) != 0;

	while (engine->position < total) {
		struct penstock_vulkan_made *made = &dispatch->pipeline->made[dispatch->crew];
		uint64_t wanted = made->band_groups == 0 ? dispatch->vulkan->first_band_groups
							 : made->band_groups;
		uint64_t start = penstock_patience_now_ns();
		struct penstock_band band;
		enum penstock_outcome outcome;

		if (penstock_engine_must_stop(engine)) {
			return PENSTOCK_OUTCOME_PREEMPTED;
		}
		penstock_band_at(dispatch->group.groups, engine->position, whole ? total : wanted,
				 &band);
		outcome = penstock_submission_outcome(submit_band(dispatch, &band));
		if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
			return outcome;
		}
		learn(dispatch->vulkan, made, band.count, wanted,
		      penstock_patience_now_ns() - start);
		engine->position += band.count;
		if (dispatch->crew == PENSTOCK_VULKAN_ALONE &&
		    needs_crew(dispatch, total - engine->position)) {
			outcome = empty(dispatch->vulkan, PENSTOCK_VULKAN_CREW)
					  ? begin_on(dispatch, PENSTOCK_VULKAN_CREW)
					  : PENSTOCK_OUTCOME_ILLEGAL;
			if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
				return outcome;
			}
		}
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

static uint64_t workgroups(const struct penstock_group *group)
{
	return (uint64_t)group->groups[0] * group->groups[1] * group->groups[2];
}

static enum penstock_outcome run_alone(struct dispatch *dispatch)
{
	uint64_t total = workgroups(&dispatch->group);
	enum penstock_vulkan_crew crew =
		needs_crew(dispatch, total) ? PENSTOCK_VULKAN_CREW : PENSTOCK_VULKAN_ALONE;

	enum penstock_outcome outcome =
		empty(dispatch->vulkan, crew) ? begin_on(dispatch, crew) : PENSTOCK_OUTCOME_ILLEGAL;

	return outcome == PENSTOCK_OUTCOME_COMPLETED ? run_bands(dispatch, total) : outcome;
}

/* ---------------------------------------------------------------- batches */

/* How many bands it is, as far as one knows; more than one: it is no part of a batch. */
static double bands_of(const struct dispatch *dispatch)
{
	uint64_t band = dispatch->pipeline->made[PENSTOCK_VULKAN_ALONE].band_groups;

	return band == 0 ? 2 : (double)workgroups(&dispatch->group) / (double)band;
}

/* It ran on the device without a crew already: what it takes is known. */
static bool fits(const struct batch *batch, const struct dispatch *dispatch)
{
	return workgroups(&dispatch->group) > 0 && batch->bands + bands_of(dispatch) <= 1;
}

static void take(struct batch *batch)
{
	const struct dispatch *dispatch = &batch->list[batch->count++];

	batch->length += dispatch->group.length;
	batch->bands += bands_of(dispatch);
}

/* Copied behind the groups that the batch has; what was copied stays where it is. */
static bool read_group(struct batch *batch, struct dispatch *dispatch, const uint8_t *bytes,
		       uint32_t length)
{
	struct penstock_vulkan *vulkan = dispatch->vulkan;
	const uint8_t *copy = NULL;

	if (batch->count == 0 || batch->length + length <= vulkan->copy_bytes) {
		copy = penstock_vulkan_copy(vulkan, batch->length, bytes, length);
	}
	return copy != NULL && penstock_group_read(copy, length, &dispatch->group);
}

/* How many workgroups it is, where that is in memory: read once. Beyond the limit none run. */
static enum penstock_outcome read_groups(struct penstock_engine *engine,
					 struct penstock_group *group)
{
	const uint8_t *words;

	if (group->ender != PENSTOCK_DMA_DISPATCH_INDIRECT) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	if (group->indirect_bytes < sizeof(group->groups)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	words = penstock_engine_range(engine, group->indirect_address, sizeof(group->groups),
				      false);
	if (words == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(group->groups); i++) {
		group->groups[i] = penstock_load32(words + i * sizeof(uint32_t));
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(group->groups); i++) {
		if (group->groups[i] > PENSTOCK_LIMIT_WORKGROUPS) {
			memset(group->groups, 0, sizeof(group->groups));
		}
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

static bool is_compute(const struct penstock_vulkan_pipeline *pipeline)
{
	return pipeline->blob->kind == PENSTOCK_PIPELINE_COMPUTE;
}

/*
 * The group behind those that the batch has, if it is one that can be a part of it. Whatever is
 * wrong with it is said when it is the first one. A fault of what is read here is at that group.
 * What an indirect one reads may be what is before it in the batch.
 */
static bool take_next(struct penstock_engine *engine, struct batch *batch, const uint8_t *bytes,
		      uint32_t remaining)
{
	struct dispatch *next = &batch->list[batch->count];
	uint32_t offset = engine->dma_offset, length;
	enum penstock_dma_id ender = PENSTOCK_DMA_NOP;
	bool good;

	*next = (struct dispatch){ .engine = engine,
				   .vulkan = engine->vulkan,
				   .offset = batch->length };
	engine->dma_offset = offset + batch->length;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	length = penstock_group_cut(bytes + batch->length, remaining - batch->length, &ender);
	good = length != 0 && ender == PENSTOCK_DMA_DISPATCH &&
	       read_group(batch, next, bytes + batch->length, length) &&
	       penstock_pipelines_get(engine, next->group.pipeline_address,
				      next->group.pipeline_bytes, false,
				      &next->pipeline) == PENSTOCK_OUTCOME_COMPLETED &&
	       is_compute(next->pipeline) && fits(batch, next);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	engine->dma_offset = offset;
	if (good) {
		take(batch);
	}
	return good;
}

/* One that cannot be bound, and what is behind it, is no part of the batch. */
static enum penstock_outcome record_all(struct batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		struct dispatch *dispatch = &batch->list[i];
		enum penstock_outcome outcome = begin_on(dispatch, PENSTOCK_VULKAN_ALONE);
		struct penstock_band band;

		if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
			batch->count = i;
			batch->length = dispatch->offset;
			return i == 0 ? outcome : PENSTOCK_OUTCOME_COMPLETED;
		}
		penstock_band_at(dispatch->group.groups, 0, workgroups(&dispatch->group), &band);
		record(dispatch, &band, i + 1);
	}
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome run_all(struct batch *batch)
{
	struct penstock_vulkan *vulkan = batch->list[0].vulkan;
	const struct penstock_vulkan_device *device = &vulkan->devices[PENSTOCK_VULKAN_ALONE];
	enum penstock_outcome outcome;

	if (!empty(vulkan, PENSTOCK_VULKAN_ALONE) ||
	    penstock_submission_begin(device) != VK_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	outcome = record_all(batch);
	return outcome != PENSTOCK_OUTCOME_COMPLETED
		       ? outcome
		       : penstock_submission_outcome(penstock_submission_run(vulkan, device));
}

/* Outside of the guard: what the driver does is not to be left in its midst. */
static enum penstock_outcome run(struct penstock_engine *engine, struct batch *batch)
{
	enum penstock_outcome outcome =
		batch->count == 1 ? run_alone(&batch->list[0]) : run_all(batch);
	uint32_t done;

	if (!penstock_guard_watch_touched(&engine->vulkan->watch)) {
		penstock_objects_destroy(&engine->vulkan->objects);
		return outcome;
	}
	/* The driver still has them, and its locks. */
	penstock_submission_lost(engine);
	done = __atomic_load_n(batch->list[0].device->progress, __ATOMIC_ACQUIRE);
	engine->dma_offset += batch->list[done < batch->count ? done : 0].offset;
	return outcome;
}

enum penstock_outcome penstock_dispatch_run(struct penstock_engine *engine, const uint8_t *bytes,
					    uint32_t remaining, uint32_t *ret_length)
{
	struct batch batch;
	struct dispatch *first = &batch.list[0];
	enum penstock_dma_id ender = PENSTOCK_DMA_NOP;
	uint32_t length = penstock_group_cut(bytes, remaining, &ender);
	enum penstock_outcome outcome;

	*first = (struct dispatch){ .engine = engine, .vulkan = engine->vulkan };
	batch.count = batch.length = 0;
	batch.bands = 0;
	if (penstock_guard_watch_touched(&engine->vulkan->watch) || /* lost */
	    length == 0 || !read_group(&batch, first, bytes, length)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	penstock_pipelines_turn(&engine->vulkan->pipelines);
	outcome = read_groups(engine, &first->group);
	if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
		outcome =
			penstock_pipelines_get(engine, first->group.pipeline_address,
					       first->group.pipeline_bytes, true, &first->pipeline);
	}
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	if (!is_compute(first->pipeline)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	take(&batch);
	while (engine->position == 0 && workgroups(&first->group) > 0 &&
	       batch.count < PENSTOCK_VULKAN_BATCH && batch.bands < 1 && batch.length < remaining &&
	       take_next(engine, &batch, bytes, remaining)) {
		continue;
	}
	penstock_guard_leave();
	outcome = run(engine, &batch);
	penstock_guard_enter(&engine->guard, engine->mmu);
	*ret_length = batch.length;
	return outcome;
}
