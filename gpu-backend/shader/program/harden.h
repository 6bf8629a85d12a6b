/* SPDX-License-Identifier: MIT */
/*
 * SPIRV-Tools' optimizer: specialisation constants become constants, and then each access through
 * an access chain is held inside of its object (robust access).
 */
#ifndef PENSTOCK_SHADER_HARDEN_H
#define PENSTOCK_SHADER_HARDEN_H

#include "gpu-backend/shader/spirv.h"

/*
 * Of a valid module. The caller frees the words. INVALID_PARAMETER with a fault: the passes cannot
 * be made of it; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_shader_harden(const uint32_t *words, uint32_t word_count,
					    uint32_t **ret_words, uint32_t *ret_word_count,
					    struct penstock_spirv_fault *reterr_fault);

#endif
