/* SPDX-License-Identifier: MIT */
/* What the daemon counts, as Prometheus text: one table of names and where the values are. */
#ifndef PENSTOCK_REPORT_H
#define PENSTOCK_REPORT_H

struct penstock_machine;
struct penstock_net;
struct penstock_store;

/* malloc'd, the caller's; NULL: out of memory. `store` may be NULL. */
char *penstock_report_metrics(const struct penstock_net *net,
			      const struct penstock_machine *machine,
			      const struct penstock_store *store);

#endif
