/* SPDX-License-Identifier: MIT */
/*
 * The emulated GPU seen from the daemon: private to this folder. gpu-backend/backend.h is what
 * others see.
 */
#ifndef PENSTOCK_EMULATED_H
#define PENSTOCK_EMULATED_H

#include "gpu-backend/backend.h"
#include "gpu-backend/emulated/host/child.h"
#include "gpu-backend/emulated/host/queue.h"
#include "gpu-backend/emulated/patience.h"
#include "gpu-backend/plain/telling.h"
#include "proto/base/list.h"

#include <uv.h>

struct penstock_emulated;

/* A file that was attached; remembered for the next process. */
struct penstock_emulated_file {
	uint32_t id;
	int descriptor; /* owned */
	uint64_t size_bytes;
	enum penstock_file_role role;
};

struct penstock_emulated_process {
	struct penstock_backend_process base;
	struct penstock_list link;      /* penstock_emulated.processes */
	struct penstock_list busy_link; /* penstock_emulated.busy */
	void *owner;
	struct penstock_child *child; /* NULL: none was needed yet, or it died */
	bool dead;                    /* since it died, until reset_engine: packets go nowhere */
	bool tell_death;              /* process_died is owed, with death_status */
	int death_status;
	bool pipelines; /* its next child has Vulkan */
	struct penstock_hw_queue queues[PENSTOCK_NODE_COUNT];
	struct penstock_emulated_file *files;
	size_t file_count;
	size_t file_capacity;
};

struct penstock_emulated {
	struct penstock_backend base;
	struct penstock_backend_config config;
	uv_loop_t *loop;
	char *program;
	struct penstock_list processes; /* penstock_emulated_process.link */
	struct penstock_list children;  /* penstock_child.link, ending ones too */
	/* One without Vulkan, and one with it once a process needed that. */
	struct penstock_child *standby[2];
	bool pipelines;
	uv_timer_t standby_timer;

	/*
	 * Processes that are looked at in every turn of the loop while the idle handle is active:
	 * fences expected within microseconds, news owed from a call of the table.
	 */
	struct penstock_list busy; /* penstock_emulated_process.busy_link */
	uv_idle_t idle;
	uint64_t looking_since_ns;
	bool may_look; /* there is another processor for the GPU */
	struct penstock_patience patience;
	struct penstock_telling *telling;

	bool failed; /* adapter_failed is owed or was called */
	bool failure_told;
	const char *failure;

	void (*stopped)(void *argument); /* not NULL: stopping */
	void *stopped_argument;
	unsigned open_handles;
};

/* processes.c: files and the process behind; interrupts.c: what comes back. */

/* A process for packets, from the standby or new. False: there is none, its death is owed. */
bool penstock_emulated_process_ensure(struct penstock_emulated_process *process);

/* Its child is killed, unless it ended: queues are empty and nothing of before is reported. */
void penstock_emulated_process_detach(struct penstock_emulated_process *process);

/*
 * The child has ended: reports what had completed by then. False: the callbacks destroyed the
 * process.
 */
bool penstock_emulated_finish(struct penstock_emulated_process *process);

/* Of the table. */
enum penstock_status penstock_emulated_attach_file(struct penstock_backend_process *base,
						   const struct penstock_backend_file *file,
						   enum penstock_file_role role);
void penstock_emulated_detach_file(struct penstock_backend_process *base, uint32_t file_id);

void penstock_emulated_want_standby(struct penstock_emulated *emulated);
void penstock_emulated_maybe_stopped(struct penstock_emulated *emulated);

/* News are owed to the process, or soon to come: it is looked at in the next turn of the loop. */
void penstock_emulated_look(struct penstock_emulated_process *process);

/* Packets are put: what completes until penstock_emulated_expect writes no eventfd. */
void penstock_emulated_disarm(struct penstock_emulated_process *process);

/* Packets were put: looks or arms the interrupts, whichever pays. */
void penstock_emulated_expect(struct penstock_emulated_process *process);

/*
 * Calls notify_interrupt for everything that one node has to say; `last`: for what completed, since
 * nothing else counts any more. False: the process is gone.
 */
bool penstock_emulated_collect(struct penstock_emulated_process *process, uint32_t node_ordinal,
			       bool last);

/* Of struct penstock_child_config. */
void penstock_emulated_on_interrupt(struct penstock_child *child, uint32_t node_ordinal);
void penstock_emulated_on_ended(struct penstock_child *child, int wait_status);
void penstock_emulated_on_idle(uv_idle_t *handle);

/* adapter_failed, from the next turn of the loop. */
void penstock_emulated_fail(struct penstock_emulated *emulated, const char *reason);

#endif
