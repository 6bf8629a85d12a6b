/* SPDX-License-Identifier: MIT */
/* A module that was examined in the test's own process. */
#ifndef PENSTOCK_TEST_EXAMINED_H
#define PENSTOCK_TEST_EXAMINED_H

#include "gpu-backend/shader/exchange.h"
#include "tests/shader/module.h"

struct examined {
	struct penstock_shader_answer_header answer;
	uint32_t *words; /* hardened */
};

/* The module is finished. Entry point "main". */
void examine(struct examined *examined, struct module module, enum penstock_shader_stage stage,
	     const struct penstock_shader_constant *constants, uint32_t constant_count);

/* Fails the test unless it was taken; the reflection is valid. */
const struct penstock_shader_reflection *examined_taken(const struct examined *examined);

/* Fails the test unless it was refused with a sentence that has `text`. */
void examined_refused(const struct examined *examined, const char *text);

void examined_finish(struct examined *examined);

#endif
