/* SPDX-License-Identifier: MIT */
/*
 * A callback about a process, which may destroy it. Frames are on the stack of whoever calls back,
 * the innermost first: `top` is where a backend keeps that one.
 */
#ifndef PENSTOCK_TELLING_H
#define PENSTOCK_TELLING_H

#include "proto/base/base.h"

struct penstock_telling {
	const void *process; /* NULL: it was destroyed */
	struct penstock_telling *outer;
};

static inline void penstock_telling_begin(struct penstock_telling **top,
					  struct penstock_telling *telling, const void *process)
{
	*telling = (struct penstock_telling){ .process = process, .outer = *top };
	*top = telling;
}

/* False: the process is gone. */
PENSTOCK_MUST_CHECK
static inline bool penstock_telling_end(struct penstock_telling **top,
					const struct penstock_telling *telling)
{
	*top = telling->outer;
	return telling->process != NULL;
}

/* The process is being destroyed. */
static inline void penstock_telling_forget(struct penstock_telling *top, const void *process)
{
	for (; top != NULL; top = top->outer) {
		if (top->process == process) {
			top->process = NULL;
		}
	}
}

#endif
