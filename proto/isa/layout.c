/* SPDX-License-Identifier: MIT */
#include "proto/isa/layout.h"

#include <string.h>

const struct penstock_layout *penstock_isa_by_mnemonic(const struct penstock_isa *isa,
						       const char *mnemonic, size_t length)
{
	for (unsigned i = 0; i < isa->count; i++) {
		const struct penstock_layout *layout = isa->at(i);

		if (strlen(layout->mnemonic) == length &&
		    memcmp(layout->mnemonic, mnemonic, length) == 0) {
			return layout;
		}
	}
	return NULL;
}

bool penstock_operand_required(const struct penstock_operand *operand)
{
	switch (operand->type) {
	case PENSTOCK_OPERAND_SOURCE:
	case PENSTOCK_OPERAND_DESTINATION:
	case PENSTOCK_OPERAND_BOTH:
	case PENSTOCK_OPERAND_SIZE:
	case PENSTOCK_OPERAND_RECT:
	case PENSTOCK_OPERAND_READ_ADDRESS:
	case PENSTOCK_OPERAND_WRITE_ADDRESS:
	case PENSTOCK_OPERAND_BOTH_ADDRESS:
		return true;
	case PENSTOCK_OPERAND_U32:
	case PENSTOCK_OPERAND_HEX32:
	case PENSTOCK_OPERAND_COLOR:
	case PENSTOCK_OPERAND_I32:
	case PENSTOCK_OPERAND_F32:
	case PENSTOCK_OPERAND_U64:
	case PENSTOCK_OPERAND_OFFSET:
	case PENSTOCK_OPERAND_BYTES:
	case PENSTOCK_OPERAND_RECTS:
	case PENSTOCK_OPERAND_TYPE_MAX:
		break;
	}
	return false;
}
