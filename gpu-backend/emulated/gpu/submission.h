/* SPDX-License-Identifier: MIT */
/*
 * What a device is given to do at once: recorded, executed and waited for, outside of the guard.
 * Private to the engines of Vulkan.
 */
#ifndef PENSTOCK_SUBMISSION_H
#define PENSTOCK_SUBMISSION_H

#include "gpu-backend/emulated/gpu/engine.h"
#include "gpu-backend/emulated/gpu/group.h"
#include "gpu-backend/emulated/gpu/parts.h"

/* Begins the device's command buffer; its progress is 0. */
VkResult penstock_submission_begin(const struct penstock_vulkan_device *device);

/*
 * Ends the command buffer, executes it and waits. VK_ERROR_DEVICE_LOST: a thread of the driver
 * touched what it must not (penstock_vulkan.watch), and will never be done.
 */
VkResult penstock_submission_run(struct penstock_vulkan *vulkan,
				 const struct penstock_vulkan_device *device);

/* COMPLETED; PAGE_FAULT of a lost device; ILLEGAL: what the driver does not take. */
enum penstock_outcome penstock_submission_outcome(VkResult result);

/* The watch's fault as the engine's; what the driver has is left to it. */
void penstock_submission_lost(struct penstock_engine *engine);

/*
 * Executes a group of that kind, `length` bytes at `bytes`, which is one operation of the engine:
 * by `run`, which is given a copy of it, outside of the guard. Objects that `run` made are
 * destroyed behind it, or left where the device is lost. ILLEGAL too where it is no such group.
 */
typedef enum penstock_outcome penstock_submission_runs(struct penstock_engine *engine,
						       const struct penstock_group *group);
enum penstock_outcome penstock_submission_group(struct penstock_engine *engine,
						const uint8_t *bytes, uint32_t length,
						enum penstock_group_kind kind,
						penstock_submission_runs *run);

/* Sets of the submission before are not used any more. */
bool penstock_submission_forget_sets(const struct penstock_vulkan_device *device);

/* The device of what may be large. */
static inline enum penstock_vulkan_crew
penstock_vulkan_crew_of(const struct penstock_vulkan *vulkan)
{
	return vulkan->device_count > PENSTOCK_VULKAN_CREW ? PENSTOCK_VULKAN_CREW
							   : PENSTOCK_VULKAN_ALONE;
}

#endif
