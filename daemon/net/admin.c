/* SPDX-License-Identifier: MIT */
#include "daemon/net/admin.h"

#include "proto/wire/penstock.pb-c.h"

#include <stdlib.h>

void penstock_handle_admin_metrics(struct penstock_call *call)
{
	const struct penstock_net_config *config = &call->connection->net->config;
	Penstock__Wire__MetricsReport report = PENSTOCK__WIRE__METRICS_REPORT__INIT;
	char *text = config->metrics(config->owner);

	if (text == NULL) {
		penstock_call_refuse(call, PENSTOCK_STATUS_NO_MEMORY, "no memory for the report");
		return;
	}
	report.text = text;
	if (penstock_call_use_serial(call)) {
		penstock_call_answer(call, PENSTOCK_FRAME_METRICS_REPORT, &report.base);
	}
	free(text);
}
