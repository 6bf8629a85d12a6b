/* SPDX-License-Identifier: MIT */
/*
 * One penstock-gpu process: its ring memory, its descriptors, its end.
 *
 *   started (standby, or with an owner) --> ending (killed, or it ended) --> closed (freed)
 *
 * The callbacks come from the loop, never from inside a call of this module. Loop thread only.
 */
#ifndef PENSTOCK_CHILD_H
#define PENSTOCK_CHILD_H

#include "gpu-backend/emulated/channel.h"
#include "gpu-backend/emulated/ring.h"
#include "proto/base/list.h"

#include <sys/types.h>
#include <uv.h>

struct penstock_child;

struct penstock_child_config {
	uv_loop_t *loop;
	const char *program;
	int memory_lock; /* -1: none */
	uint64_t local_bytes;
	uint64_t aperture_bytes;
	bool pipelines; /* it opens Vulkan first */
	void *owner;
	/* A node rang. */
	void (*interrupt)(struct penstock_child *child, uint32_t node_ordinal);
	/* It ended and was waited for; not called after penstock_child_end. */
	void (*ended)(struct penstock_child *child, int wait_status);
	/* Nothing is left of it; freed after this. Called once, always. */
	void (*closed)(struct penstock_child *child);
};

/* A message that the channel had no room for. */
struct penstock_child_unsent {
	struct penstock_list link;
	struct penstock_channel_message message;
	int descriptor; /* owned, -1: none */
};

struct penstock_child {
	struct penstock_list link; /* the backend's list of children */
	struct penstock_child_config config;
	void *process; /* the backend's: whose it is; NULL: standby, or ending */
	pid_t pid;
	int pidfd;
	bool started;
	bool waited;
	bool ending;
	bool deaf; /* killed because it left too many messages unread; its end is still to come */
	struct penstock_ring *ring;
	int interrupts[PENSTOCK_NODE_COUNT];
	int channel;
	uint64_t messages;           /* sent and unsent */
	struct penstock_list unsent; /* penstock_child_unsent.link */
	size_t unsent_count;
	uv_poll_t interrupt_polls[PENSTOCK_NODE_COUNT];
	uv_poll_t exit_poll;
	uv_poll_t channel_poll;
	unsigned open_handles;
};

/* SUCCESS, NO_MEMORY, IO_DEVICE_ERROR (the program cannot be started). */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_child_start(const struct penstock_child_config *config,
					  struct penstock_child **ret_child);

/*
 * Queues a message; the descriptor is borrowed. A process that would leave more than
 * `most_unsent` of them waiting does not read its channel: it is killed, `ended` follows as if it
 * had ended by itself, and nothing is kept for it any more. SUCCESS (then too), NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_child_send(struct penstock_child *child,
					 const struct penstock_channel_message *message,
					 int descriptor, size_t most_unsent);

/* New packets on a node: wakes it if it sleeps. */
void penstock_child_ring_doorbell(struct penstock_child *child, uint32_t node_ordinal);

/*
 * Kills it; `closed` follows. Idempotent. With wait_ms it has ended before this returns, or false.
 */
bool penstock_child_end(struct penstock_child *child, int wait_ms);

#endif
