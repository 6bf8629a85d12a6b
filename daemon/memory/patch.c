/* SPDX-License-Identifier: MIT */
/*
 * DxgkDdiPatch: the last look at a DMA buffer before it is submitted. Documents: DXGKDDI_PATCH,
 * DXGKARG_PATCH. Of a split one it is the part: its entries and its bytes, no others.
 */
#include "daemon/memory/internal.h"
#include "proto/isa/instruction.h"

#include <string.h>

#define ADDRESS_BYTES 8u

/*
 * The list is render's, and private: a site or an element that cannot be is a defect of ours. A
 * slot that goes out of use has no site (proto/wire/frame.h).
 */
static bool site_stands(const struct penstock_submission *submission,
			const struct penstock_patch_location *site)
{
	return site->allocation_index == PENSTOCK_PATCH_NULL_INDEX ||
	       (site->allocation_index < submission->reference_count &&
		penstock_range_fits(site->patch_offset, ADDRESS_BYTES,
				    submission->args.dma_length));
}

/* True: the bytes changed. */
static bool patch_site(struct penstock_submission *submission,
		       const struct penstock_patch_location *site)
{
	const struct penstock_vidmm_allocation *allocation;
	uint64_t address;
	uint8_t *bytes;

	if (site->allocation_index == PENSTOCK_PATCH_NULL_INDEX) {
		return false;
	}
	allocation = submission->references[site->allocation_index].allocation;
	if (allocation == NULL) {
		return false;
	}
	address = penstock_allocation_address(allocation) + site->allocation_offset;
	bytes = submission->args.dma_buffer + site->patch_offset;
	if (PENSTOCK_LIKELY(penstock_load64(bytes) == address)) {
		return false;
	}
	penstock_store64(bytes, address);
	return true;
}

bool penstock_vidmm_patch(struct penstock_submission *submission)
{
	const struct penstock_render_args *args = &submission->args;
	const struct penstock_part *part = &submission->part;
	const struct penstock_patch_location *sites = args->patches_out + part->first_patch;

	penstock_vidmm_own_thread(submission->process->vidmm);
	submission->patched = part->start == 0 ? 0 : submission->patched;
	for (uint32_t i = 0; i < part->patch_count; i++) {
		if (!penstock_vidmm_holds(submission->process->vidmm,
					  site_stands(submission, &sites[i]),
					  "0x10E/0x19: a patch location that is not in its DMA "
					  "buffer")) {
			return false;
		}
		submission->patched += patch_site(submission, &sites[i]);
	}
	memcpy(penstock_dma_pool_bytes(&submission->process->pool, submission->dma_slot) +
		       part->start,
	       args->dma_buffer + part->start, part->end - part->start);
	return true;
}
