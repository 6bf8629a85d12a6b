/* SPDX-License-Identifier: MIT */
/*
 * The loop thread's side of the store.
 *
 *   OPEN --close--> CLOSING (the thread writes the rest) --> its end --> handles close --> freed
 *
 * `pending` is filled during a turn of the loop and handed to the thread as a whole before the
 * loop sleeps (prepare) and after it has polled (check), whichever comes first.
 */
#include "daemon/store/store.h"

#include "daemon/store/thread.h"
#include "proto/wire/limits.h"

#include <stdlib.h>
#include <string.h>

struct penstock_store {
	struct penstock_store_config config; /* path and test.vfs are not kept */
	uv_async_t news;
	uv_prepare_t before_poll;
	uv_check_t after_poll;
	unsigned open_handles;
	struct penstock_database database; /* the thread's once it has rows */
	struct penstock_store_thread thread;
	struct penstock_store_exchange exchange;
	struct penstock_record_queue pending;
	struct penstock_record_pool pool;
	uint64_t sequence;  /* of the last row put */
	uint64_t committed; /* that the owner was told of */
	uint64_t records_put;
	uint64_t records_done;
	uint64_t highest_id[PENSTOCK_STORE_KINDS];
	bool out_of_memory;
	bool failure_told;
	uv_thread_t owner_thread;
	void (*closed)(void *argument);
	void *closed_argument;
};

static void require_loop_thread(const struct penstock_store *store)
{
	uv_thread_t self = uv_thread_self();

	PENSTOCK_REQUIRE(uv_thread_equal(&self, &store->owner_thread));
}

/* ---------------------------------------------------------------- to the thread */

static void hand_over(struct penstock_store *store)
{
	if (store->pending.first == NULL) {
		return;
	}
	uv_mutex_lock(&store->exchange.mutex);
	penstock_record_move(&store->exchange.queued, &store->pending);
	uv_cond_signal(&store->exchange.changed);
	uv_mutex_unlock(&store->exchange.mutex);
}

static void before_poll_cb(uv_prepare_t *handle)
{
	hand_over(handle->data);
}

static void after_poll_cb(uv_check_t *handle)
{
	hand_over(handle->data);
}

/* ---------------------------------------------------------------- from the thread */

static void handle_closed_cb(uv_handle_t *handle)
{
	struct penstock_store *store = handle->data;
	void (*closed)(void *argument) = store->closed;
	void *argument = store->closed_argument;

	if (--store->open_handles > 0) {
		return;
	}
	uv_cond_destroy(&store->exchange.changed);
	uv_mutex_destroy(&store->exchange.mutex);
	penstock_record_pool_fini(&store->pool);
	free(store);
	if (closed != NULL) {
		closed(argument);
	}
}

static void close_handles(struct penstock_store *store)
{
	uv_close((uv_handle_t *)&store->news, handle_closed_cb);
	uv_close((uv_handle_t *)&store->before_poll, handle_closed_cb);
	uv_close((uv_handle_t *)&store->after_poll, handle_closed_cb);
}

static void tell_failure(struct penstock_store *store, enum penstock_status status,
			 const char *text)
{
	if (store->failure_told) {
		return;
	}
	store->failure_told = true;
	if (store->config.failed != NULL) {
		store->config.failed(store->config.owner, status, text);
	}
}

static void news_cb(uv_async_t *handle)
{
	struct penstock_store *store = handle->data;
	struct penstock_record_queue written = { 0 };
	struct penstock_errbuf text;
	enum penstock_status status;
	uint64_t committed;
	bool ended;

	uv_mutex_lock(&store->exchange.mutex);
	penstock_record_move(&written, &store->exchange.written);
	committed = store->exchange.committed;
	store->records_done = store->exchange.committed_records;
	status = store->exchange.status;
	text = store->exchange.text;
	ended = store->exchange.ended;
	uv_mutex_unlock(&store->exchange.mutex);

	penstock_record_recycle(&store->pool, &written);
	if (committed > store->committed) {
		store->committed = committed;
		if (store->config.committed != NULL) {
			store->config.committed(store->config.owner, committed);
		}
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		tell_failure(store, status, text.text);
	} else if (store->out_of_memory) {
		tell_failure(store, PENSTOCK_STATUS_NO_MEMORY, "out of memory for rows to store");
	}
	if (ended) {
		penstock_store_thread_join(&store->thread);
		close_handles(store);
	}
}

/* ---------------------------------------------------------------- open and close */

static void start_handles(struct penstock_store *store, uv_loop_t *loop)
{
	store->news.data = store;
	store->before_poll.data = store;
	store->after_poll.data = store;
	PENSTOCK_REQUIRE(uv_prepare_init(loop, &store->before_poll) == 0);
	PENSTOCK_REQUIRE(uv_check_init(loop, &store->after_poll) == 0);
	PENSTOCK_REQUIRE(uv_prepare_start(&store->before_poll, before_poll_cb) == 0);
	PENSTOCK_REQUIRE(uv_check_start(&store->after_poll, after_poll_cb) == 0);
	/* They look after work, they are none: a loop with nothing else to do may end its turn. */
	uv_unref((uv_handle_t *)&store->before_poll);
	uv_unref((uv_handle_t *)&store->after_poll);
	store->open_handles = 3;
}

static enum penstock_status start(struct penstock_store *store, uv_loop_t *loop)
{
	if (uv_mutex_init(&store->exchange.mutex) != 0) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	if (uv_cond_init(&store->exchange.changed) != 0) {
		goto destroy_mutex;
	}
	if (uv_async_init(loop, &store->news, news_cb) != 0) {
		goto destroy_condition;
	}
	start_handles(store, loop);
	store->thread = (struct penstock_store_thread){
		.exchange = &store->exchange,
		.database = &store->database,
		.news = &store->news,
	};
	if (penstock_store_thread_start(&store->thread) != PENSTOCK_STATUS_SUCCESS) {
		penstock_database_close(&store->database);
		close_handles(store); /* frees the store, on a later turn */
		return PENSTOCK_STATUS_PENDING;
	}
	return PENSTOCK_STATUS_SUCCESS;
destroy_condition:
	uv_cond_destroy(&store->exchange.changed);
destroy_mutex:
	uv_mutex_destroy(&store->exchange.mutex);
	return PENSTOCK_STATUS_NO_MEMORY;
}

enum penstock_status penstock_store_open(const struct penstock_store_config *config,
					 struct penstock_store **ret_store,
					 struct penstock_errbuf *reterr_text)
{
	struct penstock_store *store = calloc(1, sizeof(*store));
	enum penstock_status status;

	if (store == NULL) {
		penstock_errbuf_set(reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	store->config = *config;
	store->config.path = NULL;
	store->config.test.vfs = NULL;
	store->owner_thread = uv_thread_self();
	status = penstock_database_open(&store->database, config, reterr_text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(store);
		return status;
	}
	memcpy(store->highest_id, store->database.highest_id, sizeof(store->highest_id));
	status = start(store, config->loop);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		*ret_store = store;
		return PENSTOCK_STATUS_SUCCESS;
	}
	penstock_errbuf_set(reterr_text, "%s: the store thread cannot be started", config->path);
	if (status != PENSTOCK_STATUS_PENDING) {
		penstock_database_close(&store->database);
		free(store);
	}
	return PENSTOCK_STATUS_NO_MEMORY;
}

void penstock_store_close(struct penstock_store *store, void (*closed)(void *argument),
			  void *argument)
{
	require_loop_thread(store);
	store->closed = closed;
	store->closed_argument = argument;
	hand_over(store);
	uv_mutex_lock(&store->exchange.mutex);
	store->exchange.stop = true;
	uv_cond_signal(&store->exchange.changed);
	uv_mutex_unlock(&store->exchange.mutex);
}

enum penstock_status penstock_store_load(struct penstock_store *store,
					 const struct penstock_store_loader *loader,
					 struct penstock_errbuf *reterr_text)
{
	require_loop_thread(store);
	PENSTOCK_REQUIRE(store->sequence == 0);
	return penstock_database_load(&store->database, loader, reterr_text);
}

uint64_t penstock_store_highest_id(const struct penstock_store *store,
				   enum penstock_store_kind kind)
{
	return store->highest_id[kind];
}

uint64_t penstock_store_queued(const struct penstock_store *store)
{
	return store->records_put - store->records_done;
}

/* ---------------------------------------------------------------- rows */

/* From now on nothing is taken: a transaction must not hold half of a turn. */
static void run_out_of_memory(struct penstock_store *store)
{
	store->out_of_memory = true;
	store->records_put -= store->pending.records;
	penstock_record_recycle(&store->pool, &store->pending);
	(void)uv_async_send(&store->news);
}

static bool push(struct penstock_store *store, enum penstock_record_action action,
		 enum penstock_store_table table, const void *row, size_t bytes)
{
	if (store->out_of_memory) {
		return false;
	}
	if (!penstock_record_push(&store->pending, &store->pool, action, table, row, bytes)) {
		run_out_of_memory(store);
		return false;
	}
	store->records_put++;
	return true;
}

static uint64_t next_sequence(struct penstock_store *store)
{
	store->pending.last_sequence = ++store->sequence;
	return store->sequence;
}

static uint64_t put(struct penstock_store *store, enum penstock_store_table table, const void *row)
{
	require_loop_thread(store);
	if (!push(store, PENSTOCK_RECORD_PUT, table, row, penstock_table_row_bytes(table))) {
		return 0;
	}
	return next_sequence(store);
}

/* A row of a kind with ids; `id` is its first member. */
static uint64_t put_object(struct penstock_store *store, enum penstock_store_kind kind, uint64_t id,
			   const void *row)
{
	PENSTOCK_REQUIRE(id > 0 && id <= INT64_MAX);
	if (id > store->highest_id[kind]) {
		store->highest_id[kind] = id;
	}
	return put(store, (enum penstock_store_table)kind, row);
}

uint64_t penstock_store_put_principal(struct penstock_store *store,
				      const struct penstock_principal_row *row)
{
	return put_object(store, PENSTOCK_STORE_PRINCIPAL, row->id, row);
}

uint64_t penstock_store_put_session(struct penstock_store *store,
				    const struct penstock_session_row *row)
{
	return put_object(store, PENSTOCK_STORE_SESSION, row->id, row);
}

uint64_t penstock_store_put_device(struct penstock_store *store,
				   const struct penstock_device_row *row)
{
	return put_object(store, PENSTOCK_STORE_DEVICE, row->id, row);
}

uint64_t penstock_store_put_context(struct penstock_store *store,
				    const struct penstock_context_row *row)
{
	return put_object(store, PENSTOCK_STORE_CONTEXT, row->id, row);
}

uint64_t penstock_store_put_allocation(struct penstock_store *store,
				       const struct penstock_allocation_row *row)
{
	return put_object(store, PENSTOCK_STORE_ALLOCATION, row->id, row);
}

uint64_t penstock_store_put_pipeline(struct penstock_store *store,
				     const struct penstock_pipeline_row *row)
{
	return put(store, PENSTOCK_TABLE_PIPELINE, row);
}

uint64_t penstock_store_put_pipeline_binding(struct penstock_store *store,
					     const struct penstock_pipeline_binding_row *row)
{
	return put(store, PENSTOCK_TABLE_PIPELINE_BINDING, row);
}

uint64_t penstock_store_put_opening(struct penstock_store *store,
				    const struct penstock_opening_row *row)
{
	return put_object(store, PENSTOCK_STORE_OPENING, row->id, row);
}

uint64_t penstock_store_put_sync_object(struct penstock_store *store,
					const struct penstock_sync_object_row *row)
{
	return put_object(store, PENSTOCK_STORE_SYNC_OBJECT, row->id, row);
}

uint64_t penstock_store_put_sync_opening(struct penstock_store *store,
					 const struct penstock_sync_opening_row *row)
{
	return put_object(store, PENSTOCK_STORE_SYNC_OPENING, row->id, row);
}

uint64_t penstock_store_put_list(struct penstock_store *store, uint64_t context,
				 const struct penstock_list_row *rows, uint32_t count)
{
	const struct penstock_record_id clear = { context };

	require_loop_thread(store);
	PENSTOCK_REQUIRE(count <= PENSTOCK_LIMIT_ALLOCATION_LIST);
	if (!push(store, PENSTOCK_RECORD_CLEAR_LIST, PENSTOCK_TABLE_LIST_ELEMENT, &clear,
		  sizeof(clear))) {
		return 0;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct penstock_list_element_row row = { context, rows[i] };

		if (!push(store, PENSTOCK_RECORD_PUT, PENSTOCK_TABLE_LIST_ELEMENT, &row,
			  sizeof(row))) {
			return 0;
		}
	}
	return next_sequence(store);
}

uint64_t penstock_store_delete(struct penstock_store *store, enum penstock_store_kind kind,
			       uint64_t id)
{
	const struct penstock_record_id row = { id };

	require_loop_thread(store);
	if (!push(store, PENSTOCK_RECORD_DELETE, (enum penstock_store_table)kind, &row,
		  sizeof(row))) {
		return 0;
	}
	return next_sequence(store);
}

uint64_t penstock_store_put_adapter(struct penstock_store *store, uint32_t index,
				    const uint8_t memory_generation[16])
{
	struct penstock_adapter_row row = { .id = index };

	memcpy(row.memory_generation, memory_generation, sizeof(row.memory_generation));
	return put(store, PENSTOCK_TABLE_ADAPTER, &row);
}

uint64_t penstock_store_put_name_floor(struct penstock_store *store, uint64_t session,
				       uint32_t index, uint32_t generation)
{
	const struct penstock_name_floor_row row = { session, index, generation };

	return put(store, PENSTOCK_TABLE_NAME_FLOOR, &row);
}

uint64_t penstock_store_put_row_serial(struct penstock_store *store, uint64_t session,
				       uint64_t serial)
{
	const struct penstock_row_serial_row row = { session, serial };

	return put(store, PENSTOCK_TABLE_ROW_SERIAL, &row);
}

uint64_t penstock_store_put_answer(struct penstock_store *store,
				   const struct penstock_answer_row *row)
{
	return put(store, PENSTOCK_TABLE_STORED_ANSWER, row);
}

uint64_t penstock_store_delete_answers(struct penstock_store *store, uint64_t session,
				       uint64_t serial)
{
	const struct penstock_forgotten_row row = { session, serial };

	require_loop_thread(store);
	if (!push(store, PENSTOCK_RECORD_DELETE_ANSWERS, PENSTOCK_TABLE_STORED_ANSWER, &row,
		  sizeof(row))) {
		return 0;
	}
	return next_sequence(store);
}

uint64_t penstock_store_forget_answers(struct penstock_store *store, uint64_t session,
				       uint64_t serial)
{
	const struct penstock_forgotten_row row = { session, serial };

	(void)penstock_store_delete_answers(store, session, serial);
	return put(store, PENSTOCK_TABLE_FORGOTTEN, &row);
}
