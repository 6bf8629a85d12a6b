/* SPDX-License-Identifier: MIT */
/*
 * Parts of a submission whose allocations do not fit their segments at once.
 *
 *	WHOLE --does not fit--> part 0 --its fence--> to be made --> part 1 --> ... --> the last
 *	                         '-- does not fit as it is: half of its split points --'
 *
 * A part is made by daemon/memory/split.h; what fits is counted in the sizes of segments, not in
 * what others hold of them, so that the same submission has the same parts whoever else is there.
 * Other contexts run between two parts, so nothing can be kept in a slot from one to the next: a
 * list that does is a defect of ours (binding leak), and is not patched.
 */
#include "daemon/memory/internal.h"

#include "gpu-backend/dma.h"

#include <inttypes.h>

#define EITHER (1u << PENSTOCK_SEGMENT_COUNT)

/* What was asked for since a part began, by the set of segments that it may be in. */
struct room {
	struct penstock_vidmm *vidmm;
	const struct penstock_reference *references;
	uint64_t bytes[EITHER];       /* in whole granules */
	uint64_t small_bytes[EITHER]; /* in pages: these share granules */
};

static uint32_t set_of(const struct penstock_vidmm_allocation *allocation)
{
	uint32_t set = allocation->info.segment_set;

	return set == 0 ? EITHER - 1 : set & (EITHER - 1);
}

static uint64_t counted(const struct room *room, uint32_t set)
{
	return room->bytes[set] + penstock_granules_bytes(room->small_bytes[set]);
}

/* What a set of segments has to hold: all whose own set is a part of it. */
struct account {
	uint32_t set;
	uint64_t needed;
	uint64_t there;
};

static struct account account_of(const struct room *room, uint32_t set)
{
	struct account account = { .set = set };

	for (uint32_t part = 1; part <= set; part++) {
		account.needed += (part & ~set) == 0 ? counted(room, part) : 0;
	}
	for (uint32_t i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		account.there +=
			(set >> i & 1) != 0 ? penstock_vidmm_capacity(room->vidmm, i + 1) : 0;
	}
	return account;
}

static bool has_room(const struct room *room)
{
	for (uint32_t set = 1; set < EITHER; set++) {
		const struct account account = account_of(room, set);

		if (account.needed > account.there) {
			return false;
		}
	}
	return true;
}

/* Some segment of its set could hold it alone: it is not cut in two. */
static bool fits_alone(const struct penstock_vidmm_allocation *allocation)
{
	const struct penstock_vidmm *vidmm = allocation->process->vidmm;

	for (uint32_t i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		if ((set_of(allocation) >> i & 1) != 0 &&
		    allocation->size_bytes <= penstock_vidmm_capacity(vidmm, i + 1)) {
			return true;
		}
	}
	return false;
}

static enum penstock_split_fit fits(void *owner, uint32_t index)
{
	struct room *room = owner;
	struct penstock_vidmm_allocation *allocation = room->references[index].allocation;

	if (allocation == NULL) {
		return PENSTOCK_SPLIT_NULL;
	}
	if (allocation->part_stamp == room->vidmm->part_stamp) {
		return PENSTOCK_SPLIT_FITS;
	}
	allocation->part_stamp = room->vidmm->part_stamp;
	if (allocation->size_bytes < PENSTOCK_GRANULE) {
		room->small_bytes[set_of(allocation)] += allocation->size_bytes;
	} else {
		room->bytes[set_of(allocation)] += penstock_granules_bytes(allocation->size_bytes);
	}
	return fits_alone(allocation) && has_room(room) ? PENSTOCK_SPLIT_FITS : PENSTOCK_SPLIT_FULL;
}

static struct penstock_split_list list_of(const struct penstock_submission *submission,
					  struct room *room)
{
	const struct penstock_render_args *args = &submission->args;

	*room = (struct room){
		.vidmm = submission->process->vidmm,
		.references = submission->references,
	};
	room->vidmm->part_stamp++;
	return (struct penstock_split_list){
		.patches = args->patches_out,
		.patch_count = args->patch_count,
		.dma_length = args->dma_length,
		.element_count = submission->reference_count,
		.fits = fits,
		.owner = room,
	};
}

/* The part that begins there, as far as there is room in empty segments. */
static enum penstock_split_verdict next(const struct penstock_submission *submission,
					struct penstock_slot_table *table,
					const struct penstock_part *from, uint32_t most,
					struct room *ret_room, struct penstock_split *ret_split)
{
	const struct penstock_split_list list = list_of(submission, ret_room);

	return penstock_split_next(&list, table, from->start, from->first_patch, most, ret_split);
}

/* Where the part before ends, if there is one. */
static struct penstock_part behind(const struct penstock_part *part)
{
	return (struct penstock_part){
		.start = part->end,
		.end = part->end,
		.first_patch = part->first_patch + part->patch_count,
	};
}

/* Each of the smallest parts by itself, up to one that is not DONE. */
static enum penstock_split_verdict look_at_all(const struct penstock_submission *submission,
					       struct room *ret_room,
					       struct penstock_split *ret_split)
{
	struct penstock_slot_table table = { .bound = 0 };
	enum penstock_split_verdict verdict = PENSTOCK_SPLIT_DONE;

	*ret_split = (struct penstock_split){ .points = 0 };
	while (verdict == PENSTOCK_SPLIT_DONE &&
	       ret_split->part.end < submission->args.dma_length) {
		const struct penstock_part from = behind(&ret_split->part);

		verdict = next(submission, &table, &from, 1, ret_room, ret_split);
	}
	return verdict;
}

/* What was asked for last, of which something did not fit. */
static void describe(const struct room *room, struct penstock_errbuf *ret_text)
{
	static const char *const segments[EITHER] = { "none", "segment 1", "segment 2",
						      "segments 1 and 2" };
	struct account account = { .set = EITHER - 1 };

	for (uint32_t set = 1; set < EITHER; set++) {
		account = account_of(room, set);
		if (account.needed > account.there) {
			break;
		}
	}
	penstock_errbuf_set(ret_text,
			    "out of video memory: %" PRIu64
			    " bytes are needed at once in %s, which "
			    "%s %" PRIu64,
			    account.needed, segments[account.set],
			    account.set == EITHER - 1 ? "have" : "has", account.there);
}

bool penstock_vidmm_can_fit(const struct penstock_submission *submission, uint32_t *ret_dma_offset,
			    struct penstock_errbuf *ret_text)
{
	enum penstock_split_verdict verdict;
	struct penstock_split split;
	struct room room;

	penstock_vidmm_own_thread(submission->process->vidmm);
	verdict = look_at_all(submission, &room, &split);
	if (verdict != PENSTOCK_SPLIT_TOO_LARGE) {
		return true;
	}
	*ret_dma_offset = split.too_much;
	describe(&room, ret_text);
	return false;
}

static bool list_stands(struct penstock_vidmm *vidmm, bool stands)
{
	return penstock_vidmm_holds(vidmm, stands,
				    "0x10E/8: a DMA buffer is split with a reference that cannot "
				    "be");
}

/* The part is one that its list may be cut into: otherwise the adapter stops. */
static bool part_stands(const struct penstock_submission *submission,
			enum penstock_split_verdict verdict, const struct penstock_split *split)
{
	struct penstock_vidmm *vidmm = submission->process->vidmm;
	const struct penstock_render_args *args = &submission->args;
	const struct penstock_part *part = &split->part;

	return list_stands(vidmm,
			   verdict != PENSTOCK_SPLIT_INVALID &&
				   (part->end == args->dma_length ||
				    penstock_dma_is_boundary(args->dma_buffer, args->dma_length,
							     part->start, part->end))) &&
	       penstock_vidmm_holds(vidmm, split->kept == 0,
				    "0x10E/0x27: an allocation is bound across a split point that "
				    "does not reprogram it");
}

/*
 * What it has done stays done, and what it needed for that it needs no more: its next part begins
 * behind the smallest parts that are over. False: the adapter stops.
 */
static bool skip_done(const struct penstock_submission *submission, struct penstock_part *from)
{
	struct penstock_slot_table table = { .bound = 0 };
	struct penstock_split split, skipped = { .points = 0 };
	struct room room;

	while (from->start < submission->resume_offset &&
	       next(submission, &table, from, 1, &room, &split) == PENSTOCK_SPLIT_DONE &&
	       split.part.end <= submission->resume_offset) {
		skipped = split;
		*from = behind(&split.part);
	}
	return skipped.part.end == 0 || part_stands(submission, PENSTOCK_SPLIT_DONE, &skipped);
}

/* Makes the part that begins where `from` says. SUCCESS, or what split answers. */
static enum penstock_status make_part(struct penstock_submission *submission,
				      const struct penstock_part *from, uint32_t most)
{
	struct penstock_slot_table table = { .bound = 0 };
	struct penstock_split split;
	struct room room;
	enum penstock_split_verdict verdict = next(submission, &table, from, most, &room, &split);

	if (verdict == PENSTOCK_SPLIT_TOO_LARGE) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	if (!part_stands(submission, verdict, &split)) {
		return PENSTOCK_STATUS_DEVICE_REMOVED;
	}
	submission->split = true;
	submission->part = split.part;
	submission->part_points = split.points;
	return PENSTOCK_STATUS_SUCCESS;
}

bool penstock_part_is_smallest(const struct penstock_submission *submission)
{
	const struct penstock_part *part = &submission->part;
	const struct penstock_patch_location *first =
		submission->args.patches_out + part->first_patch;

	return part->patch_count == 0 ||
	       first->split_offset == first[part->patch_count - 1].split_offset;
}

/* The split points of the part that it has left behind; the last one is where it goes on. */
static uint32_t points_done(const struct penstock_submission *submission)
{
	const struct penstock_patch_location *patches = submission->args.patches_out;
	const struct penstock_part *part = &submission->part;
	uint32_t points = 0;

	for (uint32_t i = part->first_patch; i < part->first_patch + part->patch_count &&
					     patches[i].split_offset <= submission->resume_offset;
	     i++) {
		points += i == part->first_patch ||
			  patches[i].split_offset != patches[i - 1].split_offset;
	}
	return points > 0 ? points - 1 : 0;
}

/* It cannot be smaller. Where an earlier pass of its chain ran, it waits for what was there then.
 */
static enum penstock_status wait_or_refuse(struct penstock_submission *submission)
{
	if (submission->pass == 0 || penstock_vidmm_has_begun(submission)) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	submission->process->vidmm->somebody_waits = true;
	return PENSTOCK_STATUS_PENDING;
}

enum penstock_status penstock_vidmm_split(struct penstock_submission *submission, uint32_t most)
{
	const struct penstock_part *part = &submission->part;
	struct penstock_part from = { .start = 0 };
	uint32_t done = points_done(submission);
	enum penstock_split_verdict verdict;
	struct penstock_split split;
	struct room room;

	penstock_vidmm_own_thread(submission->process->vidmm);
	/* A part stands where it stands in the whole: its slot is as large. */
	if (!penstock_dma_pool_offers(&submission->process->pool, submission->args.dma_length)) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	if (!submission->split) {
		/* What can never be finished is not begun. */
		verdict = look_at_all(submission, &room, &split);
		if (!list_stands(submission->process->vidmm, verdict != PENSTOCK_SPLIT_INVALID)) {
			return PENSTOCK_STATUS_DEVICE_REMOVED;
		}
		if (verdict == PENSTOCK_SPLIT_TOO_LARGE) {
			return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
		}
	} else if (part->start == part->end) {
		from = *part;
	} else if (submission->part_points > 1) {
		from.start = part->start;
		from.first_patch = part->first_patch;
		most = submission->part_points - done;
		most = most > 1 ? most / 2 : 1;
	} else {
		return wait_or_refuse(submission);
	}
	return skip_done(submission, &from) ? make_part(submission, &from, most)
					    : PENSTOCK_STATUS_DEVICE_REMOVED;
}

void penstock_vidmm_part_done(struct penstock_submission *submission)
{
	submission->part = behind(&submission->part);
	submission->resume_offset = submission->part.start;
	submission->resume_position = 0;
}
