/* SPDX-License-Identifier: MIT */
#include "gpu-backend/spawn/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Out of the way of the targets, so that no dup2 overwrites what another still needs. */
#define ABOVE_TARGETS (PENSTOCK_SPAWN_FIRST + PENSTOCK_SPAWN_MAX)

/* What sanitizers are told by the environment reaches those programs too. */
static const char *const environment_kept[] = { "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
						"LLVM_PROFILE_FILE" };

extern char **environ;

static bool keeps(const char *variable)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(environment_kept); i++) {
		size_t length = __builtin_strlen(environment_kept[i]);

		if (__builtin_strncmp(variable, environment_kept[i], length) == 0 &&
		    variable[length] == '=') {
			return true;
		}
	}
	return false;
}

static int add_actions(posix_spawn_file_actions_t *actions, const int *raised, size_t count)
{
	int error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (error == 0) {
		error = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	}
	for (size_t i = 0; error == 0 && i < count; i++) {
		int target = PENSTOCK_SPAWN_FIRST + (int)i;

		error = raised[i] < 0
				? posix_spawn_file_actions_addopen(actions, target, "/dev/null",
								   O_RDONLY, 0)
				: posix_spawn_file_actions_adddup2(actions, raised[i], target);
	}
	return error;
}

static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	error = posix_spawnattr_setsigmask(attributes, &none);
	if (error == 0) {
		error = posix_spawnattr_setsigdefault(attributes, &all);
	}
	if (error == 0) {
		error = posix_spawnattr_setflags(attributes,
						 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	}
	return error;
}

static int spawn(const char *program, const char *argument, const int *raised, size_t count,
		 pid_t *ret_pid)
{
	char *arguments[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)argument, NULL };
	char *environment[PENSTOCK_ARRAY_SIZE(environment_kept) + 1];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	size_t kept = 0;
	int error;

	for (char **variable = environ; *variable != NULL; variable++) {
		if (keeps(*variable) && kept < PENSTOCK_ARRAY_SIZE(environment_kept)) {
			environment[kept++] = *variable;
		}
	}
	environment[kept] = NULL;
	error = posix_spawn_file_actions_init(&actions);
	if (error != 0) {
		return error;
	}
	error = posix_spawnattr_init(&attributes);
	if (error == 0) {
		error = set_signals(&attributes);
		if (error == 0) {
			error = add_actions(&actions, raised, count);
		}
		if (error == 0) {
			error = posix_spawn(ret_pid, program, &actions, &attributes, arguments,
					    environment);
		}
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

enum penstock_status penstock_spawn(const char *program, const char *argument,
				    const int *descriptors, size_t count, pid_t *ret_pid,
				    int *ret_pidfd)
{
	int raised[PENSTOCK_SPAWN_MAX] = { 0 };
	size_t made = 0;
	int error = 0, pidfd;
	pid_t pid = 0;

	PENSTOCK_REQUIRE(count <= PENSTOCK_SPAWN_MAX);
	for (; error == 0 && made < count; made++) {
		raised[made] = -1;
		if (descriptors[made] >= 0) {
			raised[made] = fcntl(descriptors[made], F_DUPFD_CLOEXEC, ABOVE_TARGETS);
			error = raised[made] < 0 ? errno : 0;
		}
	}
	if (error == 0) {
		error = spawn(program, argument, raised, count, &pid);
	}
	for (size_t i = 0; i < made; i++) {
		if (raised[i] >= 0) {
			close(raised[i]);
		}
	}
	if (error != 0) {
		return penstock_status_from_errno(error) == PENSTOCK_STATUS_NO_MEMORY
			       ? PENSTOCK_STATUS_NO_MEMORY
			       : PENSTOCK_STATUS_IO_DEVICE_ERROR;
	}
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return PENSTOCK_STATUS_SUCCESS;
}
