/* SPDX-License-Identifier: MIT */
/* The store of fake_core.h: a journal of rows; what is committed survives, the rest does not. */
#include "tests/unit/fake_core.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 16384u

enum row_kind {
	ROW_PRINCIPAL = PENSTOCK_STORE_PRINCIPAL,
	ROW_SESSION = PENSTOCK_STORE_SESSION,
	ROW_DEVICE = PENSTOCK_STORE_DEVICE,
	ROW_CONTEXT = PENSTOCK_STORE_CONTEXT,
	ROW_ALLOCATION = PENSTOCK_STORE_ALLOCATION,
	ROW_OPENING = PENSTOCK_STORE_OPENING,
	ROW_SYNC_OBJECT = PENSTOCK_STORE_SYNC_OBJECT,
	ROW_SYNC_OPENING = PENSTOCK_STORE_SYNC_OPENING,
	ROW_PIPELINE,         /* its id is the allocation's */
	ROW_PIPELINE_BINDING, /* its id is the allocation's, the set and the number */
	ROW_FLOOR,
	ROW_ADAPTER,
	ROW_LIST,
	ROW_ANSWER,    /* its id is the session's number and the serial */
	ROW_FORGOTTEN, /* of a session; its id is the session's */
	ROW_RECEIVED,  /* answers of a session go, up to a serial */
	ROW_SERIAL,    /* of a session; its id is the session's */
	ROW_DELETE,
	ROW_KINDS,
};

struct row {
	enum row_kind kind;
	uint64_t id;
	uint64_t parent; /* deleted: the kind; otherwise what takes it along */
	uint64_t other;  /* a second parent */
	uint64_t sequence;
	bool dead;
	union {
		struct penstock_principal_row principal;
		struct penstock_session_row session;
		struct penstock_device_row device;
		struct penstock_context_row context;
		struct penstock_allocation_row allocation;
		struct penstock_pipeline_row pipeline;
		struct penstock_pipeline_binding_row pipeline_binding;
		struct penstock_opening_row opening;
		struct penstock_sync_object_row sync_object;
		struct penstock_sync_opening_row sync_opening;
		struct penstock_list_row element;
		uint8_t generation[16];
		uint64_t floor;
		uint64_t serial;
		struct penstock_answer_row answer;
	} data;
};

static struct row rows[MOST_ROWS];
static unsigned row_count;
static struct row saved[MOST_ROWS];
static unsigned saved_count;
static uint64_t highest[ROW_KINDS];

static struct row *append(enum row_kind kind, uint64_t id)
{
	struct row *row = &rows[row_count];

	ck_assert_uint_lt(row_count++, MOST_ROWS);
	memset(row, 0, sizeof(*row));
	row->kind = kind;
	row->id = id;
	row->sequence = ++fake.sequence;
	if (id > highest[kind]) {
		highest[kind] = id;
	}
	return row;
}

uint64_t penstock_store_put_principal(struct penstock_store *store,
				      const struct penstock_principal_row *row)
{
	(void)store;
	append(ROW_PRINCIPAL, row->id)->data.principal = *row;
	return fake.sequence;
}

uint64_t penstock_store_put_session(struct penstock_store *store,
				    const struct penstock_session_row *row)
{
	struct row *put = append(ROW_SESSION, row->id);

	(void)store;
	put->parent = row->principal;
	put->data.session = *row;
	return fake.sequence;
}

uint64_t penstock_store_put_device(struct penstock_store *store,
				   const struct penstock_device_row *row)
{
	struct row *put = append(ROW_DEVICE, row->id);

	(void)store;
	put->parent = row->session;
	put->data.device = *row;
	return fake.sequence;
}

uint64_t penstock_store_put_context(struct penstock_store *store,
				    const struct penstock_context_row *row)
{
	struct row *put = append(ROW_CONTEXT, row->id);

	(void)store;
	put->parent = row->device;
	put->data.context = *row;
	return fake.sequence;
}

uint64_t penstock_store_put_allocation(struct penstock_store *store,
				       const struct penstock_allocation_row *row)
{
	struct row *put = append(ROW_ALLOCATION, row->id);

	(void)store;
	put->parent = row->principal;
	put->data.allocation = *row;
	return fake.sequence;
}

uint64_t penstock_store_put_pipeline(struct penstock_store *store,
				     const struct penstock_pipeline_row *row)
{
	struct row *put = append(ROW_PIPELINE, row->allocation);

	(void)store;
	put->parent = row->allocation;
	put->data.pipeline = *row;
	return fake.sequence;
}

uint64_t penstock_store_put_pipeline_binding(struct penstock_store *store,
					     const struct penstock_pipeline_binding_row *row)
{
	struct row *put =
		append(ROW_PIPELINE_BINDING, row->allocation << 32 | row->set << 16 | row->binding);

	(void)store;
	put->parent = row->allocation;
	put->data.pipeline_binding = *row;
	return fake.sequence;
}

uint64_t penstock_store_put_opening(struct penstock_store *store,
				    const struct penstock_opening_row *row)
{
	struct row *put = append(ROW_OPENING, row->id);

	(void)store;
	put->parent = row->device;
	put->other = row->allocation;
	put->data.opening = *row;
	return fake.sequence;
}

uint64_t penstock_store_put_sync_object(struct penstock_store *store,
					const struct penstock_sync_object_row *row)
{
	(void)store;
	append(ROW_SYNC_OBJECT, row->id)->data.sync_object = *row;
	return fake.sequence;
}

uint64_t penstock_store_put_sync_opening(struct penstock_store *store,
					 const struct penstock_sync_opening_row *row)
{
	struct row *put = append(ROW_SYNC_OPENING, row->id);

	(void)store;
	put->parent = row->device;
	put->other = row->sync_object;
	put->data.sync_opening = *row;
	return fake.sequence;
}

uint64_t penstock_store_put_list(struct penstock_store *store, uint64_t context,
				 const struct penstock_list_row *elements, uint32_t count)
{
	(void)store;
	fake.lists_put++;
	for (unsigned i = 0; i < row_count; i++) {
		rows[i].dead = rows[i].dead || (rows[i].kind == ROW_LIST && rows[i].id == context);
	}
	for (uint32_t i = 0; i < count; i++) {
		append(ROW_LIST, context)->data.element = elements[i];
	}
	return fake.sequence;
}

uint64_t penstock_store_delete(struct penstock_store *store, enum penstock_store_kind kind,
			       uint64_t id)
{
	(void)store;
	append(ROW_DELETE, id)->parent = kind;
	return fake.sequence;
}

uint64_t penstock_store_put_adapter(struct penstock_store *store, uint32_t index,
				    const uint8_t memory_generation[16])
{
	(void)store;
	memcpy(append(ROW_ADAPTER, index + 1)->data.generation, memory_generation, 16);
	return fake.sequence;
}

uint64_t penstock_store_put_name_floor(struct penstock_store *store, uint64_t session,
				       uint32_t index, uint32_t floor_generation)
{
	struct row *put = append(ROW_FLOOR, (uint64_t)session << 32 | index);

	(void)store;
	put->parent = session;
	put->data.floor = (uint64_t)floor_generation << 32 | index;
	return fake.sequence;
}

/* In the transaction of the row before it. */
uint64_t penstock_store_put_row_serial(struct penstock_store *store, uint64_t session,
				       uint64_t serial)
{
	struct row *put;

	(void)store;
	for (unsigned i = 0; i < row_count; i++) {
		if (rows[i].kind == ROW_SERIAL && rows[i].id == session &&
		    rows[i].data.serial > serial) {
			serial = rows[i].data.serial;
		}
	}
	put = append(ROW_SERIAL, session);
	put->sequence = --fake.sequence;
	put->parent = session;
	put->data.serial = serial;
	return fake.sequence;
}

uint64_t penstock_store_put_answer(struct penstock_store *store,
				   const struct penstock_answer_row *row)
{
	struct row *put = append(ROW_ANSWER, row->session << 48 | row->context << 24 | row->serial);

	(void)store;
	put->parent = row->session;
	put->data.answer = *row;
	return fake.sequence;
}

uint64_t penstock_store_delete_answers(struct penstock_store *store, uint64_t session,
				       uint64_t serial)
{
	(void)store;
	append(ROW_RECEIVED, session)->data.serial = serial;
	return fake.sequence;
}

uint64_t penstock_store_forget_answers(struct penstock_store *store, uint64_t session,
				       uint64_t serial)
{
	struct row *put;

	(void)penstock_store_delete_answers(store, session, serial);
	put = append(ROW_FORGOTTEN, session);
	put->parent = session;
	put->data.serial = serial;
	return fake.sequence;
}

uint64_t penstock_store_highest_id(const struct penstock_store *store,
				   enum penstock_store_kind kind)
{
	(void)store;
	return highest[kind];
}

/* ---------------------------------------------------------------- what was committed */

static void kill_children(enum row_kind kind, uint64_t id);

static void kill_row(unsigned i)
{
	if (!rows[i].dead) {
		rows[i].dead = true;
		kill_children(rows[i].kind, rows[i].id);
	}
}

static void kill_children(enum row_kind kind, uint64_t id)
{
	static const enum row_kind parents[ROW_KINDS] = {
		[ROW_SESSION] = ROW_PRINCIPAL,   [ROW_DEVICE] = ROW_SESSION,
		[ROW_CONTEXT] = ROW_DEVICE,      [ROW_ALLOCATION] = ROW_PRINCIPAL,
		[ROW_OPENING] = ROW_DEVICE,      [ROW_FLOOR] = ROW_SESSION,
		[ROW_PRINCIPAL] = ROW_KINDS,     [ROW_LIST] = ROW_KINDS,
		[ROW_ADAPTER] = ROW_KINDS,       [ROW_DELETE] = ROW_KINDS,
		[ROW_SERIAL] = ROW_SESSION,      [ROW_ANSWER] = ROW_SESSION,
		[ROW_FORGOTTEN] = ROW_SESSION,   [ROW_RECEIVED] = ROW_KINDS,
		[ROW_SYNC_OBJECT] = ROW_KINDS,   [ROW_SYNC_OPENING] = ROW_DEVICE,
		[ROW_PIPELINE] = ROW_ALLOCATION, [ROW_PIPELINE_BINDING] = ROW_PIPELINE,
	};

	for (unsigned i = 0; i < row_count; i++) {
		if ((parents[rows[i].kind] == kind && rows[i].parent == id) ||
		    (rows[i].kind == ROW_OPENING && kind == ROW_ALLOCATION &&
		     rows[i].other == id) ||
		    (rows[i].kind == ROW_SYNC_OPENING && kind == ROW_SYNC_OBJECT &&
		     rows[i].other == id)) {
			kill_row(i);
		}
	}
}

/* Every row is the last one put under its id, deletions took theirs along. */
static void settle(void)
{
	for (unsigned i = 0; i < row_count; i++) {
		for (unsigned j = 0; j < i && !rows[i].dead; j++) {
			if (rows[i].kind == ROW_DELETE && rows[j].kind == rows[i].parent &&
			    rows[j].id == rows[i].id) {
				kill_row(j);
			} else if (rows[i].kind == ROW_RECEIVED && rows[j].kind == ROW_ANSWER &&
				   rows[j].data.answer.session == rows[i].id &&
				   rows[j].data.answer.serial <= rows[i].data.serial) {
				kill_row(j);
			} else if (rows[i].kind != ROW_LIST && rows[j].kind == rows[i].kind &&
				   rows[j].id == rows[i].id) {
				rows[j].dead = true;
			}
		}
		rows[i].dead =
			rows[i].dead || rows[i].kind == ROW_DELETE || rows[i].kind == ROW_RECEIVED;
	}
}

static void compact(void)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < row_count; i++) {
		if (!rows[i].dead) {
			rows[kept++] = rows[i];
		}
	}
	row_count = kept;
}

static bool deliver_session(const struct penstock_store_loader *loader, const struct row *row)
{
	struct penstock_session_row session = row->data.session;

	for (unsigned i = 0; i < row_count; i++) {
		if (rows[i].kind == ROW_SERIAL && rows[i].id == session.id) {
			session.row_serial = rows[i].data.serial;
		}
		if (rows[i].kind == ROW_FORGOTTEN && rows[i].id == session.id) {
			session.forgotten_serial = rows[i].data.serial;
		}
	}
	return loader->session(loader->owner, &session);
}

static bool deliver(const struct penstock_store_loader *loader, const struct row *row)
{
	switch (row->kind) {
	case ROW_PRINCIPAL:
		return loader->principal(loader->owner, &row->data.principal);
	case ROW_SESSION:
		return deliver_session(loader, row);
	case ROW_DEVICE:
		return loader->device(loader->owner, &row->data.device);
	case ROW_CONTEXT:
		return loader->context(loader->owner, &row->data.context);
	case ROW_ALLOCATION:
		return loader->allocation(loader->owner, &row->data.allocation);
	case ROW_OPENING:
		return loader->opening(loader->owner, &row->data.opening);
	case ROW_PIPELINE:
		return loader->pipeline(loader->owner, &row->data.pipeline);
	case ROW_PIPELINE_BINDING:
		return loader->pipeline_binding(loader->owner, &row->data.pipeline_binding);
	case ROW_SYNC_OBJECT:
		return loader->sync_object(loader->owner, &row->data.sync_object);
	case ROW_SYNC_OPENING:
		return loader->sync_opening(loader->owner, &row->data.sync_opening);
	case ROW_LIST:
		return loader->list(loader->owner, row->id, &row->data.element);
	case ROW_FLOOR:
		return loader->name_floor(loader->owner, row->parent, (uint32_t)row->data.floor,
					  (uint32_t)(row->data.floor >> 32));
	case ROW_ADAPTER:
		loader->adapter(loader->owner, (uint32_t)row->id - 1, row->data.generation);
		return true;
	case ROW_ANSWER:
		return loader->answer(loader->owner, &row->data.answer);
	case ROW_SERIAL:
	case ROW_FORGOTTEN:
	case ROW_RECEIVED:
	case ROW_DELETE:
	case ROW_KINDS:
		break;
	}
	return true;
}

enum penstock_status penstock_store_load(struct penstock_store *store,
					 const struct penstock_store_loader *loader,
					 struct penstock_errbuf *reterr_text)
{
	static const enum row_kind order[] = {
		ROW_ADAPTER, ROW_PRINCIPAL,   ROW_SESSION,      ROW_DEVICE,
		ROW_CONTEXT, ROW_ALLOCATION,  ROW_PIPELINE,     ROW_PIPELINE_BINDING,
		ROW_OPENING, ROW_SYNC_OBJECT, ROW_SYNC_OPENING, ROW_LIST,
		ROW_FLOOR,   ROW_ANSWER
	};
	unsigned count = row_count;

	(void)store;
	for (unsigned k = 0; k < PENSTOCK_ARRAY_SIZE(order); k++) {
		for (unsigned i = 0; i < count; i++) {
			if (rows[i].kind == order[k] && !deliver(loader, &rows[i])) {
				penstock_errbuf_set(reterr_text, "row %u", i);
				return PENSTOCK_STATUS_DATA_ERROR;
			}
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

void fake_store_kill(void)
{
	saved_count = 0;
	for (unsigned i = 0; i < row_count; i++) {
		if (rows[i].sequence <= fake.committed) {
			saved[saved_count++] = rows[i];
		}
	}
}

void fake_store_resurrect(void)
{
	memcpy(rows, saved, saved_count * sizeof(rows[0]));
	row_count = saved_count;
	for (unsigned i = 0; i < row_count; i++) {
		rows[i].sequence = 0;
	}
	settle();
	compact();
}

void fake_core_commit(struct penstock_machine *machine)
{
	fake.committed = fake.sequence;
	penstock_machine_committed(machine, fake.sequence);
}

unsigned fake_core_rows(enum penstock_store_kind kind)
{
	unsigned count = 0;

	settle();
	compact();
	for (unsigned i = 0; i < row_count; i++) {
		count += rows[i].kind == (enum row_kind)kind && rows[i].sequence <= fake.committed;
	}
	return count;
}

void fake_core_reset(void)
{
	row_count = 0;
	memset(highest, 0, sizeof(highest));
	fake_core_lose_memory();
	fake_core_new_run();
}

struct penstock_store *fake_core_store(void)
{
	static int store;

	return (struct penstock_store *)(void *)&store;
}
