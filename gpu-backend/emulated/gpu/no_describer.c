/* SPDX-License-Identifier: MIT */
/* What a driver can do in a build without Vulkan: there is none. */
#include "gpu-backend/emulated/gpu/describer.h"

enum penstock_status penstock_describer_open(struct penstock_describer **ret_describer,
					     struct penstock_errbuf *reterr_text)
{
	*ret_describer = NULL;
	penstock_errbuf_set(reterr_text, "built without Vulkan");
	return PENSTOCK_STATUS_NOT_SUPPORTED;
}

void penstock_describer_ask(const struct penstock_describer *describer,
			    struct penstock_adapter_facts *ret_facts)
{
	(void)describer;
	(void)ret_facts;
}
