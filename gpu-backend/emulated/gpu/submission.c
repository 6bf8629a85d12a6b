/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/submission.h"

/* While the driver works: looks at the fence between two looks at the clock, then naps. */
#define LOOKS  16u
#define NAP_NS 1000000u

bool penstock_submission_forget_sets(const struct penstock_vulkan_device *device)
{
	return device->calls.ResetDescriptorPool(device->device, device->descriptor_pool, 0) ==
	       VK_SUCCESS;
}

VkResult penstock_submission_begin(const struct penstock_vulkan_device *device)
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

/* While patience allows it: the driver is done in less time than it takes to be woken. */
static VkResult look(struct penstock_vulkan *vulkan, const struct penstock_vulkan_device *device)
{
	struct penstock_patience *patience = &vulkan->patience;
	uint64_t start = penstock_patience_now_ns(), now = start;
	VkResult result = VK_NOT_READY;

	if (!vulkan->may_look || !penstock_patience_allows(patience, now)) {
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

/* Waits for the driver, looking at first. */
static VkResult await(struct penstock_vulkan *vulkan, const struct penstock_vulkan_device *device)
{
	VkResult result = look(vulkan, device);

	while ((result == VK_NOT_READY || result == VK_TIMEOUT) &&
	       !penstock_guard_watch_touched(&vulkan->watch)) {
		result = device->calls.WaitForFences(device->device, 1, &device->fence, VK_TRUE,
						     NAP_NS);
	}
	return result == VK_NOT_READY || result == VK_TIMEOUT ? VK_ERROR_DEVICE_LOST : result;
}

VkResult penstock_submission_run(struct penstock_vulkan *vulkan,
				 const struct penstock_vulkan_device *device)
{
	const VkSubmitInfo info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
				    .commandBufferCount = 1,
				    .pCommandBuffers = &device->commands };
	VkResult result = device->calls.EndCommandBuffer(device->commands);

	if (result == VK_SUCCESS) {
		result = device->calls.QueueSubmit(device->queue, 1, &info, device->fence);
	}
	if (result == VK_SUCCESS) {
		result = await(vulkan, device);
	}
	if (result == VK_SUCCESS) {
		result = device->calls.ResetFences(device->device, 1, &device->fence);
	}
	return result;
}

enum penstock_outcome penstock_submission_outcome(VkResult result)
{
	if (result == VK_SUCCESS) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	return result == VK_ERROR_DEVICE_LOST ? PENSTOCK_OUTCOME_PAGE_FAULT
					      : PENSTOCK_OUTCOME_ILLEGAL;
}

void penstock_submission_lost(struct penstock_engine *engine)
{
	engine->fault_address = engine->vulkan->watch.address;
	engine->fault_write = engine->vulkan->watch.write;
	penstock_objects_abandon(&engine->vulkan->objects);
}

enum penstock_outcome penstock_submission_group(struct penstock_engine *engine,
						const uint8_t *bytes, uint32_t length,
						enum penstock_group_kind kind,
						penstock_submission_runs *run)
{
	struct penstock_vulkan *vulkan = engine->vulkan;
	struct penstock_group group;
	enum penstock_outcome outcome;
	const uint8_t *copy;

	if (penstock_guard_watch_touched(&vulkan->watch)) { /* lost */
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	/* What is copied may be another group than what was cut. */
	copy = penstock_vulkan_copy(vulkan, 0, bytes, length);
	if (copy == NULL || !penstock_group_read(copy, length, &group) ||
	    penstock_group_kind_of(group.ender) != kind) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	penstock_guard_leave();
	outcome = run(engine, &group);
	if (penstock_guard_watch_touched(&vulkan->watch)) {
		penstock_submission_lost(engine);
		outcome = PENSTOCK_OUTCOME_PAGE_FAULT;
	} else {
		penstock_objects_destroy(&vulkan->objects);
	}
	penstock_guard_enter(&engine->guard, engine->mmu);
	return outcome;
}
