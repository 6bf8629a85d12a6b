/* SPDX-License-Identifier: MIT */
/* Graphics pipelines put together: what render and the GPU are given, and what does not fit. */
#include "daemon/objects/composition.h"
#include "gpu-backend/graphics_state.h"
#include "proto/image/default_state.h"
#include "tests/harness.h"

#include <string.h>

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

#define VERTEX     PENSTOCK_SHADER_VERTEX
#define CONTROL    PENSTOCK_SHADER_TESSELLATION_CONTROL
#define EVALUATION PENSTOCK_SHADER_TESSELLATION_EVALUATION
#define GEOMETRY   PENSTOCK_SHADER_GEOMETRY
#define FRAGMENT   PENSTOCK_SHADER_FRAGMENT

/* SpvExecutionMode */
enum { POINTS = 19, LINES = 20, LINES_ADJACENCY = 21, TRIANGLES = 22, QUADS = 24, ISOLINES = 25 };

static const uint32_t words[] = { 1, 2, 3 };
static struct penstock_shader_reflection reflections[PENSTOCK_SHADER_STAGES];
static struct penstock_graphics_state state;
static struct penstock_format_features features[PENSTOCK_TEXEL_FORMATS];
static bool has[PENSTOCK_SHADER_STAGES];
static struct penstock_composition *composition;
static struct penstock_refusal refusal;

static const struct penstock_shader_slot float4 = { .components = 4,
						    .number = PENSTOCK_NUMBER_FLOAT,
						    .bits = 32 };

/* A vertex stage that takes location 1 and gives location 0; a fragment stage that takes that. */
static void set_up(void)
{
	memset(reflections, 0, sizeof(reflections));
	memset(has, 0, sizeof(has));
	has[VERTEX] = has[FRAGMENT] = true;
	for (uint32_t i = 0; i < PENSTOCK_SHADER_STAGES; i++) {
		reflections[i].stage = i;
		memcpy(reflections[i].entry_point, "main", 5);
	}
	reflections[VERTEX].flags = PENSTOCK_SHADER_WRITES_POSITION;
	reflections[VERTEX].input_count = 1;
	reflections[VERTEX].inputs[0] = float4;
	reflections[VERTEX].inputs[0].location = 1;
	reflections[VERTEX].output_count = 1;
	reflections[VERTEX].outputs[0] = float4;
	reflections[FRAGMENT].input_count = 1;
	reflections[FRAGMENT].inputs[0] = float4;
	reflections[FRAGMENT].output_count = 1;
	reflections[FRAGMENT].outputs[0] = float4;
	penstock_graphics_state_default(&state);
	state.vertex_binding_count = 2;
	state.vertex_bindings[0] = (struct penstock_vertex_binding){ 3, 16, 0 };
	state.vertex_bindings[1] = (struct penstock_vertex_binding){ 5, 4, 1 };
	state.vertex_attribute_count = 2;
	state.vertex_attributes[0] =
		(struct penstock_vertex_attribute){ 0, 5, PENSTOCK_VK_R32_UINT, 0 };
	state.vertex_attributes[1] =
		(struct penstock_vertex_attribute){ 1, 3, PENSTOCK_VK_R8G8B8A8_UNORM, 0 };
	state.color_count = 1;
	state.color_formats[0] = PENSTOCK_VK_R8G8B8A8_UNORM;
	state.blends[0].write_mask = 15;
	for (uint32_t i = 0; i < PENSTOCK_TEXEL_FORMATS; i++) {
		features[i] = (struct penstock_format_features){ 0, 0x380, 0x40 };
	}
}

/* Passes through location 0, of every vertex of a patch. */
static void tessellate(void)
{
	state.topology = PENSTOCK_VK_PATCH_LIST;
	state.patch_control_points = 3;
	has[CONTROL] = has[EVALUATION] = true;
	for (uint32_t i = CONTROL; i <= EVALUATION; i++) {
		reflections[i].input_count = reflections[i].output_count = 1;
		reflections[i].inputs[0] = reflections[i].outputs[0] = float4;
		reflections[i].inputs[0].flags = PENSTOCK_SLOT_PER_VERTEX;
	}
	reflections[CONTROL].outputs[0].flags = PENSTOCK_SLOT_PER_VERTEX;
	reflections[CONTROL].output_vertices = 3;
	reflections[EVALUATION].input_mode = TRIANGLES;
	reflections[EVALUATION].flags = PENSTOCK_SHADER_WRITES_POSITION;
}

static void emit(uint32_t input_mode)
{
	has[GEOMETRY] = true;
	reflections[GEOMETRY].input_mode = input_mode;
	reflections[GEOMETRY].output_mode = 29;
	reflections[GEOMETRY].output_vertices = 3;
	reflections[GEOMETRY].flags = PENSTOCK_SHADER_WRITES_POSITION;
	reflections[GEOMETRY].input_count = reflections[GEOMETRY].output_count = 1;
	reflections[GEOMETRY].inputs[0] = reflections[GEOMETRY].outputs[0] = float4;
	reflections[GEOMETRY].inputs[0].flags = PENSTOCK_SLOT_PER_VERTEX;
}

static enum penstock_status compose(void)
{
	struct penstock_composition_stage stages[PENSTOCK_SHADER_STAGES];
	uint32_t count = 0;

	for (uint32_t i = 0; i < PENSTOCK_SHADER_STAGES; i++) {
		if (has[i]) {
			stages[count++] =
				(struct penstock_composition_stage){ &reflections[i], words, 3 };
		}
	}
	ck_assert(penstock_graphics_state_valid(&state, NULL));
	refusal = (struct penstock_refusal){ .instruction = "", .operand = "" };
	return penstock_compose(stages, count, &state, features, &composition, &refusal);
}

static void good(void)
{
	enum penstock_status status = compose();

	ck_assert_msg(status == PENSTOCK_STATUS_SUCCESS, "%s", refusal.sentence);
	ck_assert(penstock_pipeline_valid(composition->contents, composition->render.bytes));
	penstock_composition_free(composition);
}

static void refused(const char *sentence)
{
	REFUSED(compose(), INVALID_PARAMETER);
	ck_assert_msg(strstr(refusal.sentence, sentence) != NULL, "'%s' does not say '%s'",
		      refusal.sentence, sentence);
}

/* ------------------------------------------------------------------ what is given */

START_TEST(render_and_the_gpu_get_the_state_without_what_nobody_takes)
{
	const struct penstock_graphics_state *given;
	const struct penstock_pipeline *pipeline;

	GOOD(compose());
	ck_assert_uint_eq(composition->render.kind, PENSTOCK_PIPELINE_GRAPHICS);
	ck_assert_uint_eq(composition->render.vertex_bindings, 1u << 3);
	ck_assert_uint_eq(composition->render.targets_written, 1);
	ck_assert_uint_eq(composition->render.topology_class, PENSTOCK_TOPOLOGY_TRIANGLES);
	ck_assert(!composition->render.tessellates);
	given = composition->render.graphics;
	ck_assert_uint_eq(given->vertex_attribute_count, 1);
	ck_assert_uint_eq(given->vertex_attributes[0].location, 1);
	ck_assert_uint_eq(given->vertex_attributes[1].format, 0);
	ck_assert(penstock_graphics_state_valid(given, NULL));
	pipeline = (const void *)composition->contents;
	ck_assert_uint_eq(pipeline->kind, PENSTOCK_PIPELINE_GRAPHICS);
	ck_assert_uint_eq(pipeline->stage_count, 2);
	ck_assert_uint_eq(penstock_pipeline_stages(pipeline)[1].stage, PENSTOCK_STAGE_FRAGMENT);
	ck_assert_mem_eq(penstock_pipeline_graphics(pipeline), given, sizeof(*given));
	penstock_composition_free(composition);
}
END_TEST

START_TEST(another_state_is_another_pipeline)
{
	uint8_t hash[PENSTOCK_PIPELINE_HASH_BYTES];

	GOOD(compose());
	memcpy(hash, ((const struct penstock_pipeline *)(const void *)composition->contents)->hash,
	       sizeof(hash));
	penstock_composition_free(composition);
	state.cull_mode = 1;
	GOOD(compose());
	ck_assert_int_ne(
		memcmp(hash,
		       ((const struct penstock_pipeline *)(const void *)composition->contents)
			       ->hash,
		       sizeof(hash)),
		0);
	penstock_composition_free(composition);
}
END_TEST

static void bind_images(void)
{
	const struct penstock_shader_binding image = {
		.kind = PENSTOCK_BINDING_STORAGE_IMAGE,
		.count = 1,
		.flags = PENSTOCK_BINDING_READ | PENSTOCK_BINDING_ARRAYED,
		.dimension = 1,
		.number = PENSTOCK_NUMBER_FLOAT,
	};

	reflections[VERTEX].binding_count = reflections[FRAGMENT].binding_count = 1;
	reflections[VERTEX].bindings[0] = reflections[FRAGMENT].bindings[0] = image;
}

START_TEST(what_stages_say_of_an_image_is_joined)
{
	const struct penstock_render_binding *binding;

	bind_images();
	reflections[FRAGMENT].bindings[0].flags |= PENSTOCK_BINDING_WRITTEN;
	reflections[FRAGMENT].bindings[0].format = 4;
	GOOD(compose());
	binding = &composition->bindings[0];
	ck_assert_uint_eq(composition->render.binding_count, 1);
	ck_assert_uint_eq(binding->flags, PENSTOCK_BINDING_ARRAYED);
	ck_assert_uint_eq(binding->dimension, 1);
	ck_assert_uint_eq(binding->number, PENSTOCK_NUMBER_FLOAT);
	ck_assert_uint_eq(binding->format, 4);
	ck_assert(binding->written);
	penstock_composition_free(composition);
	reflections[VERTEX].bindings[0].format = 5;
	refused("set 0, binding 0 is used as images of two formats");
	reflections[VERTEX].bindings[0].format = 4;
	reflections[VERTEX].bindings[0].number = PENSTOCK_NUMBER_SIGNED;
	refused("images of two formats");
	bind_images();
	reflections[VERTEX].bindings[0].dimension = 2;
	refused("images of two shapes");
	bind_images();
	reflections[VERTEX].bindings[0].flags |= PENSTOCK_BINDING_MULTI;
	refused("images of two shapes");
}
END_TEST

/* ------------------------------------------------------------------ stages */

START_TEST(an_input_is_given_by_the_stage_before)
{
	reflections[FRAGMENT].inputs[0].location = 4;
	refused("location 4, component 0: the fragment stage takes it, the vertex stage does not "
		"give it");
	reflections[FRAGMENT].inputs[0].location = 0;
	reflections[VERTEX].outputs[0].components = 3;
	refused("location 0, component 3: the fragment stage takes it, the vertex stage does not");
	reflections[VERTEX].outputs[0].components = 4;
	reflections[VERTEX].outputs[0].number = PENSTOCK_NUMBER_SIGNED;
	refused("component 0: the fragment stage takes float of 32 bits, the vertex stage gives "
		"signed of 32");
	/* More than is taken is none's fault. */
	reflections[VERTEX].outputs[0].number = PENSTOCK_NUMBER_FLOAT;
	reflections[FRAGMENT].inputs[0].components = 2;
	good();
	reflections[FRAGMENT].inputs[0].component = 2;
	good();
	has[FRAGMENT] = false;
	good();
}
END_TEST

START_TEST(of_sixty_four_bits_are_two_components)
{
	reflections[VERTEX].outputs[0] = (struct penstock_shader_slot){
		.components = 1, .number = PENSTOCK_NUMBER_FLOAT, .bits = 64
	};
	reflections[FRAGMENT].inputs[0] = reflections[VERTEX].outputs[0];
	good();
	reflections[FRAGMENT].inputs[0].components = 2;
	refused("location 0, component 2");
	reflections[FRAGMENT].inputs[0] = float4;
	refused("takes float of 32 bits, the vertex stage gives float of 64");
}
END_TEST

START_TEST(an_input_of_a_patch_is_not_one_of_a_vertex)
{
	tessellate();
	good();
	reflections[EVALUATION].inputs[0].flags = PENSTOCK_SLOT_PATCH;
	refused("the tessellation evaluation stage takes it of a patch, the tessellation control "
		"stage does not give it");
	reflections[CONTROL].outputs[0].flags = PENSTOCK_SLOT_PATCH;
	good();
	reflections[EVALUATION].inputs[0].flags = PENSTOCK_SLOT_PER_VERTEX;
	refused("the tessellation evaluation stage takes it, the tessellation control");
}
END_TEST

START_TEST(a_vertex_input_is_an_attribute_of_its_kind)
{
	reflections[VERTEX].inputs[0].location = 2;
	refused("location 2: the vertex stage takes it, and it is no vertex attribute");
	reflections[VERTEX].inputs[0].location = 0;
	refused("location 0: the vertex stage takes float, R32_UINT is unsigned");
	reflections[VERTEX].inputs[0].number = PENSTOCK_NUMBER_UNSIGNED;
	good();
	reflections[VERTEX].inputs[0].bits = 64;
	reflections[VERTEX].inputs[0].components = 2;
	refused("location 0: vertex attributes have components of at most 32 bits");
	reflections[VERTEX].inputs[0].bits = 32;
	state.vertex_attributes[0].format = PENSTOCK_VK_R64_UINT;
	refused("location 0: vertex attributes have components of at most 32 bits");
}
END_TEST

/* ------------------------------------------------------------------ primitives */

START_TEST(patches_are_for_tessellation)
{
	state.topology = PENSTOCK_VK_PATCH_LIST;
	state.patch_control_points = 3;
	refused("topology: patches are for pipelines that tessellate");
	tessellate();
	GOOD(compose());
	ck_assert(composition->render.tessellates);
	ck_assert_uint_eq(composition->render.topology_class, PENSTOCK_TOPOLOGY_PATCHES);
	penstock_composition_free(composition);
	state.topology = PENSTOCK_VK_TRIANGLE_LIST;
	state.patch_control_points = 0;
	refused("topology: patches are for pipelines that tessellate");
	tessellate();
	reflections[EVALUATION].input_mode = 0;
	refused("neither stage of tessellation says");
	reflections[CONTROL].input_mode = QUADS;
	good();
	reflections[EVALUATION].input_mode = TRIANGLES;
	refused("two different things");
	reflections[CONTROL].input_mode = 0;
	reflections[CONTROL].output_vertices = 0;
	refused("how many vertices");
}
END_TEST

START_TEST(a_geometry_stage_takes_what_is_drawn)
{
	static const struct {
		uint32_t topology, mode;
	} good_ones[] = {
		{ PENSTOCK_VK_POINT_LIST, POINTS },
		{ PENSTOCK_VK_LINE_STRIP, LINES },
		{ PENSTOCK_VK_TRIANGLE_FAN, TRIANGLES },
		{ PENSTOCK_VK_LINE_STRIP_WITH_ADJACENCY, LINES_ADJACENCY },
		{ PENSTOCK_VK_TRIANGLE_LIST_WITH_ADJACENCY, 23 },
	};

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(good_ones); i++) {
		state.topology = good_ones[i].topology;
		emit(good_ones[i].mode);
		good();
		emit(good_ones[i].mode == TRIANGLES ? LINES : TRIANGLES);
		refused("topology: the geometry stage takes other primitives");
	}
	state.topology = PENSTOCK_VK_TRIANGLE_LIST;
	emit(TRIANGLES);
	state.dynamic |= PENSTOCK_DYNAMIC_TOPOLOGY;
	refused("dynamic: the topology of a pipeline with a geometry stage");
}
END_TEST

START_TEST(a_geometry_stage_takes_what_is_tessellated)
{
	tessellate();
	emit(TRIANGLES);
	good();
	reflections[EVALUATION].input_mode = ISOLINES;
	refused("topology");
	emit(LINES);
	good();
	reflections[CONTROL].flags |= PENSTOCK_SHADER_POINT_MODE;
	refused("topology");
	emit(POINTS);
	good();
}
END_TEST

START_TEST(the_last_stage_before_the_rasterizer_writes_a_position)
{
	reflections[VERTEX].flags = 0;
	refused("the vertex stage writes no Position");
	emit(TRIANGLES);
	good();
	reflections[GEOMETRY].flags = 0;
	refused("the geometry stage writes no Position");
	state.rasterizer_discard = 1;
	good();
	state.rasterizer_discard = 0;
	refused("the geometry stage writes no Position");
	state.dynamic |= PENSTOCK_DYNAMIC_RASTERIZER_DISCARD;
	good();
}
END_TEST

START_TEST(views_are_drawn_by_a_vertex_stage_alone)
{
	state.view_mask = 3;
	good();
	reflections[VERTEX].flags |= PENSTOCK_SHADER_WRITES_LAYER;
	refused("view_mask: a view is the layer");
	reflections[VERTEX].flags = PENSTOCK_SHADER_WRITES_POSITION;
	emit(TRIANGLES);
	refused("view_mask: views are drawn by a vertex stage alone");
	has[GEOMETRY] = false;
	tessellate();
	refused("view_mask");
}
END_TEST

START_TEST(a_stage_gives_no_more_than_an_adapter_has)
{
	emit(TRIANGLES);
	reflections[GEOMETRY].output_vertices = 1024;
	reflections[GEOMETRY].outputs[0].components = 1;
	reflections[FRAGMENT].inputs[0].components = 1;
	good();
	reflections[GEOMETRY].outputs[0].components = 2;
	refused("outputs of the geometry stage, over all vertices: 2048 components; at most 1024");
	emit(TRIANGLES);
	for (uint32_t i = 0; i < 17; i++) {
		reflections[VERTEX].outputs[i] = float4;
		reflections[VERTEX].outputs[i].location = i;
		reflections[GEOMETRY].inputs[i] = reflections[VERTEX].outputs[i];
	}
	reflections[VERTEX].output_count = reflections[GEOMETRY].input_count = 17;
	refused("inputs of the geometry stage: 68 components; at most 64");
}
END_TEST

/* ------------------------------------------------------------------ targets and formats */

START_TEST(an_output_is_of_its_targets_numbers)
{
	reflections[FRAGMENT].outputs[0].number = PENSTOCK_NUMBER_UNSIGNED;
	refused("location 0: the fragment stage gives unsigned of 32 bits, R8G8B8A8_UNORM is "
		"float of 32");
	state.color_formats[0] = PENSTOCK_VK_R8G8B8A8_UINT;
	good();
	/* One without a target is lost, whatever it is. */
	reflections[FRAGMENT].outputs[0].location = 7;
	good();
	state.color_formats[0] = 0;
	reflections[FRAGMENT].outputs[0].location = 0;
	good();
}
END_TEST

START_TEST(a_first_target_that_the_driver_takes_for_granted_is_given)
{
	state.color_formats[0] = PENSTOCK_VK_B8G8R8A8_UNORM;
	good();
	reflections[FRAGMENT].outputs[0].location = 1;
	refused("location 0: a fragment stage that gives anything gives it where the target is of "
		"B8G8R8A8_UNORM");
	reflections[FRAGMENT].output_count = 0;
	good();
	has[FRAGMENT] = false;
	good();
}
END_TEST

START_TEST(a_second_source_is_given_where_it_is_blended)
{
	state.blends[0].enable = 1;
	state.blends[0].source_color = PENSTOCK_VK_BLEND_FACTOR_SRC1_COLOR;
	refused("location 0, index 1: blending takes it");
	reflections[FRAGMENT].output_count = 2;
	reflections[FRAGMENT].outputs[1] = float4;
	reflections[FRAGMENT].outputs[1].index = 1;
	good();
	reflections[FRAGMENT].outputs[1].location = 1;
	refused("location 1, index 1: a second source is of location 0");
}
END_TEST

START_TEST(a_format_is_one_that_the_adapter_has_for_it)
{
	struct penstock_format_features *attribute, *target, *depth;

	attribute = target = &features[PENSTOCK_TEXEL_R8G8B8A8_UNORM];
	depth = &features[PENSTOCK_TEXEL_D32_SFLOAT];
	state.depth_format = PENSTOCK_VK_D32_SFLOAT;
	good();
	attribute->buffer = 0;
	refused("vertex_attributes: the adapter has no vertex attributes of R8G8B8A8_UNORM");
	attribute->buffer = 0x40;
	target->optimal = 0x100;
	refused("color_formats: the adapter has no colour targets of R8G8B8A8_UNORM");
	target->linear = 0x80;
	good();
	target->optimal = 0;
	state.blends[0].enable = 1;
	refused("color_formats: the adapter has no targets that blend of R8G8B8A8_UNORM");
	target->linear = 0x180;
	depth->optimal = 0x180;
	refused("depth_format: the adapter has no depth targets of D32_SFLOAT");
	/* The attribute of R32_UINT, which nobody takes, is not looked at. */
	depth->optimal = 0x200;
	features[PENSTOCK_TEXEL_R32_UINT].buffer = 0;
	good();
}
END_TEST

/* ------------------------------------------------------------------ after a restart */

START_TEST(one_that_is_restored_is_as_it_was)
{
	struct penstock_composition_rest rest;
	struct penstock_composition *again;

	GOOD(compose());
	rest = (struct penstock_composition_rest){
		.kind = composition->render.kind,
		.bytes = composition->render.bytes,
		.targets_written = composition->render.targets_written,
		.graphics = composition->render.graphics,
	};
	GOOD(penstock_composition_restore(&rest, &again));
	ck_assert_mem_eq(again->render.graphics, composition->render.graphics, sizeof(state));
	ck_assert_uint_eq(again->render.vertex_bindings, composition->render.vertex_bindings);
	ck_assert_uint_eq(again->render.topology_class, composition->render.topology_class);
	ck_assert_uint_eq(again->render.targets_written, 1);
	penstock_composition_free(again);
	rest.targets_written = 0x100;
	REFUSED(penstock_composition_restore(&rest, &again), DATA_ERROR);
	rest.targets_written = 1;
	rest.kind = PENSTOCK_PIPELINE_COMPUTE;
	REFUSED(penstock_composition_restore(&rest, &again), DATA_ERROR);
	rest.graphics = NULL;
	REFUSED(penstock_composition_restore(&rest, &again), DATA_ERROR);
	rest.kind = PENSTOCK_PIPELINE_GRAPHICS;
	REFUSED(penstock_composition_restore(&rest, &again), DATA_ERROR);
	state.samples = 3;
	rest.graphics = &state;
	REFUSED(penstock_composition_restore(&rest, &again), DATA_ERROR);
	penstock_composition_free(composition);
}
END_TEST

static void tear_down(void)
{
}

int main(void)
{
	Suite *suite = suite_create("composition_graphics");
	TCase *tcase = tcase_create("graphics pipelines");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, render_and_the_gpu_get_the_state_without_what_nobody_takes);
	tcase_add_test(tcase, another_state_is_another_pipeline);
	tcase_add_test(tcase, what_stages_say_of_an_image_is_joined);
	tcase_add_test(tcase, an_input_is_given_by_the_stage_before);
	tcase_add_test(tcase, of_sixty_four_bits_are_two_components);
	tcase_add_test(tcase, an_input_of_a_patch_is_not_one_of_a_vertex);
	tcase_add_test(tcase, a_vertex_input_is_an_attribute_of_its_kind);
	tcase_add_test(tcase, patches_are_for_tessellation);
	tcase_add_test(tcase, a_geometry_stage_takes_what_is_drawn);
	tcase_add_test(tcase, a_geometry_stage_takes_what_is_tessellated);
	tcase_add_test(tcase, the_last_stage_before_the_rasterizer_writes_a_position);
	tcase_add_test(tcase, views_are_drawn_by_a_vertex_stage_alone);
	tcase_add_test(tcase, a_stage_gives_no_more_than_an_adapter_has);
	tcase_add_test(tcase, an_output_is_of_its_targets_numbers);
	tcase_add_test(tcase, a_first_target_that_the_driver_takes_for_granted_is_given);
	tcase_add_test(tcase, a_second_source_is_given_where_it_is_blended);
	tcase_add_test(tcase, a_format_is_one_that_the_adapter_has_for_it);
	tcase_add_test(tcase, one_that_is_restored_is_as_it_was);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
