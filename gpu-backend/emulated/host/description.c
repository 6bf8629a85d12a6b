/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/host/description.h"

#include "gpu-backend/emulated/channel.h"
#include "gpu-backend/spawn/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum penstock_status penstock_description_start(const char *program,
						struct penstock_description_process *ret_process,
						struct penstock_errbuf *reterr_text)
{
	int descriptors[PENSTOCK_GPU_FD_END - PENSTOCK_GPU_FD_RING];
	struct penstock_description_process process = { .pid = 0 };
	int ends[2];
	enum penstock_status status;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		penstock_errbuf_set(reterr_text, "no pipe: %s", strerror(errno));
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(descriptors); i++) {
		descriptors[i] = -1;
	}
	descriptors[PENSTOCK_GPU_FD_DESCRIPTION - PENSTOCK_GPU_FD_RING] = ends[1];
	status = penstock_spawn(program, PENSTOCK_GPU_DESCRIBE, descriptors,
				PENSTOCK_ARRAY_SIZE(descriptors), &process.pid, &process.pidfd);
	close(ends[1]);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		close(ends[0]);
		penstock_errbuf_set(reterr_text, "GPU program '%s' cannot be started", program);
		return status;
	}
	process.pipe = ends[0];
	*ret_process = process;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- what it writes */

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Waits until there is something to read, or the end. False: there was nothing until then. */
static bool await_bytes(int pipe, uint64_t end_ms)
{
	struct pollfd readable = { .fd = pipe, .events = POLLIN };
	uint64_t now = now_ms();
	int ready;

	do {
		ready = now < end_ms ? poll(&readable, 1, (int)(end_ms - now)) : 0;
		now = now_ms();
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/*
 * Reads all of it, and one byte more where there is one: what is too long is known by that. NULL,
 * or why it is not all.
 */
static const char *read_all(int pipe, uint64_t end_ms, uint8_t *ret_bytes, size_t capacity,
			    size_t *ret_length)
{
	size_t length = 0;

	while (length < capacity) {
		ssize_t count;

		if (!await_bytes(pipe, end_ms)) {
			return "it did not answer in time";
		}
		count = read(pipe, ret_bytes + length, capacity - length);
		if (count < 0 && errno != EINTR) {
			return "its answer cannot be read";
		}
		if (count == 0) {
			break;
		}
		length += count > 0 ? (size_t)count : 0;
	}
	*ret_length = length;
	return NULL;
}

/* ---------------------------------------------------------------- its end */

/* It has no more to say: whatever it still does, it ends. */
static void end(struct penstock_description_process *process, siginfo_t *ret_info)
{
	pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)process->pidfd, ret_info, WEXITED) != 0 && errno == EINTR) {
	}
	close(process->pidfd);
	close(process->pipe);
	*process = (struct penstock_description_process){ .pid = 0 };
}

void penstock_description_cancel(struct penstock_description_process *process)
{
	siginfo_t ignored;

	if (process->pid != 0) {
		end(process, &ignored);
	}
}

/* A process that wrote nothing has died before: how, says more than that. */
static const char *name_death(const siginfo_t *info, struct penstock_errbuf *ret_text)
{
	if (info->si_code == CLD_EXITED) {
		penstock_errbuf_set(ret_text, "it ended with status %d and said nothing",
				    info->si_status);
	} else {
		penstock_errbuf_set(ret_text, "signal %d ended it before it said anything",
				    info->si_status);
	}
	return ret_text->text;
}

enum penstock_status penstock_description_finish(struct penstock_description_process *process,
						 uint32_t wait_ms,
						 struct penstock_adapter_facts *ret_facts,
						 struct penstock_errbuf *reterr_text)
{
	const size_t capacity = sizeof(struct penstock_description) + 1;
	struct penstock_description *description = malloc(capacity);
	struct penstock_errbuf death;
	siginfo_t info;
	size_t length = 0;
	const char *fault = "out of memory";

	if (description != NULL) {
		fault = read_all(process->pipe, now_ms() + wait_ms, (uint8_t *)description,
				 capacity, &length);
	}
	end(process, &info);
	if (fault == NULL) {
		fault = length == 0 ? name_death(&info, &death)
				    : penstock_description_fault(description, length);
	}
	if (fault != NULL) {
		penstock_errbuf_set(reterr_text, "%s", fault);
		free(description);
		return PENSTOCK_STATUS_NOT_SUPPORTED;
	}
	*ret_facts = description->facts;
	penstock_adapter_facts_carry(ret_facts);
	free(description);
	return PENSTOCK_STATUS_SUCCESS;
}
