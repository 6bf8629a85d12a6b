/* SPDX-License-Identifier: MIT */
/*
 * The two sides of the rings of one GPU process, as they are: the host's queues, and the nodes with
 * their engines, MMU and inbox, turn by turn in one thread. The packets are any bytes. The input is
 * steps:
 *
 *	0 NODE LENGTH BYTES...  a packet with that DMA buffer    4 NODE  the daemon collects
 *	1 NODE LENGTH BYTES...  a paging packet                  5 NODE  it asks to preempt
 *	2 NODE FLAGS            a packet without instructions    6 NODE  the process is replaced
 *	3 NODE                  the GPU does one thing           7 KIND ID ROLE SIZE FILE  a message
 *
 * NODE is a byte, LENGTH 2, little-endian. What the GPU says about any packets can be true: the
 * host takes none of it for impossible. Each packet ends once, in order: completed, at fault, or
 * dropped by a preemption, and the first that is dropped goes on from where it is said to have
 * stopped. Nothing is touched but what the MMU shows.
 */
#include "gpu-backend/emulated/gpu/inbox.h"
#include "gpu-backend/emulated/gpu/node.h"
#include "gpu-backend/emulated/host/queue.h"
#include "tests/fuzz/gpu_memory.h"
#include "tests/fuzz/input.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOT_BYTES 4096u

/* A packet that has not ended, as the daemon remembers it. */
struct sent {
	uint32_t fence;
	uint32_t start;
	uint32_t end;
	uint64_t address;
};

struct side {
	struct penstock_ring_node *ring;
	struct penstock_hw_queue queue;
	struct penstock_node node;
	struct sent sent[PENSTOCK_RING_PACKETS]; /* in order */
	uint32_t count;
	uint32_t asked; /* of them were there when preemption was asked for */
	uint32_t fence; /* last one given */
	uint32_t slot;  /* next one of its DMA buffers */
	bool halted;
};

static struct penstock_mmu mmu;
static struct penstock_inbox inbox;
static int channel[2]; /* the daemon's end, the GPU's */
static uint64_t messages;
static struct side sides[PENSTOCK_NODE_COUNT];

/* ---------------------------------------------------------------- begin and end */

/* Zeros, but for the paging buffers, which are written with their packets. */
static void begin_side(uint32_t ordinal)
{
	struct side *side = &sides[ordinal];
	const struct penstock_node_config config = {
		.ring = side->ring,
		.mmu = &mmu,
		.node_ordinal = ordinal,
		.interrupt = -1,
		.await_messages = penstock_inbox_await,
		.owner = &inbox,
	};

	memset(side->ring, 0, offsetof(struct penstock_ring_node, paging));
	penstock_node_init(&side->node, &config);
	penstock_hw_queue_reset(&side->queue, side->ring);
	side->count = side->asked = 0;
	side->halted = false;
}

static void begin_process(void)
{
	penstock_fuzz_memory_init(&mmu);
	PENSTOCK_REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == 0);
	penstock_inbox_init(&inbox, channel[1], &mmu);
	messages = 0;
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT; i++) {
		begin_side(i);
	}
}

static void end_process(void)
{
	close(channel[0]);
	PENSTOCK_REQUIRE(penstock_inbox_receive(&inbox) == PENSTOCK_STATUS_CONNECTION_DISCONNECTED);
	close(channel[1]);
	penstock_inbox_fini(&inbox);
	penstock_mmu_fini(&mmu);
}

/* ---------------------------------------------------------------- steps */

static struct side *take_side(struct penstock_fuzz_input *input)
{
	return &sides[penstock_fuzz_choose(input, PENSTOCK_NODE_COUNT)];
}

static const uint8_t *take_stream(struct penstock_fuzz_input *input, uint32_t *ret_length)
{
	size_t length = penstock_fuzz_take(input, 2) % (SLOT_BYTES + 1);
	const uint8_t *bytes = penstock_fuzz_take_bytes(input, &length);

	*ret_length = (uint32_t)length;
	return bytes;
}

static void put(struct side *side, const struct penstock_submit_args *args)
{
	if (side->halted || penstock_hw_queue_full(&side->queue)) {
		return;
	}
	side->sent[side->count++] = (struct sent){
		.fence = args->submission_fence_id,
		.start = args->submission_start_offset,
		.end = args->paging_buffer_bytes > 0 ? args->paging_buffer_bytes
						     : args->submission_end_offset,
		.address = args->dma_buffer_address,
	};
	penstock_hw_queue_put(&side->queue, args, messages);
}

static void put_packet(struct penstock_fuzz_input *input)
{
	struct side *side = take_side(input);
	uint32_t ordinal = side->queue.node_ordinal, length;
	uint32_t slot = ordinal * PENSTOCK_RING_PACKETS + side->slot++ % PENSTOCK_RING_PACKETS;
	const uint8_t *bytes = take_stream(input, &length);
	const struct penstock_submit_args args = {
		.submission_fence_id = ++side->fence,
		.dma_buffer_address = PENSTOCK_LOCAL_BASE + slot * SLOT_BYTES,
		.submission_end_offset = length,
	};

	memcpy(penstock_fuzz_memory_local() + slot * SLOT_BYTES, bytes, length);
	put(side, &args);
}

static void put_paging(struct penstock_fuzz_input *input)
{
	struct side *side = take_side(input);
	uint32_t length;
	const uint8_t *bytes = take_stream(input, &length);
	const struct penstock_submit_args args = {
		.submission_fence_id = ++side->fence,
		.flags = PENSTOCK_SUBMITCOMMAND_PAGING,
		.paging_buffer = bytes,
		.paging_buffer_bytes = length,
	};

	put(side, &args);
}

static void put_empty(struct penstock_fuzz_input *input)
{
	struct side *side = take_side(input);
	const struct penstock_submit_args args = {
		.submission_fence_id = ++side->fence,
		.flags = penstock_fuzz_take(input, 1) & PENSTOCK_SUBMITCOMMAND_NULL_RENDERING,
	};

	put(side, &args);
}

static void gpu(struct penstock_fuzz_input *input)
{
	(void)penstock_node_step(&take_side(input)->node);
}

static void forget(struct side *side, uint32_t count)
{
	side->count -= count;
	side->asked = side->asked > count ? side->asked - count : 0;
	memmove(side->sent, side->sent + count, side->count * sizeof(*side->sent));
}

static void completed(struct side *side, uint32_t fence)
{
	uint32_t count = 1;

	while (count <= side->count && side->sent[count - 1].fence != fence) {
		count++;
	}
	PENSTOCK_REQUIRE(count <= side->count);
	forget(side, count);
}

static void preempted(struct side *side, const struct penstock_interrupt *interrupt)
{
	struct sent first = side->sent[0];
	struct penstock_submit_args args = {
		.dma_buffer_address = first.address,
		.submission_start_offset = interrupt->resume_offset,
		.submission_end_offset = first.end,
		.resume_position = interrupt->resume_position,
	};
	bool dropped = side->asked > 0;

	forget(side, side->asked);
	if (dropped && first.address != 0) {
		PENSTOCK_REQUIRE(interrupt->resume_offset >= first.start &&
				 interrupt->resume_offset <= first.end);
		args.submission_fence_id = ++side->fence;
		put(side, &args);
	}
}

static void collect(struct penstock_fuzz_input *input)
{
	struct side *side = take_side(input);
	struct penstock_interrupt interrupt;
	bool news = penstock_hw_queue_has_news(&side->queue);
	enum penstock_collected collected = penstock_hw_queue_collect(&side->queue, &interrupt);

	PENSTOCK_REQUIRE(collected != PENSTOCK_COLLECTED_IMPOSSIBLE);
	PENSTOCK_REQUIRE(collected == PENSTOCK_COLLECTED_NOTHING || news);
	if (collected == PENSTOCK_COLLECTED_NOTHING) {
		return;
	}
	PENSTOCK_REQUIRE(interrupt.node_ordinal == side->queue.node_ordinal);
	switch (interrupt.type) {
	case PENSTOCK_INTERRUPT_DMA_COMPLETED:
		completed(side, interrupt.fence_id);
		break;
	case PENSTOCK_INTERRUPT_DMA_PREEMPTED:
		preempted(side, &interrupt);
		break;
	case PENSTOCK_INTERRUPT_DMA_FAULTED:
	case PENSTOCK_INTERRUPT_DMA_PAGE_FAULTED:
		PENSTOCK_REQUIRE(side->count > 0 && side->sent[0].fence == interrupt.fence_id);
		side->halted = true;
		break;
	case PENSTOCK_INTERRUPT_NONE:
		abort(); /* nobody interrupts with that */
	}
}

static void ask(struct penstock_fuzz_input *input)
{
	struct side *side = take_side(input);

	if (!side->queue.preempting && !side->queue.preempt_direct) {
		side->asked = side->count;
		penstock_hw_queue_preempt(&side->queue, side->fence);
	}
}

static void replace(struct penstock_fuzz_input *input)
{
	(void)input;
	end_process();
	begin_process();
}

/* One that cannot be acted on ends a GPU process. */
static void message(struct penstock_fuzz_input *input)
{
	struct penstock_channel_message said = {
		.kind = penstock_fuzz_take(input, 1) % 4,
		.file_id = penstock_fuzz_take(input, 1),
		.role = penstock_fuzz_take(input, 1),
		.size_bytes = (uint64_t)penstock_fuzz_take(input, 2) * 1024,
	};
	struct iovec bytes = { &said, sizeof(said) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr header = { .msg_iov = &bytes, .msg_iovlen = 1 };
	int descriptor = penstock_fuzz_memory_file(penstock_fuzz_take(input, 1));
	struct cmsghdr *rights;

	if (descriptor >= 0) {
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
		rights = CMSG_FIRSTHDR(&header);
		*rights = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(rights), &descriptor, sizeof(descriptor));
	} else {
		bytes.iov_len -= said.kind;
	}
	PENSTOCK_REQUIRE(sendmsg(channel[0], &header, MSG_NOSIGNAL) >= 0);
	if (penstock_inbox_receive(&inbox) != PENSTOCK_STATUS_SUCCESS) {
		replace(input);
		return;
	}
	messages++;
}

static void (*const steps[])(struct penstock_fuzz_input *input) = {
	put_packet, put_paging, put_empty, gpu, collect, ask, replace, message,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct penstock_fuzz_input input = { data, size };

	if (penstock_fuzz_spins_long(data, size)) {
		return 0;
	}
	for (uint32_t i = 0; i < PENSTOCK_NODE_COUNT && sides[i].ring == NULL; i++) {
		sides[i].ring = aligned_alloc(4096, sizeof(struct penstock_ring_node));
		PENSTOCK_REQUIRE(sides[i].ring != NULL);
		penstock_hw_queue_init(&sides[i].queue, i);
	}
	begin_process();
	while (input.left > 0) {
		steps[penstock_fuzz_choose(&input, PENSTOCK_ARRAY_SIZE(steps))](&input);
	}
	end_process();
	return 0;
}
