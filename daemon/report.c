/* SPDX-License-Identifier: MIT */
#include "daemon/report.h"

#include "daemon/metrics.h"
#include "daemon/net/net.h"
#include "daemon/objects/observe.h"
#include "daemon/store/store.h"
#include "proto/wire/limits.h"

#include <stdio.h>

/* One moment's values. */
struct moment {
	struct penstock_net_counters net;
	uint64_t connections;
	uint64_t sessions;
	uint64_t leased_sessions;
	uint64_t store_queued;
};

#define ROW(type, name, field, help)                                                               \
	{                                                                                          \
		"penstock_" name, help, PENSTOCK_METRIC_##type, offsetof(struct moment, field)     \
	}

static const struct {
	const char *name;
	const char *help;
	enum penstock_metric_type type;
	size_t field; /* a uint64_t of struct moment */
} rows[] = {
	ROW(COUNTER, "connections_accepted_total", net.connections_accepted,
	    "connections since the start"),
	ROW(COUNTER, "connections_refused_total", net.connections_refused,
	    "connections over a limit"),
	ROW(COUNTER, "connections_broken_total", net.connections_broken,
	    "connections ended for what the client sent, or did not"),
	ROW(COUNTER, "frames_total", net.frames, "frames received"),
	ROW(COUNTER, "frames_continued_total", net.frames_continued,
	    "turns that large Submit frames took beyond their first"),
	ROW(COUNTER, "submissions_total", net.submissions, "submissions received"),
	ROW(COUNTER, "refusals_total", net.refusals, "requests refused"),
	ROW(COUNTER, "fences_total", net.fences, "fence events"),
	ROW(COUNTER, "upload_bytes_total", net.upload_bytes, "bytes of uploads begun"),
	ROW(COUNTER, "read_back_bytes_total", net.read_back_bytes, "bytes of read-backs"),
	ROW(COUNTER, "written_bytes_total", net.bytes_written,
	    "bytes written to connections that are closed"),
	ROW(COUNTER, "reading_stopped_total", net.reading_stopped,
	    "times that a connection went over its credit"),
	ROW(GAUGE, "connections", connections, "connections open"),
	ROW(GAUGE, "sessions", sessions, "sessions"),
	ROW(GAUGE, "sessions_waiting", leased_sessions, "sessions whose connection is gone"),
	ROW(GAUGE, "store_rows_queued", store_queued, "rows not yet on disk"),
};

static void take_moment(struct moment *ret_moment, const struct penstock_net *net,
			const struct penstock_machine *machine, const struct penstock_store *store)
{
	struct penstock_machine_view view;

	penstock_observe_machine(machine, &view);
	*ret_moment = (struct moment){
		.net = *penstock_net_counters(net),
		.connections = net->connection_count,
		.sessions = view.sessions,
		.leased_sessions = view.leased_sessions,
		.store_queued = store != NULL ? penstock_store_queued(store) : 0,
	};
}

/* Samples of one name must stand together: one walk for each. */
struct principal_walk {
	struct penstock_metrics *metrics;
	const char *name;
	size_t field;
};

static void visit_principal(void *owner, const struct penstock_principal_view *view)
{
	const struct principal_walk *walk = owner;

	penstock_metrics_sample(
		walk->metrics, walk->name, "principal", view->name,
		*(const uint64_t *)(const void *)((const char *)view + walk->field));
}

static void report_principals(struct penstock_metrics *metrics,
			      const struct penstock_machine *machine)
{
	static const struct {
		const char *name;
		const char *help;
		enum penstock_metric_type type;
		size_t field; /* a uint64_t of struct penstock_principal_view */
	} columns[] = {
		{ "penstock_principal_memory_bytes", "memory that a principal holds",
		  PENSTOCK_METRIC_GAUGE, offsetof(struct penstock_principal_view, memory_bytes) },
		{ "penstock_principal_dma_pool_bytes",
		  "memory of a principal's DMA buffers, beside its quota", PENSTOCK_METRIC_GAUGE,
		  offsetof(struct penstock_principal_view, dma_pool_bytes) },
		{ "penstock_principal_submissions_total", "submissions accepted",
		  PENSTOCK_METRIC_COUNTER, offsetof(struct penstock_principal_view, submissions) },
		{ "penstock_principal_retired_total", "submissions that ended",
		  PENSTOCK_METRIC_COUNTER, offsetof(struct penstock_principal_view, retired) },
		{ "penstock_principal_refused_total", "submissions refused",
		  PENSTOCK_METRIC_COUNTER, offsetof(struct penstock_principal_view, refused) },
		{ "penstock_principal_submissions_held", "submissions accepted and not ended",
		  PENSTOCK_METRIC_GAUGE, offsetof(struct penstock_principal_view, held) },
		{ "penstock_principal_resident_bytes",
		  "of allocations that have a place in a segment", PENSTOCK_METRIC_GAUGE,
		  offsetof(struct penstock_principal_view, resident_bytes) },
		{ "penstock_principal_evicted_total", "allocations that made room for others",
		  PENSTOCK_METRIC_COUNTER, offsetof(struct penstock_principal_view, evicted) },
		{ "penstock_principal_gpu_nanoseconds_total", "GPU time of all nodes",
		  PENSTOCK_METRIC_COUNTER, offsetof(struct penstock_principal_view, gpu_ns) },
		{ "penstock_principal_preemptions_total", "times that its packets made room",
		  PENSTOCK_METRIC_COUNTER, offsetof(struct penstock_principal_view, preemptions) },
	};

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(columns); i++) {
		struct principal_walk walk = { metrics, columns[i].name, columns[i].field };

		penstock_metrics_head(metrics, columns[i].name, columns[i].type, columns[i].help);
		penstock_observe_principals(machine, visit_principal, &walk);
	}
}

/* One walk for each name, as of principals. */
struct node_walk {
	struct penstock_metrics *metrics;
	const char *name;
	size_t field;
};

static void visit_node(void *owner, const struct penstock_node_view *view)
{
	const struct node_walk *walk = owner;
	char adapter[12], node[12];
	const struct penstock_metric_label labels[] = { { "adapter", adapter }, { "node", node } };

	(void)snprintf(adapter, sizeof(adapter), "%u", view->adapter);
	(void)snprintf(node, sizeof(node), "%u", view->state.node_ordinal);
	penstock_metrics_labelled(
		walk->metrics, walk->name, labels, PENSTOCK_ARRAY_SIZE(labels),
		*(const uint64_t *)(const void *)((const char *)&view->state + walk->field));
}

static void report_nodes(struct penstock_metrics *metrics, const struct penstock_machine *machine)
{
	static const struct {
		const char *name;
		const char *help;
		size_t field; /* a uint64_t of struct penstock_node_state */
	} columns[] = {
		{ "penstock_node_packets_total", "submissions that a node was given",
		  offsetof(struct penstock_node_state, packets) },
		{ "penstock_node_paging_packets_total", "paging packets that a node was given",
		  offsetof(struct penstock_node_state, paging_packets) },
		{ "penstock_node_gpu_nanoseconds_total", "GPU time of submissions that were done",
		  offsetof(struct penstock_node_state, gpu_ns) },
		{ "penstock_node_preemptions_total", "preemptions that were answered",
		  offsetof(struct penstock_node_state, preemptions) },
		{ "penstock_node_resets_total", "engine resets",
		  offsetof(struct penstock_node_state, resets) },
	};

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(columns); i++) {
		struct node_walk walk = { metrics, columns[i].name, columns[i].field };

		penstock_metrics_head(metrics, columns[i].name, PENSTOCK_METRIC_COUNTER,
				      columns[i].help);
		/* without an adapter that runs there is no sample */
		(void)penstock_observe_nodes(machine, visit_node, &walk);
	}
}

static void report_adapters(struct penstock_metrics *metrics,
			    const struct penstock_machine *machine)
{
#define COLUMN(name, field, help)                                                                  \
	{                                                                                          \
		"penstock_" name, help, offsetof(struct penstock_adapter_view, field)              \
	}
	static const struct {
		const char *name;
		const char *help;
		size_t field; /* a uint32_t of struct penstock_adapter_view */
	} columns[] = {
		COLUMN("adapter_running", running,
		       "1: the adapter runs; 0: it has failed, or ends"),
		COLUMN("devices", devices, "devices"),
		COLUMN("devices_lost", devices_lost, "devices that are lost"),
		COLUMN("contexts", contexts, "contexts"),
		COLUMN("allocations", allocations, "allocations"),
		COLUMN("openings", openings, "openings of allocations"),
		COLUMN("submissions_held", submissions_held, "submissions accepted and not ended"),
		COLUMN("transfers", transfers, "uploads and read-backs under way"),
	};
#undef COLUMN
	struct penstock_adapter_view views[PENSTOCK_LIMIT_ADAPTERS];
	struct penstock_machine_view view;

	penstock_observe_machine(machine, &view);
	for (uint32_t n = 0; n < view.adapters; n++) {
		penstock_observe_adapter(machine, n, &views[n]);
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(columns); i++) {
		penstock_metrics_head(metrics, columns[i].name, PENSTOCK_METRIC_GAUGE,
				      columns[i].help);
		for (uint32_t n = 0; n < view.adapters; n++) {
			char index[12];

			snprintf(index, sizeof(index), "%u", n);
			penstock_metrics_sample(
				metrics, columns[i].name, "adapter", index,
				*(const uint32_t *)(const void *)((const char *)&views[n] +
								  columns[i].field));
		}
	}
}

char *penstock_report_metrics(const struct penstock_net *net,
			      const struct penstock_machine *machine,
			      const struct penstock_store *store)
{
	struct penstock_metrics metrics;
	struct moment moment;

	take_moment(&moment, net, machine, store);
	penstock_metrics_init(&metrics);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(rows); i++) {
		penstock_metrics_head(&metrics, rows[i].name, rows[i].type, rows[i].help);
		penstock_metrics_sample(
			&metrics, rows[i].name, NULL, NULL,
			*(const uint64_t *)(const void *)((const char *)&moment + rows[i].field));
	}
	report_adapters(&metrics, machine);
	report_nodes(&metrics, machine);
	report_principals(&metrics, machine);
	return penstock_metrics_take(&metrics);
}
