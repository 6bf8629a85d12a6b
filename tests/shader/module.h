/* SPDX-License-Identifier: MIT */
/* Modules for tests: those of tests/shaders, compiled by the makefile, and assembly. */
#ifndef PENSTOCK_TEST_MODULE_H
#define PENSTOCK_TEST_MODULE_H

#include "proto/base/base.h"

struct module {
	uint32_t *words;
	uint32_t word_count;
};

/* tests/shaders/NAME; the caller finishes it. Fails the test where it is not there. */
struct module module_load(const char *name);

/* SPIR-V assembly, not validated, for SPIR-V 1.3 (the newest of Vulkan 1.1). */
struct module module_assemble(const char *text);

struct module module_copy(const uint32_t *words, uint32_t word_count);

void module_finish(struct module *module);

/* Whether the module's disassembly, without friendly names, has `text`. */
bool module_says(const uint32_t *words, uint32_t word_count, const char *text);

#endif
