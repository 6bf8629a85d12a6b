/* SPDX-License-Identifier: MIT */
/*
 * penstockctl: looks into a running daemon. Most commands are one question over the Unix socket,
 * answered to root and to the daemon's own user only.
 */
#include "client/penstockctl/commands.h"
#include "proto/wire/frame.h"
#include "proto/wire/limits.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

#define MOST_SECONDS 1e6

/* Options that only some commands have, as bits of struct command.options. */
enum {
	OPTION_PRINCIPAL = 1 << 0,
	OPTION_OUTPUT = 1 << 1,
	OPTION_TIME = 1 << 2,
	OPTION_MAP = 1 << 3,
	OPTION_TOP = 1 << 4, /* --delay, --count, --batch */
	OPTION_SIZE = 1 << 5,
};

/* Any of these; the first fields of each are what the command line can say. */
union request {
	ProtobufCMessage base;
	Penstock__Wire__AdminContext context;
	Penstock__Wire__AdminDump dump;
	Penstock__Wire__AdminKill kill;
	Penstock__Wire__AdminEvict evict;
	Penstock__Wire__AdminUnblock unblock;
	Penstock__Wire__AdminReport report;
};

/*
 * The words behind the command. False: they are not what the command wants, and standard error
 * says so.
 */
typedef bool parse_words(int count, char **words, struct arguments *arguments);

struct command {
	const char *name;
	const char *words; /* what --help calls them; "": none */
	const char *summary;
	uint32_t options;
	parse_words *parse;
	uint16_t request;
	const ProtobufCMessageDescriptor *message;
	void (*make)(const struct arguments *arguments, union request *request); /* or NULL */
	uint16_t reply;
	fill_report *fill;
	serve *serve; /* instead of a question; or NULL */
};

/* ---------------------------------------------------------------- the command line */

static bool fault(const char *text, const char *about)
{
	fprintf(stderr, "penstockctl: %s%s%s (see penstockctl --help)\n", text,
		about[0] != '\0' ? " " : "", about);
	return false;
}

static int usage(const char *text, const char *about)
{
	(void)fault(text, about);
	return EXIT_USAGE;
}

static bool parse_none(int count, char **words, struct arguments *arguments)
{
	(void)arguments;
	return count == 1 || fault("nothing follows", words[0]);
}

static bool parse_number(const char *text, uint64_t *ret_number)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value == 0) {
		return fault("no id:", text);
	}
	*ret_number = value;
	return true;
}

static bool parse_id(int count, char **words, struct arguments *arguments)
{
	if (count != 2) {
		return fault("one id is wanted by", words[0]);
	}
	return parse_number(words[1], &arguments->id);
}

static bool parse_target(int count, char **words, struct arguments *arguments)
{
	static const struct {
		const char *name;
		bool by_name;
	} kinds[] = {
		{ "", false },       { "session", false },  { "context", false },
		{ "device", false }, { "principal", true },
	};

	if (count != 3) {
		return fault("a kind and an id are wanted by", words[0]);
	}
	for (uint32_t i = 1; i < PENSTOCK_ARRAY_SIZE(kinds); i++) {
		if (strcmp(words[1], kinds[i].name) == 0) {
			arguments->kind = i;
			arguments->principal = kinds[i].by_name ? words[2] : NULL;
			return kinds[i].by_name || parse_number(words[2], &arguments->id);
		}
	}
	return fault("neither session, context, device nor principal:", words[1]);
}

static bool parse_name(int count, char **words, struct arguments *arguments)
{
	if (count != 2) {
		return fault("one name is wanted by", words[0]);
	}
	arguments->principal = words[1];
	return true;
}

static bool parse_eviction(int count, char **words, struct arguments *arguments)
{
	if (arguments->principal != NULL) {
		return parse_none(count, words, arguments);
	}
	if (count != 2) {
		return fault("an id or --principal is wanted by", words[0]);
	}
	return parse_number(words[1], &arguments->id);
}

static bool parse_trace(int count, char **words, struct arguments *arguments)
{
	if (arguments->output == NULL) {
		return fault("--output is wanted by", words[0]);
	}
	return parse_none(count, words, arguments);
}

static bool parse_capture(int count, char **words, struct arguments *arguments)
{
	if (arguments->output == NULL) {
		return fault("--output is wanted by", words[0]);
	}
	if (count != 3) {
		return fault("a context and an allocation are wanted by", words[0]);
	}
	return parse_number(words[1], &arguments->id) &&
	       parse_number(words[2], &arguments->allocation);
}

/* WxH, in pixels, no more than a surface can have. */
static bool parse_size(const char *text, struct arguments *arguments)
{
	char *end;
	unsigned long width = strtoul(text, &end, 10);
	unsigned long height =
		*end == 'x' && end[1] >= '0' && end[1] <= '9' ? strtoul(end + 1, &end, 10) : 0;

	if (*text < '0' || *text > '9' || *end != '\0' || width == 0 || height == 0 ||
	    width > PENSTOCK_LIMIT_SURFACE_EXTENT || height > PENSTOCK_LIMIT_SURFACE_EXTENT) {
		return fault("no size like 640x480:", text);
	}
	arguments->width = (uint32_t)width;
	arguments->height = (uint32_t)height;
	return true;
}

/* Seconds, with a point or without. */
static bool parse_seconds(const char *text, uint64_t *ret_ms)
{
	char *end;
	double seconds = strtod(text, &end);

	if (*text < '0' || *text > '9' || *end != '\0' || !(seconds >= 0.001) ||
	    seconds > MOST_SECONDS) {
		return fault("no time in seconds:", text);
	}
	*ret_ms = (uint64_t)(seconds * 1000);
	return true;
}

/* ---------------------------------------------------------------- the requests */

static void make_context(const struct arguments *arguments, union request *request)
{
	request->context.id = arguments->id;
}

static void make_dump(const struct arguments *arguments, union request *request)
{
	request->dump.context = arguments->id;
}

static void make_kill(const struct arguments *arguments, union request *request)
{
	request->kill.kind = arguments->kind;
	request->kill.id = arguments->id;
	if (arguments->principal != NULL) {
		request->kill.principal = (char *)arguments->principal;
	}
}

static void make_evict(const struct arguments *arguments, union request *request)
{
	request->evict.allocation = arguments->id;
	if (arguments->principal != NULL) {
		request->evict.principal = (char *)arguments->principal;
	}
}

static void make_unblock(const struct arguments *arguments, union request *request)
{
	request->unblock.principal = (char *)arguments->principal;
}

static void make_report(const struct arguments *arguments, union request *request)
{
	request->report.id = arguments->id;
}

#define ASKS(asked, text, answer)                                                                  \
	.request = PENSTOCK_FRAME_ADMIN_##asked,                                                   \
	.message = &penstock__wire__admin_##text##__descriptor,                                    \
	.reply = PENSTOCK_FRAME_##answer##_REPORT, .fill = fill_##text

static const struct command commands[] = {
	{ "status", "", "the daemon, and each principal", 0, parse_none,
	  ASKS(STATUS, status, STATUS) },
	{ "sessions", "", "every session", 0, parse_none, ASKS(SESSIONS, sessions, SESSION) },
	{ "contexts", "", "every context", 0, parse_none, ASKS(CONTEXTS, contexts, CONTEXT) },
	{ "context", "ID", "one context with its last accepted allocation list", 0, parse_id,
	  ASKS(CONTEXT, context, CONTEXT), .make = make_context },
	{ "allocations", "", "every allocation, and where it is", 0, parse_none,
	  ASKS(ALLOCATIONS, allocations, ALLOCATION) },
	{ "segments", "[-v]", "the memory segments, and a map of what is where", OPTION_MAP,
	  parse_none, .serve = serve_segments },
	{ "queues", "", "the nodes and what waits for them", 0, parse_none,
	  ASKS(QUEUES, queues, QUEUE) },
	{ "dump", "ID", "a context's last DMA buffer, disassembled, with its patch list", 0,
	  parse_id, ASKS(DUMP, dump, DUMP), .make = make_dump },
	{ "kill", "session|context|device ID, principal NAME", "ends sessions, or stops a device",
	  0, parse_target, ASKS(KILL, kill, KILL), .make = make_kill },
	{ "evict", "ID, or --principal NAME", "moves allocations out of their segments",
	  OPTION_PRINCIPAL, parse_eviction, ASKS(EVICT, evict, EVICT), .make = make_evict },
	{ "reports", "", "what is kept of failures of GPUs", 0, parse_none,
	  .request = PENSTOCK_FRAME_ADMIN_REPORTS,
	  .message = &penstock__wire__admin_reports__descriptor,
	  .reply = PENSTOCK_FRAME_DEBUG_REPORTS, .fill = fill_reports },
	{ "report", "ID", "one of them: where the GPU was, and what it had", 0, parse_id,
	  .request = PENSTOCK_FRAME_ADMIN_REPORT,
	  .message = &penstock__wire__admin_report__descriptor, .make = make_report,
	  .reply = PENSTOCK_FRAME_DEBUG_REPORTS, .fill = fill_report_of_one },
	{ "unblock", "PRINCIPAL", "admits a principal again whose work hung an adapter too often",
	  0, parse_name, ASKS(UNBLOCK, unblock, UNBLOCK), .make = make_unblock },
	{ "top", "[-b] [-d SECONDS] [-n COUNT]", "who has the GPU, again and again", OPTION_TOP,
	  parse_none, .serve = serve_top },
	{ "capture", "CONTEXT ALLOCATION -o FILE [--size WxH]",
	  "what a surface shows, as a PNG file", OPTION_OUTPUT | OPTION_SIZE, parse_capture,
	  .serve = serve_capture },
	{ "trace", "-o FILE [-t SECONDS]", "what happens, for a trace viewer (Chrome, Perfetto)",
	  OPTION_OUTPUT | OPTION_TIME, parse_trace, .serve = serve_trace },
};

static void help(void)
{
	printf("usage: penstockctl [--server URI] [--json] COMMAND\n\n");
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(commands); i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].words);
		printf("  %-20s%s%s\n", left, strlen(left) < 20 ? "" : "\n                      ",
		       commands[i].summary);
	}
	printf("\n  --server URI     unix:PATH; default PENSTOCK_SERVER, "
	       "then " PENSTOCK_DEFAULT_SERVER
	       "\n  --json           one JSON object instead of tables\n"
	       "  --principal NAME evict: all that it pays for\n"
	       "  -v, --map        segments: each allocation in the place of the map\n"
	       "  -b, --batch      top: one below the other, for a file\n"
	       "  -d, --delay SECONDS\n"
	       "                   top: between two refreshes; 2\n"
	       "  -n, --count COUNT\n"
	       "                   top: so many refreshes\n"
	       "  -o, --output FILE\n"
	       "                   trace, capture: where to\n"
	       "  --size WxH       capture: the picture's, in pixels\n"
	       "  -t, --time SECONDS\n"
	       "                   trace: for so long; otherwise until it is interrupted\n"
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

/* Asks, fills the report, prints it. */
static int run(struct penstock_connection *connection, const struct command *command,
	       const struct arguments *arguments)
{
	union request request;
	ProtobufCMessage *reply;
	struct report *report;
	bool written;

	protobuf_c_message_init(command->message, &request);
	if (command->make != NULL) {
		command->make(arguments, &request);
	}
	reply = ask(connection, command->request, &request.base, command->reply);
	if (reply == NULL) {
		return EXIT_FAILURE;
	}
	report = report_new();
	command->fill(reply, report);
	protobuf_c_message_free_unpacked(reply, NULL);
	written = report_print(report, arguments->json);
	report_free(report);
	return written ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int connect_and_run(const char *server, const struct command *command,
			   const struct arguments *arguments)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_connection *connection;
	char why[PENSTOCK_SENTENCE_BYTES] = "";
	enum penstock_status status;
	int result;

	options.server = server;
	options.client = "penstockctl";
	options.no_session = true;
	status = penstock_connect(&options, &connection, why, sizeof(why));
	if (status != PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "penstockctl: %s\n", why);
		return status == PENSTOCK_STATUS_INVALID_PARAMETER ? EXIT_USAGE : EXIT_FAILURE;
	}
	result = command->serve != NULL ? command->serve(connection, arguments)
					: run(connection, command, arguments);
	penstock_connection_close(connection);
	return result;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "server", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "principal", required_argument, NULL, 'p' },
		{ "batch", no_argument, NULL, 'b' },
		{ "delay", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'n' },
		{ "map", no_argument, NULL, 'v' },
		{ "output", required_argument, NULL, 'o' },
		{ "size", required_argument, NULL, 'z' },
		{ "time", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct arguments arguments = { .json = false };
	const struct command *command;
	const char *server = NULL;
	uint32_t given = 0;
	int option;

	while ((option = getopt_long(argc, argv, "bd:n:o:t:v", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			server = optarg;
			break;
		case 'j':
			arguments.json = true;
			break;
		case 'p':
			arguments.principal = optarg;
			given |= OPTION_PRINCIPAL;
			break;
		case 'v':
			arguments.map = true;
			given |= OPTION_MAP;
			break;
		case 'b':
			arguments.batch = true;
			given |= OPTION_TOP;
			break;
		case 'd':
			if (!parse_seconds(optarg, &arguments.delay_ms)) {
				return EXIT_USAGE;
			}
			given |= OPTION_TOP;
			break;
		case 'n':
			if (!parse_number(optarg, &arguments.count)) {
				return EXIT_USAGE;
			}
			given |= OPTION_TOP;
			break;
		case 'o':
			arguments.output = optarg;
			given |= OPTION_OUTPUT;
			break;
		case 'z':
			if (!parse_size(optarg, &arguments)) {
				return EXIT_USAGE;
			}
			given |= OPTION_SIZE;
			break;
		case 't':
			if (!parse_seconds(optarg, &arguments.duration_ms)) {
				return EXIT_USAGE;
			}
			given |= OPTION_TIME;
			break;
		case 'h':
			help();
			return EXIT_SUCCESS;
		case 'V':
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
	if ((given & ~command->options) != 0) {
		return usage("an option that is another command's was given to", command->name);
	}
	if (!command->parse(argc - optind, argv + optind, &arguments)) {
		return EXIT_USAGE;
	}
	return connect_and_run(server, command, &arguments);
}
