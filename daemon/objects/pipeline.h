/* SPDX-License-Identifier: MIT */
/*
 * Pipelines: allocations that are made of shaders, once, and never written again. What a client
 * sends is looked at by a confined process (gpu-backend/shader), a stage after the other; only what
 * that says, and what it made of the shaders, goes on.
 *
 *	asked for --> waiting --> checking, stage by stage --> composed --> pages --> made
 *	                 |               |                        |           |
 *	                 +---------------+-- (refused) -----------+-----------+--> its name is free
 *
 * A principal has a few at work at once and the others wait their turn, so that nobody waits for
 * more than that of another's. Loop thread only.
 */
#ifndef PENSTOCK_PIPELINE_CREATE_H
#define PENSTOCK_PIPELINE_CREATE_H

#include "daemon/objects/transfer.h"

/* The machine stops: what is being made is cancelled. */
void penstock_pipelines_cancel(struct penstock_machine *machine);

/* The rows of a new one, behind its allocation's. */
void penstock_pipeline_store(const struct penstock_allocation *allocation);

/*
 * At start: the allocation is one, of which the bindings come next. SUCCESS; NO_MEMORY; DATA_ERROR:
 * it cannot be.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_pipeline_restore(struct penstock_allocation *allocation,
					       const struct penstock_pipeline_row *row);

/* The next binding of it. False: it cannot be one. */
PENSTOCK_MUST_CHECK
bool penstock_pipeline_restore_binding(struct penstock_allocation *allocation,
				       const struct penstock_pipeline_binding_row *row);

#endif
