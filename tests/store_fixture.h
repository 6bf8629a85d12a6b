/* SPDX-License-Identifier: MIT */
/*
 * A store with a loop of its own for tests, and a model: what a load delivers, as text, one line
 * a row.
 */
#ifndef PENSTOCK_STORE_FIXTURE_H
#define PENSTOCK_STORE_FIXTURE_H

#include "daemon/store/database.h"
#include "daemon/store/store.h"

#include <uv.h>

struct store_fixture {
	uv_loop_t loop;
	struct penstock_store *store;
	uint64_t committed;
	unsigned commits; /* calls of `committed` */
	enum penstock_status status;
	struct penstock_errbuf text;
	unsigned failures;
	bool closed;
};

/* The text of what was loaded; `text` is the caller's to free. */
struct store_dump {
	char *text;
	size_t size;
	size_t capacity;
	unsigned rows;
	unsigned stop_at; /* refuse that row, counted from 1; 0: none */
};

/* Opens the store at config->path with config->test; status and text are in the fixture. */
enum penstock_status store_fixture_open(struct store_fixture *fixture,
					const struct penstock_store_config *config);

/* Turns the loop until that sequence is committed or the store has failed. */
void store_fixture_wait(struct store_fixture *fixture, uint64_t sequence);

/* Closes the store and the loop; both must close clean. */
void store_fixture_close(struct store_fixture *fixture);

void store_dump_loader(struct store_dump *dump, struct penstock_store_loader *ret_loader);

/* Opens, loads, closes. On success the dump's text is the caller's. */
enum penstock_status store_dump_file(const struct penstock_store_config *config,
				     struct store_dump *ret_dump,
				     struct penstock_errbuf *reterr_text);

/* Rows that differ in every field, from a number. */
struct penstock_principal_row store_principal(uint64_t id);
struct penstock_session_row store_session(uint64_t id, uint64_t principal);
struct penstock_device_row store_device(uint64_t id, uint64_t session);
struct penstock_context_row store_context(uint64_t id, uint64_t device);
struct penstock_allocation_row store_allocation(uint64_t id, uint64_t principal);
struct penstock_opening_row store_opening(uint64_t id, uint64_t device, uint64_t allocation);
struct penstock_sync_object_row store_sync_object(uint64_t id);
struct penstock_sync_opening_row store_sync_opening(uint64_t id, uint64_t device, uint64_t object);
struct penstock_pipeline_row store_pipeline(uint64_t allocation, uint32_t binding_count);
struct penstock_pipeline_binding_row store_pipeline_binding(uint64_t allocation, uint32_t index);
struct penstock_answer_row store_refusal(uint64_t session, uint64_t serial);
struct penstock_answer_row store_ending(uint64_t session, uint64_t serial);

/*
 * Two principals, sessions, devices, contexts, allocations, pipelines, lists, floors, answers.
 * Returns a sequence.
 */
uint64_t store_fill(struct penstock_store *store);

#endif
