/* SPDX-License-Identifier: MIT */
/*
 * Calls the translator (DxgkDdiRender) and holds it to its contract. Behind each of its outputs
 * stand guard bytes, which are looked at when it returns; what it says of itself is looked at too.
 * A translator that breaks the contract is a defect of ours: its adapter stops, the daemon lives.
 * Any thread: touches its arguments only.
 */
#ifndef PENSTOCK_TRANSLATE_H
#define PENSTOCK_TRANSLATE_H

#include "daemon/render/render.h"
#include "proto/base/base.h"

/* penstock_render, but for tests of what is done about a broken one. */
typedef enum penstock_status penstock_translator(struct penstock_render_args *args,
						 struct penstock_refusal *ret_refusal);

/* Bytes that outputs of such capacities take, guard bytes included; multiples of 8. */
static inline uint64_t penstock_translate_dma_bytes(uint32_t capacity)
{
	return penstock_align_up(capacity, 8u) + 8u;
}

static inline uint64_t penstock_translate_private_bytes(uint32_t capacity)
{
	return penstock_align_up(capacity, 8u) + 8u;
}

static inline uint64_t penstock_translate_patch_bytes(uint32_t capacity)
{
	return (uint64_t)capacity * sizeof(struct penstock_patch_location) + 8u;
}

/*
 * One call of `translate`. ret_before[i] is what stands at patch site i. As penstock_render, and
 * in *ret_defect what the translator broke, NULL: nothing; with a defect no output counts and the
 * status is DEVICE_REMOVED:
 *   it wrote past its DMA buffer or patch list, or says so (0x10E/0x12), or past its private data
 *   (0x10E/0x13);
 *   INSUFFICIENT although the table's worst case fits, or where its own first pass had accepted
 *   the rest, without having gone on (0x10E/0x16).
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_translate(penstock_translator *translate,
					struct penstock_render_args *args, uint64_t *ret_before,
					struct penstock_refusal *ret_refusal,
					const char **ret_defect);

#endif
