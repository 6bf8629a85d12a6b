/* SPDX-License-Identifier: MIT */
/*
 * A principal whose work hangs a GPU again and again is kept away from that adapter for a while
 * (the application that is blocked from the GPU, 0x142):
 *
 *	ADMITTED --TdrLimitCount hangs of its own in TdrLimitTime--> BLOCKED --its time, unblock-->
 *	ADMITTED
 *
 * BLOCKED: its devices there are lost (STOPPED), and creating one is refused; a restart of the
 * daemon admits everybody. Loop thread only.
 */
#ifndef PENSTOCK_BLOCK_H
#define PENSTOCK_BLOCK_H

#include "daemon/objects/principal.h"

/* A submission of the principal hung the adapter. */
void penstock_block_hung(struct penstock_adapter *adapter, struct penstock_principal *principal);

/* SUCCESS, or ACCESS_DENIED while it is BLOCKED there, with a sentence that says until when. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_block_check(const struct penstock_principal *principal,
					  const struct penstock_adapter *adapter,
					  struct penstock_refusal *ret_refusal);

/* How long it is BLOCKED there from now on; 0: it is not. */
uint64_t penstock_block_left_ms(const struct penstock_principal *principal, uint32_t adapter_index);

/* It is BLOCKED somewhere, or would be sooner for what it did: not to be forgotten. */
bool penstock_block_counts(struct penstock_principal *principal);

#endif
