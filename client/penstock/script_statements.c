/* SPDX-License-Identifier: MIT */
/*
 * The statements of a script, a table: what each is called, what it makes or uses, and which
 * parameters it takes. docs/assembly.md says the same for people.
 */
#include "client/penstock/script_parser.h"

/* ------------------------------------------------------------------ what statements take */

#define NUMBER(name, field, limit)                                                                 \
	{                                                                                          \
		name, PENSTOCK_VALUE_NUMBER, 0, offsetof(struct penstock_step, field), limit, 0    \
	}
#define NUMBER_GIVEN(name, field, limit, given)                                                    \
	{                                                                                          \
		name, PENSTOCK_VALUE_NUMBER, given, offsetof(struct penstock_step, field), limit,  \
			0                                                                          \
	}
#define NUMBER_FLAG(name, field, flag)                                                             \
	{                                                                                          \
		name, PENSTOCK_VALUE_NUMBER, 0, offsetof(struct penstock_step, field), UINT32_MAX, \
			flag                                                                       \
	}
#define VALUE(name, type, field, given)                                                            \
	{                                                                                          \
		name, PENSTOCK_VALUE_##type, given, offsetof(struct penstock_step, field), 0, 0    \
	}
#define FLAG(name, value)                                                                          \
	{                                                                                          \
		name, PENSTOCK_VALUE_FLAG, 0, 0, value, 0                                          \
	}
#define WORD(name, given)                                                                          \
	{                                                                                          \
		name, PENSTOCK_VALUE_FLAG, given, 0, 0, 0                                          \
	}
#define FLAGS                                                                                      \
	{                                                                                          \
		"flags", PENSTOCK_VALUE_FLAGS, 0, 0, 0, 0                                          \
	}
#define LAST                                                                                       \
	{                                                                                          \
		NULL, PENSTOCK_VALUE_FLAG, 0, 0, 0, 0                                              \
	}
#define CONTENT                                                                                    \
	VALUE("hex", HEX, hex, PENSTOCK_GIVEN_CONTENT),                                            \
		VALUE("file", STRING, file, PENSTOCK_GIVEN_CONTENT),                               \
		VALUE("png", STRING, png, PENSTOCK_GIVEN_CONTENT)
#define RANGE                                                                                      \
	NUMBER("offset", offset, UINT64_MAX),                                                      \
		NUMBER_GIVEN("size", size, UINT64_MAX, PENSTOCK_GIVEN_SIZE)

static const struct penstock_parameter nothing[] = { LAST };
static const struct penstock_parameter device_parameters[] = {
	NUMBER_GIVEN("adapter", adapter, UINT32_MAX, PENSTOCK_GIVEN_ADAPTER), FLAGS, LAST
};
static const struct penstock_parameter context_parameters[] = {
	VALUE("device", DEVICE, device, 0),
	NUMBER("node", node, UINT32_MAX),
	NUMBER("affinity", affinity, UINT32_MAX),
	FLAG("gdi", 0x2),
	FLAG("guaranteed", 0x10000),
	FLAGS,
	NUMBER("dma_buffer", dma_buffer, UINT32_MAX),
	NUMBER("allocation_list", allocation_list, UINT32_MAX),
	NUMBER("patch_list", patch_list, UINT32_MAX),
	VALUE("priority", I32, priority, 0),
	LAST
};
static const struct penstock_parameter allocation_parameters[] = {
	VALUE("device", DEVICE, device, 0),
	NUMBER_GIVEN("size", size, UINT64_MAX, PENSTOCK_GIVEN_SIZE),
	NUMBER_GIVEN("width", width, UINT32_MAX, PENSTOCK_GIVEN_WIDTH),
	NUMBER_GIVEN("height", height, UINT32_MAX, PENSTOCK_GIVEN_HEIGHT),
	VALUE("format", FORMAT, format, PENSTOCK_GIVEN_FORMAT),
	VALUE("type", SURFACE, type, 0),
	NUMBER("pitch", pitch, UINT32_MAX),
	NUMBER("segments", segments, UINT32_MAX),
	NUMBER("preferred", preferred, UINT32_MAX),
	NUMBER("priority", allocation_priority, UINT32_MAX),
	FLAGS,
	CONTENT,
	LAST
};
#define SHADER(name, stage)                                                                        \
	VALUE(name, STRING, shaders[PENSTOCK_EXECUTION_MODEL_##stage], PENSTOCK_GIVEN_CONTENT)
static const struct penstock_parameter pipeline_parameters[] = {
	VALUE("device", DEVICE, device, 0),
	SHADER("compute", COMPUTE),
	SHADER("vertex", VERTEX),
	SHADER("control", TESSELLATION_CONTROL),
	SHADER("evaluation", TESSELLATION_EVALUATION),
	SHADER("geometry", GEOMETRY),
	SHADER("fragment", FRAGMENT),
	VALUE("entry", STRING, entry, 0),
	VALUE("constants", CONSTANTS, constants, 0),
	LAST
};
static const struct penstock_parameter offer_parameters[] = { VALUE("priority", OFFER, offered, 0),
							      LAST };
/* What is expected of its content. */
static const struct penstock_parameter reclaim_parameters[] = { WORD("kept", PENSTOCK_GIVEN_KEPT),
								WORD("lost", PENSTOCK_GIVEN_LOST),
								LAST };
static const struct penstock_parameter handle_parameters[] = { NUMBER("value", value, UINT64_MAX),
							       LAST };
static const struct penstock_parameter share_parameters[] = { VALUE("token", NEW_TOKEN, token, 0),
							      LAST };
/* What an opening is can be said too: it is not known where the token comes from elsewhere. */
static const struct penstock_parameter open_parameters[] = {
	VALUE("token", TOKEN, token, PENSTOCK_GIVEN_CONTENT),
	VALUE("device", DEVICE, device, 0),
	FLAG("read_only", 1),
	NUMBER_GIVEN("size", size, UINT64_MAX, PENSTOCK_GIVEN_SIZE),
	NUMBER_GIVEN("width", width, UINT32_MAX, PENSTOCK_GIVEN_WIDTH),
	NUMBER_GIVEN("height", height, UINT32_MAX, PENSTOCK_GIVEN_HEIGHT),
	VALUE("format", FORMAT, format, PENSTOCK_GIVEN_FORMAT),
	NUMBER("pitch", pitch, UINT32_MAX),
	LAST
};
static const struct penstock_parameter sync_object_parameters[] = {
	VALUE("device", DEVICE, device, 0), NUMBER("value", value, UINT64_MAX), LAST
};
static const struct penstock_parameter open_sync_object_parameters[] = {
	VALUE("token", TOKEN, token, PENSTOCK_GIVEN_CONTENT), VALUE("device", DEVICE, device, 0),
	LAST
};
static const struct penstock_parameter packet_parameters[] = {
	NUMBER_GIVEN("value", value, UINT64_MAX, PENSTOCK_GIVEN_VALUE),
	VALUE("context", CONTEXT, context, 0), LAST
};
static const struct penstock_parameter expect_value_parameters[] = {
	NUMBER_GIVEN("is", value, UINT64_MAX, PENSTOCK_GIVEN_VALUE), LAST
};
static const struct penstock_parameter upload_parameters[] = {
	NUMBER("offset", offset, UINT64_MAX),
	CONTENT,
	FLAG("donot_wait", PENSTOCK_LOCK_DONOT_WAIT),
	FLAG("ignore_sync", PENSTOCK_LOCK_IGNORE_SYNC),
	FLAG("discard", PENSTOCK_LOCK_DISCARD),
	FLAG("ignore_read_sync", PENSTOCK_LOCK_IGNORE_READ_SYNC),
	FLAGS,
	LAST
};
static const struct penstock_parameter submit_parameters[] = {
	FLAG("km", PENSTOCK_SUBMIT_RENDER_KM),
	FLAG("null_rendering", PENSTOCK_SUBMIT_NULL_RENDERING),
	FLAG("if_predecessor_ran", PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN),
	FLAGS,
	NUMBER_FLAG("resize_command_buffer", new_command_bytes,
		    PENSTOCK_SUBMIT_RESIZE_COMMAND_BUFFER),
	NUMBER_FLAG("resize_allocation_list", new_allocation_list,
		    PENSTOCK_SUBMIT_RESIZE_ALLOCATION_LIST),
	NUMBER_FLAG("resize_patch_list", new_patch_list,
		    PENSTOCK_SUBMIT_RESIZE_PATCH_LOCATION_LIST),
	NUMBER("command_offset", command_offset, UINT32_MAX),
	NUMBER_GIVEN("command_length", command_length, UINT32_MAX, PENSTOCK_GIVEN_COMMAND_LENGTH),
	LAST
};
static const struct penstock_parameter expect_bytes_parameters[] = {
	NUMBER("offset", offset, UINT64_MAX), VALUE("hex", HEX, hex, PENSTOCK_GIVEN_CONTENT),
	VALUE("file", STRING, file, PENSTOCK_GIVEN_CONTENT), LAST
};
static const struct penstock_parameter expect_pixels_parameters[] = {
	NUMBER_GIVEN("x", x, UINT32_MAX, PENSTOCK_GIVEN_X),
	NUMBER_GIVEN("y", y, UINT32_MAX, PENSTOCK_GIVEN_Y),
	VALUE("rect", RECT, rect, PENSTOCK_GIVEN_RECT),
	NUMBER_GIVEN("color", color, UINT32_MAX, PENSTOCK_GIVEN_COLOR),
	NUMBER("tolerance", tolerance, 255),
	VALUE("png", STRING, png, PENSTOCK_GIVEN_CONTENT),
	LAST
};
static const struct penstock_parameter expect_hash_parameters[] = {
	RANGE, VALUE("is", HEX, hex, PENSTOCK_GIVEN_CONTENT), LAST
};
static const struct penstock_parameter read_parameters[] = {
	RANGE, VALUE("file", STRING, file, PENSTOCK_GIVEN_CONTENT),
	VALUE("png", STRING, png, PENSTOCK_GIVEN_CONTENT), LAST
};
static const struct penstock_parameter print_parameters[] = { RANGE, LAST };

/* ------------------------------------------------------------------ the statements */

/* Who transfers to or from a pipeline is refused by the daemon, which a script may want to see. */
#define MEMORY (PENSTOCK_SCRIPT_ALLOCATION | PENSTOCK_SCRIPT_PIPELINE)

const struct penstock_statement penstock_statements[PENSTOCK_STEP_KIND_MAX] = {
	[PENSTOCK_STEP_DEVICE] = { "device", NULL, device_parameters, PENSTOCK_SCRIPT_DEVICE, 0,
				   NULL, true, false, 0, NULL },
	[PENSTOCK_STEP_CONTEXT] = { "context", NULL, context_parameters, PENSTOCK_SCRIPT_CONTEXT, 0,
				    NULL, true, true, 0, NULL },
	[PENSTOCK_STEP_ALLOCATION] = { "allocation", NULL, allocation_parameters,
				       PENSTOCK_SCRIPT_ALLOCATION, 0, NULL, true, true, 0, NULL },
	[PENSTOCK_STEP_PIPELINE] = { "pipeline", NULL, pipeline_parameters,
				     PENSTOCK_SCRIPT_PIPELINE, 0, NULL, true, true,
				     PENSTOCK_GIVEN_CONTENT, "compute= or vertex=" },
	[PENSTOCK_STEP_HANDLE] = { "handle", NULL, handle_parameters, PENSTOCK_SCRIPT_HANDLE, 0,
				   NULL, false, false, 0, NULL },
	[PENSTOCK_STEP_SHARE] = { "share", NULL, share_parameters, 0,
				  MEMORY | PENSTOCK_SCRIPT_SYNC_OBJECT,
				  "an allocation, pipeline or synchronisation object", true, false,
				  0, NULL },
	[PENSTOCK_STEP_OPEN] = { "open", NULL, open_parameters, PENSTOCK_SCRIPT_ALLOCATION, 0, NULL,
				 true, true, PENSTOCK_GIVEN_CONTENT, "token=" },
	[PENSTOCK_STEP_DESTROY] = { "destroy", NULL, nothing, 0,
				    PENSTOCK_SCRIPT_DEVICE | PENSTOCK_SCRIPT_CONTEXT | MEMORY |
					    PENSTOCK_SCRIPT_SYNC_OBJECT,
				    "a device, context, allocation, pipeline or synchronisation "
				    "object",
				    true, false, 0, NULL },
	[PENSTOCK_STEP_OFFER] = { "offer", NULL, offer_parameters, 0, PENSTOCK_SCRIPT_ALLOCATION,
				  "an allocation", true, false, 0, NULL },
	[PENSTOCK_STEP_RECLAIM] = { "reclaim", NULL, reclaim_parameters, 0,
				    PENSTOCK_SCRIPT_ALLOCATION, "an allocation", true, false, 0,
				    NULL },
	[PENSTOCK_STEP_UPLOAD] = { "upload", NULL, upload_parameters, 0, MEMORY, "an allocation",
				   true, false, PENSTOCK_GIVEN_CONTENT, "hex=, file= or png=" },
	[PENSTOCK_STEP_SUBMIT] = { "submit", NULL, submit_parameters, 0, PENSTOCK_SCRIPT_CONTEXT,
				   "a context", true, false, 0, NULL },
	[PENSTOCK_STEP_SYNC_OBJECT] = { "sync_object", NULL, sync_object_parameters,
					PENSTOCK_SCRIPT_SYNC_OBJECT, 0, NULL, true, true, 0, NULL },
	[PENSTOCK_STEP_OPEN_SYNC_OBJECT] = { "open_sync_object", NULL, open_sync_object_parameters,
					     PENSTOCK_SCRIPT_SYNC_OBJECT, 0, NULL, true, true,
					     PENSTOCK_GIVEN_CONTENT, "token=" },
	[PENSTOCK_STEP_SIGNAL] = { "signal", NULL, packet_parameters, 0,
				   PENSTOCK_SCRIPT_SYNC_OBJECT, "a synchronisation object", true,
				   false, PENSTOCK_GIVEN_VALUE, "value=" },
	[PENSTOCK_STEP_WAIT] = { "wait", NULL, packet_parameters, 0, PENSTOCK_SCRIPT_SYNC_OBJECT,
				 "a synchronisation object", true, false, PENSTOCK_GIVEN_VALUE,
				 "value=" },
	[PENSTOCK_STEP_SYNC] = { "sync", NULL, nothing, 0, 0, NULL, false, false, 0, NULL },
	[PENSTOCK_STEP_EXPECT_STATUS] = { "expect", NULL, nothing, 0, 0, NULL, false, false, 0,
					  NULL },
	[PENSTOCK_STEP_EXPECT_BYTES] = { "expect", "bytes", expect_bytes_parameters, 0,
					 PENSTOCK_SCRIPT_ALLOCATION, "an allocation", false, false,
					 PENSTOCK_GIVEN_CONTENT, "hex= or file=" },
	[PENSTOCK_STEP_EXPECT_PIXELS] = { "expect", "pixels", expect_pixels_parameters, 0,
					  PENSTOCK_SCRIPT_ALLOCATION, "an allocation", false, false,
					  0, NULL },
	[PENSTOCK_STEP_EXPECT_HASH] = { "expect", "hash", expect_hash_parameters, 0,
					PENSTOCK_SCRIPT_ALLOCATION, "an allocation", false, false,
					PENSTOCK_GIVEN_CONTENT, "is=" },
	[PENSTOCK_STEP_EXPECT_VALUE] = { "expect", "value", expect_value_parameters, 0,
					 PENSTOCK_SCRIPT_SYNC_OBJECT, "a synchronisation object",
					 false, false, PENSTOCK_GIVEN_VALUE, "is=" },
	[PENSTOCK_STEP_READ] = { "read", NULL, read_parameters, 0, MEMORY, "an allocation", true,
				 false, PENSTOCK_GIVEN_CONTENT, "file= or png=" },
	[PENSTOCK_STEP_PRINT_TEXT] = { "print", NULL, nothing, 0, 0, NULL, false, false, 0, NULL },
	[PENSTOCK_STEP_PRINT_HEX] = { "print", "hex", print_parameters, 0,
				      PENSTOCK_SCRIPT_ALLOCATION, "an allocation", false, false, 0,
				      NULL },
	[PENSTOCK_STEP_PRINT_HASH] = { "print", "hash", print_parameters, 0,
				       PENSTOCK_SCRIPT_ALLOCATION, "an allocation", false, false, 0,
				       NULL },
	[PENSTOCK_STEP_PRINT_TOKEN] = { "print", "token", nothing, 0, PENSTOCK_SCRIPT_TOKEN,
					"a share token", false, false, 0, NULL },
};

uint32_t penstock_step_context(const struct penstock_step *step)
{
	if (step->kind == PENSTOCK_STEP_SIGNAL || step->kind == PENSTOCK_STEP_WAIT) {
		return step->context;
	}
	return step->kind == PENSTOCK_STEP_SUBMIT ? step->subject : PENSTOCK_SCRIPT_NONE;
}

const char *penstock_step_name(enum penstock_step_kind kind)
{
	PENSTOCK_REQUIRE(kind < PENSTOCK_STEP_KIND_MAX);
	return penstock_statements[kind].second != NULL ? penstock_statements[kind].second
							: penstock_statements[kind].word;
}
