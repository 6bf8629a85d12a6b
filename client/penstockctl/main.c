/* SPDX-License-Identifier: MIT */
/*
 * penstockctl: looks into a running daemon. Every command is one question over the Unix socket,
 * answered to root and to the daemon's own user only.
 */
#include "client/admin.h"
#include "client/penstockctl/commands.h"
#include "proto/wire/frame.h"

#include <penstock/penstock.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

/* A request has no field, or the id of a context as its first. */
struct command {
	const char *name;
	const char *argument; /* what --help calls it; NULL: none */
	const char *summary;
	uint16_t request;
	const ProtobufCMessageDescriptor *message;
	uint16_t reply;
	fill_report *fill;
};

static const struct command commands[] = {
	{ "status", NULL, "the daemon, and each principal", PENSTOCK_FRAME_ADMIN_STATUS,
	  &penstock__wire__admin_status__descriptor, PENSTOCK_FRAME_STATUS_REPORT, fill_status },
	{ "contexts", NULL, "every context", PENSTOCK_FRAME_ADMIN_CONTEXTS,
	  &penstock__wire__admin_contexts__descriptor, PENSTOCK_FRAME_CONTEXT_REPORT,
	  fill_contexts },
	{ "context", "ID", "one context with its last accepted allocation list",
	  PENSTOCK_FRAME_ADMIN_CONTEXT, &penstock__wire__admin_context__descriptor,
	  PENSTOCK_FRAME_CONTEXT_REPORT, fill_context },
	{ "allocations", NULL, "every allocation, and where it is",
	  PENSTOCK_FRAME_ADMIN_ALLOCATIONS, &penstock__wire__admin_allocations__descriptor,
	  PENSTOCK_FRAME_ALLOCATION_REPORT, fill_allocations },
	{ "segments", NULL, "the memory segments", PENSTOCK_FRAME_ADMIN_SEGMENTS,
	  &penstock__wire__admin_segments__descriptor, PENSTOCK_FRAME_SEGMENT_REPORT,
	  fill_segments },
	{ "queues", NULL, "the nodes and what waits for them", PENSTOCK_FRAME_ADMIN_QUEUES,
	  &penstock__wire__admin_queues__descriptor, PENSTOCK_FRAME_QUEUE_REPORT, fill_queues },
	{ "dump", "ID", "a context's last DMA buffer, disassembled, with its patch list",
	  PENSTOCK_FRAME_ADMIN_DUMP, &penstock__wire__admin_dump__descriptor,
	  PENSTOCK_FRAME_DUMP_REPORT, fill_dump },
};

static void help(void)
{
	printf("usage: penstockctl [--server URI] [--json] COMMAND [ID]\n\n");
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(commands); i++) {
		printf("  %-12s%-4s %s\n", commands[i].name,
		       commands[i].argument != NULL ? commands[i].argument : "",
		       commands[i].summary);
	}
	printf("\n  --server URI     unix:PATH; default PENSTOCK_SERVER, "
	       "then " PENSTOCK_DEFAULT_SERVER
	       "\n  --json           one JSON object instead of tables\n"
	       "  --help, --version\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}

static bool parse_id(const char *text, uint64_t *ret_id)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value == 0) {
		return false;
	}
	*ret_id = value;
	return true;
}

/* Asks, fills the report, prints it. */
static int run(struct penstock_connection *connection, const struct command *command, uint64_t id,
	       bool json)
{
	union {
		ProtobufCMessage base;
		Penstock__Wire__AdminContext context; /* no request is larger */
	} request;
	ProtobufCMessage *reply;
	struct penstock_failure failure = { 0 };
	struct report *report;
	enum penstock_status status;
	bool written;

	protobuf_c_message_init(command->message, &request);
	if (command->argument != NULL) {
		memcpy((char *)&request + command->message->fields[0].offset, &id, sizeof(id));
	}
	status = penstock_admin_call(connection, command->request, &request.base, command->reply,
				     &reply);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		(void)penstock_failure_of_call(connection, &failure);
		fprintf(stderr, "penstockctl: %s\n",
			failure.sentence[0] != '\0' ? failure.sentence
						    : penstock_status_text(status));
		return EXIT_FAILURE;
	}
	report = report_new();
	command->fill(reply, report);
	protobuf_c_message_free_unpacked(reply, NULL);
	written = report_print(report, json);
	report_free(report);
	return written ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(const char *fault, const char *text)
{
	fprintf(stderr, "penstockctl: %s%s%s (see penstockctl --help)\n", fault,
		text[0] != '\0' ? " " : "", text);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "server", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_connection *connection;
	const struct command *command;
	enum penstock_status status;
	char why[PENSTOCK_SENTENCE_BYTES] = "";
	uint64_t id = 0;
	bool json = false;
	int option, result;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			options.server = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			help();
			return EXIT_SUCCESS;
		case 'v':
			printf("penstockctl %s\n", penstock_version());
			return EXIT_SUCCESS;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		return usage("which command?", "");
	}
	command = find_command(argv[optind]);
	if (command == NULL) {
		return usage("no command", argv[optind]);
	}
	if (argc - optind != (command->argument != NULL ? 2 : 1)) {
		return usage(command->argument != NULL ? "one id is wanted by" : "nothing follows",
			     command->name);
	}
	if (command->argument != NULL && !parse_id(argv[optind + 1], &id)) {
		return usage("no id:", argv[optind + 1]);
	}
	options.client = "penstockctl";
	options.no_session = true;
	status = penstock_connect(&options, &connection, why, sizeof(why));
	if (status != PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "penstockctl: %s\n", why);
		return status == PENSTOCK_STATUS_INVALID_PARAMETER ? EXIT_USAGE : EXIT_FAILURE;
	}
	result = run(connection, command, id, json);
	penstock_connection_close(connection);
	return result;
}
