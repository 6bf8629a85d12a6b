# SPDX-License-Identifier: MIT
# What is refused says where and why, leaves nothing behind, and the next submission works.

device gpu
context work
allocation data size=4096

# an opcode that there is not: seen by its place, 4 bytes behind the nop
submit work {
	list null data:w
	nop
	.dword 0x00027777 0x00000000
}
expect ILLEGAL_INSTRUCTION at 0x4

# instructions of the GPU that only the daemon may use
submit work {
	register_write register=0x40 value=1
}
expect PRIVILEGED_INSTRUCTION at 0x0

submit work {
	nop
	nop
	jump address=0x100000000
}
expect PRIVILEGED_INSTRUCTION at 0x8

# GDI records need RenderKm
submit work {
	list data:w
	colorfill destination=@data destination_rect=(0,0,1,1) color=0 rop=1
}
expect ILLEGAL_INSTRUCTION at 0x0

# past the end, by one byte
submit work {
	list data data:w
	copy source=0 source_offset=4093 destination=1 size=4
}
expect INVALID_PARAMETER at 0x0

# offset + size that would wrap
submit work {
	list data:w
	fill destination=@data offset=0xfffffffffffffffc size=8
}
expect INVALID_PARAMETER at 0x0

# written, but not listed with WriteOperation
submit work {
	list data
	fill destination=@data size=4
}
expect INVALID_PARAMETER at 0x0

# no such element, and the NULL element
submit work {
	list data:w
	fill destination=7 size=4
}
expect INVALID_HANDLE at 0x0

submit work {
	list null data:w
	fill destination=0 size=4
}
expect INVALID_HANDLE at 0x0

# a field that no operand names is not zero
submit work {
	list data:w
	.dword 0x00080002 0x00010000 0 0 4 0 0 0
}
expect INVALID_PARAMETER at 0x0

# a length past the end of the buffer, and a length of nothing
submit work {
	nop
	.dword 0x00080002 0
}
expect INVALID_USER_BUFFER at 0x4

submit work {
	.dword 0x00000000
}
expect INVALID_USER_BUFFER at 0x0

# all or nothing: the fill in front of the fault did not run either
submit work {
	list data:w
	fill destination=@data size=4096 pattern=0xffffffff
	interrupt
}
expect PRIVILEGED_INSTRUCTION at 0x20

expect bytes data hex=[00 00 00 00 00 00 00 00]

submit work {
	list data:w
	fill destination=@data size=4096 pattern=0x01010101
}
expect SUCCESS
expect bytes data offset=4092 hex=01010101
