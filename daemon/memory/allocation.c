/* SPDX-License-Identifier: MIT */
#include "daemon/memory/allocation.h"

#include "daemon/memory/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct penstock_vidmm_allocation *
penstock_allocation_make(struct penstock_vidmm_process *process,
			 const struct penstock_allocation_info *info)
{
	struct penstock_vidmm_allocation *allocation = calloc(1, sizeof(*allocation));

	if (allocation == NULL) {
		return NULL;
	}
	allocation->process = process;
	allocation->info = *info;
	allocation->size_bytes = penstock_align_up(info->size_bytes, PENSTOCK_PAGE_BYTES);
	allocation->location = (struct penstock_location){
		.id = info->id,
		.process = process->id,
		.size_bytes = allocation->size_bytes,
	};
	allocation->references = 1;
	if (allocation->info.priority == 0) {
		allocation->info.priority = PENSTOCK_ALLOCATION_PRIORITY_NORMAL;
	}
	penstock_list_init(&allocation->mappings);
	penstock_list_init(&allocation->place_link);
	penstock_list_init(&allocation->chosen_link);
	penstock_list_init(&allocation->hole_link);
	process->used_bytes += allocation->size_bytes;
	process->allocations++;
	return allocation;
}

void penstock_allocation_uncharge(const struct penstock_vidmm_allocation *allocation)
{
	struct penstock_vidmm_process *process = allocation->process;
	bool charged =
		penstock_vidmm_holds(process->vidmm, process->used_bytes >= allocation->size_bytes,
				     "0x10E/0x44: more memory was given back than is held");

	process->used_bytes -= charged ? allocation->size_bytes : process->used_bytes;
}

uint64_t penstock_allocation_address(const struct penstock_vidmm_allocation *allocation)
{
	static const uint64_t bases[] = { PENSTOCK_LOCAL_BASE, PENSTOCK_APERTURE_BASE };

	return allocation->place == PENSTOCK_PLACE_NOWHERE
		       ? 0
		       : bases[allocation->segment_id - 1] + allocation->segment_offset;
}

const struct penstock_memory_file *
penstock_allocation_resolve(const struct penstock_vidmm_allocation *allocation, uint32_t segment_id,
			    uint64_t offset, uint64_t *ret_file_offset)
{
	bool local = segment_id == PENSTOCK_SEGMENT_LOCAL;

	if (allocation->location.own_file) {
		*ret_file_offset =
			(local ? penstock_granules_bytes(allocation->size_bytes) : 0) + offset;
		return &allocation->own;
	}
	*ret_file_offset =
		(local ? allocation->segment_offset : allocation->location.backing_offset) + offset;
	return local ? &allocation->process->local : &allocation->process->system;
}

static struct penstock_paging_end end_of(const struct penstock_vidmm_allocation *allocation,
					 uint32_t segment_id)
{
	struct penstock_paging_end end = { .segment_id = segment_id };

	end.file_id = penstock_allocation_resolve(allocation, segment_id, 0, &end.file_offset)->id;
	if (segment_id != 0) {
		end.segment_address = penstock_allocation_address(allocation);
	}
	return end;
}

static void operate(struct penstock_vidmm_allocation *allocation,
		    const struct penstock_build_paging_buffer *build,
		    void (*done)(struct penstock_paging_operation *operation, bool executed))
{
	allocation->operation.build = *build;
	allocation->operation.build.allocation_id = allocation->info.id;
	allocation->operation.done = done;
	allocation->busy++;
	penstock_paging_add(allocation->process->vidmm->system, &allocation->operation);
}

static struct penstock_vidmm_allocation *of_operation(struct penstock_paging_operation *operation)
{
	return penstock_container_of(operation, struct penstock_vidmm_allocation, operation);
}

/* DXGK_BUILDPAGINGBUFFER_NOTIFYRESIDENCY: where it is; not `there`: it is about to leave. */
static void notify_residency(const struct penstock_vidmm_allocation *allocation, bool there)
{
	if ((allocation->info.flags & PENSTOCK_ALLOCATION_EXPLICIT_RESIDENCY_NOTIFICATION) == 0) {
		return;
	}
	penstock_paging_tell(allocation->process->vidmm,
			     &(struct penstock_build_paging_buffer){
				     .operation = PENSTOCK_OPERATION_NOTIFY_RESIDENCY,
				     .allocation_id = allocation->info.id,
				     .segment_id = there ? allocation->segment_id : 0,
				     .address = there ? penstock_allocation_address(allocation) : 0,
				     .size_bytes = allocation->size_bytes,
			     });
}

/* ---------------------------------------------------------------- coming to a segment */

void penstock_allocation_permitted(const struct penstock_vidmm_allocation *allocation,
				   uint32_t ret_segments[PENSTOCK_SEGMENT_COUNT])
{
	uint32_t set =
		allocation->info.segment_set == 0 ? UINT32_MAX : allocation->info.segment_set;
	uint32_t first = allocation->info.preferred_segment == PENSTOCK_SEGMENT_APERTURE
				 ? PENSTOCK_SEGMENT_APERTURE
				 : PENSTOCK_SEGMENT_LOCAL;
	uint32_t order[PENSTOCK_SEGMENT_COUNT] = {
		first, PENSTOCK_SEGMENT_LOCAL + PENSTOCK_SEGMENT_APERTURE - first
	};
	unsigned count = 0;

	ret_segments[0] = ret_segments[1] = 0;
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		/* Locked, its bytes stay where they are, which the aperture is a window to. */
		bool refused = order[i] == PENSTOCK_SEGMENT_LOCAL &&
			       (allocation->local_refused || allocation->locks > 0);

		if ((set >> (order[i] - 1) & 1) != 0 && !refused) {
			ret_segments[count++] = order[i];
		}
	}
}

/* Gives the range back where it cannot have it, which is a defect of ours. */
static enum penstock_status chosen(struct penstock_vidmm_allocation *allocation,
				   uint32_t segment_id, uint64_t offset)
{
	struct penstock_vidmm_process *process = allocation->process;

	if (!penstock_allocation_move_place(allocation, PENSTOCK_PLACE_CHOSEN)) {
		(void)penstock_segment_give(penstock_vidmm_segment(process->vidmm, segment_id),
					    &process->sharers[segment_id - 1], offset,
					    allocation->size_bytes);
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	allocation->segment_id = segment_id;
	allocation->segment_offset = offset;
	penstock_allocation_enter(allocation);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_allocation_choose(struct penstock_vidmm_allocation *allocation,
						uint32_t segment_id)
{
	struct penstock_vidmm_process *process = allocation->process;
	enum penstock_status status;
	uint64_t offset;

	status = penstock_segment_take(penstock_vidmm_segment(process->vidmm, segment_id),
				       &process->sharers[segment_id - 1], allocation->size_bytes,
				       &offset);
	return status == PENSTOCK_STATUS_SUCCESS ? chosen(allocation, segment_id, offset) : status;
}

enum penstock_status penstock_allocation_choose_at(struct penstock_vidmm_allocation *allocation,
						   uint32_t segment_id, uint64_t offset)
{
	struct penstock_vidmm_process *process = allocation->process;
	struct penstock_segment *segment = penstock_vidmm_segment(process->vidmm, segment_id);
	enum penstock_status status;

	if (!penstock_segment_take_at(segment, &process->sharers[segment_id - 1], offset,
				      allocation->size_bytes)) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	status = chosen(allocation, segment_id, offset);
	/* Whether it took a granule more, the segment knows. */
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    segment->used_bytes > segment->descriptor.commit_limit_bytes) {
		penstock_allocation_undo(allocation);
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	return status;
}

void penstock_allocation_enter(struct penstock_vidmm_allocation *allocation)
{
	allocation->last_use = allocation->process->vidmm->uses;
	allocation->process->placed_bytes[allocation->segment_id - 1] += allocation->size_bytes;
	penstock_list_append(&allocation->process->vidmm->placed[allocation->segment_id - 1],
			     &allocation->place_link);
}

void penstock_allocation_undo(struct penstock_vidmm_allocation *allocation)
{
	struct penstock_vidmm_process *process = allocation->process;
	uint32_t segment_id = allocation->segment_id;
	bool taken;

	if (!penstock_allocation_move_place(allocation, PENSTOCK_PLACE_NOWHERE)) {
		return;
	}
	taken = penstock_segment_give(penstock_vidmm_segment(process->vidmm, segment_id),
				      &process->sharers[segment_id - 1], allocation->segment_offset,
				      allocation->size_bytes);
	(void)penstock_vidmm_holds(process->vidmm, taken,
				   "0x10E/0xD: a place was given back that nobody has");
	penstock_list_remove(&allocation->place_link);
	process->placed_bytes[segment_id - 1] -= allocation->size_bytes;
}

static void arrive(struct penstock_vidmm_allocation *allocation)
{
	if (penstock_allocation_move_place(allocation, PENSTOCK_PLACE_RESIDENT)) {
		notify_residency(allocation, true);
	}
}

static void placed(struct penstock_paging_operation *operation, bool executed)
{
	struct penstock_vidmm_allocation *allocation = of_operation(operation);
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	allocation->busy--;
	if (executed) {
		allocation->location.local = true;
		allocation->location.local_offset = allocation->segment_offset;
		penstock_location_flip(&vidmm->locations, allocation->record,
				       &allocation->location);
		PENSTOCK_COUNT(allocation, PENSTOCK_SEGMENT_LOCAL, in_bytes,
			       allocation->size_bytes);
		arrive(allocation);
	}
	penstock_allocation_advance(allocation);
}

static void local_pages_there(struct penstock_vidmm_allocation *allocation,
			      enum penstock_status status)
{
	struct penstock_build_paging_buffer build = {
		.flags = PENSTOCK_TRANSFER_START | PENSTOCK_TRANSFER_END,
		.operation = allocation->content == PENSTOCK_CONTENT_ZEROS
				     ? PENSTOCK_OPERATION_FILL
				     : PENSTOCK_OPERATION_TRANSFER,
		.segment_id = PENSTOCK_SEGMENT_LOCAL,
		.address = penstock_allocation_address(allocation),
		.size_bytes = allocation->size_bytes,
		.source = end_of(allocation, 0),
		.destination = end_of(allocation, PENSTOCK_SEGMENT_LOCAL),
	};

	allocation->local_reserved = status == PENSTOCK_STATUS_SUCCESS;
	allocation->local_refused = !allocation->local_reserved;
	if (allocation->local_refused) {
		PENSTOCK_COUNT(allocation, PENSTOCK_SEGMENT_LOCAL, left, 1);
		penstock_allocation_undo(allocation);
	} else {
		operate(allocation, &build, placed);
	}
}

/* Whose pages were punched for it may go now. */
static void forget_spare(struct penstock_vidmm_allocation *allocation)
{
	struct penstock_file_range *ranges = allocation->spare;

	allocation->spare = NULL;
	penstock_spare_ranges_free(ranges, allocation->spare_count);
}

static void local_pages_done(struct penstock_file_job *job)
{
	struct penstock_vidmm_allocation *allocation =
		penstock_container_of(job, struct penstock_vidmm_allocation, job);
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	allocation->busy--;
	forget_spare(allocation);
	if ((allocation->goal == PENSTOCK_GOAL_KEEP && !vidmm->stopped) ||
	    job->status != PENSTOCK_STATUS_SUCCESS) {
		local_pages_there(allocation, job->status);
	} else {
		allocation->local_reserved = true;
	}
	penstock_allocation_advance(allocation);
	penstock_paging_flush(vidmm);
	penstock_vidmm_wake(vidmm);
}

/* In its principal's file, and it shares no granule. */
static bool has_whole_granules(const struct penstock_vidmm_allocation *allocation)
{
	return !allocation->location.own_file && allocation->size_bytes >= PENSTOCK_GRANULE;
}

/* Of its place in segment 1. */
static uint64_t local_bytes(const struct penstock_vidmm_allocation *allocation)
{
	return has_whole_granules(allocation) ? penstock_place_bytes(allocation->size_bytes)
					      : allocation->size_bytes;
}

/* The pages of its place in segment 1: to reserve, or to punch. */
static enum penstock_status local_job(struct penstock_vidmm_allocation *allocation, bool punch,
				      void (*done)(struct penstock_file_job *job))
{
	enum penstock_status status;

	allocation->job = (struct penstock_file_job){
		.vidmm = allocation->process->vidmm,
		.size_bytes = local_bytes(allocation),
		.punch = punch,
		.first = allocation->spare,
		.first_count = allocation->spare == NULL ? 0 : allocation->spare_count,
		.done = done,
	};
	allocation->job.file = penstock_allocation_resolve(allocation, PENSTOCK_SEGMENT_LOCAL, 0,
							   &allocation->job.offset);
	status = penstock_file_job_start(&allocation->job);
	allocation->busy += status == PENSTOCK_STATUS_PENDING;
	return status;
}

/* Spare pages of its principal are there; others are punched, and its own are reserved. */
static enum penstock_status take_local_pages(struct penstock_vidmm_allocation *allocation)
{
	const struct penstock_vidmm_process *process = allocation->process;
	enum penstock_status status;

	if (penstock_spare_take(process->vidmm, has_whole_granules(allocation) ? process : NULL,
				allocation->segment_offset, allocation->size_bytes,
				&allocation->spare, &allocation->spare_count)) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = local_job(allocation, false, local_pages_done);
	if (status != PENSTOCK_STATUS_PENDING) {
		forget_spare(allocation);
	}
	return status;
}

void penstock_allocation_begin(struct penstock_vidmm_allocation *allocation)
{
	enum penstock_status status;

	PENSTOCK_COUNT(allocation, allocation->segment_id, placed, 1);
	if (allocation->segment_id == PENSTOCK_SEGMENT_APERTURE) {
		arrive(allocation);
		return;
	}
	if (!penstock_allocation_move_place(allocation, PENSTOCK_PLACE_PLACING)) {
		return;
	}
	status = take_local_pages(allocation);
	if (status != PENSTOCK_STATUS_PENDING) {
		local_pages_there(allocation, status);
	}
}

/* ---------------------------------------------------------------- page tables */

static bool needs_mapping(const struct penstock_vidmm_allocation *allocation)
{
	return allocation->location.own_file || allocation->segment_id == PENSTOCK_SEGMENT_APERTURE;
}

static struct penstock_mapping *mapping_in(const struct penstock_vidmm_allocation *allocation,
					   const struct penstock_vidmm_process *process)
{
	penstock_list_for_each (link, &allocation->mappings) {
		struct penstock_mapping *mapping =
			penstock_list_entry(link, struct penstock_mapping, owner_link);

		if (mapping->process == process) {
			return mapping;
		}
	}
	return NULL;
}

void penstock_allocation_mapping_free(struct penstock_mapping *mapping)
{
	struct penstock_vidmm_process *process = mapping->process;
	const struct penstock_vidmm_allocation *allocation = mapping->owner;

	if (allocation->location.own_file && !process->vidmm->backend_gone) {
		process->vidmm->config.backend->ops->detach_file(process->backend,
								 allocation->own.id);
		process->vidmm->config.backend->ops->detach_file(process->backend,
								 allocation->readable.id);
	}
	penstock_mapping_fini(mapping);
	free(mapping);
}

static void mapping_changed(struct penstock_mapping *mapping)
{
	struct penstock_vidmm_allocation *allocation = mapping->owner;

	if (allocation->place != PENSTOCK_PLACE_LEAVING) {
		if (mapping->closing && penstock_mapping_drop(mapping)) {
			penstock_allocation_mapping_free(mapping);
		}
		return;
	}
	allocation->busy--;
	if (mapping->state == PENSTOCK_MAPPING_IDLE) {
		penstock_allocation_mapping_free(mapping);
	}
	penstock_allocation_advance(allocation);
}

/* Who only reads another principal's memory gets a descriptor that can do no more. */
static enum penstock_status attach_own(struct penstock_vidmm_allocation *allocation,
				       struct penstock_vidmm_process *process, bool read_only,
				       const struct penstock_memory_file **ret_file)
{
	struct penstock_vidmm *vidmm = process->vidmm;
	const struct penstock_memory_file *file =
		read_only ? &allocation->readable : &allocation->own;
	struct penstock_backend_file attached;
	enum penstock_status status;

	if (file->id == 0) {
		status =
			penstock_memory_file_open_readable(&allocation->readable, vidmm->directory,
							   ++vidmm->next_file_id, &allocation->own);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	attached = (struct penstock_backend_file){
		.id = file->id,
		.descriptor = file->descriptor,
		.size_bytes = file->size_bytes,
	};
	*ret_file = file;
	return vidmm->config.backend->ops->attach_file(process->backend, &attached,
						       PENSTOCK_FILE_PAGES);
}

static enum penstock_status make_mapping(struct penstock_vidmm_allocation *allocation,
					 struct penstock_vidmm_process *process, bool write,
					 struct penstock_mapping **ret_mapping)
{
	bool read_only = !write && allocation->location.own_file && process != allocation->process;
	const struct penstock_memory_file *file;
	struct penstock_mapping *mapping;
	enum penstock_status status;
	uint64_t offset;

	if (process->mapping_count >= PENSTOCK_MAPPINGS_PER_PROCESS) {
		return PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY;
	}
	mapping = malloc(sizeof(*mapping));
	if (mapping == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	file = penstock_allocation_resolve(allocation, allocation->segment_id, 0, &offset);
	if (allocation->location.own_file) {
		status = attach_own(allocation, process, read_only, &file);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			free(mapping);
			return status;
		}
	}
	penstock_mapping_init(mapping, process, file, offset,
			      penstock_allocation_address(allocation), allocation->size_bytes,
			      read_only ? PENSTOCK_MAP_READ_ONLY : 0, mapping_changed);
	mapping->owner = allocation;
	mapping->allocation_id = allocation->info.id;
	penstock_list_append(&allocation->mappings, &mapping->owner_link);
	*ret_mapping = mapping;
	return PENSTOCK_STATUS_SUCCESS;
}

/* It was mapped to be read: is mapped once more, over itself, to be written too. */
static enum penstock_status make_writable(struct penstock_vidmm_allocation *allocation,
					  struct penstock_mapping *mapping)
{
	enum penstock_status status;

	if (mapping->state != PENSTOCK_MAPPING_LIVE && mapping->state != PENSTOCK_MAPPING_IDLE) {
		return PENSTOCK_STATUS_PENDING;
	}
	status = attach_own(allocation, mapping->process, false, &mapping->file);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		mapping->flags &= ~PENSTOCK_MAP_READ_ONLY;
		penstock_mapping_forget(mapping);
	}
	return status;
}

static bool is_read_only(const struct penstock_mapping *mapping)
{
	return (mapping->flags & PENSTOCK_MAP_READ_ONLY) != 0;
}

bool penstock_allocation_ready(struct penstock_vidmm_allocation *allocation,
			       const struct penstock_vidmm_process *process, bool write)
{
	const struct penstock_mapping *mapping;

	if (PENSTOCK_UNLIKELY(allocation->place != PENSTOCK_PLACE_RESIDENT ||
			      allocation->goal != PENSTOCK_GOAL_KEEP)) {
		return false;
	}
	if (!needs_mapping(allocation)) {
		return true;
	}
	mapping = mapping_in(allocation, process);
	return mapping != NULL && mapping->state == PENSTOCK_MAPPING_LIVE &&
	       !(write && is_read_only(mapping));
}

enum penstock_status penstock_allocation_map(struct penstock_vidmm_allocation *allocation,
					     struct penstock_vidmm_process *process, bool write)
{
	struct penstock_mapping *mapping;
	enum penstock_status status;

	if (!needs_mapping(allocation)) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	mapping = mapping_in(allocation, process);
	if (mapping == NULL) {
		status = make_mapping(allocation, process, write, &mapping);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	if (mapping->closing) {
		return PENSTOCK_STATUS_PENDING;
	}
	if (write && is_read_only(mapping)) {
		status = make_writable(allocation, mapping);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
	}
	return penstock_mapping_ensure(mapping) ? PENSTOCK_STATUS_SUCCESS : PENSTOCK_STATUS_PENDING;
}

void penstock_vidmm_allocation_closed(struct penstock_vidmm_allocation *allocation,
				      struct penstock_vidmm_process *process)
{
	struct penstock_vidmm *vidmm = process->vidmm;
	struct penstock_mapping *mapping = mapping_in(allocation, process);

	penstock_vidmm_own_thread(vidmm);
	/* What leaves its segment, or dies, is unmapped anyway. */
	if (mapping == NULL || !allocation->location.own_file || vidmm->stopped ||
	    allocation->place != PENSTOCK_PLACE_RESIDENT) {
		return;
	}
	mapping->closing = true;
	if (penstock_mapping_drop(mapping)) {
		penstock_allocation_mapping_free(mapping);
	}
	penstock_paging_flush(vidmm);
}

/* ---------------------------------------------------------------- leaving a segment */

static void taken_back(struct penstock_paging_operation *operation, bool executed)
{
	struct penstock_vidmm_allocation *allocation = of_operation(operation);

	allocation->busy--;
	if (executed) {
		allocation->location.local = false;
		allocation->location.local_offset = 0;
		penstock_location_flip(&allocation->process->vidmm->locations, allocation->record,
				       &allocation->location);
		PENSTOCK_COUNT(allocation, PENSTOCK_SEGMENT_LOCAL, out_bytes,
			       allocation->size_bytes);
		(void)penstock_allocation_move_content(allocation, PENSTOCK_CONTENT_CURRENT);
	}
	penstock_allocation_advance(allocation);
}

static void take_back(struct penstock_vidmm_allocation *allocation)
{
	struct penstock_build_paging_buffer build = {
		.operation = PENSTOCK_OPERATION_TRANSFER,
		.flags = PENSTOCK_TRANSFER_ALLOCATION_IS_IDLE | PENSTOCK_TRANSFER_START |
			 PENSTOCK_TRANSFER_END,
		.references = allocation->pins,
		.size_bytes = allocation->size_bytes,
		.source = end_of(allocation, PENSTOCK_SEGMENT_LOCAL),
		.destination = end_of(allocation, 0),
	};

	operate(allocation, &build, taken_back);
}

static void job_done(struct penstock_file_job *job)
{
	struct penstock_vidmm_allocation *allocation =
		penstock_container_of(job, struct penstock_vidmm_allocation, job);
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	allocation->busy--;
	penstock_allocation_advance(allocation);
	penstock_paging_flush(vidmm);
	penstock_vidmm_wake(vidmm);
}

static void drop_mappings(struct penstock_vidmm_allocation *allocation)
{
	penstock_list_for_each_safe (link, &allocation->mappings) {
		struct penstock_mapping *mapping =
			penstock_list_entry(link, struct penstock_mapping, owner_link);

		if (penstock_mapping_drop(mapping)) {
			penstock_allocation_mapping_free(mapping);
		} else {
			allocation->busy++;
		}
	}
}

/* What backing pages have, or nobody wants, does not move. */
static void leave_local(struct penstock_vidmm_allocation *allocation, bool keep_content)
{
	bool offered = allocation->offered != PENSTOCK_OFFER_PRIORITY_NONE;

	if (keep_content && allocation->content == PENSTOCK_CONTENT_DIRTY && !offered) {
		take_back(allocation);
		return;
	}
	PENSTOCK_COUNT(allocation, PENSTOCK_SEGMENT_LOCAL, discarded, 1);
	penstock_paging_tell(allocation->process->vidmm,
			     &(struct penstock_build_paging_buffer){
				     .operation = PENSTOCK_OPERATION_DISCARD_CONTENT,
				     .allocation_id = allocation->info.id,
				     .flags = PENSTOCK_DISCARD_ALLOCATION_IS_IDLE,
				     .references = allocation->pins,
				     .segment_id = PENSTOCK_SEGMENT_LOCAL,
				     .address = penstock_allocation_address(allocation),
				     .size_bytes = allocation->size_bytes,
			     });
	if (keep_content) {
		penstock_allocation_drop_local(allocation);
	}
	allocation->location.local = false;
}

static void give_local_pages(struct penstock_vidmm_allocation *allocation)
{
	allocation->local_reserved = false;
	if (allocation->goal != PENSTOCK_GOAL_DIE && has_whole_granules(allocation)) {
		penstock_spare_keep(allocation->process, allocation->segment_offset,
				    allocation->size_bytes);
		return;
	}
	/* A hole that cannot be punched keeps pages; what is placed there covers them. */
	local_job(allocation, true, job_done);
}

static bool begin_to_leave(struct penstock_vidmm_allocation *allocation)
{
	bool resident = allocation->place == PENSTOCK_PLACE_RESIDENT;

	if (allocation->place != PENSTOCK_PLACE_LEAVING &&
	    !penstock_allocation_move_place(allocation, PENSTOCK_PLACE_LEAVING)) {
		return false;
	}
	if (resident) {
		notify_residency(allocation, false);
	}
	return true;
}

/* True: it is in no segment. Otherwise a step was begun. */
static bool leave(struct penstock_vidmm_allocation *allocation, bool keep_content)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	if (allocation->place == PENSTOCK_PLACE_NOWHERE) {
		return true;
	}
	if (!begin_to_leave(allocation)) {
		return false;
	}
	drop_mappings(allocation);
	if (allocation->busy == 0 && allocation->location.local) {
		leave_local(allocation, keep_content);
	}
	if (allocation->busy == 0 && allocation->local_reserved && !vidmm->keep) {
		give_local_pages(allocation);
	}
	if (allocation->busy > 0) {
		return false;
	}
	PENSTOCK_COUNT(allocation, allocation->segment_id, left, 1);
	penstock_allocation_undo(allocation);
	return allocation->place == PENSTOCK_PLACE_NOWHERE;
}

/* ---------------------------------------------------------------- a file of its own */

void penstock_allocation_close_own(struct penstock_vidmm_allocation *allocation, bool remove)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;
	struct penstock_memory_file *own = &allocation->own;

	if (own->id == 0) {
		return;
	}
	if (!vidmm->backend_gone) {
		vidmm->config.backend->ops->detach_file(vidmm->system->backend, own->id);
	}
	if (remove) {
		unlinkat(vidmm->directory, own->name, 0);
	}
	penstock_memory_file_close(own);
	penstock_memory_file_close(&allocation->readable);
}

enum penstock_status penstock_allocation_open_own(struct penstock_vidmm_allocation *allocation,
						  enum penstock_file_open how)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;
	struct penstock_backend_file attached;
	enum penstock_status status;
	char name[48];

	snprintf(name, sizeof(name), "a%" PRIu64, allocation->info.id);
	status = penstock_memory_file_open(
		&allocation->own, vidmm->directory, name, ++vidmm->next_file_id,
		2 * penstock_granules_bytes(allocation->size_bytes), how, true);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	attached = (struct penstock_backend_file){
		.id = allocation->own.id,
		.descriptor = allocation->own.descriptor,
		.size_bytes = allocation->own.size_bytes,
	};
	status = vidmm->config.backend->ops->attach_file(vidmm->system->backend, &attached,
							 PENSTOCK_FILE_PAGES);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_memory_file_close(&allocation->own);
	}
	return status;
}

static void end_share(struct penstock_vidmm_allocation *allocation, enum penstock_status status)
{
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_allocation_close_own(allocation, true);
	}
	if (!penstock_allocation_move_goal(allocation, PENSTOCK_GOAL_KEEP)) {
		return;
	}
	if (allocation->answering) {
		allocation->answer = status;
		return;
	}
	allocation->shared(allocation->shared_argument, status);
	/* The reference that share took. */
	penstock_vidmm_allocation_unref(allocation);
}

static void adopt_own(struct penstock_vidmm_allocation *allocation)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;
	uint64_t old_offset = allocation->location.backing_offset;

	allocation->location.own_file = true;
	allocation->location.backing_offset = 0;
	penstock_location_flip(&vidmm->locations, allocation->record, &allocation->location);
	penstock_pages_give(&allocation->process->pages, old_offset, allocation->size_bytes);
	end_share(allocation, PENSTOCK_STATUS_SUCCESS);
}

static void own_filled(struct penstock_paging_operation *operation, bool executed)
{
	struct penstock_vidmm_allocation *allocation = of_operation(operation);

	allocation->busy--;
	if (executed) {
		adopt_own(allocation);
	} else {
		end_share(allocation, PENSTOCK_STATUS_CANCELLED);
	}
}

static void own_reserved(struct penstock_vidmm_allocation *allocation, enum penstock_status status)
{
	struct penstock_build_paging_buffer build = {
		.operation = PENSTOCK_OPERATION_TRANSFER,
		.flags = PENSTOCK_TRANSFER_START | PENSTOCK_TRANSFER_END,
		.size_bytes = allocation->size_bytes,
		.source = end_of(allocation, 0),
		.destination = { .file_id = allocation->own.id },
	};

	if (status != PENSTOCK_STATUS_SUCCESS) {
		end_share(allocation, PENSTOCK_STATUS_NO_MEMORY);
	} else if (allocation->process->vidmm->stopped) {
		end_share(allocation, PENSTOCK_STATUS_CANCELLED);
	} else if (allocation->content == PENSTOCK_CONTENT_ZEROS) {
		adopt_own(allocation);
	} else {
		operate(allocation, &build, own_filled);
	}
}

static void own_reserve_done(struct penstock_file_job *job)
{
	struct penstock_vidmm_allocation *allocation =
		penstock_container_of(job, struct penstock_vidmm_allocation, job);
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	allocation->busy--;
	own_reserved(allocation, job->status);
	penstock_paging_flush(vidmm);
	penstock_vidmm_wake(vidmm);
}

static void advance_share(struct penstock_vidmm_allocation *allocation)
{
	enum penstock_status status;

	if (allocation->content == PENSTOCK_CONTENT_NONE) {
		end_share(allocation, PENSTOCK_STATUS_NO_MEMORY);
		return;
	}
	if (allocation->pins > 0 || allocation->accesses > 0 || !leave(allocation, true) ||
	    !penstock_allocation_zeroed(allocation)) {
		return;
	}
	status = penstock_allocation_open_own(allocation, PENSTOCK_FILE_OPEN_NEW);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		end_share(allocation, PENSTOCK_STATUS_NO_MEMORY);
		return;
	}
	allocation->job = (struct penstock_file_job){
		.vidmm = allocation->process->vidmm,
		.file = &allocation->own,
		.size_bytes = allocation->size_bytes,
		.done = own_reserve_done,
	};
	status = penstock_file_job_start(&allocation->job);
	if (status == PENSTOCK_STATUS_PENDING) {
		allocation->busy++;
	} else {
		own_reserved(allocation, status);
	}
}

/* ---------------------------------------------------------------- the end */

static void advance_death(struct penstock_vidmm_allocation *allocation)
{
	struct penstock_vidmm_process *process = allocation->process;
	struct penstock_vidmm *vidmm = process->vidmm;

	/* First the record: an allocation that is half gone must not come back. */
	if (allocation->has_record && !vidmm->keep) {
		penstock_location_free(&vidmm->locations, allocation->record);
	}
	allocation->has_record = false;
	if (!leave(allocation, false)) {
		return;
	}
	if (allocation->content != PENSTOCK_CONTENT_NONE && !allocation->location.own_file &&
	    !vidmm->keep) {
		penstock_pages_give(&process->pages, allocation->location.backing_offset,
				    allocation->size_bytes);
	}
	penstock_allocation_close_own(allocation, !vidmm->keep);
	penstock_allocation_uncharge(allocation);
	process->allocations--;
	penstock_list_remove(&allocation->place_link); /* held_up */
	free(allocation);
	penstock_vidmm_process_settle(process);
}

/* There is no backend that could move anything. */
static void stay(struct penstock_vidmm_allocation *allocation)
{
	if (allocation->goal == PENSTOCK_GOAL_SHARE) {
		end_share(allocation, PENSTOCK_STATUS_CANCELLED);
	} else if (allocation->goal != PENSTOCK_GOAL_KEEP) {
		(void)penstock_allocation_move_goal(allocation, PENSTOCK_GOAL_KEEP);
	}
}

/* Packets use it, or somebody looks at the pages that it would give back: drained first. */
static bool held_back(const struct penstock_vidmm_allocation *allocation)
{
	return allocation->pins > 0 ||
	       (allocation->accesses > 0 && allocation->place != PENSTOCK_PLACE_NOWHERE &&
		allocation->segment_id == PENSTOCK_SEGMENT_LOCAL);
}

void penstock_allocation_advance(struct penstock_vidmm_allocation *allocation)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	if (allocation->busy > 0) {
		return;
	}
	if (vidmm->resetting) {
		/* What has a place takes a step behind it anyway. */
		if (penstock_list_empty(&allocation->place_link)) {
			penstock_list_append(&vidmm->held_up, &allocation->place_link);
		}
		return;
	}
	if (vidmm->stopped && allocation->goal != PENSTOCK_GOAL_DIE) {
		stay(allocation);
		return;
	}
	switch (allocation->goal) {
	case PENSTOCK_GOAL_KEEP:
	case PENSTOCK_GOAL_MAX:
		return;
	case PENSTOCK_GOAL_EVICT:
		if (!held_back(allocation) && leave(allocation, true)) {
			(void)penstock_allocation_move_goal(allocation, PENSTOCK_GOAL_KEEP);
		}
		return;
	case PENSTOCK_GOAL_SHARE:
		advance_share(allocation);
		return;
	case PENSTOCK_GOAL_DIE:
		advance_death(allocation);
		return;
	}
}
