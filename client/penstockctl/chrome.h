/* SPDX-License-Identifier: MIT */
/*
 * A timeline as the JSON of the trace event format, which chrome://tracing and ui.perfetto.dev
 * open.
 */
#ifndef PENSTOCKCTL_CHROME_H
#define PENSTOCKCTL_CHROME_H

#include "client/penstockctl/timeline.h"

#include <stdio.h>

/* False: it could not be written. `lost`: events that the daemon had no room for. */
bool chrome_write(FILE *file, const struct timeline *timeline, const char *server, uint64_t lost);

#endif
