/* SPDX-License-Identifier: MIT */
/*
 * Engine reset: a GPU process met something in a submission that it cannot go on with, or ended.
 * The submission's device is lost; its process is started anew, and what the others had on the
 * hardware goes back to the front of their queues: paging packets first and with the fence ids
 * that they have, submissions with new ones. No other process is touched.
 */
#include "daemon/schedule/internal.h"

#include "gpu-backend/dma.h"
#include "proto/isa/disassembler.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct culprit {
	struct penstock_submission *submission; /* off the hardware; NULL: none on this node */
	struct penstock_interrupt interrupt;
	char text[320];
};

/* The instruction at the offset, without its newline; "" where the offset is none. */
static void instruction_text(const struct penstock_submission *submission, uint32_t offset,
			     char *ret_text, size_t text_bytes)
{
	struct penstock_text text;
	const struct penstock_disassembler disassembler = {
		.isa = &penstock_dma_isa,
		.write = penstock_text_write,
		.owner = &text,
	};

	penstock_text_init(&text, ret_text, text_bytes);
	if (offset < submission->args.dma_length) {
		penstock_disassemble_one(&disassembler, submission->args.dma_buffer,
					 submission->args.dma_length, offset);
	}
	ret_text[strcspn(ret_text, "\n")] = '\0';
}

static void describe_fault(struct culprit *culprit)
{
	const struct penstock_interrupt *interrupt = &culprit->interrupt;
	char instruction[160];

	instruction_text(culprit->submission, interrupt->fault_dma_offset, instruction,
			 sizeof(instruction));
	if (interrupt->type == PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED) {
		snprintf(culprit->text, sizeof(culprit->text),
			 "page fault: %s of address 0x%" PRIx64 ", node %" PRIu32
			 ", DMA offset 0x%" PRIx32 ": %s",
			 interrupt->fault_write ? "write" : "read", interrupt->fault_address,
			 interrupt->node_ordinal, interrupt->fault_dma_offset, instruction);
	} else {
		snprintf(culprit->text, sizeof(culprit->text),
			 "illegal DMA instruction, node %" PRIu32 ", DMA offset 0x%" PRIx32 ": %s",
			 interrupt->node_ordinal, interrupt->fault_dma_offset, instruction);
	}
}

/* Where it was is what the GPU said before it died: in its buffer, or not worth a word. */
static void describe_place(struct culprit *culprit, uint32_t dma_offset)
{
	size_t used = strlen(culprit->text);
	char instruction[160];

	if (dma_offset >= culprit->submission->args.dma_length) {
		return;
	}
	instruction_text(culprit->submission, dma_offset, instruction, sizeof(instruction));
	if (instruction[0] == '\0') {
		return;
	}
	culprit->interrupt.fault_dma_offset = dma_offset;
	snprintf(culprit->text + used, sizeof(culprit->text) - used,
		 ", DMA offset 0x%" PRIx32 ": %s", dma_offset, instruction);
}

/* Why a process is stopped that did not say itself what is wrong. */
struct cause {
	void (*describe)(struct culprit *culprit, const struct cause *cause);
	enum penstock_interrupt_type type; /* PREEMPTED: what never came */
	uint32_t nodes;                    /* bit n: node n may have the culprit */
	int wait_status;                   /* of a death */
	uint64_t waited_ns;                /* of a hang */
};

static void describe_death(struct culprit *culprit, const struct cause *cause)
{
	int status = cause->wait_status;
	const char *how = WIFSIGNALED(status) ? "was killed by signal" : "exited with";
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);

	snprintf(culprit->text, sizeof(culprit->text),
		 "the GPU process %s %d while node %" PRIu32 " ran this submission", how, number,
		 culprit->interrupt.node_ordinal);
}

static void describe_hang(struct culprit *culprit, const struct cause *cause)
{
	snprintf(culprit->text, sizeof(culprit->text),
		 "hang: node %" PRIu32 " left a preemption unanswered for %" PRIu64 " ms",
		 culprit->interrupt.node_ordinal, cause->waited_ns / 1000000u);
}

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

/* In front of the others; a head that memory works for is a head no more, and asks again later. */
static void put_in_front(struct penstock_node *node, struct penstock_submission *submission)
{
	struct penstock_queue *queue = submission->queue;
	struct penstock_list *head = penstock_list_first(&queue->waiting);

	if (head != NULL && penstock_submission_of(head)->state == PENSTOCK_SUBMISSION_PREPARING) {
		penstock_submission_of(head)->state = PENSTOCK_SUBMISSION_QUEUED;
		node->preparing--;
	}
	submission->state = PENSTOCK_SUBMISSION_QUEUED;
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

			penstock_node_remove(node, submission, ran, ran ? gpu_ns : 0);
			put_in_front(node, submission);
		}
	}
}

void penstock_node_page_again(struct penstock_scheduler *scheduler, struct penstock_node *node,
			      struct penstock_vidmm_process *process)
{
	struct penstock_paging_packet *packet = penstock_node_paging_of(node, process);

	if (packet == NULL) {
		return;
	}
	if (packet->attempts < PENSTOCK_PAGING_ATTEMPTS) {
		penstock_scheduler_submit_paging(scheduler, packet);
	} else if (penstock_vidmm_process_is_system(process)) {
		penstock_scheduler_fail(scheduler,
					"0x119/5: the system process ends whenever it pages");
	} else {
		/* Only its principal's: the others go on. */
		penstock_vidmm_process_lost(process);
	}
}

/* DxgkDdiResetEngine: when it returns nothing runs, and what had completed was reported. */
static void stop_process(struct penstock_scheduler *scheduler,
			 struct penstock_vidmm_process *process)
{
	scheduler->resetting = process;
	penstock_scheduler_forget(scheduler, process);
	scheduler->config.backend->ops->reset_engine(penstock_vidmm_process_backend(process));
	scheduler->resetting = NULL;
}

/* After stop_process: what it had on the hardware runs again. */
static void begin_again(struct penstock_scheduler *scheduler,
			struct penstock_vidmm_process *process)
{
	penstock_vidmm_process_was_reset(process);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_node *node = &scheduler->nodes[i];

		penstock_node_put_back(node, process, 0);
		penstock_node_page_again(scheduler, node, process);
	}
}

/* What it took until it was stopped is its process's. */
static void remove_culprit(const struct penstock_scheduler *scheduler, struct penstock_node *node,
			   const struct culprit *culprit)
{
	uint64_t gpu_ns = penstock_node_elapsed_ns(scheduler, node, culprit->submission->queue);

	penstock_node_remove(node, culprit->submission, true, gpu_ns);
}

/* Its device is lost, and then it is over. */
static void convict(struct penstock_scheduler *scheduler, struct culprit *culprit)
{
	struct penstock_submission *submission = culprit->submission;

	submission->state = PENSTOCK_SUBMISSION_RETIRED;
	submission->queue->depth--;
	scheduler->config.device_fault(scheduler->config.owner, submission, &culprit->interrupt,
				       culprit->text);
	submission->completed(submission, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
}

void penstock_scheduler_fault(struct penstock_scheduler *scheduler, struct penstock_node *node,
			      struct penstock_vidmm_process *process,
			      const struct penstock_interrupt *interrupt)
{
	struct culprit culprit = { .interrupt = *interrupt };
	struct penstock_paging_packet *packet;

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
	node->resets++;
	stop_process(scheduler, process);
	culprit.submission = find(node, process, interrupt->fence_id);
	if (culprit.submission != NULL) {
		remove_culprit(scheduler, node, &culprit);
		describe_fault(&culprit);
	}
	begin_again(scheduler, process);
	if (culprit.submission != NULL) {
		convict(scheduler, &culprit);
	}
}

/* What a process had on a node when it died. */
struct last_seen {
	struct penstock_submission *submission; /* the oldest, unless paging is older */
	struct penstock_paging_packet *packet;  /* the oldest */
	bool begun;                             /* as far as the GPU said */
};

static struct last_seen last_seen(const struct penstock_node *node,
				  const struct penstock_vidmm_process *process, uint32_t running)
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
	seen.begun = (seen.packet != NULL || seen.submission != NULL) && running != 0 &&
		     running == fence_id;
	return seen;
}

/*
 * A process that died executed the oldest packet of a node that had begun it, and one of those is
 * the cause; where none is known to have begun, any of them may be. On a node that hangs it is the
 * oldest.
 */
static void find_culprits(struct penstock_scheduler *scheduler,
			  struct penstock_vidmm_process *process, const struct cause *cause,
			  const uint32_t running[PENSTOCK_NODE_COUNT],
			  struct culprit culprits[PENSTOCK_NODE_COUNT])
{
	struct last_seen seen[PENSTOCK_NODE_COUNT] = { 0 };
	bool known = false;

	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if ((cause->nodes & 1u << i) != 0) {
			seen[i] = last_seen(&scheduler->nodes[i], process, running[i]);
			known |= seen[i].begun;
		}
	}
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		culprits[i] = (struct culprit){ .submission = NULL };
		if (known && !seen[i].begun) {
			continue;
		}
		if (seen[i].packet != NULL) {
			seen[i].packet->attempts++;
		}
		culprits[i].submission = seen[i].submission;
	}
}

/* Stops it, finds out who it was, starts it again with the others, and tells. */
static void stop_and_convict(struct penstock_scheduler *scheduler,
			     struct penstock_vidmm_process *process, const struct cause *cause)
{
	const struct penstock_backend_ops *ops = scheduler->config.backend->ops;
	struct culprit culprits[PENSTOCK_NODE_COUNT];
	uint32_t running[PENSTOCK_NODE_COUNT] = { 0 };
	uint32_t offsets[PENSTOCK_NODE_COUNT] = { 0 };

	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT && ops->running_fence != NULL; i++) {
		running[i] =
			ops->running_fence(penstock_vidmm_process_backend(process), i, &offsets[i]);
	}
	stop_process(scheduler, process);
	find_culprits(scheduler, process, cause, running, culprits);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct culprit *culprit = &culprits[i];

		if (culprit->submission == NULL) {
			continue;
		}
		culprit->interrupt = (struct penstock_interrupt){
			.type = cause->type,
			.node_ordinal = i,
			.fence_id = culprit->submission->submission_fence_id,
			.fault_dma_offset = PENSTOCK_DMA_OFFSET_UNKNOWN,
		};
		cause->describe(culprit, cause);
		if (running[i] != 0 && running[i] == culprit->interrupt.fence_id) {
			describe_place(culprit, offsets[i]);
		}
		remove_culprit(scheduler, &scheduler->nodes[i], culprit);
		scheduler->nodes[i].resets++;
	}
	begin_again(scheduler, process);
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (culprits[i].submission != NULL) {
			convict(scheduler, &culprits[i]);
		}
	}
}

void penstock_scheduler_process_died(struct penstock_scheduler *scheduler,
				     struct penstock_vidmm_process *process, int wait_status)
{
	const struct cause cause = {
		.describe = describe_death,
		.type = PENSTOCK_INTERRUPT_DMA_FAULTED,
		.nodes = UINT32_MAX,
		.wait_status = wait_status,
	};
	bool outermost = penstock_scheduler_enter(scheduler);

	penstock_scheduler_deliver_now(scheduler);
	if (!scheduler->stopped) {
		stop_and_convict(scheduler, process, &cause);
	}
	penstock_scheduler_leave(scheduler, outermost);
}

void penstock_scheduler_hung(struct penstock_scheduler *scheduler, const struct penstock_node *node,
			     struct penstock_vidmm_process *process, uint64_t waited_ns)
{
	const struct cause cause = {
		.describe = describe_hang,
		.type = PENSTOCK_INTERRUPT_DMA_PREEMPTED,
		.nodes = 1u << node->ordinal,
		.waited_ns = waited_ns,
	};

	stop_and_convict(scheduler, process, &cause);
}
