/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/confinement/confinement.h"

#include <errno.h>
#include <unistd.h>

#ifdef PENSTOCK_SANITIZERS

static const int forbidden[] = {
	SCMP_SYS(socket),   SCMP_SYS(socketpair), SCMP_SYS(connect),   SCMP_SYS(bind),
	SCMP_SYS(accept4),  SCMP_SYS(sendmsg),    SCMP_SYS(sendto),    SCMP_SYS(execve),
	SCMP_SYS(execveat), SCMP_SYS(fork),       SCMP_SYS(vfork),     SCMP_SYS(ptrace),
	SCMP_SYS(mount),    SCMP_SYS(bpf),        SCMP_SYS(ftruncate), SCMP_SYS(io_uring_setup),
};

static scmp_filter_ctx filter_new(const struct penstock_confinement *confinement)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	(void)confinement;
	for (size_t i = 0; filter != NULL && i < PENSTOCK_ARRAY_SIZE(forbidden); i++) {
		if (seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, forbidden[i], 0) != 0) {
			seccomp_release(filter);
			return NULL;
		}
	}
	return filter;
}

#else

/* abort() signals a thread of this process; the daemon and programs like this have our user. */
static int add_own_signals(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp own = { 0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0 };

	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, own);
}

static int add_rules(scmp_filter_ctx filter, uint32_t action,
		     const struct penstock_confinement_rule *rules, size_t count)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++) {
		result = seccomp_rule_add_array(filter, action, rules[i].number, rules[i].count,
						rules[i].compare);
	}
	return result;
}

static int add_all(scmp_filter_ctx filter, const struct penstock_confinement *confinement)
{
	int result = add_own_signals(filter);

	for (size_t i = 0; result == 0 && i < confinement->permitted_count; i++) {
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, confinement->permitted[i], 0);
	}
	if (result == 0) {
		result = add_rules(filter, SCMP_ACT_ALLOW, confinement->rules,
				   confinement->rule_count);
	}
	if (result == 0) {
		result = add_rules(filter, SCMP_ACT_ERRNO(EACCES), confinement->denied,
				   confinement->denied_count);
	}
	return result;
}

static scmp_filter_ctx filter_new(const struct penstock_confinement *confinement)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (filter != NULL && add_all(filter, confinement) != 0) {
		seccomp_release(filter);
		return NULL;
	}
	return filter;
}

#endif

int penstock_confinement_load(const struct penstock_confinement *confinement)
{
	scmp_filter_ctx filter = filter_new(confinement);
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
