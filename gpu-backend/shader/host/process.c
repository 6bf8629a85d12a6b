/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/host/process.h"

#include "gpu-backend/spawn/spawn.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many bytes as the longest answer. */
#define ANSWER_BYTES_MAX                                                                           \
	(sizeof(struct penstock_shader_answer_header) + PENSTOCK_LIMIT_SHADER_HARDENED_BYTES)

#define FIRST_BYTES (64u << 10)

struct penstock_shader_process {
	struct penstock_shader_process_config config;
	int pidfd;
	uv_poll_t exit_poll;
	uv_pipe_t socket;
	uv_timer_t timer;
	unsigned open_handles;
	uv_write_t write;
	char *bytes; /* of the answer so far */
	size_t byte_count;
	size_t capacity;
	struct penstock_shader_leaving leaving;
	bool has_ended;  /* and was waited for */
	bool has_spoken; /* its socket has ended */
	bool is_closing;
};

void *penstock_shader_process_owner(const struct penstock_shader_process *process)
{
	return process->config.owner;
}

/* ---------------------------------------------------------------- closing */

static void on_closed(uv_handle_t *handle)
{
	struct penstock_shader_process *process = handle->data;

	if (--process->open_handles == 0) {
		close(process->pidfd);
		process->config.closed(process);
		free(process->bytes);
		free(process);
	}
}

static void close_handles(struct penstock_shader_process *process)
{
	process->is_closing = true;
	uv_close((uv_handle_t *)&process->exit_poll, on_closed);
	uv_close((uv_handle_t *)&process->socket, on_closed);
	uv_close((uv_handle_t *)&process->timer, on_closed);
}

/* An answer is whole when nobody can add to it, and the process is known to be gone. */
static void maybe_left(struct penstock_shader_process *process)
{
	if (process->is_closing || !process->has_ended || !process->has_spoken) {
		return;
	}
	process->leaving.bytes = process->bytes;
	process->leaving.byte_count = process->byte_count;
	close_handles(process);
	process->config.left(process, &process->leaving);
}

void penstock_shader_process_kill(struct penstock_shader_process *process)
{
	pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
	/* What it may have left to say does not count any more. */
	uv_read_stop((uv_stream_t *)&process->socket);
	process->has_spoken = true;
}

/* ---------------------------------------------------------------- events */

static void on_exit_readable(uv_poll_t *handle, int status, int events)
{
	struct penstock_shader_process *process = handle->data;
	siginfo_t info = { .si_pid = 0 };

	(void)status;
	(void)events;
	if (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) != 0 ||
	    info.si_pid == 0) {
		return;
	}
	uv_poll_stop(&process->exit_poll);
	process->has_ended = true;
	process->leaving.wait_status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0)
								  : W_EXITCODE(0, info.si_status);
	maybe_left(process);
}

static void on_timer(uv_timer_t *timer)
{
	struct penstock_shader_process *process = timer->data;

	process->leaving.over_time = true;
	penstock_shader_process_kill(process);
	maybe_left(process);
}

/* Twice as much as there was, and one byte more than an answer can have at most. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
	struct penstock_shader_process *process = handle->data;

	(void)suggested;
	*ret_buffer = uv_buf_init(NULL, 0);
	if (process->byte_count == process->capacity) {
		size_t capacity = process->capacity == 0 ? FIRST_BYTES : process->capacity * 2;
		char *bytes;

		capacity = capacity > ANSWER_BYTES_MAX + 1 ? ANSWER_BYTES_MAX + 1 : capacity;
		bytes = realloc(process->bytes, capacity);
		if (bytes == NULL) {
			process->leaving.no_memory = true;
			return; /* libuv tells on_read */
		}
		process->bytes = bytes;
		process->capacity = capacity;
	}
	*ret_buffer = uv_buf_init(process->bytes + process->byte_count,
				  (unsigned)(process->capacity - process->byte_count));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct penstock_shader_process *process = stream->data;

	(void)buffer;
	if (got > 0) {
		process->byte_count += (size_t)got;
		if (process->byte_count > ANSWER_BYTES_MAX) {
			process->leaving.over_long = true;
			penstock_shader_process_kill(process);
		}
	} else if (got < 0) {
		if (got != UV_EOF) {
			penstock_shader_process_kill(process);
		}
		process->has_spoken = true;
	}
	maybe_left(process);
}

/* A process that does not take its request ends, or is killed in time: no more is said of it. */
static void on_written(uv_write_t *write, int status)
{
	(void)write;
	(void)status;
}

void penstock_shader_process_give(struct penstock_shader_process *process, const void *bytes,
				  size_t byte_count)
{
	uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)byte_count);

	uv_timer_start(&process->timer, on_timer, process->config.wall_ms, 0);
	if (uv_write(&process->write, (uv_stream_t *)&process->socket, &buffer, 1, on_written) !=
	    0) {
		process->leaving.no_memory = true;
		penstock_shader_process_kill(process);
	}
}

/* ---------------------------------------------------------------- starting */

static void abandon(int pidfd)
{
	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	waitid(P_PIDFD, (id_t)pidfd, NULL, WEXITED);
	close(pidfd);
}

static enum penstock_status spawn(const char *program, int *ret_socket, int *ret_pidfd)
{
	enum penstock_status status;
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = penstock_spawn(program, NULL, &ends[1], 1, &pid, ret_pidfd);
	close(ends[1]);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		close(ends[0]);
		return status;
	}
	*ret_socket = ends[0];
	return PENSTOCK_STATUS_SUCCESS;
}

/* Nobody has been told of it: it goes when its handles are closed. */
static void on_abandoned(struct penstock_shader_process *process)
{
	(void)process;
}

enum penstock_status
penstock_shader_process_start(const struct penstock_shader_process_config *config,
			      struct penstock_shader_process **ret_process)
{
	struct penstock_shader_process *process = malloc(sizeof(*process));
	enum penstock_status status;
	int socket, pidfd;

	if (process == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = spawn(config->program, &socket, &pidfd);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(process);
		return status;
	}
	*process = (struct penstock_shader_process){ .config = *config, .pidfd = pidfd };
	if (uv_poll_init(config->loop, &process->exit_poll, pidfd) != 0) {
		abandon(pidfd);
		close(socket);
		free(process);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	uv_pipe_init(config->loop, &process->socket, 0);
	uv_timer_init(config->loop, &process->timer);
	process->exit_poll.data = process->socket.data = process->timer.data = process;
	process->open_handles = 3;
	if (uv_pipe_open(&process->socket, socket) != 0 ||
	    uv_read_start((uv_stream_t *)&process->socket, on_alloc, on_read) != 0 ||
	    uv_poll_start(&process->exit_poll, UV_READABLE, on_exit_readable) != 0) {
		process->config.closed = on_abandoned;
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		waitid(P_PIDFD, (id_t)pidfd, NULL, WEXITED);
		close_handles(process);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*ret_process = process;
	return PENSTOCK_STATUS_SUCCESS;
}
