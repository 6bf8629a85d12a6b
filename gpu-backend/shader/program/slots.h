/* SPDX-License-Identifier: MIT */
/* What a stage takes from the one before it, and gives to the one behind. */
#ifndef PENSTOCK_SHADER_SLOTS_H
#define PENSTOCK_SHADER_SLOTS_H

#include "gpu-backend/shader/program/reader.h"

/* INVALID_PARAMETER with a fault. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_shader_read_slots(const struct penstock_shader_reader *reader);

#endif
