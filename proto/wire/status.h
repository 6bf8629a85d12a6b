/* SPDX-License-Identifier: MIT */
/*
 * The one result enum of the product (proto/wire/status.def). Its values are the values on the
 * wire. Functions that can fail return it and nothing else; values come back through ret_
 * parameters that are left alone on failure.
 */
#ifndef PENSTOCK_STATUS_H
#define PENSTOCK_STATUS_H

#include <stdint.h>

/* The SDK installs the same list as penstock/status.h, made from the same table. */
#ifndef PENSTOCK_STATUS_LIST
#define PENSTOCK_STATUS_LIST
enum penstock_status {
#define STATUS(name, value, text) PENSTOCK_STATUS_##name = (int32_t)value,
#include "proto/wire/status.def"
#undef STATUS
};
#endif

/* The next two are part of the SDK's interface: visible in the shared library. */

/* "INVALID_PARAMETER"; "UNKNOWN" for a value that is none of ours. Static storage. */
__attribute__((visibility("default"))) const char *
penstock_status_name(enum penstock_status status);

/* "invalid parameter"; static storage. */
__attribute__((visibility("default"))) const char *
penstock_status_text(enum penstock_status status);

/* From the wire: any 32 bits. An unknown value is UNSUCCESSFUL. */
enum penstock_status penstock_status_from_wire(uint32_t value);

static inline uint32_t penstock_status_to_wire(enum penstock_status status)
{
	return (uint32_t)status;
}

/* From a name without prefix, as scripts write it. Returns 0, or -1 where there is no such name. */
int penstock_status_from_name(const char *name, enum penstock_status *ret_status);

/* A negated or positive errno value; what has no closer match is IO_DEVICE_ERROR. */
enum penstock_status penstock_status_from_errno(int error);

#endif
