/* SPDX-License-Identifier: MIT */
/*
 * Cuts text into tokens: what assembly and scripts are made of. The text is borrowed, need not end
 * with a NUL, and may hold any bytes. No memory is allocated; any thread.
 *
 *   newline | word | "string" | = ( ) , [ ] { } | end
 *
 * A word is a run of printable ASCII without blanks, punctuation, quotes and '#'. Blanks part
 * tokens; '#' starts a comment up to the end of the line. A string has no escapes and ends on its
 * line; its token's text is what stands between the quotes.
 */
#ifndef PENSTOCK_SCANNER_H
#define PENSTOCK_SCANNER_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

/* Punctuation is its own character. */
enum penstock_token_kind {
	PENSTOCK_TOKEN_END = 0,
	PENSTOCK_TOKEN_NEWLINE = '\n',
	PENSTOCK_TOKEN_STRING = '"',
	PENSTOCK_TOKEN_WORD = 'w',
	PENSTOCK_TOKEN_FAULT = '?', /* a byte that no text has, or a string without end */
};

struct penstock_token {
	int kind; /* enum penstock_token_kind, or a punctuation character */
	unsigned line;
	unsigned column; /* from 1, in bytes */
	size_t length;
	const char *text;
};

struct penstock_scanner {
	const char *file; /* for sentences; borrowed */
	const char *at;
	const char *end;
	const char *line_start;
	unsigned line;
	struct penstock_errbuf *reterr_text; /* where faults go; may be NULL */
};

void penstock_scanner_init(struct penstock_scanner *scanner, const char *file, unsigned first_line,
			   const char *text, size_t text_bytes,
			   struct penstock_errbuf *reterr_text);

/* The next token; END again and again at the end. */
struct penstock_token penstock_scanner_next(struct penstock_scanner *scanner);

/* The token that next will give. */
struct penstock_token penstock_scanner_peek(const struct penstock_scanner *scanner);

bool penstock_token_is(const struct penstock_token *token, const char *word);

/* "'word'", "a newline", ...: for a sentence; bounded and printable. */
struct penstock_token_text {
	char text[48];
};
struct penstock_token_text penstock_token_describe(const struct penstock_token *token);

/*
 * Fills the scanner's errbuf with "file:line:column: " and the fault. Returns INVALID_PARAMETER,
 * so that callers can return it.
 */
enum penstock_status penstock_scanner_fault(const struct penstock_scanner *scanner,
					    const struct penstock_token *token, const char *format,
					    ...) PENSTOCK_PRINTF(3, 4);

/* The fault of a token where `wanted` should stand. */
enum penstock_status penstock_scanner_unexpected(const struct penstock_scanner *scanner,
						 const struct penstock_token *token,
						 const char *wanted);

/* Takes a token of that kind, or says what was wanted. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_scanner_expect(struct penstock_scanner *scanner, int kind,
					     const char *wanted);

/*
 * A whole number in a word: decimal or 0x hexadecimal, '-' in front where `minimum` allows it.
 * INVALID_PARAMETER with a fault where it is none or out of range.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_scanner_unsigned(const struct penstock_scanner *scanner,
					       const struct penstock_token *token, uint64_t maximum,
					       uint64_t *ret_value);
PENSTOCK_MUST_CHECK
enum penstock_status penstock_scanner_i32(const struct penstock_scanner *scanner,
					  const struct penstock_token *token, int32_t *ret_value);

/*
 * An IEEE single in a word: a number, in decimal, or its 32 bits in 0x hexadecimal.
 * INVALID_PARAMETER with a fault where it is neither, or no finite single is near it.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_scanner_f32(const struct penstock_scanner *scanner,
					  const struct penstock_token *token, float *ret_value);

/* The number of the format that a word names (proto/image/format.h). False: there is none. */
bool penstock_scanner_texel_format(const struct penstock_token *token, uint32_t *ret_number);

#endif
