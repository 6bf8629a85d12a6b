/* SPDX-License-Identifier: MIT */
/*
 * Submission fence ids of one node: 32 bits, one more for each packet, whichever process it is
 * for, so an id is unique while it matters. They wrap; which of two is earlier is their signed
 * distance, which holds because far fewer than 2^31 are ever outstanding. 0 is nobody's: a process
 * that completed nothing yet says so with it. Documents: "Supplying fence identifiers".
 */
#ifndef PENSTOCK_FENCES_H
#define PENSTOCK_FENCES_H

#include "proto/base/base.h"

/* Fences that are out are never further apart: a GPU that hangs is found long before. */
#define PENSTOCK_FENCES_OUT (1u << 30)

struct penstock_fences {
	uint64_t submitted; /* ids given so far, and 0 where it was passed over */
	uint32_t next;
	uint32_t last_submitted;
	uint32_t last_completed;
};

static inline void penstock_fences_init(struct penstock_fences *fences, uint32_t first)
{
	*fences = (struct penstock_fences){
		.next = first,
		.last_submitted = first - 1,
		.last_completed = first - 1,
	};
}

/* The id of the packet that is submitted now. */
static inline uint32_t penstock_fences_next(struct penstock_fences *fences)
{
	uint32_t skipped = fences->next == 0;

	fences->next += skipped;
	fences->submitted += 1 + skipped;
	fences->last_submitted = fences->next++;
	return fences->last_submitted;
}

static inline bool penstock_fence_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/*
 * Whether the id was given to a packet, as far back as a signed distance tells. What is behind the
 * last one, or was never reached around the wrap, was not.
 */
static inline bool penstock_fences_given(const struct penstock_fences *fences, uint32_t id)
{
	uint32_t age = fences->last_submitted - id;

	return age < fences->submitted && age <= INT32_MAX;
}

static inline void penstock_fences_complete(struct penstock_fences *fences, uint32_t id)
{
	if (penstock_fence_before(fences->last_completed, id)) {
		fences->last_completed = id;
	}
}

#endif
