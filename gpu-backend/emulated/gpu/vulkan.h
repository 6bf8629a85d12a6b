/* SPDX-License-Identifier: MIT */
/*
 * Vulkan as the engine uses it: a driver, two devices of it, and both windows of the MMU imported
 * into each once, so that what a shader reads and writes is what the segments hold.
 *
 * The driver (lavapipe) is opened by its own entry points, without the Vulkan loader: nothing of
 * the machine's configuration, its layers or its environment has a say. Its threads are counted
 * when an instance is made, and waking them costs more than a small dispatch: so there is a device
 * without threads, ALONE, and one with a thread for each processor, CREW. A device is used by the
 * node's thread only; each submission is waited for, so that whatever comes next sees its bytes.
 *
 *   open --> ready --- a thread of the driver touched an unmapped page ---> lost
 *
 * Such a thread cannot be brought out of the driver: it stands still for ever, with the driver's
 * locks. What waits for it learns the address, and a lost Vulkan executes nothing any more.
 *
 * In a build without Vulkan the same functions say that there is none.
 */
#ifndef PENSTOCK_VULKAN_H
#define PENSTOCK_VULKAN_H

#include "gpu-backend/emulated/gpu/mmu.h"

struct penstock_vulkan;

/*
 * Opens the driver and makes its devices; the windows must be reserved, and stay. Sets environment
 * variables that the driver reads, so before there are threads that might read the environment, and
 * before confinement. The process's one: it also takes the signals of its threads
 * (penstock_guard_set_watch). SUCCESS; NOT_SUPPORTED: built without, no driver, or one that lacks
 * what is needed, and the text says which; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vulkan_open(const struct penstock_mmu *mmu,
					  struct penstock_vulkan **ret_vulkan,
					  struct penstock_errbuf *reterr_text);

/* Nothing is executed by it. One that is lost leaves what its threads hold. NULL: nothing. */
void penstock_vulkan_close(struct penstock_vulkan *vulkan);

#endif
