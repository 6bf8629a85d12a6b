/* SPDX-License-Identifier: MIT */
/* The part of penstock info that says what adapters draw with. */
#ifndef PENSTOCK_INFO_GRAPHICS_H
#define PENSTOCK_INFO_GRAPHICS_H

#include "client/include/penstock/penstock.h"
#include "client/penstockctl/report.h"

/*
 * Asks each adapter with pipelines, and adds to the report what it says: for people what matters
 * first, for programs (`all`) every fact too. SUCCESS, or why one did not answer.
 */
enum penstock_status penstock_info_graphics(struct penstock_connection *connection, bool all,
					    struct report *report);

#endif
