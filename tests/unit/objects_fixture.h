/* SPDX-License-Identifier: MIT */
/*
 * An adapter on the fake core, and a client of it that counts serials and remembers what it was
 * told. Nothing happens on its own: `turn` lets the loop go round once.
 */
#ifndef PENSTOCK_OBJECTS_FIXTURE_H
#define PENSTOCK_OBJECTS_FIXTURE_H

#include "daemon/objects/objects.h"
#include "daemon/objects/observe.h"
#include "tests/harness.h"
#include "tests/unit/fake_core.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define MOST_EVENTS   4096u
#define MOST_REQUESTS 4096u

struct told_fence {
	uint64_t context;
	uint64_t fence;
	enum penstock_status status;
};

struct client {
	struct penstock_session *session; /* NULL: none */
	struct penstock_session_id id;
	struct penstock_session_events events;
	uint64_t serial; /* of the last request */
	uint64_t resumed_serial;
	uint32_t lease_s;
	struct penstock_refusal refusal; /* of the last request */
	struct told_fence fences[MOST_EVENTS];
	unsigned fence_count;
	unsigned resumes;
	uint64_t durable;
	unsigned ended;
};

struct answered {
	struct penstock_request request; /* first */
	unsigned times;
	enum penstock_status status;
};

/* What the shader checker of the fixture was given and has not answered. */
struct fake_check {
	struct penstock_list link;
	penstock_shader_answered *answered;
	void *owner;
	uint32_t first_word;
	enum penstock_shader_stage stage;
};

struct fixture {
	uv_loop_t loop;
	struct penstock_machine *machine;
	struct penstock_machine_config config;
	struct penstock_adapter_config adapters[3];
	bool stopped;
	struct penstock_list checks; /* fake_check.link, oldest first */
	unsigned checked;            /* all that were asked for */
	unsigned check_count;        /* not answered yet */
	unsigned cancelled;
	bool no_checks; /* none is taken on */
};

#define NAME(index)                ((uint64_t)(index))
#define NAME_OF(generation, index) ((uint64_t)(generation) << 32 | (index))

/* One adapter. `store`: with the fake one, so that leases are granted. */
void fixture_start(struct fixture *fixture, bool store);
void fixture_start_adapters(struct fixture *fixture, bool store, uint32_t adapter_count);
/* Again, on what survived. */
enum penstock_status fixture_start_again(struct fixture *fixture, struct penstock_errbuf *ret_text);
/* Until the adapter is gone; everything must have been given back. */
void fixture_stop(struct fixture *fixture);
/* kill -9 and a new daemon. */
void fixture_kill(struct fixture *fixture);
void turn(struct fixture *fixture);

/* Answers the oldest check: hardened words are one more than those that came. */
void fixture_answer(struct fixture *fixture, const struct penstock_shader_reflection *reflection);
void fixture_refuse(struct fixture *fixture, enum penstock_status status, uint32_t word_offset,
		    const char *sentence);

enum penstock_status client_connect(struct fixture *fixture, struct client *client,
				    const char *principal, uint32_t lease_s);
enum penstock_status client_resume(struct fixture *fixture, struct client *client,
				   const char *principal);
void client_disconnect(struct client *client);

enum penstock_status client_device(struct client *client, uint64_t name);
enum penstock_status client_device_on(struct client *client, uint64_t name, uint32_t adapter);
enum penstock_status client_context(struct client *client, uint64_t name, uint64_t device);
enum penstock_status client_allocation(struct client *client, uint64_t name, uint64_t device,
				       uint64_t size_bytes, struct answered *answered);
/* Of one stage whose SPIR-V is `word` alone; `stage`: enum penstock_shader_stage. */
enum penstock_status client_pipeline(struct client *client, uint64_t name, uint64_t device,
				     uint32_t stage, uint32_t word, struct answered *answered);
enum penstock_status client_pipeline_of(struct client *client,
					const struct penstock_create_pipeline_info *info,
					struct answered *answered);
enum penstock_status client_share(struct client *client, uint64_t name, struct answered *answered);
enum penstock_status client_open(struct client *client, uint64_t name, uint64_t device,
				 const struct answered *shared, bool read_only);
enum penstock_status client_destroy(struct client *client, uint64_t name);

/* A device 1, a context 2 on it, and allocations 3.. of a page each. */
void client_set_up(struct client *client, unsigned allocations);

struct submit {
	uint64_t context;
	uint32_t flags;
	const struct penstock_wire_allocation *list;
	uint32_t list_count;
	const uint8_t *command;
	uint32_t command_bytes;
	const uint64_t *broadcast;
	uint32_t broadcast_count;
	struct penstock_wire_submission record; /* fields beside those above */
};

enum penstock_status client_submit(struct client *client, const struct submit *submit,
				   struct answered *answered);

/* Fills 256 bytes of allocation `name` from the context 2; `context` 0: that. */
enum penstock_status client_fill(struct client *client, uint64_t context, uint64_t name);
/* With IF_PREDECESSOR_RAN and so on. */
enum penstock_status client_fill_flags(struct client *client, uint64_t context, uint64_t name,
				       uint32_t flags);

enum penstock_status client_upload_begin(struct client *client, uint64_t name, uint64_t offset,
					 uint32_t size_bytes, struct answered *answered,
					 uint8_t **ret_destination);
enum penstock_status client_read_back(struct client *client, uint64_t name, uint64_t offset,
				      uint32_t size_bytes, struct answered *answered);

/* The same with PENSTOCK_LOCK_ flags. */
enum penstock_status client_upload_with(struct client *client, uint64_t name, uint64_t offset,
					uint32_t size_bytes, uint32_t flags,
					struct answered *answered, uint8_t **ret_destination);
enum penstock_status client_read_back_with(struct client *client, uint64_t name, uint64_t offset,
					   uint32_t size_bytes, uint32_t flags,
					   struct answered *answered);

/* A fill of 256 bytes at 0 of list element `index`. */
void write_fill(uint8_t command[32], uint16_t index);

#endif
