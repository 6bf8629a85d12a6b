/* SPDX-License-Identifier: MIT */
/*
 * top: who has the GPU, again and again. Rates are what counters of the daemon grew by between two
 * reports, over the time that passed between them by the daemon's clock; the first ones are since
 * the daemon began.
 */
#include "client/penstockctl/commands.h"
#include "client/penstockctl/or_end.h"
#include "proto/wire/frame.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define NODES 2u

/* Reports of one moment; owned. */
struct sample {
	Penstock__Wire__StatusReport *status;
	Penstock__Wire__ContextReport *contexts; /* by id */
};

/* Counters that a principal or a context had, and has. */
struct counters {
	uint64_t gpu_ns[NODES];
	uint64_t submitted;
	uint64_t preemptions;
	uint64_t evicted;
};

/* What they grew by. */
struct rates {
	uint64_t permille[NODES]; /* of the time that passed */
	uint64_t submitted_s;
	uint64_t preemptions;
	uint64_t evicted;
};

/* Of a row, for the order. */
struct ranked {
	size_t index;
	uint64_t weight;
	struct rates rates;
};

/* ---------------------------------------------------------------- rates */

/* A counter only grows; where it seems not to have, something began anew. */
static uint64_t growth(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

static struct rates rates_of(const struct counters *before, const struct counters *now,
			     uint64_t passed_ns)
{
	struct rates rates = {
		.submitted_s = (uint64_t)((double)growth(before->submitted, now->submitted) * 1e9 /
					  (double)passed_ns),
		.preemptions = growth(before->preemptions, now->preemptions),
		.evicted = growth(before->evicted, now->evicted),
	};

	for (uint32_t node = 0; node < NODES; node++) {
		rates.permille[node] =
			(uint64_t)((double)growth(before->gpu_ns[node], now->gpu_ns[node]) * 1e3 /
				   (double)passed_ns);
	}
	return rates;
}

static struct counters principal_counters(const Penstock__Wire__PrincipalRow *row)
{
	struct counters counters = {
		.submitted = row->submissions,
		.preemptions = row->preemptions,
		.evicted = row->evicted,
	};

	for (size_t i = 0; i < row->n_nodes; i++) {
		if (row->nodes[i]->node < NODES) {
			counters.gpu_ns[row->nodes[i]->node] += row->nodes[i]->gpu_ns;
		}
	}
	return counters;
}

static struct counters context_counters(const Penstock__Wire__ContextRow *row)
{
	struct counters counters = {
		.submitted = row->submitted,
		.preemptions = row->preemptions,
	};

	counters.gpu_ns[row->node % NODES] = row->gpu_ns;
	return counters;
}

/* The principal's counters at the last moment; nothing where it was not there. */
static struct counters principal_before(const struct sample *sample, uint64_t id)
{
	for (size_t i = 0; sample->status != NULL && i < sample->status->n_principals; i++) {
		if (sample->status->principals[i]->id == id) {
			return principal_counters(sample->status->principals[i]);
		}
	}
	return (struct counters){ .submitted = 0 };
}

static int compare_ids(const void *a, const void *b)
{
	const Penstock__Wire__ContextRow *first = *(Penstock__Wire__ContextRow *const *)a;
	const Penstock__Wire__ContextRow *second = *(Penstock__Wire__ContextRow *const *)b;

	return first->id < second->id ? -1 : first->id > second->id;
}

static struct counters context_before(const struct sample *sample,
				      const Penstock__Wire__ContextRow *row)
{
	Penstock__Wire__ContextRow **found = NULL;

	if (sample->contexts != NULL && sample->contexts->n_contexts > 0) {
		found = bsearch(&row, sample->contexts->contexts, sample->contexts->n_contexts,
				sizeof(*sample->contexts->contexts), compare_ids);
	}
	return found == NULL ? (struct counters){ .submitted = 0 } : context_counters(*found);
}

static int compare_ranks(const void *a, const void *b)
{
	const struct ranked *first = a;
	const struct ranked *second = b;

	if (first->weight != second->weight) {
		return first->weight > second->weight ? -1 : 1;
	}
	return first->index < second->index ? -1 : first->index > second->index;
}

/* Who has most of the GPU comes first, then who waits for most of it. */
static uint64_t weight_of(const struct rates *rates, uint64_t held)
{
	return (rates->permille[0] + rates->permille[1]) << 32 |
	       (held < UINT32_MAX ? held : UINT32_MAX);
}

/* ---------------------------------------------------------------- what is shown */

static void report_machine(struct report *report, const struct sample *now, uint64_t passed_ns)
{
	static const struct column columns[] = {
		{ "version", COLUMN_TEXT },    { "uptime_s", COLUMN_NUMBER },
		{ "interval_ns", COLUMN_NS },  { "sessions", COLUMN_NUMBER },
		{ "contexts", COLUMN_NUMBER }, { "submissions_held", COLUMN_NUMBER },
	};
	struct table *table = report_facts(report, "top", columns, PENSTOCK_ARRAY_SIZE(columns));

	table_text(table, now->status->version);
	table_number(table, now->status->uptime_s);
	table_number(table, passed_ns);
	table_number(table, now->status->sessions);
	table_number(table, now->status->contexts);
	table_number(table, now->status->submissions_held);
}

static void report_principals(struct report *report, const struct sample *before,
			      const struct sample *now, uint64_t passed_ns)
{
	static const struct column columns[] = {
		{ "principal", COLUMN_TEXT },     { "gpu_node0", COLUMN_PERMILLE },
		{ "gpu_node1", COLUMN_PERMILLE }, { "resident", COLUMN_BYTES },
		{ "memory", COLUMN_BYTES },       { "quota", COLUMN_BYTES },
		{ "held", COLUMN_NUMBER },        { "submissions_s", COLUMN_NUMBER },
		{ "preemptions", COLUMN_NUMBER }, { "evictions", COLUMN_NUMBER },
	};
	struct table *table =
		report_table(report, "principals", columns, PENSTOCK_ARRAY_SIZE(columns));
	const Penstock__Wire__StatusReport *status = now->status;
	struct ranked *ranked = or_end(calloc(status->n_principals + 1, sizeof(*ranked)));

	for (size_t i = 0; i < status->n_principals; i++) {
		const Penstock__Wire__PrincipalRow *row = status->principals[i];
		const struct counters then = principal_before(before, row->id);
		const struct counters counters = principal_counters(row);

		ranked[i].index = i;
		ranked[i].rates = rates_of(&then, &counters, passed_ns);
		ranked[i].weight = weight_of(&ranked[i].rates, row->submissions_held);
	}
	qsort(ranked, status->n_principals, sizeof(*ranked), compare_ranks);
	for (size_t i = 0; i < status->n_principals; i++) {
		const Penstock__Wire__PrincipalRow *row = status->principals[ranked[i].index];

		table_text(table, row->name);
		table_number(table, ranked[i].rates.permille[0]);
		table_number(table, ranked[i].rates.permille[1]);
		table_number(table, row->resident_bytes);
		table_number(table, row->memory_bytes);
		table_number(table, row->memory_quota_bytes);
		table_number(table, row->submissions_held);
		table_number(table, ranked[i].rates.submitted_s);
		table_number(table, ranked[i].rates.preemptions);
		table_number(table, ranked[i].rates.evicted);
	}
	free(ranked);
}

static void report_contexts(struct report *report, const struct sample *before,
			    const struct sample *now, uint64_t passed_ns, size_t most)
{
	static const struct column columns[] = {
		{ "context", COLUMN_NUMBER },       { "principal", COLUMN_TEXT },
		{ "adapter", COLUMN_NUMBER },       { "node", COLUMN_NUMBER },
		{ "priority", COLUMN_SIGNED },      { "gpu", COLUMN_PERMILLE },
		{ "queued", COLUMN_NUMBER },        { "on_hardware", COLUMN_NUMBER },
		{ "submissions_s", COLUMN_NUMBER }, { "preemptions", COLUMN_NUMBER },
		{ "state", COLUMN_TEXT },
	};
	struct table *table =
		report_table(report, "contexts", columns, PENSTOCK_ARRAY_SIZE(columns));
	const Penstock__Wire__ContextReport *contexts = now->contexts;
	struct ranked *ranked = or_end(calloc(contexts->n_contexts + 1, sizeof(*ranked)));

	for (size_t i = 0; i < contexts->n_contexts; i++) {
		const Penstock__Wire__ContextRow *row = contexts->contexts[i];
		const struct counters then = context_before(before, row);
		const struct counters counters = context_counters(row);

		ranked[i].index = i;
		ranked[i].rates = rates_of(&then, &counters, passed_ns);
		ranked[i].weight = weight_of(&ranked[i].rates, row->queued);
	}
	qsort(ranked, contexts->n_contexts, sizeof(*ranked), compare_ranks);
	for (size_t i = 0; i < contexts->n_contexts && i < most; i++) {
		const Penstock__Wire__ContextRow *row = contexts->contexts[ranked[i].index];
		const struct rates *rates = &ranked[i].rates;

		table_number(table, row->id);
		table_text(table, row->principal);
		table_number(table, row->adapter);
		table_number(table, row->node);
		table_number(table, (uint64_t)row->priority);
		table_number(table, rates->permille[row->node % NODES]);
		table_number(table, row->queued);
		table_number(table, row->on_hardware);
		table_number(table, rates->submitted_s);
		table_number(table, rates->preemptions);
		table_text(table, row->device_state);
	}
	free(ranked);
}

/* ---------------------------------------------------------------- the terminal */

struct screen {
	bool lively; /* a terminal: each refresh takes the place of the one before */
	bool keys;   /* and keys are read as they are pressed */
	struct termios before;
};

static void screen_begin(struct screen *screen, const struct arguments *arguments)
{
	struct termios raw;

	screen->lively = isatty(STDOUT_FILENO) && !arguments->batch && !arguments->json;
	screen->keys = screen->lively && tcgetattr(STDIN_FILENO, &screen->before) == 0;
	if (screen->keys) {
		raw = screen->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		screen->keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
}

static void screen_end(const struct screen *screen)
{
	if (screen->keys) {
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
	}
}

/* Rows of contexts for which there is place below `above` lines. */
static size_t screen_rows(const struct screen *screen, size_t above)
{
	struct winsize size;

	if (!screen->lively || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) {
		return SIZE_MAX;
	}
	return size.ws_row > above ? size.ws_row - above : 1;
}

/* False: it is over, by a key or a signal. */
static bool screen_wait(const struct screen *screen, uint64_t pause_ms)
{
	struct pollfd keyboard = { .fd = STDIN_FILENO, .events = POLLIN };
	char key;

	if (!screen->keys) {
		watch_pause(pause_ms);
	} else if (poll(&keyboard, 1, pause_ms < INT32_MAX ? (int)pause_ms : INT32_MAX) > 0 &&
		   (read(STDIN_FILENO, &key, 1) != 1 || key == 'q')) {
		return false;
	}
	return !watch_interrupted();
}

/* ---------------------------------------------------------------- the command */

static void forget(struct sample *sample)
{
	if (sample->status != NULL) {
		penstock__wire__status_report__free_unpacked(sample->status, NULL);
	}
	if (sample->contexts != NULL) {
		penstock__wire__context_report__free_unpacked(sample->contexts, NULL);
	}
	*sample = (struct sample){ .status = NULL };
}

static bool take(struct penstock_connection *connection, struct sample *ret_sample)
{
	Penstock__Wire__AdminStatus status = PENSTOCK__WIRE__ADMIN_STATUS__INIT;
	Penstock__Wire__AdminContexts contexts = PENSTOCK__WIRE__ADMIN_CONTEXTS__INIT;

	ret_sample->status = (void *)ask(connection, PENSTOCK_FRAME_ADMIN_STATUS, &status.base,
					 PENSTOCK_FRAME_STATUS_REPORT);
	if (ret_sample->status == NULL) {
		return false;
	}
	ret_sample->contexts = (void *)ask(connection, PENSTOCK_FRAME_ADMIN_CONTEXTS,
					   &contexts.base, PENSTOCK_FRAME_CONTEXT_REPORT);
	if (ret_sample->contexts == NULL) {
		return false;
	}
	if (ret_sample->contexts->n_contexts > 0) {
		qsort(ret_sample->contexts->contexts, ret_sample->contexts->n_contexts,
		      sizeof(*ret_sample->contexts->contexts), compare_ids);
	}
	return true;
}

/* Between two reports, as their daemon has it; before the first there is the daemon's beginning. */
static uint64_t passed(const struct sample *now, const uint64_t *before_ns, uint64_t now_ns)
{
	uint64_t passed_ns = before_ns != NULL ? growth(*before_ns, now_ns)
					       : now->status->uptime_s * 1000000000u;

	return passed_ns == 0 ? 1000000000u : passed_ns;
}

static bool show(const struct screen *screen, const struct sample *before, const struct sample *now,
		 bool json)
{
	/* the facts, the principals, their headings, and lines between */
	const size_t above = 6 + 1 + now->status->n_principals + 1 + 2;
	/* each report has its own moment */
	uint64_t passed_ns = passed(now, before->status == NULL ? NULL : &before->status->time_ns,
				    now->status->time_ns);
	uint64_t contexts_ns =
		passed(now, before->contexts == NULL ? NULL : &before->contexts->time_ns,
		       now->contexts->time_ns);
	struct report *report = report_new();
	bool written;

	report_machine(report, now, passed_ns);
	report_principals(report, before, now, passed_ns);
	report_contexts(report, before, now, contexts_ns, screen_rows(screen, above + 1));
	report_truncated(report, now->contexts->truncated);
	if (screen->lively) {
		fputs("\033[H\033[J", stdout);
	}
	written = report_print(report, json);
	report_free(report);
	return written;
}

int serve_top(struct penstock_connection *connection, const struct arguments *arguments)
{
	const uint64_t pause_ms = arguments->delay_ms != 0 ? arguments->delay_ms : 2000;
	struct sample before = { .status = NULL }, now = { .status = NULL };
	struct screen screen;
	bool good;

	watch_begin();
	screen_begin(&screen, arguments);
	for (uint64_t count = 1;; count++) {
		good = take(connection, &now) && show(&screen, &before, &now, arguments->json);
		if (!good || count == arguments->count || !screen_wait(&screen, pause_ms)) {
			break;
		}
		if (!screen.lively && !arguments->json) {
			putchar('\n');
		}
		forget(&before);
		before = now;
		now = (struct sample){ .status = NULL };
	}
	screen_end(&screen);
	forget(&before);
	forget(&now);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
