/* SPDX-License-Identifier: MIT */
/*
 * The net stage: who is it, and what does it want. listener -> transport -> connection ->
 * dispatch -> requests, and back through the outbox. The server owns one of these. Loop thread
 * only; does not log, it counts.
 */
#ifndef PENSTOCK_NET_H
#define PENSTOCK_NET_H

#include "daemon/net/transport.h"
#include "daemon/objects/objects.h"
#include "proto/base/list.h"
#include "proto/wire/limits.h"

/* What Welcome, and a status report, say of an adapter. */
struct penstock_net_adapter {
	const char *description; /* borrowed, static */
	const char *backend;     /* likewise: as it is configured */
	uint64_t local_bytes;
	uint64_t aperture_bytes;
	uint64_t aperture_commit_limit_bytes;
	uint32_t hw_queue_packet_cap;
	uint32_t presentation_caps;
	uint32_t graphics_preemption; /* PENSTOCK_PREEMPTION_ */
	uint32_t compute_preemption;
	bool test_instructions;
	bool pipelines;
	const struct penstock_adapter_facts *facts; /* borrowed, outlive us; with pipelines only */
};

/* How long the acknowledgement of submissions waits for a fence that it could leave with. */
#define PENSTOCK_NET_ACK_DELAY_MS 5u

struct penstock_net_config {
	uv_loop_t *loop;
	struct penstock_machine *machine; /* borrowed, outlives us */
	struct penstock_net_adapter adapters[PENSTOCK_LIMIT_ADAPTERS];
	uint32_t adapter_count;
	const char *server;       /* "penstockd 0.1.0"; borrowed, static */
	uint64_t hello_ms;        /* PENSTOCK_LIMIT_HELLO_MS, or shorter */
	uint64_t closing_ms;      /* PENSTOCK_LIMIT_CLOSING_MS, or shorter */
	uint64_t ack_delay_ms;    /* PENSTOCK_NET_ACK_DELAY_MS; tests take other ones */
	uint32_t max_connections; /* PENSTOCK_LIMIT_CONNECTIONS, or fewer */
	/* For AdminMetrics: Prometheus text, malloc'd, NULL: no memory. */
	char *(*metrics)(void *owner);
	void *owner;
};

/* Since the start. Read by the server's metrics. */
struct penstock_net_counters {
	uint64_t connections_accepted;
	uint64_t connections_refused; /* over a limit */
	uint64_t connections_broken;  /* ended by MALFORMED_FRAME, WRONG_SERIAL or TIMEOUT */
	uint64_t frames;
	uint64_t frames_continued; /* times that a Submit frame was left for the next turn */
	uint64_t submissions;
	uint64_t refusals;
	uint64_t fences;
	uint64_t upload_bytes;
	uint64_t read_back_bytes;
	uint64_t bytes_written;
	uint64_t reading_stopped; /* times that a connection was over a limit */
};

struct penstock_net {
	struct penstock_net_config config;
	struct penstock_read_buffer *read_buffer; /* owned */
	uv_prepare_t before_poll;
	uv_idle_t awake;                    /* active while `dirty` is not empty */
	struct penstock_list dirty;         /* penstock_connection.dirty_link: work this turn */
	struct penstock_list connections;   /* penstock_connection.link */
	struct penstock_list listeners;     /* penstock_listener.link */
	unsigned connection_count;          /* all of them, those that are closing too */
	struct penstock_connection *tracer; /* who traces; NULL: nobody */
	unsigned refused_count;             /* of them, those that were one too many */
	struct penstock_net_counters counters;
	uint64_t start_ms; /* uv_now at the start */
	bool draining;
	bool stopping;
	unsigned closing_handles;
	void (*stopped)(void *argument);
	void *stopped_argument;
};

/* SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_net_start(const struct penstock_net_config *config,
					struct penstock_net **ret_net);

/* No new connection is accepted any more. */
void penstock_net_drain(struct penstock_net *net);

/* Every answer that may leave has left. */
bool penstock_net_idle(const struct penstock_net *net);

/* Closes every connection with a reason; `stopped` when all is freed, the net too. */
void penstock_net_stop(struct penstock_net *net, void (*stopped)(void *argument), void *argument);

static inline const struct penstock_net_counters *
penstock_net_counters(const struct penstock_net *net)
{
	return &net->counters;
}

/* ---------------------------------------------------------------- for the stage's own files */

/* Something became dirty: the loop must not sleep before it was worked off. */
void penstock_net_awake(struct penstock_net *net);

/* A connection or listener of a stopping net is gone. */
void penstock_net_maybe_stopped(struct penstock_net *net);

#endif
