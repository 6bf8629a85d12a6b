/* SPDX-License-Identifier: MIT */
/* Starting a program with chosen descriptors and nothing else of the daemon's. */
#ifndef PENSTOCK_SPAWN_H
#define PENSTOCK_SPAWN_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

#include <sys/types.h>

/* The i-th descriptor is the program's descriptor 3 + i; -1: /dev/null. */
#define PENSTOCK_SPAWN_FIRST 3
#define PENSTOCK_SPAWN_MAX   16

/*
 * `argument` is its only one; NULL: none. Standard input and output are /dev/null, standard error
 * is the daemon's; signals are at their defaults, the environment is empty. Descriptors are
 * borrowed. The caller owns the pidfd and waits for the process. SUCCESS, NO_MEMORY,
 * IO_DEVICE_ERROR.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_spawn(const char *program, const char *argument,
				    const int *descriptors, size_t count, pid_t *ret_pid,
				    int *ret_pidfd);

#endif
