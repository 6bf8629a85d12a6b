/* SPDX-License-Identifier: MIT */
#include "daemon/objects/fault.h"

#include "daemon/render/crumbs.h"

#include <inttypes.h>
#include <stdio.h>

/* Where the GPU was is its own word: it names an instruction, or it is not worth repeating. */
static bool find_instruction(const struct penstock_submission *submission, uint32_t dma_offset,
			     struct penstock_device_state *state)
{
	struct penstock_crumb crumb;

	if (dma_offset == PENSTOCK_DMA_OFFSET_UNKNOWN ||
	    !penstock_crumbs_find(&submission->args, dma_offset, &crumb)) {
		return false;
	}
	state->fault_instruction = crumb.instruction->layout.mnemonic;
	state->fault_command_offset = crumb.command_offset;
	return true;
}

/* What a device is in by what its submission did; a preemption is what never came. */
static enum penstock_device_execution execution_state(enum penstock_interrupt_type type)
{
	switch (type) {
	case PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED:
		return PENSTOCK_DEVICE_ERROR_DMAPAGEFAULT;
	case PENSTOCK_INTERRUPT_DMA_PREEMPTED:
		return PENSTOCK_DEVICE_HUNG;
	case PENSTOCK_INTERRUPT_NONE:
		return PENSTOCK_DEVICE_RESET;
	default:
		return PENSTOCK_DEVICE_ERROR_DMAFAULT;
	}
}

void penstock_fault_describe(const struct penstock_submission *submission,
			     const struct penstock_interrupt *interrupt, const char *text,
			     struct penstock_device_state *ret_state)
{
	const uint32_t dma_offset = interrupt->fault_dma_offset;

	*ret_state = (struct penstock_device_state){
		.execution_state = execution_state(interrupt->type),
		.fault_node = submission->queue->node_ordinal,
		.fault_address = interrupt->fault_address,
		.fault_dma_offset = dma_offset == PENSTOCK_DMA_OFFSET_UNKNOWN ? 0 : dma_offset,
		.fault_fence = submission->serial,
		.fault_instruction = "",
	};
	if (find_instruction(submission, dma_offset, ret_state)) {
		(void)snprintf(ret_state->reason, sizeof(ret_state->reason),
			       "%s at byte 0x%" PRIx32 ": %s", ret_state->fault_instruction,
			       ret_state->fault_command_offset, text);
	} else {
		(void)snprintf(ret_state->reason, sizeof(ret_state->reason), "%s", text);
	}
}
