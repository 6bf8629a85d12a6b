/* SPDX-License-Identifier: MIT */
/* Variables with a set and a binding, and push constants. */
#ifndef PENSTOCK_SHADER_BINDINGS_H
#define PENSTOCK_SHADER_BINDINGS_H

#include "gpu-backend/shader/program/reader.h"

/* INVALID_PARAMETER with a fault. */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_shader_read_bindings(const struct penstock_shader_reader *reader);

#endif
