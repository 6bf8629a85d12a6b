/* SPDX-License-Identifier: MIT */
/*
 * Our own second look at a module that is valid and hardened: its entry point with its modes, its
 * constants, and how large its types are.
 */
#ifndef PENSTOCK_SHADER_FACTS_H
#define PENSTOCK_SHADER_FACTS_H

#include "gpu-backend/shader/reflection.h"
#include "gpu-backend/shader/spirv.h"

/* One id of the module; what it is not is 0. */
struct penstock_shader_id {
	uint64_t bytes;    /* of a type; UINT64_MAX: more than can be counted, or not known */
	uint64_t value;    /* of a constant number */
	uint32_t align;    /* of a type */
	uint32_t type;     /* of a result */
	uint32_t element;  /* of an array type */
	uint32_t pointee;  /* of a pointer type */
	uint32_t storage;  /* of a pointer type, SpvStorageClass; else UINT32_MAX */
	bool is_constant;  /* value counts */
	bool is_used;      /* by a function that the entry point reaches (uses.h) */
	bool in_interface; /* the entry point's */
};

struct penstock_shader_facts {
	struct penstock_shader_id *ids; /* bound of them; owned */
	uint32_t bound;
	uint32_t function; /* the entry point's */
	/* Of uses.h. */
	uint64_t local_bytes; /* variables of functions, as often as those are copied */
	bool writes_memory, has_derivatives, discards, has_subgroups;
};

/*
 * Fills the reflection's stage, name, workgroup size and modes. Facts are to be finished in any
 * case. INVALID_PARAMETER with a fault, NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_shader_facts_init(struct penstock_shader_facts *facts,
						const uint32_t *words, uint32_t word_count,
						uint32_t stage, const char *entry_point,
						struct penstock_shader_reflection *ret_reflection,
						struct penstock_spirv_fault *reterr_fault);

void penstock_shader_facts_finish(struct penstock_shader_facts *facts);

/* NULL: the module has no such id. */
struct penstock_shader_id *penstock_shader_id_at(const struct penstock_shader_facts *facts,
						 uint32_t id);

#endif
