/* SPDX-License-Identifier: MIT */
/*
 * The admin requests' handlers. The role column of the dispatch table has kept everybody out who
 * is not the administrator before one of these runs.
 */
#ifndef PENSTOCK_ADMIN_H
#define PENSTOCK_ADMIN_H

#include "daemon/net/call.h"

void penstock_handle_admin_metrics(struct penstock_call *call);

#endif
