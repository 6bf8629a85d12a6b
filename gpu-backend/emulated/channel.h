/* SPDX-License-Identifier: MIT */
/*
 * What goes through the socket pair from the daemon to a GPU process: memory files come and go. One
 * message a record (SOCK_SEQPACKET); ATTACH carries the descriptor by SCM_RIGHTS. Nothing comes
 * back. The n-th message has number n; a packet says in its `messages` how many must have arrived
 * before it is executed.
 */
#ifndef PENSTOCK_CHANNEL_H
#define PENSTOCK_CHANNEL_H

#include "proto/base/base.h"

enum penstock_channel_kind {
	PENSTOCK_CHANNEL_ATTACH = 1,
	PENSTOCK_CHANNEL_DETACH = 2,
};

struct penstock_channel_message {
	uint32_t kind; /* enum penstock_channel_kind */
	uint32_t file_id;
	uint64_t size_bytes;
	uint32_t role; /* enum penstock_file_role */
	uint32_t reserved;
};

/* Descriptors that penstock-gpu is started with. */
enum penstock_gpu_descriptor {
	PENSTOCK_GPU_FD_RING = 3,
	PENSTOCK_GPU_FD_CHANNEL = 4,
	PENSTOCK_GPU_FD_LOCK = 5,      /* /dev/null where there is none */
	PENSTOCK_GPU_FD_INTERRUPT = 6, /* and 7: of each node */
	PENSTOCK_GPU_FD_END = 8,
	/* Of one that only describes its driver, the end of a pipe; the others are /dev/null. */
	PENSTOCK_GPU_FD_DESCRIPTION = PENSTOCK_GPU_FD_INTERRUPT,
};

/* The argument of one that writes a struct penstock_description (proto/adapter/facts.h) and ends.
 */
#define PENSTOCK_GPU_DESCRIBE "--describe"

#endif
