/* SPDX-License-Identifier: MIT */
/*
 * Twice over the module: first who calls whom, then, with what is reached known, who uses what.
 * Functions do not call themselves: the validator has seen to it.
 */
#include "config.h"

#include "gpu-backend/shader/program/uses.h"

#include "gpu-backend/shader/program/tools.h"

#include <spirv.h>
#include <stdlib.h>

struct function {
	uint32_t id;
	uint32_t first_call; /* index of its calls, which stand together */
	uint32_t call_count;
	uint32_t next_call; /* while it is on the path of the search */
	uint64_t instructions;
	uint64_t bytes;         /* of its variables */
	uint64_t inlined;       /* instructions with what it calls */
	uint64_t inlined_bytes; /* likewise */
	bool is_reached;
};

struct search {
	struct penstock_shader_facts *facts;
	struct function *functions;
	uint32_t function_count;
	uint32_t *function_of; /* index of a function by its id, plus one; bound of them */
	uint32_t *calls;       /* ids of callees */
	uint32_t call_count;
	uint32_t *path; /* indices of functions */
	bool in_function;
};

/* ---------------------------------------------------------------- who calls whom */

static uint64_t add(uint64_t left, uint64_t right)
{
	uint64_t sum;

	return __builtin_add_overflow(left, right, &sum) ? UINT64_MAX : sum;
}

static uint64_t bytes_of(const struct penstock_shader_facts *facts,
			 const spv_parsed_instruction_t *variable)
{
	const struct penstock_shader_id *pointer = penstock_shader_id_at(facts, variable->type_id);
	const struct penstock_shader_id *type =
		pointer == NULL ? NULL : penstock_shader_id_at(facts, pointer->pointee);

	return type == NULL ? UINT64_MAX : type->bytes;
}

static spv_result_t see_call(void *context, const spv_parsed_instruction_t *instruction)
{
	struct search *search = context;
	struct function *function;

	if (instruction->opcode == SpvOpFunction) {
		search->functions[search->function_count++] = (struct function){
			.id = instruction->result_id,
			.first_call = search->call_count,
		};
		if (instruction->result_id < search->facts->bound) {
			search->function_of[instruction->result_id] = search->function_count;
		}
	}
	if (search->function_count == 0) {
		return SPV_SUCCESS;
	}
	function = &search->functions[search->function_count - 1];
	function->instructions++;
	if (instruction->opcode == SpvOpVariable) {
		function->bytes = add(function->bytes, bytes_of(search->facts, instruction));
	}
	if (instruction->opcode == SpvOpFunctionCall && instruction->num_words >= 4) {
		search->calls[search->call_count++] = instruction->words[3];
		function->call_count++;
	}
	return SPV_SUCCESS;
}

static struct function *function_at(const struct search *search, uint32_t id)
{
	uint32_t index = id < search->facts->bound ? search->function_of[id] : 0;

	return index == 0 ? NULL : &search->functions[index - 1];
}

static void enter(struct search *search, uint32_t *depth, struct function *function)
{
	function->is_reached = true;
	function->inlined = function->instructions;
	function->inlined_bytes = function->bytes;
	search->path[(*depth)++] = (uint32_t)(function - search->functions);
}

/*
 * Depth first, without recursion: a function's length is known when it is left, and then goes to
 * its caller once a call.
 */
static void reach(struct search *search, struct function *entry)
{
	uint32_t depth = 0;

	enter(search, &depth, entry);
	while (depth > 0) {
		struct function *function = &search->functions[search->path[depth - 1]];
		struct function *callee;

		if (function->next_call == function->call_count) {
			depth--;
			continue;
		}
		callee = function_at(search,
				     search->calls[function->first_call + function->next_call]);
		if (callee != NULL && !callee->is_reached) {
			enter(search, &depth, callee);
			continue; /* the call is looked at again when it is back */
		}
		function->next_call++;
		if (callee != NULL) {
			function->inlined = add(function->inlined, callee->inlined);
			function->inlined_bytes =
				add(function->inlined_bytes, callee->inlined_bytes);
		}
	}
}

/* ---------------------------------------------------------------- who uses what */

enum deed {
	DEED_STORES = 1,  /* through the pointer in word 1 */
	DEED_UPDATES = 2, /* through the pointer in word 3, with a result */
	DEED_WRITES = 4,  /* to an image */
	DEED_DERIVES = 8,
	DEED_DISCARDS = 16,
};

static const struct {
	uint32_t first, last; /* opcodes */
	enum deed deed;
} deeds[] = {
	{ SpvOpStore, SpvOpStore, DEED_STORES },
	{ SpvOpCopyMemory, SpvOpCopyMemory, DEED_STORES },
	{ SpvOpAtomicStore, SpvOpAtomicStore, DEED_STORES },
	{ SpvOpAtomicFlagClear, SpvOpAtomicFlagClear, DEED_STORES },
	{ SpvOpAtomicExchange, SpvOpAtomicXor, DEED_UPDATES },
	{ SpvOpAtomicFlagTestAndSet, SpvOpAtomicFlagTestAndSet, DEED_UPDATES },
	{ SpvOpImageWrite, SpvOpImageWrite, DEED_WRITES },
	{ SpvOpImageSampleImplicitLod, SpvOpImageSampleImplicitLod, DEED_DERIVES },
	{ SpvOpImageSampleDrefImplicitLod, SpvOpImageSampleDrefImplicitLod, DEED_DERIVES },
	{ SpvOpImageSampleProjImplicitLod, SpvOpImageSampleProjImplicitLod, DEED_DERIVES },
	{ SpvOpImageSampleProjDrefImplicitLod, SpvOpImageSampleProjDrefImplicitLod, DEED_DERIVES },
	{ SpvOpImageQueryLod, SpvOpImageQueryLod, DEED_DERIVES },
	{ SpvOpDPdx, SpvOpFwidthCoarse, DEED_DERIVES },
	{ SpvOpKill, SpvOpKill, DEED_DISCARDS },
	{ SpvOpTerminateInvocation, SpvOpTerminateInvocation, DEED_DISCARDS },
	{ SpvOpDemoteToHelperInvocation, SpvOpDemoteToHelperInvocation, DEED_DISCARDS },
};

static bool is_memory(const struct penstock_shader_facts *facts, uint32_t pointer)
{
	const struct penstock_shader_id *value = penstock_shader_id_at(facts, pointer);
	const struct penstock_shader_id *type =
		value == NULL ? NULL : penstock_shader_id_at(facts, value->type);

	return type == NULL || type->storage == SpvStorageClassStorageBuffer ||
	       type->storage == SpvStorageClassUniform || type->storage == SpvStorageClassImage ||
	       type->storage == SpvStorageClassUniformConstant;
}

static void see_deed(struct penstock_shader_facts *facts,
		     const spv_parsed_instruction_t *instruction)
{
	if (instruction->opcode >= SpvOpGroupNonUniformElect &&
	    instruction->opcode <= SpvOpGroupNonUniformQuadSwap) {
		facts->has_subgroups = true;
		return;
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(deeds); i++) {
		if (instruction->opcode < deeds[i].first || instruction->opcode > deeds[i].last) {
			continue;
		}
		switch (deeds[i].deed) {
		case DEED_STORES:
			facts->writes_memory |= instruction->num_words < 2 ||
						is_memory(facts, instruction->words[1]);
			break;
		case DEED_UPDATES:
			facts->writes_memory |= instruction->num_words < 4 ||
						is_memory(facts, instruction->words[3]);
			break;
		case DEED_WRITES:
			facts->writes_memory = true;
			break;
		case DEED_DERIVES:
			facts->has_derivatives = true;
			break;
		case DEED_DISCARDS:
			facts->discards = true;
			break;
		}
		return;
	}
}

static bool is_id(spv_operand_type_t type)
{
	return type == SPV_OPERAND_TYPE_ID || type == SPV_OPERAND_TYPE_RESULT_ID ||
	       type == SPV_OPERAND_TYPE_TYPE_ID || type == SPV_OPERAND_TYPE_SCOPE_ID ||
	       type == SPV_OPERAND_TYPE_MEMORY_SEMANTICS_ID;
}

static spv_result_t see_use(void *context, const spv_parsed_instruction_t *instruction)
{
	struct search *search = context;

	if (instruction->opcode == SpvOpFunction) {
		const struct function *function = function_at(search, instruction->result_id);

		search->in_function = function != NULL && function->is_reached;
	}
	if (!search->in_function) {
		return SPV_SUCCESS;
	}
	see_deed(search->facts, instruction);
	for (uint16_t i = 0; i < instruction->num_operands; i++) {
		const spv_parsed_operand_t *operand = &instruction->operands[i];

		if (is_id(operand->type)) {
			struct penstock_shader_id *used = penstock_shader_id_at(
				search->facts, instruction->words[operand->offset]);

			if (used != NULL) {
				used->is_used = true;
			}
		}
	}
	return SPV_SUCCESS;
}

/* ---------------------------------------------------------------- both */

static bool prepare(struct search *search, const uint32_t *words, uint32_t word_count)
{
	struct penstock_spirv_instruction instruction;
	struct penstock_spirv_stream stream;
	uint32_t functions = 0, calls = 0;

	penstock_spirv_begin(&stream, words, word_count);
	while (penstock_spirv_next(&stream, &instruction)) {
		functions += instruction.opcode == SpvOpFunction;
		calls += instruction.opcode == SpvOpFunctionCall;
	}
	search->functions = calloc(functions + 1, sizeof(*search->functions));
	search->path = calloc(functions + 1, sizeof(*search->path));
	search->calls = calloc(calls + 1, sizeof(*search->calls));
	search->function_of = calloc(search->facts->bound, sizeof(*search->function_of));
	return search->functions != NULL && search->path != NULL && search->calls != NULL &&
	       search->function_of != NULL;
}

static enum penstock_status find(struct search *search, const uint32_t *words, uint32_t word_count,
				 spv_const_context context,
				 struct penstock_spirv_fault *reterr_fault)
{
	struct function *entry;

	if (spvBinaryParse(context, search, words, word_count, NULL, see_call, NULL) !=
	    SPV_SUCCESS) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "the hardened module cannot be read");
	}
	entry = function_at(search, search->facts->function);
	if (entry == NULL) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "the entry point has no function");
	}
	reach(search, entry);
	search->facts->local_bytes = entry->inlined_bytes;
	if (entry->inlined > PENSTOCK_LIMIT_SHADER_INLINED) {
		return penstock_spirv_refuse(
			reterr_fault, PENSTOCK_SHADER_NO_WORD,
			"with functions copied into their callers the entry point is longer than "
			"%u instructions",
			PENSTOCK_LIMIT_SHADER_INLINED);
	}
	if (spvBinaryParse(context, search, words, word_count, NULL, see_use, NULL) !=
	    SPV_SUCCESS) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "the hardened module cannot be read");
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_shader_uses(struct penstock_shader_facts *facts,
					  const uint32_t *words, uint32_t word_count,
					  struct penstock_spirv_fault *reterr_fault)
{
	struct search search = { .facts = facts };
	enum penstock_status status = PENSTOCK_STATUS_NO_MEMORY;
	spv_context context = spvContextCreate(SPV_ENV_VULKAN_1_3);

	if (context != NULL && prepare(&search, words, word_count)) {
		status = find(&search, words, word_count, context, reterr_fault);
	}
	if (context != NULL) {
		spvContextDestroy(context);
	}
	free(search.functions);
	free(search.path);
	free(search.calls);
	free(search.function_of);
	return status;
}
