/* SPDX-License-Identifier: MIT */
/*
 * What penstock-gpu does when it is only asked about its driver: opens it, and says what it can do.
 *
 *	open --> the process is confined --> ask --> written to the daemon
 *
 * Once in a process, on its first thread. In a build without Vulkan there is nothing to open.
 */
#ifndef PENSTOCK_DESCRIBER_H
#define PENSTOCK_DESCRIBER_H

#include "proto/adapter/facts.h"
#include "proto/wire/status.h"

struct penstock_describer;

/*
 * Opens the driver and its device: reads files, sets environment variables, may start threads.
 * SUCCESS, and there is one until the process ends; NOT_SUPPORTED with a text; NO_MEMORY.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_describer_open(struct penstock_describer **ret_describer,
					     struct penstock_errbuf *reterr_text);

/* Asks the driver; needs no more than a confined process may. */
void penstock_describer_ask(const struct penstock_describer *describer,
			    struct penstock_adapter_facts *ret_facts);

#endif
