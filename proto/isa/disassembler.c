/* SPDX-License-Identifier: MIT */
#include "proto/isa/disassembler.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DWORDS_PER_LINE 8u

/* Gathers pieces, so that the callback is not called for each number. */
struct line {
	const struct penstock_disassembler *disassembler;
	size_t length;
	char text[256];
};

static void flush(struct line *line)
{
	if (line->length > 0) {
		line->disassembler->write(line->disassembler->owner, line->text, line->length);
	}
	line->length = 0;
}

/* No piece is longer than 96 bytes: a few numbers, or a name of the table. */
static void put(struct line *line, const char *format, ...) PENSTOCK_PRINTF(2, 3);

static void put(struct line *line, const char *format, ...)
{
	va_list arguments;
	int length;

	if (sizeof(line->text) - line->length < 96) {
		flush(line);
	}
	va_start(arguments, format);
	length = vsnprintf(line->text + line->length, sizeof(line->text) - line->length, format,
			   arguments);
	va_end(arguments);
	PENSTOCK_REQUIRE(length >= 0 && (size_t)length < sizeof(line->text) - line->length);
	line->length += (size_t)length;
}

static void end_line(struct line *line, uint32_t offset, const char *comment)
{
	if (line->disassembler->offsets) {
		put(line, "  # 0x%" PRIx32 "%s%s", offset, comment[0] == '\0' ? "" : ": ", comment);
	} else if (comment[0] != '\0') {
		put(line, "  # %s", comment);
	}
	put(line, "\n");
	flush(line);
}

/* ------------------------------------------------------------------ operands */

static void put_rect(struct line *line, const uint8_t *at)
{
	put(line, "(%" PRId32 ",%" PRId32 ",%" PRId32 ",%" PRId32 ")", (int32_t)penstock_load32(at),
	    (int32_t)penstock_load32(at + 4), (int32_t)penstock_load32(at + 8),
	    (int32_t)penstock_load32(at + 12));
}

/* The shortest text that is sure to be read as the same bits; what is no number, as these. */
static void put_f32(struct line *line, const uint8_t *at)
{
	float value;

	memcpy(&value, at, sizeof(value));
	if (isfinite(value)) {
		put(line, "%.9g", (double)value);
	} else {
		put(line, "0x%08" PRIx32, penstock_load32(at));
	}
}

static void put_array(struct line *line, const struct penstock_layout *layout, const uint8_t *at,
		      uint32_t elements)
{
	if (line->disassembler->no_data && layout->element_bytes != PENSTOCK_WIDTH_RECT) {
		put(line, "[%" PRIu32 " dwords]", elements);
		return;
	}
	put(line, "[");
	for (uint32_t i = 0; i < elements; i++) {
		put(line, "%s", i == 0 ? "" : " ");
		if (layout->element_bytes == PENSTOCK_WIDTH_RECT) {
			put_rect(line, at + (size_t)i * layout->element_bytes);
		} else {
			put(line, "0x%" PRIx32,
			    penstock_load32(at + (size_t)i * layout->element_bytes));
		}
	}
	put(line, "]");
}

static void put_value(struct line *line, const struct penstock_layout *layout,
		      const struct penstock_operand *operand, const uint8_t *at, uint32_t elements)
{
	switch (operand->type) {
	case PENSTOCK_OPERAND_SOURCE:
	case PENSTOCK_OPERAND_DESTINATION:
	case PENSTOCK_OPERAND_BOTH:
		put(line, "%u", (unsigned)penstock_load16(at));
		return;
	case PENSTOCK_OPERAND_U32:
		put(line, "%" PRIu32, penstock_load32(at));
		return;
	case PENSTOCK_OPERAND_I32:
		put(line, "%" PRId32, (int32_t)penstock_load32(at));
		return;
	case PENSTOCK_OPERAND_F32:
		put_f32(line, at);
		return;
	case PENSTOCK_OPERAND_HEX32:
		put(line, "0x%" PRIx32, penstock_load32(at));
		return;
	case PENSTOCK_OPERAND_COLOR:
		put(line, "0x%08" PRIx32, penstock_load32(at));
		return;
	case PENSTOCK_OPERAND_SIZE:
		put(line, "%" PRIu64, penstock_load64(at));
		return;
	case PENSTOCK_OPERAND_U64:
	case PENSTOCK_OPERAND_OFFSET:
	case PENSTOCK_OPERAND_READ_ADDRESS:
	case PENSTOCK_OPERAND_WRITE_ADDRESS:
	case PENSTOCK_OPERAND_BOTH_ADDRESS:
		put(line, "0x%" PRIx64, penstock_load64(at));
		return;
	case PENSTOCK_OPERAND_RECT:
		put_rect(line, at);
		return;
	case PENSTOCK_OPERAND_BYTES:
	case PENSTOCK_OPERAND_RECTS:
		put_array(line, layout, at, elements);
		return;
	case PENSTOCK_OPERAND_TYPE_MAX:
		break;
	}
	PENSTOCK_REQUIRE(operand->type < PENSTOCK_OPERAND_TYPE_MAX);
}

static void put_instruction(struct line *line, const struct penstock_layout *layout,
			    const uint8_t *bytes, uint32_t elements, uint32_t offset)
{
	put(line, "%s", layout->mnemonic);
	for (unsigned i = 0; i < layout->operand_count; i++) {
		const struct penstock_operand *operand = &layout->operands[i];

		if (penstock_operand_trails(operand) && elements == 0) {
			continue;
		}
		put(line, " %s=", operand->name);
		put_value(line, layout, operand, bytes + operand->offset, elements);
	}
	end_line(line, offset, "");
}

/* ------------------------------------------------------------------ what has no exact text */

static uint32_t put_dwords(struct line *line, const uint8_t *bytes, uint32_t size, uint32_t offset,
			   const char *why)
{
	if (line->disassembler->no_data) {
		put(line, ".dword [%" PRIu32 " dwords]", size / 4);
		end_line(line, offset, why);
		return size;
	}
	for (uint32_t i = 0; i < size; i += 4) {
		bool ends = i + 4 == size || (i / 4) % DWORDS_PER_LINE == DWORDS_PER_LINE - 1;

		if ((i / 4) % DWORDS_PER_LINE == 0) {
			put(line, ".dword");
		}
		put(line, " 0x%08" PRIx32, penstock_load32(bytes + i));
		if (ends) {
			end_line(line, offset + (i & ~(4 * DWORDS_PER_LINE - 1)),
				 i < 4 * DWORDS_PER_LINE ? why : "continued");
		}
	}
	return size;
}

static uint32_t put_tail(struct line *line, const uint8_t *bytes, uint32_t size, uint32_t offset)
{
	put(line, ".byte");
	for (uint32_t i = 0; i < size && !line->disassembler->no_data; i++) {
		put(line, " 0x%02x", (unsigned)bytes[i]);
	}
	end_line(line, offset, "less than a header");
	return size;
}

uint32_t penstock_disassemble_one(const struct penstock_disassembler *disassembler,
				  const uint8_t *bytes, uint32_t length, uint32_t offset)
{
	struct line line = { .disassembler = disassembler };
	const uint8_t *at = bytes + offset;
	uint32_t remaining = length - offset;
	const struct penstock_layout *layout;
	uint32_t header, size, elements;

	if (remaining < PENSTOCK_HEADER_BYTES) {
		return put_tail(&line, at, remaining, offset);
	}
	header = penstock_load32(at);
	size = penstock_header_length(header);
	layout = disassembler->isa->by_opcode(penstock_header_opcode(header));
	if (layout == NULL) {
		bool whole = size >= PENSTOCK_HEADER_BYTES && size <= remaining;

		return put_dwords(&line, at, whole ? size : PENSTOCK_HEADER_BYTES, offset,
				  "no such instruction");
	}
	if (!penstock_layout_cut(layout, header, remaining, &elements)) {
		return put_dwords(&line, at, PENSTOCK_HEADER_BYTES, offset, "impossible length");
	}
	if (!penstock_layout_reserved_zero(layout, at)) {
		return put_dwords(&line, at, size, offset, "reserved fields are not zero");
	}
	put_instruction(&line, layout, at, elements, offset);
	return size;
}

void penstock_disassemble(const struct penstock_disassembler *disassembler, const uint8_t *bytes,
			  uint32_t length)
{
	uint32_t offset = 0;

	while (offset < length) {
		offset += penstock_disassemble_one(disassembler, bytes, length, offset);
	}
}

/* ------------------------------------------------------------------ text in fixed memory */

void penstock_text_init(struct penstock_text *text, char *memory, size_t capacity)
{
	PENSTOCK_REQUIRE(capacity >= 1);
	*text = (struct penstock_text){ .text = memory, .capacity = capacity };
	memory[0] = '\0';
}

void penstock_text_write(void *owner, const char *piece, size_t length)
{
	struct penstock_text *text = owner;
	size_t room = text->capacity - 1 - text->length;

	if (length > room) {
		length = room;
		text->truncated = true;
	}
	memcpy(text->text + text->length, piece, length);
	text->length += length;
	text->text[text->length] = '\0';
}
