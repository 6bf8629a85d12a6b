/* SPDX-License-Identifier: MIT */
#include "tests/memory/scheduling.h"

#include "tests/harness.h"

struct machine machine;
struct penstock_vidmm_process *alice, *bob;
struct penstock_queue queues[QUEUES];

static void start_machine(void)
{
	machine_start(&machine);
	alice = machine_principal(&machine, 1, 16 * MIB);
	bob = machine_principal(&machine, 2, 16 * MIB);
	for (unsigned i = 0; i < QUEUES; i++) {
		penstock_queue_init(&queues[i], machine.scheduler, &machine.sharing,
				    i == QUEUES - 1, 0, &queues[i]);
	}
	work_completions = 0;
}

void start_with(uint32_t cap, uint32_t first_fence, bool paranoid)
{
	machine_init(&machine);
	machine.cap = cap;
	machine.first_fence = first_fence;
	machine.paranoid = paranoid;
	start_machine();
}

void start_split(uint32_t cap, uint32_t split_points)
{
	machine_init(&machine);
	machine.cap = cap;
	machine.paranoid = true;
	machine.split_points = split_points;
	start_machine();
}

void set_up(void)
{
	start_with(4, 1, false);
}

void tear_down(void)
{
	machine_settle(&machine);
	ck_assert_str_eq(machine.failed, "");
	penstock_vidmm_process_free(alice);
	penstock_vidmm_process_free(bob);
	machine_stop(&machine, false);
	machine_fini(&machine);
}

void enqueue(unsigned queue, struct work *work)
{
	penstock_scheduler_enqueue(&queues[queue], &work->submission);
	ck_assert(!work->done);
}

void nop(struct work *work, struct penstock_vidmm_process *process, unsigned queue)
{
	work_init(work, process);
	work_nop(work);
	enqueue(queue, work);
}

void warm_up(struct penstock_vidmm_process *process)
{
	struct work work;

	nop(&work, process, 0);
	machine_settle(&machine);
	ck_assert(work.done);
	work_completions = 0;
}

struct penstock_node_state node_state(uint32_t ordinal)
{
	struct penstock_node_state states[PENSTOCK_NODE_COUNT];

	penstock_scheduler_query_nodes(machine.scheduler, states);
	return states[ordinal];
}
