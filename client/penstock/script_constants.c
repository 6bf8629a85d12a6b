/* SPDX-License-Identifier: MIT */
/* Specialisation constants of a script: [0:u32=64 1:f32=0.5 2:bool=true], which may span lines. */
#include "client/penstock/script_parser.h"
#include "proto/wire/limits.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES_MAX 64u

enum number_kind {
	NUMBER_UNSIGNED,
	NUMBER_SIGNED,
	NUMBER_FLOAT,
	NUMBER_BOOL,
};

static const struct constant_type {
	const char *name;
	enum number_kind kind;
	uint32_t size_bytes;
} types[] = {
	{ "u8", NUMBER_UNSIGNED, 1 },  { "u16", NUMBER_UNSIGNED, 2 }, { "u32", NUMBER_UNSIGNED, 4 },
	{ "u64", NUMBER_UNSIGNED, 8 }, { "i8", NUMBER_SIGNED, 1 },    { "i16", NUMBER_SIGNED, 2 },
	{ "i32", NUMBER_SIGNED, 4 },   { "i64", NUMBER_SIGNED, 8 },   { "f32", NUMBER_FLOAT, 4 },
	{ "f64", NUMBER_FLOAT, 8 },    { "bool", NUMBER_BOOL, 4 },
};

static uint64_t mask_of(uint32_t size_bytes)
{
	return UINT64_MAX >> (64 - 8 * size_bytes);
}

static enum penstock_status take_signed(const struct penstock_scanner *scanner,
					const struct penstock_token *token, uint32_t size_bytes,
					uint64_t *ret_value)
{
	const uint64_t largest = mask_of(size_bytes) >> 1;
	struct penstock_token digits = *token;
	enum penstock_status status;

	if (token->kind != PENSTOCK_TOKEN_WORD || token->length < 2 || token->text[0] != '-') {
		return penstock_scanner_unsigned(scanner, token, largest, ret_value);
	}
	digits.text++;
	digits.column++;
	digits.length--;
	status = penstock_scanner_unsigned(scanner, &digits, largest + 1, ret_value);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_value = (0 - *ret_value) & mask_of(size_bytes);
	}
	return status;
}

static enum penstock_status take_float(const struct penstock_scanner *scanner,
				       const struct penstock_token *token, uint32_t size_bytes,
				       uint64_t *ret_value)
{
	char text[NUMBER_BYTES_MAX];
	char *end = text;
	double wide = 0;
	float narrow = 0;

	if (token->kind == PENSTOCK_TOKEN_WORD && token->length < sizeof(text)) {
		memcpy(text, token->text, token->length);
		text[token->length] = '\0';
		wide = strtod(text, &end);
		narrow = strtof(text, NULL);
	}
	if (end == text || *end != '\0') {
		return penstock_scanner_unexpected(scanner, token, "a number like 1.5");
	}
	*ret_value = 0;
	if (size_bytes == sizeof(narrow)) {
		memcpy(ret_value, &narrow, sizeof(narrow));
	} else {
		memcpy(ret_value, &wide, sizeof(wide));
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status take_bool(const struct penstock_scanner *scanner,
				      const struct penstock_token *token, uint64_t *ret_value)
{
	*ret_value = penstock_token_is(token, "true");
	return *ret_value == 1 || penstock_token_is(token, "false")
		       ? PENSTOCK_STATUS_SUCCESS
		       : penstock_scanner_unexpected(scanner, token, "true or false");
}

static enum penstock_status take_number(struct penstock_script_parser *parser,
					const struct constant_type *type, uint64_t *ret_value)
{
	struct penstock_token token = penstock_scanner_next(&parser->scanner);

	switch (type->kind) {
	case NUMBER_UNSIGNED:
		return penstock_scanner_unsigned(&parser->scanner, &token,
						 mask_of(type->size_bytes), ret_value);
	case NUMBER_SIGNED:
		return take_signed(&parser->scanner, &token, type->size_bytes, ret_value);
	case NUMBER_FLOAT:
		return take_float(&parser->scanner, &token, type->size_bytes, ret_value);
	case NUMBER_BOOL:
		return take_bool(&parser->scanner, &token, ret_value);
	}
	return PENSTOCK_STATUS_UNSUCCESSFUL;
}

/* id:type */
static enum penstock_status take_head(struct penstock_script_parser *parser,
				      const struct penstock_token *token, uint64_t *ret_id,
				      const struct constant_type **ret_type)
{
	const char *colon =
		token->kind == PENSTOCK_TOKEN_WORD ? memchr(token->text, ':', token->length) : NULL;
	struct penstock_token id = *token;
	struct penstock_token name = *token;

	if (colon == NULL) {
		return penstock_scanner_unexpected(&parser->scanner, token,
						   "a constant like 0:u32=64");
	}
	id.length = (size_t)(colon - token->text);
	name.text = colon + 1;
	name.length = token->length - id.length - 1;
	name.column += (unsigned)id.length + 1;
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(types); i++) {
		if (penstock_token_is(&name, types[i].name)) {
			*ret_type = &types[i];
			return penstock_scanner_unsigned(&parser->scanner, &id, UINT32_MAX, ret_id);
		}
	}
	return penstock_scanner_unexpected(&parser->scanner, &name,
					   "a type (u32, i32, f32, bool, ...)");
}

static enum penstock_status take_constant(struct penstock_script_parser *parser,
					  const struct penstock_token *token,
					  struct penstock_step *step)
{
	const struct constant_type *type = NULL;
	uint64_t id = 0, value = 0;
	enum penstock_status status = take_head(parser, token, &id, &type);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_scanner_expect(&parser->scanner, '=', "'='");
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = take_number(parser, type, &value);
	}
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    step->constant_count == PENSTOCK_LIMIT_SHADER_CONSTANTS) {
		return penstock_scanner_fault(&parser->scanner, token, "more than %u constants",
					      PENSTOCK_LIMIT_SHADER_CONSTANTS);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_script_grow(parser, (void **)&step->constants,
					      &step->constant_capacity, step->constant_count,
					      sizeof(*step->constants));
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		step->constants[step->constant_count++] =
			(struct penstock_specialization_constant){ (uint32_t)id, type->size_bytes,
								   value };
	}
	return status;
}

enum penstock_status penstock_script_constants(struct penstock_script_parser *parser,
					       struct penstock_step *step)
{
	enum penstock_status status =
		penstock_scanner_expect(&parser->scanner, '[', "'[' before the constants");

	while (status == PENSTOCK_STATUS_SUCCESS) {
		struct penstock_token token = penstock_scanner_next(&parser->scanner);

		if (token.kind == ']') {
			break;
		}
		if (token.kind != PENSTOCK_TOKEN_NEWLINE && token.kind != ',') {
			status = take_constant(parser, &token, step);
		}
	}
	return status;
}
