/* SPDX-License-Identifier: MIT */
#include "gpu-backend/graphics_state.h"

#include "proto/image/format.h"
#include "proto/wire/limits.h"

#include <float.h>
#include <string.h>

#define ATTRIBUTE_OFFSET_MOST 2047u
#define STRIDE_MOST           2048u
#define VIEWS                 0x3fu /* bits of a view mask */
#define BLEND_FACTOR_MOST     18u
#define VIEWPORT_EXTENT_MOST  16384.0f
#define VIEWPORT_BOUND        32768.0f

static bool wrong(struct penstock_errbuf *reterr_text, const char *field, const char *why)
{
	penstock_errbuf_set(reterr_text, "%s: %s", field, why);
	return false;
}

/* ------------------------------------------------------------------ single fields */

/* A field of 32 bits: at most so much; zero where it is dynamic. */
struct word {
	const char *name;
	uint32_t offset;
	uint32_t most;
	uint32_t dynamic; /* PENSTOCK_DYNAMIC_; 0: never */
};

#define WORD(field, most, dynamic)                                                                 \
	{                                                                                          \
#field, offsetof(struct penstock_graphics_state, field), most, dynamic             \
	}
#define DYNAMIC_WORD(field, most, bit) WORD(field, most, PENSTOCK_DYNAMIC_##bit)
#define STENCIL(side)                                                                              \
	DYNAMIC_WORD(side.fail_op, 7, STENCIL_OP), DYNAMIC_WORD(side.pass_op, 7, STENCIL_OP),      \
		DYNAMIC_WORD(side.depth_fail_op, 7, STENCIL_OP),                                   \
		DYNAMIC_WORD(side.compare_op, 7, STENCIL_OP),                                      \
		DYNAMIC_WORD(side.compare_mask, UINT32_MAX, STENCIL_COMPARE_MASK),                 \
		DYNAMIC_WORD(side.write_mask, UINT32_MAX, STENCIL_WRITE_MASK),                     \
		DYNAMIC_WORD(side.reference, UINT32_MAX, STENCIL_REFERENCE)

static const struct word words[] = {
	WORD(vertex_binding_count, PENSTOCK_LIMIT_VERTEX_BINDINGS, 0),
	WORD(vertex_attribute_count, PENSTOCK_LIMIT_VERTEX_ATTRIBUTES, 0),
	WORD(topology, PENSTOCK_VK_PATCH_LIST, 0), /* of a dynamic one: its class */
	DYNAMIC_WORD(primitive_restart, 1, PRIMITIVE_RESTART),
	WORD(patch_control_points, PENSTOCK_LIMIT_SHADER_PATCH, 0),
	WORD(viewport_count, PENSTOCK_LIMIT_VIEWPORTS, 0),
	WORD(depth_clamp, 1, 0),
	DYNAMIC_WORD(rasterizer_discard, 1, RASTERIZER_DISCARD),
	WORD(polygon_mode, 2, 0),
	DYNAMIC_WORD(cull_mode, 3, CULL_MODE),
	DYNAMIC_WORD(front_face, 1, FRONT_FACE),
	DYNAMIC_WORD(depth_bias, 1, DEPTH_BIAS_ENABLE),
	WORD(sample_shading, 1, 0),
	WORD(alpha_to_coverage, 1, 0),
	WORD(alpha_to_one, 1, 0),
	DYNAMIC_WORD(depth_test, 1, DEPTH_TEST),
	DYNAMIC_WORD(depth_write, 1, DEPTH_WRITE),
	DYNAMIC_WORD(depth_compare_op, 7, DEPTH_COMPARE),
	DYNAMIC_WORD(depth_bounds_test, 0, DEPTH_BOUNDS_TEST), /* the GPU has no such test */
	DYNAMIC_WORD(stencil_test, 1, STENCIL_TEST),
	STENCIL(front),
	STENCIL(back),
	WORD(logic_op_enable, 1, 0),
	WORD(logic_op, 15, 0),
	WORD(color_count, PENSTOCK_LIMIT_COLOR_TARGETS, 0),
	WORD(view_mask, VIEWS, 0),
};

static bool words_valid(const struct penstock_graphics_state *state,
			struct penstock_errbuf *reterr_text)
{
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(words); i++) {
		const struct word *word = &words[i];
		uint32_t value;

		memcpy(&value, (const uint8_t *)state + word->offset, sizeof(value));
		if ((state->dynamic & word->dynamic) != 0 && value != 0) {
			return wrong(reterr_text, word->name, "0 where it is dynamic");
		}
		if (value > word->most) {
			penstock_errbuf_set(reterr_text, "%s: %u; at most %u", word->name, value,
					    word->most);
			return false;
		}
	}
	return true;
}

/* A number: in [least, most]; zero where it is dynamic. */
struct number {
	const char *name;
	uint32_t offset;
	float least, most;
	uint32_t dynamic;
};

#define NUMBER(field, least, most, bit)                                                            \
	{                                                                                          \
#field, offsetof(struct penstock_graphics_state, field), least, most, bit          \
	}

static const struct number numbers[] = {
	NUMBER(depth_bias_constant, -FLT_MAX, FLT_MAX, PENSTOCK_DYNAMIC_DEPTH_BIAS),
	NUMBER(depth_bias_clamp, -FLT_MAX, FLT_MAX, PENSTOCK_DYNAMIC_DEPTH_BIAS),
	NUMBER(depth_bias_slope, -FLT_MAX, FLT_MAX, PENSTOCK_DYNAMIC_DEPTH_BIAS),
	NUMBER(line_width, 1, 1, PENSTOCK_DYNAMIC_LINE_WIDTH),
	NUMBER(min_sample_shading, 0, 1, 0),
	NUMBER(min_depth_bounds, 0, 1, PENSTOCK_DYNAMIC_DEPTH_BOUNDS),
	NUMBER(max_depth_bounds, 0, 1, PENSTOCK_DYNAMIC_DEPTH_BOUNDS),
	NUMBER(blend_constants[0], -FLT_MAX, FLT_MAX, PENSTOCK_DYNAMIC_BLEND_CONSTANTS),
	NUMBER(blend_constants[1], -FLT_MAX, FLT_MAX, PENSTOCK_DYNAMIC_BLEND_CONSTANTS),
	NUMBER(blend_constants[2], -FLT_MAX, FLT_MAX, PENSTOCK_DYNAMIC_BLEND_CONSTANTS),
	NUMBER(blend_constants[3], -FLT_MAX, FLT_MAX, PENSTOCK_DYNAMIC_BLEND_CONSTANTS),
};

/* Neither is one that is no number. */
static bool is_in(float value, float least, float most)
{
	return value >= least && value <= most;
}

static bool numbers_valid(const struct penstock_graphics_state *state,
			  struct penstock_errbuf *reterr_text)
{
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(numbers); i++) {
		const struct number *number = &numbers[i];
		uint32_t bits;
		float value;

		memcpy(&bits, (const uint8_t *)state + number->offset, sizeof(bits));
		memcpy(&value, &bits, sizeof(value));
		if ((state->dynamic & number->dynamic) != 0) {
			if (bits != 0) {
				return wrong(reterr_text, number->name, "0 where it is dynamic");
			}
		} else if (!is_in(value, number->least, number->most)) {
			penstock_errbuf_set(reterr_text, "%s: %g; from %g to %g", number->name,
					    (double)value, (double)number->least,
					    (double)number->most);
			return false;
		}
	}
	return true;
}

/* ------------------------------------------------------------------ behind a count */

struct array {
	const char *name;
	uint32_t offset;
	uint32_t element_bytes;
	uint32_t elements;
	uint32_t count_offset;
	uint32_t dynamic; /* none of them counts where it is set */
};

#define ARRAY(field, count, dynamic)                                                               \
	{                                                                                          \
#field, offsetof(struct penstock_graphics_state, field),                           \
			sizeof(((struct penstock_graphics_state *)0)->field[0]),                   \
			PENSTOCK_ARRAY_SIZE(((struct penstock_graphics_state *)0)->field),         \
			offsetof(struct penstock_graphics_state, count), dynamic                   \
	}

static const struct array arrays[] = {
	ARRAY(vertex_bindings, vertex_binding_count, 0),
	ARRAY(vertex_attributes, vertex_attribute_count, 0),
	ARRAY(viewports, viewport_count, PENSTOCK_DYNAMIC_VIEWPORT),
	ARRAY(scissors, viewport_count, PENSTOCK_DYNAMIC_SCISSOR),
	ARRAY(blends, color_count, 0),
	ARRAY(color_formats, color_count, 0),
};

/* What does not count is zero: one meaning, one state. The counts are in their range. */
static bool rest_is_zero(const struct penstock_graphics_state *state,
			 struct penstock_errbuf *reterr_text)
{
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(arrays); i++) {
		const struct array *array = &arrays[i];
		const uint8_t *bytes = (const uint8_t *)state + array->offset;
		uint32_t count;

		memcpy(&count, (const uint8_t *)state + array->count_offset, sizeof(count));
		if ((state->dynamic & array->dynamic) != 0) {
			count = 0;
		}
		for (uint32_t at = count * array->element_bytes;
		     at < array->elements * array->element_bytes; at++) {
			if (bytes[at] != 0) {
				penstock_errbuf_set(reterr_text,
						    "%s[%u]: 0 where it is dynamic or not counted",
						    array->name, at / array->element_bytes);
				return false;
			}
		}
	}
	return true;
}

/* ------------------------------------------------------------------ vertices */

/* NULL, or why a texel of it is not what a buffer, or a colour target, has. */
static const char *plain_color(uint32_t number)
{
	const struct penstock_texel_format *format = penstock_texel_format_get(number);

	if (format == NULL) {
		return "there is no such format";
	}
	return format->aspects != PENSTOCK_ASPECT_COLOR || format->block_width != 1
		       ? "a format of colour that is not compressed"
		       : NULL;
}

static bool element_wrong(struct penstock_errbuf *reterr_text, const char *array, uint32_t index,
			  const char *field, const char *why)
{
	penstock_errbuf_set(reterr_text, "%s[%u]%s: %s", array, index, field, why);
	return false;
}

static bool bindings_valid(const struct penstock_graphics_state *state, uint32_t *ret_bindings,
			   struct penstock_errbuf *reterr_text)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < state->vertex_binding_count; i++) {
		const struct penstock_vertex_binding *binding = &state->vertex_bindings[i];

		if (binding->binding >= PENSTOCK_LIMIT_VERTEX_BINDINGS ||
		    (seen & 1u << binding->binding) != 0) {
			return element_wrong(reterr_text, "vertex_bindings", i, ".binding",
					     "below 16, and each once");
		}
		if ((state->dynamic & PENSTOCK_DYNAMIC_VERTEX_STRIDE) != 0
			    ? binding->stride != 0
			    : binding->stride > STRIDE_MOST) {
			return element_wrong(reterr_text, "vertex_bindings", i, ".stride",
					     "at most 2048; 0 where it is dynamic");
		}
		if (binding->input_rate > 1) {
			return element_wrong(reterr_text, "vertex_bindings", i, ".input_rate",
					     "0 for each vertex, 1 for each instance");
		}
		seen |= 1u << binding->binding;
	}
	*ret_bindings = seen;
	return true;
}

static bool attributes_valid(const struct penstock_graphics_state *state, uint32_t bindings,
			     struct penstock_errbuf *reterr_text)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < state->vertex_attribute_count; i++) {
		const struct penstock_vertex_attribute *attribute = &state->vertex_attributes[i];
		const char *format = plain_color(attribute->format);

		if (attribute->location >= PENSTOCK_LIMIT_SHADER_LOCATIONS ||
		    (seen & 1u << attribute->location) != 0) {
			return element_wrong(reterr_text, "vertex_attributes", i, ".location",
					     "below 32, and each once");
		}
		if (attribute->binding >= PENSTOCK_LIMIT_VERTEX_BINDINGS ||
		    (bindings & 1u << attribute->binding) == 0) {
			return element_wrong(reterr_text, "vertex_attributes", i, ".binding",
					     "it is none of vertex_bindings");
		}
		if (format != NULL) {
			return element_wrong(reterr_text, "vertex_attributes", i, ".format",
					     format);
		}
		if (attribute->offset > ATTRIBUTE_OFFSET_MOST) {
			return element_wrong(reterr_text, "vertex_attributes", i, ".offset",
					     "at most 2047");
		}
		seen |= 1u << attribute->location;
	}
	return true;
}

static bool is_a_list(uint32_t topology)
{
	return topology == PENSTOCK_VK_POINT_LIST || topology == PENSTOCK_VK_LINE_LIST ||
	       topology == PENSTOCK_VK_TRIANGLE_LIST ||
	       topology == PENSTOCK_VK_LINE_LIST_WITH_ADJACENCY ||
	       topology == PENSTOCK_VK_TRIANGLE_LIST_WITH_ADJACENCY ||
	       topology == PENSTOCK_VK_PATCH_LIST;
}

static bool vertices_valid(const struct penstock_graphics_state *state,
			   struct penstock_errbuf *reterr_text)
{
	uint32_t bindings;

	if (!bindings_valid(state, &bindings, reterr_text) ||
	    !attributes_valid(state, bindings, reterr_text)) {
		return false;
	}
	if ((state->topology == PENSTOCK_VK_PATCH_LIST) != (state->patch_control_points != 0)) {
		return wrong(reterr_text, "patch_control_points",
			     "patches have 1 to 32, other topologies 0");
	}
	if (state->primitive_restart != 0 && is_a_list(state->topology) &&
	    (state->dynamic & PENSTOCK_DYNAMIC_TOPOLOGY) == 0) {
		return wrong(reterr_text, "primitive_restart", "lists are not begun again");
	}
	return true;
}

/* ------------------------------------------------------------------ viewports */

static bool viewport_valid(const struct penstock_viewport *viewport)
{
	return is_in(viewport->x, -VIEWPORT_BOUND, VIEWPORT_BOUND - 1) &&
	       is_in(viewport->y, -VIEWPORT_BOUND, VIEWPORT_BOUND - 1) && viewport->width > 0 &&
	       viewport->width <= VIEWPORT_EXTENT_MOST && viewport->height != 0 &&
	       is_in(viewport->height, -VIEWPORT_EXTENT_MOST, VIEWPORT_EXTENT_MOST) &&
	       is_in(viewport->x + viewport->width, -VIEWPORT_BOUND, VIEWPORT_BOUND - 1) &&
	       is_in(viewport->y + viewport->height, -VIEWPORT_BOUND, VIEWPORT_BOUND - 1) &&
	       is_in(viewport->min_depth, 0, 1) && is_in(viewport->max_depth, 0, 1);
}

static bool scissor_valid(const struct penstock_scissor *scissor)
{
	return scissor->x >= 0 && scissor->y >= 0 &&
	       penstock_range_fits((uint32_t)scissor->x, scissor->width, INT32_MAX) &&
	       penstock_range_fits((uint32_t)scissor->y, scissor->height, INT32_MAX);
}

static bool viewports_valid(const struct penstock_graphics_state *state,
			    struct penstock_errbuf *reterr_text)
{
	if (state->viewport_count == 0) {
		return wrong(reterr_text, "viewport_count", "at least 1");
	}
	for (uint32_t i = 0; i < state->viewport_count; i++) {
		if ((state->dynamic & PENSTOCK_DYNAMIC_VIEWPORT) == 0 &&
		    !viewport_valid(&state->viewports[i])) {
			return element_wrong(reterr_text, "viewports", i, "",
					     "a width from above 0 to 16384, a height likewise or "
					     "negative, inside of -32768 to 32767; depths from 0 "
					     "to 1");
		}
		if ((state->dynamic & PENSTOCK_DYNAMIC_SCISSOR) == 0 &&
		    !scissor_valid(&state->scissors[i])) {
			return element_wrong(reterr_text, "scissors", i, "",
					     "x and y from 0 on, and ends below 2^31");
		}
	}
	return true;
}

/* ------------------------------------------------------------------ targets */

/* Logical operations are of bits, which these have no use for. */
static bool is_of_floats(const struct penstock_texel_format *format)
{
	return strstr(format->name, "FLOAT") != NULL || strstr(format->name, "SRGB") != NULL;
}

struct blend_word {
	const char *name;
	uint32_t offset;
	uint32_t most;
};

#define BLEND(field, most)                                                                         \
	{                                                                                          \
		"." #field, offsetof(struct penstock_blend, field), most                           \
	}

static const struct blend_word blend_words[] = {
	BLEND(enable, 1),
	BLEND(source_color, BLEND_FACTOR_MOST),
	BLEND(destination_color, BLEND_FACTOR_MOST),
	BLEND(color_op, 4),
	BLEND(source_alpha, BLEND_FACTOR_MOST),
	BLEND(destination_alpha, BLEND_FACTOR_MOST),
	BLEND(alpha_op, 4),
	BLEND(write_mask, 15),
};

static bool blend_valid(const struct penstock_graphics_state *state, uint32_t index,
			struct penstock_errbuf *reterr_text)
{
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(blend_words); i++) {
		const struct blend_word *word = &blend_words[i];
		uint32_t value;

		memcpy(&value, (const uint8_t *)&state->blends[index] + word->offset,
		       sizeof(value));
		if (value > word->most) {
			penstock_errbuf_set(reterr_text, "blends[%u]%s: %u; at most %u", index,
					    word->name, value, word->most);
			return false;
		}
	}
	return true;
}

static bool color_target_valid(const struct penstock_graphics_state *state, uint32_t index,
			       struct penstock_errbuf *reterr_text)
{
	const uint32_t number = state->color_formats[index];
	const struct penstock_texel_format *format = penstock_texel_format_get(number);
	const char *fault = number == 0 ? NULL : plain_color(number);

	if (fault != NULL) {
		return element_wrong(reterr_text, "color_formats", index, "", fault);
	}
	if (!blend_valid(state, index, reterr_text)) {
		return false;
	}
	if (format == NULL) {
		return true;
	}
	if (state->blends[index].enable != 0 && format->numbers != PENSTOCK_TEXEL_FLOAT) {
		return element_wrong(reterr_text, "blends", index, ".enable",
				     "a target of integers does not blend");
	}
	if (state->logic_op_enable != 0 && is_of_floats(format)) {
		return wrong(reterr_text, "logic_op_enable",
			     "a target of floating-point or sRGB numbers has no bits to operate "
			     "on");
	}
	return true;
}

static bool aspect_valid(const char *field, uint32_t number, uint32_t aspect, const char *why,
			 struct penstock_errbuf *reterr_text)
{
	const struct penstock_texel_format *format = penstock_texel_format_get(number);

	return number == 0 || (format != NULL && (format->aspects & aspect) != 0) ||
	       wrong(reterr_text, field, why);
}

static bool targets_valid(const struct penstock_graphics_state *state,
			  struct penstock_errbuf *reterr_text)
{
	if (state->samples != 1 && state->samples != 4) {
		return wrong(reterr_text, "samples", "1 or 4");
	}
	for (uint32_t i = 0; i < state->color_count; i++) {
		if (!color_target_valid(state, i, reterr_text)) {
			return false;
		}
	}
	if (!aspect_valid("depth_format", state->depth_format, PENSTOCK_ASPECT_DEPTH,
			  "a format with depth, or 0", reterr_text) ||
	    !aspect_valid("stencil_format", state->stencil_format, PENSTOCK_ASPECT_STENCIL,
			  "a format with stencil, or 0", reterr_text)) {
		return false;
	}
	if (state->depth_format != 0 && state->stencil_format != 0 &&
	    state->depth_format != state->stencil_format) {
		return wrong(reterr_text, "stencil_format",
			     "depth and stencil are of one format, where there are both");
	}
	return true;
}

/* ------------------------------------------------------------------ all of it */

bool penstock_graphics_state_has_two_sources(const struct penstock_graphics_state *state)
{
	for (uint32_t i = 0; i < state->color_count; i++) {
		const struct penstock_blend *blend = &state->blends[i];

		if (blend->enable != 0 &&
		    (blend->source_color >= PENSTOCK_VK_BLEND_FACTOR_SRC1_COLOR ||
		     blend->destination_color >= PENSTOCK_VK_BLEND_FACTOR_SRC1_COLOR ||
		     blend->source_alpha >= PENSTOCK_VK_BLEND_FACTOR_SRC1_COLOR ||
		     blend->destination_alpha >= PENSTOCK_VK_BLEND_FACTOR_SRC1_COLOR)) {
			return true;
		}
	}
	return false;
}

bool penstock_graphics_state_valid(const struct penstock_graphics_state *state,
				   struct penstock_errbuf *reterr_text)
{
	if ((state->dynamic & ~PENSTOCK_DYNAMIC_ALL) != 0) {
		return wrong(reterr_text, "dynamic", "a bit that means nothing");
	}
	if (!words_valid(state, reterr_text) || !numbers_valid(state, reterr_text) ||
	    !rest_is_zero(state, reterr_text) || !vertices_valid(state, reterr_text) ||
	    !viewports_valid(state, reterr_text) || !targets_valid(state, reterr_text)) {
		return false;
	}
	if (state->color_count > 1 && penstock_graphics_state_has_two_sources(state)) {
		return wrong(reterr_text, "color_count",
			     "blending with two sources has one target");
	}
	return true;
}
