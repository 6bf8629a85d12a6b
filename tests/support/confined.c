/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "tests/support/confined.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void make_socket(void)
{
	(void)!socket(AF_INET, SOCK_STREAM, 0);
}

/* On a descriptor that it has already. */
static void connect_somewhere(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/nobody" };

	(void)!connect(0, (const struct sockaddr *)&address, sizeof(address));
}

static void run_program(void)
{
	char *const arguments[] = { NULL };

	execve("/bin/true", arguments, arguments);
}

/* By number: what the thread sanitizer has in place of vfork() is a clone. */
static void make_process(void)
{
#ifdef SYS_vfork
	(void)!syscall(SYS_vfork);
#else
	(void)!vfork();
#endif
}

static void send_something(void)
{
	struct msghdr header = { .msg_iovlen = 0 };

	(void)!sendmsg(0, &header, 0);
}

static void shrink_a_file(void)
{
	(void)!ftruncate(0, 0);
}

#ifndef PENSTOCK_SANITIZERS
static void open_a_file(void)
{
	(void)!open("/etc/passwd", O_RDONLY);
}

static void read_another_descriptor(void)
{
	char byte;

	(void)!read(0, &byte, 1);
}

/* The daemon has the same user. */
static void signal_another(void)
{
	(void)!tgkill(getppid(), getppid(), SIGURG);
}

static void punch_a_file(void)
{
	void *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED) {
		(void)!madvise(memory, 1 << 20, MADV_REMOVE);
	}
}

void confined_make_code(void)
{
	void *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory, 1 << 20, PROT_READ | PROT_EXEC) != 0) {
		_exit(1);
	}
}
#endif

confined_action *const confined_forbidden[] = {
	make_socket,    connect_somewhere, run_program,  make_process,
	send_something, shrink_a_file,
#ifndef PENSTOCK_SANITIZERS
	open_a_file,    signal_another,    punch_a_file, read_another_descriptor,
#endif
};

const size_t confined_forbidden_count = PENSTOCK_ARRAY_SIZE(confined_forbidden);

/* How a process ends that confines itself and then does `action`; -1: there was none. */
static int end_of(confined_by *confine, confined_action *action)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		if (confine() != 0) {
			_exit(2);
		}
		action();
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

static bool ends_with(int status, int signal_number)
{
	return status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == signal_number;
}

bool confined_is_killed(confined_by *confine, confined_action *action)
{
	return ends_with(end_of(confine, action), SIGSYS);
}

bool confined_may(confined_by *confine, confined_action *action)
{
	int status = end_of(confine, action);

	return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void give_up(void)
{
	abort();
}

bool confined_gives_up(confined_by *confine)
{
	return ends_with(end_of(confine, give_up), SIGABRT);
}

void confined_take_memory(void)
{
	void *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || madvise(memory, 1 << 20, MADV_DONTNEED) != 0 ||
	    munmap(memory, 1 << 20) != 0) {
		_exit(1);
	}
}
