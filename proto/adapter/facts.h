/* SPDX-License-Identifier: MIT */
/*
 * What an adapter's driver can do, in Vulkan's own words (facts.def), asked once: words of 64 bits
 * only, no pointers, so that a GPU process can write it as it is. Who reads it from one holds it
 * against penstock_adapter_facts_fault first, and takes away what Penstock does not carry.
 * Constant and pure; any thread.
 */
#ifndef PENSTOCK_ADAPTER_FACTS_H
#define PENSTOCK_ADAPTER_FACTS_H

#include "proto/image/format.h"
#include "proto/values.h"

#define PENSTOCK_FACTS_MAGIC        0x46504e50u /* "PNPF" */
#define PENSTOCK_FACTS_VERSION      1u
#define PENSTOCK_FACTS_TEXT_BYTES   256u
#define PENSTOCK_FACTS_MEMORY_TYPES 32u
#define PENSTOCK_FACTS_MEMORY_HEAPS 16u

/* The values of facts.def, by name: facts.limits_maxViewports[0]. */
struct penstock_fact_values {
#define FACT(structure, field, kind, count) uint64_t structure##_##field[count];
#include "proto/adapter/facts.def"
#undef FACT
};

#define PENSTOCK_FACT_VALUES (sizeof(struct penstock_fact_values) / sizeof(uint64_t))

enum penstock_fact_id {
#define FACT(structure, field, kind, count) PENSTOCK_FACT_##structure##_##field,
#include "proto/adapter/facts.def"
#undef FACT
	PENSTOCK_FACTS
};

/* A row of facts.def. */
struct penstock_fact {
	const char *name; /* "limits.maxViewports" */
	uint8_t kind;     /* enum penstock_fact_kind */
	uint8_t count;
	uint16_t first; /* of its values, among all of them */
};

/* VkMemoryType */
struct penstock_memory_type {
	uint32_t flags; /* VkMemoryPropertyFlags */
	uint32_t heap;
};

struct penstock_adapter_facts {
	char device_name[PENSTOCK_FACTS_TEXT_BYTES]; /* with their zero */
	char driver_name[PENSTOCK_FACTS_TEXT_BYTES];
	char driver_info[PENSTOCK_FACTS_TEXT_BYTES];
	uint32_t memory_type_count;
	uint32_t memory_heap_count;
	struct penstock_memory_type memory_types[PENSTOCK_FACTS_MEMORY_TYPES];
	uint64_t memory_heaps[PENSTOCK_FACTS_MEMORY_HEAPS]; /* bytes */
	struct penstock_fact_values values;
	struct penstock_format_features formats[PENSTOCK_TEXEL_FORMATS];
};

/* What a GPU process writes that was asked to describe its driver. */
struct penstock_description {
	uint32_t magic;
	uint32_t version;
	uint32_t bytes; /* of all of it */
	uint32_t works; /* 1; 0: `why` says what is missing, and the facts are zero */
	char why[PENSTOCK_FACTS_TEXT_BYTES];
	struct penstock_adapter_facts facts;
};

/* By its row, < PENSTOCK_FACTS. */
const struct penstock_fact *penstock_fact_at(uint32_t id);

/* "limits.maxViewports"; NULL where there is none of that name. */
const struct penstock_fact *penstock_fact_by_name(const char *name);

static inline const uint64_t *penstock_fact_values_of(const struct penstock_adapter_facts *facts,
						      const struct penstock_fact *fact)
{
	return (const uint64_t *)&facts->values + fact->first;
}

/*
 * Why a description cannot be one that a driver of ours gave, or says that the driver does not
 * work; NULL: it is one. Texts end, and are shown: what is no printable ASCII becomes '?'. The
 * words are not believed for more than to be passed on and to refuse by.
 */
const char *penstock_description_fault(struct penstock_description *description, size_t bytes);

/* Takes away what Penstock does not carry (carried.def). */
void penstock_adapter_facts_carry(struct penstock_adapter_facts *facts);

#endif
