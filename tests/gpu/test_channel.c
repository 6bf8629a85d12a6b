/* SPDX-License-Identifier: MIT */
/* Memory files on their way to a GPU process that does not read its channel. */
#include "proto/wire/limits.h"
#include "tests/gpu/fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FILE 100u /* id */
/* More than a channel takes that nobody reads. */
#define MORE_THAN_A_CHANNEL 1024u

static struct fixture fixture;
static struct fixture_process process;
static int memory; /* descriptor of the file that comes and goes */

static const struct penstock_backend_ops *ops(void)
{
	return fixture.backend->ops;
}

/* A packet, so that there is a process; it is stopped once that ran. */
static void start_and_stop(void)
{
	struct stream dma = { .used = 0 };

	stream_append(&dma, PENSTOCK_DMA_NOP, 0);
	fixture_submit(&process, 0, 1, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, 1);
	ck_assert_int_eq(kill((pid_t)ops()->process_id(process.backend), SIGSTOP), 0);
}

static void setup(void)
{
	struct rlimit files;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	fixture_start(&fixture);
	fixture_process_start(&fixture, &process, 0);
	memory = memfd_create("penstock-test", MFD_CLOEXEC);
	ck_assert_int_ge(memory, 0);
	ck_assert_int_eq(ftruncate(memory, 4096), 0);
	start_and_stop();
}

static void teardown(void)
{
	fixture_process_stop(&process);
	fixture_stop(&fixture);
	close(memory);
}

static enum penstock_status attach(uint32_t id)
{
	struct penstock_backend_file file = { .id = id, .descriptor = memory, .size_bytes = 4096 };

	return ops()->attach_file(process.backend, &file, PENSTOCK_FILE_PAGES);
}

static void come_and_go(uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		ck_assert_int_eq(attach(i), PENSTOCK_STATUS_SUCCESS);
		ops()->detach_file(process.backend, i);
	}
}

static unsigned open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	ck_assert_ptr_nonnull(directory);
	while (readdir(directory) != NULL) {
		count++;
	}
	closedir(directory);
	return count;
}

/* The file is there for the next packet. */
static void await_use(uint32_t id, uint32_t fence)
{
	struct stream dma = { .used = 0 };
	uint32_t value = 0;

	stream_append_map(&dma, id, PENSTOCK_APERTURE_BASE, 0, 4096, 0);
	fixture_submit_paging(&process, 0, fence, &dma);
	dma.used = 0;
	stream_append_fill(&dma, PENSTOCK_APERTURE_BASE, 4096, fence);
	fixture_submit(&process, 0, fence + 1, &dma, 0);
	fixture_ring(&process);
	fixture_await_fence(&process, 0, fence + 1);
	ck_assert_int_eq(pread(memory, &value, sizeof(value), 4092), 4);
	ck_assert_uint_eq(value, fence);
}

START_TEST(a_process_that_never_reads_its_channel_is_ended)
{
	unsigned before = open_descriptors();

	come_and_go(FIRST_FILE, 3 * PENSTOCK_LIMIT_CHANNEL_MESSAGES);
	ck_assert_uint_le(open_descriptors(), before);
	ck_assert_uint_eq(process.deaths, 0); /* not from inside the call */
	fixture_until(&fixture, process.deaths == 1);
	ck_assert(WIFSIGNALED(process.wait_status) && WTERMSIG(process.wait_status) == SIGKILL);
	ck_assert_ptr_null(fixture.failure);

	ck_assert_int_eq(attach(FIRST_FILE), PENSTOCK_STATUS_SUCCESS);
	ops()->reset_engine(process.backend);
	await_use(FIRST_FILE, 2);
	ck_assert_uint_eq(process.deaths, 1);
}
END_TEST

/* As many as it has files are no sign of anything. */
START_TEST(a_process_that_is_given_many_files_and_reads_late_is_not_ended)
{
	const uint32_t files = PENSTOCK_LIMIT_CHANNEL_MESSAGES + MORE_THAN_A_CHANNEL;
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_msg(limit.rlim_cur > 3 * files, "the hard limit of descriptors is too low here");
	for (uint32_t i = 0; i < files; i++) {
		ck_assert_int_eq(attach(FIRST_FILE + i), PENSTOCK_STATUS_SUCCESS);
	}
	come_and_go(FIRST_FILE + files, 1);
	ck_assert_int_eq(kill((pid_t)ops()->process_id(process.backend), SIGCONT), 0);
	await_use(FIRST_FILE + files - 1, 2);
	ck_assert_uint_eq(process.deaths, 0);
}
END_TEST

static void attach_another(struct fixture_process *died)
{
	ck_assert_ptr_eq(died, &process);
	ck_assert_int_eq(attach(FIRST_FILE), PENSTOCK_STATUS_SUCCESS);
}

/* Messages wait for it, and its channel is being closed. */
START_TEST(a_file_may_be_attached_in_the_callback_of_a_death)
{
	come_and_go(FIRST_FILE, MORE_THAN_A_CHANNEL);
	fixture.on_died = attach_another;
	ck_assert_int_eq(kill((pid_t)ops()->process_id(process.backend), SIGKILL), 0);
	fixture_until(&fixture, process.deaths == 1);
	ops()->reset_engine(process.backend);
	await_use(FIRST_FILE, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channel");
	TCase *tcase = tcase_create("channel");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_process_that_never_reads_its_channel_is_ended);
	tcase_add_test(tcase, a_process_that_is_given_many_files_and_reads_late_is_not_ended);
	tcase_add_test(tcase, a_file_may_be_attached_in_the_callback_of_a_death);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
