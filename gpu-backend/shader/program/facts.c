/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/program/facts.h"

#include <stdlib.h>
#include <string.h>

#define SPV_ENABLE_UTILITY_CODE
#include <spirv.h>

/* The header has it inline only; here it is for when it is not. */
extern inline void SpvHasResultAndType(SpvOp opcode, bool *hasResult, bool *hasResultType);

struct penstock_shader_id *penstock_shader_id_at(const struct penstock_shader_facts *facts,
						 uint32_t id)
{
	return id < facts->bound ? &facts->ids[id] : NULL;
}

/* ---------------------------------------------------------------- the entry point */

static bool is_named(const struct penstock_spirv_instruction *instruction, const char *name)
{
	size_t room = (instruction->length - 3) * sizeof(uint32_t), length = strlen(name) + 1;

	return length <= room && memcmp(instruction->words + 3, name, length) == 0;
}

static void take_interface(struct penstock_shader_facts *facts,
			   const struct penstock_spirv_instruction *instruction,
			   const char *entry_point)
{
	uint32_t first = 3 + (uint32_t)(strlen(entry_point) / sizeof(uint32_t)) + 1;

	for (uint32_t i = first; i < instruction->length; i++) {
		struct penstock_shader_id *variable =
			penstock_shader_id_at(facts, instruction->words[i]);

		if (variable != NULL) {
			variable->in_interface = true;
		}
	}
}

static enum penstock_status find_entry_point(struct penstock_shader_facts *facts,
					     const uint32_t *words, uint32_t word_count,
					     const struct penstock_shader_reflection *reflection,
					     struct penstock_spirv_fault *reterr_fault)
{
	struct penstock_spirv_instruction instruction;
	struct penstock_spirv_stream stream;

	penstock_spirv_begin(&stream, words, word_count);
	while (penstock_spirv_next(&stream, &instruction)) {
		if (instruction.opcode == SpvOpEntryPoint &&
		    instruction.words[1] == reflection->stage &&
		    is_named(&instruction, reflection->entry_point)) {
			facts->function = instruction.words[2];
			take_interface(facts, &instruction, reflection->entry_point);
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
				     "the module has no entry point %.64s of that stage",
				     reflection->entry_point);
}

/* ---------------------------------------------------------------- types and constants */

static uint64_t multiply(uint64_t left, uint64_t right)
{
	uint64_t product;

	return __builtin_mul_overflow(left, right, &product) ? UINT64_MAX : product;
}

static uint64_t add(uint64_t left, uint64_t right)
{
	uint64_t sum;

	return __builtin_add_overflow(left, right, &sum) ? UINT64_MAX : sum;
}

static uint64_t align_up(uint64_t value, uint32_t alignment)
{
	uint64_t rest = value % alignment;

	return rest == 0 ? value : add(value, alignment - rest);
}

/* Never 0: many of nothing are not nothing. */
static void set_size(struct penstock_shader_id *type, uint64_t bytes, uint32_t align)
{
	type->align = align == 0 ? 1 : align;
	type->bytes = bytes == 0 ? 1 : bytes;
}

static void size_of_many(const struct penstock_shader_facts *facts, struct penstock_shader_id *type,
			 uint32_t element, uint64_t count)
{
	const struct penstock_shader_id *of = penstock_shader_id_at(facts, element);

	if (of == NULL) {
		set_size(type, UINT64_MAX, 1);
		return;
	}
	set_size(type, multiply(of->bytes == 0 ? UINT64_MAX : of->bytes, count), of->align);
}

static void size_of_struct(const struct penstock_shader_facts *facts,
			   struct penstock_shader_id *type,
			   const struct penstock_spirv_instruction *instruction)
{
	uint64_t bytes = 0;
	uint32_t align = 1;

	for (uint32_t i = 2; i < instruction->length; i++) {
		const struct penstock_shader_id *member =
			penstock_shader_id_at(facts, instruction->words[i]);

		if (member == NULL || member->bytes == 0) {
			bytes = UINT64_MAX;
			break;
		}
		bytes = add(align_up(bytes, member->align), member->bytes);
		align = member->align > align ? member->align : align;
	}
	set_size(type, align_up(bytes, align), align);
}

static void size_of_array(const struct penstock_shader_facts *facts,
			  struct penstock_shader_id *type,
			  const struct penstock_spirv_instruction *instruction)
{
	const struct penstock_shader_id *length =
		penstock_shader_id_at(facts, instruction->words[3]);
	bool is_known = length != NULL && length->is_constant;

	type->element = instruction->words[2];
	size_of_many(facts, type, instruction->words[2], is_known ? length->value : UINT64_MAX);
}

static void see_type(const struct penstock_shader_facts *facts,
		     const struct penstock_spirv_instruction *instruction)
{
	struct penstock_shader_id *type = penstock_shader_id_at(facts, instruction->words[1]);
	const uint32_t *words = instruction->words;

	if (type == NULL) {
		return;
	}
	switch (instruction->opcode) {
	case SpvOpTypeBool:
		set_size(type, 4, 4);
		break;
	case SpvOpTypeInt:
	case SpvOpTypeFloat:
		set_size(type, words[2] / 8, words[2] / 8);
		break;
	case SpvOpTypeVector:
	case SpvOpTypeMatrix:
		size_of_many(facts, type, words[2], words[3]);
		break;
	case SpvOpTypeArray:
		size_of_array(facts, type, instruction);
		break;
	case SpvOpTypeStruct:
		size_of_struct(facts, type, instruction);
		break;
	case SpvOpTypePointer:
		type->storage = words[2];
		type->pointee = words[3];
		set_size(type, 8, 8);
		break;
	case SpvOpTypeRuntimeArray:
		/* Never a value; as long as a buffer has room. */
		set_size(type, UINT64_MAX, 1);
		break;
	default:
		set_size(type, 8, 8); /* opaque */
		break;
	}
}

static void see_constant(const struct penstock_shader_facts *facts,
			 const struct penstock_spirv_instruction *instruction)
{
	struct penstock_shader_id *result = penstock_shader_id_at(facts, instruction->words[2]);

	if (result != NULL && instruction->length >= 4) {
		result->is_constant = true;
		result->value = instruction->words[3];
		if (instruction->length >= 5) {
			result->value |= (uint64_t)instruction->words[4] << 32;
		}
	}
}

/* The fewest words of the types above; the validator has seen to the rest. */
static const struct {
	uint32_t opcode;
	uint32_t least_words;
} types[] = {
	{ SpvOpTypeVoid, 2 },    { SpvOpTypeBool, 2 },         { SpvOpTypeInt, 4 },
	{ SpvOpTypeFloat, 3 },   { SpvOpTypeVector, 4 },       { SpvOpTypeMatrix, 4 },
	{ SpvOpTypeImage, 2 },   { SpvOpTypeSampler, 2 },      { SpvOpTypeSampledImage, 2 },
	{ SpvOpTypeArray, 4 },   { SpvOpTypeRuntimeArray, 3 }, { SpvOpTypeStruct, 2 },
	{ SpvOpTypePointer, 4 }, { SpvOpTypeFunction, 2 },
};

static bool is_type(const struct penstock_spirv_instruction *instruction)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(types); i++) {
		if (types[i].opcode == instruction->opcode) {
			return instruction->length >= types[i].least_words;
		}
	}
	return false;
}

/* No value of a function is larger than what an invocation may have of memory. */
static enum penstock_status see_result(const struct penstock_shader_facts *facts,
				       const struct penstock_spirv_instruction *instruction,
				       struct penstock_spirv_fault *reterr_fault)
{
	struct penstock_shader_id *result;
	const struct penstock_shader_id *type;
	bool has_result = false, has_type = false;

	SpvHasResultAndType((SpvOp)instruction->opcode, &has_result, &has_type);
	if (!has_result || !has_type || instruction->length < 3) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	result = penstock_shader_id_at(facts, instruction->words[2]);
	type = penstock_shader_id_at(facts, instruction->words[1]);
	if (result == NULL || type == NULL) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	result->type = instruction->words[1];
	if (type->bytes > PENSTOCK_LIMIT_SHADER_VALUE_BYTES) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "a value takes more than %u bytes",
					     PENSTOCK_LIMIT_SHADER_VALUE_BYTES);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status see_all(struct penstock_shader_facts *facts, const uint32_t *words,
				    uint32_t word_count, struct penstock_spirv_fault *reterr_fault)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_spirv_instruction instruction;
	struct penstock_spirv_stream stream;

	penstock_spirv_begin(&stream, words, word_count);
	while (status == PENSTOCK_STATUS_SUCCESS && penstock_spirv_next(&stream, &instruction)) {
		if (is_type(&instruction)) {
			see_type(facts, &instruction);
		} else if (instruction.opcode == SpvOpConstant) {
			see_constant(facts, &instruction);
		}
		status = see_result(facts, &instruction, reterr_fault);
	}
	return status;
}

/* ---------------------------------------------------------------- modes */

static uint32_t value_of(const struct penstock_shader_facts *facts, uint32_t id)
{
	const struct penstock_shader_id *constant = penstock_shader_id_at(facts, id);

	return constant != NULL && constant->is_constant && constant->value <= UINT32_MAX
		       ? (uint32_t)constant->value
		       : 0;
}

static void see_mode(const struct penstock_shader_facts *facts,
		     const struct penstock_spirv_instruction *instruction,
		     struct penstock_shader_reflection *reflection)
{
	const uint32_t *words = instruction->words;

	if (words[1] != facts->function) {
		return;
	}
	switch (words[2]) { /* the walk has counted the arguments */
	case SpvExecutionModeLocalSize:
		memcpy(reflection->workgroup_size, words + 3, sizeof(reflection->workgroup_size));
		break;
	case SpvExecutionModeLocalSizeId:
		for (uint32_t i = 0; i < 3; i++) {
			reflection->workgroup_size[i] = value_of(facts, words[3 + i]);
		}
		break;
	case SpvExecutionModeInvocations:
		reflection->invocations = words[3];
		break;
	case SpvExecutionModeOutputVertices:
		reflection->output_vertices = words[3];
		break;
	case SpvExecutionModeInputPoints:
	case SpvExecutionModeInputLines:
	case SpvExecutionModeInputLinesAdjacency:
	case SpvExecutionModeTriangles:
	case SpvExecutionModeInputTrianglesAdjacency:
	case SpvExecutionModeQuads:
	case SpvExecutionModeIsolines:
		reflection->input_mode = words[2];
		break;
	case SpvExecutionModeOutputPoints:
	case SpvExecutionModeOutputLineStrip:
	case SpvExecutionModeOutputTriangleStrip:
		reflection->output_mode = words[2];
		break;
	case SpvExecutionModePointMode:
		reflection->flags |= PENSTOCK_SHADER_POINT_MODE;
		break;
	case SpvExecutionModeEarlyFragmentTests:
		reflection->flags |= PENSTOCK_SHADER_EARLY_TESTS;
		break;
	case SpvExecutionModeDepthReplacing:
		reflection->flags |= PENSTOCK_SHADER_WRITES_DEPTH;
		break;
	default:
		break;
	}
}

/* A constant decorated as WorkgroupSize comes before the modes. */
static void see_size_constant(const struct penstock_shader_facts *facts,
			      const struct penstock_spirv_instruction *instruction,
			      uint32_t decorated, struct penstock_shader_reflection *reflection)
{
	if (instruction->length == 6 && instruction->words[2] == decorated) {
		for (uint32_t i = 0; i < 3; i++) {
			reflection->workgroup_size[i] = value_of(facts, instruction->words[3 + i]);
		}
	}
}

static void see_modes(const struct penstock_shader_facts *facts, const uint32_t *words,
		      uint32_t word_count, struct penstock_shader_reflection *reflection)
{
	struct penstock_spirv_instruction instruction;
	struct penstock_spirv_stream stream;
	uint32_t decorated = 0;

	penstock_spirv_begin(&stream, words, word_count);
	while (penstock_spirv_next(&stream, &instruction)) {
		switch (instruction.opcode) {
		case SpvOpExecutionMode:
		case SpvOpExecutionModeId:
			see_mode(facts, &instruction, reflection);
			break;
		case SpvOpDecorate:
			if (instruction.length == 4 &&
			    instruction.words[2] == SpvDecorationBuiltIn &&
			    instruction.words[3] == SpvBuiltInWorkgroupSize) {
				decorated = instruction.words[1];
			}
			break;
		case SpvOpConstantComposite:
			if (decorated != 0 && reflection->stage == PENSTOCK_SHADER_COMPUTE) {
				see_size_constant(facts, &instruction, decorated, reflection);
			}
			break;
		default:
			break;
		}
	}
}

static enum penstock_status check_workgroup(const struct penstock_shader_reflection *reflection,
					    struct penstock_spirv_fault *reterr_fault)
{
	const uint32_t *size = reflection->workgroup_size;
	uint64_t product = multiply(multiply(size[0], size[1]), size[2]);

	if (reflection->stage != PENSTOCK_SHADER_COMPUTE) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (product == 0 || product > PENSTOCK_LIMIT_SHADER_WORKGROUP) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "a workgroup of %u x %u x %u is not one of 1 to %u "
					     "invocations",
					     size[0], size[1], size[2],
					     PENSTOCK_LIMIT_SHADER_WORKGROUP);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check_modes(const struct penstock_shader_reflection *reflection,
					struct penstock_spirv_fault *reterr_fault)
{
	uint32_t vertices = reflection->stage == PENSTOCK_SHADER_GEOMETRY
				    ? PENSTOCK_LIMIT_SHADER_EMITTED
				    : PENSTOCK_LIMIT_SHADER_PATCH;

	if (reflection->output_vertices > vertices) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "the stage gives %u vertices, and at most %u are "
					     "permitted",
					     reflection->output_vertices, vertices);
	}
	if (reflection->invocations > PENSTOCK_LIMIT_SHADER_INVOCATIONS) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "the stage has %u invocations, and at most %u are "
					     "permitted",
					     reflection->invocations,
					     PENSTOCK_LIMIT_SHADER_INVOCATIONS);
	}
	return check_workgroup(reflection, reterr_fault);
}

/* ---------------------------------------------------------------- all of it */

enum penstock_status penstock_shader_facts_init(struct penstock_shader_facts *facts,
						const uint32_t *words, uint32_t word_count,
						uint32_t stage, const char *entry_point,
						struct penstock_shader_reflection *ret_reflection,
						struct penstock_spirv_fault *reterr_fault)
{
	enum penstock_status status;

	*facts = (struct penstock_shader_facts){ .bound = words[3] };
	memset(ret_reflection, 0, sizeof(*ret_reflection));
	ret_reflection->stage = stage;
	strncpy(ret_reflection->entry_point, entry_point, sizeof(ret_reflection->entry_point) - 1);
	facts->ids = calloc(facts->bound, sizeof(*facts->ids));
	if (facts->ids == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	for (uint32_t i = 0; i < facts->bound; i++) {
		facts->ids[i].storage = UINT32_MAX;
	}
	status = find_entry_point(facts, words, word_count, ret_reflection, reterr_fault);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = see_all(facts, words, word_count, reterr_fault);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		see_modes(facts, words, word_count, ret_reflection);
		status = check_modes(ret_reflection, reterr_fault);
	}
	return status;
}

void penstock_shader_facts_finish(struct penstock_shader_facts *facts)
{
	free(facts->ids);
	facts->ids = NULL;
}
