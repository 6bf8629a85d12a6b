/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/program/confine.h"

#include "gpu-backend/confinement/confinement.h"
#include "gpu-backend/shader/exchange.h"

#include <sys/mman.h>

static const int permitted[] = {
	SCMP_SYS(futex),          SCMP_SYS(munmap),
	SCMP_SYS(mremap),         SCMP_SYS(brk),
	SCMP_SYS(rt_sigreturn),   SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
	SCMP_SYS(getpid),         SCMP_SYS(gettid),
	SCMP_SYS(exit),           SCMP_SYS(exit_group),
};

static const struct penstock_confinement_rule rules[] = {
	PENSTOCK_CONFINEMENT_IF(SCMP_SYS(read), 0, PENSTOCK_SHADER_FD),
	PENSTOCK_CONFINEMENT_IF(SCMP_SYS(write), 0, PENSTOCK_SHADER_FD),
	PENSTOCK_CONFINEMENT_ANONYMOUS_MMAP,
	{ SCMP_SYS(mprotect), 1, { PENSTOCK_CONFINEMENT_NO_EXEC } },
	PENSTOCK_CONFINEMENT_IF(SCMP_SYS(madvise), 2, MADV_DONTNEED),
};

int penstock_shader_confine(void)
{
	static const struct penstock_confinement confinement = {
		.permitted = permitted,
		.permitted_count = PENSTOCK_ARRAY_SIZE(permitted),
		.rules = rules,
		.rule_count = PENSTOCK_ARRAY_SIZE(rules),
	};

	return penstock_confinement_load(&confinement);
}
