/* SPDX-License-Identifier: MIT */
#include "daemon/objects/principal.h"

#include "daemon/objects/session.h"
#include "proto/wire/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t now_ms(const struct penstock_adapter *adapter)
{
	return uv_now(adapter->config.loop);
}

static enum penstock_status make(struct penstock_adapter *adapter, uint64_t id, const char *name,
				 struct penstock_principal **ret_principal)
{
	struct penstock_principal *principal = calloc(1, sizeof(*principal));
	enum penstock_status status;

	if (principal == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	principal->adapter = adapter;
	principal->id = id;
	principal->references = 1;
	principal->active_ms = now_ms(adapter);
	(void)snprintf(principal->name, sizeof(principal->name), "%s", name);
	penstock_list_init(&principal->link);
	penstock_list_init(&principal->sessions);
	/* Of a failed adapter nobody gets memory; an operator may still look at it. */
	status = adapter->state != PENSTOCK_ADAPTER_RUNNING
			 ? PENSTOCK_STATUS_SUCCESS
			 : penstock_vidmm_process_new(adapter->vidmm, id,
						      adapter->config.principal_quota_bytes,
						      &principal->process);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(principal);
		return status;
	}
	status = penstock_directory_add_principal(&adapter->directory, principal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_vidmm_process_free(principal->process);
		free(principal);
		return status;
	}
	penstock_list_append(&adapter->principals, &principal->link);
	*ret_principal = principal;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_principal_get(struct penstock_adapter *adapter, const char *name,
					    struct penstock_principal **ret_principal)
{
	struct penstock_principal *principal;
	struct penstock_principal_row row = { .id = adapter->last_principal_id + 1 };
	enum penstock_status status;

	/* A name is the identity: cut short it would be somebody else's. */
	if (strlen(name) >= sizeof(row.name)) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	principal = penstock_directory_find_principal(&adapter->directory, name);
	if (principal != NULL) {
		penstock_principal_ref(principal);
		*ret_principal = principal;
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = make(adapter, row.id, name, &principal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	adapter->last_principal_id = row.id;
	if (adapter->config.store != NULL) {
		(void)snprintf(row.name, sizeof(row.name), "%s", name);
		(void)penstock_store_put_principal(adapter->config.store, &row);
	}
	*ret_principal = principal;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_principal_restore(struct penstock_adapter *adapter, uint64_t id,
						const char *name,
						struct penstock_principal **ret_principal)
{
	return make(adapter, id, name, ret_principal);
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

void penstock_principal_ref(struct penstock_principal *principal)
{
	principal->references++;
}

void penstock_principal_put(struct penstock_principal *principal)
{
	struct penstock_adapter *adapter = principal->adapter;

	PENSTOCK_REQUIRE(principal->references > 0);
	principal->active_ms = now_ms(adapter);
	if (--principal->references == 0 && adapter->state == PENSTOCK_ADAPTER_STOPPING) {
		penstock_turn_arm(&adapter->turn);
	}
}

static void forget(struct penstock_principal *principal)
{
	struct penstock_adapter *adapter = principal->adapter;

	penstock_list_remove(&principal->link);
	penstock_directory_remove_principal(&adapter->directory, principal);
	penstock_vidmm_process_free(principal->process);
	if (adapter->config.store != NULL && !adapter->keeping) {
		(void)penstock_store_delete(adapter->config.store, PENSTOCK_STORE_PRINCIPAL,
					    principal->id);
	}
	free(principal);
}

void penstock_principal_sweep(struct penstock_adapter *adapter, bool everything)
{
	uint64_t now = now_ms(adapter);

	penstock_list_for_each_safe (link, &adapter->principals) {
		struct penstock_principal *principal =
			penstock_list_entry(link, struct penstock_principal, link);
		bool idle = principal->held == 0 &&
			    now - principal->active_ms >= PENSTOCK_PRINCIPAL_IDLE_MS;

		if (principal->references == 0 && (idle || everything)) {
			forget(principal);
		} else if (idle && !principal->asleep &&
			   adapter->state == PENSTOCK_ADAPTER_RUNNING) {
			principal->asleep = penstock_vidmm_process_idle(principal->process);
		}
	}
}
