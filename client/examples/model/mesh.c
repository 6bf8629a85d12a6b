/* SPDX-License-Identifier: MIT */
#include "client/examples/model/mesh.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORNERS_MOST 16u /* of a face */
#define COUNT_MOST   (1u << 24)
#define LINE_BYTES   512

static const float pi = 3.14159265F;

/* ------------------------------------------------------------------ the file */

/* The corners of a face, from 0; what stands behind a slash is not needed. Returns how many. */
static uint32_t read_face(char *text, uint32_t vertex_count, uint32_t corners[CORNERS_MOST])
{
	uint32_t count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(text, " \t\r\n", &rest); word != NULL && count < CORNERS_MOST;
	     word = strtok_r(NULL, " \t\r\n", &rest)) {
		long number = strtol(word, NULL, 10);

		if (number < 0) {
			number += (long)vertex_count + 1; /* counted from the last one */
		}
		corners[count++] = number < 1 ? UINT32_MAX : (uint32_t)number - 1;
	}
	return count;
}

static bool add_vertex(struct mesh *mesh, const char *text)
{
	float *position = mesh->vertices[mesh->vertex_count].position;

	mesh->vertex_count++;
	return sscanf(text, "%f %f %f", &position[0], &position[1], &position[2]) == 3;
}

/* A fan of triangles. */
static bool add_face(struct mesh *mesh, char *text)
{
	uint32_t corners[CORNERS_MOST];
	uint32_t count = read_face(text, mesh->vertex_count, corners);

	for (uint32_t i = 0; i < count; i++) {
		if (corners[i] >= mesh->vertex_count) {
			return false;
		}
	}
	for (uint32_t i = 2; i < count; i++) {
		uint32_t *triangle = &mesh->indices[mesh->index_count];

		triangle[0] = corners[0];
		triangle[1] = corners[i - 1];
		triangle[2] = corners[i];
		mesh->index_count += 3;
	}
	return count >= 3;
}

/* How much a line can add at most. */
static void count_line(const char *line, uint64_t *vertices, uint64_t *indices)
{
	if (strncmp(line, "v ", 2) == 0) {
		*vertices += 1;
	} else if (strncmp(line, "f ", 2) == 0) {
		*indices += 3 * (CORNERS_MOST - 2);
	}
}

static bool allocate(FILE *file, struct mesh *mesh)
{
	uint64_t vertices = 0, indices = 0;
	char line[LINE_BYTES];

	while (fgets(line, sizeof(line), file) != NULL) {
		count_line(line, &vertices, &indices);
	}
	rewind(file);
	if (vertices == 0 || indices == 0 || vertices > COUNT_MOST || indices > COUNT_MOST * 16) {
		return false;
	}
	/* Each vertex may be there twice: on both sides of the texture's seam. */
	mesh->vertices = calloc(2 * vertices, sizeof(*mesh->vertices));
	mesh->indices = calloc(indices, sizeof(*mesh->indices));
	return mesh->vertices != NULL && mesh->indices != NULL;
}

static bool read_file(FILE *file, struct mesh *mesh)
{
	char line[LINE_BYTES];
	bool good = allocate(file, mesh);

	while (good && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "v ", 2) == 0) {
			good = add_vertex(mesh, line + 2);
		} else if (strncmp(line, "f ", 2) == 0) {
			good = add_face(mesh, line + 2);
		}
	}
	return good;
}

/* ------------------------------------------------------------------ what is made of it */

/* Its middle to 0, and the farthest vertex to a distance of 1. */
static void centre(struct mesh *mesh)
{
	float low[3] = { INFINITY, INFINITY, INFINITY };
	float high[3] = { -INFINITY, -INFINITY, -INFINITY };
	float farthest = 0;

	for (uint32_t i = 0; i < mesh->vertex_count; i++) {
		for (int axis = 0; axis < 3; axis++) {
			low[axis] = fminf(low[axis], mesh->vertices[i].position[axis]);
			high[axis] = fmaxf(high[axis], mesh->vertices[i].position[axis]);
		}
	}
	for (uint32_t i = 0; i < mesh->vertex_count; i++) {
		float *position = mesh->vertices[i].position;

		for (int axis = 0; axis < 3; axis++) {
			position[axis] -= (low[axis] + high[axis]) / 2;
		}
		farthest = fmaxf(farthest, hypotf(hypotf(position[0], position[1]), position[2]));
	}
	for (uint32_t i = 0; i < mesh->vertex_count && farthest > 0; i++) {
		for (int axis = 0; axis < 3; axis++) {
			mesh->vertices[i].position[axis] /= farthest;
		}
	}
}

/* Twice the area of the triangle, along its normal: large faces count more. */
static void add_normal(struct mesh *mesh, const uint32_t triangle[3])
{
	const float *a = mesh->vertices[triangle[0]].position;
	const float *b = mesh->vertices[triangle[1]].position;
	const float *c = mesh->vertices[triangle[2]].position;
	const float u[3] = { b[0] - a[0], b[1] - a[1], b[2] - a[2] };
	const float v[3] = { c[0] - a[0], c[1] - a[1], c[2] - a[2] };

	for (int corner = 0; corner < 3; corner++) {
		float *normal = mesh->vertices[triangle[corner]].normal;

		for (int axis = 0; axis < 3; axis++) {
			int next = (axis + 1) % 3, other = (axis + 2) % 3;

			normal[axis] += u[next] * v[other] - u[other] * v[next];
		}
	}
}

static void make_normals(struct mesh *mesh)
{
	for (uint32_t i = 0; i < mesh->index_count; i += 3) {
		add_normal(mesh, &mesh->indices[i]);
	}
	for (uint32_t i = 0; i < mesh->vertex_count; i++) {
		float *normal = mesh->vertices[i].normal;
		float length = hypotf(hypotf(normal[0], normal[1]), normal[2]);

		for (int axis = 0; axis < 3 && length > 0; axis++) {
			normal[axis] /= length;
		}
	}
}

/* Where the ray from the middle through the vertex meets a sphere: longitude and latitude. */
static void make_texture_coordinates(struct mesh *mesh)
{
	for (uint32_t i = 0; i < mesh->vertex_count; i++) {
		struct vertex *vertex = &mesh->vertices[i];
		const float *p = vertex->position;
		float distance = hypotf(hypotf(p[0], p[1]), p[2]);

		vertex->texture[0] = 0.5F + atan2f(p[2], p[0]) / (2 * pi);
		vertex->texture[1] = distance > 0 ? acosf(p[1] / distance) / pi : 0;
	}
}

/*
 * A triangle over the seam, where longitude 1 meets 0, would have the whole texture in it: its
 * corners behind the seam become vertices of their own, one further round.
 */
static bool close_seam(struct mesh *mesh)
{
	const uint32_t count = mesh->vertex_count;
	uint32_t *behind = calloc(count, sizeof(*behind)); /* 0: there is none yet */

	for (uint32_t i = 0; behind != NULL && i < mesh->index_count; i++) {
		const uint32_t *triangle = &mesh->indices[i - i % 3];
		uint32_t vertex = mesh->indices[i];
		float farthest = 0;

		for (int corner = 0; corner < 3; corner++) {
			farthest = fmaxf(farthest, mesh->vertices[triangle[corner]].texture[0]);
		}
		if (mesh->vertices[vertex].texture[0] >= farthest - 0.5F) {
			continue;
		}
		if (behind[vertex] == 0) {
			behind[vertex] = mesh->vertex_count++;
			mesh->vertices[behind[vertex]] = mesh->vertices[vertex];
			mesh->vertices[behind[vertex]].texture[0] += 1;
		}
		mesh->indices[i] = behind[vertex];
	}
	free(behind);
	return behind != NULL;
}

bool mesh_load(const char *path, struct mesh *ret_mesh)
{
	FILE *file = fopen(path, "re");
	bool good;

	*ret_mesh = (struct mesh){ .vertices = NULL };
	if (file == NULL) {
		perror(path);
		return false;
	}
	good = read_file(file, ret_mesh);
	(void)fclose(file);
	if (good) {
		centre(ret_mesh);
		make_normals(ret_mesh);
		make_texture_coordinates(ret_mesh);
		good = close_seam(ret_mesh);
	}
	if (!good) {
		fprintf(stderr, "%s: no model, or no memory for it\n", path);
		mesh_free(ret_mesh);
	}
	return good;
}

void mesh_free(struct mesh *mesh)
{
	free(mesh->vertices);
	free(mesh->indices);
	*mesh = (struct mesh){ .vertices = NULL };
}
