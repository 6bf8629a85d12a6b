/* SPDX-License-Identifier: MIT */
/*
 * How much an entry point takes. A driver makes registers, stack and shared memory of what a module
 * declares, and trusts the sizes.
 */
#ifndef PENSTOCK_SHADER_MEASURE_H
#define PENSTOCK_SHADER_MEASURE_H

#include "gpu-backend/shader/program/facts.h"

/*
 * After uses are known: whether variables and built-in arrays are as small as the limits say; fills
 * shared_bytes. INVALID_PARAMETER with a fault.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_shader_measure(const struct penstock_shader_facts *facts,
					     const uint32_t *words, uint32_t word_count,
					     struct penstock_shader_reflection *reflection,
					     struct penstock_spirv_fault *reterr_fault);

#endif
