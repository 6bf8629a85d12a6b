/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/emulated/gpu/confine.h"

#include "gpu-backend/backend.h"
#include "gpu-backend/confinement/confinement.h"
#include "gpu-backend/emulated/channel.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static const int permitted[] = {
	SCMP_SYS(futex),           SCMP_SYS(poll),           SCMP_SYS(ppoll),
	SCMP_SYS(munmap),          SCMP_SYS(mremap),         SCMP_SYS(brk),
	SCMP_SYS(close),           SCMP_SYS(clock_gettime),  SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(sched_yield),    SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
	SCMP_SYS(getpid),          SCMP_SYS(gettid),         SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* A call on one descriptor only. */
#define ON(number, descriptor) PENSTOCK_CONFINEMENT_IF(number, 0, descriptor)

/* madvise(address, length, advice). */
#define ON_ADVICE(advice) PENSTOCK_CONFINEMENT_IF(SCMP_SYS(madvise), 2, advice)

static const struct penstock_confinement_rule rules[] = {
	ON(SCMP_SYS(write), PENSTOCK_GPU_FD_INTERRUPT),
	ON(SCMP_SYS(write), PENSTOCK_GPU_FD_INTERRUPT + 1),
	ON(SCMP_SYS(recvmsg), PENSTOCK_GPU_FD_CHANNEL),
	PENSTOCK_CONFINEMENT_ANONYMOUS_MMAP,
	{ SCMP_SYS(mmap),
	  2,
	  { PENSTOCK_CONFINEMENT_NO_EXEC,
	    { 3, SCMP_CMP_MASKED_EQ, MAP_FIXED | MAP_TYPE, MAP_FIXED | MAP_SHARED } } },
	{ SCMP_SYS(mprotect), 1, { PENSTOCK_CONFINEMENT_NO_EXEC } },
	/* What an allocator says; others (MADV_REMOVE) take pages of files from under the daemon.
	 */
	ON_ADVICE(MADV_DONTNEED),
	ON_ADVICE(MADV_FREE),
	ON_ADVICE(MADV_HUGEPAGE),
	ON_ADVICE(MADV_NOHUGEPAGE),
	/* What paging says of its files: those pages are reserved. */
	ON_ADVICE(MADV_POPULATE_READ),
	ON_ADVICE(MADV_POPULATE_WRITE),
	/*
	 * The last eight are a compiler's. A thread of the driver's that has not run yet when the
	 * confinement comes over it begins behind it: the C library registers it, the driver gives
	 * it a name, and an allocator counts processors for it. Code is written first, and
	 * executable when nobody can write it any more; the C library's qsort() asks how much
	 * memory there is; LLVM asks what its standard error is.
	 */
	{ SCMP_SYS(mprotect), 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_EXEC } } },
	{ SCMP_SYS(sysinfo), 0, { { 0 } } },
	ON(SCMP_SYS(lseek), STDERR_FILENO),
	ON(SCMP_SYS(newfstatat), STDERR_FILENO),
	{ SCMP_SYS(rseq), 0, { { 0 } } },
	{ SCMP_SYS(set_robust_list), 0, { { 0 } } },
	PENSTOCK_CONFINEMENT_IF(SCMP_SYS(prctl), 0, PR_SET_NAME),
	PENSTOCK_CONFINEMENT_IF(SCMP_SYS(sched_getaffinity), 0, 0),
};

#define COMPILER_RULES 8u

/*
 * The driver asks for memory that it could write and execute at once, for copies of vertices; where
 * there is none it copies them by plain code. The C library would like to know how the kernel
 * commits memory before it gives some of a thread's back, and does it in another way where it is
 * not told.
 */
static const struct penstock_confinement_rule compiler_denied[] = {
	{ SCMP_SYS(mmap),
	  2,
	  { { 2, SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC },
	    { 3, SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_TYPE, MAP_ANONYMOUS | MAP_PRIVATE } } },
	PENSTOCK_CONFINEMENT_IF(SCMP_SYS(openat), 2, O_RDONLY | O_CLOEXEC),
};

_Static_assert(PENSTOCK_NODE_COUNT == 2, "a rule for each node's descriptors");

int penstock_confine(bool compiles)
{
	const struct penstock_confinement confinement = {
		.permitted = permitted,
		.permitted_count = PENSTOCK_ARRAY_SIZE(permitted),
		.rules = rules,
		.rule_count = PENSTOCK_ARRAY_SIZE(rules) - (compiles ? 0 : COMPILER_RULES),
		.denied = compiler_denied,
		.denied_count = compiles ? PENSTOCK_ARRAY_SIZE(compiler_denied) : 0,
	};

	return penstock_confinement_load(&confinement);
}
