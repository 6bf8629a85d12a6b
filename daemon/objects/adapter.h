/* SPDX-License-Identifier: MIT */
/*
 * An adapter: owner of backend, memory manager and scheduler, and what devices and allocations
 * belong to. Embedded in its machine.
 *
 *	RUNNING --(a defect, or a GPU that cannot be believed)--> FAILED
 *	   |  ^                                                     ^ |
 *	   |  '--(the next turn)-- RESETTING --(it cannot be reset)-' |
 *	   |--(a GPU that failed)----^                                |
 *	   +-------------------(the machine stops)--------------------+--> STOPPING --> freed
 *
 * RESETTING: its devices are lost (RESET), its GPU processes end, what is in local memory is lost;
 * then it is as at the beginning, and new devices work. More often than TdrLimitCount in
 * TdrLimitTime it is FAILED instead.
 * FAILED: its devices are lost (DEVICE_REMOVED) and nothing new is made on it; the daemon and its
 * other adapters live. An adapter that the configuration had once and has no more is FAILED from
 * the start, with no backend, memory manager or scheduler: what the store has of it is lost, and
 * names of it can be destroyed. Loop thread only.
 */
#ifndef PENSTOCK_ADAPTER_H
#define PENSTOCK_ADAPTER_H

#include "daemon/objects/objects.h"
#include "daemon/objects/timeouts.h"
#include "daemon/objects/turn.h"
#include "proto/base/states.h"

enum penstock_adapter_state {
	PENSTOCK_ADAPTER_RUNNING,
	PENSTOCK_ADAPTER_RESETTING,
	PENSTOCK_ADAPTER_FAILED,
	PENSTOCK_ADAPTER_STOPPING,
	PENSTOCK_ADAPTER_STATE_MAX
};

struct penstock_adapter {
	struct penstock_machine *machine;      /* borrowed, embeds us */
	uint32_t index;                        /* what a client names it by */
	struct penstock_adapter_config config; /* strings of it are not kept */
	enum penstock_adapter_state state;
	char failure[192]; /* why FAILED, or was reset the last time */
	struct penstock_timeouts resets;
	struct penstock_backend *backend; /* NULL: it stops or has stopped */
	struct penstock_vidmm *vidmm;
	struct penstock_scheduler *scheduler;
	struct penstock_adapter_turn turn;
	struct penstock_list allocations; /* penstock_allocation.link */
	struct penstock_list stalled;     /* penstock_transfer.stalled_link: wait for memory */
	uint32_t devices;
	uint32_t contexts;
	uint32_t allocation_count;
	uint32_t openings;
	uint32_t sync_objects;
	uint32_t held;      /* submissions admitted and not retired */
	uint32_t transfers; /* under way */
	bool contents;      /* restore: its memory directory is the one that rows speak of */
	bool backend_stopping;
};

/* `index` is not configured: FAILED from the beginning, for what the store still has of it. */
void penstock_adapter_init(struct penstock_adapter *adapter, struct penstock_machine *machine,
			   uint32_t index);

/*
 * Starts backend, memory manager and scheduler. On failure what was started is the machine's to
 * halt and to free.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_adapter_start(struct penstock_adapter *adapter,
					    const struct penstock_adapter_config *config,
					    struct penstock_errbuf *reterr_text);

/*
 * Along an arrow of the drawing. False: there is none, and the adapter has failed, unless it had or
 * stops.
 */
bool penstock_adapter_move(struct penstock_adapter *adapter, enum penstock_adapter_state to);

/* A defect or an unbelievable GPU: every device of it is lost. */
void penstock_adapter_fail(struct penstock_adapter *adapter, const char *reason);

/* A GPU that failed: every device of it is lost, and on a later turn it begins anew. */
void penstock_adapter_reset(struct penstock_adapter *adapter, const char *reason);

/* That later turn. */
void penstock_adapter_restart(struct penstock_adapter *adapter);

/* Nothing is submitted from here on, what was is over, and the backend stops. Idempotent. */
void penstock_adapter_halt(struct penstock_adapter *adapter);

/* No submission is held and no transfer under way. */
static inline bool penstock_adapter_idle(const struct penstock_adapter *adapter)
{
	return adapter->held == 0 && adapter->transfers == 0;
}

/* It has no object left and its backend has stopped: memory manager and scheduler go. */
void penstock_adapter_free_parts(struct penstock_adapter *adapter);

/*
 * Fills the refusal, where there is one, and returns the status, so that a check reads
 * `return penstock_refuse(...)`.
 */
enum penstock_status penstock_refuse(struct penstock_refusal *ret_refusal,
				     enum penstock_status status, const char *format, ...)
	PENSTOCK_PRINTF(3, 4);

#endif
