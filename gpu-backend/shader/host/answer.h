/* SPDX-License-Identifier: MIT */
/* What a process left behind, read without belief. Pure. */
#ifndef PENSTOCK_SHADER_ANSWER_H
#define PENSTOCK_SHADER_ANSWER_H

#include "gpu-backend/shader/host/service.h"

/* How a process ended, and what it had said by then. */
struct penstock_shader_leaving {
	bool over_time; /* it was killed for that */
	bool over_long; /* or because it said more than an answer can be */
	bool no_memory; /* or because there was none for what goes to it or comes from it */
	int wait_status;
	const void *bytes; /* aligned for a header; private to the daemon */
	size_t byte_count;
};

/* What the daemon had asked; the answer has to be about that. */
struct penstock_shader_asked {
	uint32_t stage;
	uint32_t word_count;
	const char *entry_point;
};

/*
 * An answer in any case; it points into the bytes, or to `reterr_text`, which stays with the
 * caller as long.
 */
void penstock_shader_answer_read(const struct penstock_shader_leaving *leaving,
				 const struct penstock_shader_asked *asked,
				 struct penstock_errbuf *reterr_text,
				 struct penstock_shader_answer *ret_answer);

#endif
