/* SPDX-License-Identifier: MIT */
/*
 * What an operator may do to a machine, beside looking at it (observe.h). Each leaves a line in the
 * log that says who did it. Loop thread only.
 */
#ifndef PENSTOCK_OPERATOR_H
#define PENSTOCK_OPERATOR_H

#include "daemon/objects/objects.h"

/* Who asks. */
struct penstock_operator {
	int64_t uid;
	const struct penstock_session *own; /* his own session, which is left alone; or NULL */
};

/* The values are the protocol's. */
enum penstock_target_kind {
	PENSTOCK_TARGET_SESSION = 1,
	PENSTOCK_TARGET_CONTEXT = 2,
	PENSTOCK_TARGET_DEVICE = 3,
	PENSTOCK_TARGET_PRINCIPAL = 4,
	PENSTOCK_TARGET_ALLOCATION = 5,
};

struct penstock_target {
	uint32_t kind;    /* any number: what is none of the above is INVALID_PARAMETER */
	uint64_t id;      /* of all but a principal, as observe.h shows it */
	const char *name; /* of a principal; borrowed for the call */
};

struct penstock_killed {
	uint32_t sessions;
	uint32_t devices; /* that were lost, or went with their sessions */
};

/*
 * Ends a session, or all of a principal's, whatever their leases: their clients are told, and what
 * they had is gone. Of a device, or the device of a context, what is queued does not run and its
 * client is told by its state, STOPPED; what the GPU has begun ends by itself, or hangs and is
 * found. SUCCESS; NOT_FOUND; INVALID_PARAMETER: a kind that cannot be killed, or his own session.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_operator_kill(struct penstock_machine *machine,
					    const struct penstock_operator *by,
					    const struct penstock_target *target,
					    struct penstock_killed *ret_killed,
					    struct penstock_refusal *ret_refusal);

/* The machine's trace, of all adapters (daemon/schedule/trace.h). */
struct penstock_trace *penstock_operator_trace(struct penstock_machine *machine);

struct penstock_evicted {
	uint32_t evicted; /* their content was in system memory when the call returned */
	uint32_t pending; /* it is on its way there */
	uint32_t busy;    /* a packet on the hardware, or a client, uses them: nothing happened */
	uint32_t absent;  /* were in no segment */
	uint64_t bytes;   /* of evicted and pending */
};

/*
 * Moves an allocation, or all that a principal pays for, out of their segments. What needs one
 * again waits, and it comes back. SUCCESS, NOT_FOUND, INVALID_PARAMETER: neither an allocation nor
 * a principal.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_operator_evict(struct penstock_machine *machine,
					     const struct penstock_operator *by,
					     const struct penstock_target *target,
					     struct penstock_evicted *ret_evicted,
					     struct penstock_refusal *ret_refusal);

/*
 * Copies what a surface shows, behind the work of its session so far. `context_id` says whose it
 * is, and `allocation_id` which of what its device has opened. PENDING: `done` tells; after SUCCESS
 * the bytes are the caller's until penstock_operator_capture_end. NOT_FOUND: no such context, or
 * its device has no such allocation open; INVALID_PARAMETER: it is no surface; LIMIT_EXCEEDED: more
 * than a payload; GRAPHICS_INVALID_ALLOCATION_USAGE: it is offered; DEVICE_REMOVED: the adapter
 * does not run; GRAPHICS_TRY_AGAIN_LATER: there is one already; and later INVALID_HANDLE: it was
 * destroyed before its turn came, NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_operator_capture(struct penstock_machine *machine,
					       const struct penstock_operator *by,
					       uint64_t context_id, uint64_t allocation_id,
					       struct penstock_request *request,
					       struct penstock_refusal *ret_refusal);

/* Nobody waits for it any more: it is done with CANCELLED, unless it is done already. */
void penstock_operator_capture_cancel(struct penstock_machine *machine,
				      struct penstock_request *request);

void penstock_operator_capture_end(struct penstock_request *request);

#endif
