/* SPDX-License-Identifier: MIT */
/*
 * What is told "on a later turn": answers of requests, fences, credits, commits. Whoever has
 * something to tell puts it on a list here; the lists are emptied behind the poll phase of the
 * same turn of the loop, so that a fence costs no other wake-up, and several events of a context
 * or a session in one turn become one.
 *
 *	REST --(something is put on a list)--> ARMED --(behind the poll phase)--> REST
 *
 * Loop thread only.
 */
#ifndef PENSTOCK_TURN_H
#define PENSTOCK_TURN_H

#include "daemon/objects/objects.h"

#include <uv.h>

/* What one adapter wants of the next turn. */
struct penstock_adapter_turn {
	uv_timer_t fences; /* when overdue fences are asked for */
	uv_timer_t slice;  /* when whoever has a node may have had it for long enough */
	bool progress; /* memory made progress: waiting transfers and the scheduler look again */
	bool deliver;  /* the scheduler has completions that were put off */
	bool bells;    /* the scheduler's doorbells wait for the end of the turn */
	bool halt;     /* the adapter failed */
	bool reset;    /* the adapter is to be reset */
};

struct penstock_turn {
	struct penstock_machine *machine; /* borrowed, embeds us */
	uv_check_t check;                 /* runs the lists */
	uv_idle_t idle;                   /* keeps the loop from waiting while ARMED */
	uv_timer_t leases;                /* the next lease that ends */
	uv_timer_t lists;                 /* when allocation tables go to the store */
	uv_timer_t sweep;                 /* idle principals */
	struct penstock_list requests;    /* penstock_request.link */
	struct penstock_list contexts;    /* penstock_context.turn_link */
	struct penstock_list sessions;    /* penstock_session.turn_link */
	struct penstock_list syncs;       /* penstock_sync_opening.turn_link */
	bool armed;
	unsigned handles;
	void (*closed)(struct penstock_machine *machine);
};

/* The adapters' parts too. */
void penstock_turn_init(struct penstock_turn *turn, struct penstock_machine *machine,
			uv_loop_t *loop);

/* Closes the handles; `closed` when the last one is. Nothing is on a list. */
void penstock_turn_close(struct penstock_turn *turn,
			 void (*closed)(struct penstock_machine *machine));

/* Something is still to be told. */
bool penstock_turn_busy(const struct penstock_turn *turn);

/* Something was put on a list. */
void penstock_turn_arm(struct penstock_turn *turn);

/* penstock_scheduler_watch is due after PENSTOCK_FENCE_PATIENCE_MS. */
void penstock_adapter_turn_watch(struct penstock_adapter_turn *turn);

/* penstock_scheduler_slice is due after PENSTOCK_SLICE_NS. */
void penstock_adapter_turn_slice(struct penstock_adapter_turn *turn);

/* The request is answered with `status` on a later turn; it is the caller's to forget now. */
void penstock_turn_answer(struct penstock_turn *turn, struct penstock_request *request,
			  enum penstock_status status);

#endif
