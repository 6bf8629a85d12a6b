/* SPDX-License-Identifier: MIT */
/*
 * A mutator for inputs of four bytes and then a command buffer (fuzz_render.c): it changes an
 * operand, or doubles, leaves out, exchanges or puts in a whole instruction, so that what follows
 * is still cut as it was. One in eight is changed as any bytes are.
 */
#ifndef PENSTOCK_MUTATE_COMMANDS_H
#define PENSTOCK_MUTATE_COMMANDS_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's: changes at most `max_size` bytes in place, returns the new size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* libFuzzer calls it for the targets that are linked with this. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif
