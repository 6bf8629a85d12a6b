/* SPDX-License-Identifier: MIT */
/*
 * Memory and schedule under a seed: principals make, write, share, evict and free allocations,
 * contexts submit fills and copies, some of them broken, GPU processes die, everything in an order
 * that the seed chooses. A model that knows nothing of placement says what each allocation must
 * hold. A failure prints the seed; PENSTOCK_SIM_SEED runs that one.
 */
#include "daemon/memory/internal.h"
#include "tests/harness.h"
#include "tests/memory/machine.h"
#include "tests/memory/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB         (1024u * 1024u)
#define PRINCIPALS  3u
#define CONTEXTS    6u
#define ALLOCATIONS 24u
#define WORKS       48u
#define SAMPLES     8u /* words that are kept of each allocation */
#define STEPS       1500u

static struct machine machine;
static uint64_t state;

static uint32_t pick(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

struct thing {
	struct penstock_vidmm_allocation *allocation; /* NULL: none */
	unsigned principal;
	uint64_t size;
	uint32_t words[SAMPLES]; /* what it must hold after what completed */
	uint32_t queued;         /* works that list it */
	bool shared;
	bool sharing;
};

struct context {
	struct penstock_queue queue;
	unsigned principal;
	bool lost;
	uint32_t last_order; /* of what completed */
};

/* One submission: a fill of one word, or a copy of one word. */
struct job {
	struct work work;
	struct thing *things[2];
	unsigned context;
	bool used;
	bool broken;
	bool copies;
	unsigned samples[2]; /* of things */
	uint32_t word;
};

static struct penstock_vidmm_process *principals[PRINCIPALS];
static struct thing things[ALLOCATIONS];
static struct context contexts[CONTEXTS];
static struct job jobs[WORKS];
static uint64_t next_id;

static uint64_t sample_offset(const struct thing *thing, unsigned sample)
{
	return thing->size / SAMPLES * sample / 4 * 4;
}

static void make_thing(struct thing *thing)
{
	static const uint64_t sizes[] = { 4096, 12288, 65536, 100000, 400000, 1500000 };
	unsigned principal = pick(PRINCIPALS);

	*thing = (struct thing){ .principal = principal, .size = sizes[pick(6)] };
	thing->allocation = machine_allocation(&machine, principals[principal], ++next_id,
					       thing->size, pick(4));
}

static void shared(void *argument, enum penstock_status status)
{
	struct thing *thing = argument;

	ck_assert_int_eq(status, PENSTOCK_STATUS_SUCCESS);
	thing->sharing = false;
	thing->shared = true;
}

static void share_thing(struct thing *thing)
{
	enum penstock_status status;

	thing->sharing = true;
	status = penstock_vidmm_allocation_share(thing->allocation, shared, thing);
	if (status != PENSTOCK_STATUS_PENDING) {
		shared(thing, status);
	}
}

static void check_words(struct thing *thing)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint32_t word;

		machine_read(&machine, thing->allocation, sample_offset(thing, i), &word, 4);
		ck_assert_uint_eq(word, thing->words[i]);
	}
}

/* What the client writes when nothing is queued that lists it. */
static void upload(struct thing *thing)
{
	unsigned sample = pick(SAMPLES);

	check_words(thing);
	thing->words[sample] = pick(UINT32_MAX);
	machine_write(&machine, thing->allocation, sample_offset(thing, sample),
		      &thing->words[sample], 4);
}

static bool may_use(const struct thing *thing, unsigned principal)
{
	return thing->allocation != NULL && !thing->sharing &&
	       (thing->shared || thing->principal == principal);
}

static struct job *free_job(void)
{
	for (unsigned i = 0; i < WORKS; i++) {
		if (!jobs[i].used) {
			return &jobs[i];
		}
	}
	return NULL;
}

static uint32_t list(struct job *job, struct thing *thing, unsigned at)
{
	job->things[at] = thing;
	thing->queued++;
	penstock_vidmm_allocation_ref(thing->allocation);
	return work_reference(&job->work, thing->allocation);
}

/*
 * A thing is written by one context at a time (objects' ordering across contexts is not under test
 * here), so the model knows what it will hold.
 */
static bool exclusive(const struct thing *thing, unsigned context)
{
	for (unsigned i = 0; i < WORKS; i++) {
		if (jobs[i].used && jobs[i].context != context &&
		    (jobs[i].things[0] == thing || jobs[i].things[1] == thing)) {
			return false;
		}
	}
	return true;
}

static void submit(unsigned index)
{
	struct context *context = &contexts[index];
	struct thing *from = &things[pick(ALLOCATIONS)], *to = &things[pick(ALLOCATIONS)];
	struct job *job = free_job();
	unsigned a = pick(SAMPLES), b = pick(SAMPLES);

	if (job == NULL || context->lost || !may_use(from, context->principal) ||
	    !may_use(to, context->principal) || !exclusive(from, index) || !exclusive(to, index)) {
		return;
	}
	memset(job, 0, sizeof(*job));
	work_init(&job->work, principals[context->principal]);
	job->used = true;
	job->context = index;
	list(job, to, 0);
	list(job, from, 1);
	job->broken = pick(60) == 0;
	if (job->broken) {
		work_stray_fill(&job->work, PENSTOCK_APERTURE_BASE + machine.aperture_bytes, 4,
				0xbadbad);
	}
	job->copies = pick(2) == 0;
	job->samples[0] = a;
	job->samples[1] = b;
	job->word = pick(UINT32_MAX);
	if (job->copies) {
		work_copy(&job->work, 1, sample_offset(from, b), 0, sample_offset(to, a), 4);
	} else {
		work_fill(&job->work, 0, sample_offset(to, a), 4, job->word);
	}
	penstock_scheduler_enqueue(&context->queue, &job->work.submission);
}

static void collect(struct job *job)
{
	struct context *context = &contexts[job->context];
	bool ran = job->work.status == PENSTOCK_STATUS_SUCCESS;

	ck_assert(ran || job->work.status == PENSTOCK_STATUS_DEVICE_REMOVED ||
		  job->work.status == PENSTOCK_STATUS_GRAPHICS_NO_VIDEO_MEMORY ||
		  job->work.status == PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE);
	ck_assert(!ran || !job->broken);
	if (ran) {
		job->things[0]->words[job->samples[0]] =
			job->copies ? job->things[1]->words[job->samples[1]] : job->word;
	}
	ck_assert_uint_gt(job->work.order, context->last_order);
	context->last_order = job->work.order;
	context->lost |= job->work.status == PENSTOCK_STATUS_GRAPHICS_GPU_EXCEPTION_ON_DEVICE;
	job->used = false;
	for (unsigned i = 0; i < 2; i++) {
		penstock_vidmm_allocation_unref(job->things[i]->allocation);
		job->things[i]->queued--;
	}
}

static struct job *first_completed(void)
{
	struct job *first = NULL;

	for (unsigned i = 0; i < WORKS; i++) {
		if (jobs[i].used && jobs[i].work.done &&
		    (first == NULL || jobs[i].work.order < first->work.order)) {
			first = &jobs[i];
		}
	}
	return first;
}

/* Completions, in the order in which they were made. */
static void collect_all(void)
{
	struct job *job;

	while ((job = first_completed()) != NULL) {
		collect(job);
	}
}

static void invariants(void)
{
	struct penstock_segment_state segments[PENSTOCK_SEGMENT_COUNT];
	struct penstock_node_state nodes[PENSTOCK_NODE_COUNT];

	ck_assert_str_eq(machine.failed, "");
	ck_assert_uint_le(machine.most_on_rings, machine.cap);
	penstock_vidmm_query_segments(machine.vidmm, segments);
	ck_assert_uint_le(segments[0].used_bytes, segments[0].size_bytes);
	ck_assert_uint_le(segments[1].used_bytes, segments[1].commit_limit_bytes);
	penstock_scheduler_query_nodes(machine.scheduler, nodes);
	for (unsigned i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		ck_assert_uint_eq(nodes[i].on_hardware, machine.on_rings[i]);
	}
	for (unsigned i = 0; i < WORKS; i++) {
		struct penstock_vidmm_location location;

		if (!jobs[i].used ||
		    jobs[i].work.submission.state != PENSTOCK_SUBMISSION_ON_HARDWARE) {
			continue;
		}
		for (unsigned j = 0; j < 2; j++) {
			penstock_vidmm_allocation_location(jobs[i].things[j]->allocation,
							   &location);
			ck_assert_uint_ne(location.segment_id, 0);
		}
	}
}

static void gpu_does_something(void)
{
	struct machine_process *process = &machine.processes[pick(MACHINE_PROCESSES)];
	uint32_t node = pick(PENSTOCK_NODE_COUNT);

	if (!process->used) {
		return;
	}
	for (uint32_t i = pick(4); i > 0; i--) {
		machine_execute(process, node);
	}
	if (pick(4) != 0) {
		machine_report(&machine, process, node);
	}
}

/*
 * Ends a process whose rings are not in the middle of anything: what ran would be the culprit, and
 * the model could not tell how far it got.
 */
static void kill_something(void)
{
	struct machine_process *process = &machine.processes[pick(MACHINE_PROCESSES)];

	if (!process->used || (!process->system && (process->rings[0].count > 0))) {
		return;
	}
	for (uint32_t i = 0; i < process->rings[1].count; i++) {
		if ((process->rings[1].packets[i].args.flags & PENSTOCK_SUBMITCOMMAND_PAGING) ==
		    0) {
			return;
		}
	}
	machine_kill(&machine, process);
	/* A packet that is met by several deaths would count as their cause. */
	machine_step(&machine);
}

static void quiesce(void)
{
	machine_settle(&machine);
	collect_all();
	for (unsigned i = 0; i < WORKS; i++) {
		ck_assert(!jobs[i].used);
	}
	for (unsigned i = 0; i < ALLOCATIONS; i++) {
		if (things[i].allocation != NULL) {
			check_words(&things[i]);
		}
	}
	for (unsigned i = 0; i < CONTEXTS; i++) {
		ck_assert_uint_eq(contexts[i].queue.depth, 0);
		contexts[i].lost = false;
	}
}

static void do_something(void)
{
	struct thing *thing = &things[pick(ALLOCATIONS)];
	uint32_t what = pick(100);

	if (what < 45) {
		submit(pick(CONTEXTS));
	} else if (what < 75) {
		gpu_does_something();
		machine_turn(&machine);
	} else if (what < 77) {
		quiesce();
	} else if (what < 78) {
		kill_something();
	} else if (thing->allocation == NULL) {
		make_thing(thing);
	} else if (thing->queued > 0 || thing->sharing) {
		machine_turn(&machine);
	} else if (what < 83) {
		penstock_vidmm_allocation_unref(thing->allocation);
		thing->allocation = NULL;
	} else if (what < 87) {
		share_thing(thing);
	} else if (what < 94) {
		enum penstock_status status = penstock_vidmm_allocation_evict(thing->allocation);

		ck_assert_int_ne(status, PENSTOCK_STATUS_GRAPHICS_ALLOCATION_BUSY);
	}
}

/* Uploads need a model that is exact: only when everything is at rest. */
static void upload_everywhere(void)
{
	quiesce();
	for (unsigned i = 0; i < ALLOCATIONS; i++) {
		if (things[i].allocation != NULL && pick(2) == 0) {
			upload(&things[i]);
		}
	}
}

static uint64_t seed_of(int iteration)
{
	const char *chosen = getenv("PENSTOCK_SIM_SEED");

	return chosen != NULL ? strtoull(chosen, NULL, 0)
			      : 0x9e3779b97f4a7c15ull * (uint64_t)(iteration + 1);
}

START_TEST(memory_and_schedule_keep_every_word_under_a_seed)
{
	uint64_t seed = seed_of(_i);

	fprintf(stderr, "PENSTOCK_SIM_SEED=0x%llx\n", (unsigned long long)seed);
	state = seed;
	machine_init(&machine);
	machine.local_bytes = 4 * MIB;
	machine.cap = 1 + pick(6);
	machine.first_fence = pick(2) == 0 ? 1 : 0xFFFFFFF0u;
	machine_start(&machine);
	for (unsigned i = 0; i < PRINCIPALS; i++) {
		principals[i] = machine_principal(&machine, i + 1, 32 * MIB);
	}
	for (unsigned i = 0; i < CONTEXTS; i++) {
		contexts[i].principal = i % PRINCIPALS;
		penstock_queue_init(&contexts[i].queue, machine.scheduler, &machine.sharing,
				    i / PRINCIPALS, 0, NULL);
	}
	for (unsigned step = 0; step < STEPS; step++) {
		do_something();
		collect_all();
		invariants();
		if (step % 100 == 99) {
			upload_everywhere();
		}
	}
	quiesce();
	for (unsigned i = 0; i < ALLOCATIONS; i++) {
		if (things[i].allocation != NULL) {
			penstock_vidmm_allocation_unref(things[i].allocation);
		}
	}
	machine_settle(&machine);
	for (unsigned i = 0; i < PRINCIPALS; i++) {
		ck_assert_uint_eq(penstock_vidmm_process_used_bytes(principals[i]), 0);
		penstock_vidmm_process_free(principals[i]);
	}
	machine_stop(&machine, false);
	machine_fini(&machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory_sim");
	TCase *sim = tcase_create("sim");

	tcase_add_loop_test(sim, memory_and_schedule_keep_every_word_under_a_seed, 0, 12);
	suite_add_tcase(suite, sim);
	return penstock_test_main(suite);
}
