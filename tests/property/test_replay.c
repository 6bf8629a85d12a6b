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

/* Replays it; the daemon has nothing to complain about, or what begins so. */
static struct penstock_replay_result replay_once(const char *name,
						 const struct penstock_recording *recording,
						 const struct penstock_local_daemon_config *config,
						 const char *complaint)
{
	struct replay replay = { .daemon = penstock_local_daemon_start(config) };
	struct penstock_replay_result result;
	struct penstock_errbuf why;

	ck_assert_msg(penstock_replayer_new(name, recording, &replay.replayer, &why) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", why.text);
	replay.descriptor = penstock_local_daemon_connect(replay.daemon, PENSTOCK_LOCAL_WAY_PAIR);
	run(&replay);
	result = *penstock_replayer_result(replay.replayer);
	ck_assert_msg(strncmp(penstock_local_daemon_complaint(replay.daemon), complaint,
			      complaint[0] == '\0' ? 1 : strlen(complaint)) == 0,
		      "'%s'", penstock_local_daemon_complaint(replay.daemon));
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
			    const struct penstock_local_daemon_config *config)
{
	for (int i = 0; i < 2; i++) {
		struct penstock_replay_result result = replay_once(name, recording, config, "");

		ck_assert_msg(result.differences == 0, "%s: %s", name, result.first.text);
		ck_assert_uint_gt(result.read_back_bytes, 0);
		ck_assert_uint_gt(result.fences, 0);
	}
}

static void same_in_process(const char *name, const struct penstock_recording *recording)
{
	const struct penstock_local_daemon_config config = {
		.backend = PENSTOCK_LOCAL_BACKEND_GPU,
	};

	expect_the_same(name, recording, &config);
}

static void same_as_a_process(const char *name, const struct penstock_recording *recording)
{
	const struct penstock_local_daemon_config config = {
		.backend = PENSTOCK_LOCAL_BACKEND_EMULATED,
	};

	expect_the_same(name, recording, &config);
}

/* Each instruction that names an allocation is a packet of its own, with the checker behind it. */
static void same_where_split(const char *name, const struct penstock_recording *recording)
{
	const struct penstock_local_daemon_config config = {
		.backend = PENSTOCK_LOCAL_BACKEND_GPU,
		.split_points = 1,
	};
	const struct penstock_local_daemon_config processes = {
		.backend = PENSTOCK_LOCAL_BACKEND_EMULATED,
		.split_points = 1,
	};

	expect_the_same(name, recording, &config);
	expect_the_same(name, recording, &processes);
}

static void not_without_a_gpu(const char *name, const struct penstock_recording *recording)
{
	const struct penstock_local_daemon_config config = {
		.backend = PENSTOCK_LOCAL_BACKEND_NULL,
	};
	struct penstock_replay_result result = replay_once(name, recording, &config, "");

	ck_assert_msg(result.differences > 0, "%s says nothing about what was executed", name);
}

/* The first reference's slot is bound from there on, and never spoken of again. */
static enum penstock_status leak(struct penstock_render_args *args,
				 struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = penstock_render(args, ret_refusal);

	if (status == PENSTOCK_STATUS_SUCCESS && args->patch_count > 0) {
		args->patches_out[0].slot_id = 31;
	}
	return status;
}

/* Its adapter stops before anything is patched; the daemon answers until its client leaves. */
static void stops_where_a_binding_leaks(const char *name,
					const struct penstock_recording *recording)
{
	const struct penstock_local_daemon_config config = {
		.backend = PENSTOCK_LOCAL_BACKEND_GPU,
		.split_points = 1,
		.translate = leak,
	};
	struct penstock_replay_result result;

	/* The others have no submission of two instructions. */
	if (strcmp(name, "copies.rec") == 0) {
		result = replay_once(name, recording, &config,
				     "objects: adapter failed adapter=0 reason='0x10E/0x27: ");
		ck_assert_int_gt(result.differences, 0);
	}
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

START_TEST(B15_recordings_split_at_every_point_give_same_bytes)
{
	each_recording(same_where_split);
}
END_TEST

START_TEST(B16_a_translator_that_leaks_a_binding_stops_its_adapter_and_not_the_daemon)
{
	each_recording(stops_where_a_binding_leaks);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay");
	TCase *tcase = tcase_create("replay");

	tcase_set_timeout(tcase, 600);
	tcase_add_test(tcase, a_recording_gives_the_same_bytes_twice_in_process);
	tcase_add_test(tcase, a_recording_gives_the_same_bytes_twice_with_gpu_processes);
	tcase_add_test(tcase, B15_recordings_split_at_every_point_give_same_bytes);
	tcase_add_test(tcase,
		       B16_a_translator_that_leaks_a_binding_stops_its_adapter_and_not_the_daemon);
	tcase_add_test(tcase, a_recording_is_not_the_same_where_nothing_is_executed);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
