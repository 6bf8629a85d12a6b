/* SPDX-License-Identifier: MIT */
/*
 * Memory: what is where.
 */
#include "daemon/net/admin.h"

static void add_instances(struct penstock_rows *rows, const struct penstock_allocation_view *view,
			  Penstock__Wire__AllocationRow *row)
{
	Penstock__Wire__InstanceRow *instances;
	Penstock__Wire__InstanceRow **addresses;

	if (view->instance_count == 0) {
		return;
	}
	instances = penstock_rows_alloc(rows, view->instance_count * sizeof(*instances));
	addresses = penstock_rows_alloc(rows, view->instance_count * sizeof(*addresses));
	if (instances == NULL || addresses == NULL) {
		return;
	}
	for (uint32_t i = 0; i < view->instance_count; i++) {
		penstock__wire__instance_row__init(&instances[i]);
		instances[i].segment = view->instances[i].segment_id;
		instances[i].address = view->instances[i].address;
		instances[i].references = view->instances[i].references;
		instances[i].spare = view->instances[i].spare;
		addresses[i] = &instances[i];
	}
	row->n_instances = view->instance_count;
	row->instances = addresses;
}

static void visit_allocation(void *owner, const struct penstock_allocation_view *view)
{
	struct penstock_rows *rows = owner;
	Penstock__Wire__AllocationRow *row = penstock_rows_add(rows, sizeof(*row));

	if (row == NULL) {
		return;
	}
	penstock__wire__allocation_row__init(row);
	row->id = view->id;
	row->principal = penstock_rows_text(rows, view->principal);
	row->size_bytes = view->size_bytes;
	row->segment = view->segment_id;
	row->address = view->address;
	row->openings = view->openings;
	row->shared = view->shared;
	row->width = view->width;
	row->height = view->height;
	row->format = penstock_rows_text(rows, view->format);
	row->pitch_bytes = view->pitch_bytes;
	row->references = view->references;
	row->segment_set = view->segment_set;
	row->adapter = view->adapter;
	add_instances(rows, view, row);
}

enum penstock_status penstock_admin_collect_allocations(const struct penstock_machine *machine,
							struct penstock_rows *rows)
{
	penstock_observe_allocations(machine, visit_allocation, rows);
	return PENSTOCK_STATUS_SUCCESS;
}

static void visit_segment(void *owner, const struct penstock_segment_view *view)
{
	const struct penstock_segment_state *state = &view->state;
	Penstock__Wire__SegmentRow *row = penstock_rows_add(owner, sizeof(*row));

	if (row == NULL) {
		return;
	}
	penstock__wire__segment_row__init(row);
	row->id = state->id;
	row->adapter = view->adapter;
	row->kind = (state->flags & 1) != 0 ? (char *)"aperture" : (char *)"local";
	row->base_address = state->base_address;
	row->size_bytes = state->size_bytes;
	row->used_bytes = state->used_bytes;
	row->largest_free_bytes = state->largest_free_bytes;
	row->allocations = state->allocations;
	row->commit_limit_bytes = state->commit_limit_bytes;
	row->placed = state->paging.placed;
	row->left = state->paging.left;
	row->evicted = state->paging.evicted;
	row->discarded = state->paging.discarded;
	row->lost = state->paging.lost;
	row->in_bytes = state->paging.in_bytes;
	row->out_bytes = state->paging.out_bytes;
}

enum penstock_status penstock_admin_collect_segments(const struct penstock_machine *machine,
						     struct penstock_rows *rows)
{
	return penstock_observe_segments(machine, visit_segment, rows);
}

static void visit_place(void *owner, const struct penstock_place_view *view)
{
	const struct penstock_resident_view *resident = &view->resident;
	Penstock__Wire__PlaceRow *row = penstock_rows_add(owner, sizeof(*row));

	if (row == NULL) {
		return;
	}
	penstock__wire__place_row__init(row);
	row->allocation = resident->id;
	row->principal = resident->process_id;
	row->adapter = view->adapter;
	row->segment = resident->segment_id;
	row->address = resident->address;
	row->size_bytes = resident->size_bytes;
	row->priority = resident->priority;
	row->offered = (uint32_t)resident->offered;
	row->age = resident->age;
	row->in_use = resident->in_use;
	row->moving = resident->moving;
	row->dirty = resident->dirty;
}

enum penstock_status penstock_admin_collect_places(const struct penstock_machine *machine,
						   struct penstock_rows *rows)
{
	penstock_observe_places(machine, visit_place, rows);
	return PENSTOCK_STATUS_SUCCESS;
}
