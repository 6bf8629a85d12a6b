/* SPDX-License-Identifier: MIT */
/*
 * What penstock-shader may still ask of the kernel when it begins to read its request: read and
 * write its socket, take and give back anonymous memory without exec, end. Anything else kills it.
 */
#ifndef PENSTOCK_SHADER_CONFINE_H
#define PENSTOCK_SHADER_CONFINE_H

#include "proto/base/base.h"

/* PR_SET_NO_NEW_PRIVS and the filter. 0, or -errno. */
PENSTOCK_MUST_CHECK
int penstock_shader_confine(void);

#endif
