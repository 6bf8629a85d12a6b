/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/band.h"

/* `limit` - `used` at most, 1 at least. */
static uint64_t part(uint64_t wanted, uint64_t limit, uint64_t used)
{
	uint64_t left = limit - used;

	return wanted == 0 ? 1 : wanted < left ? wanted : left;
}

void penstock_band_at(const uint32_t groups[3], uint64_t position, uint64_t wanted,
		      struct penstock_band *ret_band)
{
	uint64_t row = groups[0], rows = groups[1], plane = row * rows;
	uint64_t x = position % row, y = position / row % rows, z = position / plane;
	uint64_t size[3] = { part(wanted, row, x), 1, 1 };

	if (x == 0 && wanted >= row) {
		size[1] = part(wanted / row, rows, y);
	}
	if (x == 0 && y == 0 && wanted >= plane) {
		size[2] = part(wanted / plane, groups[2], z);
	}
	*ret_band = (struct penstock_band){
		.first = { (uint32_t)x, (uint32_t)y, (uint32_t)z },
		.groups = { (uint32_t)size[0], (uint32_t)size[1], (uint32_t)size[2] },
		.count = size[0] * size[1] * size[2],
	};
}
