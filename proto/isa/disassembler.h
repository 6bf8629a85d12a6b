/* SPDX-License-Identifier: MIT */
/*
 * The disassembler: bytes to the text that the assembler takes, for any table of layouts. What it
 * writes assembles to the same bytes, whatever they are: an instruction that has no exact text
 * (reserved fields that are not zero, an opcode that is none of the table's, a length that cannot
 * be) becomes .dword lines, and bytes behind the last dword become a .byte line, each with a
 * comment that says why.
 *
 * No global state, no allocation; any thread. Bytes may be anybody's.
 */
#ifndef PENSTOCK_DISASSEMBLER_H
#define PENSTOCK_DISASSEMBLER_H

#include "proto/isa/layout.h"

struct penstock_disassembler {
	const struct penstock_isa *isa;
	bool offsets; /* a comment with the byte offset behind each instruction */
	bool no_data; /* how much of it, for what is bytes of somebody's: shown, not to be assembled
		       */
	/* Takes the next piece of text; pieces are no larger than a few hundred bytes. */
	void (*write)(void *owner, const char *text, size_t length);
	void *owner;
};

/* All of the buffer, a line each instruction. */
void penstock_disassemble(const struct penstock_disassembler *disassembler, const uint8_t *bytes,
			  uint32_t length);

/*
 * The instruction at `offset` < `length`, with its newline; returns how many bytes it took, at
 * least 1.
 */
uint32_t penstock_disassemble_one(const struct penstock_disassembler *disassembler,
				  const uint8_t *bytes, uint32_t length, uint32_t offset);

/*
 * An owner for penstock_text_write: memory of the caller's that keeps what fits, always
 * terminated by a NUL. `capacity` >= 1.
 */
struct penstock_text {
	char *text;
	size_t capacity;
	size_t length; /* without the NUL */
	bool truncated;
};

void penstock_text_init(struct penstock_text *text, char *memory, size_t capacity);
void penstock_text_write(void *text, const char *piece, size_t length);

#endif
