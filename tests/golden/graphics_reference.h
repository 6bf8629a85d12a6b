/* SPDX-License-Identifier: MIT */
/*
 * What a canvas says, done by plain Vulkan in this process: images are Vulkan's own, memory is one
 * buffer, and each draw is told everything. Every fault fails the test.
 */
#ifndef PENSTOCK_GRAPHICS_REFERENCE_H
#define PENSTOCK_GRAPHICS_REFERENCE_H

#include "tests/golden/canvas.h"
#include "tests/golden/vulkan_reference.h"

/* Executes the rows on the canvas's memory; of that, its data is what they made of it. */
void graphics_reference_run(struct vulkan_reference *reference, const struct canvas *canvas,
			    uint8_t *data);

#endif
