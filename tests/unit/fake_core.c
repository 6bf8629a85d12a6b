/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_core.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MOST_JOBS    64u
#define MOST_RECORDS 4096u
#define GRANULE      (64u << 10)

struct fake_core fake;

struct job {
	void (*work)(void *argument);
	void (*done)(void *argument);
	void *argument;
};

/* What the memory directory holds. */
static struct record {
	uint64_t process;
	uint8_t *bytes; /* owned; NULL: free */
	bool claimed;
} records[MOST_RECORDS];
static uint8_t generation;

static size_t sizes[MOST_RECORDS];
static struct job jobs[MOST_JOBS];
static unsigned job_count;

struct penstock_vidmm_process {
	struct penstock_vidmm *vidmm;
	uint64_t id;
	uint64_t quota_bytes;
	uint64_t used_bytes;
	struct penstock_backend_process backend;
};

struct penstock_vidmm {
	struct penstock_vidmm_config config;
	struct penstock_vidmm_process system;
	bool fresh;
	bool keep;
};

struct penstock_vidmm_allocation {
	struct penstock_vidmm_process *process;
	struct penstock_allocation_info info;
	struct penstock_list link; /* reserving or sharing */
	void (*answer)(void *argument, enum penstock_status status);
	void *argument;
	uint64_t record;
	unsigned references;
	unsigned accesses;
	unsigned locks;
	enum penstock_offer_priority offered;
	bool lost;
	bool placed;
	bool own_file;
};

static struct penstock_vidmm *vidmm_now;
static struct penstock_list reserving;
static struct penstock_list sharing;

/* ---------------------------------------------------------------- vidmm */

enum penstock_status penstock_vidmm_new(const struct penstock_vidmm_config *config,
					struct penstock_vidmm **ret_vidmm, bool *ret_fresh,
					struct penstock_errbuf *reterr_text)
{
	struct penstock_vidmm *vidmm = calloc(1, sizeof(*vidmm));

	ck_assert_ptr_nonnull(vidmm);
	(void)reterr_text;
	vidmm->config = *config;
	*ret_vidmm = vidmm_now = vidmm;
	*ret_fresh = generation == 0;
	generation = generation == 0 ? 1 : generation;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_vidmm_free(struct penstock_vidmm *vidmm)
{
	if (vidmm == NULL) {
		return;
	}
	ck_assert_uint_eq(fake.processes, 0);
	ck_assert_uint_eq(fake.allocations, 0);
	ck_assert_uint_eq(fake.accesses, 0);
	vidmm_now = NULL;
	free(vidmm);
}

void penstock_vidmm_restore_end(struct penstock_vidmm *vidmm)
{
	for (unsigned i = 1; i < MOST_RECORDS && !vidmm->keep; i++) {
		if (!records[i].claimed) {
			free(records[i].bytes);
			records[i].bytes = NULL;
		}
	}
}

void penstock_vidmm_keep(struct penstock_vidmm *vidmm)
{
	vidmm->keep = true;
}

void penstock_vidmm_stopped(struct penstock_vidmm *vidmm)
{
	(void)vidmm;
	fake.moving = false;
}

void penstock_vidmm_generation(const struct penstock_vidmm *vidmm, uint8_t ret_id[16])
{
	(void)vidmm;
	memset(ret_id, generation, 16);
}

enum penstock_status penstock_vidmm_process_new(struct penstock_vidmm *vidmm, uint64_t id,
						uint64_t quota_bytes,
						struct penstock_vidmm_process **ret_process)
{
	struct penstock_vidmm_process *process = calloc(1, sizeof(*process));

	ck_assert_ptr_nonnull(process);
	process->vidmm = vidmm;
	process->id = id;
	process->quota_bytes = quota_bytes;
	process->backend.backend = vidmm->config.backend;
	fake.processes++;
	*ret_process = process;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_vidmm_process_free(struct penstock_vidmm_process *process)
{
	if (process != NULL) {
		ck_assert(process->vidmm->keep || process->used_bytes == 0);
		fake.processes--;
		free(process);
	}
}

struct penstock_backend_process *
penstock_vidmm_process_backend(const struct penstock_vidmm_process *process)
{
	return (struct penstock_backend_process *)&process->backend;
}

const struct penstock_vidmm_process *penstock_vidmm_system(const struct penstock_vidmm *vidmm)
{
	return &vidmm->system;
}

uint64_t penstock_vidmm_process_used_bytes(const struct penstock_vidmm_process *process)
{
	return process->used_bytes;
}

enum penstock_status penstock_vidmm_promise_slot(struct penstock_vidmm_process *process,
						 uint32_t size_bytes)
{
	(void)process;
	(void)size_bytes;
	if (fake.no_slots) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	fake.promised_slots++;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_vidmm_unpromise_slot(struct penstock_vidmm_process *process, uint32_t size_bytes)
{
	(void)process;
	(void)size_bytes;
	ck_assert_uint_gt(fake.promised_slots, 0);
	fake.promised_slots--;
}

uint64_t penstock_vidmm_process_pool_bytes(const struct penstock_vidmm_process *process)
{
	(void)process;
	return 0;
}

bool penstock_vidmm_process_idle(struct penstock_vidmm_process *process)
{
	(void)process;
	return true;
}

void penstock_vidmm_process_need_pipelines(struct penstock_vidmm_process *process)
{
	(void)process;
}

static struct penstock_vidmm_allocation *new_allocation(struct penstock_vidmm_process *process,
							const struct penstock_allocation_info *info)
{
	struct penstock_vidmm_allocation *allocation = calloc(1, sizeof(*allocation));

	ck_assert_ptr_nonnull(allocation);
	allocation->process = process;
	allocation->info = *info;
	allocation->references = 1;
	penstock_list_init(&allocation->link);
	process->used_bytes += info->size_bytes;
	fake.allocations++;
	return allocation;
}

static void take_record(struct penstock_vidmm_allocation *allocation)
{
	uint64_t i = 1;

	while (records[i].bytes != NULL) {
		ck_assert_uint_lt(++i, MOST_RECORDS);
	}
	records[i] = (struct record){ allocation->process->id,
				      calloc(1, allocation->info.size_bytes), true };
	ck_assert_ptr_nonnull(records[i].bytes);
	sizes[i] = allocation->info.size_bytes;
	allocation->record = i;
}

enum penstock_status
penstock_vidmm_allocation_new(struct penstock_vidmm_process *process,
			      const struct penstock_allocation_info *info,
			      void (*reserved)(void *argument, enum penstock_status status),
			      void *argument, struct penstock_vidmm_allocation **ret_allocation)
{
	if (fake.no_more) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	if (!penstock_range_fits(process->used_bytes, info->size_bytes, process->quota_bytes)) {
		return PENSTOCK_STATUS_QUOTA_EXCEEDED;
	}
	*ret_allocation = new_allocation(process, info);
	take_record(*ret_allocation);
	if (!fake.reserve_later) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	(*ret_allocation)->answer = reserved;
	(*ret_allocation)->argument = argument;
	penstock_list_append(&reserving, &(*ret_allocation)->link);
	return PENSTOCK_STATUS_PENDING;
}

enum penstock_status
penstock_vidmm_allocation_restore(struct penstock_vidmm_process *process,
				  const struct penstock_allocation_info *info, uint64_t record,
				  struct penstock_vidmm_allocation **ret_allocation)
{
	struct penstock_vidmm_allocation *allocation = new_allocation(process, info);

	*ret_allocation = allocation;
	if (info->priority > fake.restored_priority) {
		fake.restored_priority = info->priority;
	}
	if (record < MOST_RECORDS && records[record].bytes != NULL && !records[record].claimed &&
	    records[record].process == process->id) {
		records[record].claimed = true;
		allocation->record = record;
		return PENSTOCK_STATUS_SUCCESS;
	}
	take_record(allocation);
	return PENSTOCK_STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST;
}

uint64_t penstock_vidmm_allocation_record(const struct penstock_vidmm_allocation *allocation)
{
	return allocation->record;
}

void penstock_vidmm_allocation_ref(struct penstock_vidmm_allocation *allocation)
{
	allocation->references++;
}

void penstock_vidmm_allocation_closed(struct penstock_vidmm_allocation *allocation,
				      struct penstock_vidmm_process *process)
{
	(void)allocation;
	(void)process;
	fake.closed++;
}

void penstock_vidmm_allocation_unref(struct penstock_vidmm_allocation *allocation)
{
	ck_assert_uint_gt(allocation->references, 0);
	if (--allocation->references > 0) {
		return;
	}
	ck_assert_uint_eq(allocation->accesses, 0);
	ck_assert_uint_eq(allocation->locks, 0);
	penstock_list_remove(&allocation->link); /* of what is being reserved, nobody is told */
	fake.allocations--;
	allocation->process->used_bytes -= allocation->info.size_bytes;
	if (allocation->process->vidmm->keep) {
		fake.kept++;
	} else {
		free(records[allocation->record].bytes);
		records[allocation->record].bytes = NULL;
	}
	free(allocation);
}

enum penstock_status penstock_vidmm_allocation_share(struct penstock_vidmm_allocation *allocation,
						     void (*shared)(void *argument,
								    enum penstock_status status),
						     void *argument)
{
	ck_assert_uint_eq(allocation->accesses, 0);
	if (allocation->own_file) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	if (!fake.share_later) {
		allocation->own_file = true;
		return PENSTOCK_STATUS_SUCCESS;
	}
	allocation->answer = shared;
	allocation->argument = argument;
	penstock_list_append(&sharing, &allocation->link);
	return PENSTOCK_STATUS_PENDING;
}

void penstock_vidmm_allocation_location(const struct penstock_vidmm_allocation *allocation,
					struct penstock_vidmm_location *ret_location)
{
	*ret_location = (struct penstock_vidmm_location){
		.segment_id = allocation->placed ? fake.segment_id : 0,
		.address = allocation->placed ? fake.base + allocation->record * GRANULE : 0,
		.size_bytes = allocation->info.size_bytes,
		.references = allocation->references - 1u,
		.own_file = allocation->own_file,
	};
}

uint8_t *penstock_vidmm_access_begin(struct penstock_vidmm_allocation *allocation, uint64_t offset,
				     uint32_t access)
{
	if (fake.moving || (fake.local && (access & PENSTOCK_ACCESS_HELD) != 0)) {
		return NULL;
	}
	allocation->accesses++;
	fake.accesses++;
	allocation->lost = allocation->lost && (access & PENSTOCK_ACCESS_WRITE) == 0;
	return records[allocation->record].bytes + offset;
}

void penstock_vidmm_access_end(struct penstock_vidmm_allocation *allocation)
{
	ck_assert_uint_gt(allocation->accesses, 0);
	allocation->accesses--;
	fake.accesses--;
}

void penstock_vidmm_allocation_offer(struct penstock_vidmm_allocation *allocation,
				     enum penstock_offer_priority priority)
{
	ck_assert_uint_eq(allocation->accesses, 0);
	ck_assert_uint_ne(priority, PENSTOCK_OFFER_PRIORITY_NONE);
	fake.offered += allocation->offered == PENSTOCK_OFFER_PRIORITY_NONE;
	fake.offer_priority = priority;
	allocation->offered = priority;
	allocation->lost = allocation->lost || fake.drop_offered;
}

bool penstock_vidmm_allocation_reclaim(struct penstock_vidmm_allocation *allocation)
{
	fake.offered -= allocation->offered != PENSTOCK_OFFER_PRIORITY_NONE;
	allocation->offered = PENSTOCK_OFFER_PRIORITY_NONE;
	return !allocation->lost;
}

enum penstock_status
penstock_vidmm_allocation_set_priority(struct penstock_vidmm_allocation *allocation,
				       uint32_t priority)
{
	fake.priority = priority;
	allocation->info.priority = priority;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_vidmm_lock(struct penstock_vidmm_allocation *allocation)
{
	ck_assert_uint_lt(allocation->locks, allocation->accesses);
	allocation->locks++;
	fake.locks++;
}

void penstock_vidmm_unlock(struct penstock_vidmm_allocation *allocation)
{
	ck_assert_uint_gt(allocation->locks, 0);
	allocation->locks--;
	fake.locks--;
}

void penstock_vidmm_query_segments(const struct penstock_vidmm *vidmm,
				   struct penstock_segment_state ret[PENSTOCK_SEGMENT_COUNT])
{
	ret[0] =
		(struct penstock_segment_state){ .id = 1, .size_bytes = vidmm->config.local_bytes };
	ret[1] = (struct penstock_segment_state){ .id = 2,
						  .size_bytes = vidmm->config.aperture_bytes };
}

void penstock_vidmm_query_process(const struct penstock_vidmm_process *process,
				  struct penstock_paging_count *ret_count)
{
	(void)process;
	*ret_count = (struct penstock_paging_count){ .evicted = 2 };
}

uint64_t penstock_vidmm_process_resident_bytes(const struct penstock_vidmm_process *process)
{
	(void)process;
	return 8192;
}

void penstock_vidmm_visit_segment(const struct penstock_vidmm *vidmm, uint32_t segment_id,
				  void (*visit)(void *owner,
						const struct penstock_resident_view *view),
				  void *owner)
{
	const struct penstock_resident_view view = { .segment_id = segment_id };

	(void)vidmm;
	visit(owner, &view);
}

static void answer_first(struct penstock_list *list, enum penstock_status status)
{
	struct penstock_list *link = penstock_list_pop(list);
	struct penstock_vidmm_allocation *allocation;

	ck_assert_ptr_nonnull(link);
	allocation = penstock_list_entry(link, struct penstock_vidmm_allocation, link);
	allocation->own_file = allocation->own_file || list == &sharing;
	allocation->answer(allocation->argument, status);
}

void fake_core_reserved(enum penstock_status status)
{
	answer_first(&reserving, status);
}

void fake_core_shared(enum penstock_status status)
{
	answer_first(&sharing, status);
}

void fake_core_progress(void)
{
	vidmm_now->config.progress(vidmm_now->config.owner);
}

/* ---------------------------------------------------------------- schedule */

struct penstock_scheduler {
	struct penstock_scheduler_config config;
	bool stopped;
	bool asked;
	bool looking;
};

static struct penstock_scheduler *scheduler_now;

static struct penstock_submission *submission_of(struct penstock_list *link)
{
	return penstock_list_entry(link, struct penstock_submission, queue_link);
}

static void put_off(struct penstock_scheduler *scheduler, struct penstock_submission *submission,
		    enum penstock_status status)
{
	penstock_list_remove(&submission->queue_link);
	penstock_list_append(&fake.put_off, &submission->queue_link);
	submission->result = status;
	if (!scheduler->asked) {
		scheduler->asked = true;
		scheduler->config.defer(scheduler->config.owner);
	}
}

static bool first_of_its_queue(const struct penstock_submission *submission)
{
	penstock_list_for_each (link, &fake.waiting) {
		const struct penstock_submission *other = submission_of(link);

		if (other->queue == submission->queue) {
			return other == submission;
		}
	}
	return false;
}

static void place(const struct penstock_submission *submission)
{
	for (uint32_t i = 0; i < submission->reference_count; i++) {
		if (submission->references[i].allocation != NULL && fake.segment_id != 0) {
			submission->references[i].allocation->placed = true;
		}
	}
}

static void pick(struct penstock_scheduler *scheduler, struct penstock_submission *submission)
{
	static uint32_t fence;

	if (submission->chain != NULL && submission->cancelled == PENSTOCK_STATUS_SUCCESS) {
		submission->cancelled = *submission->chain;
	}
	if (submission->sync != NULL) {
		put_off(scheduler, submission, submission->cancelled);
		if (submission->sync_signals && submission->cancelled == PENSTOCK_STATUS_SUCCESS) {
			penstock_sync_signal(submission->sync, submission->sync_value);
		}
		return;
	}
	if (submission->cancelled != PENSTOCK_STATUS_SUCCESS) {
		if (submission->chain != NULL) {
			*submission->chain = submission->cancelled;
		}
		put_off(scheduler, submission, submission->cancelled);
		return;
	}
	penstock_list_remove(&submission->queue_link);
	penstock_list_append(&fake.hardware, &submission->queue_link);
	submission->state = PENSTOCK_SUBMISSION_ON_HARDWARE;
	submission->submission_fence_id = ++fence;
	fake.submissions++;
	place(submission);
	for (uint32_t i = 0; i < submission->args.patch_count; i++) {
		const struct penstock_patch_location *patch = &submission->args.patches_out[i];
		uint8_t *site = submission->args.dma_buffer + patch->patch_offset;
		struct penstock_vidmm_location location;
		uint64_t value;

		if (patch->allocation_index == PENSTOCK_PATCH_NULL_INDEX) {
			continue;
		}
		penstock_vidmm_allocation_location(
			submission->references[patch->allocation_index].allocation, &location);
		value = location.address + patch->allocation_offset;
		submission->patched += value != penstock_load64(site);
		penstock_store64(site, value);
	}
	if (fake.submitted != NULL) {
		fake.submitted(submission);
	}
	scheduler->config.submitted(scheduler->config.owner, submission);
}

static void look(struct penstock_scheduler *scheduler)
{
	bool again = !scheduler->looking && !scheduler->stopped;

	while (again) {
		again = false;
		scheduler->looking = true;
		penstock_list_for_each (link, &fake.waiting) {
			struct penstock_submission *submission = submission_of(link);

			if (submission->queue->scheduler == scheduler && submission->blocked == 0 &&
			    first_of_its_queue(submission) &&
			    (submission->sync == NULL || fake_sync_may_run(submission))) {
				pick(scheduler, submission);
				again = true;
				break;
			}
		}
	}
	scheduler->looking = false;
}

enum penstock_status penstock_scheduler_new(const struct penstock_scheduler_config *config,
					    struct penstock_scheduler **ret_scheduler)
{
	struct penstock_scheduler *scheduler = calloc(1, sizeof(*scheduler));

	ck_assert_ptr_nonnull(scheduler);
	scheduler->config = *config;
	*ret_scheduler = scheduler_now = scheduler;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_scheduler_free(struct penstock_scheduler *scheduler)
{
	if (scheduler == NULL) {
		return;
	}
	ck_assert(penstock_list_empty(&fake.waiting));
	ck_assert(penstock_list_empty(&fake.hardware));
	ck_assert(penstock_list_empty(&fake.put_off));
	scheduler_now = NULL;
	free(scheduler);
}

void penstock_scheduler_stopped(struct penstock_scheduler *scheduler, enum penstock_status status)
{
	scheduler->stopped = true;
	penstock_list_for_each_safe (link, &fake.hardware) {
		if (submission_of(link)->queue->scheduler == scheduler) {
			put_off(scheduler, submission_of(link), status);
		}
	}
}

bool penstock_scheduler_reset_adapter(struct penstock_scheduler *scheduler)
{
	fake.adapter_resets++;
	if (fake.unending) {
		return false;
	}
	penstock_scheduler_stopped(scheduler, PENSTOCK_STATUS_DEVICE_REMOVED);
	scheduler->stopped = false;
	return true;
}

void penstock_scheduler_process_init(struct penstock_scheduler_process *process, uint32_t weight)
{
	process->weight = weight;
}

void penstock_queue_init(struct penstock_queue *queue, struct penstock_scheduler *scheduler,
			 struct penstock_scheduler_process *process, uint32_t node_ordinal,
			 int priority, void *context)
{
	*queue = (struct penstock_queue){ .scheduler = scheduler,
					  .process = process,
					  .node_ordinal = node_ordinal,
					  .level = (uint32_t)(PENSTOCK_PRIORITY_MOST - priority),
					  .context = context };
	penstock_list_init(&queue->waiting);
	penstock_list_init(&queue->ready_link);
}

void penstock_scheduler_enqueue(struct penstock_queue *queue,
				struct penstock_submission *submission)
{
	ck_assert(!queue->scheduler->stopped);
	ck_assert_ptr_eq(submission->queue, queue);
	submission->state = PENSTOCK_SUBMISSION_QUEUED;
	penstock_list_append(&fake.waiting, &submission->queue_link);
	look(queue->scheduler);
}

void penstock_scheduler_kick(struct penstock_scheduler *scheduler)
{
	look(scheduler);
}

/* Nothing is ever in anybody's way. */
void penstock_scheduler_slice(struct penstock_scheduler *scheduler)
{
	(void)scheduler;
}

/* What is enqueued here is not submitted: no doorbell ever waits. */
void penstock_scheduler_ring_doorbells(struct penstock_scheduler *scheduler)
{
	(void)scheduler;
}

/* Nothing is notified here that could be lost. */
void penstock_scheduler_watch(struct penstock_scheduler *scheduler)
{
	(void)scheduler;
}

void penstock_scheduler_deliver(struct penstock_scheduler *scheduler)
{
	scheduler->asked = false;
	penstock_list_for_each_safe (link, &fake.put_off) {
		struct penstock_submission *submission = submission_of(link);

		if (submission->queue->scheduler == scheduler) {
			penstock_list_remove(link);
			submission->completed(submission, submission->result);
		}
	}
}

void penstock_scheduler_cancel(struct penstock_queue *queue, enum penstock_status status)
{
	penstock_list_for_each_safe (link, &fake.waiting) {
		if (submission_of(link)->queue == queue) {
			put_off(queue->scheduler, submission_of(link), status);
		}
	}
}

void penstock_scheduler_notify_interrupt(struct penstock_scheduler *scheduler,
					 struct penstock_vidmm_process *process,
					 const struct penstock_interrupt *interrupt)
{
	(void)scheduler;
	(void)process;
	(void)interrupt;
}

void penstock_scheduler_process_died(struct penstock_scheduler *scheduler,
				     struct penstock_vidmm_process *process, int wait_status)
{
	(void)scheduler;
	(void)process;
	(void)wait_status;
}

/* The head waits for nothing that this knows, but for the value of an object. */
enum penstock_trace_wait penstock_queue_waits_for(const struct penstock_queue *queue,
						  struct penstock_submission **ret_head)
{
	*ret_head = NULL;
	penstock_list_for_each (link, &fake.waiting) {
		struct penstock_submission *submission = submission_of(link);

		if (submission->queue == queue) {
			*ret_head = submission;
			if (submission->blocked > 0) {
				return PENSTOCK_TRACE_WAIT_ORDER;
			}
			return submission->sync != NULL ? PENSTOCK_TRACE_WAIT_OBJECT
							: PENSTOCK_TRACE_WAIT_NODE;
		}
	}
	return PENSTOCK_TRACE_WAIT_NOTHING;
}

uint64_t penstock_queue_gpu_ns(const struct penstock_queue *queue)
{
	return queue->gpu_ns;
}

uint64_t penstock_scheduler_process_gpu_ns(const struct penstock_scheduler *scheduler,
					   const struct penstock_scheduler_process *process,
					   uint32_t node_ordinal)
{
	(void)scheduler;
	return process->nodes[node_ordinal].gpu_ns;
}

const char *penstock_scheduler_dbg_info(const struct penstock_scheduler *scheduler)
{
	(void)scheduler;
	return "node=0 running=0x1\n";
}

void penstock_scheduler_query_nodes(const struct penstock_scheduler *scheduler,
				    struct penstock_node_state ret[PENSTOCK_NODE_COUNT])
{
	(void)scheduler;
	ret[0] = (struct penstock_node_state){ .node_ordinal = 0, .packets = fake.submissions };
	ret[1] = (struct penstock_node_state){ .node_ordinal = 1 };
}

unsigned fake_core_retire(unsigned count)
{
	struct penstock_list *link;
	unsigned done = 0;

	while (done < count && (link = penstock_list_pop(&fake.hardware)) != NULL) {
		struct penstock_submission *submission = submission_of(link);

		submission->state = PENSTOCK_SUBMISSION_RETIRED;
		submission->completed(submission, PENSTOCK_STATUS_SUCCESS);
		done++;
	}
	look(scheduler_now); /* signals behind them */
	return done;
}

static struct penstock_submission *oldest_of_hardware(void)
{
	struct penstock_list *link = penstock_list_first(&fake.hardware);

	ck_assert_ptr_nonnull(link);
	return submission_of(link);
}

static void complete_with(struct penstock_submission *submission, enum penstock_status status)
{
	penstock_list_remove(&submission->queue_link);
	submission->completed(submission, status);
}

void fake_core_fault(const struct penstock_interrupt *interrupt, const char *text)
{
	struct penstock_submission *submission = oldest_of_hardware();
	const struct penstock_scheduler_config *config = &submission->queue->scheduler->config;

	config->device_fault(config->owner, submission, interrupt, text);
	complete_with(submission, PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
}

void fake_core_out_of_memory(uint32_t dma_offset, const char *text)
{
	struct penstock_submission *submission = oldest_of_hardware();
	const struct penstock_scheduler_config *config = &submission->queue->scheduler->config;

	config->out_of_memory(config->owner, submission, dma_offset, text);
	complete_with(submission, PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY);
}

void fake_core_fail(const char *reason)
{
	scheduler_now->config.failed(scheduler_now->config.owner, reason);
}

/* ---------------------------------------------------------------- backend and worker */

static void stop_backend(struct penstock_backend *backend, void (*stopped)(void *argument),
			 void *argument)
{
	free(backend);
	stopped(argument);
}

static int64_t process_id(const struct penstock_backend_process *process)
{
	(void)process;
	return 4711;
}

enum penstock_status fake_core_start_backend(void *owner, uint32_t adapter_index,
					     const struct penstock_backend_callbacks *callbacks,
					     struct penstock_backend **ret_backend,
					     struct penstock_errbuf *reterr_text)
{
	static const struct penstock_backend_ops ops = {
		.name = "fake",
		.stop = stop_backend,
		.process_id = process_id,
	};

	(void)owner;
	(void)adapter_index;
	(void)callbacks;
	if (fake.failed != NULL) {
		penstock_errbuf_set(reterr_text, "%s", fake.failed);
		return PENSTOCK_STATUS_IO_DEVICE_ERROR;
	}
	*ret_backend = calloc(1, sizeof(**ret_backend));
	ck_assert_ptr_nonnull(*ret_backend);
	(*ret_backend)->ops = &ops;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status fake_core_run(void *owner, void (*work)(void *argument),
				   void (*done)(void *argument), void *argument)
{
	(void)owner;
	if (!fake.worker_later || job_count == MOST_JOBS) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	jobs[job_count++] = (struct job){ work, done, argument };
	return PENSTOCK_STATUS_SUCCESS;
}

unsigned fake_core_work(unsigned count)
{
	unsigned done = 0;

	while (done < count && job_count > 0) {
		struct job job = jobs[0];

		memmove(jobs, jobs + 1, --job_count * sizeof(jobs[0]));
		job.work(job.argument);
		job.done(job.argument);
		done++;
	}
	return done;
}

/* ---------------------------------------------------------------- over all */

void fake_core_lose_memory(void)
{
	for (unsigned i = 0; i < MOST_RECORDS; i++) {
		free(records[i].bytes);
		records[i] = (struct record){ .bytes = NULL };
	}
	generation++;
	fake_progress_lose();
}

static struct record saved_records[MOST_RECORDS];

void fake_core_kill(void)
{
	fake_store_kill();
	fake_progress_kill();
	for (unsigned i = 0; i < MOST_RECORDS; i++) {
		saved_records[i] = records[i];
		if (records[i].bytes != NULL) {
			saved_records[i].bytes = malloc(sizes[i]);
			ck_assert_ptr_nonnull(saved_records[i].bytes);
			memcpy(saved_records[i].bytes, records[i].bytes, sizes[i]);
		}
	}
}

void fake_core_resurrect(void)
{
	for (unsigned i = 0; i < MOST_RECORDS; i++) {
		free(records[i].bytes);
	}
	memcpy(records, saved_records, sizeof(records));
	fake_progress_resurrect();
	fake_core_new_run();
	fake_store_resurrect();
}

void fake_core_new_run(void)
{
	const bool no_slots = fake.no_slots;

	memset(&fake, 0, sizeof(fake));
	fake.no_slots = no_slots;
	penstock_list_init(&fake.waiting);
	penstock_list_init(&fake.hardware);
	penstock_list_init(&fake.put_off);
	penstock_list_init(&reserving);
	penstock_list_init(&sharing);
	fake.base = PENSTOCK_LOCAL_BASE;
	job_count = 0;
	for (unsigned i = 0; i < MOST_RECORDS; i++) {
		records[i].claimed = false;
	}
	fake_progress_new_run();
}
