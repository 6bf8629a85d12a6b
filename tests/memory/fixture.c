/* SPDX-License-Identifier: MIT */
#include "tests/memory/fixture.h"

#include "tests/harness.h"

#include <stdlib.h>
#include <string.h>

struct machine machine;
struct penstock_vidmm_process *alice, *bob;
struct penstock_queue queue;

void set_up(void)
{
	machine_init(&machine);
	machine_start(&machine);
	alice = machine_principal(&machine, 1, 64 * MIB);
	bob = machine_principal(&machine, 2, 64 * MIB);
	penstock_queue_init(&queue, machine.scheduler, &machine.sharing,
			    PENSTOCK_NODE_RENDER_ORDINAL, 0, NULL);
	work_completions = 0;
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

enum penstock_status run_work(struct work *work)
{
	penstock_scheduler_enqueue(&queue, &work->submission);
	ck_assert(!work->done);
	machine_settle(&machine);
	ck_assert(work->done);
	return work->status;
}

struct penstock_vidmm_location where(struct penstock_vidmm_allocation *allocation)
{
	struct penstock_vidmm_location location;

	penstock_vidmm_allocation_location(allocation, &location);
	return location;
}

/* A submission that only needs the allocation. */
enum penstock_status touch(struct penstock_vidmm_process *process,
			   struct penstock_vidmm_allocation *allocation)
{
	struct work work;

	work_init(&work, process);
	work_reference(&work, allocation);
	work_nop(&work);
	return run_work(&work);
}

bool all_bytes(struct penstock_vidmm_allocation *allocation, size_t size, uint8_t value)
{
	uint8_t *bytes = malloc(size);
	bool all = true;

	machine_read(&machine, allocation, 0, bytes, size);
	for (size_t i = 0; i < size; i++) {
		all = all && bytes[i] == value;
	}
	free(bytes);
	return all;
}

void fill_bytes(struct penstock_vidmm_allocation *allocation, size_t size, uint8_t value)
{
	uint8_t *bytes = malloc(size);

	memset(bytes, value, size);
	machine_write(&machine, allocation, 0, bytes, size);
	free(bytes);
}

void told(void *argument, enum penstock_status status)
{
	*(enum penstock_status *)argument = status;
}
