/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/mmu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * An entry of penstock_mmu_window.pages: file id + 1 in bits 32-63, page of the file in bits 1-31,
 * read-only in bit 0. Two neighbours are one mapping of the host where file and access are equal
 * and the file's pages follow each other: where the right entry is the left one + ENTRY_PAGE.
 */
#define ENTRY_PAGE      2ull
#define ENTRY_READ_ONLY 1ull
#define FILE_PAGES_MAX  (1ull << 31)

static uint64_t entry_make(uint32_t file_id, uint64_t page, bool read_only)
{
	return ((uint64_t)file_id + 1) << 32 | page << 1 | (read_only ? ENTRY_READ_ONLY : 0);
}

static bool whole_pages(uint64_t value)
{
	return value % PENSTOCK_PAGE_BYTES == 0;
}

/* ---------------------------------------------------------------- windows */

static enum penstock_status window_reserve(struct penstock_mmu_window *window, uint64_t base,
					   uint64_t size_bytes)
{
	void *host;

	*window = (struct penstock_mmu_window){ .base = base, .size_bytes = size_bytes };
	window->mappings = 1;
	if (size_bytes == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	window->pages = calloc(size_bytes / PENSTOCK_PAGE_BYTES, sizeof(*window->pages));
	if (window->pages == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	host = mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		    0);
	if (host == MAP_FAILED) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	window->host = host;
	return PENSTOCK_STATUS_SUCCESS;
}

static void window_release(struct penstock_mmu_window *window)
{
	if (window->host != NULL) {
		munmap(window->host, window->size_bytes);
	}
	free(window->pages);
	*window = (struct penstock_mmu_window){ .host = NULL };
}

/* What a page shows, 0: nothing, it faults. */
static uint64_t window_entry(const struct penstock_mmu_window *window, uint64_t page)
{
	uint64_t entry = window->pages[page];

	if (entry == 0 && window->has_home && page < window->home_bytes / PENSTOCK_PAGE_BYTES) {
		return entry_make(window->home_file, page, false);
	}
	return entry;
}

/* The mappings that begin at pages [first, first + count], the first page of the window apart. */
static uint64_t window_count(const struct penstock_mmu_window *window, uint64_t first,
			     uint64_t count)
{
	uint64_t end = first + count, mappings = 0;

	if (end == window->size_bytes / PENSTOCK_PAGE_BYTES) {
		end--;
	}
	for (uint64_t page = first == 0 ? 1 : first; page <= end; page++) {
		uint64_t left = window_entry(window, page - 1);
		uint64_t right = window_entry(window, page);

		mappings += right != (left == 0 ? 0 : left + ENTRY_PAGE);
	}
	return mappings;
}

/* Sets entries from `entry` on, page by page; 0 sets all to 0. */
static void window_set(struct penstock_mmu_window *window, uint64_t first, uint64_t count,
		       uint64_t entry)
{
	window->mappings -= window_count(window, first, count);
	for (uint64_t i = 0; i < count; i++) {
		window->pages[first + i] = entry == 0 ? 0 : entry + i * ENTRY_PAGE;
	}
	window->mappings += window_count(window, first, count);
}

static bool window_holds(const struct penstock_mmu_window *window, uint64_t address, uint64_t size)
{
	return address >= window->base &&
	       penstock_range_fits(address - window->base, size, window->size_bytes);
}

static struct penstock_mmu_window *window_of(struct penstock_mmu *mmu, uint64_t address,
					     uint64_t size)
{
	if (window_holds(&mmu->local, address, size)) {
		return &mmu->local;
	}
	return window_holds(&mmu->aperture, address, size) ? &mmu->aperture : NULL;
}

static enum penstock_status window_show(uint8_t *host, uint64_t size, int descriptor,
					uint64_t offset, bool read_only)
{
	int access = read_only ? PROT_READ : PROT_READ | PROT_WRITE;

	if (mmap(host, size, access, MAP_SHARED | MAP_FIXED, descriptor, (off_t)offset) ==
	    MAP_FAILED) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status window_hide(uint8_t *host, uint64_t size)
{
	if (mmap(host, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_mmu_init(struct penstock_mmu *mmu, uint64_t local_bytes,
				       uint64_t aperture_bytes)
{
	enum penstock_status status;

	*mmu = (struct penstock_mmu){ .mapping_budget = PENSTOCK_MMU_MAPPING_BUDGET };
	if (!whole_pages(local_bytes) || !whole_pages(aperture_bytes) ||
	    local_bytes > PENSTOCK_APERTURE_BASE - PENSTOCK_LOCAL_BASE ||
	    aperture_bytes > UINT64_MAX - PENSTOCK_APERTURE_BASE ||
	    sysconf(_SC_PAGESIZE) != PENSTOCK_PAGE_BYTES) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	pthread_mutex_init(&mmu->lock, NULL);
	status = window_reserve(&mmu->local, PENSTOCK_LOCAL_BASE, local_bytes);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = window_reserve(&mmu->aperture, PENSTOCK_APERTURE_BASE, aperture_bytes);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_mmu_fini(mmu);
	}
	return status;
}

static void file_close(struct penstock_mmu_file *file)
{
	if (file->whole != NULL) {
		munmap(file->whole, file->size_bytes);
	}
	close(file->descriptor);
}

void penstock_mmu_fini(struct penstock_mmu *mmu)
{
	for (size_t i = 0; i < mmu->file_count; i++) {
		file_close(&mmu->files[i]);
	}
	free(mmu->files);
	window_release(&mmu->local);
	window_release(&mmu->aperture);
	pthread_mutex_destroy(&mmu->lock);
	*mmu = (struct penstock_mmu){ .files = NULL };
}

/* ---------------------------------------------------------------- files */

/* Where the file is, or would have to be put in. */
static size_t file_position(const struct penstock_mmu *mmu, uint32_t id)
{
	size_t low = 0, high = mmu->file_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (mmu->files[middle].id < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static struct penstock_mmu_file *file_find(struct penstock_mmu *mmu, uint32_t id)
{
	size_t position = file_position(mmu, id);

	if (position == mmu->file_count || mmu->files[position].id != id) {
		return NULL;
	}
	return &mmu->files[position];
}

static enum penstock_status files_make_room(struct penstock_mmu *mmu)
{
	size_t capacity = mmu->file_capacity == 0 ? 16 : mmu->file_capacity * 2;
	struct penstock_mmu_file *files;

	if (mmu->file_count < mmu->file_capacity) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	files = reallocarray(mmu->files, capacity, sizeof(*files));
	if (files == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	mmu->files = files;
	mmu->file_capacity = capacity;
	return PENSTOCK_STATUS_SUCCESS;
}

/* Gives a window its home: the LOCAL file is mapped now, the DUMMY by unmap. */
static enum penstock_status file_take_role(struct penstock_mmu *mmu,
					   const struct penstock_mmu_file *file)
{
	struct penstock_mmu_window *window = &mmu->aperture;
	uint64_t covered;
	enum penstock_status status;

	switch (file->role) {
	case PENSTOCK_FILE_PAGES:
		return PENSTOCK_STATUS_SUCCESS;
	case PENSTOCK_FILE_LOCAL:
		window = &mmu->local;
		break;
	case PENSTOCK_FILE_DUMMY:
		break;
	}
	covered = file->size_bytes < window->size_bytes ? file->size_bytes : window->size_bytes;
	if (window->has_home || covered == 0) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (window == &mmu->local) {
		status = window_show(window->host, covered, file->descriptor, 0, false);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
		window->home_bytes = covered;
		window->mappings += covered < window->size_bytes;
	}
	window->home_file = file->id;
	window->has_home = true;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status attach_locked(struct penstock_mmu *mmu,
					  const struct penstock_mmu_file *file)
{
	size_t position = file_position(mmu, file->id);
	enum penstock_status status;

	if (file->id == UINT32_MAX || !whole_pages(file->size_bytes) ||
	    file->size_bytes / PENSTOCK_PAGE_BYTES > FILE_PAGES_MAX ||
	    file->role > PENSTOCK_FILE_DUMMY || file_find(mmu, file->id) != NULL) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	status = files_make_room(mmu);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = file_take_role(mmu, file);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		memmove(&mmu->files[position + 1], &mmu->files[position],
			(mmu->file_count - position) * sizeof(*mmu->files));
		mmu->files[position] = *file;
		mmu->file_count++;
	}
	return status;
}

enum penstock_status penstock_mmu_attach(struct penstock_mmu *mmu, uint32_t id, int descriptor,
					 uint64_t size_bytes, enum penstock_file_role role)
{
	struct penstock_mmu_file file = {
		.id = id, .descriptor = descriptor, .size_bytes = size_bytes, .role = role
	};
	enum penstock_status status;

	pthread_mutex_lock(&mmu->lock);
	status = attach_locked(mmu, &file);
	pthread_mutex_unlock(&mmu->lock);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		close(descriptor);
	}
	return status;
}

void penstock_mmu_detach(struct penstock_mmu *mmu, uint32_t id)
{
	struct penstock_mmu_file *file;

	pthread_mutex_lock(&mmu->lock);
	file = file_find(mmu, id);
	/* Without its descriptor a window's home could not be brought back: that one stays. */
	if (file != NULL && file->role == PENSTOCK_FILE_PAGES) {
		file_close(file);
		mmu->file_count--;
		memmove(file, file + 1,
			(size_t)(&mmu->files[mmu->file_count] - file) * sizeof(*file));
	}
	pthread_mutex_unlock(&mmu->lock);
}

static enum penstock_status file_map_whole(struct penstock_mmu_file *file)
{
	uint8_t *host;

	if (file->whole != NULL) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	/* Reserved first: confinement lets files be mapped over an existing reservation only. */
	host = mmap(NULL, file->size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (host == MAP_FAILED) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	if (window_show(host, file->size_bytes, file->descriptor, 0, false) !=
	    PENSTOCK_STATUS_SUCCESS) {
		munmap(host, file->size_bytes);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	file->whole = host;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_mmu_file_range(struct penstock_mmu *mmu, uint32_t file_id,
					     uint64_t offset, uint64_t size, uint8_t **ret_host)
{
	struct penstock_mmu_file *file;
	enum penstock_status status = PENSTOCK_STATUS_INVALID_HANDLE;

	pthread_mutex_lock(&mmu->lock);
	file = file_find(mmu, file_id);
	if (file != NULL && !penstock_range_fits(offset, size, file->size_bytes)) {
		status = PENSTOCK_STATUS_INVALID_PARAMETER;
	} else if (file != NULL) {
		status = file_map_whole(file);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_host = file->whole + offset;
	}
	pthread_mutex_unlock(&mmu->lock);
	return status;
}

/* ---------------------------------------------------------------- the page table */

static enum penstock_status map_locked(struct penstock_mmu *mmu, struct penstock_mmu_window *window,
				       const struct penstock_mmu_file *file, uint64_t start,
				       uint64_t offset, uint64_t size, bool read_only)
{
	enum penstock_status status;

	/* A map splits one mapping into three at most. */
	if (mmu->local.mappings + mmu->aperture.mappings + 2 > mmu->mapping_budget) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = window_show(window->host + start, size, file->descriptor, offset, read_only);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		window_set(window, start / PENSTOCK_PAGE_BYTES, size / PENSTOCK_PAGE_BYTES,
			   entry_make(file->id, offset / PENSTOCK_PAGE_BYTES, read_only));
	}
	return status;
}

enum penstock_status penstock_mmu_map(struct penstock_mmu *mmu, uint32_t file_id, uint64_t address,
				      uint64_t offset, uint64_t size, bool read_only)
{
	struct penstock_mmu_window *window = window_of(mmu, address, size);
	const struct penstock_mmu_file *file;
	enum penstock_status status;

	if (window == NULL || !whole_pages(address) || !whole_pages(offset) || !whole_pages(size)) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	pthread_mutex_lock(&mmu->lock);
	file = file_find(mmu, file_id);
	if (file == NULL) {
		status = PENSTOCK_STATUS_INVALID_HANDLE;
	} else if (!penstock_range_fits(offset, size, file->size_bytes)) {
		status = PENSTOCK_STATUS_INVALID_PARAMETER;
	} else if (size == 0) {
		status = PENSTOCK_STATUS_SUCCESS;
	} else {
		status = map_locked(mmu, window, file, address - window->base, offset, size,
				    read_only);
	}
	pthread_mutex_unlock(&mmu->lock);
	return status;
}

/* How much of [start, start + size) the window's home covers. */
static uint64_t home_part(const struct penstock_mmu_window *window, uint64_t home_bytes,
			  uint64_t start, uint64_t size)
{
	if (!window->has_home || start >= home_bytes) {
		return 0;
	}
	return size < home_bytes - start ? size : home_bytes - start;
}

static enum penstock_status unmap_locked(struct penstock_mmu *mmu,
					 struct penstock_mmu_window *window, uint64_t start,
					 uint64_t size)
{
	const struct penstock_mmu_file *home =
		window->has_home ? file_find(mmu, window->home_file) : NULL;
	uint64_t part = home_part(window, home == NULL ? 0 : home->size_bytes, start, size);
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (part > 0) {
		status = window_show(window->host + start, part, home->descriptor, start, false);
	}
	if (part > 0 && status == PENSTOCK_STATUS_SUCCESS) {
		window_set(window, start / PENSTOCK_PAGE_BYTES, part / PENSTOCK_PAGE_BYTES,
			   window == &mmu->local
				   ? 0
				   : entry_make(home->id, start / PENSTOCK_PAGE_BYTES, false));
	}
	if (part < size && status == PENSTOCK_STATUS_SUCCESS) {
		status = window_hide(window->host + start + part, size - part);
	}
	if (part < size && status == PENSTOCK_STATUS_SUCCESS) {
		window_set(window, (start + part) / PENSTOCK_PAGE_BYTES,
			   (size - part) / PENSTOCK_PAGE_BYTES, 0);
	}
	return status;
}

enum penstock_status penstock_mmu_unmap(struct penstock_mmu *mmu, uint64_t address, uint64_t size)
{
	struct penstock_mmu_window *window = window_of(mmu, address, size);
	enum penstock_status status;

	if (window == NULL || !whole_pages(address) || !whole_pages(size)) {
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if (size == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	pthread_mutex_lock(&mmu->lock);
	status = unmap_locked(mmu, window, address - window->base, size);
	pthread_mutex_unlock(&mmu->lock);
	return status;
}

/* ---------------------------------------------------------------- addresses */

uint8_t *penstock_mmu_translate(const struct penstock_mmu *mmu, uint64_t address, uint64_t size,
				uint64_t *ret_bad)
{
	const struct penstock_mmu_window *window = &mmu->local;

	if (address >= PENSTOCK_APERTURE_BASE) {
		window = &mmu->aperture;
	}
	if (PENSTOCK_LIKELY(window_holds(window, address, size))) {
		return window->host + (address - window->base);
	}
	*ret_bad = window_holds(window, address, 0) ? window->base + window->size_bytes : address;
	return NULL;
}

bool penstock_mmu_gpu_address(const struct penstock_mmu *mmu, const void *host,
			      uint64_t *ret_address)
{
	const struct penstock_mmu_window *windows[] = { &mmu->local, &mmu->aperture };

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(windows); i++) {
		uintptr_t start = (uintptr_t)windows[i]->host;

		if ((uintptr_t)host >= start && (uintptr_t)host - start < windows[i]->size_bytes) {
			*ret_address = windows[i]->base + ((uintptr_t)host - start);
			return true;
		}
	}
	return false;
}
