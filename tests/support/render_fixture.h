/* SPDX-License-Identifier: MIT */
/*
 * What the tests of render and of the checker share: an allocation list with one element of each
 * sort, a valid instance of each instruction on it, and the way from a command buffer to a patched
 * DMA buffer that the checker has read.
 */
#ifndef PENSTOCK_RENDER_FIXTURE_H
#define PENSTOCK_RENDER_FIXTURE_H

#include "daemon/check/check.h"
#include "daemon/memory/split.h"
#include "daemon/render/render.h"

/* Indices of the list. */
enum penstock_fixture_index {
	PENSTOCK_FIXTURE_NULL,          /* the NULL element */
	PENSTOCK_FIXTURE_BUFFER,        /* 0x2000 bytes */
	PENSTOCK_FIXTURE_READ_ONLY,     /* 0x2000 bytes, without WriteOperation */
	PENSTOCK_FIXTURE_NOT_RESIDENT,  /* 0x100000 bytes, segment 0 */
	PENSTOCK_FIXTURE_A8R8G8B8,      /* 64 x 48 */
	PENSTOCK_FIXTURE_X8R8G8B8,      /* 32 x 32 */
	PENSTOCK_FIXTURE_CPU_VISIBLE,   /* A8B8G8R8, 100 x 20, its pitch operand counts */
	PENSTOCK_FIXTURE_A8,            /* 128 x 64 */
	PENSTOCK_FIXTURE_GAMMA,         /* 512 x 16 A8, read only */
	PENSTOCK_FIXTURE_BUFFER_ALIAS,  /* BUFFER again */
	PENSTOCK_FIXTURE_SURFACE_ALIAS, /* A8R8G8B8 again */
	PENSTOCK_FIXTURE_EXISTING,      /* X8B8G8R8, 16 x 16, EXISTINGSYSMEM, read only */
	PENSTOCK_FIXTURE_READ_SURFACE,  /* A8R8G8B8, 64 x 48, read only */
	PENSTOCK_FIXTURE_PIPELINE,      /* compute: (0, 0) uniform, (1, 2) two storage, written */
	PENSTOCK_FIXTURE_GRAPHICS,      /* draws; what it takes is in render_fixture.c */
	PENSTOCK_FIXTURE_IMAGES,        /* 0x100000 bytes, for images */
	PENSTOCK_FIXTURE_COUNT
};

#define PENSTOCK_FIXTURE_DMA_BYTES     0x40000u
#define PENSTOCK_FIXTURE_PATCHES       0x4000u
#define PENSTOCK_FIXTURE_PRIVATE_BYTES 0x10000u

/* Descriptors of the graphics pipeline, beside those of the compute pipeline: set 2. */
enum penstock_fixture_binding {
	PENSTOCK_FIXTURE_COMBINED, /* 2D, floats */
	PENSTOCK_FIXTURE_SAMPLED,  /* an array of 2D images, floats */
	PENSTOCK_FIXTURE_SAMPLER,
	PENSTOCK_FIXTURE_STORAGE_IMAGE,  /* 2D, floats, written, Rgba8 */
	PENSTOCK_FIXTURE_UNIFORM_TEXELS, /* floats */
	PENSTOCK_FIXTURE_STORAGE_TEXELS, /* unsigned, written */
};

/* Slots of the scope that draws with it. */
enum penstock_fixture_slot {
	PENSTOCK_FIXTURE_SLOT_COLOR,   /* R8G8B8A8_UNORM, 64 x 64 */
	PENSTOCK_FIXTURE_SLOT_DEPTH,   /* D32_SFLOAT_S8_UINT, 64 x 64 */
	PENSTOCK_FIXTURE_SLOT_TEXTURE, /* R8G8B8A8_UNORM, 64 x 64, 7 levels, read only */
	PENSTOCK_FIXTURE_SLOT_STORAGE, /* R8G8B8A8_UNORM, 64 x 64 */
};

/* What an adapter has of each format, roughly; [PENSTOCK_TEXEL_FORMATS]. */
void penstock_fixture_fill_formats(struct penstock_format_features *ret_formats);

/* The whole trip; big: keep it static or on the heap. */
struct penstock_fixture {
	struct penstock_render_allocation list[PENSTOCK_FIXTURE_COUNT];
	struct penstock_render_args args;
	struct penstock_refusal refusal;
	struct penstock_errbuf fault; /* of the checker */
	uint64_t base_address;        /* where allocation id * stride stands once placed */
	uint64_t stride_bytes;
	struct penstock_format_features formats[PENSTOCK_TEXEL_FORMATS];
	uint8_t dma[PENSTOCK_FIXTURE_DMA_BYTES];
	struct penstock_patch_location patches[PENSTOCK_FIXTURE_PATCHES];
	uint8_t private_data[PENSTOCK_FIXTURE_PRIVATE_BYTES];
};

/* Everything as at first: the list, room for all, the render stream of node 0. */
void penstock_fixture_init(struct penstock_fixture *fixture);

/* Longest valid instance, or group. */
#define PENSTOCK_FIXTURE_INSTRUCTION_BYTES 2048u

/* What the largest of them leaves. */
#define PENSTOCK_FIXTURE_GROUP_DMA_BYTES 2048u
#define PENSTOCK_FIXTURE_GROUP_PATCHES   32u

/* A valid instance of a user or test instruction; returns its length. */
uint32_t penstock_fixture_valid(enum penstock_instruction_id id, uint8_t *ret_bytes);

/* A valid command buffer with it: of what stands in a group, the group. Returns its length. */
uint32_t penstock_fixture_alone(enum penstock_instruction_id id, uint8_t *ret_bytes);

/* A render scope with each of its instructions. Returns its length. */
uint32_t penstock_fixture_scope(uint8_t *ret_bytes);

#define PENSTOCK_FIXTURE_ALL_BYTES (PENSTOCK_INSTRUCTION_COUNT * PENSTOCK_FIXTURE_INSTRUCTION_BYTES)

/* All of a stream, one behind the other, and the context offers them; returns the length. */
uint32_t penstock_fixture_all(struct penstock_fixture *fixture, bool km, uint8_t *ret_bytes);

/* Renders; args hold streams, capacities and the client's patch list. */
enum penstock_status penstock_fixture_render(struct penstock_fixture *fixture,
					     const uint8_t *command, uint32_t length);

/* Where the memory manager would have put element `index` by now. */
uint64_t penstock_fixture_address(const struct penstock_fixture *fixture, uint32_t index);

/* Puts those addresses at the patch sites, as the memory manager does. */
void penstock_fixture_patch(struct penstock_fixture *fixture);

/* Has the checker read the patched DMA buffer, or a part of it. */
enum penstock_status penstock_fixture_check(struct penstock_fixture *fixture);
enum penstock_status penstock_fixture_check_part(struct penstock_fixture *fixture,
						 const struct penstock_part *part);

/* A small generator of numbers, the same everywhere: xorshift. */
static inline uint32_t penstock_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 16);
}

static inline uint32_t penstock_random_below(uint64_t *state, uint32_t limit)
{
	return penstock_random(state) % limit;
}

#endif
