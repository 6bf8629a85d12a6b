/* SPDX-License-Identifier: MIT */
/*
 * The power goes at every operation of the disk, one after the other, while a store works; the disk
 * is full from every write on. What was acknowledged must be there, and what is there must be a
 * state that the store went through. The same sweep must find losses when the disk is not asked to
 * sync: otherwise it shows nothing.
 *
 * PENSTOCK_POWER_STEPS says how long the store works (24), PENSTOCK_POWER_SEEDS how often the power
 * goes at each operation with other sectors kept (1): `make power` does more of both.
 */
#include "tests/crash/vfs_forget.h"
#include "tests/harness.h"
#include "tests/store_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each step is a turn of the loop, so a transaction: state n is what is there after n steps. */
#define STEPS_MAX 200u

static unsigned steps = 24;
static unsigned seeds = 1;
static uint32_t checkpoint_frames = 40;

struct outcome {
	uint64_t cuts;
	uint64_t lost;     /* acknowledged and not there */
	uint64_t unopened; /* the database would not open, or was no state of ours */
	bool finished;     /* the work was done before the cut */
};

static void first_step(struct penstock_store *store)
{
	static const uint8_t generation[16] = { 0xaa, [15] = 0xbb };
	const struct penstock_principal_row principal = store_principal(1);
	const struct penstock_session_row session = store_session(1, 1);
	const struct penstock_device_row device = store_device(1, 1);

	penstock_store_put_adapter(store, 0, generation);
	penstock_store_put_principal(store, &principal);
	penstock_store_put_session(store, &session);
	penstock_store_put_device(store, &device);
}

/* A session with a lease comes, and what it makes at once. */
static void new_session(struct penstock_store *store, unsigned number)
{
	const struct penstock_session_row session = store_session(number, 1);
	const struct penstock_device_row device = store_device(number, number);
	const struct penstock_context_row context = store_context(number, number);
	const struct penstock_list_row list[] = { { .index = 0 }, { .opening = 1, .index = 1 } };

	penstock_store_put_session(store, &session);
	penstock_store_put_device(store, &device);
	penstock_store_put_context(store, &context);
	penstock_store_put_list(store, number, list, PENSTOCK_ARRAY_SIZE(list));
	penstock_store_put_name_floor(store, number, 5, number);
}

/* The session of the step before is refused something, and resumes with another lease. */
static void resume_session(struct penstock_store *store, unsigned number)
{
	struct penstock_session_row session = store_session(number - 1, 1);
	const struct penstock_answer_row refusal = store_refusal(number - 1, number);
	const struct penstock_answer_row ending = store_ending(number - 1, number + 1);

	session.lease_s = number;
	penstock_store_put_session(store, &session);
	penstock_store_put_answer(store, &refusal);
	penstock_store_put_answer(store, &ending);
	penstock_store_put_row_serial(store, number - 1, number);
}

/* With an allocation, when it is put; it goes with that, two steps behind. */
static void new_pipeline(struct penstock_store *store, unsigned number)
{
	const struct penstock_pipeline_row pipeline = store_pipeline(number, 2);

	penstock_store_put_pipeline(store, &pipeline);
	for (uint32_t index = 0; index < pipeline.binding_count; index++) {
		const struct penstock_pipeline_binding_row binding =
			store_pipeline_binding(number, index);

		penstock_store_put_pipeline_binding(store, &binding);
	}
}

static uint64_t step(struct penstock_store *store, unsigned number)
{
	const struct penstock_allocation_row allocation = store_allocation(number, 1);
	const struct penstock_opening_row opening = store_opening(number, 1, number);

	if (number == 1) {
		first_step(store);
	}
	switch (number % 6) {
	case 0:
		penstock_store_delete(store, PENSTOCK_STORE_ALLOCATION, number - 2);
		break;
	case 2:
		new_session(store, number);
		break;
	case 3:
		resume_session(store, number);
		break;
	case 4:
		penstock_store_delete_answers(store, number - 2, number - 1);
		penstock_store_delete(store, PENSTOCK_STORE_OPENING, number - 1);
		break;
	case 5: /* the lease is over: everything of the session goes */
		penstock_store_delete(store, PENSTOCK_STORE_SESSION, number - 3);
		break;
	}
	penstock_store_put_allocation(store, &allocation);
	if (number % 2 == 0) {
		new_pipeline(store, number);
	}
	return penstock_store_put_opening(store, &opening);
}

static char *state_text(const struct penstock_store_config *config)
{
	struct store_dump dump = { 0 };
	struct penstock_errbuf text;

	if (store_dump_file(config, &dump, &text) != PENSTOCK_STATUS_SUCCESS) {
		return NULL;
	}
	return dump.text != NULL ? dump.text : strdup("");
}

/* What is there after each step, from an undisturbed run. */
static void record_states(const struct penstock_store_config *config,
			  char *ret_states[STEPS_MAX + 1])
{
	for (unsigned done = 0; done <= steps; done++) {
		struct store_fixture fixture;

		penstock_forget_reset();
		ck_assert_int_eq(store_fixture_open(&fixture, config), PENSTOCK_STATUS_SUCCESS);
		for (unsigned i = 1; i <= done; i++) {
			store_fixture_wait(&fixture, step(fixture.store, i));
		}
		store_fixture_close(&fixture);
		ret_states[done] = state_text(config);
		ck_assert_ptr_nonnull(ret_states[done]);
	}
}

static void free_states(char *states[STEPS_MAX + 1])
{
	for (unsigned i = 0; i <= steps; i++) {
		free(states[i]);
	}
}

/* Works until the store fails; returns how many steps were acknowledged, and why it failed. */
static unsigned work(const struct penstock_store_config *config, enum penstock_status *ret_status)
{
	struct store_fixture fixture;
	unsigned acknowledged = 0;

	if (store_fixture_open(&fixture, config) == PENSTOCK_STATUS_SUCCESS) {
		for (unsigned i = 1; i <= steps && fixture.failures == 0; i++) {
			uint64_t sequence = step(fixture.store, i);

			store_fixture_wait(&fixture, sequence);
			if (fixture.committed >= sequence) {
				acknowledged = i;
			}
		}
	}
	*ret_status = fixture.status;
	ck_assert(fixture.status == PENSTOCK_STATUS_SUCCESS || fixture.text.text[0] != '\0');
	store_fixture_close(&fixture);
	return acknowledged;
}

static unsigned work_until_cut(const struct penstock_store_config *config, uint64_t cut,
			       bool *ret_finished)
{
	enum penstock_status status;
	unsigned acknowledged;

	penstock_forget_reset();
	penstock_forget_cut_at(cut);
	acknowledged = work(config, &status);
	*ret_finished = penstock_forget_operations() < cut;
	return acknowledged;
}

/* Where the state is: its number, or -1. A step that was cut may be there or not. */
static int find_state(char *const states[STEPS_MAX + 1], const char *text)
{
	for (int i = (int)steps; i >= 0 && text != NULL; i--) {
		if (strcmp(states[i], text) == 0) {
			return i;
		}
	}
	return -1;
}

/* While the database is opened after the first loss; nothing more may be missing. */
static void lose_power_again(const struct penstock_store_config *config,
			     enum penstock_forget_how how, uint64_t cut, uint64_t seed)
{
	penstock_forget_cut_at(penstock_forget_operations() + 1 + (cut + seed) % 11);
	free(state_text(config));
	penstock_forget_power_loss(how, (cut * 31 + 7) ^ (seed << 32));
}

/* One run, cut there. */
static void cut_once(const struct penstock_store_config *config, char *const states[STEPS_MAX + 1],
		     enum penstock_forget_how how, uint64_t cut, uint64_t seed,
		     struct outcome *outcome)
{
	unsigned acknowledged = work_until_cut(config, cut, &outcome->finished);
	char *text;
	int found;

	penstock_forget_power_loss(how, cut ^ seed << 32);
	lose_power_again(config, how, cut, seed);
	text = state_text(config);
	found = find_state(states, text);
	free(text);
	outcome->cuts++;
	outcome->unopened += found < 0;
	outcome->lost += found >= 0 && found < (int)acknowledged;
}

static struct outcome sweep(enum penstock_store_synchronous synchronous,
			    enum penstock_forget_how how)
{
	const struct penstock_store_config config = { .path = "power.db",
						      .test.vfs = PENSTOCK_FORGET_VFS,
						      .test.synchronous = synchronous,
						      .test.checkpoint_frames = checkpoint_frames };
	const unsigned often = how == PENSTOCK_FORGET_SOME ? seeds : 1;
	struct outcome outcome = { 0 };
	char *states[STEPS_MAX + 1];

	record_states(&config, states);
	for (uint64_t cut = 1; !outcome.finished; cut++) {
		for (unsigned seed = 0; seed < often; seed++) {
			cut_once(&config, states, how, cut, seed, &outcome);
		}
	}
	free_states(states);
	penstock_forget_reset();
	return outcome;
}

/* The disk is full from each write on, and has room again when the store is opened again. */
START_TEST(nothing_acknowledged_is_lost_when_the_disk_is_full_at_any_write)
{
	const struct penstock_store_config config = { .path = "power.db",
						      .test.vfs = PENSTOCK_FORGET_VFS,
						      .test.checkpoint_frames = checkpoint_frames };
	char *states[STEPS_MAX + 1];
	unsigned told = 0;
	bool finished = false;

	record_states(&config, states);
	for (uint64_t write = 1; !finished; write++) {
		enum penstock_status status;
		unsigned acknowledged;
		char *text;
		int found;

		penstock_forget_reset();
		penstock_forget_full_at(write);
		acknowledged = work(&config, &status);
		finished = penstock_forget_writes() < write;
		ck_assert_msg(acknowledged == steps || status == PENSTOCK_STATUS_DISK_FULL,
			      "write %u: %s", (unsigned)write, penstock_status_text(status));
		told += status == PENSTOCK_STATUS_DISK_FULL;
		penstock_forget_full_at(0);
		text = state_text(&config);
		found = find_state(states, text);
		ck_assert_msg(found >= (int)acknowledged, "write %u: %u acknowledged, %d found",
			      (unsigned)write, acknowledged, found);
		free(text);
	}
	free_states(states);
	penstock_forget_reset();
	ck_assert_uint_gt(told, 100);
}
END_TEST

START_TEST(nothing_acknowledged_is_lost_when_the_disk_forgets_everything_unsynced)
{
	struct outcome outcome = sweep(PENSTOCK_STORE_EXTRA, PENSTOCK_FORGET_ALL);

	ck_assert_uint_gt(outcome.cuts, 200);
	ck_assert_uint_eq(outcome.lost, 0);
	ck_assert_uint_eq(outcome.unopened, 0);
}
END_TEST

START_TEST(nothing_acknowledged_is_lost_when_the_disk_kept_some_sectors)
{
	struct outcome outcome = sweep(PENSTOCK_STORE_EXTRA, PENSTOCK_FORGET_SOME);

	ck_assert_uint_gt(outcome.cuts, 200);
	ck_assert_uint_eq(outcome.lost, 0);
	ck_assert_uint_eq(outcome.unopened, 0);
}
END_TEST

/* FULL leaves the deletion of the journal unsynced that made the file a WAL database. */
START_TEST(the_sweep_finds_the_losses_of_synchronous_full)
{
	struct outcome outcome = sweep(PENSTOCK_STORE_FULL, PENSTOCK_FORGET_ALL);

	ck_assert_uint_gt(outcome.lost, 20);
}
END_TEST

START_TEST(the_sweep_finds_the_losses_of_synchronous_normal)
{
	struct outcome outcome = sweep(PENSTOCK_STORE_NORMAL, PENSTOCK_FORGET_ALL);

	ck_assert_uint_gt(outcome.lost, 20);
	ck_assert_uint_eq(outcome.unopened, 0);
}
END_TEST

START_TEST(the_sweep_finds_the_losses_of_synchronous_off)
{
	struct outcome outcome = sweep(PENSTOCK_STORE_OFF, PENSTOCK_FORGET_SOME);

	ck_assert_uint_gt(outcome.lost + outcome.unopened, 20);
}
END_TEST

/* ---------------------------------------------------------------- migration */

/* What the store asks of the disk itself, for the copy that it makes before. */
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	return penstock_forget_calls.open(path, flags);
}

int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor);
int __wrap_fsync(int descriptor)
{
	return penstock_forget_owns(descriptor) ? penstock_forget_calls.fsync(descriptor)
						: __real_fsync(descriptor);
}

int __real_close(int descriptor);
int __wrap_close(int descriptor);
int __wrap_close(int descriptor)
{
	return penstock_forget_owns(descriptor) ? penstock_forget_calls.close(descriptor)
						: __real_close(descriptor);
}

int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
	return penstock_forget_calls.rename(from, to);
}

int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
	(void)mode;
	return penstock_forget_calls.access(path);
}

int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
	return penstock_forget_calls.unlink(path);
}

#define BACKUP "power.db.before-0002"

static void put_golden(const char *name)
{
	static uint8_t bytes[1u << 20];
	char path[512];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/golden/store-schema-1.db",
		 getenv("PENSTOCK_SRCDIR"));
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "%s", path);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	penstock_forget_put(name, bytes, size);
}

static int64_t version_of(const char *name)
{
	sqlite3 *sqlite;
	sqlite3_stmt *statement = NULL;
	int64_t version = -1;

	ck_assert_int_eq(sqlite3_open_v2(name, &sqlite, SQLITE_OPEN_READWRITE, PENSTOCK_FORGET_VFS),
			 SQLITE_OK);
	/* the log without shared memory, as the store has it */
	(void)sqlite3_exec(sqlite, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
	if (sqlite3_prepare_v2(sqlite, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW) {
		version = sqlite3_column_int64(statement, 0);
	}
	sqlite3_finalize(statement);
	sqlite3_close(sqlite);
	return version;
}

/* The power goes at every operation of a migration: the old state or the new, and a whole copy. */
static unsigned sweep_migration(enum penstock_forget_how how)
{
	const struct penstock_store_config config = { .path = "power.db",
						      .test.vfs = PENSTOCK_FORGET_VFS };
	const struct penstock_store_config copy = { .path = BACKUP,
						    .test.vfs = PENSTOCK_FORGET_VFS };
	unsigned migrated = 0;
	char *expected;
	uint64_t cut;

	penstock_forget_reset();
	put_golden(config.path);
	expected = state_text(&config);
	ck_assert_ptr_nonnull(expected);
	for (cut = 1;; cut++) {
		bool finished;
		char *text;

		penstock_forget_reset();
		put_golden(config.path);
		penstock_forget_cut_at(cut);
		free(state_text(&config));
		finished = penstock_forget_operations() < cut;
		penstock_forget_power_loss(how, cut);
		if (version_of(config.path) >= 2) {
			migrated++;
			ck_assert_msg(version_of(BACKUP) == 1,
				      "cut %u: migrated, and the copy of before is not whole",
				      (unsigned)cut);
			text = state_text(&copy);
			ck_assert_str_eq(text, expected);
			free(text);
		}
		text = state_text(&config);
		ck_assert_msg(text != NULL, "cut %u: does not open", (unsigned)cut);
		ck_assert_str_eq(text, expected);
		free(text);
		if (finished) {
			break;
		}
	}
	free(expected);
	penstock_forget_reset();
	ck_assert_uint_gt(cut, 30);
	return migrated;
}

START_TEST(a_migration_is_whole_or_not_at_all_and_its_backup_is_there)
{
	ck_assert_uint_gt(sweep_migration(PENSTOCK_FORGET_ALL), 0);
	ck_assert_uint_gt(sweep_migration(PENSTOCK_FORGET_SOME), 0);
}
END_TEST

static unsigned setting(const char *name, unsigned usual, unsigned most)
{
	const char *text = getenv(name);
	unsigned long value = text == NULL ? 0 : strtoul(text, NULL, 10);

	return value == 0 || value > most ? usual : (unsigned)value;
}

int main(void)
{
	Suite *suite = suite_create("store power");
	TCase *tcase = tcase_create("store power");
	TCase *migration = tcase_create("migration");

	steps = setting("PENSTOCK_POWER_STEPS", steps, STEPS_MAX);
	seeds = setting("PENSTOCK_POWER_SEEDS", seeds, 1000);
	checkpoint_frames = setting("PENSTOCK_POWER_FRAMES", checkpoint_frames, 100000);
	tcase_add_test(tcase,
		       nothing_acknowledged_is_lost_when_the_disk_forgets_everything_unsynced);
	tcase_add_test(tcase, nothing_acknowledged_is_lost_when_the_disk_kept_some_sectors);
	tcase_add_test(tcase, nothing_acknowledged_is_lost_when_the_disk_is_full_at_any_write);
	tcase_add_test(tcase, the_sweep_finds_the_losses_of_synchronous_full);
	tcase_add_test(tcase, the_sweep_finds_the_losses_of_synchronous_normal);
	tcase_add_test(tcase, the_sweep_finds_the_losses_of_synchronous_off);
	tcase_add_test(migration, a_migration_is_whole_or_not_at_all_and_its_backup_is_there);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, migration);
	return penstock_test_main(suite);
}
