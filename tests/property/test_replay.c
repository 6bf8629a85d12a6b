/* SPDX-License-Identifier: MIT */
/*
 * Recordings that were made with GPU processes are replayed on the whole daemon in this process,
 * its GPU included: the same bytes, twice.
 */
#include "client/penstock/file.h"
#include "client/penstock/frame_stream.h"
#include "client/penstock/replayer.h"
#include "tests/harness.h"
#include "tests/support/local_daemon.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 60

struct replay {
	struct penstock_local_daemon *daemon;
	struct penstock_replayer *replayer;
	struct penstock_frame_stream stream;
	int descriptor;
};

static bool is_late(time_t start)
{
	return time(NULL) - start > PATIENCE_S;
}

/* Receives what is there. */
static void receive(struct replay *replay)
{
	static uint8_t bytes[1u << 16];
	struct penstock_errbuf why;
	ssize_t size = recv(replay->descriptor, bytes, sizeof(bytes), 0);

	if (size > 0) {
		ck_assert_msg(penstock_frame_stream_push(&replay->stream, bytes, (size_t)size,
							 penstock_replayer_received,
							 replay->replayer,
							 &why) == PENSTOCK_STATUS_SUCCESS,
			      "%s", why.text);
	} else if (size == 0) {
		penstock_replayer_ended(replay->replayer, "the daemon closed it");
	} else {
		ck_assert_int_eq(errno, EAGAIN);
	}
}

static void send_all(struct replay *replay, const uint8_t *bytes, size_t size)
{
	time_t start = time(NULL);

	while (size > 0) {
		ssize_t sent = send(replay->descriptor, bytes, size, MSG_NOSIGNAL);

		if (sent > 0) {
			bytes += sent;
			size -= (size_t)sent;
		} else {
			ck_assert(errno == EAGAIN && !is_late(start));
			receive(replay);
		}
		penstock_local_daemon_turn(replay->daemon);
	}
}

static void run(struct replay *replay)
{
	enum penstock_replay_turn turn;
	time_t start = time(NULL);
	const uint8_t *bytes;
	size_t size;

	while ((turn = penstock_replayer_next(replay->replayer, &bytes, &size)) !=
	       PENSTOCK_REPLAY_DONE) {
		if (turn == PENSTOCK_REPLAY_SEND) {
			send_all(replay, bytes, size);
			start = time(NULL);
		}
		penstock_local_daemon_turn(replay->daemon);
		receive(replay);
		ck_assert_msg(!is_late(start), "nothing comes any more");
	}
	penstock_replayer_ended(replay->replayer, NULL);
}

/* Replays it; what was compared is there, and the same. */
static struct penstock_replay_result replay_once(const char *name,
						 const struct penstock_recording *recording,
						 enum penstock_local_backend backend)
{
	const struct penstock_local_daemon_config config = { .backend = backend };
	struct replay replay = { .daemon = penstock_local_daemon_start(&config) };
	struct penstock_replay_result result;
	struct penstock_errbuf why;

	ck_assert_msg(penstock_replayer_new(name, recording, &replay.replayer, &why) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", why.text);
	replay.descriptor = penstock_local_daemon_connect(replay.daemon, PENSTOCK_LOCAL_WAY_PAIR);
	run(&replay);
	result = *penstock_replayer_result(replay.replayer);
	ck_assert_str_eq(penstock_local_daemon_complaint(replay.daemon), "");
	close(replay.descriptor);
	penstock_replayer_free(replay.replayer);
	penstock_frame_stream_fini(&replay.stream);
	penstock_local_daemon_stop(replay.daemon);
	return result;
}

static int is_recording(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && strcmp(dot, ".rec") == 0;
}

/* Calls `check` with each committed recording. */
static void each_recording(void (*check)(const char *name, const struct penstock_recording *))
{
	const char *source = getenv("PENSTOCK_SRCDIR");
	struct penstock_recording recording;
	struct penstock_errbuf why;
	struct dirent **entries;
	char path[4096];
	int count;

	snprintf(path, sizeof(path), "%s/tests/recordings", source == NULL ? "." : source);
	count = scandir(path, &entries, is_recording, alphasort);
	ck_assert_int_ge(count, 6);
	for (int i = 0; i < count; i++) {
		uint8_t *bytes = NULL;
		size_t length = 0;

		snprintf(path, sizeof(path), "%s/tests/recordings/%s",
			 source == NULL ? "." : source, entries[i]->d_name);
		ck_assert_int_eq(penstock_file_read(path, PENSTOCK_RECORDING_BYTES_MAX, &bytes,
						    &length, &why),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert_msg(penstock_recording_open(entries[i]->d_name, bytes, length, &recording,
						      &why) == PENSTOCK_STATUS_SUCCESS,
			      "%s", why.text);
		check(entries[i]->d_name, &recording);
		penstock_recording_close(&recording);
		free(bytes);
		free(entries[i]);
	}
	free(entries);
}

static void expect_the_same(const char *name, const struct penstock_recording *recording,
			    enum penstock_local_backend backend)
{
	for (int i = 0; i < 2; i++) {
		struct penstock_replay_result result = replay_once(name, recording, backend);

		ck_assert_msg(result.differences == 0, "%s: %s", name, result.first.text);
		ck_assert_uint_gt(result.read_back_bytes, 0);
		ck_assert_uint_gt(result.fences, 0);
	}
}

static void same_in_process(const char *name, const struct penstock_recording *recording)
{
	expect_the_same(name, recording, PENSTOCK_LOCAL_BACKEND_GPU);
}

static void same_as_a_process(const char *name, const struct penstock_recording *recording)
{
	expect_the_same(name, recording, PENSTOCK_LOCAL_BACKEND_EMULATED);
}

static void not_without_a_gpu(const char *name, const struct penstock_recording *recording)
{
	struct penstock_replay_result result =
		replay_once(name, recording, PENSTOCK_LOCAL_BACKEND_NULL);

	ck_assert_msg(result.differences > 0, "%s says nothing about what was executed", name);
}

START_TEST(a_recording_gives_the_same_bytes_twice_in_process)
{
	each_recording(same_in_process);
}
END_TEST

START_TEST(a_recording_gives_the_same_bytes_twice_with_gpu_processes)
{
	each_recording(same_as_a_process);
}
END_TEST

START_TEST(a_recording_is_not_the_same_where_nothing_is_executed)
{
	each_recording(not_without_a_gpu);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay");
	TCase *tcase = tcase_create("replay");

	tcase_set_timeout(tcase, 600);
	tcase_add_test(tcase, a_recording_gives_the_same_bytes_twice_in_process);
	tcase_add_test(tcase, a_recording_gives_the_same_bytes_twice_with_gpu_processes);
	tcase_add_test(tcase, a_recording_is_not_the_same_where_nothing_is_executed);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
