/* SPDX-License-Identifier: MIT */
#include "client/penstockctl/chrome.h"

#include <jansson.h>

#include <inttypes.h>
#include <stdlib.h>

/* What an item is called, and what its value is; NULL: nothing. */
static const struct {
	const char *name;
	const char *category;
	const char *value;
} kinds[ITEM_KIND_COUNT] = {
	[ITEM_RENDER] = { "render", "render", "command_bytes" },
	[ITEM_QUEUED] = { "queued", "queue", "dma_bytes" },
	[ITEM_WAITS_ORDER] = { "waits for its turn", "wait", NULL },
	[ITEM_WAITS_MEMORY] = { "waits for memory", "wait", NULL },
	[ITEM_WAITS_PREEMPTION] = { "waits for a preemption", "wait", NULL },
	[ITEM_WAITS_CROWD] = { "waits behind others for memory", "wait", NULL },
	[ITEM_WAITS_OBJECT] = { "waits for a synchronisation object", "wait", NULL },
	[ITEM_EXECUTE] = { "execute", "node", "dma_end" },
	[ITEM_EXECUTE_PART] = { "execute part", "node", "dma_end" },
	[ITEM_EXECUTE_PREEMPTED] = { "execute (preempted)", "node", "dma_end" },
	[ITEM_EXECUTE_LOST] = { "execute (lost)", "node", "dma_end" },
	[ITEM_EXECUTE_UNFINISHED] = { "execute (unfinished)", "node", "dma_end" },
	[ITEM_PAGING] = { "paging", "paging", "bytes" },
	[ITEM_PREEMPT] = { "preempt", "preemption", NULL },
	[ITEM_PREEMPTED] = { "preempted", "preemption", NULL },
	[ITEM_ENGINE_RESET] = { "engine reset", "reset", NULL },
	[ITEM_FAULT] = { "fault", "fault", "dma_offset" },
	[ITEM_PAGE_FAULT] = { "page fault", "fault", "dma_offset" },
	[ITEM_HANG] = { "hang", "fault", "dma_offset" },
	[ITEM_DROPPED] = { "dropped", "queue", "status" },
	[ITEM_WAITED] = { "waited", "sync", "value" },
	[ITEM_SIGNALED] = { "signaled", "sync", "value" },
	[ITEM_TRANSFER_IN] = { "transfer in", "paging", "allocation" },
	[ITEM_TRANSFER_OUT] = { "transfer out", "paging", "allocation" },
	[ITEM_EVICTION_NOTICE] = { "eviction notice", "paging", "allocation" },
	[ITEM_FILL] = { "fill", "paging", "allocation" },
	[ITEM_DISCARD_CONTENT] = { "discard content", "paging", "allocation" },
	[ITEM_MAP_APERTURE] = { "map aperture", "paging", "allocation" },
	[ITEM_UNMAP_APERTURE] = { "unmap aperture", "paging", "allocation" },
	[ITEM_ADAPTER_RESET] = { "adapter reset", "reset", NULL },
	[ITEM_ADAPTER_RESTARTED] = { "adapter restarted", "reset", NULL },
	[ITEM_ADAPTER_STOPPED] = { "adapter stopped", "reset", NULL },
	[ITEM_EVENTS_LOST] = { "events lost", "trace", "count" },
};

/* Viewers want process numbers; 0 is no good one. */
static uint32_t pid_of(uint32_t process)
{
	return process + 1;
}

/* Microseconds, to the nanosecond. */
static void write_time(FILE *file, const char *name, uint64_t ns)
{
	fprintf(file, ",\"%s\":%" PRIu64 ".%03" PRIu64, name, ns / 1000, ns % 1000);
}

static void write_arguments(FILE *file, const struct item *item)
{
	const char *value = kinds[item->kind].value;
	const char *comma = "";

	fputs(",\"args\":{", file);
	if (item->context != 0) {
		fprintf(file, "\"context\":%" PRIu64 ",\"serial\":%" PRIu64 ",\"pass\":%" PRIu32,
			item->context, item->serial, item->pass);
		comma = ",";
	}
	if (item->fence != 0) {
		fprintf(file, "%s\"fence\":%" PRIu32, comma, item->fence);
		comma = ",";
	}
	if (value != NULL) {
		fprintf(file, "%s\"%s\":%" PRIu64, comma, value, item->value);
	}
	fputs("}", file);
}

static void write_flow(FILE *file, const struct item *item)
{
	/* its end is bound to the bar around it, not to the next one */
	fprintf(file, ",\"name\":\"to the node\",\"cat\":\"flow\"%s,\"id\":%" PRIu64,
		item->phase == PHASE_FLOW_END ? ",\"bp\":\"e\"" : "", item->flow);
}

static void write_item(FILE *file, const struct item *item, uint64_t first_ns)
{
	fprintf(file, "{\"ph\":\"%c\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu64, item->phase,
		pid_of(item->process), item->lane);
	write_time(file, "ts", item->time_ns - first_ns);
	if (item->phase == PHASE_FLOW_BEGIN || item->phase == PHASE_FLOW_END) {
		write_flow(file, item);
	} else {
		if (item->phase == PHASE_BAR) {
			write_time(file, "dur", item->duration_ns);
		} else {
			/* seen over the whole height where it is about everything */
			fprintf(file, ",\"s\":\"%c\"", item->lane == 0 ? 'g' : 't');
		}
		fprintf(file, ",\"name\":\"%s\",\"cat\":\"%s\"", kinds[item->kind].name,
			kinds[item->kind].category);
		write_arguments(file, item);
	}
	fputs("}", file);
}

/* ---------------------------------------------------------------- names */

static void write_name(FILE *file, const char *what, uint32_t process, uint64_t lane,
		       const char *name)
{
	json_t *text = json_string(name);
	char *quoted = text == NULL ? NULL : json_dumps(text, JSON_ENCODE_ANY);

	fprintf(file,
		"{\"ph\":\"M\",\"ts\":0,\"pid\":%" PRIu32 ",\"tid\":%" PRIu64
		",\"name\":\"%s\",\"args\":{\"name\":%s}},\n",
		pid_of(process), lane, what, quoted == NULL ? "\"?\"" : quoted);
	free(quoted);
	json_decref(text);
}

static void write_process(FILE *file, uint32_t index, const struct lane_process *process)
{
	char number[32], text[256];
	const char *name = process->name;

	if (name == NULL) {
		snprintf(number, sizeof(number), "principal %" PRIu64, process->principal);
		name = number;
	}
	switch (process->group) {
	case LANES_RENDER:
		snprintf(text, sizeof(text), "penstockd");
		break;
	case LANES_CONTEXTS:
		snprintf(text, sizeof(text), "contexts of %s", name);
		break;
	case LANES_NODES:
		snprintf(text, sizeof(text), "adapter %" PRIu32 ", GPU process of %s",
			 process->adapter, name);
		break;
	case LANES_ADAPTER:
		snprintf(text, sizeof(text), "adapter %" PRIu32 ", system GPU process",
			 process->adapter);
		break;
	}
	write_name(file, "process_name", index, 0, text);
}

struct lane {
	uint32_t process;
	uint64_t lane;
};

static int compare_lanes(const void *a, const void *b)
{
	const struct lane *first = a;
	const struct lane *second = b;

	if (first->process != second->process) {
		return first->process < second->process ? -1 : 1;
	}
	return first->lane < second->lane ? -1 : first->lane > second->lane;
}

static void write_lane(FILE *file, const struct lane_process *process, const struct lane *lane)
{
	static const char *const nodes[] = { "node 0 (render)", "node 1 (copy)" };
	char text[64];

	if (process->group == LANES_RENDER) {
		snprintf(text, sizeof(text), "renders, thread %" PRIu64, lane->lane);
	} else if (process->group == LANES_CONTEXTS) {
		snprintf(text, sizeof(text), "context %" PRIu64, lane->lane);
	} else {
		snprintf(text, sizeof(text), "%s", nodes[(lane->lane - 1) % 2]);
	}
	write_name(file, "thread_name", lane->process, lane->lane, text);
}

/* Each lane that something is on, once. False: no memory. */
static bool write_lanes(FILE *file, const struct timeline *timeline)
{
	size_t count, process_count;
	const struct item *items = timeline_items(timeline, &count);
	const struct lane_process *processes = timeline_processes(timeline, &process_count);
	struct lane *lanes = calloc(count + 1, sizeof(*lanes));

	if (lanes == NULL) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		lanes[i] = (struct lane){ items[i].process, items[i].lane };
	}
	qsort(lanes, count, sizeof(*lanes), compare_lanes);
	for (size_t i = 0; i < count; i++) {
		if (lanes[i].lane != 0 &&
		    (i == 0 || compare_lanes(&lanes[i], &lanes[i - 1]) != 0)) {
			write_lane(file, &processes[lanes[i].process], &lanes[i]);
		}
	}
	free(lanes);
	return true;
}

bool chrome_write(FILE *file, const struct timeline *timeline, const char *server, uint64_t lost)
{
	size_t count, process_count;
	const struct item *items = timeline_items(timeline, &count);
	const struct lane_process *processes = timeline_processes(timeline, &process_count);
	json_t *about = json_pack("{s:s, s:I, s:b}", "server", server, "events_lost",
				  (json_int_t)lost, "truncated", (int)timeline_full(timeline));
	bool good = about != NULL;

	fputs("{\"displayTimeUnit\":\"ns\",\"otherData\":", file);
	if (good) {
		(void)json_dumpf(about, file, JSON_COMPACT);
	}
	fputs(",\"traceEvents\":[\n", file);
	for (size_t i = 0; i < process_count; i++) {
		write_process(file, (uint32_t)i, &processes[i]);
	}
	good = good && write_lanes(file, timeline);
	for (size_t i = 0; i < count; i++) {
		write_item(file, &items[i], items[0].time_ns);
		fputs(",\n", file);
	}
	/* JSON has no comma behind the last, which is always this one */
	fputs("{\"ph\":\"M\",\"ts\":0,\"pid\":1,\"tid\":0,\"name\":\"process_labels\","
	      "\"args\":{\"labels\":\"\"}}\n]}\n",
	      file);
	json_decref(about);
	return good && fflush(file) == 0 && !ferror(file);
}
