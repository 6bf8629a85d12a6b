/* SPDX-License-Identifier: MIT */
/*
 * A pipeline put together: from what its shaders say of themselves, and the state that they are
 * drawn with, to what render holds draws against, and to what the GPU is given
 * (gpu-backend/pipeline.h). Pure but for the heap; any thread.
 *
 * The state that both get has no vertex attributes but those that the vertex stage takes: a driver
 * fetches all that there are.
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
	struct penstock_render_pipeline render; /* bindings and state are the block's */
	uint8_t *contents;                      /* render.bytes of them; the block's own, or NULL */
	uint32_t missing; /* of a restart: bindings that have not come yet, of binding_count */
	struct penstock_render_binding bindings[];
};

/*
 * Stages in their order; `graphics`, a valid state, where they are not compute. `formats` is what
 * the adapter does with each format, [PENSTOCK_TEXEL_FORMATS]; NULL: it is not known, and no state
 * is refused for it. SUCCESS; NO_MEMORY; INVALID_PARAMETER: they do not go together, or need more
 * than an adapter has. The caller frees it by penstock_composition_free.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_compose(const struct penstock_composition_stage *stages,
				      uint32_t stage_count,
				      const struct penstock_graphics_state *graphics,
				      const struct penstock_format_features *formats,
				      struct penstock_composition **ret_composition,
				      struct penstock_refusal *ret_refusal);

/* What is known of one after a restart, beside its bindings. */
struct penstock_composition_rest {
	uint32_t kind; /* enum penstock_pipeline_kind */
	uint64_t bytes;
	uint32_t binding_count;
	uint32_t targets_written;
	const struct penstock_graphics_state *graphics; /* NULL: none; borrowed for the call */
};

/*
 * At start: one of which the contents are where the GPU reads them. Its bindings come next.
 * SUCCESS; NO_MEMORY; DATA_ERROR: no pipeline is so.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_composition_restore(const struct penstock_composition_rest *rest,
						  struct penstock_composition **ret_composition);

/* The next one, by set and binding; `first` is not looked at. False: it cannot be one. */
PENSTOCK_MUST_CHECK
bool penstock_composition_restore_binding(struct penstock_composition *composition,
					  const struct penstock_render_binding *binding);

/* Once they are where the GPU reads them. */
void penstock_composition_drop_contents(struct penstock_composition *composition);

void penstock_composition_free(struct penstock_composition *composition);

#endif
