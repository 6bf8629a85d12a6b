/* SPDX-License-Identifier: MIT */
/*
 * Engine reset: a GPU process met something in a submission that it cannot go on with, hangs, or
 * ended. The submission's device is lost; its process is started anew, and what the others had on
 * the hardware goes back to the front of their queues: paging packets first and with the fence ids
 * that they have, submissions with new ones. No other process is touched.
 *
 *	of a process   RUNNING --a fault, a hang, its end--> STOPPING
 *	   STOPPING --its other nodes stopped, or it ended by itself--> RESETTING
 *	   STOPPING --a node that hung answers after all, and nothing else is wrong--> RUNNING
 *	   RESETTING --it ended, and begins again; or with the adapter's reset or end--> RUNNING
 *
 * While STOPPING or RESETTING nothing is submitted to any of its rings: paging packets that are
 * given meanwhile wait for its next begin. Its other nodes are asked to preempt
 * (QueryDependentEngineGroup: all nodes of a process), so that what they had begun goes on from
 * where it stopped and nothing runs twice; they have half a second for it. What a node had begun
 * that did not answer, or whose process ended, is at a place that nobody knows: its bytes cannot be
 * told any more, and its device is lost too.
 */
#include "daemon/schedule/internal.h"

#include <inttypes.h>

/* How long the other nodes of a process that is reset may take (dependent engines). */
#define DEPENDENT_NS 500000000u

static struct penstock_submission *find(const struct penstock_node *node,
					const struct penstock_vidmm_process *process,
					uint32_t fence_id)
{
	penstock_list_for_each (link, &node->hardware) {
		struct penstock_submission *submission = penstock_submission_of(link);

		if (submission->process == process && submission->submission_fence_id == fence_id) {
			return submission;
		}
	}
	return NULL;
}

struct penstock_paging_packet *penstock_node_paging_of(const struct penstock_node *node,
						       const struct penstock_vidmm_process *process)
{
	penstock_list_for_each (link, &node->paging) {
		struct penstock_paging_packet *packet =
			penstock_list_entry(link, struct penstock_paging_packet, link);

		if (packet->process == process) {
			return packet;
		}
	}
	return NULL;
}

void penstock_node_put_in_front(struct penstock_node *node, struct penstock_submission *submission)
{
	struct penstock_queue *queue = submission->queue;
	struct penstock_list *head = penstock_list_first(&queue->waiting);

	if (head != NULL) {
		penstock_node_prepared(node, penstock_submission_of(head));
	}
	penstock_scheduler_move(submission, PENSTOCK_SUBMISSION_QUEUED);
	penstock_list_prepend(&queue->waiting, &submission->queue_link);
	node->waiting++;
	penstock_queue_wake(queue, node);
}

void penstock_node_put_back(struct penstock_node *node,
			    const struct penstock_vidmm_process *process, uint64_t gpu_ns)
{
	struct penstock_list *link = node->hardware.previous;

	while (link != &node->hardware) {
		struct penstock_submission *submission = penstock_submission_of(link);

		link = link->previous;
		if (submission->process == process) {
			bool ran =
				gpu_ns > 0 && submission == penstock_node_first_of(node, process);

			penstock_scheduler_tell(submission->queue->scheduler,
						PENSTOCK_TRACE_PUT_BACK, submission,
						ran ? gpu_ns : 0, submission->resume_offset);
			penstock_node_remove(node, submission, ran, ran ? gpu_ns : 0);
			penstock_node_put_in_front(node, submission);
		}
	}
}

void penstock_node_page_again(struct penstock_scheduler *scheduler, struct penstock_node *node,
			      struct penstock_vidmm_process *process)
{
	struct penstock_paging_packet *packet = penstock_node_paging_of(node, process);

	if (packet == NULL || !penstock_scheduler_runs(scheduler)) {
		return;
	}
	if (packet->attempts < PENSTOCK_PAGING_ATTEMPTS) {
		penstock_scheduler_submit_paging(scheduler, packet);
	} else if (penstock_vidmm_process_is_system(process)) {
		penstock_scheduler_promote(scheduler,
					   "the system process ends or hangs whenever it pages");
	} else {
		/* Only its principal's: the others go on. */
		penstock_vidmm_process_lost(process);
	}
}

/*
 * DxgkDdiResetEngine: when it returns nothing runs, and what had completed was reported.
 */
PENSTOCK_MUST_CHECK
static bool stop_process(struct penstock_scheduler *scheduler,
			 struct penstock_vidmm_process *process)
{
	penstock_scheduler_tell_process(scheduler, PENSTOCK_TRACE_ENGINE_RESET, 0, process, 0, 0,
					0);
	penstock_scheduler_forget_preemptions(scheduler, process);
	return scheduler->config.backend->ops->reset_engine(
		       penstock_vidmm_process_backend(process)) == PENSTOCK_STATUS_SUCCESS;
}

/* After stop_process: what it had on the hardware runs again. */
static void begin_again(struct penstock_scheduler *scheduler,
			struct penstock_vidmm_process *process)
{
	penstock_vidmm_process_was_reset(process);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		penstock_node_put_back(&scheduler->nodes[i], process, 0);
	}
	/* What let go of memory may have had it paged: that goes on the rings here, too. */
	if (!penstock_scheduler_engine_move(scheduler, process, PENSTOCK_ENGINE_RUNNING)) {
		return;
	}
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_node *node = &scheduler->nodes[i];

		penstock_node_page_again(scheduler, node, process);
		penstock_node_look_again(node, &node->parked);
	}
}

/* ---------------------------------------------------------------- whom it costs */

/* What a process had on a node when it stopped. */
struct last_seen {
	struct penstock_submission *submission; /* the oldest, unless paging is older */
	struct penstock_paging_packet *packet;  /* the oldest */
	bool begun;                             /* as far as the GPU said */
};

/* What the GPU says that it executes, of each node of a process. */
struct running {
	bool known;
	uint32_t fence_id;
	uint32_t dma_offset;
};

static void ask_what_runs(const struct penstock_scheduler *scheduler,
			  const struct penstock_vidmm_process *process,
			  struct running ret[PENSTOCK_NODE_COUNT])
{
	const struct penstock_backend_ops *ops = scheduler->config.backend->ops;

	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		ret[i] = (struct running){ .known = ops->running_fence != NULL };
		if (ret[i].known) {
			ret[i].fence_id = ops->running_fence(
				penstock_vidmm_process_backend(process), i, &ret[i].dma_offset);
		}
	}
}

static struct last_seen last_seen(const struct penstock_node *node,
				  const struct penstock_vidmm_process *process,
				  const struct running *running)
{
	struct last_seen seen = {
		.submission = penstock_node_first_of(node, process),
		.packet = penstock_node_paging_of(node, process),
	};
	uint32_t fence_id = 0;

	if (seen.packet != NULL && seen.submission != NULL) {
		if (penstock_fence_before(seen.submission->submission_fence_id,
					  seen.packet->submission_fence_id)) {
			seen.packet = NULL;
		} else {
			seen.submission = NULL;
		}
	}
	if (seen.submission != NULL) {
		fence_id = seen.submission->submission_fence_id;
	} else if (seen.packet != NULL) {
		fence_id = seen.packet->submission_fence_id;
	}
	seen.begun = (seen.packet != NULL || seen.submission != NULL) && running->fence_id != 0 &&
		     running->fence_id == fence_id;
	return seen;
}

/*
 * A process that died executed the oldest packet of a node that had begun it, and one of those is
 * the cause; where none is known to have begun, any of them may be. Where a node had said what is
 * wrong before, that is the cause.
 */
static void blame_death(struct penstock_reset *reset, int wait_status,
			const struct last_seen seen[PENSTOCK_NODE_COUNT])
{
	bool known = false;

	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (reset->causes[i].describe != NULL) {
			return;
		}
		known |= seen[i].begun;
	}
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (seen[i].begun || !known) {
			reset->causes[i] = (struct penstock_cause){
				.describe = penstock_describe_death,
				.interrupt.type = PENSTOCK_INTERRUPT_DMA_FAULTED,
				.wait_status = wait_status,
			};
		}
	}
}

/* Nobody said how far it got. */
static void blame_unknown(struct penstock_reset *reset, const struct running running[],
			  const struct last_seen seen[PENSTOCK_NODE_COUNT])
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (reset->causes[i].describe == NULL && seen[i].submission != NULL &&
		    (seen[i].begun || !running[i].known)) {
			reset->causes[i] = (struct penstock_cause){
				.describe = penstock_describe_unknown,
				.interrupt.type = PENSTOCK_INTERRUPT_NONE,
			};
		}
	}
}

/* The node's culprit, described; it is on the hardware still. */
static void find_culprit(struct penstock_node *node, const struct penstock_reset *reset,
			 const struct running *running, const struct last_seen *seen,
			 struct penstock_culprit *ret_culprit)
{
	const struct penstock_cause *cause = &reset->causes[node->ordinal];

	*ret_culprit = (struct penstock_culprit){ .interrupt = cause->interrupt };
	if (cause->describe == NULL) {
		return;
	}
	node->resets++;
	if (cause->describe == penstock_describe_fault) {
		ret_culprit->submission = find(node, reset->process, cause->interrupt.fence_id);
	} else {
		ret_culprit->submission = seen->submission;
		if (seen->packet != NULL) {
			seen->packet->attempts++;
		}
	}
	if (ret_culprit->submission == NULL) {
		return;
	}
	if (cause->describe != penstock_describe_fault) {
		ret_culprit->interrupt.node_ordinal = node->ordinal;
		ret_culprit->interrupt.fence_id = ret_culprit->submission->submission_fence_id;
		ret_culprit->interrupt.fault_dma_offset = PENSTOCK_DMA_OFFSET_UNKNOWN;
	}
	cause->describe(ret_culprit, cause);
	if (cause->describe != penstock_describe_fault && seen->begun) {
		penstock_culprit_at(ret_culprit, running->dma_offset);
	}
}

/* What it took until it was stopped is its process's. */
static void remove_culprit(const struct penstock_scheduler *scheduler, struct penstock_node *node,
			   const struct penstock_culprit *culprit)
{
	uint64_t gpu_ns = penstock_node_elapsed_ns(scheduler, node, culprit->submission->queue);

	penstock_node_remove(node, culprit->submission, true, gpu_ns);
}

/* Its device is lost. */
static void tell_fault(const struct penstock_scheduler *scheduler,
		       const struct penstock_culprit *culprit)
{
	scheduler->config.device_fault(scheduler->config.owner, culprit->submission,
				       &culprit->interrupt, culprit->text);
}

/* And it is over. */
static void convict(struct penstock_scheduler *scheduler, const struct penstock_culprit *culprit)
{
	struct penstock_submission *submission = culprit->submission;

	penstock_scheduler_tell(scheduler, PENSTOCK_TRACE_FAULTED, submission,
				(uint64_t)culprit->interrupt.type,
				culprit->interrupt.fault_dma_offset);
	penstock_scheduler_move(submission, PENSTOCK_SUBMISSION_RETIRED);
	submission->queue->depth--;
	tell_fault(scheduler, culprit);
	penstock_scheduler_complete(scheduler, submission,
				    PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
}

/* ---------------------------------------------------------------- the reset */

const char *penstock_scheduler_dbg_info(const struct penstock_scheduler *scheduler)
{
	return scheduler->dbg_info;
}

/* DxgkDdiCollectDbgInfo: while there is something to be seen. */
static void collect_dbg_info(struct penstock_scheduler *scheduler,
			     const struct penstock_vidmm_process *process)
{
	const struct penstock_backend_ops *ops = scheduler->config.backend->ops;

	scheduler->dbg_info[0] = '\0';
	if (ops->collect_dbg_info != NULL) {
		(void)ops->collect_dbg_info(penstock_vidmm_process_backend(process),
					    scheduler->dbg_info, sizeof(scheduler->dbg_info));
	}
}

/* Off the hardware, and the others begin again, before anybody is told. */
static void go_on_without(struct penstock_scheduler *scheduler,
			  struct penstock_vidmm_process *process,
			  const struct penstock_culprit culprits[PENSTOCK_NODE_COUNT])
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (culprits[i].submission != NULL) {
			remove_culprit(scheduler, &scheduler->nodes[i], &culprits[i]);
		}
	}
	begin_again(scheduler, process);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (culprits[i].submission != NULL) {
			convict(scheduler, &culprits[i]);
		}
	}
}

/*
 * The engine reset failed: its process may still write. Who it was is named, and everything stays
 * where it is until the adapter was reset.
 */
static void give_up(struct penstock_scheduler *scheduler,
		    const struct penstock_culprit culprits[PENSTOCK_NODE_COUNT])
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (culprits[i].submission != NULL) {
			tell_fault(scheduler, &culprits[i]);
		}
	}
	penstock_scheduler_promote(scheduler, "a GPU process cannot be ended");
}

/*
 * Stops it, which is STOPPING, finds out who it was, starts it again with the others, and tells.
 * It is held: what completes meanwhile may be the last thing that kept it.
 */
static void reset_now(struct penstock_scheduler *scheduler, struct penstock_vidmm_process *process,
		      bool died, int wait_status)
{
	struct penstock_culprit culprits[PENSTOCK_NODE_COUNT];
	struct running running[PENSTOCK_NODE_COUNT];
	struct last_seen seen[PENSTOCK_NODE_COUNT];
	struct penstock_reset reset;
	bool ended;

	if (!penstock_scheduler_engine_move(scheduler, process, PENSTOCK_ENGINE_RESETTING)) {
		return;
	}
	reset = *penstock_scheduler_reset_of(scheduler, process);
	penstock_vidmm_process_hold(process);
	collect_dbg_info(scheduler, process);
	ask_what_runs(scheduler, process, running);
	ended = stop_process(scheduler, process);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		seen[i] = last_seen(&scheduler->nodes[i], process, &running[i]);
	}
	if (died) {
		blame_death(&reset, wait_status, seen);
	}
	blame_unknown(&reset, running, seen);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		find_culprit(&scheduler->nodes[i], &reset, &running[i], &seen[i], &culprits[i]);
	}
	if (ended) {
		go_on_without(scheduler, process, culprits);
	} else {
		give_up(scheduler, culprits);
	}
	penstock_vidmm_process_release(process);
}

/* ---------------------------------------------------------------- states */

#define TO(state) (1u << PENSTOCK_ENGINE_##state)

static const struct penstock_state states[PENSTOCK_ENGINE_STATE_MAX] = {
	[PENSTOCK_ENGINE_RUNNING] = { "RUNNING", TO(STOPPING) },
	[PENSTOCK_ENGINE_STOPPING] = { "STOPPING", TO(RESETTING) | TO(RUNNING) },
	[PENSTOCK_ENGINE_RESETTING] = { "RESETTING", TO(RUNNING) },
};

static void add_reset(struct penstock_scheduler *scheduler, struct penstock_vidmm_process *process,
		      enum penstock_engine_state state)
{
	/* Each has a packet on some node's hardware. */
	PENSTOCK_REQUIRE(scheduler->reset_count < PENSTOCK_ARRAY_SIZE(scheduler->resets));
	scheduler->resets[scheduler->reset_count++] =
		(struct penstock_reset){ .process = process, .state = state };
	penstock_vidmm_process_hold(process);
}

static void remove_reset(struct penstock_scheduler *scheduler, struct penstock_reset *reset)
{
	struct penstock_vidmm_process *process = reset->process;

	*reset = scheduler->resets[--scheduler->reset_count];
	penstock_vidmm_process_release(process);
}

bool penstock_scheduler_engine_move(struct penstock_scheduler *scheduler,
				    struct penstock_vidmm_process *process,
				    enum penstock_engine_state to)
{
	static const struct penstock_states drawing = { "a process's engines",
							PENSTOCK_ENGINE_STATE_MAX, states };
	enum penstock_engine_state from = penstock_scheduler_engine_state(scheduler, process);
	struct penstock_reset *reset = penstock_scheduler_reset_of(scheduler, process);
	struct penstock_errbuf text;

	if (!penstock_states_lead(&drawing, "", from, to, &text)) {
		penstock_scheduler_fail(scheduler, "%s", text.text);
		return false;
	}
	if (reset == NULL) {
		add_reset(scheduler, process, to);
	} else if (to == PENSTOCK_ENGINE_RUNNING) {
		remove_reset(scheduler, reset);
	} else {
		reset->state = to;
	}
	return true;
}

void penstock_scheduler_drop_resets(struct penstock_scheduler *scheduler)
{
	while (scheduler->reset_count > 0) {
		(void)penstock_scheduler_engine_move(
			scheduler, scheduler->resets[scheduler->reset_count - 1].process,
			PENSTOCK_ENGINE_RUNNING);
	}
}

/* ---------------------------------------------------------------- stopping */

struct penstock_reset *penstock_scheduler_reset_of(struct penstock_scheduler *scheduler,
						   const struct penstock_vidmm_process *process)
{
	for (uint32_t i = 0; i < scheduler->reset_count; i++) {
		if (scheduler->resets[i].process == process) {
			return &scheduler->resets[i];
		}
	}
	return NULL;
}

/* It is STOPPING from here on, where it was not. NULL: it cannot be, and the adapter stops. */
static struct penstock_reset *stop(struct penstock_scheduler *scheduler,
				   struct penstock_vidmm_process *process)
{
	if (penstock_scheduler_engine_state(scheduler, process) != PENSTOCK_ENGINE_STOPPING &&
	    !penstock_scheduler_engine_move(scheduler, process, PENSTOCK_ENGINE_STOPPING)) {
		return NULL;
	}
	return penstock_scheduler_reset_of(scheduler, process);
}

/* False: what it has begun on the node has not stopped yet. */
static bool has_stopped(struct penstock_scheduler *scheduler, struct penstock_node *node,
			struct penstock_vidmm_process *process)
{
	const struct penstock_preemption *preemption;

	if (penstock_node_first_of(node, process) == NULL) {
		return true;
	}
	preemption = penstock_node_preemption_of(node, process);
	if (preemption == NULL) {
		penstock_node_preempt(scheduler, node, process);
		return false;
	}
	if (penstock_scheduler_now_ns(scheduler) - preemption->asked_ns < DEPENDENT_NS) {
		return false;
	}
	/* It may have answered, and the notification was lost. */
	scheduler->config.backend->ops->query_current_fence(penstock_vidmm_process_backend(process),
							    node->ordinal);
	return true;
}

static bool others_have_stopped(struct penstock_scheduler *scheduler,
				const struct penstock_reset *reset)
{
	bool stopped = true;

	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (reset->causes[i].describe == NULL &&
		    !has_stopped(scheduler, &scheduler->nodes[i], reset->process)) {
			stopped = false;
		}
	}
	return stopped;
}

void penstock_scheduler_settle_resets(struct penstock_scheduler *scheduler)
{
	uint32_t i = 0;

	if (scheduler->settling) {
		return; /* who does so looks at all of them again */
	}
	scheduler->settling = true;
	while (penstock_scheduler_runs(scheduler) && i < scheduler->reset_count) {
		struct penstock_reset *reset = &scheduler->resets[i];
		struct penstock_vidmm_process *process = reset->process;

		/* Whoever is asked may say something that changes which of them stands here. */
		if (reset->state == PENSTOCK_ENGINE_STOPPING &&
		    others_have_stopped(scheduler, reset) && i < scheduler->reset_count &&
		    reset->process == process && reset->state == PENSTOCK_ENGINE_STOPPING) {
			reset_now(scheduler, process, false, 0);
			i = 0; /* it calls back */
		} else {
			i++;
		}
	}
	scheduler->settling = false;
}

void penstock_scheduler_forgive(struct penstock_scheduler *scheduler,
				const struct penstock_node *node,
				struct penstock_vidmm_process *process)
{
	struct penstock_reset *reset = penstock_scheduler_reset_of(scheduler, process);

	if (reset == NULL) {
		return;
	}
	reset->causes[node->ordinal].describe = NULL;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (reset->causes[i].describe != NULL) {
			return;
		}
	}
	penstock_vidmm_process_hold(process);
	(void)penstock_scheduler_engine_move(scheduler, process, PENSTOCK_ENGINE_RUNNING);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_node *other = &scheduler->nodes[i];

		if (!penstock_node_preempting(other, process)) {
			penstock_node_page_again(scheduler, other, process);
		}
		penstock_node_look_again(other, &other->parked);
	}
	penstock_vidmm_process_release(process);
}

bool penstock_node_has_faulted(struct penstock_scheduler *scheduler,
			       const struct penstock_node *node,
			       const struct penstock_vidmm_process *process)
{
	const struct penstock_reset *reset = penstock_scheduler_reset_of(scheduler, process);

	return reset != NULL && reset->causes[node->ordinal].describe == penstock_describe_fault;
}

/* ---------------------------------------------------------------- what it is done for */

void penstock_scheduler_fault(struct penstock_scheduler *scheduler, struct penstock_node *node,
			      struct penstock_vidmm_process *process,
			      const struct penstock_interrupt *interrupt)
{
	struct penstock_paging_packet *packet;
	struct penstock_reset *reset;

	if (penstock_node_has_faulted(scheduler, node, process)) {
		return; /* it stands: once is enough */
	}
	packet = penstock_node_paging_of(node, process);
	if (packet != NULL && packet->submission_fence_id == interrupt->fence_id) {
		if (penstock_vidmm_process_is_system(process)) {
			penstock_scheduler_fail(scheduler,
						"0x119/5: the system process faulted a paging "
						"packet, fence 0x%" PRIx32 ", offset 0x%" PRIx32,
						interrupt->fence_id, interrupt->fault_dma_offset);
			return;
		}
		/* Our own instructions: what this process says of them is not worth more. */
		packet->attempts++;
	}
	/* Those before it are done. */
	penstock_node_complete(scheduler, node, process, interrupt->fence_id - 1);
	reset = stop(scheduler, process);
	if (reset == NULL) {
		return;
	}
	reset->causes[node->ordinal] = (struct penstock_cause){
		.describe = penstock_describe_fault,
		.interrupt = *interrupt,
	};
	penstock_scheduler_settle_resets(scheduler);
}

void penstock_scheduler_hung(struct penstock_scheduler *scheduler, const struct penstock_node *node,
			     struct penstock_vidmm_process *process, uint64_t waited_ns)
{
	struct penstock_reset *reset = stop(scheduler, process);

	if (reset == NULL || reset->causes[node->ordinal].describe == penstock_describe_fault) {
		return;
	}
	reset->causes[node->ordinal] = (struct penstock_cause){
		.describe = penstock_describe_hang,
		.interrupt.type = PENSTOCK_INTERRUPT_DMA_PREEMPTED,
		.waited_ns = waited_ns,
	};
}

void penstock_scheduler_process_died(struct penstock_scheduler *scheduler,
				     struct penstock_vidmm_process *process, int wait_status)
{
	bool outermost = penstock_scheduler_enter(scheduler);

	penstock_scheduler_deliver_now(scheduler);
	if (penstock_scheduler_runs(scheduler) && stop(scheduler, process) != NULL) {
		reset_now(scheduler, process, true, wait_status);
	}
	penstock_scheduler_leave(scheduler, outermost);
}
