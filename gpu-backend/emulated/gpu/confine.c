/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/emulated/gpu/confine.h"

#include "gpu-backend/backend.h"
#include "gpu-backend/emulated/channel.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef PENSTOCK_SANITIZERS

static const int forbidden[] = {
	SCMP_SYS(socket),   SCMP_SYS(socketpair), SCMP_SYS(connect),   SCMP_SYS(bind),
	SCMP_SYS(accept4),  SCMP_SYS(sendmsg),    SCMP_SYS(sendto),    SCMP_SYS(execve),
	SCMP_SYS(execveat), SCMP_SYS(fork),       SCMP_SYS(vfork),     SCMP_SYS(ptrace),
	SCMP_SYS(mount),    SCMP_SYS(bpf),        SCMP_SYS(ftruncate), SCMP_SYS(io_uring_setup),
};

static scmp_filter_ctx filter_new(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	for (size_t i = 0; filter != NULL && i < PENSTOCK_ARRAY_SIZE(forbidden); i++) {
		if (seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, forbidden[i], 0) != 0) {
			seccomp_release(filter);
			return NULL;
		}
	}
	return filter;
}

#else

/* Without arguments to look at. */
static const int permitted[] = {
	SCMP_SYS(futex),           SCMP_SYS(poll),           SCMP_SYS(ppoll),
	SCMP_SYS(munmap),          SCMP_SYS(mremap),         SCMP_SYS(brk),
	SCMP_SYS(close),           SCMP_SYS(clock_gettime),  SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(sched_yield),    SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
	SCMP_SYS(getpid),          SCMP_SYS(gettid),         SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Comparisons of arguments; all of a rule must hold. */
struct rule {
	int number;
	unsigned count;
	struct scmp_arg_cmp compare[2];
};

/* A call on one descriptor only. */
#define ON(number, descriptor)                                                                     \
	{                                                                                          \
		number, 1,                                                                         \
		{                                                                                  \
			{                                                                          \
				0, SCMP_CMP_EQ, descriptor, 0                                      \
			}                                                                          \
		}                                                                                  \
	}

/* mmap(address, length, protection, flags, ...): never with exec. */
#define MMAP_ACCESS                                                                                \
	{                                                                                          \
		2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0                                                \
	}

/* madvise(address, length, advice). */
#define ON_ADVICE(advice)                                                                          \
	{                                                                                          \
		SCMP_SYS(madvise), 1,                                                              \
		{                                                                                  \
			{                                                                          \
				2, SCMP_CMP_EQ, advice, 0                                          \
			}                                                                          \
		}                                                                                  \
	}

static const struct rule rules[] = {
	ON(SCMP_SYS(write), PENSTOCK_GPU_FD_INTERRUPT),
	ON(SCMP_SYS(write), PENSTOCK_GPU_FD_INTERRUPT + 1),
	ON(SCMP_SYS(recvmsg), PENSTOCK_GPU_FD_CHANNEL),
	{ SCMP_SYS(mmap),
	  2,
	  { MMAP_ACCESS,
	    { 3, SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_TYPE, MAP_ANONYMOUS | MAP_PRIVATE } } },
	{ SCMP_SYS(mmap),
	  2,
	  { MMAP_ACCESS,
	    { 3, SCMP_CMP_MASKED_EQ, MAP_FIXED | MAP_TYPE, MAP_FIXED | MAP_SHARED } } },
	{ SCMP_SYS(mprotect), 1, { MMAP_ACCESS } },
	/* What an allocator says; others (MADV_REMOVE) take pages of files from under the daemon.
	 */
	ON_ADVICE(MADV_DONTNEED),
	ON_ADVICE(MADV_FREE),
	ON_ADVICE(MADV_HUGEPAGE),
	ON_ADVICE(MADV_NOHUGEPAGE),
	/* What paging says of its files: those pages are reserved. */
	ON_ADVICE(MADV_POPULATE_READ),
	ON_ADVICE(MADV_POPULATE_WRITE),
};

/* abort() signals a thread of this process; the daemon and other GPU processes have our user. */
static int add_own_signals(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp own = { 0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0 };

	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, own);
}

static int add_all(scmp_filter_ctx filter)
{
	int result = add_own_signals(filter);

	for (size_t i = 0; result == 0 && i < PENSTOCK_ARRAY_SIZE(permitted); i++) {
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, permitted[i], 0);
	}
	for (size_t i = 0; result == 0 && i < PENSTOCK_ARRAY_SIZE(rules); i++) {
		result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].number,
						rules[i].count, rules[i].compare);
	}
	return result;
}

static scmp_filter_ctx filter_new(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (filter != NULL && add_all(filter) != 0) {
		seccomp_release(filter);
		return NULL;
	}
	return filter;
}

#endif

_Static_assert(PENSTOCK_NODE_COUNT == 2, "a rule for each node's descriptors");

int penstock_confine(void)
{
	scmp_filter_ctx filter = filter_new();
	int result;

	if (filter == NULL) {
		return -ENOMEM;
	}
	/* Threads that exist already are confined too. */
	result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (result == 0) {
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);
	}
	if (result == 0) {
		result = seccomp_load(filter);
	}
	seccomp_release(filter);
	return result;
}
