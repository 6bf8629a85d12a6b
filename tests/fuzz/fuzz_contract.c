/* SPDX-License-Identifier: MIT */
/*
 * The contract of gpu-backend/backend.h, held by the backends that have no GPU: any calls of the
 * table in any order, from callbacks too. The input:
 *
 *	byte 0   bit 0: faulty, else null; bit 1: faulty without a loop
 *	byte 1   how many packets meet a fault, 0-7; then 3 bytes each: packet, kind, argument
 *	then     steps:
 *
 *	0 WHO            create          4 WHO NODE        query      8 WHO WHAT   in its next
 *	1 WHO            destroy         5 WHO NODE FENCE  preempt                 callback
 *	2 WHO NODE FLAGS submit          6 WHO             reset      9 WHO BYTES  what it says
 *	3 WHO            ring            7                 a turn    10 WHO ROLE   files
 *
 * Callbacks come from the loop, or from inside of the two calls that say so. Each fence is reported
 * in order, of what is out, on its node; a preemption is answered once; a reset empties the rings;
 * nobody hears of a process that was destroyed. Where the script tells a lie, fences may be any.
 */
#include "gpu-backend/faulty/faulty.h"
#include "tests/fuzz/input.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define PROCESSES 4u
#define FAULTS    7u

struct node {
	uint32_t out[PENSTOCK_RING_PACKETS]; /* fences, in order */
	uint32_t count;
	uint32_t put; /* since its ring was empty for sure: where fences lie, `count` is what they
			 say */
	uint32_t completed; /* fence */
	uint32_t preemption_fence;
	bool preempting;
};

enum in_callback { NOTHING, DESTROY, RESET, SUBMIT, IN_CALLBACKS };

struct process {
	struct penstock_backend_process *backend; /* NULL: there is none */
	struct node nodes[PENSTOCK_NODE_COUNT];
	enum in_callback in_callback;
	uint32_t deaths;
	unsigned resets; /* under way */
	bool dead;
	bool halted;
};

static uv_loop_t loop;
static struct penstock_backend *backend;
static struct process processes[PROCESSES];
static struct penstock_fault faults[FAULTS];
static uint32_t fence;
static bool faulty, has_loop, lies, may_call_back, stopped;

/* ---------------------------------------------------------------- what a process is told to do */

static uint32_t number_of(const struct process *process)
{
	return (uint32_t)(process - processes);
}

static void destroy(struct process *process)
{
	struct penstock_backend_process *gone = process->backend;

	if (gone != NULL) {
		*process = (struct process){ .backend = NULL };
		backend->ops->destroy_process(gone);
	}
}

static void submit(struct process *process, uint32_t ordinal, uint32_t flags)
{
	static const uint8_t paging[8];
	struct node *node = &process->nodes[ordinal];
	struct penstock_submit_args args = {
		.node_ordinal = ordinal,
		.flags = flags &
			 (PENSTOCK_SUBMITCOMMAND_PAGING | PENSTOCK_SUBMITCOMMAND_NULL_RENDERING),
	};

	if (process->backend == NULL || node->count == PENSTOCK_RING_PACKETS ||
	    (lies && node->put == PENSTOCK_RING_PACKETS)) {
		return;
	}
	args.submission_fence_id = ++fence;
	if ((args.flags & PENSTOCK_SUBMITCOMMAND_PAGING) != 0) {
		args.paging_buffer = paging;
		args.paging_buffer_bytes = sizeof(paging);
	}
	if (!process->dead && process->resets == 0) {
		node->out[node->count++] = fence;
		node->put++;
	}
	backend->ops->submit_command(process->backend, &args);
}

static void reset(struct process *process)
{
	bool outer = may_call_back;
	enum penstock_status status;

	if (process->backend == NULL) {
		return;
	}
	may_call_back = true;
	process->resets++;
	status = backend->ops->reset_engine(process->backend);
	may_call_back = outer;
	if (process->backend == NULL) {
		return; /* a callback destroyed it */
	}
	process->resets--;
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return; /* it cannot be ended: all is as it was */
	}
	process->dead = process->halted = false;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		process->nodes[i].count = process->nodes[i].put = 0;
		process->nodes[i].preempting = false;
	}
}

/* ---------------------------------------------------------------- callbacks */

/* False: it is gone. */
static struct process *called_back(void *process_owner)
{
	struct process *process = process_owner;

	PENSTOCK_REQUIRE(may_call_back);
	PENSTOCK_REQUIRE(process->backend != NULL);
	return process;
}

static void act_in_callback(struct process *process)
{
	enum in_callback what = process->in_callback;
	bool outer = may_call_back;

	process->in_callback = NOTHING;
	may_call_back = false;
	if (what == DESTROY) {
		destroy(process);
	} else if (what == RESET) {
		reset(process);
	} else if (what == SUBMIT) {
		submit(process, number_of(process) % PENSTOCK_NODE_COUNT, 0);
	}
	may_call_back = outer;
}

static void completed(struct node *node, uint32_t of)
{
	uint32_t count = 0;

	while (count < node->count && node->out[count] != of) {
		count++;
	}
	if (count == node->count) {
		PENSTOCK_REQUIRE(lies || of == node->completed);
		return;
	}
	node->completed = of;
	node->count -= count + 1;
	memmove(node->out, node->out + count + 1, node->count * sizeof(*node->out));
}

static void notify_interrupt(void *owner, void *process_owner,
			     const struct penstock_interrupt *interrupt)
{
	struct process *process = called_back(process_owner);
	struct node *node = &process->nodes[interrupt->node_ordinal];

	(void)owner;
	PENSTOCK_REQUIRE(interrupt->node_ordinal < PENSTOCK_NODE_COUNT);
	switch (interrupt->type) {
	case PENSTOCK_INTERRUPT_DMA_COMPLETED:
		completed(node, interrupt->fence_id);
		break;
	case PENSTOCK_INTERRUPT_DMA_PREEMPTED:
		PENSTOCK_REQUIRE(node->preempting && !process->dead && process->resets == 0);
		PENSTOCK_REQUIRE(interrupt->fence_id == node->preemption_fence);
		node->preempting = false;
		node->count = node->put = 0;
		break;
	case PENSTOCK_INTERRUPT_DMA_FAULTED:
	case PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED:
		PENSTOCK_REQUIRE(faulty && !process->dead && process->resets == 0);
		PENSTOCK_REQUIRE(node->count > 0 || lies);
		process->halted = true;
		break;
	case PENSTOCK_INTERRUPT_NONE:
		abort(); /* nobody interrupts with that */
	}
	act_in_callback(process);
}

static void process_died(void *owner, void *process_owner, int wait_status)
{
	struct process *process = called_back(process_owner);

	(void)owner;
	(void)wait_status;
	PENSTOCK_REQUIRE(faulty && !process->dead);
	process->dead = true;
	/* What completed before and was not told is told by the reset, as ever. */
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		process->nodes[i].preempting = false;
	}
	act_in_callback(process);
}

static void adapter_failed(void *owner, const char *reason)
{
	(void)owner;
	PENSTOCK_REQUIRE(faulty && may_call_back && reason[0] != '\0');
}

static void on_stopped(void *argument)
{
	(void)argument;
	stopped = true;
}

static void execute(void *owner, void *process_owner, const struct penstock_submit_args *args)
{
	const struct process *process = process_owner;

	(void)owner;
	PENSTOCK_REQUIRE(process->backend != NULL && !process->dead);
	PENSTOCK_REQUIRE((args->flags & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING) == 0);
	for (uint32_t i = 0; i < args->paging_buffer_bytes; i++) {
		PENSTOCK_REQUIRE(args->paging_buffer[i] == 0);
	}
}

/* ---------------------------------------------------------------- steps */

static struct process *take_process(struct penstock_fuzz_input *input)
{
	return &processes[penstock_fuzz_choose(input, PROCESSES)];
}

static void step_create(struct penstock_fuzz_input *input)
{
	struct process *process = take_process(input);

	if (process->backend == NULL) {
		PENSTOCK_REQUIRE(backend->ops->create_process(backend, number_of(process) == 0,
							      process, &process->backend) ==
				 PENSTOCK_STATUS_SUCCESS);
	}
}

static void step_destroy(struct penstock_fuzz_input *input)
{
	destroy(take_process(input));
}

static void step_submit(struct penstock_fuzz_input *input)
{
	struct process *process = take_process(input);
	uint32_t ordinal = penstock_fuzz_choose(input, PENSTOCK_NODE_COUNT);

	submit(process, ordinal, penstock_fuzz_choose(input, 256));
}

static void step_ring(struct penstock_fuzz_input *input)
{
	const struct process *process = take_process(input);

	if (process->backend != NULL) {
		backend->ops->ring_doorbell(process->backend);
	}
}

static void step_query(struct penstock_fuzz_input *input)
{
	const struct process *process = take_process(input);
	uint32_t ordinal = penstock_fuzz_choose(input, PENSTOCK_NODE_COUNT);

	if (process->backend != NULL) {
		may_call_back = true;
		backend->ops->query_current_fence(process->backend, ordinal);
		may_call_back = false;
	}
}

static void step_preempt(struct penstock_fuzz_input *input)
{
	struct process *process = take_process(input);
	struct node *node = &process->nodes[penstock_fuzz_choose(input, PENSTOCK_NODE_COUNT)];
	uint32_t preemption_fence = penstock_fuzz_choose(input, 256);

	if (process->backend != NULL && !node->preempting) {
		node->preempting = true;
		node->preemption_fence = preemption_fence;
		backend->ops->preempt_command(process->backend, (uint32_t)(node - process->nodes),
					      preemption_fence);
	}
}

static void step_reset(struct penstock_fuzz_input *input)
{
	reset(take_process(input));
}

static void step_turn(struct penstock_fuzz_input *input)
{
	(void)input;
	may_call_back = true;
	if (has_loop) {
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	} else {
		(void)penstock_faulty_step(backend);
	}
	may_call_back = false;
}

static void step_in_callback(struct penstock_fuzz_input *input)
{
	struct process *process = take_process(input);

	process->in_callback = (enum in_callback)penstock_fuzz_choose(input, IN_CALLBACKS);
}

static void step_say(struct penstock_fuzz_input *input)
{
	const struct process *process = take_process(input);
	size_t bytes = penstock_fuzz_choose(input, 64), length;
	char text[64];

	if (process->backend == NULL) {
		return;
	}
	length = backend->ops->collect_dbg_info(process->backend, text, bytes);
	PENSTOCK_REQUIRE(bytes == 0 ? length == 0 : length < bytes && text[length] == '\0');
	PENSTOCK_REQUIRE(backend->ops->process_id(process->backend) == 0);
}

static void step_files(struct penstock_fuzz_input *input)
{
	static const struct penstock_backend_file file = { .id = 1, .size_bytes = 4096 };
	const struct process *process = take_process(input);
	uint32_t role = penstock_fuzz_choose(input, PENSTOCK_FILE_DUMMY + 1);

	if (process->backend != NULL) {
		PENSTOCK_REQUIRE(backend->ops->attach_file(process->backend, &file,
							   (enum penstock_file_role)role) ==
				 PENSTOCK_STATUS_SUCCESS);
		backend->ops->detach_file(process->backend, file.id);
	}
}

static void (*const steps[])(struct penstock_fuzz_input *input) = {
	step_create, step_destroy, step_submit,      step_ring, step_query, step_preempt,
	step_reset,  step_turn,    step_in_callback, step_say,  step_files,
};

/* ---------------------------------------------------------------- begin and end */

static size_t take_faults(struct penstock_fuzz_input *input)
{
	size_t count = penstock_fuzz_choose(input, FAULTS + 1);

	for (size_t i = 0; i < count; i++) {
		faults[i].packet = penstock_fuzz_choose(input, 256);
		faults[i].kind = (enum penstock_fault_kind)penstock_fuzz_choose(
			input, PENSTOCK_FAULT_ADAPTER + 1);
		faults[i].argument = penstock_fuzz_choose(input, 256);
		lies = lies || faults[i].kind == PENSTOCK_FAULT_INVENTED ||
		       faults[i].kind == PENSTOCK_FAULT_MISPLACED;
	}
	return count;
}

static void begin(struct penstock_fuzz_input *input)
{
	uint32_t bits = penstock_fuzz_choose(input, 256);
	struct penstock_faulty_config script = { .script = faults, .execute = execute };
	struct penstock_backend_config config = {
		.callbacks = { NULL, notify_interrupt, process_died, adapter_failed },
	};
	struct penstock_errbuf text;

	faulty = (bits & 1) != 0;
	has_loop = !faulty || (bits & 2) == 0;
	lies = may_call_back = stopped = false;
	config.loop = has_loop ? &loop : NULL;
	script.script_count = take_faults(input);
	PENSTOCK_REQUIRE(uv_loop_init(&loop) == 0);
	PENSTOCK_REQUIRE((faulty ? penstock_faulty_start(&config, &script, &backend)
				 : penstock_null_start(&config, &backend, &text)) ==
			 PENSTOCK_STATUS_SUCCESS);
}

/* With processes that were not destroyed. */
static void end(void)
{
	memset(processes, 0, sizeof(processes));
	backend->ops->stop(backend, on_stopped, NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	PENSTOCK_REQUIRE(stopped && uv_loop_close(&loop) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct penstock_fuzz_input input = { data, size };

	begin(&input);
	while (input.left > 0) {
		steps[penstock_fuzz_choose(&input, PENSTOCK_ARRAY_SIZE(steps))](&input);
	}
	end();
	return 0;
}
