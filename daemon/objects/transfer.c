/* SPDX-License-Identifier: MIT */
#include "daemon/objects/transfer.h"

#include "daemon/objects/held.h"
#include "daemon/objects/instance.h"
#include "daemon/objects/machine.h"
#include "proto/wire/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* From here on waking a worker costs less than what it takes over. */
#define WORKER_COPY_BYTES (256u << 10)

#define LOCK_FLAGS                                                                                 \
	(PENSTOCK_LOCK_DONOT_WAIT | PENSTOCK_LOCK_IGNORE_SYNC | PENSTOCK_LOCK_DISCARD |            \
	 PENSTOCK_LOCK_IGNORE_READ_SYNC)

/* ---------------------------------------------------------------- beginning and ending */

struct penstock_transfer *penstock_transfer_new(void)
{
	return calloc(1, sizeof(struct penstock_transfer));
}

/* Takes its place in its lane; the request's serial was taken. */
static void begin(struct penstock_transfer *transfer, struct penstock_opening *opening,
		  enum penstock_transfer_kind kind, struct penstock_request *request)
{
	struct penstock_session *session = opening->device->session;
	bool effect = kind != PENSTOCK_TRANSFER_READ_BACK;

	transfer->kind = kind;
	transfer->state = PENSTOCK_TRANSFER_WAITING;
	transfer->opening = opening;
	transfer->lane = opening->lane;
	request->state = NULL;
	penstock_opening_ref(opening);
	penstock_list_init(&transfer->lane_link);
	penstock_list_init(&transfer->followers);
	penstock_list_init(&transfer->stalled_link);
	penstock_pending_init(&transfer->pending, session, request, effect);
	penstock_list_append(&transfer->lane->transfers, &transfer->lane_link);
	opening->device->adapter->transfers++;
	if (!effect) {
		session->reads++;
		penstock_session_check_credit(session);
	}
}

/* It is of no request, or of one that was answered: the session has nothing to say of it. */
static void forget_request(struct penstock_transfer *transfer)
{
	penstock_list_remove(&transfer->pending.session_link);
	transfer->pending.request = NULL;
}

/* What waited for it is ahead of the next transfer now. */
static void release_followers(struct penstock_transfer *transfer)
{
	struct penstock_opening *opening = transfer->opening;
	struct penstock_list *link;
	bool kick = false;

	while ((link = penstock_list_pop(&transfer->followers)) != NULL) {
		const struct penstock_wait *wait =
			penstock_list_entry(link, struct penstock_wait, link);
		struct penstock_held *held = wait->held;

		transfer->lane->active++;
		transfer->lane->active_writes +=
			held->submission.references[wait - held->waits].write_operation;
		held->submission.blocked--;
		if (opening->failed) {
			held->submission.cancelled = PENSTOCK_STATUS_NO_MEMORY;
		}
		kick = kick || (held->handed_over && held->submission.blocked == 0);
	}
	if (kick) {
		penstock_scheduler_kick(opening->device->adapter->scheduler);
	}
}

/* Whether the lane's bytes can be accessed now; `access` as penstock_vidmm_access_begin. */
static bool begin_access(struct penstock_transfer *transfer, struct penstock_lane *lane,
			 struct penstock_vidmm_allocation *memory, uint32_t access)
{
	transfer->place = penstock_vidmm_access_begin(memory, transfer->offset, access);
	if (transfer->place == NULL) {
		return false;
	}
	transfer->accessed = memory;
	/* What it does not wait for is not to wait for it: a client decides how long it takes. */
	if ((access & PENSTOCK_ACCESS_HELD) != 0 && lane != NULL && lane->active > 0) {
		transfer->locked = true;
		penstock_vidmm_lock(memory);
	}
	return true;
}

static void end_access(struct penstock_transfer *transfer)
{
	if (transfer->place == NULL) {
		return;
	}
	transfer->place = NULL;
	if (transfer->locked) {
		transfer->locked = false;
		penstock_vidmm_unlock(transfer->accessed);
	}
	penstock_vidmm_access_end(transfer->accessed);
}

/* The transfer is over and freed; the next one of its lane may start. */
static void end(struct penstock_transfer *transfer, enum penstock_status status)
{
	struct penstock_opening *opening = transfer->opening;
	struct penstock_session *session = opening->device->session;
	struct penstock_lane *lane = transfer->lane;

	transfer->state = PENSTOCK_TRANSFER_ENDED;
	end_access(transfer);
	if (transfer->kind == PENSTOCK_TRANSFER_CAPTURE) {
		penstock_capture_ended(&session->machine->capture, status, transfer->staging,
				       transfer->size_bytes);
		transfer->staging = NULL;
	}
	if (transfer->instance != NULL) {
		penstock_instance_return(opening->allocation, transfer->instance);
	}
	penstock_list_remove(&transfer->lane_link);
	penstock_list_remove(&transfer->stalled_link);
	release_followers(transfer);
	penstock_pending_finish(&transfer->pending, status);
	if (transfer->kind == PENSTOCK_TRANSFER_READ_BACK) {
		session->reads--;
		penstock_session_check_credit(session);
	}
	if (transfer->staging != NULL) {
		penstock_principal_release(session->principal, transfer->size_bytes);
	}
	if (transfer->counted) {
		penstock_session_release(session, 0, transfer->size_bytes);
	}
	opening->device->adapter->transfers--;
	free(transfer->staging);
	free(transfer);
	penstock_lane_advance(lane);
	if (session->machine->stopping) {
		penstock_turn_arm(&session->machine->turn);
	}
	penstock_opening_put(opening);
}

/* ---------------------------------------------------------------- offer */

void penstock_transfer_begin_offer(struct penstock_transfer *transfer,
				   struct penstock_opening *opening)
{
	struct penstock_request nobody = { .serial = 0 };

	begin(transfer, opening, PENSTOCK_TRANSFER_OFFER, &nobody);
	/* It is answered already, and undone by nothing but a reclaim. */
	forget_request(transfer);
	opening->allocation->offer = transfer;
	penstock_lane_advance(opening->lane);
}

static void offer(struct penstock_transfer *transfer, bool effective)
{
	struct penstock_allocation *allocation = transfer->opening->allocation;

	allocation->offer = NULL;
	if (effective) {
		penstock_vidmm_allocation_offer(allocation->memory,
						(enum penstock_offer_priority)allocation->offered);
	}
	end(transfer, PENSTOCK_STATUS_SUCCESS);
}

void penstock_transfer_cancel_offer(struct penstock_transfer *transfer)
{
	offer(transfer, false);
}

/* ---------------------------------------------------------------- capture */

void penstock_transfer_begin_capture(struct penstock_transfer *transfer,
				     struct penstock_opening *opening)
{
	const struct penstock_create_allocation_info *info = &opening->allocation->info;
	struct penstock_request nobody = { .serial = 0 };

	transfer->size_bytes = info->height * info->pitch_bytes;
	begin(transfer, opening, PENSTOCK_TRANSFER_CAPTURE, &nobody);
	forget_request(transfer);
	penstock_lane_advance(opening->lane);
}

void penstock_transfer_cancel_capture(struct penstock_transfer *transfer)
{
	if (transfer->state == PENSTOCK_TRANSFER_WAITING) {
		end(transfer, PENSTOCK_STATUS_CANCELLED);
	}
}

/* ---------------------------------------------------------------- create */

void penstock_transfer_begin_create(struct penstock_transfer *transfer,
				    struct penstock_opening *opening,
				    struct penstock_request *request)
{
	begin(transfer, opening, PENSTOCK_TRANSFER_CREATE, request);
	transfer->state = PENSTOCK_TRANSFER_ACTING;
}

void penstock_transfer_reserved(void *argument, enum penstock_status status)
{
	struct penstock_transfer *transfer = argument;
	struct penstock_refusal refusal = { .instruction = "", .operand = "" };

	if (status != PENSTOCK_STATUS_SUCCESS) {
		(void)penstock_refuse(&refusal, status, "no memory for %" PRIu64 " bytes: %s",
				      transfer->opening->allocation->info.size_bytes,
				      penstock_status_text(status));
	}
	penstock_transfer_made(transfer, status, &refusal);
}

void penstock_transfer_made(struct penstock_transfer *transfer, enum penstock_status status,
			    struct penstock_refusal *refusal)
{
	struct penstock_opening *opening = transfer->opening;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		penstock_opening_created(opening, transfer->pending.serial);
	} else {
		opening->failed = true;
		transfer->pending.refusal = refusal;
		if (transfer->pending.request != NULL) {
			transfer->pending.request->refusal = *refusal;
		}
		if (!opening->closed) {
			penstock_opening_withdraw(opening, transfer->name_before,
						  transfer->pending.serial);
		}
	}
	end(transfer, status);
}

/* ---------------------------------------------------------------- copies */

static void copy(void *argument)
{
	struct penstock_transfer *transfer = argument;

	if (transfer->kind == PENSTOCK_TRANSFER_UPLOAD) {
		memcpy(transfer->place, transfer->staging, transfer->size_bytes);
	} else {
		memcpy(transfer->staging, transfer->place, transfer->size_bytes);
	}
}

/* The bytes of a read-back are there: they are the connection's until read_back_end. */
static void hand_out(struct penstock_transfer *transfer, const uint8_t *bytes)
{
	struct penstock_request *request = transfer->pending.request;

	if (request == NULL) {
		end(transfer, PENSTOCK_STATUS_CANCELLED);
		return;
	}
	transfer->state = PENSTOCK_TRANSFER_OUT;
	request->state = transfer;
	request->bytes = bytes;
	request->size_bytes = transfer->size_bytes;
	penstock_pending_finish(&transfer->pending, PENSTOCK_STATUS_SUCCESS);
}

static void copied(void *argument)
{
	struct penstock_transfer *transfer = argument;

	end_access(transfer);
	if (transfer->kind != PENSTOCK_TRANSFER_READ_BACK) {
		end(transfer, PENSTOCK_STATUS_SUCCESS);
	} else {
		hand_out(transfer, transfer->staging);
	}
}

static void start_copy(struct penstock_transfer *transfer)
{
	const struct penstock_worker *worker =
		&transfer->opening->device->session->machine->config.worker;

	transfer->state = PENSTOCK_TRANSFER_ACTING;
	if (transfer->size_bytes >= WORKER_COPY_BYTES &&
	    worker->run(worker->owner, copy, copied, transfer) == PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	copy(transfer);
	copied(transfer);
}

/* ---------------------------------------------------------------- its turn */

static void stall(struct penstock_transfer *transfer)
{
	if (penstock_list_empty(&transfer->stalled_link)) {
		penstock_list_append(&transfer->opening->device->adapter->stalled,
				     &transfer->stalled_link);
	}
}

/* Its bytes are copied before they leave: they count like those of an upload. */
static void count(struct penstock_transfer *transfer)
{
	if (!transfer->counted) {
		transfer->counted = true;
		penstock_session_hold(transfer->opening->device->session, 0, transfer->size_bytes);
	}
}

static void move_bytes(struct penstock_transfer *transfer)
{
	struct penstock_vidmm_allocation *memory = penstock_lane_memory(transfer->lane);
	bool read_back = transfer->kind == PENSTOCK_TRANSFER_READ_BACK;
	bool reads = read_back || transfer->kind == PENSTOCK_TRANSFER_CAPTURE;

	if (read_back && !penstock_allocation_shared(transfer->opening->allocation) &&
	    begin_access(transfer, transfer->lane, memory, PENSTOCK_ACCESS_HELD)) {
		hand_out(transfer, transfer->place);
		return;
	}
	if (!begin_access(transfer, transfer->lane, memory,
			  reads ? PENSTOCK_ACCESS_READ : PENSTOCK_ACCESS_WRITE)) {
		stall(transfer);
		return;
	}
	if (reads) {
		transfer->staging = malloc(transfer->size_bytes);
		if (transfer->staging == NULL) {
			end(transfer, PENSTOCK_STATUS_NO_MEMORY);
			return;
		}
	}
	if (read_back) {
		penstock_principal_hold(transfer->opening->device->session->principal,
					transfer->size_bytes);
		count(transfer);
	}
	start_copy(transfer);
}

static void finish_share(struct penstock_transfer *transfer, enum penstock_status status)
{
	struct penstock_allocation *allocation = transfer->opening->allocation;
	struct penstock_request *request = transfer->pending.request;

	if (status == PENSTOCK_STATUS_SUCCESS && !penstock_allocation_shared(allocation)) {
		status = penstock_allocation_publish(allocation, transfer->opening->device->session,
						     transfer->pending.serial);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && request != NULL) {
		request->token_high = allocation->token.high;
		request->token_low = allocation->token.low;
	}
	end(transfer, status);
}

static void shared(void *argument, enum penstock_status status)
{
	finish_share(argument, status);
}

static void start_share(struct penstock_transfer *transfer)
{
	struct penstock_allocation *allocation = transfer->opening->allocation;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	transfer->state = PENSTOCK_TRANSFER_ACTING;
	if (!penstock_allocation_shared(allocation)) {
		status = penstock_vidmm_allocation_share(allocation->memory, shared, transfer);
	}
	if (status != PENSTOCK_STATUS_PENDING) {
		finish_share(transfer, status);
	}
}

/* The first of its lane, and nothing is ahead of it. */
static void start(struct penstock_transfer *transfer)
{
	if (transfer->opening->failed) {
		transfer->opening->allocation->offer = NULL;
		end(transfer, PENSTOCK_STATUS_NO_MEMORY);
		return;
	}
	switch (transfer->kind) {
	case PENSTOCK_TRANSFER_CREATE:
		break; /* acts from the beginning */
	case PENSTOCK_TRANSFER_UPLOAD:
		move_bytes(transfer);
		break;
	case PENSTOCK_TRANSFER_READ_BACK:
		if (transfer->pending.request == NULL) {
			end(transfer, PENSTOCK_STATUS_CANCELLED);
			break;
		}
		move_bytes(transfer);
		break;
	case PENSTOCK_TRANSFER_SHARE:
		start_share(transfer);
		break;
	case PENSTOCK_TRANSFER_OFFER:
		offer(transfer, true);
		break;
	case PENSTOCK_TRANSFER_CAPTURE:
		if (transfer->opening->closed) {
			end(transfer, PENSTOCK_STATUS_INVALID_HANDLE);
			break;
		}
		move_bytes(transfer);
		break;
	}
}

/* What the GPU still does that a transfer with these flags waits for. */
static uint32_t in_the_way(const struct penstock_lane *lane, uint32_t flags)
{
	if ((flags & PENSTOCK_LOCK_IGNORE_SYNC) != 0) {
		return 0;
	}
	return (flags & PENSTOCK_LOCK_IGNORE_READ_SYNC) != 0 ? lane->active_writes : lane->active;
}

/* The lane's first transfer, where it may start. */
static struct penstock_transfer *ready(const struct penstock_lane *lane)
{
	struct penstock_list *link = penstock_list_first(&lane->transfers);
	struct penstock_transfer *transfer;

	if (link == NULL) {
		return NULL;
	}
	transfer = penstock_list_entry(link, struct penstock_transfer, lane_link);
	return transfer->state == PENSTOCK_TRANSFER_WAITING &&
			       in_the_way(lane, transfer->flags) == 0 &&
			       penstock_list_empty(&transfer->stalled_link)
		       ? transfer
		       : NULL;
}

void penstock_lane_advance(struct penstock_lane *lane)
{
	struct penstock_transfer *transfer;

	/* A transfer that ends at once comes back here: a loop, not a recursion. */
	if (lane->advancing || PENSTOCK_LIKELY(penstock_list_empty(&lane->transfers))) {
		return;
	}
	lane->advancing = true;
	while ((transfer = ready(lane)) != NULL) {
		struct penstock_opening *opening = transfer->opening;

		/* The opening keeps the lane, whatever the start ends. */
		penstock_opening_ref(opening);
		start(transfer);
		if (ready(lane) == NULL) {
			lane->advancing = false;
			penstock_opening_put(opening);
			return;
		}
		penstock_opening_put(opening);
	}
	lane->advancing = false;
}

void penstock_transfer_retry(struct penstock_adapter *adapter)
{
	struct penstock_list stalled;
	struct penstock_list *link;

	penstock_list_init(&stalled);
	while ((link = penstock_list_pop(&adapter->stalled)) != NULL) {
		penstock_list_append(&stalled, link);
	}
	while ((link = penstock_list_pop(&stalled)) != NULL) {
		penstock_lane_advance(
			penstock_list_entry(link, struct penstock_transfer, stalled_link)->lane);
	}
}

/* ---------------------------------------------------------------- requests */

static enum penstock_status check_range(const struct penstock_opening *opening, uint64_t offset,
					uint32_t size_bytes, struct penstock_refusal *ret_refusal)
{
	if (size_bytes == 0 ||
	    !penstock_range_fits(offset, size_bytes, opening->allocation->info.size_bytes)) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "%u bytes at 0x%" PRIx64
				       ": at least one, and inside the allocation's 0x%" PRIx64,
				       size_bytes, offset, opening->allocation->info.size_bytes);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static bool lane_idle(const struct penstock_lane *lane, uint32_t flags)
{
	return in_the_way(lane, flags) == 0 && penstock_list_empty(&lane->transfers);
}

static enum penstock_status no_memory(struct penstock_refusal *ret_refusal, uint32_t size_bytes)
{
	return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
			       "no memory for a transfer of %u bytes", size_bytes);
}

/* Combinations that say two things at once, or nothing. NULL: it is none of them. */
static const char *fault_of(uint32_t flags, bool upload)
{
	static const struct {
		uint32_t flags; /* all of these */
		bool read_back; /* in a read-back only */
		const char *fault;
	} faults[] = {
		{ PENSTOCK_LOCK_DISCARD, true, "a read-back cannot discard what it reads" },
		{ PENSTOCK_LOCK_IGNORE_SYNC, true,
		  "IgnoreSync is for writing; what the GPU only reads IgnoreReadSync reads" },
		{ PENSTOCK_LOCK_DISCARD | PENSTOCK_LOCK_IGNORE_SYNC, false,
		  "either the content is discarded or the rest of it is in use: not both" },
		{ PENSTOCK_LOCK_DISCARD | PENSTOCK_LOCK_IGNORE_READ_SYNC, false,
		  "what is discarded is not waited for: IgnoreReadSync means nothing" },
		{ PENSTOCK_LOCK_IGNORE_SYNC | PENSTOCK_LOCK_IGNORE_READ_SYNC, false,
		  "IgnoreSync waits for nothing: IgnoreReadSync means nothing" },
	};

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(faults); i++) {
		if ((flags & faults[i].flags) == faults[i].flags &&
		    !(upload && faults[i].read_back)) {
			return faults[i].fault;
		}
	}
	return NULL;
}

/* Beyond DonotWait, only whoever pays for a shared allocation may reach past the order of others.
 */
static enum penstock_status check_lock(const struct penstock_opening *opening, uint32_t flags,
				       bool upload, struct penstock_refusal *ret_refusal)
{
	const struct penstock_allocation *allocation = opening->allocation;
	const char *fault;

	if (PENSTOCK_LIKELY(flags == 0)) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if ((flags & ~LOCK_FLAGS) != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "lock flags 0x%x: unknown bits 0x%x", flags,
				       flags & ~LOCK_FLAGS);
	}
	fault = fault_of(flags, upload);
	if (fault != NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "lock flags 0x%x: %s", flags, fault);
	}
	if ((flags & ~PENSTOCK_LOCK_DONOT_WAIT) != 0 && penstock_allocation_shared(allocation) &&
	    allocation->principal != opening->device->session->principal) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_ACCESS_DENIED,
				       "lock flags 0x%x: a shared allocation is locked so by its "
				       "creator only",
				       flags);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status refuse_busy(const struct penstock_opening *opening,
					struct penstock_refusal *ret_refusal)
{
	return penstock_refuse(ret_refusal, PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY,
			       "%u submissions use 0x%" PRIx64 " and %s transfers wait for it: "
			       "DonotWait",
			       opening->lane->active, opening->name,
			       penstock_list_empty(&opening->lane->transfers) ? "no" : "other");
}

/* While its first pages are being reserved there is nothing to rename. */
static bool is_being_made(const struct penstock_lane *lane)
{
	const struct penstock_list *link = penstock_list_first(&lane->transfers);

	return link != NULL &&
	       penstock_list_entry(link, struct penstock_transfer, lane_link)->kind ==
		       PENSTOCK_TRANSFER_CREATE;
}

/* Where an upload is received: in place, or staged. NULL: no memory. */
static uint8_t *take_place(struct penstock_transfer *transfer, struct penstock_opening *opening)
{
	struct penstock_allocation *allocation = opening->allocation;
	const uint32_t access = PENSTOCK_ACCESS_WRITE | PENSTOCK_ACCESS_HELD;

	if (transfer->instance != NULL) {
		(void)begin_access(transfer, NULL, transfer->instance->memory, access);
	} else if (lane_idle(opening->lane, transfer->flags) &&
		   !penstock_allocation_shared(allocation)) {
		(void)begin_access(transfer, opening->lane, allocation->memory, access);
	}
	if (transfer->place == NULL) {
		transfer->staging = malloc(transfer->size_bytes);
		if (transfer->staging != NULL) {
			penstock_principal_hold(opening->device->session->principal,
						transfer->size_bytes);
		}
		return transfer->staging;
	}
	return transfer->place;
}

/* A block for an upload that may begin, with an instance where it renames. NULL: refused. */
static struct penstock_transfer *new_upload(struct penstock_opening *opening, uint64_t offset,
					    uint32_t size_bytes, uint32_t flags,
					    struct penstock_refusal *ret_refusal)
{
	const bool idle = lane_idle(opening->lane, flags);
	struct penstock_transfer *transfer = penstock_transfer_new();

	if (transfer == NULL) {
		(void)no_memory(ret_refusal, size_bytes);
		return NULL;
	}
	transfer->offset = offset;
	transfer->size_bytes = size_bytes;
	transfer->flags = flags;
	if ((flags & PENSTOCK_LOCK_DISCARD) != 0 && !idle && !is_being_made(opening->lane)) {
		transfer->instance = penstock_instance_take(opening);
	}
	if ((flags & PENSTOCK_LOCK_DONOT_WAIT) != 0 && !idle && transfer->instance == NULL) {
		free(transfer);
		(void)refuse_busy(opening, ret_refusal);
		return NULL;
	}
	return transfer;
}

static enum penstock_status begin_upload(struct penstock_session *session, uint64_t name,
					 uint64_t offset, uint32_t size_bytes, uint32_t flags,
					 struct penstock_request *request,
					 uint8_t **ret_destination,
					 struct penstock_refusal *ret_refusal)
{
	struct penstock_opening *opening;
	struct penstock_transfer *transfer;
	uint8_t *destination;
	enum penstock_status status = penstock_opening_find(session, name, &opening, ret_refusal);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_range(opening, offset, size_bytes, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (opening->read_only) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_ACCESS_DENIED,
				       "0x%" PRIx64 " was opened read-only", name);
	}
	status = penstock_opening_usable(opening, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_lock(opening, flags, true, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	transfer = new_upload(opening, offset, size_bytes, flags, ret_refusal);
	if (transfer == NULL) {
		return ret_refusal->status;
	}
	destination = take_place(transfer, opening);
	if (destination == NULL) {
		if (transfer->instance != NULL) {
			penstock_instance_return(opening->allocation, transfer->instance);
		}
		free(transfer);
		return no_memory(ret_refusal, size_bytes);
	}
	begin(transfer, opening, PENSTOCK_TRANSFER_UPLOAD, request);
	transfer->state = PENSTOCK_TRANSFER_RECEIVING;
	request->state = transfer;
	*ret_destination = destination;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_upload_begin(struct penstock_session *session, uint64_t name,
					   uint64_t offset, uint32_t size_bytes, uint32_t flags,
					   struct penstock_request *request,
					   uint8_t **ret_destination,
					   struct penstock_refusal *ret_refusal)
{
	enum penstock_status status =
		penstock_session_take_serial(session, request->serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (penstock_session_overtaken(session, name)) {
		*ret_destination = NULL;
		return penstock_session_executed(session, PENSTOCK_STATUS_SUCCESS, NULL);
	}
	status = begin_upload(session, name, offset, size_bytes, flags, request, ret_destination,
			      ret_refusal);
	return penstock_session_executed(session, status, ret_refusal);
}

/* All bytes are there: the current instance is the one that they are for. */
static void use_instance(struct penstock_transfer *transfer)
{
	struct penstock_instance *instance = transfer->instance;

	transfer->instance = NULL;
	penstock_instance_rename(transfer->opening, instance, transfer, transfer->pending.serial);
}

/* Its bytes did not all come: the request was never executed, and its serial is free again. */
void penstock_transfer_abandon(struct penstock_pending *pending)
{
	struct penstock_transfer *transfer =
		penstock_container_of(pending, struct penstock_transfer, pending);
	struct penstock_session *session = pending->session;

	transfer->torn = true;
	pending->request = NULL;
	pending->effect = false; /* nor refused */
	if (session->last_serial == pending->serial) {
		session->last_serial--;
	}
	penstock_pending_finish(pending, PENSTOCK_STATUS_CANCELLED);
}

enum penstock_status penstock_upload_end(struct penstock_request *request, bool torn)
{
	struct penstock_transfer *transfer = request->state;

	PENSTOCK_REQUIRE(transfer != NULL && transfer->state == PENSTOCK_TRANSFER_RECEIVING);
	request->state = NULL;
	if (torn && !transfer->torn) {
		penstock_transfer_abandon(&transfer->pending);
	}
	if (transfer->torn) {
		end(transfer, PENSTOCK_STATUS_CANCELLED);
		return PENSTOCK_STATUS_CANCELLED;
	}
	if (transfer->instance != NULL) {
		use_instance(transfer);
	}
	if (transfer->staging == NULL) {
		transfer->pending.request = NULL;
		end(transfer, PENSTOCK_STATUS_SUCCESS);
		return PENSTOCK_STATUS_SUCCESS;
	}
	transfer->state = PENSTOCK_TRANSFER_WAITING;
	count(transfer);
	penstock_lane_advance(transfer->lane);
	return PENSTOCK_STATUS_PENDING;
}

static enum penstock_status begin_read_back(struct penstock_session *session, uint64_t name,
					    uint64_t offset, uint32_t size_bytes, uint32_t flags,
					    struct penstock_request *request,
					    struct penstock_refusal *ret_refusal)
{
	struct penstock_opening *opening;
	struct penstock_transfer *transfer;
	enum penstock_status status = penstock_opening_find(session, name, &opening, ret_refusal);
	bool idle;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_range(opening, offset, size_bytes, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (size_bytes > PENSTOCK_LIMIT_PAYLOAD_BYTES) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "a read-back of %u bytes; at most %u", size_bytes,
				       PENSTOCK_LIMIT_PAYLOAD_BYTES);
	}
	status = penstock_opening_usable(opening, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_lock(opening, flags, false, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	idle = lane_idle(opening->lane, flags);
	if ((flags & PENSTOCK_LOCK_DONOT_WAIT) != 0 && !idle) {
		return refuse_busy(opening, ret_refusal);
	}
	transfer = penstock_transfer_new();
	if (transfer == NULL) {
		return no_memory(ret_refusal, size_bytes);
	}
	transfer->offset = offset;
	transfer->size_bytes = size_bytes;
	transfer->flags = flags;
	if (idle && !penstock_allocation_shared(opening->allocation)) {
		(void)begin_access(transfer, opening->lane, opening->allocation->memory,
				   PENSTOCK_ACCESS_HELD);
	}
	begin(transfer, opening, PENSTOCK_TRANSFER_READ_BACK, request);
	if (opening->allocation->sharing || penstock_allocation_shared(opening->allocation)) {
		count(transfer);
	}
	if (transfer->place == NULL) {
		penstock_lane_advance(opening->lane);
		return PENSTOCK_STATUS_PENDING;
	}
	/* Answered by the return value alone. */
	transfer->pending.request = NULL;
	penstock_pending_finish(&transfer->pending, PENSTOCK_STATUS_SUCCESS);
	transfer->state = PENSTOCK_TRANSFER_OUT;
	request->state = transfer;
	request->bytes = transfer->place;
	request->size_bytes = size_bytes;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_read_back(struct penstock_session *session, uint64_t name,
					uint64_t offset, uint32_t size_bytes, uint32_t flags,
					struct penstock_request *request,
					struct penstock_refusal *ret_refusal)
{
	enum penstock_status status =
		penstock_session_take_serial(session, request->serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = begin_read_back(session, name, offset, size_bytes, flags, request, ret_refusal);
	return penstock_session_executed(session, status, ret_refusal);
}

void penstock_read_back_end(struct penstock_request *request)
{
	struct penstock_transfer *transfer = request->state;

	PENSTOCK_REQUIRE(transfer != NULL && transfer->state == PENSTOCK_TRANSFER_OUT);
	request->state = NULL;
	request->bytes = NULL;
	end(transfer, PENSTOCK_STATUS_SUCCESS);
}

/* What was shared is gone since: whatever its token was, it opens nothing. */
static void give_dead_token(const struct penstock_session *session,
			    struct penstock_request *request)
{
	struct penstock_session_id token;

	session->machine->config.random(session->machine->config.owner, (uint8_t *)&token);
	request->token_high = token.high;
	request->token_low = token.low;
}

static enum penstock_status begin_share(struct penstock_session *session, uint64_t name,
					struct penstock_request *request,
					struct penstock_refusal *ret_refusal)
{
	struct penstock_opening *opening;
	struct penstock_transfer *transfer;
	enum penstock_status status;

	if (penstock_session_overtaken(session, name)) {
		give_dead_token(session, request);
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = penstock_opening_find(session, name, &opening, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_opening_usable(opening, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (penstock_allocation_shared(opening->allocation)) {
		request->token_high = opening->allocation->token.high;
		request->token_low = opening->allocation->token.low;
		return PENSTOCK_STATUS_SUCCESS;
	}
	transfer = penstock_transfer_new();
	if (transfer == NULL) {
		return no_memory(ret_refusal, 0);
	}
	opening->allocation->sharing = true;
	begin(transfer, opening, PENSTOCK_TRANSFER_SHARE, request);
	penstock_lane_advance(opening->lane);
	return PENSTOCK_STATUS_PENDING;
}

enum penstock_status penstock_share_allocation(struct penstock_session *session, uint64_t name,
					       struct penstock_request *request,
					       struct penstock_refusal *ret_refusal)
{
	enum penstock_status status =
		penstock_session_take_serial(session, request->serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = begin_share(session, name, request, ret_refusal);
	return penstock_session_executed(session, status, ret_refusal);
}
