/* SPDX-License-Identifier: MIT */
/*
 * A segment as a whole, over all principals: which of its granules are taken, and by small
 * allocations that share a granule with others of the same principal. Offsets are bytes from the
 * segment's base. Documents: DXGK_SEGMENTDESCRIPTOR, "Using memory segments to describe the GPU
 * address space". Loop thread.
 */
#ifndef PENSTOCK_SEGMENT_H
#define PENSTOCK_SEGMENT_H

#include "daemon/memory/runs.h"
#include "proto/base/list.h"
#include "proto/wire/limits.h"

/* DXGK_SEGMENTFLAGS */
#define PENSTOCK_SEGMENT_FLAG_APERTURE    0x1u
#define PENSTOCK_SEGMENT_FLAG_CPU_VISIBLE 0x4u

/* DXGK_SEGMENTDESCRIPTOR */
struct penstock_segment_descriptor {
	uint32_t id; /* one-based */
	uint32_t flags;
	uint64_t base_address; /* the GPU's view */
	uint64_t size_bytes;
	uint64_t commit_limit_bytes; /* size_bytes for memory; an aperture may be limited lower */
};

/*
 * Whether an adapter may start with these segments: ids 1 to count, flags that are known, sizes
 * and bases in granules, no range that wraps, none that overlaps, commit limits as above. SUCCESS,
 * or INVALID_PARAMETER with a sentence.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_segments_check(const struct penstock_segment_descriptor *descriptors,
					     uint32_t count, struct penstock_errbuf *reterr_text);

/* What segments are handed out in, in bytes. */
#define PENSTOCK_GRANULE ((uint64_t)PENSTOCK_GRANULE_BYTES)

/* So many granules hold so many bytes. */
static inline uint32_t penstock_granules(uint64_t size_bytes)
{
	return (uint32_t)(penstock_align_up(size_bytes, PENSTOCK_GRANULE) / PENSTOCK_GRANULE);
}

static inline uint64_t penstock_granules_bytes(uint64_t size_bytes)
{
	return penstock_align_up(size_bytes, PENSTOCK_GRANULE);
}

/* The pages that are an allocation's alone at its place: those of whole granules, or its own. */
static inline uint64_t penstock_place_bytes(uint64_t size_bytes)
{
	return size_bytes < PENSTOCK_GRANULE ? size_bytes : penstock_granules_bytes(size_bytes);
}

/* The granule that has the byte. */
static inline uint32_t penstock_granule_at(uint64_t offset)
{
	return (uint32_t)(offset / PENSTOCK_GRANULE);
}

/* A granule whose pages one principal's small allocations share. */
struct penstock_granule {
	struct penstock_list link; /* penstock_sharer.partial, while a page is free */
	uint16_t used_pages;       /* one bit each; 0: not shared */
};

/* The shared granules of one principal in one segment that have a free page. */
struct penstock_sharer {
	struct penstock_list partial; /* penstock_granule.link */
};

struct penstock_segment {
	struct penstock_segment_descriptor descriptor;
	struct penstock_runs runs;         /* in granules */
	struct penstock_granule *granules; /* [size in granules]; owned */
	uint64_t used_bytes;               /* whole granules */
	uint32_t allocations;
};

/* The descriptor was checked. SUCCESS or NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_segment_init(struct penstock_segment *segment,
					   const struct penstock_segment_descriptor *descriptor);
void penstock_segment_fini(struct penstock_segment *segment);

void penstock_sharer_init(struct penstock_sharer *sharer);

/*
 * Takes `size_bytes` (whole pages, > 0) for a principal. SUCCESS, or GRAPHICS_NO_VIDEO_MEMORY: no
 * run is long enough, or the commit limit is reached.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_segment_take(struct penstock_segment *segment,
					   struct penstock_sharer *sharer, uint64_t size_bytes,
					   uint64_t *ret_offset);

/* Takes a place that is known from before. False: it is not free, or no place at all. */
PENSTOCK_MUST_CHECK
bool penstock_segment_take_at(struct penstock_segment *segment, struct penstock_sharer *sharer,
			      uint64_t offset, uint64_t size_bytes);

/* Gives back what was taken, with the same sharer and size. False: it was not taken. */
bool penstock_segment_give(struct penstock_segment *segment, struct penstock_sharer *sharer,
			   uint64_t offset, uint64_t size_bytes);

#endif
