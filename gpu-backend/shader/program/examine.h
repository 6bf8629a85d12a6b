/* SPDX-License-Identifier: MIT */
/*
 * The trip of a module; nothing is seen by a step that did not pass the one before.
 *
 *   walked --> validated --> specialised --> hardened --> walked, validated again --> reflected
 *   (ours)     (SPIRV-Tools)  (ours)         (SPIRV-Tools)                            (ours, and
 *                                                                                     SPIRV-Cross)
 */
#ifndef PENSTOCK_SHADER_EXAMINE_H
#define PENSTOCK_SHADER_EXAMINE_H

#include "gpu-backend/shader/exchange.h"

struct penstock_shader_examination {
	const struct penstock_shader_request_header *request;
	const struct penstock_shader_constant *constants;
	uint32_t *words; /* the client's; constants are written into them */
};

/*
 * Fills the whole answer; with SUCCESS *ret_words are the hardened words, which the caller frees,
 * else NULL. `request` may be any bytes but for its counts, which are what is behind the pointers.
 */
void penstock_shader_examine(const struct penstock_shader_examination *examination,
			     struct penstock_shader_answer_header *ret_answer,
			     uint32_t **ret_words);

#endif
