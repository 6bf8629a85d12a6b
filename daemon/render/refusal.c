/* SPDX-License-Identifier: MIT */
#include "daemon/render/refusal.h"

#include <stdio.h>

void penstock_refusal_at(struct penstock_refusal *ret_refusal, enum penstock_status status,
			 uint32_t byte_offset, const uint8_t *bytes, const char *operand,
			 const char *format, va_list arguments)
{
	uint16_t opcode = penstock_header_opcode(penstock_load32(bytes));
	const struct penstock_instruction *instruction = penstock_instruction_by_opcode(opcode);
	const char *mnemonic = instruction != NULL ? instruction->layout.mnemonic : "";
	int length;

	*ret_refusal = (struct penstock_refusal){
		.status = status,
		.at_instruction = true,
		.byte_offset = byte_offset,
		.instruction = mnemonic,
		.operand = operand,
	};
	length = snprintf(ret_refusal->sentence, sizeof(ret_refusal->sentence), "%s at byte 0x%x: ",
			  instruction != NULL ? mnemonic : "unknown instruction", byte_offset);
	vsnprintf(ret_refusal->sentence + length, sizeof(ret_refusal->sentence) - (size_t)length,
		  format, arguments);
}

void penstock_refusal_set(struct penstock_refusal *ret_refusal, enum penstock_status status,
			  uint32_t byte_offset, const char *format, ...)
{
	va_list arguments;

	*ret_refusal = (struct penstock_refusal){
		.status = status,
		.byte_offset = byte_offset,
		.instruction = "",
		.operand = "",
	};
	va_start(arguments, format);
	vsnprintf(ret_refusal->sentence, sizeof(ret_refusal->sentence), format, arguments);
	va_end(arguments);
}
