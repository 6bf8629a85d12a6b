/* SPDX-License-Identifier: MIT */
/*
 * A GPU process that writes anything into every word that it can reach, at any moment. The
 * scheduler and the host's side of the emulated GPU are the product's; only the process is a piece
 * of memory, and memory has nothing but processes (words_fake.h). The input is steps:
 *
 *	0 CONTEXT      a submission            6 WHO STATUS    the process ends
 *	1 WHO          a paging packet         7               time passes: who is overdue is asked
 *	2 WHO NODE AT LENGTH BYTES...  words   8 WHO NODE      it is asked to preempt
 *	3 WHO NODE N   N packets retire        9 CONTEXT       what is queued is cancelled
 *	4 WHO NODE     an interrupt           10 WHO HOW       how memory answers from here on
 *	5              a turn of the loop     11 WHO NODE      the first packet is said to fault
 *	12 WHO NODE AT POSITION  a request to preempt is answered: the first packet stopped there
 *
 * Whatever is written: each submission ends once; one that succeeded had been on a ring; nothing
 * succeeds once the adapter has failed; it has not failed where nobody lied, whatever hangs or
 * ends; what was heard to have stopped goes on there; and the end is orderly. Where it is to be
 * reset it is, on the next turn.
 */
#include "daemon/schedule/internal.h"
#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/host/emulated.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/words_fake.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXTS    6u
#define SUBMISSIONS 128u

/* The words of a node that the GPU may write: behind the host's line, before the packets. */
#define WORDS_FIRST offsetof(struct penstock_ring_node, gpu_sleeps)
#define WORDS_BYTES (offsetof(struct penstock_ring_node, packets) - WORDS_FIRST)

struct job {
	struct penstock_submission submission;
	uint8_t dma[64];
	bool was_out;
	bool done;
	bool stopped; /* and that was heard: goes on as follows */
	uint32_t offset;
	uint64_t position;
};

static uv_loop_t loop;
static struct penstock_backend *backend;
static struct penstock_scheduler *scheduler;
static struct penstock_queue queues[CONTEXTS];
static struct penstock_scheduler_process sharing[CONTEXTS];
static struct job jobs[SUBMISSIONS];
static unsigned job_count;
static bool failed, lied, deliver_asked, bells_asked, watch_asked, reset_asked, stopped;
static uint64_t time_ns;

/* ---------------------------------------------------------------- callbacks */

static void completed(struct penstock_submission *submission, enum penstock_status status)
{
	struct job *job = penstock_container_of(submission, struct job, submission);

	PENSTOCK_REQUIRE(!job->done);
	PENSTOCK_REQUIRE(status != PENSTOCK_STATUS_SUCCESS || (job->was_out && !failed));
	job->done = true;
}

static void submitted(void *owner, struct penstock_submission *submission)
{
	struct job *job = penstock_container_of(submission, struct job, submission);

	(void)owner;
	PENSTOCK_REQUIRE(!failed);
	PENSTOCK_REQUIRE(!job->stopped || (submission->resume_offset == job->offset &&
					   submission->resume_position == job->position));
	job->stopped = false;
	job->was_out = true;
}

static void on_fail(void *owner, const char *reason)
{
	(void)owner;
	PENSTOCK_REQUIRE(lied && strncmp(reason, "0x119/", 6) == 0);
	failed = true;
}

/* Its device is lost: what it has queued ends. */
static void device_fault(void *owner, struct penstock_submission *submission,
			 const struct penstock_interrupt *interrupt, const char *text)
{
	(void)owner;
	PENSTOCK_REQUIRE(interrupt->node_ordinal < PENSTOCK_NODE_COUNT && strlen(text) < 320);
	PENSTOCK_REQUIRE(interrupt->fault_dma_offset == PENSTOCK_DMA_OFFSET_UNKNOWN ||
			 interrupt->fault_dma_offset <= sizeof(((struct job *)0)->dma));
	penstock_scheduler_cancel(submission->queue, PENSTOCK_STATUS_DEVICE_REMOVED);
}

static void reset_adapter(void *owner, const char *reason)
{
	(void)owner;
	PENSTOCK_REQUIRE(!failed && !reset_asked && strlen(reason) < 160);
	reset_asked = true;
}

static uint64_t now_ns(void *owner)
{
	(void)owner;
	return time_ns;
}

static void out_of_memory(void *owner, struct penstock_submission *submission, uint32_t dma_offset,
			  const char *text)
{
	(void)owner;
	PENSTOCK_REQUIRE(dma_offset < sizeof(((struct job *)0)->dma) && text[0] != '\0');
	penstock_scheduler_cancel(submission->queue, PENSTOCK_STATUS_DEVICE_REMOVED);
}

static void defer(void *owner)
{
	(void)owner;
	deliver_asked = true;
}

static void bells(void *owner)
{
	(void)owner;
	bells_asked = true;
}

static void watch(void *owner)
{
	(void)owner;
	watch_asked = true;
}

static void notify_interrupt(void *owner, void *process_owner,
			     const struct penstock_interrupt *interrupt)
{
	(void)owner;
	if (!failed) {
		penstock_scheduler_notify_interrupt(scheduler, process_owner, interrupt);
	}
}

static void process_died(void *owner, void *process_owner, int wait_status)
{
	(void)owner;
	if (!failed) {
		penstock_scheduler_process_died(scheduler, process_owner, wait_status);
	}
}

static void on_stopped(void *argument)
{
	(void)argument;
	stopped = true;
}

/* ---------------------------------------------------------------- begin and end */

static void begin(void)
{
	const struct penstock_backend_config config = {
		.loop = &loop,
		.gpu_program = "/bin/true",
		.memory_lock = -1,
		.callbacks = { NULL, notify_interrupt, process_died, on_fail },
	};
	const struct penstock_scheduler_config schedule = {
		.hw_queue_packet_cap = 4,
		.first_fence_id = 0xfffffff8u,
		.device_fault = device_fault,
		.out_of_memory = out_of_memory,
		.failed = on_fail,
		.reset_adapter = reset_adapter,
		.now_ns = now_ns,
		.tdr_delay_ns = (uint64_t)PENSTOCK_TDR_DELAY_MS * 1000000u,
		.submitted = submitted,
		.defer = defer,
		.bells = bells,
		.watch = watch,
	};
	struct penstock_scheduler_config whole = schedule;
	struct penstock_errbuf text;

	failed = lied = deliver_asked = bells_asked = watch_asked = reset_asked = stopped = false;
	time_ns = 0;
	job_count = 0;
	/* Empty at the end of each input, and kept. */
	PENSTOCK_REQUIRE(loop.data != NULL || uv_loop_init(&loop) == 0);
	loop.data = &loop;
	PENSTOCK_REQUIRE(penstock_emulated_start(&config, &backend, &text) ==
			 PENSTOCK_STATUS_SUCCESS);
	whole.backend = backend;
	PENSTOCK_REQUIRE(penstock_scheduler_new(&whole, &scheduler) == PENSTOCK_STATUS_SUCCESS);
	for (unsigned i = 0; i < FAKE_PROCESSES; i++) {
		struct penstock_vidmm_process *process = &fake_processes[i];

		memset(process, 0, sizeof(*process));
		process->system = i == 0;
		process->packet.process = process;
		penstock_list_init(&process->packet.link);
		penstock_list_init(&process->packet.operations);
		PENSTOCK_REQUIRE(
			backend->ops->create_process(backend, i == 0, process, &process->backend) ==
			PENSTOCK_STATUS_SUCCESS);
	}
	for (unsigned i = 0; i < CONTEXTS; i++) {
		penstock_scheduler_process_init(&sharing[i], PENSTOCK_WEIGHT_NORMAL);
		penstock_queue_init(&queues[i], scheduler, &sharing[i], i % PENSTOCK_NODE_COUNT, 0,
				    NULL);
	}
}

static void deliver(void)
{
	if (deliver_asked) {
		deliver_asked = false;
		penstock_scheduler_deliver(scheduler);
	}
}

/* Every device is lost. */
static void restart(void)
{
	reset_asked = false;
	for (unsigned i = 0; i < CONTEXTS; i++) {
		penstock_scheduler_cancel(&queues[i], PENSTOCK_STATUS_DEVICE_REMOVED);
	}
	PENSTOCK_REQUIRE(penstock_scheduler_reset_adapter(scheduler));
	for (unsigned i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		PENSTOCK_REQUIRE(scheduler->nodes[i].on_hardware == 0);
		PENSTOCK_REQUIRE(scheduler->nodes[i].preemption_count == 0);
	}
}

static void turn(void)
{
	if (reset_asked && !failed) {
		restart();
	}
	if (bells_asked) {
		bells_asked = false;
		penstock_scheduler_ring_doorbells(scheduler);
	}
	deliver();
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	fake_children_close();
}

static void end(void)
{
	for (unsigned i = 0; i < CONTEXTS; i++) {
		penstock_scheduler_cancel(&queues[i], PENSTOCK_STATUS_CANCELLED);
	}
	penstock_scheduler_stopped(scheduler, PENSTOCK_STATUS_CANCELLED);
	backend->ops->stop(backend, on_stopped, NULL);
	while (!stopped) {
		fake_children_close();
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	}
	deliver();
	deliver();
	for (unsigned i = 0; i < job_count; i++) {
		PENSTOCK_REQUIRE(jobs[i].done);
	}
	for (unsigned i = 0; i < FAKE_PROCESSES; i++) {
		PENSTOCK_REQUIRE(fake_processes[i].prepared == 0);
	}
	penstock_scheduler_free(scheduler);
	PENSTOCK_REQUIRE(!uv_loop_alive(&loop));
}

/* ---------------------------------------------------------------- steps */

static struct penstock_vidmm_process *take_process(struct penstock_fuzz_input *input)
{
	return &fake_processes[penstock_fuzz_choose(input, FAKE_PROCESSES)];
}

/* The memory that a process and the daemon share; NULL: it has none now. */
static struct penstock_child *child_of(const struct penstock_vidmm_process *process)
{
	return fake_child_of(process->backend);
}

static void submit(struct penstock_fuzz_input *input)
{
	uint32_t context = penstock_fuzz_choose(input, CONTEXTS);
	struct job *job = &jobs[job_count];

	if (job_count == SUBMISSIONS) {
		return;
	}
	job_count++;
	memset(job, 0, sizeof(*job));
	for (uint32_t at = 0; at < sizeof(job->dma); at += PENSTOCK_DMA_BYTES_MARKER) {
		penstock_store32(job->dma + at,
				 penstock_instruction_header(PENSTOCK_DMA_OPCODE_MARKER,
							     PENSTOCK_DMA_BYTES_MARKER));
	}
	job->submission.process = &fake_processes[1 + context % (FAKE_PROCESSES - 1)];
	job->submission.args.dma_buffer = job->dma;
	job->submission.args.dma_length = sizeof(job->dma);
	job->submission.completed = completed;
	penstock_list_init(&job->submission.queue_link);
	penstock_list_init(&job->submission.context_link);
	penstock_scheduler_enqueue(&queues[context], &job->submission);
}

static void page(struct penstock_fuzz_input *input)
{
	struct penstock_vidmm_process *process = take_process(input);

	if (process->paging || process->lost || failed || reset_asked) {
		return;
	}
	process->paging = true;
	process->packet.attempts = 0;
	process->packet.length = 64;
	process->packet.node_ordinal = PENSTOCK_NODE_COPY_ORDINAL;
	fake_paging_port.submit(fake_paging_port.owner, &process->packet);
}

static void write_words(struct penstock_fuzz_input *input)
{
	struct penstock_child *child = child_of(take_process(input));
	uint32_t node = penstock_fuzz_choose(input, PENSTOCK_NODE_COUNT);
	uint32_t at = penstock_fuzz_choose(input, 256) * 8 % WORDS_BYTES;
	size_t length = penstock_fuzz_choose(input, 65);

	length = length < input->left ? length : input->left;
	length = length < WORDS_BYTES - at ? length : WORDS_BYTES - at;
	if (child != NULL && length > 0) {
		lied = true;
		memcpy((uint8_t *)&child->ring->nodes[node] + WORDS_FIRST + at, input->at, length);
	}
	input->at += length;
	input->left -= length;
}

/* What a GPU does that tells the truth: never more than there is. */
static void retire(struct penstock_fuzz_input *input)
{
	struct penstock_child *child = child_of(take_process(input));
	uint32_t ordinal = penstock_fuzz_choose(input, PENSTOCK_NODE_COUNT);
	uint32_t count = penstock_fuzz_choose(input, 5);
	struct penstock_ring_node *node;
	uint32_t *retired;

	if (child == NULL) {
		return;
	}
	node = &child->ring->nodes[ordinal];
	retired = fake_retired(child, ordinal);
	if (count == 0 || node->producer - *retired < count || node->fault.type != 0) {
		return;
	}
	*retired += count;
	node->running_fence_id =
		node->packets[penstock_ring_slot(*retired - 1)].submission_fence_id;
	node->fence = penstock_ring_fence(*retired, node->running_fence_id);
}

/* A submission's packet, whichever of its parts. */
static struct job *job_of(const struct penstock_ring_packet *packet, uint32_t ordinal)
{
	for (unsigned i = 0; i < job_count; i++) {
		const struct penstock_submission *submission = &jobs[i].submission;

		if (submission->state == PENSTOCK_SUBMISSION_ON_HARDWARE &&
		    submission->queue->node_ordinal == ordinal &&
		    submission->submission_fence_id == packet->submission_fence_id) {
			return &jobs[i];
		}
	}
	return NULL;
}

/* The first packet stopped before one of its instructions, or somewhere in it. */
static void stop_first(struct penstock_fuzz_input *input, struct penstock_ring_node *node,
		       const struct penstock_ring_packet *packet)
{
	uint32_t start = packet->submission_start_offset;
	uint32_t instructions = (packet->submission_end_offset - start) / PENSTOCK_DMA_BYTES_MARKER;
	/* Who lied that it stopped at its end begins there. */
	uint32_t at = instructions == 0 ? 0 : penstock_fuzz_choose(input, instructions);
	uint64_t position = penstock_fuzz_choose(input, 256);

	node->preempted.resume_offset = start + at * PENSTOCK_DMA_BYTES_MARKER;
	/* It does not lose what it was given. */
	node->preempted.resume_position = at == 0 ? packet->resume_position + position : position;
	if (at > 0 || position > 0) {
		node->running_fence_id = packet->submission_fence_id;
	}
}

/* What a GPU answers that tells the truth; told in the same step, or found later. */
static void answer(struct penstock_fuzz_input *input)
{
	struct penstock_child *child = child_of(take_process(input));
	uint32_t ordinal = penstock_fuzz_choose(input, PENSTOCK_NODE_COUNT);
	bool tell = penstock_fuzz_choose(input, 2) == 0;
	const struct penstock_ring_packet *packet;
	struct penstock_ring_node *node;
	uint32_t *retired, request, producer;
	struct job *job = NULL;

	if (child == NULL) {
		return;
	}
	node = &child->ring->nodes[ordinal];
	request = (uint32_t)node->preempt_request;
	producer = (uint32_t)(node->preempt_request >> 32);
	retired = fake_retired(child, ordinal);
	if (request == 0 || node->preempted.request == request || node->fault.type != 0) {
		return;
	}
	node->preempted.completed = *retired;
	node->preempted.resume_offset = 0;
	node->preempted.resume_position = 0;
	packet = &node->packets[penstock_ring_slot(*retired)];
	if (*retired != producer && (packet->flags & PENSTOCK_SUBMITCOMMAND_PAGING) == 0) {
		stop_first(input, node, packet);
		job = job_of(packet, ordinal);
	}
	*retired = producer;
	node->preempted.request = request;
	if (!tell) {
		return;
	}
	if (job != NULL && !lied && !failed && !reset_asked) {
		job->stopped = true;
		job->offset = node->preempted.resume_offset;
		job->position = node->preempted.resume_position;
	}
	child->config.interrupt(child, ordinal);
}

/* A fault of the packet that is first, as a GPU reports it. */
static void fault(struct penstock_fuzz_input *input)
{
	struct penstock_child *child = child_of(take_process(input));
	uint32_t ordinal = penstock_fuzz_choose(input, PENSTOCK_NODE_COUNT);
	struct penstock_ring_node *node;
	const struct penstock_ring_packet *packet;
	uint32_t retired;

	if (child == NULL) {
		return;
	}
	node = &child->ring->nodes[ordinal];
	retired = *fake_retired(child, ordinal);
	if (node->producer == retired || node->fault.type != 0) {
		return;
	}
	packet = &node->packets[penstock_ring_slot(retired)];
	node->fault.fence_id = packet->submission_fence_id;
	node->fault.dma_offset =
		packet->submission_start_offset +
		penstock_fuzz_choose(input, 1 + packet->submission_end_offset -
						    packet->submission_start_offset);
	node->fault.type = PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED;
	/* The system process does not fault where it tells the truth. */
	lied = lied || child->process == fake_processes[0].backend;
}

static void interrupt(struct penstock_fuzz_input *input)
{
	struct penstock_child *child = child_of(take_process(input));
	uint32_t node = penstock_fuzz_choose(input, PENSTOCK_NODE_COUNT);

	if (child != NULL) {
		child->config.interrupt(child, node);
	}
}

static void run_turn(struct penstock_fuzz_input *input)
{
	(void)input;
	turn();
}

static void die(struct penstock_fuzz_input *input)
{
	struct penstock_vidmm_process *process = take_process(input);
	struct penstock_child *child = child_of(process);

	if (child != NULL) {
		fake_child_die(child, (int)penstock_fuzz_choose(input, 256));
	}
}

static void ask(struct penstock_fuzz_input *input)
{
	(void)input;
	time_ns += (uint64_t)PENSTOCK_FENCE_PATIENCE_MS * 1000000u;
	if (watch_asked && !failed) {
		watch_asked = false;
		penstock_scheduler_watch(scheduler);
	}
}

static void preempt(struct penstock_fuzz_input *input)
{
	struct penstock_vidmm_process *process = take_process(input);
	struct penstock_node *node =
		&scheduler->nodes[penstock_fuzz_choose(input, PENSTOCK_NODE_COUNT)];

	if (!failed && !reset_asked && !penstock_node_preempting(node, process)) {
		penstock_node_preempt(scheduler, node, process);
	}
}

static void cancel(struct penstock_fuzz_input *input)
{
	penstock_scheduler_cancel(&queues[penstock_fuzz_choose(input, CONTEXTS)],
				  PENSTOCK_STATUS_DEVICE_REMOVED);
}

static void choose_preparing(struct penstock_fuzz_input *input)
{
	static const enum penstock_status answers[] = {
		PENSTOCK_STATUS_SUCCESS,
		PENSTOCK_STATUS_PENDING,
		PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY,
	};
	struct penstock_vidmm_process *process = take_process(input);
	uint32_t how = penstock_fuzz_choose(input, 2 * PENSTOCK_ARRAY_SIZE(answers));

	process->preparing = answers[how % PENSTOCK_ARRAY_SIZE(answers)];
	process->splits = how >= PENSTOCK_ARRAY_SIZE(answers);
	if (!failed) {
		penstock_scheduler_kick(scheduler);
	}
}

static void (*const steps[])(struct penstock_fuzz_input *input) = {
	submit, page,    write_words, retire,           interrupt, run_turn, die,
	ask,    preempt, cancel,      choose_preparing, fault,     answer,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct penstock_fuzz_input input = { data, size };

	begin();
	while (input.left > 0) {
		steps[penstock_fuzz_choose(&input, PENSTOCK_ARRAY_SIZE(steps))](&input);
		/* A failure is told on a later turn, and the owner halts: nothing more is asked. */
		if (failed) {
			break;
		}
	}
	end();
	return 0;
}
