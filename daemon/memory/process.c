/* SPDX-License-Identifier: MIT */
/*
 * A principal's memory: its files, its page table, its DMA pool, and the GPU process that may see
 * them. The system process has a page table of its own and no files: it addresses everybody's.
 */
#include "daemon/memory/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Beyond its quota, for the DMA pool and for what fragments. */
#define SYSTEM_EXTRA_BYTES (PENSTOCK_DMA_POOL_WINDOW_BYTES + 8u * PENSTOCK_PAGES_STEP_BYTES)
#define QUOTA_BYTES_MAX    (1ull << 41)

static enum penstock_status open_file(struct penstock_vidmm_process *process,
				      struct penstock_memory_file *file, const char *suffix,
				      uint64_t size_bytes, bool map)
{
	struct penstock_vidmm *vidmm = process->vidmm;
	enum penstock_file_open how =
		vidmm->restore.open ? PENSTOCK_FILE_OPEN_OR_CREATE : PENSTOCK_FILE_OPEN_NEW;
	char name[48];

	snprintf(name, sizeof(name), "p%" PRIu64 ".%s", process->id, suffix);
	return penstock_memory_file_open(file, vidmm->directory, name, ++vidmm->next_file_id,
					 size_bytes, how, map);
}

static enum penstock_status attach(struct penstock_vidmm_process *to,
				   const struct penstock_memory_file *file,
				   enum penstock_file_role role)
{
	const struct penstock_backend_file attached = {
		.id = file->id,
		.descriptor = file->descriptor,
		.size_bytes = file->size_bytes,
	};

	return to->vidmm->config.backend->ops->attach_file(to->backend, &attached, role);
}

static enum penstock_status open_files(struct penstock_vidmm_process *process)
{
	struct penstock_vidmm *vidmm = process->vidmm;
	uint64_t system_bytes = penstock_align_up(2 * process->quota_bytes + SYSTEM_EXTRA_BYTES,
						  PENSTOCK_GRANULE_BYTES);
	enum penstock_status status;

	status = open_file(process, &process->system, "system", system_bytes, true);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = open_file(process, &process->local, "local", vidmm->config.local_bytes,
				   true);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = open_file(process, &process->dummy, "dummy", vidmm->config.aperture_bytes,
				   false);
	}
	return status;
}

static enum penstock_status attach_files(struct penstock_vidmm_process *process)
{
	struct penstock_vidmm_process *system = process->vidmm->system;
	enum penstock_status status;

	status = attach(process, &process->system, PENSTOCK_FILE_PAGES);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = attach(process, &process->local, PENSTOCK_FILE_LOCAL);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = attach(process, &process->dummy, PENSTOCK_FILE_DUMMY);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = attach(system, &process->system, PENSTOCK_FILE_PAGES);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = attach(system, &process->local, PENSTOCK_FILE_PAGES);
	}
	return status;
}

static enum penstock_status start(struct penstock_vidmm_process *process)
{
	struct penstock_vidmm *vidmm = process->vidmm;
	struct penstock_backend *backend = vidmm->config.backend;
	enum penstock_status status;

	status =
		backend->ops->create_process(backend, process->id == 0, process, &process->backend);
	if (status != PENSTOCK_STATUS_SUCCESS || process->id == 0) {
		return status;
	}
	status = open_files(process);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = attach_files(process);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_pages_init(&process->pages, vidmm, &process->system);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_dma_pool_init(&process->pool, process,
						vidmm->config.aperture_bytes);
	}
	return status;
}

static void close_file(struct penstock_vidmm_process *process, struct penstock_memory_file *file)
{
	struct penstock_vidmm *vidmm = process->vidmm;

	if (file->id == 0) {
		return;
	}
	if (!vidmm->backend_gone) {
		vidmm->config.backend->ops->detach_file(vidmm->system->backend, file->id);
	}
	if (!vidmm->keep) {
		unlinkat(vidmm->directory, file->name, 0);
	}
	penstock_memory_file_close(file);
}

/* Pages of other principals' allocations that were mapped here are theirs to keep. */
static void forget_mappings(struct penstock_vidmm_process *process)
{
	penstock_list_for_each_safe (link, &process->mappings) {
		struct penstock_mapping *mapping =
			penstock_list_entry(link, struct penstock_mapping, process_link);

		if (mapping->owner != NULL) {
			penstock_allocation_mapping_free(mapping);
		}
	}
}

/* Whoever submits to its rings expects nothing of them any more. */
static void tell_end(const struct penstock_vidmm_process *process)
{
	const struct penstock_paging_port *port = &process->vidmm->port;

	if (port->ended != NULL) {
		port->ended(port->owner, process);
	}
}

static void destroy(struct penstock_vidmm_process *process)
{
	struct penstock_vidmm *vidmm = process->vidmm;

	tell_end(process);
	forget_mappings(process);
	if (process->backend != NULL && !vidmm->backend_gone) {
		vidmm->config.backend->ops->destroy_process(process->backend);
	}
	penstock_spare_forget(process);
	penstock_dma_pool_fini(&process->pool);
	penstock_pages_fini(&process->pages);
	close_file(process, &process->system);
	close_file(process, &process->local);
	close_file(process, &process->dummy);
	penstock_list_remove(&process->link);
	free(process);
}

enum penstock_status penstock_vidmm_process_new(struct penstock_vidmm *vidmm, uint64_t id,
						uint64_t quota_bytes,
						struct penstock_vidmm_process **ret_process)
{
	struct penstock_vidmm_process *process = calloc(1, sizeof(*process));
	enum penstock_status status;

	penstock_vidmm_own_thread(vidmm);
	if (process == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	process->vidmm = vidmm;
	process->id = id;
	process->quota_bytes = quota_bytes < QUOTA_BYTES_MAX ? quota_bytes : QUOTA_BYTES_MAX;
	penstock_list_init(&process->link);
	penstock_list_init(&process->mappings);
	penstock_paging_init(&process->paging, process);
	for (unsigned i = 0; i < PENSTOCK_SEGMENT_COUNT; i++) {
		penstock_sharer_init(&process->sharers[i]);
	}
	status = start(process);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		destroy(process);
		return status;
	}
	if (id != 0) {
		penstock_list_append(&vidmm->processes, &process->link);
	}
	if (vidmm->restore.open) {
		penstock_restore_claim(process);
	} else if (id != 0) {
		penstock_pages_refill(&process->pages);
	}
	*ret_process = process;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_vidmm_process_settle(struct penstock_vidmm_process *process)
{
	struct penstock_vidmm *vidmm = process->vidmm;

	if (process->freed && process->holds == 0 && process->allocations == 0 &&
	    process->pages.busy == 0 && penstock_paging_idle(&process->paging)) {
		destroy(process);
		penstock_vidmm_settle(vidmm);
	}
}

void penstock_vidmm_pages_idle(struct penstock_pages *pages)
{
	penstock_vidmm_process_settle(
		penstock_container_of(pages, struct penstock_vidmm_process, pages));
}

void penstock_vidmm_process_free(struct penstock_vidmm_process *process)
{
	if (process == NULL) {
		return;
	}
	penstock_vidmm_own_thread(process->vidmm);
	if (!penstock_vidmm_holds(process->vidmm, !process->freed && process->prepared == 0,
				  "0x10E/0x38: a process with packets under way was freed")) {
		return;
	}
	process->freed = true;
	penstock_vidmm_process_settle(process);
}

void penstock_vidmm_process_abandon(struct penstock_vidmm_process *process)
{
	process->holds++;
	penstock_paging_abandon(process);
	penstock_vidmm_process_was_reset(process);
	process->holds--;
}

void penstock_vidmm_process_hold(struct penstock_vidmm_process *process)
{
	process->holds++;
}

void penstock_vidmm_process_release(struct penstock_vidmm_process *process)
{
	PENSTOCK_REQUIRE(process->holds > 0);
	process->holds--;
	penstock_vidmm_process_settle(process);
}

bool penstock_vidmm_each_process(struct penstock_vidmm *vidmm,
				 bool (*visit)(void *owner, struct penstock_vidmm_process *process),
				 void *owner)
{
	bool all;

	penstock_vidmm_own_thread(vidmm);
	all = visit(owner, vidmm->system);
	penstock_list_for_each_safe (link, &vidmm->processes) {
		all &= visit(owner, penstock_list_entry(link, struct penstock_vidmm_process, link));
	}
	return all;
}

struct penstock_backend_process *
penstock_vidmm_process_backend(const struct penstock_vidmm_process *process)
{
	return process->backend;
}

uint64_t penstock_vidmm_process_id(const struct penstock_vidmm_process *process)
{
	return process->id;
}

uint64_t penstock_vidmm_process_used_bytes(const struct penstock_vidmm_process *process)
{
	return process->used_bytes;
}

uint64_t penstock_vidmm_process_pool_bytes(const struct penstock_vidmm_process *process)
{
	return penstock_dma_pool_reserved_bytes(&process->pool);
}

enum penstock_status penstock_vidmm_promise_slot(struct penstock_vidmm_process *process,
						 uint32_t size_bytes)
{
	penstock_vidmm_own_thread(process->vidmm);
	/* Until all records are claimed, pages that look free may be somebody's. */
	return penstock_dma_pool_promise(&process->pool, size_bytes, !process->vidmm->restore.open);
}

void penstock_vidmm_unpromise_slot(struct penstock_vidmm_process *process, uint32_t size_bytes)
{
	penstock_vidmm_own_thread(process->vidmm);
	penstock_dma_pool_unpromise(&process->pool, size_bytes);
}

const struct penstock_vidmm_process *penstock_vidmm_system(const struct penstock_vidmm *vidmm)
{
	return vidmm->system;
}

bool penstock_vidmm_process_is_system(const struct penstock_vidmm_process *process)
{
	return process->id == 0;
}

void penstock_vidmm_process_was_reset(struct penstock_vidmm_process *process)
{
	penstock_list_for_each (link, &process->mappings) {
		penstock_mapping_forget(
			penstock_list_entry(link, struct penstock_mapping, process_link));
	}
}

void penstock_vidmm_process_lost(struct penstock_vidmm_process *process)
{
	struct penstock_vidmm *vidmm = process->vidmm;

	PENSTOCK_REQUIRE(process->id != 0);
	process->lost = true;
	penstock_vidmm_process_abandon(process);
	penstock_paging_flush(vidmm);
	penstock_vidmm_wake(vidmm);
	penstock_vidmm_process_settle(process);
}

/* Ends its GPU process, of which nothing is under way. False: it does not end. */
static bool end_process(struct penstock_vidmm_process *process)
{
	if (process->vidmm->config.backend->ops->reset_engine(process->backend) !=
	    PENSTOCK_STATUS_SUCCESS) {
		return false;
	}
	tell_end(process);
	penstock_vidmm_process_was_reset(process);
	return true;
}

static bool is_under_way(const struct penstock_vidmm_process *process)
{
	return process->prepared > 0 || !penstock_paging_idle(&process->paging);
}

bool penstock_vidmm_process_idle(struct penstock_vidmm_process *process)
{
	if (process->id == 0 || is_under_way(process) || !end_process(process)) {
		return false; /* asked again, as all that are idle are */
	}
	/* What kept it from running (no memory, no processes) may have been of the moment. */
	process->lost = false;
	penstock_dma_pool_trim(&process->pool);
	penstock_spare_drop(process);
	return true;
}

/* Whether the GPU process that runs, or the next one, can draw and compute. */
static bool has_pipelines(const struct penstock_vidmm_process *process)
{
	const struct penstock_backend_ops *ops = process->vidmm->config.backend->ops;

	return ops->need_pipelines == NULL || ops->need_pipelines(process->backend);
}

void penstock_vidmm_process_need_pipelines(struct penstock_vidmm_process *process)
{
	penstock_vidmm_own_thread(process->vidmm);
	PENSTOCK_REQUIRE(process->id != 0);
	if (!process->pipelines) {
		process->pipelines = true;
		process->replace = !has_pipelines(process);
	}
}

bool penstock_vidmm_process_replace(struct penstock_vidmm_process *process)
{
	/* It may have ended by itself, or by a reset, since then. */
	if (has_pipelines(process)) {
		process->replace = false;
		return true;
	}
	if (is_under_way(process)) {
		return false;
	}
	/* One that does not end is found by what it is given next. */
	process->replace = !end_process(process);
	return true;
}
