/* SPDX-License-Identifier: MIT */
/* What a fault report says: every kind, on both nodes, wherever the packet stands. */
#include "gpu-backend/dma.h"
#include "tests/harness.h"
#include "tests/memory/scheduling.h"

#include <stdio.h>
#include <string.h>

enum kind { KIND_ILLEGAL, KIND_READ, KIND_WRITE, KIND_DEATH, KIND_DEATH_NOWHERE, KIND_END };
enum place { PLACE_FIRST, PLACE_BEHIND_HIS_OWN, PLACE_BEHIND_ANOTHER, PLACE_END };

#define NOWHERE (PENSTOCK_APERTURE_BASE + 7 * MIB)

static const struct {
	enum penstock_interrupt_type type;
	bool write;
	uint64_t address;
	uint32_t offset;
	const char *words[4];
} expected[KIND_END] = {
	[KIND_ILLEGAL] = { PENSTOCK_INTERRUPT_DMA_FAULTED,
			   false,
			   0,
			   PENSTOCK_DMA_BYTES_NOP,
			   { "illegal DMA instruction, node ", "DMA offset 0x4: ", "7777", "" } },
	[KIND_READ] = { PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED,
			false,
			NOWHERE,
			PENSTOCK_DMA_BYTES_NOP,
			{ "page fault: read of address 0x10000700000, node ",
			  "DMA offset 0x4: ", "copy ", "0x10000700000" } },
	[KIND_WRITE] = { PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED,
			 true,
			 NOWHERE,
			 PENSTOCK_DMA_BYTES_NOP,
			 { "page fault: write of address 0x10000700000, node ",
			   "DMA offset 0x4: ", "fill ", "0x10000700000" } },
	[KIND_DEATH] = { PENSTOCK_INTERRUPT_DMA_FAULTED,
			 false,
			 0,
			 PENSTOCK_DMA_BYTES_NOP,
			 { "the GPU process was killed by signal 9 while node ",
			   "ran this submission", "DMA offset 0x4: ", "fill " } },
	[KIND_DEATH_NOWHERE] = { PENSTOCK_INTERRUPT_DMA_FAULTED,
				 false,
				 0,
				 PENSTOCK_DMA_OFFSET_UNKNOWN,
				 { "the GPU process was killed by signal 9 while node ",
				   "ran this submission", "", "" } },
};

static void make(struct work *work, enum kind kind)
{
	work_init(work, alice);
	work_nop(work);
	if (kind == KIND_ILLEGAL) {
		work_illegal(work);
	} else if (kind == KIND_READ) {
		work_stray_copy(work, NOWHERE, NOWHERE, 16);
	} else {
		work_stray_fill(work, NOWHERE, 64, 0xbad);
	}
}

/* What the process said before it died; `kind` NOWHERE: an offset that is in no buffer. */
static void die(const struct work *work, enum kind kind, uint32_t node)
{
	struct machine_ring *ring = &machine_process_of(alice)->rings[node];

	ring->running = work->submission.submission_fence_id;
	ring->running_offset =
		kind == KIND_DEATH ? PENSTOCK_DMA_BYTES_NOP : work->submission.args.dma_length;
	machine_kill(&machine, machine_process_of(alice));
	ring->running = 0;
}

START_TEST(C6_a_fault_is_reported_with_node_address_offset_and_instruction)
{
	enum kind kind = (enum kind)(_i % KIND_END);
	enum place place = (enum place)(_i / KIND_END % PLACE_END);
	uint32_t node = (uint32_t)_i / KIND_END / PLACE_END;
	struct work before, culprit, other;
	struct penstock_queue queue, second;
	char words[16];

	penstock_queue_init(&queue, machine.scheduler, &machine.sharing, node, 0, &queue);
	penstock_queue_init(&second, machine.scheduler, &machine.sharing, node, 0, &second);
	warm_up(alice);
	warm_up(bob);
	if (place != PLACE_FIRST) {
		work_init(&before, place == PLACE_BEHIND_ANOTHER ? bob : alice);
		work_nop(&before);
		penstock_scheduler_enqueue(&second, &before.submission);
	}
	make(&culprit, kind);
	penstock_scheduler_enqueue(&queue, &culprit.submission);
	work_init(&other, alice);
	work_nop(&other);
	penstock_scheduler_enqueue(&second, &other.submission);
	if (kind == KIND_DEATH || kind == KIND_DEATH_NOWHERE) {
		if (place == PLACE_BEHIND_HIS_OWN) {
			machine_execute(machine_process_of(alice), node);
			machine_report(&machine, machine_process_of(alice), node);
		}
		die(&culprit, kind, node);
	}
	machine_settle(&machine);
	ck_assert_uint_eq(machine.faults, 1);
	ck_assert_ptr_eq(machine.fault_context, &queue);
	ck_assert_int_eq(culprit.status, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert_int_eq(other.status, PENSTOCK_STATUS_SUCCESS);
	ck_assert(place == PLACE_FIRST || before.status == PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(machine.fault.type, expected[kind].type);
	ck_assert_uint_eq(machine.fault.node_ordinal, node);
	ck_assert_uint_eq(machine.fault.fault_address, expected[kind].address);
	ck_assert_uint_eq(machine.fault.fault_dma_offset, expected[kind].offset);
	ck_assert_uint_eq(machine.fault.fault_write, expected[kind].write);
	snprintf(words, sizeof(words), "node %u", node);
	ck_assert_ptr_nonnull(strstr(machine.fault_text, words));
	for (unsigned i = 0; i < PENSTOCK_ARRAY_SIZE(expected[kind].words); i++) {
		ck_assert_msg(strstr(machine.fault_text, expected[kind].words[i]) != NULL,
			      "'%s' is not in '%s'", expected[kind].words[i], machine.fault_text);
	}
	ck_assert(kind != KIND_DEATH_NOWHERE || strstr(machine.fault_text, "offset") == NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("faults");
	TCase *tests = tcase_create("faults");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, C6_a_fault_is_reported_with_node_address_offset_and_instruction,
			    0, KIND_END * PLACE_END * PENSTOCK_NODE_COUNT);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
