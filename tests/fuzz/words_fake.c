/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/words_fake.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- penstock-gpu */

#define CHILDREN 64u

static struct penstock_child *children[CHILDREN];
static uint32_t retired[CHILDREN][PENSTOCK_NODE_COUNT];
static struct penstock_ring *rings[CHILDREN]; /* kept: to get half a megabyte each time is slow */

/* Zeros, but for the paging buffers, which nobody reads. */
static struct penstock_ring *take_ring(unsigned index)
{
	if (rings[index] == NULL) {
		rings[index] = aligned_alloc(4096, sizeof(struct penstock_ring));
		PENSTOCK_REQUIRE(rings[index] != NULL);
	}
	for (unsigned i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		memset(&rings[index]->nodes[i], 0, offsetof(struct penstock_ring_node, paging));
	}
	return rings[index];
}

enum penstock_status penstock_child_start(const struct penstock_child_config *config,
					  struct penstock_child **ret_child)
{
	for (unsigned i = 0; i < CHILDREN; i++) {
		struct penstock_child *child;

		if (children[i] != NULL) {
			continue;
		}
		child = calloc(1, sizeof(*child));
		PENSTOCK_REQUIRE(child != NULL);
		child->config = *config;
		child->pid = 1;
		child->ring = take_ring(i);
		penstock_list_init(&child->link);
		memset(retired[i], 0, sizeof(retired[i]));
		children[i] = *ret_child = child;
		return PENSTOCK_STATUS_SUCCESS;
	}
	return PENSTOCK_STATUS_NO_MEMORY;
}

enum penstock_status penstock_child_send(struct penstock_child *child,
					 const struct penstock_channel_message *message,
					 int descriptor, size_t most_unsent)
{
	(void)message;
	(void)descriptor;
	(void)most_unsent;
	child->messages++;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_child_ring_doorbell(struct penstock_child *child, uint32_t node_ordinal)
{
	(void)penstock_ring_must_wake(&child->ring->nodes[node_ordinal].gpu_sleeps);
}

bool penstock_child_end(struct penstock_child *child, int wait_ms)
{
	(void)wait_ms;
	child->ending = true;
	child->process = NULL;
	return true;
}

struct penstock_child *fake_child_of(const void *emulated_process)
{
	for (unsigned i = 0; i < CHILDREN; i++) {
		if (children[i] != NULL && !children[i]->ending &&
		    children[i]->process == emulated_process) {
			return children[i];
		}
	}
	return NULL;
}

uint32_t *fake_retired(const struct penstock_child *child, uint32_t node_ordinal)
{
	unsigned i = 0;

	while (children[i] != child) {
		i++;
	}
	return &retired[i][node_ordinal];
}

void fake_child_die(struct penstock_child *child, int wait_status)
{
	child->ending = true;
	child->config.ended(child, wait_status);
}

void fake_children_close(void)
{
	for (unsigned i = 0; i < CHILDREN; i++) {
		struct penstock_child *child = children[i];

		if (child != NULL && child->ending) {
			children[i] = NULL;
			child->config.closed(child);
			free(child);
		}
	}
}

/* ---------------------------------------------------------------- the memory manager */

struct penstock_paging_port fake_paging_port;
struct penstock_vidmm_process fake_processes[FAKE_PROCESSES];

void penstock_vidmm_set_paging_port(struct penstock_vidmm *vidmm,
				    const struct penstock_paging_port *port)
{
	(void)vidmm;
	fake_paging_port = *port;
}

uint64_t penstock_vidmm_process_id(const struct penstock_vidmm_process *process)
{
	(void)process;
	return 1;
}

struct penstock_backend_process *
penstock_vidmm_process_backend(const struct penstock_vidmm_process *process)
{
	return process->backend;
}

bool penstock_vidmm_process_is_system(const struct penstock_vidmm_process *process)
{
	return process->system;
}

void penstock_vidmm_process_was_reset(struct penstock_vidmm_process *process)
{
	(void)process;
}

void penstock_vidmm_process_hold(struct penstock_vidmm_process *process)
{
	process->holds++;
}

void penstock_vidmm_process_release(struct penstock_vidmm_process *process)
{
	PENSTOCK_REQUIRE(process->holds > 0);
	process->holds--;
}

void penstock_vidmm_process_lost(struct penstock_vidmm_process *process)
{
	PENSTOCK_REQUIRE(!process->system);
	process->lost = true;
	if (process->paging) {
		penstock_list_remove(&process->packet.link);
		process->paging = false;
	}
}

void penstock_vidmm_allocation_location(const struct penstock_vidmm_allocation *allocation,
					struct penstock_vidmm_location *ret_location)
{
	(void)allocation;
	*ret_location = (struct penstock_vidmm_location){ .segment_id = 0 };
}

bool penstock_vidmm_each_process(struct penstock_vidmm *vidmm,
				 bool (*visit)(void *owner, struct penstock_vidmm_process *process),
				 void *owner)
{
	bool all = true;

	(void)vidmm;
	for (unsigned i = 0; i < FAKE_PROCESSES; i++) {
		all &= visit(owner, &fake_processes[i]);
	}
	return all;
}

uint64_t penstock_vidmm_adapter_reset(struct penstock_vidmm *vidmm)
{
	(void)vidmm;
	for (unsigned i = 0; i < FAKE_PROCESSES; i++) {
		PENSTOCK_REQUIRE(fake_processes[i].prepared == 0);
		PENSTOCK_REQUIRE(penstock_list_empty(&fake_processes[i].packet.link));
		fake_processes[i].paging = false;
		fake_processes[i].lost = false;
	}
	return 0;
}

enum penstock_status penstock_vidmm_ready(struct penstock_submission *submission)
{
	const struct penstock_vidmm_process *process = submission->process;

	if (process->lost) {
		return PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE;
	}
	if (process->splits && !submission->split) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	return process->preparing;
}

enum penstock_status penstock_vidmm_prepare(struct penstock_submission *submission)
{
	enum penstock_status status = penstock_vidmm_ready(submission);

	submission->process->prepared += status == PENSTOCK_STATUS_SUCCESS;
	return status;
}

void penstock_vidmm_withdraw(struct penstock_submission *submission)
{
	(void)submission;
}

/* A point is an instruction of 8 bytes; half of what is left fits. What is done is not needed. */
enum penstock_status penstock_vidmm_split(struct penstock_submission *submission, uint32_t most)
{
	struct penstock_part *part = &submission->part;
	uint32_t left;

	if (submission->split && part->end > part->start) {
		most = submission->part_points / 2;
	} else if (!submission->split) {
		part->end = part->start;
	}
	if (most == 0) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	if (part->start < submission->resume_offset) {
		part->start = submission->resume_offset;
	}
	left = submission->args.dma_length - part->start;
	most = most < left / 16 ? most : left / 16;
	submission->split = true;
	submission->part_points = most == 0 && left > 0 ? 1 : most;
	part->end = part->start + submission->part_points * 8;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_vidmm_part_done(struct penstock_submission *submission)
{
	submission->part.start = submission->part.end;
	submission->resume_offset = submission->part.end;
	submission->resume_position = 0;
}

/* What is split does. */
bool penstock_vidmm_can_fit(const struct penstock_submission *submission, uint32_t *ret_dma_offset,
			    struct penstock_errbuf *ret_text)
{
	*ret_dma_offset = 0;
	penstock_errbuf_set(ret_text, "out of video memory");
	return submission->process->splits;
}

void penstock_vidmm_finish(struct penstock_submission *submission)
{
	PENSTOCK_REQUIRE(submission->process->prepared > 0);
	submission->process->prepared--;
}

bool penstock_vidmm_patch(struct penstock_submission *submission)
{
	submission->patched = 0;
	return true;
}

void penstock_vidmm_paging_completed(struct penstock_paging_packet *packet)
{
	PENSTOCK_REQUIRE(packet->process->paging);
	packet->process->paging = false;
}
