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

#define BATCH 32u

static struct penstock_daemon machine;
static struct compute_client client;
static struct vulkan_reference *reference;
static uint8_t memory[CANVAS_IMAGE_END] __attribute__((aligned(4096)));
static uint8_t data[CANVAS_DATA_BYTES];
static struct penstock_format_features formats[PENSTOCK_TEXEL_FORMATS];
static struct canvas canvas;

/* A variant on its way. */
struct attempt {
	const struct graphics_case *is;
	uint32_t variant;
	struct remote_canvas remote;
	uint8_t *expected; /* [remote.data_bytes] */
};

static bool little; /* local memory alone may hold all, and has not room for all */

/* What the adapter says of formats, by their id. */
static void ask_formats(void)
{
	struct penstock_adapter_report *report;
	struct penstock_adapter_format format;

	memset(formats, 0, sizeof(formats));
	ck_assert_int_eq(penstock_adapter_query(client.connection, 0, &report),
			 PENSTOCK_STATUS_SUCCESS);
	for (uint32_t i = 0;
	     penstock_adapter_report_format(report, i, &format) == PENSTOCK_STATUS_SUCCESS; i++) {
		formats[penstock_texel_format_get(format.format)->id] =
			(struct penstock_format_features){ .linear = format.linear,
							   .optimal = format.optimal,
							   .buffer = format.buffer };
	}
	penstock_adapter_report_free(report);
}

static void start(const char *const arguments[])
{
	compute_machine_start(&machine, arguments);
	compute_client_open(&client, machine.unix_server);
	ask_formats();
	reference = vulkan_reference_new();
}

static void set_up(void)
{
	/* A host that is busy with other tests is no hang. */
	static const char *const arguments[] = { "--tdr-delay=120000", NULL };

	little = false;
	start(arguments);
}

static void set_up_little(void)
{
	/* No more than the largest group needs at once. */
	static const char *const arguments[] = { "--local-memory=1152K", "--tdr-delay=120000",
						 NULL };

	little = true;
	start(arguments);
}

static void tear_down(void)
{
	vulkan_reference_free(reference);
	compute_client_close(&client);
	compute_machine_stop(&machine);
}

/* False: the driver has not what it takes. */
static bool prepare(struct attempt *attempt)
{
	canvas_begin(&canvas, memory, formats);
	attempt->is->build(&canvas, attempt->variant);
	if (canvas.stream.used == 0) {
		return false;
	}
	graphics_reference_run(reference, &canvas, data);
	ck_assert_msg(memcmp(memory, data, canvas.data_used) != 0,
		      "%s, variant %u: nothing is drawn", attempt->is->name, attempt->variant);
	attempt->expected = malloc(canvas.data_used);
	ck_assert_ptr_nonnull(attempt->expected);
	memcpy(attempt->expected, data, canvas.data_used);
	remote_canvas_new(&client, &canvas, little ? 1 : 0, little, &attempt->remote);
	return true;
}

static void complain(const struct attempt *attempt, enum penstock_status status,
		     const struct penstock_failure *failure)
{
	struct penstock_device_report device = { .reason = "" };

	(void)penstock_device_query(client.connection, client.device, &device);
	fprintf(stderr, "%s, variant %u: %s: %s; the device: %s\n", attempt->is->name,
		attempt->variant, penstock_status_name(status), failure->sentence, device.reason);
}

/* Whether it ran and left the same; otherwise says what is wrong. */
static bool finish(struct attempt *attempt)
{
	const uint32_t bytes = attempt->remote.data_bytes;
	struct penstock_failure failure;
	enum penstock_status status = remote_canvas_wait(&client, &attempt->remote, data, &failure);
	uint32_t at = 0;

	while (status == PENSTOCK_STATUS_SUCCESS && at < bytes &&
	       data[at] == attempt->expected[at]) {
		at++;
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		complain(attempt, status, &failure);
	} else if (at < bytes) {
		fprintf(stderr, "%s, variant %u: byte %#x is %#x, not %#x\n", attempt->is->name,
			attempt->variant, at, data[at], attempt->expected[at]);
	}
	remote_canvas_destroy(&client, &attempt->remote);
	free(attempt->expected);
	return at == bytes;
}

/*
 * A command buffer of each in turn; all are on their way before the first one is looked at. How
 * many of them are wrong.
 */
static uint32_t run(struct attempt *attempts, uint32_t count)
{
	uint32_t wrong = 0;
	bool more = true;

	while (more) {
		more = false;
		for (uint32_t i = 0; i < count; i++) {
			more |= remote_canvas_submit(&client, &attempts[i].remote);
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		wrong += finish(&attempts[i]) ? 0 : 1;
	}
	return wrong;
}

/* With one daemon for all: its start takes longer than they do. */
static void run_all(void)
{
	static struct attempt attempts[BATCH];
	uint32_t count = 0, wrong = 0;

	for (uint32_t i = 0; i < graphics_case_count; i++) {
		for (uint32_t variant = 0; variant < graphics_cases[i].variants; variant++) {
			attempts[count] =
				(struct attempt){ .is = &graphics_cases[i], .variant = variant };
			count += prepare(&attempts[count]) ? 1 : 0;
			if (count == BATCH) {
				wrong += run(attempts, count);
				count = 0;
			}
		}
	}
	wrong += run(attempts, count);
	ck_assert_uint_eq(wrong, 0);
}

START_TEST(what_a_client_draws_is_what_vulkan_draws)
{
	run_all();
}
END_TEST

/* What a variant draws is somewhere else before its next group. */
START_TEST(B2_the_same_bytes_in_little_memory)
{
	run_all();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("graphics of a client");
	TCase *tcase = tcase_create("graphics");
	TCase *small = tcase_create("little memory");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, what_a_client_draws_is_what_vulkan_draws);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(small, 300);
	tcase_add_checked_fixture(small, set_up_little, tear_down);
	tcase_add_test(small, B2_the_same_bytes_in_little_memory);
	suite_add_tcase(suite, small);
	return penstock_test_main(suite);
}
