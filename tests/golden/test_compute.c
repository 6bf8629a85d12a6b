/* SPDX-License-Identifier: MIT */
/*
 * Compute: a daemon and Vulkan in this process, on the same driver, leave the same bytes. With all
 * of it in local memory, and with so little that everything has to come and go.
 */
#include "tests/golden/compute_machine.h"
#include "tests/golden/vulkan_reference.h"
#include "tests/harness.h"

#include <string.h>

static struct penstock_daemon machine;
static struct compute_client client;
static struct vulkan_reference *reference;

static void set_up(void)
{
	/* A host that is busy with other tests is no hang. */
	static const char *const arguments[] = { "--tdr-delay=120000", NULL };

	compute_machine_start(&machine, arguments);
	compute_client_open(&client, machine.unix_server);
}

static void tear_down(void)
{
	compute_client_close(&client);
	compute_machine_stop(&machine);
}

static void compare(const struct compute_case *program, uint8_t *wanted[], uint8_t *found[])
{
	for (unsigned m = 0; m < COMPUTE_MEMORIES; m++) {
		for (uint32_t i = 0; i < program->memories[m].size_bytes; i++) {
			ck_assert_msg(wanted[m][i] == found[m][i],
				      "%s: byte %u of memory %u is 0x%02x, not 0x%02x",
				      program->name, i, m, found[m][i], wanted[m][i]);
		}
	}
}

/* What it becomes; the caller frees. */
static void expected(const struct compute_case *program, uint8_t *ret_memories[])
{
	uint8_t *before[COMPUTE_MEMORIES];
	bool changed = false;

	compute_memories_new(program, before);
	compute_memories_new(program, ret_memories);
	vulkan_reference_run(reference, program, ret_memories);
	for (unsigned m = 0; m < COMPUTE_MEMORIES; m++) {
		changed |= memcmp(before[m], ret_memories[m], program->memories[m].size_bytes) != 0;
	}
	/* A program that does nothing shows nothing; one is meant to. */
	ck_assert(changed || strcmp(program->name, "no workgroups") == 0);
	compute_memories_free(before);
}

static void check_case(const struct compute_case *program)
{
	uint8_t *wanted[COMPUTE_MEMORIES], *found[COMPUTE_MEMORIES];
	struct compute_objects objects;

	expected(program, wanted);
	compute_memories_new(program, found);
	compute_objects_new(&client, program, found, 0, &objects);
	compute_wait(&client, compute_submit(&client, program, &objects));
	compute_read(&client, program, &objects, found);
	compare(program, wanted, found);
	compute_objects_destroy(&client, &objects);
	compute_memories_free(wanted);
	compute_memories_free(found);
}

/* With one daemon for all: its start takes longer than they do. */
START_TEST(every_case_leaves_the_bytes_that_vulkan_leaves)
{
	reference = vulkan_reference_new();
	for (unsigned i = 0; i < compute_case_count; i++) {
		check_case(&compute_cases[i]);
	}
	vulkan_reference_free(reference);
}
END_TEST

/* ---------------------------------------------------------------- with little local memory */

#define SETS        8u
#define SET_BYTES   (256u << 10)
#define SET_NUMBERS (SET_BYTES / 4u)
#define ROUNDS      3u

static void set_up_small(void)
{
	/* A quarter of what the sets have. */
	static const char *const arguments[] = { "--local-memory=1M", "--tdr-delay=120000", NULL };

	_Static_assert(SETS * 2u * SET_BYTES == 4u << 20, "four times as much");
	compute_machine_start(&machine, arguments);
	compute_client_open(&client, machine.unix_server);
}

/* Forth and back. */
static struct compute_case set_of(uint32_t seed)
{
	const struct compute_step forth = {
		.kind = COMPUTE_DISPATCH,
		.shader = "step",
		.groups = { SET_NUMBERS / 64u, 1, 1 },
		.push_dwords = 1,
		.push = { SET_NUMBERS },
		.binds = { { SET_BYTES, 0, 0, COMPUTE_READ, 0, 0, 0 },
			   { SET_BYTES, 0, 1, COMPUTE_WRITE, 0, 1, 0 } },
	};
	struct compute_case set = {
		.name = "a set of many",
		.memories = { { SET_BYTES, seed }, { SET_BYTES, 0 } },
		.steps = { forth, forth },
	};

	set.steps[1].binds[0].memory = 1;
	set.steps[1].binds[1].memory = 0;
	return set;
}

START_TEST(B2_the_same_bytes_with_a_quarter_of_the_memory_that_is_worked_on)
{
	uint8_t *wanted[SETS][COMPUTE_MEMORIES], *found[SETS][COMPUTE_MEMORIES];
	struct compute_objects objects[SETS];
	struct compute_case sets[SETS];
	uint64_t fence = 0;

	reference = vulkan_reference_new();
	for (uint32_t i = 0; i < SETS; i++) {
		sets[i] = set_of(1000 + i);
		compute_memories_new(&sets[i], wanted[i]);
		compute_memories_new(&sets[i], found[i]);
		/* Local memory alone may hold it. */
		compute_objects_new(&client, &sets[i], found[i], 1, &objects[i]);
	}
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < SETS; i++) {
			vulkan_reference_run(reference, &sets[i], wanted[i]);
			fence = compute_submit(&client, &sets[i], &objects[i]);
		}
	}
	compute_wait(&client, fence);
	for (uint32_t i = 0; i < SETS; i++) {
		compute_read(&client, &sets[i], &objects[i], found[i]);
		compare(&sets[i], wanted[i], found[i]);
		compute_memories_free(wanted[i]);
		compute_memories_free(found[i]);
	}
	vulkan_reference_free(reference);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compute");
	TCase *cases = tcase_create("cases");
	TCase *small = tcase_create("little memory");

	tcase_set_timeout(cases, 300);
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, every_case_leaves_the_bytes_that_vulkan_leaves);
	suite_add_tcase(suite, cases);
	tcase_set_timeout(small, 300);
	tcase_add_checked_fixture(small, set_up_small, tear_down);
	tcase_add_test(small, B2_the_same_bytes_with_a_quarter_of_the_memory_that_is_worked_on);
	suite_add_tcase(suite, small);
	return penstock_test_main(suite);
}
