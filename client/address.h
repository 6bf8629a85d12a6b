/* SPDX-License-Identifier: MIT */
#ifndef PENSTOCK_CLIENT_ADDRESS_H
#define PENSTOCK_CLIENT_ADDRESS_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

/*
 * A connected socket, in blocking mode; *ret_descriptor is the caller's. `server` is unix:PATH or
 * penstock://HOST:PORT. deadline_ms is of CLOCK_MONOTONIC in milliseconds, PENSTOCK_FOREVER for
 * none. SUCCESS; otherwise one sentence, and: INVALID_PARAMETER: the address has no known form;
 * NOT_FOUND: no such host; or what the system said.
 */
enum penstock_status penstock_address_connect(const char *server, int64_t deadline_ms,
					      int *ret_descriptor,
					      struct penstock_errbuf *reterr_text);

/*
 * The same without waiting: the socket may still be connecting, and say later that it could not.
 * Of several addresses of a name, each `attempt` takes the next.
 */
enum penstock_status penstock_address_begin(const char *server, uint32_t attempt,
					    int *ret_descriptor,
					    struct penstock_errbuf *reterr_text);

#endif
