/* SPDX-License-Identifier: MIT */
/*
 * A pipeline in the store: what draws and dispatches are held against. Its shaders are in the
 * memory of its allocation, and are not read again.
 */
#include "daemon/objects/composition.h"
#include "daemon/objects/pipeline.h"

#include <string.h>

static void store_binding(const struct penstock_allocation *allocation,
			  const struct penstock_render_binding *binding)
{
	const struct penstock_pipeline_binding_row row = {
		.allocation = allocation->id,
		.set = binding->set,
		.binding = binding->binding,
		.type = binding->type,
		.count = binding->count,
		.least_bytes = binding->least_bytes,
		.written = binding->written,
		.flags = binding->flags,
		.dimension = binding->dimension,
		.number = binding->number,
		.format = binding->format,
	};

	(void)penstock_store_put_pipeline_binding(allocation->adapter->machine->config.store, &row);
}

void penstock_pipeline_store(const struct penstock_allocation *allocation)
{
	const struct penstock_render_pipeline *render = &allocation->composition->render;
	struct penstock_pipeline_row row = {
		.allocation = allocation->id,
		.kind = render->kind,
		.binding_count = render->binding_count,
		.targets_written = render->targets_written,
	};

	if (render->graphics != NULL) {
		row.graphics = *render->graphics;
	}
	(void)penstock_store_put_pipeline(allocation->adapter->machine->config.store, &row);
	for (uint32_t i = 0; i < render->binding_count; i++) {
		store_binding(allocation, &render->bindings[i]);
	}
}

enum penstock_status penstock_pipeline_restore(struct penstock_allocation *allocation,
					       const struct penstock_pipeline_row *row)
{
	/* None is all zeros. */
	static const struct penstock_graphics_state none;
	const struct penstock_composition_rest rest = {
		.kind = row->kind,
		.bytes = allocation->info.size_bytes,
		.binding_count = row->binding_count,
		.targets_written = row->targets_written,
		.graphics =
			memcmp(&row->graphics, &none, sizeof(none)) == 0 ? NULL : &row->graphics,
	};

	/* Nobody else ever had it. */
	if (allocation->is_pipeline || penstock_allocation_shared(allocation)) {
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	allocation->is_pipeline = true;
	return penstock_composition_restore(&rest, &allocation->composition);
}

bool penstock_pipeline_restore_binding(struct penstock_allocation *allocation,
				       const struct penstock_pipeline_binding_row *row)
{
	const struct penstock_render_binding binding = {
		.set = row->set,
		.binding = row->binding,
		.type = row->type,
		.count = row->count,
		.least_bytes = row->least_bytes,
		.written = row->written,
		.flags = row->flags,
		.dimension = row->dimension,
		.number = row->number,
		.format = row->format,
	};

	return allocation->is_pipeline &&
	       penstock_composition_restore_binding(allocation->composition, &binding);
}
