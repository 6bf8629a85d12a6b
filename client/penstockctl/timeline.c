/* SPDX-License-Identifier: MIT */
#include "client/penstockctl/timeline.h"

#include "client/penstockctl/or_end.h"
#include "proto/base/list.h"
#include "proto/wire/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES   2u
#define BUCKETS 4096u

/* A submission in a software queue. */
struct waiting {
	struct penstock_list link; /* context.waiting */
	uint64_t serial;
	uint64_t dma_bytes;
	uint32_t pass;
};

struct context {
	struct context *next; /* of its bucket */
	uint64_t id;
	uint32_t process;
	struct penstock_list waiting; /* in order */
	uint64_t head_since_ns;       /* of the first of these */
	uint64_t wait_since_ns;
	uint64_t wait; /* enum penstock_trace_wait: what it waits for now */
};

/* A packet on the hardware. */
struct packet {
	struct penstock_list link; /* ring.packets, by fence */
	uint64_t context;
	uint64_t serial;
	uint64_t submitted_ns;
	uint64_t bytes; /* of a paging packet; of a submission where it ends in the DMA buffer */
	uint64_t flow;  /* 0: none */
	uint32_t pass;
	uint32_t fence;
	bool paging;
	bool part; /* it does not begin where its DMA buffer does, or ends before it */
};

/* A node of a GPU process. */
struct ring {
	struct penstock_list packets;
	uint64_t cursor_ns; /* up to here its lane has bars */
};

struct timeline {
	struct item *items; /* owned */
	size_t count;
	size_t capacity;
	bool full;
	struct lane_process *processes; /* owned */
	struct ring (*rings)[NODES];    /* owned: of each process */
	size_t process_count;
	struct context *contexts[BUCKETS]; /* owned */
	uint64_t last_ns;
	uint64_t flows;
};

struct timeline *timeline_new(void)
{
	return or_end(calloc(1, sizeof(struct timeline)));
}

static void free_links(struct penstock_list *list, size_t offset)
{
	struct penstock_list *link;

	while ((link = penstock_list_pop(list)) != NULL) {
		free((char *)link - offset);
	}
}

static void empty_ring(struct ring *ring)
{
	free_links(&ring->packets, offsetof(struct packet, link));
}

static void empty_queue(struct context *context)
{
	free_links(&context->waiting, offsetof(struct waiting, link));
	context->wait = PENSTOCK_TRACE_WAIT_NOTHING;
}

void timeline_free(struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->process_count; i++) {
		free(timeline->processes[i].name);
		for (uint32_t node = 0; node < NODES; node++) {
			empty_ring(&timeline->rings[i][node]);
		}
	}
	for (size_t i = 0; i < BUCKETS; i++) {
		while (timeline->contexts[i] != NULL) {
			struct context *context = timeline->contexts[i];

			timeline->contexts[i] = context->next;
			empty_queue(context);
			free(context);
		}
	}
	free(timeline->items);
	free(timeline->processes);
	free(timeline->rings);
	free(timeline);
}

/* ---------------------------------------------------------------- what there is */

static void add_item(struct timeline *timeline, const struct item *item)
{
	if (timeline->count == TIMELINE_MOST_ITEMS) {
		timeline->full = true;
		return;
	}
	if (timeline->count == timeline->capacity) {
		timeline->capacity = timeline->capacity * 2 + 1024;
		timeline->items = or_end(
			realloc(timeline->items, timeline->capacity * sizeof(*timeline->items)));
	}
	timeline->items[timeline->count++] = *item;
}

/* The lists of a ring are linked to themselves: they move with care. */
static void move_rings(struct timeline *timeline, size_t count)
{
	struct ring(*rings)[NODES] = or_end(calloc(count, sizeof(*rings)));

	for (size_t i = 0; i < count; i++) {
		for (uint32_t node = 0; node < NODES; node++) {
			struct ring *to = &rings[i][node];
			struct penstock_list *link;

			penstock_list_init(&to->packets);
			if (i >= timeline->process_count) {
				continue;
			}
			to->cursor_ns = timeline->rings[i][node].cursor_ns;
			while ((link = penstock_list_pop(&timeline->rings[i][node].packets)) !=
			       NULL) {
				penstock_list_append(&to->packets, link);
			}
		}
	}
	free(timeline->rings);
	timeline->rings = rings;
}

static uint32_t process_of(struct timeline *timeline, enum lane_group group, uint32_t adapter,
			   uint64_t principal)
{
	for (size_t i = 0; i < timeline->process_count; i++) {
		const struct lane_process *process = &timeline->processes[i];

		if (process->group == group && process->adapter == adapter &&
		    process->principal == principal) {
			return (uint32_t)i;
		}
	}
	move_rings(timeline, timeline->process_count + 1);
	timeline->processes = or_end(realloc(
		timeline->processes, (timeline->process_count + 1) * sizeof(*timeline->processes)));
	timeline->processes[timeline->process_count] = (struct lane_process){
		.group = group,
		.adapter = adapter,
		.principal = principal,
		.asked = group == LANES_RENDER || group == LANES_ADAPTER,
	};
	return (uint32_t)timeline->process_count++;
}

/* The GPU process that the event is about. */
static uint32_t gpu_process(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	return process_of(timeline, event->process == 0 ? LANES_ADAPTER : LANES_NODES,
			  event->adapter, event->process);
}

static struct context *context_of(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	struct context **bucket = &timeline->contexts[event->context % BUCKETS];
	struct context *context;

	for (context = *bucket; context != NULL; context = context->next) {
		if (context->id == event->context) {
			return context;
		}
	}
	context = or_end(calloc(1, sizeof(*context)));
	context->id = event->context;
	context->process = process_of(timeline, LANES_CONTEXTS, 0, event->process);
	penstock_list_init(&context->waiting);
	context->next = *bucket;
	*bucket = context;
	return context;
}

/* ---------------------------------------------------------------- queues */

static struct waiting *waiting_from(struct penstock_list *link)
{
	return penstock_list_entry(link, struct waiting, link);
}

static struct waiting *head_of(const struct context *context)
{
	struct penstock_list *link = penstock_list_first(&context->waiting);

	return link == NULL ? NULL : waiting_from(link);
}

static void add_bar_of_queue(struct timeline *timeline, const struct context *context,
			     enum item_kind kind, uint64_t since_ns, uint64_t until_ns)
{
	const struct waiting *head = head_of(context);

	add_item(timeline, &(struct item){
				   .time_ns = since_ns,
				   .duration_ns = until_ns - since_ns,
				   .phase = PHASE_BAR,
				   .kind = (uint8_t)kind,
				   .depth = kind != ITEM_QUEUED,
				   .process = context->process,
				   .lane = context->id,
				   .context = context->id,
				   .serial = head->serial,
				   .pass = head->pass,
				   .value = head->dma_bytes,
			   });
}

/* What the first waits for is over, or is something else. */
static void end_wait(struct timeline *timeline, struct context *context, uint64_t now_ns)
{
	static const enum item_kind kinds[] = {
		[PENSTOCK_TRACE_WAIT_ORDER] = ITEM_WAITS_ORDER,
		[PENSTOCK_TRACE_WAIT_MEMORY] = ITEM_WAITS_MEMORY,
		[PENSTOCK_TRACE_WAIT_PREEMPTION] = ITEM_WAITS_PREEMPTION,
		[PENSTOCK_TRACE_WAIT_CROWD] = ITEM_WAITS_CROWD,
		[PENSTOCK_TRACE_WAIT_OBJECT] = ITEM_WAITS_OBJECT,
	};

	if (context->wait != PENSTOCK_TRACE_WAIT_NOTHING &&
	    context->wait < PENSTOCK_ARRAY_SIZE(kinds)) {
		add_bar_of_queue(timeline, context, kinds[context->wait], context->wait_since_ns,
				 now_ns);
	}
	context->wait = PENSTOCK_TRACE_WAIT_NOTHING;
}

/* Its first is not that any more: its bar ends. */
static void end_head(struct timeline *timeline, struct context *context, uint64_t now_ns)
{
	end_wait(timeline, context, now_ns);
	add_bar_of_queue(timeline, context, ITEM_QUEUED, context->head_since_ns, now_ns);
	context->head_since_ns = now_ns;
}

static void put(struct context *context, const Penstock__Wire__TraceRow *event, bool in_front)
{
	struct waiting *waiting = or_end(calloc(1, sizeof(*waiting)));

	waiting->serial = event->serial;
	waiting->pass = event->pass;
	if (in_front) {
		penstock_list_prepend(&context->waiting, &waiting->link);
	} else {
		waiting->dma_bytes = event->value;
		penstock_list_append(&context->waiting, &waiting->link);
	}
}

static void on_queued(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	struct context *context = context_of(timeline, event);

	if (penstock_list_empty(&context->waiting)) {
		context->head_since_ns = event->time_ns;
	}
	put(context, event, false);
}

static void on_waits(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	struct context *context = context_of(timeline, event);
	const struct waiting *head = head_of(context);

	if (head == NULL || head->serial != event->serial || head->pass != event->pass ||
	    context->wait == event->value) {
		return;
	}
	end_wait(timeline, context, event->time_ns);
	context->wait = event->value;
	context->wait_since_ns = event->time_ns;
}

/* Out of its queue. False: the queue did not have it, since before the trace or a gap. */
static bool leave(struct timeline *timeline, struct context *context,
		  const Penstock__Wire__TraceRow *event, struct waiting *ret_waiting,
		  uint64_t *ret_since_ns)
{
	penstock_list_for_each (link, &context->waiting) {
		struct waiting *waiting = waiting_from(link);

		if (waiting->serial != event->serial || waiting->pass != event->pass) {
			continue;
		}
		*ret_since_ns = event->time_ns;
		if (waiting == head_of(context)) {
			*ret_since_ns = context->head_since_ns;
			end_head(timeline, context, event->time_ns);
		}
		*ret_waiting = *waiting;
		penstock_list_remove(link);
		free(waiting);
		return true;
	}
	return false;
}

/* ---------------------------------------------------------------- nodes */

static struct ring *ring_of(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	uint32_t process = gpu_process(timeline, event);

	return event->node < NODES ? &timeline->rings[process][event->node] : NULL;
}

static struct packet *find_packet(const struct ring *ring, uint32_t fence)
{
	penstock_list_for_each (link, &ring->packets) {
		struct packet *packet = penstock_list_entry(link, struct packet, link);

		if (packet->fence == fence) {
			return packet;
		}
	}
	return NULL;
}

static void drop_packet(struct packet *packet)
{
	penstock_list_remove(&packet->link);
	free(packet);
}

static void add_point(struct timeline *timeline, const Penstock__Wire__TraceRow *event,
		      enum item_kind kind, uint32_t process, uint64_t lane, uint64_t value)
{
	add_item(timeline, &(struct item){
				   .time_ns = event->time_ns,
				   .phase = PHASE_POINT,
				   .kind = (uint8_t)kind,
				   .process = process,
				   .lane = lane,
				   .context = event->context,
				   .serial = event->serial,
				   .pass = event->pass,
				   .fence = event->fence,
				   .value = value,
			   });
}

static void add_point_of_node(struct timeline *timeline, const Penstock__Wire__TraceRow *event,
			      enum item_kind kind)
{
	add_point(timeline, event, kind, gpu_process(timeline, event), event->node + 1u,
		  event->other);
}

static void add_flow(struct timeline *timeline, enum item_phase phase, uint32_t process,
		     uint64_t lane, uint64_t time_ns, uint64_t flow)
{
	add_item(timeline, &(struct item){
				   .time_ns = time_ns,
				   .phase = (uint8_t)phase,
				   .process = process,
				   .lane = lane,
				   .flow = flow,
				   .depth = 2, /* behind the bar that it is bound to */
			   });
}

/* The packet had the node until now: its bar, and where it came from. */
static void end_packet(struct timeline *timeline, const Penstock__Wire__TraceRow *event,
		       struct ring *ring, const struct packet *packet, enum item_kind kind,
		       uint64_t end_ns)
{
	uint64_t begin_ns =
		packet->submitted_ns > ring->cursor_ns ? packet->submitted_ns : ring->cursor_ns;
	uint32_t process = gpu_process(timeline, event);

	end_ns = end_ns < begin_ns ? begin_ns : end_ns;
	add_item(timeline, &(struct item){
				   .time_ns = begin_ns,
				   .duration_ns = end_ns - begin_ns,
				   .phase = PHASE_BAR,
				   .kind = (uint8_t)kind,
				   .process = process,
				   .lane = event->node + 1u,
				   .context = packet->context,
				   .serial = packet->serial,
				   .pass = packet->pass,
				   .fence = packet->fence,
				   .value = packet->bytes,
			   });
	if (packet->flow != 0) {
		add_flow(timeline, PHASE_FLOW_END, process, event->node + 1u, begin_ns,
			 packet->flow);
	}
	ring->cursor_ns = end_ns;
}

static struct packet *add_packet(struct ring *ring, const Penstock__Wire__TraceRow *event)
{
	struct packet *packet = find_packet(ring, event->fence);

	if (packet == NULL) {
		packet = or_end(calloc(1, sizeof(*packet)));
		penstock_list_append(&ring->packets, &packet->link);
	}
	packet->context = event->context;
	packet->serial = event->serial;
	packet->pass = event->pass;
	packet->fence = event->fence;
	packet->submitted_ns = event->time_ns;
	return packet;
}

static void on_submitted(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	struct context *context = context_of(timeline, event);
	struct ring *ring = ring_of(timeline, event);
	struct waiting waiting;
	struct packet *packet;
	uint64_t since_ns;

	if (ring == NULL) {
		return;
	}
	packet = add_packet(ring, event);
	packet->bytes = event->other;
	packet->part = event->value > 0;
	if (!leave(timeline, context, event, &waiting, &since_ns)) {
		return;
	}
	packet->part |= waiting.dma_bytes > event->other;
	packet->flow = ++timeline->flows;
	add_flow(timeline, PHASE_FLOW_BEGIN, context->process, context->id, since_ns, packet->flow);
}

static void on_completed(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	struct ring *ring = ring_of(timeline, event);
	struct packet *packet = ring == NULL ? NULL : find_packet(ring, event->fence);
	uint64_t begin_ns, end_ns;

	if (packet == NULL) {
		return;
	}
	begin_ns = packet->submitted_ns > ring->cursor_ns ? packet->submitted_ns : ring->cursor_ns;
	/* One notification tells of many: each gets its share of the time. */
	end_ns =
		begin_ns + event->value < event->time_ns ? begin_ns + event->value : event->time_ns;
	end_packet(timeline, event, ring, packet, packet->part ? ITEM_EXECUTE_PART : ITEM_EXECUTE,
		   end_ns);
	drop_packet(packet);
}

static void on_put_back(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	struct context *context = context_of(timeline, event);
	struct ring *ring = ring_of(timeline, event);
	struct packet *packet = ring == NULL ? NULL : find_packet(ring, event->fence);

	if (packet != NULL) {
		if (event->value > 0) {
			end_packet(timeline, event, ring, packet, ITEM_EXECUTE_PREEMPTED,
				   event->time_ns);
		}
		drop_packet(packet);
	}
	if (!penstock_list_empty(&context->waiting)) {
		end_head(timeline, context, event->time_ns);
	}
	put(context, event, true);
	context->head_since_ns = event->time_ns;
}

static enum item_kind kind_of_fault(uint64_t fault)
{
	if (fault == PENSTOCK_TRACE_FAULT_HANG) {
		return ITEM_HANG;
	}
	return fault == PENSTOCK_TRACE_FAULT_PAGE ? ITEM_PAGE_FAULT : ITEM_FAULT;
}

static void on_faulted(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	enum item_kind kind = kind_of_fault(event->value);
	struct context *context = context_of(timeline, event);
	struct ring *ring = ring_of(timeline, event);
	struct packet *packet = ring == NULL ? NULL : find_packet(ring, event->fence);

	if (packet != NULL) {
		end_packet(timeline, event, ring, packet, ITEM_EXECUTE_LOST, event->time_ns);
		drop_packet(packet);
	}
	add_point_of_node(timeline, event, kind);
	add_point(timeline, event, kind, context->process, context->id, event->other);
}

static void on_dropped(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	struct context *context = context_of(timeline, event);
	struct ring *ring = ring_of(timeline, event);
	struct packet *packet = ring == NULL ? NULL : find_packet(ring, event->fence);
	struct waiting waiting;
	uint64_t since_ns;

	if (!leave(timeline, context, event, &waiting, &since_ns) && packet != NULL &&
	    packet->serial == event->serial && packet->context == event->context) {
		drop_packet(packet);
	}
	add_point(timeline, event, ITEM_DROPPED, context->process, context->id, event->value);
}

/* It never was on a node. */
static void on_synchronized(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	struct context *context = context_of(timeline, event);
	struct waiting waiting;
	uint64_t since_ns;

	(void)leave(timeline, context, event, &waiting, &since_ns);
	add_point(timeline, event, event->other != 0 ? ITEM_SIGNALED : ITEM_WAITED,
		  context->process, context->id, event->value);
}

static void on_paging(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	struct ring *ring = ring_of(timeline, event);
	struct packet *packet;

	if (ring != NULL) {
		packet = add_packet(ring, event);
		packet->paging = true;
		packet->bytes = event->value;
	}
}

static void on_paged(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	struct ring *ring = ring_of(timeline, event);
	struct packet *packet = ring == NULL ? NULL : find_packet(ring, event->fence);

	if (packet != NULL) {
		end_packet(timeline, event, ring, packet, ITEM_PAGING, event->time_ns);
		drop_packet(packet);
	}
}

/* A point where paging is: on the copy node of the adapter's system process. */
static void on_moved(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	static const struct {
		uint32_t move;
		enum item_kind kind;
	} kinds[] = {
		{ PENSTOCK_TRACE_MOVE_TRANSFER_IN, ITEM_TRANSFER_IN },
		{ PENSTOCK_TRACE_MOVE_TRANSFER_OUT, ITEM_TRANSFER_OUT },
		{ PENSTOCK_TRACE_MOVE_FILL, ITEM_FILL },
		{ PENSTOCK_TRACE_MOVE_DISCARD_CONTENT, ITEM_DISCARD_CONTENT },
		{ PENSTOCK_TRACE_MOVE_MAP_APERTURE_SEGMENT, ITEM_MAP_APERTURE },
		{ PENSTOCK_TRACE_MOVE_UNMAP_APERTURE_SEGMENT, ITEM_UNMAP_APERTURE },
	};
	Penstock__Wire__TraceRow row = *event;

	/* Of these it is neither: no packet's fence, no pass of a chain. */
	row.fence = 0;
	row.pass = 0;
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(kinds); i++) {
		bool notice = kinds[i].kind == ITEM_TRANSFER_OUT && event->other == 0;

		if (event->fence == kinds[i].move) {
			add_point(timeline, &row, notice ? ITEM_EVICTION_NOTICE : kinds[i].kind,
				  process_of(timeline, LANES_ADAPTER, event->adapter, 0),
				  event->node + 1u, event->value);
		}
	}
}

/* ---------------------------------------------------------------- the others */

static void on_rendered(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	uint64_t begin_ns = event->value < event->time_ns ? event->value : event->time_ns;

	add_item(timeline, &(struct item){
				   .time_ns = begin_ns,
				   .duration_ns = event->time_ns - begin_ns,
				   .phase = PHASE_BAR,
				   .kind = ITEM_RENDER,
				   .process = process_of(timeline, LANES_RENDER, 0, 0),
				   .lane = event->fence,
				   .context = event->context,
				   .serial = event->serial,
				   .pass = event->pass,
				   .value = event->other,
			   });
}

static void on_preempt(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	add_point_of_node(timeline, event, ITEM_PREEMPT);
}

static void on_preempted(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	add_point_of_node(timeline, event, ITEM_PREEMPTED);
}

static void on_engine_reset(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	uint32_t process = gpu_process(timeline, event);

	for (uint32_t node = 0; node < NODES; node++) {
		add_point(timeline, event, ITEM_ENGINE_RESET, process, node + 1u, 0);
	}
}

/* Nothing is known of what went on: every bar ends, and what was under way is forgotten. */
static void forget(struct timeline *timeline, uint64_t now_ns)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct context *context = timeline->contexts[i]; context != NULL;
		     context = context->next) {
			if (!penstock_list_empty(&context->waiting)) {
				end_head(timeline, context, now_ns);
				empty_queue(context);
			}
		}
	}
	for (size_t i = 0; i < timeline->process_count; i++) {
		for (uint32_t node = 0; node < NODES; node++) {
			struct ring *ring = &timeline->rings[i][node];
			struct penstock_list *link = penstock_list_first(&ring->packets);
			const Penstock__Wire__TraceRow at = {
				.adapter = timeline->processes[i].adapter,
				.process = timeline->processes[i].principal,
				.node = node,
			};

			if (link != NULL) {
				end_packet(timeline, &at, ring,
					   penstock_list_entry(link, struct packet, link),
					   ITEM_EXECUTE_UNFINISHED, now_ns);
			}
			empty_ring(ring);
			ring->cursor_ns = ring->cursor_ns < now_ns ? now_ns : ring->cursor_ns;
		}
	}
}

static void on_lost(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	forget(timeline, event->time_ns);
	add_point(timeline, event, ITEM_EVENTS_LOST, process_of(timeline, LANES_RENDER, 0, 0), 0,
		  event->value);
}

/* In every lane of every GPU process of the adapter, the system process's among them. */
static void add_points_of_adapter(struct timeline *timeline, const Penstock__Wire__TraceRow *event,
				  enum item_kind kind)
{
	(void)process_of(timeline, LANES_ADAPTER, event->adapter, 0);
	for (size_t i = 0; i < timeline->process_count; i++) {
		const struct lane_process *process = &timeline->processes[i];

		if (process->adapter != event->adapter ||
		    (process->group != LANES_NODES && process->group != LANES_ADAPTER)) {
			continue;
		}
		for (uint32_t node = 0; node < NODES; node++) {
			add_point(timeline, event, kind, (uint32_t)i, node + 1u, 0);
		}
	}
}

static void on_adapter_stopped(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	add_points_of_adapter(timeline, event, ITEM_ADAPTER_STOPPED);
}

static void on_adapter_reset(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	add_points_of_adapter(timeline, event,
			      event->value == 0 ? ITEM_ADAPTER_RESET : ITEM_ADAPTER_RESTARTED);
}

void timeline_add(struct timeline *timeline, const Penstock__Wire__TraceRow *event)
{
	static void (*const kinds[])(struct timeline *, const Penstock__Wire__TraceRow *) = {
		[PENSTOCK_TRACE_LOST] = on_lost,
		[PENSTOCK_TRACE_RENDERED] = on_rendered,
		[PENSTOCK_TRACE_QUEUED] = on_queued,
		[PENSTOCK_TRACE_WAITS] = on_waits,
		[PENSTOCK_TRACE_SUBMITTED] = on_submitted,
		[PENSTOCK_TRACE_COMPLETED] = on_completed,
		[PENSTOCK_TRACE_PUT_BACK] = on_put_back,
		[PENSTOCK_TRACE_DROPPED] = on_dropped,
		[PENSTOCK_TRACE_FAULTED] = on_faulted,
		[PENSTOCK_TRACE_PAGING] = on_paging,
		[PENSTOCK_TRACE_PAGED] = on_paged,
		[PENSTOCK_TRACE_PREEMPT] = on_preempt,
		[PENSTOCK_TRACE_PREEMPTED] = on_preempted,
		[PENSTOCK_TRACE_ENGINE_RESET] = on_engine_reset,
		[PENSTOCK_TRACE_ADAPTER_STOPPED] = on_adapter_stopped,
		[PENSTOCK_TRACE_SYNCHRONIZED] = on_synchronized,
		[PENSTOCK_TRACE_ADAPTER_RESET] = on_adapter_reset,
		[PENSTOCK_TRACE_MOVED] = on_moved,
	};

	/* A later daemon's kinds are nothing to us. */
	if (event->kind >= PENSTOCK_ARRAY_SIZE(kinds) || kinds[event->kind] == NULL) {
		return;
	}
	timeline->last_ns = event->time_ns;
	kinds[event->kind](timeline, event);
}

/* By time; of two that begin together the longer one is around the other. */
static int compare(const void *a, const void *b)
{
	const struct item *first = a;
	const struct item *second = b;

	if (first->time_ns != second->time_ns) {
		return first->time_ns < second->time_ns ? -1 : 1;
	}
	if (first->depth != second->depth) {
		return first->depth < second->depth ? -1 : 1;
	}
	if (first->duration_ns != second->duration_ns) {
		/* of two on one level the empty one ended where the other begins */
		return first->duration_ns < second->duration_ns ? -1 : 1;
	}
	return first->serial < second->serial ? -1 : first->serial > second->serial;
}

void timeline_end(struct timeline *timeline)
{
	forget(timeline, timeline->last_ns);
	if (timeline->count > 0) {
		qsort(timeline->items, timeline->count, sizeof(*timeline->items), compare);
	}
}

bool timeline_full(const struct timeline *timeline)
{
	return timeline->full;
}

bool timeline_wants_names(struct timeline *timeline)
{
	bool wants = false;

	for (size_t i = 0; i < timeline->process_count; i++) {
		wants |= !timeline->processes[i].asked;
		timeline->processes[i].asked = true;
	}
	return wants;
}

void timeline_name(struct timeline *timeline, uint64_t principal, const char *name)
{
	for (size_t i = 0; i < timeline->process_count; i++) {
		struct lane_process *process = &timeline->processes[i];

		if (process->principal == principal && process->name == NULL &&
		    (process->group == LANES_CONTEXTS || process->group == LANES_NODES)) {
			process->name = or_end(strdup(name));
		}
	}
}

const struct item *timeline_items(const struct timeline *timeline, size_t *ret_count)
{
	*ret_count = timeline->count;
	return timeline->items;
}

const struct lane_process *timeline_processes(const struct timeline *timeline, size_t *ret_count)
{
	*ret_count = timeline->process_count;
	return timeline->processes;
}
