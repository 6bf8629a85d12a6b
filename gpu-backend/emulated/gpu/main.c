/* SPDX-License-Identifier: MIT */
/*
 * penstock-gpu: the emulated GPU of one principal, or the system's. Started by the daemon only,
 * with the descriptors of enum penstock_gpu_descriptor and nothing else.
 *
 *   map the ring --> reserve the windows --> Vulkan, where the ring's header asks for it -->
 *   node threads --> confined --> files come and go
 *
 * The main thread receives memory files; a thread a node executes. It ends when the daemon ends
 * (parent-death signal; the channel's end), or is killed. It never writes anywhere but to the
 * memory that it was given.
 *
 * With --describe it opens the driver of its pipelines, is confined, writes down a pipe what the
 * driver can do, and ends.
 */
#include "config.h"

#include "gpu-backend/emulated/channel.h"
#include "gpu-backend/emulated/gpu/confine.h"
#include "gpu-backend/emulated/gpu/describer.h"
#include "gpu-backend/emulated/gpu/inbox.h"
#include "gpu-backend/emulated/gpu/node.h"
#include "gpu-backend/emulated/gpu/vulkan.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

struct gpu {
	struct penstock_ring *ring;
	struct penstock_mmu mmu;
	struct penstock_vulkan *vulkan; /* NULL: not asked for, or there is none */
	struct penstock_inbox inbox;
	struct penstock_node nodes[PENSTOCK_NODE_COUNT];
	/* Passed once when every thread runs (starting takes calls that confinement forbids), once
	 * when all are confined: no thread looks at a packet before. */
	pthread_barrier_t barrier;
};

struct node_thread {
	struct gpu *gpu;
	uint32_t ordinal;
};

static void *node_main(void *argument)
{
	struct node_thread *thread = argument;
	struct penstock_node *node = &thread->gpu->nodes[thread->ordinal];

	pthread_barrier_wait(&thread->gpu->barrier);
	pthread_barrier_wait(&thread->gpu->barrier);
	for (;;) {
		if (!penstock_node_step(node)) {
			penstock_node_wait(node);
		}
	}
	return NULL;
}

/* Another processor can bring packets while a node thread looks for them. */
static bool has_several_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

#ifdef PENSTOCK_SANITIZERS
/* A symbolizer is a process of its own, which a confined one cannot start. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "symbolize=0";
}
#endif

static int die(const char *what, int error)
{
	fprintf(stderr, "penstock-gpu: %s: %s\n", what, strerror(error));
	return EX_OSERR;
}

/* Nobody's memory in a core file, as many files as the daemon may send, death with the daemon. */
static int set_limits(void)
{
	struct rlimit cores = { 0, 0 }, files;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setrlimit(RLIMIT_CORE, &cores) != 0 ||
	    getrlimit(RLIMIT_NOFILE, &files) != 0) {
		return errno;
	}
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
		return errno;
	}
	return close_range(PENSTOCK_GPU_FD_END, ~0u, 0) == 0 ? 0 : errno;
}

static int map_ring(struct gpu *gpu)
{
	struct stat status;
	void *memory;

	if (fstat(PENSTOCK_GPU_FD_RING, &status) != 0) {
		return errno;
	}
	if ((uint64_t)status.st_size < PENSTOCK_RING_BYTES) {
		return EPROTO;
	}
	memory = mmap(NULL, PENSTOCK_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		      PENSTOCK_GPU_FD_RING, 0);
	if (memory == MAP_FAILED) {
		return errno;
	}
	close(PENSTOCK_GPU_FD_RING);
	gpu->ring = memory;
	return penstock_ring_valid(gpu->ring, PENSTOCK_RING_BYTES) ? 0 : EPROTO;
}

/* Without it the process does all else: its groups are illegal instructions. */
static void open_vulkan(struct gpu *gpu)
{
	struct penstock_errbuf error = { .text = "out of memory" };

	if ((gpu->ring->header.flags & PENSTOCK_RING_PIPELINES) != 0 &&
	    penstock_vulkan_open(&gpu->mmu, &gpu->vulkan, &error) != PENSTOCK_STATUS_SUCCESS) {
		gpu->vulkan = NULL;
		fprintf(stderr, "penstock-gpu: no pipelines: %s\n", error.text);
	}
}

static int start_nodes(struct gpu *gpu, struct node_thread threads[PENSTOCK_NODE_COUNT])
{
	bool may_spin = has_several_processors();

	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		struct penstock_node_config config = {
			.ring = &gpu->ring->nodes[i],
			.mmu = &gpu->mmu,
			.node_ordinal = i,
			.vulkan = i == PENSTOCK_NODE_RENDER_ORDINAL ? gpu->vulkan : NULL,
			.interrupt = PENSTOCK_GPU_FD_INTERRUPT + (int)i,
			.may_spin = may_spin,
			.await_messages = penstock_inbox_await,
			.owner = &gpu->inbox,
		};
		pthread_t id;
		int error;

		penstock_node_init(&gpu->nodes[i], &config);
		threads[i] = (struct node_thread){ .gpu = gpu, .ordinal = i };
		error = pthread_create(&id, NULL, node_main, &threads[i]);
		if (error != 0) {
			return error;
		}
		pthread_detach(id);
	}
	return 0;
}

/* Until the daemon is gone, or has said something that cannot be. */
static int receive(struct gpu *gpu)
{
	enum penstock_status status;

	do {
		status = penstock_inbox_receive(&gpu->inbox);
	} while (status == PENSTOCK_STATUS_SUCCESS);
	return status == PENSTOCK_STATUS_CONNECTION_DISCONNECTED ? EXIT_SUCCESS : EX_PROTOCOL;
}

/* ---------------------------------------------------------------- describing */

static int write_description(const struct penstock_description *description)
{
	const uint8_t *bytes = (const uint8_t *)description;
	size_t written = 0;

	while (written < sizeof(*description)) {
		ssize_t count = write(PENSTOCK_GPU_FD_DESCRIPTION, bytes + written,
				      sizeof(*description) - written);

		if (count <= 0) {
			return EX_OSERR;
		}
		written += (size_t)count;
	}
	return EXIT_SUCCESS;
}

static int describe(void)
{
	static struct penstock_description description = {
		.magic = PENSTOCK_FACTS_MAGIC,
		.version = PENSTOCK_FACTS_VERSION,
		.bytes = sizeof(description),
	};
	struct penstock_describer *describer;
	struct penstock_errbuf error = { .text = "out of memory" };
	int confined;

	description.works = penstock_describer_open(&describer, &error) == PENSTOCK_STATUS_SUCCESS;
	confined = -penstock_confine(true);
	if (confined != 0) {
		return die("confinement", confined);
	}
	if (description.works) {
		penstock_describer_ask(describer, &description.facts);
	} else {
		snprintf(description.why, sizeof(description.why), "%s", error.text);
	}
	return write_description(&description);
}

/* ---------------------------------------------------------------- executing */

static int execute(void)
{
	static struct gpu gpu;
	static struct node_thread threads[PENSTOCK_NODE_COUNT];
	int error = map_ring(&gpu);

	if (error != 0) {
		return die("ring memory", error);
	}
	if (penstock_mmu_init(&gpu.mmu, gpu.ring->header.local_bytes,
			      gpu.ring->header.aperture_bytes) != PENSTOCK_STATUS_SUCCESS) {
		return die("windows", ENOMEM);
	}
	open_vulkan(&gpu);
	penstock_inbox_init(&gpu.inbox, PENSTOCK_GPU_FD_CHANNEL, &gpu.mmu);
	error = -penstock_guard_install();
	if (error != 0) {
		return die("signal handlers", error);
	}
	pthread_barrier_init(&gpu.barrier, NULL, PENSTOCK_NODE_COUNT + 1);
	error = start_nodes(&gpu, threads);
	if (error != 0) {
		return die("threads", error);
	}
	pthread_barrier_wait(&gpu.barrier);
	error = -penstock_confine(gpu.vulkan != NULL);
	if (error != 0) {
		return die("confinement", error);
	}
	pthread_barrier_wait(&gpu.barrier);
	return receive(&gpu);
}

int main(int argument_count, char **arguments)
{
	int error = set_limits();

	if (error != 0) {
		return die("limits", error);
	}
	_exit(argument_count > 1 && strcmp(arguments[1], PENSTOCK_GPU_DESCRIBE) == 0 ? describe()
										     : execute());
}
