/* SPDX-License-Identifier: MIT */
/*
 * A fault of the GPU in a submission, as its client and an operator are told of it: with the byte
 * of the command buffer that it comes from, which render's breadcrumbs know. Loop thread only.
 */
#ifndef PENSTOCK_FAULT_H
#define PENSTOCK_FAULT_H

#include "daemon/objects/objects.h"

/* `interrupt` and `text` as penstock_scheduler_config.device_fault gets them. */
void penstock_fault_describe(const struct penstock_submission *submission,
			     const struct penstock_interrupt *interrupt, const char *text,
			     struct penstock_device_state *ret_state);

#endif
