/* SPDX-License-Identifier: MIT */
/*
 * A canvas as a client has it executed: its data and each of its images are allocations, its
 * pipelines are made of their shaders and states alone, and its rows become command buffers.
 * Every fault but that of the submission fails the test.
 */
#ifndef PENSTOCK_REMOTE_CANVAS_H
#define PENSTOCK_REMOTE_CANVAS_H

#include "tests/golden/canvas.h"
#include "tests/golden/compute_machine.h"

#define REMOTE_OBJECTS  64u
#define REMOTE_COMMANDS 64u

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
	struct penstock_command_buffer *commands[REMOTE_COMMANDS];
	uint32_t command_count;
	uint32_t submitted; /* of them */
	uint64_t fence;     /* of the last one */
};

/*
 * Everything that it needs, the canvas no more. `segment_set`: which may hold its allocations,
 * 0: any; `parted`: each group is a command buffer of its own.
 */
void remote_canvas_new(struct compute_client *client, const struct canvas *canvas,
		       uint32_t segment_set, bool parted, struct remote_canvas *ret_remote);

/* The next of its command buffers, which is not waited for; false: there is none. */
bool remote_canvas_submit(struct compute_client *client, struct remote_canvas *remote);

/* SUCCESS and the data of it; otherwise *ret_failure says what is wrong. */
enum penstock_status remote_canvas_wait(struct compute_client *client,
					const struct remote_canvas *remote, uint8_t *data,
					struct penstock_failure *ret_failure);

void remote_canvas_destroy(struct compute_client *client, const struct remote_canvas *remote);

#endif
