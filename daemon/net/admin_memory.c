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

void penstock_handle_admin_allocations(struct penstock_call *call)
{
	Penstock__Wire__AllocationReport report = PENSTOCK__WIRE__ALLOCATION_REPORT__INIT;
	struct penstock_rows rows;

	penstock_rows_init(&rows);
	penstock_observe_allocations(penstock_admin_machine(call), visit_allocation, &rows);
	report.n_allocations = rows.count;
	report.allocations = (Penstock__Wire__AllocationRow **)rows.addresses;
	report.truncated = rows.truncated;
	penstock_admin_answer(call, &rows, PENSTOCK_FRAME_ALLOCATION_REPORT, &report.base);
	penstock_rows_fini(&rows);
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

void penstock_handle_admin_segments(struct penstock_call *call)
{
	Penstock__Wire__SegmentReport report = PENSTOCK__WIRE__SEGMENT_REPORT__INIT;
	struct penstock_rows rows;

	penstock_rows_init(&rows);
	if (penstock_observe_segments(penstock_admin_machine(call), visit_segment, &rows) !=
	    PENSTOCK_STATUS_SUCCESS) {
		penstock_admin_refuse_stopped(call);
	} else {
		report.n_segments = rows.count;
		report.segments = (Penstock__Wire__SegmentRow **)rows.addresses;
		penstock_admin_answer(call, &rows, PENSTOCK_FRAME_SEGMENT_REPORT, &report.base);
	}
	penstock_rows_fini(&rows);
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

void penstock_handle_admin_places(struct penstock_call *call)
{
	Penstock__Wire__PlaceReport report = PENSTOCK__WIRE__PLACE_REPORT__INIT;
	struct penstock_rows rows;

	penstock_rows_init(&rows);
	penstock_observe_places(penstock_admin_machine(call), visit_place, &rows);
	report.n_places = rows.count;
	report.places = (Penstock__Wire__PlaceRow **)rows.addresses;
	report.truncated = rows.truncated;
	penstock_admin_answer(call, &rows, PENSTOCK_FRAME_PLACE_REPORT, &report.base);
	penstock_rows_fini(&rows);
}
