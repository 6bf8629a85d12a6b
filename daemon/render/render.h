/* SPDX-License-Identifier: MIT */
/*
 * DxgkDdiRender and DxgkDdiRenderKm: a command buffer in, a DMA buffer and a patch-location list
 * out. Pure: no locks, no I/O, no globals, nothing outside its arguments; any thread.
 * Documents: DXGKDDI_RENDER, DXGKARG_RENDER, DXGKDDI_RENDERKM.
 */
#ifndef PENSTOCK_RENDER_H
#define PENSTOCK_RENDER_H

#include "proto/graphics.h"
#include "proto/image/format.h"
#include "proto/isa/instruction.h"
#include "proto/wire/frame.h"
#include "proto/wire/status.h"

/* Of VkPrimitiveTopology: points, lines, triangles, patches. */
enum penstock_topology_class {
	PENSTOCK_TOPOLOGY_POINTS,
	PENSTOCK_TOPOLOGY_LINES,
	PENSTOCK_TOPOLOGY_TRIANGLES,
	PENSTOCK_TOPOLOGY_PATCHES,
};

/* penstock_render_binding.flags: those of penstock_shader_binding that render looks at */
#define PENSTOCK_RENDER_ARRAYED 4u
#define PENSTOCK_RENDER_MULTI   8u

/* A descriptor binding that the shaders of a pipeline use. */
struct penstock_render_binding {
	uint32_t set;
	uint32_t binding;
	uint32_t type;        /* enum penstock_descriptor (gpu-backend/pipeline.h) */
	uint32_t count;       /* of the array */
	uint32_t first;       /* its first element among all descriptors of the pipeline */
	uint32_t least_bytes; /* of a buffer: what the shaders need */
	bool written;
	/* of an image or a texel buffer; else 0 */
	uint32_t flags;     /* PENSTOCK_BINDING_ARRAYED, _MULTI, _DEPTH (reflection.h) */
	uint32_t dimension; /* SpvDim */
	uint32_t number;    /* enum penstock_shader_number */
	uint32_t format;    /* SpvImageFormat of a storage image; 0: unknown */
};

/*
 * What render has to know of a pipeline to say whether a draw or a dispatch gives it what its
 * shaders use. Immutable.
 */
struct penstock_render_pipeline {
	uint32_t kind;             /* enum penstock_pipeline_kind */
	uint32_t bytes;            /* of what its allocation holds */
	uint32_t descriptor_count; /* arrays by the element */
	uint32_t binding_count;
	const struct penstock_render_binding *bindings; /* by set and binding */
	/* of a graphics pipeline; NULL: it is none */
	const struct penstock_graphics_state *graphics;
	uint32_t vertex_bindings; /* a bit for each that its vertex shader reads through */
	uint32_t targets_written; /* a bit for each colour target that its fragment shader gives */
	uint32_t topology_class;  /* PENSTOCK_TOPOLOGY_; what a dynamic topology has to be of */
	bool tessellates;         /* draws patches */
};

/* DXGK_ALLOCATIONLIST: one element of the converted list, a snapshot. */
struct penstock_render_allocation {
	uint64_t id; /* of the adapter's allocation, so that aliases are seen; 0: NULL element */
	uint64_t size_bytes;
	uint64_t address; /* last known GPU address; 0 where segment_id is 0 */
	uint32_t width;   /* surface, all 0: none */
	uint32_t height;
	uint32_t pitch_bytes;
	uint8_t format; /* enum penstock_format */
	uint8_t surface_type;
	uint8_t segment_id; /* 0: nothing to pre-patch */
	bool write_operation;
	const struct penstock_render_pipeline *pipeline; /* NULL: it is none */
};

/* What an adapter and a context let render accept. */
struct penstock_render_caps {
	uint32_t node_ordinal;
	bool km; /* RenderKm: the KM stream */
	bool test_instructions;
	bool pipelines; /* the adapter has them */
	/* What its driver does with each format, [PENSTOCK_TEXEL_FORMATS]; with pipelines only. */
	const struct penstock_format_features *formats;
};

/* Why a command buffer was refused. Strings are static; the sentence is composed. */
struct penstock_refusal {
	enum penstock_status status;
	bool at_instruction;
	uint32_t byte_offset;
	const char *instruction; /* mnemonic, or "" */
	const char *operand;     /* or "" */
	char sentence[192];
};

/* DXGKARG_RENDER */
struct penstock_render_args {
	/* in, borrowed for the call */
	const uint8_t *command;
	uint32_t command_offset; /* of the first instruction */
	uint32_t command_length; /* bytes from offset 0 */
	const struct penstock_render_allocation *allocations;
	uint32_t allocation_count;
	const struct penstock_patch_location
		*patches_in; /* in command-buffer offsets; may be none */
	uint32_t patch_in_count;
	struct penstock_render_caps caps;
	/* out, the caller's memory */
	uint8_t *dma_buffer;
	uint32_t dma_capacity;
	struct penstock_patch_location *patches_out;
	uint32_t patch_capacity;
	/*
	 * pDmaBufferPrivateData: render's own bytes, which nobody else writes and no GPU sees. They
	 * belong to the DMA buffer as long as it lives: zero when it is made, what was left there
	 * when it is used again. This call writes from private_start on, and says where it ended:
	 * where another into the same DMA buffer goes on. Its range goes with the DMA buffer
	 * (DmaBufferPrivateDataSubmissionStartOffset and EndOffset).
	 */
	uint8_t *private_data;
	uint32_t private_capacity;
	uint32_t private_start;
	/*
	 * In and out (DXGKARG_RENDER): 32 bits of command offset, 32 of step; 0 at first. A later
	 * pass gets the same inputs and what the pass before left here.
	 */
	uint64_t multipass_offset;
	/* filled on return */
	uint32_t dma_length;
	uint32_t patch_count;
	uint32_t private_end;
	/*
	 * How long the engine has to work, roughly, in bytes that a copy would move: what is
	 * written by copies and fills, PENSTOCK_WORK_PER_PIXEL for a pixel, PENSTOCK_WORK_UNKNOWN
	 * for what nobody can tell. For the scheduler; it does not have to be exact.
	 */
	uint64_t work_bytes;
};

#define PENSTOCK_WORK_PER_PIXEL 32u
#define PENSTOCK_WORK_UNKNOWN   (1ull << 32)

/*
 * Validates all of the command buffer, then has translated it: on any status but SUCCESS and
 * GRAPHICS_INSUFFICIENT_DMA_BUFFER nothing that was written to the outputs counts.
 *
 * SUCCESS (dma_length may be 0: nops leave nothing); GRAPHICS_INSUFFICIENT_DMA_BUFFER (DMA bytes,
 * patch entries or private data ran out: dma_length and patch_count cover whole instructions and
 * are not empty, multipass_offset says where to go on; in the first pass the rest is validated too,
 * so that a later pass whose capacities are not smaller cannot be refused, and does not validate it
 * again); PRIVILEGED_INSTRUCTION; ILLEGAL_INSTRUCTION; INVALID_PARAMETER; INVALID_USER_BUFFER (also
 * an instruction that does not fit an empty buffer of these capacities); INVALID_HANDLE (a
 * reference to an index past the list, or to a NULL element); LIMIT_EXCEEDED (of a group).
 * *ret_refusal is filled on refusal.
 *
 * Every allocation reference leaves an entry in patches_out, in order of use, and is pre-patched
 * where the element's segment_id is not 0; proto/wire/frame.h says what the entries hold, and what
 * those of the client have to. The semantics of the GDI records are in docs/gdi.md.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_render(struct penstock_render_args *args,
				     struct penstock_refusal *ret_refusal);

/*
 * Upper bounds for the outputs of a command buffer of `command_bytes`, from the table: with these
 * capacities there is no second pass. Saturate.
 */
uint32_t penstock_render_dma_bound(uint32_t command_bytes);
uint32_t penstock_render_patch_bound(uint32_t command_bytes);
uint32_t penstock_render_private_bound(uint32_t command_bytes);

#endif
