/* SPDX-License-Identifier: MIT */
#include "proto/base/base.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void penstock_require_failed(const char *condition, const char *file, int line,
			     const char *function)
{
	void *frames[32];

	fprintf(stderr, "<0>defect: '%s' does not hold in %s (%s:%d)\n", condition, function, file,
		line);
	fflush(stderr);
	backtrace_symbols_fd(frames, backtrace(frames, (int)PENSTOCK_ARRAY_SIZE(frames)),
			     STDERR_FILENO);
	abort();
}

void penstock_errbuf_set(struct penstock_errbuf *reterr_text, const char *format, ...)
{
	va_list arguments;

	if (reterr_text == NULL) {
		return;
	}
	va_start(arguments, format);
	vsnprintf(reterr_text->text, sizeof(reterr_text->text), format, arguments);
	va_end(arguments);
}
