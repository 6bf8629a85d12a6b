/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a command buffer, with the checker as the oracle: what render accepts is patched and
 * must read well; with a patch location less it must not. In passes it must make the same bytes.
 * Offsets in the DMA buffers name the instructions that they came from.
 *
 *	byte 0   bit 0 RenderKm, 1 node 1, 2 test instructions, 3 a client patch list
 *	byte 1   DMA capacity of the passes, in units of 16 bytes
 *	byte 2   patch capacity of the passes
 *	byte 3   entries of the client patch list, with bit 3: 24 bytes each follow; and the private
 *	         data of the passes, in bytes beside the least
 *	then     the command buffer, on the list of tests/support/render_fixture.h
 */
#include "daemon/render/crumbs.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/render_fixture.h"

#include <string.h>

static struct penstock_fixture fixture;
static uint8_t whole[PENSTOCK_FIXTURE_DMA_BYTES];
static struct penstock_patch_location client[255];

static void require_refusal(enum penstock_status status, uint32_t length)
{
	PENSTOCK_REQUIRE(status == PENSTOCK_STATUS_PRIVILEGED_INSTRUCTION ||
			 status == PENSTOCK_STATUS_ILLEGAL_INSTRUCTION ||
			 status == PENSTOCK_STATUS_INVALID_PARAMETER ||
			 status == PENSTOCK_STATUS_INVALID_USER_BUFFER ||
			 status == PENSTOCK_STATUS_LIMIT_EXCEEDED ||
			 status == PENSTOCK_STATUS_INVALID_HANDLE);
	PENSTOCK_REQUIRE(fixture.refusal.status == status);
	PENSTOCK_REQUIRE(fixture.refusal.sentence[0] != '\0');
	PENSTOCK_REQUIRE(!fixture.refusal.at_instruction || fixture.refusal.byte_offset < length);
}

static void require_checked(void)
{
	penstock_fixture_patch(&fixture);
	PENSTOCK_REQUIRE(penstock_fixture_check(&fixture) == PENSTOCK_STATUS_SUCCESS);
}

static void require_flagged_without(uint32_t dropped)
{
	if (fixture.args.patch_count == 0) {
		return;
	}
	dropped %= fixture.args.patch_count;
	fixture.args.patch_count--;
	memmove(&fixture.patches[dropped], &fixture.patches[dropped + 1],
		(fixture.args.patch_count - dropped) * sizeof(fixture.patches[0]));
	PENSTOCK_REQUIRE(penstock_fixture_check(&fixture) != PENSTOCK_STATUS_SUCCESS);
}

/* Of so many places in a DMA buffer it is looked at where they come from: each takes a walk. */
#define PLACES 64u

/* The DMA buffer was made from `start` on: both are read side by side. */
static void require_crumbs(const uint8_t *command, uint32_t start)
{
	const uint32_t stride = 1 + fixture.args.dma_length / PLACES;
	uint32_t next = 0;

	for (uint32_t at = 0; at < fixture.args.dma_length;) {
		const struct penstock_instruction *instruction =
			penstock_instruction_by_opcode(penstock_load16(command + start));
		struct penstock_crumb crumb;

		if (instruction->dma_bytes != 0) {
			if (at >= next) {
				PENSTOCK_REQUIRE(penstock_crumbs_find(&fixture.args, at, &crumb));
				PENSTOCK_REQUIRE(crumb.command_offset == start);
				PENSTOCK_REQUIRE(crumb.instruction == instruction);
				next = at + stride;
			}
			at += penstock_header_length(penstock_load32(fixture.dma + at));
		}
		start += penstock_header_length(penstock_load32(command + start));
	}
	PENSTOCK_REQUIRE(fixture.args.private_end <= fixture.args.private_capacity);
}

/* The first pass may be refused, for an instruction that does not fit; no later one. */
static void require_same_in_passes(const uint8_t *command, uint32_t length)
{
	const uint32_t dma_capacity = fixture.args.dma_capacity;
	enum penstock_status status;
	uint32_t start, done = 0;

	for (;;) {
		start = (uint32_t)(fixture.args.multipass_offset >> 32);
		status = penstock_fixture_render(&fixture, command, length);
		if (status != PENSTOCK_STATUS_SUCCESS &&
		    status != PENSTOCK_STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER) {
			PENSTOCK_REQUIRE(done == 0);
			require_refusal(status, length);
			return;
		}
		PENSTOCK_REQUIRE(fixture.args.dma_length <= dma_capacity);
		PENSTOCK_REQUIRE(memcmp(fixture.dma, whole + done, fixture.args.dma_length) == 0);
		done += fixture.args.dma_length;
		require_crumbs(command, start);
		require_checked();
		if (status == PENSTOCK_STATUS_SUCCESS) {
			return;
		}
		PENSTOCK_REQUIRE(fixture.args.dma_length != 0);
	}
}

static const uint8_t *take_client_list(const uint8_t *data, const uint8_t *end, uint32_t count)
{
	uint32_t available = (uint32_t)(end - data) / (uint32_t)sizeof(client[0]);

	count = count < available ? count : available;
	memcpy(client, data, count * sizeof(client[0]));
	fixture.args.patches_in = client;
	fixture.args.patch_in_count = count;
	return data + count * sizeof(client[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *command = data + 4, *const end = data + size;
	enum penstock_status status;
	uint32_t length;

	if (size < 4 || size > PENSTOCK_FIXTURE_DMA_BYTES / 2) {
		return 0;
	}
	penstock_fixture_init(&fixture);
	fixture.args.caps = (struct penstock_render_caps){
		.km = (data[0] & 1) != 0,
		.node_ordinal = data[0] >> 1 & 1,
		.test_instructions = (data[0] & 4) != 0,
		.pipelines = (data[0] & 16) == 0,
		.formats = fixture.formats,
	};
	if ((data[0] & 8) != 0) {
		command = take_client_list(command, end, data[3]);
	}
	length = (uint32_t)(end - command);
	status = penstock_fixture_render(&fixture, command, length);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		require_refusal(status, length);
		return 0;
	}
	PENSTOCK_REQUIRE(fixture.args.dma_length <= penstock_render_dma_bound(length));
	PENSTOCK_REQUIRE(fixture.args.patch_count <= penstock_render_patch_bound(length));
	PENSTOCK_REQUIRE(fixture.args.private_end <= penstock_render_private_bound(length));
	require_crumbs(command, 0);
	memcpy(whole, fixture.dma, fixture.args.dma_length);
	require_checked();
	require_flagged_without(data[1]);
	fixture.args.dma_capacity = data[1] * 16u;
	fixture.args.patch_capacity = data[2];
	fixture.args.private_capacity = PENSTOCK_CRUMBS_LEAST_BYTES + data[3];
	require_same_in_passes(command, length);
	return 0;
}
