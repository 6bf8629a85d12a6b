/* SPDX-License-Identifier: MIT */
/* The shaders of tests/storm/shaders, compiled. */
#ifndef PENSTOCK_STORM_SHADERS_H
#define PENSTOCK_STORM_SHADERS_H

#include <stdint.h>

struct storm_shader {
	uint32_t stage; /* SPIR-V's execution model */
	uint32_t bytes;
	const uint32_t *words;
};

extern const struct storm_shader storm_vertex, storm_control, storm_evaluation, storm_geometry,
	storm_fragment, storm_compute;

#endif
