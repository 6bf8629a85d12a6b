/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/hello.h"

#include "proto/isa/instruction.h"
#include "proto/wire/frame.h"
#include "proto/wire/penstock.pb-c.h"

size_t penstock_fuzz_hello(uint8_t ret_bytes[64])
{
	Penstock__Wire__Hello hello = PENSTOCK__WIRE__HELLO__INIT;
	struct penstock_frame frame = { .type = PENSTOCK_FRAME_HELLO };

	hello.major = PENSTOCK_PROTOCOL_MAJOR;
	hello.isa_version = PENSTOCK_ISA_VERSION;
	frame.message_bytes = (uint32_t)penstock__wire__hello__get_packed_size(&hello);
	penstock_frame_encode(&frame, ret_bytes);
	penstock__wire__hello__pack(&hello, ret_bytes + PENSTOCK_FRAME_HEADER_BYTES);
	return PENSTOCK_FRAME_HEADER_BYTES + frame.message_bytes;
}
