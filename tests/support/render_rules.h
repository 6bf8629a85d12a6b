/* SPDX-License-Identifier: MIT */
/*
 * Rules of render, each by the nearest that is accepted and the nearest that is refused: a command
 * buffer as assembly, of which one part is replaced.
 */
#ifndef PENSTOCK_RENDER_RULES_H
#define PENSTOCK_RENDER_RULES_H

#include "tests/support/render_fixture.h"

struct penstock_rule {
	const char *part;        /* of the text; what is in front of it stays */
	const char *good;        /* instead of it; NULL: the part as it is */
	const char *bad;         /* instead of it */
	const char *instruction; /* that is refused for it, */
	const char *operand;     /* by this operand, */
	const char *says;        /* in a sentence with this */
	void (*prepare)(void);   /* what the fixture has to be for both; may be NULL */
};

/* Assembles the text; returns its length. */
uint32_t penstock_rules_assemble(const char *text, uint8_t *ret_bytes, uint32_t capacity);

/* Renders the text: it is accepted, and the checker reads it. */
void penstock_rules_accept(struct penstock_fixture *fixture, const char *text);

/* Renders the text: it is refused so. */
void penstock_rules_refuse(struct penstock_fixture *fixture, const char *text,
			   const struct penstock_rule *rule);

/* Both halves of the rule, on the fixture as it is. */
void penstock_rules_hold(struct penstock_fixture *fixture, const char *text,
			 const struct penstock_rule *rule);

#endif
