/* SPDX-License-Identifier: MIT */
/*
 * What a fuzz target is (tests/fuzz/README.md): one function that takes any bytes, returns 0, and
 * aborts (PENSTOCK_REQUIRE) where what must hold does not. Memory that it takes it gives back.
 */
#ifndef PENSTOCK_FUZZ_H
#define PENSTOCK_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
