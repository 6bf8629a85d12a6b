/* SPDX-License-Identifier: MIT */
#include "daemon/schedule/culprit.h"

#include "gpu-backend/dma.h"
#include "proto/isa/disassembler.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* The instruction at the offset, without its newline; "" where the offset is none. */
static void instruction_text(const struct penstock_submission *submission, uint32_t offset,
			     char *ret_text, size_t text_bytes)
{
	struct penstock_text text;
	const struct penstock_disassembler disassembler = {
		.isa = &penstock_dma_isa,
		.write = penstock_text_write,
		.owner = &text,
	};

	penstock_text_init(&text, ret_text, text_bytes);
	if (offset < submission->args.dma_length) {
		penstock_disassemble_one(&disassembler, submission->args.dma_buffer,
					 submission->args.dma_length, offset);
	}
	ret_text[strcspn(ret_text, "\n")] = '\0';
}

void penstock_describe_fault(struct penstock_culprit *culprit, const struct penstock_cause *cause)
{
	const struct penstock_interrupt *interrupt = &culprit->interrupt;
	char instruction[160];

	(void)cause;
	instruction_text(culprit->submission, interrupt->fault_dma_offset, instruction,
			 sizeof(instruction));
	if (interrupt->type == PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED) {
		snprintf(culprit->text, sizeof(culprit->text),
			 "page fault: %s of address 0x%" PRIx64 ", node %" PRIu32
			 ", DMA offset 0x%" PRIx32 ": %s",
			 interrupt->fault_write ? "write" : "read", interrupt->fault_address,
			 interrupt->node_ordinal, interrupt->fault_dma_offset, instruction);
	} else {
		snprintf(culprit->text, sizeof(culprit->text),
			 "illegal DMA instruction, node %" PRIu32 ", DMA offset 0x%" PRIx32 ": %s",
			 interrupt->node_ordinal, interrupt->fault_dma_offset, instruction);
	}
}

void penstock_culprit_at(struct penstock_culprit *culprit, uint32_t dma_offset)
{
	size_t used = strlen(culprit->text);
	char instruction[160];

	if (dma_offset >= culprit->submission->args.dma_length) {
		return;
	}
	instruction_text(culprit->submission, dma_offset, instruction, sizeof(instruction));
	if (instruction[0] == '\0') {
		return;
	}
	culprit->interrupt.fault_dma_offset = dma_offset;
	snprintf(culprit->text + used, sizeof(culprit->text) - used,
		 ", DMA offset 0x%" PRIx32 ": %s", dma_offset, instruction);
}

void penstock_describe_death(struct penstock_culprit *culprit, const struct penstock_cause *cause)
{
	int status = cause->wait_status;
	const char *how = WIFSIGNALED(status) ? "was killed by signal" : "exited with";
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);

	snprintf(culprit->text, sizeof(culprit->text),
		 "the GPU process %s %d while node %" PRIu32 " ran this submission", how, number,
		 culprit->interrupt.node_ordinal);
}

void penstock_describe_hang(struct penstock_culprit *culprit, const struct penstock_cause *cause)
{
	snprintf(culprit->text, sizeof(culprit->text),
		 "hang: node %" PRIu32 " left a preemption unanswered for %" PRIu64 " ms",
		 culprit->interrupt.node_ordinal, cause->waited_ns / 1000000u);
}

void penstock_describe_unknown(struct penstock_culprit *culprit, const struct penstock_cause *cause)
{
	(void)cause;
	snprintf(culprit->text, sizeof(culprit->text),
		 "node %" PRIu32 " was reset with another one of its process, and how much of this "
		 "submission was done is not known",
		 culprit->interrupt.node_ordinal);
}
