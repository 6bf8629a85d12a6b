/* SPDX-License-Identifier: MIT */
#include "daemon/memory/location.h"

#include <xxhash.h>

#define PAGE ((uint64_t)PENSTOCK_PAGE_BYTES)

/*
 * The place: the page number in segment 1 stands above these bits. With OWN_FILE the record's
 * backing_offset does not count any more.
 */
#define PLACE_STANDS   0x1u
#define PLACE_LOCAL    0x2u
#define PLACE_OWN_FILE 0x4u
#define PLACE_LOST     0x8u
#define PLACE_SHIFT    12u

struct record {
	uint64_t id;
	uint64_t process;
	uint64_t size_bytes;
	uint64_t backing_offset;
	uint64_t check; /* of what stands above, and of the record's own index */
	uint64_t place; /* written by one atomic store, last; 0: nothing stands here */
	uint64_t zero[2];
};

_Static_assert(sizeof(struct record) == 64, "a record is a cache line");

static uint64_t record_check(const struct record *record, uint64_t index)
{
	return XXH3_64bits_withSeed(record, offsetof(struct record, check), index);
}

static uint64_t place_of(const struct penstock_location *location)
{
	uint64_t place = PLACE_STANDS;

	if (location->own_file) {
		place |= PLACE_OWN_FILE;
	}
	if (location->lost) {
		place |= PLACE_LOST;
	}
	if (location->local) {
		place |= PLACE_LOCAL | (location->local_offset / PAGE) << PLACE_SHIFT;
	}
	return place;
}

enum penstock_status penstock_location_open(struct penstock_location_table *table, int directory,
					    uint64_t local_bytes, uint64_t aperture_bytes,
					    bool *ret_fresh, struct penstock_errbuf *reterr_text)
{
	const struct penstock_record_format format = {
		.magic = "PNSloca",
		.version = 1,
		.record_bytes = sizeof(struct record),
		.geometry = { local_bytes, aperture_bytes },
	};

	return penstock_record_file_open(&table->file, directory, PENSTOCK_LOCATION_FILE, &format,
					 NULL, ret_fresh, reterr_text);
}

void penstock_location_close(struct penstock_location_table *table)
{
	penstock_record_file_close(&table->file);
}

enum penstock_status penstock_location_take(struct penstock_location_table *table,
					    const struct penstock_location *location,
					    uint64_t *ret_record)
{
	enum penstock_status status = penstock_record_file_take(&table->file, ret_record);
	struct record *record;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	record = penstock_record_file_at(&table->file, *ret_record);
	*record = (struct record){
		.id = location->id,
		.process = location->process,
		.size_bytes = location->size_bytes,
		.backing_offset = location->backing_offset,
	};
	record->check = record_check(record, *ret_record);
	__atomic_store_n(&record->place, place_of(location), __ATOMIC_RELEASE);
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_location_flip(struct penstock_location_table *table, uint64_t record,
			    const struct penstock_location *location)
{
	struct record *found = penstock_record_file_at(&table->file, record);

	PENSTOCK_REQUIRE(found->id == location->id && found->place != 0);
	__atomic_store_n(&found->place, place_of(location), __ATOMIC_RELEASE);
}

void penstock_location_free(struct penstock_location_table *table, uint64_t record)
{
	struct record *found = penstock_record_file_at(&table->file, record);

	/* First that nothing stands here, then the rest. */
	__atomic_store_n(&found->place, 0, __ATOMIC_RELEASE);
	penstock_record_file_free(&table->file, record);
}

uint64_t penstock_location_records(const struct penstock_location_table *table)
{
	return table->file.capacity;
}

static bool possible(const struct penstock_location *location, uint64_t local_bytes)
{
	return location->id != 0 && location->process != 0 && location->size_bytes != 0 &&
	       location->size_bytes % PAGE == 0 &&
	       location->size_bytes <= PENSTOCK_LIMIT_ALLOCATION_BYTES &&
	       location->backing_offset % PAGE == 0 && !(location->local && location->lost) &&
	       (!location->local ||
		penstock_range_fits(location->local_offset, location->size_bytes, local_bytes));
}

bool penstock_location_read(const struct penstock_location_table *table, uint64_t record,
			    struct penstock_location *ret_location)
{
	struct penstock_location location;
	struct record found;

	if (record >= table->file.capacity) {
		return false;
	}
	found = *(const struct record *)penstock_record_file_at(&table->file, record);
	if ((found.place & PLACE_STANDS) == 0 || found.check != record_check(&found, record) ||
	    found.zero[0] != 0 || found.zero[1] != 0) {
		return false;
	}
	location = (struct penstock_location){
		.id = found.id,
		.process = found.process,
		.size_bytes = found.size_bytes,
		.own_file = (found.place & PLACE_OWN_FILE) != 0,
		.local = (found.place & PLACE_LOCAL) != 0,
		.lost = (found.place & PLACE_LOST) != 0,
	};
	location.backing_offset = location.own_file ? 0 : found.backing_offset;
	location.local_offset = location.local ? found.place >> PLACE_SHIFT << 12 : 0;
	if (found.place != place_of(&location) ||
	    !possible(&location, table->file.format.geometry[0])) {
		return false;
	}
	*ret_location = location;
	return true;
}
