/* SPDX-License-Identifier: MIT */
/*
 * The assembler: text of instructions to bytes, for any table of layouts (penstock_command_isa,
 * penstock_dma_isa). docs/assembly.md describes the text:
 *
 *   copy source=1 source_offset=0x10 destination=2 size=4096   # one instruction a line
 *   colorfill destination=0 destination_rect=(0,0,64,64) color=0xff0000ff rop=1 sub_rects=[
 *             (0,0,8,8) (8,8,16,16)]                           # a line may end inside brackets
 *   update destination=1 offset=16 data=[0x1 0x2]
 *   .dword 0x00010007 0x1 .byte 0x1                            # bytes as they are
 *
 * Operands are given by name in any order. References, sizes, rectangles and addresses must be
 * there; any other operand is 0 where it is left out, a trailing array empty. Nothing but the form
 * is judged: a wrong instruction can be written, so that a client can try it.
 *
 * No global state, no memory but the caller's; any thread.
 */
#ifndef PENSTOCK_ASSEMBLER_H
#define PENSTOCK_ASSEMBLER_H

#include "proto/isa/layout.h"

struct penstock_assembler {
	const struct penstock_isa *isa;
	const char *file;    /* for sentences; not NULL */
	unsigned first_line; /* number of the text's first line, usually 1 */
	/*
	 * What "@name" stands for where an allocation reference is wanted; false: no such name.
	 * NULL: a name is a fault.
	 */
	bool (*resolve)(void *owner, const char *name, size_t length, uint16_t *ret_index);
	/* Told of each instruction, before its bytes are complete; may be NULL. */
	void (*located)(void *owner, uint32_t byte_offset, unsigned line);
	void *owner;
};

/*
 * Assembles `text`. *ret_length is filled on SUCCESS only; `ret_bytes` may have been written to on
 * failure. SUCCESS; INVALID_PARAMETER: a fault in the text; LIMIT_EXCEEDED: `capacity` bytes do not
 * suffice, or one instruction is longer than PENSTOCK_LIMIT_INSTRUCTION_DWORDS. Failures have a
 * sentence "file:line:column: fault".
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_assemble(const struct penstock_assembler *assembler, const char *text,
				       size_t text_bytes, uint8_t *ret_bytes, uint32_t capacity,
				       uint32_t *ret_length, struct penstock_errbuf *reterr_text);

#endif
