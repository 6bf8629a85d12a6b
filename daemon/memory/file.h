/* SPDX-License-Identifier: MIT */
/*
 * A file of the memory directory: sparse, mapped whole once in the daemon, registered with the
 * backend under a number. Pages are reserved with fallocate before anything touches them (a page
 * that cannot be had would be a SIGBUS) and freed by punching; both take time in proportion to
 * their size, so large ranges are a job for a worker. Loop thread, but for the work of a job.
 */
#ifndef PENSTOCK_MEMORY_FILE_H
#define PENSTOCK_MEMORY_FILE_H

#include "daemon/memory/mapped.h"
#include "proto/base/base.h"
#include "proto/wire/status.h"

struct penstock_vidmm;
struct penstock_vidmm_process;

/* Ranges up to this are reserved and punched on the spot. */
#define PENSTOCK_FILE_INLINE_BYTES (256u << 10)

struct penstock_memory_file {
	uint32_t id;    /* the backend's number for it, > 0; 0: not open */
	int descriptor; /* owned */
	uint64_t size_bytes;
	uint8_t *map;                   /* owned; NULL: not mapped in the daemon */
	struct penstock_mapped *mapped; /* of `map` */
	char name[48];
};

enum penstock_file_open {
	PENSTOCK_FILE_OPEN_NEW, /* nothing may be left of an earlier one */
	PENSTOCK_FILE_OPEN_OR_CREATE,
	PENSTOCK_FILE_OPEN_EXISTING, /* NOT_FOUND where it is missing or too short */
};

/*
 * `size_bytes` in pages; a file that is longer already stays so. `map`: in the daemon too.
 * SUCCESS, NO_MEMORY, NOT_FOUND, IO_DEVICE_ERROR.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_memory_file_open(struct penstock_memory_file *file, int directory,
					       const char *name, uint32_t id, uint64_t size_bytes,
					       enum penstock_file_open how, bool map);

/* The same file under another id, for those who may only read it; not mapped here. As above. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_memory_file_open_readable(struct penstock_memory_file *file,
							int directory, uint32_t id,
							const struct penstock_memory_file *of);

/* Accepts a zeroed object. */
void penstock_memory_file_close(struct penstock_memory_file *file);

/* Reserves pages; on failure none of them counts. SUCCESS or NO_MEMORY. Any thread. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_memory_file_reserve(const struct penstock_memory_file *file,
						  uint64_t offset, uint64_t size_bytes);

/* Frees pages; they read as zeros. False: the file system cannot. Any thread. */
PENSTOCK_MUST_CHECK
bool penstock_memory_file_punch(const struct penstock_memory_file *file, uint64_t offset,
				uint64_t size_bytes);

/* Pages of a process's file. */
struct penstock_file_range {
	struct penstock_vidmm_process *process;
	const struct penstock_memory_file *file;
	uint64_t offset;
	uint64_t size_bytes;
};

/* Frees them all; where that fails, pages stay, and what is placed there covers them. Any thread.
 */
void penstock_memory_file_punch_all(const struct penstock_file_range *ranges, uint32_t count);

/* A range to reserve or to punch; embedded in what waits for it. */
struct penstock_file_job {
	struct penstock_vidmm *vidmm;
	const struct penstock_memory_file *file; /* borrowed until done */
	uint64_t offset;
	uint64_t size_bytes;
	bool punch;
	const struct penstock_file_range *first; /* [first_count]: punched before; borrowed */
	uint32_t first_count;
	enum penstock_status status; /* filled before done; a punch that fails is NOT_SUPPORTED */
	void (*done)(struct penstock_file_job *job); /* on the loop, only after PENDING */
};

/*
 * The job's status where it was done on the spot, or PENDING. What the host has no memory for is
 * tried again as long as there are spare pages to punch (memory/spare.h).
 */
enum penstock_status penstock_file_job_start(struct penstock_file_job *job);

#endif
