/* SPDX-License-Identifier: MIT */
/*
 * Shaders of a script as SPIR-V: a binary as it is, or what a compiler that is found on the PATH
 * makes of a text. Waits for the compiler.
 */
#ifndef PENSTOCK_TOOL_SHADER_H
#define PENSTOCK_TOOL_SHADER_H

#include "proto/base/base.h"
#include "proto/wire/status.h"

/*
 * Reads a shader by the ending of its path: .spv (SPIR-V), .spvasm (assembled by spirv-as), or the
 * ending of its stage in GLSL: .vert, .tesc, .tese, .geom, .frag, .comp, .glsl for compute too
 * (compiled by glslangValidator). The caller frees *ret_bytes. SUCCESS;
 * INVALID_PARAMETER: another ending, or a fault of the shader as "path:line: fault"; NOT_FOUND: no
 * such compiler; LIMIT_EXCEEDED, NO_MEMORY, or what the system said.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_shader_load(const char *path, uint8_t **ret_bytes, size_t *ret_length,
					  struct penstock_errbuf *reterr_text);

#endif
