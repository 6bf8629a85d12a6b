/* SPDX-License-Identifier: MIT */
#include "daemon/objects/turn.h"

#include "daemon/objects/context.h"
#include "daemon/objects/machine.h"
#include "daemon/objects/session.h"
#include "daemon/objects/sync_object.h"
#include "daemon/objects/transfer.h"

#define SWEEP_MS 10000u

/* Takes what is on a list now: what is added meanwhile is told on the next turn. */
static void take_list(struct penstock_list *from, struct penstock_list *to)
{
	penstock_list_init(to);
	if (!penstock_list_empty(from)) {
		*to = *from;
		to->next->previous = to;
		to->previous->next = to;
		penstock_list_init(from);
	}
}

static void answer_requests(struct penstock_turn *turn)
{
	struct penstock_list requests;
	struct penstock_list *link;

	take_list(&turn->requests, &requests);
	while ((link = penstock_list_pop(&requests)) != NULL) {
		struct penstock_request *request =
			penstock_list_entry(link, struct penstock_request, link);

		request->done(request, request->status);
	}
}

static void retire_contexts(struct penstock_turn *turn)
{
	struct penstock_list contexts;
	struct penstock_list *link;

	take_list(&turn->contexts, &contexts);
	while ((link = penstock_list_pop(&contexts)) != NULL) {
		penstock_context_retire(
			penstock_list_entry(link, struct penstock_context, turn_link));
	}
}

static void tell_syncs(struct penstock_turn *turn)
{
	struct penstock_list syncs;
	struct penstock_list *link;

	take_list(&turn->syncs, &syncs);
	while ((link = penstock_list_pop(&syncs)) != NULL) {
		penstock_sync_opening_tell(
			penstock_list_entry(link, struct penstock_sync_opening, turn_link));
	}
}

static void tell_sessions(struct penstock_turn *turn)
{
	struct penstock_list sessions;
	struct penstock_list *link;

	take_list(&turn->sessions, &sessions);
	while ((link = penstock_list_pop(&sessions)) != NULL) {
		penstock_session_tell(
			penstock_list_entry(link, struct penstock_session, turn_link));
	}
}

static bool wanted(const struct penstock_adapter_turn *turn)
{
	return turn->progress || turn->deliver || turn->bells || turn->halt || turn->reset;
}

bool penstock_turn_busy(const struct penstock_turn *turn)
{
	const struct penstock_machine *machine = turn->machine;

	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		if (wanted(&machine->adapters[i].turn)) {
			return true;
		}
	}
	return !penstock_list_empty(&turn->requests) || !penstock_list_empty(&turn->contexts) ||
	       !penstock_list_empty(&turn->sessions) || !penstock_list_empty(&turn->syncs);
}

/* What contexts hear of: failures, doorbells, completions. */
static void run_scheduler(struct penstock_adapter *adapter)
{
	struct penstock_adapter_turn *turn = &adapter->turn;

	if (turn->reset) {
		turn->reset = false;
		penstock_adapter_restart(adapter);
	}
	if (turn->halt) {
		turn->halt = false;
		penstock_adapter_halt(adapter);
	}
	if (turn->bells) {
		turn->bells = false;
		penstock_scheduler_ring_doorbells(adapter->scheduler);
	}
	if (turn->deliver) {
		turn->deliver = false;
		penstock_scheduler_deliver(adapter->scheduler);
	}
}

static void run_progress(struct penstock_adapter *adapter)
{
	if (adapter->turn.progress) {
		adapter->turn.progress = false;
		penstock_transfer_retry(adapter);
		penstock_scheduler_kick(adapter->scheduler);
	}
}

static void run(struct penstock_turn *turn)
{
	struct penstock_machine *machine = turn->machine;

	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		run_scheduler(&machine->adapters[i]);
	}
	retire_contexts(turn);
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		run_progress(&machine->adapters[i]);
	}
	answer_requests(turn);
	tell_syncs(turn);
	tell_sessions(turn);
	penstock_machine_check_stopped(machine);
	if (!penstock_turn_busy(turn)) {
		(void)uv_idle_stop(&turn->idle);
		(void)uv_check_stop(&turn->check);
		turn->armed = false;
	}
}

static void check_cb(uv_check_t *check)
{
	run(check->data);
}

static void idle_cb(uv_idle_t *idle)
{
	(void)idle;
}

static void sweep_cb(uv_timer_t *timer)
{
	struct penstock_turn *turn = timer->data;

	penstock_principal_sweep(turn->machine, false);
}

static void fences_cb(uv_timer_t *timer)
{
	struct penstock_adapter *adapter = timer->data;

	penstock_scheduler_watch(adapter->scheduler);
}

void penstock_adapter_turn_watch(struct penstock_adapter_turn *turn)
{
	(void)uv_timer_start(&turn->fences, fences_cb, PENSTOCK_FENCE_PATIENCE_MS, 0);
}

static void slice_cb(uv_timer_t *timer)
{
	struct penstock_adapter *adapter = timer->data;

	penstock_scheduler_slice(adapter->scheduler);
}

void penstock_adapter_turn_slice(struct penstock_adapter_turn *turn)
{
	(void)uv_timer_start(&turn->slice, slice_cb, PENSTOCK_SLICE_NS / 1000000u, 0);
}

/* These cannot fail: libuv only links the handles. */
static void init_timer(struct penstock_turn *turn, uv_loop_t *loop, uv_timer_t *timer, void *data)
{
	(void)uv_timer_init(loop, timer);
	timer->data = data;
	turn->handles++;
}

void penstock_turn_init(struct penstock_turn *turn, struct penstock_machine *machine,
			uv_loop_t *loop)
{
	*turn = (struct penstock_turn){ .machine = machine, .handles = 2 };
	penstock_list_init(&turn->requests);
	penstock_list_init(&turn->contexts);
	penstock_list_init(&turn->sessions);
	penstock_list_init(&turn->syncs);
	(void)uv_check_init(loop, &turn->check);
	(void)uv_idle_init(loop, &turn->idle);
	turn->check.data = turn;
	turn->idle.data = turn;
	init_timer(turn, loop, &turn->leases, turn);
	init_timer(turn, loop, &turn->lists, turn);
	init_timer(turn, loop, &turn->sweep, turn);
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		struct penstock_adapter *adapter = &machine->adapters[i];

		init_timer(turn, loop, &adapter->turn.fences, adapter);
		init_timer(turn, loop, &adapter->turn.slice, adapter);
	}
	(void)uv_timer_start(&turn->sweep, sweep_cb, SWEEP_MS, SWEEP_MS);
	uv_unref((uv_handle_t *)&turn->sweep);
}

static void handle_closed(struct penstock_turn *turn)
{
	if (--turn->handles == 0) {
		turn->closed(turn->machine);
	}
}

static void close_cb(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void adapter_closed(uv_handle_t *handle)
{
	struct penstock_adapter *adapter = handle->data;

	handle_closed(&adapter->machine->turn);
}

void penstock_turn_close(struct penstock_turn *turn,
			 void (*closed)(struct penstock_machine *machine))
{
	struct penstock_machine *machine = turn->machine;

	PENSTOCK_REQUIRE(!penstock_turn_busy(turn));
	turn->closed = closed;
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		uv_close((uv_handle_t *)&machine->adapters[i].turn.fences, adapter_closed);
		uv_close((uv_handle_t *)&machine->adapters[i].turn.slice, adapter_closed);
	}
	uv_close((uv_handle_t *)&turn->check, close_cb);
	uv_close((uv_handle_t *)&turn->idle, close_cb);
	uv_close((uv_handle_t *)&turn->leases, close_cb);
	uv_close((uv_handle_t *)&turn->lists, close_cb);
	uv_close((uv_handle_t *)&turn->sweep, close_cb);
}

void penstock_turn_arm(struct penstock_turn *turn)
{
	if (turn->armed) {
		return;
	}
	turn->armed = true;
	(void)uv_idle_start(&turn->idle, idle_cb);
	(void)uv_check_start(&turn->check, check_cb);
}

void penstock_turn_answer(struct penstock_turn *turn, struct penstock_request *request,
			  enum penstock_status status)
{
	if (status != PENSTOCK_STATUS_SUCCESS && request->refusal.status != status) {
		(void)penstock_refuse(&request->refusal, status, "%s",
				      penstock_status_text(status));
	}
	request->status = status;
	penstock_list_init(&request->link);
	penstock_list_append(&turn->requests, &request->link);
	penstock_turn_arm(turn);
}
