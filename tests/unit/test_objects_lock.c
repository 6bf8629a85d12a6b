/* SPDX-License-Identifier: MIT */
/* Client access to allocations that the GPU uses: renaming, and what lock flags say. */
#include "proto/wire/limits.h"
#include "tests/unit/objects_fixture.h"

#define GOOD(call)         ck_assert_int_eq(call, PENSTOCK_STATUS_SUCCESS)
#define REFUSED(call, why) ck_assert_int_eq(call, PENSTOCK_STATUS_##why)

#define DONOT_WAIT       PENSTOCK_LOCK_DONOT_WAIT
#define IGNORE_SYNC      PENSTOCK_LOCK_IGNORE_SYNC
#define DISCARD          PENSTOCK_LOCK_DISCARD
#define IGNORE_READ_SYNC PENSTOCK_LOCK_IGNORE_READ_SYNC

#define MOST_SEEN 64u

static struct fixture fixture;
static struct client client;
static struct client other;
static const struct penstock_vidmm_allocation *seen[MOST_SEEN]; /* what submissions list */
static unsigned seen_count;

static void set_up_with(bool store)
{
	fixture_start(&fixture, store);
	GOOD(client_connect(&fixture, &client, "uid:1", store ? 30 : 0));
	client_set_up(&client, 2); /* allocations 3 and 4 */
	seen_count = 0;
	if (store) {
		fake_core_commit(fixture.machine);
		turn(&fixture);
	}
}

static void set_up(void)
{
	set_up_with(false);
}

static void set_up_leased(void)
{
	set_up_with(true);
}

static void tear_down(void)
{
	fixture_stop(&fixture);
}

/* A submission that lists allocation 3. */
static void submit(bool write)
{
	const struct penstock_wire_allocation list[1] = {
		{ .name = NAME(3), .flags = write ? PENSTOCK_ALLOCATION_WRITE_OPERATION : 0 },
	};
	const struct submit submit = { .context = NAME(2), .list = list, .list_count = 1 };
	struct answered answered;

	GOOD(client_submit(&client, &submit, &answered));
}

/* Uploads `text` to offset 0 of allocation 3; what upload_end says. */
static enum penstock_status upload(const char *text, uint32_t flags, struct answered *answered)
{
	uint32_t size = (uint32_t)strlen(text);
	uint8_t *destination;

	GOOD(client_upload_with(&client, NAME(3), 0, size, flags, answered, &destination));
	memcpy(destination, text, size);
	return penstock_upload_end(&answered->request, false);
}

/* Reads at once. */
static void holds(const char *text)
{
	struct answered answered;

	GOOD(client_read_back(&client, NAME(3), 0, (uint32_t)strlen(text), &answered));
	ck_assert_mem_eq(answered.request.bytes, text, strlen(text));
	penstock_read_back_end(&answered.request);
}

static void retire_all(void)
{
	while (fake_core_retire(UINT_MAX) > 0) {
		turn(&fixture);
	}
	turn(&fixture);
}

/* penstock_scheduler_enqueue's stand-in is asked what each one lists. */
static void note(const struct penstock_submission *submission)
{
	ck_assert_uint_lt(seen_count, MOST_SEEN);
	seen[seen_count++] = submission->references[0].allocation;
}

/* ---------------------------------------------------------------- renaming */

START_TEST(B11_discard_gives_a_new_instance_while_the_gpu_reads_the_old)
{
	struct answered answered;

	fake.submitted = note;
	GOOD(upload("old", 0, &answered));
	submit(false);
	GOOD(upload("new", DISCARD, &answered)); /* nothing has retired */
	ck_assert_uint_eq(fake.allocations, 3);
	holds("new");
	submit(false);
	ck_assert_uint_eq(seen_count, 2);
	ck_assert_ptr_ne(seen[0], seen[1]);
	retire_all();
	holds("new");
}
END_TEST

/* Once an instance was left nothing sent later means it, whatever it names and in which order. */
START_TEST(B11_a_stale_instance_cannot_be_used)
{
	struct answered answered;

	fake.submitted = note;
	for (unsigned i = 0; i < 4; i++) {
		submit(false);
		submit(true);
		GOOD(upload("x", DISCARD, &answered));
	}
	submit(false);
	for (unsigned i = 0; i < seen_count; i++) {
		for (unsigned j = i + 1; j < seen_count; j++) {
			ck_assert_int_eq(seen[i] == seen[j], i / 2 == j / 2);
		}
	}
	ck_assert_uint_eq(seen_count, 9);
	retire_all();
}
END_TEST

START_TEST(B11_an_idle_allocation_is_not_renamed)
{
	struct answered answered;

	GOOD(upload("one", DISCARD, &answered));
	GOOD(upload("two", DISCARD, &answered));
	ck_assert_uint_eq(fake.allocations, 2);
	submit(false);
	retire_all();
	GOOD(upload("three", DISCARD, &answered));
	ck_assert_uint_eq(fake.allocations, 2);
	holds("three");
}
END_TEST

START_TEST(B11_the_renaming_list_has_a_limit_and_then_discard_waits)
{
	struct answered answered;

	for (unsigned i = 1; i < PENSTOCK_LIMIT_RENAMING_LIST; i++) {
		submit(false);
		GOOD(upload("more", DISCARD, &answered));
	}
	ck_assert_uint_eq(fake.allocations, 2 + PENSTOCK_LIMIT_RENAMING_LIST - 1);
	submit(false);
	REFUSED(upload("last", DISCARD, &answered), PENDING);
	ck_assert_uint_eq(fake.allocations, 2 + PENSTOCK_LIMIT_RENAMING_LIST - 1);
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 0);
	retire_all();
	ck_assert_uint_eq(answered.times, 1);
	holds("last");
}
END_TEST

START_TEST(B11_instances_that_the_gpu_has_left_are_used_again)
{
	struct answered answered;

	for (unsigned i = 0; i < 100; i++) {
		char text[8];

		(void)snprintf(text, sizeof(text), "%u", i);
		submit(false);
		GOOD(upload(text, DISCARD, &answered));
		ck_assert_uint_eq(fake_core_retire(1), 1);
		turn(&fixture);
		holds(text);
	}
	ck_assert_uint_eq(fake.allocations, 3);
}
END_TEST

START_TEST(B11_what_was_asked_before_a_discard_keeps_its_instance_and_order)
{
	struct answered first, read, discard, second;

	GOOD(upload("AAAA", 0, &first));
	submit(true);
	REFUSED(upload("BBBB", 0, &first), PENDING);                       /* behind it */
	REFUSED(client_read_back(&client, NAME(3), 0, 4, &read), PENDING); /* sees that */
	submit(false);                                                     /* a follower */
	GOOD(upload("CC", DISCARD, &discard));
	GOOD(upload("DD", 0, &second)); /* of the new one: nothing is in its way */
	holds("DD");
	ck_assert_uint_eq(fake.submissions, 1);
	retire_all();
	ck_assert_uint_eq(first.times, 1);
	ck_assert_uint_eq(read.times, 1);
	ck_assert_mem_eq(read.request.bytes, "BBBB", 4);
	ck_assert_uint_eq(fake.submissions, 1); /* not while somebody reads it */
	penstock_read_back_end(&read.request);
	ck_assert_uint_eq(fake.submissions, 2);
	retire_all();
	holds("DD");
}
END_TEST

START_TEST(B11_a_torn_discard_renames_nothing)
{
	struct answered answered;
	uint8_t *destination;

	GOOD(upload("kept", 0, &answered));
	submit(false);
	GOOD(client_upload_with(&client, NAME(3), 0, 4, DISCARD, &answered, &destination));
	memcpy(destination, "torn", 4);
	REFUSED(penstock_upload_end(&answered.request, true), CANCELLED);
	client.serial--; /* it was never executed */
	retire_all();
	holds("kept");
	ck_assert_uint_eq(fake.accesses, 0);
	submit(false);
	GOOD(upload("next", DISCARD, &answered)); /* with the same instance */
	ck_assert_uint_eq(fake.allocations, 3);
	retire_all();
	holds("next");
}
END_TEST

START_TEST(B11_an_instance_whose_pages_take_time_is_there_for_the_next)
{
	struct answered answered;

	submit(false);
	fake.reserve_later = true;
	REFUSED(upload("one", DISCARD, &answered), PENDING);
	fake.reserve_later = false;
	fake_core_reserved(PENSTOCK_STATUS_SUCCESS);
	retire_all();
	ck_assert_uint_eq(answered.times, 1);
	holds("one");
	submit(false);
	GOOD(upload("two", DISCARD, &answered));
	ck_assert_uint_eq(fake.allocations, 3);
	/* one that cannot be had, and one that is under way when all goes */
	submit(false);
	fake.reserve_later = true;
	REFUSED(upload("three", DISCARD, &answered), PENDING);
	fake_core_reserved(PENSTOCK_STATUS_NO_MEMORY);
	ck_assert_uint_eq(fake.allocations, 3);
	retire_all();
	holds("three");
	submit(false);
	GOOD(upload("four", DISCARD, &answered));
	submit(false);
	REFUSED(upload("five", DISCARD, &answered), PENDING);
	ck_assert_uint_eq(fake.allocations, 4);
	client_disconnect(&client);
	retire_all(); /* what waited is told before we go */
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
}
END_TEST

START_TEST(B11_an_upload_into_what_is_moving_is_staged_and_renamed)
{
	struct answered answered;

	submit(false);
	fake.moving = true;
	REFUSED(upload("soon", DISCARD, &answered), PENDING);
	fake.moving = false;
	fake_core_progress();
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1); /* nothing has retired */
	holds("soon");
	retire_all();
}
END_TEST

#define LARGE (24u << 20) /* of a quota of 64 MiB */

START_TEST(B11_instances_are_charged_to_the_quota)
{
	struct answered answered;
	uint8_t *destination;

	GOOD(client_allocation(&client, NAME(5), NAME(1), LARGE, &answered));
	for (unsigned i = 0; i < 3; i++) {
		GOOD(client_fill(&client, 0, NAME(5)));
		GOOD(client_upload_with(&client, NAME(5), 0, 1, DISCARD, &answered, &destination));
		*destination = (uint8_t)(7 + i);
		ck_assert_int_eq(penstock_upload_end(&answered.request, false),
				 i == 0 ? PENSTOCK_STATUS_SUCCESS : PENSTOCK_STATUS_PENDING);
		ck_assert_uint_eq(fake.allocations, 4);
	}
	retire_all();
	GOOD(client_read_back(&client, NAME(5), 0, 1, &answered));
	ck_assert_uint_eq(answered.request.bytes[0], 9);
	penstock_read_back_end(&answered.request);
	/* A spare one makes room for what is asked for, one in use does not. */
	GOOD(client_fill(&client, 0, NAME(5)));
	GOOD(client_upload_with(&client, NAME(5), 0, 1, DISCARD, &answered, &destination));
	GOOD(penstock_upload_end(&answered.request, false));
	REFUSED(client_allocation(&client, NAME(6), NAME(1), LARGE, &answered), NO_MEMORY);
	retire_all();
	GOOD(client_allocation(&client, NAME(6), NAME(1), LARGE, &answered));
	ck_assert_uint_eq(fake.allocations, 4);
}
END_TEST

START_TEST(B11_a_flood_of_discards_leaves_nothing_behind)
{
	static struct answered answered[1000];
	unsigned renamed = 0, waited = 0, refused = 0;

	for (unsigned i = 0; i < 1000; i++) {
		uint32_t flags = DISCARD | (i % 2 == 0 ? DONOT_WAIT : 0);
		enum penstock_status status;
		uint8_t *destination;

		submit(i % 3 == 0);
		status = client_upload_with(&client, NAME(3), 0, 1, flags, &answered[i],
					    &destination);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			*destination = 1;
			status = penstock_upload_end(&answered[i].request, false);
		}
		renamed += status == PENSTOCK_STATUS_SUCCESS;
		waited += status == PENSTOCK_STATUS_PENDING;
		refused += status == PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY;
		if (i % 37 == 0) {
			(void)fake_core_retire(i % 5);
		}
		turn(&fixture);
	}
	ck_assert_uint_eq(renamed + waited + refused, 1000);
	ck_assert_uint_ge(renamed, PENSTOCK_LIMIT_RENAMING_LIST - 1);
	ck_assert_uint_gt(waited, 0);
	ck_assert_uint_gt(refused, 0);
	ck_assert_uint_le(fake.allocations, 2 + PENSTOCK_LIMIT_RENAMING_LIST - 1);
	GOOD(client_destroy(&client, NAME(3)));
	retire_all();
	ck_assert_uint_eq(fake.allocations, 1);
}
END_TEST

START_TEST(B11_a_session_that_ends_gives_all_instances_back)
{
	struct answered answered, read, waiting;
	uint8_t *destination;

	submit(true);
	REFUSED(client_read_back(&client, NAME(3), 0, 4, &read), PENDING);
	GOOD(upload("a", DISCARD, &answered));
	submit(true);
	REFUSED(upload("b", 0, &waiting), PENDING);
	GOOD(upload("c", DISCARD, &answered));
	submit(false);
	GOOD(client_upload_with(&client, NAME(3), 0, 4, DISCARD, &answered, &destination));
	client_disconnect(&client);
	REFUSED(penstock_upload_end(&answered.request, true), CANCELLED);
	retire_all();
	ck_assert_uint_eq(fake.allocations, 0);
	GOOD(client_connect(&fixture, &client, "uid:1", 0));
}
END_TEST

/* ---------------------------------------------------------------- flags */

START_TEST(B11_donot_wait_is_refused_while_the_gpu_uses_it)
{
	struct answered answered, read;
	uint8_t *destination;

	GOOD(upload("idle", DONOT_WAIT, &answered));
	submit(false);
	REFUSED(client_upload_with(&client, NAME(3), 0, 4, DONOT_WAIT, &answered, &destination),
		GRAPHICS_ALLOCATION_BUSY);
	ck_assert_ptr_nonnull(strstr(client.refusal.sentence, "1 submissions"));
	REFUSED(client_read_back_with(&client, NAME(3), 0, 4, DONOT_WAIT, &answered),
		GRAPHICS_ALLOCATION_BUSY);
	retire_all();
	GOOD(client_read_back_with(&client, NAME(3), 0, 4, DONOT_WAIT, &read));
	ck_assert_mem_eq(read.request.bytes, "idle", 4);
	/* while its bytes are out it is not idle either */
	REFUSED(client_upload_with(&client, NAME(3), 0, 4, DONOT_WAIT, &answered, &destination),
		GRAPHICS_ALLOCATION_BUSY);
	penstock_read_back_end(&read.request);
}
END_TEST

START_TEST(B11_donot_wait_with_discard_renames_or_is_refused)
{
	struct answered answered;
	uint8_t *destination;

	submit(false);
	GOOD(upload("new", DISCARD | DONOT_WAIT, &answered));
	submit(false);
	fake.no_more = true;
	REFUSED(client_upload_with(&client, NAME(3), 0, 4, DISCARD | DONOT_WAIT, &answered,
				   &destination),
		GRAPHICS_ALLOCATION_BUSY);
	fake.no_more = false;
	retire_all();
	holds("new");
}
END_TEST

START_TEST(B11_ignore_sync_writes_beside_the_gpu)
{
	struct answered answered;
	uint8_t *destination;

	fake.submitted = note;
	submit(true);
	GOOD(client_upload_with(&client, NAME(3), 64, 4, IGNORE_SYNC, &answered, &destination));
	ck_assert_uint_eq(fake.accesses, 1);
	ck_assert_uint_eq(fake.locks, 1);
	memcpy(destination, "next", 4);
	GOOD(penstock_upload_end(&answered.request, false)); /* the submission is still there */
	ck_assert_uint_eq(fake.accesses, 0);
	ck_assert_uint_eq(fake.locks, 0);
	submit(false);
	ck_assert_ptr_eq(seen[0], seen[1]);
	retire_all();
	GOOD(client_read_back(&client, NAME(3), 64, 4, &answered));
	ck_assert_mem_eq(answered.request.bytes, "next", 4);
	penstock_read_back_end(&answered.request);
	/* alone with it nothing is locked */
	GOOD(client_upload_with(&client, NAME(3), 64, 4, IGNORE_SYNC, &answered, &destination));
	ck_assert_uint_eq(fake.locks, 0);
	GOOD(penstock_upload_end(&answered.request, false));
}
END_TEST

/* It skips what the GPU does, never what the client asked for before. */
START_TEST(B11_ignore_sync_stays_behind_earlier_transfers)
{
	struct answered first, second;
	uint8_t *destination;

	submit(true);
	REFUSED(upload("aaaa", 0, &first), PENDING);
	GOOD(client_upload_with(&client, NAME(3), 2, 4, IGNORE_SYNC, &second, &destination));
	memcpy(destination, "bbbb", 4);
	REFUSED(penstock_upload_end(&second.request, false), PENDING);
	REFUSED(client_upload_with(&client, NAME(3), 2, 4, IGNORE_SYNC | DONOT_WAIT, &second,
				   &destination),
		GRAPHICS_ALLOCATION_BUSY);
	retire_all();
	holds("aabbbb");
}
END_TEST

START_TEST(B11_ignore_sync_into_what_is_moving_goes_on_beside_the_gpu)
{
	struct answered answered;
	uint8_t *destination;

	submit(true);
	fake.moving = true;
	GOOD(client_upload_with(&client, NAME(3), 0, 4, IGNORE_SYNC, &answered, &destination));
	memcpy(destination, "soon", 4);
	REFUSED(penstock_upload_end(&answered.request, false), PENDING);
	fake.moving = false;
	fake_core_progress();
	turn(&fixture);
	ck_assert_uint_eq(answered.times, 1); /* nothing has retired */
	retire_all();
	holds("soon");
}
END_TEST

START_TEST(B11_ignore_read_sync_waits_for_what_is_written_only)
{
	struct answered read, written;

	GOOD(upload("data", 0, &read));
	submit(false);
	submit(false);
	GOOD(client_read_back_with(&client, NAME(3), 0, 4, IGNORE_READ_SYNC, &read));
	ck_assert_mem_eq(read.request.bytes, "data", 4);
	ck_assert_uint_eq(fake.locks, 1);
	submit(true); /* behind it */
	ck_assert_uint_eq(fake.submissions, 2);
	penstock_read_back_end(&read.request);
	ck_assert_uint_eq(fake.locks, 0);
	ck_assert_uint_eq(fake.submissions, 3);
	REFUSED(client_read_back_with(&client, NAME(3), 0, 4, IGNORE_READ_SYNC, &written), PENDING);
	ck_assert_uint_eq(fake_core_retire(2), 2);
	turn(&fixture);
	ck_assert_uint_eq(written.times, 0); /* the one that writes */
	retire_all();
	ck_assert_uint_eq(written.times, 1);
	penstock_read_back_end(&written.request);
	submit(false);
	GOOD(upload("over", IGNORE_READ_SYNC, &written));
	submit(true);
	REFUSED(upload("wait", IGNORE_READ_SYNC, &written), PENDING);
	retire_all();
	holds("wait");
}
END_TEST

START_TEST(B11_a_follower_that_writes_counts_as_writing)
{
	struct answered first, read;

	submit(false);
	REFUSED(client_read_back(&client, NAME(3), 0, 4, &first), PENDING);
	submit(true); /* follows */
	REFUSED(client_read_back_with(&client, NAME(3), 0, 4, IGNORE_READ_SYNC, &read), PENDING);
	ck_assert_uint_eq(fake_core_retire(1), 1);
	turn(&fixture);
	penstock_read_back_end(&first.request);
	ck_assert_uint_eq(fake.submissions, 2);
	turn(&fixture);
	ck_assert_uint_eq(read.times, 0);
	retire_all();
	ck_assert_uint_eq(read.times, 1);
	penstock_read_back_end(&read.request);
}
END_TEST

START_TEST(B11_flags_that_contradict_each_other_are_refused)
{
	static const uint32_t uploads[] = {
		0x1u,
		0x2u,
		0x20u,
		0x80000000u,
		DISCARD | IGNORE_SYNC,
		DISCARD | IGNORE_READ_SYNC,
		IGNORE_SYNC | IGNORE_READ_SYNC,
		DISCARD | IGNORE_SYNC | IGNORE_READ_SYNC | DONOT_WAIT,
	};
	static const uint32_t read_backs[] = { 0x1u, DISCARD, IGNORE_SYNC,
					       IGNORE_SYNC | IGNORE_READ_SYNC,
					       DISCARD | DONOT_WAIT };
	struct answered answered;
	uint8_t *destination;

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(uploads); i++) {
		REFUSED(client_upload_with(&client, NAME(3), 0, 1, uploads[i], &answered,
					   &destination),
			INVALID_PARAMETER);
		ck_assert_ptr_nonnull(strstr(client.refusal.sentence, "lock flags 0x"));
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(read_backs); i++) {
		REFUSED(client_read_back_with(&client, NAME(3), 0, 1, read_backs[i], &answered),
			INVALID_PARAMETER);
	}
	REFUSED(client_upload_with(&client, NAME(9), 0, 1, DISCARD, &answered, &destination),
		INVALID_HANDLE);
	REFUSED(client_upload_with(&client, NAME(3), 4096, 1, DISCARD, &answered, &destination),
		INVALID_PARAMETER);
}
END_TEST

START_TEST(B11_a_shared_allocation_is_locked_by_its_creator_only)
{
	static const uint32_t flags[] = { DISCARD, IGNORE_SYNC, IGNORE_READ_SYNC,
					  DISCARD | DONOT_WAIT };
	struct answered shared, answered;
	uint8_t *destination;

	GOOD(upload("mine", 0, &answered));
	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	turn(&fixture);
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	GOOD(client_device(&other, NAME(1)));
	GOOD(client_open(&other, NAME(2), NAME(1), &shared, false));
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(flags); i++) {
		REFUSED(client_upload_with(&other, NAME(2), 0, 1, flags[i], &answered,
					   &destination),
			ACCESS_DENIED);
	}
	REFUSED(client_read_back_with(&other, NAME(2), 0, 1, IGNORE_READ_SYNC, &answered),
		ACCESS_DENIED);
	REFUSED(client_read_back_with(&other, NAME(2), 0, 4, DONOT_WAIT, &answered), PENDING);
	turn(&fixture);
	ck_assert_mem_eq(answered.request.bytes, "mine", 4);
	penstock_read_back_end(&answered.request);
	/* Others know it by its one instance: its creator's Discard waits in it. */
	submit(false);
	REFUSED(upload("ours", DISCARD, &answered), PENDING);
	ck_assert_uint_eq(fake.allocations, 2);
	retire_all();
	ck_assert_uint_eq(answered.times, 1);
	client_disconnect(&other);
}
END_TEST

START_TEST(B11_a_renamed_allocation_can_be_shared)
{
	struct answered answered, shared;

	GOOD(upload("old", 0, &answered));
	submit(true);
	GOOD(upload("new", DISCARD, &answered));
	submit(false);
	REFUSED(client_share(&client, NAME(3), &shared), PENDING);
	submit(false);
	REFUSED(upload("later", DISCARD, &answered), PENDING); /* not renamed any more */
	retire_all();
	retire_all();
	ck_assert_uint_eq(shared.times, 1);
	GOOD(client_connect(&fixture, &other, "uid:2", 0));
	GOOD(client_device(&other, NAME(1)));
	GOOD(client_open(&other, NAME(2), NAME(1), &shared, true));
	REFUSED(client_read_back(&other, NAME(2), 0, 5, &answered), PENDING);
	turn(&fixture);
	ck_assert_mem_eq(answered.request.bytes, "later", 5);
	penstock_read_back_end(&answered.request);
	client_disconnect(&other);
}
END_TEST

/* ---------------------------------------------------------------- leases */

static void commit(void)
{
	fake_core_commit(fixture.machine);
	turn(&fixture);
}

START_TEST(B11_an_acknowledged_discard_is_back_after_a_restart)
{
	struct answered answered;
	uint64_t serial;

	GOOD(upload("old", 0, &answered));
	submit(false);
	GOOD(upload("new", DISCARD, &answered));
	serial = client.serial;
	ck_assert_uint_lt(client.durable, serial); /* acknowledged only with its row */
	commit();
	ck_assert_uint_eq(client.durable, serial);
	retire_all();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, serial);
	holds("new");
}
END_TEST

START_TEST(B11_a_discard_that_was_not_acknowledged_leaves_the_content_before)
{
	struct answered answered;
	uint64_t serial;

	GOOD(upload("old", 0, &answered));
	serial = client.serial;
	submit(false);
	GOOD(upload("new", DISCARD, &answered));
	submit(false); /* waits for the row */
	ck_assert_uint_eq(fake.submissions, 1);
	retire_all();
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	ck_assert_uint_eq(client.resumed_serial, serial + 1);
	holds("old");
	client.serial = client.resumed_serial + 1; /* the read-back above is the next one */
	GOOD(upload("new", DISCARD, &answered));
	holds("new");
}
END_TEST

/* What a row still names must be there if the daemon dies now: it is not written over. */
START_TEST(B11_an_instance_is_used_again_only_when_no_row_names_it)
{
	struct answered answered;

	GOOD(upload("kept", 0, &answered));
	submit(false);
	GOOD(upload("one", DISCARD, &answered));
	retire_all(); /* the first instance is left, and the row names it */
	submit(false);
	GOOD(upload("two", DISCARD, &answered));
	ck_assert_uint_eq(fake.allocations, 4);
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	holds("kept");
	commit();
	submit(false);
	GOOD(upload("one", DISCARD, &answered));
	commit();
	retire_all();
	submit(false);
	GOOD(upload("two", DISCARD, &answered)); /* the first again */
	ck_assert_uint_eq(fake.allocations, 3);
	commit();
	retire_all();
}
END_TEST

START_TEST(B11_an_allocation_that_goes_while_its_rows_are_on_their_way)
{
	struct answered answered;

	GOOD(upload("kept", 0, &answered));
	submit(false);
	GOOD(upload("one", DISCARD, &answered));
	retire_all();
	GOOD(client_destroy(&client, NAME(3)));
	ck_assert_uint_eq(fake.allocations, 3); /* a crash may bring each of them back */
	fixture_kill(&fixture);
	GOOD(client_resume(&fixture, &client, "uid:1"));
	holds("kept");
	commit();
	GOOD(client_destroy(&client, NAME(3)));
	commit();
	ck_assert_uint_eq(fake.allocations, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("objects_lock");
	TCase *tcase = tcase_create("objects_lock");
	TCase *leased = tcase_create("leased");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, B11_discard_gives_a_new_instance_while_the_gpu_reads_the_old);
	tcase_add_test(tcase, B11_a_stale_instance_cannot_be_used);
	tcase_add_test(tcase, B11_an_idle_allocation_is_not_renamed);
	tcase_add_test(tcase, B11_the_renaming_list_has_a_limit_and_then_discard_waits);
	tcase_add_test(tcase, B11_instances_that_the_gpu_has_left_are_used_again);
	tcase_add_test(tcase, B11_what_was_asked_before_a_discard_keeps_its_instance_and_order);
	tcase_add_test(tcase, B11_a_torn_discard_renames_nothing);
	tcase_add_test(tcase, B11_an_instance_whose_pages_take_time_is_there_for_the_next);
	tcase_add_test(tcase, B11_an_upload_into_what_is_moving_is_staged_and_renamed);
	tcase_add_test(tcase, B11_instances_are_charged_to_the_quota);
	tcase_add_test(tcase, B11_a_flood_of_discards_leaves_nothing_behind);
	tcase_add_test(tcase, B11_a_session_that_ends_gives_all_instances_back);
	tcase_add_test(tcase, B11_donot_wait_is_refused_while_the_gpu_uses_it);
	tcase_add_test(tcase, B11_donot_wait_with_discard_renames_or_is_refused);
	tcase_add_test(tcase, B11_ignore_sync_writes_beside_the_gpu);
	tcase_add_test(tcase, B11_ignore_sync_stays_behind_earlier_transfers);
	tcase_add_test(tcase, B11_ignore_sync_into_what_is_moving_goes_on_beside_the_gpu);
	tcase_add_test(tcase, B11_ignore_read_sync_waits_for_what_is_written_only);
	tcase_add_test(tcase, B11_a_follower_that_writes_counts_as_writing);
	tcase_add_test(tcase, B11_flags_that_contradict_each_other_are_refused);
	tcase_add_test(tcase, B11_a_shared_allocation_is_locked_by_its_creator_only);
	tcase_add_test(tcase, B11_a_renamed_allocation_can_be_shared);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(leased, set_up_leased, tear_down);
	tcase_add_test(leased, B11_an_acknowledged_discard_is_back_after_a_restart);
	tcase_add_test(leased, B11_a_discard_that_was_not_acknowledged_leaves_the_content_before);
	tcase_add_test(leased, B11_an_instance_is_used_again_only_when_no_row_names_it);
	tcase_add_test(leased, B11_an_allocation_that_goes_while_its_rows_are_on_their_way);
	suite_add_tcase(suite, leased);
	return penstock_test_main(suite);
}
