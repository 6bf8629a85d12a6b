/* SPDX-License-Identifier: MIT */
/*
 * The server owns every part of the daemon, and says in one place in which order they start and
 * stop. It alone knows everybody.
 *
 *             start                SIGTERM, SIGINT            drained, or time is up, or again
 *   (nothing) -----> RUNNING ------------------------> DRAINING ------------------> STOPPING -->
 * end |                                                              ^
 *                       +---------------- the store or the disk fails -----------------+
 *
 * Start: folders, memory lock, store, machine (which starts backends, memory managers, schedulers
 * and brings back what the store holds), net, listeners, signals. Stop: the reverse.
 */
#ifndef PENSTOCK_SERVER_H
#define PENSTOCK_SERVER_H

#include "daemon/config.h"
#include "daemon/log.h"

struct penstock_server;

/*
 * Starts everything. `config` is complete and borrowed for the server's life; `options` tells where
 * a reload reads. On failure what was started is stopped again. The status of the part that could
 * not start, with a sentence.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_server_start(struct penstock_config *config, const char *config_file,
					   int argument_count, char **arguments,
					   struct penstock_log *log,
					   struct penstock_server **ret_server,
					   struct penstock_errbuf *reterr_text);

/* Runs until it was told to stop, and frees it. The process's exit status: 0 or 1. */
int penstock_server_run(struct penstock_server *server);

#endif
