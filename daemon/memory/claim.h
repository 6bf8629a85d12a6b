/* SPDX-License-Identifier: MIT */
/*
 * A claim: the right of way of one submission for which there is no room. Only who has one makes
 * others leave. A process has one claim at most.
 *
 *	no room --begin--> CLAIM --everything resident and pinned, refused, or withdrawn--> ended
 *	                     | nothing but its own is in the way, and it is the strongest
 *	                     '--> packed: a place for each element is fixed, from the start
 *	                         of the segments
 *
 * Why it always ends. Claims are in one order: by the priority of the context, then by age; who was
 * robbed PENSTOCK_CLAIM_PATIENCE times goes before all priorities. What a claim lists, once it is
 * there, and the holes that are kept for the rest, are taken by stronger claims only, and nobody
 * without a claim takes anything from them or makes anybody leave. So the strongest claim loses
 * nothing, except by a stronger one that begins, which the order lets happen a bounded number of
 * times; and it waits only for what ends by itself: victims whose packets are on the hardware
 * (which retire or are reset, and new ones wait: their goal is EVICT), accesses (which a worker
 * makes: HELD ones are in no place), paging of the system process, jobs. Every element thus gets
 * its place in a bounded number of attempts, each after a `progress`. Where its own elements are
 * in its way (holes are contiguous), all of them get new places, one behind the other, whose holes
 * are kept together: that they fit there was found out before the claim began. Then the next claim
 * is the strongest. A pass of a chain is a submission like any other, and holds nothing between
 * passes. The same holds for entries of a process's page table, which only its claim takes from
 * others. Hence two submissions cannot take each other's places for ever, on one node or on two,
 * and nobody waits for a process that wants nothing: its allocations are victims like all.
 *
 * Fairness: the segments are shared among the processes that use them. Who holds more than its
 * share gives first, whatever its priorities (memory/room.c); and one claim a process means that
 * nobody waits for more than one submission of each other process that is as strong.
 *
 * Priority MAXIMUM is soft-pinned (memory/room.h): it leaves only for the smallest part of a
 * submission. A claim for something larger goes on without that room; the strongest one that cannot
 * ends instead, and its submission comes again with half its split points. So often can that happen
 * only, until it is the smallest, that the strongest claim still gets on. Loop thread.
 */
#ifndef PENSTOCK_CLAIM_H
#define PENSTOCK_CLAIM_H

#include "daemon/submission.h"
#include "proto/wire/status.h"

/* So often a claim is robbed by higher priorities before it goes first. */
#define PENSTOCK_CLAIM_PATIENCE 16u

/* Of one process. */
struct penstock_claim {
	struct penstock_list link;              /* penstock_vidmm.claims, while there is one */
	struct penstock_submission *submission; /* NULL: there is none; borrowed */
	uint64_t ticket;                        /* its age */
	uint32_t level;                         /* of the context's priority, 0 is the highest */
	uint32_t robbed;
	uint64_t robber; /* the ticket of the last one who did */
	bool splits;     /* the submission can be made smaller (penstock_vidmm_is_smallest) */
	bool sparing;    /* what is soft-pinned against it stays (memory/room.h) */
};

/* The claim of the submission, or NULL. */
struct penstock_claim *penstock_claim_of(const struct penstock_submission *submission);

/*
 * There is no room for it. SUCCESS: it has a claim now. PENDING: its process has another one.
 * GRAPHICS_NO_VIDEO_MEMORY: empty segments could not hold all that it lists.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_claim_begin(struct penstock_submission *submission,
					  struct penstock_claim **ret_claim);

/* Something that it had was taken for the stronger one. */
void penstock_claim_rob(struct penstock_claim *claim, const struct penstock_claim *by);

/*
 * Brings everything that it lists closer to a segment. SUCCESS: all is resident. PENDING.
 * GRAPHICS_NO_VIDEO_MEMORY: pages for a place in local memory could not be had, or the submission
 * is to be split first, because priority MAXIMUM is in its way.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_claim_advance(struct penstock_claim *claim);

/*
 * The page table of its process is full: the mapping of an allocation that was used longest ago
 * goes, for one of those that it needs. SUCCESS: it has gone. PENDING: it is
 * going, or its process has another claim. GRAPHICS_NO_VIDEO_MEMORY: all are its own.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_claim_page_table(struct penstock_submission *submission);

/* Others may have what it kept. Nothing happens where the submission has no claim. */
void penstock_claim_end(struct penstock_submission *submission);

bool penstock_claim_stronger(const struct penstock_claim *a, const struct penstock_claim *b);

#endif
