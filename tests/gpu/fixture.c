/* SPDX-License-Identifier: MIT */
#include "tests/gpu/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---------------------------------------------------------------- callbacks */

static void on_interrupt(void *owner, void *process_owner,
			 const struct penstock_interrupt *interrupt)
{
	struct fixture *fixture = owner;
	struct fixture_process *process = process_owner;

	ck_assert_msg(!fixture->in_call, "a callback from inside a call");
	ck_assert_uint_lt(process->interrupt_count, FIXTURE_INTERRUPTS);
	process->interrupts[process->interrupt_count++] = *interrupt;
	if (fixture->on_interrupt != NULL) {
		fixture->on_interrupt(process);
	}
}

static void on_died(void *owner, void *process_owner, int wait_status)
{
	struct fixture *fixture = owner;
	struct fixture_process *process = process_owner;

	ck_assert_msg(!fixture->in_call, "a callback from inside a call");
	process->deaths++;
	process->wait_status = wait_status;
	if (fixture->on_died != NULL) {
		fixture->on_died(process);
	}
}

static void on_failed(void *owner, const char *reason)
{
	struct fixture *fixture = owner;

	ck_assert_msg(!fixture->in_call, "a callback from inside a call");
	fixture->failure = reason;
}

static void on_stopped(void *argument)
{
	struct fixture *fixture = argument;

	fixture->stopped = true;
}

/* ---------------------------------------------------------------- start and stop */

void fixture_start(struct fixture *fixture)
{
	fixture_start_program(fixture, "penstock-gpu");
}

void fixture_start_program(struct fixture *fixture, const char *name)
{
	struct penstock_backend_config config = {
		.loop = &fixture->loop,
		.memory_lock = -1,
		.local_bytes = FIXTURE_LOCAL_BYTES,
		.aperture_bytes = FIXTURE_APERTURE_BYTES,
		.callbacks = { fixture, on_interrupt, on_died, on_failed },
	};
	struct penstock_errbuf error;
	const char *build = getenv("PENSTOCK_BUILDDIR");
	char program[4096];

	*fixture = (struct fixture){ .backend = NULL };
	snprintf(program, sizeof(program), "%s/%s",
		 name[0] == '/' ? "" : (build != NULL ? build : "."), name);
	config.gpu_program = program;
	ck_assert_int_eq(uv_loop_init(&fixture->loop), 0);
	ck_assert_int_eq(penstock_emulated_start(&config, &fixture->backend, &error),
			 PENSTOCK_STATUS_SUCCESS);
}

void fixture_stop(struct fixture *fixture)
{
	fixture->backend->ops->stop(fixture->backend, on_stopped, fixture);
	uv_run(&fixture->loop, UV_RUN_DEFAULT);
	ck_assert(fixture->stopped);
	ck_assert_int_eq(uv_loop_close(&fixture->loop), 0);
}

static int make_file(uint64_t size, uint8_t **ret_memory)
{
	int descriptor = memfd_create("penstock-test", MFD_CLOEXEC);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(ftruncate(descriptor, (off_t)size), 0);
	if (ret_memory != NULL) {
		*ret_memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
		ck_assert_ptr_ne(*ret_memory, MAP_FAILED);
	}
	return descriptor;
}

static void attach(struct fixture_process *process, uint32_t id, int descriptor, uint64_t size,
		   enum penstock_file_role role)
{
	struct penstock_backend_file file = { process->first_file + id, descriptor, size };

	ck_assert_int_eq(process->fixture->backend->ops->attach_file(process->backend, &file, role),
			 PENSTOCK_STATUS_SUCCESS);
}

void fixture_process_start(struct fixture *fixture, struct fixture_process *process,
			   uint32_t first_file)
{
	*process = (struct fixture_process){ .fixture = fixture, .first_file = first_file };
	process->descriptors[0] = make_file(FIXTURE_SYSTEM_BYTES, &process->system);
	process->descriptors[1] = make_file(FIXTURE_LOCAL_BYTES, &process->local);
	process->descriptors[2] = make_file(FIXTURE_APERTURE_BYTES, NULL);
	ck_assert_int_eq(fixture->backend->ops->create_process(fixture->backend, false, process,
							       &process->backend),
			 PENSTOCK_STATUS_SUCCESS);
	attach(process, FIXTURE_SYSTEM_FILE, process->descriptors[0], FIXTURE_SYSTEM_BYTES,
	       PENSTOCK_FILE_PAGES);
	attach(process, FIXTURE_LOCAL_FILE, process->descriptors[1], FIXTURE_LOCAL_BYTES,
	       PENSTOCK_FILE_LOCAL);
	attach(process, FIXTURE_DUMMY_FILE, process->descriptors[2], FIXTURE_APERTURE_BYTES,
	       PENSTOCK_FILE_DUMMY);
}

void fixture_process_stop(struct fixture_process *process)
{
	process->fixture->backend->ops->destroy_process(process->backend);
	munmap(process->system, FIXTURE_SYSTEM_BYTES);
	munmap(process->local, FIXTURE_LOCAL_BYTES);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(process->descriptors); i++) {
		close(process->descriptors[i]);
	}
}

/* ---------------------------------------------------------------- submissions */

void fixture_submit_raw(struct fixture_process *process, const struct penstock_submit_args *args)
{
	process->fixture->in_call = true;
	process->fixture->backend->ops->submit_command(process->backend, args);
	process->fixture->in_call = false;
}

void fixture_ring(struct fixture_process *process)
{
	process->fixture->in_call = true;
	process->fixture->backend->ops->ring_doorbell(process->backend);
	process->fixture->in_call = false;
}

void fixture_submit(struct fixture_process *process, uint32_t node, uint32_t fence,
		    const struct stream *dma, uint32_t slot)
{
	struct penstock_submit_args args = {
		.node_ordinal = node,
		.submission_fence_id = fence,
		.dma_buffer_address = FIXTURE_DMA_ADDRESS + slot * 4096u,
		.submission_end_offset = dma->used,
	};

	ck_assert_uint_le(slot * 4096u + dma->used, FIXTURE_DMA_BYTES);
	memcpy(process->local + slot * 4096u, dma->bytes, dma->used);
	fixture_submit_raw(process, &args);
}

void fixture_submit_paging(struct fixture_process *process, uint32_t node, uint32_t fence,
			   const struct stream *dma)
{
	struct penstock_submit_args args = {
		.node_ordinal = node,
		.submission_fence_id = fence,
		.flags = PENSTOCK_SUBMITCOMMAND_PAGING,
		.paging_buffer = dma->bytes,
		.paging_buffer_bytes = dma->used,
	};

	fixture_submit_raw(process, &args);
}

static bool completed(const struct fixture_process *process, uint32_t node, uint32_t fence)
{
	for (unsigned i = 0; i < process->interrupt_count; i++) {
		const struct penstock_interrupt *interrupt = &process->interrupts[i];

		if (interrupt->type == PENSTOCK_INTERRUPT_DMA_COMPLETED &&
		    interrupt->node_ordinal == node && interrupt->fence_id == fence) {
			return true;
		}
	}
	return false;
}

void fixture_await_fence(struct fixture_process *process, uint32_t node, uint32_t fence)
{
	fixture_until(process->fixture, completed(process, node, fence));
}

const struct penstock_interrupt *fixture_await(struct fixture_process *process, unsigned count)
{
	fixture_until(process->fixture, process->interrupt_count >= count);
	return &process->interrupts[process->interrupt_count - 1];
}
