/* SPDX-License-Identifier: MIT */
#include "daemon/memory/segment.h"

#include <inttypes.h>
#include <stdlib.h>

#define PAGE          ((uint64_t)PENSTOCK_PAGE_BYTES)
#define GRANULE_PAGES (PENSTOCK_GRANULE_BYTES / PENSTOCK_PAGE_BYTES)

/* How many shared granules are looked at before a new one is begun. */
#define SHARED_TRIES 16u

_Static_assert(GRANULE_PAGES == 16, "used_pages has 16 bits");

static bool overlap(const struct penstock_segment_descriptor *a,
		    const struct penstock_segment_descriptor *b)
{
	return a->base_address < b->base_address + b->size_bytes &&
	       b->base_address < a->base_address + a->size_bytes;
}

/* What is wrong with one descriptor by itself, or NULL. */
static const char *descriptor_fault(const struct penstock_segment_descriptor *descriptor)
{
	const uint32_t known = PENSTOCK_SEGMENT_FLAG_APERTURE | PENSTOCK_SEGMENT_FLAG_CPU_VISIBLE;
	bool aperture = (descriptor->flags & PENSTOCK_SEGMENT_FLAG_APERTURE) != 0;

	if ((descriptor->flags & ~known) != 0) {
		return "has a flag that is not offered";
	}
	if (aperture && (descriptor->flags & PENSTOCK_SEGMENT_FLAG_CPU_VISIBLE) != 0) {
		return "is an aperture and CPU visible";
	}
	if (descriptor->size_bytes == 0) {
		return "has no size";
	}
	if (descriptor->size_bytes % PENSTOCK_GRANULE != 0 ||
	    descriptor->base_address % PENSTOCK_GRANULE != 0) {
		return "is not a whole number of 64 KiB granules";
	}
	if (descriptor->base_address == 0) {
		return "begins at address 0";
	}
	if (descriptor->size_bytes > UINT64_MAX - descriptor->base_address ||
	    descriptor->size_bytes / PENSTOCK_GRANULE > 1u << 31) {
		return "ends past the last GPU address";
	}
	if (descriptor->commit_limit_bytes > descriptor->size_bytes) {
		return "has a commit limit above its size";
	}
	if (!aperture && descriptor->commit_limit_bytes != descriptor->size_bytes) {
		return "is memory and has a commit limit of its own";
	}
	return NULL;
}

enum penstock_status penstock_segments_check(const struct penstock_segment_descriptor *descriptors,
					     uint32_t count, struct penstock_errbuf *reterr_text)
{
	for (uint32_t i = 0; i < count; i++) {
		const char *fault = descriptor_fault(&descriptors[i]);

		if (descriptors[i].id != i + 1) {
			fault = "does not have the number of its place";
		}
		for (uint32_t j = 0; fault == NULL && j < i; j++) {
			fault = overlap(&descriptors[i], &descriptors[j])
					? "overlaps an earlier segment"
					: NULL;
		}
		if (fault != NULL) {
			penstock_errbuf_set(reterr_text, "segment %" PRIu32 " %s", i + 1, fault);
			return PENSTOCK_STATUS_INVALID_PARAMETER;
		}
	}
	if (count == 0) {
		penstock_errbuf_set(reterr_text, "no segment");
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_segment_init(struct penstock_segment *segment,
					   const struct penstock_segment_descriptor *descriptor)
{
	uint32_t granules = penstock_granules(descriptor->size_bytes);

	*segment = (struct penstock_segment){ .descriptor = *descriptor };
	segment->granules = calloc(granules, sizeof(*segment->granules));
	if (segment->granules == NULL ||
	    penstock_runs_init(&segment->runs, granules, true) != PENSTOCK_STATUS_SUCCESS) {
		penstock_segment_fini(segment);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_segment_fini(struct penstock_segment *segment)
{
	free(segment->granules);
	penstock_runs_fini(&segment->runs);
	*segment = (struct penstock_segment){ 0 };
}

void penstock_sharer_init(struct penstock_sharer *sharer)
{
	penstock_list_init(&sharer->partial);
}

static bool take_granules(struct penstock_segment *segment, uint32_t count, uint32_t *ret_start)
{
	uint64_t bytes = count * PENSTOCK_GRANULE;

	if (!penstock_range_fits(segment->used_bytes, bytes,
				 segment->descriptor.commit_limit_bytes) ||
	    !penstock_runs_take(&segment->runs, count, ret_start)) {
		return false;
	}
	segment->used_bytes += bytes;
	return true;
}

static void give_granules(struct penstock_segment *segment, uint32_t start, uint32_t count)
{
	penstock_runs_give(&segment->runs, start, count);
	segment->used_bytes -= count * PENSTOCK_GRANULE;
}

/* The lowest run of `pages` clear bits, or GRANULE_PAGES. */
static unsigned find_pages(uint16_t used_pages, unsigned pages)
{
	uint32_t mask = (1u << pages) - 1;

	for (unsigned first = 0; first + pages <= GRANULE_PAGES; first++) {
		if ((used_pages & (mask << first)) == 0) {
			return first;
		}
	}
	return GRANULE_PAGES;
}

static void use_pages(struct penstock_sharer *sharer, struct penstock_granule *granule,
		      unsigned first, unsigned pages)
{
	if (granule->used_pages == 0) {
		penstock_list_init(&granule->link);
		penstock_list_prepend(&sharer->partial, &granule->link);
	}
	granule->used_pages = (uint16_t)(granule->used_pages | ((1u << pages) - 1) << first);
	if (granule->used_pages == UINT16_MAX) {
		penstock_list_remove(&granule->link);
	}
}

static enum penstock_status take_shared(struct penstock_segment *segment,
					struct penstock_sharer *sharer, unsigned pages,
					uint64_t *ret_offset)
{
	struct penstock_granule *granule = NULL;
	unsigned first = GRANULE_PAGES, tries = SHARED_TRIES;
	uint32_t index;

	penstock_list_for_each (link, &sharer->partial) {
		granule = penstock_list_entry(link, struct penstock_granule, link);
		first = find_pages(granule->used_pages, pages);
		if (first < GRANULE_PAGES || --tries == 0) {
			break;
		}
	}
	if (first < GRANULE_PAGES) {
		index = (uint32_t)(granule - segment->granules);
	} else if (take_granules(segment, 1, &index)) {
		granule = &segment->granules[index];
		first = 0;
	} else {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	use_pages(sharer, granule, first, pages);
	*ret_offset = index * PENSTOCK_GRANULE + first * PAGE;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_segment_take(struct penstock_segment *segment,
					   struct penstock_sharer *sharer, uint64_t size_bytes,
					   uint64_t *ret_offset)
{
	enum penstock_status status = PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	uint32_t start;

	PENSTOCK_REQUIRE(size_bytes > 0 && size_bytes % PAGE == 0);
	if (size_bytes > segment->descriptor.size_bytes) {
		return status;
	}
	if (size_bytes < PENSTOCK_GRANULE) {
		status = take_shared(segment, sharer, (unsigned)(size_bytes / PAGE), ret_offset);
	} else if (take_granules(segment, penstock_granules(size_bytes), &start)) {
		*ret_offset = start * PENSTOCK_GRANULE;
		status = PENSTOCK_STATUS_SUCCESS;
	}
	segment->allocations += status == PENSTOCK_STATUS_SUCCESS;
	return status;
}

/* Whether the granule is one of this principal's shared ones that has a free page. */
static bool shares(const struct penstock_sharer *sharer, const struct penstock_granule *granule)
{
	penstock_list_for_each (link, &sharer->partial) {
		if (link == &granule->link) {
			return true;
		}
	}
	return false;
}

static bool take_shared_at(struct penstock_segment *segment, struct penstock_sharer *sharer,
			   uint64_t offset, unsigned pages)
{
	uint32_t index = penstock_granule_at(offset);
	unsigned first = (unsigned)(offset % PENSTOCK_GRANULE / PAGE);
	struct penstock_granule *granule = &segment->granules[index];

	if (first + pages > GRANULE_PAGES) {
		return false;
	}
	if (granule->used_pages == 0) {
		if (!penstock_runs_take_at(&segment->runs, index, 1)) {
			return false;
		}
		segment->used_bytes += PENSTOCK_GRANULE;
	} else if ((granule->used_pages & ((1u << pages) - 1) << first) != 0 ||
		   !shares(sharer, granule)) {
		return false;
	}
	use_pages(sharer, granule, first, pages);
	return true;
}

bool penstock_segment_take_at(struct penstock_segment *segment, struct penstock_sharer *sharer,
			      uint64_t offset, uint64_t size_bytes)
{
	uint32_t count;

	if (size_bytes == 0 || size_bytes % PAGE != 0 || offset % PAGE != 0 ||
	    !penstock_range_fits(offset, size_bytes, segment->descriptor.size_bytes)) {
		return false;
	}
	if (size_bytes < PENSTOCK_GRANULE) {
		if (!take_shared_at(segment, sharer, offset, (unsigned)(size_bytes / PAGE))) {
			return false;
		}
		segment->allocations++;
		return true;
	}
	count = penstock_granules(size_bytes);
	if (offset % PENSTOCK_GRANULE != 0 ||
	    !penstock_runs_take_at(&segment->runs, penstock_granule_at(offset), count)) {
		return false;
	}
	segment->used_bytes += count * PENSTOCK_GRANULE;
	segment->allocations++;
	return true;
}

static bool give_shared(struct penstock_segment *segment, struct penstock_sharer *sharer,
			uint64_t offset, unsigned pages)
{
	uint32_t index = penstock_granule_at(offset);
	struct penstock_granule *granule = &segment->granules[index];
	unsigned mask = ((1u << pages) - 1) << (offset % PENSTOCK_GRANULE / PAGE);

	if ((granule->used_pages & mask) != mask) {
		return false;
	}
	if (granule->used_pages == UINT16_MAX) {
		penstock_list_append(&sharer->partial, &granule->link);
	}
	granule->used_pages = (uint16_t)(granule->used_pages & ~mask);
	if (granule->used_pages == 0) {
		penstock_list_remove(&granule->link);
		give_granules(segment, index, 1);
	}
	return true;
}

static bool give_whole(struct penstock_segment *segment, uint64_t offset, uint64_t size_bytes)
{
	uint32_t start = penstock_granule_at(offset);
	uint32_t count = penstock_granules(size_bytes);

	if (!penstock_runs_taken(&segment->runs, start, count)) {
		return false;
	}
	give_granules(segment, start, count);
	return true;
}

bool penstock_segment_give(struct penstock_segment *segment, struct penstock_sharer *sharer,
			   uint64_t offset, uint64_t size_bytes)
{
	bool given;

	if (segment->allocations == 0) {
		return false;
	}
	given = size_bytes < PENSTOCK_GRANULE
			? give_shared(segment, sharer, offset, (unsigned)(size_bytes / PAGE))
			: give_whole(segment, offset, size_bytes);
	segment->allocations -= given;
	return given;
}
