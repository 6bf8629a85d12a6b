/* SPDX-License-Identifier: MIT */
#include "daemon/objects/report_file.h"

#include "daemon/objects/debug_report.h"
#include "proto/base/states.h"
#include "proto/wire/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include <xxhash.h>

#define VERSION    1u
#define PATH_BYTES 4096u

static const char magic[8] = { 'P', 'E', 'N', 'S', 'T', 'R', 'P', 'T' };
static const char group[] = "objects";

struct header {
	char magic[8];
	uint32_t version;
	uint32_t report_bytes;
	uint32_t count;
	uint32_t zero;
	uint64_t hash;
};

#define MOST_BYTES                                                                                 \
	(sizeof(struct header) +                                                                   \
	 (size_t)PENSTOCK_LIMIT_DEBUG_REPORTS * PENSTOCK_LIMIT_DEBUG_REPORT_BYTES)

_Static_assert(sizeof(struct penstock_debug_report) <= PENSTOCK_LIMIT_DEBUG_REPORT_BYTES,
	       "a debug report is larger than its limit");

#define TO(state) (1u << PENSTOCK_REPORT_FILE_##state)

static const struct penstock_state states[PENSTOCK_REPORT_FILE_STATE_MAX] = {
	[PENSTOCK_REPORT_FILE_IDLE] = { "IDLE", TO(WRITING) },
	[PENSTOCK_REPORT_FILE_WRITING] = { "WRITING", TO(IDLE) | TO(AGAIN) },
	[PENSTOCK_REPORT_FILE_AGAIN] = { "AGAIN", TO(IDLE) },
};

/* It is of no adapter: a defect ends the daemon, as one of a session does. */
static void move(struct penstock_report_file *file, enum penstock_report_file_state to)
{
	static const struct penstock_states drawing = { "a report file",
							PENSTOCK_REPORT_FILE_STATE_MAX, states };

	PENSTOCK_REQUIRE(penstock_states_drawn(&drawing, file->state, to));
	file->state = to;
}

/* ---------------------------------------------------------------- writing */

/* On a worker. */
static int write_all(int descriptor, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t count = write(descriptor, bytes, size);

		if (count < 0 && errno != EINTR) {
			return errno;
		}
		bytes += count > 0 ? count : 0;
		size -= count > 0 ? (size_t)count : 0;
	}
	return fsync(descriptor) == 0 ? 0 : errno;
}

static int replace(const struct penstock_report_file *file)
{
	char beside[PATH_BYTES];
	int descriptor, error;

	(void)snprintf(beside, sizeof(beside), "%s.new", file->path);
	(void)unlink(beside);
	descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (descriptor < 0) {
		return errno;
	}
	error = write_all(descriptor, file->bytes, file->size);
	(void)close(descriptor);
	if (error == 0 && rename(beside, file->path) != 0) {
		error = errno;
	}
	return error;
}

static void work(void *argument)
{
	struct penstock_report_file *file = argument;

	file->error = replace(file);
}

static void done(void *argument)
{
	struct penstock_report_file *file = argument;
	bool again = file->state == PENSTOCK_REPORT_FILE_AGAIN;

	free(file->bytes);
	file->bytes = NULL;
	move(file, PENSTOCK_REPORT_FILE_IDLE);
	if (file->error != 0) {
		penstock_machine_log(file->machine, LOG_ERR, group,
				     "debug reports are not kept path='%s' error='%s'", file->path,
				     strerror(file->error));
	}
	if (again) {
		penstock_report_file_save(file->machine);
	}
	/* The machine may wait for this to stop. */
	penstock_turn_arm(&file->machine->turn);
}

/* What is kept now, as a file. False: no memory. */
static bool take_picture(struct penstock_report_file *file)
{
	const struct penstock_machine *machine = file->machine;
	const size_t bytes = machine->debug_report_count * sizeof(struct penstock_debug_report);
	struct header header = {
		.version = VERSION,
		.report_bytes = sizeof(struct penstock_debug_report),
		.count = machine->debug_report_count,
	};

	file->size = sizeof(header) + bytes;
	file->bytes = malloc(file->size);
	if (file->bytes == NULL) {
		return false;
	}
	memcpy(header.magic, magic, sizeof(magic));
	penstock_debug_reports_copy(machine, (void *)(file->bytes + sizeof(header)));
	header.hash = XXH3_64bits(file->bytes + sizeof(header), bytes);
	memcpy(file->bytes, &header, sizeof(header));
	return true;
}

void penstock_report_file_save(struct penstock_machine *machine)
{
	struct penstock_report_file *file = &machine->report_file;

	if (file->path == NULL || file->state == PENSTOCK_REPORT_FILE_AGAIN) {
		return;
	}
	if (file->state == PENSTOCK_REPORT_FILE_WRITING) {
		move(file, PENSTOCK_REPORT_FILE_AGAIN);
		return;
	}
	if (take_picture(file)) {
		move(file, PENSTOCK_REPORT_FILE_WRITING);
		if (machine->config.worker.run(machine->config.worker.owner, work, done, file) ==
		    PENSTOCK_STATUS_SUCCESS) {
			return;
		}
		free(file->bytes);
		file->bytes = NULL;
		move(file, PENSTOCK_REPORT_FILE_IDLE);
	}
	penstock_machine_log(machine, LOG_ERR, group,
			     "debug reports are not kept path='%s' error='no memory'", file->path);
}

/* ---------------------------------------------------------------- reading */

/* Ends somewhere, and moves no terminal's cursor. */
static void clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text != '\0'; text++) {
		*text = (unsigned char)*text < ' ' && *text != '\n' ? '?' : *text;
	}
}

/* False: no report of ours. */
static bool check(struct penstock_debug_report *report, uint64_t last_id)
{
	clean(report->event, sizeof(report->event));
	clean(report->principal, sizeof(report->principal));
	clean(report->instruction, sizeof(report->instruction));
	clean(report->reason, sizeof(report->reason));
	clean(report->disassembly, sizeof(report->disassembly));
	clean(report->engine_state, sizeof(report->engine_state));
	/* Ids go on from here: there have to be some left. */
	return report->id > last_id && report->id < UINT64_MAX / 2 &&
	       report->element_count <= PENSTOCK_ARRAY_SIZE(report->elements);
}

/* NULL: all right. */
static const char *fault_of(const uint8_t *bytes, size_t size, struct header *ret_header)
{
	if (size < sizeof(*ret_header)) {
		return "it has no header";
	}
	memcpy(ret_header, bytes, sizeof(*ret_header));
	if (memcmp(ret_header->magic, magic, sizeof(magic)) != 0) {
		return "it is none";
	}
	if (ret_header->version != VERSION || ret_header->zero != 0 ||
	    ret_header->report_bytes != sizeof(struct penstock_debug_report)) {
		return "it is another version's";
	}
	if (ret_header->count > PENSTOCK_LIMIT_DEBUG_REPORTS ||
	    size != sizeof(*ret_header) + (size_t)ret_header->count * ret_header->report_bytes) {
		return "its length is not what it says";
	}
	return XXH3_64bits(bytes + sizeof(*ret_header), size - sizeof(*ret_header)) ==
			       ret_header->hash
		       ? NULL
		       : "it is damaged";
}

/* All of them, or none. NULL: they are there. */
static const char *restore(struct penstock_machine *machine, const uint8_t *bytes, size_t size)
{
	struct penstock_debug_report report;
	struct header header;
	const char *fault = fault_of(bytes, size, &header);
	uint64_t last_id = 0;

	for (uint32_t i = 0; fault == NULL && i < header.count; i++) {
		memcpy(&report, bytes + sizeof(header) + i * sizeof(report), sizeof(report));
		if (!check(&report, last_id)) {
			fault = "a report in it cannot be";
		} else if (penstock_debug_reports_restore(machine, &report) !=
			   PENSTOCK_STATUS_SUCCESS) {
			fault = "no memory";
		}
		last_id = report.id;
	}
	if (fault != NULL) {
		penstock_debug_reports_fini(machine);
	}
	return fault;
}

/* As much as may be there, and one byte. -1: errno. */
static ssize_t read_all(const char *path, uint8_t *ret_bytes)
{
	int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t have = 0;
	ssize_t count = 1;

	if (descriptor < 0) {
		return -1;
	}
	while (have <= MOST_BYTES && count != 0) {
		count = read(descriptor, ret_bytes + have, MOST_BYTES + 1 - have);
		if (count < 0 && errno != EINTR) {
			(void)close(descriptor);
			return -1;
		}
		have += count > 0 ? (size_t)count : 0;
	}
	(void)close(descriptor);
	return (ssize_t)have;
}

static void load(struct penstock_machine *machine, const char *path)
{
	uint8_t *bytes = malloc(MOST_BYTES + 1);
	const char *fault = "no memory";
	ssize_t size;

	if (bytes != NULL) {
		size = read_all(path, bytes);
		fault = size >= 0 ? restore(machine, bytes, (size_t)size)
				  : (errno == ENOENT ? NULL : strerror(errno));
		free(bytes);
	}
	if (fault != NULL) {
		penstock_machine_log(machine, LOG_WARNING, group,
				     "debug reports of earlier are lost path='%s' fault='%s'", path,
				     fault);
	}
}

enum penstock_status penstock_report_file_init(struct penstock_machine *machine, const char *path)
{
	struct penstock_report_file *file = &machine->report_file;

	file->machine = machine;
	if (path == NULL || strlen(path) + sizeof(".new") > PATH_BYTES) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	file->path = strdup(path);
	if (file->path == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	load(machine, path);
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_report_file_fini(struct penstock_report_file *file)
{
	PENSTOCK_REQUIRE(!penstock_report_file_busy(file));
	free(file->path);
	file->path = NULL;
}
