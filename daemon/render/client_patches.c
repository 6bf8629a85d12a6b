/* SPDX-License-Identifier: MIT */
/*
 * The client's own patch list, held against the instructions. Render derives its own list and does
 * not need this one; but a client that sends one relies on what it says, so a disagreement is the
 * client's defect, and is answered where it can be found. proto/wire/frame.h says what an entry
 * has to say.
 */
#include "daemon/render/refusal.h"
#include "daemon/render/walk.h"

#include <inttypes.h>

struct cursor {
	const uint8_t *bytes; /* of the instruction */
	uint32_t offset;
	uint32_t seen; /* slots that an entry was about */
};

static bool disagree(const struct penstock_render_args *args, struct penstock_refusal *ret_refusal,
		     uint32_t entry, const char *what)
{
	const struct penstock_patch_location *patch = &args->patches_in[entry];

	penstock_refusal_set(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER, patch->patch_offset,
			     "patch location %u (allocation %u + 0x%" PRIx64
			     ", slot %u, patch 0x%x, split 0x%x): %s",
			     entry, patch->allocation_index, patch->allocation_offset,
			     (unsigned)patch->slot_id, patch->patch_offset, patch->split_offset,
			     what);
	return false;
}

/* Moves to the instruction at `offset`; false where none starts there, or the cursor is past. */
static bool advance(struct cursor *cursor, const struct penstock_render_args *args, uint32_t offset)
{
	while (cursor->offset < offset && cursor->offset < args->command_length) {
		uint32_t length = penstock_header_length(penstock_load32(cursor->bytes));

		cursor->bytes += length;
		cursor->offset += length;
		cursor->seen = 0;
	}
	return cursor->offset == offset && offset < args->command_length;
}

static const struct penstock_operand *find_reference(const struct penstock_layout *layout,
						     uint32_t slot)
{
	for (uint32_t i = 0; i < layout->operand_count; i++) {
		if (layout->operands[i].slot >= 0 && (uint32_t)layout->operands[i].slot == slot) {
			return &layout->operands[i];
		}
	}
	return NULL;
}

/* The OFFSET operand of a reference; NULL where the instruction has none for it. */
static const struct penstock_operand *offset_of(const struct penstock_layout *layout,
						const struct penstock_operand *reference)
{
	const struct penstock_operand *next = reference + 1;

	if (next == layout->operands + layout->operand_count ||
	    next->type != PENSTOCK_OPERAND_OFFSET) {
		return NULL;
	}
	return next;
}

static bool entry_agrees(const struct penstock_render_args *args,
			 struct penstock_refusal *ret_refusal, struct cursor *cursor,
			 uint32_t entry)
{
	const struct penstock_patch_location *patch = &args->patches_in[entry];
	const struct penstock_instruction *instruction = penstock_instruction_by_opcode(
		penstock_header_opcode(penstock_load32(cursor->bytes)));
	const struct penstock_operand *reference, *offset;
	uint64_t allocation_offset;
	uint32_t site;

	reference = find_reference(&instruction->layout, patch->slot_id);
	if (reference == NULL || patch->driver_id != 0) {
		return disagree(args, ret_refusal, entry, "its instruction has no such slot");
	}
	if ((cursor->seen & 1u << reference->slot) != 0) {
		return disagree(args, ret_refusal, entry, "a second one for its slot");
	}
	cursor->seen |= 1u << reference->slot;
	if (patch->allocation_index != penstock_load16(cursor->bytes + reference->offset)) {
		return disagree(args, ret_refusal, entry, "its instruction names another index");
	}
	offset = offset_of(&instruction->layout, reference);
	site = offset != NULL ? offset->offset : reference->offset;
	allocation_offset = offset != NULL ? penstock_load64(cursor->bytes + offset->offset) : 0;
	if (patch->patch_offset < cursor->offset || patch->patch_offset - cursor->offset != site) {
		return disagree(args, ret_refusal, entry, "the address operand stands elsewhere");
	}
	if (patch->allocation_offset != allocation_offset) {
		return disagree(args, ret_refusal, entry, "its instruction names another offset");
	}
	return true;
}

bool penstock_client_patches_agree(const struct penstock_render_args *args,
				   struct penstock_refusal *ret_refusal)
{
	struct cursor cursor = {
		.bytes = args->command + args->command_offset,
		.offset = args->command_offset,
	};

	for (uint32_t i = 0; i < args->patch_in_count; i++) {
		if (args->patches_in[i].allocation_index >= args->allocation_count) {
			return disagree(args, ret_refusal, i, "past the allocation list");
		}
		if (!advance(&cursor, args, args->patches_in[i].split_offset)) {
			return disagree(args, ret_refusal, i,
					"no instruction starts at its split offset, or it "
					"decreases");
		}
		if (!entry_agrees(args, ret_refusal, &cursor, i)) {
			return false;
		}
	}
	return true;
}
