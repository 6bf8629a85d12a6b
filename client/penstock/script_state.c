/* SPDX-License-Identifier: MIT */
/*
 * The block of a pipeline: '{', lines of its graphics state, '}'. A line is fields of the state,
 * name=value, or begins with the word of what it adds or fills: a vertex binding, an attribute, a
 * target, ...
 */
#include "client/penstock/script_parser.h"

#include "proto/image/default_state.h"

#include <stdlib.h>
#include <string.h>

enum field_type { FIELD_NUMBER, FIELD_SIGNED, FIELD_REAL, FIELD_FORMAT, FIELD_CHOICE };

struct field {
	const char *name; /* NULL ends a table */
	enum field_type type;
	uint32_t offset;            /* in the state, or in the element of a line */
	const char *const *choices; /* words of FIELD_CHOICE, by value; NULL ends them */
};

/* ------------------------------------------------------------------ words */

static const char *const topologies[] = { "point_list",
					  "line_list",
					  "line_strip",
					  "triangle_list",
					  "triangle_strip",
					  "triangle_fan",
					  "line_list_with_adjacency",
					  "line_strip_with_adjacency",
					  "triangle_list_with_adjacency",
					  "triangle_strip_with_adjacency",
					  "patch_list",
					  NULL };
static const char *const polygon_modes[] = { "fill", "line", "point", NULL };
static const char *const cull_modes[] = { "none", "front", "back", "front_and_back", NULL };
static const char *const front_faces[] = { "counter_clockwise", "clockwise", NULL };
static const char *const rates[] = { "vertex", "instance", NULL };
static const char *const compare_ops[] = {
	"never",  "less", "equal", "less_or_equal", "greater", "not_equal", "greater_or_equal",
	"always", NULL
};
static const char *const stencil_ops[] = { "keep",
					   "zero",
					   "replace",
					   "increment_and_clamp",
					   "decrement_and_clamp",
					   "invert",
					   "increment_and_wrap",
					   "decrement_and_wrap",
					   NULL };
static const char *const blend_factors[] = { "zero",
					     "one",
					     "src_color",
					     "one_minus_src_color",
					     "dst_color",
					     "one_minus_dst_color",
					     "src_alpha",
					     "one_minus_src_alpha",
					     "dst_alpha",
					     "one_minus_dst_alpha",
					     "constant_color",
					     "one_minus_constant_color",
					     "constant_alpha",
					     "one_minus_constant_alpha",
					     "src_alpha_saturate",
					     "src1_color",
					     "one_minus_src1_color",
					     "src1_alpha",
					     "one_minus_src1_alpha",
					     NULL };
static const char *const blend_ops[] = {
	"add", "subtract", "reverse_subtract", "min", "max", NULL
};
static const char *const logic_ops[] = {
	"clear", "and", "and_reverse", "copy",   "and_inverted", "no_op",         "xor",
	"or",    "nor", "equivalent",  "invert", "or_reverse",   "copy_inverted", "or_inverted",
	"nand",  "set", NULL
};
/* By the bit: PENSTOCK_DYNAMIC_ */
static const char *const dynamic_states[] = { "viewport",
					      "scissor",
					      "line_width",
					      "depth_bias",
					      "blend_constants",
					      "depth_bounds",
					      "stencil_compare_mask",
					      "stencil_write_mask",
					      "stencil_reference",
					      "cull_mode",
					      "front_face",
					      "topology",
					      "vertex_stride",
					      "depth_test",
					      "depth_write",
					      "depth_compare",
					      "depth_bounds_test",
					      "stencil_test",
					      "stencil_op",
					      "rasterizer_discard",
					      "depth_bias_enable",
					      "primitive_restart",
					      NULL };

/* ------------------------------------------------------------------ fields */

#define FIELD(type, name)                                                                          \
	{                                                                                          \
#name, FIELD_##type, offsetof(struct penstock_graphics_state, name), NULL          \
	}
#define CHOICE(name, choices)                                                                      \
	{                                                                                          \
#name, FIELD_CHOICE, offsetof(struct penstock_graphics_state, name), choices       \
	}
#define LAST                                                                                       \
	{                                                                                          \
		NULL, FIELD_NUMBER, 0, NULL                                                        \
	}

static const struct field state_fields[] = { CHOICE(topology, topologies),
					     FIELD(NUMBER, primitive_restart),
					     FIELD(NUMBER, patch_control_points),
					     FIELD(NUMBER, viewport_count),
					     FIELD(NUMBER, depth_clamp),
					     FIELD(NUMBER, rasterizer_discard),
					     CHOICE(polygon_mode, polygon_modes),
					     CHOICE(cull_mode, cull_modes),
					     CHOICE(front_face, front_faces),
					     FIELD(NUMBER, depth_bias),
					     FIELD(REAL, depth_bias_constant),
					     FIELD(REAL, depth_bias_clamp),
					     FIELD(REAL, depth_bias_slope),
					     FIELD(REAL, line_width),
					     FIELD(NUMBER, samples),
					     FIELD(NUMBER, sample_shading),
					     FIELD(REAL, min_sample_shading),
					     FIELD(NUMBER, sample_mask),
					     FIELD(NUMBER, alpha_to_coverage),
					     FIELD(NUMBER, alpha_to_one),
					     FIELD(NUMBER, depth_test),
					     FIELD(NUMBER, depth_write),
					     CHOICE(depth_compare_op, compare_ops),
					     FIELD(NUMBER, depth_bounds_test),
					     FIELD(NUMBER, stencil_test),
					     FIELD(REAL, min_depth_bounds),
					     FIELD(REAL, max_depth_bounds),
					     FIELD(NUMBER, logic_op_enable),
					     CHOICE(logic_op, logic_ops),
					     FIELD(FORMAT, depth_format),
					     FIELD(FORMAT, stencil_format),
					     FIELD(NUMBER, view_mask),
					     LAST };

#define OF(row, type, name, field)                                                                 \
	{                                                                                          \
		name, FIELD_##type, offsetof(struct penstock_##row, field), NULL                   \
	}
#define CHOICE_OF(row, name, field, choices)                                                       \
	{                                                                                          \
		name, FIELD_CHOICE, offsetof(struct penstock_##row, field), choices                \
	}

static const struct field binding_fields[] = { OF(vertex_binding, NUMBER, "binding", binding),
					       OF(vertex_binding, NUMBER, "stride", stride),
					       CHOICE_OF(vertex_binding, "rate", input_rate, rates),
					       LAST };
static const struct field attribute_fields[] = { OF(vertex_attribute, NUMBER, "location", location),
						 OF(vertex_attribute, NUMBER, "binding", binding),
						 OF(vertex_attribute, FORMAT, "format", format),
						 OF(vertex_attribute, NUMBER, "offset", offset),
						 LAST };
static const struct field viewport_fields[] = { OF(viewport, REAL, "x", x),
						OF(viewport, REAL, "y", y),
						OF(viewport, REAL, "width", width),
						OF(viewport, REAL, "height", height),
						OF(viewport, REAL, "min_depth", min_depth),
						OF(viewport, REAL, "max_depth", max_depth),
						LAST };
static const struct field scissor_fields[] = { OF(scissor, SIGNED, "x", x),
					       OF(scissor, SIGNED, "y", y),
					       OF(scissor, NUMBER, "width", width),
					       OF(scissor, NUMBER, "height", height), LAST };
static const struct field stencil_fields[] = {
	CHOICE_OF(stencil, "fail_op", fail_op, stencil_ops),
	CHOICE_OF(stencil, "pass_op", pass_op, stencil_ops),
	CHOICE_OF(stencil, "depth_fail_op", depth_fail_op, stencil_ops),
	CHOICE_OF(stencil, "compare_op", compare_op, compare_ops),
	OF(stencil, NUMBER, "compare_mask", compare_mask),
	OF(stencil, NUMBER, "write_mask", write_mask),
	OF(stencil, NUMBER, "reference", reference),
	LAST
};

/* A line `target` is a format and how it is blended into. */
struct penstock_script_target {
	uint32_t format;
	struct penstock_blend blend;
};

static const struct field target_fields[] = {
	OF(script_target, FORMAT, "format", format),
	OF(script_target, NUMBER, "blend", blend.enable),
	CHOICE_OF(script_target, "source_color", blend.source_color, blend_factors),
	CHOICE_OF(script_target, "destination_color", blend.destination_color, blend_factors),
	CHOICE_OF(script_target, "color_op", blend.color_op, blend_ops),
	CHOICE_OF(script_target, "source_alpha", blend.source_alpha, blend_factors),
	CHOICE_OF(script_target, "destination_alpha", blend.destination_alpha, blend_factors),
	CHOICE_OF(script_target, "alpha_op", blend.alpha_op, blend_ops),
	OF(script_target, NUMBER, "write_mask", blend.write_mask),
	LAST
};
static const struct field constant_fields[] = { { "red", FIELD_REAL, 0, NULL },
						{ "green", FIELD_REAL, 4, NULL },
						{ "blue", FIELD_REAL, 8, NULL },
						{ "alpha", FIELD_REAL, 12, NULL },
						LAST };

/* ------------------------------------------------------------------ values */

struct block {
	struct penstock_script_parser *parser;
	struct penstock_graphics_state *state;
	uint32_t viewports, scissors;
};

static enum penstock_status take_choice(struct penstock_script_parser *parser,
					const struct penstock_token *token,
					const char *const *choices, uint32_t *ret_value)
{
	for (uint32_t i = 0; choices[i] != NULL; i++) {
		if (penstock_token_is(token, choices[i])) {
			*ret_value = i;
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	return penstock_scanner_fault(&parser->scanner, token,
				      "%s where a word like %s, or its number, should be",
				      penstock_token_describe(token).text, choices[0]);
}

static enum penstock_status take_number(struct penstock_script_parser *parser,
					const struct penstock_token *token, uint32_t *ret_value)
{
	uint64_t value;
	enum penstock_status status =
		penstock_scanner_unsigned(&parser->scanner, token, UINT32_MAX, &value);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_value = (uint32_t)value;
	}
	return status;
}

static bool is_number(const struct penstock_token *token)
{
	return token->kind == PENSTOCK_TOKEN_WORD && token->text[0] >= '0' && token->text[0] <= '9';
}

static enum penstock_status take_value(struct penstock_script_parser *parser,
				       const struct field *field, void *at)
{
	struct penstock_token token = penstock_scanner_next(&parser->scanner);

	switch (field->type) {
	case FIELD_SIGNED:
		return penstock_scanner_i32(&parser->scanner, &token, at);
	case FIELD_REAL:
		return penstock_scanner_f32(&parser->scanner, &token, at);
	case FIELD_FORMAT:
		if (!is_number(&token)) {
			return penstock_scanner_texel_format(&token, at)
				       ? PENSTOCK_STATUS_SUCCESS
				       : penstock_scanner_unexpected(
						 &parser->scanner, &token,
						 "a format (R8G8B8A8_UNORM, ...)");
		}
		return take_number(parser, &token, at);
	case FIELD_CHOICE:
		if (!is_number(&token)) {
			return take_choice(parser, &token, field->choices, at);
		}
		return take_number(parser, &token, at);
	case FIELD_NUMBER:
		break;
	}
	return take_number(parser, &token, at);
}

/* name=value up to the end of the line; `what` has such fields. */
static enum penstock_status take_fields(struct penstock_script_parser *parser,
					const struct field *fields, const char *what, void *element)
{
	struct penstock_token token = penstock_scanner_peek(&parser->scanner);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint64_t seen = 0;

	while (status == PENSTOCK_STATUS_SUCCESS && !penstock_token_ends_line(&token) &&
	       token.kind != '}') {
		uint32_t i = 0;

		token = penstock_scanner_next(&parser->scanner);
		while (fields[i].name != NULL && !penstock_token_is(&token, fields[i].name)) {
			i++;
		}
		if (fields[i].name == NULL) {
			return penstock_scanner_fault(&parser->scanner, &token,
						      "%s is nothing that %s has",
						      penstock_token_describe(&token).text, what);
		}
		if ((seen & 1ull << i) != 0) {
			return penstock_scanner_fault(&parser->scanner, &token,
						      "%s is given a second time",
						      penstock_token_describe(&token).text);
		}
		seen |= 1ull << i;
		status = penstock_scanner_expect(&parser->scanner, '=', "'='");
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = take_value(parser, &fields[i],
					    (uint8_t *)element + fields[i].offset);
		}
		token = penstock_scanner_peek(&parser->scanner);
	}
	return status;
}

/* ------------------------------------------------------------------ lines */

static enum penstock_status too_many(struct block *block, const struct penstock_token *word,
				     uint32_t most)
{
	return penstock_scanner_fault(&block->parser->scanner, word, "more than %u lines of it",
				      most);
}

static enum penstock_status take_binding(struct block *block, const struct penstock_token *word)
{
	struct penstock_graphics_state *state = block->state;

	if (state->vertex_binding_count == PENSTOCK_LIMIT_VERTEX_BINDINGS) {
		return too_many(block, word, PENSTOCK_LIMIT_VERTEX_BINDINGS);
	}
	return take_fields(block->parser, binding_fields, "a vertex binding",
			   &state->vertex_bindings[state->vertex_binding_count++]);
}

static enum penstock_status take_attribute(struct block *block, const struct penstock_token *word)
{
	struct penstock_graphics_state *state = block->state;

	if (state->vertex_attribute_count == PENSTOCK_LIMIT_VERTEX_ATTRIBUTES) {
		return too_many(block, word, PENSTOCK_LIMIT_VERTEX_ATTRIBUTES);
	}
	return take_fields(block->parser, attribute_fields, "a vertex attribute",
			   &state->vertex_attributes[state->vertex_attribute_count++]);
}

static enum penstock_status take_viewport(struct block *block, const struct penstock_token *word)
{
	struct penstock_graphics_state *state = block->state;

	if (block->viewports == PENSTOCK_LIMIT_VIEWPORTS) {
		return too_many(block, word, PENSTOCK_LIMIT_VIEWPORTS);
	}
	state->dynamic &= ~PENSTOCK_DYNAMIC_VIEWPORT;
	state->viewports[block->viewports].max_depth = 1;
	return take_fields(block->parser, viewport_fields, "a viewport",
			   &state->viewports[block->viewports++]);
}

static enum penstock_status take_scissor(struct block *block, const struct penstock_token *word)
{
	struct penstock_graphics_state *state = block->state;

	if (block->scissors == PENSTOCK_LIMIT_VIEWPORTS) {
		return too_many(block, word, PENSTOCK_LIMIT_VIEWPORTS);
	}
	state->dynamic &= ~PENSTOCK_DYNAMIC_SCISSOR;
	return take_fields(block->parser, scissor_fields, "a scissor",
			   &state->scissors[block->scissors++]);
}

static enum penstock_status take_target(struct block *block, const struct penstock_token *word)
{
	struct penstock_graphics_state *state = block->state;
	struct penstock_script_target target = { .blend = { .write_mask = 15 } };
	enum penstock_status status;

	if (state->color_count == PENSTOCK_LIMIT_COLOR_TARGETS) {
		return too_many(block, word, PENSTOCK_LIMIT_COLOR_TARGETS);
	}
	status = take_fields(block->parser, target_fields, "a target", &target);
	state->color_formats[state->color_count] = target.format;
	state->blends[state->color_count++] = target.blend;
	return status;
}

static enum penstock_status take_stencil(struct block *block, const struct penstock_token *word)
{
	return take_fields(block->parser, stencil_fields, "a side of the stencil test",
			   penstock_token_is(word, "front") ? &block->state->front
							    : &block->state->back);
}

static enum penstock_status take_constants(struct block *block, const struct penstock_token *word)
{
	(void)word;
	return take_fields(block->parser, constant_fields, "a blend constant",
			   block->state->blend_constants);
}

/* dynamic viewport scissor ... */
static enum penstock_status take_dynamic(struct block *block, const struct penstock_token *word)
{
	struct penstock_scanner *scanner = &block->parser->scanner;
	struct penstock_token token = penstock_scanner_peek(scanner);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	uint32_t bit;

	(void)word;
	while (status == PENSTOCK_STATUS_SUCCESS && !penstock_token_ends_line(&token)) {
		token = penstock_scanner_next(scanner);
		status = take_choice(block->parser, &token, dynamic_states, &bit);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			block->state->dynamic |= 1u << bit;
		}
		token = penstock_scanner_peek(scanner);
	}
	return status;
}

static const struct {
	const char *word;
	enum penstock_status (*take)(struct block *block, const struct penstock_token *word);
} lines[] = {
	{ "binding", take_binding },   { "attribute", take_attribute },
	{ "viewport", take_viewport }, { "scissor", take_scissor },
	{ "target", take_target },     { "front", take_stencil },
	{ "back", take_stencil },      { "blend_constants", take_constants },
	{ "dynamic", take_dynamic },
};

static enum penstock_status take_line(struct block *block)
{
	struct penstock_token word = penstock_scanner_peek(&block->parser->scanner);

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(lines); i++) {
		if (penstock_token_is(&word, lines[i].word)) {
			(void)penstock_scanner_next(&block->parser->scanner);
			return lines[i].take(block, &word);
		}
	}
	return take_fields(block->parser, state_fields, "a graphics state", block->state);
}

/* ------------------------------------------------------------------ the block */

static enum penstock_status take_lines(struct block *block)
{
	struct penstock_scanner *scanner = &block->parser->scanner;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	while (status == PENSTOCK_STATUS_SUCCESS) {
		struct penstock_token token = penstock_scanner_peek(scanner);

		if (token.kind == PENSTOCK_TOKEN_END) {
			return penstock_scanner_unexpected(scanner, &token, "'}'");
		}
		if (token.kind == '}') {
			(void)penstock_scanner_next(scanner);
			return PENSTOCK_STATUS_SUCCESS;
		}
		if (token.kind == PENSTOCK_TOKEN_NEWLINE) {
			(void)penstock_scanner_next(scanner);
		} else {
			status = take_line(block);
		}
	}
	return status;
}

enum penstock_status penstock_script_state(struct penstock_script_parser *parser,
					   struct penstock_step *step)
{
	struct block block = { .parser = parser };
	enum penstock_status status = penstock_scanner_expect(&parser->scanner, '{', "'{'");
	uint32_t most;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	step->graphics = malloc(sizeof(*step->graphics));
	if (step->graphics == NULL) {
		penstock_errbuf_set(parser->scanner.reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	block.state = step->graphics;
	penstock_graphics_state_default(block.state);
	status = take_lines(&block);
	most = block.viewports > block.scissors ? block.viewports : block.scissors;
	if (block.state->viewport_count < most) {
		block.state->viewport_count = most;
	}
	return status;
}
