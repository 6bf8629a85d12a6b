/* SPDX-License-Identifier: MIT */
#include "daemon/objects/condemned.h"

#include "daemon/memory/progress.h"
#include "daemon/objects/principal.h"

#include <stdlib.h>

struct condemned {
	struct penstock_list link; /* penstock_machine.condemned, by time */
	uint64_t sequence;
	struct penstock_principal *principal;     /* counted; NULL: a progress record */
	struct penstock_vidmm_allocation *memory; /* counted */
	uint64_t progress_record;
};

static bool remember(struct penstock_machine *machine, const struct condemned *what)
{
	struct condemned *condemned = malloc(sizeof(*condemned));

	if (condemned == NULL) {
		return false;
	}
	*condemned = *what;
	condemned->sequence = what->sequence == 0 ? UINT64_MAX : what->sequence;
	if (condemned->principal != NULL) {
		penstock_principal_ref(condemned->principal);
	}
	penstock_list_append(&machine->condemned, &condemned->link);
	return true;
}

void penstock_condemn_memory(struct penstock_machine *machine, bool stored, uint64_t sequence,
			     struct penstock_principal *principal,
			     struct penstock_vidmm_allocation *memory)
{
	const struct condemned what = {
		.sequence = sequence,
		.principal = principal,
		.memory = memory,
	};

	if (!stored || !remember(machine, &what)) {
		penstock_vidmm_allocation_unref(memory);
	}
}

void penstock_condemn_progress(struct penstock_machine *machine, bool stored, uint64_t sequence,
			       uint64_t progress_record)
{
	const struct condemned what = { .sequence = sequence, .progress_record = progress_record };

	if (progress_record == 0) {
		return;
	}
	if (!stored || !remember(machine, &what)) {
		penstock_progress_free(machine->progress, progress_record);
	}
}

void penstock_condemned_free(struct penstock_machine *machine, uint64_t sequence)
{
	struct penstock_list *link;

	while ((link = penstock_list_first(&machine->condemned)) != NULL) {
		struct condemned *condemned = penstock_list_entry(link, struct condemned, link);

		if (condemned->sequence > sequence) {
			return;
		}
		penstock_list_remove(link);
		if (condemned->principal != NULL) {
			penstock_vidmm_allocation_unref(condemned->memory);
			penstock_principal_put(condemned->principal);
		} else {
			penstock_progress_free(machine->progress, condemned->progress_record);
		}
		free(condemned);
	}
}
