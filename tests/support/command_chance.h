/* SPDX-License-Identifier: MIT */
/*
 * Command buffers by chance: valid instances of the fixture with fields changed to values that
 * matter, and rectangles moved a little. `state` is that of penstock_random.
 */
#ifndef PENSTOCK_COMMAND_CHANCE_H
#define PENSTOCK_COMMAND_CHANCE_H

#include "tests/support/render_fixture.h"

/* At most, of one buffer. */
#define PENSTOCK_CHANCE_BYTES (24u * PENSTOCK_FIXTURE_INSTRUCTION_BYTES)

/*
 * An instruction that `caps` offer, or a group, changed in up to `changes` fields; returns its
 * length. Render may refuse it.
 */
uint32_t penstock_chance_instruction(uint64_t *state, uint8_t *ret_bytes,
				     const struct penstock_render_caps *caps, uint32_t changes);

/*
 * Instructions and groups that render accepts, one behind the other, at most 24; *refused is raised
 * by those
 * that it did not. Sets the fixture's stream; the rest of its caps hold.
 */
uint32_t penstock_chance_buffer(uint64_t *state, struct penstock_fixture *fixture, bool km,
				uint8_t *ret_bytes, uint32_t *refused);

#endif
