/* SPDX-License-Identifier: MIT */
/* How the Vulkan driver is opened (vulkan.c), for whoever makes instances of it. */
#ifndef PENSTOCK_DRIVER_H
#define PENSTOCK_DRIVER_H

#include "gpu-backend/emulated/gpu/device.h"

/*
 * Opens the driver, with what it reads of the environment. NULL: there is none, and the text says
 * why; then nothing is to be closed.
 */
PFN_vkGetInstanceProcAddr penstock_vulkan_open_driver(void **ret_driver,
						      struct penstock_errbuf *reterr_text);

/* What a device of the driver has to have. */
#define PENSTOCK_VULKAN_EXTENSIONS 3u
extern const char *const penstock_vulkan_extensions[PENSTOCK_VULKAN_EXTENSIONS];

/* An instance of Vulkan 1.3. SUCCESS; NOT_SUPPORTED, NO_MEMORY: the text says what failed. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vulkan_create_instance(PFN_vkGetInstanceProcAddr get,
						     VkInstance *ret_instance,
						     struct penstock_errbuf *reterr_text);

/* The text says what the driver has not; returns NOT_SUPPORTED. */
enum penstock_status penstock_vulkan_lacks(const char *what, struct penstock_errbuf *reterr_text);

/* The text says which call failed; returns NO_MEMORY or NOT_SUPPORTED. */
enum penstock_status penstock_vulkan_failed(const char *call, VkResult result,
					    struct penstock_errbuf *reterr_text);

/* With how many threads the next instance executes. */
void penstock_vulkan_set_threads(enum penstock_vulkan_crew crew);

#endif
