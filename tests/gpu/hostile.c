/* SPDX-License-Identifier: MIT */
/*
 * GPU processes that mean harm, in place of penstock-gpu and without its confinement. The name that
 * it is started by says which, "hostile-WHAT-N": the N-th process of a daemon is hostile, and those
 * before and after it are the penstock-gpu that lies beside that name; N is 0: all of them are. The
 * n-th leaves a file "hostile-WHAT-N.n" with its pid. The one that describes the driver is not
 * counted: it is hostile where WHAT is a way to describe, and then no other is.
 */
#include "gpu-backend/emulated/channel.h"
#include "gpu-backend/emulated/ring.h"
#include "proto/adapter/facts.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define INSTANCES_MAX 1000u

static struct penstock_ring *ring;
static uint64_t state = 0x9e3779b97f4a7c15ull;

static uint64_t noise(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void ring_interrupts(void)
{
	const uint64_t one = 1;

	for (int i = 0; i < (int)PENSTOCK_NODE_COUNT; i++) {
		ssize_t ignored = write(PENSTOCK_GPU_FD_INTERRUPT + i, &one, sizeof(one));

		(void)ignored;
	}
}

static void fill(void *memory, size_t bytes, uint64_t (*word)(void))
{
	uint64_t *words = memory;

	for (size_t i = 0; i < bytes / sizeof(*words); i++) {
		words[i] = word();
	}
}

/* A memory file that the daemon sent; -1: none came. */
static int receive_file(void)
{
	struct penstock_channel_message message;
	struct iovec bytes = { .iov_base = &message, .iov_len = sizeof(message) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr header = { .msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	struct cmsghdr *rights;
	int file;

	if (recvmsg(PENSTOCK_GPU_FD_CHANNEL, &header, MSG_DONTWAIT) <= 0 ||
	    (rights = CMSG_FIRSTHDR(&header)) == NULL) {
		return -1;
	}
	memcpy(&file, CMSG_DATA(rights), sizeof(file));
	return file;
}

/* As much of one as has pages; NULL: none came, or it has none. */
static void *map_file(size_t *ret_bytes)
{
	struct stat status;
	int file = receive_file();
	void *memory;

	if (file < 0 || fstat(file, &status) != 0 || status.st_blocks == 0) {
		return NULL;
	}
	*ret_bytes = (size_t)status.st_blocks * 512u;
	memory = mmap(NULL, *ret_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static void scribble_files(void)
{
	size_t bytes;
	void *memory;

	while ((memory = map_file(&bytes)) != NULL) {
		fill(memory, bytes, noise);
	}
}

/* ---------------------------------------------------------------- what it does */

static void await_packet(void)
{
	while (penstock_ring_load32(&ring->nodes[0].producer) == 0 &&
	       penstock_ring_load32(&ring->nodes[1].producer) == 0) {
		usleep(100);
	}
}

/* Says that everything on a node is done, and does nothing. */
static void retire(uint32_t ordinal)
{
	struct penstock_ring_node *node = &ring->nodes[ordinal];
	uint32_t producer = penstock_ring_load32(&node->producer);
	uint32_t slot = penstock_ring_slot(producer - 1);

	if (producer != 0) {
		__atomic_store_n(
			&node->fence,
			penstock_ring_fence(producer, node->packets[slot].submission_fence_id),
			__ATOMIC_RELEASE);
	}
}

static void retire_all(void)
{
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		retire(i);
	}
}

/* Pages come as they may: a packet that draws. */
static void await_rendering(void)
{
	while (penstock_ring_load32(&ring->nodes[0].producer) == 0) {
		retire(1);
		ring_interrupts();
		usleep(100);
	}
}

/* Everything that it was handed, all the time. */
static void scribble(void)
{
	for (;;) {
		fill(ring, sizeof(*ring), noise);
		scribble_files();
		ring_interrupts();
	}
}

static uint64_t all_ones(void)
{
	return UINT64_MAX;
}

static void ones(void)
{
	await_packet();
	fill(ring, sizeof(*ring), all_ones);
	for (;;) {
		ring_interrupts();
		usleep(1000);
	}
}

/* Its words only, one at a time, some bits of it turned. */
static void flip(void)
{
	await_packet();
	for (;;) {
		size_t count = offsetof(struct penstock_ring_node, packets) / sizeof(uint64_t);
		struct penstock_ring_node *node = &ring->nodes[noise() % PENSTOCK_NODE_COUNT];
		uint64_t *word = (uint64_t *)(void *)node + noise() % count;

		__atomic_fetch_xor(word, noise(), __ATOMIC_SEQ_CST);
		ring_interrupts();
	}
}

static void quit(void)
{
	await_packet();
	_exit(4);
}

static void leave(void)
{
	await_rendering();
	_exit(3);
}

static void crash(void)
{
	await_rendering();
	/* as it is, and nothing that a sanitizer has to report */
	(void)signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void leave_at_once(void)
{
	_exit(0);
}

/* Takes the pages of its files away, and says that everything is done. */
static void shorten(void)
{
	int file;

	await_packet();
	while ((file = receive_file()) >= 0) {
		(void)!ftruncate(file, 0);
	}
	for (;;) {
		retire_all();
		ring_interrupts();
		usleep(1000);
	}
}

static void hang(void)
{
	for (;;) {
		pause();
	}
}

/* Says that everything is done and rings, all the time. */
static void flood(void)
{
	for (;;) {
		retire_all();
		ring_interrupts();
	}
}

/* Says it, and never rings. */
static void silent(void)
{
	for (;;) {
		retire_all();
		usleep(100);
	}
}

/*
 * Says it, rings, and takes the interrupt away, so that who reads it behind its being readable may
 * find nothing; and it is not to be read without waiting any more, as far as its flags say.
 */
static void steal(void)
{
	uint64_t count;
	struct iovec counter = { .iov_base = &count, .iov_len = sizeof(count) };

	for (;;) {
		retire_all();
		ring_interrupts();
		for (int i = 0; i < (int)PENSTOCK_NODE_COUNT; i++) {
			(void)fcntl(PENSTOCK_GPU_FD_INTERRUPT + i, F_SETFL, 0);
			if (preadv2(PENSTOCK_GPU_FD_INTERRUPT + i, &counter, 1, -1, RWF_NOWAIT) <
			    0) {
				continue; /* the daemon was first */
			}
		}
	}
}

static const struct {
	const char *name;
	void (*act)(void);
} acts[] = {
	{ "scribble", scribble },    { "ones", ones },   { "flip", flip },
	{ "leave", leave },          { "quit", quit },   { "crash", crash },
	{ "absent", leave_at_once }, { "hang", hang },   { "flood", flood },
	{ "silent", silent },        { "steal", steal }, { "shorten", shorten },
};

/* ---------------------------------------------------------------- what it says of its driver */

static void write_description(const void *bytes, size_t length)
{
	if (write(PENSTOCK_GPU_FD_DESCRIPTION, bytes, length) != (ssize_t)length) {
		_exit(1);
	}
}

static struct penstock_description description = {
	.magic = PENSTOCK_FACTS_MAGIC,
	.version = PENSTOCK_FACTS_VERSION,
	.bytes = sizeof(description),
	.works = 1,
};

/* All that can be, as far as its words may: more than any driver has. */
static void boast(void)
{
	struct penstock_adapter_facts *facts = &description.facts;

	for (uint32_t id = 0; id < PENSTOCK_FACTS; id++) {
		const struct penstock_fact *fact = penstock_fact_at(id);
		uint64_t *values = (uint64_t *)&facts->values + fact->first;

		for (uint32_t i = 0; i < fact->count; i++) {
			values[i] = fact->kind == PENSTOCK_FACT_FLAG   ? 1
				    : fact->kind == PENSTOCK_FACT_SIZE ? UINT64_MAX
								       : INT32_MAX;
		}
	}
	for (uint32_t id = 0; id < PENSTOCK_TEXEL_FORMATS; id++) {
		facts->formats[id] = (struct penstock_format_features){ ~0ull, ~0ull, ~0ull };
	}
	facts->memory_type_count = facts->memory_heap_count = 1;
	facts->device_name[0] = '\x7f';
	write_description(&description, sizeof(description));
}

/* A flag that is neither set nor clear. */
static void lie(void)
{
	description.facts.memory_type_count = description.facts.memory_heap_count = 1;
	description.facts.values.features_robustBufferAccess[0] = 2;
	write_description(&description, sizeof(description));
}

static void babble(void)
{
	for (;;) {
		uint64_t word = noise();

		write_description(&word, sizeof(word));
	}
}

static void stop_short(void)
{
	write_description(&description, sizeof(description) / 2);
}

static void say_more(void)
{
	write_description(&description, sizeof(description));
	write_description("", 1);
}

static void complain(void)
{
	description.works = 0;
	snprintf(description.why, sizeof(description.why), "the driver\nis out");
	write_description(&description, sizeof(description));
}

static void say_nothing(void)
{
	_exit(5);
}

static void die(void)
{
	(void)signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

/* These are honest but for this. */
static const struct {
	const char *name;
	void (*act)(void);
} descriptions[] = {
	{ "boast", boast },      { "lie", lie },       { "babble", babble },
	{ "short", stop_short }, { "more", say_more }, { "complain", complain },
	{ "mute", say_nothing }, { "die", die },       { "dumb", hang },
};

/* ---------------------------------------------------------------- who it is */

/* Which process of its daemon this is, from 1. */
static unsigned take_number(const char *path)
{
	for (unsigned number = 1; number < INSTANCES_MAX; number++) {
		char name[PATH_MAX];
		int file;

		snprintf(name, sizeof(name), "%s.%u", path, number);
		file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (file >= 0) {
			dprintf(file, "%d\n", (int)getpid());
			close(file);
			return number;
		}
	}
	_exit(2);
}

/* With the argument that it was started with, NULL: none. */
static void become_honest(const char *path, const char *argument)
{
	char name[PATH_MAX];
	char *const arguments[] = { name, (char *)(uintptr_t)argument, NULL };
	char *const environment[] = { NULL };

	snprintf(name, sizeof(name), "%.*s/penstock-gpu", (int)(strrchr(path, '/') - path), path);
	execve(name, arguments, environment);
	_exit(2);
}

/* The one that is asked about its driver is none of the numbered ones. */
static int describe(const char *path, const char *what)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(descriptions); i++) {
		if (strcmp(descriptions[i].name, what) == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			descriptions[i].act();
			return 0;
		}
	}
	become_honest(path, PENSTOCK_GPU_DESCRIBE);
	return 2;
}

int main(int argument_count, char **arguments)
{
	char what[32];
	unsigned wanted;
	const char *base = argument_count > 0 ? strrchr(arguments[0], '/') : NULL;

	if (base == NULL || sscanf(base, "/hostile-%31[a-z]-%u", what, &wanted) != 2) {
		return 2;
	}
	if (argument_count > 1) {
		return describe(arguments[0], what);
	}
	if (take_number(arguments[0]) != wanted && wanted != 0) {
		become_honest(arguments[0], NULL);
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	ring = mmap(NULL, PENSTOCK_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		    PENSTOCK_GPU_FD_RING, 0);
	for (size_t i = 0; ring != MAP_FAILED && i < PENSTOCK_ARRAY_SIZE(acts); i++) {
		if (strcmp(acts[i].name, what) == 0) {
			acts[i].act();
		}
	}
	become_honest(arguments[0], NULL);
	return 2;
}
