/* SPDX-License-Identifier: MIT */
/*
 * penstock-shader: examines one module of SPIR-V for the daemon, and ends. Started by the daemon
 * only, with one end of a socket and nothing else.
 *
 *   limits --> confined --> request read --> examined --> answer written
 *
 * It is often started ahead and waits for its request. It ends with the daemon (parent-death
 * signal; the socket's end), when it has answered, or is killed.
 */
#include "config.h"

#include "gpu-backend/shader/program/confine.h"
#include "gpu-backend/shader/program/examine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

/* What is over by one is told with a signal before it is killed. */
static int limit(int resource, rlim_t most, rlim_t hard)
{
	struct rlimit both = { most, hard };

	return setrlimit((__rlimit_resource_t)resource, &both) == 0 ? 0 : errno;
}

static int set_limits(void)
{
	int error = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? 0 : errno;

	if (error == 0) {
		error = limit(RLIMIT_CORE, 0, 0);
	}
	if (error == 0) {
		error = limit(RLIMIT_CPU, PENSTOCK_LIMIT_SHADER_CPU_S,
			      PENSTOCK_LIMIT_SHADER_CPU_S + 1);
	}
#ifndef PENSTOCK_SANITIZERS /* which take terabytes of address space */
	if (error == 0) {
		error = limit(RLIMIT_AS, PENSTOCK_LIMIT_SHADER_MEMORY_BYTES,
			      PENSTOCK_LIMIT_SHADER_MEMORY_BYTES);
	}
#endif
	if (error == 0 && close_range(PENSTOCK_SHADER_FD + 1, ~0u, 0) != 0) {
		error = errno;
	}
	return error;
}

static bool read_whole(void *memory, size_t bytes)
{
	char *at = memory;

	while (bytes > 0) {
		ssize_t got = read(PENSTOCK_SHADER_FD, at, bytes);

		if (got <= 0) {
			return false;
		}
		at += got;
		bytes -= (size_t)got;
	}
	return true;
}

static bool write_whole(const void *memory, size_t bytes)
{
	const char *at = memory;

	while (bytes > 0) {
		ssize_t put = write(PENSTOCK_SHADER_FD, at, bytes);

		if (put <= 0) {
			return false;
		}
		at += put;
		bytes -= (size_t)put;
	}
	return true;
}

static bool request_fits(const struct penstock_shader_request_header *request)
{
	return request->magic == PENSTOCK_SHADER_MAGIC &&
	       request->constant_count <= PENSTOCK_LIMIT_SHADER_CONSTANTS &&
	       request->word_count <= PENSTOCK_LIMIT_SHADER_BYTES / sizeof(uint32_t) &&
	       memchr(request->entry_point, '\0', sizeof(request->entry_point)) != NULL;
}

static int serve(void)
{
	static struct penstock_shader_constant constants[PENSTOCK_LIMIT_SHADER_CONSTANTS];
	static struct penstock_shader_request_header request;
	static struct penstock_shader_answer_header answer;
	uint32_t *words, *hardened;

	if (!read_whole(&request, sizeof(request))) {
		return EXIT_SUCCESS; /* nothing is wanted any more of one that stood by */
	}
	if (!request_fits(&request) ||
	    !read_whole(constants, request.constant_count * sizeof(*constants))) {
		return EX_PROTOCOL;
	}
	words = malloc(request.word_count * sizeof(*words) + 1);
	if (words == NULL) {
		return EX_OSERR;
	}
	if (!read_whole(words, request.word_count * sizeof(*words))) {
		return EX_PROTOCOL;
	}
	penstock_shader_examine(&(struct penstock_shader_examination){ .request = &request,
								       .constants = constants,
								       .words = words },
				&answer, &hardened);
	return write_whole(&answer, sizeof(answer)) &&
			       write_whole(hardened, answer.word_count * sizeof(*hardened))
		       ? EXIT_SUCCESS
		       : EX_IOERR;
}

static int die(const char *what, int error)
{
	fprintf(stderr, "penstock-shader: %s: %s\n", what, strerror(error));
	return EX_OSERR;
}

int main(void)
{
	int error = set_limits();

	if (error != 0) {
		return die("limits", error);
	}
	error = -penstock_shader_confine();
	if (error != 0) {
		return die("confinement", error);
	}
	_exit(serve());
}
