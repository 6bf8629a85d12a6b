/* SPDX-License-Identifier: MIT */
/*
 * What the GPU process may still ask of the kernel once it is initialised, all threads: wait,
 * ring its interrupts, receive on its channel, map what it received over its own
 * windows, take and give back anonymous memory without exec, end. Anything else kills it
 * (gpu-backend/confinement says what of this holds in a build with sanitizers).
 */
#ifndef PENSTOCK_CONFINE_H
#define PENSTOCK_CONFINE_H

#include "proto/base/base.h"

/*
 * PR_SET_NO_NEW_PRIVS and the filter. `compiles`: its threads may make memory executable that is
 * not writable any more, as Vulkan's compiler does. 0, or -errno.
 */
PENSTOCK_MUST_CHECK
int penstock_confine(bool compiles);

#endif
