/* SPDX-License-Identifier: MIT */
/*
 * Whether the stages of a graphics pipeline go together, with each other and with its state: what
 * a stage takes is given by the stage before it, or by a vertex attribute; primitives are of the
 * kind that the next stage takes; what a fragment stage gives is what its targets hold. A driver
 * believes all of that. Pure; any thread.
 */
#ifndef PENSTOCK_INTERFACE_H
#define PENSTOCK_INTERFACE_H

#include "daemon/objects/composition.h"

/* Stages in their order, a vertex stage first; a valid state. SUCCESS; INVALID_PARAMETER. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_interface_check(const struct penstock_composition_stage *stages,
					      uint32_t stage_count,
					      const struct penstock_graphics_state *state,
					      struct penstock_refusal *ret_refusal);

/* PENSTOCK_TOPOLOGY_ of a VkPrimitiveTopology, below PENSTOCK_VK_TOPOLOGIES. */
uint32_t penstock_topology_class_of(uint32_t topology);

#endif
