/* SPDX-License-Identifier: MIT */
/* Dynamic state of a render scope, each by itself; scope.c knows what has been given. */
#include "daemon/render/group.h"

/* ------------------------------------------------------------------ viewport, scissor */

#define VIEWPORT_BOUND 32768.0f /* viewportBoundsRange */

static const uint8_t *take(struct penstock_walk *walk, const uint8_t *bytes, uint32_t length)
{
	return penstock_render_group_take(walk, bytes, length) ? bytes + length : NULL;
}

static const uint8_t *refuse(struct penstock_walk *walk, const uint8_t *bytes, const char *operand,
			     const char *why)
{
	return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand, "%s",
				    why);
}

const uint8_t *penstock_render_viewport(struct penstock_walk *walk, const uint8_t *bytes,
					uint32_t length)
{
	static const struct penstock_word_limit words[] = {
		PENSTOCK_WITHIN(VIEWPORT, index, 0, PENSTOCK_LIMIT_VIEWPORTS - 1),
	};
	static const struct penstock_single_limit singles[] = {
		PENSTOCK_WITHIN(VIEWPORT, x, -VIEWPORT_BOUND, VIEWPORT_BOUND),
		PENSTOCK_WITHIN(VIEWPORT, y, -VIEWPORT_BOUND, VIEWPORT_BOUND),
		PENSTOCK_WITHIN(VIEWPORT, width, 0, PENSTOCK_LIMIT_TARGET_EXTENT),
		PENSTOCK_WITHIN(VIEWPORT, height, -(float)PENSTOCK_LIMIT_TARGET_EXTENT,
				PENSTOCK_LIMIT_TARGET_EXTENT),
		PENSTOCK_WITHIN(VIEWPORT, min_depth, 0, 1),
		PENSTOCK_WITHIN(VIEWPORT, max_depth, 0, 1),
	};
	const float x = penstock_load_single(bytes + PENSTOCK_OPERAND_VIEWPORT_x);
	const float y = penstock_load_single(bytes + PENSTOCK_OPERAND_VIEWPORT_y);
	const float width = penstock_load_single(bytes + PENSTOCK_OPERAND_VIEWPORT_width);
	const float height = penstock_load_single(bytes + PENSTOCK_OPERAND_VIEWPORT_height);

	if (!penstock_walk_words_within(walk, bytes, words, PENSTOCK_ARRAY_SIZE(words)) ||
	    !penstock_walk_singles_within(walk, bytes, singles, PENSTOCK_ARRAY_SIZE(singles))) {
		return NULL;
	}
	if (width == 0 || height == 0) {
		return refuse(walk, bytes, width == 0 ? "width" : "height", "an empty viewport");
	}
	if (x + width > VIEWPORT_BOUND || y + height > VIEWPORT_BOUND ||
	    y + height < -VIEWPORT_BOUND) {
		return refuse(walk, bytes, x + width > VIEWPORT_BOUND ? "width" : "height",
			      "the viewport ends beyond 32768");
	}
	return take(walk, bytes, length);
}

const uint8_t *penstock_render_scissor(struct penstock_walk *walk, const uint8_t *bytes,
				       uint32_t length)
{
	static const struct penstock_word_limit words[] = {
		PENSTOCK_WITHIN(SCISSOR, index, 0, PENSTOCK_LIMIT_VIEWPORTS - 1),
	};
	const int32_t left = (int32_t)penstock_load32(bytes + PENSTOCK_OPERAND_SCISSOR_rect);
	const int32_t top = (int32_t)penstock_load32(bytes + PENSTOCK_OPERAND_SCISSOR_rect + 4);
	const int32_t right = (int32_t)penstock_load32(bytes + PENSTOCK_OPERAND_SCISSOR_rect + 8);
	const int32_t bottom = (int32_t)penstock_load32(bytes + PENSTOCK_OPERAND_SCISSOR_rect + 12);

	if (!penstock_walk_words_within(walk, bytes, words, PENSTOCK_ARRAY_SIZE(words))) {
		return NULL;
	}
	if (left < 0 || top < 0 || right < left || bottom < top) {
		return penstock_walk_refuse(
			walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "rect",
			"%d,%d to %d,%d: from 0,0 on, right and bottom not before left and top",
			left, top, right, bottom);
	}
	return take(walk, bytes, length);
}

/* ------------------------------------------------------------------ one dword */

/* The most that each may be; 0: there is none. */
static const uint32_t state_most[32] = {
	[PENSTOCK_STATE_LINE_WIDTH] = UINT32_MAX, [PENSTOCK_STATE_CULL_MODE] = 3,
	[PENSTOCK_STATE_FRONT_FACE] = 1,          [PENSTOCK_STATE_TOPOLOGY] = 10,
	[PENSTOCK_STATE_DEPTH_TEST] = 1,          [PENSTOCK_STATE_DEPTH_WRITE] = 1,
	[PENSTOCK_STATE_DEPTH_COMPARE] = 7,       [PENSTOCK_STATE_DEPTH_BOUNDS_TEST] = 1,
	[PENSTOCK_STATE_STENCIL_TEST] = 1,        [PENSTOCK_STATE_RASTERIZER_DISCARD] = 1,
	[PENSTOCK_STATE_DEPTH_BIAS_ENABLE] = 1,   [PENSTOCK_STATE_PRIMITIVE_RESTART] = 1,
};

const uint8_t *penstock_render_state(struct penstock_walk *walk, const uint8_t *bytes,
				     uint32_t length)
{
	const uint32_t state = penstock_load32(bytes + PENSTOCK_OPERAND_STATE_state);
	const uint32_t value = penstock_load32(bytes + PENSTOCK_OPERAND_STATE_value);

	if (state >= PENSTOCK_ARRAY_SIZE(state_most) || state_most[state] == 0) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "state",
					    "there is no dynamic state %u of one dword", state);
	}
	if (value > state_most[state]) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "value",
					    "state %u is %u: at most %u", state, value,
					    state_most[state]);
	}
	if (state == PENSTOCK_STATE_LINE_WIDTH &&
	    penstock_load_single(bytes + PENSTOCK_OPERAND_STATE_value) != 1.0f) {
		return refuse(walk, bytes, "value", "lines are 1 wide");
	}
	if (state == PENSTOCK_STATE_DEPTH_BOUNDS_TEST && value != 0) {
		return refuse(walk, bytes, "value", "the GPU has no depth bounds test");
	}
	return take(walk, bytes, length);
}

/* ------------------------------------------------------------------ several */

#define FINITE(name, operand)                                                                      \
	PENSTOCK_WITHIN(name, operand, -PENSTOCK_SINGLE_MOST, PENSTOCK_SINGLE_MOST)

const uint8_t *penstock_render_blend_constants(struct penstock_walk *walk, const uint8_t *bytes,
					       uint32_t length)
{
	static const struct penstock_single_limit singles[] = {
		FINITE(BLEND_CONSTANTS, red),
		FINITE(BLEND_CONSTANTS, green),
		FINITE(BLEND_CONSTANTS, blue),
		FINITE(BLEND_CONSTANTS, alpha),
	};

	return penstock_walk_singles_within(walk, bytes, singles, PENSTOCK_ARRAY_SIZE(singles))
		       ? take(walk, bytes, length)
		       : NULL;
}

const uint8_t *penstock_render_depth_bias(struct penstock_walk *walk, const uint8_t *bytes,
					  uint32_t length)
{
	static const struct penstock_single_limit singles[] = {
		FINITE(DEPTH_BIAS, constant),
		FINITE(DEPTH_BIAS, clamp),
		FINITE(DEPTH_BIAS, slope),
	};

	return penstock_walk_singles_within(walk, bytes, singles, PENSTOCK_ARRAY_SIZE(singles))
		       ? take(walk, bytes, length)
		       : NULL;
}

const uint8_t *penstock_render_depth_bounds(struct penstock_walk *walk, const uint8_t *bytes,
					    uint32_t length)
{
	static const struct penstock_single_limit singles[] = {
		PENSTOCK_WITHIN(DEPTH_BOUNDS, min, 0, 1),
		PENSTOCK_WITHIN(DEPTH_BOUNDS, max, 0, 1),
	};

	return penstock_walk_singles_within(walk, bytes, singles, PENSTOCK_ARRAY_SIZE(singles))
		       ? take(walk, bytes, length)
		       : NULL;
}

/* Masks and references are what they are: the driver takes their lowest bits. */
const uint8_t *penstock_render_stencil(struct penstock_walk *walk, const uint8_t *bytes,
				       uint32_t length)
{
	static const struct penstock_word_limit words[] = {
		PENSTOCK_WITHIN(STENCIL, faces, 1, 3),
		PENSTOCK_WITHIN(STENCIL, fail_op, 0, 7),
		PENSTOCK_WITHIN(STENCIL, pass_op, 0, 7),
		PENSTOCK_WITHIN(STENCIL, depth_fail_op, 0, 7),
		PENSTOCK_WITHIN(STENCIL, compare_op, 0, 7),
	};

	return penstock_walk_words_within(walk, bytes, words, PENSTOCK_ARRAY_SIZE(words))
		       ? take(walk, bytes, length)
		       : NULL;
}
