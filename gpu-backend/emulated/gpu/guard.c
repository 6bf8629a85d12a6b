/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <ucontext.h>

static __thread struct penstock_guard *current_guard;
static __thread bool is_node; /* was in a guard */
static struct penstock_guard_watch *current_watch;

/*
 * What an instruction touches is the client's memory. Who may touch it when is the daemon's to
 * say, in another process, and two contexts may race there as they like: to the thread sanitizer
 * it is no memory of this program.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED_BY_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define WATCHED_BY_THREAD_SANITIZER
#endif

#ifdef WATCHED_BY_THREAD_SANITIZER
void __tsan_ignore_thread_begin(void);
void __tsan_ignore_thread_end(void);
#else
static inline void __tsan_ignore_thread_begin(void)
{
}
static inline void __tsan_ignore_thread_end(void)
{
}
#endif

#define PAGE_FAULT_WRITE 0x2 /* of the x86 page-fault error code */

static bool fault_was_write(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (context->uc_mcontext.gregs[REG_ERR] & PAGE_FAULT_WRITE) != 0;
#else
	(void)context;
	return false;
#endif
}

/* Of a library's thread, with whatever locks it holds. Returns where it is none of the windows. */
static void stand_still(struct penstock_guard_watch *watch, const siginfo_t *info, bool write)
{
	uint64_t address;

	if (!penstock_mmu_gpu_address(watch->mmu, info->si_addr, &address)) {
		return;
	}
	if (__atomic_fetch_add(&watch->touches, 1, __ATOMIC_RELAXED) == 0) {
		watch->address = address;
		watch->write = write;
		__atomic_store_n(&watch->recorded, 1, __ATOMIC_RELEASE);
	}
	for (;;) {
		(void)poll(NULL, 0, -1);
	}
}

/* SA_NODEFER and an empty mask: leaving by siglongjmp leaves no signal blocked. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	struct penstock_guard *guard = current_guard;
	struct penstock_guard_watch *watch = __atomic_load_n(&current_watch, __ATOMIC_ACQUIRE);
	uint64_t address = 0;

	if (watch != NULL && !is_node) {
		stand_still(watch, info, fault_was_write(context));
	}
	if (guard == NULL ||
	    (!penstock_mmu_gpu_address(guard->mmu, info->si_addr, &address) && number != SIGBUS)) {
		/* Ours: the instruction runs again and meets the default action. */
		signal(number, SIG_DFL);
		return;
	}
	guard->fault_address = address;
	guard->fault_write = fault_was_write(context);
	current_guard = NULL; /* what the sanitizer ignored ended with the call of its handler */
	/* The handler may have run with more blocked than it was installed with. */
	(void)pthread_sigmask(SIG_SETMASK, &((const ucontext_t *)context)->uc_sigmask, NULL);
	siglongjmp(guard->escape, 1);
}

int penstock_guard_install(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGSEGV, &action, NULL) != 0 || sigaction(SIGBUS, &action, NULL) != 0) {
		return -errno;
	}
	return 0;
}

void penstock_guard_enter(struct penstock_guard *guard, const struct penstock_mmu *mmu)
{
	guard->mmu = mmu;
	is_node = true;
	current_guard = guard;
	__tsan_ignore_thread_begin();
}

void penstock_guard_leave(void)
{
	__tsan_ignore_thread_end();
	current_guard = NULL;
}

void penstock_guard_set_watch(struct penstock_guard_watch *watch)
{
	__atomic_store_n(&current_watch, watch, __ATOMIC_RELEASE);
}
