/* SPDX-License-Identifier: MIT */
/*
 * The location table: for each allocation a record in a mapped file ("locations") that says where
 * its bytes are now. What changes while an allocation lives stands in one 64-bit word, the place,
 * which is flipped by one atomic store after a transfer's fence: whenever the daemon dies, the
 * record names an intact copy. Everything that is read back is checked; a record that does not
 * stand is content lost. Loop thread.
 */
#ifndef PENSTOCK_LOCATION_H
#define PENSTOCK_LOCATION_H

#include "daemon/memory/record_file.h"
#include "proto/wire/limits.h"

/* Where the bytes are. */
struct penstock_location {
	uint64_t id;             /* of the allocation, > 0 */
	uint64_t process;        /* the principal that pays, > 0 */
	uint64_t size_bytes;     /* whole pages */
	uint64_t backing_offset; /* in pN.system, whole pages; 0 with own_file */
	bool own_file;           /* backing and place in local memory are in aN */
	bool local;              /* the bytes are in segment 1, otherwise in the backing pages */
	uint64_t local_offset;   /* in segment 1, whole pages; 0 unless local */
	bool lost;               /* the bytes are zeros, whatever backing pages hold; not local */
};

#define PENSTOCK_LOCATION_FILE "locations"

struct penstock_location_table {
	struct penstock_record_file file;
};

/*
 * Opens or creates the table. Where the file is not one of ours, is damaged, or segments had other
 * sizes, it is begun anew with a new generation: *ret_fresh. SUCCESS, NO_MEMORY, IO_DEVICE_ERROR.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_location_open(struct penstock_location_table *table, int directory,
					    uint64_t local_bytes, uint64_t aperture_bytes,
					    bool *ret_fresh, struct penstock_errbuf *reterr_text);
void penstock_location_close(struct penstock_location_table *table);

/* Takes a record for the allocation and writes it. SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_location_take(struct penstock_location_table *table,
					    const struct penstock_location *location,
					    uint64_t *ret_record);

/*
 * One atomic store: the bytes are where `location` says. Only own_file (false to true), local,
 * local_offset and lost count; the rest of a record stays as it was taken.
 */
void penstock_location_flip(struct penstock_location_table *table, uint64_t record,
			    const struct penstock_location *location);

void penstock_location_free(struct penstock_location_table *table, uint64_t record);

/* How many records the file has, taken or not: what restoring walks over. */
uint64_t penstock_location_records(const struct penstock_location_table *table);

/*
 * Reads a record of before. False where it does not stand: free, damaged, or with values that
 * cannot be (they are checked for themselves; whether they collide is the caller's to find out).
 */
PENSTOCK_MUST_CHECK
bool penstock_location_read(const struct penstock_location_table *table, uint64_t record,
			    struct penstock_location *ret_location);

#endif
