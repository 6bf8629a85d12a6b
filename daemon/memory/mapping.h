/* SPDX-License-Identifier: MIT */
/*
 * Pages of a file at a GPU address of one process: an entry of its page table, which is the
 * daemon's; what the GPU process has mapped is a cache of it. Loop thread.
 *
 *	IDLE --ensure--> MAPPING --fence--> LIVE --drop--> UNMAPPING --fence--> IDLE
 *	  ^-- never executed --'             |
 *	  '-- the process was reset, or it --'
 *	      is to be made once more
 *
 * 0x10E/0x11: what is no arrow of this stops the adapter, and the mapping stays as it was.
 */
#ifndef PENSTOCK_MAPPING_H
#define PENSTOCK_MAPPING_H

#include "daemon/memory/file.h"
#include "daemon/memory/paging.h"
#include "proto/base/states.h"

/* Well under vm.max_map_count (65,530): each may cost a GPU process up to three areas. */
#define PENSTOCK_MAPPINGS_PER_PROCESS 16384u

enum penstock_mapping_state {
	PENSTOCK_MAPPING_IDLE,
	PENSTOCK_MAPPING_MAPPING,
	PENSTOCK_MAPPING_LIVE,
	PENSTOCK_MAPPING_UNMAPPING,
	PENSTOCK_MAPPING_STATE_MAX
};

struct penstock_mapping {
	struct penstock_list process_link; /* penstock_vidmm_process.mappings */
	struct penstock_list owner_link;   /* the owner's: penstock_vidmm_allocation.mappings */
	struct penstock_vidmm_process *process;
	enum penstock_mapping_state state;
	const struct penstock_memory_file *file; /* borrowed */
	uint64_t file_offset;
	uint64_t address;
	uint64_t size_bytes;
	uint32_t flags; /* PENSTOCK_MAP_ */
	bool closing;   /* the owner's: it goes as soon as it is IDLE */
	void *owner;
	uint64_t allocation_id; /* the owner's, 0: it is none */
	struct penstock_paging_operation operation;
	void (*changed)(struct penstock_mapping *mapping); /* LIVE or IDLE after a fence */
};

/* Enters it in the process's table, IDLE. */
void penstock_mapping_init(struct penstock_mapping *mapping, struct penstock_vidmm_process *process,
			   const struct penstock_memory_file *file, uint64_t file_offset,
			   uint64_t address, uint64_t size_bytes, uint32_t flags,
			   void (*changed)(struct penstock_mapping *mapping));

/* IDLE, or the process is going: takes it out of the table. */
void penstock_mapping_fini(struct penstock_mapping *mapping);

/* Along an arrow of the drawing. False: there is none, and the adapter stops. */
bool penstock_mapping_move(struct penstock_mapping *mapping, enum penstock_mapping_state to);

/* What the GPU process has of it is gone, or not what it should be: IDLE where it was LIVE. */
void penstock_mapping_forget(struct penstock_mapping *mapping);

/* True: LIVE. Otherwise it will be; `changed` tells. */
PENSTOCK_MUST_CHECK
bool penstock_mapping_ensure(struct penstock_mapping *mapping);

/* True: IDLE now. Otherwise `changed` tells; in between stray accesses meet the dummy file. */
PENSTOCK_MUST_CHECK
bool penstock_mapping_drop(struct penstock_mapping *mapping);

#endif
