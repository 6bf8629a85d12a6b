/* SPDX-License-Identifier: MIT */
/*
 * A mutator for inputs of two bytes and then requests: what it makes are whole frames with the
 * serials that follow one another, so that a change gets past the framing to what it is about.
 * One in eight is changed as any bytes are.
 */
#ifndef PENSTOCK_MUTATE_FRAMES_H
#define PENSTOCK_MUTATE_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#define PENSTOCK_MUTATE_HEAD_BYTES 2u

/* libFuzzer's: changes at most `max_size` bytes in place, returns the new size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* libFuzzer calls it for the targets that are linked with this. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif
