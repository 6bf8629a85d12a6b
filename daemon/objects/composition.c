/* SPDX-License-Identifier: MIT */
#include "daemon/objects/composition.h"

#include "daemon/objects/adapter.h"
#include "daemon/objects/interface.h"
#include "gpu-backend/graphics_state.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define STAGE_BIT(stage) (1u << (stage)) /* VkShaderStageFlagBits are SPIR-V's models in order */

_Static_assert(STAGE_BIT(PENSTOCK_SHADER_VERTEX) == PENSTOCK_STAGE_VERTEX &&
		       STAGE_BIT(PENSTOCK_SHADER_FRAGMENT) == PENSTOCK_STAGE_FRAGMENT &&
		       STAGE_BIT(PENSTOCK_SHADER_COMPUTE) == PENSTOCK_STAGE_COMPUTE,
	       "numbers of SPIR-V and of Vulkan");

/* What SPIR-V has of descriptors as Vulkan's, and how many of them one stage may use. */
static const struct kind {
	const char *name;
	uint32_t type;
	uint32_t most;
	bool is_image; /* or a texel buffer */
} kinds[PENSTOCK_BINDING_KINDS] = {
#define KIND(kind, name, most, is_image)                                                           \
	[PENSTOCK_BINDING_##kind] = { name, PENSTOCK_DESCRIPTOR_##kind, most, is_image }
	KIND(UNIFORM_BUFFER, "uniform buffers", 15, false),
	KIND(STORAGE_BUFFER, "storage buffers", 32, false),
	KIND(SAMPLED_IMAGE, "sampled images", 128, true),
	KIND(STORAGE_IMAGE, "storage images", 64, true),
	KIND(SAMPLER, "samplers", 32, false),
	KIND(COMBINED_IMAGE_SAMPLER, "combined image samplers", 32, true),
	KIND(UNIFORM_TEXEL_BUFFER, "uniform texel buffers", 128, true),
	KIND(STORAGE_TEXEL_BUFFER, "storage texel buffers", 64, true),
	KIND(INPUT_ATTACHMENT, "input attachments", 8, true),
#undef KIND
};

/* What a binding says of the shape of an image. */
#define SHAPE_FLAGS       (PENSTOCK_BINDING_ARRAYED | PENSTOCK_BINDING_MULTI | PENSTOCK_BINDING_DEPTH)
#define DIMENSION_MOST    6u  /* SpvDimSubpassData */
#define IMAGE_FORMAT_MOST 41u /* SpvImageFormatR64i */

#define RESOURCES_MOST 128u /* of one stage: maxPerStageResources */

/* To whole dwords. */
static uint32_t aligned(uint32_t bytes)
{
	return (uint32_t)penstock_align_up(bytes, sizeof(uint32_t));
}

/* ------------------------------------------------------------------ one stage by itself */

static enum penstock_status judge_stage(const struct penstock_shader_reflection *reflection,
					struct penstock_refusal *ret_refusal)
{
	uint64_t counts[PENSTOCK_BINDING_KINDS] = { 0 }, all = 0;

	for (uint32_t i = 0; i < reflection->binding_count; i++) {
		const struct penstock_shader_binding *binding = &reflection->bindings[i];

		counts[binding->kind] += binding->count;
		all += binding->kind == PENSTOCK_BINDING_SAMPLER ? 0 : binding->count;
	}
	for (uint32_t kind = 0; kind < PENSTOCK_BINDING_KINDS; kind++) {
		if (counts[kind] > kinds[kind].most) {
			return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
					       "a stage uses %" PRIu64 " %s; at most %u",
					       counts[kind], kinds[kind].name, kinds[kind].most);
		}
	}
	if (all > RESOURCES_MOST) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "a stage uses %" PRIu64 " resources; at most %u", all,
				       RESOURCES_MOST);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ bindings of all stages */

/* What is known of one so far; render's, and in which stages it is. */
struct joined {
	struct penstock_render_binding render;
	uint32_t stages;
};

struct layout {
	struct joined *bindings; /* by set and binding */
	uint32_t count;
	uint32_t descriptors;
	uint32_t push_constant_bytes;
	uint32_t push_stages; /* PENSTOCK_STAGE_: those that read them */
};

/* Where the binding stands, or would. */
static uint32_t place_of(const struct layout *layout, uint32_t set, uint32_t binding)
{
	uint32_t at = 0;

	while (at < layout->count && (layout->bindings[at].render.set < set ||
				      (layout->bindings[at].render.set == set &&
				       layout->bindings[at].render.binding < binding))) {
		at++;
	}
	return at;
}

static bool stands_at(const struct layout *layout, uint32_t at, uint32_t set, uint32_t binding)
{
	return at < layout->count && layout->bindings[at].render.set == set &&
	       layout->bindings[at].render.binding == binding;
}

/* NULL, or what no one descriptor can do for both. Whether one compares is its sampler's. */
static const char *disagreement(const struct penstock_render_binding *render,
				const struct penstock_shader_binding *binding)
{
	const uint32_t shape = SHAPE_FLAGS & ~PENSTOCK_BINDING_DEPTH;

	if (render->type != kinds[binding->kind].type) {
		return "two types of descriptor";
	}
	if (render->dimension != binding->dimension ||
	    ((render->flags ^ binding->flags) & shape) != 0) {
		return "images of two shapes";
	}
	if (render->number != binding->number ||
	    (render->format != 0 && binding->format != 0 && render->format != binding->format)) {
		return "images of two formats";
	}
	return NULL;
}

static struct joined joined_of(const struct penstock_shader_binding *binding)
{
	return (struct joined){
		.render = {
			.set = binding->set,
			.binding = binding->binding,
			.type = kinds[binding->kind].type,
			.dimension = binding->dimension,
			.number = binding->number,
			.flags = binding->flags & SHAPE_FLAGS,
		},
	};
}

/* Several variables, of one stage or of several, may be one descriptor: it has to do for all. */
static enum penstock_status join_binding(struct layout *layout,
					 const struct penstock_shader_binding *binding,
					 uint32_t stage, struct penstock_refusal *ret_refusal)
{
	uint32_t at = place_of(layout, binding->set, binding->binding);
	struct joined *joined = &layout->bindings[at];
	const char *fault;

	if (!stands_at(layout, at, binding->set, binding->binding)) {
		memmove(joined + 1, joined, (layout->count - at) * sizeof(*joined));
		layout->count++;
		*joined = joined_of(binding);
	}
	fault = disagreement(&joined->render, binding);
	if (fault != NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "set %u, binding %u is used as %s", binding->set,
				       binding->binding, fault);
	}
	if (joined->render.count < binding->count) {
		joined->render.count = binding->count;
	}
	if (joined->render.least_bytes < binding->minimum_bytes) {
		joined->render.least_bytes = binding->minimum_bytes;
	}
	joined->render.flags |= binding->flags & SHAPE_FLAGS;
	joined->render.format |= binding->format; /* the same, or one of them is 0 */
	joined->render.written |= (binding->flags & PENSTOCK_BINDING_WRITTEN) != 0;
	joined->stages |= STAGE_BIT(stage);
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status join_stage(struct layout *layout,
				       const struct penstock_shader_reflection *reflection,
				       struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = judge_stage(reflection, ret_refusal);
	uint32_t push_end = aligned(reflection->push_offset + reflection->push_bytes);

	for (uint32_t i = 0; i < reflection->binding_count && status == PENSTOCK_STATUS_SUCCESS;
	     i++) {
		status = join_binding(layout, &reflection->bindings[i], reflection->stage,
				      ret_refusal);
	}
	if (reflection->push_bytes != 0) {
		layout->push_stages |= STAGE_BIT(reflection->stage);
	}
	if (reflection->push_bytes != 0 && layout->push_constant_bytes < push_end) {
		layout->push_constant_bytes = push_end;
	}
	return status;
}

/* Each binding's first element, counted over all of them. */
static enum penstock_status number(struct layout *layout, struct penstock_refusal *ret_refusal)
{
	uint64_t descriptors = 0;

	for (uint32_t i = 0; i < layout->count; i++) {
		struct penstock_render_binding *binding = &layout->bindings[i].render;

		if (binding->set >= PENSTOCK_LIMIT_DESCRIPTOR_SETS ||
		    binding->binding >= PENSTOCK_LIMIT_BINDING_NUMBER) {
			return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
					       "set %u, binding %u: at most %u and %u",
					       binding->set, binding->binding,
					       PENSTOCK_LIMIT_DESCRIPTOR_SETS - 1,
					       PENSTOCK_LIMIT_BINDING_NUMBER - 1);
		}
		binding->first = (uint32_t)descriptors;
		descriptors += binding->count;
	}
	if (descriptors > PENSTOCK_LIMIT_DESCRIPTORS) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "the stages use %" PRIu64 " descriptors; at most %u",
				       descriptors, PENSTOCK_LIMIT_DESCRIPTORS);
	}
	layout->descriptors = (uint32_t)descriptors;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ------------------------------------------------------------------ the state */

/* VkFormatFeatureFlagBits2 */
#define FEATURE_VERTEX_BUFFER 0x040u
#define FEATURE_COLOR_TARGET  0x080u
#define FEATURE_BLEND         0x100u
#define FEATURE_DEPTH_STENCIL 0x200u

static bool takes(const struct penstock_shader_reflection *vertex, uint32_t location)
{
	for (uint32_t i = 0; i < vertex->input_count; i++) {
		if (vertex->inputs[i].location == location) {
			return true;
		}
	}
	return false;
}

/* Leaves out the attributes that nobody takes. */
static void prune(const struct penstock_shader_reflection *vertex,
		  struct penstock_graphics_state *state)
{
	struct penstock_vertex_attribute *attributes = state->vertex_attributes;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < state->vertex_attribute_count; i++) {
		if (takes(vertex, attributes[i].location)) {
			attributes[kept++] = attributes[i];
		}
	}
	memset(attributes + kept, 0, (state->vertex_attribute_count - kept) * sizeof(*attributes));
	state->vertex_attribute_count = kept;
}

/* Features of which one is enough, in a place where a format of 0 is none. */
struct use {
	const char *field;
	uint32_t format;
	bool in_buffer;
	uint64_t features;
	const char *what;
};

static enum penstock_status judge_use(const struct use *use,
				      const struct penstock_format_features *formats,
				      struct penstock_refusal *ret_refusal)
{
	const struct penstock_texel_format *format = penstock_texel_format_get(use->format);
	uint64_t has;

	if (format == NULL) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	has = use->in_buffer ? formats[format->id].buffer
			     : formats[format->id].linear | formats[format->id].optimal;
	return (has & use->features) == use->features
		       ? PENSTOCK_STATUS_SUCCESS
		       : penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
					 "%s: the adapter has no %s of %s", use->field, use->what,
					 format->name);
}

static enum penstock_status judge_formats(const struct penstock_graphics_state *state,
					  const struct penstock_format_features *formats,
					  struct penstock_refusal *ret_refusal)
{
	const struct use depth = { "depth_format", state->depth_format, false,
				   FEATURE_DEPTH_STENCIL, "depth targets" };
	const struct use stencil = { "stencil_format", state->stencil_format, false,
				     FEATURE_DEPTH_STENCIL, "stencil targets" };
	enum penstock_status status = judge_use(&depth, formats, ret_refusal);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = judge_use(&stencil, formats, ret_refusal);
	}
	for (uint32_t i = 0; i < state->vertex_attribute_count && status == PENSTOCK_STATUS_SUCCESS;
	     i++) {
		const struct use attribute = { "vertex_attributes",
					       state->vertex_attributes[i].format, true,
					       FEATURE_VERTEX_BUFFER, "vertex attributes" };

		status = judge_use(&attribute, formats, ret_refusal);
	}
	for (uint32_t i = 0; i < state->color_count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		const bool blends = state->blends[i].enable != 0;
		const struct use color = { "color_formats", state->color_formats[i], false,
					   FEATURE_COLOR_TARGET | (blends ? FEATURE_BLEND : 0),
					   blends ? "targets that blend" : "colour targets" };

		status = judge_use(&color, formats, ret_refusal);
	}
	return status;
}

static uint32_t targets_written(const struct penstock_composition_stage *last)
{
	uint32_t targets = 0;

	if (last->reflection->stage == PENSTOCK_SHADER_FRAGMENT) {
		for (uint32_t i = 0; i < last->reflection->output_count; i++) {
			targets |= 1u << last->reflection->outputs[i].location;
		}
	}
	return targets;
}

/* What render has to know of the state beside it. */
static void describe_state(struct penstock_render_pipeline *render,
			   const struct penstock_graphics_state *state)
{
	render->graphics = state;
	render->topology_class = penstock_topology_class_of(state->topology);
	render->tessellates = state->topology == PENSTOCK_VK_PATCH_LIST;
	for (uint32_t i = 0; i < state->vertex_attribute_count; i++) {
		render->vertex_bindings |= 1u << state->vertex_attributes[i].binding;
	}
}

/* ------------------------------------------------------------------ what the GPU is given */

static uint32_t entry_bytes(const struct penstock_shader_reflection *reflection)
{
	return (uint32_t)strlen(reflection->entry_point) + 1u;
}

static uint64_t contents_bytes(const struct layout *layout,
			       const struct penstock_composition_stage *stages,
			       uint32_t stage_count, const struct penstock_graphics_state *graphics)
{
	uint64_t bytes = sizeof(struct penstock_pipeline) +
			 layout->count * sizeof(struct penstock_pipeline_binding) +
			 stage_count * sizeof(struct penstock_pipeline_stage) +
			 (graphics != NULL ? sizeof(*graphics) : 0);

	for (uint32_t i = 0; i < stage_count; i++) {
		bytes += aligned(entry_bytes(stages[i].reflection)) +
			 (uint64_t)stages[i].word_count * sizeof(uint32_t);
	}
	return bytes;
}

/* Writes it behind `*end`, and moves that on. */
static uint32_t append(uint8_t *contents, uint32_t *end, const void *bytes, uint32_t count)
{
	uint32_t at = *end;

	memcpy(contents + at, bytes, count);
	*end += aligned(count);
	return at;
}

static void put_bindings(struct penstock_pipeline *pipeline, const struct layout *layout)
{
	struct penstock_pipeline_binding *bindings =
		(void *)((uint8_t *)pipeline + pipeline->binding_offset);

	for (uint32_t i = 0; i < layout->count; i++) {
		const struct joined *joined = &layout->bindings[i];

		bindings[i] = (struct penstock_pipeline_binding){
			.set = joined->render.set,
			.binding = joined->render.binding,
			.type = joined->render.type,
			.count = joined->render.count,
			.stages = joined->stages,
		};
	}
}

/* And the state before them. */
static void put_stages(struct penstock_pipeline *pipeline,
		       const struct penstock_composition_stage *stages,
		       const struct penstock_graphics_state *graphics)
{
	struct penstock_pipeline_stage *records =
		(void *)((uint8_t *)pipeline + pipeline->stage_offset);
	uint32_t end = pipeline->stage_offset + pipeline->stage_count * (uint32_t)sizeof(*records);

	if (graphics != NULL) {
		pipeline->graphics_offset =
			append((uint8_t *)pipeline, &end, graphics, sizeof(*graphics));
	}
	for (uint32_t i = 0; i < pipeline->stage_count; i++) {
		const struct penstock_shader_reflection *reflection = stages[i].reflection;

		records[i] = (struct penstock_pipeline_stage){
			.stage = STAGE_BIT(reflection->stage),
			.entry_bytes = entry_bytes(reflection),
			.spirv_bytes = stages[i].word_count * (uint32_t)sizeof(uint32_t),
		};
		records[i].entry_offset = append((uint8_t *)pipeline, &end, reflection->entry_point,
						 records[i].entry_bytes);
		records[i].spirv_offset =
			append((uint8_t *)pipeline, &end, stages[i].words, records[i].spirv_bytes);
	}
	PENSTOCK_REQUIRE(end == pipeline->bytes);
}

/* False: no memory for it. */
static bool put_hash(struct penstock_pipeline *pipeline)
{
	const size_t from = offsetof(struct penstock_pipeline, hash) + PENSTOCK_PIPELINE_HASH_BYTES;

	return EVP_Digest((const uint8_t *)pipeline + from, pipeline->bytes - from, pipeline->hash,
			  NULL, EVP_sha256(), NULL) == 1;
}

/* NULL: no memory. */
static uint8_t *make_contents(const struct layout *layout,
			      const struct penstock_composition_stage *stages, uint32_t stage_count,
			      const struct penstock_render_pipeline *render)
{
	struct penstock_pipeline *pipeline = calloc(1, render->bytes);

	if (pipeline == NULL) {
		return NULL;
	}
	*pipeline = (struct penstock_pipeline){
		.magic = PENSTOCK_PIPELINE_MAGIC,
		.version = PENSTOCK_PIPELINE_VERSION,
		.bytes = render->bytes,
		.kind = render->kind,
		.flags = (stages[0].reflection->flags & PENSTOCK_SHADER_COUNTS_GROUPS) != 0
				 ? PENSTOCK_PIPELINE_COUNTS_GROUPS
				 : 0,
		.push_constant_bytes = layout->push_constant_bytes,
		.push_stages = layout->push_stages,
		.binding_count = layout->count,
		.binding_offset = sizeof(*pipeline),
		.stage_count = stage_count,
		.stage_offset =
			(uint32_t)(sizeof(*pipeline) +
				   layout->count * sizeof(struct penstock_pipeline_binding)),
	};
	put_bindings(pipeline, layout);
	put_stages(pipeline, stages, render->graphics);
	if (!put_hash(pipeline)) {
		free(pipeline);
		return NULL;
	}
	PENSTOCK_REQUIRE(penstock_pipeline_valid(pipeline, render->bytes));
	return (uint8_t *)pipeline;
}

/* ------------------------------------------------------------------ all of it */

static enum penstock_status no_memory(struct penstock_refusal *ret_refusal)
{
	return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY, "no memory for a pipeline");
}

/* A block with room for its bindings and, behind them, for a copy of the state. NULL: no memory. */
static struct penstock_composition *new_composition(uint32_t kind, uint64_t bytes,
						    uint32_t binding_count,
						    const struct penstock_graphics_state *graphics)
{
	struct penstock_composition *composition =
		calloc(1, sizeof(*composition) + binding_count * sizeof(*composition->bindings) +
				  (graphics != NULL ? sizeof(*graphics) : 0));

	if (composition == NULL) {
		return NULL;
	}
	composition->render = (struct penstock_render_pipeline){
		.kind = kind,
		.bytes = (uint32_t)bytes,
		.binding_count = binding_count,
		.bindings = composition->bindings,
	};
	if (graphics != NULL) {
		struct penstock_graphics_state *copy =
			(void *)(composition->bindings + binding_count);

		*copy = *graphics;
		describe_state(&composition->render, copy);
	}
	return composition;
}

static enum penstock_status
judge(struct layout *layout, const struct penstock_composition_stage *stages, uint32_t stage_count,
      const struct penstock_graphics_state *graphics,
      const struct penstock_format_features *formats, struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	for (uint32_t i = 0; i < stage_count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = join_stage(layout, stages[i].reflection, ret_refusal);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = number(layout, ret_refusal);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && graphics != NULL) {
		status = penstock_interface_check(stages, stage_count, graphics, ret_refusal);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && graphics != NULL && formats != NULL) {
		status = judge_formats(graphics, formats, ret_refusal);
	}
	return status;
}

static enum penstock_status
build(const struct layout *layout, const struct penstock_composition_stage *stages,
      uint32_t stage_count, const struct penstock_graphics_state *graphics,
      struct penstock_composition **ret_composition, struct penstock_refusal *ret_refusal)
{
	const uint64_t bytes = contents_bytes(layout, stages, stage_count, graphics);
	struct penstock_composition *composition;

	composition = new_composition(graphics == NULL ? PENSTOCK_PIPELINE_COMPUTE
						       : PENSTOCK_PIPELINE_GRAPHICS,
				      bytes, layout->count, graphics);
	if (composition == NULL || bytes > UINT32_MAX) {
		free(composition);
		return no_memory(ret_refusal);
	}
	composition->render.descriptor_count = layout->descriptors;
	composition->render.targets_written = targets_written(&stages[stage_count - 1]);
	for (uint32_t i = 0; i < layout->count; i++) {
		composition->bindings[i] = layout->bindings[i].render;
	}
	composition->contents = make_contents(layout, stages, stage_count, &composition->render);
	if (composition->contents == NULL) {
		free(composition);
		return no_memory(ret_refusal);
	}
	*ret_composition = composition;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_compose(const struct penstock_composition_stage *stages,
				      uint32_t stage_count,
				      const struct penstock_graphics_state *graphics,
				      const struct penstock_format_features *formats,
				      struct penstock_composition **ret_composition,
				      struct penstock_refusal *ret_refusal)
{
	struct layout layout = {
		.bindings = calloc((size_t)stage_count * PENSTOCK_LIMIT_SHADER_BINDINGS,
				   sizeof(*layout.bindings)),
	};
	struct penstock_graphics_state pruned, *state = NULL;
	enum penstock_status status;

	if (layout.bindings == NULL) {
		return no_memory(ret_refusal);
	}
	if (graphics != NULL) {
		pruned = *graphics;
		prune(stages[0].reflection, &pruned);
		state = &pruned;
	}
	status = judge(&layout, stages, stage_count, state, formats, ret_refusal);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = build(&layout, stages, stage_count, state, ret_composition, ret_refusal);
	}
	free(layout.bindings);
	return status;
}

/* ------------------------------------------------------------------ after a restart */

static bool may_rest(const struct penstock_composition_rest *rest)
{
	const uint64_t least = sizeof(struct penstock_pipeline) +
			       rest->binding_count * sizeof(struct penstock_pipeline_binding) +
			       sizeof(struct penstock_pipeline_stage) +
			       (rest->graphics != NULL ? sizeof(*rest->graphics) : 0);

	if (rest->binding_count > PENSTOCK_LIMIT_DESCRIPTORS || rest->bytes < least ||
	    rest->bytes > UINT32_MAX) {
		return false;
	}
	if (rest->kind == PENSTOCK_PIPELINE_COMPUTE) {
		return rest->graphics == NULL && rest->targets_written == 0;
	}
	return rest->kind == PENSTOCK_PIPELINE_GRAPHICS && rest->graphics != NULL &&
	       rest->targets_written < 1u << PENSTOCK_LIMIT_SHADER_TARGETS &&
	       penstock_graphics_state_valid(rest->graphics, NULL);
}

enum penstock_status penstock_composition_restore(const struct penstock_composition_rest *rest,
						  struct penstock_composition **ret_composition)
{
	struct penstock_composition *composition;

	if (!may_rest(rest)) {
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	composition = new_composition(rest->kind, rest->bytes, rest->binding_count, rest->graphics);
	if (composition == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	composition->render.targets_written = rest->targets_written;
	composition->missing = rest->binding_count;
	*ret_composition = composition;
	return PENSTOCK_STATUS_SUCCESS;
}

/* NULL: no descriptor is of that type. */
static const struct kind *kind_of(uint32_t type)
{
	for (uint32_t kind = 0; kind < PENSTOCK_BINDING_KINDS; kind++) {
		if (kinds[kind].type == type) {
			return &kinds[kind];
		}
	}
	return NULL;
}

/* One that an older daemon stored says nothing of its image, and no image is right for it. */
static bool image_may_rest(const struct kind *kind, const struct penstock_render_binding *binding)
{
	if (!kind->is_image) {
		return (binding->flags | binding->dimension | binding->number | binding->format) ==
		       0;
	}
	return (binding->flags & ~SHAPE_FLAGS) == 0 && binding->dimension <= DIMENSION_MOST &&
	       binding->number < PENSTOCK_NUMBERS && binding->format <= IMAGE_FORMAT_MOST;
}

bool penstock_composition_restore_binding(struct penstock_composition *composition,
					  const struct penstock_render_binding *binding)
{
	struct penstock_render_pipeline *render = &composition->render;
	const uint32_t at = render->binding_count - composition->missing;
	const struct penstock_render_binding *before =
		at == 0 ? NULL : &composition->bindings[at - 1];
	const struct kind *kind = kind_of(binding->type);

	if (composition->missing == 0 || kind == NULL || !image_may_rest(kind, binding) ||
	    binding->set >= PENSTOCK_LIMIT_DESCRIPTOR_SETS ||
	    binding->binding >= PENSTOCK_LIMIT_BINDING_NUMBER || binding->count == 0 ||
	    !penstock_range_fits(render->descriptor_count, binding->count,
				 PENSTOCK_LIMIT_DESCRIPTORS)) {
		return false;
	}
	if (before != NULL &&
	    (before->set > binding->set ||
	     (before->set == binding->set && before->binding >= binding->binding))) {
		return false;
	}
	composition->bindings[at] = *binding;
	composition->bindings[at].first = render->descriptor_count;
	render->descriptor_count += binding->count;
	composition->missing--;
	return true;
}

void penstock_composition_drop_contents(struct penstock_composition *composition)
{
	free(composition->contents);
	composition->contents = NULL;
}

void penstock_composition_free(struct penstock_composition *composition)
{
	if (composition != NULL) {
		free(composition->contents);
		free(composition);
	}
}
