/* SPDX-License-Identifier: MIT */
#include "tests/memory/machine.h"

#include "gpu-backend/dma.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct machine *machine_of(struct penstock_backend *backend)
{
	return penstock_container_of(backend, struct machine, backend);
}

static struct machine_process *process_of(struct penstock_backend_process *process)
{
	return penstock_container_of(process, struct machine_process, base);
}

struct machine_process *machine_process_of(const struct penstock_vidmm_process *process)
{
	return process_of(penstock_vidmm_process_backend(process));
}

/* ---------------------------------------------------------------- page tables */

static const struct machine_file *file_of(const struct machine_process *process, uint32_t id)
{
	for (uint32_t i = 0; i < process->file_count; i++) {
		if (process->files[i].id == id) {
			return &process->files[i];
		}
	}
	return NULL;
}

static const struct machine_file *file_in_role(const struct machine_process *process,
					       enum penstock_file_role role)
{
	for (uint32_t i = 0; i < process->file_count; i++) {
		if (process->files[i].role == role) {
			return &process->files[i];
		}
	}
	return NULL;
}

static void map(struct machine_process *process, const struct machine_mapping *mapping)
{
	uint32_t kept = 0;

	/* What it covers is not found any more. */
	for (uint32_t i = 0; i < process->mapping_count; i++) {
		const struct machine_mapping *old = &process->mappings[i];

		if (old->address < mapping->address ||
		    old->address + old->size > mapping->address + mapping->size) {
			process->mappings[kept++] = *old;
		}
	}
	process->mapping_count = kept;
	ck_assert_uint_lt(process->mapping_count, MACHINE_MAPPINGS);
	process->mappings[process->mapping_count++] = *mapping;
}

/* The file and offset behind one page; the latest mapping counts. */
static bool translate(struct machine_process *process, uint64_t address, bool write,
		      int *ret_descriptor, uint64_t *ret_offset)
{
	const struct machine_file *local = file_in_role(process, PENSTOCK_FILE_LOCAL);

	for (uint32_t i = process->mapping_count; i-- > 0;) {
		const struct machine_mapping *mapping = &process->mappings[i];

		if (address >= mapping->address && address - mapping->address < mapping->size) {
			process->dummy_touches += mapping->dummy;
			*ret_descriptor = mapping->descriptor;
			*ret_offset = mapping->offset + (address - mapping->address);
			return !(write && mapping->read_only);
		}
	}
	if (local != NULL && address >= PENSTOCK_LOCAL_BASE &&
	    address < PENSTOCK_LOCAL_BASE + (uint64_t)lseek(local->descriptor, 0, SEEK_END)) {
		*ret_descriptor = local->descriptor;
		*ret_offset = address - PENSTOCK_LOCAL_BASE;
		return true;
	}
	return false;
}

bool machine_access(struct machine_process *process, uint64_t address, void *bytes, uint64_t size,
		    bool write)
{
	uint8_t *at = bytes;

	while (size > 0) {
		uint64_t piece = 4096 - address % 4096, offset;
		int descriptor;

		piece = piece < size ? piece : size;
		if (!translate(process, address, write, &descriptor, &offset)) {
			return false;
		}
		if (write) {
			ck_assert_int_eq(pwrite(descriptor, at, piece, (off_t)offset),
					 (ssize_t)piece);
		} else {
			ck_assert_int_eq(pread(descriptor, at, piece, (off_t)offset),
					 (ssize_t)piece);
		}
		at += piece;
		address += piece;
		size -= piece;
	}
	return true;
}

/* ---------------------------------------------------------------- executing */

static struct machine *current; /* the machine whose packets are executed */

static void page_copy(struct machine_process *process, const uint8_t *bytes)
{
	const struct machine_file *from =
		file_of(process, penstock_load32(bytes + PENSTOCK_DMA_PAGE_COPY_source_file));
	const struct machine_file *to =
		file_of(process, penstock_load32(bytes + PENSTOCK_DMA_PAGE_COPY_destination_file));
	uint64_t source = penstock_load64(bytes + PENSTOCK_DMA_PAGE_COPY_source_offset);
	uint64_t destination = penstock_load64(bytes + PENSTOCK_DMA_PAGE_COPY_destination_offset);
	uint64_t size = penstock_load64(bytes + PENSTOCK_DMA_PAGE_COPY_size);
	uint8_t page[4096];

	ck_assert(process->system && from != NULL && to != NULL);
	for (uint64_t at = 0; at < size; at += sizeof(page)) {
		ck_assert_int_eq(pread(from->descriptor, page, sizeof(page), (off_t)(source + at)),
				 4096);
		ck_assert_int_eq(
			pwrite(to->descriptor, page, sizeof(page), (off_t)(destination + at)),
			4096);
	}
	current->transfers++;
}

static void page_fill(struct machine_process *process, const uint8_t *bytes)
{
	const struct machine_file *file =
		file_of(process, penstock_load32(bytes + PENSTOCK_DMA_PAGE_FILL_file));
	uint64_t offset = penstock_load64(bytes + PENSTOCK_DMA_PAGE_FILL_offset);
	uint64_t size = penstock_load64(bytes + PENSTOCK_DMA_PAGE_FILL_size);
	uint32_t page[1024];

	ck_assert(process->system && file != NULL);
	for (unsigned i = 0; i < 1024; i++) {
		page[i] = penstock_load32(bytes + PENSTOCK_DMA_PAGE_FILL_pattern);
	}
	for (uint64_t at = 0; at < size; at += sizeof(page)) {
		ck_assert_int_eq(pwrite(file->descriptor, page, sizeof(page), (off_t)(offset + at)),
				 4096);
	}
	current->fills++;
}

static void map_pages(struct machine_process *process, const uint8_t *bytes)
{
	const struct machine_file *file =
		file_of(process, penstock_load32(bytes + PENSTOCK_DMA_MAP_PAGES_file));

	ck_assert_ptr_nonnull(file);
	map(process, &(struct machine_mapping){
			     .address = penstock_load64(bytes + PENSTOCK_DMA_MAP_PAGES_address),
			     .size = penstock_load64(bytes + PENSTOCK_DMA_MAP_PAGES_size),
			     .descriptor = file->descriptor,
			     .offset = penstock_load64(bytes + PENSTOCK_DMA_MAP_PAGES_offset),
			     .read_only = (penstock_load32(bytes + PENSTOCK_DMA_MAP_PAGES_flags) &
					   PENSTOCK_MAP_READ_ONLY) != 0,
		     });
	current->maps++;
}

static void unmap_pages(struct machine_process *process, const uint8_t *bytes)
{
	uint64_t address = penstock_load64(bytes + PENSTOCK_DMA_UNMAP_PAGES_address);
	bool local = address < PENSTOCK_APERTURE_BASE;
	const struct machine_file *file =
		file_in_role(process, local ? PENSTOCK_FILE_LOCAL : PENSTOCK_FILE_DUMMY);

	ck_assert_ptr_nonnull(file);
	map(process,
	    &(struct machine_mapping){
		    .address = address,
		    .size = penstock_load64(bytes + PENSTOCK_DMA_UNMAP_PAGES_size),
		    .descriptor = file->descriptor,
		    .offset = address - (local ? PENSTOCK_LOCAL_BASE : PENSTOCK_APERTURE_BASE),
		    .dummy = !local,
	    });
}

static void execute_paging(struct machine_process *process, const struct machine_packet *packet)
{
	static void (*const operations[])(struct machine_process * process,
					  const uint8_t *bytes) = {
		[PENSTOCK_DMA_PAGE_COPY] = page_copy,
		[PENSTOCK_DMA_PAGE_FILL] = page_fill,
		[PENSTOCK_DMA_MAP_PAGES] = map_pages,
		[PENSTOCK_DMA_UNMAP_PAGES] = unmap_pages,
	};
	uint32_t at = 0;

	while (at < packet->args.paging_buffer_bytes) {
		struct penstock_dma_decoded decoded;

		ck_assert_int_eq(penstock_dma_decode(packet->paging + at,
						     packet->args.paging_buffer_bytes - at,
						     &decoded),
				 PENSTOCK_STATUS_SUCCESS);
		ck_assert(penstock_dma_reserved_zero(&decoded));
		ck_assert_ptr_nonnull(operations[decoded.instruction->id]);
		operations[decoded.instruction->id](process, decoded.bytes);
		at += decoded.length;
	}
}

/* What stopped it. */
struct stop {
	enum penstock_interrupt_type type;
	uint64_t address;
	uint32_t offset;
	bool write;
};

static bool gpu_fill(struct machine_process *process, const uint8_t *bytes, struct stop *stop)
{
	uint64_t address = penstock_load64(bytes + PENSTOCK_DMA_FILL_address);
	uint64_t size = penstock_load64(bytes + PENSTOCK_DMA_FILL_size);
	uint32_t pattern = penstock_load32(bytes + PENSTOCK_DMA_FILL_pattern);

	for (uint64_t at = 0; at < size; at += 4) {
		if (!machine_access(process, address + at, &pattern, 4, true)) {
			*stop = (struct stop){ .address = address + at, .write = true };
			return false;
		}
	}
	return true;
}

static bool gpu_copy(struct machine_process *process, const uint8_t *bytes, struct stop *stop)
{
	uint64_t from = penstock_load64(bytes + PENSTOCK_DMA_COPY_source);
	uint64_t to = penstock_load64(bytes + PENSTOCK_DMA_COPY_destination);
	uint64_t size = penstock_load64(bytes + PENSTOCK_DMA_COPY_size);
	uint8_t byte;

	for (uint64_t at = 0; at < size; at++) {
		if (!machine_access(process, from + at, &byte, 1, false)) {
			*stop = (struct stop){ .address = from + at };
			return false;
		}
		if (!machine_access(process, to + at, &byte, 1, true)) {
			*stop = (struct stop){ .address = to + at, .write = true };
			return false;
		}
	}
	return true;
}

/* At most so many instructions; where it stopped is in `stop`. False: it faulted. */
static bool execute_render(struct machine_process *process, const struct machine_packet *packet,
			   uint32_t most, struct stop *stop)
{
	static bool (*const operations[PENSTOCK_DMA_COUNT])(
		struct machine_process * process, const uint8_t *bytes, struct stop *stop) = {
		[PENSTOCK_DMA_FILL] = gpu_fill,
		[PENSTOCK_DMA_COPY] = gpu_copy,
	};
	uint32_t at = packet->args.submission_start_offset;
	uint8_t dma[1024];

	ck_assert_uint_le(packet->args.submission_end_offset, sizeof(dma));
	ck_assert(machine_access(process, packet->args.dma_buffer_address, dma,
				 packet->args.submission_end_offset, false));
	while (at < packet->args.submission_end_offset && most-- > 0) {
		struct penstock_dma_decoded decoded;
		bool known = penstock_dma_decode(dma + at, packet->args.submission_end_offset - at,
						 &decoded) == PENSTOCK_STATUS_SUCCESS;

		if (!known || (operations[decoded.instruction->id] == NULL &&
			       decoded.instruction->id != PENSTOCK_DMA_NOP)) {
			*stop = (struct stop){ .type = PENSTOCK_INTERRUPT_DMA_FAULTED,
					       .offset = at };
			return false;
		}
		if (operations[decoded.instruction->id] != NULL &&
		    !operations[decoded.instruction->id](process, decoded.bytes, stop)) {
			stop->type = PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED;
			stop->offset = at;
			return false;
		}
		current->instructions++;
		at += decoded.length;
	}
	stop->offset = at;
	return true;
}

static struct machine_packet *next_packet(struct machine_ring *ring)
{
	for (uint32_t i = 0; i < ring->count && !ring->faulted; i++) {
		if (!ring->packets[i].executed) {
			return &ring->packets[i];
		}
	}
	return NULL;
}

static struct stop last_stop; /* why the faulted ring stands */

bool machine_execute(struct machine_process *process, uint32_t node_ordinal)
{
	struct machine_ring *ring = &process->rings[node_ordinal];
	struct machine_packet *packet = next_packet(ring);

	current = machine_of(process->base.backend);
	if (packet == NULL || (ring->preempting && current->deaf == process)) {
		return false;
	}
	ring->resume_offset = packet->args.submission_start_offset;
	ring->resume_fence = packet->args.submission_fence_id;
	if (ring->preempting && current->preempt_after == 0) {
		return false;
	}
	if ((packet->args.flags & PENSTOCK_SUBMITCOMMAND_PAGING) != 0) {
		execute_paging(process, packet);
	} else if ((packet->args.flags & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING) == 0) {
		if (!execute_render(process, packet,
				    ring->preempting ? current->preempt_after : UINT32_MAX,
				    &last_stop)) {
			ring->faulted = true;
			return false;
		}
		if (last_stop.offset < packet->args.submission_end_offset) {
			ring->resume_offset = last_stop.offset;
			return false;
		}
	}
	packet->executed = true;
	ring->last_executed = packet->args.submission_fence_id;
	return true;
}

/* The executed packets leave the ring. */
static bool drop_executed(struct machine *machine, struct machine_ring *ring, uint32_t node)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < ring->count; i++) {
		if (ring->packets[i].executed) {
			machine->on_rings[node] -=
				(ring->packets[i].args.flags & PENSTOCK_SUBMITCOMMAND_PAGING) == 0;
		} else if (kept++ != i) {
			ring->packets[kept - 1] = ring->packets[i];
		}
	}
	if (kept == ring->count) {
		return false;
	}
	ring->count = kept;
	return true;
}

void machine_empty_ring(struct machine *machine, struct machine_process *process,
			uint32_t node_ordinal)
{
	struct machine_ring *ring = &process->rings[node_ordinal];

	for (uint32_t i = 0; i < ring->count; i++) {
		ring->packets[i].executed = true;
	}
	(void)drop_executed(machine, ring, node_ordinal);
	ring->preempting = false;
}

/* Its ring is empty before it says so. */
static void answer_preemption(struct machine *machine, struct machine_process *process,
			      uint32_t node_ordinal)
{
	struct machine_ring *ring = &process->rings[node_ordinal];
	struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_PREEMPTED,
		.node_ordinal = node_ordinal,
		.fence_id = ring->preempt_fence_id,
		.last_completed_fence_id = ring->last_executed,
	};

	if (ring->count > 0) {
		const struct penstock_submit_args *first = &ring->packets[0].args;

		interrupt.resume_offset = ring->resume_fence == first->submission_fence_id
						  ? ring->resume_offset
						  : first->submission_start_offset;
	}

	machine_empty_ring(machine, process, node_ordinal);
	penstock_scheduler_notify_interrupt(machine->scheduler, process->owner, &interrupt);
}

bool machine_report(struct machine *machine, struct machine_process *process, uint32_t node_ordinal)
{
	struct machine_ring *ring = &process->rings[node_ordinal];
	struct penstock_interrupt interrupt = {
		.type = PENSTOCK_INTERRUPT_DMA_COMPLETED,
		.node_ordinal = node_ordinal,
		.fence_id = ring->last_executed,
		.last_completed_fence_id = ring->last_executed,
	};
	bool completed = drop_executed(machine, ring, node_ordinal);
	bool faulted = ring->faulted && ring->count > 0;

	if (completed) {
		penstock_scheduler_notify_interrupt(machine->scheduler, process->owner, &interrupt);
	}
	if (ring->faulted && ring->count > 0) {
		interrupt.type = last_stop.type;
		interrupt.fence_id = ring->packets[0].args.submission_fence_id;
		interrupt.fault_address = last_stop.address;
		interrupt.fault_dma_offset = last_stop.offset;
		interrupt.fault_write = last_stop.write;
		penstock_scheduler_notify_interrupt(machine->scheduler, process->owner, &interrupt);
		return true;
	}
	if (ring->preempting && machine->deaf != process) {
		answer_preemption(machine, process, node_ordinal);
		return true;
	}
	return completed || faulted;
}

/* ---------------------------------------------------------------- backend.h */

static enum penstock_status create_process(struct penstock_backend *backend, bool system,
					   void *process_owner,
					   struct penstock_backend_process **ret_process)
{
	struct machine *machine = machine_of(backend);

	for (uint32_t i = 0; i < MACHINE_PROCESSES; i++) {
		struct machine_process *process = &machine->processes[i];

		if (!process->used) {
			memset(process, 0, sizeof(*process));
			process->base.backend = backend;
			process->used = true;
			process->system = system;
			process->owner = process_owner;
			*ret_process = &process->base;
			return PENSTOCK_STATUS_SUCCESS;
		}
	}
	return PENSTOCK_STATUS_NO_MEMORY;
}

static void forget(struct machine_process *process)
{
	for (uint32_t node = 0; node < PENSTOCK_NODE_COUNT; node++) {
		machine_empty_ring(machine_of(process->base.backend), process, node);
		process->rings[node].faulted = false;
	}
	process->mapping_count = 0;
}

static void destroy_process(struct penstock_backend_process *base)
{
	struct machine_process *process = process_of(base);

	forget(process);
	for (uint32_t i = 0; i < process->file_count; i++) {
		close(process->files[i].descriptor);
	}
	process->used = false;
}

static enum penstock_status attach_file(struct penstock_backend_process *base,
					const struct penstock_backend_file *file,
					enum penstock_file_role role)
{
	struct machine_process *process = process_of(base);

	ck_assert_ptr_null(file_of(process, file->id));
	ck_assert_uint_lt(process->file_count, MACHINE_FILES);
	ck_assert_int_eq(lseek(file->descriptor, 0, SEEK_END), (off_t)file->size_bytes);
	process->files[process->file_count++] = (struct machine_file){
		.id = file->id,
		.descriptor = fcntl(file->descriptor, F_DUPFD_CLOEXEC, 0),
		.role = role,
	};
	return PENSTOCK_STATUS_SUCCESS;
}

static void detach_file(struct penstock_backend_process *base, uint32_t file_id)
{
	struct machine_process *process = process_of(base);

	for (uint32_t i = 0; i < process->file_count; i++) {
		if (process->files[i].id == file_id) {
			close(process->files[i].descriptor);
			process->files[i] = process->files[--process->file_count];
			return;
		}
	}
}

static void submit_command(struct penstock_backend_process *base,
			   const struct penstock_submit_args *args)
{
	struct machine_process *process = process_of(base);
	struct machine *machine = machine_of(base->backend);
	struct machine_ring *ring = &process->rings[args->node_ordinal];
	struct machine_packet *packet = &ring->packets[ring->count];

	ck_assert_uint_lt(ring->count, PENSTOCK_RING_PACKETS);
	ck_assert(ring->count == 0 ||
		  (int32_t)(args->submission_fence_id - packet[-1].args.submission_fence_id) > 0);
	if (machine->on_submit != NULL) {
		machine->on_submit(base, args);
	}
	packet->args = *args;
	packet->executed = false;
	if (!process->runs) {
		process->runs = true;
		process->has_pipelines = process->needs_pipelines;
	}
	if ((args->flags & PENSTOCK_SUBMITCOMMAND_PAGING) != 0) {
		ck_assert_uint_le(args->paging_buffer_bytes, PENSTOCK_PAGING_BUFFER_BYTES);
		memcpy(packet->paging, args->paging_buffer, args->paging_buffer_bytes);
	} else {
		ck_assert(!process->system);
		machine->on_rings[args->node_ordinal]++;
		if (machine->on_rings[args->node_ordinal] > machine->most_on_rings) {
			machine->most_on_rings = machine->on_rings[args->node_ordinal];
		}
	}
	ring->count++;
}

static void ring_doorbell(struct penstock_backend_process *base)
{
	struct machine_process *process = process_of(base);

	process->doorbells++;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT && machine_of(base->backend)->eager; i++) {
		while (machine_execute(process, i)) {
		}
	}
}

static void query_current_fence(struct penstock_backend_process *base, uint32_t node_ordinal)
{
	struct machine *machine = machine_of(base->backend);

	machine->queries++;
	(void)machine_report(machine, process_of(base), node_ordinal);
}

static void preempt_command(struct penstock_backend_process *base, uint32_t node_ordinal,
			    uint32_t preemption_fence_id)
{
	struct machine_ring *ring = &process_of(base)->rings[node_ordinal];

	ck_assert(!ring->preempting);
	ring->preempting = true;
	ring->preempt_fence_id = preemption_fence_id;
}

static enum penstock_status reset_engine(struct penstock_backend_process *base)
{
	struct machine_process *process = process_of(base);

	if (process->unending > 0) {
		process->unending--;
		return PENSTOCK_STATUS_UNSUCCESSFUL;
	}
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		process->rings[i].preempting = false;
		for (; process->rings[i].late > 0; process->rings[i].late--) {
			ck_assert(machine_execute(process, i));
		}
		/* A fault is told no more, and what it was asked is not answered. */
		process->rings[i].faulted = false;
		(void)machine_report(machine_of(base->backend), process, i);
		if (machine_of(base->backend)->on_reset != NULL && process->rings[i].count > 0) {
			machine_of(base->backend)->on_reset(process, i);
		}
	}
	forget(process);
	process->runs = false;
	process->resets++;
	return PENSTOCK_STATUS_SUCCESS;
}

static bool need_pipelines(struct penstock_backend_process *base)
{
	struct machine_process *process = process_of(base);

	process->needs_pipelines = true;
	return !process->runs || process->has_pipelines;
}

static uint32_t running_fence(const struct penstock_backend_process *base, uint32_t node_ordinal,
			      uint32_t *ret_dma_offset)
{
	const struct machine_ring *ring =
		&((const struct machine_process *)base)->rings[node_ordinal];

	*ret_dma_offset = ring->running_offset;
	return ring->running;
}

static size_t collect_dbg_info(struct penstock_backend_process *base, char *ret_text,
			       size_t text_bytes)
{
	const struct machine_process *process = process_of(base);

	snprintf(ret_text, text_bytes, "resets=%u packets=%u", process->resets,
		 process->rings[0].count + process->rings[1].count);
	return strlen(ret_text);
}

static const struct penstock_backend_ops ops = {
	.name = "machine",
	.create_process = create_process,
	.destroy_process = destroy_process,
	.attach_file = attach_file,
	.detach_file = detach_file,
	.submit_command = submit_command,
	.ring_doorbell = ring_doorbell,
	.query_current_fence = query_current_fence,
	.preempt_command = preempt_command,
	.reset_engine = reset_engine,
	.need_pipelines = need_pipelines,
	.running_fence = running_fence,
	.collect_dbg_info = collect_dbg_info,
};

/* ---------------------------------------------------------------- the owner */

static enum penstock_status run_job(void *owner, void (*work)(void *argument),
				    void (*done)(void *argument), void *argument)
{
	struct machine *machine = owner;

	if (machine->job_count == PENSTOCK_ARRAY_SIZE(machine->jobs)) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	machine->jobs[machine->job_count++] = (struct machine_job){ work, done, argument };
	return PENSTOCK_STATUS_SUCCESS;
}

static void progress(void *owner)
{
	struct machine *machine = owner;

	machine->progress_calls++;
	if (machine->scheduler != NULL) {
		penstock_scheduler_kick(machine->scheduler);
	}
}

static void failed(void *owner, const char *reason)
{
	struct machine *machine = owner;

	if (machine->failed[0] == '\0') {
		snprintf(machine->failed, sizeof(machine->failed), "%s", reason);
	}
}

static void reset_adapter(void *owner, const char *reason)
{
	struct machine *machine = owner;

	ck_assert_str_eq(machine->reset_reason, "");
	snprintf(machine->reset_reason, sizeof(machine->reset_reason), "%s", reason);
}

static void device_fault(void *owner, struct penstock_submission *submission,
			 const struct penstock_interrupt *interrupt, const char *text)
{
	struct machine *machine = owner;

	machine->fault = *interrupt;
	machine->faults++;
	machine->fault_context = submission->queue->context;
	snprintf(machine->fault_text, sizeof(machine->fault_text), "%s", text);
	snprintf(machine->dbg_info, sizeof(machine->dbg_info), "%s",
		 penstock_scheduler_dbg_info(machine->scheduler));
	penstock_scheduler_cancel(submission->queue, PENSTOCK_STATUS_DEVICE_REMOVED);
}

static void out_of_memory(void *owner, struct penstock_submission *submission, uint32_t dma_offset,
			  const char *text)
{
	struct machine *machine = owner;

	machine->out_of_memory++;
	machine->too_much_offset = dma_offset;
	snprintf(machine->out_of_memory_text, sizeof(machine->out_of_memory_text), "%s", text);
	penstock_scheduler_cancel(submission->queue, PENSTOCK_STATUS_DEVICE_REMOVED);
}

static void defer(void *owner)
{
	struct machine *machine = owner;

	ck_assert(!machine->deliver_asked);
	machine->deliver_asked = true;
}

static void bells(void *owner)
{
	struct machine *machine = owner;

	ck_assert(!machine->bells_asked);
	machine->bells_asked = true;
}

static void watch(void *owner)
{
	struct machine *machine = owner;

	ck_assert(!machine->watch_asked);
	machine->watch_asked = true;
}

static void slice(void *owner)
{
	struct machine *machine = owner;

	ck_assert(!machine->slice_asked);
	machine->slice_asked = true;
}

void machine_watch(struct machine *machine)
{
	ck_assert(machine->watch_asked);
	machine->watch_asked = false;
	penstock_scheduler_watch(machine->scheduler);
}

void machine_slice(struct machine *machine)
{
	ck_assert(machine->slice_asked);
	machine->slice_asked = false;
	penstock_scheduler_slice(machine->scheduler);
}

static uint64_t now_ns(void *owner)
{
	const struct machine *machine = owner;

	return machine->now_ns;
}

void machine_init(struct machine *machine)
{
	memset(machine, 0, sizeof(*machine));
	machine->local_bytes = 8u << 20;
	machine->aperture_bytes = 16u << 20;
	machine->cap = 4;
	machine->first_fence = 1;
	penstock_scheduler_process_init(&machine->sharing, PENSTOCK_WEIGHT_NORMAL);
	machine->directory = penstock_test_directory();
}

static void paging(void *owner, const struct penstock_paging_event *event)
{
	const struct machine *machine = owner;

	if (machine->on_paging != NULL) {
		machine->on_paging(event);
	}
}

void machine_start(struct machine *machine)
{
	const struct penstock_vidmm_config config = {
		.now_ns = now_ns,
		.paging = paging,
		.memory_dir = machine->directory,
		.local_bytes = machine->local_bytes,
		.aperture_bytes = machine->aperture_bytes,
		.aperture_commit_limit_bytes = machine->aperture_bytes,
		.backend = &machine->backend,
		.worker = { .owner = machine, .run = run_job },
		.owner = machine,
		.progress = progress,
		.failed = failed,
	};
	struct penstock_errbuf text = { "" };

	machine->backend.ops = &ops;
	ck_assert_msg(penstock_vidmm_new(&config, &machine->vidmm, &machine->fresh, &text) ==
			      PENSTOCK_STATUS_SUCCESS,
		      "%s", text.text);
	const struct penstock_scheduler_config scheduler_config = {
		.vidmm = machine->vidmm,
		.backend = &machine->backend,
		.hw_queue_packet_cap = machine->cap,
		.first_fence_id = machine->first_fence,
		.paranoid = machine->paranoid,
		.split_points = machine->split_points,
		.owner = machine,
		.now_ns = now_ns,
		.device_fault = device_fault,
		.reset_adapter = reset_adapter,
		.out_of_memory = out_of_memory,
		.failed = failed,
		.defer = defer,
		.bells = bells,
		.watch = watch,
		.slice = slice,
		.tdr_delay_ns = PENSTOCK_TDR_DELAY_MS * 1000000ull,
	};
	ck_assert_int_eq(penstock_scheduler_new(&scheduler_config, &machine->scheduler),
			 PENSTOCK_STATUS_SUCCESS);
}

void machine_turn(struct machine *machine)
{
	struct machine_job jobs[PENSTOCK_ARRAY_SIZE(machine->jobs)];
	uint32_t count = machine->job_count;

	memcpy(jobs, machine->jobs, sizeof(jobs));
	machine->job_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		jobs[i].work(jobs[i].argument);
		jobs[i].done(jobs[i].argument);
	}
	if (machine->bells_asked) {
		machine->bells_asked = false;
		penstock_scheduler_ring_doorbells(machine->scheduler);
	}
	if (machine->deliver_asked) {
		machine->deliver_asked = false;
		penstock_scheduler_deliver(machine->scheduler);
	}
}

bool machine_step(struct machine *machine)
{
	bool happened = machine->job_count > 0 || machine->deliver_asked;

	machine_turn(machine);
	for (uint32_t i = 0; i < MACHINE_PROCESSES; i++) {
		struct machine_process *process = &machine->processes[i];

		for (uint32_t node = 0; node < PENSTOCK_NODE_COUNT && process->used; node++) {
			machine_execute(process, node);
			happened |= machine_report(machine, process, node);
		}
	}
	return happened;
}

void machine_settle(struct machine *machine)
{
	unsigned steps = 0;

	while (machine_step(machine)) {
		ck_assert_uint_lt(++steps, 10000);
	}
}

void machine_stop(struct machine *machine, bool keep)
{
	if (keep) {
		penstock_vidmm_keep(machine->vidmm);
	}
	penstock_scheduler_free(machine->scheduler);
	machine->scheduler = NULL;
	machine->bells_asked = false;
	machine->watch_asked = false;
	machine->slice_asked = false;
	penstock_vidmm_free(machine->vidmm);
	while (machine->job_count > 0) {
		machine_turn(machine);
	}
	machine->vidmm = NULL;
	for (uint32_t i = 0; i < MACHINE_PROCESSES; i++) {
		ck_assert(!machine->processes[i].used);
	}
}

void machine_crash(struct machine *machine)
{
	for (uint32_t i = 0; i < MACHINE_PROCESSES; i++) {
		if (machine->processes[i].used) {
			destroy_process(&machine->processes[i].base);
		}
	}
	/* What the dead daemon had in memory is reachable from here only, and leaks as it would. */
	machine->scheduler = NULL;
	machine->vidmm = NULL;
	machine->job_count = 0;
	machine->deliver_asked = false;
	machine->bells_asked = false;
	machine->watch_asked = false;
	machine->slice_asked = false;
}

void machine_fini(struct machine *machine)
{
	penstock_test_directory_remove(machine->directory);
}

void machine_kill(struct machine *machine, struct machine_process *process)
{
	penstock_scheduler_process_died(machine->scheduler, process->owner, SIGKILL);
}

/* ---------------------------------------------------------------- shortcuts */

struct penstock_vidmm_process *machine_principal(struct machine *machine, uint64_t id,
						 uint64_t quota_bytes)
{
	struct penstock_vidmm_process *process;

	ck_assert_int_eq(penstock_vidmm_process_new(machine->vidmm, id, quota_bytes, &process),
			 PENSTOCK_STATUS_SUCCESS);
	return process;
}

static void reserved(void *argument, enum penstock_status status)
{
	*(enum penstock_status *)argument = status;
}

struct penstock_vidmm_allocation *machine_allocation(struct machine *machine,
						     struct penstock_vidmm_process *process,
						     uint64_t id, uint64_t size_bytes,
						     uint32_t segment_set)
{
	const struct penstock_allocation_info info = {
		.id = id,
		.size_bytes = size_bytes,
		.segment_set = segment_set,
	};
	enum penstock_status told = PENSTOCK_STATUS_PENDING, status;
	struct penstock_vidmm_allocation *allocation;

	status = penstock_vidmm_allocation_new(process, &info, reserved, &told, &allocation);
	if (status == PENSTOCK_STATUS_PENDING) {
		while (told == PENSTOCK_STATUS_PENDING) {
			ck_assert(machine_step(machine));
		}
		status = told;
	}
	ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
	return allocation;
}

static uint8_t *access_bytes(struct machine *machine, struct penstock_vidmm_allocation *allocation,
			     uint64_t offset, uint32_t access)
{
	uint8_t *bytes;

	while ((bytes = penstock_vidmm_access_begin(allocation, offset, access)) == NULL) {
		ck_assert(machine_step(machine));
	}
	return bytes;
}

void machine_write(struct machine *machine, struct penstock_vidmm_allocation *allocation,
		   uint64_t offset, const void *bytes, size_t size)
{
	memcpy(access_bytes(machine, allocation, offset, PENSTOCK_ACCESS_WRITE), bytes, size);
	penstock_vidmm_access_end(allocation);
}

void machine_read(struct machine *machine, struct penstock_vidmm_allocation *allocation,
		  uint64_t offset, void *ret_bytes, size_t size)
{
	memcpy(ret_bytes, access_bytes(machine, allocation, offset, PENSTOCK_ACCESS_READ), size);
	penstock_vidmm_access_end(allocation);
}
