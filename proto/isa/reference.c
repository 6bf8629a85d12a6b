/* SPDX-License-Identifier: MIT */
/*
 * Writes docs/instructions.md from the instruction table to the standard output. The committed
 * page is compared with it by a test; `make update-instructions` writes it again.
 */
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const char introduction[] =
	"# Instructions of a command buffer\n"
	"\n"
	"Made from `proto/isa/instructions.def` by `proto/isa/reference`;\n"
	"`make update-instructions` writes it again. How to write instructions as text is\n"
	"in [assembly.md](assembly.md), what the GDI records do to the bit in\n"
	"[gdi.md](gdi.md).\n"
	"\n"
	"An instruction starts with a 32-bit header: the opcode in bits 0-15, the length in\n"
	"dwords, header included, in bits 16-31. All is little-endian. Bytes that no\n"
	"operand covers are zero. An opcode is never used again for another instruction;\n"
	"another table than the daemon's is refused at hello (GRAPHICS_DRIVER_MISMATCH).\n"
	"\n"
	"The **render** stream is what DxgkDdiRender takes, the **km** stream what\n"
	"DxgkDdiRenderKm takes: a submission with the RenderKm flag on a GDI context. An\n"
	"instruction of the other stream is ILLEGAL_INSTRUCTION, a *privileged* one always\n"
	"PRIVILEGED_INSTRUCTION. Instructions of the node *render* are ILLEGAL_INSTRUCTION\n"
	"on the copy node, *test* instructions and those *with pipelines* where the adapter\n"
	"does not offer them.\n"
	"\n"
	"A dispatch, a transfer of an image or a render scope is a **group**: instructions\n"
	"with opcodes from 0x10 to 0x2f say what it uses, one from 0x30 to 0x3f ends it, and\n"
	"nothing of it outlasts that. No other instruction may stand inside one. A render\n"
	"scope begins with begin_rendering and has any number of draws, each with what has\n"
	"been bound so far; in any other group the order does not matter. What the pipeline\n"
	"does not use may be bound, and is ignored; push constants that are not given are\n"
	"zero. A group has at most %u instructions.\n"
	"\n"
	"The worst case is what one instruction costs in a DMA buffer (bytes, and bytes\n"
	"more for each element of the trailing array) and in a patch-location list. A slot\n"
	"is the operand position that the patch list carries as SlotId.\n";

static const char *const type_texts[PENSTOCK_OPERAND_TYPE_MAX] = {
	[PENSTOCK_OPERAND_U32] = "32 bits",
	[PENSTOCK_OPERAND_HEX32] = "32 bits",
	[PENSTOCK_OPERAND_COLOR] = "colour, 0xAARRGGBB",
	[PENSTOCK_OPERAND_I32] = "32 bits, signed",
	[PENSTOCK_OPERAND_F32] = "a number (IEEE single)",
	[PENSTOCK_OPERAND_U64] = "64 bits",
	[PENSTOCK_OPERAND_SOURCE] = "allocation, read",
	[PENSTOCK_OPERAND_DESTINATION] = "allocation, written",
	[PENSTOCK_OPERAND_BOTH] = "allocation, read and written",
	[PENSTOCK_OPERAND_OFFSET] = "bytes into the allocation before it",
	[PENSTOCK_OPERAND_SIZE] = "bytes of the allocation before it",
	[PENSTOCK_OPERAND_RECT] = "rectangle: left, top, right, bottom",
	[PENSTOCK_OPERAND_BYTES] = "dwords up to the end",
	[PENSTOCK_OPERAND_RECTS] = "rectangles up to the end",
};

static const char *const privilege_texts[] = {
	[PENSTOCK_USER] = "user",
	[PENSTOCK_PRIVILEGED] = "privileged",
	[PENSTOCK_TEST] = "test",
};

static const char *const node_texts[] = {
	[PENSTOCK_NODE_ANY] = "any",
	[PENSTOCK_NODE_RENDER] = "render",
	[PENSTOCK_NODE_PIPELINES] = "render, with pipelines",
};

static void print_operand(const struct penstock_layout *layout,
			  const struct penstock_operand *operand)
{
	uint32_t bytes = penstock_operand_trails(operand) ? layout->element_bytes : operand->width;

	printf("| %u | %u%s | `%s` | %s | ", (unsigned)operand->offset, bytes,
	       penstock_operand_trails(operand) ? " each" : "", operand->name,
	       type_texts[operand->type]);
	if (operand->slot >= 0) {
		printf("%d |", operand->slot);
	} else {
		printf("|");
	}
	printf(" %s |\n", penstock_operand_required(operand) ? "yes" : "");
}

static void print_instruction(const struct penstock_instruction *instruction)
{
	const struct penstock_layout *layout = &instruction->layout;

	printf("\n## %s\n\n%c%s.\n\n", layout->mnemonic, toupper(layout->summary[0]),
	       layout->summary + 1);
	printf("Opcode 0x%04x, %u bytes", (unsigned)layout->opcode, (unsigned)layout->bytes);
	if (layout->element_bytes != 0) {
		printf(" and %u for each element", (unsigned)layout->element_bytes);
	}
	printf("; stream %s, node %s, %s.\n",
	       instruction->stream == PENSTOCK_STREAM_KM ? "km" : "render",
	       node_texts[instruction->nodes], privilege_texts[instruction->privilege]);
	if (instruction->privilege != PENSTOCK_PRIVILEGED) {
		printf("Worst case: %u DMA bytes", (unsigned)instruction->dma_bytes);
		if (instruction->dma_element_bytes != 0) {
			printf(" and %u for each element",
			       (unsigned)instruction->dma_element_bytes);
		}
		printf("; patch locations: %u.\n", (unsigned)instruction->patches);
	}
	if (layout->operand_count == 0) {
		return;
	}
	printf("\n| byte | bytes | operand | | slot | needed |\n|---|---|---|---|---|---|\n");
	for (unsigned i = 0; i < layout->operand_count; i++) {
		print_operand(layout, &layout->operands[i]);
	}
}

static void print_index(void)
{
	printf("\n| opcode | instruction | stream | |\n|---|---|---|---|\n");
	for (int id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		const struct penstock_instruction *instruction = penstock_instruction_get(id);

		printf("| 0x%04x | [%s](#%s) | %s%s | %s |\n", instruction->layout.opcode,
		       instruction->layout.mnemonic, instruction->layout.mnemonic,
		       instruction->stream == PENSTOCK_STREAM_KM ? "km" : "render",
		       instruction->privilege == PENSTOCK_PRIVILEGED ? ", privileged"
		       : instruction->privilege == PENSTOCK_TEST     ? ", test"
								     : "",
		       instruction->layout.summary);
	}
}

int main(void)
{
	printf(introduction, PENSTOCK_LIMIT_GROUP_INSTRUCTIONS);
	printf("\nThis is version %u of the table. An instruction has at most %u dwords.\n",
	       PENSTOCK_ISA_VERSION, PENSTOCK_LIMIT_INSTRUCTION_DWORDS);
	print_index();
	for (int id = 0; id < PENSTOCK_INSTRUCTION_COUNT; id++) {
		print_instruction(penstock_instruction_get(id));
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
