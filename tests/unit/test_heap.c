/* SPDX-License-Identifier: MIT */
/* The heap against a plain search, over additions, removals from anywhere, and equal keys. */
#include "proto/base/heap.h"
#include "tests/harness.h"

#include <stdlib.h>

#define NODES 512u

static struct penstock_heap heap;
static struct penstock_heap_node nodes[NODES];
static bool in[NODES];
static uint64_t seed;

static uint64_t next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33;
}

/* The smallest key that is in; UINT64_MAX: none. */
static uint64_t smallest(void)
{
	uint64_t key = UINT64_MAX;

	for (unsigned i = 0; i < NODES; i++) {
		if (in[i] && nodes[i].key < key) {
			key = nodes[i].key;
		}
	}
	return key;
}

static void check_first(void)
{
	if (heap.first == NULL) {
		ck_assert_uint_eq(smallest(), UINT64_MAX);
		return;
	}
	ck_assert(in[heap.first - nodes]);
	ck_assert_uint_eq(heap.first->key, smallest());
}

static void set_up(void)
{
	heap.first = NULL;
	for (unsigned i = 0; i < NODES; i++) {
		in[i] = false;
	}
}

START_TEST(the_first_is_the_smallest_whatever_was_added_or_removed)
{
	seed = (uint64_t)_i + 1;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)(next_random() % NODES);

		if (in[i]) {
			penstock_heap_remove(&heap, &nodes[i]);
		} else {
			nodes[i].key = next_random() % 200;
			penstock_heap_add(&heap, &nodes[i]);
		}
		in[i] = !in[i];
		check_first();
	}
}
END_TEST

START_TEST(all_come_out_in_order)
{
	uint64_t last = 0;

	seed = (uint64_t)_i + 1;
	for (unsigned i = 0; i < NODES; i++) {
		nodes[i].key = _i == 0 ? i : _i == 1 ? NODES - i : next_random();
		penstock_heap_add(&heap, &nodes[i]);
	}
	for (unsigned i = 0; i < NODES; i++) {
		struct penstock_heap_node *first = heap.first;

		ck_assert_uint_le(last, first->key);
		last = first->key;
		penstock_heap_remove(&heap, first);
	}
	ck_assert_ptr_null(heap.first);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("heap");
	TCase *tests = tcase_create("heap");

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_loop_test(tests, the_first_is_the_smallest_whatever_was_added_or_removed, 0, 8);
	tcase_add_loop_test(tests, all_come_out_in_order, 0, 8);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
