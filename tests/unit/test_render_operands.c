/* SPDX-License-Identifier: MIT */
/*
 * Operands: a table with a row for each way in which a valid instance is made wrong (or stays
 * right), and what render says. Rows are grouped by what they are about; a group is a test.
 */
#include "tests/harness.h"
#include "tests/support/render_fixture.h"

#include <string.h>

/* One field of a valid instance. Offsets are those of the command buffer. */
struct change {
	uint16_t offset;
	uint16_t width; /* 0: no change */
	uint64_t value;
};

struct row {
	enum penstock_instruction_id id;
	struct change changes[4];
	enum penstock_status status;
	const char *operand; /* that the refusal names */
};

#define ID(name) PENSTOCK_INSTRUCTION_##name
#define SET16(name, field, value)                                                                  \
	{                                                                                          \
		PENSTOCK_OPERAND_##name##_##field, 2, value                                        \
	}
#define SET32(name, field, value)                                                                  \
	{                                                                                          \
		PENSTOCK_OPERAND_##name##_##field, 4, (uint32_t)(value)                            \
	}
#define SET64(name, field, value)                                                                  \
	{                                                                                          \
		PENSTOCK_OPERAND_##name##_##field, 8, value                                        \
	}
/* Coordinate `side` (0 left, 1 top, 2 right, 3 bottom) of a rectangle, or of sub-rectangle 0. */
#define SIDE(name, field, side, value)                                                             \
	{                                                                                          \
		PENSTOCK_OPERAND_##name##_##field + 4 * (side), 4, (uint32_t)(value)               \
	}
#define OK         PENSTOCK_STATUS_SUCCESS, ""
#define BAD(op)    PENSTOCK_STATUS_INVALID_PARAMETER, op
#define HANDLE(op) PENSTOCK_STATUS_INVALID_HANDLE, op
#define FIX(name)  PENSTOCK_FIXTURE_##name

static struct penstock_fixture fixture;

static void put(uint8_t *bytes, const struct change *change)
{
	memcpy(bytes + change->offset, &change->value, change->width);
}

static void try_row(const struct row *row)
{
	const struct penstock_instruction *instruction = penstock_instruction_get(row->id);
	uint8_t bytes[PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
	uint32_t length = penstock_fixture_valid(row->id, bytes);
	enum penstock_status status;

	penstock_fixture_init(&fixture);
	fixture.args.caps.km = instruction->stream == PENSTOCK_STREAM_KM;
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(row->changes); i++) {
		put(bytes, &row->changes[i]);
	}
	status = penstock_fixture_render(&fixture, bytes, length);
	ck_assert_msg(status == row->status, "%s, not %s: %s", penstock_status_name(status),
		      penstock_status_name(row->status), fixture.refusal.sentence);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		penstock_fixture_patch(&fixture);
		ck_assert_msg(penstock_fixture_check(&fixture) == PENSTOCK_STATUS_SUCCESS, "%s",
			      fixture.fault.text);
		return;
	}
	ck_assert_str_eq(fixture.refusal.instruction, instruction->layout.mnemonic);
	ck_assert_str_eq(fixture.refusal.operand, row->operand);
	ck_assert(fixture.refusal.at_instruction);
}

/* ------------------------------------------------------------------ handles */

static const struct row handle_rows[] = {
	{ ID(FILL), { SET16(FILL, destination, FIX(COUNT)) }, HANDLE("destination") },
	{ ID(FILL), { SET16(FILL, destination, 0xFFFF) }, HANDLE("destination") },
	{ ID(FILL), { SET16(FILL, destination, FIX(NULL)) }, HANDLE("destination") },
	{ ID(COPY), { SET16(COPY, source, FIX(NULL)) }, HANDLE("source") },
	{ ID(COPY), { SET16(COPY, source, FIX(COUNT)) }, HANDLE("source") },
	{ ID(COPY), { SET16(COPY, destination, FIX(NULL)) }, HANDLE("destination") },
	/* A NULL element is no way round the size check. */
	{ ID(COPY), { SET16(COPY, source, FIX(NULL)), SET64(COPY, size, 0) }, HANDLE("source") },
	{ ID(COPY_ROWS), { SET16(COPY_ROWS, source, FIX(NULL)) }, HANDLE("source") },
	{ ID(COPY_ROWS), { SET16(COPY_ROWS, destination, 0xFFFF) }, HANDLE("destination") },
	{ ID(UPDATE), { SET16(UPDATE, destination, FIX(NULL)) }, HANDLE("destination") },
	{ ID(UPDATE), { SET16(UPDATE, destination, FIX(COUNT)) }, HANDLE("destination") },
	{ ID(BITBLT), { SET16(BITBLT, source, FIX(NULL)) }, HANDLE("source") },
	{ ID(BITBLT), { SET16(BITBLT, destination, FIX(COUNT)) }, HANDLE("destination") },
	{ ID(COLORFILL), { SET16(COLORFILL, destination, FIX(NULL)) }, HANDLE("destination") },
	{ ID(ALPHABLEND), { SET16(ALPHABLEND, source, FIX(NULL)) }, HANDLE("source") },
	{ ID(ALPHABLEND), { SET16(ALPHABLEND, destination, FIX(NULL)) }, HANDLE("destination") },
	{ ID(STRETCHBLT), { SET16(STRETCHBLT, source, FIX(COUNT)) }, HANDLE("source") },
	{ ID(STRETCHBLT), { SET16(STRETCHBLT, destination, FIX(NULL)) }, HANDLE("destination") },
	{ ID(TRANSPARENTBLT), { SET16(TRANSPARENTBLT, source, FIX(NULL)) }, HANDLE("source") },
	{ ID(TRANSPARENTBLT),
	  { SET16(TRANSPARENTBLT, destination, FIX(NULL)) },
	  HANDLE("destination") },
	{ ID(CLEARTYPEBLEND),
	  { SET16(CLEARTYPEBLEND, temporary, FIX(NULL)) },
	  HANDLE("temporary") },
	{ ID(CLEARTYPEBLEND),
	  { SET16(CLEARTYPEBLEND, gamma_table, FIX(COUNT)) },
	  HANDLE("gamma_table") },
	{ ID(CLEARTYPEBLEND),
	  { SET16(CLEARTYPEBLEND, gamma_table, FIX(NULL)),
	    SET32(CLEARTYPEBLEND, gamma, PENSTOCK_CLEARTYPE_NO_GAMMA) },
	  HANDLE("gamma_table") },
	{ ID(CLEARTYPEBLEND), { SET16(CLEARTYPEBLEND, alpha, FIX(NULL)) }, HANDLE("alpha") },
	{ ID(CLEARTYPEBLEND),
	  { SET16(CLEARTYPEBLEND, destination, FIX(NULL)) },
	  HANDLE("destination") },
};

START_TEST(A6_an_index_past_the_list_or_of_a_NULL_element_is_an_invalid_handle)
{
	try_row(&handle_rows[_i]);
}
END_TEST

/* ------------------------------------------------------------------ access */

static const struct row access_rows[] = {
	{ ID(FILL), { SET16(FILL, destination, FIX(READ_ONLY)) }, BAD("destination") },
	{ ID(COPY), { SET16(COPY, destination, FIX(READ_ONLY)) }, BAD("destination") },
	{ ID(COPY_ROWS), { SET16(COPY_ROWS, destination, FIX(READ_ONLY)) }, BAD("destination") },
	{ ID(UPDATE), { SET16(UPDATE, destination, FIX(READ_ONLY)) }, BAD("destination") },
	{ ID(BITBLT), { SET16(BITBLT, destination, FIX(READ_SURFACE)) }, BAD("destination") },
	{ ID(COLORFILL), { SET16(COLORFILL, destination, FIX(READ_SURFACE)) }, BAD("destination") },
	{ ID(ALPHABLEND),
	  { SET16(ALPHABLEND, destination, FIX(READ_SURFACE)) },
	  BAD("destination") },
	{ ID(STRETCHBLT),
	  { SET16(STRETCHBLT, destination, FIX(READ_SURFACE)) },
	  BAD("destination") },
	{ ID(TRANSPARENTBLT),
	  { SET16(TRANSPARENTBLT, destination, FIX(READ_SURFACE)) },
	  BAD("destination") },
	{ ID(CLEARTYPEBLEND),
	  { SET16(CLEARTYPEBLEND, temporary, FIX(READ_SURFACE)) },
	  BAD("temporary") },
	{ ID(CLEARTYPEBLEND),
	  { SET16(CLEARTYPEBLEND, destination, FIX(READ_SURFACE)) },
	  BAD("destination") },
};

START_TEST(A6_a_write_without_WriteOperation_is_an_invalid_parameter)
{
	try_row(&access_rows[_i]);
}
END_TEST

/* ------------------------------------------------------------------ ranges */

static const struct row range_rows[] = {
	{ ID(FILL), { SET64(FILL, offset, 0x2000), SET64(FILL, size, 0) }, OK },
	{ ID(FILL), { SET64(FILL, offset, 0), SET64(FILL, size, 0x2000) }, OK },
	{ ID(FILL), { SET64(FILL, offset, 4), SET64(FILL, size, 0x2000) }, BAD("size") },
	{ ID(FILL), { SET64(FILL, offset, 0x2004), SET64(FILL, size, 0) }, BAD("size") },
	{ ID(FILL), { SET64(FILL, offset, 0x101) }, BAD("offset") },
	{ ID(FILL), { SET64(FILL, size, 0x42) }, BAD("size") },
	{ ID(FILL), { SET64(FILL, offset, UINT64_MAX - 3), SET64(FILL, size, 8) }, BAD("size") },
	{ ID(FILL), { SET64(FILL, offset, 8), SET64(FILL, size, UINT64_MAX - 3) }, BAD("size") },
	{ ID(FILL),
	  { SET64(FILL, offset, 1ull << 63), SET64(FILL, size, 1ull << 63) },
	  BAD("size") },
	{ ID(COPY), { SET64(COPY, size, 0x1fe0) }, OK },
	{ ID(COPY), { SET64(COPY, size, 0x1fe1) }, BAD("size") },
	{ ID(COPY), { SET64(COPY, source_offset, 0x2000), SET64(COPY, size, 0) }, OK },
	{ ID(COPY), { SET64(COPY, source_offset, 0x2001), SET64(COPY, size, 0) }, BAD("size") },
	{ ID(COPY), { SET64(COPY, source_offset, UINT64_MAX) }, BAD("size") },
	{ ID(COPY), { SET64(COPY, destination_offset, UINT64_MAX) }, BAD("size") },
	{ ID(COPY), { SET64(COPY, size, UINT64_MAX) }, BAD("size") },
	{ ID(COPY_ROWS), { SET32(COPY_ROWS, rows, 0) }, OK },
	{ ID(COPY_ROWS),
	  { SET32(COPY_ROWS, rows, UINT32_MAX), SET32(COPY_ROWS, row_bytes, 0) },
	  OK },
	{ ID(COPY_ROWS), { SET32(COPY_ROWS, rows, 127) }, OK }, /* 8 + 126 * 64 + 48 <= 0x2000 */
	{ ID(COPY_ROWS), { SET32(COPY_ROWS, rows, 129) }, BAD("rows") },
	{ ID(COPY_ROWS), { SET32(COPY_ROWS, rows, UINT32_MAX) }, BAD("rows") },
	{ ID(COPY_ROWS), { SET32(COPY_ROWS, row_bytes, 64), SET32(COPY_ROWS, rows, 127) }, OK },
	{ ID(COPY_ROWS), { SET32(COPY_ROWS, row_bytes, 65) }, BAD("source_pitch") },
	{ ID(COPY_ROWS), { SET32(COPY_ROWS, destination_pitch, 47) }, BAD("destination_pitch") },
	{ ID(COPY_ROWS), { SET32(COPY_ROWS, source_pitch, 0) }, BAD("source_pitch") },
	{ ID(COPY_ROWS), { SET32(COPY_ROWS, source_pitch, 0), SET32(COPY_ROWS, rows, 1) }, OK },
	{ ID(COPY_ROWS),
	  { SET32(COPY_ROWS, source_pitch, UINT32_MAX), SET32(COPY_ROWS, rows, UINT32_MAX),
	    SET64(COPY_ROWS, source_offset, UINT64_MAX) },
	  BAD("rows") },
	{ ID(COPY_ROWS), { SET64(COPY_ROWS, destination_offset, UINT64_MAX) }, BAD("rows") },
	{ ID(COPY_ROWS), { SET64(COPY_ROWS, destination_offset, 0xfffd1 - 3 * 128) }, BAD("rows") },
	{ ID(COPY_ROWS), { SET64(COPY_ROWS, destination_offset, 0xfffd0 - 3 * 128) }, OK },
	{ ID(UPDATE), { SET64(UPDATE, offset, 0x2000 - 12) }, OK },
	{ ID(UPDATE), { SET64(UPDATE, offset, 0x2000 - 8) }, BAD("data") },
	{ ID(UPDATE), { SET64(UPDATE, offset, 0x42) }, BAD("offset") },
	{ ID(UPDATE), { SET64(UPDATE, offset, UINT64_MAX - 3) }, BAD("data") },
};

START_TEST(A6_ranges_end_inside_their_allocation_and_never_wrap)
{
	try_row(&range_rows[_i]);
}
END_TEST

static const struct row overlap_rows[] = {
	/* one element for both, and an alias of it */
	{ ID(COPY), { SET16(COPY, source, FIX(BUFFER)) }, BAD("destination_offset") },
	{ ID(COPY), { SET16(COPY, source, FIX(BUFFER_ALIAS)) }, BAD("destination_offset") },
	{ ID(COPY),
	  { SET16(COPY, source, FIX(BUFFER)), SET64(COPY, destination_offset, 0x41) },
	  OK },
	{ ID(COPY),
	  { SET16(COPY, source, FIX(BUFFER)), SET64(COPY, destination_offset, 0x40) },
	  BAD("destination_offset") },
	{ ID(COPY), { SET16(COPY, source, FIX(BUFFER)), SET64(COPY, size, 0) }, OK },
	/* two columns of one image do not overlap */
	{ ID(COPY_ROWS),
	  { SET16(COPY_ROWS, source, FIX(NOT_RESIDENT)), SET32(COPY_ROWS, source_pitch, 128),
	    SET64(COPY_ROWS, destination_offset, 8 + 48) },
	  OK },
	{ ID(COPY_ROWS),
	  { SET16(COPY_ROWS, source, FIX(NOT_RESIDENT)), SET32(COPY_ROWS, source_pitch, 128),
	    SET64(COPY_ROWS, destination_offset, 8 + 47) },
	  BAD("destination_offset") },
	{ ID(COPY_ROWS),
	  { SET16(COPY_ROWS, source, FIX(NOT_RESIDENT)), SET32(COPY_ROWS, source_pitch, 128),
	    SET64(COPY_ROWS, destination_offset, 8 + 128 - 47) },
	  BAD("destination_offset") },
	{ ID(COPY_ROWS),
	  { SET16(COPY_ROWS, source, FIX(NOT_RESIDENT)), SET32(COPY_ROWS, source_pitch, 128),
	    SET64(COPY_ROWS, destination_offset, 8 + 3 * 128 + 47) },
	  BAD("destination_offset") },
	{ ID(COPY_ROWS),
	  { SET16(COPY_ROWS, source, FIX(NOT_RESIDENT)), SET32(COPY_ROWS, source_pitch, 128),
	    SET64(COPY_ROWS, destination_offset, 8 + 3 * 128 + 48) },
	  OK },
	{ ID(COPY_ROWS),
	  { SET16(COPY_ROWS, source, FIX(NOT_RESIDENT)), SET64(COPY_ROWS, destination_offset, 60) },
	  BAD("destination_offset") },
};

START_TEST(A6_copies_do_not_overlap_aliases_seen)
{
	try_row(&overlap_rows[_i]);
}
END_TEST

/* ------------------------------------------------------------------ GDI surfaces */

static const struct row surface_rows[] = {
	{ ID(BITBLT), { SET16(BITBLT, source, FIX(BUFFER)) }, BAD("source") },
	{ ID(COLORFILL), { SET16(COLORFILL, destination, FIX(BUFFER)) }, BAD("destination") },
	{ ID(BITBLT), { SET16(BITBLT, source, FIX(A8)) }, BAD("source") },
	{ ID(ALPHABLEND), { SET16(ALPHABLEND, source, FIX(A8)) }, BAD("source") },
	{ ID(ALPHABLEND), { SET16(ALPHABLEND, destination, FIX(A8)) }, BAD("destination") },
	{ ID(STRETCHBLT), { SET16(STRETCHBLT, destination, FIX(A8)) }, BAD("source") },
	{ ID(TRANSPARENTBLT), { SET16(TRANSPARENTBLT, destination, FIX(A8)) }, BAD("destination") },
	{ ID(COLORFILL), { SET16(COLORFILL, destination, FIX(A8)) }, OK },
	/* alpha that the source does not have */
	{ ID(ALPHABLEND),
	  { SET16(ALPHABLEND, source, FIX(EXISTING)), SET32(ALPHABLEND, source_pitch, 64) },
	  BAD("source_has_alpha") },
	{ ID(ALPHABLEND),
	  { SET16(ALPHABLEND, source, FIX(EXISTING)), SET32(ALPHABLEND, source_pitch, 64),
	    SET32(ALPHABLEND, source_has_alpha, 0) },
	  OK },
	/* the pitch operand of a texture means nothing */
	{ ID(BITBLT), { SET32(BITBLT, source_pitch, 0xFFFFFFFF) }, OK },
	{ ID(BITBLT), { SET32(BITBLT, destination_pitch, 3) }, OK },
	/* that of a CPU-visible or existing one does */
	{ ID(BITBLT), { SET16(BITBLT, source, FIX(CPU_VISIBLE)) }, BAD("source_pitch") },
	{ ID(BITBLT),
	  { SET16(BITBLT, source, FIX(CPU_VISIBLE)), SET32(BITBLT, source_pitch, 400) },
	  OK },
	{ ID(BITBLT),
	  { SET16(BITBLT, source, FIX(CPU_VISIBLE)), SET32(BITBLT, source_pitch, 396) },
	  BAD("source_pitch") },
	{ ID(BITBLT),
	  { SET16(BITBLT, source, FIX(CPU_VISIBLE)), SET32(BITBLT, source_pitch, 402) },
	  BAD("source_pitch") },
	{ ID(BITBLT),
	  { SET16(BITBLT, source, FIX(CPU_VISIBLE)), SET32(BITBLT, source_pitch, 448) },
	  OK },
	{ ID(BITBLT),
	  { SET16(BITBLT, source, FIX(CPU_VISIBLE)), SET32(BITBLT, source_pitch, 452) },
	  BAD("source_pitch") }, /* 19 * 452 + 400 > 448 * 20 */
	{ ID(BITBLT),
	  { SET16(BITBLT, source, FIX(CPU_VISIBLE)), SET32(BITBLT, source_pitch, 0xFFFFFFFC) },
	  BAD("source_pitch") },
	{ ID(TRANSPARENTBLT), { SET32(TRANSPARENTBLT, source_pitch, 60) }, BAD("source_pitch") },
	/* one allocation, one pitch */
	{ ID(BITBLT),
	  { SET16(BITBLT, source, FIX(CPU_VISIBLE)), SET16(BITBLT, destination, FIX(CPU_VISIBLE)),
	    SET32(BITBLT, source_pitch, 400), SET32(BITBLT, destination_pitch, 400) },
	  BAD("sub_rects") }, /* 20 rows only, but the pitches agree */
	{ ID(BITBLT),
	  { SET16(BITBLT, source, FIX(CPU_VISIBLE)), SET16(BITBLT, destination, FIX(CPU_VISIBLE)),
	    SET32(BITBLT, source_pitch, 400), SET32(BITBLT, destination_pitch, 404) },
	  BAD("source_pitch") },
};

START_TEST(A14_surfaces_formats_and_pitches_are_checked)
{
	try_row(&surface_rows[_i]);
}
END_TEST

/* ------------------------------------------------------------------ GDI rectangles */

static const struct row rect_rows[] = {
	/* order */
	{ ID(BITBLT), { SIDE(BITBLT, source_rect, 2, -1) }, BAD("source_rect") },
	{ ID(BITBLT), { SIDE(BITBLT, destination_rect, 3, 7) }, BAD("destination_rect") },
	{ ID(COLORFILL), { SIDE(COLORFILL, destination_rect, 0, 11) }, BAD("destination_rect") },
	{ ID(COLORFILL), { SIDE(COLORFILL, sub_rects, 0, 65) }, BAD("sub_rects") },
	{ ID(STRETCHBLT), { SIDE(STRETCHBLT, sub_rects, 1, 41) }, BAD("sub_rects") },
	/* sentinels and the device space */
	{ ID(COLORFILL),
	  { SIDE(COLORFILL, destination_rect, 2, INT32_MAX) },
	  BAD("destination_rect") },
	{ ID(COLORFILL),
	  { SIDE(COLORFILL, destination_rect, 0, INT32_MIN) },
	  BAD("destination_rect") },
	{ ID(COLORFILL), { SIDE(COLORFILL, destination_rect, 2, 1 << 27) }, OK },
	{ ID(COLORFILL),
	  { SIDE(COLORFILL, destination_rect, 2, (1 << 27) + 1) },
	  BAD("destination_rect") },
	{ ID(STRETCHBLT),
	  { SIDE(STRETCHBLT, destination_rect, 2, INT32_MAX) },
	  BAD("destination_rect") },
	{ ID(STRETCHBLT), { SIDE(STRETCHBLT, source_rect, 0, INT32_MIN) }, BAD("source_rect") },
	/* sub-rectangles inside the destination */
	{ ID(COLORFILL), { SIDE(COLORFILL, sub_rects, 2, 65) }, BAD("sub_rects") },
	{ ID(COLORFILL), { SIDE(COLORFILL, sub_rects, 3, 49) }, BAD("sub_rects") },
	{ ID(COLORFILL), { SIDE(COLORFILL, sub_rects, 0, -1) }, BAD("sub_rects") },
	{ ID(COLORFILL), { SIDE(COLORFILL, sub_rects, 1, INT32_MIN) }, BAD("sub_rects") },
	{ ID(COLORFILL), { SIDE(COLORFILL, sub_rects, 2, INT32_MAX) }, BAD("sub_rects") },
	/* and inside destination_rect, colorfill's apart */
	{ ID(BITBLT), { SIDE(BITBLT, sub_rects, 0, 7) }, BAD("sub_rects") },
	{ ID(BITBLT), { SIDE(BITBLT, sub_rects, 3, 25) }, BAD("sub_rects") },
	{ ID(ALPHABLEND), { SIDE(ALPHABLEND, sub_rects, 2, 17) }, BAD("sub_rects") },
	{ ID(CLEARTYPEBLEND), { SIDE(CLEARTYPEBLEND, destination_rect, 2, 19) }, BAD("sub_rects") },
	{ ID(TRANSPARENTBLT), { SIDE(TRANSPARENTBLT, sub_rects, 3, 25) }, BAD("sub_rects") },
	/* empty ones do nothing, but stand inside */
	{ ID(BITBLT), { SIDE(BITBLT, sub_rects, 0, 24) }, OK },
	{ ID(COLORFILL), { SIDE(COLORFILL, sub_rects, 0, 64) }, OK },
	{ ID(COLORFILL),
	  { SIDE(COLORFILL, sub_rects, 0, 65), SIDE(COLORFILL, sub_rects, 2, 65) },
	  BAD("sub_rects") },
	/* destination_rect may exceed the destination, source_rect of bitblt the source */
	{ ID(BITBLT),
	  { SIDE(BITBLT, source_rect, 0, -100), SIDE(BITBLT, destination_rect, 0, -92) },
	  OK },
	{ ID(BITBLT), { SIDE(BITBLT, source_rect, 2, 17) }, BAD("source_rect") },
	{ ID(BITBLT),
	  { SIDE(BITBLT, source_rect, 0, 17), SIDE(BITBLT, source_rect, 2, 33) },
	  BAD("sub_rects") }, /* column 32 of 32 */
	{ ID(BITBLT), { SIDE(BITBLT, source_rect, 0, 16), SIDE(BITBLT, source_rect, 2, 32) }, OK },
	{ ID(BITBLT),
	  { SIDE(BITBLT, source_rect, 1, -1), SIDE(BITBLT, source_rect, 3, 15) },
	  BAD("sub_rects") },
	{ ID(STRETCHBLT), { SIDE(STRETCHBLT, source_rect, 2, 33) }, BAD("source_rect") },
	{ ID(STRETCHBLT), { SIDE(STRETCHBLT, source_rect, 1, -1) }, BAD("source_rect") },
	{ ID(ALPHABLEND), { SIDE(ALPHABLEND, source_rect, 3, 49) }, BAD("source_rect") },
	{ ID(TRANSPARENTBLT), { SIDE(TRANSPARENTBLT, source_rect, 2, 17) }, BAD("source_rect") },
	/* nothing is divided by an empty rectangle */
	{ ID(STRETCHBLT), { SIDE(STRETCHBLT, source_rect, 2, 0) }, BAD("source_rect") },
	{ ID(STRETCHBLT), { SIDE(STRETCHBLT, destination_rect, 2, 0) }, BAD("sub_rects") },
	{ ID(ALPHABLEND),
	  { SIDE(ALPHABLEND, destination_rect, 2, 0), SIDE(ALPHABLEND, sub_rects, 2, 0) },
	  OK },
	{ ID(ALPHABLEND),
	  { SIDE(ALPHABLEND, source_rect, 2, 0), SIDE(ALPHABLEND, sub_rects, 2, 0) },
	  OK },
	/* coverage inside the alpha surface */
	{ ID(CLEARTYPEBLEND), { SET32(CLEARTYPEBLEND, alpha_offset_x, 108) }, OK },
	{ ID(CLEARTYPEBLEND), { SET32(CLEARTYPEBLEND, alpha_offset_x, 109) }, BAD("sub_rects") },
	{ ID(CLEARTYPEBLEND), { SET32(CLEARTYPEBLEND, alpha_offset_y, 45) }, BAD("sub_rects") },
	{ ID(CLEARTYPEBLEND), { SET32(CLEARTYPEBLEND, alpha_offset_y, -1) }, BAD("sub_rects") },
	{ ID(CLEARTYPEBLEND),
	  { SET32(CLEARTYPEBLEND, alpha_offset_x, INT32_MIN) },
	  BAD("sub_rects") },
	{ ID(CLEARTYPEBLEND),
	  { SET32(CLEARTYPEBLEND, alpha_offset_x, INT32_MAX) },
	  BAD("sub_rects") },
};

START_TEST(A14_rectangles_are_ordered_and_inside)
{
	try_row(&rect_rows[_i]);
}
END_TEST

/* ------------------------------------------------------------------ GDI: one surface */

static const struct row same_rows[] = {
	/* scrolling */
	{ ID(BITBLT), { SET16(BITBLT, source, FIX(A8R8G8B8)) }, OK },
	{ ID(BITBLT), { SET16(BITBLT, source, FIX(SURFACE_ALIAS)) }, OK },
	{ ID(ALPHABLEND),
	  { SET16(ALPHABLEND, destination, FIX(SURFACE_ALIAS)),
	    SET16(ALPHABLEND, source, FIX(A8R8G8B8)) },
	  BAD("source_rect") },
	{ ID(STRETCHBLT), { SET16(STRETCHBLT, source, FIX(A8R8G8B8)) }, BAD("source_rect") },
	{ ID(STRETCHBLT),
	  { SET16(STRETCHBLT, source, FIX(SURFACE_ALIAS)), SIDE(STRETCHBLT, source_rect, 0, 16) },
	  OK },
	{ ID(STRETCHBLT),
	  { SET16(STRETCHBLT, source, FIX(SURFACE_ALIAS)), SIDE(STRETCHBLT, source_rect, 0, 15) },
	  BAD("source_rect") },
	{ ID(TRANSPARENTBLT),
	  { SET16(TRANSPARENTBLT, source, FIX(A8R8G8B8)) },
	  BAD("source_rect") },
	{ ID(TRANSPARENTBLT),
	  { SET16(TRANSPARENTBLT, source, FIX(A8R8G8B8)), SIDE(TRANSPARENTBLT, source_rect, 0, 40),
	    SIDE(TRANSPARENTBLT, source_rect, 2, 64) },
	  OK },
	{ ID(CLEARTYPEBLEND), { SET16(CLEARTYPEBLEND, alpha, FIX(A8R8G8B8)) }, BAD("alpha") },
	{ ID(CLEARTYPEBLEND), { SET16(CLEARTYPEBLEND, alpha, FIX(SURFACE_ALIAS)) }, BAD("alpha") },
	{ ID(CLEARTYPEBLEND), { SET16(CLEARTYPEBLEND, temporary, FIX(SURFACE_ALIAS)) }, OK },
};

START_TEST(A14_one_surface_twice_follows_the_presentation_caps)
{
	try_row(&same_rows[_i]);
}
END_TEST

/* ------------------------------------------------------------------ GDI: the rest */

static const struct row value_rows[] = {
	{ ID(BITBLT), { SET32(BITBLT, rop, 0) }, BAD("rop") },
	{ ID(BITBLT), { SET32(BITBLT, rop, 6) }, BAD("rop") },
	{ ID(BITBLT), { SET32(BITBLT, rop3, 0xCC) }, BAD("rop3") },
	{ ID(BITBLT), { SET32(BITBLT, rop, 5), SET32(BITBLT, rop3, 0x55) }, OK },
	{ ID(BITBLT), { SET32(BITBLT, rop, 5), SET32(BITBLT, rop3, 0xF0) }, BAD("rop3") },
	{ ID(BITBLT), { SET32(BITBLT, rop, 5), SET32(BITBLT, rop3, 0xCC0020) }, BAD("rop3") },
	{ ID(COLORFILL), { SET32(COLORFILL, rop, 8) }, BAD("rop") },
	{ ID(COLORFILL), { SET32(COLORFILL, rop, 7), SET32(COLORFILL, rop3, 0xF0) }, OK },
	{ ID(COLORFILL), { SET32(COLORFILL, rop, 7), SET32(COLORFILL, rop3, 0x0F) }, OK },
	{ ID(COLORFILL), { SET32(COLORFILL, rop, 7), SET32(COLORFILL, rop3, 0xCC) }, BAD("rop3") },
	{ ID(COLORFILL), { SET32(COLORFILL, rop, 7), SET32(COLORFILL, rop3, 0x100) }, BAD("rop3") },
	{ ID(ALPHABLEND),
	  { SET32(ALPHABLEND, source_constant_alpha, 256) },
	  BAD("source_constant_alpha") },
	{ ID(ALPHABLEND), { SET32(ALPHABLEND, source_has_alpha, 2) }, BAD("source_has_alpha") },
	{ ID(STRETCHBLT), { SET32(STRETCHBLT, mode, 0) }, BAD("mode") },
	{ ID(STRETCHBLT), { SET32(STRETCHBLT, mode, PENSTOCK_STRETCH_WHITEONBLACK) }, OK },
	{ ID(STRETCHBLT), { SET32(STRETCHBLT, mode, PENSTOCK_STRETCH_COLORONCOLOR) }, OK },
	{ ID(STRETCHBLT), { SET32(STRETCHBLT, mode, PENSTOCK_STRETCH_HALFTONE) }, BAD("mode") },
	{ ID(STRETCHBLT), { SET32(STRETCHBLT, mode, 5) }, BAD("mode") },
	{ ID(STRETCHBLT), { SET32(STRETCHBLT, flags, 4) }, BAD("flags") },
	{ ID(TRANSPARENTBLT), { SET32(TRANSPARENTBLT, flags, 2) }, BAD("flags") },
	{ ID(CLEARTYPEBLEND), { SET32(CLEARTYPEBLEND, gamma, 15) }, OK },
	{ ID(CLEARTYPEBLEND), { SET32(CLEARTYPEBLEND, gamma, 16) }, BAD("gamma") },
	{ ID(CLEARTYPEBLEND), { SET32(CLEARTYPEBLEND, gamma, 0xFFFFFFFE) }, BAD("gamma") },
	{ ID(CLEARTYPEBLEND), { SET16(CLEARTYPEBLEND, gamma_table, FIX(A8)) }, BAD("gamma_table") },
	{ ID(CLEARTYPEBLEND),
	  { SET16(CLEARTYPEBLEND, gamma_table, FIX(READ_ONLY)),
	    SET32(CLEARTYPEBLEND, gamma, PENSTOCK_CLEARTYPE_NO_GAMMA) },
	  OK },
	{ ID(CLEARTYPEBLEND), { SET16(CLEARTYPEBLEND, temporary, FIX(A8)) }, BAD("temporary") },
	{ ID(CLEARTYPEBLEND), { SET16(CLEARTYPEBLEND, temporary, FIX(BUFFER)) }, BAD("temporary") },
};

START_TEST(A14_modes_flags_and_codes_are_checked)
{
	try_row(&value_rows[_i]);
}
END_TEST

/* ------------------------------------------------------------------ limits */

static uint8_t long_command[65535 * 4];

/* A colorfill of `count` sub-rectangles, each `width` x `height`, on a surface of its own. */
static enum penstock_status many(uint32_t count, int32_t width, int32_t height)
{
	const struct penstock_rect rect = { 0, 0, width, height };
	uint32_t length = PENSTOCK_BYTES_COLORFILL + count * 16;

	penstock_fixture_init(&fixture);
	fixture.args.caps.km = true;
	fixture.list[FIX(A8R8G8B8)].width = 16384;
	fixture.list[FIX(A8R8G8B8)].height = 16384;
	fixture.list[FIX(A8R8G8B8)].pitch_bytes = 65536;
	fixture.list[FIX(A8R8G8B8)].size_bytes = 1ull << 30;
	penstock_fixture_valid(ID(COLORFILL), long_command);
	penstock_store32(long_command,
			 penstock_instruction_header(PENSTOCK_OPCODE_COLORFILL, length));
	for (uint32_t i = 0; i < count; i++) {
		memcpy(long_command + PENSTOCK_BYTES_COLORFILL + i * 16, &rect, 16);
	}
	return penstock_fixture_render(&fixture, long_command, length);
}

START_TEST(A14_an_instruction_has_bounded_rectangles_and_pixels)
{
	ck_assert_int_eq(many(4096, 1, 1), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(many(4097, 1, 1), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(many(0, 1, 1), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(many(1, 16384, 4096), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(many(1, 16384, 4097), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(many(4, 16384, 1024), PENSTOCK_STATUS_SUCCESS);
	ck_assert_int_eq(many(5, 16384, 1024), PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(many(4096, 16384, 16384), PENSTOCK_STATUS_INVALID_PARAMETER);
}
END_TEST

/* One destination pixel that combines a whole surface is no small work. */
START_TEST(A14_combined_source_pixels_count)
{
	const struct change from = SIDE(STRETCHBLT, source_rect, 2, 16384);
	const struct change from_bottom = SIDE(STRETCHBLT, source_rect, 3, 16384);
	const struct change to = SIDE(STRETCHBLT, destination_rect, 2, 64);
	const struct change mode = SET32(STRETCHBLT, mode, PENSTOCK_STRETCH_COLORONCOLOR);
	uint8_t bytes[PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
	uint32_t length = penstock_fixture_valid(ID(STRETCHBLT), bytes);

	penstock_fixture_init(&fixture);
	fixture.args.caps.km = true;
	fixture.list[FIX(X8R8G8B8)].width = 16384;
	fixture.list[FIX(X8R8G8B8)].height = 16384;
	fixture.list[FIX(X8R8G8B8)].pitch_bytes = 65536;
	fixture.list[FIX(X8R8G8B8)].size_bytes = 1ull << 30;
	put(bytes, &from);
	put(bytes, &from_bottom);
	ck_assert_int_eq(penstock_fixture_render(&fixture, bytes, length),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(fixture.refusal.operand, "sub_rects");
	put(bytes, &to); /* a quarter of the columns, less than the limit */
	ck_assert_int_eq(penstock_fixture_render(&fixture, bytes, length),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	put(bytes, &mode);
	ck_assert_int_eq(penstock_fixture_render(&fixture, bytes, length), PENSTOCK_STATUS_SUCCESS);
}
END_TEST

/* A surface as the object layer would never make one is no way past the checks. */
START_TEST(A14_impossible_surfaces_are_no_surfaces)
{
	static const struct {
		uint32_t width, height, pitch;
		uint64_t size;
		uint8_t format;
	} shapes[] = {
		{ 0, 48, 256, 12288, 1 },
		{ 64, 0, 256, 12288, 1 },
		{ 16385, 1, 65540, 12288, 1 },
		{ 64, 48, 255, 12288, 1 },
		{ 64, 48, 252, 12288, 1 },
		{ 64, 48, 256, 12287, 1 },
		{ 64, 48, 256, 12288, 6 },
		{ 64, 48, 256, 12288, 255 },
		{ 64, 16384, UINT32_MAX, 12288, 1 },
		{ 64, UINT32_MAX, 256, 12288, 1 },
	};
	uint8_t bytes[PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
	uint32_t length = penstock_fixture_valid(ID(COLORFILL), bytes);

	penstock_fixture_init(&fixture);
	fixture.args.caps.km = true;
	fixture.list[FIX(A8R8G8B8)].width = shapes[_i].width;
	fixture.list[FIX(A8R8G8B8)].height = shapes[_i].height;
	fixture.list[FIX(A8R8G8B8)].pitch_bytes = shapes[_i].pitch;
	fixture.list[FIX(A8R8G8B8)].size_bytes = shapes[_i].size;
	fixture.list[FIX(A8R8G8B8)].format = shapes[_i].format;
	ck_assert_int_eq(penstock_fixture_render(&fixture, bytes, length),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(fixture.refusal.operand, "destination");
}
END_TEST

/* ------------------------------------------------------------------ the sentence */

START_TEST(A6_a_refusal_names_byte_instruction_operand_and_why)
{
	uint8_t bytes[2 * PENSTOCK_FIXTURE_INSTRUCTION_BYTES];
	uint32_t first = penstock_fixture_valid(ID(MARKER), bytes);
	uint32_t length = first + penstock_fixture_valid(ID(COPY), bytes + first);
	const struct change offset = SET64(COPY, destination_offset, 0x1000);
	const struct change size = SET64(COPY, size, 0x1800);

	penstock_fixture_init(&fixture);
	put(bytes + first, &offset);
	put(bytes + first, &size);
	ck_assert_int_eq(penstock_fixture_render(&fixture, bytes, length),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_int_eq(fixture.refusal.status, PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_uint_eq(fixture.refusal.byte_offset, 8);
	ck_assert_str_eq(fixture.refusal.instruction, "copy");
	ck_assert_str_eq(fixture.refusal.operand, "size");
	ck_assert_str_eq(fixture.refusal.sentence,
			 "copy at byte 0x8: destination 0x1000..0x2800 ends past allocation 1 "
			 "(0x2000 bytes)");
}
END_TEST

#define ADD_ROWS(tcase, test, rows)                                                                \
	tcase_add_loop_test(tcase, test, 0, (int)PENSTOCK_ARRAY_SIZE(rows))

int main(void)
{
	Suite *suite = suite_create("render_operands");
	TCase *tcase = tcase_create("operands");

	ADD_ROWS(tcase, A6_an_index_past_the_list_or_of_a_NULL_element_is_an_invalid_handle,
		 handle_rows);
	ADD_ROWS(tcase, A6_a_write_without_WriteOperation_is_an_invalid_parameter, access_rows);
	ADD_ROWS(tcase, A6_ranges_end_inside_their_allocation_and_never_wrap, range_rows);
	ADD_ROWS(tcase, A6_copies_do_not_overlap_aliases_seen, overlap_rows);
	ADD_ROWS(tcase, A14_surfaces_formats_and_pitches_are_checked, surface_rows);
	ADD_ROWS(tcase, A14_rectangles_are_ordered_and_inside, rect_rows);
	ADD_ROWS(tcase, A14_one_surface_twice_follows_the_presentation_caps, same_rows);
	ADD_ROWS(tcase, A14_modes_flags_and_codes_are_checked, value_rows);
	tcase_add_test(tcase, A14_an_instruction_has_bounded_rectangles_and_pixels);
	tcase_add_test(tcase, A14_combined_source_pixels_count);
	tcase_add_loop_test(tcase, A14_impossible_surfaces_are_no_surfaces, 0, 10);
	tcase_add_test(tcase, A6_a_refusal_names_byte_instruction_operand_and_why);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
