/* SPDX-License-Identifier: MIT */
/*
 * All of the daemon behind its sockets in one process and one thread, without a store: net,
 * objects, render, schedule and memory are the real ones, `paranoid`, so that what render accepts
 * and the checker refutes stops the adapter. Workers work when they are asked to, and are done on
 * a later turn. Nothing happens but in _turn. What goes wrong aborts.
 */
#ifndef PENSTOCK_TEST_LOCAL_DAEMON_H
#define PENSTOCK_TEST_LOCAL_DAEMON_H

#include "daemon/render/render.h"
#include "gpu-backend/faulty/faulty.h"

#define PENSTOCK_LOCAL_DAEMON_MEMORY_BYTES (16ull << 20) /* of each segment */

enum penstock_local_backend {
	PENSTOCK_LOCAL_BACKEND_GPU,      /* tests/support/local_gpu.h */
	PENSTOCK_LOCAL_BACKEND_EMULATED, /* in processes of its own; $PENSTOCK_BUILDDIR has it */
	PENSTOCK_LOCAL_BACKEND_NULL,
	PENSTOCK_LOCAL_BACKEND_FAULTY,
};

struct penstock_local_daemon_config {
	enum penstock_local_backend backend;
	const struct penstock_fault *faults; /* FAULTY; borrowed */
	size_t fault_count;
	uint32_t split_points; /* penstock_scheduler_config */
	/* NULL: penstock_render. */
	enum penstock_status (*translate)(struct penstock_render_args *args,
					  struct penstock_refusal *ret_refusal);
};

struct penstock_local_daemon;

struct penstock_local_daemon *
penstock_local_daemon_start(const struct penstock_local_daemon_config *config);

/* How a client comes in. */
enum penstock_local_way {
	PENSTOCK_LOCAL_WAY_PAIR, /* a socket pair: no listener */
	PENSTOCK_LOCAL_WAY_UNIX,
	PENSTOCK_LOCAL_WAY_TCP, /* loopback, a port that the kernel chose */
};

/* The client's end of a new connection, not blocking; the caller closes it. */
int penstock_local_daemon_connect(struct penstock_local_daemon *daemon,
				  enum penstock_local_way way);

/* One turn of the loop; does not wait. */
void penstock_local_daemon_turn(struct penstock_local_daemon *daemon);

/* Nothing that a connection asked for is under way. */
bool penstock_local_daemon_idle(const struct penstock_local_daemon *daemon);

/*
 * The first line of the log since the start that is a warning or worse, "" where there is none:
 * a DMA buffer that was refuted or faulted. No client can cause one; the faulty backend does.
 */
const char *penstock_local_daemon_complaint(const struct penstock_local_daemon *daemon);

/* Closes every connection; nothing may be left. */
void penstock_local_daemon_stop(struct penstock_local_daemon *daemon);

#endif
