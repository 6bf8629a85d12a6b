/* SPDX-License-Identifier: MIT */
/*
 * A pipeline put together: from what its shaders say of themselves to what render holds draws
 * against, and to what the GPU is given (gpu-backend/pipeline.h). Pure but for the heap; any
 * thread.
 */
#ifndef PENSTOCK_COMPOSITION_H
#define PENSTOCK_COMPOSITION_H

#include "daemon/render/render.h"
#include "gpu-backend/pipeline.h"
#include "gpu-backend/shader/reflection.h"

/* One stage, hardened; borrowed. */
struct penstock_composition_stage {
	const struct penstock_shader_reflection *reflection;
	const uint32_t *words;
	uint32_t word_count;
};

/* One block of heap. */
struct penstock_composition {
	struct penstock_render_pipeline render; /* its bindings are the block's */
	uint8_t *contents;                      /* render.bytes of them; the block's own, or NULL */
	uint32_t missing; /* of a restart: bindings that have not come yet, of binding_count */
	struct penstock_render_binding bindings[];
};

/*
 * SUCCESS; NO_MEMORY; INVALID_PARAMETER: the stages do not go together, or one needs more than an
 * adapter has. The caller frees it by penstock_composition_free.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_compose(const struct penstock_composition_stage *stages,
				      uint32_t stage_count,
				      struct penstock_composition **ret_composition,
				      struct penstock_refusal *ret_refusal);

/*
 * At start: one of which the contents are where the GPU reads them, `bytes` of them. Its
 * `binding_count` bindings come next. SUCCESS; NO_MEMORY; DATA_ERROR: no pipeline is so.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_composition_restore(uint32_t kind, uint64_t bytes,
						  uint32_t binding_count,
						  struct penstock_composition **ret_composition);

/* The next one, by set and binding; `first` is not looked at. False: it cannot be one. */
PENSTOCK_MUST_CHECK
bool penstock_composition_restore_binding(struct penstock_composition *composition,
					  const struct penstock_render_binding *binding);

/* Once they are where the GPU reads them. */
void penstock_composition_drop_contents(struct penstock_composition *composition);

void penstock_composition_free(struct penstock_composition *composition);

#endif
