/* SPDX-License-Identifier: MIT */
#include "daemon/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES 1000u
#define LINE_BYTES (TEXT_BYTES * 4 + 128)

void penstock_log_init(struct penstock_log *log, int level)
{
	*log = (struct penstock_log){
		.descriptor = STDERR_FILENO,
		.level = level,
		.journal = getenv("JOURNAL_STREAM") != NULL,
	};
}

static size_t put_prefix(const struct penstock_log *log, int level, const char *group, char *line)
{
	static const char *const names[] = { "emergency", "alert",  "critical", "error",
					     "warning",   "notice", "info",     "debug" };
	struct timespec now;
	struct tm parts;
	char stamp[32];
	int length;

	PENSTOCK_REQUIRE(level >= 0 && level < (int)PENSTOCK_ARRAY_SIZE(names));
	if (log->journal) {
		length = snprintf(line, 128, "<%d>%.32s: ", level, group);
	} else {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		(void)gmtime_r(&now.tv_sec, &parts);
		(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
		length = snprintf(line, 128, "%s.%03ldZ %s %.32s: ", stamp, now.tv_nsec / 1000000,
				  names[level], group);
	}
	return (size_t)length;
}

static size_t put_text(const char *text, char *line, size_t at)
{
	for (const char *next = text; *next != '\0'; next++) {
		unsigned char byte = (unsigned char)*next;

		if (byte >= 0x20 && byte != 0x7f) {
			line[at++] = (char)byte;
		} else {
			at += (size_t)snprintf(line + at, 5, "\\x%02x", byte);
		}
	}
	return at;
}

void penstock_log(const struct penstock_log *log, int level, const char *group, const char *format,
		  ...)
{
	char text[TEXT_BYTES];
	char line[LINE_BYTES];
	va_list arguments;
	size_t length;

	if (level > log->level) {
		return;
	}
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	length = put_prefix(log, level, group, line);
	length = put_text(text, line, length);
	line[length++] = '\n';
	/* one write, so that lines of the GPU processes do not mix in; a full pipe loses a line */
	(void)!write(log->descriptor, line, length);
}
