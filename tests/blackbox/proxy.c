/* SPDX-License-Identifier: MIT */
#include "tests/blackbox/proxy.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	return address;
}

static int connect_to(const char *path)
{
	const struct sockaddr_un address = address_of(path);
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (descriptor >= 0 &&
	    connect(descriptor, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		close(descriptor);
		return -1;
	}
	return descriptor;
}

/* Passes on what is there, `left` bytes at most. False: an end is gone, or nothing is left. */
static bool pass(int from, int to, uint64_t *left)
{
	char bytes[4096];
	size_t most = *left < sizeof(bytes) ? (size_t)*left : sizeof(bytes);
	ssize_t received = recv(from, bytes, most, 0);
	ssize_t sent = 0;

	if (received <= 0) {
		return false;
	}
	*left -= (uint64_t)received;
	while (sent < received) {
		ssize_t size = send(to, bytes + sent, (size_t)(received - sent), MSG_NOSIGNAL);

		if (size < 0) {
			return false;
		}
		sent += size;
	}
	return *left > 0;
}

static void serve(struct proxy *proxy, int client, int daemon, struct proxy_cut left)
{
	bool open = true;

	while (open) {
		struct pollfd entries[] = { { .fd = client, .events = POLLIN },
					    { .fd = daemon, .events = POLLIN },
					    { .fd = proxy->wake[0], .events = POLLIN } };

		if (poll(entries, 3, -1) < 0 && errno != EINTR) {
			return;
		}
		open = entries[2].revents == 0;
		if (open && entries[0].revents != 0) {
			open = pass(client, daemon, &left.to_daemon);
		}
		if (open && entries[1].revents != 0) {
			open = pass(daemon, client, &left.to_client);
		}
	}
	proxy->made += left.to_daemon == 0 || left.to_client == 0;
}

static void *run(void *argument)
{
	const struct proxy_cut never = { UINT64_MAX, UINT64_MAX };
	struct proxy *proxy = argument;

	for (unsigned i = 0;; i++) {
		struct pollfd entries[] = { { .fd = proxy->listener, .events = POLLIN },
					    { .fd = proxy->wake[0], .events = POLLIN } };
		int client, daemon;

		if (poll(entries, 2, -1) < 0 || entries[1].revents != 0) {
			return NULL;
		}
		client = accept(proxy->listener, NULL, NULL);
		daemon = connect_to(proxy->daemon);
		if (client >= 0 && daemon >= 0) {
			serve(proxy, client, daemon, i < proxy->count ? proxy->cuts[i] : never);
		}
		close(client);
		close(daemon);
	}
}

int proxy_start(struct proxy *proxy, const char *directory, const char *server,
		const struct proxy_cut *cuts, unsigned count)
{
	struct sockaddr_un address;

	*proxy = (struct proxy){ .cuts = cuts, .count = count };
	snprintf(proxy->path, sizeof(proxy->path), "%s/proxy", directory);
	snprintf(proxy->address, sizeof(proxy->address), "unix:%.180s", proxy->path);
	snprintf(proxy->daemon, sizeof(proxy->daemon), "%s", server + strlen("unix:"));
	address = address_of(proxy->path);
	proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (proxy->listener < 0 || pipe(proxy->wake) != 0 ||
	    bind(proxy->listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(proxy->listener, 8) != 0) {
		return -1;
	}
	return pthread_create(&proxy->thread, NULL, run, proxy) == 0 ? 0 : -1;
}

unsigned proxy_stop(struct proxy *proxy)
{
	(void)!write(proxy->wake[1], "", 1);
	pthread_join(proxy->thread, NULL);
	close(proxy->listener);
	close(proxy->wake[0]);
	close(proxy->wake[1]);
	unlink(proxy->path);
	return proxy->made;
}
