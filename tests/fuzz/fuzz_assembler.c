/* SPDX-License-Identifier: MIT */
/*
 * The first byte says what the rest is: bit 0 the table (command buffer, DMA buffer), bit 1 bytes
 * to disassemble or text to assemble. Either way the round trip is exact.
 */
#include "gpu-backend/dma.h"
#include "proto/isa/assembler.h"
#include "proto/isa/disassembler.h"
#include "proto/isa/instruction.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define BYTES_MAX 4096u
#define TEXT_MAX  (BYTES_MAX * 64u) /* more than any bytes can become, with offsets */

static bool resolve(void *owner, const char *name, size_t length, uint16_t *ret_index)
{
	(void)owner;
	*ret_index = length > 0 ? (uint8_t)name[0] : 0;
	return length > 0;
}

static void check_bytes(const struct penstock_isa *isa, const uint8_t *bytes, uint32_t length)
{
	static char memory[TEXT_MAX];
	static uint8_t back[BYTES_MAX];
	struct penstock_text text;
	struct penstock_errbuf fault;
	uint32_t back_length = 0;
	const struct penstock_disassembler disassembler = {
		.isa = isa,
		.offsets = length % 2 != 0,
		.write = penstock_text_write,
		.owner = &text,
	};
	const struct penstock_assembler assembler = { .isa = isa, .file = "", .first_line = 1 };

	penstock_text_init(&text, memory, sizeof(memory));
	penstock_disassemble(&disassembler, bytes, length);
	PENSTOCK_REQUIRE(!text.truncated);
	PENSTOCK_REQUIRE(penstock_assemble(&assembler, text.text, text.length, back, sizeof(back),
					   &back_length, &fault) == PENSTOCK_STATUS_SUCCESS);
	PENSTOCK_REQUIRE(back_length == length && memcmp(back, bytes, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[BYTES_MAX];
	const struct penstock_isa *isa;
	struct penstock_errbuf fault;
	uint32_t length = 0;

	if (size == 0) {
		return 0;
	}
	isa = (data[0] & 1) == 0 ? &penstock_command_isa : &penstock_dma_isa;
	if ((data[0] & 2) == 0) {
		check_bytes(isa, data + 1, size - 1 < BYTES_MAX ? (uint32_t)size - 1 : BYTES_MAX);
		return 0;
	}
	const struct penstock_assembler assembler = {
		.isa = isa,
		.file = "fuzz",
		.first_line = 1,
		.resolve = resolve,
	};
	if (penstock_assemble(&assembler, (const char *)data + 1, size - 1, bytes, sizeof(bytes),
			      &length, &fault) == PENSTOCK_STATUS_SUCCESS) {
		check_bytes(isa, bytes, length);
	} else {
		PENSTOCK_REQUIRE(strncmp(fault.text, "fuzz:", 5) == 0);
		PENSTOCK_REQUIRE(strchr(fault.text, '\n') == NULL);
	}
	return 0;
}
