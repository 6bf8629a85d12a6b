/* SPDX-License-Identifier: MIT */
/*
 * Walks a patched DMA buffer and its patch list side by side: every address field has its entry,
 * every entry its field, what stands there is the address that the entry says, and the bytes that
 * are touched lie in that allocation.
 */
#include "daemon/check/check.h"

#include "daemon/check/extents.h"

#include <inttypes.h>
#include <stdio.h>

/* What a buffer is read against, and how far the reading is. */
struct reading {
	const struct penstock_check_range *ranges;
	uint32_t range_count;
	const struct penstock_patch_location *patches;
	uint32_t patch_count;
	uint32_t next;   /* patch location */
	uint32_t bound;  /* slots in use */
	uint32_t offset; /* of the instruction */
	uint32_t split;  /* of the group that it belongs to; its own where it is alone */
	bool in_group;   /* something was bound for what ends it and has not come yet */
	bool in_scope;   /* the group is a render scope */
	const char *mnemonic;
	struct penstock_errbuf *reterr_text;
};

static enum penstock_status fault(const struct reading *reading, const char *format, ...)
	PENSTOCK_PRINTF(2, 3);

static enum penstock_status fault(const struct reading *reading, const char *format, ...)
{
	char text[160];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	penstock_errbuf_set(reading->reterr_text, "%s at DMA byte 0x%x: %s", reading->mnemonic,
			    reading->offset, text);
	return PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE;
}

/* The next entry, NULL where the list is at its end or its next entry is of another instruction. */
static const struct penstock_patch_location *next_entry(struct reading *reading)
{
	const struct penstock_patch_location *patch = &reading->patches[reading->next];

	if (reading->next == reading->patch_count || patch->split_offset != reading->split) {
		return NULL;
	}
	reading->next++;
	return patch;
}

/* ------------------------------------------------------------------ patch locations */

/* A NULL entry for each slot that goes out of use. */
static enum penstock_status check_unbound(struct reading *reading, uint32_t slots)
{
	for (uint32_t slot = 0; slot < PENSTOCK_CHECK_ADDRESSES; slot++) {
		const struct penstock_patch_location *patch;

		if ((reading->bound >> slot & 1) == 0 || (slots >> slot & 1) != 0) {
			continue;
		}
		patch = next_entry(reading);
		if (patch == NULL || patch->allocation_index != PENSTOCK_PATCH_NULL_INDEX ||
		    patch->slot_id != slot || patch->driver_id != 0 ||
		    patch->allocation_offset != 0 || patch->patch_offset != reading->split) {
			return fault(reading, "slot %u goes out of use without a NULL entry", slot);
		}
	}
	reading->bound = slots;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check_range(const struct reading *reading,
					const struct penstock_operand *field,
					const struct penstock_patch_location *patch, uint64_t value,
					const struct penstock_check_extent *extent)
{
	const struct penstock_check_range *range = &reading->ranges[patch->allocation_index];

	if (value != range->address + patch->allocation_offset) {
		return fault(reading,
			     "%s is 0x%" PRIx64 ", not allocation %u (0x%" PRIx64 ") + 0x%" PRIx64,
			     field->name, value, patch->allocation_index, range->address,
			     patch->allocation_offset);
	}
	if (!range->writable && field->type != PENSTOCK_OPERAND_READ_ADDRESS) {
		return fault(reading, "%s writes allocation %u, listed without WriteOperation",
			     field->name, patch->allocation_index);
	}
	if (patch->allocation_offset > range->size_bytes ||
	    extent->behind > range->size_bytes - patch->allocation_offset) {
		return fault(reading,
			     "%s touches 0x%" PRIx64 "..0x%" PRIx64 " behind 0x%" PRIx64
			     " of allocation %u (0x%" PRIx64 " bytes)",
			     field->name, extent->first, extent->behind, patch->allocation_offset,
			     patch->allocation_index, range->size_bytes);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check_address(struct reading *reading,
					  const struct penstock_dma_decoded *decoded,
					  const struct penstock_operand *field, uint32_t slot,
					  const struct penstock_check_extent *extent)
{
	const struct penstock_patch_location *patch = next_entry(reading);

	if (patch == NULL) {
		return fault(reading, "%s has no patch location", field->name);
	}
	if (patch->patch_offset < reading->offset ||
	    patch->patch_offset - reading->offset != field->offset || patch->slot_id != slot ||
	    patch->driver_id != 0) {
		return fault(reading, "patch location %u (0x%x, slot %u) is not on %s",
			     reading->next - 1, patch->patch_offset, (unsigned)patch->slot_id,
			     field->name);
	}
	if (patch->allocation_index >= reading->range_count) {
		return fault(reading, "patch location %u names allocation %u of %u",
			     reading->next - 1, patch->allocation_index, reading->range_count);
	}
	return check_range(reading, field, patch, penstock_load64(decoded->bytes + field->offset),
			   extent);
}

/* ------------------------------------------------------------------ instructions */

static uint32_t addresses_of(const struct penstock_layout *layout,
			     const struct penstock_operand *ret_fields[])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < layout->operand_count; i++) {
		if (penstock_dma_is_address(&layout->operands[i])) {
			PENSTOCK_REQUIRE(count < PENSTOCK_CHECK_ADDRESSES);
			ret_fields[count++] = &layout->operands[i];
		}
	}
	return count;
}

static enum penstock_status check_instruction(struct reading *reading,
					      const struct penstock_dma_decoded *decoded)
{
	struct penstock_check_extent extents[PENSTOCK_CHECK_ADDRESSES];
	const struct penstock_operand *fields[PENSTOCK_CHECK_ADDRESSES];
	uint32_t count = addresses_of(&decoded->instruction->layout, fields);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	const char *wrong;

	if (!penstock_dma_reserved_zero(decoded)) {
		return fault(reading, "a reserved field is not zero");
	}
	wrong = penstock_check_extents(decoded, extents);
	if (wrong != NULL) {
		return fault(reading, "%s", wrong);
	}
	if (count != 0) {
		status = check_unbound(reading, (1u << count) - 1);
	}
	for (uint32_t i = 0; i < count && status == PENSTOCK_STATUS_SUCCESS; i++) {
		status = check_address(reading, decoded, fields[i], i, &extents[i]);
	}
	return status;
}

/* Whether the instruction may stand where it does, and which split point it belongs to. */
static enum penstock_status enter_group(struct reading *reading, uint16_t opcode)
{
	const bool binds = penstock_opcode_binds(opcode), draws = penstock_opcode_draws(opcode);

	if (draws && !reading->in_group) {
		return fault(reading, "nothing is bound for it");
	}
	if (reading->in_group && !binds && !draws) {
		return fault(reading, "inside the group at DMA byte 0x%x", reading->split);
	}
	if (opcode == PENSTOCK_DMA_OPCODE_BEGIN_RENDERING && reading->in_group) {
		return fault(reading, "inside the group at DMA byte 0x%x", reading->split);
	}
	if (!reading->in_group) {
		reading->in_scope = opcode == PENSTOCK_DMA_OPCODE_BEGIN_RENDERING;
	}
	if (draws && reading->in_scope != (opcode == PENSTOCK_DMA_OPCODE_END_RENDERING)) {
		return fault(reading, "ends a group of another sort at DMA byte 0x%x",
			     reading->split);
	}
	reading->split = reading->in_group ? reading->split : reading->offset;
	reading->in_group = binds;
	return PENSTOCK_STATUS_SUCCESS;
}

/* Cuts the instruction at reading->offset; a paging instruction is none here. */
static enum penstock_status cut(struct reading *reading, const uint8_t *dma, uint32_t dma_length,
				struct penstock_dma_decoded *ret_decoded)
{
	enum penstock_status status = penstock_dma_decode(
		dma + reading->offset, dma_length - reading->offset, ret_decoded);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		reading->mnemonic = "unknown instruction";
		return fault(reading, "%s", penstock_status_text(status));
	}
	reading->mnemonic = ret_decoded->instruction->layout.mnemonic;
	if (ret_decoded->instruction->class == PENSTOCK_DMA_PAGING) {
		return fault(reading, "a paging instruction");
	}
	return enter_group(reading, ret_decoded->instruction->layout.opcode);
}

/* Slots that a part's first split point unbinds were in use before it. */
static uint32_t bound_before(const struct reading *reading)
{
	uint32_t bound = 0;

	for (uint32_t i = 0; i < reading->patch_count; i++) {
		const struct penstock_patch_location *patch = &reading->patches[i];

		if (patch->allocation_index != PENSTOCK_PATCH_NULL_INDEX ||
		    patch->split_offset != reading->patches[0].split_offset ||
		    patch->slot_id >= PENSTOCK_CHECK_ADDRESSES) {
			break;
		}
		bound |= 1u << patch->slot_id;
	}
	return bound;
}

enum penstock_status penstock_check(const uint8_t *dma, uint32_t dma_start, uint32_t dma_end,
				    const struct penstock_check_range *ranges, uint32_t range_count,
				    const struct penstock_patch_location *patches,
				    uint32_t patch_count, struct penstock_errbuf *reterr_text)
{
	struct reading reading = {
		.ranges = ranges,
		.range_count = range_count,
		.patches = patches,
		.patch_count = patch_count,
		.offset = dma_start,
		.reterr_text = reterr_text,
	};
	struct penstock_dma_decoded decoded;
	enum penstock_status status;

	if (dma_start > 0) {
		reading.bound = bound_before(&reading);
	}
	while (reading.offset < dma_end) {
		status = cut(&reading, dma, dma_end, &decoded);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = check_instruction(&reading, &decoded);
		}
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
		reading.offset += decoded.length;
	}
	if (reading.in_group) {
		reading.offset = reading.split;
		return fault(&reading, "a group without its end");
	}
	if (reading.next != patch_count) {
		reading.offset = patches[reading.next].split_offset;
		reading.mnemonic = "patch location";
		return fault(&reading, "entry %u is no instruction's", reading.next);
	}
	return PENSTOCK_STATUS_SUCCESS;
}
