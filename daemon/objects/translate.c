/* SPDX-License-Identifier: MIT */
#include "daemon/objects/translate.h"

#include "daemon/objects/held.h"
#include "gpu-backend/dma.h"

/* No patch location and no record looks so either. */
#define GUARD PENSTOCK_DMA_GUARD

/* DMA buffers may be of any length: the guard begins at the first byte behind. */
static uint8_t *dma_guard(const struct penstock_render_args *args)
{
	return args->dma_buffer + args->dma_capacity;
}

static uint8_t *private_guard(const struct penstock_render_args *args)
{
	return args->private_data + args->private_capacity;
}

static uint8_t *patch_guard(const struct penstock_render_args *args)
{
	return (uint8_t *)(args->patches_out + args->patch_capacity);
}

static const char *find_overflow(const struct penstock_render_args *args, bool outputs_count)
{
	if (penstock_load64(dma_guard(args)) != GUARD ||
	    (outputs_count && args->dma_length > args->dma_capacity)) {
		return "0x10E/0x12: render overflowed its DMA buffer";
	}
	if (penstock_load64(patch_guard(args)) != GUARD ||
	    (outputs_count && args->patch_count > args->patch_capacity)) {
		return "0x10E/0x12: render overflowed its patch-location list";
	}
	if (penstock_load64(private_guard(args)) != GUARD ||
	    (outputs_count && (args->private_end > args->private_capacity ||
			       args->private_end < args->private_start))) {
		return "0x10E/0x13: render overflowed its private data";
	}
	return NULL;
}

/* What the table promises for all of the command buffer, there is room for. */
static bool worst_case_fits(const struct penstock_render_args *args)
{
	return penstock_render_dma_bound(args->command_length) <= args->dma_capacity &&
	       penstock_render_patch_bound(args->command_length) <= args->patch_capacity &&
	       penstock_render_private_bound(args->command_length) <=
		       args->private_capacity - args->private_start;
}

static const char *find_breach(const struct penstock_render_args *args, uint64_t from,
			       enum penstock_status status)
{
	if (status == PENSTOCK_STATUS_SUCCESS) {
		return NULL;
	}
	if (status != PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER) {
		return from == 0 ? NULL : "0x10E/0x16: render refused a pass that it had validated";
	}
	if (worst_case_fits(args)) {
		return "0x10E/0x16: render found no room where its worst case fits";
	}
	if (args->multipass_offset <= from || args->dma_length == 0) {
		return "0x10E/0x16: render made a pass without progress";
	}
	return NULL;
}

enum penstock_status penstock_translate(penstock_translator *translate,
					struct penstock_render_args *args, uint64_t *ret_before,
					struct penstock_refusal *ret_refusal,
					const char **ret_defect)
{
	const uint64_t from = args->multipass_offset;
	enum penstock_status status;
	bool outputs_count;

	penstock_store64(dma_guard(args), GUARD);
	penstock_store64(patch_guard(args), GUARD);
	penstock_store64(private_guard(args), GUARD);
	status = translate(args, ret_refusal);
	outputs_count = status == PENSTOCK_STATUS_SUCCESS ||
			status == PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
	*ret_defect = find_overflow(args, outputs_count);
	if (PENSTOCK_LIKELY(*ret_defect == NULL)) {
		*ret_defect = find_breach(args, from, status);
	}
	if (PENSTOCK_UNLIKELY(*ret_defect != NULL)) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_DEVICE_REMOVED, "%s",
				       *ret_defect);
	}
	for (uint32_t i = 0; outputs_count && i < args->patch_count; i++) {
		ret_before[i] = penstock_patch_value(&args->patches_out[i], args->dma_buffer);
	}
	return status;
}
