/* SPDX-License-Identifier: MIT */
/*
 * Declared states: a table says which state may follow which, as the drawing in the head of the
 * file does whose states they are. A move that is not in the table is a defect of ours; nothing
 * happens then, and the caller stops what is broken with the sentence that it gets
 * (docs/invariants.md).
 */
#ifndef PENSTOCK_STATES_H
#define PENSTOCK_STATES_H

#include "proto/base/base.h"

struct penstock_state {
	const char *name;
	uint32_t next; /* bit n: state n may follow */
};

struct penstock_states {
	const char *noun; /* whose they are, with its article */
	uint32_t count;   /* <= 32 */
	const struct penstock_state *states;
};

/* "0x1/1: a door cannot become OPEN that is LOCKED"; `code` may be "". */
void penstock_states_refuse(const struct penstock_states *states, const char *code, uint32_t from,
			    uint32_t to, struct penstock_errbuf *reterr_text);

/* There is an arrow from one to the other; both may be anything. */
static inline bool penstock_states_drawn(const struct penstock_states *states, uint32_t from,
					 uint32_t to)
{
	return from < states->count && to < states->count &&
	       (states->states[from].next >> to & 1u) != 0;
}

/* The same; where there is none the sentence is filled, which begins with `code`. */
PENSTOCK_MUST_CHECK
static inline bool penstock_states_lead(const struct penstock_states *states, const char *code,
					uint32_t from, uint32_t to,
					struct penstock_errbuf *reterr_text)
{
	if (PENSTOCK_LIKELY(penstock_states_drawn(states, from, to))) {
		return true;
	}
	penstock_states_refuse(states, code, from, to, reterr_text);
	return false;
}

#endif
