/* SPDX-License-Identifier: MIT */
#include "proto/isa/scanner.h"

#include "proto/image/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A path longer than that is shown by its end, so that the fault itself stays in the sentence. */
#define FILE_NAME_SHOWN 96u

void penstock_scanner_init(struct penstock_scanner *scanner, const char *file, unsigned first_line,
			   const char *text, size_t text_bytes, struct penstock_errbuf *reterr_text)
{
	*scanner = (struct penstock_scanner){
		.file = file,
		.at = text,
		.end = text + text_bytes,
		.line_start = text,
		.line = first_line,
		.reterr_text = reterr_text,
	};
}

static bool is_punctuation(char c)
{
	return c != '\0' && strchr("=(),[]{}", c) != NULL;
}

static bool is_word(char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '#' && !is_punctuation(c);
}

static void skip_blanks(struct penstock_scanner *scanner)
{
	while (scanner->at < scanner->end &&
	       (*scanner->at == ' ' || *scanner->at == '\t' || *scanner->at == '\r')) {
		scanner->at++;
	}
	if (scanner->at == scanner->end || *scanner->at != '#') {
		return;
	}
	while (scanner->at < scanner->end && *scanner->at != '\n') {
		scanner->at++;
	}
}

/* At a quote: a string, or a fault where the line ends first. */
static void take_string(struct penstock_scanner *scanner, struct penstock_token *token)
{
	const char *close = scanner->at + 1;

	while (close < scanner->end && *close != '"' && *close != '\n') {
		close++;
	}
	if (close == scanner->end || *close == '\n') {
		token->kind = PENSTOCK_TOKEN_FAULT;
		token->length = 1;
		scanner->at++;
		return;
	}
	token->kind = PENSTOCK_TOKEN_STRING;
	token->text = scanner->at + 1;
	token->length = (size_t)(close - token->text);
	scanner->at = close + 1;
}

static void take_word(struct penstock_scanner *scanner, struct penstock_token *token)
{
	while (scanner->at < scanner->end && is_word(*scanner->at)) {
		scanner->at++;
	}
	token->kind = PENSTOCK_TOKEN_WORD;
	token->length = (size_t)(scanner->at - token->text);
}

struct penstock_token penstock_scanner_next(struct penstock_scanner *scanner)
{
	struct penstock_token token = { .kind = PENSTOCK_TOKEN_END };

	skip_blanks(scanner);
	token.text = scanner->at;
	token.line = scanner->line;
	token.column = (unsigned)(scanner->at - scanner->line_start) + 1;
	if (scanner->at == scanner->end) {
		return token;
	}
	if (*scanner->at == '"') {
		take_string(scanner, &token);
		return token;
	}
	if (is_word(*scanner->at)) {
		take_word(scanner, &token);
		return token;
	}
	token.length = 1;
	token.kind = is_punctuation(*scanner->at) ? *scanner->at : PENSTOCK_TOKEN_FAULT;
	if (*scanner->at == '\n') {
		token.kind = PENSTOCK_TOKEN_NEWLINE;
		scanner->line++;
		scanner->line_start = scanner->at + 1;
	}
	scanner->at++;
	return token;
}

struct penstock_token penstock_scanner_peek(const struct penstock_scanner *scanner)
{
	struct penstock_scanner copy = *scanner;

	return penstock_scanner_next(&copy);
}

bool penstock_token_is(const struct penstock_token *token, const char *word)
{
	return token->kind == PENSTOCK_TOKEN_WORD && strlen(word) == token->length &&
	       memcmp(word, token->text, token->length) == 0;
}

struct penstock_token_text penstock_token_describe(const struct penstock_token *token)
{
	struct penstock_token_text out = { "" };
	size_t length = token->length < 32 ? token->length : 32;

	if (token->kind == PENSTOCK_TOKEN_END) {
		snprintf(out.text, sizeof(out.text), "the end");
		return out;
	}
	if (token->kind == PENSTOCK_TOKEN_NEWLINE) {
		snprintf(out.text, sizeof(out.text), "the end of the line");
		return out;
	}
	if (token->kind == PENSTOCK_TOKEN_FAULT) {
		snprintf(out.text, sizeof(out.text),
			 *token->text == '"' ? "a string without end" : "the byte 0x%02x",
			 (unsigned)(uint8_t)*token->text);
		return out;
	}
	snprintf(out.text, sizeof(out.text), "'%.*s%s'", (int)length, token->text,
		 length < token->length ? "..." : "");
	for (char *c = out.text; *c != '\0'; c++) {
		*c = *c < ' ' || *c == 0x7f ? '?' : *c;
	}
	return out;
}

enum penstock_status penstock_scanner_fault(const struct penstock_scanner *scanner,
					    const struct penstock_token *token, const char *format,
					    ...)
{
	char fault[PENSTOCK_ERRBUF_BYTES];
	size_t length = strlen(scanner->file);
	bool cut = length > FILE_NAME_SHOWN;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fault, sizeof(fault), format, arguments);
	va_end(arguments);
	penstock_errbuf_set(scanner->reterr_text, "%s%s:%u:%u: %s", cut ? "..." : "",
			    scanner->file + (cut ? length - FILE_NAME_SHOWN : 0), token->line,
			    token->column, fault);
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}

enum penstock_status penstock_scanner_unexpected(const struct penstock_scanner *scanner,
						 const struct penstock_token *token,
						 const char *wanted)
{
	return penstock_scanner_fault(scanner, token, "%s where %s should be",
				      penstock_token_describe(token).text, wanted);
}

enum penstock_status penstock_scanner_expect(struct penstock_scanner *scanner, int kind,
					     const char *wanted)
{
	struct penstock_token token = penstock_scanner_next(scanner);

	if (token.kind != kind) {
		return penstock_scanner_unexpected(scanner, &token, wanted);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* The value of a digit, or a value that no base has. */
static unsigned digit(char c)
{
	if (c >= '0' && c <= '9') {
		return (unsigned)(c - '0');
	}
	if (c >= 'a' && c <= 'f') {
		return (unsigned)(c - 'a') + 10;
	}
	if (c >= 'A' && c <= 'F') {
		return (unsigned)(c - 'A') + 10;
	}
	return 16;
}

enum number { NUMBER_GOOD, NUMBER_NONE, NUMBER_TOO_LARGE };

/* Any length of digits; what does not fit 64 bits is too large. */
static enum number parse(const char *text, size_t length, uint64_t *ret_value)
{
	unsigned base = 10;
	uint64_t value = 0;
	size_t start = 0;
	bool wrapped = false;

	if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		start = 2;
	}
	if (start == length) {
		return NUMBER_NONE;
	}
	for (size_t i = start; i < length; i++) {
		unsigned next = digit(text[i]);

		if (next >= base) {
			return NUMBER_NONE;
		}
		wrapped = wrapped || __builtin_mul_overflow(value, base, &value) ||
			  __builtin_add_overflow(value, next, &value);
	}
	*ret_value = value;
	return wrapped ? NUMBER_TOO_LARGE : NUMBER_GOOD;
}

enum penstock_status penstock_scanner_unsigned(const struct penstock_scanner *scanner,
					       const struct penstock_token *token, uint64_t maximum,
					       uint64_t *ret_value)
{
	enum number number = NUMBER_NONE;
	uint64_t value = 0;

	if (token->kind == PENSTOCK_TOKEN_WORD) {
		number = parse(token->text, token->length, &value);
	}
	if (number == NUMBER_NONE) {
		return penstock_scanner_unexpected(scanner, token, "a number");
	}
	if (number == NUMBER_TOO_LARGE || value > maximum) {
		return penstock_scanner_fault(scanner, token, "%s is more than %llu",
					      penstock_token_describe(token).text,
					      (unsigned long long)maximum);
	}
	*ret_value = value;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_scanner_i32(const struct penstock_scanner *scanner,
					  const struct penstock_token *token, int32_t *ret_value)
{
	bool negative = token->kind == PENSTOCK_TOKEN_WORD && token->text[0] == '-';
	uint64_t limit = negative ? 1ull << 31 : INT32_MAX;
	enum number number = NUMBER_NONE;
	uint64_t value = 0;

	if (token->kind == PENSTOCK_TOKEN_WORD) {
		number = parse(token->text + negative, token->length - negative, &value);
	}
	if (number == NUMBER_NONE) {
		return penstock_scanner_unexpected(scanner, token, "a number");
	}
	if (number == NUMBER_TOO_LARGE || value > limit) {
		return penstock_scanner_fault(scanner, token, "%s is not within 32 bits",
					      penstock_token_describe(token).text);
	}
	*ret_value = (int32_t)(negative ? -(int64_t)value : (int64_t)value);
	return PENSTOCK_STATUS_SUCCESS;
}

/* The longest text of a number that has a use; what is longer is none. */
#define F32_TEXT_BYTES 64u

static bool parse_f32(const struct penstock_token *token, float *ret_value)
{
	char text[F32_TEXT_BYTES];
	char *end = text;

	if (token->length >= sizeof(text) || token->length == 0) {
		return false;
	}
	memcpy(text, token->text, token->length);
	text[token->length] = '\0';
	/* strtof knows names and hexadecimal fractions too. */
	if (strspn(text, "0123456789.eE+-") != token->length) {
		return false;
	}
	*ret_value = strtof(text, &end);
	return end == text + token->length && isfinite(*ret_value);
}

enum penstock_status penstock_scanner_f32(const struct penstock_scanner *scanner,
					  const struct penstock_token *token, float *ret_value)
{
	uint64_t bits;

	if (token->kind != PENSTOCK_TOKEN_WORD) {
		return penstock_scanner_unexpected(scanner, token, "a number");
	}
	if (token->length > 2 && token->text[0] == '0' && token->text[1] == 'x') {
		enum penstock_status status =
			penstock_scanner_unsigned(scanner, token, UINT32_MAX, &bits);
		const uint32_t word = (uint32_t)bits;

		if (status == PENSTOCK_STATUS_SUCCESS) {
			memcpy(ret_value, &word, sizeof(word));
		}
		return status;
	}
	return parse_f32(token, ret_value)
		       ? PENSTOCK_STATUS_SUCCESS
		       : penstock_scanner_unexpected(scanner, token, "a number");
}

bool penstock_scanner_texel_format(const struct penstock_token *token, uint32_t *ret_number)
{
	const struct penstock_texel_format *format;
	char name[64];

	if (token->kind != PENSTOCK_TOKEN_WORD || token->length >= sizeof(name)) {
		return false;
	}
	memcpy(name, token->text, token->length);
	name[token->length] = '\0';
	format = penstock_texel_format_by_name(name);
	if (format == NULL) {
		return false;
	}
	*ret_number = format->number;
	return true;
}
