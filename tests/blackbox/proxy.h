/* SPDX-License-Identifier: MIT */
/*
 * Between a client and a daemon, on a Unix socket of its own: lets bytes through until as many have
 * passed as the test says, then closes both ends. One connection at a time, on a thread.
 */
#ifndef PENSTOCK_TESTS_PROXY_H
#define PENSTOCK_TESTS_PROXY_H

#include <pthread.h>
#include <stdint.h>

/* Of one connection: cut when so many bytes have gone this way; UINT64_MAX: never. */
struct proxy_cut {
	uint64_t to_daemon;
	uint64_t to_client;
};

struct proxy {
	char address[192]; /* "unix:..." for the client */
	char path[192];
	char daemon[192]; /* path of the daemon's socket */
	int listener;
	int wake[2];
	const struct proxy_cut
		*cuts; /* borrowed; of the first connections, later ones are not cut */
	unsigned count;
	unsigned made; /* cuts */
	pthread_t thread;
};

/* `server` is the daemon's address, "unix:...". 0, or -1. */
int proxy_start(struct proxy *proxy, const char *directory, const char *server,
		const struct proxy_cut *cuts, unsigned count);

/* When the client is gone. Returns how many connections were cut. */
unsigned proxy_stop(struct proxy *proxy);

#endif
