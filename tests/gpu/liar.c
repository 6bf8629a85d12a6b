/* SPDX-License-Identifier: MIT */
/* A GPU process that lies: it answers the first packet with a fence that was never submitted. */
#include "gpu-backend/emulated/channel.h"
#include "gpu-backend/emulated/ring.h"

#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
	struct penstock_ring *ring = mmap(NULL, PENSTOCK_RING_BYTES, PROT_READ | PROT_WRITE,
					  MAP_SHARED, PENSTOCK_GPU_FD_RING, 0);
	const uint64_t one = 1;

	if (ring == MAP_FAILED) {
		return 1;
	}
	while (penstock_ring_load32(&ring->nodes[0].producer) == 0) {
		sched_yield();
	}
	__atomic_store_n(&ring->nodes[0].fence, penstock_ring_fence(1, 0xbadf), __ATOMIC_RELEASE);
	if (write(PENSTOCK_GPU_FD_INTERRUPT, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
		return 1;
	}
	poll(NULL, 0, -1);
	return 0;
}
