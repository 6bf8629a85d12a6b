/* SPDX-License-Identifier: MIT */
/* The engine in a build without Vulkan: there is none. */
#include "gpu-backend/emulated/gpu/dispatch.h"
#include "gpu-backend/emulated/gpu/scope.h"
#include "gpu-backend/emulated/gpu/transfer.h"
#include "gpu-backend/emulated/gpu/vulkan.h"

enum penstock_status penstock_vulkan_open(const struct penstock_mmu *mmu,
					  struct penstock_vulkan **ret_vulkan,
					  struct penstock_errbuf *reterr_text)
{
	(void)mmu;
	*ret_vulkan = NULL;
	penstock_errbuf_set(reterr_text, "built without Vulkan");
	return PENSTOCK_STATUS_NOT_SUPPORTED;
}

void penstock_vulkan_close(struct penstock_vulkan *vulkan)
{
	(void)vulkan;
}

/* Never called: engines without Vulkan know no groups (group.c). */
enum penstock_outcome penstock_dispatch_run(struct penstock_engine *engine, const uint8_t *bytes,
					    uint32_t remaining, uint32_t *ret_length)
{
	(void)engine;
	(void)bytes;
	(void)remaining;
	(void)ret_length;
	return PENSTOCK_OUTCOME_ILLEGAL;
}

#define NO_ENGINE(name)                                                                            \
	enum penstock_outcome name(struct penstock_engine *engine, const uint8_t *bytes,           \
				   uint32_t length)                                                \
	{                                                                                          \
		(void)engine;                                                                      \
		(void)bytes;                                                                       \
		(void)length;                                                                      \
		return PENSTOCK_OUTCOME_ILLEGAL;                                                   \
	}

NO_ENGINE(penstock_transfer)
NO_ENGINE(penstock_scope_run)
