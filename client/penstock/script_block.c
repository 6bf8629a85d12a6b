/* SPDX-License-Identifier: MIT */
/*
 * The block of a submission: '{', lines of its allocation list, its patch list and the contexts
 * that it is broadcast to, assembly, '}'.
 */
#include "client/penstock/script_parser.h"

#include "proto/isa/assembler.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"

#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MAX (1u << 20)
#define PATCHES_MAX  (1u << 21)
#define CONTEXTS_MAX (1u << 10)

static bool resolve(void *owner, const char *name, size_t length, uint16_t *ret_index)
{
	const struct penstock_script_parser *parser = owner;
	const struct penstock_script *script = parser->script;
	const struct penstock_script_submission *submission =
		script->steps[script->step_count - 1].submission;

	for (size_t i = 0; i < submission->element_count && i <= UINT16_MAX; i++) {
		uint32_t object = submission->elements[i].object;

		if (object != PENSTOCK_SCRIPT_NONE &&
		    strlen(script->objects[object].name) == length &&
		    memcmp(script->objects[object].name, name, length) == 0) {
			*ret_index = (uint16_t)i;
			return true;
		}
	}
	return false;
}

/* A location that is lost for want of memory costs a line number in a sentence, nothing else. */
static void located(void *owner, uint32_t byte_offset, unsigned line)
{
	struct penstock_script_parser *parser = owner;
	const struct penstock_script *script = parser->script;
	struct penstock_script_submission *submission =
		script->steps[script->step_count - 1].submission;

	if (penstock_script_grow(parser, (void **)&submission->locations,
				 &submission->location_capacity, submission->location_count,
				 sizeof(*submission->locations)) != PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	submission->locations[submission->location_count++] =
		(struct penstock_script_location){ byte_offset, line };
}

/* name, name:w, or null */
static enum penstock_status take_element(struct penstock_script_parser *parser,
					 struct penstock_script_submission *submission)
{
	struct penstock_token token = penstock_scanner_next(&parser->scanner);
	struct penstock_token name = token;
	struct penstock_script_element element = { PENSTOCK_SCRIPT_NONE, 0 };
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (token.kind == PENSTOCK_TOKEN_WORD && token.length > 2 &&
	    memcmp(token.text + token.length - 2, ":w", 2) == 0) {
		name.length -= 2;
		element.flags = PENSTOCK_ALLOCATION_WRITE_OPERATION;
	}
	if (!penstock_token_is(&name, "null")) {
		status = penstock_script_find(parser, &name,
					      PENSTOCK_SCRIPT_ALLOCATION | PENSTOCK_SCRIPT_PIPELINE,
					      "an allocation or pipeline", &element.object);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && submission->element_count == ELEMENTS_MAX) {
		return penstock_scanner_fault(&parser->scanner, &token, "the list is too long");
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_script_grow(
			parser, (void **)&submission->elements, &submission->element_capacity,
			submission->element_count, sizeof(*submission->elements));
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		submission->elements[submission->element_count++] = element;
	}
	return status;
}

static enum penstock_status take_list(struct penstock_script_parser *parser,
				      struct penstock_script_submission *submission)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_token token = penstock_scanner_peek(&parser->scanner);

	while (!penstock_token_ends_line(&token) && status == PENSTOCK_STATUS_SUCCESS) {
		status = take_element(parser, submission);
		token = penstock_scanner_peek(&parser->scanner);
	}
	return status;
}

/* patch allocation=@name slot=0 at=8 split=0 offset=0 driver=0: fields of the patch list */
static enum penstock_status take_patch_field(struct penstock_script_parser *parser,
					     struct penstock_patch_location *patch)
{
	static const struct {
		const char *name;
		uint64_t limit;
	} fields[] = {
		{ "allocation", UINT32_MAX }, { "slot", 0xFFFFFF }, { "driver", 0xFF },
		{ "offset", UINT64_MAX },     { "at", UINT32_MAX }, { "split", UINT32_MAX }
	};
	struct penstock_token name = penstock_scanner_next(&parser->scanner);
	enum penstock_status status = penstock_scanner_expect(&parser->scanner, '=', "'='");
	struct penstock_token token;
	uint16_t index;
	uint64_t value = 0;
	unsigned i = 0;

	while (i < PENSTOCK_ARRAY_SIZE(fields) && !penstock_token_is(&name, fields[i].name)) {
		i++;
	}
	if (i == PENSTOCK_ARRAY_SIZE(fields)) {
		return penstock_scanner_fault(&parser->scanner, &name,
					      "%s is nothing that 'patch' takes",
					      penstock_token_describe(&name).text);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	token = penstock_scanner_next(&parser->scanner);
	if (i == 0 && token.kind == PENSTOCK_TOKEN_WORD && token.text[0] == '@') {
		if (!resolve(parser, token.text + 1, token.length - 1, &index)) {
			return penstock_scanner_fault(&parser->scanner, &token,
						      "%s is not in the allocation list",
						      penstock_token_describe(&token).text);
		}
		value = index;
	} else {
		status = penstock_scanner_unsigned(&parser->scanner, &token, fields[i].limit,
						   &value);
	}
	*patch = (struct penstock_patch_location){
		.allocation_index = i == 0 ? (uint32_t)value : patch->allocation_index,
		.slot_id = i == 1 ? (uint32_t)value & 0xFFFFFF : patch->slot_id,
		.driver_id = i == 2 ? (uint32_t)value & 0xFF : patch->driver_id,
		.allocation_offset = i == 3 ? value : patch->allocation_offset,
		.patch_offset = i == 4 ? (uint32_t)value : patch->patch_offset,
		.split_offset = i == 5 ? (uint32_t)value : patch->split_offset,
	};
	return status;
}

static enum penstock_status take_patch(struct penstock_script_parser *parser,
				       struct penstock_script_submission *submission)
{
	struct penstock_patch_location patch = { 0 };
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_token token = penstock_scanner_peek(&parser->scanner);

	if (submission->patch_count == PATCHES_MAX) {
		return penstock_scanner_fault(&parser->scanner, &token, "the list is too long");
	}
	while (!penstock_token_ends_line(&token) && status == PENSTOCK_STATUS_SUCCESS) {
		status = take_patch_field(parser, &patch);
		token = penstock_scanner_peek(&parser->scanner);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_script_grow(parser, (void **)&submission->patches,
					      &submission->patch_capacity, submission->patch_count,
					      sizeof(*submission->patches));
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		submission->patches[submission->patch_count++] = patch;
	}
	return status;
}

/* broadcast name name: more contexts */
static enum penstock_status take_broadcast(struct penstock_script_parser *parser,
					   struct penstock_script_submission *submission)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_token token = penstock_scanner_peek(&parser->scanner);
	uint32_t object;

	while (!penstock_token_ends_line(&token) && status == PENSTOCK_STATUS_SUCCESS) {
		token = penstock_scanner_next(&parser->scanner);
		if (submission->broadcast_count == CONTEXTS_MAX) {
			return penstock_scanner_fault(&parser->scanner, &token,
						      "the list is too long");
		}
		status = penstock_script_find(parser, &token, PENSTOCK_SCRIPT_CONTEXT, "a context",
					      &object);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = penstock_script_grow(parser, (void **)&submission->broadcast,
						      &submission->broadcast_capacity,
						      submission->broadcast_count,
						      sizeof(*submission->broadcast));
		}
		if (status == PENSTOCK_STATUS_SUCCESS) {
			submission->broadcast[submission->broadcast_count++] = object;
		}
		token = penstock_scanner_peek(&parser->scanner);
	}
	return status;
}

/* Everything from this line up to '}' is assembly. */
static enum penstock_status take_instructions(struct penstock_script_parser *parser,
					      const struct penstock_token *open,
					      struct penstock_script_submission *submission)
{
	const struct penstock_assembler assembler = {
		.isa = &penstock_command_isa,
		.file = parser->script->file,
		.first_line = parser->scanner.line,
		.resolve = resolve,
		.located = located,
		.owner = parser,
	};
	const char *text = parser->scanner.line_start;
	struct penstock_token token;
	enum penstock_status status;

	do {
		token = penstock_scanner_next(&parser->scanner);
	} while (token.kind != '}' && token.kind != PENSTOCK_TOKEN_END);
	if (token.kind == PENSTOCK_TOKEN_END) {
		return penstock_scanner_fault(&parser->scanner, open, "this '{' has no '}'");
	}
	if (parser->scratch == NULL) {
		parser->scratch = malloc(PENSTOCK_LIMIT_COMMAND_BYTES);
	}
	if (parser->scratch == NULL) {
		penstock_errbuf_set(parser->scanner.reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = penstock_assemble(&assembler, text, (size_t)(token.text - text), parser->scratch,
				   PENSTOCK_LIMIT_COMMAND_BYTES, &submission->command_bytes,
				   parser->scanner.reterr_text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	submission->command = malloc(submission->command_bytes + 1u);
	if (submission->command == NULL) {
		penstock_errbuf_set(parser->scanner.reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	memcpy(submission->command, parser->scratch, submission->command_bytes);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_script_block(struct penstock_script_parser *parser,
					   struct penstock_step *step)
{
	struct penstock_script_submission *submission = calloc(1, sizeof(*submission));
	struct penstock_token open = penstock_scanner_next(&parser->scanner);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_token token;

	step->submission = submission;
	if (submission == NULL) {
		penstock_errbuf_set(parser->scanner.reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	if (open.kind != '{') {
		return penstock_scanner_unexpected(&parser->scanner, &open, "'{'");
	}
	token = penstock_scanner_peek(&parser->scanner);
	if (token.kind != PENSTOCK_TOKEN_NEWLINE) {
		return penstock_scanner_unexpected(&parser->scanner, &token, "the end of the line");
	}
	while (status == PENSTOCK_STATUS_SUCCESS) {
		token = penstock_scanner_peek(&parser->scanner);
		if (token.kind == PENSTOCK_TOKEN_NEWLINE) {
			(void)penstock_scanner_next(&parser->scanner);
		} else if (penstock_token_is(&token, "list")) {
			(void)penstock_scanner_next(&parser->scanner);
			status = take_list(parser, submission);
		} else if (penstock_token_is(&token, "patch")) {
			(void)penstock_scanner_next(&parser->scanner);
			status = take_patch(parser, submission);
		} else if (penstock_token_is(&token, "broadcast")) {
			(void)penstock_scanner_next(&parser->scanner);
			status = take_broadcast(parser, submission);
		} else {
			return take_instructions(parser, &open, submission);
		}
	}
	return status;
}
