/* SPDX-License-Identifier: MIT */
/* penstock replay: sends a recording's requests again and compares what is answered. */
#include "client/address.h"
#include "client/penstock/file.h"
#include "client/penstock/frame_stream.h"
#include "client/penstock/replayer.h"
#include "client/penstock/tool.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_BYTES (256u << 10)

/* A connection that is replayed on. */
struct replay {
	struct penstock_replayer *replayer;
	int descriptor;
	int timeout_ms; /* for any one wait; -1: none */
	const uint8_t *unsent;
	size_t unsent_bytes;
	struct penstock_frame_stream stream;
	uint8_t received[RECEIVE_BYTES];
	bool over;
};

static void end(struct replay *replay, const char *why)
{
	replay->over = true;
	penstock_replayer_ended(replay->replayer, why);
}

static void receive(struct replay *replay)
{
	ssize_t size =
		recv(replay->descriptor, replay->received, sizeof(replay->received), MSG_DONTWAIT);
	struct penstock_errbuf why;

	if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (size <= 0) {
		end(replay, size == 0 ? "the daemon closed it" : strerror(errno));
		return;
	}
	if (penstock_frame_stream_push(&replay->stream, replay->received, (size_t)size,
				       penstock_replayer_received, replay->replayer,
				       &why) != PENSTOCK_STATUS_SUCCESS) {
		end(replay, why.text);
	}
}

/* A daemon that closes has said why: that is still received. */
static void send_some(struct replay *replay)
{
	ssize_t size = send(replay->descriptor, replay->unsent, replay->unsent_bytes,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (size < 0 && (errno == EPIPE || errno == ECONNRESET)) {
		size = (ssize_t)replay->unsent_bytes;
	}
	if (size > 0) {
		replay->unsent += size;
		replay->unsent_bytes -= (size_t)size;
	} else if (errno != EAGAIN && errno != EINTR) {
		end(replay, strerror(errno));
	}
}

static void wait_and_move(struct replay *replay)
{
	struct pollfd entry = {
		.fd = replay->descriptor,
		.events = replay->unsent_bytes > 0 ? POLLIN | POLLOUT : POLLIN,
	};
	int ready = poll(&entry, 1, replay->timeout_ms);

	if (ready == 0) {
		end(replay, "no answer in time");
	} else if (ready > 0) {
		if ((entry.revents & ~POLLOUT) != 0) {
			receive(replay);
		}
		if (!replay->over && (entry.revents & POLLOUT) != 0) {
			send_some(replay);
		}
	} else if (errno != EINTR) {
		end(replay, strerror(errno));
	}
}

static void run(struct replay *replay)
{
	while (!replay->over) {
		enum penstock_replay_turn turn = PENSTOCK_REPLAY_SEND;

		if (replay->unsent_bytes == 0) {
			turn = penstock_replayer_next(replay->replayer, &replay->unsent,
						      &replay->unsent_bytes);
		}
		if (turn == PENSTOCK_REPLAY_DONE) {
			end(replay, NULL);
		} else {
			wait_and_move(replay);
		}
	}
}

static void summarise(const struct penstock_replay_result *result)
{
	printf("%" PRIu64 " requests, %" PRIu64 " of them submissions: %" PRIu64
	       " answers, %" PRIu64 " bytes read back, %" PRIu64 " fences compared; ",
	       result->requests, result->submissions, result->answers, result->read_back_bytes,
	       result->fences);
	if (result->differences == 0) {
		printf("all the same\n");
	} else {
		printf("%" PRIu64 " different\n", result->differences);
	}
	fflush(stdout);
}

static int replay_on(const struct penstock_tool *tool, struct replay *replay, const char *name)
{
	const struct penstock_replay_result *result = penstock_replayer_result(replay->replayer);
	const char *server = tool->server == NULL ? getenv("PENSTOCK_SERVER") : tool->server;
	enum penstock_status status;
	struct penstock_errbuf why;

	if (server == NULL || server[0] == '\0') {
		server = PENSTOCK_DEFAULT_SERVER;
	}
	status = penstock_address_connect(server, PENSTOCK_FOREVER, &replay->descriptor, &why);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_tool_complain("%s", why.text);
		return status == PENSTOCK_STATUS_INVALID_PARAMETER ? PENSTOCK_EXIT_USAGE
								   : PENSTOCK_EXIT_FAILURE;
	}
	run(replay);
	close(replay->descriptor);
	summarise(result);
	if (result->differences > 0) {
		penstock_tool_complain("%s: %s", name, result->first.text);
	}
	return result->differences == 0 && !ferror(stdout) ? PENSTOCK_EXIT_SUCCESS
							   : PENSTOCK_EXIT_FAILURE;
}

static int replay_recording(const struct penstock_tool *tool, const char *name,
			    const struct penstock_recording *recording, int timeout_ms)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	struct penstock_errbuf why;
	int code = PENSTOCK_EXIT_USAGE;

	if (replay == NULL) {
		penstock_tool_complain("%s: out of memory", name);
		return PENSTOCK_EXIT_FAILURE;
	}
	replay->timeout_ms = timeout_ms;
	if (penstock_replayer_new(name, recording, &replay->replayer, &why) !=
	    PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "%s\n", why.text);
	} else {
		code = replay_on(tool, replay, name);
	}
	penstock_replayer_free(replay->replayer);
	penstock_frame_stream_fini(&replay->stream);
	free(replay);
	return code;
}

int penstock_tool_replay(const struct penstock_tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "timeout", required_argument, NULL, 't' },
						 { NULL, 0, NULL, 0 } };
	struct penstock_recording recording;
	int32_t timeout_ms = PENSTOCK_TOOL_TIMEOUT_MS;
	struct penstock_errbuf why;
	uint8_t *bytes = NULL;
	size_t length = 0;
	int option, code = PENSTOCK_EXIT_USAGE;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 't' || !penstock_tool_timeout(optarg, &timeout_ms)) {
			return PENSTOCK_EXIT_USAGE;
		}
	}
	if (argc - optind != 1) {
		penstock_tool_complain("replay takes one recording");
		return PENSTOCK_EXIT_USAGE;
	}
	if (penstock_file_read(argv[optind], PENSTOCK_RECORDING_BYTES_MAX, &bytes, &length, &why) !=
		    PENSTOCK_STATUS_SUCCESS ||
	    penstock_recording_open(argv[optind], bytes, length, &recording, &why) !=
		    PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "%s\n", why.text);
	} else {
		code = replay_recording(tool, argv[optind], &recording, timeout_ms);
		penstock_recording_close(&recording);
	}
	free(bytes);
	return code;
}
