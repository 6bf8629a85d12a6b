/* SPDX-License-Identifier: MIT */
#include "tests/gpu/machine.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int make_file(uint64_t size)
{
	int descriptor = memfd_create("penstock-test", MFD_CLOEXEC);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(ftruncate(descriptor, (off_t)size), 0);
	return descriptor;
}

static uint8_t *map(int descriptor, uint64_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);

	ck_assert_ptr_ne(memory, MAP_FAILED);
	return memory;
}

static void attach(struct machine *machine, uint32_t id, int descriptor, uint64_t size,
		   enum penstock_file_role role)
{
	int duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);

	ck_assert_int_ge(duplicate, 0);
	ck_assert_int_eq(penstock_mmu_attach(&machine->mmu, id, duplicate, size, role),
			 PENSTOCK_STATUS_SUCCESS);
}

void machine_start(struct machine *machine)
{
	int local = make_file(MACHINE_LOCAL_BYTES);

	ck_assert_int_eq(penstock_guard_install(), 0);
	ck_assert_int_eq(
		penstock_mmu_init(&machine->mmu, MACHINE_LOCAL_BYTES, MACHINE_APERTURE_BYTES),
		PENSTOCK_STATUS_SUCCESS);
	penstock_engine_init(&machine->engine, &machine->mmu, PENSTOCK_NODE_RENDER_ORDINAL);
	machine->system_file = make_file(MACHINE_SYSTEM_BYTES);
	machine->dummy_file = make_file(MACHINE_APERTURE_BYTES);
	machine->system = map(machine->system_file, MACHINE_SYSTEM_BYTES);
	machine->local = map(local, MACHINE_LOCAL_BYTES);
	attach(machine, MACHINE_SYSTEM_FILE, machine->system_file, MACHINE_SYSTEM_BYTES,
	       PENSTOCK_FILE_PAGES);
	attach(machine, MACHINE_LOCAL_FILE, local, MACHINE_LOCAL_BYTES, PENSTOCK_FILE_LOCAL);
	attach(machine, MACHINE_DUMMY_FILE, machine->dummy_file, MACHINE_APERTURE_BYTES,
	       PENSTOCK_FILE_DUMMY);
	close(local);
}

void machine_stop(struct machine *machine)
{
	munmap(machine->system, MACHINE_SYSTEM_BYTES);
	munmap(machine->local, MACHINE_LOCAL_BYTES);
	close(machine->system_file);
	close(machine->dummy_file);
	penstock_mmu_fini(&machine->mmu);
}

enum penstock_outcome machine_run(struct machine *machine, struct stream *stream)
{
	uint32_t end = stream->used;

	memcpy(machine->local + MACHINE_STREAM_OFFSET, stream->bytes, end);
	stream->used = 0;
	return penstock_processor_run(&machine->engine, PENSTOCK_LOCAL_BASE + MACHINE_STREAM_OFFSET,
				      0, end, 0);
}

enum penstock_outcome machine_run_paging(struct machine *machine, struct stream *stream)
{
	uint32_t length = stream->used;

	stream->used = 0;
	return penstock_processor_run_paging(&machine->engine, stream->bytes, length);
}

uint32_t machine_random(struct machine_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(z >> 32);
}

uint32_t machine_below(struct machine_random *random, uint32_t limit)
{
	return machine_random(random) % limit;
}

uint64_t machine_seed(uint64_t fallback)
{
	const char *text = getenv("PENSTOCK_SEED");

	return text != NULL ? strtoull(text, NULL, 0) : fallback;
}
