/* SPDX-License-Identifier: MIT */
/*
 * How a program of ours gives up what it may ask of the kernel, once it is initialised and before
 * it looks at anything that it does not trust. It has a list of what it needs; anything else kills
 * it, whole.
 *
 * In a build with sanitizers the runtime needs more than a list can say: there the filter forbids
 * what leads out of the process (sockets, exec, new processes, ptrace, mounts), and permits the
 * rest.
 */
#ifndef PENSTOCK_CONFINEMENT_H
#define PENSTOCK_CONFINEMENT_H

#include "proto/base/base.h"

#include <seccomp.h>

/* Comparisons of arguments; all of a rule must hold. */
struct penstock_confinement_rule {
	int number;
	unsigned count;
	struct scmp_arg_cmp compare[2];
};

/* The initialiser of a rule: argument `index` is `value`. */
#define PENSTOCK_CONFINEMENT_IF(number, index, value)                                              \
	{                                                                                          \
		number, 1,                                                                         \
		{                                                                                  \
			{                                                                          \
				index, SCMP_CMP_EQ, value, 0                                       \
			}                                                                          \
		}                                                                                  \
	}

/* A comparison for mmap and mprotect (address, length, protection, ...): never with exec. */
#define PENSTOCK_CONFINEMENT_NO_EXEC                                                               \
	{                                                                                          \
		2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0                                                \
	}

/* The rule of memory that is this process's alone. */
#define PENSTOCK_CONFINEMENT_ANONYMOUS_MMAP                                                        \
	{                                                                                          \
		SCMP_SYS(mmap), 2,                                                                 \
		{                                                                                  \
			PENSTOCK_CONFINEMENT_NO_EXEC,                                              \
			{                                                                          \
				3, SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_TYPE,                   \
					MAP_ANONYMOUS | MAP_PRIVATE                                \
			}                                                                          \
		}                                                                                  \
	}

struct penstock_confinement {
	const int *permitted; /* whatever their arguments */
	size_t permitted_count;
	const struct penstock_confinement_rule *rules;
	size_t rule_count;
	/* What fails with EACCES instead of killing: a library tries it, and does without. */
	const struct penstock_confinement_rule *denied;
	size_t denied_count;
};

/*
 * PR_SET_NO_NEW_PRIVS and the filter, for all threads that there are. Signals to this process's own
 * threads are permitted too: abort() sends one. 0, or -errno.
 */
PENSTOCK_MUST_CHECK
int penstock_confinement_load(const struct penstock_confinement *confinement);

#endif
