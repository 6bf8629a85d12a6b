/* SPDX-License-Identifier: MIT */
/* Which ids the functions use that an entry point reaches, and what their instructions do. */
#ifndef PENSTOCK_SHADER_USES_H
#define PENSTOCK_SHADER_USES_H

#include "gpu-backend/shader/program/facts.h"

/*
 * Marks the ids, and sets what the instructions do. The parser of SPIRV-Tools says which words of
 * an instruction are ids: nothing is guessed and nothing missed. INVALID_PARAMETER: as functions
 * are copied into their callers, the module is over PENSTOCK_LIMIT_SHADER_INLINED; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_shader_uses(struct penstock_shader_facts *facts,
					  const uint32_t *words, uint32_t word_count,
					  struct penstock_spirv_fault *reterr_fault);

#endif
