/* SPDX-License-Identifier: MIT */
#include "daemon/objects/operator.h"

#include "daemon/objects/allocation.h"
#include "daemon/objects/context.h"

#include <inttypes.h>
#include <syslog.h>

static const char group[] = "operator";

static struct penstock_principal *find_principal(const struct penstock_machine *machine,
						 const char *name)
{
	return penstock_directory_find_principal(&machine->directory, name);
}

/* ---------------------------------------------------------------- sessions */

static uint32_t count_devices(const struct penstock_session *session)
{
	uint32_t count = 0;

	penstock_list_for_each (link, &session->devices) {
		count++;
	}
	return count;
}

static void end_session(const struct penstock_operator *by, struct penstock_session *session,
			struct penstock_killed *killed)
{
	killed->sessions++;
	killed->devices += count_devices(session);
	penstock_machine_log(session->machine, LOG_NOTICE, group,
			     "session killed by_uid=%" PRId64 " session=%" PRIu64
			     " principal='%s' client='%s'",
			     by->uid, session->number, session->principal->name, session->client);
	penstock_session_kill(session, "the administrator ended this session");
}

static struct penstock_session *find_session(const struct penstock_machine *machine, uint64_t id)
{
	penstock_list_for_each (principal_link, &machine->principals) {
		struct penstock_principal *principal =
			penstock_list_entry(principal_link, struct penstock_principal, link);

		penstock_list_for_each (link, &principal->sessions) {
			struct penstock_session *session =
				penstock_list_entry(link, struct penstock_session, principal_link);

			if (session->number == id) {
				return session;
			}
		}
	}
	return NULL;
}

static enum penstock_status kill_session(struct penstock_machine *machine,
					 const struct penstock_operator *by,
					 const struct penstock_target *target,
					 struct penstock_killed *killed,
					 struct penstock_refusal *ret_refusal)
{
	struct penstock_session *session = find_session(machine, target->id);

	if (session == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_FOUND,
				       "there is no session %" PRIu64, target->id);
	}
	if (session == by->own) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "session %" PRIu64 " is this connection's own", target->id);
	}
	end_session(by, session, killed);
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status kill_principal(struct penstock_machine *machine,
					   const struct penstock_operator *by,
					   const struct penstock_target *target,
					   struct penstock_killed *killed,
					   struct penstock_refusal *ret_refusal)
{
	struct penstock_principal *principal = find_principal(machine, target->name);

	if (principal == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_FOUND,
				       "there is no principal of that name");
	}
	penstock_list_for_each_safe (link, &principal->sessions) {
		struct penstock_session *session =
			penstock_list_entry(link, struct penstock_session, principal_link);

		if (session != by->own) {
			end_session(by, session, killed);
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- devices */

static enum penstock_status kill_device(struct penstock_machine *machine,
					const struct penstock_operator *by,
					const struct penstock_target *target,
					struct penstock_killed *killed,
					struct penstock_refusal *ret_refusal)
{
	struct penstock_device_state state = { .execution_state = PENSTOCK_DEVICE_STOPPED };
	struct penstock_device *device =
		target->kind == PENSTOCK_TARGET_DEVICE
			? penstock_machine_find_device(machine, target->id)
			: penstock_machine_find_device_of_context(machine, target->id);

	if (device == NULL) {
		return penstock_refuse(
			ret_refusal, PENSTOCK_STATUS_NOT_FOUND, "there is no %s %" PRIu64,
			target->kind == PENSTOCK_TARGET_DEVICE ? "device" : "context", target->id);
	}
	if (penstock_device_lost(device)) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	killed->devices = 1;
	penstock_machine_log(machine, LOG_NOTICE, group,
			     "device killed by_uid=%" PRId64 " device=%" PRIu64 " session=%" PRIu64
			     " principal='%s'",
			     by->uid, device->id, device->session->number,
			     device->session->principal->name);
	penstock_device_set_reason(&state, "the administrator stopped this device");
	penstock_device_lose(device, &state);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_operator_kill(struct penstock_machine *machine,
					    const struct penstock_operator *by,
					    const struct penstock_target *target,
					    struct penstock_killed *ret_killed,
					    struct penstock_refusal *ret_refusal)
{
	static enum penstock_status (*const kinds[])(
		struct penstock_machine *, const struct penstock_operator *,
		const struct penstock_target *, struct penstock_killed *,
		struct penstock_refusal *) = {
		[PENSTOCK_TARGET_SESSION] = kill_session,
		[PENSTOCK_TARGET_CONTEXT] = kill_device,
		[PENSTOCK_TARGET_DEVICE] = kill_device,
		[PENSTOCK_TARGET_PRINCIPAL] = kill_principal,
	};

	*ret_killed = (struct penstock_killed){ .sessions = 0 };
	if (target->kind >= PENSTOCK_ARRAY_SIZE(kinds) || kinds[target->kind] == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "nothing of kind %" PRIu32 " can be killed", target->kind);
	}
	return kinds[target->kind](machine, by, target, ret_killed, ret_refusal);
}

struct penstock_trace *penstock_operator_trace(struct penstock_machine *machine)
{
	return &machine->trace;
}

/* ---------------------------------------------------------------- eviction */

static void evict(const struct penstock_allocation *allocation, struct penstock_evicted *evicted)
{
	struct penstock_vidmm_location location = { .segment_id = 0 };
	enum penstock_status status;

	if (allocation->memory != NULL) {
		penstock_vidmm_allocation_location(allocation->memory, &location);
	}
	if (location.segment_id == 0) {
		evicted->absent++;
		return;
	}
	status = penstock_vidmm_allocation_evict(allocation->memory);
	evicted->evicted += status == PENSTOCK_STATUS_SUCCESS;
	evicted->pending += status == PENSTOCK_STATUS_PENDING;
	if (status == PENSTOCK_STATUS_SUCCESS || status == PENSTOCK_STATUS_PENDING) {
		evicted->bytes += location.size_bytes;
	} else {
		evicted->busy++;
	}
}

/* Those that `principal` pays for, or the one of that id. Returns how many there were. */
static uint32_t evict_from(const struct penstock_adapter *adapter,
			   const struct penstock_principal *principal, uint64_t id,
			   struct penstock_evicted *evicted)
{
	uint32_t count = 0;

	penstock_list_for_each_safe (link, &adapter->allocations) {
		const struct penstock_allocation *allocation =
			penstock_list_entry(link, struct penstock_allocation, link);

		if (principal != NULL ? allocation->principal == principal : allocation->id == id) {
			evict(allocation, evicted);
			count++;
		}
	}
	return count;
}

enum penstock_status penstock_operator_evict(struct penstock_machine *machine,
					     const struct penstock_operator *by,
					     const struct penstock_target *target,
					     struct penstock_evicted *ret_evicted,
					     struct penstock_refusal *ret_refusal)
{
	const struct penstock_principal *principal = NULL;
	struct penstock_errbuf what;
	uint32_t count = 0;

	*ret_evicted = (struct penstock_evicted){ .evicted = 0 };
	if (target->kind == PENSTOCK_TARGET_PRINCIPAL) {
		principal = find_principal(machine, target->name);
		if (principal == NULL) {
			return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_FOUND,
					       "there is no principal of that name");
		}
		penstock_errbuf_set(&what, "principal='%s'", principal->name);
	} else if (target->kind != PENSTOCK_TARGET_ALLOCATION) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "nothing of kind %" PRIu32 " can be evicted", target->kind);
	} else {
		penstock_errbuf_set(&what, "allocation=%" PRIu64, target->id);
	}
	for (uint32_t i = 0; i < machine->adapter_count; i++) {
		/* of an adapter that stopped there is no place to leave */
		if (machine->adapters[i].state == PENSTOCK_ADAPTER_RUNNING) {
			count += evict_from(&machine->adapters[i], principal, target->id,
					    ret_evicted);
		}
	}
	if (principal == NULL && count == 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_FOUND,
				       "there is no allocation %" PRIu64, target->id);
	}
	penstock_machine_log(machine, LOG_NOTICE, group,
			     "evicted by_uid=%" PRId64 " %s evicted=%" PRIu32 " pending=%" PRIu32
			     " busy=%" PRIu32 " bytes=%" PRIu64,
			     by->uid, what.text, ret_evicted->evicted, ret_evicted->pending,
			     ret_evicted->busy, ret_evicted->bytes);
	return PENSTOCK_STATUS_SUCCESS;
}
