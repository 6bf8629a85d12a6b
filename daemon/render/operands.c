/* SPDX-License-Identifier: MIT */
#include "daemon/render/operands.h"

#include <inttypes.h>

bool penstock_walk_words_within(struct penstock_walk *walk, const uint8_t *bytes,
				const struct penstock_word_limit *limits, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t value = penstock_load32(bytes + limits[i].offset);

		if (PENSTOCK_UNLIKELY(value < limits[i].least || value > limits[i].most)) {
			return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
						    limits[i].operand, "%s is %u: from %u to %u",
						    limits[i].operand, value, limits[i].least,
						    limits[i].most) != NULL;
		}
	}
	return true;
}

bool penstock_walk_singles_within(struct penstock_walk *walk, const uint8_t *bytes,
				  const struct penstock_single_limit *limits, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		float value = penstock_load_single(bytes + limits[i].offset);

		if (PENSTOCK_UNLIKELY(!(value >= limits[i].least && value <= limits[i].most))) {
			return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
						    limits[i].operand, "%s is %g: from %g to %g",
						    limits[i].operand, (double)value,
						    (double)limits[i].least,
						    (double)limits[i].most) != NULL;
		}
	}
	return true;
}

bool penstock_walk_refuse_value(struct penstock_walk *walk, const uint8_t *bytes,
				const char *operand, uint32_t value, const char *wanted)
{
	(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
				   "%s is %u: %s", operand, value, wanted);
	return false;
}

const struct penstock_render_allocation *
penstock_walk_range_operand(struct penstock_walk *walk, const uint8_t *bytes, uint32_t at,
			    const char *operand, bool written, uint64_t offset, uint64_t size)
{
	uint32_t index = penstock_load16(bytes + at);
	const struct penstock_render_allocation *allocation = penstock_walk_allocation(walk, index);

	if (PENSTOCK_UNLIKELY(allocation == NULL)) {
		(void)penstock_walk_refuse_index(walk, bytes, operand, index);
		return NULL;
	}
	if (PENSTOCK_UNLIKELY(written && !allocation->write_operation)) {
		(void)penstock_walk_refuse_write(walk, bytes, operand, index);
		return NULL;
	}
	if (PENSTOCK_UNLIKELY(size == 0 ||
			      !penstock_range_fits(offset, size, allocation->size_bytes))) {
		(void)penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "size",
					   "0x%" PRIx64 " bytes at 0x%" PRIx64
					   ": at least one, inside allocation %u (0x%" PRIx64
					   " bytes)",
					   size, offset, index, allocation->size_bytes);
		return NULL;
	}
	return allocation;
}

bool penstock_walk_offset_aligned(struct penstock_walk *walk, const uint8_t *bytes,
				  const char *operand, uint64_t offset, uint32_t alignment)
{
	if (PENSTOCK_UNLIKELY(offset % alignment != 0)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					    "offset 0x%" PRIx64 " is no multiple of %u", offset,
					    alignment) != NULL;
	}
	return true;
}
