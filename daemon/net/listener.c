/* SPDX-License-Identifier: MIT */
#include "daemon/net/listener.h"

#include "daemon/net/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 511
/* How long a client waits for memory or descriptors before it is tried again. */
#define ACCEPT_AGAIN_MS 20
/* Then the others have their turn. */
#define ACCEPTED_A_TURN 64

static void closed_cb(uv_handle_t *handle)
{
	struct penstock_listener *listener = handle->data;
	struct penstock_net *net = listener->net;

	listener->open_handles--;
	if (listener->open_handles > 0) {
		return;
	}
	penstock_list_remove(&listener->link);
	free(listener->path);
	free(listener);
	penstock_net_maybe_stopped(net);
}

void penstock_listener_close(struct penstock_listener *listener)
{
	if (uv_is_closing((uv_handle_t *)&listener->poll)) {
		return;
	}
	if (listener->path != NULL) {
		(void)unlink(listener->path);
	}
	uv_close((uv_handle_t *)&listener->poll, closed_cb);
	uv_close((uv_handle_t *)&listener->again, closed_cb);
	(void)close(listener->descriptor);
	if (listener->waiting >= 0) {
		(void)close(listener->waiting);
	}
}

/* ---------------------------------------------------------------- accepting */

static void again_cb(uv_timer_t *timer);
static void readable_cb(uv_poll_t *poll, int error, int events);

/*
 * Without memory or descriptors nobody is accepted for a moment: who comes waits in the backlog,
 * and those who are connected have the loop. (libuv's own listening turns them away by a descriptor
 * that it keeps for that, and never comes back from its callback where that one is lost.)
 */
static void pause_listening(struct penstock_listener *listener)
{
	(void)uv_poll_stop(&listener->poll);
	(void)uv_timer_start(&listener->again, again_cb, ACCEPT_AGAIN_MS, 0);
}

/* Whether the next one may be accepted. */
static bool welcome(struct penstock_listener *listener, int descriptor)
{
	enum penstock_status status =
		penstock_connection_new(listener->net, descriptor, listener->unix_socket);

	if (status == PENSTOCK_STATUS_NO_MEMORY) {
		listener->waiting = descriptor;
		pause_listening(listener);
		return false;
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		(void)close(descriptor); /* its loss, and nobody else's */
	}
	return true;
}

static bool accept_one(struct penstock_listener *listener)
{
	int descriptor = accept4(listener->descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (descriptor >= 0) {
		return welcome(listener, descriptor);
	}
	if (errno == ECONNABORTED || errno == EINTR) {
		return true;
	}
	if (errno != EAGAIN) {
		pause_listening(listener);
	}
	return false;
}

static void readable_cb(uv_poll_t *poll, int error, int events)
{
	struct penstock_listener *listener = poll->data;
	unsigned accepted = 0;

	(void)error; /* accept says it again */
	(void)events;
	while (accepted < ACCEPTED_A_TURN && accept_one(listener)) {
		accepted++;
	}
}

static void again_cb(uv_timer_t *timer)
{
	struct penstock_listener *listener = timer->data;
	const int waiting = listener->waiting;

	listener->waiting = -1;
	if (waiting < 0 || welcome(listener, waiting)) {
		(void)uv_poll_start(&listener->poll, UV_READABLE, readable_cb);
	}
}

/* Listens on a bound socket, which is owned from here on whatever is returned. */
static enum penstock_status start(struct penstock_net *net, int descriptor, bool unix_socket,
				  const char *path, struct penstock_listener **ret_listener)
{
	struct penstock_listener *listener = calloc(1, sizeof(*listener));
	uv_loop_t *loop = net->config.loop;
	int error = listener == NULL ? UV_ENOMEM : 0;

	if (error == 0 && listen(descriptor, BACKLOG) != 0) {
		error = -errno;
	}
	if (error == 0) {
		error = uv_poll_init(loop, &listener->poll, descriptor);
	}
	if (error != 0) {
		(void)close(descriptor);
		free(listener);
		return penstock_status_from_errno(error);
	}
	listener->net = net;
	listener->descriptor = descriptor;
	listener->waiting = -1;
	listener->unix_socket = unix_socket;
	(void)uv_timer_init(loop, &listener->again);
	listener->poll.data = listener;
	listener->again.data = listener;
	listener->open_handles = 2;
	penstock_list_append(&net->listeners, &listener->link);
	(void)uv_poll_start(&listener->poll, UV_READABLE, readable_cb);
	listener->path = path == NULL ? NULL : strdup(path);
	if (path != NULL && listener->path == NULL) {
		penstock_listener_close(listener);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*ret_listener = listener;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- Unix */

/*
 * A socket file that refuses connections was left behind by a daemon that is dead. Connecting to
 * any other kind of file is refused too: that one is somebody's, and stays.
 */
static bool left_behind(const struct sockaddr_un *address)
{
	struct stat there;
	bool refused;
	int descriptor;

	if (lstat(address->sun_path, &there) != 0 || !S_ISSOCK(there.st_mode)) {
		return false;
	}
	descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (descriptor < 0) {
		return false;
	}
	refused = connect(descriptor, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
		  errno == ECONNREFUSED;
	(void)close(descriptor);
	return refused;
}

static int bind_unix(int descriptor, const struct sockaddr_un *address)
{
	int result = bind(descriptor, (const struct sockaddr *)address, sizeof(*address));

	if (result != 0 && errno == EADDRINUSE && left_behind(address)) {
		(void)unlink(address->sun_path);
		result = bind(descriptor, (const struct sockaddr *)address, sizeof(*address));
	}
	return result;
}

enum penstock_status penstock_listen_unix(struct penstock_net *net, const char *path, unsigned mode,
					  struct penstock_errbuf *reterr_text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct penstock_listener *listener;
	enum penstock_status status;
	int descriptor;

	if (strlen(path) >= sizeof(address.sun_path)) {
		penstock_errbuf_set(reterr_text, "socket path '%s' is longer than %zu bytes", path,
				    sizeof(address.sun_path) - 1);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (descriptor < 0) {
		penstock_errbuf_set(reterr_text, "socket: %s", strerror(errno));
		return penstock_status_from_errno(errno);
	}
	if (bind_unix(descriptor, &address) != 0 || chmod(path, (mode_t)mode) != 0) {
		status = penstock_status_from_errno(errno);
		penstock_errbuf_set(reterr_text, "socket '%s': %s", path, strerror(errno));
		(void)close(descriptor);
		return status;
	}
	status = start(net, descriptor, true, path, &listener);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "socket '%s': %s", path,
				    penstock_status_text(status));
	}
	return status;
}

/* ---------------------------------------------------------------- TCP */

static bool is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET) {
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	}
	return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* "HOST:PORT" or "[HOST]:PORT" into its parts. */
static bool split_address(const char *address, char *ret_host, size_t host_bytes,
			  uint16_t *ret_port)
{
	const char *colon = strrchr(address, ':');
	const char *end = colon;
	char *rest;
	unsigned long port;

	if (colon == NULL || colon == address || colon[1] < '0' || colon[1] > '9') {
		return false;
	}
	port = strtoul(colon + 1, &rest, 10);
	if (*rest != '\0' || port > UINT16_MAX) {
		return false;
	}
	if (address[0] == '[') {
		address++;
		end--;
		if (*end != ']') {
			return false;
		}
	} else if (memchr(address, ':', (size_t)(end - address)) != NULL) {
		return false;
	}
	if ((size_t)(end - address) >= host_bytes) {
		return false;
	}
	memcpy(ret_host, address, (size_t)(end - address));
	ret_host[end - address] = '\0';
	*ret_port = (uint16_t)port;
	return true;
}

static enum penstock_status parse_address(const char *text, struct sockaddr_storage *ret_address,
					  socklen_t *ret_size, struct penstock_errbuf *reterr_text)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
	const char *numeric;
	char host[64];
	uint16_t port;

	memset(ret_address, 0, sizeof(*ret_address));
	if (!split_address(text, host, sizeof(host), &port)) {
		penstock_errbuf_set(reterr_text, "'%s' is not HOST:PORT", text);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
	if (inet_pton(AF_INET, numeric, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*ret_size = sizeof(*v4);
	} else if (inet_pton(AF_INET6, numeric, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*ret_size = sizeof(*v6);
	} else {
		penstock_errbuf_set(reterr_text, "'%s' is no numeric address", host);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (!is_loopback(ret_address)) {
		penstock_errbuf_set(
			reterr_text,
			"'%s' is not a loopback address: plain TCP is for loopback only", text);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_listen_check(const char *address, struct penstock_errbuf *reterr_text)
{
	struct sockaddr_storage storage;
	socklen_t size;

	return parse_address(address, &storage, &size, reterr_text);
}

static uint16_t bound_port(int descriptor)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) {
		return 0;
	}
	return ntohs(address.ss_family == AF_INET6
			     ? ((const struct sockaddr_in6 *)&address)->sin6_port
			     : ((const struct sockaddr_in *)&address)->sin_port);
}

enum penstock_status penstock_listen_tcp(struct penstock_net *net, const char *address,
					 uint16_t *ret_port, struct penstock_errbuf *reterr_text)
{
	struct sockaddr_storage storage;
	struct penstock_listener *listener;
	enum penstock_status status;
	socklen_t size;
	int descriptor, one = 1;
	uint16_t port;

	status = parse_address(address, &storage, &size, reterr_text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	descriptor = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (descriptor < 0 ||
	    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(descriptor, (struct sockaddr *)&storage, size) != 0) {
		status = penstock_status_from_errno(errno);
		penstock_errbuf_set(reterr_text, "listen at '%s': %s", address, strerror(errno));
		if (descriptor >= 0) {
			(void)close(descriptor);
		}
		return status;
	}
	port = bound_port(descriptor);
	status = start(net, descriptor, false, NULL, &listener);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "listen at '%s': %s", address,
				    penstock_status_text(status));
		return status;
	}
	listener->port = port;
	*ret_port = port;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- socket activation */

enum penstock_status penstock_listen_descriptor(struct penstock_net *net, int descriptor,
						struct penstock_errbuf *reterr_text)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	struct penstock_listener *listener;
	enum penstock_status status;
	socklen_t size = sizeof(address), option_size = sizeof(int);
	int listening = 0, type = 0;

	if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &option_size) != 0 ||
	    getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &option_size) != 0 ||
	    getsockname(descriptor, (struct sockaddr *)&address, &size) != 0 || listening == 0 ||
	    type != SOCK_STREAM) {
		penstock_errbuf_set(reterr_text, "descriptor %d is no listening stream socket",
				    descriptor);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (address.ss_family != AF_UNIX && !is_loopback(&address)) {
		penstock_errbuf_set(reterr_text, "descriptor %d listens on no loopback address",
				    descriptor);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	status = start(net, descriptor, address.ss_family == AF_UNIX, NULL, &listener);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_errbuf_set(reterr_text, "descriptor %d: %s", descriptor,
				    penstock_status_text(status));
	}
	return status;
}
