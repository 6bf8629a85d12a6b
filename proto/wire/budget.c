/* SPDX-License-Identifier: MIT */
#include "proto/wire/budget.h"

#include "proto/wire/limits.h"

#include <stdlib.h>

static void *budget_alloc(void *owner, size_t size)
{
	struct penstock_budget *budget = owner;
	void *block;

	if (budget->blocks_left == 0 || size > budget->bytes_left) {
		budget->exhausted = true;
		return NULL;
	}
	block = malloc(size);
	if (block == NULL) {
		budget->no_memory = true;
		return NULL;
	}
	budget->blocks_left--;
	budget->bytes_left -= size;
	return block;
}

/* What was freed is not given back: a budget is for one message. */
static void budget_free(void *owner, void *block)
{
	(void)owner;
	free(block);
}

void penstock_budget_init(struct penstock_budget *budget)
{
	penstock_budget_init_with(budget, PENSTOCK_LIMIT_UNPACK_BYTES,
				  PENSTOCK_LIMIT_UNPACK_BLOCKS);
}

void penstock_budget_init_with(struct penstock_budget *budget, size_t bytes, uint32_t blocks)
{
	*budget = (struct penstock_budget){
		.allocator = { .alloc = budget_alloc,
			       .free = budget_free,
			       .allocator_data = budget },
		.bytes_left = bytes,
		.blocks_left = blocks,
	};
}
