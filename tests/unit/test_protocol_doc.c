/* SPDX-License-Identifier: MIT */
/* docs/protocol.md says what the tables say: statuses, frame types, limits, record layouts. */
#include "proto/wire/frame.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *page;

static void read_page(void)
{
	const char *top = getenv("PENSTOCK_SRCDIR");
	char path[512];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "%s/docs/protocol.md", top != NULL ? top : ".");
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s cannot be read", path);
	page = calloc(1, 1u << 20);
	ck_assert_ptr_nonnull(page);
	size = fread(page, 1, (1u << 20) - 1, file);
	ck_assert_uint_gt(size, 0);
	fclose(file);
}

static void free_page(void)
{
	free(page);
}

static void says(const char *format, ...) PENSTOCK_PRINTF(1, 2);

static void says(const char *format, ...)
{
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	ck_assert_msg(strstr(page, line) != NULL, "docs/protocol.md does not say '%s'", line);
}

static unsigned rows_starting_with(const char *start)
{
	unsigned count = 0;

	for (const char *at = page; (at = strstr(at, start)) != NULL; at++) {
		count += at == page || at[-1] == '\n';
	}
	return count;
}

START_TEST(the_page_lists_every_status)
{
	unsigned count = 0;

#define STATUS(name, value, text)                                                                  \
	says("\n| %s | 0x%08X | %s |\n", #name, (unsigned)value, text);                            \
	count++;
#include "proto/wire/status.def"
#undef STATUS
	ck_assert_ptr_nonnull(strstr(page, "\n| status | value | meaning |\n"));
	page = memmove(page, strstr(page, "\n| status | value | meaning |\n"),
		       strlen(strstr(page, "\n| status | value | meaning |\n")) + 1);
	ck_assert_uint_eq(rows_starting_with("| "), count + 1);
}
END_TEST

START_TEST(the_page_lists_every_frame)
{
	unsigned count = 0;

#define FRAME(name, number, message)                                                               \
	says("\n| 0x%02x | %s | %s |", (unsigned)number, #name, #message);                         \
	count++;
	PENSTOCK_FRAMES(FRAME)
#undef FRAME
	ck_assert_uint_eq(rows_starting_with("| 0x"), count + 10); /* and the submit flags */
}
END_TEST

START_TEST(the_page_gives_the_limits)
{
	says("\n| message of a frame to the daemon | %u bytes |", PENSTOCK_LIMIT_MESSAGE_BYTES);
	says("\n| payload of a frame | %u bytes |", PENSTOCK_LIMIT_PAYLOAD_BYTES);
	says("| %u bytes, %u blocks |", PENSTOCK_LIMIT_UNPACK_BYTES, PENSTOCK_LIMIT_UNPACK_BLOCKS);
	says("\n| connections of the daemon | %u |", PENSTOCK_LIMIT_CONNECTIONS);
	says("\n| submissions held, a connection | %u |", PENSTOCK_LIMIT_HELD_SUBMISSIONS);
	says("\n| submissions held, a context | %u |", PENSTOCK_LIMIT_CONTEXT_SUBMISSIONS);
	says("\n| bytes held, a connection | %u |", PENSTOCK_LIMIT_HELD_BYTES);
	says("a principal's together | %u bytes |", PENSTOCK_LIMIT_RECEIVING_BYTES);
	says("all its sessions together | %u bytes |", PENSTOCK_LIMIT_PRINCIPAL_HELD_BYTES);
	says("\n| memory of a principal's DMA buffers, beside its quota | %u bytes |",
	     PENSTOCK_LIMIT_DMA_POOL_BYTES);
	says("\n| answers not yet written | %u bytes |", PENSTOCK_LIMIT_OUTBOX_BYTES);
	says("\n| read-backs not yet written | %u |", PENSTOCK_LIMIT_READS_IN_FLIGHT);
	says("\n| names of a session | %u |", PENSTOCK_LIMIT_NAMES);
	says("\n| sessions of a principal | %u |", PENSTOCK_LIMIT_SESSIONS_PER_PRINCIPAL);
	says("\n| submissions of a frame | %u |", PENSTOCK_LIMIT_SUBMISSIONS_PER_FRAME);
	says("\n| command bytes of a submission | %u |", PENSTOCK_LIMIT_COMMAND_BYTES);
	says("\n| allocation list of a submission | %u elements |", PENSTOCK_LIMIT_ALLOCATION_LIST);
	says("\n| patch list of a submission | %u entries |", PENSTOCK_LIMIT_PATCH_LIST);
	says("\n| further contexts of a submission | %u |", PENSTOCK_LIMIT_BROADCAST_CONTEXTS);
	says("\n| size of an allocation | %llu bytes |", PENSTOCK_LIMIT_ALLOCATION_BYTES);
	says("\n| allocations of an offer, a reclaim or a priority | %u |",
	     PENSTOCK_LIMIT_REQUEST_ALLOCATIONS);
	says("\n| stages of a pipeline | %u |", PENSTOCK_LIMIT_PIPELINE_STAGES);
	says("\n| SPIR-V of a stage | %u bytes |", PENSTOCK_LIMIT_SHADER_BYTES);
	says("\n| name of an entry point | %u bytes |", PENSTOCK_LIMIT_SHADER_NAME_BYTES - 1);
	says("\n| specialisation constants of a stage | %u |", PENSTOCK_LIMIT_SHADER_CONSTANTS);
	says("\n| pipelines that are being made, of a principal | %u |",
	     PENSTOCK_LIMIT_PIPELINES_MADE);
	says("\n| instances of an allocation | %u |", PENSTOCK_LIMIT_RENAMING_LIST);
	says("\n| width and height of a surface | %u pixels |", PENSTOCK_LIMIT_SURFACE_EXTENT);
	says("\n| lease | %u seconds |", PENSTOCK_LIMIT_LEASE_S);
	says("\n| from connect to Hello | %u ms |", PENSTOCK_LIMIT_HELLO_MS);
}
END_TEST

#define RECORD(field)                                                                              \
	says("\n| %zu | %zu | `%s`", offsetof(struct penstock_wire_submission, field),             \
	     sizeof(((struct penstock_wire_submission *)NULL)->field), #field)

START_TEST(the_page_gives_the_record_and_its_flags)
{
	RECORD(context);
	RECORD(flags);
	RECORD(command_offset);
	RECORD(command_length);
	RECORD(allocation_count);
	RECORD(patch_location_count);
	RECORD(broadcast_count);
	RECORD(new_command_bytes);
	RECORD(new_allocation_list);
	RECORD(new_patch_list);
	says("| 0x%08x | RESIZE_COMMAND_BUFFER |", PENSTOCK_SUBMIT_RESIZE_COMMAND_BUFFER);
	says("| 0x%08x | RESIZE_ALLOCATION_LIST |", PENSTOCK_SUBMIT_RESIZE_ALLOCATION_LIST);
	says("| 0x%08x | RESIZE_PATCH_LOCATION_LIST |", PENSTOCK_SUBMIT_RESIZE_PATCH_LOCATION_LIST);
	says("| 0x%08x | NULL_RENDERING |", PENSTOCK_SUBMIT_NULL_RENDERING);
	says("| 0x%08x | RENDER_KM |", PENSTOCK_SUBMIT_RENDER_KM);
	says("| 0x%08x | IF_PREDECESSOR_RAN |", PENSTOCK_SUBMIT_IF_PREDECESSOR_RAN);
	says("| 0x%08x | DonotWait |", PENSTOCK_LOCK_DONOT_WAIT);
	says("| 0x%08x | IgnoreSync |", PENSTOCK_LOCK_IGNORE_SYNC);
	says("| 0x%08x | Discard |", PENSTOCK_LOCK_DISCARD);
	says("| 0x%08x | IgnoreReadSync |", PENSTOCK_LOCK_IGNORE_READ_SYNC);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("protocol_doc");
	TCase *tcase = tcase_create("protocol_doc");

	tcase_add_checked_fixture(tcase, read_page, free_page);
	tcase_add_test(tcase, the_page_lists_every_status);
	tcase_add_test(tcase, the_page_lists_every_frame);
	tcase_add_test(tcase, the_page_gives_the_limits);
	tcase_add_test(tcase, the_page_gives_the_record_and_its_flags);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
