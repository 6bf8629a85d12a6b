/* SPDX-License-Identifier: MIT */
/*
 * Debug reports: what is kept of each failure of a GPU (CollectDbgInfo), for an operator to look
 * at. Bounded: so many of so many bytes; a further one takes the place of the oldest one of the
 * principal that has most of them, so that who fails again and again does not push out what is
 * known of others. No pointers, and no bytes of a client's. They outlive the daemon where it has a
 * file for them (report_file.h). Loop thread only.
 */
#ifndef PENSTOCK_DEBUG_REPORT_H
#define PENSTOCK_DEBUG_REPORT_H

#include "daemon/objects/machine.h"
#include "daemon/objects/observe.h"

/*
 * A submission of the device failed, for which that was lost: `state` says how, and the GPU said
 * `engine_state` before it was reset. Without memory there is no report.
 */
void penstock_debug_report_submission(struct penstock_adapter *adapter,
				      const struct penstock_submission *submission,
				      const struct penstock_interrupt *interrupt,
				      const struct penstock_device_state *state,
				      const char *engine_state);

/* The adapter was reset, or stopped: `event` says which. Before anything is done about it. */
void penstock_debug_report_adapter(struct penstock_adapter *adapter, const char *event,
				   const char *reason);

/* All of them, oldest first: machine.debug_report_count. */
void penstock_debug_reports_copy(const struct penstock_machine *machine,
				 struct penstock_debug_report *ret_reports);

/* One of an earlier run, the newest so far. SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_debug_reports_restore(struct penstock_machine *machine,
						    const struct penstock_debug_report *report);

void penstock_debug_reports_fini(struct penstock_machine *machine);

#endif
