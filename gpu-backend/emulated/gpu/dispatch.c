/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/dispatch.h"

#include "gpu-backend/emulated/gpu/band.h"
#include "gpu-backend/emulated/gpu/parts.h"

#include <string.h>

/* So many times the workgroups of the last band, or so much less: one may have been disturbed. */
#define BAND_STEP 8u

/* More workgroups than this are begun with the crew; fewer, where they turn out to take long. */
#define ALONE_GROUPS 256u

/* What is left is worth waking the crew for. */
#define ALONE_NS 300000u

/* While the driver works: looks at the fence between two looks at the clock, then naps. */
#define LOOKS  16u
#define NAP_NS 1000000u

/* Buffers of a storage binding may begin at any such multiple, a VkBuffer at those of the second.
 */
#define DESCRIPTOR_ALIGNMENT 16u
#define BUFFER_ALIGNMENT     64u

/* A dispatch on its way. */
struct dispatch {
	struct penstock_engine *engine;
	struct penstock_vulkan *vulkan;
	struct penstock_group group;
	uint32_t offset; /* of the group, from the batch's first one */
	uint32_t first;  /* its first descriptor in penstock_vulkan.descriptors */
	struct penstock_vulkan_pipeline *pipeline;
	/* of the device that runs it now; buffers and sets are made for it */
	enum penstock_vulkan_crew crew;
	struct penstock_vulkan_device *device;
	VkDescriptorSet sets[PENSTOCK_LIMIT_DESCRIPTOR_SETS];
};

/* Groups that follow each other and are one submission to the driver. */
struct batch {
	struct dispatch list[PENSTOCK_VULKAN_BATCH];
	uint32_t count;
	uint32_t length;      /* of its groups in the DMA buffer */
	uint32_t descriptors; /* of all of them */
	double bands;         /* that they are, all together */
};

/* ---------------------------------------------------------------- what is bound */

static enum penstock_outcome find_pipeline(struct penstock_engine *engine,
					   const struct penstock_group *group, bool add,
					   struct penstock_vulkan_pipeline **ret_pipeline)
{
	struct penstock_vulkan *vulkan = engine->vulkan;
	const uint8_t *bytes = penstock_engine_range(engine, group->pipeline_address,
						     group->pipeline_bytes, false);
	struct penstock_pipeline header;
	uint8_t *copy;

	if (bytes == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	if (group->pipeline_bytes < sizeof(header) ||
	    group->pipeline_bytes > PENSTOCK_PIPELINE_BYTES_MOST) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	memcpy(&header, bytes, sizeof(header));
	if (header.bytes != group->pipeline_bytes) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	*ret_pipeline = penstock_pipelines_find(&vulkan->pipelines, &header);
	if (*ret_pipeline == NULL && add) {
		copy = penstock_pipelines_scratch(&vulkan->pipelines, group->pipeline_bytes);
		if (copy != NULL) {
			memcpy(copy, bytes, group->pipeline_bytes);
			*ret_pipeline = penstock_pipelines_add(&vulkan->pipelines, vulkan->devices,
							       group->pipeline_bytes);
		}
	}
	return *ret_pipeline == NULL ? PENSTOCK_OUTCOME_ILLEGAL : PENSTOCK_OUTCOME_COMPLETED;
}

/* Rounded down where a part of a dword would be read whole, past the end. */
static uint64_t size_of(const struct penstock_pipeline_binding *binding, uint64_t size)
{
	return binding->type == PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER ? size & ~(uint64_t)3 : size;
}

static uint64_t size_most(const struct penstock_pipeline_binding *binding,
			  const VkPhysicalDeviceLimits *limits)
{
	return binding->type == PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER ? limits->maxUniformBufferRange
								   : limits->maxStorageBufferRange;
}

static enum penstock_outcome bind(struct penstock_engine *engine, const struct dispatch *dispatch,
				  const struct penstock_group_buffer *buffer)
{
	struct penstock_vulkan *vulkan = engine->vulkan;
	const struct penstock_pipeline_binding *binding;
	uint32_t number;

	if (!penstock_vulkan_descriptor_number(dispatch->pipeline, buffer->set, buffer->binding,
					       buffer->element, &binding, &number)) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	if (buffer->address % DESCRIPTOR_ALIGNMENT != 0 ||
	    buffer->size > size_most(binding, &vulkan->devices[PENSTOCK_VULKAN_ALONE].limits)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	if (penstock_engine_range(engine, buffer->address, buffer->size, buffer->write) == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	vulkan->descriptors[dispatch->first + number] =
		(struct penstock_vulkan_descriptor){ .address = buffer->address,
						     .size = size_of(binding, buffer->size) };
	return PENSTOCK_OUTCOME_COMPLETED;
}

static enum penstock_outcome bind_all(struct penstock_engine *engine,
				      const struct dispatch *dispatch)
{
	enum penstock_outcome outcome = PENSTOCK_OUTCOME_COMPLETED;
	struct penstock_vulkan_descriptor *descriptors =
		&engine->vulkan->descriptors[dispatch->first];
	struct penstock_group_buffer buffer;
	uint32_t offset = 0;

	memset(descriptors, 0, dispatch->pipeline->descriptor_count * sizeof(*descriptors));
	while (outcome == PENSTOCK_OUTCOME_COMPLETED &&
	       penstock_group_next(&dispatch->group, &offset, &buffer)) {
		outcome = bind(engine, dispatch, &buffer);
	}
	return outcome;
}

/* ---------------------------------------------------------------- Vulkan's objects of it */

static void destroy_buffers(struct dispatch *dispatch)
{
	struct penstock_vulkan *vulkan = dispatch->vulkan;

	for (uint32_t i = 0; i < dispatch->pipeline->descriptor_count; i++) {
		VkDescriptorBufferInfo *info = &vulkan->infos[dispatch->first + i];

		dispatch->device->calls.DestroyBuffer(dispatch->device->device, info->buffer, NULL);
		info->buffer = VK_NULL_HANDLE;
	}
}

/*
 * A buffer that ends where the range does, and a descriptor of exactly the range. Nothing bound, or
 * no byte: a null descriptor, which reads zeros.
 */
static VkResult create_buffer(const struct dispatch *dispatch,
			      const struct penstock_vulkan_descriptor *descriptor,
			      VkDescriptorBufferInfo *ret_info)
{
	const struct penstock_vulkan_device *device = dispatch->device;
	const struct penstock_mmu *mmu = dispatch->vulkan->mmu;
	bool is_aperture = descriptor->address >= mmu->aperture.base;
	uint64_t offset =
		descriptor->address - (is_aperture ? mmu->aperture.base : mmu->local.base);
	uint64_t before = offset % BUFFER_ALIGNMENT;
	const VkExternalMemoryBufferCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.pNext = &external,
		.size = before + descriptor->size,
		.usage = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
	};
	VkResult result;

	*ret_info = (VkDescriptorBufferInfo){ .buffer = VK_NULL_HANDLE, .range = VK_WHOLE_SIZE };
	if (descriptor->size == 0) {
		return VK_SUCCESS;
	}
	result = device->calls.CreateBuffer(device->device, &info, NULL, &ret_info->buffer);
	if (result != VK_SUCCESS) {
		ret_info->buffer = VK_NULL_HANDLE;
		return result;
	}
	ret_info->offset = before;
	ret_info->range = descriptor->size;
	return device->calls.BindBufferMemory(
		device->device, ret_info->buffer,
		device->windows[is_aperture ? PENSTOCK_VULKAN_APERTURE : PENSTOCK_VULKAN_LOCAL],
		offset - before);
}

static VkResult create_buffers(struct dispatch *dispatch)
{
	struct penstock_vulkan *vulkan = dispatch->vulkan;
	VkDescriptorBufferInfo *infos = &vulkan->infos[dispatch->first];
	uint32_t count = dispatch->pipeline->descriptor_count;
	VkResult result = VK_SUCCESS;

	memset(infos, 0, count * sizeof(*infos));
	for (uint32_t i = 0; i < count && result == VK_SUCCESS; i++) {
		result = create_buffer(dispatch, &vulkan->descriptors[dispatch->first + i],
				       &infos[i]);
	}
	return result;
}

static VkResult create_sets(struct dispatch *dispatch)
{
	const struct penstock_vulkan_pipeline *pipeline = dispatch->pipeline;
	const struct penstock_pipeline_binding *bindings =
		penstock_pipeline_bindings(pipeline->blob);
	const struct penstock_vulkan_device *device = dispatch->device;
	const VkDescriptorSetAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = device->descriptor_pool,
		.descriptorSetCount = pipeline->set_count,
		.pSetLayouts = pipeline->made[dispatch->crew].sets,
	};
	VkWriteDescriptorSet *writes = dispatch->vulkan->writes;
	VkResult result;

	if (pipeline->set_count == 0) {
		return VK_SUCCESS;
	}
	result = device->calls.AllocateDescriptorSets(device->device, &info, dispatch->sets);
	if (result != VK_SUCCESS) {
		return result;
	}
	for (uint32_t i = 0; i < pipeline->blob->binding_count; i++) {
		writes[i] = (VkWriteDescriptorSet){
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.dstSet = dispatch->sets[bindings[i].set],
			.dstBinding = bindings[i].binding,
			.descriptorCount = bindings[i].count,
			.descriptorType = (VkDescriptorType)bindings[i].type,
			.pBufferInfo =
				&dispatch->vulkan->infos[dispatch->first + pipeline->first[i]],
		};
	}
	device->calls.UpdateDescriptorSets(device->device, pipeline->blob->binding_count, writes, 0,
					   NULL);
	return VK_SUCCESS;
}

/* Everything that it needs on that device. False: the driver does not take it. */
static bool begin_on(struct dispatch *dispatch, enum penstock_vulkan_crew crew)
{
	dispatch->crew = crew;
	dispatch->device = &dispatch->vulkan->devices[crew];
	return penstock_pipelines_make(dispatch->pipeline, dispatch->vulkan->devices, crew) &&
	       create_buffers(dispatch) == VK_SUCCESS && create_sets(dispatch) == VK_SUCCESS;
}

/* Sets of the submission before are not used any more. */
static bool forget_sets(const struct penstock_vulkan_device *device)
{
	return device->calls.ResetDescriptorPool(device->device, device->descriptor_pool, 0) ==
	       VK_SUCCESS;
}

/* ---------------------------------------------------------------- a submission */

static VkResult begin_commands(const struct penstock_vulkan_device *device)
{
	const VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};
	VkResult result = device->calls.ResetCommandPool(device->device, device->command_pool, 0);

	*device->progress = 0;
	return result == VK_SUCCESS ? device->calls.BeginCommandBuffer(device->commands, &begin)
				    : result;
}

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

/* While patience allows it: the driver is done in less time than it takes to be woken. */
static VkResult look(const struct dispatch *dispatch)
{
	const struct penstock_vulkan_device *device = dispatch->device;
	struct penstock_patience *patience = &dispatch->vulkan->patience;
	uint64_t start = penstock_patience_now_ns(), now = start;
	VkResult result = VK_NOT_READY;

	if (!dispatch->vulkan->may_look || !penstock_patience_allows(patience, now)) {
		return result;
	}
	while (result == VK_NOT_READY && now - start < PENSTOCK_PATIENCE_LOOK_NS) {
		for (unsigned i = 0; i < LOOKS && result == VK_NOT_READY; i++) {
			result = device->calls.GetFenceStatus(device->device, device->fence);
		}
		now = penstock_patience_now_ns();
	}
	if (result == VK_NOT_READY) {
		penstock_patience_failed(patience, now);
	} else {
		penstock_patience_paid(patience, now, now - start);
	}
	return result;
}

/*
 * Waits for the driver, looking at first. VK_ERROR_DEVICE_LOST: a thread of its touched what it
 * must not, and will never be done.
 */
static VkResult await(const struct dispatch *dispatch)
{
	const struct penstock_vulkan_device *device = dispatch->device;
	const struct penstock_guard_watch *watch = &dispatch->vulkan->watch;
	VkResult result = look(dispatch);

	while ((result == VK_NOT_READY || result == VK_TIMEOUT) &&
	       !penstock_guard_watch_touched(watch)) {
		result = device->calls.WaitForFences(device->device, 1, &device->fence, VK_TRUE,
						     NAP_NS);
	}
	return result == VK_NOT_READY || result == VK_TIMEOUT ? VK_ERROR_DEVICE_LOST : result;
}

/* What was recorded: executed, and waited for. */
static VkResult submit(const struct dispatch *dispatch)
{
	const struct penstock_vulkan_device *device = dispatch->device;
	const VkSubmitInfo info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
				    .commandBufferCount = 1,
				    .pCommandBuffers = &device->commands };
	VkResult result = device->calls.EndCommandBuffer(device->commands);

	if (result == VK_SUCCESS) {
		result = device->calls.QueueSubmit(device->queue, 1, &info, device->fence);
	}
	if (result == VK_SUCCESS) {
		result = await(dispatch);
	}
	if (result == VK_SUCCESS) {
		result = device->calls.ResetFences(device->device, 1, &device->fence);
	}
	return result;
}

static VkResult submit_band(const struct dispatch *dispatch, const struct penstock_band *band)
{
	VkResult result = begin_commands(dispatch->device);

	if (result != VK_SUCCESS) {
		return result;
	}
	record(dispatch, band, 0);
	return submit(dispatch);
}

static enum penstock_outcome outcome_of(VkResult result)
{
	if (result == VK_SUCCESS) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	return result == VK_ERROR_DEVICE_LOST ? PENSTOCK_OUTCOME_PAGE_FAULT
					      : PENSTOCK_OUTCOME_ILLEGAL;
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
		outcome = outcome_of(submit_band(dispatch, &band));
		if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
			return outcome;
		}
		learn(dispatch->vulkan, made, band.count, wanted,
		      penstock_patience_now_ns() - start);
		engine->position += band.count;
		if (dispatch->crew == PENSTOCK_VULKAN_ALONE &&
		    needs_crew(dispatch, total - engine->position)) {
			destroy_buffers(dispatch);
			if (!forget_sets(&dispatch->vulkan->devices[PENSTOCK_VULKAN_CREW]) ||
			    !begin_on(dispatch, PENSTOCK_VULKAN_CREW)) {
				return PENSTOCK_OUTCOME_ILLEGAL;
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

	return forget_sets(&dispatch->vulkan->devices[crew]) && begin_on(dispatch, crew)
		       ? run_bands(dispatch, total)
		       : PENSTOCK_OUTCOME_ILLEGAL;
}

/* ---------------------------------------------------------------- batches */

/* How many bands it is, as far as one knows; more than one: it is no part of a batch. */
static double bands_of(const struct dispatch *dispatch)
{
	uint64_t band = dispatch->pipeline->made[PENSTOCK_VULKAN_ALONE].band_groups;

	return band == 0 ? 2 : (double)workgroups(&dispatch->group) / (double)band;
}

/* What it needs is there, and it ran on the device without a crew already: what it takes is known.
 */
static bool fits(const struct batch *batch, const struct dispatch *dispatch)
{
	return batch->descriptors + dispatch->pipeline->descriptor_count <=
		       PENSTOCK_LIMIT_DESCRIPTORS &&
	       workgroups(&dispatch->group) > 0 && batch->bands + bands_of(dispatch) <= 1;
}

static void take(struct batch *batch)
{
	const struct dispatch *dispatch = &batch->list[batch->count++];

	batch->length += dispatch->group.length;
	batch->descriptors += dispatch->pipeline->descriptor_count;
	batch->bands += bands_of(dispatch);
}

/*
 * The group behind those that the batch has, if it is one that can be a part of it. Whatever is
 * wrong with it is said when it is the first one. A fault of what is read here is at that group.
 */
static bool take_next(struct penstock_engine *engine, struct batch *batch, const uint8_t *bytes,
		      uint32_t remaining)
{
	struct dispatch *next = &batch->list[batch->count];
	uint32_t offset = engine->dma_offset;
	bool good;

	*next = (struct dispatch){ .engine = engine,
				   .vulkan = engine->vulkan,
				   .offset = batch->length,
				   .first = batch->descriptors };
	engine->dma_offset = offset + batch->length;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	good = penstock_group_read(bytes + batch->length, remaining - batch->length,
				   &next->group) &&
	       find_pipeline(engine, &next->group, false, &next->pipeline) ==
		       PENSTOCK_OUTCOME_COMPLETED &&
	       fits(batch, next) && bind_all(engine, next) == PENSTOCK_OUTCOME_COMPLETED;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	engine->dma_offset = offset;
	if (good) {
		take(batch);
	}
	return good;
}

static enum penstock_outcome run_all(struct batch *batch)
{
	const struct penstock_vulkan_device *device =
		&batch->list[0].vulkan->devices[PENSTOCK_VULKAN_ALONE];

	if (!forget_sets(device) || begin_commands(device) != VK_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		struct dispatch *dispatch = &batch->list[i];
		struct penstock_band band;

		if (!begin_on(dispatch, PENSTOCK_VULKAN_ALONE)) {
			return PENSTOCK_OUTCOME_ILLEGAL;
		}
		penstock_band_at(dispatch->group.groups, 0, workgroups(&dispatch->group), &band);
		record(dispatch, &band, i + 1);
	}
	return outcome_of(submit(&batch->list[0]));
}

/* Outside of the guard: what the driver does is not to be left in its midst. */
static enum penstock_outcome run(struct penstock_engine *engine, struct batch *batch)
{
	const struct penstock_guard_watch *watch = &engine->vulkan->watch;
	enum penstock_outcome outcome =
		batch->count == 1 ? run_alone(&batch->list[0]) : run_all(batch);
	uint32_t done;

	if (outcome != PENSTOCK_OUTCOME_PAGE_FAULT) {
		for (uint32_t i = 0; i < batch->count; i++) {
			if (batch->list[i].device != NULL) {
				destroy_buffers(&batch->list[i]);
			}
		}
		return outcome;
	}
	/* The driver still has them, and its locks. */
	engine->fault_address = watch->address;
	engine->fault_write = watch->write;
	done = __atomic_load_n(batch->list[0].device->progress, __ATOMIC_ACQUIRE);
	engine->dma_offset += batch->list[done < batch->count ? done : 0].offset;
	return outcome;
}

enum penstock_outcome penstock_dispatch(struct penstock_engine *engine, const uint8_t *bytes,
					uint32_t remaining, uint32_t *ret_length)
{
	struct batch batch;
	struct dispatch *first = &batch.list[0];
	enum penstock_outcome outcome;

	*first = (struct dispatch){ .engine = engine, .vulkan = engine->vulkan };
	batch.count = batch.length = batch.descriptors = 0;
	batch.bands = 0;
	if (penstock_guard_watch_touched(&engine->vulkan->watch) || /* lost */
	    !penstock_group_read(bytes, remaining, &first->group)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	outcome = find_pipeline(engine, &first->group, true, &first->pipeline);
	if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
		outcome = bind_all(engine, first);
	}
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	take(&batch);
	while (engine->position == 0 && workgroups(&first->group) > 0 &&
	       batch.count < PENSTOCK_VULKAN_BATCH && batch.bands < 1 && batch.length < remaining &&
	       take_next(engine, &batch, bytes, remaining)) {
		continue;
	}
	*ret_length = batch.length;
	penstock_guard_leave();
	outcome = run(engine, &batch);
	penstock_guard_enter(&engine->guard, engine->mmu);
	return outcome;
}
