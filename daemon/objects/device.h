/* SPDX-License-Identifier: MIT */
/*
 * A device: a bag of contexts and openings of one session on one adapter, and the unit of loss.
 *
 *	ACTIVE --(an adapter reset, a restart with work in flight, a neighbour's failure)--> RESET
 *	   |---(left a preemption unanswered for TdrDelay)--> HUNG
 *	   |---(its adapter stopped, its principal is blocked, the administrator)--> STOPPED
 *	   |---(what it submitted fits no segments, however it is split)--> ERROR_OUTOFMEMORY
 *	   |---(an illegal instruction, or its process ended)--> ERROR_DMAFAULT
 *	   '---(an address that is not there)--> ERROR_DMAPAGEFAULT
 *
 * All but ACTIVE are lost, and for good: what happened first is what is told. Of a lost one what is
 * queued is cancelled with DEVICE_REMOVED, as is every later request but destroy and query.
 *
 * Loop thread only.
 */
#ifndef PENSTOCK_DEVICE_H
#define PENSTOCK_DEVICE_H

#include "daemon/objects/session.h"

struct penstock_device {
	struct penstock_session *session;   /* counted */
	struct penstock_adapter *adapter;   /* borrowed: its own for life */
	struct penstock_tenant *tenant;     /* borrowed: what its principal is on that adapter */
	struct penstock_list link;          /* penstock_session.devices */
	struct penstock_list contexts;      /* penstock_context.link */
	struct penstock_list ending;        /* likewise: destroyed, with submissions under way */
	struct penstock_list openings;      /* penstock_opening.link */
	struct penstock_list sync_openings; /* penstock_sync_opening.link */
	uint64_t id;
	uint64_t name;
	uint32_t flags;
	uint32_t references;
	bool restored; /* the client may send its create again */
	struct penstock_device_state state;
};

#define PENSTOCK_DEVICE_FLAG_SYSTEM 0x1u /* DXGK_CREATEDEVICEFLAGS; refused */
#define PENSTOCK_DEVICE_FLAG_GDI    0x2u

static inline bool penstock_device_lost(const struct penstock_device *device)
{
	return device->state.execution_state != PENSTOCK_DEVICE_ACTIVE;
}

void penstock_device_ref(struct penstock_device *device);
void penstock_device_put(struct penstock_device *device);

/* The device that a request names: INVALID_HANDLE, DEVICE_REMOVED where it is lost. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_device_find(struct penstock_session *session, uint64_t name,
					  struct penstock_device **ret_device,
					  struct penstock_refusal *ret_refusal);

/* SUCCESS, or DEVICE_REMOVED where it is lost. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_device_check(const struct penstock_device *device,
					   struct penstock_refusal *ret_refusal);

/* Cut where it is too long. */
void penstock_device_set_reason(struct penstock_device_state *state, const char *reason);

/* Loses the device; does nothing when it is lost. `state` says why, and how: not ACTIVE. */
void penstock_device_lose(struct penstock_device *device,
			  const struct penstock_device_state *state);

/* CancelCommand: what is queued completes with CANCELLED; the device itself is as it was. */
void penstock_device_cancel(struct penstock_device *device);

/* Close before destroy: openings, contexts, the device. `keep`: rows stay in the store. */
void penstock_device_destroy(struct penstock_device *device, bool keep);

PENSTOCK_MUST_CHECK
enum penstock_status penstock_device_restore(struct penstock_session *session,
					     const struct penstock_device_row *row,
					     struct penstock_device **ret_device);

#endif
