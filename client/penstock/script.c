/* SPDX-License-Identifier: MIT */
#include "client/penstock/script.h"

#include "client/penstock/script_parser.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX (1u << 20)

/* ------------------------------------------------------------------ statements of their own */

/* expect STATUS [at BYTE] */
static enum penstock_status take_expected(struct penstock_script_parser *parser,
					  const struct penstock_token *name,
					  struct penstock_step *step)
{
	struct penstock_script *script = parser->script;
	char text[64];
	struct penstock_token token;

	if (name->kind != PENSTOCK_TOKEN_WORD || name->length >= sizeof(text)) {
		return penstock_scanner_unexpected(&parser->scanner, name, "a status");
	}
	memcpy(text, name->text, name->length);
	text[name->length] = '\0';
	if (penstock_status_from_name(text, &step->status) != 0) {
		return penstock_scanner_unexpected(&parser->scanner, name,
						   "a status, 'bytes', 'pixels' or 'hash'");
	}
	if (parser->last_request == PENSTOCK_SCRIPT_NONE) {
		return penstock_scanner_fault(&parser->scanner, name,
					      "there is no request before it");
	}
	if (script->steps[parser->last_request].expected_by != PENSTOCK_SCRIPT_NONE) {
		return penstock_scanner_fault(&parser->scanner, name,
					      "the request in line %u has its expectation already",
					      script->steps[parser->last_request].line);
	}
	step->request = parser->last_request;
	script->steps[step->request].expected_by = (uint32_t)script->step_count - 1;
	token = penstock_scanner_peek(&parser->scanner);
	if (!penstock_token_is(&token, "at")) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	(void)penstock_scanner_next(&parser->scanner);
	token = penstock_scanner_next(&parser->scanner);
	step->given |= PENSTOCK_GIVEN_AT;
	return penstock_scanner_unsigned(&parser->scanner, &token, UINT32_MAX, &step->at);
}

static unsigned contents(const struct penstock_step *step)
{
	return (step->hex.bytes != NULL) + (step->file != NULL) + (step->png != NULL);
}

/* What the tables cannot say. */
static enum penstock_status check_step(struct penstock_script_parser *parser,
				       const struct penstock_token *word,
				       const struct penstock_step *step)
{
	const struct penstock_statement *statement = &penstock_statements[step->kind];
	const unsigned surface =
		PENSTOCK_GIVEN_WIDTH | PENSTOCK_GIVEN_HEIGHT | PENSTOCK_GIVEN_FORMAT;
	const unsigned reclaimed = PENSTOCK_GIVEN_KEPT | PENSTOCK_GIVEN_LOST;
	const unsigned place = PENSTOCK_GIVEN_X | PENSTOCK_GIVEN_Y;
	const char *fault = NULL;

	if ((step->given & statement->needs) != statement->needs) {
		return penstock_scanner_fault(&parser->scanner, word, "'%s' needs %s",
					      penstock_step_name(step->kind),
					      statement->needs_text);
	}
	if (contents(step) > 1) {
		fault = "only one of hex=, file= and png= can be given";
	} else if (step->kind == PENSTOCK_STEP_SHARE && step->token == PENSTOCK_SCRIPT_NONE) {
		fault = "'share' needs token=";
	} else if (step->kind == PENSTOCK_STEP_ALLOCATION && contents(step) == 0 &&
		   (step->given & (surface | PENSTOCK_GIVEN_SIZE)) == 0) {
		fault = "'allocation' needs size=, or width= height= format=, or hex=, file= or "
			"png=";
	} else if (step->kind == PENSTOCK_STEP_EXPECT_PIXELS && step->png == NULL &&
		   (step->given & PENSTOCK_GIVEN_COLOR) == 0) {
		fault = "'pixels' needs color= or png=";
	} else if (step->kind == PENSTOCK_STEP_EXPECT_PIXELS && step->png == NULL &&
		   (step->given & place) != place && (step->given & PENSTOCK_GIVEN_RECT) == 0) {
		fault = "'pixels' needs x= and y=, or rect=";
	} else if ((step->given & reclaimed) == reclaimed) {
		fault = "only one of kept and lost can be expected";
	} else if (step->kind == PENSTOCK_STEP_EXPECT_HASH && step->hex.length != 16) {
		fault = "a hash has 32 hexadecimal digits";
	}
	return fault == NULL ? PENSTOCK_STATUS_SUCCESS
			     : penstock_scanner_fault(&parser->scanner, word, "%s", fault);
}

/* ------------------------------------------------------------------ steps */

static enum penstock_status take_subject(struct penstock_script_parser *parser,
					 const struct penstock_statement *statement,
					 struct penstock_step *step)
{
	struct penstock_token token;
	enum penstock_status status;

	if (statement->makes == 0 && statement->uses == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	token = penstock_scanner_next(&parser->scanner);
	if (statement->uses != 0) {
		return penstock_script_find(parser, &token, statement->uses, statement->wanted,
					    &step->subject);
	}
	status = penstock_script_name(parser, &token, (enum penstock_script_kind)statement->makes,
				      &step->subject);
	if (status == PENSTOCK_STATUS_SUCCESS && statement->on_device &&
	    parser->last_device == PENSTOCK_SCRIPT_NONE) {
		return penstock_scanner_fault(&parser->scanner, &token,
					      "no device was made before it");
	}
	return status;
}

/* Which statement the word, and for some the word behind it, begins. */
static enum penstock_status choose(struct penstock_script_parser *parser,
				   const struct penstock_token *word,
				   enum penstock_step_kind *ret_kind)
{
	struct penstock_token second = penstock_scanner_peek(&parser->scanner);
	int found = -1;

	for (int kind = 0; kind < PENSTOCK_STEP_KIND_MAX; kind++) {
		const struct penstock_statement *statement = &penstock_statements[kind];

		if (!penstock_token_is(word, statement->word)) {
			continue;
		}
		if (statement->second == NULL) {
			found = kind;
		} else if (penstock_token_is(&second, statement->second)) {
			(void)penstock_scanner_next(&parser->scanner);
			*ret_kind = (enum penstock_step_kind)kind;
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	if (found < 0) {
		return word->kind == PENSTOCK_TOKEN_WORD
			       ? penstock_scanner_fault(&parser->scanner, word,
							"there is no statement %s",
							penstock_token_describe(word).text)
			       : penstock_scanner_unexpected(&parser->scanner, word, "a statement");
	}
	*ret_kind = (enum penstock_step_kind)found;
	return PENSTOCK_STATUS_SUCCESS;
}

/* The statement's own words, between its name and its parameters. */
static enum penstock_status take_words(struct penstock_script_parser *parser,
				       struct penstock_step *step)
{
	struct penstock_token token;

	if (step->kind == PENSTOCK_STEP_EXPECT_STATUS) {
		token = penstock_scanner_next(&parser->scanner);
		return take_expected(parser, &token, step);
	}
	if (step->kind == PENSTOCK_STEP_PRINT_TEXT) {
		token = penstock_scanner_next(&parser->scanner);
		if (token.kind != PENSTOCK_TOKEN_STRING) {
			return penstock_scanner_unexpected(&parser->scanner, &token,
							   "a text in double quotes, 'hex', 'hash' "
							   "or 'token'");
		}
		return penstock_script_copy(parser, &token, &step->text);
	}
	return take_subject(parser, &penstock_statements[step->kind], step);
}

static enum penstock_status take_step(struct penstock_script_parser *parser,
				      const struct penstock_token *word, struct penstock_step *step)
{
	const struct penstock_statement *statement;
	enum penstock_status status = choose(parser, word, &step->kind);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	statement = &penstock_statements[step->kind];
	status = take_words(parser, step);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		step->device = statement->on_device ? parser->last_device : PENSTOCK_SCRIPT_NONE;
		status = penstock_script_parameters(parser, statement->parameters, step);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_step(parser, word, step);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && step->kind == PENSTOCK_STEP_SUBMIT) {
		status = penstock_script_block(parser, step);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && step->kind == PENSTOCK_STEP_PIPELINE) {
		struct penstock_token token = penstock_scanner_peek(&parser->scanner);

		status = token.kind == '{' ? penstock_script_state(parser, step) : status;
	}
	if (status == PENSTOCK_STATUS_SUCCESS && step->kind == PENSTOCK_STEP_DEVICE) {
		parser->last_device = step->subject;
	}
	if (status == PENSTOCK_STATUS_SUCCESS && statement->request) {
		parser->last_request = (uint32_t)parser->script->step_count - 1;
	}
	return status;
}

static enum penstock_status take_statement(struct penstock_script_parser *parser,
					   const struct penstock_token *word)
{
	struct penstock_script *script = parser->script;
	enum penstock_status status;
	struct penstock_token token;

	if (script->step_count == STEPS_MAX) {
		return penstock_scanner_fault(&parser->scanner, word, "too many statements");
	}
	status = penstock_script_grow(parser, (void **)&script->steps, &script->step_capacity,
				      script->step_count, sizeof(*script->steps));
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	script->steps[script->step_count++] = (struct penstock_step){
		.line = word->line,
		.subject = PENSTOCK_SCRIPT_NONE,
		.device = PENSTOCK_SCRIPT_NONE,
		.context = PENSTOCK_SCRIPT_NONE,
		.token = PENSTOCK_SCRIPT_NONE,
		.request = PENSTOCK_SCRIPT_NONE,
		.expected_by = PENSTOCK_SCRIPT_NONE,
		.offered = PENSTOCK_OFFER_NORMAL,
	};
	status = take_step(parser, word, &script->steps[script->step_count - 1]);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	token = penstock_scanner_next(&parser->scanner);
	return penstock_token_ends_line(&token)
		       ? PENSTOCK_STATUS_SUCCESS
		       : penstock_scanner_unexpected(&parser->scanner, &token,
						     "the end of the line");
}

/* ------------------------------------------------------------------ the script */

enum penstock_status penstock_script_parse(const char *file, const char *text, size_t text_bytes,
					   struct penstock_script **ret_script,
					   struct penstock_errbuf *reterr_text)
{
	struct penstock_script_parser parser = {
		.script = calloc(1, sizeof(*parser.script)),
		.last_device = PENSTOCK_SCRIPT_NONE,
		.last_request = PENSTOCK_SCRIPT_NONE,
	};
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_token token;

	if (parser.script == NULL || (parser.script->file = strdup(file)) == NULL) {
		penstock_errbuf_set(reterr_text, "%s: out of memory", file);
		penstock_script_free(parser.script);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_scanner_init(&parser.scanner, parser.script->file, 1, text, text_bytes,
			      reterr_text);
	if (text_bytes > PENSTOCK_SCRIPT_BYTES_MAX) {
		penstock_errbuf_set(reterr_text, "%s: larger than %u bytes", file,
				    PENSTOCK_SCRIPT_BYTES_MAX);
		status = PENSTOCK_STATUS_LIMIT_EXCEEDED;
	}
	while (status == PENSTOCK_STATUS_SUCCESS) {
		token = penstock_scanner_next(&parser.scanner);
		if (token.kind == PENSTOCK_TOKEN_END) {
			break;
		}
		if (token.kind != PENSTOCK_TOKEN_NEWLINE) {
			status = take_statement(&parser, &token);
		}
	}
	free(parser.scratch);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_script_free(parser.script);
		return status;
	}
	*ret_script = parser.script;
	return PENSTOCK_STATUS_SUCCESS;
}

static void free_submission(struct penstock_script_submission *submission)
{
	if (submission == NULL) {
		return;
	}
	free(submission->elements);
	free(submission->patches);
	free(submission->broadcast);
	free(submission->locations);
	free(submission->command);
	free(submission);
}

void penstock_script_free(struct penstock_script *script)
{
	if (script == NULL) {
		return;
	}
	for (size_t i = 0; i < script->step_count; i++) {
		free_submission(script->steps[i].submission);
		free(script->steps[i].hex.bytes);
		free(script->steps[i].file);
		free(script->steps[i].png);
		free(script->steps[i].text);
		free(script->steps[i].entry);
		free(script->steps[i].constants);
		free(script->steps[i].graphics);
		for (uint32_t j = 0; j < PENSTOCK_SCRIPT_SHADERS; j++) {
			free(script->steps[i].shaders[j]);
		}
	}
	for (size_t i = 0; i < script->object_count; i++) {
		free(script->objects[i].name);
	}
	free(script->steps);
	free(script->objects);
	free(script->file);
	free(script);
}

unsigned penstock_script_line_of(const struct penstock_script_submission *submission,
				 uint32_t byte_offset)
{
	unsigned line = 0;

	for (size_t i = 0; i < submission->location_count; i++) {
		if (submission->locations[i].byte_offset > byte_offset) {
			break;
		}
		line = submission->locations[i].line;
	}
	return byte_offset < submission->command_bytes ? line : 0;
}
