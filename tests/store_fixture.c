/* SPDX-License-Identifier: MIT */
#include "tests/store_fixture.h"

#include "proto/image/default_state.h"
#include "proto/wire/limits.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void committed_cb(void *owner, uint64_t sequence)
{
	struct store_fixture *fixture = owner;

	ck_assert_uint_gt(sequence, fixture->committed);
	fixture->committed = sequence;
	fixture->commits++;
}

static void failed_cb(void *owner, enum penstock_status status, const char *text)
{
	struct store_fixture *fixture = owner;

	fixture->failures++;
	fixture->status = status;
	penstock_errbuf_set(&fixture->text, "%s", text);
}

static void closed_cb(void *argument)
{
	struct store_fixture *fixture = argument;

	fixture->closed = true;
}

enum penstock_status store_fixture_open(struct store_fixture *fixture,
					const struct penstock_store_config *config)
{
	struct penstock_store_config own = *config;

	*fixture = (struct store_fixture){ .status = PENSTOCK_STATUS_SUCCESS };
	ck_assert_int_eq(uv_loop_init(&fixture->loop), 0);
	own.loop = &fixture->loop;
	own.owner = fixture;
	own.committed = committed_cb;
	own.failed = failed_cb;
	fixture->status = penstock_store_open(&own, &fixture->store, &fixture->text);
	return fixture->status;
}

void store_fixture_wait(struct store_fixture *fixture, uint64_t sequence)
{
	while (fixture->committed < sequence && fixture->failures == 0) {
		uv_run(&fixture->loop, UV_RUN_ONCE);
	}
}

void store_fixture_close(struct store_fixture *fixture)
{
	if (fixture->store != NULL) {
		penstock_store_close(fixture->store, closed_cb, fixture);
		uv_run(&fixture->loop, UV_RUN_DEFAULT);
		ck_assert(fixture->closed);
	}
	ck_assert_int_eq(uv_loop_close(&fixture->loop), 0);
}

/* ---------------------------------------------------------------- dump */

PENSTOCK_PRINTF(2, 3)
static bool append(struct store_dump *dump, const char *format, ...)
{
	char line[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	ck_assert_int_lt(length, (int)sizeof(line));
	if (dump->size + (size_t)length + 1 > dump->capacity) {
		/* doubled: a sanitizer copies and keeps each block that is reallocated */
		dump->capacity = 2 * dump->capacity + sizeof(line);
		dump->text = realloc(dump->text, dump->capacity);
		ck_assert_ptr_nonnull(dump->text);
	}
	memcpy(dump->text + dump->size, line, (size_t)length + 1);
	dump->size += (size_t)length;
	return ++dump->rows != dump->stop_at;
}

static void dump_adapter(void *owner, uint32_t index, const uint8_t generation[16])
{
	append(owner, "adapter %u generation %02x..%02x\n", index, generation[0], generation[15]);
}

static bool dump_principal(void *owner, const struct penstock_principal_row *row)
{
	return append(owner, "principal %" PRIu64 " %s\n", row->id, row->name);
}

static bool dump_session(void *owner, const struct penstock_session_row *row)
{
	return append(owner,
		      "session %" PRIu64 " of %" PRIu64 " %" PRIx64 "/%" PRIx64
		      " lease %u record %" PRIu64 " serial %" PRIu64 " forgotten %" PRIu64 " %s\n",
		      row->id, row->principal, row->id_high, row->id_low, row->lease_s,
		      row->progress_record, row->row_serial, row->forgotten_serial, row->client);
}

static bool dump_device(void *owner, const struct penstock_device_row *row)
{
	return append(
		owner,
		"device %" PRIu64 " of %" PRIu64 " name %" PRIx64 " flags %x state %u adapter %u\n",
		row->id, row->session, row->name, row->flags, row->execution_state, row->adapter);
}

static bool dump_context(void *owner, const struct penstock_context_row *row)
{
	return append(owner,
		      "context %" PRIu64 " of %" PRIu64 " name %" PRIx64
		      " node %u flags %x sizes %u %u %u priority %d record %" PRIu64 "\n",
		      row->id, row->device, row->name, row->node_ordinal, row->flags,
		      row->dma_buffer_bytes, row->allocation_list, row->patch_location_list,
		      row->priority, row->progress_record);
}

static bool dump_allocation(void *owner, const struct penstock_allocation_row *row)
{
	return append(owner,
		      "allocation %" PRIu64 " of %" PRIu64 " bytes %" PRIu64 " record %" PRIu64
		      " segments %x/%u flags %x priority %x surface %ux%u %u %u %u token %" PRIx64
		      "/%" PRIx64 " adapter %u\n",
		      row->id, row->principal, row->size_bytes, row->record, row->segment_set,
		      row->preferred_segment, row->flags, row->priority, row->width, row->height,
		      row->format, row->surface_type, row->pitch_bytes, row->token_high,
		      row->token_low, row->adapter);
}

static bool dump_pipeline(void *owner, const struct penstock_pipeline_row *row)
{
	return append(owner, "pipeline %" PRIu64 " kind %u bindings %u state %x..%x targets %u\n",
		      row->allocation, row->kind, row->binding_count, row->graphics.dynamic,
		      row->graphics.view_mask, row->targets_written);
}

static bool dump_pipeline_binding(void *owner, const struct penstock_pipeline_binding_row *row)
{
	return append(owner,
		      "binding %u/%u of %" PRIu64 " type %u count %u least %u written %d image %u "
		      "%u %u %u\n",
		      row->set, row->binding, row->allocation, row->type, row->count,
		      row->least_bytes, row->written, row->flags, row->dimension, row->number,
		      row->format);
}

static bool dump_opening(void *owner, const struct penstock_opening_row *row)
{
	return append(owner,
		      "opening %" PRIu64 " device %" PRIu64 " allocation %" PRIu64 " name %" PRIx64
		      " %s\n",
		      row->id, row->device, row->allocation, row->name,
		      row->read_only ? "read" : "write");
}

static bool dump_sync_object(void *owner, const struct penstock_sync_object_row *row)
{
	return append(owner,
		      "sync object %" PRIu64 " token %" PRIx64 "/%" PRIx64 " record %" PRIu64
		      " adapter %u\n",
		      row->id, row->token_high, row->token_low, row->progress_record, row->adapter);
}

static bool dump_sync_opening(void *owner, const struct penstock_sync_opening_row *row)
{
	return append(owner,
		      "bound %" PRIu64 " device %" PRIu64 " object %" PRIu64 " name %" PRIx64 "\n",
		      row->id, row->device, row->sync_object, row->name);
}

static bool dump_list(void *owner, uint64_t context, const struct penstock_list_row *row)
{
	return append(owner,
		      "element %u of %" PRIu64 " opening %" PRIu64
		      " write %d segment %u at %" PRIx64 "\n",
		      row->index, context, row->opening, row->write_operation, row->segment_id,
		      row->address);
}

static bool dump_name_floor(void *owner, uint64_t session, uint32_t index, uint32_t generation)
{
	return append(owner, "floor of %" PRIu64 " index %u generation %u\n", session, index,
		      generation);
}

static bool dump_answer(void *owner, const struct penstock_answer_row *row)
{
	return append(owner,
		      "answer %" PRIu64 " of %" PRIu64 " context %" PRIx64 " ran until %" PRIu64
		      " status %x at %d %u '%s' '%s' '%s'\n",
		      row->serial, row->session, row->context, row->ran_until, row->status,
		      row->at_instruction, row->byte_offset, row->instruction, row->operand,
		      row->sentence);
}

void store_dump_loader(struct store_dump *dump, struct penstock_store_loader *ret_loader)
{
	*ret_loader = (struct penstock_store_loader){
		.owner = dump,
		.adapter = dump_adapter,
		.principal = dump_principal,
		.session = dump_session,
		.device = dump_device,
		.context = dump_context,
		.allocation = dump_allocation,
		.pipeline = dump_pipeline,
		.pipeline_binding = dump_pipeline_binding,
		.opening = dump_opening,
		.sync_object = dump_sync_object,
		.sync_opening = dump_sync_opening,
		.list = dump_list,
		.name_floor = dump_name_floor,
		.answer = dump_answer,
	};
}

enum penstock_status store_dump_file(const struct penstock_store_config *config,
				     struct store_dump *ret_dump,
				     struct penstock_errbuf *reterr_text)
{
	struct penstock_database database;
	struct penstock_store_loader loader;
	enum penstock_status status = penstock_database_open(&database, config, reterr_text);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	store_dump_loader(ret_dump, &loader);
	status = penstock_database_load(&database, &loader, reterr_text);
	penstock_database_close(&database);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(ret_dump->text);
		ret_dump->text = NULL;
	}
	return status;
}

/* ---------------------------------------------------------------- rows */

static uint64_t name_of(uint64_t id)
{
	return id | 0xabcd000000000000u;
}

struct penstock_principal_row store_principal(uint64_t id)
{
	struct penstock_principal_row row = { .id = id };

	snprintf(row.name, sizeof(row.name), "uid:%" PRIu64, id);
	return row;
}

struct penstock_session_row store_session(uint64_t id, uint64_t principal)
{
	return (struct penstock_session_row){
		.id = id,
		.id_high = ~id,
		.id_low = id << 32,
		.principal = principal,
		.lease_s = 60,
		.progress_record = id + 7,
		.client = "a client",
	};
}

struct penstock_device_row store_device(uint64_t id, uint64_t session)
{
	return (struct penstock_device_row){
		.id = id,
		.session = session,
		.name = name_of(id),
		.flags = 2,
		.execution_state = 1,
		.adapter = (uint32_t)((id - 1) % PENSTOCK_LIMIT_ADAPTERS),
	};
}

struct penstock_context_row store_context(uint64_t id, uint64_t device)
{
	return (struct penstock_context_row){
		.id = id,
		.device = device,
		.name = name_of(id),
		.node_ordinal = 1,
		.flags = 2,
		.dma_buffer_bytes = 65536,
		.allocation_list = 256,
		.patch_location_list = UINT32_MAX,
		.priority = -7,
		.progress_record = id * 3,
	};
}

struct penstock_allocation_row store_allocation(uint64_t id, uint64_t principal)
{
	return (struct penstock_allocation_row){
		.id = id,
		.principal = principal,
		.size_bytes = id << 12,
		.record = id + 1,
		.segment_set = 3,
		.preferred_segment = 1,
		.flags = 1,
		.priority = 0x78000000,
		.width = 640,
		.height = 480,
		.format = 21,
		.surface_type = 2,
		.pitch_bytes = 2560,
		.token_high = UINT64_MAX - id,
		.token_low = id,
		.adapter = (uint32_t)((id - 1) % PENSTOCK_LIMIT_ADAPTERS),
	};
}

struct penstock_opening_row store_opening(uint64_t id, uint64_t device, uint64_t allocation)
{
	return (struct penstock_opening_row){
		.id = id,
		.device = device,
		.allocation = allocation,
		.name = name_of(id),
		.read_only = (id & 1) != 0,
	};
}

struct penstock_sync_object_row store_sync_object(uint64_t id)
{
	return (struct penstock_sync_object_row){
		.id = id,
		.adapter = (uint32_t)((id - 1) % PENSTOCK_LIMIT_ADAPTERS),
		.token_high = id,
		.token_low = UINT64_MAX - id,
		.progress_record = id + 20,
	};
}

struct penstock_sync_opening_row store_sync_opening(uint64_t id, uint64_t device, uint64_t object)
{
	return (struct penstock_sync_opening_row){
		.id = id,
		.device = device,
		.sync_object = object,
		.name = name_of(id + 40),
	};
}

struct penstock_pipeline_row store_pipeline(uint64_t allocation, uint32_t binding_count)
{
	struct penstock_pipeline_row row = {
		.allocation = allocation,
		.kind = 1 + (uint32_t)allocation % 2,
		.binding_count = binding_count,
	};

	if (row.kind == 2) {
		row.targets_written = 5;
		penstock_graphics_state_default(&row.graphics);
		row.graphics.view_mask = 0x3f;
	}
	return row;
}

/* They are not put in the order in which they are loaded. */
struct penstock_pipeline_binding_row store_pipeline_binding(uint64_t allocation, uint32_t index)
{
	return (struct penstock_pipeline_binding_row){
		.allocation = allocation,
		.set = 1 + index / 2,
		.binding = 7 - index,
		.type = 6 + index % 2,
		.count = index + 1,
		.least_bytes = UINT32_MAX - index,
		.written = index % 2 != 0,
		.flags = 4 + index,
		.dimension = 5,
		.number = 1 + index,
		.format = UINT32_MAX - index,
	};
}

struct penstock_answer_row store_refusal(uint64_t session, uint64_t serial)
{
	return (struct penstock_answer_row){
		.session = session,
		.serial = serial,
		.status = penstock_status_to_wire(PENSTOCK_STATUS_ILLEGAL_INSTRUCTION),
		.at_instruction = true,
		.byte_offset = 0x2a4,
		.instruction = "copy",
		.operand = "destination",
		.sentence = "it's refused",
	};
}

struct penstock_answer_row store_ending(uint64_t session, uint64_t serial)
{
	return (struct penstock_answer_row){
		.session = session,
		.serial = serial,
		.context = name_of(session),
		.ran_until = serial - 2,
		.status = penstock_status_to_wire(PENSTOCK_STATUS_DEVICE_REMOVED),
	};
}

uint64_t store_fill(struct penstock_store *store)
{
	static const uint8_t generations[2][16] = { { 0xaa, [15] = 0xbb }, { 0xcc, [15] = 0xdd } };
	uint64_t sequence = penstock_store_put_adapter(store, 0, generations[0]);

	penstock_store_put_adapter(store, 1, generations[1]);
	for (uint64_t i = 1; i <= 2; i++) {
		const struct penstock_principal_row principal = store_principal(i);
		const struct penstock_session_row session = store_session(i, i);
		const struct penstock_device_row device = store_device(i, i);
		const struct penstock_context_row context = store_context(i, i);
		const struct penstock_allocation_row allocation = store_allocation(i, i);
		const struct penstock_opening_row opening = store_opening(i, i, i);
		const struct penstock_pipeline_row pipeline = store_pipeline(i, 3);
		const struct penstock_sync_object_row object = store_sync_object(i);
		const struct penstock_sync_opening_row sync_opening = store_sync_opening(i, i, i);
		const struct penstock_answer_row ending = store_ending(i, 20);
		const struct penstock_list_row list[] = {
			{ .index = 0 },
			{ .opening = i,
			  .index = 1,
			  .write_operation = true,
			  .segment_id = 2,
			  .address = 0x8000000000000000u + i },
		};

		penstock_store_put_principal(store, &principal);
		penstock_store_put_session(store, &session);
		penstock_store_put_device(store, &device);
		penstock_store_put_context(store, &context);
		penstock_store_put_allocation(store, &allocation);
		penstock_store_put_pipeline(store, &pipeline);
		for (uint32_t index = 0; index < pipeline.binding_count; index++) {
			const struct penstock_pipeline_binding_row binding =
				store_pipeline_binding(i, index);

			penstock_store_put_pipeline_binding(store, &binding);
		}
		penstock_store_put_opening(store, &opening);
		penstock_store_put_sync_object(store, &object);
		penstock_store_put_sync_opening(store, &sync_opening);
		penstock_store_put_list(store, i, list, 2);
		penstock_store_put_name_floor(store, i, 5, 9);
		for (uint64_t serial = 10; serial <= 13; serial++) {
			const struct penstock_answer_row refusal = store_refusal(i, serial);

			penstock_store_put_answer(store, &refusal);
		}
		penstock_store_put_answer(store, &ending);
		penstock_store_delete_answers(store, i, 10);
		penstock_store_forget_answers(store, i, 12);
		penstock_store_put_row_serial(store, i, 20 + i);
		penstock_store_put_row_serial(store, i, 30 + i);
		sequence = penstock_store_put_row_serial(store, i, 10); /* it took its time */
	}
	return sequence;
}
