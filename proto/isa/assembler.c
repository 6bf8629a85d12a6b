/* SPDX-License-Identifier: MIT */
#include "proto/isa/assembler.h"

#include "proto/isa/scanner.h"
#include "proto/wire/limits.h"

#include <string.h>

/* More operands than any layout has; each has a bit in `given`. */
#define OPERANDS_MAX 32u

struct assembly {
	const struct penstock_assembler *assembler;
	struct penstock_scanner scanner;
	uint8_t *bytes;
	uint32_t capacity;
	uint32_t length;
	/* the instruction under way */
	const struct penstock_layout *layout;
	uint32_t start;
	uint32_t given; /* a bit for each operand */
};

static enum penstock_status reserve(struct assembly *assembly, const struct penstock_token *token,
				    uint32_t size)
{
	if (!penstock_range_fits(assembly->length, size, assembly->capacity)) {
		(void)penstock_scanner_fault(&assembly->scanner, token,
					     "the %s would be larger than %u bytes",
					     assembly->assembler->isa->name, assembly->capacity);
		return PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	memset(assembly->bytes + assembly->length, 0, size);
	assembly->length += size;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ values */

static enum penstock_status take_unsigned(struct assembly *assembly, uint32_t width, uint8_t *at)
{
	struct penstock_token token = penstock_scanner_next(&assembly->scanner);
	uint64_t maximum = width == 8 ? UINT64_MAX : (1ull << (8 * width)) - 1;
	uint64_t value;
	enum penstock_status status;

	status = penstock_scanner_unsigned(&assembly->scanner, &token, maximum, &value);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		memcpy(at, &value, width);
	}
	return status;
}

static enum penstock_status take_i32(struct assembly *assembly, uint8_t *at)
{
	struct penstock_token token = penstock_scanner_next(&assembly->scanner);
	int32_t value;
	enum penstock_status status;

	status = penstock_scanner_i32(&assembly->scanner, &token, &value);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		penstock_store32(at, (uint32_t)value);
	}
	return status;
}

static enum penstock_status take_f32(struct assembly *assembly, uint8_t *at)
{
	struct penstock_token token = penstock_scanner_next(&assembly->scanner);
	float value;
	enum penstock_status status = penstock_scanner_f32(&assembly->scanner, &token, &value);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		memcpy(at, &value, sizeof(value));
	}
	return status;
}

/* A number, or the name of a format of texels. */
static enum penstock_status take_format(struct assembly *assembly, uint8_t *at)
{
	struct penstock_token token = penstock_scanner_peek(&assembly->scanner);
	uint32_t number;

	if (token.kind != PENSTOCK_TOKEN_WORD || (token.text[0] >= '0' && token.text[0] <= '9')) {
		return take_unsigned(assembly, sizeof(number), at);
	}
	token = penstock_scanner_next(&assembly->scanner);
	if (!penstock_scanner_texel_format(&token, &number)) {
		return penstock_scanner_unexpected(&assembly->scanner, &token,
						   "a format (R8G8B8A8_UNORM, ...)");
	}
	penstock_store32(at, number);
	return PENSTOCK_STATUS_SUCCESS;
}

/* An index, or @name. */
static enum penstock_status take_reference(struct assembly *assembly, uint8_t *at)
{
	const struct penstock_assembler *assembler = assembly->assembler;
	struct penstock_token token = penstock_scanner_peek(&assembly->scanner);
	uint16_t index;

	if (token.kind != PENSTOCK_TOKEN_WORD || token.text[0] != '@') {
		return take_unsigned(assembly, PENSTOCK_WIDTH_SOURCE, at);
	}
	token = penstock_scanner_next(&assembly->scanner);
	if (assembler->resolve == NULL) {
		return penstock_scanner_unexpected(&assembly->scanner, &token,
						   "an index of the allocation list");
	}
	if (!assembler->resolve(assembler->owner, token.text + 1, token.length - 1, &index)) {
		return penstock_scanner_fault(&assembly->scanner, &token,
					      "%s is not in the allocation list",
					      penstock_token_describe(&token).text);
	}
	penstock_store16(at, index);
	return PENSTOCK_STATUS_SUCCESS;
}

/* (left, top, right, bottom) */
static enum penstock_status take_rect(struct assembly *assembly, uint8_t *at)
{
	struct penstock_scanner *scanner = &assembly->scanner;
	enum penstock_status status;

	status = penstock_scanner_expect(scanner, '(', "a rectangle '(left,top,right,bottom)'");
	for (unsigned i = 0; i < 4 && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = take_i32(assembly, at + 4 * i);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = penstock_scanner_expect(scanner, i < 3 ? ',' : ')',
							 i < 3 ? "','" : "')'");
		}
	}
	return status;
}

/* The next token that is neither a newline nor a comma: inside brackets a line may end. */
static struct penstock_token peek_in_brackets(struct penstock_scanner *scanner)
{
	struct penstock_token token = penstock_scanner_peek(scanner);

	while (token.kind == PENSTOCK_TOKEN_NEWLINE || token.kind == ',') {
		(void)penstock_scanner_next(scanner);
		token = penstock_scanner_peek(scanner);
	}
	return token;
}

static enum penstock_status take_element(struct assembly *assembly,
					 const struct penstock_token *token)
{
	uint32_t size = assembly->layout->element_bytes;
	uint32_t limit = PENSTOCK_LIMIT_INSTRUCTION_DWORDS * 4u;
	uint8_t *at = assembly->bytes + assembly->length;
	enum penstock_status status;

	if (!penstock_range_fits(assembly->length - assembly->start, size, limit)) {
		(void)penstock_scanner_fault(&assembly->scanner, token,
					     "the instruction would be larger than %u bytes",
					     limit);
		return PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	status = reserve(assembly, token, size);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (size == PENSTOCK_WIDTH_RECT) {
		return take_rect(assembly, at);
	}
	return take_unsigned(assembly, size, at);
}

/* [element element ...], appended: a layout has one trailing array, so nothing is behind it. */
static enum penstock_status take_array(struct assembly *assembly)
{
	struct penstock_scanner *scanner = &assembly->scanner;
	enum penstock_status status = penstock_scanner_expect(scanner, '[', "'['");
	struct penstock_token token;

	while (status == PENSTOCK_STATUS_SUCCESS) {
		token = peek_in_brackets(scanner);
		if (token.kind == ']') {
			(void)penstock_scanner_next(scanner);
			return PENSTOCK_STATUS_SUCCESS;
		}
		if (token.kind != PENSTOCK_TOKEN_WORD && token.kind != '(') {
			return penstock_scanner_unexpected(scanner, &token, "']'");
		}
		status = take_element(assembly, &token);
	}
	return status;
}

/* ------------------------------------------------------------------ operands */

static enum penstock_status take_value(struct assembly *assembly,
				       const struct penstock_operand *operand)
{
	uint8_t *at = assembly->bytes + assembly->start + operand->offset;

	switch (operand->type) {
	case PENSTOCK_OPERAND_SOURCE:
	case PENSTOCK_OPERAND_DESTINATION:
	case PENSTOCK_OPERAND_BOTH:
		return take_reference(assembly, at);
	case PENSTOCK_OPERAND_I32:
		return take_i32(assembly, at);
	case PENSTOCK_OPERAND_F32:
		return take_f32(assembly, at);
	case PENSTOCK_OPERAND_RECT:
		return take_rect(assembly, at);
	case PENSTOCK_OPERAND_BYTES:
	case PENSTOCK_OPERAND_RECTS:
		return take_array(assembly);
	case PENSTOCK_OPERAND_U32:
		if (strcmp(operand->name, "format") == 0) {
			return take_format(assembly, at);
		}
		return take_unsigned(assembly, operand->width, at);
	case PENSTOCK_OPERAND_HEX32:
	case PENSTOCK_OPERAND_COLOR:
	case PENSTOCK_OPERAND_U64:
	case PENSTOCK_OPERAND_OFFSET:
	case PENSTOCK_OPERAND_SIZE:
	case PENSTOCK_OPERAND_READ_ADDRESS:
	case PENSTOCK_OPERAND_WRITE_ADDRESS:
	case PENSTOCK_OPERAND_BOTH_ADDRESS:
		return take_unsigned(assembly, operand->width, at);
	case PENSTOCK_OPERAND_TYPE_MAX:
		break;
	}
	PENSTOCK_REQUIRE(operand->type < PENSTOCK_OPERAND_TYPE_MAX);
	return PENSTOCK_STATUS_UNSUCCESSFUL;
}

/* name=value */
static enum penstock_status take_operand(struct assembly *assembly,
					 const struct penstock_token *name)
{
	const struct penstock_layout *layout = assembly->layout;
	enum penstock_status status;
	unsigned i;

	for (i = 0; i < layout->operand_count; i++) {
		if (penstock_token_is(name, layout->operands[i].name)) {
			break;
		}
	}
	if (name->kind != PENSTOCK_TOKEN_WORD) {
		return penstock_scanner_unexpected(&assembly->scanner, name,
						   "an operand 'name=value'");
	}
	if (i == layout->operand_count) {
		return penstock_scanner_fault(&assembly->scanner, name, "%s has no operand %s",
					      layout->mnemonic, penstock_token_describe(name).text);
	}
	if ((assembly->given & 1u << i) != 0) {
		return penstock_scanner_fault(&assembly->scanner, name,
					      "operand %s is given a second time",
					      penstock_token_describe(name).text);
	}
	assembly->given |= 1u << i;
	status = penstock_scanner_expect(&assembly->scanner, '=', "'='");
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return take_value(assembly, &layout->operands[i]);
}

static enum penstock_status check_given(const struct assembly *assembly,
					const struct penstock_token *mnemonic)
{
	const struct penstock_layout *layout = assembly->layout;

	for (unsigned i = 0; i < layout->operand_count; i++) {
		if ((assembly->given & 1u << i) == 0 &&
		    penstock_operand_required(&layout->operands[i])) {
			return penstock_scanner_fault(&assembly->scanner, mnemonic,
						      "%s needs its operand '%s'", layout->mnemonic,
						      layout->operands[i].name);
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ statements */

static bool ends_statement(const struct penstock_token *token)
{
	return token->kind == PENSTOCK_TOKEN_END || token->kind == PENSTOCK_TOKEN_NEWLINE;
}

static enum penstock_status take_instruction(struct assembly *assembly,
					     const struct penstock_token *mnemonic)
{
	const struct penstock_layout *layout = penstock_isa_by_mnemonic(
		assembly->assembler->isa, mnemonic->text, mnemonic->length);
	struct penstock_token token;
	enum penstock_status status;

	if (layout == NULL) {
		return penstock_scanner_fault(&assembly->scanner, mnemonic,
					      "there is no instruction %s",
					      penstock_token_describe(mnemonic).text);
	}
	PENSTOCK_REQUIRE(layout->operand_count <= OPERANDS_MAX);
	assembly->layout = layout;
	assembly->start = assembly->length;
	assembly->given = 0;
	status = reserve(assembly, mnemonic, layout->bytes);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	for (;;) {
		token = penstock_scanner_peek(&assembly->scanner);
		if (ends_statement(&token)) {
			break;
		}
		token = penstock_scanner_next(&assembly->scanner);
		status = take_operand(assembly, &token);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	penstock_store32(
		assembly->bytes + assembly->start,
		penstock_layout_header(layout->opcode, assembly->length - assembly->start));
	return check_given(assembly, mnemonic);
}

/* .dword 0x1 0x2 and .byte 1 2: bytes as they are. */
static enum penstock_status take_directive(struct assembly *assembly,
					   const struct penstock_token *directive, uint32_t width)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_token token = penstock_scanner_peek(&assembly->scanner);
	uint8_t *at;

	if (ends_statement(&token)) {
		return penstock_scanner_unexpected(&assembly->scanner, &token, "a number");
	}
	while (!ends_statement(&token) && status == PENSTOCK_STATUS_SUCCESS) {
		at = assembly->bytes + assembly->length;
		status = reserve(assembly, directive, width);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = take_unsigned(assembly, width, at);
		}
		token = penstock_scanner_peek(&assembly->scanner);
	}
	return status;
}

static enum penstock_status take_statement(struct assembly *assembly,
					   const struct penstock_token *first)
{
	const struct penstock_assembler *assembler = assembly->assembler;

	if (first->kind != PENSTOCK_TOKEN_WORD) {
		return penstock_scanner_unexpected(&assembly->scanner, first, "an instruction");
	}
	if (assembler->located != NULL) {
		assembler->located(assembler->owner, assembly->length, first->line);
	}
	if (penstock_token_is(first, ".dword")) {
		return take_directive(assembly, first, 4);
	}
	if (penstock_token_is(first, ".byte")) {
		return take_directive(assembly, first, 1);
	}
	return take_instruction(assembly, first);
}

enum penstock_status penstock_assemble(const struct penstock_assembler *assembler, const char *text,
				       size_t text_bytes, uint8_t *ret_bytes, uint32_t capacity,
				       uint32_t *ret_length, struct penstock_errbuf *reterr_text)
{
	struct assembly assembly = {
		.assembler = assembler,
		.bytes = ret_bytes,
		.capacity = capacity,
	};
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_token token;

	penstock_scanner_init(&assembly.scanner, assembler->file, assembler->first_line, text,
			      text_bytes, reterr_text);
	do {
		token = penstock_scanner_next(&assembly.scanner);
		if (!ends_statement(&token)) {
			status = take_statement(&assembly, &token);
		}
	} while (status == PENSTOCK_STATUS_SUCCESS && token.kind != PENSTOCK_TOKEN_END);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_length = assembly.length;
	}
	return status;
}
