/* SPDX-License-Identifier: MIT */
/* An input that is steps: taken from its front, and zeros where it is over. */
#ifndef PENSTOCK_FUZZ_INPUT_H
#define PENSTOCK_FUZZ_INPUT_H

#include "tests/fuzz/fuzz.h"

struct penstock_fuzz_input {
	const uint8_t *at;
	size_t left;
};

/* A number of so many bytes, little-endian. */
static inline uint32_t penstock_fuzz_take(struct penstock_fuzz_input *input, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes && input->left > 0; i++, input->at++, input->left--) {
		value |= (uint32_t)*input->at << 8 * i;
	}
	return value;
}

/* One of `count` things, from a byte. */
static inline uint32_t penstock_fuzz_choose(struct penstock_fuzz_input *input, uint32_t count)
{
	return penstock_fuzz_take(input, 1) % count;
}

/* So many bytes, or as many as there are. */
static inline const uint8_t *penstock_fuzz_take_bytes(struct penstock_fuzz_input *input,
						      size_t *length)
{
	const uint8_t *bytes = input->at;

	*length = *length < input->left ? *length : input->left;
	input->at += *length;
	input->left -= *length;
	return bytes;
}

#endif
