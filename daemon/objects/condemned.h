/* SPDX-License-Identifier: MIT */
/*
 * What a row of the store spoke of lives until the deletion of that row is on disk. A crash before
 * brings the row back: it must find its memory and its progress, not somebody else's.
 * Loop thread only.
 */
#ifndef PENSTOCK_CONDEMNED_H
#define PENSTOCK_CONDEMNED_H

#include "daemon/objects/machine.h"

/*
 * Frees them when the store has committed `sequence`, what the deletion was put with (0: the store
 * has failed; they stay until the end). Without a row (`stored` false) at once. `principal` is
 * counted meanwhile; takes over the reference to `memory`. Where there is no memory to remember
 * it, at once.
 */
void penstock_condemn_memory(struct penstock_machine *machine, bool stored, uint64_t sequence,
			     struct penstock_principal *principal,
			     struct penstock_vidmm_allocation *memory);
void penstock_condemn_progress(struct penstock_machine *machine, bool stored, uint64_t sequence,
			       uint64_t progress_record);

/* Everything up to `sequence`; UINT64_MAX: all, at the end. */
void penstock_condemned_free(struct penstock_machine *machine, uint64_t sequence);

#endif
