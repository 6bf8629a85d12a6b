/* SPDX-License-Identifier: MIT */
#include "client/penstock/script_parser.h"

#include "proto/isa/instruction.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX   64u
#define OBJECTS_MAX      (1u << 20)
#define HEX_BYTES_MAX    PENSTOCK_SCRIPT_BYTES_MAX
#define PARAMETERS_MAX   32u
#define TOKEN_HEX_DIGITS 32u

static enum penstock_status no_memory(struct penstock_script_parser *parser)
{
	penstock_errbuf_set(parser->scanner.reterr_text, "%s: out of memory", parser->script->file);
	return PENSTOCK_STATUS_NO_MEMORY;
}

enum penstock_status penstock_script_grow(struct penstock_script_parser *parser, void **array,
					  size_t *capacity, size_t count, size_t element_bytes)
{
	size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
	void *grown;

	if (count < *capacity) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	grown = reallocarray(*array, wanted, element_bytes);
	if (grown == NULL) {
		return no_memory(parser);
	}
	*array = grown;
	*capacity = wanted;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_script_copy(struct penstock_script_parser *parser,
					  const struct penstock_token *token, char **ret_text)
{
	char *copy;

	if (memchr(token->text, '\0', token->length) != NULL) {
		return penstock_scanner_fault(&parser->scanner, token, "a NUL inside a string");
	}
	copy = strndup(token->text, token->length);
	if (copy == NULL) {
		return no_memory(parser);
	}
	free(*ret_text);
	*ret_text = copy;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ names */

static bool is_name(const struct penstock_token *token)
{
	if (token->kind != PENSTOCK_TOKEN_WORD || token->length > NAME_BYTES_MAX ||
	    penstock_token_is(token, "null")) {
		return false;
	}
	for (size_t i = 0; i < token->length; i++) {
		char c = token->text[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		bool later = (c >= '0' && c <= '9') || c == '-' || c == '.';

		if (!letter && (i == 0 || !later)) {
			return false;
		}
	}
	return true;
}

static struct penstock_script_object *look_up(const struct penstock_script *script,
					      const struct penstock_token *token)
{
	for (size_t i = 0; i < script->object_count; i++) {
		if (penstock_token_is(token, script->objects[i].name)) {
			return &script->objects[i];
		}
	}
	return NULL;
}

enum penstock_status penstock_script_name(struct penstock_script_parser *parser,
					  const struct penstock_token *token,
					  enum penstock_script_kind kind, uint32_t *ret_object)
{
	struct penstock_script *script = parser->script;
	struct penstock_script_object *object = look_up(script, token);
	enum penstock_status status;
	char *name = NULL;

	if (!is_name(token)) {
		return penstock_scanner_unexpected(&parser->scanner, token, "a name");
	}
	if (object != NULL) {
		return penstock_scanner_fault(
			&parser->scanner, token, "the name %s is taken since line %u",
			penstock_token_describe(token).text, script->steps[object->made_by].line);
	}
	if (script->object_count == OBJECTS_MAX) {
		return penstock_scanner_fault(&parser->scanner, token, "too many names");
	}
	status = penstock_script_grow(parser, (void **)&script->objects, &script->object_capacity,
				      script->object_count, sizeof(*script->objects));
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_script_copy(parser, token, &name);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	*ret_object = (uint32_t)script->object_count;
	script->objects[script->object_count++] = (struct penstock_script_object){
		.kind = kind,
		.name = name,
		.made_by = (uint32_t)script->step_count - 1,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_script_find(struct penstock_script_parser *parser,
					  const struct penstock_token *token, unsigned kinds,
					  const char *wanted, uint32_t *ret_object)
{
	struct penstock_script_object *object = look_up(parser->script, token);

	if (!is_name(token)) {
		return penstock_scanner_unexpected(&parser->scanner, token, wanted);
	}
	if (object == NULL || ((unsigned)object->kind & kinds) == 0) {
		return penstock_scanner_fault(&parser->scanner, token, "%s is not %s%s",
					      penstock_token_describe(token).text, wanted,
					      object == NULL ? " that was made before" : "");
	}
	*ret_object = (uint32_t)(object - parser->script->objects);
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ values */

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	char lower = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
	const char *found = c == '\0' ? NULL : strchr(digits, lower);

	return found == NULL ? -1 : (int)(found - digits);
}

/* Pairs of digits, appended. */
static enum penstock_status take_hex_word(struct penstock_script_parser *parser,
					  const struct penstock_token *token,
					  struct penstock_script_bytes *bytes)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (token->kind != PENSTOCK_TOKEN_WORD || token->length % 2 != 0) {
		return penstock_scanner_unexpected(&parser->scanner, token,
						   "pairs of hexadecimal digits");
	}
	for (size_t i = 0; i < token->length && status == PENSTOCK_STATUS_SUCCESS; i += 2) {
		int high = hex_digit(token->text[i]);
		int low = hex_digit(token->text[i + 1]);

		if (high < 0 || low < 0) {
			return penstock_scanner_unexpected(&parser->scanner, token,
							   "pairs of hexadecimal digits");
		}
		status = penstock_script_grow(parser, (void **)&bytes->bytes, &bytes->capacity,
					      bytes->length, 1);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			bytes->bytes[bytes->length++] = (uint8_t)(high * 16 + low);
		}
	}
	return status;
}

/* 00ff or [00 ff ...], which may span lines. */
static enum penstock_status take_hex(struct penstock_script_parser *parser,
				     struct penstock_script_bytes *bytes)
{
	struct penstock_token token = penstock_scanner_next(&parser->scanner);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (token.kind != '[') {
		return take_hex_word(parser, &token, bytes);
	}
	while (status == PENSTOCK_STATUS_SUCCESS) {
		token = penstock_scanner_next(&parser->scanner);
		if (token.kind == ']') {
			return PENSTOCK_STATUS_SUCCESS;
		}
		if (token.kind != PENSTOCK_TOKEN_NEWLINE && token.kind != ',') {
			status = take_hex_word(parser, &token, bytes);
		}
	}
	return status;
}

static enum penstock_status take_rect(struct penstock_script_parser *parser,
				      struct penstock_rect *ret_rect)
{
	int32_t *sides[4] = { &ret_rect->left, &ret_rect->top, &ret_rect->right,
			      &ret_rect->bottom };
	struct penstock_scanner *scanner = &parser->scanner;
	struct penstock_token token;
	enum penstock_status status;

	status = penstock_scanner_expect(scanner, '(', "a rectangle '(left,top,right,bottom)'");
	for (unsigned i = 0; i < 4 && status == PENSTOCK_STATUS_SUCCESS; i++) {
		token = penstock_scanner_next(scanner);
		status = penstock_scanner_i32(scanner, &token, sides[i]);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = penstock_scanner_expect(scanner, i < 3 ? ',' : ')',
							 i < 3 ? "','" : "')'");
		}
	}
	return status;
}

/* A word of the table, or its number. */
static enum penstock_status take_word(struct penstock_script_parser *parser,
				      const char *const *names, unsigned count, const char *wanted,
				      uint64_t *ret_value)
{
	struct penstock_token token = penstock_scanner_next(&parser->scanner);

	for (unsigned i = 0; i < count; i++) {
		if (names[i] != NULL && penstock_token_is(&token, names[i])) {
			*ret_value = i;
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	if (token.kind == PENSTOCK_TOKEN_WORD && token.text[0] >= '0' && token.text[0] <= '9') {
		return penstock_scanner_unsigned(&parser->scanner, &token, UINT32_MAX, ret_value);
	}
	return penstock_scanner_unexpected(&parser->scanner, &token, wanted);
}

static const char *const offer_names[] = {
	[PENSTOCK_OFFER_LOW] = "low",
	[PENSTOCK_OFFER_NORMAL] = "normal",
	[PENSTOCK_OFFER_HIGH] = "high",
	[PENSTOCK_OFFER_AUTO] = "auto",
};

static const char *const surface_names[] = {
	[PENSTOCK_SURFACE_NONE] = "NONE",
	[PENSTOCK_SURFACE_TEXTURE] = "TEXTURE",
	[PENSTOCK_SURFACE_STAGING_CPUVISIBLE] = "STAGING_CPUVISIBLE",
	[PENSTOCK_SURFACE_STAGING] = "STAGING",
	[PENSTOCK_SURFACE_LOOKUPTABLE] = "LOOKUPTABLE",
	[PENSTOCK_SURFACE_EXISTINGSYSMEM] = "EXISTINGSYSMEM",
};

static enum penstock_status take_format(struct penstock_script_parser *parser, uint64_t *ret_format)
{
	struct penstock_token token = penstock_scanner_next(&parser->scanner);

	for (uint32_t format = 1; penstock_format_name(format) != NULL; format++) {
		if (penstock_token_is(&token, penstock_format_name(format))) {
			*ret_format = format;
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	if (token.kind == PENSTOCK_TOKEN_WORD && token.text[0] >= '0' && token.text[0] <= '9') {
		return penstock_scanner_unsigned(&parser->scanner, &token, UINT32_MAX, ret_format);
	}
	return penstock_scanner_unexpected(&parser->scanner, &token,
					   "a format (A8R8G8B8, X8R8G8B8, A8B8G8R8, X8B8G8R8, A8)");
}

static enum penstock_status take_string(struct penstock_script_parser *parser, char **ret_text)
{
	struct penstock_token token = penstock_scanner_next(&parser->scanner);

	if (token.kind != PENSTOCK_TOKEN_STRING || token.length == 0) {
		return penstock_scanner_unexpected(&parser->scanner, &token,
						   "a path in double quotes");
	}
	return penstock_script_copy(parser, &token, ret_text);
}

/* A token that the script shares, or one from elsewhere as `print token` wrote it. */
static enum penstock_status take_token(struct penstock_script_parser *parser,
				       struct penstock_step *step)
{
	struct penstock_token token = penstock_scanner_next(&parser->scanner);
	uint64_t halves[2] = { 0, 0 };
	size_t digits = 0;

	if (token.kind == PENSTOCK_TOKEN_WORD && token.length == TOKEN_HEX_DIGITS) {
		for (; digits < token.length && hex_digit(token.text[digits]) >= 0; digits++) {
			halves[digits / 16] =
				halves[digits / 16] << 4 | (uint64_t)hex_digit(token.text[digits]);
		}
	}
	if (digits == TOKEN_HEX_DIGITS) {
		step->token_high = halves[0];
		step->token_low = halves[1];
		return PENSTOCK_STATUS_SUCCESS;
	}
	return penstock_script_find(parser, &token, PENSTOCK_SCRIPT_TOKEN, "a share token",
				    &step->token);
}

static enum penstock_status take_number(struct penstock_script_parser *parser, uint64_t limit,
					uint64_t *ret_value)
{
	struct penstock_token token = penstock_scanner_next(&parser->scanner);

	return penstock_scanner_unsigned(&parser->scanner, &token, limit, ret_value);
}

static enum penstock_status take_flags(struct penstock_script_parser *parser,
				       struct penstock_step *step)
{
	uint64_t value;
	enum penstock_status status = take_number(parser, UINT32_MAX, &value);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		step->flags |= value;
	}
	return status;
}

static enum penstock_status take_object(struct penstock_script_parser *parser,
					const struct penstock_parameter *parameter,
					struct penstock_step *step)
{
	uint32_t *object = (uint32_t *)(void *)((char *)step + parameter->offset);
	struct penstock_token token = penstock_scanner_next(&parser->scanner);

	if (parameter->type == PENSTOCK_VALUE_NEW_TOKEN) {
		return penstock_script_name(parser, &token, PENSTOCK_SCRIPT_TOKEN, object);
	}
	if (parameter->type == PENSTOCK_VALUE_CONTEXT) {
		return penstock_script_find(parser, &token, PENSTOCK_SCRIPT_CONTEXT, "a context",
					    object);
	}
	return penstock_script_find(parser, &token, PENSTOCK_SCRIPT_DEVICE, "a device", object);
}

static enum penstock_status take_i32(struct penstock_script_parser *parser, int32_t *ret_value)
{
	struct penstock_token token = penstock_scanner_next(&parser->scanner);

	return penstock_scanner_i32(&parser->scanner, &token, ret_value);
}

static enum penstock_status take_value(struct penstock_script_parser *parser,
				       const struct penstock_parameter *parameter,
				       struct penstock_step *step)
{
	void *value = (char *)step + parameter->offset;

	switch (parameter->type) {
	case PENSTOCK_VALUE_NUMBER:
		return take_number(parser, parameter->limit, value);
	case PENSTOCK_VALUE_I32:
		return take_i32(parser, value);
	case PENSTOCK_VALUE_FLAG:
		return PENSTOCK_STATUS_SUCCESS;
	case PENSTOCK_VALUE_FLAGS:
		return take_flags(parser, step);
	case PENSTOCK_VALUE_DEVICE:
	case PENSTOCK_VALUE_CONTEXT:
	case PENSTOCK_VALUE_NEW_TOKEN:
		return take_object(parser, parameter, step);
	case PENSTOCK_VALUE_TOKEN:
		return take_token(parser, step);
	case PENSTOCK_VALUE_FORMAT:
		return take_format(parser, value);
	case PENSTOCK_VALUE_SURFACE:
		return take_word(parser, surface_names, PENSTOCK_ARRAY_SIZE(surface_names),
				 "a surface type (TEXTURE, STAGING, ...)", value);
	case PENSTOCK_VALUE_OFFER:
		return take_word(parser, offer_names, PENSTOCK_ARRAY_SIZE(offer_names),
				 "an offer's priority (low, normal, high, auto)", value);
	case PENSTOCK_VALUE_STRING:
		return take_string(parser, value);
	case PENSTOCK_VALUE_HEX:
		return take_hex(parser, value);
	case PENSTOCK_VALUE_RECT:
		return take_rect(parser, value);
	case PENSTOCK_VALUE_CONSTANTS:
		return penstock_script_constants(parser, step);
	}
	return PENSTOCK_STATUS_UNSUCCESSFUL;
}

/* ------------------------------------------------------------------ parameters */

static enum penstock_status take_parameter(struct penstock_script_parser *parser,
					   const struct penstock_parameter *table, uint32_t *seen,
					   struct penstock_step *step)
{
	struct penstock_token name = penstock_scanner_next(&parser->scanner);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	unsigned i = 0;

	while (table[i].name != NULL && !penstock_token_is(&name, table[i].name)) {
		i++;
	}
	if (table[i].name == NULL) {
		return penstock_scanner_fault(
			&parser->scanner, &name, "%s is nothing that '%s' takes",
			penstock_token_describe(&name).text, penstock_step_name(step->kind));
	}
	PENSTOCK_REQUIRE(i < PARAMETERS_MAX);
	if ((*seen & 1u << i) != 0) {
		return penstock_scanner_fault(&parser->scanner, &name, "%s is given a second time",
					      penstock_token_describe(&name).text);
	}
	*seen |= 1u << i;
	if (table[i].type == PENSTOCK_VALUE_FLAG) {
		step->flags |= table[i].limit;
	} else {
		status = penstock_scanner_expect(&parser->scanner, '=', "'='");
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = take_value(parser, &table[i], step);
	}
	step->given |= table[i].given;
	step->flags |= table[i].flag;
	return status;
}

enum penstock_status penstock_script_parameters(struct penstock_script_parser *parser,
						const struct penstock_parameter *table,
						struct penstock_step *step)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint32_t seen = 0;

	while (status == PENSTOCK_STATUS_SUCCESS) {
		struct penstock_token token = penstock_scanner_peek(&parser->scanner);

		if (penstock_token_ends_line(&token) || token.kind == '{') {
			break;
		}
		status = take_parameter(parser, table, &seen, step);
	}
	return status;
}
