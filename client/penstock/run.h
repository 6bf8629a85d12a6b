/* SPDX-License-Identifier: MIT */
/*
 * A script on its way: what its names became on the daemon, and what became of its requests.
 * Requests are pipelined; the script waits where it expects, reads, prints or says sync. A request
 * that fails without being expected to is reported and the script goes on, so that one run shows
 * all that is wrong; it ends early only with the connection. One thread.
 */
#ifndef PENSTOCK_RUN_H
#define PENSTOCK_RUN_H

#include "client/penstock/picture.h"
#include "client/penstock/script.h"
#include "client/penstock/tool.h"

/* A shader of a step, as SPIR-V. */
struct penstock_run_shader {
	uint8_t *bytes; /* owned; NULL: none */
	size_t length;
};

/* The file, shaders or PNG of a step, read before the first request. */
struct penstock_run_content {
	struct penstock_run_shader *shaders; /* [PENSTOCK_SCRIPT_SHADERS], owned; of a pipeline */
	uint8_t *bytes;                      /* owned; NULL: none, or an image */
	size_t length;
	struct penstock_picture picture; /* owned; pixels NULL: none */
};

/* What became of a step's request. */
struct penstock_run_outcome {
	uint64_t serial; /* 0: no request was made */
	bool known;
	struct penstock_failure failure; /* status SUCCESS: it went well */
};

/* What a name of the script became. */
struct penstock_run_object {
	uint64_t handle;
	struct penstock_share_token token;
	uint32_t shared;     /* token: the object that it is of, or PENSTOCK_SCRIPT_NONE */
	uint64_t device;     /* context: the handle of its device */
	uint64_t size_bytes; /* allocation; 0: not known */
	uint32_t width;      /* all 0: no surface */
	uint32_t height;
	uint32_t format;
	uint64_t pitch_bytes;
};

struct penstock_run {
	const struct penstock_script *script; /* borrowed */
	struct penstock_connection *connection;
	int32_t timeout_ms;
	uint32_t pitch_alignment;
	uint32_t adapter;                      /* of devices that do not name one */
	struct penstock_run_content *contents; /* [step_count], owned, like the next two */
	struct penstock_run_outcome *outcomes; /* [step_count] */
	struct penstock_run_object *objects;   /* [object_count] */
	size_t current;                        /* step under way */
	size_t settled;                        /* every submission of the steps before it is done */
	bool over; /* the connection ended, or nothing is answered any more */
	unsigned faults;
};

typedef void penstock_run_step(struct penstock_run *run, const struct penstock_step *step);

/* run_request.c */
penstock_run_step penstock_run_device, penstock_run_context, penstock_run_allocation,
	penstock_run_pipeline, penstock_run_handle, penstock_run_share, penstock_run_open,
	penstock_run_destroy, penstock_run_offer, penstock_run_reclaim, penstock_run_upload,
	penstock_run_submit, penstock_run_read;

/* run_sync.c */
penstock_run_step penstock_run_sync_object, penstock_run_open_sync_object, penstock_run_signal,
	penstock_run_wait, penstock_run_expect_value;

/* run_expect.c */
penstock_run_step penstock_run_sync, penstock_run_expect_status, penstock_run_expect_bytes,
	penstock_run_expect_pixels, penstock_run_expect_hash, penstock_run_print_text,
	penstock_run_print_hex, penstock_run_print_hash, penstock_run_print_token;

/*
 * run_content.c: reads every file of the script, and computes what is known of surfaces without a
 * daemon. On failure one sentence "script:line: fault".
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_run_load(struct penstock_run *run,
				       struct penstock_errbuf *reterr_text);
void penstock_run_unload(struct penstock_run *run);

/* The name of the step's subject, for sentences. */
const char *penstock_run_subject(const struct penstock_run *run, const struct penstock_step *step);

/* "script:line: fault" on the standard error; the run will exit 1. */
void penstock_run_fault(struct penstock_run *run, const struct penstock_step *step,
			const char *format, ...) PENSTOCK_PRINTF(3, 4);

/* A request was made, or could not be: its outcome comes later, or is known. */
void penstock_run_requested(struct penstock_run *run, const struct penstock_step *step,
			    enum penstock_status status);

/* A call that waits has returned: its outcome is known. */
void penstock_run_called(struct penstock_run *run, const struct penstock_step *step,
			 enum penstock_status status);

/* token= of the step: of this script, or from elsewhere. */
struct penstock_share_token penstock_run_token(const struct penstock_run *run,
					       const struct penstock_step *step);

/*
 * Waits until the submission of a step has ended. Where it met a fault of the GPU, *ret_failure
 * says where in its command buffer, as its device knows it.
 */
void penstock_run_wait_submission(struct penstock_run *run, const struct penstock_step *step,
				  struct penstock_failure *ret_failure);

/* Takes note of a failure; reports it where the script does not expect it. */
void penstock_run_failed(struct penstock_run *run, const struct penstock_step *step,
			 const struct penstock_failure *failure);

/* "INVALID_HANDLE at byte 0x20 (line 12), instruction copy, operand source: ..." */
struct penstock_run_text {
	char text[512];
};
struct penstock_run_text penstock_run_describe(const struct penstock_step *step,
					       const struct penstock_failure *failure);

/* Waits until everything is done and takes note of all failures. */
void penstock_run_settle(struct penstock_run *run);

/* offset= and size= of the step, size being the rest where it is left out. False: reported. */
bool penstock_run_range(struct penstock_run *run, const struct penstock_step *step,
			uint64_t *ret_offset, uint64_t *ret_size);

/*
 * Reads back; the caller frees. NULL: *ret_status says what the daemon or the library said, or
 * SUCCESS where the fault is reported already.
 */
uint8_t *penstock_run_read_back(struct penstock_run *run, const struct penstock_step *step,
				uint64_t offset, uint64_t size, enum penstock_status *ret_status);

#endif
