/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/spirv.h"

#include <spirv.h>
#include <stdio.h>
#include <string.h>

/* version << 16 | revision << 8 */
#define VERSION_MIN 0x00010000u
#define VERSION_MAX 0x00010600u

/* ---------------------------------------------------------------- what is permitted */

struct permitted {
	uint32_t value;
	const char *name;
	const char *why_not; /* NULL: it is permitted */
};

static const struct permitted capabilities[] = {
#define CAPABILITY(name)              { SpvCapability##name, #name, NULL },
#define REFUSED_CAPABILITY(name, why) { SpvCapability##name, #name, why },
#include "gpu-backend/shader/permitted.def"
};

static const struct permitted storage_classes[] = {
#define STORAGE_CLASS(name)              { SpvStorageClass##name, #name, NULL },
#define REFUSED_STORAGE_CLASS(name, why) { SpvStorageClass##name, #name, why },
#include "gpu-backend/shader/permitted.def"
};

static const struct permitted opcodes_refused[] = {
#define REFUSED_OPCODE(name, why) { SpvOp##name, "Op" #name, why },
#include "gpu-backend/shader/permitted.def"
};

static const struct {
	uint32_t value;
	uint32_t arguments;
} modes[] = {
#define MODE(name, words) { SpvExecutionMode##name, words },
#include "gpu-backend/shader/permitted.def"
};

static const char *const extensions[] = {
#define EXTENSION(text) text,
#include "gpu-backend/shader/permitted.def"
};

static const char *const imports[] = {
#define IMPORT(text) text,
#include "gpu-backend/shader/permitted.def"
};

static const struct permitted *find(const struct permitted *table, size_t count, uint32_t value)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].value == value) {
			return &table[i];
		}
	}
	return NULL;
}

enum penstock_status penstock_spirv_refuse(struct penstock_spirv_fault *reterr_fault,
					   uint32_t word_offset, const char *format, ...)
{
	va_list arguments;

	reterr_fault->word_offset = word_offset;
	va_start(arguments, format);
	vsnprintf(reterr_fault->sentence, sizeof(reterr_fault->sentence), format, arguments);
	va_end(arguments);
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}

/* ---------------------------------------------------------------- the stream */

void penstock_spirv_begin(struct penstock_spirv_stream *stream, const uint32_t *words,
			  uint32_t word_count)
{
	*stream = (struct penstock_spirv_stream){
		.words = words,
		.word_count = word_count,
		.offset = word_count < PENSTOCK_SPIRV_HEADER_WORDS ? word_count
								   : PENSTOCK_SPIRV_HEADER_WORDS,
	};
}

bool penstock_spirv_next(struct penstock_spirv_stream *stream,
			 struct penstock_spirv_instruction *ret_instruction)
{
	uint32_t first, length;

	if (stream->offset >= stream->word_count) {
		return false;
	}
	first = stream->words[stream->offset];
	length = first >> SpvWordCountShift;
	if (length == 0 || !penstock_range_fits(stream->offset, length, stream->word_count)) {
		return false;
	}
	*ret_instruction = (struct penstock_spirv_instruction){
		.offset = stream->offset,
		.opcode = first & SpvOpCodeMask,
		.length = length,
		.words = stream->words + stream->offset,
	};
	stream->offset += length;
	return true;
}

/* ---------------------------------------------------------------- one instruction each */

typedef enum penstock_status visit(const struct penstock_spirv_instruction *instruction,
				   struct penstock_spirv_fault *reterr_fault);

static enum penstock_status judge(const struct permitted *table, size_t count, const char *kind,
				  uint32_t value, uint32_t word_offset,
				  struct penstock_spirv_fault *reterr_fault)
{
	const struct permitted *found = find(table, count, value);

	if (found == NULL) {
		return penstock_spirv_refuse(reterr_fault, word_offset, "%s %u is not known", kind,
					     value);
	}
	if (found->why_not != NULL) {
		return penstock_spirv_refuse(reterr_fault, word_offset,
					     "%s %s is not permitted: %s", kind, found->name,
					     found->why_not);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status visit_capability(const struct penstock_spirv_instruction *instruction,
					     struct penstock_spirv_fault *reterr_fault)
{
	return judge(capabilities, PENSTOCK_ARRAY_SIZE(capabilities), "capability",
		     instruction->words[1], instruction->offset, reterr_fault);
}

static enum penstock_status visit_pointer(const struct penstock_spirv_instruction *instruction,
					  struct penstock_spirv_fault *reterr_fault)
{
	return judge(storage_classes, PENSTOCK_ARRAY_SIZE(storage_classes), "storage class",
		     instruction->words[2], instruction->offset, reterr_fault);
}

static enum penstock_status visit_variable(const struct penstock_spirv_instruction *instruction,
					   struct penstock_spirv_fault *reterr_fault)
{
	return judge(storage_classes, PENSTOCK_ARRAY_SIZE(storage_classes), "storage class",
		     instruction->words[3], instruction->offset, reterr_fault);
}

/* A string's words from `first` on; its zero byte is in them. */
static enum penstock_status visit_text(const struct penstock_spirv_instruction *instruction,
				       uint32_t first, const char *kind,
				       const char *const *permitted, size_t count,
				       struct penstock_spirv_fault *reterr_fault)
{
	const char *text = (const char *)(instruction->words + first);
	size_t room = (instruction->length - first) * sizeof(uint32_t);

	if (strnlen(text, room) == room) {
		return penstock_spirv_refuse(reterr_fault, instruction->offset,
					     "the name of an %s has no end", kind);
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, permitted[i]) == 0) {
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	return penstock_spirv_refuse(reterr_fault, instruction->offset, "%s %.64s is not permitted",
				     kind, text);
}

static enum penstock_status visit_extension(const struct penstock_spirv_instruction *instruction,
					    struct penstock_spirv_fault *reterr_fault)
{
	return visit_text(instruction, 1, "extension", extensions, PENSTOCK_ARRAY_SIZE(extensions),
			  reterr_fault);
}

static enum penstock_status visit_import(const struct penstock_spirv_instruction *instruction,
					 struct penstock_spirv_fault *reterr_fault)
{
	return visit_text(instruction, 2, "import of extended instructions", imports,
			  PENSTOCK_ARRAY_SIZE(imports), reterr_fault);
}

static enum penstock_status visit_memory_model(const struct penstock_spirv_instruction *instruction,
					       struct penstock_spirv_fault *reterr_fault)
{
	if (instruction->words[1] != SpvAddressingModelLogical) {
		return penstock_spirv_refuse(
			reterr_fault, instruction->offset,
			"addressing model %u is not permitted: only Logical is",
			instruction->words[1]);
	}
	if (instruction->words[2] != SpvMemoryModelGLSL450 &&
	    instruction->words[2] != SpvMemoryModelVulkan) {
		return penstock_spirv_refuse(
			reterr_fault, instruction->offset,
			"memory model %u is not permitted: only GLSL450 and Vulkan are",
			instruction->words[2]);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status visit_entry_point(const struct penstock_spirv_instruction *instruction,
					      struct penstock_spirv_fault *reterr_fault)
{
	if (instruction->words[1] >= PENSTOCK_SHADER_STAGES) {
		return penstock_spirv_refuse(reterr_fault, instruction->offset,
					     "execution model %u is not permitted",
					     instruction->words[1]);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status visit_mode(const struct penstock_spirv_instruction *instruction,
				       struct penstock_spirv_fault *reterr_fault)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(modes); i++) {
		if (modes[i].value != instruction->words[2]) {
			continue;
		}
		if (instruction->length != 3 + modes[i].arguments) {
			return penstock_spirv_refuse(reterr_fault, instruction->offset,
						     "execution mode %u has %u words, not %u",
						     modes[i].value, instruction->length,
						     3 + modes[i].arguments);
		}
		return PENSTOCK_STATUS_SUCCESS;
	}
	return penstock_spirv_refuse(reterr_fault, instruction->offset,
				     "execution mode %u is not permitted", instruction->words[2]);
}

/* Instructions that are looked at, and the words that the look needs. */
static const struct {
	uint32_t opcode;
	uint32_t least_words;
	visit *visit;
} visits[] = {
	{ SpvOpCapability, 2, visit_capability },  { SpvOpExtension, 2, visit_extension },
	{ SpvOpExtInstImport, 3, visit_import },   { SpvOpMemoryModel, 3, visit_memory_model },
	{ SpvOpEntryPoint, 4, visit_entry_point }, { SpvOpExecutionMode, 3, visit_mode },
	{ SpvOpExecutionModeId, 3, visit_mode },   { SpvOpTypePointer, 4, visit_pointer },
	{ SpvOpVariable, 4, visit_variable },
};

static enum penstock_status look_at(const struct penstock_spirv_instruction *instruction,
				    struct penstock_spirv_fault *reterr_fault)
{
	const struct permitted *refused =
		find(opcodes_refused, PENSTOCK_ARRAY_SIZE(opcodes_refused), instruction->opcode);

	if (refused != NULL) {
		return penstock_spirv_refuse(reterr_fault, instruction->offset,
					     "%s is not permitted: %s", refused->name,
					     refused->why_not);
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(visits); i++) {
		if (visits[i].opcode != instruction->opcode) {
			continue;
		}
		if (instruction->length < visits[i].least_words) {
			return penstock_spirv_refuse(
				reterr_fault, instruction->offset,
				"instruction with opcode %u has %u words, and needs %u",
				instruction->opcode, instruction->length, visits[i].least_words);
		}
		return visits[i].visit(instruction, reterr_fault);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- the module */

static enum penstock_status look_at_header(const uint32_t *words, uint32_t word_count,
					   struct penstock_spirv_fault *reterr_fault)
{
	if (word_count < PENSTOCK_SPIRV_HEADER_WORDS) {
		return penstock_spirv_refuse(reterr_fault, 0,
					     "a module has a header of %u words, and this is %u",
					     PENSTOCK_SPIRV_HEADER_WORDS, word_count);
	}
	if (words[0] != SpvMagicNumber) {
		return penstock_spirv_refuse(reterr_fault, 0,
					     "0x%08x is not how SPIR-V begins (0x%08x)", words[0],
					     SpvMagicNumber);
	}
	if (words[1] < VERSION_MIN || words[1] > VERSION_MAX || (words[1] & 0xffu) != 0) {
		return penstock_spirv_refuse(reterr_fault, 1,
					     "version 0x%08x is not one of 1.0 to 1.6", words[1]);
	}
	if (words[3] == 0 || words[3] > PENSTOCK_LIMIT_SHADER_IDS) {
		return penstock_spirv_refuse(reterr_fault, 3,
					     "the bound of ids is %u, and not one of 1 to %u",
					     words[3], PENSTOCK_LIMIT_SHADER_IDS);
	}
	if (words[4] != 0) {
		return penstock_spirv_refuse(reterr_fault, 4, "the schema is 0x%08x, and not 0",
					     words[4]);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_spirv_walk(const uint32_t *words, uint32_t word_count,
					 struct penstock_spirv_fault *reterr_fault)
{
	enum penstock_status status = look_at_header(words, word_count, reterr_fault);
	struct penstock_spirv_instruction instruction;
	struct penstock_spirv_stream stream;
	uint32_t memory_models = 0;

	penstock_spirv_begin(&stream, words, word_count);
	while (status == PENSTOCK_STATUS_SUCCESS && penstock_spirv_next(&stream, &instruction)) {
		memory_models += instruction.opcode == SpvOpMemoryModel;
		status = look_at(&instruction, reterr_fault);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (stream.offset < word_count) {
		return penstock_spirv_refuse(reterr_fault, stream.offset,
					     "an instruction of %u words, and %u words are left",
					     words[stream.offset] >> SpvWordCountShift,
					     word_count - stream.offset);
	}
	if (memory_models != 1) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "a module has one memory model, and this has %u",
					     memory_models);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static bool is_specialisable(const struct penstock_spirv_instruction *instruction)
{
	switch (instruction->opcode) {
	case SpvOpSpecConstantTrue:
	case SpvOpSpecConstantFalse:
	case SpvOpSpecConstant:
	case SpvOpSpecConstantComposite:
		return true;
	case SpvOpDecorate:
		return instruction->length >= 3 && instruction->words[2] == SpvDecorationSpecId;
	default:
		return false;
	}
}

bool penstock_spirv_is_frozen(const uint32_t *words, uint32_t word_count)
{
	struct penstock_spirv_instruction instruction;
	struct penstock_spirv_stream stream;

	penstock_spirv_begin(&stream, words, word_count);
	while (penstock_spirv_next(&stream, &instruction)) {
		if (is_specialisable(&instruction)) {
			return false;
		}
	}
	return true;
}
