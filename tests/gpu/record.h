/* SPDX-License-Identifier: MIT */
/* A record of the reference as the instruction that the engine executes. */
#ifndef PENSTOCK_TESTS_GPU_RECORD_H
#define PENSTOCK_TESTS_GPU_RECORD_H

#include "tests/golden/reference.h"
#include "tests/gpu/stream.h"

/*
 * With `rect_count` of its sub-rectangles from `first_rect` on. The record's surfaces are in a copy
 * of local memory that begins at `base`.
 */
void record_append(struct stream *stream, const uint8_t *base,
		   const struct reference_record *record, int first_rect, int rect_count);

#endif
