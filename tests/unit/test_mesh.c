/* SPDX-License-Identifier: MIT */
/* The model example's loader: what it reads of a file, and what it makes of it. */
#include "client/examples/model/mesh.h"
#include "tests/harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool load(const char *text, struct mesh *ret_mesh)
{
	char *directory = penstock_test_directory();
	char path[300];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "%s/x.obj", directory);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	good = mesh_load(path, ret_mesh);
	penstock_test_directory_remove(directory);
	return good;
}

static void check_vector(const float found[3], float x, float y, float z)
{
	ck_assert_float_eq_tol(found[0], x, 1e-5F);
	ck_assert_float_eq_tol(found[1], y, 1e-5F);
	ck_assert_float_eq_tol(found[2], z, 1e-5F);
}

/* An octahedron, far from the middle and large. */
static const char octahedron[] = "# a comment\n"
				 "v 13 10 10\nv 7 10 10\nv 10 13 10\nv 10 7 10\nv 10 10 13\n"
				 "v 10 10 7\n"
				 "vn 0 0 1\n"
				 "f 1 3 5\nf 3/1 2/2 5/3\nf 2//1 4//1 5//1\nf 4 1 5\n"
				 "f 3 1 6\nf 2 3 6\nf 4 2 6\nf -5 -3 -1\n";

START_TEST(a_model_is_moved_to_the_middle)
{
	struct mesh mesh;

	ck_assert(load(octahedron, &mesh));
	ck_assert_uint_eq(mesh.index_count, 24);
	ck_assert_uint_ge(mesh.vertex_count, 6);
	check_vector(mesh.vertices[0].position, 1, 0, 0);
	check_vector(mesh.vertices[3].position, 0, -1, 0);
	mesh_free(&mesh);
}
END_TEST

START_TEST(a_normal_is_the_average_of_the_faces_around)
{
	struct mesh mesh;

	/* two squares with an edge in common, one as large as the other */
	ck_assert(load("v 0 0 0\nv 0 1 0\nv 1 0 0\nv 1 1 0\nv 0 0 -1\nv 0 1 -1\n"
		       "f 1 3 4 2\nf 5 1 2 6\n",
		       &mesh));
	ck_assert_uint_eq(mesh.index_count, 12);
	check_vector(mesh.vertices[2].normal, 0, 0, 1);
	check_vector(mesh.vertices[4].normal, -1, 0, 0);
	ck_assert_float_eq_tol(hypotf(mesh.vertices[0].normal[0], mesh.vertices[0].normal[2]), 1,
			       1e-5F);
	ck_assert_float_lt(mesh.vertices[0].normal[0], -0.3F);
	ck_assert_float_gt(mesh.vertices[0].normal[2], 0.3F);
	mesh_free(&mesh);
}
END_TEST

static bool is_pole(const struct mesh *mesh, uint32_t vertex)
{
	return fabsf(mesh->vertices[vertex].position[1]) > 0.99F;
}

START_TEST(the_texture_goes_once_around)
{
	struct mesh mesh;

	ck_assert(load(octahedron, &mesh));
	/* towards x, and up: in the middle of the picture, and at its top */
	ck_assert_float_eq_tol(mesh.vertices[0].texture[0], 0.5F, 1e-5F);
	ck_assert_float_eq_tol(mesh.vertices[0].texture[1], 0.5F, 1e-5F);
	ck_assert_float_eq_tol(mesh.vertices[2].texture[1], 0, 1e-5F);
	for (uint32_t i = 0; i < mesh.index_count; i++) {
		const uint32_t *triangle = &mesh.indices[i - i % 3];

		ck_assert_uint_lt(mesh.indices[i], mesh.vertex_count);
		/* no triangle has more than half of the picture; a pole has no longitude */
		for (int corner = 0; corner < 3; corner++) {
			if (is_pole(&mesh, mesh.indices[i]) || is_pole(&mesh, triangle[corner])) {
				continue;
			}
			ck_assert_float_lt(fabsf(mesh.vertices[mesh.indices[i]].texture[0] -
						 mesh.vertices[triangle[corner]].texture[0]),
					   0.51F);
		}
	}
	mesh_free(&mesh);
}
END_TEST

START_TEST(what_is_no_model_is_refused)
{
	static const char *const texts[] = {
		"",
		"v 0 0 0\n",
		"f 1 2 3\n",
		"v 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
		"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2\n",
		"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n",
		"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 0\n",
		"v 0 0 0\nv 1 0 0\nv 0 1 0\nf -1 -2 -4\n",
		"v 0 0 0\nv 1 0 0\nf 1 2 3\nv 0 1 0\n",
	};
	struct mesh mesh;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_msg(!load(texts[i], &mesh), "text %u is a model", i);
		ck_assert_ptr_null(mesh.vertices);
		ck_assert_ptr_null(mesh.indices);
	}
	ck_assert(!mesh_load("/nowhere.obj", &mesh));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesh");
	TCase *tcase = tcase_create("mesh");

	tcase_add_test(tcase, a_model_is_moved_to_the_middle);
	tcase_add_test(tcase, a_normal_is_the_average_of_the_faces_around);
	tcase_add_test(tcase, the_texture_goes_once_around);
	tcase_add_test(tcase, what_is_no_model_is_refused);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
