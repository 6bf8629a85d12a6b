/* SPDX-License-Identifier: MIT */
#include "daemon/objects/block.h"

#include "daemon/objects/device.h"

#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

_Static_assert(PENSTOCK_TDR_LIMIT_COUNT_MOST < PENSTOCK_TIMEOUTS_MOST,
	       "one more than the limit is remembered");

static uint64_t now_ms(const struct penstock_machine *machine)
{
	return uv_now(machine->config.loop);
}

static uint64_t seconds(uint64_t ms)
{
	return (ms + 999) / 1000;
}

static void block(struct penstock_adapter *adapter, struct penstock_principal *principal)
{
	const struct penstock_tdr_limits *limits = &adapter->config.tdr_limits;
	struct penstock_tenant *tenant = &principal->tenants[adapter->index];
	struct penstock_device_state state = { .execution_state = PENSTOCK_DEVICE_STOPPED };

	tenant->blocked_until_ms = now_ms(adapter->machine) + limits->block_ms;
	penstock_machine_log(adapter->machine, LOG_WARNING, "objects",
			     "principal blocked adapter=%" PRIu32 " principal='%s' hangs=%" PRIu32
			     " seconds=%" PRIu64,
			     adapter->index, principal->name, tenant->hangs.count,
			     seconds(limits->block_ms));
	(void)snprintf(state.reason, sizeof(state.reason),
		       "the principal is blocked from adapter %" PRIu32 " for %" PRIu64
		       " s: its work hung the GPU %" PRIu32 " times in %" PRIu64 " s",
		       adapter->index, seconds(limits->block_ms), tenant->hangs.count,
		       seconds(limits->window_ms));
	penstock_principal_lose_devices(principal, adapter, &state);
}

void penstock_block_hung(struct penstock_adapter *adapter, struct penstock_principal *principal)
{
	const struct penstock_tdr_limits *limits = &adapter->config.tdr_limits;
	struct penstock_tenant *tenant = &principal->tenants[adapter->index];

	/* One less than the adapter survives. */
	if (!penstock_timeouts_add(&tenant->hangs, now_ms(adapter->machine), limits->count - 1,
				   limits->window_ms)) {
		block(adapter, principal);
	}
}

uint64_t penstock_block_left_ms(const struct penstock_principal *principal, uint32_t adapter_index)
{
	uint64_t until_ms = principal->tenants[adapter_index].blocked_until_ms;
	uint64_t now = now_ms(principal->machine);

	return until_ms > now ? until_ms - now : 0;
}

enum penstock_status penstock_block_check(const struct penstock_principal *principal,
					  const struct penstock_adapter *adapter,
					  struct penstock_refusal *ret_refusal)
{
	uint64_t left_ms = penstock_block_left_ms(principal, adapter->index);

	if (left_ms == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	return penstock_refuse(ret_refusal, PENSTOCK_STATUS_ACCESS_DENIED,
			       "the principal is blocked from adapter %" PRIu32 " for %" PRIu64
			       " s more: its work hung the GPU again and again",
			       adapter->index, seconds(left_ms));
}

bool penstock_block_counts(struct penstock_principal *principal)
{
	struct penstock_machine *machine = principal->machine;
	uint64_t now = now_ms(machine);

	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		if (penstock_block_left_ms(principal, i) > 0 ||
		    penstock_timeouts_within(&principal->tenants[i].hangs, now,
					     machine->adapters[i].config.tdr_limits.window_ms) >
			    0) {
			return true;
		}
	}
	return false;
}

enum penstock_status penstock_unblock(struct penstock_machine *machine, const char *name,
				      uint32_t *ret_adapters)
{
	struct penstock_principal *principal =
		penstock_directory_find_principal(&machine->directory, name);

	*ret_adapters = 0;
	for (uint32_t i = 0; principal != NULL && i < machine->adapter_count; i++) {
		if (penstock_block_left_ms(principal, i) > 0) {
			principal->tenants[i].blocked_until_ms = 0;
			penstock_timeouts_forget(&principal->tenants[i].hangs);
			++*ret_adapters;
		}
	}
	if (*ret_adapters == 0) {
		return PENSTOCK_STATUS_NOT_FOUND;
	}
	penstock_machine_log(machine, LOG_NOTICE, "objects",
			     "principal unblocked principal='%s' adapters=%" PRIu32, name,
			     *ret_adapters);
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_machine_set_tdr_limits(struct penstock_machine *machine, uint32_t adapter_index,
				     const struct penstock_tdr_limits *limits)
{
	PENSTOCK_REQUIRE(limits->count >= 1 && limits->count <= PENSTOCK_TDR_LIMIT_COUNT_MOST);
	machine->adapters[adapter_index].config.tdr_limits = *limits;
}
