/* SPDX-License-Identifier: MIT */
/* Which bytes count: what moves and what does not, what was offered, what an adapter reset leaves.
 */
#include "daemon/memory/internal.h"
#include "daemon/schedule/internal.h"
#include "gpu-backend/dma.h"
#include "tests/harness.h"
#include "tests/memory/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct penstock_paging_count count_of(uint32_t segment_id)
{
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];

	penstock_vidmm_query_segments(machine.vidmm, segments);
	return segments[segment_id - 1].paging;
}

static void evict(struct penstock_vidmm_allocation *allocation)
{
	enum penstock_status status = penstock_vidmm_allocation_evict(allocation);

	ck_assert(status == PENSTOCK_STATUS_SUCCESS || status == PENSTOCK_STATUS_PENDING);
	machine_settle(&machine);
	ck_assert_uint_eq(where(allocation).segment_id, 0);
}

static void use(struct penstock_vidmm_allocation *allocation, bool write)
{
	struct work work;

	work_init(&work, alice);
	work_reference(&work, allocation);
	work.references[0].write_operation = write;
	work_nop(&work);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
}

/* ---------------------------------------------------------------- write-back */

/* What is done with the content while it is in local memory. */
static void gpu_reads(struct penstock_vidmm_allocation *allocation)
{
	use(allocation, false);
}

static void gpu_writes(struct penstock_vidmm_allocation *allocation)
{
	struct work work;

	work_init(&work, alice);
	work_reference(&work, allocation);
	work_fill(&work, 0, 0, 100 * KIB, 0x66666666);
	ck_assert_int_eq(run_work(&work), PENSTOCK_STATUS_SUCCESS);
}

static void client_reads(struct penstock_vidmm_allocation *allocation)
{
	uint8_t byte;

	machine_read(&machine, allocation, 0, &byte, 1);
}

static void client_writes(struct penstock_vidmm_allocation *allocation)
{
	fill_bytes(allocation, 100 * KIB, 0x66);
}

static const struct {
	void (*act)(struct penstock_vidmm_allocation *allocation);
	bool writes;
} acts[] = {
	{ gpu_reads, false },
	{ gpu_writes, true },
	{ client_reads, false },
	{ client_writes, true },
};

START_TEST(B4_only_what_was_written_is_moved_back)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 100 * KIB, LOCAL_ONLY);
	struct penstock_paging_count count;
	uint32_t transfers;

	fill_bytes(allocation, 100 * KIB, 0x55);
	for (unsigned round = 1; round <= 3; round++) {
		use(allocation, false);
		acts[_i].act(allocation);
		transfers = machine.transfers;
		evict(allocation);
		ck_assert_uint_eq(machine.transfers - transfers, acts[_i].writes);
		count = count_of(PENSTOCK_SEGMENT_LOCAL);
		ck_assert_uint_eq(count.placed, round);
		ck_assert_uint_eq(count.left, round);
		ck_assert_uint_eq(count.in_bytes, round * 100 * KIB);
		ck_assert_uint_eq(count.out_bytes, acts[_i].writes ? round * 100 * KIB : 0);
		ck_assert_uint_eq(count.discarded, acts[_i].writes ? 0 : round);
		ck_assert_uint_eq(count.lost, 0);
		ck_assert(all_bytes(allocation, 100 * KIB, acts[_i].writes ? 0x66 : 0x55));
		ck_assert(!where(allocation).content_lost);
	}
	penstock_vidmm_query_process(alice, &count);
	ck_assert_uint_eq(count.in_bytes, 3 * 100 * KIB);
	penstock_vidmm_query_process(bob, &count);
	ck_assert_uint_eq(count.in_bytes, 0);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(B4_what_nobody_wrote_is_filled_again)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 100 * KIB, LOCAL_ONLY);

	for (unsigned round = 1; round <= 3; round++) {
		use(allocation, false);
		ck_assert_uint_eq(machine.fills, round);
		evict(allocation);
		ck_assert_uint_eq(machine.transfers, 0);
		ck_assert(all_bytes(allocation, 100 * KIB, 0));
	}
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* An access that a peer may draw out holds no place in local memory. */
START_TEST(B4_a_held_access_is_refused_in_local_memory_and_pins_no_place)
{
	struct penstock_vidmm_allocation *local =
		machine_allocation(&machine, alice, 10, 64 * KIB, LOCAL_ONLY);
	struct penstock_vidmm_allocation *mapped =
		machine_allocation(&machine, alice, 11, 64 * KIB, APERTURE_ONLY);
	uint8_t *bytes = penstock_vidmm_access_begin(local, 0, PENSTOCK_ACCESS_HELD);

	ck_assert_ptr_nonnull(bytes);
	penstock_vidmm_access_end(local);
	use(local, true);
	use(mapped, true);
	ck_assert_ptr_null(penstock_vidmm_access_begin(
		local, 0, PENSTOCK_ACCESS_WRITE | PENSTOCK_ACCESS_HELD));
	bytes = penstock_vidmm_access_begin(mapped, 0,
					    PENSTOCK_ACCESS_WRITE | PENSTOCK_ACCESS_HELD);
	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 0x44, 64 * KIB);
	penstock_vidmm_access_end(mapped);
	ck_assert(all_bytes(mapped, 64 * KIB, 0x44));
	penstock_vidmm_allocation_unref(local);
	penstock_vidmm_allocation_unref(mapped);
}
END_TEST

/* ---------------------------------------------------------------- offer and reclaim */

START_TEST(B13_offered_content_is_dropped_and_reclaim_tells)
{
	/* Zeroed on the spot, and by a worker. */
	uint64_t size = _i == 0 ? 64 * KIB : MIB;
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, size, 0);
	uint32_t transfers;

	fill_bytes(allocation, size, 0x11);
	use(allocation, true);
	penstock_vidmm_allocation_offer(allocation, PENSTOCK_OFFER_PRIORITY_LOW);
	/* Nobody wanted its place. */
	ck_assert(penstock_vidmm_allocation_reclaim(allocation));
	ck_assert(all_bytes(allocation, size, 0x11));
	penstock_vidmm_allocation_offer(allocation, PENSTOCK_OFFER_PRIORITY_LOW);
	transfers = machine.transfers;
	evict(allocation);
	ck_assert_uint_eq(machine.transfers, transfers);
	ck_assert_uint_eq(count_of(PENSTOCK_SEGMENT_LOCAL).lost, 1);
	ck_assert(where(allocation).content_lost);
	ck_assert(!penstock_vidmm_allocation_reclaim(allocation));
	ck_assert(all_bytes(allocation, size, 0));
	use(allocation, false);
	ck_assert(all_bytes(allocation, size, 0));
	ck_assert(where(allocation).content_lost);
	fill_bytes(allocation, size, 0x22);
	ck_assert(!where(allocation).content_lost);
	evict(allocation);
	ck_assert(all_bytes(allocation, size, 0x22));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(B13_what_backing_pages_hold_is_kept_though_it_was_offered)
{
	uint32_t set = _i == 0 ? LOCAL_ONLY : APERTURE_ONLY;
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 64 * KIB, set);

	fill_bytes(allocation, 64 * KIB, 0x11);
	use(allocation, set == APERTURE_ONLY);
	penstock_vidmm_allocation_offer(allocation, PENSTOCK_OFFER_PRIORITY_HIGH);
	evict(allocation);
	ck_assert(penstock_vidmm_allocation_reclaim(allocation));
	ck_assert(all_bytes(allocation, 64 * KIB, 0x11));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* Whatever it is used for first, what backing pages held from before is not seen. */
START_TEST(B13_lost_content_is_zeros_for_whoever_comes_first)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, MIB, 0);
	enum penstock_status status = PENSTOCK_STATUS_PENDING;

	fill_bytes(allocation, MIB, 0x11);
	use(allocation, true);
	penstock_vidmm_allocation_offer(allocation, PENSTOCK_OFFER_PRIORITY_NORMAL);
	evict(allocation);
	if (_i == 0) {
		allocation->info.segment_set = APERTURE_ONLY;
		use(allocation, false);
	} else if (_i == 1) {
		ck_assert_int_eq(penstock_vidmm_allocation_share(allocation, told, &status),
				 PENSTOCK_STATUS_PENDING);
		machine_settle(&machine);
		ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
	}
	ck_assert(all_bytes(allocation, MIB, 0));
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

START_TEST(B13_priorities_are_legal_between_minimum_and_maximum)
{
	static const struct {
		uint32_t priority;
		enum penstock_status status;
	} rows[] = {
		{ 0, PENSTOCK_STATUS_INVALID_PARAMETER },
		{ 0x27FFFFFF, PENSTOCK_STATUS_INVALID_PARAMETER },
		{ 0x28000000, PENSTOCK_STATUS_SUCCESS },
		{ 0x78000001, PENSTOCK_STATUS_SUCCESS },
		{ 0xC8000000, PENSTOCK_STATUS_SUCCESS },
		{ 0xC8000001, PENSTOCK_STATUS_INVALID_PARAMETER },
	};
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 4096, 0);
	uint32_t before = allocation->info.priority;

	ck_assert_uint_eq(before, PENSTOCK_ALLOCATION_PRIORITY_NORMAL);
	ck_assert_int_eq(penstock_vidmm_allocation_set_priority(allocation, rows[_i].priority),
			 rows[_i].status);
	ck_assert_uint_eq(allocation->info.priority,
			  rows[_i].status == PENSTOCK_STATUS_SUCCESS ? rows[_i].priority : before);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

static void see(void *owner, const struct penstock_resident_view *view)
{
	*(struct penstock_resident_view *)owner = *view;
}

START_TEST(B3_a_segment_can_be_looked_at)
{
	struct penstock_vidmm_allocation *allocation =
		machine_allocation(&machine, alice, 10, 100 * KIB, LOCAL_ONLY);
	struct penstock_resident_view view = { .id = 0 };

	penstock_vidmm_visit_segment(machine.vidmm, PENSTOCK_SEGMENT_LOCAL, see, &view);
	ck_assert_uint_eq(view.id, 0);
	use(allocation, false);
	ck_assert_int_eq(penstock_vidmm_allocation_set_priority(allocation, 0x50000000),
			 PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_visit_segment(machine.vidmm, PENSTOCK_SEGMENT_LOCAL, see, &view);
	ck_assert_uint_eq(view.id, 10);
	ck_assert_uint_eq(view.process_id, 1);
	ck_assert_uint_eq(view.address, where(allocation).address);
	ck_assert_uint_eq(view.size_bytes, 100 * KIB);
	ck_assert_uint_eq(view.priority, 0x50000000);
	ck_assert_uint_eq(view.age, 0);
	ck_assert(!view.dirty && !view.moving && !view.in_use);
	use(allocation, true);
	penstock_vidmm_allocation_offer(allocation, PENSTOCK_OFFER_PRIORITY_HIGH);
	ck_assert_int_eq(penstock_vidmm_allocation_evict(allocation), PENSTOCK_STATUS_SUCCESS);
	penstock_vidmm_allocation_unref(allocation);
}
END_TEST

/* ---------------------------------------------------------------- adapter reset */

/* What schedule does: every GPU process is another one. */
static uint64_t reset_adapter(void)
{
	for (unsigned i = 0; i < MACHINE_PROCESSES; i++) {
		if (machine.processes[i].used) {
			machine.backend.ops->reset_engine(&machine.processes[i].base);
		}
	}
	return penstock_vidmm_adapter_reset(machine.vidmm);
}

START_TEST(B8_an_adapter_reset_notifies_each_resident_allocation_once)
{
	struct penstock_vidmm_allocation *clean =
		machine_allocation(&machine, alice, 10, 100 * KIB, LOCAL_ONLY);
	struct penstock_vidmm_allocation *dirty =
		machine_allocation(&machine, alice, 11, 1 * MIB, LOCAL_ONLY);
	struct penstock_vidmm_allocation *mapped =
		machine_allocation(&machine, bob, 12, 100 * KIB, APERTURE_ONLY);
	struct penstock_vidmm_allocation *nowhere =
		machine_allocation(&machine, bob, 13, 100 * KIB, 0);
	struct penstock_vidmm_allocation *all[] = { clean, dirty, mapped, nowhere };
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];

	for (unsigned i = 0; i < 4; i++) {
		fill_bytes(all[i], 100 * KIB, (uint8_t)(0x10 + i));
	}
	use(clean, false);
	use(dirty, true);
	ck_assert_int_eq(touch(bob, mapped), PENSTOCK_STATUS_SUCCESS);
	ck_assert_uint_eq(reset_adapter(), 1);
	ck_assert_uint_eq(count_of(PENSTOCK_SEGMENT_LOCAL).notices, 2);
	ck_assert_uint_eq(count_of(PENSTOCK_SEGMENT_APERTURE).notices, 1);
	machine_settle(&machine);
	penstock_vidmm_query_segments(machine.vidmm, segments);
	ck_assert_uint_eq(segments[0].used_bytes, 0);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(where(all[i]).segment_id, 0);
		ck_assert_int_eq(where(all[i]).content_lost, all[i] == dirty);
		ck_assert(all_bytes(all[i], 100 * KIB, all[i] == dirty ? 0 : (uint8_t)(0x10 + i)));
	}
	/* And on it goes. */
	use(clean, true);
	ck_assert_int_eq(touch(bob, mapped), PENSTOCK_STATUS_SUCCESS);
	ck_assert(all_bytes(mapped, 100 * KIB, 0x12));
	for (unsigned i = 0; i < 4; i++) {
		penstock_vidmm_allocation_unref(all[i]);
	}
	ck_assert_uint_eq(count_of(PENSTOCK_SEGMENT_LOCAL).notices, 2);
}
END_TEST

/* Wherever they are on their way, after so many turns and steps. */
START_TEST(B8_an_adapter_reset_in_the_middle_of_paging_leaves_nothing_half_done)
{
	struct penstock_vidmm_allocation *coming =
		machine_allocation(&machine, alice, 10, 400 * KIB, LOCAL_ONLY);
	struct penstock_vidmm_allocation *leaving =
		machine_allocation(&machine, alice, 11, 400 * KIB, LOCAL_ONLY);
	struct penstock_vidmm_allocation *dying =
		machine_allocation(&machine, alice, 12, 400 * KIB, APERTURE_ONLY);
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];
	struct work work;

	fill_bytes(coming, 400 * KIB, 0x33);
	use(leaving, true);
	use(dying, true);
	work_init(&work, alice);
	work_reference(&work, coming);
	work_nop(&work);
	if (_i > 0) {
		ck_assert_int_eq(penstock_vidmm_prepare(&work.submission), PENSTOCK_STATUS_PENDING);
	}
	ck_assert_int_eq(penstock_vidmm_allocation_evict(leaving), PENSTOCK_STATUS_PENDING);
	penstock_vidmm_allocation_unref(dying);
	for (int i = 1; i < _i; i++) {
		if (i % 2 == 0) {
			machine_turn(&machine);
		} else {
			machine_step(&machine);
		}
	}
	/* The scheduler's part: no paging packet is out any more. */
	for (unsigned i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		while (penstock_list_pop(&machine.scheduler->nodes[i].paging) != NULL) {
		}
	}
	(void)reset_adapter();
	machine_settle(&machine);
	penstock_vidmm_query_segments(machine.vidmm, segments);
	ck_assert_uint_eq(segments[0].used_bytes, 0);
	ck_assert(all_bytes(coming, 400 * KIB, 0x33));
	use(coming, true);
	use(leaving, true);
	penstock_vidmm_allocation_unref(coming);
	penstock_vidmm_allocation_unref(leaving);
}
END_TEST

/* ---------------------------------------------------------------- paging operations */

static char trace[512];

static const char *word_for(const struct penstock_paging_event *event)
{
	switch (event->operation) {
	case PENSTOCK_OPERATION_TRANSFER:
		ck_assert_uint_ne(event->flags & PENSTOCK_TRANSFER_START, 0);
		ck_assert_uint_ne(event->flags & PENSTOCK_TRANSFER_END, 0);
		return event->size_bytes == 0 ? "gone" : event->out ? "out" : "in";
	case PENSTOCK_OPERATION_FILL:
		return "fill";
	case PENSTOCK_OPERATION_DISCARD_CONTENT:
		return "discard";
	case PENSTOCK_OPERATION_MAP_APERTURE_SEGMENT:
		return "map";
	case PENSTOCK_OPERATION_UNMAP_APERTURE_SEGMENT:
		return "unmap";
	case PENSTOCK_OPERATION_NOTIFY_RESIDENCY:
		ck_assert_int_eq(event->address == 0, event->segment_id == 0);
		return event->segment_id == 0 ? "leaving" : "here";
	default:
		return "?";
	}
}

/* What is done with allocation 10, a word each. */
static void note(const struct penstock_paging_event *event)
{
	size_t length = strlen(trace);

	if (event->allocation_id == 10) {
		snprintf(trace + length, sizeof(trace) - length, "%s ", word_for(event));
	}
}

/* After fill and transfer on commit, before the transfer on evict; once each. */
START_TEST(B7_operations_and_residency_notifications_come_in_order)
{
	struct penstock_vidmm_allocation *allocation = machine_allocation(
		&machine, alice, 10, 64 * KIB, _i == 0 ? LOCAL_ONLY : APERTURE_ONLY);

	allocation->info.flags = PENSTOCK_ALLOCATION_EXPLICIT_RESIDENCY_NOTIFICATION;
	trace[0] = '\0';
	machine.on_paging = note;
	use(allocation, false);
	evict(allocation);
	use(allocation, true);
	evict(allocation);
	use(allocation, false);
	(void)reset_adapter();
	machine_settle(&machine);
	use(allocation, false);
	penstock_vidmm_allocation_unref(allocation);
	machine_settle(&machine);
	ck_assert_str_eq(trace, _i == 0 ? "fill here leaving discard fill here leaving out "
					  "in here gone leaving in here leaving discard "
					: "here map leaving unmap here map leaving unmap "
					  "here map gone leaving here map leaving unmap ");
}
END_TEST

START_TEST(B8_what_takes_no_instruction_is_told_all_the_same)
{
	uint8_t buffer[64];
	struct penstock_build_paging_buffer build = {
		.operation = PENSTOCK_OPERATION_TRANSFER,
		.dma_buffer = buffer,
		.dma_size = sizeof(buffer),
		.source = { .segment_id = PENSTOCK_SEGMENT_LOCAL },
	};

	ck_assert_int_eq(penstock_build_paging_buffer(&build), PENSTOCK_STATUS_SUCCESS);
	build.operation = PENSTOCK_OPERATION_DISCARD_CONTENT;
	build.segment_id = PENSTOCK_SEGMENT_LOCAL;
	build.size_bytes = 4096;
	ck_assert_int_eq(penstock_build_paging_buffer(&build), PENSTOCK_STATUS_SUCCESS);
	build.references = 1;
	ck_assert_int_eq(penstock_build_paging_buffer(&build),
			 PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY);
	build.flags = PENSTOCK_DISCARD_ALLOCATION_IS_IDLE;
	ck_assert_int_eq(penstock_build_paging_buffer(&build), PENSTOCK_STATUS_SUCCESS);
	build.segment_id = PENSTOCK_SEGMENT_APERTURE;
	ck_assert_int_eq(penstock_build_paging_buffer(&build), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_ptr_eq(build.dma_buffer, buffer);
	ck_assert_uint_eq(build.dma_size, sizeof(buffer));
}
END_TEST

#define CUT_PAGES 37u

static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % below;
}

/* A page_copy of the paging buffer, on two arrays: file 1 is memory, file 2 the segment. */
static void copy_pages(uint8_t *files[3], const uint8_t *bytes)
{
	uint64_t from = penstock_load64(bytes + PENSTOCK_DMA_PAGE_COPY_source_offset);
	uint64_t to = penstock_load64(bytes + PENSTOCK_DMA_PAGE_COPY_destination_offset);

	memcpy(files[penstock_load32(bytes + PENSTOCK_DMA_PAGE_COPY_destination_file)] + to,
	       files[penstock_load32(bytes + PENSTOCK_DMA_PAGE_COPY_source_file)] + from,
	       penstock_load64(bytes + PENSTOCK_DMA_PAGE_COPY_size));
}

/* One sub-transfer, in paging buffers that have room for one instruction. */
static void transfer_part(uint8_t *files[3], bool in, uint32_t first, uint32_t pages,
			  uint32_t flags)
{
	const struct penstock_paging_end memory = { .file_id = 1, .file_offset = 2 * 4096 };
	const struct penstock_paging_end segment = { .segment_id = PENSTOCK_SEGMENT_LOCAL,
						     .file_id = 2,
						     .file_offset = 5 * 4096 };
	struct penstock_build_paging_buffer build = {
		.operation = PENSTOCK_OPERATION_TRANSFER,
		.flags = flags | PENSTOCK_TRANSFER_ALLOCATION_IS_IDLE,
		.size_bytes = pages * 4096ull,
		.transfer_offset = first * 4096ull,
		.mdl_offset = first,
		.source = in ? memory : segment,
		.destination = in ? segment : memory,
	};
	uint8_t buffer[PENSTOCK_DMA_BYTES_PAGE_COPY];
	enum penstock_status status;

	do {
		build.dma_buffer = buffer;
		build.dma_size = sizeof(buffer);
		status = penstock_build_paging_buffer(&build);
		if (build.dma_buffer != buffer) {
			copy_pages(files, buffer);
		}
	} while (status == PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER);
	ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
}

/* Cuts where `cuts` has a bit, the parts in an order that the seed says. */
static void transfer_cut(uint8_t *files[3], bool in, uint64_t cuts)
{
	struct {
		uint32_t first, pages;
	} parts[CUT_PAGES], swapped;
	uint32_t count = 0, first = 0;

	for (uint32_t page = 1; page <= CUT_PAGES; page++) {
		if (page == CUT_PAGES || (cuts >> page & 1) != 0) {
			parts[count].first = first;
			parts[count++].pages = page - first;
			first = page;
		}
	}
	for (uint32_t i = count; i-- > 1;) {
		uint32_t j = pick(i + 1);

		swapped = parts[i];
		parts[i] = parts[j];
		parts[j] = swapped;
	}
	for (uint32_t i = 0; i < count; i++) {
		transfer_part(files, in, parts[i].first, parts[i].pages,
			      (i == 0 ? PENSTOCK_TRANSFER_START : 0) |
				      (i + 1 == count ? PENSTOCK_TRANSFER_END : 0));
	}
}

START_TEST(B7_a_transfer_cut_at_any_page_in_any_order_gives_the_same_bytes)
{
	const size_t memory_bytes = (CUT_PAGES + 4) * 4096, segment_bytes = (CUT_PAGES + 9) * 4096;
	uint8_t *files[3] = { NULL, malloc(memory_bytes), malloc(segment_bytes) };
	uint8_t *content = malloc(CUT_PAGES * 4096), *around = malloc(segment_bytes);

	random_state = (uint32_t)_i + 1;
	memset(around, 0xa5, segment_bytes);
	for (unsigned round = 0; round < 40; round++) {
		/* Every page, one page, and anything in between. */
		uint64_t cuts = round == 0   ? UINT64_MAX
				: round == 1 ? 1ull << (1 + pick(CUT_PAGES - 1))
					     : (uint64_t)pick(1u << 24) << 24 | pick(1u << 24);

		for (size_t i = 0; i < CUT_PAGES * 4096; i++) {
			content[i] = (uint8_t)pick(256);
		}
		memcpy(files[2], around, segment_bytes);
		memset(files[1], 0x5a, memory_bytes);
		memcpy(files[1] + 2 * 4096, content, CUT_PAGES * 4096);
		transfer_cut(files, true, cuts);
		ck_assert_mem_eq(files[2] + 5 * 4096, content, CUT_PAGES * 4096);
		ck_assert_mem_eq(files[2], around, 5 * 4096);
		ck_assert_mem_eq(files[2] + (CUT_PAGES + 5) * 4096, around, 4 * 4096);
		memset(files[1], 0x5a, memory_bytes);
		transfer_cut(files, false, cuts);
		ck_assert_mem_eq(files[1] + 2 * 4096, content, CUT_PAGES * 4096);
		ck_assert_uint_eq(files[1][2 * 4096 - 1], 0x5a);
		ck_assert_uint_eq(files[1][(CUT_PAGES + 2) * 4096], 0x5a);
	}
	free(files[1]);
	free(files[2]);
	free(content);
	free(around);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("content");
	TCase *content = tcase_create("content");

	tcase_add_checked_fixture(content, set_up, tear_down);
	tcase_add_loop_test(content, B4_only_what_was_written_is_moved_back, 0,
			    (int)PENSTOCK_ARRAY_SIZE(acts));
	tcase_add_test(content, B4_what_nobody_wrote_is_filled_again);
	tcase_add_test(content, B4_a_held_access_is_refused_in_local_memory_and_pins_no_place);
	tcase_add_loop_test(content, B13_offered_content_is_dropped_and_reclaim_tells, 0, 2);
	tcase_add_loop_test(content, B13_what_backing_pages_hold_is_kept_though_it_was_offered, 0,
			    2);
	tcase_add_loop_test(content, B13_lost_content_is_zeros_for_whoever_comes_first, 0, 3);
	tcase_add_loop_test(content, B13_priorities_are_legal_between_minimum_and_maximum, 0, 6);
	tcase_add_test(content, B3_a_segment_can_be_looked_at);
	tcase_add_test(content, B8_an_adapter_reset_notifies_each_resident_allocation_once);
	tcase_add_loop_test(content,
			    B8_an_adapter_reset_in_the_middle_of_paging_leaves_nothing_half_done, 0,
			    8);
	tcase_add_loop_test(content, B7_operations_and_residency_notifications_come_in_order, 0, 2);
	tcase_add_test(content, B8_what_takes_no_instruction_is_told_all_the_same);
	tcase_add_loop_test(content,
			    B7_a_transfer_cut_at_any_page_in_any_order_gives_the_same_bytes, 0, 4);
	suite_add_tcase(suite, content);
	return penstock_test_main(suite);
}
