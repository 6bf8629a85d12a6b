/* SPDX-License-Identifier: MIT */
/* What the same bytes cost without Penstock: blocking sockets between two processes. */
#include "tests/bench/bench.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PING_BYTES  64u
#define MAX_SAMPLES 200000u

/* A connected pair of TCP sockets on loopback. */
static int tcp_pair(int pair[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) != 0 ||
	    connect(pair[0], (const struct sockaddr *)&address, length) != 0) {
		return -1;
	}
	pair[1] = accept(listener, NULL, NULL);
	close(listener);
	setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return pair[1] < 0 ? -1 : 0;
}

static int socket_pair(enum raw_socket kind, int pair[2])
{
	return kind == RAW_TCP ? tcp_pair(pair) : socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static bool read_all(int descriptor, void *bytes, size_t size)
{
	while (size > 0) {
		ssize_t got = recv(descriptor, bytes, size, MSG_WAITALL);

		if (got <= 0) {
			return false;
		}
		bytes = (char *)bytes + got;
		size -= (size_t)got;
	}
	return true;
}

static bool write_all(int descriptor, const void *bytes, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(descriptor, bytes, size, MSG_NOSIGNAL);

		if (sent <= 0) {
			return false;
		}
		bytes = (const char *)bytes + sent;
		size -= (size_t)sent;
	}
	return true;
}

/* Memory with pages of its own: untouched memory is one page of zeros, which is no fair source. */
static char *real_memory(size_t size)
{
	char *bytes = malloc(size);

	if (bytes != NULL) {
		memset(bytes, 0x5a, size);
	}
	return bytes;
}

/* The other process: takes `in` bytes, answers with `out`, until the end. */
static pid_t start_server(enum raw_socket kind, size_t in, size_t out, int *ret_descriptor)
{
	int pair[2];
	pid_t child;

	if (socket_pair(kind, pair) != 0) {
		return -1;
	}
	child = fork();
	if (child == 0) {
		size_t size = in > out ? in : out;
		char *bytes = real_memory(size);

		close(pair[0]);
		while (bytes != NULL && read_all(pair[1], bytes, in) &&
		       write_all(pair[1], bytes, out)) {
		}
		_exit(0);
	}
	close(pair[1]);
	*ret_descriptor = pair[0];
	return child;
}

static void end_server(pid_t child, int descriptor)
{
	close(descriptor);
	waitpid(child, NULL, 0);
}

double raw_ping_pong_ns(enum raw_socket kind, uint32_t ms)
{
	double *samples = malloc(MAX_SAMPLES * sizeof(*samples));
	char bytes[PING_BYTES] = { 0 };
	uint64_t before, end;
	size_t count = 0;
	double median = 0;
	int descriptor;
	pid_t child = start_server(kind, PING_BYTES, PING_BYTES, &descriptor);

	if (child <= 0 || samples == NULL) {
		free(samples);
		return 0;
	}
	before = penstock_measure_now_ns();
	end = before + (uint64_t)ms * 1000000u;
	while (before < end && count < MAX_SAMPLES) {
		uint64_t after;

		if (!write_all(descriptor, bytes, sizeof(bytes)) ||
		    !read_all(descriptor, bytes, sizeof(bytes))) {
			break;
		}
		after = penstock_measure_now_ns();
		samples[count++] = (double)(after - before);
		before = after;
	}
	median = penstock_measure_median(samples, count);
	end_server(child, descriptor);
	free(samples);
	return median;
}

double raw_stream_per_second(enum raw_socket kind, bool upload, uint32_t ms)
{
	const size_t out = upload ? PENSTOCK_MEASURE_TRANSFER_BYTES : PING_BYTES;
	const size_t in = upload ? PING_BYTES : PENSTOCK_MEASURE_TRANSFER_BYTES;
	char *bytes = real_memory(PENSTOCK_MEASURE_TRANSFER_BYTES);
	uint64_t start, end, now;
	uint64_t count = 0;
	int descriptor;
	pid_t child = start_server(kind, out, in, &descriptor);

	if (child <= 0 || bytes == NULL) {
		free(bytes);
		return 0;
	}
	start = now = penstock_measure_now_ns();
	end = start + (uint64_t)ms * 1000000u;
	while (now < end && write_all(descriptor, bytes, out) && read_all(descriptor, bytes, in)) {
		count++;
		now = penstock_measure_now_ns();
	}
	end_server(child, descriptor);
	free(bytes);
	return now == start ? 0
			    : (double)count * PENSTOCK_MEASURE_TRANSFER_BYTES * 1e9 /
				      (double)(now - start);
}
