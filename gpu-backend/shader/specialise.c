/* SPDX-License-Identifier: MIT */
/*
 * A client's specialisation constants become the defaults of the module's, before anybody freezes
 * them. Decorations stand before types, and types before constants: one pass sees each in time.
 */
#include "config.h"

#include "gpu-backend/shader/spirv.h"

#include <spirv.h>
#include <stdlib.h>

struct id {
	uint32_t constant; /* index of the client's constant, plus one */
	uint8_t bytes;     /* of a scalar type; 0: it is none */
	bool is_signed;
};

struct specialiser {
	const struct penstock_shader_constant *constants;
	uint32_t constant_count;
	struct id *ids; /* bound of them */
	uint32_t bound;
};

static struct id *id_at(const struct specialiser *specialiser, uint32_t id)
{
	return id < specialiser->bound ? &specialiser->ids[id] : NULL;
}

static void see_decoration(const struct specialiser *specialiser,
			   const struct penstock_spirv_instruction *instruction)
{
	struct id *target =
		instruction->length == 4 ? id_at(specialiser, instruction->words[1]) : NULL;

	if (target == NULL || instruction->words[2] != SpvDecorationSpecId) {
		return;
	}
	for (uint32_t i = 0; i < specialiser->constant_count; i++) {
		if (specialiser->constants[i].id == instruction->words[3]) {
			target->constant = i + 1;
			return;
		}
	}
}

static void see_type(const struct specialiser *specialiser,
		     const struct penstock_spirv_instruction *instruction)
{
	struct id *type =
		instruction->length >= 2 ? id_at(specialiser, instruction->words[1]) : NULL;

	if (type == NULL) {
		return;
	}
	if (instruction->opcode == SpvOpTypeBool) {
		type->bytes = 4;
	} else if (instruction->length >= 3 && instruction->words[2] <= 64) {
		type->bytes = (uint8_t)(instruction->words[2] / 8);
		type->is_signed = instruction->opcode == SpvOpTypeInt && instruction->length >= 4 &&
				  instruction->words[3] != 0;
	}
}

/* A narrow number's word: signed ones are extended by their sign, others by zeros. */
static uint32_t widen(uint64_t value, const struct id *type)
{
	unsigned unused = 32u - 8u * type->bytes;
	uint32_t high = (uint32_t)value << unused;

	return type->is_signed ? (uint32_t)((int32_t)high >> unused) : high >> unused;
}

static enum penstock_status see_constant(const struct specialiser *specialiser,
					 const struct penstock_spirv_instruction *instruction,
					 uint32_t *words, struct penstock_spirv_fault *reterr_fault)
{
	const struct id *type =
		instruction->length >= 3 ? id_at(specialiser, instruction->words[1]) : NULL;
	const struct id *result = type == NULL ? NULL : id_at(specialiser, instruction->words[2]);
	const struct penstock_shader_constant *constant;

	if (result == NULL || result->constant == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	constant = &specialiser->constants[result->constant - 1];
	if (constant->bytes != type->bytes) {
		return penstock_spirv_refuse(
			reterr_fault, instruction->offset,
			"specialisation constant %u is of %u bytes, and its value of %u",
			constant->id, type->bytes, constant->bytes);
	}
	if (instruction->opcode != SpvOpSpecConstant) {
		uint32_t opcode =
			constant->value != 0 ? SpvOpSpecConstantTrue : SpvOpSpecConstantFalse;

		words[0] = instruction->length << SpvWordCountShift | opcode;
	} else if (type->bytes == 8 && instruction->length == 5) {
		words[3] = (uint32_t)constant->value;
		words[4] = (uint32_t)(constant->value >> 32);
	} else if (type->bytes <= 4 && instruction->length == 4) {
		words[3] = widen(constant->value, type);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status see(const struct specialiser *specialiser,
				const struct penstock_spirv_instruction *instruction,
				uint32_t *words, struct penstock_spirv_fault *reterr_fault)
{
	switch (instruction->opcode) {
	case SpvOpDecorate:
		see_decoration(specialiser, instruction);
		return PENSTOCK_STATUS_SUCCESS;
	case SpvOpTypeBool:
	case SpvOpTypeInt:
	case SpvOpTypeFloat:
		see_type(specialiser, instruction);
		return PENSTOCK_STATUS_SUCCESS;
	case SpvOpSpecConstantTrue:
	case SpvOpSpecConstantFalse:
	case SpvOpSpecConstant:
		return see_constant(specialiser, instruction, words, reterr_fault);
	default:
		return PENSTOCK_STATUS_SUCCESS;
	}
}

enum penstock_status penstock_spirv_specialise(uint32_t *words, uint32_t word_count,
					       const struct penstock_shader_constant *constants,
					       uint32_t constant_count,
					       struct penstock_spirv_fault *reterr_fault)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct specialiser specialiser = {
		.constants = constants,
		.constant_count = constant_count,
		.bound = word_count > 3 ? words[3] : 0,
	};
	struct penstock_spirv_instruction instruction;
	struct penstock_spirv_stream stream;

	if (constant_count == 0 || specialiser.bound == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	specialiser.ids = calloc(specialiser.bound, sizeof(*specialiser.ids));
	if (specialiser.ids == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_spirv_begin(&stream, words, word_count);
	while (status == PENSTOCK_STATUS_SUCCESS && penstock_spirv_next(&stream, &instruction)) {
		status = see(&specialiser, &instruction, words + instruction.offset, reterr_fault);
	}
	free(specialiser.ids);
	return status;
}
