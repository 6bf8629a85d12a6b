/* SPDX-License-Identifier: MIT */
/*
 * Pipelines and draw streams from a client that means harm, through a whole daemon: shaders of
 * which words were changed, states of which fields were, command buffers of which dwords were. In
 * between, another principal draws the model and finds every pixel as plain Vulkan has it; the
 * daemon lives on. A GPU process may end inside of the driver, which costs the device; how often it
 * did is printed with what the daemon says of it.
 *
 * PENSTOCK_STORM_SECONDS and PENSTOCK_STORM_SEED in the environment, with PENSTOCK_STORM_VERBOSE
 * all refusals are told; `make storm` is the long form.
 */
#include "client/builder.h"
#include "client/examples/model/renderer.h"
#include "client/penstock/measure.h"
#include "proto/wire/limits.h"
#include "tests/bench/raw_vulkan.h"
#include "tests/golden/compute_machine.h"
#include "tests/harness.h"
#include "tests/storm/storm_shaders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXTENT       64u /* of images and targets, pixels each way */
#define MEMORIES     6u
#define MEMORY_BYTES (256u << 10)
#define PIPELINES    6u
#define GROUPS       6u /* of a submission, at most */
#define DRAWS        8u /* of a render scope, at most */
#define PATIENCE_MS  3000
#define WAIT_MS      60000

static struct penstock_daemon machine;

/* ---------------------------------------------------------------- chance */

static uint64_t chance_state;

static uint32_t chance(void)
{
	chance_state ^= chance_state << 13;
	chance_state ^= chance_state >> 7;
	chance_state ^= chance_state << 17;
	return (uint32_t)(chance_state >> 16);
}

static uint32_t below(uint32_t limit)
{
	return chance() % limit;
}

/* Once in so many times. */
static bool once_in(uint32_t times)
{
	return below(times) == 0;
}

/* What tends to be wrong. */
static uint32_t odd_word(void)
{
	static const uint32_t words[] = { 0,           1,           2,           3,
					  4,           15,          16,          63,
					  64,          65,          255,         256,
					  4095,        65535,       65536,       0x7fffffffu,
					  0x80000000u, 0xfffffffcu, 0xffffffffu, 0x3f800000u,
					  0x7f800000u, 0x7fc00000u };

	return once_in(3) ? chance() : words[below(sizeof(words) / sizeof(words[0]))];
}

/* Changes a few of them: a bit, or all of a word. */
static void spoil(uint32_t *words, uint32_t count)
{
	for (uint32_t times = 1 + below(3); times > 0; times--) {
		uint32_t *word = &words[below(count)];

		*word = once_in(2) ? *word ^ 1u << below(32) : odd_word();
	}
}

/* Rather what a state says than what it leaves at zero, most of which is not looked at. */
static void spoil_said(struct penstock_graphics_state *state)
{
	uint32_t *words = (uint32_t *)(void *)state, count = sizeof(*state) / 4;
	uint32_t at = below(count);

	for (uint32_t tries = 0; tries < 100 && words[at] == 0; tries++) {
		at = below(count);
	}
	spoil(&words[at], 1);
}

/* ---------------------------------------------------------------- the one who means harm */

struct storm {
	struct penstock_connection *connection;
	uint64_t device, context;
	uint64_t memories[MEMORIES];
	uint64_t pipelines[PIPELINES];
	bool computes[PIPELINES];
	uint32_t samples[PIPELINES];
	struct penstock_command_buffer *buffer;
	uint64_t submissions, refused, pipelines_made, pipelines_refused, lost, abandoned;
	char reasons[16][320]; /* why devices were lost: the different ones */
	uint64_t reason_counts[16];
};

/* Where somebody wants to read them all. */
static void tell(enum penstock_status status, const char *sentence)
{
	if (getenv("PENSTOCK_STORM_VERBOSE") != NULL) {
		printf("storm: %s: %s\n", penstock_status_name(status), sentence);
	}
}

/* One failure at most is of what is counted; the others follow from it. */
static uint64_t take_failures(struct storm *storm)
{
	struct penstock_failure failure;
	uint64_t count = 0;

	while (penstock_failure_next(storm->connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		if (count++ == 0) {
			tell(failure.status, failure.sentence);
		}
	}
	return count;
}

static void fill_state(struct penstock_graphics_state *state, uint32_t variant)
{
	penstock_graphics_state_init(state);
	state->vertex_binding_count = 1;
	state->vertex_bindings[0].stride = 24;
	state->vertex_attribute_count = 2;
	state->vertex_attributes[0].format = 109; /* R32G32B32A32_SFLOAT */
	state->vertex_attributes[1] = (struct penstock_vertex_attribute){
		.location = 1, .format = 103 /* R32G32_SFLOAT */, .offset = 16
	};
	state->topology = variant == 2 ? 10u : 3u + below(3);
	state->patch_control_points = variant == 2 ? 3 : 0;
	state->topology = variant == 1 ? 3 : state->topology;
	state->dynamic = 0;
	state->viewport_count = 1;
	state->viewports[0] =
		(struct penstock_viewport){ .width = EXTENT, .height = EXTENT, .max_depth = 1 };
	state->scissors[0] = (struct penstock_scissor){ .width = EXTENT, .height = EXTENT };
	if (once_in(3)) {
		state->dynamic = PENSTOCK_DYNAMIC_VIEWPORT | PENSTOCK_DYNAMIC_SCISSOR;
		memset(state->viewports, 0, sizeof(state->viewports));
		memset(state->scissors, 0, sizeof(state->scissors));
	}
	state->cull_mode = below(4);
	state->front_face = below(2);
	state->samples = once_in(2) ? 1 : 4;
	state->depth_test = below(2);
	state->depth_write = below(2);
	state->depth_compare_op = below(8);
	state->color_count = 1;
	state->color_formats[0] = 37; /* R8G8B8A8_UNORM */
	state->blends[0].write_mask = 0xf;
	state->blends[0].enable = below(2);
	state->blends[0].source_color = below(10);
	state->blends[0].color_op = below(5);
	state->depth_format = 126; /* D32_SFLOAT */
}

static const struct storm_shader *const graphics_stages[][5] = {
	{ &storm_vertex, &storm_fragment, NULL },
	{ &storm_vertex, &storm_geometry, &storm_fragment, NULL },
	{ &storm_vertex, &storm_control, &storm_evaluation, &storm_fragment, NULL },
};
static const struct storm_shader *const compute_stages[] = { &storm_compute, NULL };

#define STAGE_WORDS 4096u

/* Shaders, some of them spoiled; *ret_count of them. */
static void fill_stages(const struct storm_shader *const *shaders, bool spoiled,
			struct penstock_shader_stage_info *stages,
			uint32_t words[PENSTOCK_LIMIT_PIPELINE_STAGES][STAGE_WORDS],
			uint32_t *ret_count)
{
	uint32_t count = 0;

	for (; shaders[count] != NULL; count++) {
		ck_assert_uint_le(shaders[count]->bytes, sizeof(words[count]));
		memcpy(words[count], shaders[count]->words, shaders[count]->bytes);
		stages[count] = (struct penstock_shader_stage_info){
			.stage = shaders[count]->stage,
			.spirv = words[count],
			.spirv_bytes = shaders[count]->bytes,
		};
	}
	if (spoiled) {
		uint32_t which = below(count);

		/* Not the header: it would never get past that. */
		spoil(words[which] + 5, shaders[which]->bytes / 4 - 5);
	}
	*ret_count = count;
}

static void make_pipeline(struct storm *storm, uint32_t place, bool good)
{
	static uint32_t words[PENSTOCK_LIMIT_PIPELINE_STAGES][STAGE_WORDS];
	struct penstock_shader_stage_info stages[PENSTOCK_LIMIT_PIPELINE_STAGES];
	struct penstock_graphics_state state;
	struct penstock_pipeline_create_info info = { .device = storm->device, .stages = stages };
	uint32_t variant = below(4);

	storm->computes[place] = variant == 3;
	fill_stages(storm->computes[place] ? compute_stages : graphics_stages[variant],
		    !good && once_in(2), stages, words, &info.stage_count);
	if (!storm->computes[place]) {
		fill_state(&state, variant);
		storm->samples[place] = state.samples;
		if (!good && once_in(2)) {
			spoil_said(&state);
		}
		info.graphics = &state;
	}
	if (storm->pipelines[place] != 0) {
		(void)penstock_object_destroy(storm->connection, storm->pipelines[place]);
	}
	storm->pipelines[place] = 0;
	ck_assert_int_eq(
		penstock_pipeline_create(storm->connection, &info, &storm->pipelines[place]),
		PENSTOCK_STATUS_SUCCESS);
	storm->pipelines_made++;
	(void)penstock_connection_sync(storm->connection, WAIT_MS);
	if (take_failures(storm) > 0) {
		storm->pipelines_refused++;
		storm->pipelines[place] = 0;
	}
}

static void make_all(struct storm *storm)
{
	struct penstock_context_create_info context = { .device = 0 };
	struct penstock_allocation_create_info memory = { .size_bytes = MEMORY_BYTES };
	static uint32_t content[MEMORY_BYTES / 4];

	ck_assert_int_eq(penstock_device_create(storm->connection, NULL, &storm->device),
			 PENSTOCK_STATUS_SUCCESS);
	context.device = memory.device = storm->device;
	ck_assert_int_eq(penstock_context_create(storm->connection, &context, &storm->context),
			 PENSTOCK_STATUS_SUCCESS);
	for (uint32_t i = 0; i < MEMORIES; i++) {
		ck_assert_int_eq(
			penstock_allocation_create(storm->connection, &memory, &storm->memories[i]),
			PENSTOCK_STATUS_SUCCESS);
		for (uint32_t j = 0; j < MEMORY_BYTES / 4; j++) {
			content[j] = once_in(200) ? odd_word() : below(40);
		}
		(void)penstock_allocation_upload(storm->connection, storm->memories[i], 0, content,
						 sizeof(content));
	}
	for (uint32_t i = 0; i < PIPELINES; i++) {
		storm->pipelines[i] = 0;
		make_pipeline(storm, i, true);
	}
}

/* ---------------------------------------------------------------- command buffers */

static uint16_t list(struct storm *storm, uint64_t name, bool write)
{
	uint16_t index = 0;

	(void)penstock_command_buffer_list(storm->buffer, name,
					   write ? PENSTOCK_ALLOCATION_WRITE_OPERATION : 0, &index);
	return index;
}

static uint16_t some_memory(struct storm *storm)
{
	return list(storm, storm->memories[below(MEMORIES)], true);
}

static void emit_image(struct storm *storm, uint32_t slot, uint32_t format, uint32_t samples)
{
	const struct penstock_image image = {
		.type = 1,
		.format = format,
		.width = EXTENT,
		.height = EXTENT,
		.depth = 1,
		.levels = samples == 1 && once_in(2) ? 1 + below(7) : 1,
		.layers = 1,
		.samples = samples,
		.tiling = samples == 1 && format == 37 ? below(2) : 0,
	};

	(void)penstock_emit_image_write_of(storm->buffer, some_memory(storm), 64u * below(32), slot,
					   &image);
}

static void emit_push(struct storm *storm)
{
	const float scales[] = { 0.5F, 1, -1, 2, 0, once_in(64) ? 100 : 3 };
	union {
		float scale[4];
		uint32_t words[8];
	} push;

	for (uint32_t i = 0; i < 4; i++) {
		push.scale[i] = scales[below(6)];
		push.words[4 + i] = once_in(3) ? odd_word() : below(32);
	}
	(void)penstock_emit_push_constants(storm->buffer, 0, &push, sizeof(push));
}

static void emit_descriptors(struct storm *storm, bool computes)
{
	struct penstock_command_buffer *buffer = storm->buffer;

	emit_image(storm, 5, 37, 1);
	(void)penstock_emit_bind_image(buffer, 0, 0, 0, 5, 1, 0, 0, 0, 0, 1, 0, 1);
	(void)penstock_emit_bind_buffer_write(buffer, some_memory(storm), 16u * below(64),
					      4u + 4u * below(4096), 1, 0, 0);
	if (computes) {
		(void)penstock_emit_bind_texel_buffer(buffer, some_memory(storm), 256u * below(8),
						      4096, 0, 1, 0, 37);
		return;
	}
	(void)penstock_emit_bind_sampler(buffer, 0, 0, 0, 0, below(2), below(2), below(2), below(5),
					 below(5), below(5), 0, below(6), 0, 0, 0, 0, 16);
	(void)penstock_emit_bind_buffer(buffer, some_memory(storm), 16u * below(64), 1024, 0, 1, 0);
}

static void emit_draw(struct storm *storm)
{
	struct penstock_command_buffer *buffer = storm->buffer;

	switch (below(6)) {
	case 0:
		(void)penstock_emit_index_buffer(buffer, some_memory(storm), 0, 1024, below(2));
		(void)penstock_emit_draw_indexed(buffer, below(300), 1 + below(3), below(64),
						 (int32_t)odd_word(), below(3));
		return;
	case 1:
		(void)penstock_emit_indirect_buffer(buffer, some_memory(storm), 4u * below(64),
						    512);
		(void)penstock_emit_draw_indirect(buffer, 1 + below(8), 16, 0);
		return;
	case 2: {
		const struct penstock_rect rect = { 0, 0, (int32_t)(1 + below(EXTENT)),
						    (int32_t)(1 + below(EXTENT)) };

		(void)penstock_emit_clear_target(buffer, 1, 0, &rect, 0, 1, chance(), 0, 0, 0);
		return;
	}
	default:
		(void)penstock_emit_draw(buffer, below(100), 1 + below(2),
					 once_in(4) ? odd_word() : below(50), below(3));
	}
}

static void emit_scope(struct storm *storm, uint64_t pipeline, uint32_t samples)
{
	const struct penstock_rect area = { 0, 0, EXTENT, EXTENT };
	const struct penstock_viewport view = { 0, 0, EXTENT, EXTENT, 0, 1 };
	struct penstock_command_buffer *buffer = storm->buffer;

	(void)penstock_emit_begin_rendering(buffer, &area, 1, 0);
	emit_image(storm, 0, 37, samples);
	emit_image(storm, 1, 126, samples);
	(void)penstock_emit_color_target(buffer, 0, 0, 0, 0, 0, below(3), below(2), chance(), 0, 0,
					 0, 0, 0, 0, 0);
	(void)penstock_emit_depth_stencil_target(buffer, 1, 0, 0, 0, below(3), below(2), 1, 0, 0, 0,
						 0, 0, 0, 0, 0);
	(void)penstock_emit_bind_pipeline(buffer, list(storm, pipeline, false));
	(void)penstock_emit_viewport(buffer, 0, view.x, view.y, view.width, view.height, 0, 1);
	(void)penstock_emit_scissor(buffer, 0, &area);
	(void)penstock_emit_vertex_buffer(buffer, some_memory(storm), 4u * below(64),
					  24u * (1 + below(200)), 0, 0);
	emit_descriptors(storm, false);
	emit_push(storm);
	for (uint32_t draws = 1 + below(DRAWS); draws > 0; draws--) {
		emit_draw(storm);
		if (once_in(2)) {
			emit_push(storm);
		}
	}
	(void)penstock_emit_end_rendering(buffer);
}

static void emit_dispatch(struct storm *storm, uint64_t pipeline)
{
	(void)penstock_emit_bind_pipeline(storm->buffer, list(storm, pipeline, false));
	emit_descriptors(storm, true);
	emit_push(storm);
	if (once_in(3)) {
		(void)penstock_emit_indirect_buffer(storm->buffer, some_memory(storm), 0, 12);
		(void)penstock_emit_dispatch_indirect(storm->buffer);
		return;
	}
	(void)penstock_emit_dispatch(storm->buffer, 1 + below(8), 1 + below(8), 1, 0, 0, 0);
}

static void emit_transfer(struct storm *storm)
{
	struct penstock_command_buffer *buffer = storm->buffer;
	const uint32_t extent = 1 + below(EXTENT);

	emit_image(storm, 0, 37, 1);
	switch (below(5)) {
	case 0:
		(void)penstock_emit_copy_buffer_to_image(buffer, some_memory(storm), 4u * below(64),
							 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, extent,
							 extent, 1);
		return;
	case 1:
		(void)penstock_emit_copy_image_to_buffer(buffer, some_memory(storm), 4u * below(64),
							 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, extent,
							 extent, 1);
		return;
	case 2:
		emit_image(storm, 1, 37, 1);
		(void)penstock_emit_copy_image(buffer, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					       extent, extent, 1);
		return;
	case 3:
		emit_image(storm, 1, 37, 1);
		(void)penstock_emit_blit_image(buffer, 0, 1, 1, below(2), 0, 0, 0, 0, 0, 0, 0, 0,
					       (int32_t)extent, (int32_t)extent, 1, (int32_t)extent,
					       0, 0, 0, EXTENT, 1);
		return;
	default:
		(void)penstock_emit_clear_image(buffer, 0, 0, 0, 1, 0, 1, chance(), chance(), 0, 0);
	}
}

static void emit_group(struct storm *storm)
{
	uint32_t place = below(PIPELINES);

	if (storm->pipelines[place] == 0 || once_in(4)) {
		emit_transfer(storm);
	} else if (storm->computes[place]) {
		emit_dispatch(storm, storm->pipelines[place]);
	} else {
		emit_scope(storm, storm->pipelines[place], storm->samples[place]);
	}
}

/* ---------------------------------------------------------------- the witness */

#define WITNESS_WIDTH  64u
#define WITNESS_HEIGHT 48u

struct witness {
	struct penstock_connection *connection;
	struct renderer renderer;
	struct raw_vulkan *vulkan;
	struct mesh mesh;
	uint64_t frames;
};

static void witness_open(struct witness *witness, const char *server)
{
	static struct vertex vertices[] = {
		{ { -1, -1, 0 }, { 0, 0, 1 }, { 0, 0 } },
		{ { 1, -1, 0.5F }, { 0, 1, 0 }, { 4, 0 } },
		{ { 0, 1, -0.5F }, { 1, 0, 0 }, { 0, 4 } },
	};
	static uint32_t indices[] = { 0, 1, 2 };
	static const uint32_t texels[4] = { 0xff0000ff, 0xff00ff00, 0xffff0000, 0xffffffff };
	static const struct pixels texture = { .bytes = texels, .width = 2, .height = 2 };
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;

	witness->mesh = (struct mesh){
		.vertices = vertices, .indices = indices, .vertex_count = 3, .index_count = 3
	};
	witness->vulkan = raw_vulkan_new(&witness->mesh, &texture, WITNESS_WIDTH, WITNESS_HEIGHT);
	ck_assert_ptr_nonnull(witness->vulkan);
	options.server = server;
	ck_assert_int_eq(penstock_connect(&options, &witness->connection, NULL, 0),
			 PENSTOCK_STATUS_SUCCESS);
	renderer_make(&witness->renderer, witness->connection, &witness->mesh, &texture,
		      WITNESS_WIDTH, WITNESS_HEIGHT);
}

static void witness_look(struct witness *witness)
{
	static uint8_t wanted[WITNESS_WIDTH * WITNESS_HEIGHT * 4], found[sizeof(wanted)];
	const float turned = (float)below(100) / 100;

	ck_assert(raw_vulkan_frame(witness->vulkan, turned, wanted));
	(void)renderer_draw(&witness->renderer, turned);
	renderer_read(&witness->renderer, found);
	ck_assert_msg(memcmp(wanted, found, sizeof(wanted)) == 0, "another's frame is not its own");
	witness->frames++;
}

static void witness_close(struct witness *witness)
{
	renderer_free(&witness->renderer);
	penstock_connection_close(witness->connection);
	raw_vulkan_free(witness->vulkan);
}

/* ---------------------------------------------------------------- a submission */

static void count_reason(struct storm *storm, const char *reason)
{
	for (unsigned i = 0; i < 16; i++) {
		if (storm->reason_counts[i] == 0) {
			snprintf(storm->reasons[i], sizeof(storm->reasons[i]), "%s", reason);
		}
		if (strcmp(storm->reasons[i], reason) == 0) {
			storm->reason_counts[i]++;
			return;
		}
	}
}

/* The device is over: another one goes on. */
static void start_anew(struct storm *storm)
{
	struct penstock_device_report report = { .reason = "" };
	char reason[300];

	(void)penstock_device_query(storm->connection, storm->device, &report);
	snprintf(reason, sizeof(reason), "%s (%s)", report.reason, report.fault_instruction);
	/* numbers of it are of no interest */
	for (char *at = reason; *at != '\0'; at++) {
		*at = *at >= '0' && *at <= '9' ? '#' : *at;
	}
	count_reason(storm, reason);
	storm->lost++;
	(void)penstock_object_destroy(storm->connection, storm->device);
	(void)penstock_connection_sync(storm->connection, WAIT_MS);
	(void)take_failures(storm);
	make_all(storm);
}

static void submit(struct storm *storm, struct witness *witness)
{
	struct penstock_failure failure = { .sentence = "" };
	enum penstock_status status;
	uint64_t fence = 0;

	penstock_command_buffer_reset(storm->buffer);
	for (uint32_t groups = 1 + below(GROUPS); groups > 0; groups--) {
		emit_group(storm);
	}
	ck_assert_int_eq(storm->buffer->status, PENSTOCK_STATUS_SUCCESS);
	if (once_in(2)) {
		spoil((uint32_t *)(void *)storm->buffer->bytes, storm->buffer->length / 4);
	}
	ck_assert_int_eq(penstock_command_buffer_submit(storm->buffer, storm->connection,
							storm->context, 0, &fence),
			 PENSTOCK_STATUS_SUCCESS);
	storm->submissions++;
	status = penstock_request_wait(storm->connection, fence, WAIT_MS, &failure);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_context_wait(storm->connection, storm->context, fence,
					       PATIENCE_MS, NULL);
	} else {
		tell(status, failure.sentence);
	}
	if (status == PENSTOCK_STATUS_TIMEOUT) {
		/* It takes its time, or never ends: nobody else has to mind. */
		witness_look(witness);
		status = PENSTOCK_STATUS_DEVICE_REMOVED;
		storm->abandoned++;
	}
	if (status == PENSTOCK_STATUS_DEVICE_REMOVED) {
		start_anew(storm);
	} else {
		storm->refused += status != PENSTOCK_STATUS_SUCCESS;
		(void)take_failures(storm);
	}
}

/* ---------------------------------------------------------------- all of it */

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL || *text == '\0' ? otherwise : strtoull(text, NULL, 10);
}

static void report(const struct storm *storm, const struct witness *witness)
{
	printf("storm: %llu submissions, %llu of them refused; %llu pipelines, %llu refused; "
	       "%llu frames of another were right; %llu devices lost, or left with what they did: "
	       "%llu\n",
	       (unsigned long long)storm->submissions, (unsigned long long)storm->refused,
	       (unsigned long long)storm->pipelines_made,
	       (unsigned long long)storm->pipelines_refused, (unsigned long long)witness->frames,
	       (unsigned long long)storm->lost, (unsigned long long)storm->abandoned);
	for (unsigned i = 0; i < 16 && storm->reason_counts[i] > 0; i++) {
		printf("storm: %6llu: %s\n", (unsigned long long)storm->reason_counts[i],
		       storm->reasons[i]);
	}
}

static void set_up(void)
{
	static const char *const arguments[] = { "--tdr-delay=1500", "--tdr-limit-count=63",
						 "--tdr-limit-time=1", NULL };

	compute_machine_start(&machine, arguments);
}

static void tear_down(void)
{
	compute_machine_stop(&machine);
}

START_TEST(pipelines_and_draws_that_mean_harm_cost_their_own_device_at_most)
{
	const uint64_t seconds = from_environment("PENSTOCK_STORM_SECONDS", 10);
	const uint64_t seed = from_environment("PENSTOCK_STORM_SEED", (uint64_t)getpid());
	const uint64_t end = penstock_measure_now_ns() + seconds * 1000000000u;
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	static struct storm storm;
	static struct witness witness;

	printf("storm: PENSTOCK_STORM_SEED=%llu\n", (unsigned long long)seed);
	chance_state = seed * 0x9e3779b97f4a7c15u + 1;
	options.server = machine.unix_server;
	ck_assert_int_eq(penstock_connect(&options, &storm.connection, NULL, 0),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(penstock_command_buffer_new(&storm.buffer), PENSTOCK_STATUS_SUCCESS);
	/* over TCP it is another principal */
	witness_open(&witness, machine.tcp_server);
	make_all(&storm);
	while (penstock_measure_now_ns() < end) {
		submit(&storm, &witness);
		if (once_in(8)) {
			make_pipeline(&storm, below(PIPELINES), once_in(2));
		}
		if (once_in(16)) {
			witness_look(&witness);
		}
	}
	report(&storm, &witness);
	ck_assert_uint_gt(storm.submissions, storm.refused);
	ck_assert_uint_gt(storm.refused, 0);
	ck_assert_uint_gt(witness.frames, 0);
	witness_close(&witness);
	penstock_command_buffer_free(storm.buffer);
	penstock_connection_close(storm.connection);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("storm");
	TCase *tcase = tcase_create("storm");

	tcase_set_timeout(tcase, 0);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, pipelines_and_draws_that_mean_harm_cost_their_own_device_at_most);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
