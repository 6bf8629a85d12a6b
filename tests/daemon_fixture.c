/* SPDX-License-Identifier: MIT */
#include "tests/daemon_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_TIMEOUT_MS 60000
#define LISTEN_FDS_START 3 /* sd_listen_fds(3) */

static int fault(struct penstock_errbuf *text, const char *what)
{
	penstock_errbuf_set(text, "%s: %s", what, strerror(errno));
	return -1;
}

static const char *build_directory(void)
{
	const char *directory = getenv("PENSTOCK_BUILDDIR");

	return directory != NULL ? directory : ".";
}

/* A socket on 127.0.0.1 that listens on a port of the kernel's choice. */
static int listen_tcp(struct penstock_daemon *daemon, struct penstock_errbuf *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	daemon->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (daemon->tcp < 0 ||
	    bind(daemon->tcp, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(daemon->tcp, 128) != 0 ||
	    getsockname(daemon->tcp, (struct sockaddr *)&address, &length) != 0) {
		return fault(text, "TCP socket");
	}
	snprintf(daemon->tcp_server, sizeof(daemon->tcp_server), "penstock://127.0.0.1:%u",
		 ntohs(address.sin_port));
	return 0;
}

/* With TCP the Unix socket is ours too: a daemon that is given sockets opens no others. */
static int listen_unix(struct penstock_daemon *daemon, struct penstock_errbuf *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", daemon->directory);
	daemon->unix_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (daemon->unix_socket < 0 ||
	    bind(daemon->unix_socket, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(daemon->unix_socket, 128) != 0) {
		return fault(text, "Unix socket");
	}
	return 0;
}

static int listen_notify(struct penstock_daemon *daemon, struct penstock_errbuf *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", daemon->directory);
	daemon->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (daemon->notify < 0 ||
	    bind(daemon->notify, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		return fault(text, "notification socket");
	}
	return 0;
}

int penstock_daemon_init(struct penstock_daemon *daemon, bool tcp, struct penstock_errbuf *text)
{
	const char *parent = getenv("TMPDIR");
	char path[128];

	*daemon = (struct penstock_daemon){ .tcp = -1, .unix_socket = -1, .notify = -1 };
	snprintf(path, sizeof(path), "%.80s/penstock-daemon-XXXXXX",
		 parent != NULL ? parent : "/tmp");
	if (mkdtemp(path) == NULL) {
		return fault(text, path);
	}
	daemon->directory = strdup(path);
	if (daemon->directory == NULL) {
		return fault(text, path);
	}
	snprintf(daemon->unix_server, sizeof(daemon->unix_server), "unix:%s/socket", path);
	if (tcp && (listen_tcp(daemon, text) != 0 || listen_unix(daemon, text) != 0)) {
		return -1;
	}
	return listen_notify(daemon, text);
}

int penstock_daemon_place_memory(struct penstock_daemon *daemon, const char *parent,
				 struct penstock_errbuf *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%.80s/penstock-memory-XXXXXX", parent);
	if (mkdtemp(path) == NULL) {
		return fault(text, path);
	}
	daemon->memory = strdup(path);
	return daemon->memory == NULL ? fault(text, path) : 0;
}

/* ---------------------------------------------------------------- starting */

/* In the child: both listening sockets, as a service manager passes them. */
static void pass_sockets(const struct penstock_daemon *daemon)
{
	const int sockets[] = {
		fcntl(daemon->unix_socket, F_DUPFD, LISTEN_FDS_START + 2),
		fcntl(daemon->tcp, F_DUPFD, LISTEN_FDS_START + 2),
	};
	char text[32];

	for (int i = 0; i < 2; i++) {
		if (sockets[i] < 0 || dup2(sockets[i], LISTEN_FDS_START + i) < 0) {
			_exit(127);
		}
		close(sockets[i]);
	}
	snprintf(text, sizeof(text), "%ld", (long)getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", "2", 1);
}

/* In the child: descriptors and environment as a service manager leaves them. */
static void become_daemon(const struct penstock_daemon *daemon, const char *const *arguments)
{
	char text[160];
	int log;

	snprintf(text, sizeof(text), "%s/log", daemon->directory);
	log = open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0) {
		_exit(127);
	}
	snprintf(text, sizeof(text), "%s/notify", daemon->directory);
	setenv("NOTIFY_SOCKET", text, 1);
	unsetenv("WATCHDOG_USEC");
	if (daemon->tcp >= 0) {
		pass_sockets(daemon);
	}
	execv(arguments[0], (char *const *)(uintptr_t)arguments);
	fprintf(stderr, "%s: %s\n", arguments[0], strerror(errno));
	_exit(127);
}

/* The last line of the daemon's log, for the fault. */
static void last_words(const struct penstock_daemon *daemon, struct penstock_errbuf *text)
{
	char path[160], line[200] = "it said nothing";
	FILE *log;

	snprintf(path, sizeof(path), "%s/log", daemon->directory);
	log = fopen(path, "re");
	while (log != NULL && fgets(line, sizeof(line), log) != NULL) {
		line[strcspn(line, "\n")] = 0;
	}
	if (log != NULL) {
		fclose(log);
	}
	penstock_errbuf_set(text, "penstockd ended: %s", line);
}

static int wait_for_ready(struct penstock_daemon *daemon, struct penstock_errbuf *text)
{
	struct pollfd entries[2] = {
		{ .fd = daemon->notify, .events = POLLIN },
		{ .fd = (int)syscall(SYS_pidfd_open, daemon->pid, 0), .events = POLLIN },
	};
	int result = 1;

	if (entries[1].fd < 0) {
		return fault(text, "pidfd_open");
	}
	while (result > 0) {
		char message[512] = "";

		if (poll(entries, 2, READY_TIMEOUT_MS) <= 0) {
			penstock_errbuf_set(text, "penstockd did not say READY");
			result = -1;
		} else if (entries[0].revents != 0) {
			if (recv(daemon->notify, message, sizeof(message) - 1, 0) > 0 &&
			    strstr(message, "READY=1") != NULL) {
				result = 0;
			}
		} else {
			last_words(daemon, text);
			result = -1;
		}
	}
	close(entries[1].fd);
	return result;
}

int penstock_daemon_start(struct penstock_daemon *daemon, struct penstock_errbuf *text)
{
	char program[256], gpu[256], shader[256], socket_path[160], state[160], memory[160];
	const char *arguments[PENSTOCK_DAEMON_ARGUMENTS_MAX + 16] = {
		program, "--socket",      socket_path, "--state-dir", state,    "--memory-dir",
		memory,  "--gpu-program", gpu,         "--tdr-delay", "600000", "--shader-program",
		shader,
	};
	size_t count = 13;

	snprintf(program, sizeof(program), "%s/penstockd", build_directory());
	snprintf(gpu, sizeof(gpu), "%s/penstock-gpu", build_directory());
	snprintf(shader, sizeof(shader), "%s/penstock-shader", build_directory());
	snprintf(socket_path, sizeof(socket_path), "%s/socket", daemon->directory);
	snprintf(state, sizeof(state), "%s/state", daemon->directory);
	if (daemon->memory != NULL) {
		snprintf(memory, sizeof(memory), "%s", daemon->memory);
	} else {
		snprintf(memory, sizeof(memory), "%s/memory", daemon->directory);
	}
	for (size_t i = 0; i < PENSTOCK_DAEMON_ARGUMENTS_MAX && daemon->arguments[i] != NULL; i++) {
		arguments[count++] = daemon->arguments[i];
	}
	(void)mkdir(state, 0700);
	(void)mkdir(memory, 0700);
	daemon->pid = fork();
	if (daemon->pid == 0) {
		become_daemon(daemon, arguments);
	}
	if (daemon->pid < 0) {
		daemon->pid = 0;
		return fault(text, "fork");
	}
	if (wait_for_ready(daemon, text) != 0) {
		penstock_daemon_kill(daemon);
		return -1;
	}
	return 0;
}

/* ---------------------------------------------------------------- stopping */

static int end_with(struct penstock_daemon *daemon, int signal_number)
{
	int status = -1;

	if (daemon->pid == 0) {
		return -1;
	}
	kill(daemon->pid, signal_number);
	while (waitpid(daemon->pid, &status, 0) < 0 && errno == EINTR) {
	}
	daemon->pid = 0;
	return status;
}

int penstock_daemon_stop(struct penstock_daemon *daemon)
{
	return end_with(daemon, SIGTERM);
}

void penstock_daemon_kill(struct penstock_daemon *daemon)
{
	(void)end_with(daemon, SIGKILL);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

void penstock_daemon_fini(struct penstock_daemon *daemon)
{
	penstock_daemon_kill(daemon);
	if (daemon->tcp >= 0) {
		close(daemon->tcp);
	}
	if (daemon->unix_socket >= 0) {
		close(daemon->unix_socket);
	}
	if (daemon->notify >= 0) {
		close(daemon->notify);
	}
	if (daemon->directory != NULL) {
		nftw(daemon->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
		free(daemon->directory);
	}
	if (daemon->memory != NULL) {
		nftw(daemon->memory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
		free(daemon->memory);
	}
	*daemon = (struct penstock_daemon){ .tcp = -1, .unix_socket = -1, .notify = -1 };
}
