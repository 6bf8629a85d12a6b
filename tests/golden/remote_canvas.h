/* SPDX-License-Identifier: MIT */
/*
 * A canvas as a client has it executed: its data and each of its images are allocations, its
 * pipelines are made of their shaders and states alone, and its rows become one command buffer.
 * Every fault but that of the submission fails the test.
 */
#ifndef PENSTOCK_REMOTE_CANVAS_H
#define PENSTOCK_REMOTE_CANVAS_H

#include "tests/golden/canvas.h"
#include "tests/golden/compute_machine.h"

#define REMOTE_OBJECTS 64u

/* An image or a pipeline, by where the canvas has it. */
struct remote_object {
	uint64_t address;
	uint64_t opening;
};

struct remote_canvas {
	uint64_t data;
	uint32_t data_bytes;
	struct remote_object objects[REMOTE_OBJECTS];
	uint32_t object_count;
	uint64_t fence;
};

/* `segment_set`: which may hold its allocations, 0: any. It is not waited for. */
void remote_canvas_submit(struct compute_client *client, const struct canvas *canvas,
			  uint32_t segment_set, struct remote_canvas *ret_remote);

/* SUCCESS and the data of it; otherwise *ret_failure says what is wrong. */
enum penstock_status remote_canvas_wait(struct compute_client *client,
					const struct remote_canvas *remote, uint8_t *data,
					struct penstock_failure *ret_failure);

void remote_canvas_destroy(struct compute_client *client, const struct remote_canvas *remote);

#endif
