/* SPDX-License-Identifier: MIT */
/*
 * The commands of penstockctl are a table (main.c): what to ask, and a function from here that
 * turns the daemon's report into tables.
 */
#ifndef PENSTOCKCTL_COMMANDS_H
#define PENSTOCKCTL_COMMANDS_H

#include "client/penstockctl/report.h"
#include "proto/wire/penstock.pb-c.h"

/* `message` is the unpacked report that the command's row names; borrowed. */
typedef void fill_report(const ProtobufCMessage *message, struct report *report);

/* objects.c: what principals have */
fill_report fill_status, fill_contexts, fill_context, fill_allocations;

/* gpu.c: what the adapters do */
fill_report fill_segments, fill_queues, fill_dump;

/* The allocation list that a context's last accepted submission named. */
void report_list(struct report *report, Penstock__Wire__ListEntryRow **rows, size_t count);

#endif
