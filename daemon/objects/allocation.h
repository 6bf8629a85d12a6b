/* SPDX-License-Identifier: MIT */
/*
 * An allocation is its adapter's; an opening binds it to one device of that adapter and is what a
 * client names.
 * Whoever created it pays for it until its last opening is closed and its last reference retired.
 *
 * A lane is the order of one session's requests on one allocation: all openings that the session
 * has of it share the lane (daemon/objects/transfer.h). Loop thread only.
 */
#ifndef PENSTOCK_ALLOCATION_H
#define PENSTOCK_ALLOCATION_H

#include "daemon/objects/device.h"

/* A segment set: one bit each. */
#define PENSTOCK_EVERY_SEGMENT ((1u << PENSTOCK_SEGMENT_COUNT) - 1u)

struct penstock_composition;
struct penstock_instance;

struct penstock_lane {
	struct penstock_allocation *allocation; /* borrowed: openings hold it */
	struct penstock_instance *instance;     /* NULL: the current one; otherwise it embeds us */
	const struct penstock_session *session; /* whose order it is; borrowed */
	struct penstock_list link;              /* penstock_allocation.lanes */
	struct penstock_list transfers;         /* penstock_transfer.lane_link, in order */
	uint32_t references;                    /* openings */
	uint32_t writers;                       /* of these, not read-only */
	uint32_t active;        /* submissions not retired that are ahead of the first transfer */
	uint32_t active_writes; /* of these, elements with WriteOperation */
	bool advancing;
};

struct penstock_allocation {
	struct penstock_adapter *adapter;            /* borrowed */
	struct penstock_principal *principal;        /* counted: who pays */
	struct penstock_vidmm_allocation *memory;    /* the current instance; counted; NULL while
						      * it is made, and of an adapter that is not
						      * configured any more */
	struct penstock_list link;                   /* penstock_adapter.allocations */
	struct penstock_list lanes;                  /* penstock_lane.link */
	struct penstock_list instances;              /* penstock_instance.link: the others */
	struct penstock_list renamed_link;           /* penstock_principal.renamed */
	struct penstock_lane first_lane;             /* its creator's; references 0: unused */
	UT_hash_handle hh;                           /* by token */
	struct penstock_session_id token;            /* 0/0: not shared */
	struct penstock_create_allocation_info info; /* name and device are not kept */
	struct penstock_composition *composition;    /* owned; NULL: no pipeline, or none yet */
	uint64_t id;
	uint32_t references;             /* openings, destroyed ones with submissions included */
	uint32_t openings;               /* that have a name */
	uint32_t instance_count;         /* of `instances`, and of those that were taken */
	uint32_t offered;                /* PENSTOCK_OFFER_; 0: not offered, it may be used */
	struct penstock_transfer *offer; /* offered, and not in effect yet; it is its lane's */
	bool stored;                     /* has a row */
	bool kept;                       /* the row outlives us: the daemon ends */
	bool published;                  /* the token is in the directory */
	bool sharing;     /* somebody asked for a token: its bytes are copied from then on */
	bool is_pipeline; /* immutable: nobody but the GPU has access to what it holds */
};

struct penstock_opening {
	struct penstock_device *device;         /* counted */
	struct penstock_allocation *allocation; /* counted */
	struct penstock_lane *lane;             /* counted */
	struct penstock_list link;              /* penstock_device.openings; alone once closed */
	uint64_t id;
	uint64_t name;
	uint32_t references; /* its name, submissions, transfers */
	bool read_only;
	bool entered; /* had a name once */
	bool closed;
	bool failed; /* no memory could be reserved; nothing can be done with it */
	bool restored;
};

void penstock_opening_ref(struct penstock_opening *opening);
void penstock_opening_put(struct penstock_opening *opening);

/* A device that may open something, and a name for it. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_opening_check(struct penstock_session *session, uint64_t name,
					    uint64_t device_name,
					    struct penstock_device **ret_device,
					    struct penstock_refusal *ret_refusal);

/*
 * A new allocation, its opening by `device` without a name, and the block for a create that is
 * under way. SUCCESS, NO_MEMORY. An opening that gets no name is put, the block freed.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_opening_new(struct penstock_device *device,
					  const struct penstock_create_allocation_info *info,
					  struct penstock_opening **ret_opening,
					  struct penstock_transfer **ret_transfer,
					  struct penstock_refusal *ret_refusal);

/* It has the name from now on, which was checked; the transfer remembers what that was before. */
void penstock_opening_name(struct penstock_opening *opening, uint64_t name,
			   struct penstock_transfer *transfer);

/*
 * Pages for the opening's allocation, of info.size_bytes. SUCCESS; PENDING: `reserved` tells;
 * otherwise refused.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_opening_reserve(struct penstock_opening *opening,
					      void (*reserved)(void *argument,
							       enum penstock_status status),
					      void *argument, struct penstock_refusal *ret_refusal);

/*
 * What is shared under a token, of `adapter`, NULL where nothing is, may be opened on the device.
 * `noun` is what it would be. SUCCESS, NOT_FOUND, GRAPHICS_WRONG_ALLOCATION_DEVICE.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_opening_check_shared(const struct penstock_device *device,
						   const struct penstock_adapter *adapter,
						   const char *noun,
						   struct penstock_refusal *ret_refusal);

/* The opening that a request names, its device not lost. INVALID_HANDLE, DEVICE_REMOVED. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_opening_find(struct penstock_session *session, uint64_t name,
					   struct penstock_opening **ret_opening,
					   struct penstock_refusal *ret_refusal);

/* DxgkDdiCloseAllocation: frees name and row at once. `keep`: the row stays. */
void penstock_opening_close(struct penstock_opening *opening, bool keep);

/*
 * A create, the request `serial`, that was refused after all: as close, but its name was never
 * taken, and it has no row. That there is an index is kept: others may have been taken behind it.
 */
void penstock_opening_withdraw(struct penstock_opening *opening, struct penstock_name_entry before,
			       uint64_t serial);

/* Other sessions may have it open, now or at any moment. */
static inline bool penstock_allocation_shared(const struct penstock_allocation *allocation)
{
	return allocation->token.high != 0 || allocation->token.low != 0;
}

/* What the memory manager is to know of an instance of it. */
static inline struct penstock_allocation_info
penstock_allocation_memory_info(const struct penstock_allocation *allocation)
{
	return (struct penstock_allocation_info){
		.id = allocation->id,
		.size_bytes = allocation->info.size_bytes,
		.segment_set = allocation->info.segment_set,
		.preferred_segment = allocation->info.preferred_segment,
		.flags = allocation->info.flags,
		.priority = allocation->info.priority,
	};
}

/* Gives it a token, for the request `serial` of `session`. SUCCESS, NO_MEMORY. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_allocation_publish(struct penstock_allocation *allocation,
						 struct penstock_session *session, uint64_t serial);

/*
 * Whether a request other than a submission may use the opening's allocation.
 * GRAPHICS_INVALID_ALLOCATION_USAGE: it is offered, or a pipeline.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_opening_usable(const struct penstock_opening *opening,
					     struct penstock_refusal *ret_refusal);

/* Its row, or its row again. Returns the sequence. */
uint64_t penstock_allocation_store(struct penstock_allocation *allocation);

/* The pages of a new allocation are there: rows, for the request `serial`. */
void penstock_opening_created(struct penstock_opening *opening, uint64_t serial);

/*
 * What a request of before a restart has made, where it is sent again with the same name and
 * device; NULL: nothing. The caller compares the rest, and takes `restored` from it: once.
 */
struct penstock_opening *penstock_opening_made_before(struct penstock_session *session,
						      uint64_t name, uint64_t device);

PENSTOCK_MUST_CHECK
enum penstock_status penstock_allocation_restore(struct penstock_principal *principal,
						 struct penstock_adapter *adapter,
						 const struct penstock_allocation_row *row,
						 bool *ret_content_lost,
						 struct penstock_allocation **ret_allocation);

PENSTOCK_MUST_CHECK
enum penstock_status penstock_opening_restore(struct penstock_device *device,
					      struct penstock_allocation *allocation,
					      const struct penstock_opening_row *row,
					      struct penstock_opening **ret_opening);

/* At the end of the restore: gives back the restore's own reference; unopened, it goes. */
void penstock_allocation_settle_restore(struct penstock_allocation *allocation);

#endif
