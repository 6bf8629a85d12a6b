/* SPDX-License-Identifier: MIT */
/*
 * The receiving end of the channel: takes memory files as they come and gives them to the MMU. One
 * thread receives; node threads wait for a number of messages.
 */
#ifndef PENSTOCK_INBOX_H
#define PENSTOCK_INBOX_H

#include "gpu-backend/emulated/channel.h"
#include "gpu-backend/emulated/gpu/mmu.h"

#include <pthread.h>

struct penstock_inbox {
	int descriptor;           /* borrowed */
	struct penstock_mmu *mmu; /* borrowed */
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	uint64_t received; /* messages */
};

void penstock_inbox_init(struct penstock_inbox *inbox, int descriptor, struct penstock_mmu *mmu);
void penstock_inbox_fini(struct penstock_inbox *inbox);

/*
 * Waits for one message and acts on it. SUCCESS; CONNECTION_DISCONNECTED: the daemon is gone;
 * INVALID_PARAMETER, NO_MEMORY: a message that cannot be acted on.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_inbox_receive(struct penstock_inbox *inbox);

/* Waits until so many messages have been acted on. Any thread; `inbox` is a penstock_inbox. */
void penstock_inbox_await(void *inbox, uint64_t messages);

#endif
