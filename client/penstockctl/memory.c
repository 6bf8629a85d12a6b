/* SPDX-License-Identifier: MIT */
/*
 * segments: the segments, and a map of what is where in them.
 */
#include "client/penstockctl/commands.h"
#include "proto/wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cells of a segment's map. */
#define CELLS 64u

/* What the answers of the daemon are; owned. */
struct memory {
	Penstock__Wire__SegmentReport *segments;
	Penstock__Wire__PlaceReport *places; /* by adapter, segment, address */
	Penstock__Wire__StatusReport *status;
	Penstock__Wire__AllocationReport *allocations; /* by id */
};

static const char *name_of(const struct memory *memory, uint64_t principal)
{
	for (size_t i = 0; i < memory->status->n_principals; i++) {
		if (memory->status->principals[i]->id == principal) {
			return memory->status->principals[i]->name;
		}
	}
	return "?";
}

/* ---------------------------------------------------------------- tables */

static void report_segments(struct report *report, const struct memory *memory)
{
	static const struct column columns[] = {
		{ "adapter", COLUMN_NUMBER },     { "id", COLUMN_NUMBER },
		{ "kind", COLUMN_TEXT },          { "base", COLUMN_HEX },
		{ "size", COLUMN_BYTES },         { "used", COLUMN_BYTES },
		{ "largest_free", COLUMN_BYTES }, { "commit_limit", COLUMN_BYTES },
		{ "allocations", COLUMN_NUMBER }, { "placed", COLUMN_NUMBER },
		{ "left", COLUMN_NUMBER },        { "evicted", COLUMN_NUMBER },
		{ "discarded", COLUMN_NUMBER },   { "lost", COLUMN_NUMBER },
		{ "in_bytes", COLUMN_BYTES },     { "out_bytes", COLUMN_BYTES },
	};
	struct table *table =
		report_table(report, "segments", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (size_t i = 0; i < memory->segments->n_segments; i++) {
		const Penstock__Wire__SegmentRow *row = memory->segments->segments[i];

		table_number(table, row->adapter);
		table_number(table, row->id);
		table_text(table, row->kind);
		table_number(table, row->base_address);
		table_number(table, row->size_bytes);
		table_number(table, row->used_bytes);
		table_number(table, row->largest_free_bytes);
		table_number(table, row->commit_limit_bytes);
		table_number(table, row->allocations);
		table_number(table, row->placed);
		table_number(table, row->left);
		table_number(table, row->evicted);
		table_number(table, row->discarded);
		table_number(table, row->lost);
		table_number(table, row->in_bytes);
		table_number(table, row->out_bytes);
	}
}

static const char *offer_name(uint32_t offered)
{
	static const char *const names[] = { "", "low", "normal", "high", "auto" };

	return offered < PENSTOCK_ARRAY_SIZE(names) ? names[offered] : "?";
}

static int compare_ids(const void *a, const void *b)
{
	const Penstock__Wire__AllocationRow *first = *(Penstock__Wire__AllocationRow *const *)a;
	const Penstock__Wire__AllocationRow *second = *(Penstock__Wire__AllocationRow *const *)b;

	if (first->adapter != second->adapter) {
		return first->adapter < second->adapter ? -1 : 1;
	}
	return first->id < second->id ? -1 : first->id > second->id;
}

/* It is what renaming left, or keeps, and not the current instance of its allocation. */
static bool is_instance(const struct memory *memory, const Penstock__Wire__PlaceRow *place)
{
	Penstock__Wire__AllocationRow wanted = { .id = place->allocation,
						 .adapter = place->adapter };
	Penstock__Wire__AllocationRow *const key = &wanted;
	Penstock__Wire__AllocationRow *const *found =
		memory->allocations->n_allocations == 0
			? NULL
			: bsearch(&key, memory->allocations->allocations,
				  memory->allocations->n_allocations,
				  sizeof(*memory->allocations->allocations), compare_ids);

	for (size_t i = 0; found != NULL && i < (*found)->n_instances; i++) {
		if ((*found)->instances[i]->segment == place->segment &&
		    (*found)->instances[i]->address == place->address) {
			return true;
		}
	}
	return false;
}

static void report_places(struct report *report, const struct memory *memory)
{
	static const struct column columns[] = {
		{ "adapter", COLUMN_NUMBER }, { "segment", COLUMN_NUMBER },
		{ "address", COLUMN_HEX },    { "size", COLUMN_BYTES },
		{ "id", COLUMN_NUMBER },      { "principal", COLUMN_TEXT },
		{ "age", COLUMN_NUMBER },     { "priority", COLUMN_HEX },
		{ "dirty", COLUMN_YES },      { "offered", COLUMN_TEXT },
		{ "in_use", COLUMN_YES },     { "moving", COLUMN_YES },
		{ "instance", COLUMN_YES },
	};
	struct table *table = report_table(report, "map", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (size_t i = 0; i < memory->places->n_places; i++) {
		const Penstock__Wire__PlaceRow *row = memory->places->places[i];

		table_number(table, row->adapter);
		table_number(table, row->segment);
		table_number(table, row->address);
		table_number(table, row->size_bytes);
		table_number(table, row->allocation);
		table_text(table, name_of(memory, row->principal));
		table_number(table, row->age);
		table_number(table, row->priority);
		table_number(table, row->dirty);
		table_text(table, offer_name(row->offered));
		table_number(table, row->in_use);
		table_number(table, row->moving);
		table_number(table, is_instance(memory, row));
	}
}

/* ---------------------------------------------------------------- the map, for people */

/* Who has how much of a cell. */
struct cell_share {
	uint64_t principal;
	uint64_t bytes; /* 0: nobody has anything */
};

/* What stands for a principal: a letter, the same in every map. */
static char letter_of(const struct memory *memory, uint64_t principal)
{
	for (size_t i = 0; i < memory->status->n_principals && i < 26; i++) {
		if (memory->status->principals[i]->id == principal) {
			return (char)('A' + i);
		}
	}
	return '*';
}

static uint64_t overlap(uint64_t begin, uint64_t end, uint64_t other_begin, uint64_t other_end)
{
	begin = begin > other_begin ? begin : other_begin;
	end = end < other_end ? end : other_end;
	return begin < end ? end - begin : 0;
}

/* An allocation's part of each cell that it reaches; who has most of a cell stands there. */
static void fill_cells(const Penstock__Wire__SegmentRow *segment,
		       const Penstock__Wire__PlaceRow *place, struct cell_share cells[CELLS])
{
	const uint64_t cell_bytes = segment->size_bytes / CELLS;
	uint64_t begin = place->address - segment->base_address;
	uint64_t end = begin + place->size_bytes;

	if (cell_bytes == 0 || place->address < segment->base_address ||
	    begin > segment->size_bytes) {
		return;
	}
	for (uint64_t i = begin / cell_bytes; i < CELLS && i * cell_bytes < end; i++) {
		uint64_t bytes =
			overlap(begin, end, i * cell_bytes,
				i + 1 == CELLS ? segment->size_bytes : (i + 1) * cell_bytes);

		if (cells[i].principal == place->principal) {
			cells[i].bytes += bytes;
		} else if (bytes > cells[i].bytes) {
			cells[i] = (struct cell_share){ place->principal, bytes };
		}
	}
}

static void draw_segment(const struct memory *memory, const Penstock__Wire__SegmentRow *segment,
			 char *ret_line, size_t line_bytes)
{
	struct cell_share cells[CELLS] = { { 0 } };
	char map[CELLS + 1] = "";

	for (size_t i = 0; i < memory->places->n_places; i++) {
		const Penstock__Wire__PlaceRow *place = memory->places->places[i];

		if (place->adapter == segment->adapter && place->segment == segment->id) {
			fill_cells(segment, place, cells);
		}
	}
	for (size_t i = 0; i < CELLS; i++) {
		map[i] = cells[i].bytes == 0 ? '.' : letter_of(memory, cells[i].principal);
	}
	snprintf(ret_line, line_bytes, "%" PRIu32 " %-8s [%s]\n", segment->adapter, segment->kind,
		 map);
}

static uint64_t resident_bytes(const struct memory *memory, uint64_t principal)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < memory->places->n_places; i++) {
		bytes += memory->places->places[i]->principal == principal
				 ? memory->places->places[i]->size_bytes
				 : 0;
	}
	return bytes;
}

/* A line for each segment, and who the letters are. */
static void report_drawing(struct report *report, const struct memory *memory)
{
	const size_t lines = memory->segments->n_segments + memory->status->n_principals;
	size_t capacity = (lines + 1) * 256, used = 0;
	char *text = calloc(1, capacity);

	if (text == NULL) {
		return;
	}
	for (size_t i = 0; i < memory->segments->n_segments; i++) {
		draw_segment(memory, memory->segments->segments[i], text + used, 256);
		used += strlen(text + used);
	}
	for (size_t i = 0; i < memory->status->n_principals; i++) {
		const Penstock__Wire__PrincipalRow *row = memory->status->principals[i];
		uint64_t bytes = resident_bytes(memory, row->id);

		if (bytes > 0) {
			snprintf(text + used, 256, "%c %s, %" PRIu64 " KiB\n",
				 letter_of(memory, row->id), row->name, bytes / 1024);
			used += strlen(text + used);
		}
	}
	report_text(report, "map", text);
	free(text);
}

/* ---------------------------------------------------------------- the command */

static int compare_places(const void *a, const void *b)
{
	const Penstock__Wire__PlaceRow *first = *(Penstock__Wire__PlaceRow *const *)a;
	const Penstock__Wire__PlaceRow *second = *(Penstock__Wire__PlaceRow *const *)b;

	if (first->adapter != second->adapter) {
		return first->adapter < second->adapter ? -1 : 1;
	}
	if (first->segment != second->segment) {
		return first->segment < second->segment ? -1 : 1;
	}
	return first->address < second->address ? -1 : first->address > second->address;
}

static bool fetch(struct penstock_connection *connection, struct memory *memory)
{
	Penstock__Wire__AdminSegments segments = PENSTOCK__WIRE__ADMIN_SEGMENTS__INIT;
	Penstock__Wire__AdminPlaces places = PENSTOCK__WIRE__ADMIN_PLACES__INIT;
	Penstock__Wire__AdminStatus status = PENSTOCK__WIRE__ADMIN_STATUS__INIT;
	Penstock__Wire__AdminAllocations allocations = PENSTOCK__WIRE__ADMIN_ALLOCATIONS__INIT;

	memory->segments = (void *)ask(connection, PENSTOCK_FRAME_ADMIN_SEGMENTS, &segments.base,
				       PENSTOCK_FRAME_SEGMENT_REPORT);
	memory->places = memory->segments == NULL
				 ? NULL
				 : (void *)ask(connection, PENSTOCK_FRAME_ADMIN_PLACES,
					       &places.base, PENSTOCK_FRAME_PLACE_REPORT);
	memory->status = memory->places == NULL
				 ? NULL
				 : (void *)ask(connection, PENSTOCK_FRAME_ADMIN_STATUS,
					       &status.base, PENSTOCK_FRAME_STATUS_REPORT);
	memory->allocations =
		memory->status == NULL
			? NULL
			: (void *)ask(connection, PENSTOCK_FRAME_ADMIN_ALLOCATIONS,
				      &allocations.base, PENSTOCK_FRAME_ALLOCATION_REPORT);
	if (memory->allocations == NULL) {
		return false;
	}
	if (memory->allocations->n_allocations > 0) {
		qsort(memory->allocations->allocations, memory->allocations->n_allocations,
		      sizeof(*memory->allocations->allocations), compare_ids);
	}
	if (memory->places->n_places > 0) {
		qsort(memory->places->places, memory->places->n_places,
		      sizeof(*memory->places->places), compare_places);
	}
	return true;
}

static void forget(struct memory *memory)
{
	penstock__wire__segment_report__free_unpacked(memory->segments, NULL);
	penstock__wire__place_report__free_unpacked(memory->places, NULL);
	penstock__wire__status_report__free_unpacked(memory->status, NULL);
	penstock__wire__allocation_report__free_unpacked(memory->allocations, NULL);
}

int serve_segments(struct penstock_connection *connection, const struct arguments *arguments)
{
	struct memory memory = { .segments = NULL };
	struct report *report;
	bool good = fetch(connection, &memory);

	if (good) {
		report = report_new();
		report_segments(report, &memory);
		if (arguments->json || arguments->map) {
			report_places(report, &memory);
		} else {
			report_drawing(report, &memory);
		}
		report_truncated(report, memory.places->truncated);
		good = report_print(report, arguments->json);
		report_free(report);
	}
	forget(&memory);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
