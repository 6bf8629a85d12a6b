# SPDX-License-Identifier: MIT
# Instructions of the render and copy nodes, from memory of both segments, by openings of one
# allocation on two devices.

device gpu
context work
context copies node=1 dma_buffer=4096 patch_list=16

allocation near size=8192 segments=1 hex=[01 02 03 04 05 06 07 08]
allocation far size=70000 segments=2
device second
context there
share near token=t
open view token=t
open looked token=t read_only

submit work {
	list near far:w
	nop
	marker value=0xfeed
	copy source=@near source_offset=0 destination=@far destination_offset=65530 size=8
	update destination=@far offset=0x40 data=[0x11 0x22 0x33]
	fill destination=@far offset=128 size=4096 pattern=0xabcdef01
}
expect SUCCESS
submit copies {
	list far near:w
	copy_rows source=@far source_offset=128 source_pitch=64 destination=@near destination_offset=0x100 destination_pitch=128 row_bytes=48 rows=4
}
submit copies null_rendering {
	list null near:w
	fill destination=@near offset=0 size=4 pattern=0
}
expect SUCCESS
submit there {
	list view:w
	copy source=@view source_offset=256 destination=@view destination_offset=1 size=48
}
expect SUCCESS
submit there {
	list looked:w
	nop
}
expect ACCESS_DENIED
expect bytes near offset=1 hex=[01 ef cd ab]
read near size=1024 file="/dev/null"
read far offset=65500 size=4500 file="/dev/null"
destroy second
read view size=4 file="/dev/null"
expect INVALID_HANDLE
expect bytes near offset=1 hex=[01 ef cd ab]
