/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a DMA buffer and its patch list: the checker says something and reads nothing else.
 *
 *	byte 0   entries of the patch list, 24 bytes each, that follow
 *	then     the DMA buffer
 */
#include "tests/fuzz/fuzz.h"
#include "tests/support/render_fixture.h"

#include <string.h>

static struct penstock_fixture fixture;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t patches;

	if (size == 0 || size > PENSTOCK_FIXTURE_DMA_BYTES) {
		return 0;
	}
	patches = (uint32_t)(size - 1) / (uint32_t)sizeof(fixture.patches[0]);
	patches = data[0] < patches ? data[0] : patches;
	penstock_fixture_init(&fixture);
	memcpy(fixture.patches, data + 1, patches * sizeof(fixture.patches[0]));
	data += 1 + patches * sizeof(fixture.patches[0]);
	size -= 1 + patches * sizeof(fixture.patches[0]);
	memcpy(fixture.dma, data, size);
	fixture.args.patch_count = patches;
	fixture.args.dma_length = (uint32_t)size;
	if (penstock_fixture_check(&fixture) != PENSTOCK_STATUS_SUCCESS) {
		PENSTOCK_REQUIRE(fixture.fault.text[0] != '\0');
		return 0;
	}
	/* Good: then nothing changes by patching it, and the last entry is not one too many. */
	penstock_fixture_patch(&fixture);
	PENSTOCK_REQUIRE(memcmp(fixture.dma, data, size) == 0);
	if (patches != 0) {
		fixture.args.patch_count--;
		PENSTOCK_REQUIRE(penstock_fixture_check(&fixture) != PENSTOCK_STATUS_SUCCESS);
	}
	return 0;
}
