/* SPDX-License-Identifier: MIT */
#include "daemon/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void penstock_notify(const char *message)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = path != NULL ? strlen(path) : 0;
	int descriptor;

	if (length < 2 || length >= sizeof(address.sun_path) ||
	    (path[0] != '/' && path[0] != '@')) {
		return;
	}
	memcpy(address.sun_path, path, length);
	if (path[0] == '@') {
		address.sun_path[0] = '\0'; /* abstract */
	}
	descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0) {
		return;
	}
	(void)sendto(descriptor, message, strlen(message), MSG_NOSIGNAL | MSG_DONTWAIT,
		     (const struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	(void)close(descriptor);
}

/* A decimal number; 0 where it is none. */
static uint64_t number_of(const char *variable)
{
	const char *value = getenv(variable);
	unsigned long long number;
	char *rest;

	if (value == NULL || value[0] < '0' || value[0] > '9') {
		return 0;
	}
	errno = 0;
	number = strtoull(value, &rest, 10);
	return errno == 0 && *rest == '\0' ? number : 0;
}

uint64_t penstock_notify_watchdog_ms(void)
{
	if (getenv("WATCHDOG_PID") != NULL && number_of("WATCHDOG_PID") != (uint64_t)getpid()) {
		return 0;
	}
	return number_of("WATCHDOG_USEC") / 2000;
}

unsigned penstock_notify_descriptors(void)
{
	uint64_t count = number_of("LISTEN_FDS");

	if (number_of("LISTEN_PID") != (uint64_t)getpid() || count > PENSTOCK_LISTEN_FDS_MAX) {
		count = 0;
	}
	for (unsigned i = 0; i < count; i++) {
		(void)fcntl(PENSTOCK_LISTEN_FDS_START + (int)i, F_SETFD, FD_CLOEXEC);
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return (unsigned)count;
}
