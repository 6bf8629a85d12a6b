/* SPDX-License-Identifier: MIT */
#include "client/penstock/info_graphics.h"

#include "client/penstockctl/or_end.h"
#include "proto/wire/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_COLUMNS 78u

struct adapter {
	uint32_t index;
	struct penstock_adapter_report *facts; /* owned */
};

struct adapters {
	struct adapter of[PENSTOCK_LIMIT_ADAPTERS];
	uint32_t count;
};

/* ---------------------------------------------------------------- the driver, its limits */

static void fill_drivers(const struct adapters *adapters, struct report *report)
{
	static const struct column columns[] = {
		{ "adapter", COLUMN_NUMBER },
		{ "device", COLUMN_TEXT },
		{ "driver", COLUMN_TEXT },
		{ "vulkan", COLUMN_TEXT },
	};
	struct table *table =
		report_table(report, "graphics", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (uint32_t i = 0; i < adapters->count; i++) {
		const struct penstock_adapter_report *facts = adapters->of[i].facts;
		const uint64_t version =
			penstock_adapter_report_value(facts, "properties.apiVersion");
		struct penstock_adapter_names names;
		char text[600];

		penstock_adapter_report_names(facts, &names);
		table_number(table, adapters->of[i].index);
		table_text(table, names.device);
		snprintf(text, sizeof(text), "%s %s", names.driver, names.driver_info);
		table_text(table, text);
		snprintf(text, sizeof(text), "%u.%u.%u", (unsigned)(version >> 22 & 0x7f),
			 (unsigned)(version >> 12 & 0x3ff), (unsigned)(version & 0xfff));
		table_text(table, text);
	}
}

static void fill_limits(const struct adapters *adapters, struct report *report)
{
	static const struct column columns[] = {
		{ "adapter", COLUMN_NUMBER },
		{ "limit", COLUMN_TEXT },
		{ "value", COLUMN_NUMBER },
	};
	static const char *const limits[] = {
		"limits.maxImageDimension2D",
		"limits.maxImageDimension3D",
		"limits.maxImageArrayLayers",
		"limits.maxColorAttachments",
		"limits.framebufferColorSampleCounts",
		"limits.maxViewports",
		"limits.maxVertexInputBindings",
		"limits.maxVertexInputAttributes",
		"limits.maxBoundDescriptorSets",
		"limits.maxPerStageDescriptorSampledImages",
		"limits.maxPushConstantsSize",
		"limits.maxUniformBufferRange",
		"limits.maxStorageBufferRange",
		"limits.maxDrawIndirectCount",
		"limits.maxComputeWorkGroupInvocations",
		"limits.maxComputeSharedMemorySize",
		"properties11.subgroupSize",
		"properties11.maxMultiviewViewCount",
	};
	struct table *table = report_table(report, "limits", columns, PENSTOCK_ARRAY_SIZE(columns));

	for (uint32_t i = 0; i < adapters->count; i++) {
		for (size_t limit = 0; limit < PENSTOCK_ARRAY_SIZE(limits); limit++) {
			table_number(table, adapters->of[i].index);
			table_text(table, strchr(limits[limit], '.') + 1);
			table_number(table, penstock_adapter_report_value(adapters->of[i].facts,
									  limits[limit]));
		}
	}
}

/* ---------------------------------------------------------------- features */

/* Words that are broken into lines. */
struct words {
	FILE *stream;
	size_t column;
};

static void add_word(struct words *words, const char *word)
{
	const size_t length = strlen(word);

	if (words->column > 0 && words->column + 1 + length > LINE_COLUMNS) {
		fputc('\n', words->stream);
		words->column = 0;
	}
	if (words->column > 0) {
		fputc(' ', words->stream);
		words->column++;
	}
	fputs(word, words->stream);
	words->column += length;
}

static void add_features(struct words *words, const struct penstock_adapter_report *facts)
{
	struct penstock_adapter_fact fact;

	for (uint32_t i = 0;
	     penstock_adapter_report_fact(facts, i, &fact) == PENSTOCK_STATUS_SUCCESS; i++) {
		const char *field = strchr(fact.name, '.');

		if (strncmp(fact.name, "features", strlen("features")) == 0 && field != NULL &&
		    fact.count == 1 && fact.values[0] != 0) {
			add_word(words, field + 1);
		}
	}
}

static void fill_features(const struct adapters *adapters, struct report *report)
{
	char *text = NULL;
	size_t length;
	struct words words = { .stream = or_end(open_memstream(&text, &length)) };

	for (uint32_t i = 0; i < adapters->count; i++) {
		fprintf(words.stream, "adapter %u can:\n", adapters->of[i].index);
		words.column = 0;
		add_features(&words, adapters->of[i].facts);
		fputc('\n', words.stream);
	}
	fclose(words.stream);
	report_text(report, "features", or_end(text));
	free(text);
}

/* Every fact, with its values behind each other. */
static void fill_facts(const struct adapters *adapters, struct report *report)
{
	static const struct column columns[] = {
		{ "adapter", COLUMN_NUMBER },
		{ "name", COLUMN_TEXT },
		{ "kind", COLUMN_NUMBER },
		{ "values", COLUMN_TEXT },
	};
	struct table *table = report_table(report, "facts", columns, PENSTOCK_ARRAY_SIZE(columns));
	struct penstock_adapter_fact fact;

	for (uint32_t i = 0; i < adapters->count; i++) {
		for (uint32_t f = 0; penstock_adapter_report_fact(adapters->of[i].facts, f,
								  &fact) == PENSTOCK_STATUS_SUCCESS;
		     f++) {
			char text[64] = "";
			size_t length = 0;

			for (uint32_t v = 0; v < fact.count && length < sizeof(text); v++) {
				length += (size_t)snprintf(text + length, sizeof(text) - length,
							   "%s%" PRIu64, v > 0 ? " " : "",
							   fact.values[v]);
			}
			table_number(table, adapters->of[i].index);
			table_text(table, fact.name);
			table_number(table, fact.kind);
			table_text(table, text);
		}
	}
}

/* ---------------------------------------------------------------- formats */

/* VkFormatFeatureFlagBits2 */
static const struct {
	uint64_t bit;
	char letter;
} letters[] = {
	{ 0x1, 's' },         /* sampled */
	{ 0x1000, 'f' },      /* with a linear filter */
	{ 0x10000, 'm' },     /* minima and maxima */
	{ 0x200000000, 'c' }, /* compared with */
	{ 0x2, 'i' },         /* a storage image */
	{ 0x4, 'a' },         /* with atomics */
	{ 0x100000000, 'w' }, /* written without saying the format */
	{ 0x80, 't' },        /* a colour target */
	{ 0x100, 'b' },       /* with blending */
	{ 0x200, 'd' },       /* a depth or stencil target */
	{ 0x400, 'r' },       /* blits read it */
	{ 0x800, 'o' },       /* and write it */
	{ 0x4000, '<' },      /* copied from */
	{ 0x8000, '>' },      /* and to */
	{ 0x40, 'v' },        /* of vertices */
	{ 0x8, 'u' },         /* a uniform texel buffer */
	{ 0x10, 'x' },        /* a storage texel buffer */
	{ 0x20, 'a' },        /* with atomics */
};

static void add_letters(struct table *table, uint64_t features)
{
	char text[PENSTOCK_ARRAY_SIZE(letters) + 1];
	size_t length = 0;

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(letters); i++) {
		if ((features & letters[i].bit) != 0) {
			text[length++] = letters[i].letter;
		}
	}
	text[length] = '\0';
	table_text(table, text);
}

static void fill_formats(const struct adapters *adapters, struct report *report)
{
	static const struct column columns[] = {
		{ "adapter", COLUMN_NUMBER }, { "format", COLUMN_TEXT },
		{ "number", COLUMN_NUMBER },  { "optimal", COLUMN_TEXT },
		{ "linear", COLUMN_TEXT },    { "buffer", COLUMN_TEXT },
	};
	struct table *table =
		report_table(report, "texel_formats", columns, PENSTOCK_ARRAY_SIZE(columns));
	struct penstock_adapter_format format;

	for (uint32_t i = 0; i < adapters->count; i++) {
		for (uint32_t f = 0;
		     penstock_adapter_report_format(adapters->of[i].facts, f, &format) ==
		     PENSTOCK_STATUS_SUCCESS;
		     f++) {
			table_number(table, adapters->of[i].index);
			table_text(table, format.name);
			table_number(table, format.format);
			add_letters(table, format.optimal);
			add_letters(table, format.linear);
			add_letters(table, format.buffer);
		}
	}
}

/* ---------------------------------------------------------------- all of it */

static enum penstock_status ask(struct penstock_connection *connection, struct adapters *adapters)
{
	struct penstock_adapter_info info;

	for (uint32_t i = 0;
	     i < PENSTOCK_LIMIT_ADAPTERS &&
	     penstock_connection_adapter(connection, i, &info) == PENSTOCK_STATUS_SUCCESS;
	     i++) {
		struct adapter *next = &adapters->of[adapters->count];
		enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

		if (!info.pipelines) {
			continue;
		}
		next->index = info.index;
		status = penstock_adapter_query(connection, info.index, &next->facts);
		if (status != PENSTOCK_STATUS_SUCCESS) {
			return status;
		}
		adapters->count++;
	}
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_info_graphics(struct penstock_connection *connection, bool all,
					    struct report *report)
{
	struct adapters adapters = { .count = 0 };
	enum penstock_status status = ask(connection, &adapters);

	if (status == PENSTOCK_STATUS_SUCCESS && adapters.count > 0) {
		fill_drivers(&adapters, report);
		fill_limits(&adapters, report);
		if (all) {
			fill_facts(&adapters, report);
		} else {
			fill_features(&adapters, report);
		}
		fill_formats(&adapters, report);
	}
	for (uint32_t i = 0; i < adapters.count; i++) {
		penstock_adapter_report_free(adapters.of[i].facts);
	}
	return status;
}
