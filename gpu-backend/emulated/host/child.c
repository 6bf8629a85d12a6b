/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/host/child.h"

#include "gpu-backend/emulated/doorbell.h"
#include "gpu-backend/spawn/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Interrupts, the channel, the end. */
#define CHILD_HANDLES (PENSTOCK_NODE_COUNT + 2u)

_Static_assert(PENSTOCK_NODE_COUNT == 2, "handle_at names them");

/* ---------------------------------------------------------------- closing */

static void close_descriptor(int *descriptor)
{
	if (*descriptor >= 0) {
		close(*descriptor);
		*descriptor = -1;
	}
}

static void drop_unsent(struct penstock_child *child)
{
	struct penstock_list *link;

	while ((link = penstock_list_pop(&child->unsent)) != NULL) {
		struct penstock_child_unsent *unsent =
			penstock_list_entry(link, struct penstock_child_unsent, link);

		close_descriptor(&unsent->descriptor);
		free(unsent);
	}
	child->unsent_count = 0;
}

static void release(struct penstock_child *child)
{
	drop_unsent(child);
	for (size_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		close_descriptor(&child->interrupts[i]);
	}
	close_descriptor(&child->channel);
	close_descriptor(&child->pidfd);
	if (child->ring != NULL) {
		munmap(child->ring, PENSTOCK_RING_BYTES);
	}
	free(child);
}

static void on_closed(uv_handle_t *handle)
{
	struct penstock_child *child = handle->data;

	if (--child->open_handles == 0) {
		if (child->started) {
			child->config.closed(child);
		}
		release(child);
	}
}

/* The handles in the order in which they are opened; closing begins with any number of them. */
static uv_poll_t *handle_at(struct penstock_child *child, size_t index)
{
	uv_poll_t *handles[CHILD_HANDLES] = { &child->interrupt_polls[0],
					      &child->interrupt_polls[1], &child->channel_poll,
					      &child->exit_poll };

	return handles[index];
}

static void close_all(struct penstock_child *child)
{
	for (size_t i = child->open_handles; i-- > 0;) {
		uv_close((uv_handle_t *)handle_at(child, i), on_closed);
	}
}

/* Takes the exit status of a process that has ended; false: it has not. */
static bool reap(struct penstock_child *child, int *ret_wait_status)
{
	siginfo_t info = { .si_pid = 0 };

	if (child->waited) {
		return true;
	}
	if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) != 0 ||
	    info.si_pid == 0) {
		return false;
	}
	child->waited = true;
	*ret_wait_status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0)
						      : W_EXITCODE(0, info.si_status);
	return true;
}

static void on_exit_readable(uv_poll_t *handle, int status, int events)
{
	struct penstock_child *child = handle->data;
	bool told = child->ending;
	int wait_status = 0;

	(void)status;
	(void)events;
	if (!reap(child, &wait_status)) {
		return;
	}
	child->ending = true;
	close_all(child);
	if (!told) {
		child->config.ended(child, wait_status);
	}
}

bool penstock_child_end(struct penstock_child *child, int wait_ms)
{
	struct pollfd ended = { .fd = child->pidfd, .events = POLLIN };
	int ignored = 0;

	if (!child->ending) {
		child->ending = true;
		child->process = NULL;
		for (size_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
			uv_poll_stop(&child->interrupt_polls[i]);
		}
		uv_poll_stop(&child->channel_poll);
		pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
	}
	if (wait_ms == 0 || child->waited) {
		return true;
	}
	/* Not reaped here: the loop finds it ended and closes it. */
	return poll(&ended, 1, wait_ms) > 0 || reap(child, &ignored);
}

/* ---------------------------------------------------------------- interrupts, doorbells */

static void on_interrupt(uv_poll_t *handle, int status, int events)
{
	struct penstock_child *child = handle->data;
	uint32_t node = (uint32_t)(handle - child->interrupt_polls);
	uint64_t count;
	struct iovec counter = { .iov_base = &count, .iov_len = sizeof(count) };
	/*
	 * O_NONBLOCK is the GPU process's too, and it may have read the counter meanwhile: this
	 * read waits for nobody whatever it did.
	 */
	ssize_t ignored = preadv2(child->interrupts[node], &counter, 1, -1, RWF_NOWAIT);

	(void)status;
	(void)events;
	(void)ignored;
	if (!child->ending) {
		child->config.interrupt(child, node);
	}
}

void penstock_child_ring_doorbell(struct penstock_child *child, uint32_t node_ordinal)
{
	uint32_t *sleeps = &child->ring->nodes[node_ordinal].gpu_sleeps;

	if (penstock_ring_must_wake(sleeps)) {
		penstock_doorbell_ring(sleeps);
	}
}

/* ---------------------------------------------------------------- the channel */

/* 0: sent, or there is nobody any more to send it to; -errno: later. */
static int send_now(const struct penstock_child *child,
		    const struct penstock_channel_message *message, int descriptor)
{
	struct iovec bytes = { .iov_base = (void *)(uintptr_t)message,
			       .iov_len = sizeof(*message) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr header = { .msg_iov = &bytes, .msg_iovlen = 1 };

	if (descriptor >= 0) {
		struct cmsghdr *rights;

		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
		rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &descriptor, sizeof(descriptor));
	}
	if (sendmsg(child->channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EPIPE ||
	    errno == ECONNRESET) {
		return 0;
	}
	return -errno;
}

static void on_channel_writable(uv_poll_t *handle, int status, int events)
{
	struct penstock_child *child = handle->data;

	(void)status;
	(void)events;
	while (!penstock_list_empty(&child->unsent)) {
		struct penstock_child_unsent *unsent = penstock_list_entry(
			penstock_list_first(&child->unsent), struct penstock_child_unsent, link);

		if (send_now(child, &unsent->message, unsent->descriptor) != 0) {
			return;
		}
		penstock_list_remove(&unsent->link);
		child->unsent_count--;
		close_descriptor(&unsent->descriptor);
		free(unsent);
	}
	uv_poll_stop(&child->channel_poll);
}

/* Keeps it until the channel has room. */
static enum penstock_status keep_unsent(struct penstock_child *child,
					const struct penstock_channel_message *message,
					int descriptor)
{
	struct penstock_child_unsent *unsent = malloc(sizeof(*unsent));

	if (unsent == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*unsent = (struct penstock_child_unsent){ .message = *message, .descriptor = -1 };
	if (descriptor >= 0) {
		unsent->descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
		if (unsent->descriptor < 0) {
			free(unsent);
			return PENSTOCK_STATUS_NO_MEMORY;
		}
	}
	penstock_list_append(&child->unsent, &unsent->link);
	child->unsent_count++;
	uv_poll_start(&child->channel_poll, UV_WRITABLE, on_channel_writable);
	return PENSTOCK_STATUS_SUCCESS;
}

static void kill_deaf(struct penstock_child *child)
{
	child->deaf = true;
	drop_unsent(child);
	uv_poll_stop(&child->channel_poll);
	pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
}

enum penstock_status penstock_child_send(struct penstock_child *child,
					 const struct penstock_channel_message *message,
					 int descriptor, size_t most_unsent)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (child->ending || child->deaf) {
		return PENSTOCK_STATUS_SUCCESS; /* there is nobody any more to send it to */
	}
	if (!penstock_list_empty(&child->unsent) || send_now(child, message, descriptor) != 0) {
		if (child->unsent_count >= most_unsent) {
			kill_deaf(child);
			return PENSTOCK_STATUS_SUCCESS;
		}
		status = keep_unsent(child, message, descriptor);
	}
	child->messages += status == PENSTOCK_STATUS_SUCCESS;
	return status;
}

/* ---------------------------------------------------------------- starting */

/* The ring memory; sealed, so that nobody can take pages from under the daemon. */
static int make_ring(struct penstock_child *child)
{
	int descriptor = memfd_create("penstock-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *memory;

	if (descriptor < 0) {
		return -1;
	}
	if (ftruncate(descriptor, (off_t)PENSTOCK_RING_BYTES) != 0 ||
	    fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		close(descriptor);
		return -1;
	}
	memory = mmap(NULL, PENSTOCK_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (memory == MAP_FAILED) {
		close(descriptor);
		return -1;
	}
	child->ring = memory;
	child->ring->header = (struct penstock_ring_header){
		.magic = PENSTOCK_RING_MAGIC,
		.version = PENSTOCK_RING_VERSION,
		.bytes = PENSTOCK_RING_BYTES,
		.local_bytes = child->config.local_bytes,
		.aperture_bytes = child->config.aperture_bytes,
		.flags = child->config.pipelines ? PENSTOCK_RING_PIPELINES : 0,
	};
	return descriptor;
}

/* The GPU's end of the channel: it can receive, and nothing else. */
static int make_channel(struct penstock_child *child)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		return -1;
	}
	child->channel = ends[0];
	if (shutdown(ends[1], SHUT_WR) != 0) {
		close(ends[1]);
		return -1;
	}
	return ends[1];
}

static enum penstock_status make_eventfds(struct penstock_child *child)
{
	for (size_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		child->interrupts[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (child->interrupts[i] < 0) {
			return PENSTOCK_STATUS_NO_MEMORY;
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status start_process(struct penstock_child *child)
{
	int descriptors[PENSTOCK_GPU_FD_END - PENSTOCK_GPU_FD_RING];
	int ring = make_ring(child);
	int channel = ring < 0 ? -1 : make_channel(child);
	enum penstock_status status = PENSTOCK_STATUS_NO_MEMORY;

	if (channel >= 0) {
		status = make_eventfds(child);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		descriptors[PENSTOCK_GPU_FD_RING - PENSTOCK_GPU_FD_RING] = ring;
		descriptors[PENSTOCK_GPU_FD_CHANNEL - PENSTOCK_GPU_FD_RING] = channel;
		descriptors[PENSTOCK_GPU_FD_LOCK - PENSTOCK_GPU_FD_RING] =
			child->config.memory_lock;
		for (int i = 0; i < (int)PENSTOCK_NODE_COUNT; i++) {
			descriptors[PENSTOCK_GPU_FD_INTERRUPT + i - PENSTOCK_GPU_FD_RING] =
				child->interrupts[i];
		}
		status = penstock_spawn(child->config.program, NULL, descriptors,
					PENSTOCK_ARRAY_SIZE(descriptors), &child->pid,
					&child->pidfd);
	}
	if (ring >= 0) {
		close(ring);
	}
	if (channel >= 0) {
		close(channel);
	}
	return status;
}

static int start_handles(struct penstock_child *child)
{
	int descriptors[CHILD_HANDLES] = { child->interrupts[0], child->interrupts[1],
					   child->channel, child->pidfd };

	for (size_t i = 0; i < CHILD_HANDLES; i++) {
		uv_poll_t *handle = handle_at(child, i);
		int error = uv_poll_init(child->config.loop, handle, descriptors[i]);

		if (error != 0) {
			return error;
		}
		handle->data = child;
		child->open_handles++;
	}
	for (size_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		uv_poll_start(&child->interrupt_polls[i], UV_READABLE, on_interrupt);
	}
	uv_poll_start(&child->exit_poll, UV_READABLE, on_exit_readable);
	return 0;
}

/* The kernel would not watch its descriptors: it ends before anybody knew of it. */
static void abandon(struct penstock_child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	if (child->open_handles == 0) {
		release(child);
	} else {
		close_all(child);
	}
}

enum penstock_status penstock_child_start(const struct penstock_child_config *config,
					  struct penstock_child **ret_child)
{
	struct penstock_child *child = calloc(1, sizeof(*child));
	enum penstock_status status;

	if (child == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	child->config = *config;
	child->pidfd = child->channel = -1;
	for (size_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		child->interrupts[i] = -1;
	}
	penstock_list_init(&child->link);
	penstock_list_init(&child->unsent);
	status = start_process(child);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		release(child);
		return status;
	}
	if (start_handles(child) != 0) {
		abandon(child);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	child->started = true;
	*ret_child = child;
	return PENSTOCK_STATUS_SUCCESS;
}
