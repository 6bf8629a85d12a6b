/* SPDX-License-Identifier: MIT */
/* The compute engine in process, against plain C: bytes, bounds, bands, preemption, the cache. */
#include "gpu-backend/emulated/gpu/band.h"
#include "gpu-backend/emulated/gpu/parts.h"
#include "tests/gpu/blob.h"
#include "tests/gpu/machine.h"

#include <stdlib.h>
#include <string.h>

/* Where things are in local memory. */
#define BLOB_OFFSET  0u
#define DATA_OFFSET  (1u << 20)
#define OTHER_OFFSET (6u << 20)
#define SMALL_OFFSET (12u << 20)

#define ADDRESS(offset) (PENSTOCK_LOCAL_BASE + (offset))

static struct machine machine;
static struct penstock_vulkan *vulkan;
static struct stream stream;
static struct machine_random random_state;

static void setup(void)
{
	struct penstock_errbuf error = { .text = "" };

	machine_start(&machine);
	ck_assert_msg(penstock_vulkan_open(&machine.mmu, &vulkan, &error) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", error.text);
	machine.engine.vulkan = vulkan;
	stream.used = 0;
	random_state.state = machine_seed(1);
}

static void teardown(void)
{
	penstock_vulkan_close(vulkan);
	machine_stop(&machine);
}

static uint32_t *words(uint32_t offset)
{
	return (uint32_t *)(void *)(machine.local + offset);
}

static void fill_random(uint32_t offset, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		words(offset)[i] = machine_random(&random_state);
	}
}

static void expect_completed(void)
{
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
}

/* Puts a pipeline into its place of local memory and binds it. */
static void use(enum blob_shader shader)
{
	uint32_t offset = BLOB_OFFSET + (uint32_t)shader * BLOB_BYTES_MOST;
	uint32_t bytes = blob_make(shader, 0, machine.local + offset);

	blob_append_pipeline(&stream, ADDRESS(offset), bytes);
}

/* ---------------------------------------------------------------- what shaders see */

static void append_scale(uint32_t from, uint32_t to, uint32_t count, uint32_t factor,
			 uint32_t addend)
{
	const uint32_t pushed[] = { addend, count };

	words(SMALL_OFFSET)[1] = factor;
	use(BLOB_SCALE);
	blob_append_buffer(&stream, BLOB_AT(0, 0, 0), ADDRESS(from), count * 4);
	blob_append_buffer_write(&stream, BLOB_AT(0, 1, 0), ADDRESS(to), count * 4);
	blob_append_buffer(&stream, BLOB_AT(0, 2, 0), ADDRESS(SMALL_OFFSET), 16);
	blob_append_push(&stream, 0, pushed, 2);
	blob_append_dispatch(&stream, (count + 63) / 64, 1, 1);
}

START_TEST(a_dispatch_computes_what_its_shader_says)
{
	const uint32_t counts[] = { 1, 63, 64, 65, 1000, 20000, 300000 };

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(counts); i++) {
		fill_random(DATA_OFFSET, counts[i]);
		words(OTHER_OFFSET)[counts[i]] = 0x5eed;
		append_scale(DATA_OFFSET, OTHER_OFFSET, counts[i], 2654435761u, 12345 + i);
		expect_completed();
		for (uint32_t j = 0; j < counts[i]; j++) {
			ck_assert_uint_eq(words(OTHER_OFFSET)[j],
					  words(DATA_OFFSET)[j] * 2654435761u + 12345 + i);
		}
		ck_assert_uint_eq(words(OTHER_OFFSET)[counts[i]], 0x5eed);
	}
}
END_TEST

/* A fill, a dispatch on what it filled, a copy of what that wrote, a dispatch on the copy. */
START_TEST(engines_see_what_each_other_wrote_in_order)
{
	stream_append_fill(&stream, ADDRESS(DATA_OFFSET), 4096, 7);
	append_scale(DATA_OFFSET, OTHER_OFFSET, 1024, 3, 1);
	stream_append_copy(&stream, ADDRESS(OTHER_OFFSET), ADDRESS(DATA_OFFSET), 4096);
	append_scale(DATA_OFFSET, OTHER_OFFSET, 1024, 3, 100);
	append_scale(OTHER_OFFSET, DATA_OFFSET, 1024, 3, 1000);
	expect_completed();
	for (uint32_t i = 0; i < 1024; i++) {
		ck_assert_uint_eq(words(OTHER_OFFSET)[i], (7 * 3 + 1) * 3 + 100);
		ck_assert_uint_eq(words(DATA_OFFSET)[i], ((7 * 3 + 1) * 3 + 100) * 3 + 1000);
	}
}
END_TEST

START_TEST(several_sets_and_arrays_of_descriptors_are_bound_one_by_one)
{
	static const uint32_t weights[] = { 3, 5, 7, 11 };

	fill_random(DATA_OFFSET, 4096);
	memcpy(words(SMALL_OFFSET), weights, sizeof(weights));
	blob_append_buffer_write(&stream, BLOB_AT(5, 7, 0), ADDRESS(OTHER_OFFSET), 512);
	for (uint32_t i = 0; i < 4; i++) {
		blob_append_buffer(&stream, BLOB_AT(0, 3, i), ADDRESS(DATA_OFFSET + 4096 * i), 512);
	}
	use(BLOB_SETS);
	blob_append_buffer(&stream, BLOB_AT(2, 0, 0), ADDRESS(SMALL_OFFSET), 16);
	/* What the pipeline does not have. */
	blob_append_buffer(&stream, BLOB_AT(0, 3, 4), ADDRESS(SMALL_OFFSET), 16);
	blob_append_buffer(&stream, BLOB_AT(1, 0, 0), ADDRESS(SMALL_OFFSET), 16);
	blob_append_buffer(&stream, BLOB_AT(7, 4095, 0), ADDRESS(SMALL_OFFSET), 16);
	blob_append_buffer(&stream, BLOB_AT(UINT32_MAX, UINT32_MAX, UINT32_MAX), 0, 16);
	blob_append_dispatch(&stream, 16, 1, 1);
	expect_completed();
	for (uint32_t i = 0; i < 128; i++) {
		uint32_t sum = 0;

		for (uint32_t j = 0; j < 4; j++) {
			sum += words(DATA_OFFSET + 4096 * j)[i] * weights[j];
		}
		ck_assert_uint_eq(words(OTHER_OFFSET)[i], sum);
	}
}
END_TEST

START_TEST(what_is_bound_twice_is_what_was_bound_last)
{
	const uint32_t wrong[] = { 999, 64 }, right[] = { 5 };

	fill_random(DATA_OFFSET, 64);
	append_scale(DATA_OFFSET, OTHER_OFFSET, 64, 1, 0);
	stream.used -= PENSTOCK_DMA_BYTES_DISPATCH;
	blob_append_buffer(&stream, BLOB_AT(0, 0, 0), ADDRESS(SMALL_OFFSET), 16);
	blob_append_buffer(&stream, BLOB_AT(0, 0, 0), ADDRESS(DATA_OFFSET), 256);
	blob_append_push(&stream, 0, wrong, 2);
	blob_append_push(&stream, 0, right, 1);
	blob_append_dispatch(&stream, 1, 1, 1);
	expect_completed();
	for (uint32_t i = 0; i < 64; i++) {
		ck_assert_uint_eq(words(OTHER_OFFSET)[i], words(DATA_OFFSET)[i] + 5);
	}
}
END_TEST

/* Nothing of a group outlasts it: the second one reads zeros where the first one was bound. */
START_TEST(what_is_not_bound_reads_zeros)
{
	const uint32_t pushed[] = { 9, 64 };

	fill_random(DATA_OFFSET, 64);
	append_scale(DATA_OFFSET, OTHER_OFFSET, 64, 3, 4);
	use(BLOB_SCALE);
	blob_append_buffer_write(&stream, BLOB_AT(0, 1, 0), ADDRESS(OTHER_OFFSET), 128);
	blob_append_push(&stream, 0, pushed, 2);
	blob_append_dispatch(&stream, 1, 1, 1);
	expect_completed();
	for (uint32_t i = 0; i < 64; i++) {
		ck_assert_uint_eq(words(OTHER_OFFSET)[i],
				  i < 32 ? 9 : words(DATA_OFFSET)[i] * 3 + 4);
	}
}
END_TEST

START_TEST(a_workgroup_shares_memory_behind_a_barrier)
{
	fill_random(DATA_OFFSET, 1024);
	memcpy(words(OTHER_OFFSET), words(DATA_OFFSET), 4096);
	use(BLOB_REVERSE);
	blob_append_buffer_write(&stream, BLOB_AT(0, 0, 0), ADDRESS(DATA_OFFSET), 4096);
	blob_append_dispatch(&stream, 8, 1, 1);
	expect_completed();
	for (uint32_t i = 0; i < 1024; i++) {
		ck_assert_uint_eq(words(DATA_OFFSET)[i],
				  words(OTHER_OFFSET)[i / 128 * 128 + 127 - i % 128]);
	}
}
END_TEST

/* ---------------------------------------------------------------- bounds */

/* A range among others, and what is around it. */
#define AROUND_BYTES 4096u

static void append_wander(uint64_t size, uint32_t index, uint32_t value, uint32_t slot)
{
	const uint32_t pushed[] = { index, value, slot };

	use(BLOB_WANDER);
	blob_append_buffer(&stream, BLOB_AT(0, 0, 0), ADDRESS(DATA_OFFSET + AROUND_BYTES), size);
	blob_append_buffer_write(&stream, BLOB_AT(0, 1, 0), ADDRESS(DATA_OFFSET + 3 * AROUND_BYTES),
				 size);
	blob_append_buffer(&stream, BLOB_AT(0, 2, 0), ADDRESS(DATA_OFFSET + 5 * AROUND_BYTES),
			   size);
	blob_append_buffer_write(&stream, BLOB_AT(0, 3, 0), ADDRESS(OTHER_OFFSET), 4096);
	blob_append_push(&stream, 0, pushed, 3);
	blob_append_dispatch(&stream, 1, 1, 1);
}

/* The range itself, which an index whose byte offset has more than 32 bits may wrap to. */
static void forget_range(uint8_t *bytes, uint64_t size)
{
	memset(bytes + 3 * AROUND_BYTES, 0, size & ~3ull);
}

static void expect_zeros(uint32_t slot, bool uniform_too)
{
	ck_assert_uint_eq(words(OTHER_OFFSET)[slot * 3], 0);
	/* The shader takes the uniform's index modulo 256: that may be one that is bound. */
	if (uniform_too) {
		ck_assert_uint_eq(words(OTHER_OFFSET)[slot * 3 + 1], 0);
	}
}

/* Of a dword that ends behind the range, nothing is read and nothing written. */
START_TEST(an_index_past_the_range_reads_zeros_and_writes_nothing)
{
	static const uint64_t sizes[] = { 4, 6, 8, 10, 15, 16, 17, 64, 100, 1020, 1024 };
	static const uint32_t past[] = { 0,
					 1,
					 2,
					 15,
					 16,
					 255,
					 1023,
					 4095,
					 1u << 20,
					 1u << 28,
					 (1u << 30) - 1,
					 1u << 30,
					 1u << 31,
					 UINT32_MAX - 1,
					 UINT32_MAX };
	const size_t bytes = OTHER_OFFSET - DATA_OFFSET;
	uint8_t *data = machine.local + DATA_OFFSET;
	uint8_t *before = malloc(bytes);

	ck_assert_ptr_nonnull(before);
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(sizes) * PENSTOCK_ARRAY_SIZE(past); i++) {
		uint64_t size = sizes[i / PENSTOCK_ARRAY_SIZE(past)];
		uint32_t index = past[i % PENSTOCK_ARRAY_SIZE(past)];
		bool wraps = index > 1u << 28;

		fill_random(DATA_OFFSET, 7 * AROUND_BYTES / 4);
		memcpy(before, data, bytes);
		append_wander(size, (uint32_t)(size / 4) + index, 0x11111111, i);
		expect_completed();
		if (wraps) {
			forget_range(before, size);
			forget_range(data, size);
		} else {
			expect_zeros(i, size / 4 + index < 256);
		}
		ck_assert_msg(memcmp(before, data, bytes) == 0, "size %u, index 0x%x behind it",
			      (unsigned)size, index);
	}
	free(before);
}
END_TEST

START_TEST(an_index_inside_of_the_range_is_what_is_there)
{
	fill_random(DATA_OFFSET, 7 * AROUND_BYTES / 4);
	append_wander(1024, 255, 77, 1);
	expect_completed();
	ck_assert_uint_eq(words(OTHER_OFFSET)[3], words(DATA_OFFSET + AROUND_BYTES)[255]);
	ck_assert_uint_eq(words(OTHER_OFFSET)[4], words(DATA_OFFSET + 5 * AROUND_BYTES)[255]);
	ck_assert_uint_eq(words(OTHER_OFFSET)[5], 77);
	ck_assert_uint_eq(words(DATA_OFFSET + 3 * AROUND_BYTES)[255], 78);
}
END_TEST

/* Ranges at each multiple of what Vulkan is asked to take, not only of a buffer's alignment. */
START_TEST(a_range_may_begin_at_any_sixteen_bytes)
{
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t from = DATA_OFFSET + 16 * i, to = OTHER_OFFSET + 16 * (7 - i);

		fill_random(from, 100);
		fill_random(to - 16, 108);
		memcpy(words(SMALL_OFFSET + 4096), words(to - 16), 108 * 4);
		append_scale(from, to, 100, 3, 1);
		expect_completed();
		for (uint32_t j = 0; j < 108; j++) {
			ck_assert_uint_eq(words(to - 16)[j], j < 4 || j >= 104
								     ? words(SMALL_OFFSET + 4096)[j]
								     : words(from)[j - 4] * 3 + 1);
		}
	}
}
END_TEST

/* ---------------------------------------------------------------- page faults */

static void append_fault(uint64_t from, uint64_t to)
{
	const uint32_t pushed[] = { 1, 1024 };

	use(BLOB_SCALE);
	blob_append_buffer(&stream, BLOB_AT(0, 0, 0), from, 4096);
	blob_append_buffer_write(&stream, BLOB_AT(0, 1, 0), to, 4096);
	blob_append_buffer(&stream, BLOB_AT(0, 2, 0), ADDRESS(SMALL_OFFSET), 16);
	blob_append_push(&stream, 0, pushed, 2);
	blob_append_dispatch(&stream, 16, 1, 1);
}

START_TEST(B5_a_range_outside_of_the_windows_is_a_page_fault)
{
	stream_append(&stream, PENSTOCK_DMA_NOP, 0);
	append_fault(ADDRESS(MACHINE_LOCAL_BYTES - 4080), ADDRESS(OTHER_OFFSET));
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.dma_offset, PENSTOCK_DMA_BYTES_NOP);
	ck_assert_uint_eq(machine.engine.fault_address, ADDRESS(MACHINE_LOCAL_BYTES));
	ck_assert(!machine.engine.fault_write);
	append_fault(ADDRESS(DATA_OFFSET), 0x10);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.fault_address, 0x10);
	ck_assert(machine.engine.fault_write);
}
END_TEST

/* By the thread of the driver that runs the shader, which cannot be brought out of there. */
START_TEST(B5_a_shader_that_touches_an_unmapped_page_is_a_page_fault)
{
	static const bool writes[] = { false, true };
	uint64_t address = PENSTOCK_APERTURE_BASE + 0x5000;

	stream_append(&stream, PENSTOCK_DMA_NOP, 0);
	append_fault(writes[_i] ? ADDRESS(DATA_OFFSET) : address,
		     writes[_i] ? address : ADDRESS(OTHER_OFFSET));
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.dma_offset, PENSTOCK_DMA_BYTES_NOP);
	ck_assert_uint_ge(machine.engine.fault_address, address);
	ck_assert_uint_lt(machine.engine.fault_address, address + 4096);
#if defined(__x86_64__)
	ck_assert_int_eq(machine.engine.fault_write, writes[_i]);
#endif
	/* Its other engines live on. */
	append_fault(ADDRESS(DATA_OFFSET), ADDRESS(OTHER_OFFSET));
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_ILLEGAL);
	stream_append_fill(&stream, ADDRESS(DATA_OFFSET), 4, 3);
	expect_completed();
}
END_TEST

START_TEST(a_pipeline_on_an_unmapped_page_is_a_page_fault)
{
	static uint8_t blob[BLOB_BYTES_MOST];

	blob_append_pipeline(&stream, PENSTOCK_APERTURE_BASE, blob_make(BLOB_STEP, 0, blob));
	blob_append_dispatch(&stream, 1, 1, 1);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.fault_address, PENSTOCK_APERTURE_BASE);
}
END_TEST

/* What is mapped after the import is what shaders see. */
START_TEST(B5_pages_that_are_mapped_later_are_seen)
{
	memset(machine.system, 0, 8192);
	((uint32_t *)(void *)machine.system)[1024 + 5] = 41;
	stream_append_map(&stream, MACHINE_SYSTEM_FILE, PENSTOCK_APERTURE_BASE + 0x5000, 4096, 4096,
			  0);
	ck_assert_int_eq(machine_run_paging(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
	words(SMALL_OFFSET)[1] = 2;
	append_fault(PENSTOCK_APERTURE_BASE + 0x5000, ADDRESS(OTHER_OFFSET));
	expect_completed();
	ck_assert_uint_eq(words(OTHER_OFFSET)[5], 83);
	ck_assert_uint_eq(words(OTHER_OFFSET)[6], 1);
}
END_TEST

/* ---------------------------------------------------------------- bands, preemption */

START_TEST(bands_are_boxes_that_follow_each_other)
{
	random_state.state = machine_seed(1);
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t groups[3] = { 1 + machine_below(&random_state, 20),
				       1 + machine_below(&random_state, 20),
				       1 + machine_below(&random_state, 20) };
		uint64_t total = (uint64_t)groups[0] * groups[1] * groups[2], position = 0;

		while (position < total) {
			uint64_t wanted = machine_below(&random_state, 1 + (uint32_t)total * 2);
			struct penstock_band band;
			uint64_t last;

			penstock_band_at(groups, position, wanted, &band);
			ck_assert_uint_ge(band.count, 1);
			ck_assert(band.count <= wanted || (wanted == 0 && band.count == 1));
			for (unsigned j = 0; j < 3; j++) {
				ck_assert_uint_le(band.first[j] + band.groups[j], groups[j]);
			}
			ck_assert_uint_eq((band.first[2] * groups[1] + band.first[1]) * groups[0] +
						  band.first[0],
					  position);
			/* As many as lie between its first and its last one: none is left out. */
			last = ((band.first[2] + band.groups[2] - 1) * groups[1] + band.first[1] +
				band.groups[1] - 1) *
				       groups[0] +
			       band.first[0] + band.groups[0] - 1;
			ck_assert_uint_eq(last - position + 1, band.count);
			position += band.count;
		}
		ck_assert_uint_eq(position, total);
	}
}
END_TEST

static void append_step(const uint32_t extent[3], const uint32_t base[3], uint32_t factor)
{
	const uint32_t pushed[] = { extent[0], extent[1], extent[2], factor };
	uint8_t *dispatch;

	use(BLOB_STEP);
	blob_append_push(&stream, 0, pushed, 4);
	blob_append_buffer_write(&stream, BLOB_AT(0, 0, 0), ADDRESS(DATA_OFFSET),
				 extent[0] * extent[1] * extent[2] * 16);
	blob_append_dispatch(&stream, extent[0] - base[0], extent[1] - base[1],
			     extent[2] - base[2]);
	dispatch = stream.bytes + stream.used - PENSTOCK_DMA_BYTES_DISPATCH;
	for (size_t i = 0; i < 3; i++) {
		penstock_store32(dispatch + PENSTOCK_DMA_DISPATCH_base_x + 4 * i, base[i]);
	}
}

static void expect_step(const uint32_t extent[3], const uint32_t base[3], uint32_t factor,
			const uint32_t *before)
{
	for (uint32_t i = 0; i < extent[0] * extent[1] * extent[2] * 4; i++) {
		uint32_t group = i / 4, x = group % extent[0], y = group / extent[0] % extent[1],
			 z = group / extent[0] / extent[1];
		bool runs = x >= base[0] && y >= base[1] && z >= base[2];

		ck_assert_uint_eq(words(DATA_OFFSET)[i],
				  runs ? before[i] * factor + i + 1 : before[i]);
	}
}

static const uint32_t extents[][3] = {
	{ 7, 5, 3 }, { 1, 1, 90 }, { 150, 1, 1 }, { 2, 60, 2 }, { 33, 3, 1 }
};
static const uint32_t bases[][3] = {
	{ 0, 0, 0 }, { 0, 0, 5 }, { 11, 0, 0 }, { 1, 7, 0 }, { 3, 1, 0 }
};

START_TEST(bands_of_any_size_give_the_same_bytes)
{
	static uint32_t before[4096];

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(extents); i++) {
		for (uint64_t first = 1; first < 200; first += 1 + first * 2) {
			vulkan->first_band_groups = first;
			vulkan->band_ns = first % 2 == 0 ? 1000000 : 0;
			fill_random(DATA_OFFSET, PENSTOCK_ARRAY_SIZE(before));
			memcpy(before, words(DATA_OFFSET), sizeof(before));
			append_step(extents[i], bases[i], 5);
			expect_completed();
			expect_step(extents[i], bases[i], 5, before);
		}
	}
}
END_TEST

/*
 * The flag is a cell that the shader itself writes, so that the request comes while that workgroup
 * runs: each one in its turn.
 */
START_TEST(D5_preempted_at_any_workgroup_it_goes_on_from_there)
{
	static const uint32_t none[3] = { 0, 0, 0 };
	const uint32_t *extent = extents[0];
	uint32_t total = extent[0] * extent[1] * extent[2];
	static uint32_t before[4096];
	unsigned preempted = 0;

	vulkan->first_band_groups = 1;
	vulkan->band_ns = 0;
	for (uint32_t at = 0; at < total; at++) {
		uint64_t seen;
		uint32_t end;
		enum penstock_outcome outcome;

		fill_random(DATA_OFFSET, total * 4);
		memcpy(before, words(DATA_OFFSET), sizeof(before));
		stream_append(&stream, PENSTOCK_DMA_NOP, 0);
		append_step(extent, none, 3);
		stream_append_fill(&stream, ADDRESS(OTHER_OFFSET), 4, at);
		end = stream.used;
		memcpy(&seen, words(DATA_OFFSET) + at * 4, sizeof(seen));
		machine.engine.preempt_flag = (uint64_t *)(void *)(words(DATA_OFFSET) + at * 4);
		machine.engine.preempt_seen = seen;
		outcome = machine_run(&machine, &stream);
		/* Behind the last one it is the next instruction that does not begin. */
		ck_assert_int_eq(outcome, PENSTOCK_OUTCOME_PREEMPTED);
		ck_assert_uint_eq(words(OTHER_OFFSET)[0], at == 0 ? 0 : at - 1);
		if (at + 1 < total) {
			ck_assert_uint_eq(machine.engine.dma_offset, PENSTOCK_DMA_BYTES_NOP);
			ck_assert_uint_eq(machine.engine.position, at + 1);
			preempted++;
		} else {
			ck_assert_uint_eq(machine.engine.position, 0);
		}
		machine.engine.preempt_flag = NULL;
		ck_assert_int_eq(penstock_processor_run(
					 &machine.engine, ADDRESS(MACHINE_STREAM_OFFSET),
					 machine.engine.dma_offset, end, machine.engine.position),
				 PENSTOCK_OUTCOME_COMPLETED);
		expect_step(extent, none, 3, before);
		ck_assert_uint_eq(words(OTHER_OFFSET)[0], at);
	}
	ck_assert_uint_eq(preempted, total - 1);
}
END_TEST

/* ---------------------------------------------------------------- one submission of many */

static const uint32_t one_group[3] = { 1, 1, 1 };
static const uint32_t no_base[3] = { 0, 0, 0 };

/* They ran before: what they take is known, so that they can be one submission. */
static void warm_up(void)
{
	for (unsigned i = 0; i < 2; i++) {
		append_step(one_group, no_base, 0);
		append_scale(DATA_OFFSET, OTHER_OFFSET, 64, 0, 0);
		expect_completed();
	}
	memset(machine.local + DATA_OFFSET, 0, 16);
}

static void expect_steps(uint32_t count)
{
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t value = 0;

		for (uint32_t j = 0; j < count; j++) {
			value = value * (j + 2) + i + 1;
		}
		ck_assert_uint_eq(words(DATA_OFFSET)[i], value);
	}
}

START_TEST(small_dispatches_in_a_row_run_one_after_the_other)
{
	warm_up();
	for (uint32_t i = 0; i < 300; i++) {
		append_step(one_group, no_base, i + 2);
	}
	expect_completed();
	expect_steps(300);
}
END_TEST

/* The fault is that group's; what stands before it is done, and what stands behind it is not. */
START_TEST(B5_a_page_fault_among_small_dispatches_is_at_its_group)
{
	uint32_t offset;

	warm_up();
	for (uint32_t i = 0; i < 3; i++) {
		append_step(one_group, no_base, i + 2);
	}
	offset = stream.used;
	append_fault(PENSTOCK_APERTURE_BASE + 0x5000, ADDRESS(OTHER_OFFSET));
	append_step(one_group, no_base, 9);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.dma_offset, offset);
	ck_assert_uint_ge(machine.engine.fault_address, PENSTOCK_APERTURE_BASE + 0x5000);
	ck_assert_uint_lt(machine.engine.fault_address, PENSTOCK_APERTURE_BASE + 0x6000);
	expect_steps(3);
}
END_TEST

/* A pipeline, or a range, that cannot be; and a group that is cut off. */
START_TEST(what_is_illegal_among_small_dispatches_is_at_its_group)
{
	for (unsigned i = 0; i < 4; i++) {
		uint32_t offset;
		enum penstock_outcome outcome;

		warm_up();
		append_step(one_group, no_base, 2);
		append_step(one_group, no_base, 3);
		offset = stream.used;
		append_step(one_group, no_base, 4);
		stream.used -= PENSTOCK_DMA_BYTES_DISPATCH;
		if (i == 0) {
			blob_append_pipeline(&stream, ADDRESS(SMALL_OFFSET), 4096);
		} else if (i == 1) {
			blob_append_buffer(&stream, BLOB_AT(0, 0, 0), ADDRESS(8), 64);
		} else if (i == 2) {
			blob_append_pipeline(&stream, 0x10, 4096);
		}
		if (i < 3) {
			blob_append_dispatch(&stream, 1, 1, 1);
		}
		outcome = machine_run(&machine, &stream);
		ck_assert_int_eq(outcome,
				 i == 2 ? PENSTOCK_OUTCOME_PAGE_FAULT : PENSTOCK_OUTCOME_ILLEGAL);
		ck_assert_uint_eq(machine.engine.dma_offset, offset);
		expect_steps(2);
	}
}
END_TEST

/* Whatever comes back as the position: it is somewhere in the dispatch, or behind it. */
START_TEST(a_position_behind_the_dispatch_has_nothing_left_to_do)
{
	static const uint64_t positions[] = { 105, 106, 1ull << 33, UINT64_MAX };
	static const uint32_t none[3] = { 0, 0, 0 };

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(positions); i++) {
		uint32_t end;

		append_step(extents[0], none, 3);
		end = stream.used;
		memset(words(DATA_OFFSET), 0x33, 4096);
		memcpy(machine.local + MACHINE_STREAM_OFFSET, stream.bytes, end);
		stream.used = 0;
		ck_assert_int_eq(penstock_processor_run(&machine.engine,
							ADDRESS(MACHINE_STREAM_OFFSET), 0, end,
							positions[i]),
				 PENSTOCK_OUTCOME_COMPLETED);
		for (uint32_t j = 0; j < 1024; j++) {
			ck_assert_uint_eq(words(DATA_OFFSET)[j], 0x33333333);
		}
	}
}
END_TEST

START_TEST(a_shader_that_counts_workgroups_sees_all_of_them)
{
	static const uint32_t groups[][3] = { { 1, 1, 1 }, { 300, 1, 1 }, { 20, 30, 2 } };

	vulkan->first_band_groups = 1;
	vulkan->band_ns = 0;
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(groups); i++) {
		const uint32_t *count = groups[i];
		uint32_t total = count[0] * count[1] * count[2];

		use(BLOB_COUNTS);
		blob_append_buffer_write(&stream, BLOB_AT(0, 0, 0), ADDRESS(DATA_OFFSET),
					 4 * total);
		blob_append_dispatch(&stream, count[0], count[1], count[2]);
		expect_completed();
		for (uint32_t j = 0; j < total; j++) {
			ck_assert_uint_eq(words(DATA_OFFSET)[j],
					  count[0] << 20 | count[1] << 10 | count[2]);
		}
	}
}
END_TEST

START_TEST(no_workgroups_are_done_at_once)
{
	for (unsigned i = 0; i < 3; i++) {
		use(BLOB_COUNTS);
		blob_append_dispatch(&stream, i != 0, i != 1, i != 2);
		expect_completed();
	}
}
END_TEST

/* ---------------------------------------------------------------- what is illegal */

static void expect_illegal(void)
{
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_ILLEGAL);
	ck_assert_uint_eq(machine.engine.dma_offset, PENSTOCK_DMA_BYTES_NOP);
	ck_assert_uint_eq(words(OTHER_OFFSET)[0], 0);
}

/* Each dword of the pipeline's description with other values, as far as they make it invalid. */
START_TEST(what_is_no_pipeline_is_illegal)
{
	static const uint32_t values[] = { 0,          1,          3,          72,
					   0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff };
	static uint8_t good[BLOB_BYTES_MOST];
	uint32_t bytes = blob_make(BLOB_SCALE, 0, good);
	const struct penstock_pipeline *header = (const void *)good;
	uint32_t description =
		header->stage_offset + (uint32_t)sizeof(struct penstock_pipeline_stage);
	unsigned tried = 0;

	for (uint32_t at = 0; at < description; at += 4) {
		for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(values); i++) {
			uint8_t *blob = machine.local + BLOB_OFFSET;

			memcpy(blob, good, bytes);
			penstock_store32(blob + at, values[i]);
			if (penstock_pipeline_valid(blob, bytes)) {
				continue;
			}
			tried++;
			stream_append(&stream, PENSTOCK_DMA_NOP, 0);
			blob_append_pipeline(&stream, ADDRESS(BLOB_OFFSET), bytes);
			blob_append_dispatch(&stream, 1, 1, 1);
			expect_illegal();
		}
	}
	ck_assert_uint_gt(tried, 100);
}
END_TEST

START_TEST(a_pipeline_of_another_size_kind_or_without_its_module_is_illegal)
{
	uint8_t *blob = machine.local + BLOB_OFFSET;
	struct penstock_pipeline *header = (struct penstock_pipeline *)(void *)blob;

	for (unsigned i = 0; i < 6; i++) {
		uint32_t bytes = blob_make(BLOB_SCALE, 0, blob);
		struct penstock_pipeline_stage *stage = (void *)(blob + header->stage_offset);

		switch (i) {
		case 0:
			header->kind = PENSTOCK_PIPELINE_GRAPHICS;
			break;
		case 1:
			stage->stage = PENSTOCK_STAGE_VERTEX;
			break;
		case 2:
			blob[stage->spirv_offset]++;
			break;
		case 3:
			stage->spirv_bytes = 16;
			break;
		case 4:
			bytes -= 4;
			break;
		case 5: /* more of them than a stage of the device has */
			((struct penstock_pipeline_binding *)(void *)(blob +
								      header->binding_offset))
				->count = 64;
			break;
		}
		stream_append(&stream, PENSTOCK_DMA_NOP, 0);
		blob_append_pipeline(&stream, ADDRESS(BLOB_OFFSET), bytes);
		blob_append_dispatch(&stream, 1, 1, 1);
		expect_illegal();
	}
}
END_TEST

/* Cut off, mixed with another instruction, without its pipeline, past a limit. */
START_TEST(a_group_that_is_none_is_illegal_at_its_first_instruction)
{
	static const uint32_t dword[] = { 0 };

	for (unsigned i = 0; i < 9; i++) {
		uint8_t *dispatch;

		stream_append(&stream, PENSTOCK_DMA_NOP, 0);
		if (i != 1) {
			use(BLOB_COUNTS);
		}
		if (i == 2) {
			stream_append(&stream, PENSTOCK_DMA_NOP, 0);
		} else if (i == 3) {
			stream_append_fill(&stream, ADDRESS(OTHER_OFFSET), 4, 1);
		} else if (i == 4) {
			blob_append_push(&stream, 2, dword, 1);
		} else if (i == 5) {
			blob_append_push(&stream, PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES, dword, 1);
		} else if (i == 6) {
			blob_append_buffer(&stream, BLOB_AT(0, 0, 0), ADDRESS(DATA_OFFSET + 8), 64);
		} else if (i == 7) {
			blob_append_pipeline(&stream, ADDRESS(BLOB_OFFSET), 8);
		}
		if (i != 0) {
			blob_append_dispatch(&stream, 1, 1, 1);
			dispatch = stream.bytes + stream.used - PENSTOCK_DMA_BYTES_DISPATCH;
			if (i == 8) {
				penstock_store32(dispatch + PENSTOCK_DMA_DISPATCH_base_y,
						 PENSTOCK_LIMIT_WORKGROUPS);
			}
		}
		expect_illegal();
	}
}
END_TEST

START_TEST(a_range_that_vulkan_does_not_take_is_illegal)
{
	stream_append(&stream, PENSTOCK_DMA_NOP, 0);
	use(BLOB_SCALE);
	blob_append_buffer(&stream, BLOB_AT(0, 2, 0), ADDRESS(SMALL_OFFSET), 65536 + 4);
	blob_append_dispatch(&stream, 1, 1, 1);
	expect_illegal();
	stream_append(&stream, PENSTOCK_DMA_NOP, 0);
	use(BLOB_SCALE);
	blob_append_buffer(&stream, BLOB_AT(0, 0, 0), ADDRESS(SMALL_OFFSET), UINT64_MAX);
	blob_append_dispatch(&stream, 1, 1, 1);
	expect_illegal();
}
END_TEST

START_TEST(groups_are_illegal_where_the_engine_has_no_vulkan)
{
	machine.engine.vulkan = NULL;
	stream_append(&stream, PENSTOCK_DMA_NOP, 0);
	use(BLOB_COUNTS);
	blob_append_dispatch(&stream, 1, 1, 1);
	expect_illegal();
}
END_TEST

/* ---------------------------------------------------------------- the cache */

static void run_variant(uint32_t variant)
{
	const uint32_t pushed[] = { variant, 64 };
	uint32_t bytes = blob_make(BLOB_SCALE, variant, machine.local + BLOB_OFFSET);

	memset(machine.local + OTHER_OFFSET, 0, 256);
	blob_append_pipeline(&stream, ADDRESS(BLOB_OFFSET), bytes);
	blob_append_buffer_write(&stream, BLOB_AT(0, 1, 0), ADDRESS(OTHER_OFFSET), 256);
	blob_append_push(&stream, 0, pushed, 2);
	blob_append_dispatch(&stream, 1, 1, 1);
	expect_completed();
	for (uint32_t i = 0; i < 64; i++) {
		ck_assert_uint_eq(words(OTHER_OFFSET)[i], variant);
	}
}

static bool is_cached(uint32_t variant)
{
	static uint8_t blob[BLOB_BYTES_MOST];

	blob_make(BLOB_SCALE, variant, blob);
	return penstock_pipelines_find(&vulkan->pipelines, (const void *)blob) != NULL;
}

START_TEST(the_cache_drops_what_was_not_used_for_longest)
{
	vulkan->pipelines.count_most = 4;
	for (uint32_t i = 1; i <= 4; i++) {
		run_variant(i);
	}
	run_variant(1);
	run_variant(5);
	ck_assert_uint_eq(vulkan->pipelines.count, 4);
	ck_assert(is_cached(1));
	ck_assert(!is_cached(2));
	ck_assert(is_cached(5));
	run_variant(2);
	ck_assert_uint_eq(vulkan->pipelines.count, 4);
	vulkan->pipelines.bytes_most = vulkan->pipelines.bytes / 2;
	run_variant(6);
	ck_assert_uint_eq(vulkan->pipelines.count, 2);
	/* Not even one: the one that is used is there. */
	vulkan->pipelines.bytes_most = 1;
	run_variant(7);
	run_variant(8);
	ck_assert_uint_eq(vulkan->pipelines.count, 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *result = suite_create("dispatch");
	TCase *tcase = tcase_create("dispatch");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_dispatch_computes_what_its_shader_says);
	tcase_add_test(tcase, engines_see_what_each_other_wrote_in_order);
	tcase_add_test(tcase, several_sets_and_arrays_of_descriptors_are_bound_one_by_one);
	tcase_add_test(tcase, what_is_bound_twice_is_what_was_bound_last);
	tcase_add_test(tcase, what_is_not_bound_reads_zeros);
	tcase_add_test(tcase, a_workgroup_shares_memory_behind_a_barrier);
	tcase_add_test(tcase, an_index_past_the_range_reads_zeros_and_writes_nothing);
	tcase_add_test(tcase, an_index_inside_of_the_range_is_what_is_there);
	tcase_add_test(tcase, a_range_may_begin_at_any_sixteen_bytes);
	tcase_add_test(tcase, B5_a_range_outside_of_the_windows_is_a_page_fault);
	tcase_add_loop_test(tcase, B5_a_shader_that_touches_an_unmapped_page_is_a_page_fault, 0, 2);
	tcase_add_test(tcase, a_pipeline_on_an_unmapped_page_is_a_page_fault);
	tcase_add_test(tcase, B5_pages_that_are_mapped_later_are_seen);
	tcase_add_test(tcase, bands_are_boxes_that_follow_each_other);
	tcase_add_test(tcase, bands_of_any_size_give_the_same_bytes);
	tcase_add_test(tcase, D5_preempted_at_any_workgroup_it_goes_on_from_there);
	tcase_add_test(tcase, small_dispatches_in_a_row_run_one_after_the_other);
	tcase_add_test(tcase, B5_a_page_fault_among_small_dispatches_is_at_its_group);
	tcase_add_test(tcase, what_is_illegal_among_small_dispatches_is_at_its_group);
	tcase_add_test(tcase, a_position_behind_the_dispatch_has_nothing_left_to_do);
	tcase_add_test(tcase, a_shader_that_counts_workgroups_sees_all_of_them);
	tcase_add_test(tcase, no_workgroups_are_done_at_once);
	tcase_add_test(tcase, what_is_no_pipeline_is_illegal);
	tcase_add_test(tcase, a_pipeline_of_another_size_kind_or_without_its_module_is_illegal);
	tcase_add_test(tcase, a_group_that_is_none_is_illegal_at_its_first_instruction);
	tcase_add_test(tcase, a_range_that_vulkan_does_not_take_is_illegal);
	tcase_add_test(tcase, groups_are_illegal_where_the_engine_has_no_vulkan);
	tcase_add_test(tcase, the_cache_drops_what_was_not_used_for_longest);
	suite_add_tcase(result, tcase);
	return result;
}

int main(void)
{
	return penstock_test_main(suite());
}
