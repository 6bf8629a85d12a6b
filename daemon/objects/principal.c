/* SPDX-License-Identifier: MIT */
#include "daemon/objects/principal.h"

#include "daemon/objects/block.h"
#include "daemon/objects/device.h"
#include "daemon/objects/instance.h"
#include "daemon/objects/session.h"
#include "proto/wire/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t now_ms(const struct penstock_machine *machine)
{
	return uv_now(machine->config.loop);
}

static void apply_rule(struct penstock_principal *principal)
{
	static const struct penstock_principal_rule none = {
		.weight = PENSTOCK_WEIGHT_NORMAL,
		.max_priority = PENSTOCK_PRIORITY_MOST,
	};
	const struct penstock_machine_config *config = &principal->machine->config;
	const struct penstock_principal_rule *rule =
		config->principal_rule_count == 0 ? &none : &config->principal_rules[0];

	for (uint32_t i = 1; i < config->principal_rule_count; i++) {
		if (strcmp(config->principal_rules[i].name, principal->name) == 0) {
			rule = &config->principal_rules[i];
		}
	}
	principal->max_priority = rule->max_priority;
	for (uint32_t i = 0; i < principal->machine->adapter_count; i++) {
		penstock_scheduler_process_init(&principal->tenants[i].scheduling, rule->weight);
	}
}

static enum penstock_status make(struct penstock_machine *machine, uint64_t id, const char *name,
				 struct penstock_principal **ret_principal)
{
	struct penstock_principal *principal = calloc(
		1, sizeof(*principal) + machine->adapter_count * sizeof(principal->tenants[0]));
	enum penstock_status status;

	if (principal == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	principal->machine = machine;
	principal->id = id;
	principal->references = 1;
	principal->active_ms = now_ms(machine);
	(void)snprintf(principal->name, sizeof(principal->name), "%s", name);
	penstock_list_init(&principal->link);
	penstock_list_init(&principal->sessions);
	penstock_list_init(&principal->renamed);
	penstock_list_init(&principal->pipelines);
	apply_rule(principal);
	status = penstock_directory_add_principal(&machine->directory, principal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(principal);
		return status;
	}
	penstock_list_append(&machine->principals, &principal->link);
	*ret_principal = principal;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_principal_tenant(struct penstock_principal *principal,
					       const struct penstock_adapter *adapter,
					       struct penstock_tenant **ret_tenant)
{
	struct penstock_tenant *tenant = &principal->tenants[adapter->index];
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (tenant->process == NULL && adapter->vidmm != NULL) {
		tenant->active_ms = now_ms(principal->machine);
		status = penstock_vidmm_process_new(
			adapter->vidmm, principal->id,
			principal->machine->config.principal_quota_bytes, &tenant->process);
	}
	*ret_tenant = tenant;
	return status;
}

enum penstock_status penstock_principal_get(struct penstock_machine *machine, const char *name,
					    struct penstock_principal **ret_principal)
{
	struct penstock_principal *principal;
	struct penstock_principal_row row = { .id = machine->last_principal_id + 1 };
	enum penstock_status status;

	/* A name is the identity: cut short it would be somebody else's. */
	if (strlen(name) >= sizeof(row.name)) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	principal = penstock_directory_find_principal(&machine->directory, name);
	if (principal != NULL) {
		penstock_principal_ref(principal);
		*ret_principal = principal;
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = make(machine, row.id, name, &principal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	machine->last_principal_id = row.id;
	if (machine->config.store != NULL) {
		(void)snprintf(row.name, sizeof(row.name), "%s", name);
		(void)penstock_store_put_principal(machine->config.store, &row);
	}
	*ret_principal = principal;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_principal_restore(struct penstock_machine *machine, uint64_t id,
						const char *name,
						struct penstock_principal **ret_principal)
{
	return make(machine, id, name, ret_principal);
}

void penstock_principal_hold(struct penstock_principal *principal, uint64_t bytes)
{
	principal->held_bytes += bytes;
	if (PENSTOCK_UNLIKELY(principal->held_bytes >= PENSTOCK_LIMIT_PRINCIPAL_HELD_BYTES)) {
		principal->over_credit = true;
	}
}

void penstock_principal_release(struct penstock_principal *principal, uint64_t bytes)
{
	PENSTOCK_REQUIRE(principal->held_bytes >= bytes);
	principal->held_bytes -= bytes;
	if (PENSTOCK_LIKELY(!principal->over_credit) ||
	    principal->held_bytes >= PENSTOCK_LIMIT_PRINCIPAL_HELD_BYTES / 4u * 3u) {
		return;
	}
	principal->over_credit = false;
	penstock_list_for_each (link, &principal->sessions) {
		penstock_session_may_read(
			penstock_list_entry(link, struct penstock_session, principal_link));
	}
}

enum penstock_status penstock_principal_check_quota(const struct penstock_principal *principal,
						    uint64_t size_bytes)
{
	const struct penstock_machine *machine = principal->machine;
	uint64_t used_bytes = 0;

	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		if (principal->tenants[i].process != NULL) {
			used_bytes +=
				penstock_vidmm_process_used_bytes(principal->tenants[i].process);
		}
	}
	return penstock_range_fits(used_bytes, penstock_align_up(size_bytes, PENSTOCK_PAGE_BYTES),
				   machine->config.principal_quota_bytes)
		       ? PENSTOCK_STATUS_SUCCESS
		       : PENSTOCK_STATUS_QUOTA_EXCEEDED;
}

void penstock_principal_lose_devices(struct penstock_principal *principal,
				     const struct penstock_adapter *adapter,
				     const struct penstock_device_state *state)
{
	penstock_list_for_each (session_link, &principal->sessions) {
		struct penstock_session *session =
			penstock_list_entry(session_link, struct penstock_session, principal_link);

		penstock_list_for_each (link, &session->devices) {
			struct penstock_device *device =
				penstock_list_entry(link, struct penstock_device, link);

			if (device->adapter == adapter) {
				penstock_device_lose(device, state);
			}
		}
	}
}

void penstock_principal_ref(struct penstock_principal *principal)
{
	principal->references++;
}

void penstock_principal_put(struct penstock_principal *principal)
{
	struct penstock_machine *machine = principal->machine;

	PENSTOCK_REQUIRE(principal->references > 0);
	principal->active_ms = now_ms(machine);
	if (--principal->references == 0 && machine->stopping) {
		penstock_turn_arm(&machine->turn);
	}
}

static void forget(struct penstock_principal *principal)
{
	struct penstock_machine *machine = principal->machine;

	penstock_list_remove(&principal->link);
	penstock_directory_remove_principal(&machine->directory, principal);
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		penstock_vidmm_process_free(principal->tenants[i].process);
	}
	if (machine->config.store != NULL && !machine->keeping) {
		(void)penstock_store_delete(machine->config.store, PENSTOCK_STORE_PRINCIPAL,
					    principal->id);
	}
	free(principal);
}

static bool idle_since(uint64_t active_ms, uint64_t now)
{
	return now - active_ms >= PENSTOCK_PRINCIPAL_IDLE_MS;
}

static void sweep_tenants(struct penstock_principal *principal, uint64_t now)
{
	struct penstock_machine *machine = principal->machine;

	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		struct penstock_tenant *tenant = &principal->tenants[i];

		if (tenant->process != NULL && tenant->held == 0 && !tenant->asleep &&
		    idle_since(tenant->active_ms, now) &&
		    machine->adapters[i].state == PENSTOCK_ADAPTER_RUNNING) {
			tenant->asleep = penstock_vidmm_process_idle(tenant->process);
		}
	}
}

void penstock_principal_sweep(struct penstock_machine *machine, bool everything)
{
	uint64_t now = now_ms(machine);

	penstock_list_for_each_safe (link, &machine->principals) {
		struct penstock_principal *principal =
			penstock_list_entry(link, struct penstock_principal, link);
		bool idle = idle_since(principal->active_ms, now);

		penstock_instances_trim(principal);
		if (principal->references == 0 &&
		    (everything || (idle && !penstock_block_counts(principal)))) {
			forget(principal);
		} else if (idle) {
			sweep_tenants(principal, now);
		}
	}
}
