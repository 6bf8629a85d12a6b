/* SPDX-License-Identifier: MIT */
/*
 * The manager itself: how it starts and ends, and what the objects stage asks of allocations.
 */
#include "daemon/memory/vidmm.h"

#include "daemon/memory/internal.h"
#include "daemon/memory/room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---------------------------------------------------------------- start */

static void describe(const struct penstock_vidmm_config *config,
		     struct penstock_segment_descriptor ret[PENSTOCK_SEGMENT_COUNT])
{
	ret[0] = (struct penstock_segment_descriptor){
		.id = PENSTOCK_SEGMENT_LOCAL,
		.flags = PENSTOCK_SEGMENT_FLAG_CPU_VISIBLE,
		.base_address = PENSTOCK_LOCAL_BASE,
		.size_bytes = config->local_bytes,
		.commit_limit_bytes = config->local_bytes,
	};
	ret[1] = (struct penstock_segment_descriptor){
		.id = PENSTOCK_SEGMENT_APERTURE,
		.flags = PENSTOCK_SEGMENT_FLAG_APERTURE,
		.base_address = PENSTOCK_APERTURE_BASE,
		.size_bytes = config->aperture_bytes,
		.commit_limit_bytes = config->aperture_commit_limit_bytes,
	};
}

static enum penstock_status check_config(const struct penstock_vidmm_config *config,
					 struct penstock_errbuf *reterr_text)
{
	struct penstock_segment_descriptor descriptors[PENSTOCK_SEGMENT_COUNT];
	enum penstock_status status;

	describe(config, descriptors);
	status = penstock_segments_check(descriptors, PENSTOCK_SEGMENT_COUNT, reterr_text);
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    config->aperture_bytes < penstock_dma_pool_window_bytes(config->aperture_bytes)) {
		penstock_errbuf_set(reterr_text, "segment 2 is too small for a DMA pool");
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	return status;
}

/* The segments, and in the aperture the window that every DMA pool uses. */
static enum penstock_status start_segments(struct penstock_vidmm *vidmm)
{
	struct penstock_segment_descriptor descriptors[PENSTOCK_SEGMENT_COUNT];
	uint64_t aperture = vidmm->config.aperture_bytes;
	uint64_t window = penstock_dma_pool_window_bytes(aperture);

	describe(&vidmm->config, descriptors);
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		if (penstock_segment_init(&vidmm->segments[i], &descriptors[i]) !=
		    PENSTOCK_STATUS_SUCCESS) {
			return PENSTOCK_STATUS_NO_MEMORY;
		}
	}
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		if (penstock_hole_map_init(&vidmm->maps[i], vidmm->segments[i].runs.units) !=
		    PENSTOCK_STATUS_SUCCESS) {
			return PENSTOCK_STATUS_NO_MEMORY;
		}
	}
	if (penstock_spare_init(&vidmm->spare, vidmm->segments[0].runs.units) !=
	    PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	vidmm->reserved_bytes[PENSTOCK_SEGMENT_APERTURE - 1] = window;
	penstock_sharer_init(&vidmm->window_sharer);
	vidmm->window_address = PENSTOCK_APERTURE_BASE + aperture - window;
	return penstock_segment_take_at(penstock_vidmm_segment(vidmm, PENSTOCK_SEGMENT_APERTURE),
					&vidmm->window_sharer, aperture - window, window)
		       ? PENSTOCK_STATUS_SUCCESS
		       : PENSTOCK_STATUS_INVALID_PARAMETER;
}

static enum penstock_status start_files(struct penstock_vidmm *vidmm, bool *ret_fresh,
					struct penstock_errbuf *reterr_text)
{
	const struct penstock_vidmm_config *config = &vidmm->config;
	enum penstock_status status;

	vidmm->directory = open(config->memory_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (vidmm->directory < 0) {
		penstock_errbuf_set(reterr_text, "%s: %s", config->memory_dir, strerror(errno));
		return penstock_status_from_errno(errno);
	}
	status = penstock_location_open(&vidmm->locations, vidmm->directory, config->local_bytes,
					config->aperture_bytes, ret_fresh, reterr_text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (*ret_fresh) {
		penstock_restore_remove_files(vidmm, true);
		return PENSTOCK_STATUS_SUCCESS;
	}
	return penstock_restore_begin(vidmm);
}

static void destroy(struct penstock_vidmm *vidmm)
{
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		penstock_segment_fini(&vidmm->segments[i]);
		penstock_hole_map_fini(&vidmm->maps[i]);
	}
	penstock_spare_fini(&vidmm->spare);
	penstock_location_close(&vidmm->locations);
	free(vidmm->restore.entries);
	if (vidmm->directory >= 0) {
		close(vidmm->directory);
	}
	free(vidmm);
}

enum penstock_status penstock_vidmm_new(const struct penstock_vidmm_config *config,
					struct penstock_vidmm **ret_vidmm, bool *ret_fresh,
					struct penstock_errbuf *reterr_text)
{
	enum penstock_status status = check_config(config, reterr_text);
	struct penstock_vidmm *vidmm;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	vidmm = calloc(1, sizeof(*vidmm));
	if (vidmm == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	vidmm->config = *config;
	vidmm->thread = pthread_self();
	vidmm->directory = -1;
	penstock_list_init(&vidmm->processes);
	penstock_list_init(&vidmm->paging_dirty);
	penstock_list_init(&vidmm->holes);
	penstock_list_init(&vidmm->claims);
	penstock_list_init(&vidmm->held_up);
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		penstock_list_init(&vidmm->placed[i]);
	}
	status = start_segments(vidmm);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = start_files(vidmm, ret_fresh, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_vidmm_process_new(vidmm, 0, 0, &vidmm->system);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		destroy(vidmm);
		return status;
	}
	*ret_vidmm = vidmm;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_vidmm_set_paging_port(struct penstock_vidmm *vidmm,
				    const struct penstock_paging_port *port)
{
	vidmm->port = *port;
}

void penstock_vidmm_generation(const struct penstock_vidmm *vidmm, uint8_t ret_id[16])
{
	memcpy(ret_id, vidmm->locations.file.generation, PENSTOCK_GENERATION_BYTES);
}

/* ---------------------------------------------------------------- end */

void penstock_vidmm_keep(struct penstock_vidmm *vidmm)
{
	vidmm->keep = true;
	penstock_vidmm_restore_end(vidmm);
}

static void abandon_all(struct penstock_vidmm *vidmm)
{
	vidmm->stopped = true;
	penstock_list_for_each (link, &vidmm->processes) {
		penstock_vidmm_process_abandon(
			penstock_list_entry(link, struct penstock_vidmm_process, link));
	}
	penstock_vidmm_process_abandon(vidmm->system);
	penstock_list_for_each_safe (link, &vidmm->processes) {
		penstock_vidmm_process_settle(
			penstock_list_entry(link, struct penstock_vidmm_process, link));
	}
}

void penstock_vidmm_stopped(struct penstock_vidmm *vidmm)
{
	if (!vidmm->backend_gone) {
		vidmm->backend_gone = true;
		abandon_all(vidmm);
	}
}

void penstock_vidmm_settle(struct penstock_vidmm *vidmm)
{
	if (vidmm->freed && vidmm->jobs == 0 && penstock_list_empty(&vidmm->processes)) {
		vidmm->freed = false;
		penstock_vidmm_process_free(vidmm->system);
		destroy(vidmm);
	}
}

void penstock_vidmm_job_ended(struct penstock_vidmm *vidmm)
{
	vidmm->jobs--;
	penstock_vidmm_settle(vidmm);
}

void penstock_vidmm_free(struct penstock_vidmm *vidmm)
{
	if (vidmm == NULL) {
		return;
	}
	penstock_vidmm_own_thread(vidmm);
	if (!vidmm->stopped) {
		abandon_all(vidmm);
	}
	penstock_list_for_each (link, &vidmm->processes) {
		PENSTOCK_REQUIRE(
			penstock_list_entry(link, struct penstock_vidmm_process, link)->freed);
	}
	vidmm->freed = true;
	penstock_vidmm_settle(vidmm);
}

void penstock_vidmm_wake(struct penstock_vidmm *vidmm)
{
	bool owned = !vidmm->stopped || (vidmm->backend_gone && !vidmm->freed);

	if (vidmm->somebody_waits && owned) {
		vidmm->somebody_waits = false;
		vidmm->config.progress(vidmm->config.owner);
	}
}

/* ---------------------------------------------------------------- allocations */

static enum penstock_status backing_there(struct penstock_vidmm_allocation *allocation,
					  uint64_t offset)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	allocation->location.backing_offset = offset;
	if (penstock_location_take(&vidmm->locations, &allocation->location, &allocation->record) !=
	    PENSTOCK_STATUS_SUCCESS) {
		penstock_pages_give(&allocation->process->pages, offset, allocation->size_bytes);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	allocation->has_record = true;
	return penstock_allocation_move_content(allocation, PENSTOCK_CONTENT_ZEROS)
		       ? PENSTOCK_STATUS_SUCCESS
		       : PENSTOCK_STATUS_NO_MEMORY;
}

static void backing_done(struct penstock_pages_request *request, enum penstock_status status)
{
	struct penstock_vidmm_allocation *allocation =
		penstock_container_of(request, struct penstock_vidmm_allocation, request);
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	allocation->busy--;
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = backing_there(allocation, request->offset);
	}
	if (allocation->goal != PENSTOCK_GOAL_DIE) {
		allocation->references++;
		allocation->reserved(allocation->reserved_argument, status);
		penstock_allocation_advance(allocation);
		penstock_vidmm_allocation_unref(allocation);
	} else {
		penstock_allocation_advance(allocation);
	}
	penstock_paging_flush(vidmm);
	penstock_vidmm_wake(vidmm);
}

/* An allocation that came to nothing. */
static void discard(struct penstock_vidmm_allocation *allocation)
{
	penstock_allocation_uncharge(allocation);
	allocation->process->allocations--;
	free(allocation);
}

enum penstock_status
penstock_vidmm_allocation_new(struct penstock_vidmm_process *process,
			      const struct penstock_allocation_info *info,
			      void (*reserved)(void *argument, enum penstock_status status),
			      void *argument, struct penstock_vidmm_allocation **ret_allocation)
{
	uint64_t size_bytes = penstock_align_up(info->size_bytes, PENSTOCK_PAGE_BYTES);
	struct penstock_vidmm_allocation *allocation;
	enum penstock_status status;

	penstock_vidmm_own_thread(process->vidmm);
	PENSTOCK_REQUIRE(info->id > 0 && info->size_bytes > 0 &&
			 info->size_bytes <= PENSTOCK_LIMIT_ALLOCATION_BYTES);
	penstock_vidmm_restore_end(process->vidmm);
	if (!penstock_range_fits(process->used_bytes, size_bytes, process->quota_bytes)) {
		return PENSTOCK_STATUS_QUOTA_EXCEEDED;
	}
	allocation = penstock_allocation_make(process, info);
	if (allocation == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	allocation->reserved = reserved;
	allocation->reserved_argument = argument;
	allocation->request =
		(struct penstock_pages_request){ .size_bytes = size_bytes, .done = backing_done };
	status = penstock_pages_take(&process->pages, &allocation->request);
	if (status == PENSTOCK_STATUS_PENDING) {
		allocation->busy++;
	} else if (status == PENSTOCK_STATUS_SUCCESS) {
		status = backing_there(allocation, allocation->request.offset);
	}
	if (status != PENSTOCK_STATUS_SUCCESS && status != PENSTOCK_STATUS_PENDING) {
		discard(allocation);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*ret_allocation = allocation;
	return status;
}

/* Its content is where the record says. False: that cannot be, which is a defect of ours. */
static bool found(struct penstock_vidmm_allocation *allocation)
{
	const struct penstock_location *location = &allocation->location;

	if (!location->local) {
		return penstock_allocation_move_content(allocation,
							location->lost ? PENSTOCK_CONTENT_LOST
								       : PENSTOCK_CONTENT_CURRENT);
	}
	allocation->segment_id = PENSTOCK_SEGMENT_LOCAL;
	allocation->segment_offset = location->local_offset;
	allocation->local_reserved = true;
	/* For all that is known: what backing pages hold may be from before. */
	if (!penstock_allocation_move_content(allocation, PENSTOCK_CONTENT_DIRTY) ||
	    !penstock_allocation_move_place(allocation, PENSTOCK_PLACE_RESIDENT)) {
		return false;
	}
	penstock_allocation_enter(allocation);
	return true;
}

/* Its content is as the record says, if its own file is there. */
static bool adopt(struct penstock_vidmm_allocation *allocation,
		  struct penstock_restore_entry *entry)
{
	uint64_t offset;

	if (entry->location.id != allocation->info.id ||
	    entry->location.size_bytes != allocation->size_bytes) {
		return false;
	}
	if (entry->location.own_file) {
		if (penstock_allocation_open_own(allocation, PENSTOCK_FILE_OPEN_EXISTING) !=
		    PENSTOCK_STATUS_SUCCESS) {
			return false;
		}
		/* Its pages are there; a file that was tampered with must not be a SIGBUS. */
		offset = penstock_granules_bytes(allocation->size_bytes);
		if (penstock_memory_file_reserve(&allocation->own, 0, allocation->size_bytes) !=
			    PENSTOCK_STATUS_SUCCESS ||
		    (entry->location.local &&
		     penstock_memory_file_reserve(&allocation->own, offset,
						  allocation->size_bytes) !=
			     PENSTOCK_STATUS_SUCCESS)) {
			penstock_allocation_close_own(allocation, true);
			return false;
		}
	}
	entry->restored = true;
	allocation->location = entry->location;
	allocation->record = entry->record;
	allocation->has_record = true;
	allocation->content_lost = entry->location.lost;
	return found(allocation);
}

enum penstock_status
penstock_vidmm_allocation_restore(struct penstock_vidmm_process *process,
				  const struct penstock_allocation_info *info, uint64_t record,
				  struct penstock_vidmm_allocation **ret_allocation)
{
	struct penstock_vidmm_allocation *allocation = penstock_allocation_make(process, info);
	struct penstock_restore_entry *entry;
	enum penstock_status status;
	uint64_t offset;

	if (allocation == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	entry = process->vidmm->restore.open ? penstock_restore_find(process, record) : NULL;
	if (entry != NULL && adopt(allocation, entry)) {
		*ret_allocation = allocation;
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = penstock_pages_take_now(&process->pages, allocation->size_bytes, &offset);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = backing_there(allocation, offset);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		discard(allocation);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	*ret_allocation = allocation;
	return PENSTOCK_STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST;
}

uint64_t penstock_vidmm_allocation_record(const struct penstock_vidmm_allocation *allocation)
{
	return allocation->record;
}

void penstock_vidmm_allocation_ref(struct penstock_vidmm_allocation *allocation)
{
	penstock_vidmm_own_thread(allocation->process->vidmm);
	allocation->references++;
}

void penstock_vidmm_allocation_unref(struct penstock_vidmm_allocation *allocation)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	penstock_vidmm_own_thread(vidmm);
	if (!penstock_vidmm_holds(vidmm, allocation->references > 0,
				  "0x10E/0x24: a reference was given back that nobody has")) {
		return;
	}
	if (--allocation->references > 0) {
		return;
	}
	if (!penstock_vidmm_holds(vidmm, allocation->pins == 0 && allocation->accesses == 0,
				  "0x10E/0x24: an allocation in use was destroyed")) {
		allocation->references++;
		return;
	}
	if (!penstock_allocation_move_goal(allocation, PENSTOCK_GOAL_DIE)) {
		return;
	}
	penstock_allocation_advance(allocation);
	penstock_paging_flush(vidmm);
	penstock_vidmm_wake(vidmm);
}

enum penstock_status penstock_vidmm_allocation_share(struct penstock_vidmm_allocation *allocation,
						     void (*shared)(void *argument,
								    enum penstock_status status),
						     void *argument)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;
	enum penstock_status status = PENSTOCK_STATUS_PENDING;

	penstock_vidmm_own_thread(vidmm);
	if (allocation->location.own_file) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (!penstock_allocation_move_goal(allocation, PENSTOCK_GOAL_SHARE)) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_vidmm_allocation_ref(allocation);
	allocation->shared = shared;
	allocation->shared_argument = argument;
	allocation->answering = true;
	penstock_allocation_advance(allocation);
	allocation->answering = false;
	if (allocation->goal == PENSTOCK_GOAL_KEEP) {
		status = allocation->answer;
		allocation->references--;
	}
	penstock_paging_flush(vidmm);
	return status;
}

enum penstock_status penstock_vidmm_allocation_evict(struct penstock_vidmm_allocation *allocation)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	penstock_vidmm_own_thread(vidmm);
	if (allocation->goal != PENSTOCK_GOAL_KEEP) {
		return PENSTOCK_STATUS_PENDING;
	}
	if (allocation->place == PENSTOCK_PLACE_NOWHERE) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (allocation->pins > 0 || allocation->accesses > 0) {
		return PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY;
	}
	if (!penstock_allocation_move_goal(allocation, PENSTOCK_GOAL_EVICT)) {
		return PENSTOCK_STATUS_PENDING;
	}
	penstock_allocation_advance(allocation);
	penstock_paging_flush(vidmm);
	return allocation->goal == PENSTOCK_GOAL_KEEP ? PENSTOCK_STATUS_SUCCESS
						      : PENSTOCK_STATUS_PENDING;
}

void penstock_vidmm_allocation_location(const struct penstock_vidmm_allocation *allocation,
					struct penstock_vidmm_location *ret_location)
{
	bool placed = allocation->place == PENSTOCK_PLACE_RESIDENT;

	*ret_location = (struct penstock_vidmm_location){
		.segment_id = placed ? allocation->segment_id : 0,
		.address = placed ? penstock_allocation_address(allocation) : 0,
		.size_bytes = allocation->size_bytes,
		.references = (uint32_t)(allocation->references - 1),
		.own_file = allocation->location.own_file,
		.content_lost = allocation->content_lost,
	};
}

/* Nothing of it is on its way, and who holds it holds nobody up. */
static bool accessible(struct penstock_vidmm_allocation *allocation, uint32_t access)
{
	bool settled = allocation->place == PENSTOCK_PLACE_NOWHERE ||
		       allocation->place == PENSTOCK_PLACE_RESIDENT;

	/* Without a backend nothing arrives any more: contents stay where their records say. */
	settled = settled || (allocation->process->vidmm->backend_gone && allocation->busy == 0);
	if (allocation->content == PENSTOCK_CONTENT_NONE ||
	    allocation->goal != PENSTOCK_GOAL_KEEP || !settled ||
	    penstock_room_has_hole(allocation)) {
		return false;
	}
	return ((access & PENSTOCK_ACCESS_HELD) == 0 || !allocation->location.local) &&
	       penstock_allocation_zeroed(allocation);
}

uint8_t *penstock_vidmm_access_begin(struct penstock_vidmm_allocation *allocation, uint64_t offset,
				     uint32_t access)
{
	const struct penstock_memory_file *file;
	uint64_t file_offset;

	penstock_vidmm_own_thread(allocation->process->vidmm);
	if (!accessible(allocation, access)) {
		allocation->process->vidmm->somebody_waits = true;
		return NULL;
	}
	if ((access & PENSTOCK_ACCESS_WRITE) != 0) {
		penstock_allocation_written(allocation);
	}
	allocation->accesses++;
	file = penstock_allocation_resolve(allocation,
					   allocation->location.local ? PENSTOCK_SEGMENT_LOCAL : 0,
					   offset, &file_offset);
	return file->map + file_offset;
}

void penstock_vidmm_lock(struct penstock_vidmm_allocation *allocation)
{
	penstock_vidmm_own_thread(allocation->process->vidmm);
	PENSTOCK_REQUIRE(allocation->locks < allocation->accesses);
	allocation->locks++;
}

void penstock_vidmm_unlock(struct penstock_vidmm_allocation *allocation)
{
	penstock_vidmm_own_thread(allocation->process->vidmm);
	PENSTOCK_REQUIRE(allocation->locks > 0);
	allocation->locks--;
}

void penstock_vidmm_access_end(struct penstock_vidmm_allocation *allocation)
{
	struct penstock_vidmm *vidmm = allocation->process->vidmm;

	penstock_vidmm_own_thread(vidmm);
	PENSTOCK_REQUIRE(allocation->accesses > 0);
	if (--allocation->accesses == 0) {
		penstock_allocation_advance(allocation);
		penstock_paging_flush(vidmm);
		penstock_vidmm_wake(vidmm);
	}
}

void penstock_vidmm_query_segments(const struct penstock_vidmm *vidmm,
				   struct penstock_segment_state ret[PENSTOCK_SEGMENT_COUNT])
{
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		const struct penstock_segment *segment = &vidmm->segments[i];

		ret[i] = (struct penstock_segment_state){
			.id = segment->descriptor.id,
			.flags = segment->descriptor.flags,
			.base_address = segment->descriptor.base_address,
			.size_bytes = segment->descriptor.size_bytes,
			.commit_limit_bytes = segment->descriptor.commit_limit_bytes,
			.used_bytes = segment->used_bytes,
			.largest_free_bytes = (uint64_t)penstock_runs_largest(&segment->runs) *
					      PENSTOCK_GRANULE_BYTES,
			.allocations = segment->allocations,
			.paging = vidmm->counts[i],
		};
	}
}

uint64_t penstock_vidmm_process_resident_bytes(const struct penstock_vidmm_process *process)
{
	return process->placed_bytes[PENSTOCK_SEGMENT_LOCAL - 1] +
	       process->placed_bytes[PENSTOCK_SEGMENT_APERTURE - 1];
}

void penstock_vidmm_query_process(const struct penstock_vidmm_process *process,
				  struct penstock_paging_count *ret_count)
{
	penstock_vidmm_own_thread(process->vidmm);
	*ret_count = process->count;
}

void penstock_vidmm_visit_segment(const struct penstock_vidmm *vidmm, uint32_t segment_id,
				  void (*visit)(void *owner,
						const struct penstock_resident_view *view),
				  void *owner)
{
	penstock_vidmm_own_thread(vidmm);
	penstock_list_for_each (link, &vidmm->placed[segment_id - 1]) {
		const struct penstock_vidmm_allocation *allocation =
			penstock_list_entry(link, struct penstock_vidmm_allocation, place_link);
		const struct penstock_resident_view view = {
			.id = allocation->info.id,
			.process_id = allocation->process->id,
			.segment_id = segment_id,
			.address = penstock_allocation_address(allocation),
			.size_bytes = allocation->size_bytes,
			.priority = allocation->info.priority,
			.offered = allocation->offered,
			.age = vidmm->uses - allocation->last_use,
			.in_use = allocation->pins > 0 || allocation->accesses > 0,
			.moving = allocation->place != PENSTOCK_PLACE_RESIDENT,
			.dirty = allocation->content == PENSTOCK_CONTENT_DIRTY,
			.pins = allocation->pins,
		};

		visit(owner, &view);
	}
}
