/* SPDX-License-Identifier: MIT */
#include "daemon/memory/mapping.h"

#include "daemon/memory/internal.h"

void penstock_mapping_init(struct penstock_mapping *mapping, struct penstock_vidmm_process *process,
			   const struct penstock_memory_file *file, uint64_t file_offset,
			   uint64_t address, uint64_t size_bytes, uint32_t flags,
			   void (*changed)(struct penstock_mapping *mapping))
{
	*mapping = (struct penstock_mapping){
		.process = process,
		.file = file,
		.file_offset = file_offset,
		.address = address,
		.size_bytes = size_bytes,
		.flags = flags,
		.changed = changed,
	};
	penstock_list_init(&mapping->owner_link);
	penstock_list_append(&process->mappings, &mapping->process_link);
	process->mapping_count++;
}

void penstock_mapping_fini(struct penstock_mapping *mapping)
{
	PENSTOCK_REQUIRE(mapping->state == PENSTOCK_MAPPING_IDLE ||
			 mapping->state == PENSTOCK_MAPPING_LIVE);
	penstock_list_remove(&mapping->process_link);
	penstock_list_remove(&mapping->owner_link);
	mapping->process->mapping_count--;
}

#define TO(state) (1u << PENSTOCK_MAPPING_##state)

static const struct penstock_state states[PENSTOCK_MAPPING_STATE_MAX] = {
	[PENSTOCK_MAPPING_IDLE] = { "IDLE", TO(MAPPING) },
	[PENSTOCK_MAPPING_MAPPING] = { "MAPPING", TO(LIVE) | TO(IDLE) },
	[PENSTOCK_MAPPING_LIVE] = { "LIVE", TO(UNMAPPING) | TO(IDLE) },
	[PENSTOCK_MAPPING_UNMAPPING] = { "UNMAPPING", TO(IDLE) },
};

bool penstock_mapping_move(struct penstock_mapping *mapping, enum penstock_mapping_state to)
{
	static const struct penstock_states drawing = { "a mapping", PENSTOCK_MAPPING_STATE_MAX,
							states };
	struct penstock_errbuf text;

	if (!penstock_states_lead(&drawing, "0x10E/0x11: ", mapping->state, to, &text)) {
		return penstock_vidmm_holds(mapping->process->vidmm, false, text.text);
	}
	mapping->state = to;
	return true;
}

void penstock_mapping_forget(struct penstock_mapping *mapping)
{
	if (mapping->state == PENSTOCK_MAPPING_LIVE) {
		(void)penstock_mapping_move(mapping, PENSTOCK_MAPPING_IDLE);
	}
}

static void operation_done(struct penstock_paging_operation *operation, bool executed)
{
	struct penstock_mapping *mapping =
		penstock_container_of(operation, struct penstock_mapping, operation);

	bool live = executed && mapping->state != PENSTOCK_MAPPING_UNMAPPING;

	if (penstock_mapping_move(mapping, live ? PENSTOCK_MAPPING_LIVE : PENSTOCK_MAPPING_IDLE)) {
		mapping->changed(mapping);
	}
}

static void start(struct penstock_mapping *mapping, enum penstock_paging_operation_type type)
{
	bool local = mapping->address < PENSTOCK_APERTURE_BASE;

	mapping->operation.build = (struct penstock_build_paging_buffer){
		.operation = type,
		.allocation_id = mapping->allocation_id,
		.address = mapping->address,
		.segment_id = local ? PENSTOCK_SEGMENT_LOCAL : PENSTOCK_SEGMENT_APERTURE,
		.size_bytes = mapping->size_bytes,
		.map_flags = mapping->flags,
		.source = { .file_id = mapping->file->id, .file_offset = mapping->file_offset },
	};
	mapping->operation.done = operation_done;
	penstock_paging_add(mapping->process, &mapping->operation);
}

bool penstock_mapping_ensure(struct penstock_mapping *mapping)
{
	if (PENSTOCK_LIKELY(mapping->state == PENSTOCK_MAPPING_LIVE)) {
		return true;
	}
	if (mapping->state == PENSTOCK_MAPPING_IDLE &&
	    penstock_mapping_move(mapping, PENSTOCK_MAPPING_MAPPING)) {
		start(mapping, PENSTOCK_OPERATION_MAP_APERTURE_SEGMENT);
	}
	return false;
}

bool penstock_mapping_drop(struct penstock_mapping *mapping)
{
	if (mapping->state == PENSTOCK_MAPPING_IDLE) {
		return true;
	}
	if (mapping->state == PENSTOCK_MAPPING_LIVE &&
	    penstock_mapping_move(mapping, PENSTOCK_MAPPING_UNMAPPING)) {
		start(mapping, PENSTOCK_OPERATION_UNMAP_APERTURE_SEGMENT);
	}
	return false;
}
