/* SPDX-License-Identifier: MIT */
/*
 * Why a command buffer is refused: composed on the cold path only. Pure; any thread.
 */
#ifndef PENSTOCK_RENDER_REFUSAL_H
#define PENSTOCK_RENDER_REFUSAL_H

#include "daemon/render/render.h"

/*
 * Fills *ret_refusal. `byte_offset` is that of the instruction, `bytes` its first byte, of which
 * at least the header must be there; `operand` is static, "" for none. The sentence is "MNEMONIC
 * at byte 0xOFFSET: " and what `format` gives.
 */
__attribute__((cold, format(printf, 6, 0))) void
penstock_refusal_at(struct penstock_refusal *ret_refusal, enum penstock_status status,
		    uint32_t byte_offset, const uint8_t *bytes, const char *operand,
		    const char *format, va_list arguments);

/* The same for what is no instruction's fault; `byte_offset` is 0 where it says nothing. */
__attribute__((cold)) void penstock_refusal_set(struct penstock_refusal *ret_refusal,
						enum penstock_status status, uint32_t byte_offset,
						const char *format, ...) PENSTOCK_PRINTF(4, 5);

#endif
