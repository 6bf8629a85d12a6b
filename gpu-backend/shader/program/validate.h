/* SPDX-License-Identifier: MIT */
/* SPIRV-Tools' validator, for what a Vulkan 1.3 driver takes. */
#ifndef PENSTOCK_SHADER_VALIDATE_H
#define PENSTOCK_SHADER_VALIDATE_H

#include "gpu-backend/shader/spirv.h"

/*
 * Of a module that was walked. INVALID_PARAMETER: the fault has the validator's own words, and the
 * word of the instruction that they are about. NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_shader_validate(const uint32_t *words, uint32_t word_count,
					      struct penstock_spirv_fault *reterr_fault);

#endif
