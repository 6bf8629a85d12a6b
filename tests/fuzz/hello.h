/* SPDX-License-Identifier: MIT */
#ifndef PENSTOCK_FUZZ_HELLO_H
#define PENSTOCK_FUZZ_HELLO_H

#include <stddef.h>
#include <stdint.h>

#define PENSTOCK_FUZZ_HELLO_BYTES 64u

/* A good hello for a new session; returns its size. */
size_t penstock_fuzz_hello(uint8_t ret_bytes[PENSTOCK_FUZZ_HELLO_BYTES]);

#endif
