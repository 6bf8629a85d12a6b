/* SPDX-License-Identifier: MIT */
/* What a confined process may not do ends it, at once and whole. */
#include "config.h"

#include "gpu-backend/emulated/gpu/confine.h"
#include "tests/harness.h"
#include "tests/support/confined.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int plain(void)
{
	return penstock_confine(false);
}

/* As a GPU process with Vulkan is confined. */
static int compiling(void)
{
	return penstock_confine(true);
}

static confined_by *const ways[] = { plain, compiling };

START_TEST(confinement_kills_what_leads_out_of_the_process)
{
	for (size_t i = 0; i < confined_forbidden_count; i++) {
		ck_assert_msg(confined_is_killed(ways[_i], confined_forbidden[i]), "action %zu", i);
	}
}
END_TEST

START_TEST(confinement_lets_memory_come_and_go)
{
	ck_assert(confined_may(ways[_i], confined_take_memory));
}
END_TEST

START_TEST(confinement_lets_a_process_give_up)
{
	ck_assert(confined_gives_up(ways[_i]));
}
END_TEST

#ifndef PENSTOCK_SANITIZERS
static void make_code_that_changes(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED) {
		(void)!mprotect(memory, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
	}
}

static void map_code(void)
{
	(void)!mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void map_code_that_changes(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED || errno != EACCES) {
		abort();
	}
}

static void open_to_read(void)
{
	if (open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES) {
		abort();
	}
}

/* What it compiles may be executed, and never written meanwhile; without pipelines, neither. */
START_TEST(code_is_made_by_a_process_that_compiles_and_never_writable)
{
	ck_assert(confined_may(compiling, confined_make_code));
	ck_assert(confined_is_killed(compiling, make_code_that_changes));
	ck_assert(confined_is_killed(compiling, map_code));
	ck_assert(confined_is_killed(plain, confined_make_code));
	/* the driver and the C library try, and do without */
	ck_assert(confined_may(compiling, open_to_read));
	ck_assert(confined_is_killed(plain, open_to_read));
	ck_assert(confined_may(compiling, map_code_that_changes));
	ck_assert(confined_is_killed(plain, map_code_that_changes));
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

static confined_action *const beginnings[] = { register_thread, register_locks, name_thread,
					       count_processors };

/* A driver's thread may not have run yet when the confinement comes over it. */
START_TEST(a_thread_of_a_process_that_compiles_may_begin_behind_the_confinement)
{
	ck_assert(confined_may(compiling, beginnings[_i]));
	ck_assert(confined_is_killed(plain, beginnings[_i]));
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("confine");
	TCase *tcase = tcase_create("confine");
	const int count = (int)PENSTOCK_ARRAY_SIZE(ways);

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, confinement_kills_what_leads_out_of_the_process, 0, count);
	tcase_add_loop_test(tcase, confinement_lets_memory_come_and_go, 0, count);
	tcase_add_loop_test(tcase, confinement_lets_a_process_give_up, 0, count);
#ifndef PENSTOCK_SANITIZERS
	tcase_add_test(tcase, code_is_made_by_a_process_that_compiles_and_never_writable);
	tcase_add_loop_test(tcase,
			    a_thread_of_a_process_that_compiles_may_begin_behind_the_confinement, 0,
			    (int)PENSTOCK_ARRAY_SIZE(beginnings));
#endif
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
