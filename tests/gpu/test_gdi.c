/* SPDX-License-Identifier: MIT */
/*
 * The GDI engine against the independent reference (tests/golden/reference.c), bit for bit, over
 * seeded random records: all operations, formats, raster operations, mirrored, clipped, scaled, on
 * one surface and on two. PENSTOCK_SEED chooses another seed.
 */
#include "gpu-backend/emulated/gpu/pixels.h"
#include "tests/gpu/machine.h"
#include "tests/gpu/record.h"

#include <stdlib.h>
#include <string.h>

/* What the scenes use of local memory; the reference works on a copy of it. */
#define SCENE_BYTES (1u << 20)

#define SOURCE_OFFSET      0u
#define DESTINATION_OFFSET (512u << 10)
#define GAMMA_OFFSET       (1008u << 10)

#define RECTS_MAX 6

struct scene {
	struct reference_surface source;
	struct reference_surface destination;
	struct reference_surface gamma;
	struct reference_rect rects[RECTS_MAX];
	struct reference_record record; /* points at the surfaces of this scene */
};

/* A field of the instruction at `bytes`. */
#define PUT32(record, field, value)                                                                \
	penstock_store32(bytes + PENSTOCK_DMA_##record##_##field, (uint32_t)(value))
#define PUT64(record, field, value)                                                                \
	penstock_store64(bytes + PENSTOCK_DMA_##record##_##field, (value))

static struct machine machine;
static struct stream stream;
static uint8_t *expected;
static struct machine_random random_state;

static void setup(void)
{
	machine_start(&machine);
	stream.used = 0;
	expected = malloc(SCENE_BYTES);
	ck_assert_ptr_nonnull(expected);
}

static void teardown(void)
{
	free(expected);
	machine_stop(&machine);
}

static int below(int limit)
{
	return (int)machine_below(&random_state, (uint32_t)limit);
}

/* first <= result <= last */
static int between(int first, int last)
{
	return first + below(last - first + 1);
}

static void append(const struct reference_record *record, int first_rect, int rect_count)
{
	record_append(&stream, expected, record, first_rect, rect_count);
}

/* ---------------------------------------------------------------- random scenes */

/* Small values often, so that colours meet and alphas are 0 and 255. */
static void scramble(uint8_t *bytes, size_t count)
{
	static const uint8_t often[] = { 0, 255, 1, 128 };

	for (size_t i = 0; i < count; i += 4) {
		uint32_t value = machine_random(&random_state);

		if ((value & 3) == 0) {
			value = often[value >> 2 & 3] * 0x01010101u;
		}
		penstock_store32(bytes + i, value);
	}
}

static struct reference_surface make_surface(uint32_t offset, enum reference_format format,
					     int width, int height)
{
	int row = width * (format == REFERENCE_A8 ? 1 : 4);

	return (struct reference_surface){
		.bytes = expected + offset,
		.width = width,
		.height = height,
		.pitch = (row + 3) / 4 * 4 + 4 * below(5),
		.format = format,
	};
}

static enum reference_format colour_format(void)
{
	return (enum reference_format)between(REFERENCE_A8R8G8B8, REFERENCE_X8B8G8R8);
}

/* A rectangle that is not empty inside w x h. */
static struct reference_rect rect_inside(int width, int height)
{
	struct reference_rect rect = { .left = below(width), .top = below(height) };

	rect.right = between(rect.left + 1, width);
	rect.bottom = between(rect.top + 1, height);
	return rect;
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

static int min(int a, int b)
{
	return a < b ? a : b;
}

/* Sub-rectangles inside `bounds`, one in eight empty. */
static void make_rects(struct scene *scene, struct reference_rect bounds)
{
	scene->record.sub_rect_count = 0;
	bounds.left = max(bounds.left, 0);
	bounds.top = max(bounds.top, 0);
	bounds.right = min(bounds.right, scene->destination.width);
	bounds.bottom = min(bounds.bottom, scene->destination.height);
	if (bounds.left >= bounds.right || bounds.top >= bounds.bottom) {
		return;
	}
	scene->record.sub_rect_count = below(RECTS_MAX + 1);
	for (int i = 0; i < scene->record.sub_rect_count; i++) {
		struct reference_rect rect =
			rect_inside(bounds.right - bounds.left, bounds.bottom - bounds.top);

		scene->rects[i] =
			(struct reference_rect){ rect.left + bounds.left, rect.top + bounds.top,
						 rect.right + bounds.left,
						 rect.bottom + bounds.top };
		if (below(8) == 0) {
			scene->rects[i].right = scene->rects[i].left;
		}
	}
}

/* destination_rect: the size of the source, or another; it may exceed the surface. */
static struct reference_rect destination_rect(const struct scene *scene, int width, int height)
{
	struct reference_rect rect;

	rect.left = between(-width / 2, scene->destination.width - 1);
	rect.top = between(-height / 2, scene->destination.height - 1);
	rect.right = rect.left + width;
	rect.bottom = rect.top + height;
	return rect;
}

static void make_mapped(struct scene *scene)
{
	struct reference_record *record = &scene->record;
	int width, height;

	record->source_rect = rect_inside(scene->source.width, scene->source.height);
	width = record->source_rect.right - record->source_rect.left;
	height = record->source_rect.bottom - record->source_rect.top;
	if (below(3) != 0) {
		width = between(1, 100);
		height = between(1, 100);
	}
	record->destination_rect = destination_rect(scene, width, height);
	make_rects(scene, record->destination_rect);
}

/* source_rect may exceed the source surface; sub-rectangles, shifted, do not. */
static void make_bitblt(struct scene *scene)
{
	struct reference_record *record = &scene->record;
	struct reference_rect bounds;
	int dx, dy;

	if (below(2) == 0) {
		record->source = &scene->destination;
	}
	bounds = rect_inside(record->source->width, record->source->height);
	dx = between(-20, 20);
	dy = below(3) == 0 ? 0 : between(-20, 20);
	record->destination_rect = (struct reference_rect){ bounds.left - dx, bounds.top - dy,
							    bounds.right - dx, bounds.bottom - dy };
	make_rects(scene, record->destination_rect);
	bounds.right += below(10);
	record->destination_rect.right = bounds.right - dx;
	record->source_rect = bounds;
	record->rop3 = below(16) * 0x11;
	if (below(2) == 0) {
		record->rop3 = 0xcc;
	}
}

static void make_cleartype(struct scene *scene)
{
	struct reference_record *record = &scene->record;
	struct reference_rect bounds;

	record->offset_x = between(-10, 10);
	record->offset_y = between(-10, 10);
	bounds = (struct reference_rect){ -record->offset_x, -record->offset_y,
					  scene->source.width - record->offset_x,
					  scene->source.height - record->offset_y };
	record->gamma = between(-1, 15);
	make_rects(scene, bounds);
}

static void make_formats(struct scene *scene, enum reference_operation operation)
{
	enum reference_format source = colour_format(), destination = colour_format();
	int width = 90, height = 90;

	if ((operation == REFERENCE_BITBLT || operation == REFERENCE_STRETCHBLT ||
	     operation == REFERENCE_COLORFILL) &&
	    below(5) == 0) {
		source = destination = REFERENCE_A8;
	}
	if (operation == REFERENCE_CLEARTYPEBLEND && below(2) == 0) {
		source = REFERENCE_A8;
	}
	/* Rows longer than what the engine holds at once, too. */
	if (below(8) == 0) {
		width = 2500;
		height = 12;
	}
	scene->source = make_surface(SOURCE_OFFSET, source, between(1, width), between(1, height));
	scene->destination = make_surface(DESTINATION_OFFSET, destination, between(1, width),
					  between(1, height));
	scene->gamma = make_surface(GAMMA_OFFSET, REFERENCE_A8, 512, 16);
	scene->record.source_has_alpha =
		(source == REFERENCE_A8R8G8B8 || source == REFERENCE_A8B8G8R8) && below(2) == 0;
}

static void make_scene(struct scene *scene, enum reference_operation operation)
{
	static const int colorfill_rops[] = { 0xf0, 0x5a, 0xa5, 0x55, 0xa0, 0xfa, 0x0f, 0x00 };
	struct reference_record *record = &scene->record;

	*scene = (struct scene){ .record = { .operation = operation } };
	make_formats(scene, operation);
	record->source = &scene->source;
	record->destination = &scene->destination;
	record->gamma_table = &scene->gamma;
	record->sub_rects = scene->rects;
	record->color = machine_random(&random_state);
	record->color2 = machine_random(&random_state);
	record->constant_alpha = below(3) == 0 ? 255 : below(256);
	record->mode = between(1, 3);
	record->mirror_x = below(2) == 0;
	record->mirror_y = below(2) == 0;
	record->honor_alpha = below(2) == 0;
	record->rop3 = colorfill_rops[below(8)];
	if (below(3) == 0) {
		record->color = below(2) == 0 ? 0xffffffff : 0;
	}
	switch (operation) {
	case REFERENCE_BITBLT:
		make_bitblt(scene);
		break;
	case REFERENCE_COLORFILL:
		make_rects(scene, (struct reference_rect){ 0, 0, 2500, 90 });
		break;
	case REFERENCE_ALPHABLEND:
	case REFERENCE_STRETCHBLT:
	case REFERENCE_TRANSPARENTBLT:
		make_mapped(scene);
		break;
	case REFERENCE_CLEARTYPEBLEND:
		make_cleartype(scene);
		break;
	case REFERENCE_OPERATIONS:
		ck_abort();
	}
}

/* ---------------------------------------------------------------- tests */

#define SCENES 1500u

/* `_i` is the operation. */
START_TEST(A14_engine_gives_the_reference_pixels)
{
	uint64_t seed = machine_seed(1);

	random_state.state = seed * 1000 + (uint64_t)_i;
	scramble(expected, SCENE_BYTES);
	memcpy(machine.local, expected, SCENE_BYTES);
	for (unsigned i = 0; i < SCENES; i++) {
		struct scene scene;

		make_scene(&scene, (enum reference_operation)_i);
		if (i % 50 == 0) {
			scramble(expected, SCENE_BYTES);
			memcpy(machine.local, expected, SCENE_BYTES);
		}
		append(&scene.record, 0, scene.record.sub_rect_count);
		ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
		reference_execute(&scene.record);
		ck_assert_msg(memcmp(machine.local, expected, SCENE_BYTES) == 0,
			      "scene %u of operation %d differs, PENSTOCK_SEED=%llu", i, _i,
			      (unsigned long long)seed);
	}
}
END_TEST

/* `_i` is the shift. The row is longer than what the engine holds at once. */
START_TEST(A14_overlapping_bitblt_reads_its_row_before_it_is_written)
{
	struct reference_surface surface = { expected, 3000, 3, 12000, REFERENCE_X8R8G8B8 };
	struct reference_rect rect = { 10, 0, 2990, 3 };
	struct reference_record record = {
		.operation = REFERENCE_BITBLT,
		.source = &surface,
		.destination = &surface,
		.source_rect = { 10 + _i, 0, 2990 + _i, 3 },
		.destination_rect = rect,
		.rop3 = 0x66,
		.sub_rects = &rect,
		.sub_rect_count = 1,
	};

	random_state.state = 4;
	scramble(expected, SCENE_BYTES);
	memcpy(machine.local, expected, SCENE_BYTES);
	append(&record, 0, 1);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
	reference_execute(&record);
	ck_assert_int_eq(memcmp(machine.local, expected, SCENE_BYTES), 0);
}
END_TEST

/* One record with N sub-rectangles is N records with one each. */
START_TEST(A14_sub_rectangles_may_be_split_into_records)
{
	uint8_t *before = malloc(SCENE_BYTES), *whole = malloc(SCENE_BYTES);

	random_state.state = machine_seed(2) * 1000 + (uint64_t)_i;
	for (unsigned i = 0; i < 60; i++) {
		struct scene scene;

		make_scene(&scene, (enum reference_operation)_i);
		scramble(before, SCENE_BYTES);
		memcpy(machine.local, before, SCENE_BYTES);
		append(&scene.record, 0, scene.record.sub_rect_count);
		ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
		memcpy(whole, machine.local, SCENE_BYTES);
		memcpy(machine.local, before, SCENE_BYTES);
		for (int rect = 0; rect < scene.record.sub_rect_count; rect++) {
			append(&scene.record, rect, 1);
		}
		ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
		ck_assert_int_eq(memcmp(machine.local, whole, SCENE_BYTES), 0);
	}
	free(before);
	free(whole);
}
END_TEST

/* ---------------------------------------------------------------- preemption */

/* A flag that is up before anything was done changes nothing about where to go on. */
static void stopped_at_once(uint32_t offset, uint32_t end, uint64_t position)
{
	struct penstock_engine *engine = &machine.engine;
	uint64_t seen = engine->preempt_seen;
	const uint64_t *flag = engine->preempt_flag;
	const uint64_t up = 1;

	engine->preempt_flag = &up;
	engine->preempt_seen = 0;
	ck_assert_int_eq(penstock_processor_run(engine, PENSTOCK_LOCAL_BASE + MACHINE_STREAM_OFFSET,
						offset, end, position),
			 PENSTOCK_OUTCOME_PREEMPTED);
	ck_assert_uint_eq(engine->dma_offset, offset);
	ck_assert_uint_eq(engine->position, position);
	engine->preempt_flag = flag;
	engine->preempt_seen = seen;
}

/*
 * The preemption flag is a word of the destination: it changes when its row is drawn, so the
 * engine is stopped at the next band, again and again.
 */
static unsigned run_preempted(const struct reference_record *record)
{
	struct penstock_engine *engine = &machine.engine;
	uint32_t end = stream.used, offset = 0;
	enum penstock_outcome outcome;
	uint64_t position = 0;
	unsigned stops = 0, row = 0;

	memcpy(machine.local + MACHINE_STREAM_OFFSET, stream.bytes, end);
	stream.used = 0;
	do {
		/* The first aligned word of a row that is not drawn yet. */
		row = min((int)row, record->destination->height - 1) > 0 ? row : 0;
		engine->preempt_flag =
			(const uint64_t *)(machine.local + DESTINATION_OFFSET +
					   (uint64_t)row * (uint64_t)record->destination->pitch);
		engine->preempt_seen = *engine->preempt_flag;
		outcome = penstock_processor_run(
			engine, PENSTOCK_LOCAL_BASE + MACHINE_STREAM_OFFSET, offset, end, position);
		offset = engine->dma_offset;
		position = engine->position;
		row = (unsigned)(position >> 22 & 0x3fffff) + 1;
		if (row >= (unsigned)record->destination->height) {
			row = (unsigned)record->destination->height - 1;
		}
		stops += outcome == PENSTOCK_OUTCOME_PREEMPTED;
		if (outcome == PENSTOCK_OUTCOME_PREEMPTED) {
			stopped_at_once(offset, end, position);
		}
	} while (outcome == PENSTOCK_OUTCOME_PREEMPTED);
	engine->preempt_flag = NULL;
	ck_assert_int_eq(outcome, PENSTOCK_OUTCOME_COMPLETED);
	return stops;
}

static struct reference_surface big_surface(uint32_t offset, int width, int height)
{
	return (struct reference_surface){ expected + offset, width, height, width * 4,
					   REFERENCE_A8R8G8B8 };
}

/* A raster operation that is its own inverse shows a row that is done twice. */
START_TEST(A14_a_preempted_record_goes_on_where_it_stopped)
{
	struct reference_surface source = big_surface(SOURCE_OFFSET, 1024, 120);
	struct reference_surface destination = big_surface(DESTINATION_OFFSET, 1024, 120);
	struct reference_rect rect = { 0, 0, 1024, 120 };
	struct reference_record record = {
		.operation = REFERENCE_BITBLT,
		.source = &source,
		.destination = &destination,
		.source_rect = rect,
		.destination_rect = rect,
		.rop3 = 0x66,
		.sub_rects = &rect,
		.sub_rect_count = 1,
	};

	random_state.state = 5;
	for (size_t i = 0; i < SCENE_BYTES; i += 4) {
		penstock_store32(expected + i, machine_random(&random_state) | 1);
	}
	memcpy(machine.local, expected, SCENE_BYTES);
	append(&record, 0, 1);
	ck_assert_uint_ge(run_preempted(&record), 3);
	reference_execute(&record);
	ck_assert_int_eq(memcmp(machine.local, expected, SCENE_BYTES), 0);
}
END_TEST

/* One destination row that combines many source rows is left between two of them. */
START_TEST(A14_a_preempted_combination_goes_on_where_it_stopped)
{
	struct reference_surface source = big_surface(SOURCE_OFFSET, 1024, 120);
	struct reference_surface destination = big_surface(DESTINATION_OFFSET, 64, 2);
	struct reference_rect rect = { 0, 0, 64, 2 };
	struct reference_record record = {
		.operation = REFERENCE_STRETCHBLT,
		.source = &source,
		.destination = &destination,
		.source_rect = { 0, 0, 1024, 120 },
		.destination_rect = rect,
		.mode = PENSTOCK_STRETCH_WHITEONBLACK,
		.sub_rects = &rect,
		.sub_rect_count = 1,
	};

	random_state.state = 6;
	/* One bit in most pixels at most, so that the union grows with each row. */
	for (size_t i = 0; i < SCENE_BYTES; i += 4) {
		uint32_t value = machine_random(&random_state);

		penstock_store32(expected + i, value % 512 == 0 ? 1u << (value >> 27) : 0);
	}
	memcpy(machine.local, expected, SCENE_BYTES);
	append(&record, 0, 1);
	ck_assert_uint_ge(run_preempted(&record), 2);
	reference_execute(&record);
	ck_assert_int_eq(memcmp(machine.local, expected, SCENE_BYTES), 0);
}
END_TEST

/* ---------------------------------------------------------------- what the page excludes */

static void expect_illegal(void)
{
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_ILLEGAL);
}

static struct reference_rect good_rect = { 0, 0, 4, 4 };

/* A record that is legal, for a test to spoil. */
static uint8_t *good(struct scene *scene, enum reference_operation operation)
{
	random_state.state = 7;
	*scene = (struct scene){ .record = { .operation = operation } };
	scene->source = make_surface(SOURCE_OFFSET, REFERENCE_A8R8G8B8, 8, 8);
	scene->destination = make_surface(DESTINATION_OFFSET, REFERENCE_A8R8G8B8, 8, 8);
	scene->gamma = make_surface(GAMMA_OFFSET, REFERENCE_A8, 512, 16);
	scene->record.source = &scene->source;
	scene->record.destination = &scene->destination;
	scene->record.gamma_table = &scene->gamma;
	scene->record.source_rect = scene->record.destination_rect = good_rect;
	scene->record.rop3 = operation == REFERENCE_COLORFILL ? 0xf0 : 0xcc;
	scene->record.mode = 3;
	scene->record.sub_rects = &good_rect;
	scene->record.sub_rect_count = 1;
	append(&scene->record, 0, 1);
	return stream.bytes;
}

START_TEST(A14_what_the_page_excludes_is_an_illegal_instruction)
{
	struct scene scene;
	uint8_t *bytes;

	for (int i = 0; i < REFERENCE_OPERATIONS; i++) {
		good(&scene, (enum reference_operation)i);
		ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_COMPLETED);
		bytes = good(&scene, (enum reference_operation)i);
		PUT32(BITBLT, formats, 0x0909);
		expect_illegal();
		bytes = good(&scene, (enum reference_operation)i);
		penstock_store32(bytes + stream.used - 16, 0xffffffff); /* left = -1 */
		expect_illegal();
		bytes = good(&scene, (enum reference_operation)i);
		penstock_store32(bytes + stream.used - 16, 5); /* left > right */
		expect_illegal();
		bytes = good(&scene, (enum reference_operation)i);
		penstock_store32(bytes + stream.used - 4, PENSTOCK_LIMIT_SURFACE_EXTENT + 1);
		expect_illegal();
	}
	bytes = good(&scene, REFERENCE_BITBLT);
	PUT32(BITBLT, rop3, 0xca);
	expect_illegal();
	bytes = good(&scene, REFERENCE_BITBLT);
	PUT32(BITBLT, delta_x, INT32_MAX);
	expect_illegal();
	bytes = good(&scene, REFERENCE_BITBLT);
	PUT32(BITBLT, formats, REFERENCE_A8 | REFERENCE_A8R8G8B8 << 8);
	expect_illegal();
	bytes = good(&scene, REFERENCE_COLORFILL);
	PUT32(COLORFILL, rop3, 0xcc);
	expect_illegal();
	bytes = good(&scene, REFERENCE_ALPHABLEND);
	PUT32(ALPHABLEND, constant_alpha, 256);
	expect_illegal();
	bytes = good(&scene, REFERENCE_STRETCHBLT);
	PUT32(STRETCHBLT, mode, PENSTOCK_STRETCH_HALFTONE);
	expect_illegal();
	bytes = good(&scene, REFERENCE_TRANSPARENTBLT);
	PUT32(TRANSPARENTBLT, flags, 2);
	expect_illegal();
	bytes = good(&scene, REFERENCE_CLEARTYPEBLEND);
	PUT32(CLEARTYPEBLEND, gamma, 16);
	expect_illegal();
}
END_TEST

START_TEST(A14_the_copy_node_has_no_gdi_engine)
{
	struct scene scene;

	good(&scene, REFERENCE_BITBLT);
	machine.engine.node_ordinal = PENSTOCK_NODE_COPY_ORDINAL;
	expect_illegal();
}
END_TEST

START_TEST(A14_a_surface_past_the_window_is_a_page_fault)
{
	struct scene scene;
	uint8_t *bytes = good(&scene, REFERENCE_COLORFILL);

	PUT64(COLORFILL, destination, PENSTOCK_LOCAL_BASE + MACHINE_LOCAL_BYTES - 64);
	PUT32(COLORFILL, destination_pitch, 0xffffffff);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PAGE_FAULT);
	ck_assert_uint_eq(machine.engine.fault_address, PENSTOCK_LOCAL_BASE + MACHINE_LOCAL_BYTES);
	ck_assert(machine.engine.fault_write);
	bytes = good(&scene, REFERENCE_COLORFILL);
	PUT64(COLORFILL, destination, UINT64_MAX - 8);
	ck_assert_int_eq(machine_run(&machine, &stream), PENSTOCK_OUTCOME_PAGE_FAULT);
}
END_TEST

START_TEST(A14_div255_rounds_to_nearest)
{
	for (uint32_t n = 0; n <= 255 * 255; n++) {
		ck_assert_uint_eq(penstock_div255(n), (n + 127) / 255);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gdi");
	TCase *tcase = tcase_create("gdi");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, A14_engine_gives_the_reference_pixels, 0, REFERENCE_OPERATIONS);
	tcase_add_loop_test(tcase, A14_sub_rectangles_may_be_split_into_records, 0,
			    REFERENCE_OPERATIONS);
	tcase_add_loop_test(tcase, A14_overlapping_bitblt_reads_its_row_before_it_is_written, -7,
			    8);
	tcase_add_test(tcase, A14_a_preempted_record_goes_on_where_it_stopped);
	tcase_add_test(tcase, A14_a_preempted_combination_goes_on_where_it_stopped);
	tcase_add_test(tcase, A14_what_the_page_excludes_is_an_illegal_instruction);
	tcase_add_test(tcase, A14_the_copy_node_has_no_gdi_engine);
	tcase_add_test(tcase, A14_a_surface_past_the_window_is_a_page_fault);
	tcase_add_test(tcase, A14_div255_rounds_to_nearest);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
