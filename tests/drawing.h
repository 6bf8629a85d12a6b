/* SPDX-License-Identifier: MIT */
/*
 * A drawing of states, read once more by hand, for a test that goes everywhere in it.
 */
#ifndef PENSTOCK_TEST_DRAWING_H
#define PENSTOCK_TEST_DRAWING_H

#include "proto/base/base.h"

#include <check.h>

struct arrow {
	unsigned from, to;
};

struct drawing {
	const struct arrow *arrows;
	unsigned arrow_count;
	unsigned states;
};

#define DRAWING_OF(arrows, states)                                                                 \
	{                                                                                          \
		arrows, PENSTOCK_ARRAY_SIZE(arrows), states                                        \
	}

static inline bool drawing_has(const struct drawing *drawing, unsigned from, unsigned to)
{
	for (unsigned i = 0; i < drawing->arrow_count; i++) {
		if (drawing->arrows[i].from == from && drawing->arrows[i].to == to) {
			return true;
		}
	}
	return false;
}

/* Every move from each state, to one that does not exist too; `attempt` does it, and mends. */
static inline void go_everywhere(const struct drawing *drawing,
				 void (*attempt)(unsigned from, unsigned to, bool drawn))
{
	unsigned gone = 0;

	for (unsigned from = 0; from < drawing->states; from++) {
		for (unsigned to = 0; to <= drawing->states; to++) {
			bool drawn = drawing_has(drawing, from, to);

			gone += drawn;
			attempt(from, to, drawn);
		}
	}
	ck_assert_uint_eq(gone, drawing->arrow_count);
}

#endif
