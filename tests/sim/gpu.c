/* SPDX-License-Identifier: MIT */
#include "tests/sim/gpu.h"

#include "tests/sim/sim.h"

#include <signal.h>
#include <string.h>

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)

static struct sim_process *process_of(struct penstock_backend_process *base)
{
	return (struct sim_process *)base;
}

static struct sim_gpu *gpu_of(const struct sim_process *process)
{
	return (struct sim_gpu *)process->gpu.plain.base.backend;
}

static struct sim *sim_of(const struct sim_process *process)
{
	return gpu_of(process)->sim;
}

static void later(struct sim_process *process, uint64_t delay_ns, sim_event_run run,
		  uint32_t ordinal, uint64_t number)
{
	struct sim *sim = sim_of(process);
	const uint64_t arguments[3] = { process->life, ordinal, number };

	sim_clock_after(&sim->clock, delay_ns, run, process, arguments);
}

/* The process of an event; NULL: that life of it is over. */
static struct sim_process *alive(void *owner, const uint64_t arguments[3])
{
	struct sim_process *process = owner;

	return process->used && process->life == arguments[0] ? process : NULL;
}

/* ---------------------------------------------------------------- telling */

static void tell(struct sim_process *process, const struct penstock_interrupt *interrupt)
{
	struct sim *sim = sim_of(process);

	SIM_TRACE(sim, "interrupt process,node,type,fence,completed", process->index,
		  interrupt->node_ordinal, interrupt->type, interrupt->fence_id,
		  interrupt->last_completed_fence_id);
	penstock_scheduler_notify_interrupt(sim->scheduler, process->gpu.plain.owner, interrupt);
}

static void tell_completed(struct sim_process *process, uint32_t ordinal, uint32_t fence_id)
{
	struct sim_node *node = &process->nodes[ordinal];
	const struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_COMPLETED,
		.node_ordinal = ordinal,
		.fence_id = fence_id,
		.last_completed_fence_id = node->completed,
	};

	node->unreported = node->unreported && fence_id != node->completed;
	tell(process, &interrupt);
}

/* All that the node has to say. The process may be gone, or another, after each. */
static void tell_all(struct sim_process *process, uint32_t ordinal)
{
	const uint64_t arguments[3] = { process->life };
	struct sim_node *node = &process->nodes[ordinal];
	struct penstock_interrupt interrupt;

	if (node->unreported) {
		tell_completed(process, ordinal, node->completed);
	}
	if (alive(process, arguments) != NULL && node->answered) {
		node->answered = false;
		node->preempting = false;
		interrupt = node->answer;
		tell(process, &interrupt);
	}
	if (alive(process, arguments) != NULL && node->faulted) {
		node->faulted = false;
		interrupt = node->fault;
		tell(process, &interrupt);
	}
}

static void completed_arrives(void *owner, const uint64_t arguments[3])
{
	struct sim_process *process = alive(owner, arguments);

	if (process != NULL && !process->dead) {
		tell_completed(process, (uint32_t)arguments[1], (uint32_t)arguments[2]);
		sim_turn(sim_of(process));
	}
}

static void news_arrive(void *owner, const uint64_t arguments[3])
{
	struct sim_process *process = alive(owner, arguments);

	if (process != NULL && !process->dead) {
		tell_all(process, (uint32_t)arguments[1]);
		sim_turn(sim_of(process));
	}
}

/* How long an interrupt takes; false: it is lost. */
static bool latency(struct sim *sim, uint64_t *ret_delay_ns)
{
	if (sim_chance(&sim->random, sim->habits.lost)) {
		sim->seen.lost++;
		return false;
	}
	*ret_delay_ns = sim_between(&sim->random, 200, 3 * MICROSECOND);
	if (sim_chance(&sim->random, sim->habits.late)) {
		sim->seen.late++;
		*ret_delay_ns = sim_spread(&sim->random, 10 * MICROSECOND, 30 * MILLISECOND);
	}
	return true;
}

/* Answers and faults. */
static void send_news(struct sim_process *process, uint32_t ordinal)
{
	uint64_t delay_ns;

	if (latency(sim_of(process), &delay_ns)) {
		later(process, delay_ns, news_arrive, ordinal, 0);
	}
}

/* A late one arrives behind a later one, and says what is known then. */
static void send_completed(struct sim_process *process, uint32_t ordinal)
{
	struct sim *sim = sim_of(process);
	uint32_t fence_id = process->nodes[ordinal].completed;
	uint64_t delay_ns;

	if (latency(sim, &delay_ns)) {
		later(process, delay_ns, completed_arrives, ordinal, fence_id);
	}
	if (sim_chance(&sim->random, sim->habits.repeated)) {
		sim->seen.repeated++;
		later(process, sim_spread(&sim->random, MICROSECOND, MILLISECOND),
		      completed_arrives, ordinal, fence_id);
	}
}

/* ---------------------------------------------------------------- executing */

static void instruction_ends(void *owner, const uint64_t arguments[3]);

static bool is_paging(const struct sim_packet *packet)
{
	return packet->job == NULL;
}

static void pop(struct sim_node *node)
{
	node->count--;
	memmove(&node->packets[0], &node->packets[1], node->count * sizeof(node->packets[0]));
}

/* Where the first packet goes on. */
static void stop_first(struct sim *sim, struct sim_node *node)
{
	const struct sim_packet *first = &node->packets[0];
	bool early = sim->sabotage == SIM_SABOTAGE_RESUME && first->at > 0;

	if (is_paging(first)) {
		return;
	}
	node->answer.resume_offset = sim_job_offset(first->job, first->at - early);
	node->answer.resume_position = sim->sabotage == SIM_SABOTAGE_POSITION ? 0 : first->position;
	sim->seen.resumed += first->begun;
	sim->seen.stopped_inside += first->position > 0;
}

/* Everything that did not complete is off the ring. */
static void answer_preemption(struct sim_process *process, uint32_t ordinal)
{
	struct sim_node *node = &process->nodes[ordinal];

	node->answer.type = PENSTOCK_INTERRUPT_DMA_PREEMPTED;
	node->answer.node_ordinal = ordinal;
	node->answer.last_completed_fence_id = node->completed;
	node->answer.resume_offset = 0;
	node->answer.resume_position = 0;
	if (node->count > 0) {
		stop_first(sim_of(process), node);
	}
	SIM_TRACE(sim_of(process), "preempted node,completed,dropped,offset,position", ordinal,
		  node->completed, node->count, node->answer.resume_offset,
		  node->answer.resume_position);
	node->dropped = node->count;
	node->count = 0;
	node->executing = false;
	node->answered = true;
	send_news(process, ordinal);
}

static void halt(struct sim_process *process, uint32_t ordinal, enum penstock_outcome outcome)
{
	struct sim_node *node = &process->nodes[ordinal];
	const struct sim_packet *packet = &node->packets[0];
	bool page_fault = outcome == PENSTOCK_OUTCOME_PAGE_FAULT;

	node->stuck = true;
	node->faulted = true;
	node->fault = (struct penstock_interrupt){
		.type = page_fault ? PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED
				   : PENSTOCK_INTERRUPT_DMA_FAULTED,
		.node_ordinal = ordinal,
		.fence_id = packet->args.submission_fence_id,
		.last_completed_fence_id = node->completed,
		.fault_address = page_fault ? node->engine.fault_address : 0,
		.fault_dma_offset = node->engine.dma_offset,
		.fault_write = page_fault && node->engine.fault_write,
	};
	SIM_TRACE(sim_of(process), "fault process,node,fence,offset", process->index, ordinal,
		  packet->args.submission_fence_id, node->engine.dma_offset);
	send_news(process, ordinal);
}

/* The first packet's next instruction has begun. */
static void begin_instruction(struct sim_process *process, uint32_t ordinal)
{
	struct sim_node *node = &process->nodes[ordinal];
	struct sim_packet *packet = &node->packets[0];
	struct sim *sim = sim_of(process);
	uint64_t delay_ns;

	if (is_paging(packet)) {
		delay_ns = sim_spread(&sim->random, MICROSECOND, 300 * MICROSECOND);
	} else {
		node->running_offset = sim_job_offset(packet->job, packet->at);
		delay_ns = sim_job_duration(packet->job, packet->at);
		if (sim_job_hangs(packet->job, packet->at)) {
			SIM_TRACE(sim, "hang process,node,fence", process->index, ordinal,
				  packet->args.submission_fence_id);
			sim->seen.hangs++;
			node->stuck = true;
			return;
		}
	}
	later(process, delay_ns, instruction_ends, ordinal, ++node->instructions);
}

/* The first packet begins, or the request is answered, or there is nothing to do. */
static void look_for_work(struct sim_process *process, uint32_t ordinal)
{
	struct sim_node *node = &process->nodes[ordinal];
	struct sim_packet *packet = &node->packets[0];

	if (node->executing || node->stuck || node->answered || process->dead) {
		return;
	}
	if (node->preempting) {
		answer_preemption(process, ordinal);
		return;
	}
	if (node->count == 0) {
		return;
	}
	node->executing = true;
	node->running = packet->args.submission_fence_id;
	node->running_offset = packet->args.submission_start_offset;
	packet->begun = true;
	if (!is_paging(packet)) {
		sim_job_begins(sim_of(process), packet->job, &packet->args);
	}
	begin_instruction(process, ordinal);
}

static void complete(struct sim_process *process, uint32_t ordinal)
{
	struct sim_node *node = &process->nodes[ordinal];

	node->completed = node->packets[0].args.submission_fence_id;
	node->unreported = true;
	node->executing = false;
	SIM_TRACE(sim_of(process), "completed process,node,fence,paging", process->index, ordinal,
		  node->completed, is_paging(&node->packets[0]));
	if (!is_paging(&node->packets[0])) {
		sim_job_leaves(sim_of(process), node->packets[0].job, node->packets[0].end);
	}
	pop(node);
	send_completed(process, ordinal);
}

/* One instruction of a submission, all that is left of it, or a paging packet. */
static enum penstock_outcome execute(struct sim_process *process, uint32_t ordinal)
{
	struct sim_node *node = &process->nodes[ordinal];
	struct sim_packet *packet = &node->packets[0];
	struct penstock_engine *engine = &node->engine;
	enum penstock_outcome outcome;

	if (is_paging(packet)) {
		return penstock_processor_run_paging(engine, process->paging,
						     packet->args.paging_buffer_bytes);
	}
	if ((packet->args.flags & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING) != 0) {
		packet->at = packet->end;
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	if (packet->at == packet->end) {
		return PENSTOCK_OUTCOME_COMPLETED; /* of no length */
	}
	outcome = penstock_processor_run(
		engine, packet->args.dma_buffer_address, sim_job_offset(packet->job, packet->at),
		sim_job_offset(packet->job, packet->at + 1), packet->position);
	if (outcome == PENSTOCK_OUTCOME_COMPLETED) {
		sim_job_executed(sim_of(process), packet->job, packet->at, SIM_POSITION_END);
		packet->at++;
		packet->position = 0;
	} else if (outcome == PENSTOCK_OUTCOME_PREEMPTED) {
		sim_job_executed(sim_of(process), packet->job, packet->at, engine->position);
		packet->position = engine->position;
	}
	return outcome;
}

/* It met the end of an instruction, or a fault, or was stopped. */
static void go_on(struct sim_process *process, uint32_t ordinal, enum penstock_outcome outcome)
{
	struct sim_node *node = &process->nodes[ordinal];
	struct sim_packet *packet = &node->packets[0];

	if (outcome == PENSTOCK_OUTCOME_PREEMPTED) {
		answer_preemption(process, ordinal);
		return;
	}
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		SIM_CHECK(sim_of(process), packet->job != NULL && sim_job_may_fault(packet->job),
			  "node %u met outcome %d in a packet that is sound", ordinal, outcome);
		halt(process, ordinal, outcome);
		return;
	}
	if (sim_of(process)->sabotage == SIM_SABOTAGE_SKIP && !is_paging(packet)) {
		packet->at = packet->end;
	}
	if (is_paging(packet) || packet->at == packet->end) {
		complete(process, ordinal);
		look_for_work(process, ordinal);
	} else if (node->preempting) {
		answer_preemption(process, ordinal);
	} else {
		begin_instruction(process, ordinal);
	}
}

static void instruction_ends(void *owner, const uint64_t arguments[3])
{
	struct sim_process *process = alive(owner, arguments);
	uint32_t ordinal = (uint32_t)arguments[1];

	if (process != NULL && !process->dead &&
	    process->nodes[ordinal].instructions == arguments[2]) {
		go_on(process, ordinal, execute(process, ordinal));
	}
}

/*
 * The preemption flag is a word that the instruction writes: it goes up when the engine is there.
 * False: the engine does not look before the end of the instruction.
 */
static bool raise_flag(struct sim_process *process, uint32_t ordinal)
{
	struct sim_node *node = &process->nodes[ordinal];
	const struct sim_packet *packet = &node->packets[0];
	const uint64_t *flag;
	uint64_t address;

	if (is_paging(packet) ||
	    (packet->args.flags & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING) != 0 ||
	    !sim_job_flag(sim_of(process), packet->job, packet->at, packet->position, &address)) {
		return false;
	}
	flag = (const uint64_t *)(void *)penstock_mmu_translate(
		&process->gpu.memory.mmu, address, sizeof(*flag), &node->engine.fault_address);
	PENSTOCK_REQUIRE(flag != NULL);
	node->engine.preempt_flag = flag;
	node->engine.preempt_seen = *flag;
	return true;
}

/* What runs is stopped, if it is at a place for that. */
static void stop_inside(struct sim_process *process, uint32_t ordinal)
{
	struct sim_node *node = &process->nodes[ordinal];
	enum penstock_outcome outcome;

	if (!raise_flag(process, ordinal)) {
		return;
	}
	node->instructions++;
	outcome = execute(process, ordinal);
	node->engine.preempt_flag = NULL;
	go_on(process, ordinal, outcome);
}

/* ---------------------------------------------------------------- a process's life */

static void begin_life(struct sim_process *process)
{
	process->life = ++gpu_of(process)->lives;
	process->dead = false;
	process->idle = false;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct sim_node *node = &process->nodes[i];

		/* An answer that is not heard is as if it was not given. */
		node->count = node->answered ? node->dropped : node->count;
		for (uint32_t j = 0; j < node->count; j++) {
			if (!is_paging(&node->packets[j])) {
				sim_job_killed(node->packets[j].job, node->packets[j].begun);
			}
		}
		node->count = 0;
		node->running = 0;
		node->unreported = node->executing = node->stuck = false;
		node->preempting = node->answered = node->faulted = false;
		penstock_engine_init(&node->engine, &process->gpu.memory.mmu, i);
	}
}

static enum penstock_status create_process(struct penstock_backend *backend, bool system,
					   void *process_owner,
					   struct penstock_backend_process **ret_process)
{
	struct sim_gpu *gpu = (struct sim_gpu *)backend;

	for (uint32_t i = 0; i < SIM_PROCESSES; i++) {
		struct sim_process *process = &gpu->processes[i];

		if (!process->used) {
			process->gpu.plain.base.backend = backend;
			process->used = true;
			process->paging_deaths = 0;
			process->nodes[0].completed = process->nodes[1].completed = 0;
			process->system = system;
			process->index = i;
			process->gpu.plain.owner = process_owner;
			gpu_memory_init(&process->gpu.memory, gpu->sim->local_bytes,
					gpu->sim->aperture_bytes);
			begin_life(process);
			*ret_process = &process->gpu.plain.base;
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	return PENSTOCK_STATUS_NO_MEMORY;
}

static void destroy_process(struct penstock_backend_process *base)
{
	struct sim_process *process = process_of(base);

	SIM_CHECK(sim_of(process), gpu_of(process)->sim->stopped || !sim_process_busy(process),
		  "process %u is destroyed with packets on its rings", process->index);
	begin_life(process);
	gpu_memory_fini(&process->gpu.memory);
	process->used = false;
}

/* Between a signal and its effect the packet that runs may still be done. */
static void last_breath(struct sim_process *process, uint32_t ordinal)
{
	struct sim_node *node = &process->nodes[ordinal];
	struct sim *sim = sim_of(process);

	if (!node->executing || node->stuck || !sim_chance(&sim->random, 300)) {
		return;
	}
	if (sim_chance(&sim->random, 500)) {
		(void)raise_flag(process, ordinal); /* it is killed inside of an instruction */
	}
	if (execute(process, ordinal) == PENSTOCK_OUTCOME_COMPLETED &&
	    (is_paging(&node->packets[0]) || node->packets[0].at == node->packets[0].end)) {
		complete(process, ordinal);
	}
}

static enum penstock_status reset_engine(struct penstock_backend_process *base)
{
	struct sim_process *process = process_of(base);
	struct sim *sim = sim_of(process);

	if (!sim->resetting && sim_chance(&sim->random, sim->habits.stubborn)) {
		SIM_TRACE(sim, "stubborn process", process->index);
		return PENSTOCK_STATUS_IO_DEVICE_ERROR; /* it goes on meanwhile */
	}
	SIM_TRACE(sim, "reset process", process->index);
	sim->seen.resets++;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT && !process->dead; i++) {
		last_breath(process, i);
	}
	process->dead = true;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (process->nodes[i].unreported) {
			tell_completed(process, i, process->nodes[i].completed);
		}
	}
	begin_life(process);
	gpu_memory_reset(&process->gpu.memory);
	return PENSTOCK_STATUS_SUCCESS;
}

static void death_is_told(void *owner, const uint64_t arguments[3])
{
	struct sim_process *process = alive(owner, arguments);

	if (process == NULL) {
		return;
	}
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (alive(owner, arguments) != NULL && process->nodes[i].unreported) {
			tell_completed(process, i, process->nodes[i].completed);
		}
	}
	if (alive(owner, arguments) != NULL) {
		SIM_TRACE(sim_of(process), "died process", process->index);
		penstock_scheduler_process_died(sim_of(process)->scheduler,
						process->gpu.plain.owner, SIGKILL);
	}
	sim_turn(sim_of(process));
}

/* The first packet that the daemon knows to be on the ring; NULL: none. */
static const struct sim_packet *oldest(const struct sim_node *node)
{
	return node->count > 0 || (node->answered && node->dropped > 0) ? &node->packets[0] : NULL;
}

/* Whom the daemon may take for the cause: what had begun, or, where nothing had, what is next. */
static void suspect(struct sim_process *process)
{
	const struct sim_packet *packets[PENSTOCK_NODE_COUNT];

	process->idle = true;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		packets[i] = oldest(&process->nodes[i]);
		process->idle &= packets[i] == NULL || !packets[i]->begun;
	}
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		if (packets[i] == NULL || !(packets[i]->begun || process->idle)) {
			continue;
		}
		if (is_paging(packets[i])) {
			process->paging_deaths++;
		} else {
			sim_job_suspect(packets[i]->job);
		}
	}
}

void sim_gpu_kill(struct sim_process *process)
{
	struct sim *sim = sim_of(process);

	SIM_TRACE(sim, "killed process", process->index);
	sim->seen.deaths++;
	suspect(process);
	process->dead = true;
	later(process, sim_spread(&sim->random, MICROSECOND, 10 * MILLISECOND), death_is_told, 0,
	      0);
}

void sim_gpu_stop(struct sim_gpu *gpu)
{
	for (uint32_t i = 0; i < SIM_PROCESSES; i++) {
		if (gpu->processes[i].used) {
			destroy_process(&gpu->processes[i].gpu.plain.base);
		}
	}
}

/* ---------------------------------------------------------------- backend.h */

static void submit_command(struct penstock_backend_process *base,
			   const struct penstock_submit_args *args)
{
	struct sim_process *process = process_of(base);
	struct sim *sim = sim_of(process);
	struct sim_node *node = &process->nodes[args->node_ordinal];
	struct sim_packet *packet = &node->packets[node->count];
	bool paging = (args->flags & PENSTOCK_SUBMITCOMMAND_PAGING) != 0;

	SIM_TRACE(sim, "submit process,node,fence,paging,offset", process->index,
		  args->node_ordinal, args->submission_fence_id, paging,
		  args->submission_start_offset);
	SIM_CHECK(sim, !sim->stopped, "a packet for a GPU that was stopped");
	SIM_CHECK(sim, node->count < PENSTOCK_RING_PACKETS, "a ring of %u packets is full",
		  node->count);
	SIM_CHECK(sim, !node->preempting, "a packet for a ring that is to come empty");
	SIM_CHECK(sim,
		  node->count == 0 || (int32_t)(args->submission_fence_id -
						packet[-1].args.submission_fence_id) > 0,
		  "fence %u behind a later one", args->submission_fence_id);
	SIM_CHECK(sim, paging || !process->system, "the system process runs a submission");
	*packet = (struct sim_packet){ .args = *args };
	if (paging) {
		for (uint32_t i = 0; i < node->count; i++) {
			SIM_CHECK(sim, !is_paging(&node->packets[i]),
				  "two paging packets for one process");
		}
		memcpy(process->paging, args->paging_buffer, args->paging_buffer_bytes);
		packet->args.paging_buffer = NULL;
		sim->seen.paging++;
	} else {
		packet->job = sim_job_submitted(sim, args);
		packet->at = sim_job_at(sim, packet->job, args->submission_start_offset);
		packet->end = sim_job_at(sim, packet->job, args->submission_end_offset);
		packet->position = args->resume_position;
	}
	node->count += !process->dead;
	if (process->dead && process->idle && !paging) {
		sim_job_suspect(packet->job);
	}
}

static void ring_doorbell(struct penstock_backend_process *base)
{
	struct sim_process *process = process_of(base);

	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		look_for_work(process, i);
	}
}

static void query_current_fence(struct penstock_backend_process *base, uint32_t node_ordinal)
{
	struct sim_process *process = process_of(base);

	SIM_TRACE(sim_of(process), "query process,node", process->index, node_ordinal);
	if (!process->dead) {
		tell_all(process, node_ordinal);
	}
}

static void preemption_is_seen(void *owner, const uint64_t arguments[3])
{
	struct sim_process *process = alive(owner, arguments);

	struct sim_node *node;

	if (process == NULL || process->dead) {
		return;
	}
	node = &process->nodes[arguments[1]];
	if (node->preempting && !node->answered && node->executing && !node->stuck) {
		stop_inside(process, (uint32_t)arguments[1]);
	} else if (node->preempting) {
		look_for_work(process, (uint32_t)arguments[1]);
	}
}

static void preempt_command(struct penstock_backend_process *base, uint32_t node_ordinal,
			    uint32_t preemption_fence_id)
{
	struct sim_process *process = process_of(base);
	struct sim_node *node = &process->nodes[node_ordinal];
	struct sim *sim = sim_of(process);

	SIM_TRACE(sim, "preempt process,node,request", process->index, node_ordinal,
		  preemption_fence_id);
	SIM_CHECK(sim, !node->preempting, "two requests for one ring");
	sim->seen.preemptions++;
	node->preempting = true;
	node->answer = (struct penstock_interrupt){ .fence_id = preemption_fence_id };
	later(process, sim_between(&sim->random, 100, MICROSECOND), preemption_is_seen,
	      node_ordinal, 0);
}

static uint32_t running_fence(const struct penstock_backend_process *base, uint32_t node_ordinal,
			      uint32_t *ret_dma_offset)
{
	const struct sim_node *node = &((const struct sim_process *)base)->nodes[node_ordinal];

	*ret_dma_offset = node->running_offset;
	return node->running;
}

static size_t collect_dbg_info(struct penstock_backend_process *process, char *ret_text,
			       size_t text_bytes)
{
	(void)process;
	return (size_t)snprintf(ret_text, text_bytes, "simulated");
}

static int64_t process_id(const struct penstock_backend_process *process)
{
	(void)process;
	return 0;
}

static const struct penstock_backend_ops ops = {
	.name = "simulated",
	.create_process = create_process,
	.destroy_process = destroy_process,
	.attach_file = gpu_process_attach_file,
	.detach_file = gpu_process_detach_file,
	.submit_command = submit_command,
	.ring_doorbell = ring_doorbell,
	.query_current_fence = query_current_fence,
	.preempt_command = preempt_command,
	.reset_engine = reset_engine,
	.running_fence = running_fence,
	.collect_dbg_info = collect_dbg_info,
	.process_id = process_id,
};

void sim_gpu_init(struct sim_gpu *gpu, struct sim *sim)
{
	gpu->backend.ops = &ops;
	gpu->sim = sim;
}

bool sim_process_busy(const struct sim_process *process)
{
	return process->nodes[0].count > 0 || process->nodes[1].count > 0;
}

void sim_gpu_check_bells(const struct sim_gpu *gpu)
{
	for (uint32_t i = 0; i < SIM_PROCESSES; i++) {
		const struct sim_process *process = &gpu->processes[i];

		for (uint32_t j = 0; process->used && !process->dead && j < PENSTOCK_NODE_COUNT;
		     j++) {
			const struct sim_node *node = &process->nodes[j];

			SIM_CHECK(gpu->sim,
				  node->count == 0 || node->executing || node->stuck ||
					  node->preempting,
				  "process %u has a packet on node %u and heard no doorbell",
				  process->index, j);
		}
	}
}
