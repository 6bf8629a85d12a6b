/* SPDX-License-Identifier: MIT */
/*
 * From an address to a connected socket. unix:PATH; penstock://HOST:PORT, where HOST may be a name,
 * an IPv4 address or an IPv6 address in brackets.
 */
#include "client/address.h"

#include "client/include/penstock/penstock.h"
#include "proto/wire/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"
#define TCP_PREFIX  "penstock://"

static int left_ms(int64_t deadline_ms)
{
	struct timespec now;
	int64_t left;

	if (deadline_ms == PENSTOCK_FOREVER) {
		return -1;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	left = deadline_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Waits for a connect that is under way. 0, or an errno. */
static int finish_connect(int descriptor, int64_t deadline_ms)
{
	struct pollfd entry = { .fd = descriptor, .events = POLLOUT };
	socklen_t length = sizeof(int);
	int error = 0;
	int ready;

	do {
		ready = poll(&entry, 1, left_ms(deadline_ms));
	} while (ready < 0 && errno == EINTR);
	if (ready == 0) {
		return ETIMEDOUT;
	}
	if (ready < 0 || getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
		return errno;
	}
	return error;
}

/* How to connect: until a deadline, or without waiting. */
struct manner {
	int64_t deadline_ms;
	bool begin;
	uint32_t attempt;
};

/* A connected socket in blocking mode; on failure a negative errno. */
static int connect_one(int family, const struct sockaddr *address, socklen_t length,
		       const struct manner *manner)
{
	int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;

	if (descriptor < 0) {
		return -errno;
	}
	if (connect(descriptor, address, length) != 0) {
		error = errno;
	}
	if (error == EINPROGRESS || error == EINTR) {
		error = manner->begin ? 0 : finish_connect(descriptor, manner->deadline_ms);
	} else if (error == EAGAIN) {
		error = ECONNREFUSED; /* a Unix socket whose backlog is full */
	}
	if (error == 0 && fcntl(descriptor, F_SETFL, 0) != 0) {
		error = errno;
	}
	if (error != 0) {
		close(descriptor);
		return -error;
	}
	return descriptor;
}

static enum penstock_status connect_unix(const char *path, const struct manner *manner,
					 int *ret_descriptor, struct penstock_errbuf *reterr_text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int send_buffer_bytes = PENSTOCK_LIMIT_SEND_BUFFER_BYTES;
	int descriptor;

	if (path[0] == 0 || strlen(path) >= sizeof(address.sun_path)) {
		penstock_errbuf_set(reterr_text, "'%s' is no path of a socket: 1 to %zu bytes",
				    path, sizeof(address.sun_path) - 1);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	memcpy(address.sun_path, path, strlen(path));
	descriptor =
		connect_one(AF_UNIX, (const struct sockaddr *)&address, sizeof(address), manner);
	if (descriptor < 0) {
		penstock_errbuf_set(reterr_text, "'%s': %s", path, strerror(-descriptor));
		return penstock_status_from_errno(descriptor);
	}
	/* So that an upload needs few writes; the kernel may grant less. */
	(void)setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes,
			 sizeof(send_buffer_bytes));
	*ret_descriptor = descriptor;
	return PENSTOCK_STATUS_SUCCESS;
}

/* Splits HOST:PORT; -1: it is none. */
static int split_host(const char *text, char host[256], char port[16])
{
	const char *colon = strrchr(text, ':');
	size_t length;

	if (colon == NULL) {
		return -1;
	}
	length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length) != NULL) {
		return -1;
	}
	if (length == 0 || length >= 256 || colon[1] == 0 || strlen(colon + 1) >= 16 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1)) {
		return -1;
	}
	memcpy(host, text, length);
	host[length] = 0;
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	return 0;
}

/* One that is begun is tried alone: whether it answers is seen later. */
static const struct addrinfo *first_address(const struct addrinfo *addresses,
					    const struct manner *manner)
{
	const struct addrinfo *address = addresses;

	for (uint32_t i = 0; manner->begin && i < manner->attempt; i++) {
		address = address->ai_next == NULL ? addresses : address->ai_next;
	}
	return address;
}

static enum penstock_status connect_tcp(const char *text, const struct manner *manner,
					int *ret_descriptor, struct penstock_errbuf *reterr_text)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *addresses;
	char host[256], port[16];
	int descriptor = -EINVAL;
	int one = 1;
	int error;

	if (split_host(text, host, port) != 0) {
		penstock_errbuf_set(reterr_text, "'%s' is not HOST:PORT", text);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	error = getaddrinfo(host, port, &hints, &addresses);
	if (error != 0) {
		penstock_errbuf_set(reterr_text, "'%s': %s", host, gai_strerror(error));
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	for (const struct addrinfo *a = first_address(addresses, manner);
	     a != NULL && descriptor < 0; a = a->ai_next) {
		descriptor = connect_one(a->ai_family, a->ai_addr, a->ai_addrlen, manner);
	}
	freeaddrinfo(addresses);
	if (descriptor < 0) {
		penstock_errbuf_set(reterr_text, "'%s' port %s: %s", host, port,
				    strerror(-descriptor));
		return penstock_status_from_errno(descriptor);
	}
	/* Both are for the better only. */
	(void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	*ret_descriptor = descriptor;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status connect_to(const char *server, const struct manner *manner,
				       int *ret_descriptor, struct penstock_errbuf *reterr_text)
{
	if (strncmp(server, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
		return connect_unix(server + strlen(UNIX_PREFIX), manner, ret_descriptor,
				    reterr_text);
	}
	if (strncmp(server, TCP_PREFIX, strlen(TCP_PREFIX)) == 0) {
		return connect_tcp(server + strlen(TCP_PREFIX), manner, ret_descriptor,
				   reterr_text);
	}
	penstock_errbuf_set(reterr_text,
			    "'%s' is no server: unix:PATH or penstock://HOST:PORT is one", server);
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}

enum penstock_status penstock_address_connect(const char *server, int64_t deadline_ms,
					      int *ret_descriptor,
					      struct penstock_errbuf *reterr_text)
{
	const struct manner manner = { .deadline_ms = deadline_ms };

	return connect_to(server, &manner, ret_descriptor, reterr_text);
}

enum penstock_status penstock_address_begin(const char *server, uint32_t attempt,
					    int *ret_descriptor,
					    struct penstock_errbuf *reterr_text)
{
	const struct manner manner = { .begin = true, .attempt = attempt };

	return connect_to(server, &manner, ret_descriptor, reterr_text);
}
