/* SPDX-License-Identifier: MIT */
/*
 * Picks submissions, has memory prepare them, patches and submits them, and retires them when
 * their fences are reached.
 *
 *	head of a queue   QUEUED --pick--> PREPARING --prepared, patched--> ON_HARDWARE --> RETIRED
 *	                     ^                 |  memory at work: parked         |
 *	                     '-----------------+-- engine reset, or its next part '
 *
 * A node takes `limit` packets, and more only while all that it has is short; PREPARING heads
 * beyond that are limit + 1 at most, so memory works ahead of the GPU and a backlog pins nothing.
 * One thread.
 */
#include "daemon/schedule/scheduler.h"

#include "daemon/check/check.h"
#include "daemon/schedule/internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- turns */

static void run(struct penstock_scheduler *scheduler);

bool penstock_scheduler_enter(struct penstock_scheduler *scheduler)
{
	bool outermost = !scheduler->running;

	penstock_scheduler_own_thread(scheduler);
	scheduler->running = true;
	return outermost;
}

void penstock_scheduler_leave(struct penstock_scheduler *scheduler, bool outermost)
{
	if (!outermost) {
		scheduler->again = true;
		return;
	}
	run(scheduler);
	scheduler->running = false;
}

void penstock_scheduler_fail(struct penstock_scheduler *scheduler, const char *format, ...)
{
	char reason[160];
	va_list arguments;

	if (scheduler->state == PENSTOCK_SCHEDULER_STOPPED) {
		return;
	}
	va_start(arguments, format);
	(void)vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	(void)penstock_scheduler_become(scheduler, PENSTOCK_SCHEDULER_STOPPED);
	penstock_scheduler_tell_process(scheduler, PENSTOCK_TRACE_ADAPTER_STOPPED, 0, NULL, 0, 0,
					0);
	scheduler->config.failed(scheduler->config.owner, reason);
}

void penstock_scheduler_expect(struct penstock_scheduler *scheduler)
{
	if (PENSTOCK_UNLIKELY(!scheduler->watch_asked) && scheduler->config.watch != NULL) {
		scheduler->watch_asked = true;
		scheduler->config.watch(scheduler->config.owner);
	}
}

void penstock_scheduler_ring(struct penstock_scheduler *scheduler,
			     struct penstock_backend_process *process)
{
	for (uint32_t i = scheduler->bell_count; i-- > 0;) {
		if (scheduler->bells[i] == process) {
			return;
		}
	}
	if (!scheduler->running || scheduler->bell_count == PENSTOCK_BELLS) {
		scheduler->config.backend->ops->ring_doorbell(process);
		return;
	}
	scheduler->bells[scheduler->bell_count++] = process;
}

static void ring_all(struct penstock_scheduler *scheduler)
{
	/* Without bells nothing is looked at: the backend may have gone (stopped). */
	for (uint32_t i = 0; i < scheduler->bell_count; i++) {
		scheduler->config.backend->ops->ring_doorbell(scheduler->bells[i]);
	}
	scheduler->bell_count = 0;
}

void penstock_scheduler_ring_doorbells(struct penstock_scheduler *scheduler)
{
	penstock_scheduler_own_thread(scheduler);
	scheduler->bells_asked = false;
	ring_all(scheduler);
}

/* ---------------------------------------------------------------- one submission */

/* --paranoid: what the checker needs is there before anything is prepared. */
static enum penstock_status room_for_the_check(struct penstock_scheduler *scheduler,
					       const struct penstock_submission *submission)
{
	struct penstock_check_range *ranges;

	if (!scheduler->config.paranoid ||
	    scheduler->range_capacity >= submission->reference_count) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	ranges = calloc(submission->reference_count, sizeof(*ranges));
	if (ranges == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	free(scheduler->ranges);
	scheduler->ranges = ranges;
	scheduler->range_capacity = submission->reference_count;
	return PENSTOCK_STATUS_SUCCESS;
}

/* The checker reads what the GPU is about to execute. */
static bool stands_the_check(struct penstock_scheduler *scheduler,
			     const struct penstock_submission *submission)
{
	const struct penstock_render_args *args = &submission->args;
	const struct penstock_part *part = &submission->part;
	struct penstock_vidmm_location location;
	struct penstock_errbuf text;

	for (uint32_t i = 0; i < submission->reference_count; i++) {
		scheduler->ranges[i] = (struct penstock_check_range){ 0 };
	}
	for (uint32_t i = 0; i < penstock_needed_count(submission); i++) {
		const struct penstock_reference *reference = penstock_needed(submission, i);
		size_t index = (size_t)(reference - submission->references);

		if (reference->allocation == NULL) {
			continue;
		}
		penstock_vidmm_allocation_location(reference->allocation, &location);
		scheduler->ranges[index] = (struct penstock_check_range){
			.address = location.address,
			.size_bytes = submission->list != NULL ? submission->list[index].size_bytes
							       : location.size_bytes,
			.writable = reference->write_operation,
		};
	}
	if (penstock_check(args->dma_buffer, part->start, part->end, scheduler->ranges,
			   submission->reference_count, args->patches_out + part->first_patch,
			   part->patch_count, &text) == PENSTOCK_STATUS_SUCCESS) {
		return true;
	}
	penstock_scheduler_fail(scheduler, "%s", text.text);
	return false;
}

static void submit(struct penstock_scheduler *scheduler, struct penstock_node *node,
		   struct penstock_submission *submission)
{
	struct penstock_backend_process *process =
		penstock_vidmm_process_backend(submission->process);
	struct penstock_queue *queue = submission->queue;
	struct penstock_process_node *share = &queue->process->nodes[node->ordinal];
	struct penstock_submit_args args = {
		.node_ordinal = node->ordinal,
		.dma_buffer_address = submission->dma_address,
		.submission_start_offset = submission->resume_offset,
		.submission_end_offset = submission->part.end,
		.resume_position = submission->resume_position,
	};

	if ((submission->flags & PENSTOCK_SUBMIT_NULL_RENDERING) != 0) {
		args.flags |= PENSTOCK_SUBMITCOMMAND_NULL_RENDERING;
	}
	submission->submission_fence_id = penstock_fences_next(&node->fences);
	args.submission_fence_id = submission->submission_fence_id;
	penstock_scheduler_move(submission, PENSTOCK_SUBMISSION_ON_HARDWARE);
	penstock_list_append(&node->hardware, &submission->queue_link);
	node->on_hardware++;
	node->work_bytes += submission->args.work_bytes;
	node->packets++;
	queue->on_hardware++;
	if (share->on_hardware++ == 0) {
		share->begun_ns = penstock_scheduler_now_ns(scheduler);
	}
	submission->charged_ns = penstock_ready_served(&node->ready, queue, &submission->promoted);
	if (PENSTOCK_UNLIKELY(penstock_part_is_followed(submission))) {
		queue->splitting = submission;
	}
	if (scheduler->config.submitted != NULL) {
		scheduler->config.submitted(scheduler->config.owner, submission);
	}
	penstock_scheduler_tell(scheduler, PENSTOCK_TRACE_SUBMITTED, submission,
				args.submission_start_offset, args.submission_end_offset);
	scheduler->config.backend->ops->submit_command(process, &args);
	penstock_scheduler_ring(scheduler, process);
	penstock_scheduler_expect(scheduler);
}

/* Out of its software queue. */
static void take_head(struct penstock_node *node, struct penstock_submission *submission)
{
	penstock_list_remove(&submission->queue_link);
	node->waiting--;
}

/*
 * A head that must not run leaves when what its context has on the hardware has left, so that a
 * later fence still implies the earlier ones. False: not yet.
 */
static bool drop_head(struct penstock_scheduler *scheduler, struct penstock_node *node,
		      struct penstock_submission *submission)
{
	if (submission->queue->on_hardware > 0) {
		return false;
	}
	take_head(node, submission);
	penstock_scheduler_move(submission, PENSTOCK_SUBMISSION_CANCELLED);
	if (submission->chain != NULL && *submission->chain == PENSTOCK_STATUS_SUCCESS) {
		*submission->chain = submission->cancelled;
	}
	if (submission->cancelled == PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE) {
		const struct penstock_interrupt none = {
			.type = PENSTOCK_INTERRUPT_DMA_FAULTED,
			.node_ordinal = node->ordinal,
			.fault_dma_offset = PENSTOCK_DMA_OFFSET_UNKNOWN,
		};

		scheduler->config.device_fault(scheduler->config.owner, submission, &none,
					       "the GPU process ends whenever it is started");
	}
	if (submission->cancelled == PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY) {
		penstock_scheduler_look_for_too_much(scheduler, submission);
	}
	penstock_scheduler_defer(scheduler, submission, submission->cancelled);
	return true;
}

/* What became of a head. */
enum attempt {
	ATTEMPT_PREPARED, /* memory has everything that it needs, and holds it as `prepare` says */
	ATTEMPT_GONE,     /* on the hardware, or dropped */
	ATTEMPT_WAITS,    /* somebody will say that it is worth another look */
	ATTEMPT_CROWDED,  /* memory works for enough heads */
};

static enum attempt waits_for(struct penstock_scheduler *scheduler,
			      const struct penstock_submission *submission,
			      enum penstock_trace_wait what)
{
	penstock_scheduler_tell(scheduler, PENSTOCK_TRACE_WAITS, submission, what, 0);
	return what == PENSTOCK_TRACE_WAIT_CROWD ? ATTEMPT_CROWDED : ATTEMPT_WAITS;
}

static enum attempt prepare_head(struct penstock_scheduler *scheduler, struct penstock_node *node,
				 struct penstock_submission *submission, penstock_prepare *prepare)
{
	bool preparing = submission->state == PENSTOCK_SUBMISSION_PREPARING;

	if (submission->blocked > 0) {
		return waits_for(scheduler, submission, PENSTOCK_TRACE_WAIT_ORDER);
	}
	if (penstock_node_preempting(node, submission->process) ||
	    penstock_scheduler_is_stopping(scheduler, submission->process)) {
		return waits_for(scheduler, submission, PENSTOCK_TRACE_WAIT_PREEMPTION);
	}
	if (PENSTOCK_UNLIKELY(submission->chain != NULL) &&
	    submission->cancelled == PENSTOCK_STATUS_SUCCESS) {
		submission->cancelled = *submission->chain;
	}
	if (submission->cancelled == PENSTOCK_STATUS_SUCCESS) {
		submission->cancelled = room_for_the_check(scheduler, submission);
	}
	if (submission->cancelled == PENSTOCK_STATUS_SUCCESS) {
		enum penstock_status status;

		if (!preparing && node->preparing > node->limit) {
			return waits_for(scheduler, submission, PENSTOCK_TRACE_WAIT_CROWD);
		}
		status = penstock_scheduler_prepare(scheduler, submission, prepare);
		if (PENSTOCK_UNLIKELY(submission->state == PENSTOCK_SUBMISSION_CANCELLED)) {
			return ATTEMPT_GONE; /* with its adapter */
		}
		if (status == PENSTOCK_STATUS_PENDING) {
			if (!preparing) {
				penstock_scheduler_move(submission, PENSTOCK_SUBMISSION_PREPARING);
				node->preparing++;
			}
			return waits_for(scheduler, submission, PENSTOCK_TRACE_WAIT_MEMORY);
		}
		submission->cancelled = status;
	}
	penstock_node_prepared(node, submission);
	if (submission->cancelled != PENSTOCK_STATUS_SUCCESS) {
		return drop_head(scheduler, node, submission) ? ATTEMPT_GONE : ATTEMPT_WAITS;
	}
	return ATTEMPT_PREPARED;
}

static void submit_head(struct penstock_scheduler *scheduler, struct penstock_node *node,
			struct penstock_submission *submission)
{
	take_head(node, submission);
	if (!penstock_vidmm_patch(submission)) {
		penstock_scheduler_fail(scheduler, "0x119/3: a DMA buffer could not be patched");
	} else if (scheduler->config.paranoid) {
		(void)stands_the_check(scheduler, submission);
	}
	if (PENSTOCK_UNLIKELY(!penstock_scheduler_runs(scheduler))) {
		penstock_vidmm_finish(submission);
		penstock_scheduler_defer(scheduler, submission, PENSTOCK_STATUS_DEVICE_REMOVED);
		return;
	}
	submit(scheduler, node, submission);
}

static struct penstock_submission *head_of(const struct penstock_queue *queue)
{
	return penstock_submission_of(penstock_list_first(&queue->waiting));
}

/* HwQueuePacketCap packets; beyond it short ones. */
static bool has_room(const struct penstock_node *node, const struct penstock_submission *submission)
{
	return node->on_hardware < node->limit ||
	       (node->on_hardware < node->short_limit &&
		node->work_bytes + submission->args.work_bytes <= PENSTOCK_SHORT_WORK_BYTES);
}

/* Nothing more that waits goes on the hardware before something has left it. */
static bool is_full(const struct penstock_node *node)
{
	const struct penstock_queue *queue;

	if (node->on_hardware < node->limit) {
		return false;
	}
	if (node->on_hardware >= node->short_limit ||
	    node->work_bytes > PENSTOCK_SHORT_WORK_BYTES) {
		return true;
	}
	queue = penstock_ready_first(&node->ready);
	return queue != NULL && !has_room(node, head_of(queue));
}

/* Where a queue goes whose head was tried. */
static void put_queue(struct penstock_node *node, struct penstock_queue *queue,
		      enum attempt attempt)
{
	switch (attempt) {
	case ATTEMPT_PREPARED:
	case ATTEMPT_GONE:
		if (!penstock_list_empty(&queue->waiting) &&
		    PENSTOCK_LIKELY(queue->splitting == NULL)) {
			penstock_queue_offer(queue, node);
		}
		break;
	case ATTEMPT_WAITS:
		penstock_list_append(&node->parked, &queue->ready_link);
		break;
	case ATTEMPT_CROWDED:
		penstock_list_append(&node->crowded, &queue->ready_link);
		break;
	}
}

bool penstock_node_next_could_run(struct penstock_scheduler *scheduler, struct penstock_node *node)
{
	struct penstock_queue *queue = penstock_ready_first(&node->ready);
	enum attempt attempt = prepare_head(scheduler, node, head_of(queue), penstock_vidmm_ready);

	if (attempt == ATTEMPT_PREPARED) {
		return true;
	}
	if (queue->ready) {
		penstock_ready_remove(&node->ready, queue);
	}
	put_queue(node, queue, attempt);
	return false;
}

static void run_node(struct penstock_scheduler *scheduler, struct penstock_node *node)
{
	struct penstock_queue *queue;

	while (penstock_scheduler_runs(scheduler) &&
	       (queue = penstock_ready_first(&node->ready)) != NULL &&
	       has_room(node, head_of(queue))) {
		enum attempt attempt;

		penstock_ready_remove(&node->ready, queue);
		attempt = prepare_head(scheduler, node, head_of(queue), penstock_vidmm_prepare);
		if (PENSTOCK_LIKELY(attempt == ATTEMPT_PREPARED)) {
			submit_head(scheduler, node, head_of(queue));
		}
		put_queue(node, queue, attempt);
	}
	if (penstock_scheduler_runs(scheduler) && queue != NULL) {
		penstock_node_make_room(scheduler, node);
	}
}

static bool run_packets(struct penstock_scheduler *scheduler)
{
	return PENSTOCK_UNLIKELY(!penstock_list_empty(&scheduler->packets) ||
				 !penstock_list_empty(&scheduler->reached)) &&
	       penstock_scheduler_run_packets(scheduler);
}

static void run_nodes(struct penstock_scheduler *scheduler)
{
	do {
		scheduler->again = false;
		for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
			run_node(scheduler, &scheduler->nodes[i]);
		}
	} while (scheduler->again || run_packets(scheduler));
}

static void run(struct penstock_scheduler *scheduler)
{
	run_nodes(scheduler);
	ring_all(scheduler);
}

/* What the GPU has done meanwhile makes room: looked at here, a full node is refilled at once. */
static void look_at_full(struct penstock_scheduler *scheduler, const struct penstock_node *node,
			 struct penstock_submission *enqueuing)
{
	const struct penstock_submission *submission =
		penstock_submission_of(penstock_list_first(&node->hardware));

	scheduler->enqueuing = enqueuing;
	scheduler->config.backend->ops->query_current_fence(
		penstock_vidmm_process_backend(submission->process), node->ordinal);
	scheduler->enqueuing = NULL;
}

/*
 * A GPU that sleeps costs a system call to wake, and where it shares the processor two switches:
 * it is woken when it has all that it can have, or all that this turn brings.
 */
void penstock_scheduler_leave_enqueued(struct penstock_scheduler *scheduler, bool outermost,
				       const struct penstock_node *node,
				       struct penstock_submission *submission)
{
	if (!outermost) {
		scheduler->again = true;
		return;
	}
	run_nodes(scheduler);
	if (scheduler->config.bells == NULL) {
		ring_all(scheduler);
		scheduler->running = false;
		return;
	}
	if (!penstock_scheduler_runs(scheduler) || !is_full(node)) {
		if (scheduler->bell_count > 0 && !scheduler->bells_asked) {
			scheduler->bells_asked = true;
			scheduler->config.bells(scheduler->config.owner);
		}
		scheduler->running = false;
		return;
	}
	ring_all(scheduler);
	scheduler->running = false;
	look_at_full(scheduler, node, submission);
}

void penstock_scheduler_kick(struct penstock_scheduler *scheduler)
{
	bool outermost = penstock_scheduler_enter(scheduler);

	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		penstock_node_look_again(&scheduler->nodes[i], &scheduler->nodes[i].parked);
	}
	penstock_scheduler_leave(scheduler, outermost);
}

/* ---------------------------------------------------------------- paging packets */

void penstock_scheduler_submit_paging(struct penstock_scheduler *scheduler,
				      struct penstock_paging_packet *packet)
{
	struct penstock_backend_process *process = penstock_vidmm_process_backend(packet->process);
	const struct penstock_submit_args args = {
		.node_ordinal = packet->node_ordinal,
		.submission_fence_id = packet->submission_fence_id,
		.flags = PENSTOCK_SUBMITCOMMAND_PAGING,
		.paging_buffer = packet->bytes,
		.paging_buffer_bytes = packet->length,
	};

	packet->place = 0;
	packet->stands_since_ns = penstock_scheduler_now_ns(scheduler);
	penstock_scheduler_tell_process(scheduler, PENSTOCK_TRACE_PAGING, packet->node_ordinal,
					packet->process, packet->submission_fence_id,
					packet->length, packet->attempts);
	scheduler->config.backend->ops->submit_command(process, &args);
	penstock_scheduler_ring(scheduler, process);
}

static void take_paging(void *owner, struct penstock_paging_packet *packet)
{
	struct penstock_scheduler *scheduler = owner;
	struct penstock_node *node = &scheduler->nodes[packet->node_ordinal];

	penstock_scheduler_own_thread(scheduler);
	if (!penstock_scheduler_runs(scheduler)) {
		return;
	}
	packet->submission_fence_id = penstock_fences_next(&node->fences);
	penstock_list_append(&node->paging, &packet->link);
	node->paging_packets++;
	if (!penstock_node_preempting(node, packet->process) &&
	    !penstock_scheduler_is_stopping(scheduler, packet->process)) {
		penstock_scheduler_submit_paging(scheduler, packet);
	}
	penstock_scheduler_expect(scheduler);
}

static void process_ended(void *owner, const struct penstock_vidmm_process *process)
{
	struct penstock_scheduler *scheduler = owner;

	penstock_scheduler_own_thread(scheduler);
	penstock_scheduler_forget_preemptions(scheduler, process);
}

/* ---------------------------------------------------------------- fences */

/* The packet of that fence: whose it is, and the oldest that `process` has. */
struct outstanding {
	const struct penstock_vidmm_process *owner; /* NULL: there is none */
	uint32_t oldest;                            /* the next fence: it has none */
};

static void look_at(struct outstanding *found, const struct penstock_vidmm_process *process,
		    const struct penstock_vidmm_process *owner, uint32_t id, uint32_t wanted)
{
	if (id == wanted) {
		found->owner = owner;
	}
	if (owner == process && penstock_fence_before(id, found->oldest)) {
		found->oldest = id;
	}
}

/*
 * A fence that is outstanding is so for one process. Of the others an id counts as said before only
 * where it was given to a packet and is behind nothing that its process still has to do: a lost
 * and recovered notification, or one from before a reset. Whatever else is said was made up.
 */
enum penstock_fence_verdict penstock_node_judge(const struct penstock_node *node,
						const struct penstock_vidmm_process *process,
						uint32_t fence_id)
{
	struct outstanding found = { .oldest = node->fences.next };

	penstock_list_for_each (link, &node->hardware) {
		const struct penstock_submission *submission = penstock_submission_of(link);

		look_at(&found, process, submission->process, submission->submission_fence_id,
			fence_id);
		if (found.owner != NULL) {
			break;
		}
	}
	penstock_list_for_each (link, &node->paging) {
		const struct penstock_paging_packet *packet =
			penstock_list_entry(link, struct penstock_paging_packet, link);

		look_at(&found, process, packet->process, packet->submission_fence_id, fence_id);
	}
	if (found.owner != NULL) {
		return found.owner == process ? PENSTOCK_FENCE_OUTSTANDING
					      : PENSTOCK_FENCE_IMPOSSIBLE;
	}
	return penstock_fences_given(&node->fences, fence_id) &&
			       penstock_fence_before(fence_id, found.oldest)
		       ? PENSTOCK_FENCE_REPEATED
		       : PENSTOCK_FENCE_IMPOSSIBLE;
}

struct penstock_submission *penstock_node_first_of(const struct penstock_node *node,
						   const struct penstock_vidmm_process *process)
{
	penstock_list_for_each (link, &node->hardware) {
		struct penstock_submission *submission = penstock_submission_of(link);

		if (submission->process == process) {
			return submission;
		}
	}
	return NULL;
}

void penstock_node_remove(struct penstock_node *node, struct penstock_submission *submission,
			  bool ran, uint64_t gpu_ns)
{
	struct penstock_queue *queue = submission->queue;
	struct penstock_process_node *share = &queue->process->nodes[node->ordinal];

	penstock_list_remove(&submission->queue_link);
	node->on_hardware--;
	node->work_bytes -= submission->args.work_bytes;
	queue->on_hardware--;
	share->on_hardware--;
	share->gpu_ns += gpu_ns;
	node->gpu_ns += gpu_ns;
	queue->gpu_ns += gpu_ns;
	penstock_ready_settle(&node->ready, queue, submission->charged_ns, ran, gpu_ns);
	penstock_vidmm_finish(submission);
	if (PENSTOCK_UNLIKELY(queue->splitting == submission)) {
		queue->splitting = NULL;
		penstock_queue_wake(queue, node);
	}
}

/* A head that must not run, or is no DMA buffer, waits for what its context has there. */
static bool head_waits_for_hardware(const struct penstock_queue *queue)
{
	struct penstock_list *link = penstock_list_first(&queue->waiting);
	const struct penstock_submission *head;

	if (link == NULL) {
		return false;
	}
	head = penstock_submission_of(link);
	return head->cancelled != PENSTOCK_STATUS_SUCCESS || head->sync != NULL;
}

static void retire(struct penstock_scheduler *scheduler, struct penstock_node *node,
		   struct penstock_submission *submission, uint64_t gpu_ns)
{
	struct penstock_queue *queue = submission->queue;
	bool followed = penstock_part_is_followed(submission);

	penstock_scheduler_tell(queue->scheduler, PENSTOCK_TRACE_COMPLETED, submission, gpu_ns, 0);
	penstock_node_remove(node, submission, true, gpu_ns);
	if (PENSTOCK_UNLIKELY(submission->split)) {
		queue->parts++;
		submission->parts++;
	}
	if (PENSTOCK_UNLIKELY(followed)) {
		penstock_vidmm_part_done(submission);
		penstock_node_put_in_front(node, submission);
		return;
	}
	penstock_scheduler_move(submission, PENSTOCK_SUBMISSION_RETIRED);
	queue->depth--;
	if (queue->on_hardware == 0 && head_waits_for_hardware(queue)) {
		penstock_queue_wake(queue, node);
	}
	penstock_scheduler_complete(scheduler, submission, PENSTOCK_STATUS_SUCCESS);
}

/* The first of the process's packets on the node, if it is not behind `fence_id`; or NULL. */
static struct penstock_submission *next_done(const struct penstock_node *node,
					     const struct penstock_vidmm_process *process,
					     uint32_t fence_id)
{
	penstock_list_for_each (link, &node->hardware) {
		struct penstock_submission *submission = penstock_submission_of(link);

		if (penstock_fence_before(fence_id, submission->submission_fence_id)) {
			return NULL;
		}
		if (submission->process == process) {
			return submission;
		}
	}
	return NULL;
}

uint64_t penstock_node_elapsed_ns(const struct penstock_scheduler *scheduler,
				  struct penstock_node *node, const struct penstock_queue *queue)
{
	struct penstock_process_node *share = &queue->process->nodes[node->ordinal];
	uint64_t now_ns = penstock_scheduler_now_ns(scheduler);
	uint64_t elapsed_ns = now_ns - share->begun_ns;

	share->begun_ns = now_ns;
	return elapsed_ns;
}

/* What each of the process's packets took that are done: one notification serves many. */
static uint64_t packet_ns(const struct penstock_scheduler *scheduler, struct penstock_node *node,
			  const struct penstock_vidmm_process *process, uint32_t fence_id)
{
	const struct penstock_queue *queue = NULL;
	uint64_t count = 0;

	penstock_list_for_each (link, &node->hardware) {
		const struct penstock_submission *submission = penstock_submission_of(link);

		if (penstock_fence_before(fence_id, submission->submission_fence_id)) {
			break;
		}
		if (submission->process == process) {
			queue = submission->queue;
			count++;
		}
	}
	return count == 0 ? 0 : penstock_node_elapsed_ns(scheduler, node, queue) / count;
}

void penstock_node_complete(struct penstock_scheduler *scheduler, struct penstock_node *node,
			    struct penstock_vidmm_process *process, uint32_t fence_id)
{
	uint64_t gpu_ns = packet_ns(scheduler, node, process, fence_id);
	struct penstock_submission *submission;

	penstock_fences_complete(&node->fences, fence_id);
	penstock_list_for_each_safe (link, &node->paging) {
		struct penstock_paging_packet *packet =
			penstock_list_entry(link, struct penstock_paging_packet, link);

		if (packet->process == process &&
		    !penstock_fence_before(fence_id, packet->submission_fence_id)) {
			penstock_list_remove(link);
			penstock_scheduler_tell_process(scheduler, PENSTOCK_TRACE_PAGED,
							node->ordinal, process,
							packet->submission_fence_id, 0, 0);
			penstock_vidmm_paging_completed(packet);
			/* A process has one packet; the next one has a later fence. */
			break;
		}
	}
	/* `completed` may do anything but end the scheduler: the list is read anew each time. */
	while ((submission = next_done(node, process, fence_id)) != NULL) {
		retire(scheduler, node, submission, gpu_ns);
	}
}

/*
 * The interrupts that a GPU may send us. A fault names a packet that stopped: it is of one that is
 * there. A preemption answers a request.
 */
static const struct {
	bool fault;
	bool known;
} interrupt_types[] = {
	[PENSTOCK_INTERRUPT_DMA_COMPLETED] = { .known = true },
	[PENSTOCK_INTERRUPT_DMA_PREEMPTED] = { .known = true },
	[PENSTOCK_INTERRUPT_DMA_FAULTED] = { .known = true, .fault = true },
	[PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED] = { .known = true, .fault = true },
};

/* Whether it can be at all, whatever its fence: otherwise the adapter has stopped. */
static bool stands(struct penstock_scheduler *scheduler,
		   const struct penstock_vidmm_process *process,
		   const struct penstock_interrupt *interrupt)
{
	if (interrupt->node_ordinal >= PENSTOCK_NODE_COUNT) {
		penstock_scheduler_fail(scheduler, "0x119/1: an interrupt of node %" PRIu32,
					interrupt->node_ordinal);
		return false;
	}
	if ((unsigned)interrupt->type >= PENSTOCK_ARRAY_SIZE(interrupt_types) ||
	    !interrupt_types[interrupt->type].known) {
		penstock_scheduler_fail(scheduler,
					"0x119/1: an interrupt that was not asked for, type %d, "
					"fence 0x%" PRIx32 ", node %" PRIu32,
					(int)interrupt->type, interrupt->fence_id,
					interrupt->node_ordinal);
		return false;
	}
	/* While it is reset, what had completed is told, and nothing else. */
	if (penstock_scheduler_engine_state(scheduler, process) == PENSTOCK_ENGINE_RESETTING &&
	    interrupt->type != PENSTOCK_INTERRUPT_DMA_COMPLETED) {
		penstock_scheduler_fail(scheduler,
					"0x119/0x10: an interrupt while the engine is reset, type "
					"%d, fence 0x%" PRIx32 ", node %" PRIu32,
					(int)interrupt->type, interrupt->fence_id,
					interrupt->node_ordinal);
		return false;
	}
	return true;
}

static void take_interrupt(struct penstock_scheduler *scheduler,
			   struct penstock_vidmm_process *process,
			   const struct penstock_interrupt *interrupt)
{
	struct penstock_node *node = &scheduler->nodes[interrupt->node_ordinal];
	bool fault = interrupt_types[interrupt->type].fault;
	enum penstock_fence_verdict verdict =
		penstock_node_judge(node, process, interrupt->fence_id);

	if (verdict == PENSTOCK_FENCE_OUTSTANDING) {
		if (fault) {
			penstock_scheduler_fault(scheduler, node, process, interrupt);
		} else {
			penstock_node_complete(scheduler, node, process, interrupt->fence_id);
		}
	} else if (verdict == PENSTOCK_FENCE_IMPOSSIBLE || fault) {
		penstock_scheduler_fail(scheduler,
					"0x119/%s: a GPU process reported fence 0x%" PRIx32
					" of node %" PRIu32 ", which it does not have (the last "
					"one is 0x%" PRIx32 ")",
					fault ? "0xD" : "1", interrupt->fence_id,
					interrupt->node_ordinal, node->fences.last_submitted);
	}
}

void penstock_scheduler_notify_interrupt(struct penstock_scheduler *scheduler,
					 struct penstock_vidmm_process *process,
					 const struct penstock_interrupt *interrupt)
{
	bool outermost = penstock_scheduler_enter(scheduler);

	/* What was put off is earlier than what completes now. */
	penstock_scheduler_deliver_now(scheduler);
	if (penstock_scheduler_runs(scheduler) && stands(scheduler, process, interrupt)) {
		if (interrupt->type == PENSTOCK_INTERRUPT_DMA_PREEMPTED) {
			penstock_scheduler_preempted(scheduler,
						     &scheduler->nodes[interrupt->node_ordinal],
						     process, interrupt);
		} else {
			take_interrupt(scheduler, process, interrupt);
		}
		penstock_scheduler_settle_resets(scheduler);
	}
	penstock_scheduler_leave(scheduler, outermost);
}

/* ---------------------------------------------------------------- start and end */

enum penstock_status penstock_scheduler_new(const struct penstock_scheduler_config *config,
					    struct penstock_scheduler **ret_scheduler)
{
	struct penstock_scheduler *scheduler;

	if (config->hw_queue_packet_cap == 0 ||
	    config->hw_queue_packet_cap > PENSTOCK_RING_PACKETS) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	scheduler = calloc(1, sizeof(*scheduler));
	if (scheduler == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	scheduler->config = *config;
	scheduler->thread = pthread_self();
	penstock_trace_init(&scheduler->untraced);
	scheduler->trace = config->trace != NULL ? config->trace : &scheduler->untraced;
	penstock_list_init(&scheduler->deferred);
	penstock_list_init(&scheduler->packets);
	penstock_list_init(&scheduler->reached);
	scheduler->sync_left = PENSTOCK_SYNC_A_TURN;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_node *node = &scheduler->nodes[i];

		node->ordinal = i;
		/* A process's ring has room for one paging packet beside these. */
		node->limit = config->hw_queue_packet_cap < PENSTOCK_RING_PACKETS
				      ? config->hw_queue_packet_cap
				      : PENSTOCK_RING_PACKETS - 1;
		node->short_limit =
			node->limit > PENSTOCK_SHORT_PACKETS ? node->limit : PENSTOCK_SHORT_PACKETS;
		penstock_ready_init(&node->ready);
		penstock_list_init(&node->parked);
		penstock_list_init(&node->crowded);
		penstock_list_init(&node->asleep);
		penstock_list_init(&node->hardware);
		penstock_list_init(&node->paging);
		penstock_fences_init(&node->fences, config->first_fence_id);
		node->watched = node->fences.next;
	}
	penstock_vidmm_set_paging_port(config->vidmm,
				       &(struct penstock_paging_port){ .owner = scheduler,
								       .submit = take_paging,
								       .ended = process_ended });
	*ret_scheduler = scheduler;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_scheduler_stopped(struct penstock_scheduler *scheduler, enum penstock_status status)
{
	bool outermost = penstock_scheduler_enter(scheduler);

	if (scheduler->state != PENSTOCK_SCHEDULER_STOPPED) {
		(void)penstock_scheduler_become(scheduler, PENSTOCK_SCHEDULER_STOPPED);
	}
	penstock_scheduler_clear(scheduler, status);
	penstock_scheduler_leave(scheduler, outermost);
}

void penstock_scheduler_free(struct penstock_scheduler *scheduler)
{
	if (scheduler == NULL) {
		return;
	}
	penstock_scheduler_own_thread(scheduler);
	PENSTOCK_REQUIRE(penstock_list_empty(&scheduler->deferred));
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		PENSTOCK_REQUIRE(scheduler->nodes[i].on_hardware == 0 &&
				 scheduler->nodes[i].waiting == 0);
	}
	penstock_vidmm_set_paging_port(scheduler->config.vidmm,
				       &(struct penstock_paging_port){ .owner = NULL });
	free(scheduler->ranges);
	free(scheduler);
}

static uint32_t count_of(const struct penstock_list *head)
{
	uint32_t count = 0;

	penstock_list_for_each (link, head) {
		count++;
	}
	return count;
}

void penstock_scheduler_query_nodes(const struct penstock_scheduler *scheduler,
				    struct penstock_node_state ret[PENSTOCK_NODE_COUNT])
{
	penstock_scheduler_own_thread(scheduler);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		const struct penstock_node *node = &scheduler->nodes[i];

		ret[i] = (struct penstock_node_state){
			.node_ordinal = i,
			.on_hardware = node->on_hardware,
			.contexts_waiting = node->ready.count + count_of(&node->parked) +
					    count_of(&node->crowded) + count_of(&node->asleep),
			.submissions_waiting = node->waiting,
			.last_fence_submitted = node->fences.last_submitted,
			.last_fence_completed = node->fences.last_completed,
			.packets = node->packets,
			.paging_packets = node->paging_packets,
			.resets = node->resets,
			.preemptions = node->preempted,
			.gpu_ns = node->gpu_ns,
		};
	}
}
