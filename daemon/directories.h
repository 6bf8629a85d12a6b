/* SPDX-License-Identifier: MIT */
/*
 * The daemon's places on disk, and the lock on the memory directory that outlives a daemon as long
 * as one of its GPU processes runs.
 */
#ifndef PENSTOCK_DIRECTORIES_H
#define PENSTOCK_DIRECTORIES_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

/*
 * Makes a folder of mode 0700 where there is none (its parents too, mode 0755). SUCCESS;
 * ACCESS_DENIED, IO_DEVICE_ERROR, INVALID_PARAMETER (something else is there) with a sentence.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_directory_make(const char *path, struct penstock_errbuf *reterr_text);

/* The same with mode 0755: everybody may go through it to the socket. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_directory_make_public(const char *path,
						    struct penstock_errbuf *reterr_text);

/*
 * Takes the lock of `memory_dir`: waits at most `wait_ms` for the GPU processes of a daemon that is
 * gone; blocks the thread. *ret_descriptor is close-on-exec and the caller's. SUCCESS; TIMEOUT
 * (another daemon lives there); ACCESS_DENIED, IO_DEVICE_ERROR.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_directory_lock(const char *memory_dir, unsigned wait_ms,
					     int *ret_descriptor,
					     struct penstock_errbuf *reterr_text);

#endif
