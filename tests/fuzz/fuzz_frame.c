/* SPDX-License-Identifier: MIT */
/*
 * Headers and submit payloads: what is taken encodes to the same bytes, and no part of a submission
 * lies outside its payload.
 */
#include "proto/wire/frame.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void read_header(const uint8_t *data)
{
	uint8_t again[PENSTOCK_FRAME_HEADER_BYTES];
	struct penstock_frame frame;
	struct penstock_errbuf text = { "" };

	if (penstock_frame_decode(data, &frame, &text) != PENSTOCK_STATUS_SUCCESS) {
		PENSTOCK_REQUIRE(text.text[0] != '\0');
		return;
	}
	penstock_frame_encode(&frame, again);
	PENSTOCK_REQUIRE(memcmp(again, data, sizeof(again)) == 0);
}

static void inside(const uint8_t *data, size_t size, const uint8_t *part, uint64_t part_bytes)
{
	PENSTOCK_REQUIRE(part >= data && part <= data + size);
	PENSTOCK_REQUIRE(part_bytes <= (uint64_t)(data + size - part));
}

static void read_submissions(const uint8_t *data, uint32_t size)
{
	struct penstock_submission_view view;
	struct penstock_errbuf text = { "" };
	uint32_t offset = 0, before = 0;

	while (penstock_submission_view(data, size, &offset, &view, &text) ==
	       PENSTOCK_STATUS_SUCCESS) {
		inside(data, size, view.allocation_list,
		       (uint64_t)view.record.allocation_count * 16);
		inside(data, size, view.patch_list,
		       (uint64_t)view.record.patch_location_count * 24);
		inside(data, size, view.command, view.record.command_length);
		PENSTOCK_REQUIRE(offset >= before + sizeof(view.record) && offset <= size);
		PENSTOCK_REQUIRE(offset % 8 == 0);
		before = offset;
	}
	PENSTOCK_REQUIRE(offset == before && text.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= PENSTOCK_FRAME_HEADER_BYTES) {
		read_header(data);
	}
	if (size <= UINT32_MAX) {
		read_submissions(data, (uint32_t)size);
	}
	return 0;
}
