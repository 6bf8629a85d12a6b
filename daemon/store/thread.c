/* SPDX-License-Identifier: MIT */
#include "daemon/store/thread.h"

/* Waits; false once there is nothing queued and nothing will be. */
static bool take(struct penstock_store_exchange *exchange, struct penstock_record_queue *ret_batch)
{
	bool found;

	uv_mutex_lock(&exchange->mutex);
	while (exchange->queued.first == NULL && !exchange->stop) {
		uv_cond_wait(&exchange->changed, &exchange->mutex);
	}
	found = exchange->queued.first != NULL;
	penstock_record_move(ret_batch, &exchange->queued);
	uv_mutex_unlock(&exchange->mutex);
	return found;
}

/* Gives the batch's chunks back and says what became of it. */
static void report(struct penstock_store_thread *thread, struct penstock_record_queue *batch,
		   enum penstock_status status, const struct penstock_errbuf *text)
{
	struct penstock_store_exchange *exchange = thread->exchange;

	uv_mutex_lock(&exchange->mutex);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		exchange->committed = batch->last_sequence;
	} else if (exchange->status == PENSTOCK_STATUS_SUCCESS) {
		exchange->status = status;
		exchange->text = *text;
	}
	exchange->committed_records += batch->records;
	penstock_record_move(&exchange->written, batch);
	uv_mutex_unlock(&exchange->mutex);
	(void)uv_async_send(thread->news);
}

static void run(void *argument)
{
	struct penstock_store_thread *thread = argument;
	struct penstock_record_queue batch = { 0 };
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	struct penstock_errbuf text = { "" };

	while (take(thread->exchange, &batch)) {
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = penstock_database_write(thread->database, &batch, &text);
		}
		report(thread, &batch, status, &text);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			penstock_database_checkpoint(thread->database);
		}
	}
	penstock_database_close(thread->database);
	uv_mutex_lock(&thread->exchange->mutex);
	thread->exchange->ended = true;
	uv_mutex_unlock(&thread->exchange->mutex);
	(void)uv_async_send(thread->news);
}

enum penstock_status penstock_store_thread_start(struct penstock_store_thread *thread)
{
	return uv_thread_create(&thread->thread, run, thread) == 0 ? PENSTOCK_STATUS_SUCCESS
								   : PENSTOCK_STATUS_NO_MEMORY;
}

void penstock_store_thread_join(struct penstock_store_thread *thread)
{
	PENSTOCK_REQUIRE(uv_thread_join(&thread->thread) == 0);
}
