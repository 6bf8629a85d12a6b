/* SPDX-License-Identifier: MIT */
#include "daemon/objects/promise.h"

#include "proto/wire/limits.h"

#include <stdlib.h>

/* Whatever a client may send to a context of these sizes, rendered by a worker. */
static struct penstock_held_size promised_size(const struct penstock_context_info *info)
{
	return (struct penstock_held_size){
		.references = info->allocation_list,
		.dma_bytes = info->dma_buffer_bytes,
		.private_bytes = penstock_context_private_bytes(info),
		.patches = info->patch_location_list,
		.patches_in = info->patch_location_list,
		.command_bytes = info->dma_buffer_bytes,
	};
}

/* A context without its promise holds up its connection. */
static void set_used(struct penstock_context *context, bool used)
{
	struct penstock_session *session = context->device->session;

	if (used) {
		session->full_contexts++;
	} else {
		session->full_contexts--;
	}
	penstock_session_check_credit(session);
}

static enum penstock_status reserve(struct penstock_context *context,
				    const struct penstock_context_info *info, uint64_t bytes)
{
	struct penstock_principal *principal = context->device->session->principal;
	struct penstock_held *block;

	if (!penstock_range_fits(principal->promised_bytes - context->promise_bytes, bytes,
				 PENSTOCK_LIMIT_PRINCIPAL_PROMISED_BYTES)) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	block = malloc(bytes);
	if (block == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	if (penstock_vidmm_promise_slot(context->device->tenant->process, info->dma_buffer_bytes) !=
	    PENSTOCK_STATUS_SUCCESS) {
		free(block);
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_promise_drop(context);
	penstock_held_create(block, penstock_context_private_bytes(info));
	block->promised_bytes = bytes;
	block->size_class = PENSTOCK_HELD_CLASSES;
	context->promise = block;
	context->promise_bytes = bytes;
	context->promise_slot_bytes = info->dma_buffer_bytes;
	principal->promised_bytes += bytes;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_promise_make(struct penstock_context *context,
					   const struct penstock_context_info *info,
					   struct penstock_refusal *ret_refusal)
{
	const struct penstock_held_size size = promised_size(info);
	uint64_t bytes = penstock_held_bytes(&size);

	/* Without a process its device is lost. */
	if (!penstock_context_guaranteed(context) || context->device->tenant->process == NULL) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (reserve(context, info, bytes) != PENSTOCK_STATUS_SUCCESS) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "a DMA buffer of %u bytes with its lists cannot be promised",
				       info->dma_buffer_bytes);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_promise_drop(struct penstock_context *context)
{
	struct penstock_principal *principal = context->device->session->principal;

	if (context->promise_bytes == 0) {
		return;
	}
	if (context->promise == NULL) {
		set_used(context, false);
	}
	penstock_vidmm_unpromise_slot(context->device->tenant->process,
				      context->promise_slot_bytes);
	principal->promised_bytes -= context->promise_bytes;
	free(context->promise);
	context->promise = NULL;
	context->promise_bytes = 0;
}

struct penstock_held *penstock_promise_take(struct penstock_context *context,
					    const struct penstock_held_size *size,
					    uint8_t **ret_command,
					    struct penstock_patch_location **ret_patches_in)
{
	struct penstock_held *held = context->promise;

	if (held == NULL || !penstock_held_fits(held, size, context->promise_bytes)) {
		return NULL;
	}
	context->promise = NULL;
	set_used(context, true);
	held->block_bytes = 0; /* charged already */
	penstock_held_lay_out(held, size, ret_command, ret_patches_in);
	return held;
}

void penstock_promise_give(struct penstock_context *context, struct penstock_held *held)
{
	/* A resize has reserved another meanwhile. */
	if (context->promise != NULL || held->promised_bytes != context->promise_bytes) {
		free(held);
		return;
	}
	context->promise = held;
	set_used(context, false);
}
