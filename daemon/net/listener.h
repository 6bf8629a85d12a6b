/* SPDX-License-Identifier: MIT */
/*
 * Where clients come in: the Unix socket, TCP on loopback addresses, and sockets that the service
 * manager has opened for us. Loop thread only.
 */
#ifndef PENSTOCK_LISTENER_H
#define PENSTOCK_LISTENER_H

#include "daemon/net/net.h"

struct penstock_listener {
	struct penstock_list link; /* penstock_net.listeners */
	struct penstock_net *net;  /* borrowed */
	int descriptor;            /* owned */
	int waiting;               /* owned: accepted, waits for memory; -1: nobody does */
	uv_poll_t poll;
	uv_timer_t again; /* runs while nobody is accepted, for want of memory or descriptors */
	unsigned open_handles;
	bool unix_socket;
	char *path;    /* owned; removed when the listener closes; NULL: nothing to remove */
	uint16_t port; /* TCP: the one that was bound */
};

/*
 * Listens at `path` with the file mode `mode`. A socket that nobody listens at any more is
 * replaced; one that somebody does is not. SUCCESS, INVALID_PARAMETER (path too long),
 * ACCESS_DENIED, IO_DEVICE_ERROR, NO_MEMORY, with a sentence.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_listen_unix(struct penstock_net *net, const char *path, unsigned mode,
					  struct penstock_errbuf *reterr_text);

/*
 * Listens at "127.0.0.1:7070", "[::1]:7070" or "localhost:7070"; port 0: any. An address that is
 * not a loopback address is INVALID_PARAMETER: plain TCP would let everybody in as one principal.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_listen_tcp(struct penstock_net *net, const char *address,
					 uint16_t *ret_port, struct penstock_errbuf *reterr_text);

/* Whether `address` is one that penstock_listen_tcp takes. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_listen_check(const char *address,
					   struct penstock_errbuf *reterr_text);

/*
 * Takes over a listening stream socket (socket activation), Unix or TCP on a loopback address;
 * INVALID_PARAMETER for any other descriptor. It is owned on SUCCESS.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_listen_descriptor(struct penstock_net *net, int descriptor,
						struct penstock_errbuf *reterr_text);

/* Closes and frees. */
void penstock_listener_close(struct penstock_listener *listener);

#endif
