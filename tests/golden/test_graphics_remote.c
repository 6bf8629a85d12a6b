/* SPDX-License-Identifier: MIT */
/*
 * Programs of graphics through libpenstock and a daemon of this build, which checks every DMA
 * buffer a second time, against plain Vulkan on the same driver: the same bytes, in little local
 * memory too.
 */
#include "tests/golden/graphics_cases.h"
#include "tests/golden/graphics_reference.h"
#include "tests/golden/remote_canvas.h"
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIANTS 32u

static struct penstock_daemon machine;
static struct compute_client client;
static struct vulkan_reference *reference;
static uint8_t memory[CANVAS_IMAGE_END] __attribute__((aligned(4096)));
static uint8_t data[CANVAS_DATA_BYTES];
static struct canvas canvas;

/* A variant on its way. */
struct attempt {
	struct remote_canvas remote;
	uint8_t *expected; /* [remote.data_bytes] */
};

static void start(const char *const arguments[])
{
	compute_machine_start(&machine, arguments);
	compute_client_open(&client, machine.unix_server);
	reference = vulkan_reference_new();
}

static void set_up(void)
{
	/* A host that is busy with other tests is no hang. */
	static const char *const arguments[] = { "--tdr-delay=120000", NULL };

	start(arguments);
}

static void tear_down(void)
{
	vulkan_reference_free(reference);
	compute_client_close(&client);
	compute_machine_stop(&machine);
}

static void submit(const struct graphics_case *is, uint32_t variant, uint32_t segment_set,
		   struct attempt *ret_attempt)
{
	canvas_begin(&canvas, memory);
	is->build(&canvas, variant);
	graphics_reference_run(reference, &canvas, data);
	ret_attempt->expected = malloc(canvas.data_used);
	ck_assert_ptr_nonnull(ret_attempt->expected);
	memcpy(ret_attempt->expected, data, canvas.data_used);
	remote_canvas_submit(&client, &canvas, segment_set, &ret_attempt->remote);
}

/* Whether it ran and left the same; otherwise says what is wrong. */
static bool finish(const struct graphics_case *is, uint32_t variant, struct attempt *attempt)
{
	struct penstock_failure failure;
	enum penstock_status status = remote_canvas_wait(&client, &attempt->remote, data, &failure);
	uint32_t at = 0;

	while (status == PENSTOCK_STATUS_SUCCESS && at < attempt->remote.data_bytes &&
	       data[at] == attempt->expected[at]) {
		at++;
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		fprintf(stderr, "%s, variant %u: %s: %s\n", is->name, variant,
			penstock_status_name(status), failure.sentence);
	} else if (at < attempt->remote.data_bytes) {
		fprintf(stderr, "%s, variant %u: byte %#x is %#x, not %#x\n", is->name, variant, at,
			data[at], attempt->expected[at]);
	}
	remote_canvas_destroy(&client, &attempt->remote);
	free(attempt->expected);
	return status == PENSTOCK_STATUS_SUCCESS && at == attempt->remote.data_bytes;
}

/* All variants are on their way before the first one is looked at; how many of them are wrong. */
static uint32_t run(const struct graphics_case *is, uint32_t segment_set)
{
	struct attempt attempts[VARIANTS];
	uint32_t wrong = 0;

	ck_assert_uint_le(is->variants, VARIANTS);
	for (uint32_t variant = 0; variant < is->variants; variant++) {
		submit(is, variant, segment_set, &attempts[variant]);
	}
	for (uint32_t variant = 0; variant < is->variants; variant++) {
		wrong += finish(is, variant, &attempts[variant]) ? 0 : 1;
	}
	return wrong;
}

/* With one daemon for all: its start takes longer than they do. */
START_TEST(what_a_client_draws_is_what_vulkan_draws)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < graphics_case_count; i++) {
		wrong += run(&graphics_cases[i], 0);
	}
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("graphics of a client");
	TCase *tcase = tcase_create("graphics");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, what_a_client_draws_is_what_vulkan_draws);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
