/* SPDX-License-Identifier: MIT */
/*
 * The Mandelbrot set, computed by a Penstock daemon: this program makes a pipeline of a shader
 * (mandelbrot.comp, which the build compiled to SPIR-V), runs it once over all pixels, reads back
 * what it wrote, and saves a PNG.
 *
 * usage: mandelbrot OUTPUT.png [WIDTH HEIGHT [ITERATIONS]]
 */
#include <penstock/penstock.h>

#include <png.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/examples/mandelbrot/mandelbrot.spv.h" /* mandelbrot_spirv */

#define WORKGROUP  8u /* pixels each way, as the shader says */
#define POINT_BITS 25 /* numbers of the shader have so many behind the point */
#define MOST       8192u

/* The shader's push constants. */
struct view {
	int32_t left;
	int32_t top;
	int32_t pixel;
	uint32_t width;
	uint32_t height;
	uint32_t iterations;
};

/* Whatever goes wrong ends the program with the library's own words. */
static void must(struct penstock_connection *connection, enum penstock_status status,
		 const char *what)
{
	struct penstock_failure failure;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	fprintf(stderr, "mandelbrot: %s: %s\n", what, penstock_status_text(status));
	while (connection != NULL &&
	       penstock_failure_next(connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "mandelbrot: request %" PRIu64 ": %s: %s\n", failure.serial,
			penstock_status_name(failure.status), failure.sentence);
	}
	exit(EXIT_FAILURE);
}

/* The whole set, in the middle. */
static struct view view_of(uint32_t width, uint32_t height, uint32_t iterations)
{
	const double pixel = 3.6 / (width < height ? height : width);
	const double one = 1 << POINT_BITS;

	return (struct view){
		.left = (int32_t)((-0.75 - pixel * width / 2) * one),
		.top = (int32_t)(-pixel * height / 2 * one),
		.pixel = (int32_t)(pixel * one),
		.width = width,
		.height = height,
		.iterations = iterations,
	};
}

static uint64_t make_pipeline(struct penstock_connection *connection, uint64_t device)
{
	const struct penstock_shader_stage_info stage = {
		.stage = PENSTOCK_EXECUTION_MODEL_COMPUTE,
		.spirv = mandelbrot_spirv,
		.spirv_bytes = sizeof(mandelbrot_spirv),
	};
	const struct penstock_pipeline_create_info info = {
		.device = device,
		.stages = &stage,
		.stage_count = 1,
	};
	uint64_t pipeline;

	must(connection, penstock_pipeline_create(connection, &info, &pipeline), "pipeline");
	return pipeline;
}

static uint64_t make_memory(struct penstock_connection *connection, uint64_t device,
			    uint64_t size_bytes)
{
	const struct penstock_allocation_create_info info = {
		.device = device,
		.size_bytes = size_bytes,
	};
	uint64_t allocation;

	must(connection, penstock_allocation_create(connection, &info, &allocation), "memory");
	return allocation;
}

/* What a dispatch uses stands before it: pipeline, buffers, push constants. */
static void fill_buffer(struct penstock_command_buffer *buffer, uint64_t pipeline, uint64_t picture,
			const struct view *view)
{
	uint16_t pipeline_index = 0, picture_index = 0;

	/* a buffer remembers what went wrong: submit tells */
	(void)penstock_command_buffer_list(buffer, pipeline, 0, &pipeline_index);
	(void)penstock_command_buffer_list(buffer, picture, PENSTOCK_ALLOCATION_WRITE_OPERATION,
					   &picture_index);
	(void)penstock_emit_bind_pipeline(buffer, pipeline_index);
	(void)penstock_emit_bind_buffer_write(buffer, picture_index, 0,
					      (uint64_t)view->width * view->height * 4, 0, 0, 0);
	(void)penstock_emit_push_constants(buffer, 0, view, sizeof(*view));
	(void)penstock_emit_dispatch(buffer, (view->width + WORKGROUP - 1) / WORKGROUP,
				     (view->height + WORKGROUP - 1) / WORKGROUP, 1, 0, 0, 0);
}

static void compute(struct penstock_connection *connection, const struct view *view,
		    uint32_t *pixels)
{
	struct penstock_context_create_info context_info = { .device = 0 };
	const uint64_t size_bytes = (uint64_t)view->width * view->height * sizeof(*pixels);
	struct penstock_command_buffer *buffer;
	uint64_t pipeline, picture, context, fence;

	must(connection, penstock_device_create(connection, NULL, &context_info.device), "device");
	must(connection, penstock_context_create(connection, &context_info, &context), "context");
	pipeline = make_pipeline(connection, context_info.device);
	picture = make_memory(connection, context_info.device, size_bytes);
	must(connection, penstock_command_buffer_new(&buffer), "command buffer");
	fill_buffer(buffer, pipeline, picture, view);
	must(connection, penstock_command_buffer_submit(buffer, connection, context, 0, &fence),
	     "submit");
	must(connection, penstock_context_wait(connection, context, fence, PENSTOCK_FOREVER, NULL),
	     "dispatch");
	must(connection, penstock_allocation_read_back(connection, picture, 0, pixels, size_bytes),
	     "read back");
	penstock_command_buffer_free(buffer);
}

static uint32_t number(const char *text)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (value == 0 || value > MOST) {
		fprintf(stderr, "mandelbrot: '%s' is no number from 1 to %u\n", text, MOST);
		exit(2);
	}
	return (uint32_t)value;
}

static bool save(const char *path, const struct view *view, const uint32_t *pixels)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = view->width,
		.height = view->height,
		.format = PNG_FORMAT_BGRA,
	};

	if (!png_image_write_to_file(&image, path, 0, pixels, 0, NULL)) {
		fprintf(stderr, "mandelbrot: %s: %s\n", path, image.message);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct penstock_connection *connection = NULL;
	char why[PENSTOCK_SENTENCE_BYTES] = "";
	struct view view;
	uint32_t *pixels;
	bool saved;

	if (argc < 2 || argc == 3 || argc > 5) {
		fputs("usage: mandelbrot OUTPUT.png [WIDTH HEIGHT [ITERATIONS]]\n", stderr);
		return 2;
	}
	view = view_of(argc > 2 ? number(argv[2]) : 1024, argc > 2 ? number(argv[3]) : 768,
		       argc > 4 ? number(argv[4]) : 256);
	pixels = calloc((size_t)view.width * view.height, sizeof(*pixels));
	if (pixels == NULL) {
		must(NULL, PENSTOCK_STATUS_NO_MEMORY, "picture");
	}
	if (penstock_connect(NULL, &connection, why, sizeof(why)) != PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "mandelbrot: %s\n", why);
		return 1;
	}
	compute(connection, &view, pixels);
	printf("%ux%u pixels, at most %u iterations each\n", view.width, view.height,
	       view.iterations);
	(void)penstock_connection_goodbye(connection, PENSTOCK_FOREVER);
	penstock_connection_close(connection);
	saved = save(argv[1], &view, pixels);
	free(pixels);
	return saved ? EXIT_SUCCESS : EXIT_FAILURE;
}
