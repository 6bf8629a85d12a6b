/* SPDX-License-Identifier: MIT */
#include "tests/storm/storm_shaders.h"

#include "tests/storm/shaders/storm.comp.spv.h"
#include "tests/storm/shaders/storm.frag.spv.h"
#include "tests/storm/shaders/storm.geom.spv.h"
#include "tests/storm/shaders/storm.tesc.spv.h"
#include "tests/storm/shaders/storm.tese.spv.h"
#include "tests/storm/shaders/storm.vert.spv.h"

const struct storm_shader storm_vertex = { 0, sizeof(storm_vert), storm_vert };
const struct storm_shader storm_control = { 1, sizeof(storm_tesc), storm_tesc };
const struct storm_shader storm_evaluation = { 2, sizeof(storm_tese), storm_tese };
const struct storm_shader storm_geometry = { 3, sizeof(storm_geom), storm_geom };
const struct storm_shader storm_fragment = { 4, sizeof(storm_frag), storm_frag };
const struct storm_shader storm_compute = { 5, sizeof(storm_comp), storm_comp };
