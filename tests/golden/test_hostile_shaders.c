/* SPDX-License-Identifier: MIT */
/*
 * Shaders that want what is not theirs: they are refused, or reach nothing; one that does not end
 * costs its own device.
 */
#include "tests/golden/compute_machine.h"
#include "tests/harness.h"

#include <string.h>

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

static struct penstock_daemon machine;
static struct compute_client client;

static void set_up(void)
{
	static const char *const arguments[] = { "--tdr-delay=3000", NULL };

	compute_machine_start(&machine, arguments);
	compute_client_open(&client, machine.unix_server);
}

static void tear_down(void)
{
	compute_client_close(&client);
	compute_machine_stop(&machine);
}

/* ---------------------------------------------------------------- refused */

START_TEST(an_address_in_a_shader_is_refused_with_its_word)
{
	struct penstock_failure failure;
	uint64_t serial;

	(void)compute_pipeline_new(&client, "anywhere", NULL, 0);
	serial = penstock_request_last(client.connection);
	ck_assert_int_eq(
		penstock_request_wait(client.connection, serial, PENSTOCK_FOREVER, &failure),
		PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(failure.sentence, "compute shader, word "));
	ck_assert_ptr_nonnull(strstr(failure.sentence, "PhysicalStorageBuffer"));
}
END_TEST

/* ---------------------------------------------------------------- indices */

enum { INDICES, FROM, TO, SMALL, SEEN, NEIGHBOUR };

/* Where each range begins, how long it is, what is in it and around it. */
static const struct range {
	uint32_t offset;
	uint32_t size;
	uint8_t inside;
	uint8_t around;
} ranges[] = {
	[FROM] = { 1024, 64, 0x22, 0x11 },
	[TO] = { 2048, 64, 0x44, 0x33 },
	[SMALL] = { 512, 66, 0x55, 0x66 }, /* no multiple of 4 */
};

/* In the ranges, behind their ends by a little and by much, and where sums wrap. */
static const uint32_t indices[] = {
	0,          3,          15,         16,         17,         18,         31,
	64,         255,        256,        511,        1023,       1024,       4096,
	65536,      0x100000,   0x10000000, 0x1fffffff, 0x20000000, 0x3ffffff0, 0x3fffffff,
	0x40000000, 0x40000001, 0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000, 0xffffff00,
	0xfffffff0, 0xfffffffd, 0xfffffffe, 0xffffffff,
};
#define INDEX_COUNT PENSTOCK_ARRAY_SIZE(indices)

static const struct compute_case wanderer = {
	"reads and writes where it is told to",
	{ { sizeof(indices), 0 },
	  { 4096, 0 },
	  { 4096, 0 },
	  { 1024, 0 },
	  { INDEX_COUNT * 16u, 0 },
	  { 65536, 0 } },
	{ { .kind = COMPUTE_DISPATCH,
	    .shader = "wander",
	    .groups = { INDEX_COUNT, 1, 1 },
	    .binds = { { sizeof(indices), 0, INDICES, COMPUTE_READ, 0, 0, 0 },
		       { 64, 1024, FROM, COMPUTE_READ, 0, 1, 0 },
		       { 64, 2048, TO, COMPUTE_WRITE, 0, 2, 0 },
		       { 66, 512, SMALL, COMPUTE_UNIFORM, 0, 3, 0 },
		       { INDEX_COUNT * 16u, 0, SEEN, COMPUTE_WRITE, 0, 4, 0 } } } },
};

static void fill_ranges(uint8_t *memories[])
{
	memcpy(memories[INDICES], indices, sizeof(indices));
	memset(memories[NEIGHBOUR], 0x77, wanderer.memories[NEIGHBOUR].size_bytes);
	for (unsigned m = FROM; m <= SMALL; m++) {
		memset(memories[m], ranges[m].around, wanderer.memories[m].size_bytes);
		memset(memories[m] + ranges[m].offset, ranges[m].inside, ranges[m].size);
	}
}

/* Nothing but what the range holds, or zeros; `written`: what the shader writes there. */
static void check_seen(uint32_t value, uint32_t inside, uint32_t written, uint32_t index,
		       const char *what)
{
	ck_assert_msg(value == inside || value == written || value == 0,
		      "index 0x%x of %s found 0x%08x", index, what, value);
}

static void check_around(uint8_t *memories[], unsigned m)
{
	const struct range *range = &ranges[m];

	for (uint32_t i = 0; i < wanderer.memories[m].size_bytes; i++) {
		bool inside = i >= range->offset && i < range->offset + range->size;

		ck_assert_msg(inside || memories[m][i] == range->around,
			      "byte %u of memory %u was written", i, m);
	}
}

static void check_reached_nothing(uint8_t *memories[])
{
	for (uint32_t n = 0; n < INDEX_COUNT; n++) {
		uint32_t seen[4];

		memcpy(seen, memories[SEEN] + n * sizeof(seen), sizeof(seen));
		check_seen(seen[0], 0x22222222, 0x22222222, indices[n], "a storage buffer");
		check_seen(seen[1], 0x55555555, 0x55555555, indices[n], "a uniform buffer");
		check_seen(seen[2], 0x50505050, 0x50505050, indices[n], "a workgroup's array");
		check_seen(seen[3], 0x44444444, 0xdeadbeef, indices[n], "an atomic operation");
		if (indices[n] < 16) {
			ck_assert_uint_eq(seen[0], 0x22222222);
			ck_assert_uint_eq(seen[1], 0x55555555);
			ck_assert_uint_eq(seen[2], 0x50505050);
		}
	}
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t word;

		memcpy(&word, memories[TO] + ranges[TO].offset + (size_t)i * 4, sizeof(word));
		ck_assert(word == 0x44444444 || word == 0xdeadbeef);
	}
	for (unsigned m = FROM; m <= SMALL; m++) {
		check_around(memories, m);
	}
	for (uint32_t i = 0; i < wanderer.memories[NEIGHBOUR].size_bytes; i++) {
		ck_assert_uint_eq(memories[NEIGHBOUR][i], 0x77);
	}
}

START_TEST(an_index_that_only_the_gpu_sees_reaches_nothing)
{
	uint8_t *memories[COMPUTE_MEMORIES];
	struct compute_objects objects;

	compute_memories_new(&wanderer, memories);
	fill_ranges(memories);
	compute_objects_new(&client, &wanderer, memories, 0, &objects);
	compute_wait(&client, compute_submit(&client, &wanderer, &objects));
	compute_read(&client, &wanderer, &objects, memories);
	check_reached_nothing(memories);
	compute_memories_free(memories);
}
END_TEST

/* ---------------------------------------------------------------- without an end */

static const struct compute_case endless = {
	"does not end",
	{ { 4096, 0 } },
	{ { .kind = COMPUTE_DISPATCH,
	    .shader = "endless",
	    .groups = { 1, 1, 1 },
	    .binds = { { 8, 0, 0, COMPUTE_WRITE, 0, 0, 0 } } } },
};

static const struct compute_case honest = {
	"does its work",
	{ { 1024, 77 }, { 1024, 0 } },
	{ { .kind = COMPUTE_DISPATCH,
	    .shader = "map",
	    .groups = { 4, 1, 1 },
	    .binds = { { 1024, 0, 0, COMPUTE_READ, 0, 0, 0 },
		       { 1024, 0, 1, COMPUTE_WRITE, 0, 1, 0 } } } },
};

struct work {
	uint8_t *memories[COMPUTE_MEMORIES];
	struct compute_objects objects;
};

static struct work work_new(struct compute_client *of, const struct compute_case *program)
{
	struct work work;

	compute_memories_new(program, work.memories);
	compute_objects_new(of, program, work.memories, 0, &work.objects);
	return work;
}

/* Does the honest work once more, from the beginning to what must come of it. */
static void check_honest(struct compute_client *of, struct work *work)
{
	uint32_t from[256], to[256];

	compute_wait(of, compute_submit(of, &honest, &work->objects));
	compute_read(of, &honest, &work->objects, work->memories);
	memcpy(from, work->memories[0], sizeof(from));
	memcpy(to, work->memories[1], sizeof(to));
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(to); i++) {
		ck_assert_uint_eq(to[i], from[i] * 3u + i);
	}
}

START_TEST(E1_a_shader_without_end_costs_its_own_device_and_is_named)
{
	struct compute_client hanging, other;
	struct penstock_device_report report;
	struct penstock_failure failure;
	struct work work, hung, others;
	uint64_t fence;

	compute_client_open(&hanging, machine.unix_server); /* the same principal */
	compute_client_open(&other, machine.tcp_server);    /* and another one */
	work = work_new(&client, &honest);
	others = work_new(&other, &honest);
	hung = work_new(&hanging, &endless);
	fence = compute_submit(&hanging, &endless, &hung.objects);
	GOOD(penstock_connection_flush(hanging.connection));
	check_honest(&client, &work);
	check_honest(&other, &others);
	ck_assert_int_ne(penstock_context_wait(hanging.connection, hanging.context, fence,
					       PENSTOCK_FOREVER, &failure),
			 PENSTOCK_STATUS_SUCCESS);
	GOOD(penstock_device_query(hanging.connection, hanging.device, &report));
	ck_assert_uint_eq(report.execution_state, 3); /* hung */
	ck_assert_uint_eq(report.fault_fence, fence);
	ck_assert_str_eq(report.fault_instruction, "bind_pipeline"); /* its group begins there */
	check_honest(&client, &work);
	check_honest(&other, &others);
	GOOD(penstock_device_query(client.connection, client.device, &report));
	ck_assert_uint_eq(report.execution_state, 1);
	/* What the client that hung makes now works too. */
	penstock_connection_close(hanging.connection);
	compute_client_open(&hanging, machine.unix_server);
	compute_memories_free(hung.memories);
	hung = work_new(&hanging, &honest);
	check_honest(&hanging, &hung);
	compute_memories_free(work.memories);
	compute_memories_free(hung.memories);
	compute_memories_free(others.memories);
	compute_client_close(&hanging);
	compute_client_close(&other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostile_shaders");
	TCase *tcase = tcase_create("hostile_shaders");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, an_address_in_a_shader_is_refused_with_its_word);
	tcase_add_test(tcase, an_index_that_only_the_gpu_sees_reaches_nothing);
	tcase_add_test(tcase, E1_a_shader_without_end_costs_its_own_device_and_is_named);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
