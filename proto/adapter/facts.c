/* SPDX-License-Identifier: MIT */
#include "proto/adapter/facts.h"

#include "proto/graphics.h"
#include "proto/wire/limits.h"

#include <stddef.h>
#include <string.h>

/* VK_API_VERSION_1_3 */
#define LEAST_API_VERSION (1u << 22 | 3u << 12)

static const struct penstock_fact rows[PENSTOCK_FACTS] = {
#define FACT(structure, field, fact_kind, value_count)                                             \
	[PENSTOCK_FACT_##structure##_##field] = {                                                  \
		.name = #structure "." #field,                                                     \
		.kind = PENSTOCK_FACT_##fact_kind,                                                 \
		.count = value_count,                                                              \
		.first = offsetof(struct penstock_fact_values, structure##_##field) /              \
			 sizeof(uint64_t),                                                         \
	},
#include "proto/adapter/facts.def"
#undef FACT
};

const struct penstock_fact *penstock_fact_at(uint32_t id)
{
	PENSTOCK_REQUIRE(id < PENSTOCK_FACTS);
	return &rows[id];
}

const struct penstock_fact *penstock_fact_by_name(const char *name)
{
	for (uint32_t id = 0; id < PENSTOCK_FACTS; id++) {
		if (strcmp(rows[id].name, name) == 0) {
			return &rows[id];
		}
	}
	return NULL;
}

/* ---------------------------------------------------------------- is it one */

static bool make_printable(char text[PENSTOCK_FACTS_TEXT_BYTES])
{
	if (memchr(text, '\0', PENSTOCK_FACTS_TEXT_BYTES) == NULL) {
		return false;
	}
	for (char *at = text; *at != '\0'; at++) {
		*at = *at >= ' ' && *at <= '~' ? *at : '?';
	}
	return true;
}

static bool fits(const struct penstock_fact *fact, uint64_t value)
{
	switch ((enum penstock_fact_kind)fact->kind) {
	case PENSTOCK_FACT_FLAG:
		return value <= 1;
	case PENSTOCK_FACT_NUMBER:
	case PENSTOCK_FACT_SINGLE:
		return value <= UINT32_MAX;
	case PENSTOCK_FACT_SIGNED:
		return (uint64_t)(int64_t)(int32_t)(uint32_t)value == value;
	case PENSTOCK_FACT_SIZE:
		return true;
	}
	return false;
}

static bool values_fit(const struct penstock_adapter_facts *facts)
{
	for (uint32_t id = 0; id < PENSTOCK_FACTS; id++) {
		const uint64_t *values = penstock_fact_values_of(facts, &rows[id]);

		for (uint32_t i = 0; i < rows[id].count; i++) {
			if (!fits(&rows[id], values[i])) {
				return false;
			}
		}
	}
	return true;
}

static bool memory_fits(const struct penstock_adapter_facts *facts)
{
	if (facts->memory_type_count == 0 ||
	    facts->memory_type_count > PENSTOCK_FACTS_MEMORY_TYPES ||
	    facts->memory_heap_count > PENSTOCK_FACTS_MEMORY_HEAPS) {
		return false;
	}
	for (uint32_t i = 0; i < facts->memory_type_count; i++) {
		if (facts->memory_types[i].heap >= facts->memory_heap_count) {
			return false;
		}
	}
	return true;
}

const char *penstock_description_fault(struct penstock_description *description, size_t bytes)
{
	struct penstock_adapter_facts *facts = &description->facts;

	if (bytes != sizeof(*description) || description->bytes != sizeof(*description) ||
	    description->magic != PENSTOCK_FACTS_MAGIC ||
	    description->version != PENSTOCK_FACTS_VERSION) {
		return "what it wrote is no description";
	}
	if (!make_printable(description->why) || description->works > 1) {
		return "what it wrote is no description";
	}
	if (description->works == 0) {
		return description->why[0] != '\0' ? description->why : "it does not say why";
	}
	if (!make_printable(facts->device_name) || !make_printable(facts->driver_name) ||
	    !make_printable(facts->driver_info) || !memory_fits(facts) || !values_fit(facts)) {
		return "its description says what cannot be";
	}
	if (facts->values.properties_apiVersion[0] < LEAST_API_VERSION) {
		return "the Vulkan driver has no Vulkan 1.3";
	}
	if (facts->values.features_robustBufferAccess[0] == 0 ||
	    facts->values.features13_dynamicRendering[0] == 0) {
		return "the Vulkan driver has no robust buffer access or no dynamic rendering";
	}
	return NULL;
}

/* ---------------------------------------------------------------- what is carried */

static void keep_at_most(uint64_t *values, size_t count, uint64_t most)
{
	for (size_t i = 0; i < count; i++) {
		values[i] = values[i] < most ? values[i] : most;
	}
}

static void keep_at_least(uint64_t *values, size_t count, uint64_t least)
{
	for (size_t i = 0; i < count; i++) {
		values[i] = values[i] > least ? values[i] : least;
	}
}

static void keep_bits(uint64_t *values, size_t count, uint64_t bits)
{
	for (size_t i = 0; i < count; i++) {
		values[i] &= bits;
	}
}

static void carry_formats(struct penstock_adapter_facts *facts, uint64_t bits)
{
	for (uint32_t id = 0; id < PENSTOCK_TEXEL_FORMATS; id++) {
		facts->formats[id].linear &= bits;
		facts->formats[id].optimal &= bits;
		facts->formats[id].buffer &= bits;
	}
}

void penstock_adapter_facts_carry(struct penstock_adapter_facts *facts)
{
	struct penstock_fact_values *all = &facts->values;

#define ALL(structure, field)                                                                      \
	all->structure##_##field, PENSTOCK_ARRAY_SIZE(all->structure##_##field)
#define ABSENT(structure, field, why)          keep_bits(ALL(structure, field), 0);
#define AT_MOST(structure, field, value, why)  keep_at_most(ALL(structure, field), value);
#define AT_LEAST(structure, field, value, why) keep_at_least(ALL(structure, field), value);
#define ONLY(structure, field, bits, why)      keep_bits(ALL(structure, field), bits);
#define FORMATS(bits, why)                     carry_formats(facts, bits);
#include "proto/adapter/carried.def"
}
