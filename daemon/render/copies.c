/* SPDX-License-Identifier: MIT */
/*
 * The instructions of the render stream: bytes filled, copied and written, marker and spin. The
 * handlers of nop, marker and copy go on as long as the same instruction follows, which is what
 * command buffers look like, and what spares most of them the dispatch.
 */
#include "daemon/render/walk.h"

#include <inttypes.h>
#include <string.h>

#define BITS(slots) ((1u << (slots)) - 1u)

/* ------------------------------------------------------------------ ranges */

/* Refuses a range that its allocation does not hold; returns NULL. */
__attribute__((cold)) static const uint8_t *
refuse_range(struct penstock_walk *walk, const uint8_t *bytes, const char *reference,
	     const char *operand, uint32_t index, uint64_t offset, uint64_t size)
{
	uint64_t limit = walk->allocations[index].size_bytes;

	if (offset > UINT64_MAX - size) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
					    "%s of 0x%" PRIx64 " bytes at 0x%" PRIx64
					    " ends past allocation %u (0x%" PRIx64 " bytes)",
					    reference, size, offset, index, limit);
	}
	return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, operand,
				    "%s 0x%" PRIx64 "..0x%" PRIx64
				    " ends past allocation %u (0x%" PRIx64 " bytes)",
				    reference, offset, offset + size, index, limit);
}

__attribute__((cold)) static const uint8_t *refuse_overlap(struct penstock_walk *walk,
							   const uint8_t *bytes,
							   uint32_t source_index,
							   uint32_t destination_index)
{
	return penstock_walk_refuse(
		walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER, "destination_offset",
		"source and destination overlap in one allocation (elements %u and %u)",
		source_index, destination_index);
}

/* ------------------------------------------------------------------ nop, marker, spin */

const uint8_t *penstock_render_nop(struct penstock_walk *walk, const uint8_t *bytes,
				   uint32_t length)
{
	const uint32_t header = penstock_load32(bytes);
	const uint8_t *next = bytes + length;

	while (length == PENSTOCK_HEADER_BYTES && walk->part_end - next >= PENSTOCK_HEADER_BYTES &&
	       penstock_load32(next) == header) {
		next += PENSTOCK_HEADER_BYTES;
	}
	return penstock_walk_skip(walk, next);
}

/* Two dwords that are the same in both encodings. */
static const uint8_t *two_dwords(struct penstock_walk *walk, const uint8_t *bytes)
{
	const uint32_t header = penstock_load32(bytes);
	uint8_t *dma = walk->dma.next;
	uint8_t *const dma_end = walk->dma.end;
	const uint8_t *const last = walk->part_end - 8;

	do {
		if (PENSTOCK_UNLIKELY((size_t)(dma_end - dma) < 8)) {
			walk->dma.next = dma;
			return penstock_walk_full(walk, bytes, 8, 0) ? bytes + 8 : NULL;
		}
		penstock_store64(dma, penstock_load64(bytes));
		dma += 8;
		bytes += 8;
	} while (bytes <= last && penstock_load32(bytes) == header);
	walk->dma.next = dma;
	return bytes;
}

_Static_assert(PENSTOCK_OPCODE_MARKER == (int)PENSTOCK_DMA_OPCODE_MARKER &&
		       PENSTOCK_OPCODE_SPIN == (int)PENSTOCK_DMA_OPCODE_SPIN &&
		       PENSTOCK_BYTES_MARKER == 8 && PENSTOCK_DMA_BYTES_MARKER == 8 &&
		       PENSTOCK_BYTES_SPIN == 8 && PENSTOCK_DMA_BYTES_SPIN == 8,
	       "two_dwords copies them");

const uint8_t *penstock_render_marker(struct penstock_walk *walk, const uint8_t *bytes,
				      uint32_t length)
{
	(void)length;
	return two_dwords(walk, bytes);
}

const uint8_t *penstock_render_spin(struct penstock_walk *walk, const uint8_t *bytes,
				    uint32_t length)
{
	(void)length;
	walk->work_bytes += PENSTOCK_WORK_UNKNOWN;
	return two_dwords(walk, bytes);
}

/* ------------------------------------------------------------------ fill */

const uint8_t *penstock_render_fill(struct penstock_walk *walk, const uint8_t *bytes,
				    uint32_t length)
{
	const struct penstock_render_allocation *allocation;
	uint32_t index = penstock_load16(bytes + PENSTOCK_OPERAND_FILL_destination);
	uint64_t offset = penstock_load64(bytes + PENSTOCK_OPERAND_FILL_offset);
	uint64_t size = penstock_load64(bytes + PENSTOCK_OPERAND_FILL_size);
	uint32_t split;
	uint8_t *dma;

	allocation = penstock_walk_allocation(walk, index);
	if (PENSTOCK_UNLIKELY(allocation == NULL)) {
		return penstock_walk_refuse_index(walk, bytes, "destination", index);
	}
	if (PENSTOCK_UNLIKELY(!allocation->write_operation)) {
		return penstock_walk_refuse_write(walk, bytes, "destination", index);
	}
	if (PENSTOCK_UNLIKELY(((offset | size) & 3) != 0)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    (offset & 3) != 0 ? "offset" : "size",
					    "offset 0x%" PRIx64 " and size 0x%" PRIx64
					    " are not both multiples of 4",
					    offset, size);
	}
	if (PENSTOCK_UNLIKELY(!penstock_range_fits(offset, size, allocation->size_bytes))) {
		return refuse_range(walk, bytes, "destination", "size", index, offset, size);
	}
	if (!penstock_walk_reserve(walk, bytes, PENSTOCK_DMA_BYTES_FILL, 1, BITS(1), size, &dma,
				   &split)) {
		return NULL;
	}
	if (dma == NULL) {
		return bytes + length;
	}
	penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_FILL, PENSTOCK_DMA_BYTES_FILL,
				penstock_load32(bytes + PENSTOCK_OPERAND_FILL_pattern));
	penstock_store64(dma + PENSTOCK_DMA_FILL_address, allocation->address + offset);
	penstock_store64(dma + PENSTOCK_DMA_FILL_size, size);
	penstock_patch_list_put(&walk->patches, 0, index, offset, split, PENSTOCK_DMA_FILL_address);
	return bytes + length;
}

/* ------------------------------------------------------------------ timestamp */

#define TIMESTAMP_BYTES 8u

const uint8_t *penstock_render_timestamp(struct penstock_walk *walk, const uint8_t *bytes,
					 uint32_t length)
{
	const struct penstock_render_allocation *allocation;
	uint32_t index = penstock_load16(bytes + PENSTOCK_OPERAND_TIMESTAMP_destination);
	uint64_t offset = penstock_load64(bytes + PENSTOCK_OPERAND_TIMESTAMP_offset);
	uint32_t split;
	uint8_t *dma;

	allocation = penstock_walk_allocation(walk, index);
	if (PENSTOCK_UNLIKELY(allocation == NULL)) {
		return penstock_walk_refuse_index(walk, bytes, "destination", index);
	}
	if (PENSTOCK_UNLIKELY(!allocation->write_operation)) {
		return penstock_walk_refuse_write(walk, bytes, "destination", index);
	}
	if (PENSTOCK_UNLIKELY(offset % TIMESTAMP_BYTES != 0)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "offset", "offset 0x%" PRIx64 " is no multiple of %u",
					    offset, TIMESTAMP_BYTES);
	}
	if (PENSTOCK_UNLIKELY(
		    !penstock_range_fits(offset, TIMESTAMP_BYTES, allocation->size_bytes))) {
		return refuse_range(walk, bytes, "destination", "offset", index, offset,
				    TIMESTAMP_BYTES);
	}
	if (!penstock_walk_reserve(walk, bytes, PENSTOCK_DMA_BYTES_TIMESTAMP, 1, BITS(1),
				   TIMESTAMP_BYTES, &dma, &split)) {
		return NULL;
	}
	if (dma == NULL) {
		return bytes + length;
	}
	penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_TIMESTAMP, PENSTOCK_DMA_BYTES_TIMESTAMP,
				0);
	penstock_store64(dma + PENSTOCK_DMA_TIMESTAMP_address, allocation->address + offset);
	penstock_patch_list_put(&walk->patches, 0, index, offset, split,
				PENSTOCK_DMA_TIMESTAMP_address);
	return bytes + length;
}

/* ------------------------------------------------------------------ copy */

/* What copy and copy_rows have in common: two references at the same places. */
struct pair {
	const struct penstock_render_allocation *source;
	const struct penstock_render_allocation *destination;
	uint64_t source_offset;
	uint64_t destination_offset;
	uint32_t source_index;
	uint32_t destination_index;
};

_Static_assert((int)PENSTOCK_OPERAND_COPY_source == (int)PENSTOCK_OPERAND_COPY_ROWS_source &&
		       (int)PENSTOCK_OPERAND_COPY_destination ==
			       (int)PENSTOCK_OPERAND_COPY_ROWS_destination &&
		       (int)PENSTOCK_OPERAND_COPY_source_offset ==
			       (int)PENSTOCK_OPERAND_COPY_ROWS_source_offset &&
		       (int)PENSTOCK_OPERAND_COPY_destination_offset ==
			       (int)PENSTOCK_OPERAND_COPY_ROWS_destination_offset &&
		       (int)PENSTOCK_DMA_COPY_source == (int)PENSTOCK_DMA_COPY_ROWS_source &&
		       (int)PENSTOCK_DMA_COPY_destination ==
			       (int)PENSTOCK_DMA_COPY_ROWS_destination,
	       "pair_load and pair_put serve both");

__attribute__((cold)) static bool refuse_pair(struct penstock_walk *walk, const uint8_t *bytes,
					      const struct pair *pair)
{
	if (pair->source == NULL) {
		penstock_walk_refuse_index(walk, bytes, "source", pair->source_index);
	} else if (pair->destination == NULL) {
		penstock_walk_refuse_index(walk, bytes, "destination", pair->destination_index);
	} else {
		penstock_walk_refuse_write(walk, bytes, "destination", pair->destination_index);
	}
	return false;
}

static inline bool pair_load(struct penstock_walk *walk, const uint8_t *bytes,
			     struct pair *ret_pair)
{
	ret_pair->source_index = penstock_load16(bytes + PENSTOCK_OPERAND_COPY_source);
	ret_pair->destination_index = penstock_load16(bytes + PENSTOCK_OPERAND_COPY_destination);
	ret_pair->source_offset = penstock_load64(bytes + PENSTOCK_OPERAND_COPY_source_offset);
	ret_pair->destination_offset =
		penstock_load64(bytes + PENSTOCK_OPERAND_COPY_destination_offset);
	ret_pair->source = penstock_walk_allocation(walk, ret_pair->source_index);
	ret_pair->destination = penstock_walk_allocation(walk, ret_pair->destination_index);
	if (PENSTOCK_UNLIKELY(ret_pair->source == NULL) ||
	    PENSTOCK_UNLIKELY(ret_pair->destination == NULL) ||
	    PENSTOCK_UNLIKELY(!ret_pair->destination->write_operation)) {
		return refuse_pair(walk, bytes, ret_pair);
	}
	return true;
}

/* Addresses and their patch locations; there is room. */
static inline void pair_put(struct penstock_walk *walk, const struct pair *pair, uint8_t *dma,
			    uint32_t split)
{
	penstock_store64(dma + PENSTOCK_DMA_COPY_source,
			 pair->source->address + pair->source_offset);
	penstock_store64(dma + PENSTOCK_DMA_COPY_destination,
			 pair->destination->address + pair->destination_offset);
	penstock_patch_list_put(&walk->patches, 0, pair->source_index, pair->source_offset, split,
				PENSTOCK_DMA_COPY_source);
	penstock_patch_list_put(&walk->patches, 1, pair->destination_index,
				pair->destination_offset, split, PENSTOCK_DMA_COPY_destination);
}

/* Both ranges fit their allocation, so no sum wraps. */
static bool ranges_meet(const struct pair *pair, uint64_t source_extent,
			uint64_t destination_extent)
{
	return source_extent != 0 && destination_extent != 0 &&
	       pair->source_offset < pair->destination_offset + destination_extent &&
	       pair->destination_offset < pair->source_offset + source_extent;
}

static inline bool copy_one(struct penstock_walk *walk, const uint8_t *bytes)
{
	uint64_t size = penstock_load64(bytes + PENSTOCK_OPERAND_COPY_size);
	struct pair pair;
	uint32_t split;
	uint8_t *dma;

	if (!pair_load(walk, bytes, &pair)) {
		return false;
	}
	if (PENSTOCK_UNLIKELY(
		    !penstock_range_fits(pair.source_offset, size, pair.source->size_bytes))) {
		return refuse_range(walk, bytes, "source", "size", pair.source_index,
				    pair.source_offset, size) != NULL;
	}
	if (PENSTOCK_UNLIKELY(!penstock_range_fits(pair.destination_offset, size,
						   pair.destination->size_bytes))) {
		return refuse_range(walk, bytes, "destination", "size", pair.destination_index,
				    pair.destination_offset, size) != NULL;
	}
	if (PENSTOCK_UNLIKELY(pair.source->id == pair.destination->id) &&
	    ranges_meet(&pair, size, size)) {
		return refuse_overlap(walk, bytes, pair.source_index, pair.destination_index) !=
		       NULL;
	}
	if (!penstock_walk_reserve(walk, bytes, PENSTOCK_DMA_BYTES_COPY, 2, BITS(2), size, &dma,
				   &split)) {
		return false;
	}
	if (PENSTOCK_LIKELY(dma != NULL)) {
		penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_COPY, PENSTOCK_DMA_BYTES_COPY, 0);
		pair_put(walk, &pair, dma, split);
		penstock_store64(dma + PENSTOCK_DMA_COPY_size, size);
	}
	return true;
}

/* How many copies this part of the command buffer can hold, and the outputs have room for. */
static uint32_t run_length(const struct penstock_walk *walk, const uint8_t *bytes)
{
	size_t count =
		bytes < walk->part_end ? (size_t)(walk->part_end - bytes) / PENSTOCK_BYTES_COPY : 0;
	size_t dma = (size_t)(walk->dma.end - walk->dma.next) / PENSTOCK_DMA_BYTES_COPY;
	size_t patches = (size_t)(walk->patches.end - walk->patches.next) / 2;

	count = dma < count ? dma : count;
	return (uint32_t)(patches < count ? patches : count);
}

/*
 * Goes on over copies for which there is room and nothing to refuse, with all state in registers;
 * stops at the first that is something else, or that copy_one has to look at. The slots are bound.
 */
static const uint8_t *copy_run(struct penstock_walk *walk, const uint8_t *bytes, uint32_t header)
{
	const struct penstock_render_allocation *const allocations = walk->allocations;
	const uint32_t allocation_count = walk->allocation_count;
	struct penstock_patch_location *patch = walk->patches.next;
	uint8_t *dma = walk->dma.next;
	uint32_t split = penstock_dma_writer_length(&walk->dma);
	uint32_t left = run_length(walk, bytes);
	uint64_t work_bytes = 0;

	for (; left != 0 && penstock_load32(bytes) == header; left--) {
		const uint32_t from = penstock_load16(bytes + PENSTOCK_OPERAND_COPY_source);
		const uint32_t to = penstock_load16(bytes + PENSTOCK_OPERAND_COPY_destination);
		const uint64_t size = penstock_load64(bytes + PENSTOCK_OPERAND_COPY_size);
		const uint64_t source_offset =
			penstock_load64(bytes + PENSTOCK_OPERAND_COPY_source_offset);
		const uint64_t destination_offset =
			penstock_load64(bytes + PENSTOCK_OPERAND_COPY_destination_offset);
		const struct penstock_render_allocation *source = &allocations[from];
		const struct penstock_render_allocation *destination = &allocations[to];

		if (PENSTOCK_UNLIKELY(from >= allocation_count || to >= allocation_count) ||
		    PENSTOCK_UNLIKELY(source->id == 0 || destination->id == 0 ||
				      source->id == destination->id ||
				      !destination->write_operation) ||
		    PENSTOCK_UNLIKELY(
			    !penstock_range_fits(source_offset, size, source->size_bytes) ||
			    !penstock_range_fits(destination_offset, size,
						 destination->size_bytes))) {
			break;
		}
		penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_COPY, PENSTOCK_DMA_BYTES_COPY, 0);
		penstock_store64(dma + PENSTOCK_DMA_COPY_source, source->address + source_offset);
		penstock_store64(dma + PENSTOCK_DMA_COPY_destination,
				 destination->address + destination_offset);
		penstock_store64(dma + PENSTOCK_DMA_COPY_size, size);
		penstock_patch_put(&patch[0], 0, from, source_offset, split,
				   PENSTOCK_DMA_COPY_source);
		penstock_patch_put(&patch[1], 1, to, destination_offset, split,
				   PENSTOCK_DMA_COPY_destination);
		work_bytes += size;
		patch += 2;
		dma += PENSTOCK_DMA_BYTES_COPY;
		split += PENSTOCK_DMA_BYTES_COPY;
		bytes += PENSTOCK_BYTES_COPY;
	}
	walk->patches.next = patch;
	walk->dma.next = dma;
	walk->work_bytes += work_bytes;
	return bytes;
}

const uint8_t *penstock_render_copy(struct penstock_walk *walk, const uint8_t *bytes,
				    uint32_t length)
{
	const uint32_t header = penstock_load32(bytes);

	if (PENSTOCK_UNLIKELY(!copy_one(walk, bytes))) {
		return NULL;
	}
	bytes += length;
	return walk->stopped == NULL ? copy_run(walk, bytes, header) : bytes;
}

/* ------------------------------------------------------------------ copy_rows */

struct rows {
	uint32_t source_pitch;
	uint32_t destination_pitch;
	uint32_t row_bytes;
	uint32_t rows;
};

/* From the first byte to the one behind the last. At most 2^64 - 2^33: it cannot wrap. */
static uint64_t rows_extent(uint32_t rows, uint32_t row_bytes, uint32_t pitch)
{
	return rows == 0 || row_bytes == 0 ? 0 : (uint64_t)(rows - 1) * pitch + row_bytes;
}

/*
 * Whether a byte is in both ranges of one allocation. With one pitch p the distance of the starts
 * is q * p + r: row i of one lies r behind row i + q, and p - r before row i + q + 1, of the other.
 */
static bool rows_meet(const struct pair *pair, const struct rows *rows, uint64_t source_extent,
		      uint64_t destination_extent)
{
	uint64_t distance, q, r;

	if (!ranges_meet(pair, source_extent, destination_extent)) {
		return false;
	}
	if (rows->source_pitch != rows->destination_pitch || rows->rows == 1) {
		return true;
	}
	distance = pair->source_offset < pair->destination_offset
			   ? pair->destination_offset - pair->source_offset
			   : pair->source_offset - pair->destination_offset;
	q = distance / rows->source_pitch;
	r = distance % rows->source_pitch;
	return (q < rows->rows && r < rows->row_bytes) ||
	       (q + 1 < rows->rows && rows->source_pitch - r < rows->row_bytes);
}

static const uint8_t *refuse_pitch(struct penstock_walk *walk, const uint8_t *bytes,
				   const struct rows *rows)
{
	bool source = rows->source_pitch < rows->row_bytes;

	return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
				    source ? "source_pitch" : "destination_pitch",
				    "rows of 0x%x bytes overlap at a pitch of 0x%x",
				    rows->row_bytes,
				    source ? rows->source_pitch : rows->destination_pitch);
}

/* NULL where it refused. */
static const uint8_t *judge_rows(struct penstock_walk *walk, const uint8_t *bytes,
				 const struct pair *pair, const struct rows *rows)
{
	uint64_t source, destination;

	if (rows->rows > 1 &&
	    (rows->source_pitch < rows->row_bytes || rows->destination_pitch < rows->row_bytes)) {
		return refuse_pitch(walk, bytes, rows);
	}
	source = rows_extent(rows->rows, rows->row_bytes, rows->source_pitch);
	destination = rows_extent(rows->rows, rows->row_bytes, rows->destination_pitch);
	if (!penstock_range_fits(pair->source_offset, source, pair->source->size_bytes)) {
		return refuse_range(walk, bytes, "source", "rows", pair->source_index,
				    pair->source_offset, source);
	}
	if (!penstock_range_fits(pair->destination_offset, destination,
				 pair->destination->size_bytes)) {
		return refuse_range(walk, bytes, "destination", "rows", pair->destination_index,
				    pair->destination_offset, destination);
	}
	if (pair->source->id == pair->destination->id &&
	    rows_meet(pair, rows, source, destination)) {
		return refuse_overlap(walk, bytes, pair->source_index, pair->destination_index);
	}
	return bytes;
}

const uint8_t *penstock_render_copy_rows(struct penstock_walk *walk, const uint8_t *bytes,
					 uint32_t length)
{
	const struct rows rows = {
		.source_pitch = penstock_load32(bytes + PENSTOCK_OPERAND_COPY_ROWS_source_pitch),
		.destination_pitch =
			penstock_load32(bytes + PENSTOCK_OPERAND_COPY_ROWS_destination_pitch),
		.row_bytes = penstock_load32(bytes + PENSTOCK_OPERAND_COPY_ROWS_row_bytes),
		.rows = penstock_load32(bytes + PENSTOCK_OPERAND_COPY_ROWS_rows),
	};
	struct pair pair;
	uint32_t split;
	uint8_t *dma;

	if (!pair_load(walk, bytes, &pair) || judge_rows(walk, bytes, &pair, &rows) == NULL ||
	    !penstock_walk_reserve(walk, bytes, PENSTOCK_DMA_BYTES_COPY_ROWS, 2, BITS(2),
				   (uint64_t)rows.row_bytes * rows.rows, &dma, &split)) {
		return NULL;
	}
	if (dma == NULL) {
		return bytes + length;
	}
	/* Rows without bytes are no rows: the engine is never asked to count to 2^32 for nothing.
	 */
	penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_COPY_ROWS, PENSTOCK_DMA_BYTES_COPY_ROWS,
				rows.row_bytes == 0 ? 0 : rows.rows);
	pair_put(walk, &pair, dma, split);
	penstock_dma_put_pair(dma + PENSTOCK_DMA_COPY_ROWS_source_pitch, rows.source_pitch,
			      rows.destination_pitch);
	penstock_dma_put_pair(dma + PENSTOCK_DMA_COPY_ROWS_row_bytes, rows.row_bytes, 0);
	return bytes + length;
}

/* ------------------------------------------------------------------ update */

const uint8_t *penstock_render_update(struct penstock_walk *walk, const uint8_t *bytes,
				      uint32_t length)
{
	const struct penstock_render_allocation *allocation;
	uint32_t index = penstock_load16(bytes + PENSTOCK_OPERAND_UPDATE_destination);
	uint64_t offset = penstock_load64(bytes + PENSTOCK_OPERAND_UPDATE_offset);
	uint32_t data_bytes = length - PENSTOCK_BYTES_UPDATE;
	uint32_t dma_bytes = PENSTOCK_DMA_BYTES_UPDATE + data_bytes;
	uint32_t split;
	uint8_t *dma;

	allocation = penstock_walk_allocation(walk, index);
	if (PENSTOCK_UNLIKELY(allocation == NULL)) {
		return penstock_walk_refuse_index(walk, bytes, "destination", index);
	}
	if (PENSTOCK_UNLIKELY(!allocation->write_operation)) {
		return penstock_walk_refuse_write(walk, bytes, "destination", index);
	}
	if (PENSTOCK_UNLIKELY((offset & 3) != 0)) {
		return penstock_walk_refuse(walk, bytes, PENSTOCK_STATUS_INVALID_PARAMETER,
					    "offset", "offset 0x%" PRIx64 " is no multiple of 4",
					    offset);
	}
	if (PENSTOCK_UNLIKELY(!penstock_range_fits(offset, data_bytes, allocation->size_bytes))) {
		return refuse_range(walk, bytes, "destination", "data", index, offset, data_bytes);
	}
	if (!penstock_walk_reserve(walk, bytes, dma_bytes, 1, BITS(1), data_bytes, &dma, &split)) {
		return NULL;
	}
	if (dma == NULL) {
		return bytes + length;
	}
	penstock_dma_put_header(dma, PENSTOCK_DMA_OPCODE_UPDATE, dma_bytes, 0);
	penstock_store64(dma + PENSTOCK_DMA_UPDATE_address, allocation->address + offset);
	memcpy(dma + PENSTOCK_DMA_UPDATE_data, bytes + PENSTOCK_OPERAND_UPDATE_data, data_bytes);
	penstock_patch_list_put(&walk->patches, 0, index, offset, split,
				PENSTOCK_DMA_UPDATE_address);
	return bytes + length;
}
