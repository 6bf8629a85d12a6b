/* SPDX-License-Identifier: MIT */
#include "proto/wire/status.h"

#include "proto/base/base.h"

#include <errno.h>
#include <string.h>

static const struct {
	enum penstock_status status;
	const char *name;
	const char *text;
} statuses[] = {
#define STATUS(name, value, text) { PENSTOCK_STATUS_##name, #name, text },
#include "proto/wire/status.def"
#undef STATUS
};

const char *penstock_status_name(enum penstock_status status)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(statuses); i++) {
		if (statuses[i].status == status) {
			return statuses[i].name;
		}
	}
	return "UNKNOWN";
}

const char *penstock_status_text(enum penstock_status status)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(statuses); i++) {
		if (statuses[i].status == status) {
			return statuses[i].text;
		}
	}
	return "unknown status";
}

enum penstock_status penstock_status_from_wire(uint32_t value)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(statuses); i++) {
		if (penstock_status_to_wire(statuses[i].status) == value) {
			return statuses[i].status;
		}
	}
	return PENSTOCK_STATUS_UNSUCCESSFUL;
}

int penstock_status_from_name(const char *name, enum penstock_status *ret_status)
{
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(statuses); i++) {
		if (strcmp(statuses[i].name, name) == 0) {
			*ret_status = statuses[i].status;
			return 0;
		}
	}
	return -1;
}

enum penstock_status penstock_status_from_errno(int error)
{
	static const struct {
		int error;
		enum penstock_status status;
	} table[] = {
		{ 0, PENSTOCK_STATUS_SUCCESS },
		{ ENOMEM, PENSTOCK_STATUS_NO_MEMORY },
		{ ENOSPC, PENSTOCK_STATUS_NO_MEMORY },
		{ EDQUOT, PENSTOCK_STATUS_NO_MEMORY },
		{ EACCES, PENSTOCK_STATUS_ACCESS_DENIED },
		{ EPERM, PENSTOCK_STATUS_ACCESS_DENIED },
		{ ENOENT, PENSTOCK_STATUS_NOT_FOUND },
		{ EINVAL, PENSTOCK_STATUS_INVALID_PARAMETER },
		{ ETIMEDOUT, PENSTOCK_STATUS_TIMEOUT },
		{ ECANCELED, PENSTOCK_STATUS_CANCELLED },
		{ ECONNREFUSED, PENSTOCK_STATUS_CONNECTION_REFUSED },
		{ ECONNRESET, PENSTOCK_STATUS_CONNECTION_DISCONNECTED },
		{ EPIPE, PENSTOCK_STATUS_CONNECTION_DISCONNECTED },
	};

	error = error < 0 ? -error : error;
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(table); i++) {
		if (table[i].error == error) {
			return table[i].status;
		}
	}
	return PENSTOCK_STATUS_IO_DEVICE_ERROR;
}
