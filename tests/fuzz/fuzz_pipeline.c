/* SPDX-License-Identifier: MIT */
/*
 * A graphics pipeline is composed of a state and of what a few stages say of themselves. Whatever
 * they say: what is taken is a pipeline that the GPU can read and render can hold draws against,
 * its state is a valid one with nothing that nobody takes, and it is the same after a restart.
 *
 * An input is a byte with a bit for each stage beside the vertex stage, a byte of features (bit 0:
 * the adapter says what it does with formats), the words of a state, and then each stage.
 */
#include "daemon/objects/composition.h"
#include "gpu-backend/graphics_state.h"
#include "tests/fuzz/input.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MOST 40u

static struct penstock_shader_reflection reflections[PENSTOCK_SHADER_FRAGMENT + 1];

static int by_place(const void *left, const void *right)
{
	const struct penstock_shader_slot *a = left, *b = right;
	uint32_t place_a = a->location << 3 | a->component << 1 | a->index;
	uint32_t place_b = b->location << 3 | b->component << 1 | b->index;

	return (place_a > place_b) - (place_a < place_b);
}

static void take_slots(struct penstock_fuzz_input *input, struct penstock_shader_slot *slots,
		       uint32_t count)
{
	static const uint32_t bits[] = { 32, 32, 16, 64 };

	for (uint32_t i = 0; i < count; i++) {
		uint32_t location = penstock_fuzz_take(input, 1);
		uint32_t shape = penstock_fuzz_take(input, 1);
		uint32_t what = penstock_fuzz_take(input, 1);

		slots[i] = (struct penstock_shader_slot){
			.location = location,
			.component = shape & 3,
			.components = (shape >> 2 & 3) + 1,
			.bits = bits[shape >> 4 & 3],
			.number = what & 3,
			.flags = what >> 2 & PENSTOCK_SLOT_ALL_FLAGS,
			.index = what >> 5 & 1,
		};
	}
	qsort(slots, count, sizeof(*slots), by_place);
}

/* False: no shader says so. */
static bool take_stage(struct penstock_fuzz_input *input, uint32_t stage)
{
	struct penstock_shader_reflection *reflection = &reflections[stage];

	memset(reflection, 0, sizeof(*reflection));
	reflection->stage = stage;
	memcpy(reflection->entry_point, "main", sizeof("main"));
	reflection->flags = penstock_fuzz_take(input, 2);
	reflection->input_mode = penstock_fuzz_take(input, 1);
	reflection->output_vertices = penstock_fuzz_take(input, 1);
	if (stage == PENSTOCK_SHADER_GEOMETRY) {
		reflection->output_mode = 29; /* OutputTriangleStrip */
		reflection->output_vertices *= 4;
	}
	reflection->input_count = penstock_fuzz_choose(input, SLOTS_MOST);
	reflection->output_count = penstock_fuzz_choose(input, SLOTS_MOST);
	take_slots(input, reflection->inputs, reflection->input_count);
	take_slots(input, reflection->outputs, reflection->output_count);
	return penstock_reflection_valid(reflection);
}

static void restore(const struct penstock_render_pipeline *render)
{
	const struct penstock_composition_rest rest = {
		.kind = render->kind,
		.bytes = render->bytes,
		.binding_count = render->binding_count,
		.targets_written = render->targets_written,
		.graphics = render->graphics,
	};
	struct penstock_composition *again;

	PENSTOCK_REQUIRE(penstock_composition_restore(&rest, &again) == PENSTOCK_STATUS_SUCCESS);
	PENSTOCK_REQUIRE(
		memcmp(again->render.graphics, render->graphics, sizeof(*render->graphics)) == 0 &&
		again->render.vertex_bindings == render->vertex_bindings &&
		again->render.topology_class == render->topology_class &&
		again->render.tessellates == render->tessellates);
	penstock_composition_free(again);
}

static void look_at(const struct penstock_composition *composition)
{
	const struct penstock_render_pipeline *render = &composition->render;
	const struct penstock_graphics_state *state = render->graphics;

	PENSTOCK_REQUIRE(penstock_pipeline_valid(composition->contents, render->bytes));
	PENSTOCK_REQUIRE(penstock_graphics_state_valid(state, NULL));
	PENSTOCK_REQUIRE(state->vertex_attribute_count <=
			 reflections[PENSTOCK_SHADER_VERTEX].input_count);
	for (uint32_t i = 0; i < state->vertex_attribute_count; i++) {
		PENSTOCK_REQUIRE(
			(render->vertex_bindings & 1u << state->vertex_attributes[i].binding) != 0);
	}
	restore(render);
}

static bool take_all(struct penstock_fuzz_input *input, uint32_t mask,
		     struct penstock_composition_stage *stages, uint32_t *ret_count)
{
	static const uint32_t words[] = { 1, 2, 3 };

	for (uint32_t stage = 0; stage <= PENSTOCK_SHADER_FRAGMENT; stage++) {
		if (stage != PENSTOCK_SHADER_VERTEX && (mask & 1u << stage) == 0) {
			continue;
		}
		if (!take_stage(input, stage)) {
			return false;
		}
		stages[(*ret_count)++] =
			(struct penstock_composition_stage){ &reflections[stage], words, 3 };
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct penstock_format_features formats[PENSTOCK_TEXEL_FORMATS];
	struct penstock_fuzz_input input = { data, size };
	struct penstock_composition_stage stages[PENSTOCK_SHADER_FRAGMENT + 1];
	struct penstock_refusal refusal = { .instruction = "", .operand = "" };
	struct penstock_graphics_state state = { 0 };
	struct penstock_composition *composition;
	uint32_t count = 0, mask = penstock_fuzz_take(&input, 1);
	uint32_t features = penstock_fuzz_take(&input, 1);
	size_t length = sizeof(state);
	const uint8_t *bytes = penstock_fuzz_take_bytes(&input, &length);

	/* Either stage of tessellation alone is refused before. */
	mask |= (mask & 6u) != 0 ? 6u : 0;
	memcpy(&state, bytes, length);
	for (uint32_t i = 0; i < PENSTOCK_TEXEL_FORMATS; i++) {
		formats[i] = (struct penstock_format_features){ 0, features << 2, features << 2 };
	}
	if (!penstock_graphics_state_valid(&state, NULL) ||
	    !take_all(&input, mask, stages, &count)) {
		return 0;
	}
	if (penstock_compose(stages, count, &state, (features & 1) != 0 ? formats : NULL,
			     &composition, &refusal) == PENSTOCK_STATUS_SUCCESS) {
		look_at(composition);
		penstock_composition_free(composition);
	} else {
		PENSTOCK_REQUIRE(refusal.sentence[0] != '\0');
	}
	return 0;
}
