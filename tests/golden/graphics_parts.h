/* SPDX-License-Identifier: MIT */
/* What the programs of graphics have in common; private to the files that have them. */
#ifndef PENSTOCK_GRAPHICS_PARTS_H
#define PENSTOCK_GRAPHICS_PARTS_H

#include "tests/golden/graphics_cases.h"

#define GRAPHICS_SIZE 64u

/* VkFormat */
#define R8    9u
#define RGBA8 37u
#define R32   100u
#define D32   126u

struct vertex {
	float position[4];
	float color[4];
};

#define GRAPHICS_TRIANGLE_VERTICES 3u
#define GRAPHICS_MANY_VERTICES     12u
extern const struct vertex graphics_triangle[GRAPHICS_TRIANGLE_VERTICES];
extern const struct vertex graphics_many[GRAPHICS_MANY_VERTICES];
extern const float graphics_black[4], graphics_grey[4];
extern const struct canvas_shaders graphics_plain, graphics_box;

#define BOX_BYTES 48u

/* Variants of cases that have a list. */
#define TEXTURE_FORMATS 40u
#define GRAPHICS_DEPTHS 8u
#define GRAPHICS_CLEARS 42u

void graphics_vertex_input(struct penstock_graphics_state *state);
struct penstock_graphics_state graphics_plain_state(void);
struct canvas_image graphics_target(struct canvas *canvas, uint32_t format);
void graphics_begin(struct canvas *canvas, const struct canvas_image *color,
		    const struct canvas_image *depth);
void graphics_put_vertices(struct canvas *canvas, const struct vertex *vertices, uint32_t count);
void graphics_push_box(struct canvas *canvas, float left, float top, float right, float bottom,
		       const float color[4], float from, float to);
void graphics_draw_box(struct canvas *canvas, float left, float top, float right, float bottom,
		       const float color[4], float depth);
void graphics_draw_vertices(struct canvas *canvas, const struct penstock_graphics_state *state,
			    const struct vertex *vertices, uint32_t count);
struct penstock_graphics_state graphics_box_state(uint32_t format);
void graphics_draw_depths(struct canvas *canvas, const struct penstock_graphics_state *state,
			  const struct canvas_image *color, const struct canvas_image *depth);

/* texture_cases.c */
void graphics_filters(struct canvas *canvas, uint32_t variant);
void graphics_addresses(struct canvas *canvas, uint32_t variant);
void graphics_texture_formats(struct canvas *canvas, uint32_t variant);
void graphics_shadows(struct canvas *canvas, uint32_t variant);
void graphics_swizzles(struct canvas *canvas, uint32_t variant);
void graphics_dimensions(struct canvas *canvas, uint32_t variant);
void graphics_separate(struct canvas *canvas, uint32_t variant);
void graphics_texels(struct canvas *canvas, uint32_t variant);
void graphics_storage(struct canvas *canvas, uint32_t variant);
void graphics_compute(struct canvas *canvas, uint32_t variant);
void graphics_constants(struct canvas *canvas, uint32_t variant);
void graphics_copies(struct canvas *canvas, uint32_t variant);
void graphics_pitches(struct canvas *canvas, uint32_t variant);
void graphics_blits(struct canvas *canvas, uint32_t variant);
void graphics_mip_chain(struct canvas *canvas, uint32_t variant);
void graphics_clears(struct canvas *canvas, uint32_t variant);
void graphics_inputs(struct canvas *canvas, uint32_t variant);
void graphics_cubes(struct canvas *canvas, uint32_t variant);
void graphics_offsets(struct canvas *canvas, uint32_t variant);

/* transfer_cases.c */
void graphics_depth_copies(struct canvas *canvas, uint32_t variant);
void graphics_slices(struct canvas *canvas, uint32_t variant);
void graphics_all_clears(struct canvas *canvas, uint32_t variant);

#endif
