/* SPDX-License-Identifier: MIT */
/*
 * A script of the penstock tool (docs/assembly.md) as data: what `penstock run` does, step by
 * step. Parsing is pure: it opens no file and no connection, and names are resolved and
 * instructions assembled here, so that every fault of a script is found before its first request.
 */
#ifndef PENSTOCK_SCRIPT_H
#define PENSTOCK_SCRIPT_H

#include "proto/base/base.h"
#include "proto/graphics.h"
#include "proto/values.h"
#include "proto/wire/status.h"

#define PENSTOCK_SCRIPT_NONE      UINT32_MAX
#define PENSTOCK_SCRIPT_BYTES_MAX (64u << 20) /* of a script's text */
#define PENSTOCK_SCRIPT_SHADERS   6u          /* stages that a pipeline may have */

enum penstock_script_kind {
	PENSTOCK_SCRIPT_DEVICE = 0x1,
	PENSTOCK_SCRIPT_CONTEXT = 0x2,
	PENSTOCK_SCRIPT_ALLOCATION = 0x4,
	PENSTOCK_SCRIPT_TOKEN = 0x8,
	PENSTOCK_SCRIPT_SYNC_OBJECT = 0x10,
	PENSTOCK_SCRIPT_PIPELINE = 0x20,
	PENSTOCK_SCRIPT_HANDLE = 0x37, /* a number that stands for any but a token */
};

/* A name of the script. */
struct penstock_script_object {
	enum penstock_script_kind kind;
	char *name;       /* owned */
	uint32_t made_by; /* step */
};

enum penstock_step_kind {
	PENSTOCK_STEP_DEVICE,
	PENSTOCK_STEP_CONTEXT,
	PENSTOCK_STEP_ALLOCATION,
	PENSTOCK_STEP_PIPELINE,
	PENSTOCK_STEP_HANDLE,
	PENSTOCK_STEP_SHARE,
	PENSTOCK_STEP_OPEN,
	PENSTOCK_STEP_DESTROY,
	PENSTOCK_STEP_OFFER,
	PENSTOCK_STEP_RECLAIM,
	PENSTOCK_STEP_UPLOAD,
	PENSTOCK_STEP_SUBMIT,
	PENSTOCK_STEP_SYNC_OBJECT,
	PENSTOCK_STEP_OPEN_SYNC_OBJECT,
	PENSTOCK_STEP_SIGNAL,
	PENSTOCK_STEP_WAIT,
	PENSTOCK_STEP_SYNC,
	PENSTOCK_STEP_EXPECT_STATUS,
	PENSTOCK_STEP_EXPECT_BYTES,
	PENSTOCK_STEP_EXPECT_PIXELS,
	PENSTOCK_STEP_EXPECT_HASH,
	PENSTOCK_STEP_EXPECT_VALUE,
	PENSTOCK_STEP_READ,
	PENSTOCK_STEP_PRINT_TEXT,
	PENSTOCK_STEP_PRINT_HEX,
	PENSTOCK_STEP_PRINT_HASH,
	PENSTOCK_STEP_PRINT_TOKEN,
	PENSTOCK_STEP_KIND_MAX
};

struct penstock_script_bytes {
	uint8_t *bytes; /* owned */
	size_t length;
	size_t capacity;
};

/* An element of an allocation list; PENSTOCK_SCRIPT_NONE is the NULL element. */
struct penstock_script_element {
	uint32_t object;
	uint32_t flags; /* PENSTOCK_ALLOCATION_ */
};

/* Where an instruction stands in the script. */
struct penstock_script_location {
	uint32_t byte_offset;
	unsigned line;
};

struct penstock_script_submission {
	struct penstock_script_element *elements; /* owned, like all here */
	size_t element_count, element_capacity;
	struct penstock_patch_location *patches;
	size_t patch_count, patch_capacity;
	uint32_t *broadcast; /* objects: further contexts */
	size_t broadcast_count, broadcast_capacity;
	struct penstock_script_location *locations;
	size_t location_count, location_capacity;
	uint8_t *command;
	uint32_t command_bytes;
};

/* Parameters that can be left out; a bit in penstock_step.given where they were not. */
#define PENSTOCK_GIVEN_SIZE           0x1u
#define PENSTOCK_GIVEN_WIDTH          0x2u
#define PENSTOCK_GIVEN_HEIGHT         0x4u
#define PENSTOCK_GIVEN_FORMAT         0x8u
#define PENSTOCK_GIVEN_AT             0x10u
#define PENSTOCK_GIVEN_CONTENT        0x20u
#define PENSTOCK_GIVEN_COMMAND_LENGTH 0x40u
#define PENSTOCK_GIVEN_X              0x80u
#define PENSTOCK_GIVEN_Y              0x100u
#define PENSTOCK_GIVEN_RECT           0x200u
#define PENSTOCK_GIVEN_COLOR          0x400u
#define PENSTOCK_GIVEN_ADAPTER        0x800u
#define PENSTOCK_GIVEN_VALUE          0x1000u
#define PENSTOCK_GIVEN_KEPT           0x2000u
#define PENSTOCK_GIVEN_LOST           0x4000u

/*
 * One statement. Numbers that a statement does not have, or that were left out, are 0. Objects are
 * indices of penstock_script.objects or PENSTOCK_SCRIPT_NONE.
 */
struct penstock_step {
	enum penstock_step_kind kind;
	unsigned line;
	uint32_t given;
	uint32_t subject; /* the object made, used or looked at */
	uint32_t device;
	uint32_t context; /* of a signal or wait; PENSTOCK_SCRIPT_NONE: the script itself */
	uint32_t token;
	uint32_t request;     /* expect status: the step whose outcome it is */
	uint32_t expected_by; /* the step that expects this one's outcome */

	/* device, context, allocation; the names of penstock.h */
	uint64_t adapter;
	uint64_t flags;
	uint64_t node;
	uint64_t affinity;
	uint64_t dma_buffer;
	uint64_t allocation_list;
	uint64_t patch_list;
	int32_t priority;
	uint64_t allocation_priority;
	uint64_t width;
	uint64_t height;
	uint64_t format; /* enum penstock_format */
	uint64_t type;   /* enum penstock_surface_type */
	uint64_t pitch;
	uint64_t segments;
	uint64_t preferred;
	uint64_t offered; /* PENSTOCK_OFFER_ */
	uint64_t value;   /* handle, synchronisation object */
	uint64_t token_high;
	uint64_t token_low;

	/* content, where it stands and where it goes */
	uint64_t offset;
	uint64_t size;
	struct penstock_script_bytes hex; /* content, bytes or hash that are expected */
	char *file;                       /* owned; a raw file */
	char *png;                        /* owned */
	char *text;                       /* owned */

	/* pipeline: its shaders by PENSTOCK_EXECUTION_MODEL_, what is said of all, its state */
	char *shaders[PENSTOCK_SCRIPT_SHADERS];             /* owned; NULL: no such stage */
	char *entry;                                        /* owned; NULL: main */
	struct penstock_graphics_state *graphics;           /* owned; NULL: none was given */
	struct penstock_specialization_constant *constants; /* owned */
	size_t constant_count, constant_capacity;

	/* pixels */
	uint64_t x;
	uint64_t y;
	struct penstock_rect rect;
	uint64_t color;
	uint64_t tolerance;

	/* submit */
	uint64_t command_offset;
	uint64_t command_length;
	uint64_t new_command_bytes;
	uint64_t new_allocation_list;
	uint64_t new_patch_list;
	struct penstock_script_submission *submission; /* owned */

	/* expect status */
	enum penstock_status status;
	uint64_t at;
};

struct penstock_script {
	char *file; /* owned; as it was given, for sentences */
	struct penstock_script_object *objects;
	size_t object_count, object_capacity;
	struct penstock_step *steps;
	size_t step_count, step_capacity;
};

/*
 * Parses a script. On SUCCESS the caller frees *ret_script with penstock_script_free.
 * INVALID_PARAMETER or LIMIT_EXCEEDED with "file:line:column: fault"; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_script_parse(const char *file, const char *text, size_t text_bytes,
					   struct penstock_script **ret_script,
					   struct penstock_errbuf *reterr_text);

/* NULL is accepted. */
void penstock_script_free(struct penstock_script *script);

/* The line of the instruction that holds `byte_offset` of a submission; 0: none does. */
unsigned penstock_script_line_of(const struct penstock_script_submission *submission,
				 uint32_t byte_offset);

/* The context whose submission the step is, packets too; PENSTOCK_SCRIPT_NONE: it is none. */
uint32_t penstock_step_context(const struct penstock_step *step);

/* "allocation", for sentences. */
const char *penstock_step_name(enum penstock_step_kind kind);

#endif
