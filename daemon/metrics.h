/* SPDX-License-Identifier: MIT */
/*
 * Prometheus text from plain values. What there is to see stands in one table of the server; this
 * puts it into text. Loop thread only.
 */
#ifndef PENSTOCK_METRICS_H
#define PENSTOCK_METRICS_H

#include "proto/base/base.h"

enum penstock_metric_type {
	PENSTOCK_METRIC_COUNTER,
	PENSTOCK_METRIC_GAUGE,
};

struct penstock_metrics {
	char *text; /* owned until penstock_metrics_take */
	size_t length;
	size_t capacity;
	bool failed; /* out of memory */
};

void penstock_metrics_init(struct penstock_metrics *metrics);

/* HELP and TYPE of `name`; its samples follow. */
void penstock_metrics_head(struct penstock_metrics *metrics, const char *name,
			   enum penstock_metric_type type, const char *help);

/*
 * One sample. `label` NULL: none; otherwise the value of label `label_name`, any bytes, which are
 * escaped.
 */
void penstock_metrics_sample(struct penstock_metrics *metrics, const char *name,
			     const char *label_name, const char *label, uint64_t value);

struct penstock_metric_label {
	const char *name;
	const char *value; /* any bytes, which are escaped */
};

/* The same with `count` labels. */
void penstock_metrics_labelled(struct penstock_metrics *metrics, const char *name,
			       const struct penstock_metric_label *labels, size_t count,
			       uint64_t value);

/* The text, malloc'd, the caller's; NULL: out of memory. */
char *penstock_metrics_take(struct penstock_metrics *metrics);

#endif
