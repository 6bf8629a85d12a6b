/* SPDX-License-Identifier: MIT */
/* What a confined process may not do ends it, at once and whole. */
#include "config.h"

#include "gpu-backend/emulated/gpu/confine.h"
#include "tests/harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void make_socket(void)
{
	(void)!socket(AF_INET, SOCK_STREAM, 0);
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
#endif

static void (*const forbidden[])(void) = {
	make_socket,    run_program,  make_process, send_something, shrink_a_file,
#ifndef PENSTOCK_SANITIZERS
	signal_another, punch_a_file,
#endif
};

/* As a GPU process with Vulkan is confined. */
static bool compiles;

/* How a child ends that confines itself and then does `action`; -1: it could not be confined. */
static int end_of(void (*action)(void))
{
	int status = -1;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (penstock_confine(compiles) != 0) {
			_exit(2);
		}
		action();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

START_TEST(confinement_kills_what_leads_out_of_the_process)
{
	int status;

	compiles = _i % 2 != 0;
	status = end_of(forbidden[_i / 2]);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status 0x%x", status);
}
END_TEST

static void take_memory(void)
{
	void *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || madvise(memory, 1 << 20, MADV_DONTNEED) != 0 ||
	    munmap(memory, 1 << 20) != 0) {
		_exit(1);
	}
}

START_TEST(confinement_lets_memory_come_and_go)
{
	int status = end_of(take_memory);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
}
END_TEST

#ifndef PENSTOCK_SANITIZERS
static void protect(int protection)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory, 4096, protection) != 0) {
		_exit(1);
	}
}

static void make_code(void)
{
	protect(PROT_READ | PROT_EXEC);
}

static void make_code_that_changes(void)
{
	protect(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void map_code(void)
{
	(void)!mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* What it compiles may be executed, and never written meanwhile; without pipelines, neither. */
START_TEST(code_is_made_by_a_process_that_compiles_and_never_writable)
{
	int status;

	compiles = true;
	status = end_of(make_code);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
	status = end_of(make_code_that_changes);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status 0x%x", status);
	status = end_of(map_code);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status 0x%x", status);
	compiles = false;
	status = end_of(make_code);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status 0x%x", status);
}
END_TEST

/* What the C library and a driver do at the beginning of a thread. */
static void register_thread(void)
{
	(void)syscall(SYS_rseq, NULL, 0, 0, 0);
}

static void register_locks(void)
{
	(void)syscall(SYS_set_robust_list, NULL, 0);
}

static void name_thread(void)
{
	(void)prctl(PR_SET_NAME, "late");
}

static void count_processors(void)
{
	uint64_t set[16];

	(void)syscall(SYS_sched_getaffinity, 0, sizeof(set), set);
}

static void (*const beginnings[])(void) = { register_thread, register_locks, name_thread,
					    count_processors };

/* A driver's thread may not have run yet when the confinement comes over it. */
START_TEST(a_thread_of_a_process_that_compiles_may_begin_behind_the_confinement)
{
	int status;

	compiles = true;
	status = end_of(beginnings[_i]);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status 0x%x", status);
	compiles = false;
	status = end_of(beginnings[_i]);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status 0x%x", status);
}
END_TEST
#endif

static void give_up(void)
{
	abort();
}

START_TEST(confinement_lets_a_process_give_up)
{
	int status = end_of(give_up);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status 0x%x", status);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("confine");
	TCase *tcase = tcase_create("confine");

	tcase_add_loop_test(tcase, confinement_kills_what_leads_out_of_the_process, 0,
			    2 * (int)PENSTOCK_ARRAY_SIZE(forbidden));
	tcase_add_test(tcase, confinement_lets_memory_come_and_go);
	tcase_add_test(tcase, confinement_lets_a_process_give_up);
#ifndef PENSTOCK_SANITIZERS
	tcase_add_test(tcase, code_is_made_by_a_process_that_compiles_and_never_writable);
	tcase_add_loop_test(tcase,
			    a_thread_of_a_process_that_compiles_may_begin_behind_the_confinement, 0,
			    (int)PENSTOCK_ARRAY_SIZE(beginnings));
#endif
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
