/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/scope.h"

#include "gpu-backend/emulated/gpu/drawing.h"
#include "gpu-backend/emulated/gpu/submission.h"

#include <stdlib.h>
#include <string.h>

/* So many times the draws of the last part, at most. */
#define PART_STEP 8u

bool penstock_scope_read(struct penstock_scope *scope, uint64_t address, void *to, size_t bytes)
{
	struct penstock_engine *engine = scope->engine;
	const uint8_t *from = penstock_engine_range(engine, address, bytes, false);

	if (from == NULL) {
		return false;
	}
	penstock_guard_enter(&engine->guard, engine->mmu);
	memcpy(to, from, bytes);
	penstock_guard_leave();
	return true;
}

/* ---------------------------------------------------------------- parts */

/* Draws that are left, the one that is met now among them. */
static uint64_t left(const struct penstock_scope *scope)
{
	return scope->draws < scope->engine->position ? 0 : scope->draws - scope->engine->position;
}

static enum penstock_outcome begin_part(struct penstock_scope *scope)
{
	if (penstock_submission_begin(scope->device) != VK_SUCCESS) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	/* What other engines wrote, and submissions before, was waited for: it is there. */
	penstock_targets_record(&scope->targets, scope->device, scope->engine->position == 0,
				left(scope) <= scope->vulkan->part_draws);
	penstock_drawing_begin_part(&scope->drawing);
	scope->recording = true;
	scope->part_draws = 0;
	scope->compiles = false;
	return penstock_queries_begin_part(scope) ? PENSTOCK_OUTCOME_COMPLETED
						  : PENSTOCK_OUTCOME_ILLEGAL;
}

/*
 * What was compiled in a part says nothing of the next, and one that is not full only that it can
 * be more. Where others need the processors, a wait takes as long as a part should, whatever is in
 * it: one of less than twice the time is not made smaller, but half as large again.
 */
static void learn(struct penstock_scope *scope, uint64_t ns)
{
	struct penstock_vulkan *vulkan = scope->vulkan;
	uint64_t draws = vulkan->part_draws, next;

	if (scope->compiles || scope->part_draws == 0) {
		return;
	}
	next = (uint64_t)((double)scope->part_draws * (double)vulkan->part_ns / (double)(ns + 1));
	if (ns <= 2 * vulkan->part_ns) {
		if (scope->part_draws < draws) {
			return;
		}
		next = next < draws + draws / 2 ? draws + draws / 2 : next;
	}
	next = next > draws * PART_STEP ? draws * PART_STEP : next;
	next = next > PENSTOCK_LIMIT_GROUP_INSTRUCTIONS ? PENSTOCK_LIMIT_GROUP_INSTRUCTIONS : next;
	vulkan->part_draws = next == 0 ? 1 : (uint32_t)next;
}

/* What is drawn is there for the host, which other engines are, and for what is drawn next. */
static void end_part(const struct penstock_scope *scope)
{
	static const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT |
				 VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT,
	};
	const struct penstock_vulkan_calls *calls = &scope->device->calls;

	calls->CmdEndRendering(scope->device->commands);
	calls->CmdPipelineBarrier(scope->device->commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
				  VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT,
				  0, 1, &barrier, 0, NULL, 0, NULL);
}

enum penstock_outcome penstock_scope_flush(struct penstock_scope *scope)
{
	uint64_t start = penstock_patience_now_ns();
	enum penstock_outcome outcome;

	scope->recording = false;
	if (!penstock_queries_end_part(scope)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	end_part(scope);
	outcome =
		penstock_submission_outcome(penstock_submission_run(scope->vulkan, scope->device));
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	learn(scope, penstock_patience_now_ns() - start);
	outcome = penstock_queries_collect(scope);
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	scope->engine->position += scope->part_draws;
	return PENSTOCK_OUTCOME_COMPLETED;
}

enum penstock_outcome penstock_scope_make_room(struct penstock_scope *scope, bool compiles)
{
	bool full = scope->part_draws >= scope->vulkan->part_draws || (compiles && scope->compiles);

	if (scope->recording && full) {
		enum penstock_outcome outcome = penstock_scope_flush(scope);

		if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
			return outcome;
		}
		if (penstock_engine_must_stop(scope->engine)) {
			return PENSTOCK_OUTCOME_PREEMPTED;
		}
	}
	return scope->recording ? PENSTOCK_OUTCOME_COMPLETED : begin_part(scope);
}

bool penstock_scope_was_done(struct penstock_scope *scope)
{
	return scope->met++ < scope->engine->position;
}

/* ---------------------------------------------------------------- members */

static enum penstock_outcome begin_rendering(struct penstock_scope *scope,
					     const struct penstock_member *member)
{
	return penstock_targets_begin(&scope->targets, member->fields);
}

/* Targets come before the first draw. */
static enum penstock_outcome color_target(struct penstock_scope *scope,
					  const struct penstock_member *member)
{
	return scope->met > 0 ? PENSTOCK_OUTCOME_ILLEGAL
			      : penstock_targets_color(&scope->targets, &scope->vulkan->objects,
						       &scope->vulkan->images, member->fields);
}

static enum penstock_outcome depth_stencil_target(struct penstock_scope *scope,
						  const struct penstock_member *member)
{
	return scope->met > 0
		       ? PENSTOCK_OUTCOME_ILLEGAL
		       : penstock_targets_depth_stencil(&scope->targets, &scope->vulkan->objects,
							&scope->vulkan->images, member->fields);
}

static enum penstock_outcome clear_target(struct penstock_scope *scope,
					  const struct penstock_member *member)
{
	enum penstock_outcome outcome;

	if (penstock_scope_was_done(scope)) {
		return PENSTOCK_OUTCOME_COMPLETED;
	}
	outcome = penstock_scope_make_room(scope, false);
	if (outcome != PENSTOCK_OUTCOME_COMPLETED) {
		return outcome;
	}
	scope->part_draws++;
	return penstock_targets_clear(&scope->targets, scope->device, member->fields);
}

static enum penstock_outcome image(struct penstock_scope *scope,
				   const struct penstock_member *member)
{
	return penstock_images_define(scope->engine, member->fields,
				      member->id == PENSTOCK_DMA_IMAGE_WRITE);
}

static enum penstock_outcome bind(struct penstock_scope *scope,
				  const struct penstock_member *member)
{
	penstock_drawing_rebind(&scope->drawing,
				penstock_load32(member->fields + PENSTOCK_DMA_BIND_BUFFER_set));
	return penstock_descriptors_bind(scope->engine, member);
}

static const penstock_scope_member members[PENSTOCK_DMA_COUNT] = {
	[PENSTOCK_DMA_BEGIN_RENDERING] = begin_rendering,
	[PENSTOCK_DMA_COLOR_TARGET] = color_target,
	[PENSTOCK_DMA_DEPTH_STENCIL_TARGET] = depth_stencil_target,
	[PENSTOCK_DMA_CLEAR_TARGET] = clear_target,
	[PENSTOCK_DMA_IMAGE] = image,
	[PENSTOCK_DMA_IMAGE_WRITE] = image,
	[PENSTOCK_DMA_BIND_BUFFER] = bind,
	[PENSTOCK_DMA_BIND_BUFFER_WRITE] = bind,
	[PENSTOCK_DMA_BIND_IMAGE] = bind,
	[PENSTOCK_DMA_BIND_SAMPLER] = bind,
	[PENSTOCK_DMA_BIND_TEXEL_BUFFER] = bind,
	[PENSTOCK_DMA_BIND_TEXEL_BUFFER_WRITE] = bind,
	[PENSTOCK_DMA_BEGIN_QUERY] = penstock_queries_begin,
	[PENSTOCK_DMA_END_QUERY] = penstock_queries_end,
};

static uint64_t count_draws(const struct penstock_group *group)
{
	struct penstock_member member;
	uint32_t offset = 0;
	uint64_t draws = 0;

	while (penstock_group_next(group, &offset, &member)) {
		draws += member.id >= PENSTOCK_DMA_DRAW && member.id <= PENSTOCK_DMA_CLEAR_TARGET;
	}
	return draws;
}

_Static_assert(PENSTOCK_DMA_CLEAR_TARGET - PENSTOCK_DMA_DRAW == 4,
	       "the draws and clear_target follow each other");

/* ---------------------------------------------------------------- the scope */

static bool begin(struct penstock_scope *scope, const struct penstock_group *group)
{
	struct penstock_vulkan *vulkan = scope->vulkan;

	scope->draws = count_draws(group);
	scope->met = 0;
	scope->recording = false;
	penstock_queries_forget(&scope->queries);
	memset(&scope->drawing, 0, sizeof(scope->drawing));
	penstock_objects_begin(&vulkan->objects, scope->device);
	penstock_images_forget(&vulkan->images);
	penstock_descriptors_forget(&vulkan->descriptors);
	penstock_pipelines_turn(&vulkan->pipelines);
	return penstock_descriptors_empty(&vulkan->descriptors, scope->device);
}

/* With nothing drawn there are still loads and resolves. */
static enum penstock_outcome end(struct penstock_scope *scope)
{
	enum penstock_outcome outcome = PENSTOCK_OUTCOME_COMPLETED;

	for (uint32_t i = 0; i < PENSTOCK_QUERY_TYPES; i++) {
		if (scope->queries.types[i].active) {
			return PENSTOCK_OUTCOME_ILLEGAL;
		}
	}
	if (!scope->recording) {
		outcome = begin_part(scope);
	}
	return outcome == PENSTOCK_OUTCOME_COMPLETED ? penstock_scope_flush(scope) : outcome;
}

static struct penstock_scope *scope_of(struct penstock_engine *engine)
{
	struct penstock_vulkan *vulkan = engine->vulkan;

	if (vulkan->scope == NULL) {
		vulkan->scope = calloc(1, sizeof(*vulkan->scope));
	}
	if (vulkan->scope != NULL) {
		vulkan->scope->engine = engine;
		vulkan->scope->vulkan = vulkan;
		vulkan->scope->crew = penstock_vulkan_crew_of(vulkan);
		vulkan->scope->device = &vulkan->devices[vulkan->scope->crew];
	}
	return vulkan->scope;
}

void penstock_scope_free(struct penstock_scope *scope)
{
	if (scope != NULL) {
		penstock_queries_fini(&scope->queries);
		free(scope);
	}
}

static enum penstock_outcome run(struct penstock_engine *engine, const struct penstock_group *group)
{
	enum penstock_outcome outcome = PENSTOCK_OUTCOME_COMPLETED;
	struct penstock_scope *scope = scope_of(engine);
	struct penstock_member member;
	uint32_t offset = 0;

	if (scope == NULL || !begin(scope, group)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	while (outcome == PENSTOCK_OUTCOME_COMPLETED &&
	       penstock_group_next(group, &offset, &member)) {
		penstock_scope_member execute = members[member.id];

		if (execute == NULL) {
			execute = penstock_drawing_member(member.id);
		}
		outcome = execute(scope, &member);
	}
	return outcome == PENSTOCK_OUTCOME_COMPLETED ? end(scope) : outcome;
}

enum penstock_outcome penstock_scope_run(struct penstock_engine *engine, const uint8_t *bytes,
					 uint32_t length)
{
	return penstock_submission_group(engine, bytes, length, PENSTOCK_GROUP_SCOPE, run);
}
