/* SPDX-License-Identifier: MIT */
/*
 * The commands of penstockctl are a table (main.c). Most are questions: what to ask, and a function
 * from here that turns the daemon's report into tables. The others go on for a while: they are
 * given the connection.
 */
#ifndef PENSTOCKCTL_COMMANDS_H
#define PENSTOCKCTL_COMMANDS_H

#include "client/penstockctl/report.h"
#include "proto/wire/penstock.pb-c.h"

#include <penstock/penstock.h>

/* What the command line said. Strings are borrowed from it. */
struct arguments {
	bool json;
	const char *principal; /* --principal */
	uint64_t id;           /* of the object that the command is about */
	uint32_t kind;         /* kill: as AdminKill has it */
	const char *output;    /* --output */
	uint64_t duration_ms;  /* --time; 0: not said */
	uint64_t delay_ms;     /* --delay; 0: not said */
	uint64_t count;        /* --count; 0: not said */
	bool batch;            /* --batch */
	bool map;              /* --map */
	uint64_t allocation;   /* capture: which */
	uint32_t width;        /* --size; 0: not said */
	uint32_t height;
};

/* `message` is the unpacked report that the command's row names; borrowed. */
typedef void fill_report(const ProtobufCMessage *message, struct report *report);

/* objects.c: what principals have */
fill_report fill_status, fill_sessions, fill_contexts, fill_context, fill_allocations;

/* failures.c: what went wrong, and who is kept away for it */
fill_report fill_reports, fill_report_of_one, fill_unblock;

/* gpu.c: what the adapters do */
fill_report fill_queues, fill_dump;

/* operator.c: what was done */
fill_report fill_kill, fill_evict;

/* The allocation list that a context's last accepted submission named. */
void report_list(struct report *report, Penstock__Wire__ListEntryRow **rows, size_t count);

/* What a command does that is more than a question; returns the exit status. */
typedef int serve(struct penstock_connection *connection, const struct arguments *arguments);

/* memory.c, top.c, trace.c, capture.c */
serve serve_segments, serve_top, serve_trace, serve_capture;

/* watch.c */

/* From here on SIGINT and SIGTERM only interrupt. */
void watch_begin(void);
bool watch_interrupted(void);
uint64_t watch_now_ms(void);         /* monotonic */
void watch_pause(uint64_t pause_ms); /* or until a signal */

/* ask.c */

/*
 * One question. NULL: it was refused, or the daemon is away, and standard error says so. Otherwise
 * the report, the caller's: protobuf_c_message_free_unpacked(report, NULL).
 */
ProtobufCMessage *ask(struct penstock_connection *connection, uint16_t type,
		      const ProtobufCMessage *request, uint16_t reply);

#endif
