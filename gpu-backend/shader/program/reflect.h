/* SPDX-License-Identifier: MIT */
/* What a hardened module needs and does, as SPIRV-Cross and our own reading of it say. */
#ifndef PENSTOCK_SHADER_REFLECT_H
#define PENSTOCK_SHADER_REFLECT_H

#include "gpu-backend/shader/reflection.h"
#include "gpu-backend/shader/spirv.h"

/*
 * Of a module that is valid, hardened, and was walked. INVALID_PARAMETER with a fault: it has no
 * such entry point, is over a limit, or says what no pipeline can be made of; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_shader_reflect(const uint32_t *words, uint32_t word_count,
					     uint32_t stage, const char *entry_point,
					     struct penstock_shader_reflection *ret_reflection,
					     struct penstock_spirv_fault *reterr_fault);

#endif
