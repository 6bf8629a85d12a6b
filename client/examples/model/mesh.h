/* SPDX-License-Identifier: MIT */
/*
 * A model of triangles from a Wavefront OBJ file: its positions and faces. What the file need not
 * have is made: normals, each the average of its faces', and texture coordinates, a map of the
 * sphere around it.
 */
#ifndef MODEL_MESH_H
#define MODEL_MESH_H

#include <stdbool.h>
#include <stdint.h>

struct vertex {
	float position[3]; /* within the sphere of radius 1 around 0 */
	float normal[3];
	float texture[2];
};

struct mesh {
	struct vertex *vertices; /* [vertex_count], owned */
	uint32_t *indices;       /* [index_count], owned: three a triangle */
	uint32_t vertex_count;
	uint32_t index_count;
};

/* False: it cannot be read, is no model, or there is no memory; what is wrong went to stderr. */
bool mesh_load(const char *path, struct mesh *ret_mesh);
void mesh_free(struct mesh *mesh);

#endif
