/* SPDX-License-Identifier: MIT */
/*
 * A part of a dispatch: workgroups that follow each other, x first, and make a box, as Vulkan can
 * be told. Pure; any thread.
 */
#ifndef PENSTOCK_BAND_H
#define PENSTOCK_BAND_H

#include "proto/base/base.h"

struct penstock_band {
	uint32_t first[3]; /* workgroup, from the dispatch's first */
	uint32_t groups[3];
	uint64_t count; /* of them all, at least 1 */
};

/*
 * The band that begins with workgroup `position`, which the dispatch of `groups` has: the largest
 * box of at most `wanted` workgroups: a part of a row, whole rows, or whole planes; one at least.
 */
void penstock_band_at(const uint32_t groups[3], uint64_t position, uint64_t wanted,
		      struct penstock_band *ret_band);

#endif
