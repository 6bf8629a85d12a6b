/* SPDX-License-Identifier: MIT */
/* penstock run: reads a script whole, then executes it step by step. */
#include "client/penstock/run.h"

#include "client/penstock/file.h"
#include "client/penstock/recorder.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static penstock_run_step *const handlers[PENSTOCK_STEP_KIND_MAX] = {
	[PENSTOCK_STEP_DEVICE] = penstock_run_device,
	[PENSTOCK_STEP_CONTEXT] = penstock_run_context,
	[PENSTOCK_STEP_ALLOCATION] = penstock_run_allocation,
	[PENSTOCK_STEP_PIPELINE] = penstock_run_pipeline,
	[PENSTOCK_STEP_HANDLE] = penstock_run_handle,
	[PENSTOCK_STEP_SHARE] = penstock_run_share,
	[PENSTOCK_STEP_OPEN] = penstock_run_open,
	[PENSTOCK_STEP_DESTROY] = penstock_run_destroy,
	[PENSTOCK_STEP_OFFER] = penstock_run_offer,
	[PENSTOCK_STEP_RECLAIM] = penstock_run_reclaim,
	[PENSTOCK_STEP_UPLOAD] = penstock_run_upload,
	[PENSTOCK_STEP_SUBMIT] = penstock_run_submit,
	[PENSTOCK_STEP_SYNC_OBJECT] = penstock_run_sync_object,
	[PENSTOCK_STEP_OPEN_SYNC_OBJECT] = penstock_run_open_sync_object,
	[PENSTOCK_STEP_SIGNAL] = penstock_run_signal,
	[PENSTOCK_STEP_WAIT] = penstock_run_wait,
	[PENSTOCK_STEP_SYNC] = penstock_run_sync,
	[PENSTOCK_STEP_EXPECT_STATUS] = penstock_run_expect_status,
	[PENSTOCK_STEP_EXPECT_BYTES] = penstock_run_expect_bytes,
	[PENSTOCK_STEP_EXPECT_PIXELS] = penstock_run_expect_pixels,
	[PENSTOCK_STEP_EXPECT_HASH] = penstock_run_expect_hash,
	[PENSTOCK_STEP_EXPECT_VALUE] = penstock_run_expect_value,
	[PENSTOCK_STEP_READ] = penstock_run_read,
	[PENSTOCK_STEP_PRINT_TEXT] = penstock_run_print_text,
	[PENSTOCK_STEP_PRINT_HEX] = penstock_run_print_hex,
	[PENSTOCK_STEP_PRINT_HASH] = penstock_run_print_hash,
	[PENSTOCK_STEP_PRINT_TOKEN] = penstock_run_print_token,
};

/* ------------------------------------------------------------------ sentences */

const char *penstock_run_subject(const struct penstock_run *run, const struct penstock_step *step)
{
	return run->script->objects[step->subject].name;
}

void penstock_run_fault(struct penstock_run *run, const struct penstock_step *step,
			const char *format, ...)
{
	char text[768];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* a daemon's sentence is text of a stranger's to this terminal */
	for (char *c = text; *c != '\0'; c++) {
		*c = (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c;
	}
	fflush(stdout);
	fprintf(stderr, "%s:%u: %s\n", run->script->file, step->line, text);
	run->faults++;
}

struct penstock_run_text penstock_run_describe(const struct penstock_step *step,
					       const struct penstock_failure *failure)
{
	struct penstock_run_text out;
	unsigned line = 0;
	char place[64] = "";
	char where[160] = "";

	if (failure->at_instruction) {
		if (step->submission != NULL) {
			line = penstock_script_line_of(step->submission, failure->byte_offset);
		}
		if (line != 0) {
			snprintf(place, sizeof(place), " (line %u)", line);
		}
		snprintf(where, sizeof(where), " at byte 0x%" PRIx32 "%s%s%.31s%s%.31s",
			 failure->byte_offset, place,
			 failure->instruction[0] == '\0' ? "" : ", instruction ",
			 failure->instruction, failure->operand[0] == '\0' ? "" : ", operand ",
			 failure->operand);
	}
	snprintf(out.text, sizeof(out.text), "%s%s%s%s", penstock_status_name(failure->status),
		 where, failure->sentence[0] == '\0' ? "" : ": ", failure->sentence);
	return out;
}

/* ------------------------------------------------------------------ outcomes */

void penstock_run_failed(struct penstock_run *run, const struct penstock_step *step,
			 const struct penstock_failure *failure)
{
	struct penstock_run_outcome *outcome = &run->outcomes[step - run->script->steps];

	if (outcome->known && outcome->failure.status != PENSTOCK_STATUS_SUCCESS) {
		return;
	}
	outcome->known = true;
	outcome->failure = *failure;
	if (step->expected_by == PENSTOCK_SCRIPT_NONE) {
		penstock_run_fault(run, step, "%s: %s", penstock_step_name(step->kind),
				   penstock_run_describe(step, failure).text);
	}
}

/* A failure that the library found itself has no sentence but the status's own. */
static void failed_here(struct penstock_run *run, const struct penstock_step *step,
			enum penstock_status status)
{
	struct penstock_failure failure = { .status = status };

	snprintf(failure.sentence, sizeof(failure.sentence), "%s", penstock_status_text(status));
	penstock_run_failed(run, step, &failure);
}

void penstock_run_requested(struct penstock_run *run, const struct penstock_step *step,
			    enum penstock_status status)
{
	if (status == PENSTOCK_STATUS_SUCCESS) {
		run->outcomes[step - run->script->steps].serial =
			penstock_request_last(run->connection);
	} else {
		failed_here(run, step, status);
	}
}

void penstock_run_called(struct penstock_run *run, const struct penstock_step *step,
			 enum penstock_status status)
{
	struct penstock_failure failure;

	if (status == PENSTOCK_STATUS_SUCCESS) {
		run->outcomes[step - run->script->steps].known = true;
	} else if (penstock_failure_of_call(run->connection, &failure) == PENSTOCK_STATUS_SUCCESS &&
		   failure.status == status) {
		penstock_run_failed(run, step, &failure);
	} else {
		failed_here(run, step, status);
	}
}

/* Serials grow with the steps. NULL: none of the script's. */
static const struct penstock_step *step_of_serial(const struct penstock_run *run, uint64_t serial)
{
	for (size_t i = 0; i < run->script->step_count; i++) {
		if (run->outcomes[i].serial == serial) {
			return &run->script->steps[i];
		}
	}
	return NULL;
}

/* What the device that was lost says of the fault, if it was this submission's. */
static void ask_device(struct penstock_run *run, const struct penstock_run_object *context,
		       uint64_t fence, struct penstock_failure *failure)
{
	struct penstock_device_report report;

	if (penstock_device_query(run->connection, context->device, &report) !=
		    PENSTOCK_STATUS_SUCCESS ||
	    report.fault_fence != fence) {
		return;
	}
	failure->at_instruction = report.fault_instruction[0] != '\0';
	failure->byte_offset = report.fault_command_offset;
	memcpy(failure->instruction, report.fault_instruction, sizeof(failure->instruction));
	snprintf(failure->sentence, sizeof(failure->sentence), "%s", report.reason);
}

void penstock_run_wait_submission(struct penstock_run *run, const struct penstock_step *step,
				  struct penstock_failure *ret_failure)
{
	const struct penstock_script_submission *submission = step->submission;
	const size_t more = submission == NULL ? 0 : submission->broadcast_count;
	const struct penstock_run_object *context = &run->objects[penstock_step_context(step)];
	const uint64_t fence = run->outcomes[step - run->script->steps].serial;

	*ret_failure = (struct penstock_failure){ .status = PENSTOCK_STATUS_SUCCESS };
	for (size_t i = 0; i <= more; i++) {
		if (i > 0) {
			context = &run->objects[submission->broadcast[i - 1]];
		}
		ret_failure->status = penstock_context_wait(run->connection, context->handle, fence,
							    run->timeout_ms, ret_failure);
		if (ret_failure->status != PENSTOCK_STATUS_SUCCESS) {
			break;
		}
	}
	if (ret_failure->status == PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE) {
		ask_device(run, context, fence, ret_failure);
	}
}

/* Every submission that was made and whose outcome is not known yet. */
static void wait_for_fences(struct penstock_run *run)
{
	for (; run->settled < run->current; run->settled++) {
		const struct penstock_step *step = &run->script->steps[run->settled];
		struct penstock_run_outcome *outcome = &run->outcomes[run->settled];
		struct penstock_failure failure;

		if (penstock_step_context(step) == PENSTOCK_SCRIPT_NONE || outcome->serial == 0 ||
		    outcome->known) {
			continue;
		}
		penstock_run_wait_submission(run, step, &failure);
		if (failure.status != PENSTOCK_STATUS_SUCCESS) {
			penstock_run_failed(run, step, &failure);
		}
		outcome->known = true;
	}
}

void penstock_run_settle(struct penstock_run *run)
{
	struct penstock_failure failure;

	if (penstock_connection_sync(run->connection, run->timeout_ms) != PENSTOCK_STATUS_SUCCESS) {
		run->over = true;
		return;
	}
	wait_for_fences(run);
	while (penstock_failure_next(run->connection, &failure) == PENSTOCK_STATUS_SUCCESS) {
		const struct penstock_step *step = step_of_serial(run, failure.serial);

		if (step != NULL) {
			penstock_run_failed(run, step, &failure);
		}
	}
}

/* ------------------------------------------------------------------ the run */

/* False: the connection is over, which is said. */
static bool still_connected(struct penstock_run *run, const struct penstock_step *step)
{
	const char *sentence = "";
	enum penstock_status status = penstock_connection_status(run->connection, &sentence);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_run_fault(run, step, "the connection ended: %s: %s",
				   penstock_status_name(status), sentence);
		return false;
	}
	if (run->over) {
		penstock_run_fault(run, step, "no answer for %d seconds", run->timeout_ms / 1000);
	}
	return !run->over;
}

static void run_steps(struct penstock_run *run)
{
	const struct penstock_script *script = run->script;
	struct penstock_step end = { .kind = PENSTOCK_STEP_SYNC };

	for (; run->current < script->step_count; run->current++) {
		const struct penstock_step *step = &script->steps[run->current];

		end.line = step->line;
		handlers[step->kind](run, step);
		if (!still_connected(run, step)) {
			return;
		}
	}
	penstock_run_settle(run);
	if (still_connected(run, &end)) {
		(void)penstock_connection_goodbye(run->connection, run->timeout_ms);
	}
}

struct arguments {
	const char *file;
	const char *record; /* NULL: no */
	int32_t timeout_ms;
	uint32_t lease_s;
	uint32_t adapter;
	bool check;
};

static int connect_and_run(const struct penstock_tool *tool, struct penstock_run *run,
			   uint32_t lease_s, struct penstock_recorder *recorder)
{
	struct penstock_options options = PENSTOCK_OPTIONS_INIT;
	struct penstock_session_info info;
	int code;

	options.client = "penstock run";
	options.lease_s = lease_s;
	if (recorder != NULL) {
		options.tap.owner = recorder;
		options.tap.bytes = penstock_recorder_bytes;
	}
	code = penstock_tool_connect(tool, &options, &run->connection);
	if (code != PENSTOCK_EXIT_SUCCESS) {
		return code;
	}
	if (penstock_connection_info(run->connection, &info) == PENSTOCK_STATUS_SUCCESS &&
	    info.pitch_alignment != 0) {
		run->pitch_alignment = info.pitch_alignment;
	}
	run_steps(run);
	penstock_connection_close(run->connection);
	fflush(stdout);
	return run->faults == 0 && !ferror(stdout) ? PENSTOCK_EXIT_SUCCESS : PENSTOCK_EXIT_FAILURE;
}

/* A recording that is not whole is a failure of the run. */
static int record_and_run(const struct penstock_tool *tool, struct penstock_run *run,
			  const struct arguments *arguments)
{
	struct penstock_recorder *recorder = NULL;
	struct penstock_errbuf fault;
	int code;

	if (arguments->record != NULL &&
	    penstock_recorder_open(arguments->record, &recorder, &fault) !=
		    PENSTOCK_STATUS_SUCCESS) {
		penstock_tool_complain("%s", fault.text);
		return PENSTOCK_EXIT_USAGE;
	}
	code = connect_and_run(tool, run, arguments->lease_s, recorder);
	if (penstock_recorder_close(recorder, &fault) != PENSTOCK_STATUS_SUCCESS) {
		penstock_tool_complain("%s", fault.text);
		return PENSTOCK_EXIT_FAILURE;
	}
	return code;
}

static int run_script(const struct penstock_tool *tool, const struct penstock_script *script,
		      const struct arguments *arguments)
{
	struct penstock_run run = { .script = script,
				    .timeout_ms = arguments->timeout_ms,
				    .pitch_alignment = 1,
				    .adapter = arguments->adapter };
	struct penstock_errbuf fault;
	int code = PENSTOCK_EXIT_SUCCESS;

	if (penstock_run_load(&run, &fault) != PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "%s\n", fault.text);
		code = PENSTOCK_EXIT_USAGE;
	} else if (!arguments->check) {
		code = record_and_run(tool, &run, arguments);
	}
	penstock_run_unload(&run);
	return code;
}

static bool parse_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
	static const struct option options[] = { { "adapter", required_argument, NULL, 'a' },
						 { "check", no_argument, NULL, 'c' },
						 { "lease", required_argument, NULL, 'l' },
						 { "record", required_argument, NULL, 'r' },
						 { "timeout", required_argument, NULL, 't' },
						 { NULL, 0, NULL, 0 } };
	struct arguments arguments = { .timeout_ms = PENSTOCK_TOOL_TIMEOUT_MS };
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c') {
			arguments.check = true;
		} else if (option == 'r') {
			arguments.record = optarg;
		} else if (option == 'a') {
			if (!penstock_tool_adapter(optarg, &arguments.adapter)) {
				return false;
			}
		} else if (option == 'l') {
			if (!penstock_tool_lease(optarg, &arguments.lease_s)) {
				return false;
			}
		} else if (option != 't' || !penstock_tool_timeout(optarg, &arguments.timeout_ms)) {
			return false;
		}
	}
	if (argc - optind != 1) {
		penstock_tool_complain("run takes one script");
		return false;
	}
	arguments.file = argv[optind];
	*ret_arguments = arguments;
	return true;
}

int penstock_tool_run(const struct penstock_tool *tool, int argc, char **argv)
{
	struct penstock_script *script = NULL;
	struct penstock_errbuf fault;
	struct arguments arguments;
	enum penstock_status status;
	uint8_t *text = NULL;
	size_t length = 0;
	int code;

	if (!parse_arguments(argc, argv, &arguments)) {
		return PENSTOCK_EXIT_USAGE;
	}
	status = penstock_file_read(arguments.file, PENSTOCK_SCRIPT_BYTES_MAX, &text, &length,
				    &fault);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_script_parse(arguments.file, (const char *)text, length, &script,
					       &fault);
	}
	free(text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "%s\n", fault.text);
		return PENSTOCK_EXIT_USAGE;
	}
	code = run_script(tool, script, &arguments);
	penstock_script_free(script);
	return code;
}
