/* SPDX-License-Identifier: MIT */
#include "daemon/faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum penstock_fault_kind kind;
} kinds[] = {
	{ "late", PENSTOCK_FAULT_LATE },
	{ "lost", PENSTOCK_FAULT_LOST },
	{ "repeated", PENSTOCK_FAULT_REPEATED },
	{ "invented", PENSTOCK_FAULT_INVENTED },
	{ "misplaced", PENSTOCK_FAULT_MISPLACED },
	{ "illegal", PENSTOCK_FAULT_ILLEGAL },
	{ "page-fault", PENSTOCK_FAULT_PAGE_FAULT },
	{ "hang", PENSTOCK_FAULT_HANG },
	{ "stuck", PENSTOCK_FAULT_STUCK },
	{ "death", PENSTOCK_FAULT_DEATH },
	{ "adapter", PENSTOCK_FAULT_ADAPTER },
};

/* Digits, up to the first character that is none; moves *at. */
static bool take_number(const char **at, uint64_t limit, uint64_t *ret_number)
{
	unsigned long long number;
	char *rest;

	if (**at < '0' || **at > '9') {
		return false;
	}
	errno = 0;
	number = strtoull(*at, &rest, 10);
	*at = rest;
	*ret_number = number;
	return errno == 0 && number <= limit;
}

static bool take_kind(const char **at, enum penstock_fault_kind *ret_kind)
{
	size_t length = strcspn(*at, ":,");

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(kinds); i++) {
		if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, *at, length) == 0) {
			*ret_kind = kinds[i].kind;
			*at += length;
			return true;
		}
	}
	return false;
}

/* One "packet:kind[:argument]". */
static bool take_fault(const char **at, struct penstock_fault *ret_fault)
{
	struct penstock_fault fault = { .argument = 0 };
	uint64_t argument = 0;

	if (!take_number(at, UINT64_MAX, &fault.packet) || **at != ':') {
		return false;
	}
	(*at)++;
	if (!take_kind(at, &fault.kind)) {
		return false;
	}
	if (**at == ':') {
		(*at)++;
		if (!take_number(at, UINT32_MAX, &argument)) {
			return false;
		}
	}
	fault.argument = (uint32_t)argument;
	*ret_fault = fault;
	return true;
}

enum penstock_status penstock_faults_parse(const char *text,
					   struct penstock_fault ret_faults[PENSTOCK_FAULTS_MAX],
					   size_t *ret_count, struct penstock_errbuf *reterr_text)
{
	const char *at = text;
	size_t count = 0;

	while (*at != '\0') {
		if (count == PENSTOCK_FAULTS_MAX || !take_fault(&at, &ret_faults[count]) ||
		    (*at != '\0' && *at != ',') || (*at == ',' && at[1] == '\0')) {
			penstock_errbuf_set(reterr_text,
					    "'%.100s' is not PACKET:KIND[:ARGUMENT],...", text);
			return PENSTOCK_STATUS_INVALID_PARAMETER;
		}
		count++;
		at += *at == ',';
	}
	*ret_count = count;
	return PENSTOCK_STATUS_SUCCESS;
}
