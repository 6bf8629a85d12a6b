/* SPDX-License-Identifier: MIT */
#include "daemon/memory/file.h"

#include "daemon/memory/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum penstock_status set_size(struct penstock_memory_file *file, uint64_t size_bytes,
				     enum penstock_file_open how)
{
	struct stat stat;

	if (fstat(file->descriptor, &stat) != 0) {
		return penstock_status_from_errno(errno);
	}
	file->size_bytes = (uint64_t)stat.st_size;
	if (file->size_bytes >= size_bytes) {
		return file->size_bytes % PENSTOCK_PAGE_BYTES == 0 ? PENSTOCK_STATUS_SUCCESS
								   : PENSTOCK_STATUS_NOT_FOUND;
	}
	if (how == PENSTOCK_FILE_OPEN_EXISTING) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	if (ftruncate(file->descriptor, (off_t)size_bytes) != 0) {
		return penstock_status_from_errno(errno);
	}
	file->size_bytes = size_bytes;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status map_whole(struct penstock_memory_file *file)
{
	void *address = mmap(NULL, file->size_bytes, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_NORESERVE, file->descriptor, 0);

	if (address == MAP_FAILED) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	file->map = address;
	file->mapped = penstock_mapped_watch(address, file->size_bytes);
	return file->mapped == NULL ? PENSTOCK_STATUS_NO_MEMORY : PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_memory_file_open(struct penstock_memory_file *file, int directory,
					       const char *name, uint32_t id, uint64_t size_bytes,
					       enum penstock_file_open how, bool map)
{
	static const int flags[] = {
		[PENSTOCK_FILE_OPEN_NEW] = O_CREAT | O_TRUNC,
		[PENSTOCK_FILE_OPEN_OR_CREATE] = O_CREAT,
		[PENSTOCK_FILE_OPEN_EXISTING] = 0,
	};
	enum penstock_status status;

	*file = (struct penstock_memory_file){ .id = id };
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->descriptor =
		openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags[how], 0600);
	if (file->descriptor < 0) {
		int error = errno;

		*file = (struct penstock_memory_file){ 0 };
		return error == ENOENT ? PENSTOCK_STATUS_NOT_FOUND
				       : penstock_status_from_errno(error);
	}
	status = set_size(file, size_bytes, how);
	if (status == PENSTOCK_STATUS_SUCCESS && map) {
		status = map_whole(file);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_memory_file_close(file);
	}
	return status;
}

enum penstock_status penstock_memory_file_open_readable(struct penstock_memory_file *file,
							int directory, uint32_t id,
							const struct penstock_memory_file *of)
{
	int descriptor = openat(directory, of->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (descriptor < 0) {
		return errno == ENOENT ? PENSTOCK_STATUS_NOT_FOUND
				       : penstock_status_from_errno(errno);
	}
	*file = (struct penstock_memory_file){
		.id = id,
		.descriptor = descriptor,
		.size_bytes = of->size_bytes,
	};
	snprintf(file->name, sizeof(file->name), "%s", of->name);
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_memory_file_close(struct penstock_memory_file *file)
{
	if (file->id == 0) {
		return;
	}
	penstock_mapped_forget(file->mapped);
	if (file->map != NULL) {
		munmap(file->map, file->size_bytes);
	}
	close(file->descriptor);
	*file = (struct penstock_memory_file){ 0 };
}

bool penstock_memory_file_punch(const struct penstock_memory_file *file, uint64_t offset,
				uint64_t size_bytes)
{
	return fallocate(file->descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)offset, (off_t)size_bytes) == 0;
}

void penstock_memory_file_punch_all(const struct penstock_file_range *ranges, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		bool punched = penstock_memory_file_punch(ranges[i].file, ranges[i].offset,
							  ranges[i].size_bytes);

		(void)punched;
	}
}

enum penstock_status penstock_memory_file_reserve(const struct penstock_memory_file *file,
						  uint64_t offset, uint64_t size_bytes)
{
	int result;

	PENSTOCK_REQUIRE(penstock_range_fits(offset, size_bytes, file->size_bytes));
	do {
		result = fallocate(file->descriptor, FALLOC_FL_KEEP_SIZE, (off_t)offset,
				   (off_t)size_bytes);
	} while (result != 0 && errno == EINTR);
	return result == 0 ? PENSTOCK_STATUS_SUCCESS : PENSTOCK_STATUS_NO_MEMORY;
}

static void do_work(void *argument)
{
	struct penstock_file_job *job = argument;

	penstock_memory_file_punch_all(job->first, job->first_count);
	job->first_count = 0;
	if (!job->punch) {
		job->status = penstock_memory_file_reserve(job->file, job->offset, job->size_bytes);
		return;
	}
	job->status = penstock_memory_file_punch(job->file, job->offset, job->size_bytes)
			      ? PENSTOCK_STATUS_SUCCESS
			      : PENSTOCK_STATUS_NOT_SUPPORTED;
}

/* Pages that could not be had are worth another try. */
static bool is_worth_more(const struct penstock_file_job *job)
{
	return !job->punch && job->status != PENSTOCK_STATUS_SUCCESS &&
	       penstock_spare_release(job->vidmm, job->size_bytes);
}

static void work_done(void *argument)
{
	struct penstock_file_job *job = argument;
	struct penstock_vidmm *vidmm = job->vidmm;

	while (is_worth_more(job)) {
		if (vidmm->config.worker.run(vidmm->config.worker.owner, do_work, work_done, job) ==
		    PENSTOCK_STATUS_SUCCESS) {
			return;
		}
		do_work(job);
	}
	job->done(job);
	penstock_vidmm_job_ended(vidmm);
}

enum penstock_status penstock_file_job_start(struct penstock_file_job *job)
{
	struct penstock_vidmm *vidmm = job->vidmm;
	enum penstock_status status = PENSTOCK_STATUS_NO_MEMORY;

	if (job->size_bytes > PENSTOCK_FILE_INLINE_BYTES) {
		status = vidmm->config.worker.run(vidmm->config.worker.owner, do_work, work_done,
						  job);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		vidmm->jobs++;
		return PENSTOCK_STATUS_PENDING;
	}
	/* Small, or no worker to be had: late is better than never. */
	do {
		do_work(job);
	} while (is_worth_more(job));
	return job->status;
}
