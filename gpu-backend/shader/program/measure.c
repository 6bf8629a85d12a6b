/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/program/measure.h"

#include <spirv.h>

/* The type that a variable is of; NULL: the entry point has nothing to do with it. */
static const struct penstock_shader_id *
type_of_variable(const struct penstock_shader_facts *facts,
		 const struct penstock_spirv_instruction *instruction)
{
	const struct penstock_shader_id *variable =
		penstock_shader_id_at(facts, instruction->words[2]);
	const struct penstock_shader_id *pointer =
		penstock_shader_id_at(facts, instruction->words[1]);

	if (variable == NULL || pointer == NULL || !(variable->is_used || variable->in_interface)) {
		return NULL;
	}
	return penstock_shader_id_at(facts, pointer->pointee);
}

/* ---------------------------------------------------------------- bytes */

/* In 64 bits: sizes that are no more than a limit each, and one that is not. */
struct bytes {
	uint64_t shared;
	uint64_t private;
};

/* Sums stop growing once they are over every limit. */
static uint64_t add(uint64_t sum, const struct penstock_shader_id *type)
{
	uint64_t aligned = penstock_align_up(sum, type->align);

	return sum > UINT32_MAX || type->bytes > UINT32_MAX ? UINT64_MAX : aligned + type->bytes;
}

static void add_variable(const struct penstock_shader_id *type, uint32_t storage,
			 struct bytes *bytes)
{
	switch (storage) {
	case SpvStorageClassWorkgroup:
		bytes->shared = add(bytes->shared, type);
		break;
	case SpvStorageClassPrivate:
	case SpvStorageClassInput:
	case SpvStorageClassOutput:
		bytes->private = add(bytes->private, type);
		break;
	default:
		break; /* a function's are counted with its calls */
	}
}

static enum penstock_status check_bytes(const struct penstock_shader_facts *facts,
					const struct bytes *bytes,
					struct penstock_spirv_fault *reterr_fault)
{
	if (bytes->shared > PENSTOCK_LIMIT_SHADER_SHARED_BYTES) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "the variables of a workgroup take more than %u bytes",
					     PENSTOCK_LIMIT_SHADER_SHARED_BYTES);
	}
	if (!penstock_range_fits(facts->local_bytes, bytes->private,
				 PENSTOCK_LIMIT_SHADER_PRIVATE_BYTES)) {
		return penstock_spirv_refuse(
			reterr_fault, PENSTOCK_SHADER_NO_WORD,
			"the variables of an invocation take more than %u bytes",
			PENSTOCK_LIMIT_SHADER_PRIVATE_BYTES);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- distances */

/*
 * Arrays of clip and cull distances, by whom they belong to: a block, or the inputs or outputs. A
 * module has few; one with more than there is room for is refused.
 */
#define OWNERS_MAX  16u
#define NO_MEMBER   UINT32_MAX
#define OF_VARIABLE 0x80000000u /* an owner that is a storage class, and not an id */

struct distances {
	struct {
		uint32_t id; /* of a variable, or a block's type */
		uint32_t member;
	} arrays[OWNERS_MAX];
	uint32_t array_count;
	struct {
		uint32_t owner;
		uint64_t elements;
	} sums[OWNERS_MAX];
	uint32_t sum_count;
	bool too_many;
};

static void see_decoration(struct distances *distances, uint32_t id, uint32_t member,
			   uint32_t decoration, uint32_t builtin)
{
	if (decoration != SpvDecorationBuiltIn ||
	    (builtin != SpvBuiltInClipDistance && builtin != SpvBuiltInCullDistance)) {
		return;
	}
	if (distances->array_count == OWNERS_MAX) {
		distances->too_many = true;
		return;
	}
	distances->arrays[distances->array_count].id = id;
	distances->arrays[distances->array_count++].member = member;
}

/* An array of floats; the one over vertices is not counted. */
static uint64_t elements_of(const struct penstock_shader_facts *facts, uint32_t type_id)
{
	const struct penstock_shader_id *type = penstock_shader_id_at(facts, type_id);
	const struct penstock_shader_id *element =
		type == NULL ? NULL : penstock_shader_id_at(facts, type->element);

	if (element != NULL && element->element != 0) {
		type = element;
	}
	return type == NULL ? 0 : type->bytes / sizeof(float);
}

static void add_elements(struct distances *distances, uint32_t owner, uint64_t elements)
{
	uint32_t i = 0;

	while (i < distances->sum_count && distances->sums[i].owner != owner) {
		i++;
	}
	if (i == distances->sum_count) { /* as many as there are arrays at most */
		distances->sums[distances->sum_count++].owner = owner;
		distances->sums[i].elements = 0;
	}
	distances->sums[i].elements += elements > UINT32_MAX ? UINT32_MAX : elements;
}

/* A block's type, or a variable; the decorations came before. */
static void see_owner(const struct penstock_shader_facts *facts, struct distances *distances,
		      const struct penstock_spirv_instruction *instruction)
{
	bool is_block = instruction->opcode == SpvOpTypeStruct;
	const uint32_t *words = instruction->words;

	for (uint32_t i = 0; i < distances->array_count; i++) {
		uint32_t member = distances->arrays[i].member;

		if (is_block && distances->arrays[i].id == words[1] && member != NO_MEMBER &&
		    member < instruction->length - 2) {
			add_elements(distances, words[1], elements_of(facts, words[2 + member]));
		} else if (!is_block && distances->arrays[i].id == words[2] &&
			   member == NO_MEMBER) {
			const struct penstock_shader_id *pointer =
				penstock_shader_id_at(facts, words[1]);

			add_elements(distances, OF_VARIABLE | words[3],
				     pointer == NULL ? 0 : elements_of(facts, pointer->pointee));
		}
	}
}

static enum penstock_status check_distances(const struct distances *distances,
					    struct penstock_spirv_fault *reterr_fault)
{
	for (uint32_t i = 0; i < distances->sum_count; i++) {
		if (distances->sums[i].elements > PENSTOCK_LIMIT_SHADER_DISTANCES) {
			return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
						     "a stage has more than %u clip and cull "
						     "distances",
						     PENSTOCK_LIMIT_SHADER_DISTANCES);
		}
	}
	if (distances->too_many) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "the module has more than %u arrays of clip and cull "
					     "distances",
					     OWNERS_MAX);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- both */

static void see(const struct penstock_shader_facts *facts,
		const struct penstock_spirv_instruction *instruction, struct bytes *bytes,
		struct distances *distances)
{
	const uint32_t *words = instruction->words;
	const struct penstock_shader_id *type;

	switch (instruction->opcode) {
	case SpvOpDecorate:
		if (instruction->length == 4) {
			see_decoration(distances, words[1], NO_MEMBER, words[2], words[3]);
		}
		break;
	case SpvOpMemberDecorate:
		if (instruction->length == 5) {
			see_decoration(distances, words[1], words[2], words[3], words[4]);
		}
		break;
	case SpvOpTypeStruct:
		see_owner(facts, distances, instruction);
		break;
	case SpvOpVariable:
		see_owner(facts, distances, instruction);
		type = type_of_variable(facts, instruction);
		if (type != NULL) {
			add_variable(type, words[3], bytes);
		}
		break;
	default:
		break;
	}
}

enum penstock_status penstock_shader_measure(const struct penstock_shader_facts *facts,
					     const uint32_t *words, uint32_t word_count,
					     struct penstock_shader_reflection *reflection,
					     struct penstock_spirv_fault *reterr_fault)
{
	struct distances distances = { .array_count = 0 };
	struct bytes bytes = { 0, 0 };
	struct penstock_spirv_instruction instruction;
	struct penstock_spirv_stream stream;
	enum penstock_status status;

	penstock_spirv_begin(&stream, words, word_count);
	while (penstock_spirv_next(&stream, &instruction)) {
		see(facts, &instruction, &bytes, &distances);
	}
	status = check_bytes(facts, &bytes, reterr_fault);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_distances(&distances, reterr_fault);
		reflection->shared_bytes = (uint32_t)bytes.shared;
	}
	return status;
}
