/* SPDX-License-Identifier: MIT */
/*
 * Vulkan in this process, on the driver that the emulated GPU uses: what a program of
 * compute_cases.h does there, with shaders as they are. Every fault fails the test.
 */
#ifndef PENSTOCK_VULKAN_REFERENCE_H
#define PENSTOCK_VULKAN_REFERENCE_H

#include "tests/golden/compute_cases.h"

struct vulkan_reference;

struct vulkan_reference *vulkan_reference_new(void);
void vulkan_reference_free(struct vulkan_reference *reference);

/* Executes the program on these memories. */
void vulkan_reference_run(struct vulkan_reference *reference, const struct compute_case *program,
			  uint8_t *memories[]);

#endif
