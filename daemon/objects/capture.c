/* SPDX-License-Identifier: MIT */
#include "daemon/objects/capture.h"

#include "daemon/objects/context.h"
#include "daemon/objects/machine.h"
#include "daemon/objects/operator.h"
#include "daemon/objects/principal.h"
#include "daemon/objects/session.h"
#include "daemon/objects/transfer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <syslog.h>

/* ---------------------------------------------------------------- what is meant */

static struct penstock_opening *find_opening(const struct penstock_device *device,
					     uint64_t allocation_id)
{
	penstock_list_for_each (link, &device->openings) {
		struct penstock_opening *opening =
			penstock_list_entry(link, struct penstock_opening, link);

		if (!opening->closed && opening->allocation->id == allocation_id) {
			return opening;
		}
	}
	return NULL;
}

/* ---------------------------------------------------------------- may it be */

static enum penstock_status check_surface(const struct penstock_opening *opening,
					  struct penstock_refusal *ret_refusal)
{
	const struct penstock_allocation *allocation = opening->allocation;
	const uint64_t bytes = (uint64_t)allocation->info.height * allocation->info.pitch_bytes;

	if (bytes == 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "allocation %" PRIu64 " is no surface", allocation->id);
	}
	if (bytes > PENSTOCK_LIMIT_PAYLOAD_BYTES) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "a surface of %" PRIu64 " bytes; at most %u", bytes,
				       PENSTOCK_LIMIT_PAYLOAD_BYTES);
	}
	return penstock_opening_usable(opening, ret_refusal);
}

static enum penstock_status find(const struct penstock_machine *machine, uint64_t context_id,
				 uint64_t allocation_id, struct penstock_opening **ret_opening,
				 struct penstock_refusal *ret_refusal)
{
	const struct penstock_device *device =
		penstock_machine_find_device_of_context(machine, context_id);

	if (device == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_FOUND,
				       "there is no context %" PRIu64, context_id);
	}
	if (device->adapter->state != PENSTOCK_ADAPTER_RUNNING) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_DEVICE_REMOVED,
				       "adapter %u does not run", device->adapter->index);
	}
	*ret_opening = find_opening(device, allocation_id);
	if (*ret_opening == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_FOUND,
				       "the device of context %" PRIu64
				       " has not opened allocation %" PRIu64,
				       context_id, allocation_id);
	}
	return check_surface(*ret_opening, ret_refusal);
}

/* ---------------------------------------------------------------- begin and end */

static enum penstock_status begin(struct penstock_capture *capture,
				  struct penstock_opening *opening,
				  struct penstock_request *request,
				  struct penstock_refusal *ret_refusal)
{
	struct penstock_transfer *transfer = penstock_transfer_new();

	if (transfer == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for a capture");
	}
	capture->transfer = transfer;
	capture->request = request;
	request->state = capture;
	request->refusal.status = PENSTOCK_STATUS_SUCCESS;
	penstock_transfer_begin_capture(transfer, opening);
	return PENSTOCK_STATUS_PENDING;
}

enum penstock_status penstock_operator_capture(struct penstock_machine *machine,
					       const struct penstock_operator *by,
					       uint64_t context_id, uint64_t allocation_id,
					       struct penstock_request *request,
					       struct penstock_refusal *ret_refusal)
{
	struct penstock_capture *capture = &machine->capture;
	struct penstock_opening *opening = NULL;
	enum penstock_status status;

	if (capture->transfer != NULL || capture->bytes != NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_GRAPHICS_TRY_AGAIN_LATER,
				       "another capture is under way");
	}
	status = find(machine, context_id, allocation_id, &opening, ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	penstock_machine_log(machine, LOG_NOTICE, "operator",
			     "captured by_uid=%" PRId64 " context=%" PRIu64 " allocation=%" PRIu64
			     " session=%" PRIu64 " principal='%s'",
			     by->uid, context_id, allocation_id, opening->device->session->number,
			     opening->device->session->principal->name);
	capture->machine = machine;
	return begin(capture, opening, request, ret_refusal);
}

void penstock_operator_capture_cancel(struct penstock_machine *machine,
				      struct penstock_request *request)
{
	struct penstock_capture *capture = &machine->capture;

	if (capture->request != request || capture->transfer == NULL) {
		return; /* it was answered already */
	}
	capture->request = NULL;
	penstock_turn_answer(&machine->turn, request, PENSTOCK_STATUS_CANCELLED);
	penstock_transfer_cancel_capture(capture->transfer);
}

void penstock_operator_capture_end(struct penstock_request *request)
{
	struct penstock_capture *capture = request->state;

	free(capture->bytes);
	capture->bytes = NULL;
	capture->request = NULL;
	request->state = NULL;
	request->bytes = NULL;
}

void penstock_capture_ended(struct penstock_capture *capture, enum penstock_status status,
			    uint8_t *bytes, uint32_t size_bytes)
{
	struct penstock_request *request = capture->request;

	capture->transfer = NULL;
	if (request == NULL || status != PENSTOCK_STATUS_SUCCESS) {
		free(bytes);
		bytes = NULL;
	}
	capture->bytes = bytes;
	if (request == NULL) {
		return;
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		request->bytes = bytes;
		request->size_bytes = size_bytes;
	} else {
		capture->request = NULL;
		(void)penstock_refuse(&request->refusal, status, "%s",
				      status == PENSTOCK_STATUS_INVALID_HANDLE
					      ? "the allocation was destroyed meanwhile"
					      : "no memory for what the surface shows");
	}
	penstock_turn_answer(&capture->machine->turn, request, status);
}
