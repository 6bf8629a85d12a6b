/* SPDX-License-Identifier: MIT */
/* SPIRV-Tools' C interface, as more than one file of a C program can have it. */
#ifndef PENSTOCK_SHADER_TOOLS_H
#define PENSTOCK_SHADER_TOOLS_H

/* The header defines it, and in C that is a definition for all of the program. */
#pragma weak kDefaultMaxIdBound

#include <spirv-tools/libspirv.h>

#endif
