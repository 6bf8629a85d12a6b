/* SPDX-License-Identifier: MIT */
/* Private data of DMA buffers: how long it lives, who clears it, and what a shortage of it does. */
#include "daemon/objects/machine.h"
#include "daemon/objects/context.h"
#include "daemon/render/crumbs.h"
#include "proto/isa/instruction.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call) ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)

#define PAIR_BYTES     12u /* a nop and a marker: the dearest that private data knows */
#define PAIR_DMA_BYTES 8u
#define DMA_BYTES      4096u
#define MOST_PAIRS     8192u
#define MULTIPASS      NAME(4)
#define GUARANTEED     NAME(5)
#define HEAP           0xA5 /* what new memory of the heap holds */
#define LEFT           0x5C /* what a translator leaves in all of its private data */

static struct fixture fixture;
static struct client client;
static uint8_t command[MOST_PAIRS * PAIR_BYTES];

/* The linker puts this in front of every malloc. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	void *memory = __real_malloc(size);

	return memory == NULL ? NULL : memset(memory, HEAP, size);
}

static void new_context(uint64_t name, uint32_t flags)
{
	const struct penstock_context_info info = {
		.name = name,
		.device = NAME(1),
		.flags = flags,
		.dma_buffer_bytes = DMA_BYTES,
		.patch_location_list = 1024,
	};

	GOOD(penstock_create_context(client.session, ++client.serial, &info, &client.refusal));
}

static void set_up(void)
{
	fixture_start(&fixture, false);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
	client_set_up(&client, 1);
	new_context(MULTIPASS, 0);
	new_context(GUARANTEED, PENSTOCK_CONTEXT_GUARANTEED);
	for (uint32_t i = 0; i < MOST_PAIRS; i++) {
		uint8_t *pair = command + (size_t)i * PAIR_BYTES;

		penstock_store32(pair, penstock_instruction_header(PENSTOCK_OPCODE_NOP, 4));
		penstock_store32(pair + 4, penstock_instruction_header(PENSTOCK_OPCODE_MARKER, 8));
		penstock_store32(pair + 8, i);
	}
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

static enum penstock_status submit(uint64_t context, uint32_t bytes, struct answered *answered)
{
	const struct submit submit = {
		.context = context,
		.command = command,
		.command_bytes = bytes,
	};

	return client_submit(&client, &submit, answered);
}

static void submit_pairs(uint64_t context, uint32_t pairs)
{
	struct answered answered;

	GOOD(submit(context, pairs * PAIR_BYTES, &answered));
}

/* ---------------------------------------------------------------- a translator that looks */

enum found { FOUND_ZERO, FOUND_LEFT, FOUND_OTHER };

#define MOST_CALLS 64u

static struct seen {
	uint8_t *private_data;
	uint32_t capacity;
	uint32_t start;
	enum found found;
} calls[MOST_CALLS];
static unsigned call_count;

static enum found look(const uint8_t *bytes, uint32_t count)
{
	uint32_t zero = 0, left = 0;

	for (uint32_t i = 0; i < count; i++) {
		zero += bytes[i] == 0;
		left += bytes[i] == LEFT;
	}
	return zero == count ? FOUND_ZERO : left == count ? FOUND_LEFT : FOUND_OTHER;
}

/* All of what it may write, as a driver may. */
static enum penstock_status looking(struct penstock_render_args *args,
				    struct penstock_refusal *ret_refusal)
{
	struct seen *seen = &calls[call_count++];
	enum penstock_status status;

	ck_assert_uint_le(call_count, MOST_CALLS);
	seen->private_data = args->private_data;
	seen->capacity = args->private_capacity;
	seen->start = args->private_start;
	seen->found = look(args->private_data + args->private_start,
			   args->private_capacity - args->private_start);
	status = penstock_render(args, ret_refusal);
	memset(args->private_data, LEFT, args->private_capacity);
	return status;
}

static void look_on(void)
{
	call_count = 0;
	fixture.machine->adapters[0].config.translate = looking;
}

static void finish(void)
{
	for (unsigned i = 0; i < 4; i++) {
		(void)fake_core_retire(UINT_MAX);
		turn(&fixture);
	}
}

/* ---------------------------------------------------------------- how long it lives */

/* From the smallest block to one that no pool keeps. */
static const uint32_t sizes[] = { 1, 20, 200, 1300, MOST_PAIRS };

START_TEST(A13_private_data_is_zero_when_its_dma_buffer_is_made)
{
	const uint32_t bytes = sizes[_i] * PAIR_BYTES;
	struct answered answered;
	enum penstock_status status;

	look_on();
	status = submit(NAME(2), bytes, &answered);
	if (status == PENSTOCK_STATUS_PENDING) {
		turn(&fixture); /* a worker renders it */
		status = answered.status;
	}
	GOOD(status);
	ck_assert_uint_eq(call_count, 1);
	ck_assert_int_eq(calls[0].found, FOUND_ZERO);
	ck_assert_uint_eq(calls[0].start, 0);
	ck_assert_uint_eq(calls[0].capacity, penstock_render_private_bound(bytes));
	finish();
}
END_TEST

/*
 * A DMA buffer that is used again keeps it, whatever else was in the block: a larger submission of
 * the same size of block, with another layout, comes between.
 */
START_TEST(A13_it_stays_as_long_as_its_dma_buffer)
{
	static const uint32_t pairs[] = { 60, 66, 60 };

	look_on();
	for (unsigned i = 0; i < 3; i++) {
		submit_pairs(MULTIPASS, pairs[i]);
		finish();
		ck_assert_ptr_eq(calls[i].private_data, calls[0].private_data);
	}
	ck_assert_uint_eq(call_count, 3);
	ck_assert_int_eq(calls[0].found, FOUND_ZERO);
	ck_assert_int_eq(calls[2].found, FOUND_LEFT);
	/* And no two have the same while both are in use. */
	submit_pairs(MULTIPASS, 60);
	submit_pairs(MULTIPASS, 60);
	ck_assert_ptr_eq(calls[3].private_data, calls[0].private_data);
	ck_assert_ptr_ne(calls[4].private_data, calls[0].private_data);
	ck_assert_int_eq(calls[4].found, FOUND_ZERO);
	finish();
}
END_TEST

/* Whether a call before that one had the same bytes. */
static bool used_before(unsigned call)
{
	for (unsigned i = 0; i < call; i++) {
		if (calls[i].private_data == calls[call].private_data) {
			return true;
		}
	}
	return false;
}

/* Pass 0 has one DMA buffer, all others share two. */
START_TEST(A13_each_dma_buffer_of_a_chain_has_its_own)
{
	unsigned buffers = 0;

	look_on();
	submit_pairs(MULTIPASS, 2000);
	while (client.fence_count == 0) {
		finish();
	}
	ck_assert_uint_ge(call_count, 10);
	for (unsigned i = 0; i < call_count; i++) {
		bool used = used_before(i);

		ck_assert_int_eq(calls[i].found, used ? FOUND_LEFT : FOUND_ZERO);
		ck_assert_uint_eq(calls[i].start, 0);
		buffers += !used;
	}
	ck_assert_uint_eq(buffers, 3);
}
END_TEST

/* ---------------------------------------------------------------- shortage */

static const struct penstock_submission *oldest(void)
{
	struct penstock_list *link = penstock_list_first(&fake.hardware);

	return link == NULL ? NULL
			    : penstock_list_entry(link, struct penstock_submission, queue_link);
}

/* Executes all; each DMA offset names its instruction. Returns the DMA buffers. */
static unsigned execute(uint32_t pairs)
{
	const struct penstock_submission *submission;
	unsigned buffers = 0;
	uint32_t pair = 0;

	while ((submission = oldest()) != NULL) {
		for (uint32_t at = 0; at < submission->args.dma_length; at += PAIR_DMA_BYTES) {
			struct penstock_crumb crumb;

			ck_assert(penstock_crumbs_find(&submission->args, at, &crumb));
			ck_assert_uint_eq(crumb.command_offset, pair * PAIR_BYTES + 4);
			pair++;
		}
		buffers++;
		ck_assert_uint_eq(fake_core_retire(1), 1);
		turn(&fixture);
	}
	ck_assert_uint_eq(pair, pairs);
	return buffers;
}

/*
 * 256 bytes: 126 records and one pass begins without. The DMA buffer would hold 512 markers and
 * the list has no entry at all.
 */
START_TEST(A13_where_it_runs_out_another_dma_buffer_goes_on)
{
	const uint32_t most = (DMA_BYTES / PENSTOCK_CONTEXT_PRIVATE_SHARE - 4) / 2 + 1;

	submit_pairs(MULTIPASS, most);
	ck_assert_uint_eq(execute(most), 1);
	submit_pairs(MULTIPASS, most + 1);
	ck_assert_uint_eq(execute(most + 1), 2);
	submit_pairs(MULTIPASS, most * 5);
	ck_assert_uint_eq(execute(most * 5), 5);
	ck_assert_uint_eq(client.fence_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		GOOD(client.fences[i].status);
	}
}
END_TEST

/* As many as fit its command buffer, which a multipass context of its sizes splits. */
START_TEST(A13_a_guaranteed_context_has_enough_for_whatever_it_may_be_sent)
{
	const uint32_t pairs = DMA_BYTES / PAIR_BYTES;

	submit_pairs(GUARANTEED, pairs);
	ck_assert_uint_eq(execute(pairs), 1);
	submit_pairs(MULTIPASS, pairs);
	ck_assert_uint_gt(execute(pairs), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_private");
	TCase *tcase = tcase_create("private_data");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, A13_private_data_is_zero_when_its_dma_buffer_is_made, 0,
			    PENSTOCK_ARRAY_SIZE(sizes));
	tcase_add_test(tcase, A13_it_stays_as_long_as_its_dma_buffer);
	tcase_add_test(tcase, A13_each_dma_buffer_of_a_chain_has_its_own);
	tcase_add_test(tcase, A13_where_it_runs_out_another_dma_buffer_goes_on);
	tcase_add_test(tcase, A13_a_guaranteed_context_has_enough_for_whatever_it_may_be_sent);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
