/* SPDX-License-Identifier: MIT */
/*
 * Allocation-list conversion: D3DDDI_ALLOCATIONLIST, names from a client, becomes
 * DXGK_ALLOCATIONLIST, a snapshot that render reads. Index and WriteOperation are preserved; NULL
 * elements are legal and duplicates are tolerated. Everything is checked before anything is taken.
 */
#include "daemon/objects/composition.h"
#include "daemon/objects/held.h"
#include "proto/isa/instruction.h"

#include <inttypes.h>

#define KNOWN_FLAGS                                                                                \
	(PENSTOCK_ALLOCATION_WRITE_OPERATION | PENSTOCK_ALLOCATION_DO_NOT_RETIRE_INSTANCE)

/* Of struct penstock_wire_allocation, which may stand at any alignment. */
static struct penstock_wire_allocation load_element(const uint8_t *list, uint32_t i)
{
	struct penstock_wire_allocation element;

	__builtin_memcpy(&element, list + (size_t)i * sizeof(element), sizeof(element));
	return element;
}

static enum penstock_status refuse_element(const struct penstock_device *device,
					   const struct penstock_wire_allocation *element,
					   uint32_t i, const struct penstock_opening *opening,
					   struct penstock_refusal *ret_refusal)
{
	if ((element->flags & ~KNOWN_FLAGS) != 0 || element->reserved != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "allocation list element %u: flags 0x%x, reserved 0x%x: "
				       "only WriteOperation 0x1 and DoNotRetireInstance 0x2 "
				       "are known",
				       i, element->flags, element->reserved);
	}
	if (opening == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_HANDLE,
				       "allocation list element %u: 0x%" PRIx64
				       " names no allocation",
				       i, element->name);
	}
	if (opening->device != device) {
		return penstock_refuse(ret_refusal,
				       PENSTOCK_STATUS_GRAPHICS_WRONG_ALLOCATION_DEVICE,
				       "allocation list element %u: 0x%" PRIx64
				       " was opened by another device of the session",
				       i, element->name);
	}
	if (opening->allocation->offered != 0) {
		return penstock_refuse(ret_refusal,
				       PENSTOCK_STATUS_GRAPHICS_INVALID_ALLOCATION_USAGE,
				       "allocation list element %u: 0x%" PRIx64
				       " is offered: it has to be reclaimed before it is used",
				       i, element->name);
	}
	return penstock_refuse(ret_refusal, PENSTOCK_STATUS_ACCESS_DENIED,
			       "allocation list element %u: 0x%" PRIx64
			       " was opened read-only, and WriteOperation is set",
			       i, element->name);
}

static enum penstock_status convert_element(struct penstock_held *held,
					    const struct penstock_device *device, uint32_t i,
					    const struct penstock_wire_allocation *element,
					    struct penstock_refusal *ret_refusal)
{
	struct penstock_reference *reference = &held->submission.references[i];
	bool write = (element->flags & PENSTOCK_ALLOCATION_WRITE_OPERATION) != 0;
	struct penstock_opening *opening = NULL;
	bool known = (element->flags & ~KNOWN_FLAGS) == 0 && element->reserved == 0;

	if (element->name != 0) {
		opening = penstock_name_table_find(&device->session->names, element->name,
						   PENSTOCK_NAME_OPENING);
		known = known && opening != NULL && opening->device == device &&
			!(write && opening->read_only) && opening->allocation->offered == 0;
	}
	if (PENSTOCK_UNLIKELY(!known)) {
		return refuse_element(device, element, i, opening, ret_refusal);
	}
	*reference = (struct penstock_reference){
		.allocation = opening == NULL ? NULL : opening->allocation->memory,
		.opening = opening,
		.write_operation = write,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

/* The element as render sees it: a copy, whatever happens to the allocation meanwhile. */
static void snapshot_element(const struct penstock_reference *reference,
			     struct penstock_render_allocation *ret_element)
{
	const struct penstock_opening *opening = reference->opening;
	const struct penstock_create_allocation_info *info;
	const struct penstock_composition *composition;
	struct penstock_vidmm_location location;

	if (opening == NULL) {
		*ret_element = (struct penstock_render_allocation){
			.write_operation = reference->write_operation,
		};
		return;
	}
	composition = opening->allocation->composition;
	if (PENSTOCK_UNLIKELY(composition != NULL)) {
		/* It may have been made by another principal, or before a restart. */
		penstock_vidmm_process_need_pipelines(opening->device->tenant->process);
	}
	info = &opening->allocation->info;
	penstock_vidmm_allocation_location(reference->allocation, &location);
	*ret_element = (struct penstock_render_allocation){
		.id = opening->allocation->id,
		.size_bytes = info->size_bytes,
		.address = location.address,
		.width = info->width,
		.height = info->height,
		.pitch_bytes = info->pitch_bytes,
		.format = (uint8_t)info->format,
		.surface_type = (uint8_t)info->surface_type,
		.segment_id = (uint8_t)location.segment_id,
		.write_operation = reference->write_operation,
		.pipeline = composition == NULL ? NULL : &composition->render,
	};
}

static void set_up_waits(struct penstock_held *held)
{
	for (uint32_t i = 0; i < held->submission.reference_count; i++) {
		held->waits[i].held = held;
		penstock_list_init(&held->waits[i].link);
	}
	held->has_waits = true;
}

/* Ahead of every transfer of the lane, or a follower of the last one. */
static void take_element(struct penstock_held *held, uint32_t i)
{
	struct penstock_opening *opening = held->submission.references[i].opening;
	struct penstock_list *last;

	penstock_opening_ref(opening);
	penstock_vidmm_allocation_ref(opening->allocation->memory);
	if (PENSTOCK_LIKELY(penstock_list_empty(&opening->lane->transfers))) {
		opening->lane->active++;
		opening->lane->active_writes += held->submission.references[i].write_operation;
		return;
	}
	if (!held->has_waits) {
		set_up_waits(held);
	}
	last = opening->lane->transfers.previous;
	penstock_list_append(
		&penstock_list_entry(last, struct penstock_transfer, lane_link)->followers,
		&held->waits[i].link);
	held->submission.blocked++;
}

enum penstock_status penstock_held_convert_list(struct penstock_held *held,
						struct penstock_device *device,
						const uint8_t *allocation_list, uint32_t count,
						struct penstock_refusal *ret_refusal)
{
	for (uint32_t i = 0; i < count; i++) {
		struct penstock_wire_allocation element = load_element(allocation_list, i);
		enum penstock_status status =
			convert_element(held, device, i, &element, ret_refusal);

		if (PENSTOCK_UNLIKELY(status != PENSTOCK_STATUS_SUCCESS)) {
			return status;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		snapshot_element(&held->submission.references[i], &held->submission.list[i]);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_held_take_list(struct penstock_held *held, uint32_t count)
{
	held->submission.reference_count = count;
	for (uint32_t i = 0; i < count; i++) {
		if (held->submission.references[i].opening != NULL) {
			take_element(held, i);
		}
	}
}
