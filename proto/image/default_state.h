/* SPDX-License-Identifier: MIT */
/* The state of a graphics pipeline that nothing was said of yet. Any thread. */
#ifndef PENSTOCK_DEFAULT_STATE_H
#define PENSTOCK_DEFAULT_STATE_H

#include "proto/graphics.h"

/* A valid one: triangles, one sample, no vertex attributes, tests or targets, a dynamic viewport.
 */
void penstock_graphics_state_default(struct penstock_graphics_state *ret_state);

#endif
