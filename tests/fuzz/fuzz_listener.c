/* SPDX-License-Identifier: MIT */
/*
 * Where a daemon listens: any text as an address, anything at the path of a socket, any descriptor
 * from a service manager. Clients come then, and say anything. The input:
 *
 *	byte 0   how: 0 an address, 1 a path, 2 a descriptor
 *	byte 1   what is at the path (enum place), or what the descriptor is (enum kind)
 *	byte 2   how many clients come; memory fails at the N-th allocation behind that, N in byte 3
 *	then     the text, or what the clients say
 *
 * Plain TCP is for loopback only, whatever the text; somebody else's file stays; what listened
 * and connected is closed at the end, and its path gone.
 */
#include "daemon/net/connection.h"
#include "daemon/net/listener.h"
#include "tests/faults/fault.h"
#include "tests/fuzz/net.h"
#include "tests/harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS    (2 * PENSTOCK_FUZZ_CONNECTIONS)
#define TEXT_BYTES 256u

enum place { NOTHING, LEFT_BEHIND, LIVING, A_FILE, NO_FOLDER, TOO_LONG, PLACES };
enum kind { UNIX_LISTENS, TCP_LISTENS, TCP6_LISTENS, CONNECTED, DATAGRAMS, A_PIPE, CLOSED, KINDS };

static uv_loop_t loop;
static struct penstock_net *net;

/* ---------------------------------------------------------------- what is there */

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	return address;
}

/* A socket that listens at the path, or is only bound there. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = unix_address(path);
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	PENSTOCK_REQUIRE(bind(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0 &&
			 listen(descriptor, 4) == 0);
	return descriptor;
}

/* On loopback, at a port that the kernel chooses; -1: not on this machine. */
static int listen_tcp(int family)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result = family == AF_INET ? bind(descriptor, (struct sockaddr *)&v4, sizeof(v4))
				       : bind(descriptor, (struct sockaddr *)&v6, sizeof(v6));

	if (descriptor >= 0 && (result != 0 || listen(descriptor, 4) != 0)) {
		close(descriptor);
		return -1;
	}
	return descriptor;
}

static int make_descriptor(enum kind kind, const char *path)
{
	int ends[2] = { -1, -1 };

	switch (kind) {
	case UNIX_LISTENS:
		return listen_at(path);
	case TCP_LISTENS:
		return listen_tcp(AF_INET);
	case TCP6_LISTENS:
		return listen_tcp(AF_INET6);
	case CONNECTED:
		PENSTOCK_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
		close(ends[1]);
		return ends[0];
	case DATAGRAMS:
		return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	case A_PIPE:
		PENSTOCK_REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
		close(ends[1]);
		return ends[0];
	case CLOSED:
	case KINDS:
		break;
	}
	return -1;
}

/* ---------------------------------------------------------------- listening */

/* What listens is in loopback, or has a path. */
static void check_address(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	PENSTOCK_REQUIRE(
		address->ss_family == AF_UNIX ||
		(address->ss_family == AF_INET && ntohl(v4->sin_addr.s_addr) >> 24 == 127) ||
		(address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)));
}

static bool failed(enum penstock_status status, const struct penstock_errbuf *text)
{
	PENSTOCK_REQUIRE(status == PENSTOCK_STATUS_SUCCESS || text->text[0] != '\0');
	return status != PENSTOCK_STATUS_SUCCESS;
}

/* Only at a port that the kernel chooses. */
static void listen_text(const uint8_t *bytes, size_t size)
{
	struct penstock_errbuf text = { { 0 } };
	char address[TEXT_BYTES];
	uint16_t port;

	size = size < sizeof(address) - 1 ? size : sizeof(address) - 1;
	memcpy(address, bytes, size);
	address[size] = '\0';
	size = strlen(address);
	if (!failed(penstock_listen_check(address, &text), &text) && size > 2 &&
	    strcmp(address + size - 2, ":0") == 0 &&
	    !failed(penstock_listen_tcp(net, address, &port, &text), &text)) {
		PENSTOCK_REQUIRE(port != 0);
	}
}

static void listen_path(enum place place, const char *path)
{
	static const char *const behind[PLACES] = { [NO_FOLDER] = "/none", [TOO_LONG] = "x" };
	struct penstock_errbuf text = { { 0 } };
	char where[TEXT_BYTES];
	struct stat before, after;
	int there = -1;

	if (place == LEFT_BEHIND || place == LIVING) {
		there = listen_at(path);
	} else if (place == A_FILE) {
		there = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	}
	if (place == LEFT_BEHIND) {
		close(there);
	}
	/* one byte more than a socket's path may have */
	snprintf(where, sizeof(where), "%-*s%s",
		 place == TOO_LONG ? (int)sizeof(((struct sockaddr_un *)0)->sun_path) - 1 : 0, path,
		 behind[place] == NULL ? "" : behind[place]);
	if (place == LIVING || place == A_FILE) {
		PENSTOCK_REQUIRE(lstat(path, &before) == 0);
		PENSTOCK_REQUIRE(failed(penstock_listen_unix(net, where, 0600, &text), &text));
		PENSTOCK_REQUIRE(lstat(path, &after) == 0 && before.st_ino == after.st_ino);
		close(there);
		(void)unlink(path);
		return;
	}
	(void)failed(penstock_listen_unix(net, where, 0600, &text), &text);
}

static void listen_descriptor(enum kind kind, const char *path)
{
	struct penstock_errbuf text = { { 0 } };
	int descriptor = make_descriptor(kind, path);

	/* It stays ours where it is refused, but for want of memory. */
	if (penstock_listen_descriptor(net, descriptor, &text) ==
	    PENSTOCK_STATUS_INVALID_PARAMETER) {
		PENSTOCK_REQUIRE(text.text[0] != '\0');
		PENSTOCK_REQUIRE(kind > TCP6_LISTENS || descriptor < 0);
		if (descriptor >= 0) {
			close(descriptor);
		}
	}
}

/* ---------------------------------------------------------------- clients */

static int connect_client(void)
{
	const struct penstock_listener *listener;
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);
	int descriptor;

	if (penstock_list_empty(&net->listeners)) {
		return -1;
	}
	listener = penstock_list_entry(penstock_list_first(&net->listeners),
				       struct penstock_listener, link);
	PENSTOCK_REQUIRE(getsockname(listener->descriptor, (struct sockaddr *)&address, &size) ==
			 0);
	check_address(&address);
	descriptor = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	PENSTOCK_REQUIRE(descriptor >= 0);
	(void)connect(descriptor, (struct sockaddr *)&address, size);
	return descriptor;
}

static void come(unsigned count, unsigned fails, const uint8_t *bytes, size_t size)
{
	int clients[CLIENTS];

	penstock_fault_arm(fails, PENSTOCK_FAULT_MEMORY);
	for (unsigned i = 0; i < count; i++) {
		clients[i] = connect_client();
		if (clients[i] >= 0) {
			(void)send(clients[i], bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		}
		(void)uv_run(&loop, UV_RUN_NOWAIT);
	}
	(void)penstock_fault_disarm();
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	for (unsigned i = 0; i < count; i++) {
		if (clients[i] >= 0) {
			close(clients[i]);
		}
	}
	(void)uv_run(&loop, UV_RUN_NOWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[TEXT_BYTES];
	char *directory;

	if (size < 4) {
		return 0;
	}
	fake_objects_reset();
	directory = penstock_test_directory();
	net = penstock_fuzz_net_start(&loop);
	snprintf(path, sizeof(path), "%.90s/socket", directory);
	switch (data[0] % 3) {
	case 0:
		listen_text(data + 4, size - 4);
		break;
	case 1:
		listen_path((enum place)(data[1] % PLACES), path);
		break;
	case 2:
		listen_descriptor((enum kind)(data[1] % KINDS), path);
		break;
	}
	come(data[2] % (CLIENTS + 1), data[3], data + 4, size - 4);
	penstock_fuzz_net_stop(net, &loop);
	if (data[0] % 3 == 1) {
		PENSTOCK_REQUIRE(access(path, F_OK) != 0);
	}
	penstock_test_directory_remove(directory);
	return 0;
}
