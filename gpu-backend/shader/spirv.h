/* SPDX-License-Identifier: MIT */
/*
 * Our own reading of SPIR-V: the first that looks at a client's words, and the one that looks at
 * them again when other people's code has changed them. Pure: words in, a verdict out; nothing is
 * believed of them, and time and memory are linear in their number.
 *
 *   words --> stream holds together --> each instruction permitted --> walked
 */
#ifndef PENSTOCK_SPIRV_H
#define PENSTOCK_SPIRV_H

#include "gpu-backend/shader/exchange.h"

#define PENSTOCK_SPIRV_HEADER_WORDS 5u

/* Why a module was refused, and the word of it that says so. */
struct penstock_spirv_fault {
	uint32_t word_offset; /* PENSTOCK_SHADER_NO_WORD: none */
	char sentence[PENSTOCK_SHADER_SENTENCE_BYTES];
};

/* Sets the fault. Returns INVALID_PARAMETER. */
PENSTOCK_PRINTF(3, 4)
enum penstock_status penstock_spirv_refuse(struct penstock_spirv_fault *reterr_fault,
					   uint32_t word_offset, const char *format, ...);

struct penstock_spirv_instruction {
	uint32_t offset; /* words from the module's start */
	uint32_t opcode; /* SpvOp */
	uint32_t length; /* words, with the first */
	const uint32_t *words;
};

/* The instructions of a module, in order; begins with offset PENSTOCK_SPIRV_HEADER_WORDS. */
struct penstock_spirv_stream {
	const uint32_t *words;
	uint32_t word_count;
	uint32_t offset;
};

/* After it, offset is behind the header, or the words are too few for one: then there is none. */
void penstock_spirv_begin(struct penstock_spirv_stream *stream, const uint32_t *words,
			  uint32_t word_count);

/* False: there is none any more, or its length is wrong (offset < word_count says that). */
bool penstock_spirv_next(struct penstock_spirv_stream *stream,
			 struct penstock_spirv_instruction *ret_instruction);

/*
 * Whether the module is a stream of instructions of version 1.0 to 1.6 with no more than
 * PENSTOCK_LIMIT_SHADER_IDS ids, and says nothing that permitted.def does not permit. SUCCESS, or
 * INVALID_PARAMETER with the fault.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_spirv_walk(const uint32_t *words, uint32_t word_count,
					 struct penstock_spirv_fault *reterr_fault);

/*
 * Whether nothing of the module can be specialised: no constant has a SpecId, none is a
 * specialisation constant. Of a module that was walked.
 */
bool penstock_spirv_is_frozen(const uint32_t *words, uint32_t word_count);

/*
 * Writes the client's values into the constants that have their SpecId, as their default; a value
 * for a constant that is not there changes nothing. Of a module that was walked and validated.
 * SUCCESS; INVALID_PARAMETER: a value has not the size of its constant; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_spirv_specialise(uint32_t *words, uint32_t word_count,
					       const struct penstock_shader_constant *constants,
					       uint32_t constant_count,
					       struct penstock_spirv_fault *reterr_fault);

#endif
