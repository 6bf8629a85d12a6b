/* SPDX-License-Identifier: MIT */
/* penstock asm and penstock disasm: text of instructions to bytes, and back. */
#include "client/penstock/file.h"
#include "client/penstock/tool.h"
#include "proto/isa/assembler.h"
#include "proto/isa/disassembler.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX (256u << 20)

struct arguments {
	const char *input;
	const char *output;
	bool offsets;
};

/* `known` are the options in getopt's words. False: getopt or we have said why. */
static bool parse_arguments(int argc, char **argv, const char *known, const struct option *options,
			    struct arguments *ret_arguments)
{
	struct arguments arguments = { .input = "-", .output = "-" };
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, known, options, NULL)) != -1) {
		switch (option) {
		case 'o':
			arguments.output = optarg;
			break;
		case 'x':
			arguments.offsets = true;
			break;
		default:
			return false;
		}
	}
	if (argc - optind > 1) {
		penstock_tool_complain("%s takes one file, '%s' is one too many", argv[0],
				       argv[optind + 1]);
		return false;
	}
	if (optind < argc) {
		arguments.input = argv[optind];
	}
	*ret_arguments = arguments;
	return true;
}

int penstock_tool_asm(const struct penstock_tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
						 { NULL, 0, NULL, 0 } };
	struct penstock_assembler assembler = { .isa = &penstock_command_isa, .first_line = 1 };
	struct penstock_errbuf fault;
	struct arguments arguments;
	enum penstock_status status;
	uint8_t *text = NULL;
	size_t text_bytes = 0;
	uint32_t length = 0;
	uint8_t *bytes;

	(void)tool;
	if (!parse_arguments(argc, argv, "o:", options, &arguments)) {
		return PENSTOCK_EXIT_USAGE;
	}
	assembler.file = strcmp(arguments.input, "-") == 0 ? "standard input" : arguments.input;
	bytes = malloc(PENSTOCK_LIMIT_COMMAND_BYTES);
	if (bytes == NULL) {
		penstock_tool_complain("%s", strerror(ENOMEM));
		return PENSTOCK_EXIT_FAILURE;
	}
	status = penstock_file_read(arguments.input, TEXT_BYTES_MAX, &text, &text_bytes, &fault);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_assemble(&assembler, (const char *)text, text_bytes, bytes,
					   PENSTOCK_LIMIT_COMMAND_BYTES, &length, &fault);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_file_write(arguments.output, bytes, length, &fault);
	}
	free(text);
	free(bytes);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "%s\n", fault.text);
	}
	return status == PENSTOCK_STATUS_SUCCESS ? PENSTOCK_EXIT_SUCCESS : PENSTOCK_EXIT_USAGE;
}

static void write_text(void *owner, const char *text, size_t length)
{
	(void)fwrite(text, 1, length, owner); /* the stream keeps its error */
}

/* Streams, since text is many times larger than its bytes. */
static enum penstock_status disassemble(const struct arguments *arguments, const uint8_t *bytes,
					uint32_t length, struct penstock_errbuf *reterr_text)
{
	bool standard = strcmp(arguments->output, "-") == 0;
	FILE *stream = standard ? stdout : fopen(arguments->output, "w");
	struct penstock_disassembler disassembler = {
		.isa = &penstock_command_isa,
		.offsets = arguments->offsets,
		.write = write_text,
		.owner = stream,
	};
	bool failed = stream == NULL;

	if (!failed) {
		penstock_disassemble(&disassembler, bytes, length);
		failed = fflush(stream) != 0 || ferror(stream);
	}
	if (failed) {
		penstock_errbuf_set(reterr_text, "%.150s: %s",
				    standard ? "standard output" : arguments->output,
				    strerror(errno));
	}
	if (stream != NULL && !standard) {
		fclose(stream);
	}
	return failed ? PENSTOCK_STATUS_IO_DEVICE_ERROR : PENSTOCK_STATUS_SUCCESS;
}

int penstock_tool_disasm(const struct penstock_tool *tool, int argc, char **argv)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
						 { "offsets", no_argument, NULL, 'x' },
						 { NULL, 0, NULL, 0 } };
	struct penstock_errbuf fault;
	struct arguments arguments;
	enum penstock_status status;
	uint8_t *bytes = NULL;
	size_t length = 0;

	(void)tool;
	if (!parse_arguments(argc, argv, "o:x", options, &arguments)) {
		return PENSTOCK_EXIT_USAGE;
	}
	status = penstock_file_read(arguments.input, PENSTOCK_LIMIT_COMMAND_BYTES, &bytes, &length,
				    &fault);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = disassemble(&arguments, bytes, (uint32_t)length, &fault);
	}
	free(bytes);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "%s\n", fault.text);
	}
	return status == PENSTOCK_STATUS_SUCCESS ? PENSTOCK_EXIT_SUCCESS : PENSTOCK_EXIT_USAGE;
}
