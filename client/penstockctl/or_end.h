/* SPDX-License-Identifier: MIT */
/*
 * A tool without memory ends.
 */
#ifndef PENSTOCKCTL_OR_END_H
#define PENSTOCKCTL_OR_END_H

#include <stdio.h>
#include <stdlib.h>

static inline void *or_end(void *memory)
{
	if (memory == NULL) {
		fprintf(stderr, "penstockctl: out of memory\n");
		exit(EXIT_FAILURE);
	}
	return memory;
}

#endif
