/* SPDX-License-Identifier: MIT */
/*
 * The walk over a command buffer, as the handlers of the instructions see it. Private to render.
 *
 * One pass validates and writes: what was written counts only if all of the buffer is good. A
 * handler checks everything, then asks for room once; without room (the outputs are full, the
 * rest is only validated) it writes nothing.
 */
#ifndef PENSTOCK_RENDER_WALK_H
#define PENSTOCK_RENDER_WALK_H

#include "daemon/render/crumbs.h"
#include "daemon/render/dma_writer.h"
#include "daemon/render/patch_list.h"
#include "daemon/render/render.h"

/* What stands before the end of a group that has not come yet. */
struct penstock_group {
	const uint8_t *start; /* its first instruction; NULL: none is open */
	uint32_t instructions;
	uint32_t references;
	uint32_t dma_bytes;
	uint32_t members;    /* a bit for each opcode that is in it, from 0x10 on */
	bool scope;          /* a render scope */
	uint64_t copy_bytes; /* that a copy at its end moves in its buffer */
	const struct penstock_render_allocation *pipeline; /* the last one that was bound */
};

struct penstock_walk {
	const uint8_t *command; /* offset 0 of the command buffer */
	const uint8_t *end;
	const uint8_t *part_end; /* handlers do not go on by themselves beyond it; <= end */
	const struct penstock_render_allocation *allocations;
	uint32_t allocation_count;
	const struct penstock_format_features *formats; /* NULL: there are no images */
	struct penstock_dma_writer dma;
	struct penstock_patch_list patches;
	struct penstock_crumbs crumbs;
	struct penstock_group group;
	uint32_t offered;       /* a bit: which instructions are legal here (render.c) */
	uint64_t work_bytes;    /* penstock_render_args */
	const uint8_t *stopped; /* the first instruction that did not fit; NULL: all did */
	bool first_pass;
	uint32_t dma_capacity; /* of an empty buffer */
	uint32_t patch_capacity;
	enum penstock_status status; /* SUCCESS until something is refused */
	struct penstock_refusal *refusal;
};

/*
 * Validates and translates the instruction at `bytes`, whose opcode, privilege, length and
 * reserved fields are good, and as many of the same kind behind it as it likes. Returns what
 * follows; NULL where it refused, or where the walk is over (see penstock_walk_full).
 */
typedef const uint8_t *penstock_render_handler(struct penstock_walk *walk, const uint8_t *bytes,
					       uint32_t length);

penstock_render_handler penstock_render_nop;
penstock_render_handler penstock_render_marker;
penstock_render_handler penstock_render_fill;
penstock_render_handler penstock_render_copy;
penstock_render_handler penstock_render_copy_rows;
penstock_render_handler penstock_render_update;
penstock_render_handler penstock_render_spin;
penstock_render_handler penstock_render_bind_pipeline;
penstock_render_handler penstock_render_bind_buffer;
penstock_render_handler penstock_render_push_constants;
penstock_render_handler penstock_render_dispatch;
penstock_render_handler penstock_render_timestamp;
penstock_render_handler penstock_render_image;
penstock_render_handler penstock_render_bind_image;
penstock_render_handler penstock_render_bind_sampler;
penstock_render_handler penstock_render_bind_texel_buffer;
penstock_render_handler penstock_render_begin_rendering;
penstock_render_handler penstock_render_color_target;
penstock_render_handler penstock_render_depth_stencil_target;
penstock_render_handler penstock_render_vertex_buffer;
penstock_render_handler penstock_render_index_buffer;
penstock_render_handler penstock_render_viewport;
penstock_render_handler penstock_render_scissor;
penstock_render_handler penstock_render_state;
penstock_render_handler penstock_render_blend_constants;
penstock_render_handler penstock_render_depth_bias;
penstock_render_handler penstock_render_depth_bounds;
penstock_render_handler penstock_render_stencil;
penstock_render_handler penstock_render_indirect_buffer;
penstock_render_handler penstock_render_count_buffer;
penstock_render_handler penstock_render_begin_query;
penstock_render_handler penstock_render_end_query;
penstock_render_handler penstock_render_draw;
penstock_render_handler penstock_render_draw_indexed;
penstock_render_handler penstock_render_draw_indirect;
penstock_render_handler penstock_render_clear_target;
penstock_render_handler penstock_render_dispatch_indirect;
penstock_render_handler penstock_render_copy_image_and_buffer;
penstock_render_handler penstock_render_copy_image;
penstock_render_handler penstock_render_blit_image;
penstock_render_handler penstock_render_resolve_image;
penstock_render_handler penstock_render_clear_image;
penstock_render_handler penstock_render_end_rendering;
penstock_render_handler penstock_render_bitblt;
penstock_render_handler penstock_render_colorfill;
penstock_render_handler penstock_render_alphablend;
penstock_render_handler penstock_render_stretchblt;
penstock_render_handler penstock_render_transparentblt;
penstock_render_handler penstock_render_cleartypeblend;

/* The group at hand begins, or is over: other instructions are legal from here on. */
void penstock_walk_open_group(struct penstock_walk *walk, const uint8_t *bytes);
void penstock_walk_close_group(struct penstock_walk *walk);

/* The client's own patch list against the instructions, all of which are good. */
bool penstock_client_patches_agree(const struct penstock_render_args *args,
				   struct penstock_refusal *ret_refusal);

/* Refuses the instruction at `bytes`; returns NULL. */
__attribute__((cold)) const uint8_t *
penstock_walk_refuse(struct penstock_walk *walk, const uint8_t *bytes, enum penstock_status status,
		     const char *operand, const char *format, ...) PENSTOCK_PRINTF(5, 6);

/* Refuses the reference `operand` to `index`, which names no allocation; returns NULL. */
__attribute__((cold)) const uint8_t *penstock_walk_refuse_index(struct penstock_walk *walk,
								const uint8_t *bytes,
								const char *operand,
								uint32_t index);

/* Refuses the reference `operand` to `index`, which lacks WriteOperation; returns NULL. */
__attribute__((cold)) const uint8_t *penstock_walk_refuse_write(struct penstock_walk *walk,
								const uint8_t *bytes,
								const char *operand,
								uint32_t index);

/*
 * The instruction at `bytes` does not fit. False: it was refused, since it would not fit an empty
 * buffer either; or the walk is over, since in a later pass the rest has been validated already.
 */
__attribute__((cold)) bool penstock_walk_full(struct penstock_walk *walk, const uint8_t *bytes,
					      uint32_t dma_bytes, uint32_t entries);

/*
 * What stands before `to` left nothing in the DMA buffer. Returns `to`; NULL: as
 * penstock_walk_full, where that cannot be said.
 */
const uint8_t *penstock_walk_skip(struct penstock_walk *walk, const uint8_t *to);

/* NULL where `index` is past the list or names the NULL element. */
static inline const struct penstock_render_allocation *
penstock_walk_allocation(const struct penstock_walk *walk, uint32_t index)
{
	if (PENSTOCK_UNLIKELY(index >= walk->allocation_count) ||
	    PENSTOCK_UNLIKELY(walk->allocations[index].id == 0)) {
		return NULL;
	}
	return &walk->allocations[index];
}

/*
 * Room for an instruction of `dma_bytes` with `entries` references in `slots`, which takes
 * `work_bytes` (penstock_render_args), and the slots bound.
 * *ret_dma is where to write, NULL where nothing is written. False: as penstock_walk_full.
 */
static inline bool penstock_walk_reserve(struct penstock_walk *walk, const uint8_t *bytes,
					 uint32_t dma_bytes, uint32_t entries, uint32_t slots,
					 uint64_t work_bytes, uint8_t **ret_dma,
					 uint32_t *ret_split_offset)
{
	*ret_dma = NULL;
	if (PENSTOCK_UNLIKELY(!penstock_dma_writer_has(&walk->dma, dma_bytes)) ||
	    (slots != 0 &&
	     PENSTOCK_UNLIKELY(!penstock_patch_list_has(&walk->patches, entries, slots)))) {
		return penstock_walk_full(walk, bytes, dma_bytes, entries);
	}
	*ret_split_offset = penstock_dma_writer_length(&walk->dma);
	*ret_dma = walk->dma.next;
	walk->dma.next += dma_bytes;
	walk->work_bytes += work_bytes;
	if (slots != 0) {
		penstock_patch_list_bind(&walk->patches, slots, *ret_split_offset);
	}
	return true;
}

#endif
