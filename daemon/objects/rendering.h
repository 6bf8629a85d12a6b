/* SPDX-License-Identifier: MIT */
/*
 * A rendering of a held submission, or of a later pass of it: the translation, and where somebody
 * traces, when it was and on which thread.
 */
#ifndef PENSTOCK_RENDERING_H
#define PENSTOCK_RENDERING_H

#include "daemon/render/render.h"

struct penstock_held;
struct penstock_submission;

/* Of the latest rendering; the thread that renders has it, as it has the submission's args. */
struct penstock_rendering {
	uint64_t begin_ns;
	uint64_t end_ns;
	uint32_t thread; /* the kernel's number */
	bool timed;      /* somebody traced when the submission came */
};

/* As penstock_translate, into held->defect. Any thread. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_rendering_run(struct penstock_held *held,
					    struct penstock_render_args *args, uint64_t *ret_before,
					    struct penstock_refusal *ret_refusal);

/* Tells who traces of the latest rendering, which was of `submission`. Loop thread. */
void penstock_rendering_tell(const struct penstock_held *held,
			     const struct penstock_submission *submission);

#endif
