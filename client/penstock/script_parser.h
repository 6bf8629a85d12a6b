/* SPDX-License-Identifier: MIT */
/*
 * Between the parts of the script parser: script.c (steps), script_statements.c (their table),
 * script_values.c (what stands behind a name=), script_constants.c (constants=), script_block.c
 * (submissions) and script_state.c (what stands in the block of a pipeline). Nobody else includes
 * it.
 */
#ifndef PENSTOCK_SCRIPT_PARSER_H
#define PENSTOCK_SCRIPT_PARSER_H

#include "client/penstock/script.h"
#include "proto/isa/scanner.h"

enum penstock_value_type {
	PENSTOCK_VALUE_NUMBER, /* uint64_t, at most `limit` */
	PENSTOCK_VALUE_I32,
	PENSTOCK_VALUE_FLAG,    /* a bare word: `limit` is joined to penstock_step.flags */
	PENSTOCK_VALUE_FLAGS,   /* a number that is joined to penstock_step.flags */
	PENSTOCK_VALUE_DEVICE,  /* uint32_t object */
	PENSTOCK_VALUE_CONTEXT, /* likewise */
	PENSTOCK_VALUE_TOKEN,   /* uint32_t object, or 32 hexadecimal digits */
	PENSTOCK_VALUE_NEW_TOKEN,
	PENSTOCK_VALUE_FORMAT,
	PENSTOCK_VALUE_SURFACE,
	PENSTOCK_VALUE_OFFER,
	PENSTOCK_VALUE_STRING,    /* char * */
	PENSTOCK_VALUE_HEX,       /* struct penstock_script_bytes */
	PENSTOCK_VALUE_RECT,      /* struct penstock_rect */
	PENSTOCK_VALUE_CONSTANTS, /* of the step */
};

/* One name=value that a statement may have; tables end with a NULL name. */
struct penstock_parameter {
	const char *name;
	enum penstock_value_type type;
	uint32_t given; /* joined to penstock_step.given */
	size_t offset;  /* of the value in struct penstock_step */
	uint64_t limit;
	uint64_t flag; /* joined to penstock_step.flags */
};

struct penstock_statement {
	const char *word;
	const char *second; /* NULL: none */
	const struct penstock_parameter *parameters;
	unsigned makes;     /* kinds of the subject, if it is new */
	unsigned uses;      /* or of an old one; both 0: no subject */
	const char *wanted; /* for sentences */
	bool request;       /* has an outcome that can be expected */
	bool on_device;     /* on the latest device where none is named */
	unsigned needs;     /* penstock_step.given: all of it */
	const char *needs_text;
};

extern const struct penstock_statement penstock_statements[]; /* [PENSTOCK_STEP_KIND_MAX] */

struct penstock_script_parser {
	struct penstock_script *script;
	struct penstock_scanner scanner;
	uint32_t last_device;  /* object, what device= is where it is left out */
	uint32_t last_request; /* step, what the next expect is about */
	uint8_t *scratch;      /* PENSTOCK_LIMIT_COMMAND_BYTES, from the first submission on */
};

/* Room for one more element; NO_MEMORY with a sentence. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_script_grow(struct penstock_script_parser *parser, void **array,
					  size_t *capacity, size_t count, size_t element_bytes);

/* Makes a name; INVALID_PARAMETER where it is taken or is no name. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_script_name(struct penstock_script_parser *parser,
					  const struct penstock_token *token,
					  enum penstock_script_kind kind, uint32_t *ret_object);

/* Finds a name of one of the kinds. `wanted` is "a device", for sentences. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_script_find(struct penstock_script_parser *parser,
					  const struct penstock_token *token, unsigned kinds,
					  const char *wanted, uint32_t *ret_object);

/* Parses parameters up to the end of the line or a '{', which is left where it is. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_script_parameters(struct penstock_script_parser *parser,
						const struct penstock_parameter *table,
						struct penstock_step *step);

/* Parses [id:type=value ...] of step->constants. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_script_constants(struct penstock_script_parser *parser,
					       struct penstock_step *step);

/* Parses the block of step->submission, the parser's latest step. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_script_block(struct penstock_script_parser *parser,
					   struct penstock_step *step);

/* Parses the block of a pipeline, into step->graphics. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_script_state(struct penstock_script_parser *parser,
					   struct penstock_step *step);

static inline bool penstock_token_ends_line(const struct penstock_token *token)
{
	return token->kind == PENSTOCK_TOKEN_END || token->kind == PENSTOCK_TOKEN_NEWLINE;
}

/* A copy of the token's text. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_script_copy(struct penstock_script_parser *parser,
					  const struct penstock_token *token, char **ret_text);

#endif
