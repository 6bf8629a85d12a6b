/* SPDX-License-Identifier: MIT */
/*
 * DMA buffers of graphics, written by hand: memory of a GPU in this process, what lies in it, and
 * rows of the table. A canvas knows nothing of who executes it.
 */
#ifndef PENSTOCK_CANVAS_H
#define PENSTOCK_CANVAS_H

#include "gpu-backend/pipeline.h"
#include "proto/image/image.h"
#include "tests/gpu/machine.h"

/* Where things are in local memory: what both sides compare, pipelines, and images, which a plain
 * Vulkan keeps where it likes. */
#define CANVAS_DATA_BYTES      (4u << 20)
#define CANVAS_PIPELINE_OFFSET CANVAS_DATA_BYTES
#define CANVAS_IMAGE_OFFSET    (6u << 20)
#define CANVAS_IMAGE_END       MACHINE_STREAM_OFFSET

#define CANVAS_ADDRESS(offset) (PENSTOCK_LOCAL_BASE + (uint64_t)(offset))

struct canvas {
	uint8_t *memory; /* local memory; borrowed */
	struct stream stream;
	uint32_t data_used, pipelines_used, images_used;
	uint32_t pipelines;                             /* how many were made */
	const struct penstock_format_features *formats; /* of the driver; borrowed */
};

struct canvas_pipeline {
	uint64_t address;
	uint32_t bytes;
};

/* An image at its address. */
struct canvas_image {
	struct penstock_image description;
	uint64_t address;
};

/* Names of shaders in tests/golden/shaders, with their suffix; NULL: there is no such stage. */
struct canvas_shaders {
	const char *vertex, *control, *evaluation, *geometry, *fragment, *compute;
};

void canvas_begin(struct canvas *canvas, uint8_t *memory,
		  const struct penstock_format_features *formats);

/*
 * Whether optimal images of the format have all of the features of the driver; a program that needs
 * what there is not has no rows.
 */
bool canvas_has(const struct canvas *canvas, uint32_t format, uint64_t features);

#define CANVAS_SAMPLED 0x1u
#define CANVAS_COPIED  0xc000u

/* Bytes in memory, zero or a copy; the address of them. */
uint64_t canvas_put(struct canvas *canvas, const void *bytes, uint32_t size);
uint64_t canvas_room(struct canvas *canvas, uint32_t size);

/* A 2D image of one level, one layer and one sample, until it is changed; places it. */
struct penstock_image canvas_describe(uint32_t format, uint32_t width, uint32_t height);
struct canvas_image canvas_place(struct canvas *canvas, struct penstock_image description);

/* What zeros are no sound default for, and triangles of one viewport as large as the extent. */
struct penstock_graphics_state canvas_state(uint32_t format, uint32_t width, uint32_t height);

/* `state` NULL: a compute pipeline. */
struct canvas_pipeline canvas_pipeline(struct canvas *canvas,
				       const struct penstock_graphics_state *state,
				       const struct canvas_shaders *shaders,
				       const struct penstock_pipeline_binding *bindings,
				       uint32_t binding_count, uint32_t push_bytes);

/* ---------------------------------------------------------------- rows */

/* A row whose fields are dwords from the header on. */
void canvas_row(struct canvas *canvas, enum penstock_dma_id id, const uint32_t *dwords,
		uint32_t count);
#define ROW(canvas, name, ...)                                                                     \
	canvas_row(canvas, PENSTOCK_DMA_##name, (const uint32_t[]){ __VA_ARGS__ },                 \
		   sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

uint32_t canvas_bits(float value);

void canvas_bind(struct canvas *canvas, struct canvas_pipeline pipeline);
void canvas_push(struct canvas *canvas, uint32_t offset, const void *bytes, uint32_t size);
void canvas_buffer(struct canvas *canvas, const uint32_t at[3], uint64_t address, uint64_t size,
		   bool write);
void canvas_texels(struct canvas *canvas, const uint32_t at[3], uint64_t address, uint64_t size,
		   uint32_t format, bool write);
void canvas_vertices(struct canvas *canvas, uint32_t binding, uint64_t address, uint64_t size,
		     uint32_t stride);
void canvas_indices(struct canvas *canvas, uint32_t type, uint64_t address, uint64_t size);
void canvas_indirect(struct canvas *canvas, uint64_t address, uint64_t size);
void canvas_slot(struct canvas *canvas, uint32_t slot, const struct canvas_image *image,
		 bool write);

/* A view of all of the image as `view_type`; and of some of it. */
void canvas_image(struct canvas *canvas, const uint32_t at[3], uint32_t slot,
		  const struct canvas_image *image, uint32_t view_type);

/* Fields of bind_sampler from flags on; zeros: nearest, repeat. */
struct canvas_sampler {
	uint32_t flags, mag_filter, min_filter, mipmap_mode;
	uint32_t address_u, address_v, address_w;
	uint32_t compare_op, border_color, reduction_mode;
	float lod_bias, anisotropy, min_lod, max_lod;
};
void canvas_sampler(struct canvas *canvas, const uint32_t at[3],
		    const struct canvas_sampler *sampler);

void canvas_begin_rendering(struct canvas *canvas, uint32_t width, uint32_t height, uint32_t layers,
			    uint32_t view_mask);
/* Cleared to the four values, stored. */
void canvas_color(struct canvas *canvas, uint32_t index, uint32_t slot, const float clear[4]);
/* Cleared to what it has of the two, stored. */
void canvas_depth(struct canvas *canvas, uint32_t slot, const struct canvas_image *image,
		  float depth, uint32_t stencil);
void canvas_end(struct canvas *canvas);

/* Groups of their own: all of a level of an image, from or to memory. Returns the address. */
uint64_t canvas_read_back(struct canvas *canvas, const struct canvas_image *image, uint32_t level,
			  uint32_t aspects);
void canvas_fill_image(struct canvas *canvas, const struct canvas_image *image, uint32_t level,
		       uint64_t address, uint32_t size);
/* Something in each texel of each level of a colour image. */
void canvas_pattern(struct canvas *canvas, const struct canvas_image *image);

#define AT(set, binding, element) ((const uint32_t[3]){ set, binding, element })

#endif
