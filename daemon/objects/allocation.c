/* SPDX-License-Identifier: MIT */
#include "daemon/objects/allocation.h"

#include "daemon/objects/composition.h"
#include "daemon/objects/condemned.h"
#include "daemon/objects/instance.h"
#include "daemon/objects/pipeline.h"
#include "daemon/objects/transfer.h"
#include "proto/isa/instruction.h"
#include "proto/wire/limits.h"

#include <inttypes.h>
#include <stdlib.h>

#define FLAG_CPU_VISIBLE 0x1u /* DXGK_ALLOCATIONINFOFLAGS */

/* ---------------------------------------------------------------- lanes */

static struct penstock_lane *find_lane(struct penstock_allocation *allocation,
				       const struct penstock_session *session)
{
	/* One element a session that has it open: as many as connections and leases, at most. */
	penstock_list_for_each (link, &allocation->lanes) {
		struct penstock_lane *lane = penstock_list_entry(link, struct penstock_lane, link);

		if (lane->session == session) {
			return lane;
		}
	}
	return NULL;
}

/* The session's lane on the allocation, counted; NULL where memory runs out. */
static struct penstock_lane *take_lane(struct penstock_allocation *allocation,
				       const struct penstock_session *session)
{
	struct penstock_lane *lane = find_lane(allocation, session);

	if (lane != NULL) {
		lane->references++;
		return lane;
	}
	lane = allocation->first_lane.references == 0 ? &allocation->first_lane
						      : malloc(sizeof(*lane));
	if (lane == NULL) {
		return NULL;
	}
	*lane = (struct penstock_lane){
		.allocation = allocation,
		.session = session,
		.references = 1,
	};
	penstock_list_init(&lane->transfers);
	penstock_list_init(&lane->link);
	penstock_list_append(&allocation->lanes, &lane->link);
	return lane;
}

static void put_lane(struct penstock_lane *lane)
{
	PENSTOCK_REQUIRE(lane->references > 0);
	if (--lane->references > 0) {
		return;
	}
	PENSTOCK_REQUIRE(lane->active == 0 && penstock_list_empty(&lane->transfers));
	penstock_list_remove(&lane->link);
	if (lane != &lane->allocation->first_lane) {
		free(lane);
	}
}

/* ---------------------------------------------------------------- making and freeing */

static struct penstock_allocation *make(struct penstock_principal *principal,
					struct penstock_adapter *adapter,
					const struct penstock_create_allocation_info *info)
{
	struct penstock_allocation *allocation = calloc(1, sizeof(*allocation));

	if (allocation == NULL) {
		return NULL;
	}
	allocation->adapter = adapter;
	allocation->principal = principal;
	allocation->info = *info;
	allocation->references = 1;
	penstock_list_init(&allocation->link);
	penstock_list_init(&allocation->lanes);
	penstock_list_init(&allocation->instances);
	penstock_list_init(&allocation->renamed_link);
	penstock_principal_ref(principal);
	penstock_list_append(&adapter->allocations, &allocation->link);
	adapter->allocation_count++;
	return allocation;
}

static void put(struct penstock_allocation *allocation)
{
	struct penstock_machine *machine = allocation->adapter->machine;
	bool stored = allocation->stored && !allocation->kept && !machine->keeping;
	uint64_t sequence = 0;

	PENSTOCK_REQUIRE(allocation->references > 0);
	if (--allocation->references > 0) {
		return;
	}
	penstock_list_remove(&allocation->link);
	penstock_instances_drop(allocation);
	PENSTOCK_REQUIRE(allocation->instance_count == 0);
	allocation->adapter->allocation_count--;
	if (stored) {
		sequence = penstock_store_delete(machine->config.store, PENSTOCK_STORE_ALLOCATION,
						 allocation->id);
	}
	if (allocation->memory != NULL) {
		penstock_condemn_memory(machine, stored, sequence, allocation->principal,
					allocation->memory);
	}
	penstock_principal_put(allocation->principal);
	penstock_composition_free(allocation->composition);
	free(allocation);
}

/* An opening without a name; takes over one reference to the allocation. NULL: no memory. */
static struct penstock_opening *make_opening(struct penstock_device *device,
					     struct penstock_allocation *allocation)
{
	struct penstock_opening *opening = calloc(1, sizeof(*opening));
	struct penstock_lane *lane =
		opening == NULL ? NULL : take_lane(allocation, device->session);

	if (lane == NULL) {
		free(opening);
		put(allocation);
		return NULL;
	}
	opening->device = device;
	opening->allocation = allocation;
	opening->lane = lane;
	opening->references = 1;
	opening->closed = true;
	penstock_list_init(&opening->link);
	penstock_device_ref(device);
	device->session->principal->objects++;
	device->adapter->openings++;
	return opening;
}

void penstock_opening_ref(struct penstock_opening *opening)
{
	opening->references++;
}

/* What the principal's GPU process can address of it goes with the last opening that needs it. */
static void close_memory(struct penstock_allocation *allocation,
			 struct penstock_principal *principal, bool wrote)
{
	bool open = false, writes = false;

	if (allocation->memory == NULL || allocation->references == 1) {
		return;
	}
	penstock_list_for_each (link, &allocation->lanes) {
		const struct penstock_lane *lane =
			penstock_list_entry(link, struct penstock_lane, link);

		if (lane->session->principal == principal) {
			open = true;
			writes = writes || lane->writers > 0;
		}
	}
	if (!open || (wrote && !writes)) {
		penstock_vidmm_allocation_closed(
			allocation->memory, principal->tenants[allocation->adapter->index].process);
	}
}

void penstock_opening_put(struct penstock_opening *opening)
{
	struct penstock_session *session = opening->device->session;

	PENSTOCK_REQUIRE(opening->references > 0);
	if (--opening->references > 0) {
		return;
	}
	PENSTOCK_REQUIRE(opening->closed);
	session->principal->objects--;
	opening->device->adapter->openings--;
	opening->lane->writers -= opening->entered && !opening->read_only;
	put_lane(opening->lane);
	close_memory(opening->allocation, session->principal, !opening->read_only);
	put(opening->allocation);
	penstock_device_put(opening->device);
	free(opening);
}

/* It has its name now: the device's, findable. */
static void enter(struct penstock_opening *opening)
{
	opening->closed = false;
	opening->entered = true;
	opening->lane->writers += !opening->read_only;
	opening->allocation->openings++;
	penstock_list_append(&opening->device->openings, &opening->link);
}

/* It has lost its name. */
static void leave(struct penstock_opening *opening)
{
	struct penstock_allocation *allocation = opening->allocation;

	opening->closed = true;
	penstock_list_remove(&opening->link);
	if (--allocation->openings == 0 && allocation->published) {
		/* Nobody has it open: its token opens nothing any more. */
		allocation->published = false;
		penstock_directory_remove_token(&allocation->adapter->machine->directory,
						allocation);
	}
	penstock_opening_put(opening);
}

void penstock_opening_close(struct penstock_opening *opening, bool keep)
{
	struct penstock_session *session = opening->device->session;

	penstock_name_table_remove(&session->names, opening->name);
	opening->allocation->kept = opening->allocation->kept || keep;
	if (!keep) {
		(void)penstock_session_forget(session, PENSTOCK_STORE_OPENING, opening->id,
					      opening->name);
	}
	leave(opening);
}

void penstock_opening_withdraw(struct penstock_opening *opening, struct penstock_name_entry before,
			       uint64_t serial)
{
	struct penstock_session *session = opening->device->session;

	penstock_name_table_withdraw(&session->names, opening->name, before);
	penstock_session_keep_index(session, opening->name, before.generation, serial);
	leave(opening);
}

/* ---------------------------------------------------------------- rows */

uint64_t penstock_allocation_store(struct penstock_allocation *allocation)
{
	const struct penstock_create_allocation_info *info = &allocation->info;
	struct penstock_allocation_row row = {
		.id = allocation->id,
		.principal = allocation->principal->id,
		.size_bytes = info->size_bytes,
		.record = penstock_vidmm_allocation_record(allocation->memory),
		.segment_set = info->segment_set,
		.preferred_segment = info->preferred_segment,
		.flags = info->flags,
		.priority = info->priority,
		.width = info->width,
		.height = info->height,
		.format = info->format,
		.surface_type = info->surface_type,
		.pitch_bytes = info->pitch_bytes,
		.token_high = allocation->token.high,
		.token_low = allocation->token.low,
		.adapter = allocation->adapter->index,
	};

	allocation->stored = true;
	return penstock_store_put_allocation(allocation->adapter->machine->config.store, &row);
}

void penstock_opening_created(struct penstock_opening *opening, uint64_t serial)
{
	struct penstock_session *session = opening->device->session;
	struct penstock_opening_row row = {
		.id = opening->id,
		.device = opening->device->id,
		.allocation = opening->allocation->id,
		.name = opening->name,
		.read_only = opening->read_only,
	};

	if (!penstock_session_leased(session) || session->state == PENSTOCK_SESSION_ENDED ||
	    opening->closed) {
		return;
	}
	if (!opening->allocation->stored) {
		(void)penstock_allocation_store(opening->allocation);
		if (opening->allocation->is_pipeline) {
			penstock_pipeline_store(opening->allocation);
		}
	}
	penstock_session_wrote(session, serial,
			       penstock_store_put_opening(session->machine->config.store, &row));
}

enum penstock_status penstock_allocation_publish(struct penstock_allocation *allocation,
						 struct penstock_session *session, uint64_t serial)
{
	struct penstock_machine *machine = allocation->adapter->machine;
	enum penstock_status status;

	while (!penstock_allocation_shared(allocation)) {
		machine->config.random(machine->config.owner, (uint8_t *)&allocation->token);
	}
	if (allocation->openings == 0) {
		/* Closed while the share was under way: its token opens nothing. */
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = penstock_directory_add_token(&machine->directory, allocation);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		allocation->token = (struct penstock_session_id){ 0, 0 };
		return status;
	}
	allocation->published = true;
	if (allocation->stored) {
		penstock_session_wrote(session, serial, penstock_allocation_store(allocation));
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- create */

static enum penstock_status check_surface(struct penstock_create_allocation_info *info,
					  struct penstock_refusal *ret_refusal)
{
	uint32_t row_bytes = info->width * penstock_format_bytes(info->format);

	if (info->width == 0 && info->height == 0 && info->format == 0 && info->surface_type == 0 &&
	    info->pitch_bytes == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (info->width > PENSTOCK_LIMIT_SURFACE_EXTENT ||
	    info->height > PENSTOCK_LIMIT_SURFACE_EXTENT) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "a surface of %u x %u pixels; at most %u each", info->width,
				       info->height, PENSTOCK_LIMIT_SURFACE_EXTENT);
	}
	if (info->width == 0 || info->height == 0 || penstock_format_bytes(info->format) == 0 ||
	    info->surface_type > PENSTOCK_SURFACE_EXISTINGSYSMEM) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "width %u, height %u, format %u, surface type %u are no "
				       "surface",
				       info->width, info->height, info->format, info->surface_type);
	}
	row_bytes = info->width * penstock_format_bytes(info->format);
	if (info->pitch_bytes == 0) {
		info->pitch_bytes =
			(uint32_t)penstock_align_up(row_bytes, PENSTOCK_PITCH_ALIGNMENT);
	}
	if (info->pitch_bytes < row_bytes || info->pitch_bytes % PENSTOCK_PITCH_ALIGNMENT != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "pitch %u: a multiple of %u, at least the row's %u bytes",
				       info->pitch_bytes, PENSTOCK_PITCH_ALIGNMENT, row_bytes);
	}
	if (info->size_bytes == 0) {
		info->size_bytes = (uint64_t)info->height * info->pitch_bytes;
	}
	if (info->size_bytes < (uint64_t)info->height * info->pitch_bytes) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "%" PRIu64 " bytes do not hold %u rows of pitch %u",
				       info->size_bytes, info->height, info->pitch_bytes);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status check_segments(struct penstock_create_allocation_info *info,
					   struct penstock_refusal *ret_refusal)
{
	if ((info->segment_set & ~PENSTOCK_EVERY_SEGMENT) != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "segment set 0x%x names a segment that does not exist",
				       info->segment_set);
	}
	info->segment_set = info->segment_set == 0 ? PENSTOCK_EVERY_SEGMENT : info->segment_set;
	if (info->preferred_segment > PENSTOCK_SEGMENT_COUNT ||
	    (info->preferred_segment != 0 &&
	     (info->segment_set & 1u << (info->preferred_segment - 1u)) == 0)) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "preferred segment %u is not in the segment set 0x%x",
				       info->preferred_segment, info->segment_set);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* Checks and completes what a client asks for. */
static enum penstock_status check_info(struct penstock_create_allocation_info *info,
				       struct penstock_refusal *ret_refusal)
{
	enum penstock_status status = check_surface(info, ret_refusal);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_segments(info, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	if (info->size_bytes == 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "an allocation of 0 bytes");
	}
	if (info->size_bytes > PENSTOCK_LIMIT_ALLOCATION_BYTES) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_LIMIT_EXCEEDED,
				       "%" PRIu64 " bytes; an allocation has at most %llu",
				       info->size_bytes, PENSTOCK_LIMIT_ALLOCATION_BYTES);
	}
	if ((info->flags & ~FLAG_CPU_VISIBLE) != 0) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_PARAMETER,
				       "allocation flags 0x%x: only CpuVisible 0x1 is offered",
				       info->flags);
	}
	info->priority = info->priority == 0 ? PENSTOCK_ALLOCATION_PRIORITY_NORMAL : info->priority;
	return PENSTOCK_STATUS_SUCCESS;
}

struct penstock_opening *penstock_opening_made_before(struct penstock_session *session,
						      uint64_t name, uint64_t device)
{
	struct penstock_opening *opening =
		penstock_name_table_find(&session->names, name, PENSTOCK_NAME_OPENING);

	return opening != NULL && opening->restored && penstock_session_replaying(session) &&
			       opening->device->name == device
		       ? opening
		       : NULL;
}

static bool created_before(struct penstock_session *session,
			   const struct penstock_create_allocation_info *info)
{
	struct penstock_opening *opening =
		penstock_opening_made_before(session, info->name, info->device);

	if (opening == NULL || opening->allocation->is_pipeline ||
	    opening->allocation->info.size_bytes != info->size_bytes) {
		return false;
	}
	opening->restored = false;
	return true;
}

static enum penstock_status
new_memory(const struct penstock_opening *opening, const struct penstock_allocation_info *wanted,
	   void (*reserved)(void *argument, enum penstock_status status), void *argument)
{
	struct penstock_allocation *allocation = opening->allocation;
	enum penstock_status status =
		penstock_principal_check_quota(allocation->principal, wanted->size_bytes);

	return status != PENSTOCK_STATUS_SUCCESS
		       ? status
		       : penstock_vidmm_allocation_new(opening->device->tenant->process, wanted,
						       reserved, argument, &allocation->memory);
}

enum penstock_status penstock_opening_reserve(struct penstock_opening *opening,
					      void (*reserved)(void *argument,
							       enum penstock_status status),
					      void *argument, struct penstock_refusal *ret_refusal)
{
	struct penstock_allocation *allocation = opening->allocation;
	const struct penstock_allocation_info wanted = penstock_allocation_memory_info(allocation);
	enum penstock_status status = new_memory(opening, &wanted, reserved, argument);

	if (status == PENSTOCK_STATUS_QUOTA_EXCEEDED || status == PENSTOCK_STATUS_NO_MEMORY) {
		/* Instances that nobody uses are worth less than what is asked for. */
		penstock_instances_trim(allocation->principal);
		status = new_memory(opening, &wanted, reserved, argument);
	}
	if (status == PENSTOCK_STATUS_QUOTA_EXCEEDED) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "%" PRIu64 " bytes are over the principal's quota of "
				       "%" PRIu64,
				       wanted.size_bytes,
				       allocation->adapter->machine->config.principal_quota_bytes);
	}
	if (status != PENSTOCK_STATUS_SUCCESS && status != PENSTOCK_STATUS_PENDING) {
		return penstock_refuse(ret_refusal, status, "no memory for %" PRIu64 " bytes: %s",
				       wanted.size_bytes, penstock_status_text(status));
	}
	return status;
}

enum penstock_status penstock_opening_new(struct penstock_device *device,
					  const struct penstock_create_allocation_info *info,
					  struct penstock_opening **ret_opening,
					  struct penstock_transfer **ret_transfer,
					  struct penstock_refusal *ret_refusal)
{
	struct penstock_session *session = device->session;
	struct penstock_allocation *allocation = make(session->principal, device->adapter, info);
	struct penstock_opening *opening =
		allocation == NULL ? NULL : make_opening(device, allocation);
	struct penstock_transfer *transfer = penstock_transfer_new();

	if (opening == NULL || transfer == NULL) {
		if (opening != NULL) {
			penstock_opening_put(opening);
		}
		free(transfer);
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for an allocation");
	}
	allocation->id = ++session->machine->last_allocation_id;
	opening->id = ++session->machine->last_opening_id;
	*ret_opening = opening;
	*ret_transfer = transfer;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_opening_name(struct penstock_opening *opening, uint64_t name,
			   struct penstock_transfer *transfer)
{
	struct penstock_name_table *names = &opening->device->session->names;

	opening->name = name;
	transfer->name_before = penstock_name_table_before(names, name);
	/* It was checked, and its entry is there. */
	PENSTOCK_REQUIRE(penstock_name_table_insert(names, name, PENSTOCK_NAME_OPENING, opening,
						    NULL) == PENSTOCK_STATUS_SUCCESS);
	enter(opening);
}

/* Everything of a new allocation but its name, which was checked. */
static enum penstock_status create_checked(struct penstock_device *device,
					   const struct penstock_create_allocation_info *info,
					   struct penstock_request *request,
					   struct penstock_refusal *ret_refusal)
{
	struct penstock_transfer *transfer;
	struct penstock_opening *opening;
	enum penstock_status status =
		penstock_opening_new(device, info, &opening, &transfer, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = penstock_opening_reserve(opening, penstock_transfer_reserved, transfer,
					  ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS && status != PENSTOCK_STATUS_PENDING) {
		penstock_opening_put(opening);
		free(transfer);
		return status;
	}
	penstock_opening_name(opening, info->name, transfer);
	if (status == PENSTOCK_STATUS_PENDING) {
		penstock_transfer_begin_create(transfer, opening, request);
		return status;
	}
	free(transfer);
	penstock_opening_created(opening, device->session->last_serial);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_opening_check(struct penstock_session *session, uint64_t name,
					    uint64_t device_name,
					    struct penstock_device **ret_device,
					    struct penstock_refusal *ret_refusal)
{
	struct penstock_errbuf text;
	enum penstock_status status =
		penstock_device_find(session, device_name, ret_device, ret_refusal);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_session_check_objects(session, ret_refusal);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	status = penstock_name_table_check(&session->names, name, &text);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return penstock_refuse(ret_refusal, status, "%s", text.text);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status create(struct penstock_session *session,
				   const struct penstock_create_allocation_info *asked,
				   struct penstock_request *request,
				   struct penstock_refusal *ret_refusal)
{
	struct penstock_create_allocation_info info = *asked;
	struct penstock_device *device;
	enum penstock_status status = check_info(&info, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS || created_before(session, &info) ||
	    penstock_session_overtaken(session, info.name)) {
		return status;
	}
	status = penstock_opening_check(session, info.name, info.device, &device, ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return create_checked(device, &info, request, ret_refusal);
}

enum penstock_status penstock_create_allocation(struct penstock_session *session,
						const struct penstock_create_allocation_info *info,
						struct penstock_request *request,
						struct penstock_refusal *ret_refusal)
{
	enum penstock_status status =
		penstock_session_take_serial(session, request->serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return penstock_session_executed(session, create(session, info, request, ret_refusal),
					 ret_refusal);
}

/* ---------------------------------------------------------------- open */

enum penstock_status penstock_opening_check_shared(const struct penstock_device *device,
						   const struct penstock_adapter *adapter,
						   const char *noun,
						   struct penstock_refusal *ret_refusal)
{
	if (adapter == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NOT_FOUND,
				       "no %s is shared under this token", noun);
	}
	if (adapter != device->adapter) {
		return penstock_refuse(ret_refusal,
				       PENSTOCK_STATUS_GRAPHICS_WRONG_ALLOCATION_DEVICE,
				       "the %s is adapter %u's, the device adapter %u's", noun,
				       adapter->index, device->adapter->index);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static bool opened_before(struct penstock_session *session, uint64_t name, uint64_t device,
			  struct penstock_session_id token, bool read_only)
{
	struct penstock_opening *opening = penstock_opening_made_before(session, name, device);

	if (opening == NULL || opening->read_only != read_only ||
	    opening->allocation->is_pipeline || opening->allocation->token.high != token.high ||
	    opening->allocation->token.low != token.low) {
		return false;
	}
	opening->restored = false;
	return true;
}

static enum penstock_status open_it(struct penstock_session *session, uint64_t name,
				    uint64_t device_name, struct penstock_session_id token,
				    bool read_only, struct penstock_refusal *ret_refusal)
{
	struct penstock_allocation *allocation;
	struct penstock_opening *opening;
	struct penstock_device *device;
	enum penstock_status status;

	if (opened_before(session, name, device_name, token, read_only) ||
	    penstock_session_overtaken(session, name)) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	status = penstock_opening_check(session, name, device_name, &device, ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	allocation = penstock_directory_find_token(&session->machine->directory, token);
	status = penstock_opening_check_shared(
		device, allocation == NULL ? NULL : allocation->adapter, "allocation", ret_refusal);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	allocation->references++;
	opening = make_opening(device, allocation);
	if (opening == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_NO_MEMORY,
				       "no memory for an opening");
	}
	opening->id = ++session->machine->last_opening_id;
	opening->name = name;
	opening->read_only = read_only;
	PENSTOCK_REQUIRE(penstock_name_table_insert(&session->names, name, PENSTOCK_NAME_OPENING,
						    opening, NULL) == PENSTOCK_STATUS_SUCCESS);
	enter(opening);
	penstock_opening_created(opening, session->last_serial);
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_open_allocation(struct penstock_session *session, uint64_t serial,
					      uint64_t name, uint64_t device, uint64_t token_high,
					      uint64_t token_low, bool read_only,
					      struct penstock_refusal *ret_refusal)
{
	struct penstock_session_id token = { token_high, token_low };
	enum penstock_status status = penstock_session_take_serial(session, serial, ret_refusal);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	return penstock_session_executed(
		session, open_it(session, name, device, token, read_only, ret_refusal),
		ret_refusal);
}

enum penstock_status penstock_opening_find(struct penstock_session *session, uint64_t name,
					   struct penstock_opening **ret_opening,
					   struct penstock_refusal *ret_refusal)
{
	struct penstock_opening *opening =
		penstock_name_table_find(&session->names, name, PENSTOCK_NAME_OPENING);

	if (opening == NULL) {
		return penstock_refuse(ret_refusal, PENSTOCK_STATUS_INVALID_HANDLE,
				       "0x%" PRIx64 " names no allocation", name);
	}
	*ret_opening = opening;
	return penstock_device_check(opening->device, ret_refusal);
}

enum penstock_status penstock_opening_usable(const struct penstock_opening *opening,
					     struct penstock_refusal *ret_refusal)
{
	if (opening->allocation->is_pipeline) {
		return penstock_refuse(
			ret_refusal, PENSTOCK_STATUS_GRAPHICS_INVALID_ALLOCATION_USAGE,
			"0x%" PRIx64 " is a pipeline: submissions use it, and nothing "
			"else does",
			opening->name);
	}
	if (PENSTOCK_LIKELY(opening->allocation->offered == 0)) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	return penstock_refuse(ret_refusal, PENSTOCK_STATUS_GRAPHICS_INVALID_ALLOCATION_USAGE,
			       "0x%" PRIx64 " is offered: it has to be reclaimed before it is used",
			       opening->name);
}

/* ---------------------------------------------------------------- restore */

enum penstock_status penstock_allocation_restore(struct penstock_principal *principal,
						 struct penstock_adapter *adapter,
						 const struct penstock_allocation_row *row,
						 bool *ret_content_lost,
						 struct penstock_allocation **ret_allocation)
{
	struct penstock_create_allocation_info info = {
		.size_bytes = row->size_bytes,
		.width = row->width,
		.height = row->height,
		.format = row->format,
		.surface_type = row->surface_type,
		.pitch_bytes = row->pitch_bytes,
		.segment_set = row->segment_set,
		.preferred_segment = row->preferred_segment,
		.flags = row->flags,
		.priority = row->priority,
	};
	struct penstock_allocation_info wanted = {
		.id = row->id,
		.size_bytes = row->size_bytes,
		.segment_set = row->segment_set,
		.preferred_segment = row->preferred_segment,
		.flags = row->flags,
		.priority = row->priority,
	};
	struct penstock_allocation *allocation;
	struct penstock_tenant *tenant;
	enum penstock_status status;

	if (check_info(&info, NULL) != PENSTOCK_STATUS_SUCCESS) {
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	status = penstock_principal_tenant(principal, adapter, &tenant);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	allocation = make(principal, adapter, &info);
	if (allocation == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	allocation->id = row->id;
	allocation->stored = true;
	status = tenant->process == NULL
			 ? PENSTOCK_STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST
			 : penstock_vidmm_allocation_restore(tenant->process, &wanted, row->record,
							     &allocation->memory);
	*ret_content_lost = status == PENSTOCK_STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST;
	if (status != PENSTOCK_STATUS_SUCCESS && !*ret_content_lost) {
		allocation->kept = true;
		put(allocation);
		return status;
	}
	allocation->token = (struct penstock_session_id){ row->token_high, row->token_low };
	if (penstock_allocation_shared(allocation)) {
		allocation->published =
			penstock_directory_add_token(&adapter->machine->directory, allocation) ==
			PENSTOCK_STATUS_SUCCESS;
	}
	*ret_allocation = allocation;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_opening_restore(struct penstock_device *device,
					      struct penstock_allocation *allocation,
					      const struct penstock_opening_row *row,
					      struct penstock_opening **ret_opening)
{
	struct penstock_opening *opening;
	enum penstock_status status;

	if (allocation->is_pipeline && (!row->read_only || allocation->composition->missing != 0)) {
		return PENSTOCK_STATUS_DATA_ERROR;
	}
	allocation->references++;
	opening = make_opening(device, allocation);
	if (opening == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	status = penstock_name_table_restore(&device->session->names, row->name,
					     PENSTOCK_NAME_OPENING, opening);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_opening_put(opening);
		return status;
	}
	opening->id = row->id;
	opening->name = row->name;
	opening->read_only = row->read_only;
	opening->restored = true;
	enter(opening);
	*ret_opening = opening;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_allocation_settle_restore(struct penstock_allocation *allocation)
{
	if (allocation->openings == 0 && allocation->published) {
		allocation->published = false;
		penstock_directory_remove_token(&allocation->adapter->machine->directory,
						allocation);
	}
	put(allocation);
}
