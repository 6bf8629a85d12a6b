/* SPDX-License-Identifier: MIT */
/*
 * Draws the scene through a Penstock daemon: what it needs there is made once, and a frame is one
 * render scope. Whatever goes wrong ends the program with the library's own words.
 */
#ifndef MODEL_RENDERER_H
#define MODEL_RENDERER_H

#include <penstock/penstock.h>

#include "client/examples/model/mesh.h"

/* An image alone in its allocation. */
struct picture {
	struct penstock_image image;
	uint64_t allocation;
};

struct renderer {
	struct penstock_connection *connection;
	uint64_t device;
	uint64_t context;
	uint64_t pipeline;
	struct penstock_command_buffer *buffer; /* of frames */
	uint64_t geometry;                      /* vertices, and indices behind them */
	const struct mesh *mesh;
	struct picture texture;
	struct picture color; /* what is drawn into: of four samples */
	struct picture depth;
	struct picture frame; /* what comes of it: a surface */
	uint32_t width;
	uint32_t height;
};

/* Pixels of a texture, red first. */
struct pixels {
	const void *bytes;
	uint32_t width;
	uint32_t height;
};

/* Frames of `width` by `height` pixels. The mesh stays the caller's, and is used on. */
void renderer_make(struct renderer *renderer, struct penstock_connection *connection,
		   const struct mesh *mesh, const struct pixels *texture, uint32_t width,
		   uint32_t height);

void renderer_free(struct renderer *renderer);

/* Submits a frame in which the model has made so much of a full turn; returns its fence. */
uint64_t renderer_draw(const struct renderer *renderer, float turned);

/* Where the pixels of a frame are in what renderer_read gives. */
void renderer_layout(const struct renderer *renderer, struct penstock_subresource *ret_layout);

/* What was drawn last, once it is drawn: as many bytes as the layout says, blue first. */
void renderer_read(const struct renderer *renderer, void *ret_bytes);

/* Says what went wrong, where something did, and ends the program. */
void renderer_must(struct penstock_connection *connection, enum penstock_status status,
		   const char *what);

#endif
