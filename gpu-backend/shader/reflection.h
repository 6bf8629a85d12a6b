/* SPDX-License-Identifier: MIT */
/*
 * What a shader needs and does: made by penstock-shader of a module that was hardened, checked by
 * penstock_reflection_valid, and then copied and kept. A plain struct with no pointers. Numbers
 * that SPIR-V has a table for (dimension, image format) are SPIR-V's own, which are in
 * <spirv.h>.
 *
 * Described is what the functions use that the entry point can reach, not what is declared beside
 * it.
 */
#ifndef PENSTOCK_REFLECTION_H
#define PENSTOCK_REFLECTION_H

#include "proto/base/base.h"
#include "proto/wire/limits.h"

enum penstock_shader_stage {
	PENSTOCK_SHADER_VERTEX = 0, /* SPIR-V's execution models */
	PENSTOCK_SHADER_TESSELLATION_CONTROL = 1,
	PENSTOCK_SHADER_TESSELLATION_EVALUATION = 2,
	PENSTOCK_SHADER_GEOMETRY = 3,
	PENSTOCK_SHADER_FRAGMENT = 4,
	PENSTOCK_SHADER_COMPUTE = 5,
	PENSTOCK_SHADER_STAGES = 6,
};

enum penstock_binding_kind {
	PENSTOCK_BINDING_UNIFORM_BUFFER = 0,
	PENSTOCK_BINDING_STORAGE_BUFFER = 1,
	PENSTOCK_BINDING_SAMPLED_IMAGE = 2, /* without a sampler */
	PENSTOCK_BINDING_STORAGE_IMAGE = 3,
	PENSTOCK_BINDING_SAMPLER = 4,
	PENSTOCK_BINDING_COMBINED_IMAGE_SAMPLER = 5,
	PENSTOCK_BINDING_UNIFORM_TEXEL_BUFFER = 6,
	PENSTOCK_BINDING_STORAGE_TEXEL_BUFFER = 7,
	PENSTOCK_BINDING_INPUT_ATTACHMENT = 8,
	PENSTOCK_BINDING_KINDS = 9,
};

/* What components are read and written as. */
enum penstock_shader_number {
	PENSTOCK_NUMBER_NONE = 0,
	PENSTOCK_NUMBER_FLOAT = 1,
	PENSTOCK_NUMBER_SIGNED = 2,
	PENSTOCK_NUMBER_UNSIGNED = 3,
	PENSTOCK_NUMBERS = 4,
};

#define PENSTOCK_BINDING_READ      1u  /* not decorated NonReadable */
#define PENSTOCK_BINDING_WRITTEN   2u  /* storage buffers, images, texel buffers: not NonWritable */
#define PENSTOCK_BINDING_ARRAYED   4u  /* images */
#define PENSTOCK_BINDING_MULTI     8u  /* images: multisampled */
#define PENSTOCK_BINDING_DEPTH     16u /* images: compared with a reference */
#define PENSTOCK_BINDING_ALL_FLAGS 31u

/*
 * One variable. Several may have the same set and binding: each says what it needs, and the
 * descriptor has to do for all.
 */
struct penstock_shader_binding {
	uint32_t set;
	uint32_t binding;
	uint32_t kind;             /* enum penstock_binding_kind */
	uint32_t count;            /* descriptors: 1, or the length of the array */
	uint32_t flags;            /* PENSTOCK_BINDING_ */
	uint32_t minimum_bytes;    /* buffers: of the block, with one element of a runtime array */
	uint32_t stride_bytes;     /* of the runtime array at its end; 0: it has none */
	uint32_t dimension;        /* images, texel buffers, attachments: SpvDim */
	uint32_t format;           /* storage images, texel buffers: SpvImageFormat; 0: unknown */
	uint32_t number;           /* images, texel buffers: enum penstock_shader_number */
	uint32_t attachment_index; /* input attachments */
};

#define PENSTOCK_SLOT_PER_VERTEX 1u /* an element of an array over the vertices of a primitive */
#define PENSTOCK_SLOT_PATCH      2u
#define PENSTOCK_SLOT_FLAT       4u
#define PENSTOCK_SLOT_ALL_FLAGS  7u

/* What a stage takes or gives at one location; matrices, arrays and structs are several. */
struct penstock_shader_slot {
	uint32_t location;
	uint32_t component;  /* the first, 0..3 */
	uint32_t components; /* 1..4, of 64 bits: 1..2 */
	uint32_t number;     /* enum penstock_shader_number */
	uint32_t bits;       /* 16, 32, 64 */
	uint32_t index;      /* outputs of fragments: 1 is the second source of blending */
	uint32_t flags;      /* PENSTOCK_SLOT_ */
};

#define PENSTOCK_SHADER_WRITES_MEMORY    0x001u /* storage buffers, images, texel buffers; atomics */
#define PENSTOCK_SHADER_DERIVATIVES      0x002u /* or samples with implicit level of detail */
#define PENSTOCK_SHADER_DISCARDS         0x004u /* or demotes */
#define PENSTOCK_SHADER_WRITES_DEPTH     0x008u
#define PENSTOCK_SHADER_WRITES_STENCIL   0x010u
#define PENSTOCK_SHADER_SAMPLE_SHADING   0x020u /* runs once a sample */
#define PENSTOCK_SHADER_EARLY_TESTS      0x040u
#define PENSTOCK_SHADER_WRITES_LAYER     0x080u
#define PENSTOCK_SHADER_WRITES_VIEWPORT  0x100u
#define PENSTOCK_SHADER_WRITES_POINTSIZE 0x200u
#define PENSTOCK_SHADER_SUBGROUPS        0x400u
#define PENSTOCK_SHADER_WRITES_POSITION  0x800u
#define PENSTOCK_SHADER_COUNTS_GROUPS    0x1000u /* reads NumWorkgroups */
#define PENSTOCK_SHADER_POINT_MODE       0x2000u /* tessellates into points */
#define PENSTOCK_SHADER_ALL_FLAGS        0x3fffu

struct penstock_shader_reflection {
	uint32_t stage;                                     /* enum penstock_shader_stage */
	uint32_t flags;                                     /* PENSTOCK_SHADER_ */
	char entry_point[PENSTOCK_LIMIT_SHADER_NAME_BYTES]; /* zeros behind it */

	uint32_t workgroup_size[3]; /* compute; else 0 */
	uint32_t shared_bytes;      /* of the workgroup's variables */

	uint32_t push_offset; /* of the first byte of push constants that is declared */
	uint32_t push_bytes;  /* from there; 0: none */

	/* geometry, tessellation; else 0. Modes are SpvExecutionMode. */
	uint32_t input_mode; /* geometry: primitive taken; evaluation: Triangles, Quads, Isolines */
	uint32_t output_mode;     /* geometry: primitive given */
	uint32_t output_vertices; /* geometry, control */
	uint32_t invocations;     /* geometry */

	uint32_t binding_count;
	uint32_t input_count;
	uint32_t output_count;
	struct penstock_shader_binding
		bindings[PENSTOCK_LIMIT_SHADER_BINDINGS]; /* by set, binding */
	struct penstock_shader_slot
		inputs[PENSTOCK_LIMIT_SHADER_SLOTS]; /* by location, component */
	struct penstock_shader_slot outputs[PENSTOCK_LIMIT_SHADER_SLOTS];
};

/*
 * Whether every field is in its range and agrees with the others: counts, enumerations, flags,
 * limits, order, zeros where something is not there. Pure; any bytes, from anybody.
 */
PENSTOCK_MUST_CHECK
bool penstock_reflection_valid(const struct penstock_shader_reflection *reflection);

#endif
