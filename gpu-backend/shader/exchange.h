/* SPDX-License-Identifier: MIT */
/*
 * What the daemon and penstock-shader say to each other, over one stream socket, once:
 *
 *   daemon --> request, constants[], words[] --> penstock-shader
 *   daemon <-- answer, then words[] where the status is SUCCESS <-- penstock-shader, which ends
 *
 * The daemon believes nothing of an answer: see host/answer.c.
 */
#ifndef PENSTOCK_SHADER_EXCHANGE_H
#define PENSTOCK_SHADER_EXCHANGE_H

#include "gpu-backend/shader/reflection.h"
#include "proto/wire/status.h"

#define PENSTOCK_SHADER_FD    3           /* penstock-shader's end of the socket */
#define PENSTOCK_SHADER_MAGIC 0x52485350u /* "PSHR" */

/* The word that a refusal is about is not known, or there is none. */
#define PENSTOCK_SHADER_NO_WORD UINT32_MAX

#define PENSTOCK_SHADER_SENTENCE_BYTES 512u

/* A value for the constants that are decorated with this SpecId. */
struct penstock_shader_constant {
	uint32_t id;
	uint32_t bytes; /* 1, 2, 4, 8: the size of the constant's type; of a boolean 4 */
	uint64_t value; /* little-endian, zeros behind `bytes` */
};

struct penstock_shader_request_header {
	uint32_t magic;
	uint32_t stage; /* enum penstock_shader_stage */
	uint32_t constant_count;
	uint32_t word_count;
	char entry_point[PENSTOCK_LIMIT_SHADER_NAME_BYTES];
};

struct penstock_shader_answer_header {
	uint32_t magic;
	uint32_t status;      /* on the wire's terms: SUCCESS, INVALID_PARAMETER, NO_MEMORY */
	uint32_t word_offset; /* in the client's module, or PENSTOCK_SHADER_NO_WORD */
	uint32_t word_count;  /* of the hardened module, behind the answer */
	char sentence[PENSTOCK_SHADER_SENTENCE_BYTES]; /* why not; empty for SUCCESS */
	struct penstock_shader_reflection reflection;  /* zeros unless SUCCESS */
};

#endif
