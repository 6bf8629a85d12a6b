/* SPDX-License-Identifier: MIT */
/*
 * The configuration file, read by inih. Its build cuts lines at 200 bytes without a word and takes
 * an indented line for more of the value before; both are errors here.
 */
#include "daemon/config.h"

#include "daemon/config_keys.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	FILE *stream;
	const char *name;
	struct penstock_config *config;
	unsigned line;
	unsigned fault_line;  /* 0: none */
	uint64_t said_before; /* keys of the command line */
	/* keys seen in this file: of everything but further adapters, and of each of those */
	uint64_t in_file[PENSTOCK_LIMIT_ADAPTERS];
	uint64_t in_principal[1 + PENSTOCK_CONFIG_PRINCIPALS];
	unsigned adapter_lines[PENSTOCK_LIMIT_ADAPTERS]; /* where each section began; 0: nowhere */
	enum penstock_status status;
	struct penstock_errbuf fault;
};

static void set_fault(struct reading *reading, const char *fault)
{
	if (reading->fault_line == 0) {
		reading->fault_line = reading->line;
		reading->status = PENSTOCK_STATUS_INVALID_PARAMETER;
		penstock_errbuf_set(&reading->fault, "%s", fault);
	}
}

/* The number of "adapter N"; 0: the section is none of these. */
static unsigned long adapter_number(const char *section)
{
	static const char prefix[] = "adapter ";
	const char *digits = section + sizeof(prefix) - 1;

	if (strncmp(section, prefix, sizeof(prefix) - 1) != 0 || digits[0] < '1' ||
	    digits[0] > '9' || digits[strspn(digits, "0123456789")] != '\0') {
		return 0;
	}
	return strtoul(digits, NULL, 10);
}

/* The number of "principal NAME", 0: it is none of these, or was not seen. */
static uint32_t principal_number(const struct penstock_config *config, const char *section)
{
	static const char prefix[] = "principal ";

	for (uint32_t n = 1; n <= config->more_principals; n++) {
		if (strncmp(section, prefix, sizeof(prefix) - 1) == 0 &&
		    strcmp(section + sizeof(prefix) - 1, config->principals[n].name) == 0) {
			return n;
		}
	}
	return 0;
}

static void see_principal(struct reading *reading, const char *section)
{
	struct penstock_config *config = reading->config;
	const char *name = strchr(section, ' ');

	if (principal_number(config, section) > 0) {
		return;
	}
	if (config->more_principals == PENSTOCK_CONFIG_PRINCIPALS) {
		set_fault(reading, "too many sections of principals");
		return;
	}
	config->more_principals++;
	snprintf(config->principals[config->more_principals].name,
		 sizeof(config->principals[0].name), "%s", name + 1);
}

/* A section may say nothing: that of a further adapter counts all the same. */
static void see_section(struct reading *reading, const char *line)
{
	char section[PENSTOCK_CONFIG_SECTION_BYTES], fault[96];
	size_t length = strcspn(line + 1, "]");
	unsigned long number;

	if (line[1 + length] != ']') {
		return;
	}
	if (length >= sizeof(section)) {
		set_fault(reading, "the section's name is too long");
		return;
	}
	memcpy(section, line + 1, length);
	section[length] = '\0';
	if (strncmp(section, "principal ", strlen("principal ")) == 0 &&
	    section[strlen("principal ")] != '\0') {
		see_principal(reading, section);
	}
	number = adapter_number(section);
	if (number >= PENSTOCK_LIMIT_ADAPTERS) {
		snprintf(fault, sizeof(fault),
			 "there are at most %u adapters: [adapter %u] is the last",
			 PENSTOCK_LIMIT_ADAPTERS, PENSTOCK_LIMIT_ADAPTERS - 1);
		set_fault(reading, fault);
	} else if (number > 0 && reading->adapter_lines[number] == 0) {
		reading->adapter_lines[number] = reading->line;
	}
}

/* Further adapters are numbered from 1 without a gap. */
static void count_adapters(struct reading *reading)
{
	uint32_t count = 0;

	while (count + 1 < PENSTOCK_LIMIT_ADAPTERS && reading->adapter_lines[count + 1] != 0) {
		count++;
	}
	reading->config->more_adapters = count;
	for (uint32_t n = count + 1; n < PENSTOCK_LIMIT_ADAPTERS; n++) {
		if (reading->adapter_lines[n] != 0) {
			char fault[64];

			snprintf(fault, sizeof(fault), "[adapter %u] without [adapter %u]", n,
				 count + 1);
			reading->line = reading->adapter_lines[n];
			set_fault(reading, fault);
		}
	}
}

/* inih's reader: one line; the end of the file also where something was wrong. */
static char *read_line(char *line, int size, void *stream)
{
	struct reading *reading = stream;
	size_t length = 0;
	int byte;

	if (reading->fault_line != 0) {
		return NULL;
	}
	while (length + 1 < (size_t)size && (byte = getc(reading->stream)) != EOF) {
		line[length++] = (char)byte;
		if (byte == '\n') {
			break;
		}
	}
	line[length] = '\0';
	if (length == 0) {
		return NULL;
	}
	reading->line++;
	if (memchr(line, '\0', length) != NULL) {
		set_fault(reading, "the line has a NUL byte");
		return NULL;
	}
	if (length + 1 == (size_t)size && line[length - 1] != '\n') {
		set_fault(reading, "the line is too long");
		return NULL;
	}
	if ((line[0] == ' ' || line[0] == '\t') && line[strspn(line, " \t\r\n")] != '\0') {
		set_fault(reading, "the line is indented");
		return NULL;
	}
	if (line[0] == '[') {
		see_section(reading, line);
	}
	return reading->fault_line == 0 ? line : NULL;
}

/* One of the sections that there may be several of, by its number; 0: the first, or any other. */
struct section {
	const char *kind;
	uint32_t number;
	uint64_t *in_file; /* keys that the file said of it */
	uint64_t *given;   /* keys that are not inherited */
};

static struct section section_of(struct reading *reading, const char *name)
{
	const uint32_t adapter = (uint32_t)adapter_number(name);
	const uint32_t principal = principal_number(reading->config, name);
	struct section section = {
		.kind = name,
		.in_file = &reading->in_file[0],
		.given = &reading->config->given,
	};

	if (adapter > 0) {
		section = (struct section){ "adapter", adapter, &reading->in_file[adapter],
					    &reading->config->adapters[adapter].given };
	} else if (principal > 0) {
		section =
			(struct section){ "principal", principal, &reading->in_principal[principal],
					  &reading->config->principals[principal].given };
	}
	return section;
}

/* The command line wins, but a bad value is an error all the same. */
static enum penstock_status set_named(struct reading *reading, const char *section,
				      const char *name, const char *value,
				      struct penstock_errbuf *reterr_text)
{
	const struct section at = section_of(reading, section);
	const struct penstock_config_key *key = penstock_config_key(at.kind, name);
	struct penstock_config_key own;
	struct penstock_config trial = { .given = 0 };
	enum penstock_status status;

	if (key == NULL) {
		penstock_errbuf_set(reterr_text, "there is no key '%.60s' in section [%.60s]", name,
				    section);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	if ((*at.in_file & penstock_config_bit(key)) != 0) {
		penstock_errbuf_set(reterr_text, "'%s' is there twice", name);
		return PENSTOCK_STATUS_INVALID_PARAMETER;
	}
	*at.in_file |= penstock_config_bit(key);
	if (at.number == 0 && (reading->said_before & penstock_config_bit(key)) != 0) {
		status = penstock_config_set(&trial, key, value, reterr_text);
		penstock_config_fini(&trial);
		return status;
	}
	*at.given |= penstock_config_bit(key);
	own = at.number == 0 ? *key : penstock_config_key_of(key, at.number);
	return penstock_config_set(reading->config, &own, value, reterr_text);
}

static int take_line(void *user, const char *section, const char *name, const char *value)
{
	struct reading *reading = user;
	struct penstock_errbuf fault;
	enum penstock_status status;

	if (reading->fault_line != 0) {
		return 0;
	}
	status = set_named(reading, section, name, value, &fault);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		return 1;
	}
	set_fault(reading, fault.text);
	reading->status = status;
	return 0;
}

enum penstock_status penstock_config_stream(struct penstock_config *config, FILE *stream,
					    const char *name, struct penstock_errbuf *reterr_text)
{
	struct reading reading = {
		.stream = stream, .name = name, .config = config, .said_before = config->given
	};
	int line = ini_parse_stream(read_line, &reading, take_line, &reading);

	if (line != 0 && reading.fault_line == 0) {
		reading.line = line > 0 ? (unsigned)line : reading.line;
		set_fault(&reading, "is neither [section] nor key = value");
	}
	count_adapters(&reading);
	if (reading.fault_line == 0 && ferror(stream) != 0) {
		set_fault(&reading, strerror(errno));
	}
	if (reading.fault_line == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	penstock_errbuf_set(reterr_text, "%.100s:%u: %.140s", name, reading.fault_line,
			    reading.fault.text);
	return reading.status;
}

enum penstock_status penstock_config_file(struct penstock_config *config, const char *path,
					  struct penstock_errbuf *reterr_text)
{
	FILE *stream = fopen(path, "re");
	enum penstock_status status;

	if (stream == NULL) {
		penstock_errbuf_set(reterr_text, "%.200s: %s", path, strerror(errno));
		return penstock_status_from_errno(errno);
	}
	status = penstock_config_stream(config, stream, path, reterr_text);
	fclose(stream);
	return status;
}
