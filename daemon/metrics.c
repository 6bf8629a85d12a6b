/* SPDX-License-Identifier: MIT */
#include "daemon/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void penstock_metrics_init(struct penstock_metrics *metrics)
{
	*metrics = (struct penstock_metrics){ .text = NULL };
}

static void append(struct penstock_metrics *metrics, const char *text, size_t length)
{
	if (metrics->failed) {
		return;
	}
	if (metrics->capacity - metrics->length <= length) {
		size_t capacity = (metrics->capacity + length + 1) * 2;
		char *block = realloc(metrics->text, capacity);

		if (block == NULL) {
			metrics->failed = true;
			return;
		}
		metrics->text = block;
		metrics->capacity = capacity;
	}
	memcpy(metrics->text + metrics->length, text, length);
	metrics->length += length;
	metrics->text[metrics->length] = '\0';
}

static void append_string(struct penstock_metrics *metrics, const char *text)
{
	append(metrics, text, strlen(text));
}

void penstock_metrics_head(struct penstock_metrics *metrics, const char *name,
			   enum penstock_metric_type type, const char *help)
{
	const char *const words[] = { "# HELP ",
				      name,
				      " ",
				      help,
				      "\n# TYPE ",
				      name,
				      type == PENSTOCK_METRIC_COUNTER ? " counter\n" : " gauge\n" };

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(words); i++) {
		append_string(metrics, words[i]);
	}
}

static void append_label(struct penstock_metrics *metrics,
			 const struct penstock_metric_label *label)
{
	append_string(metrics, label->name);
	append_string(metrics, "=\"");
	for (const char *next = label->value; *next != '\0'; next++) {
		if (*next == '\n') {
			append_string(metrics, "\\n");
			continue;
		}
		if (*next == '"' || *next == '\\') {
			append_string(metrics, "\\");
		}
		append(metrics, next, 1);
	}
	append_string(metrics, "\"");
}

void penstock_metrics_labelled(struct penstock_metrics *metrics, const char *name,
			       const struct penstock_metric_label *labels, size_t count,
			       uint64_t value)
{
	char number[32];

	append_string(metrics, name);
	for (size_t i = 0; i < count; i++) {
		append_string(metrics, i == 0 ? "{" : ",");
		append_label(metrics, &labels[i]);
	}
	append_string(metrics, count > 0 ? "}" : "");
	(void)snprintf(number, sizeof(number), " %" PRIu64 "\n", value);
	append_string(metrics, number);
}

void penstock_metrics_sample(struct penstock_metrics *metrics, const char *name,
			     const char *label_name, const char *label, uint64_t value)
{
	const struct penstock_metric_label one = { label_name, label };

	penstock_metrics_labelled(metrics, name, &one, label != NULL ? 1 : 0, value);
}

char *penstock_metrics_take(struct penstock_metrics *metrics)
{
	char *text = metrics->text;

	if (metrics->failed) {
		free(text);
		text = NULL;
	}
	penstock_metrics_init(metrics);
	return text;
}
