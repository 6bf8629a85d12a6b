/* SPDX-License-Identifier: MIT */
#include "daemon/memory/mapped.h"

#include "proto/wire/limits.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

/*
 * A list that only grows, since the handler may walk it at any moment: one that is forgotten has
 * no end, and serves the next mapping.
 */
struct penstock_mapped {
	struct penstock_mapped *next;
	struct penstock_mapped *next_free; /* the loop's */
	uintptr_t start;
	uintptr_t end; /* written last and read first; 0: free */
	bool torn;
};

static struct penstock_mapped *mappings;
static struct penstock_mapped *free_ones;
static struct sigaction before;

static struct penstock_mapped *mapped_at(uintptr_t address)
{
	struct penstock_mapped *mapped = __atomic_load_n(&mappings, __ATOMIC_ACQUIRE);

	for (; mapped != NULL; mapped = mapped->next) {
		if (address < __atomic_load_n(&mapped->end, __ATOMIC_ACQUIRE) &&
		    address >= __atomic_load_n(&mapped->start, __ATOMIC_RELAXED)) {
			return mapped;
		}
	}
	return NULL;
}

/* mmap is a system call and no more. */
static bool replace_page(uintptr_t address)
{
	void *page = (void *)(address & ~(uintptr_t)(PENSTOCK_PAGE_BYTES - 1));

	return mmap(page, PENSTOCK_PAGE_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
	struct penstock_mapped *mapped = mapped_at((uintptr_t)info->si_addr);
	int error = errno;

	if (mapped != NULL && replace_page((uintptr_t)info->si_addr)) {
		__atomic_store_n(&mapped->torn, true, __ATOMIC_RELEASE);
		errno = error;
		return;
	}
	if ((before.sa_flags & SA_SIGINFO) != 0) {
		before.sa_sigaction(number, info, context);
		return;
	}
	if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(number);
		return;
	}
	/* The instruction runs again and meets the default action. */
	signal(number, SIG_DFL);
}

static bool install(void)
{
	static bool installed;
	struct sigaction action = { .sa_sigaction = on_bus_error,
				    .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (!installed) {
		sigemptyset(&action.sa_mask);
		installed = sigaction(SIGBUS, &action, &before) == 0;
	}
	return installed;
}

static struct penstock_mapped *take(void)
{
	struct penstock_mapped *mapped = free_ones;

	if (mapped != NULL) {
		free_ones = mapped->next_free;
		return mapped;
	}
	mapped = calloc(1, sizeof(*mapped));
	if (mapped != NULL) {
		mapped->next = mappings;
		__atomic_store_n(&mappings, mapped, __ATOMIC_RELEASE);
	}
	return mapped;
}

struct penstock_mapped *penstock_mapped_watch(void *address, uint64_t size_bytes)
{
	struct penstock_mapped *mapped = install() ? take() : NULL;

	if (mapped != NULL) {
		__atomic_store_n(&mapped->torn, false, __ATOMIC_RELAXED);
		__atomic_store_n(&mapped->start, (uintptr_t)address, __ATOMIC_RELAXED);
		__atomic_store_n(&mapped->end, (uintptr_t)address + size_bytes, __ATOMIC_RELEASE);
	}
	return mapped;
}

void penstock_mapped_forget(struct penstock_mapped *mapped)
{
	if (mapped != NULL) {
		__atomic_store_n(&mapped->end, 0, __ATOMIC_RELEASE);
		mapped->next_free = free_ones;
		free_ones = mapped;
	}
}

bool penstock_mapped_torn(const struct penstock_mapped *mapped)
{
	return mapped != NULL && __atomic_load_n(&mapped->torn, __ATOMIC_ACQUIRE);
}
