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

/* With how many threads the next instance executes. */
void penstock_vulkan_set_threads(enum penstock_vulkan_crew crew);

#endif
