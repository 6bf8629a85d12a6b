# SPDX-License-Identifier: MIT
# A shader doubles numbers in place. What a dispatch uses stands right before it: pipeline, buffers,
# push constants; nothing of that outlasts it.
device gpu
context work
allocation numbers hex=[01 00 00 00  02 00 00 00  03 00 00 00  04 00 00 00  05 00 00 00]
pipeline double compute="shaders/double.comp" constants=[0:u32=2]

submit work {
	list double numbers:w
	bind_pipeline pipeline=@double
	bind_buffer_write allocation=@numbers size=20 binding=0
	push_constants data=[4]
	dispatch groups_x=2 groups_y=1 groups_z=1
}
expect SUCCESS
expect bytes numbers hex=[02 00 00 00  04 00 00 00  06 00 00 00  08 00 00 00  05 00 00 00]

# Workgroup 1 alone, with two invocations: numbers 2 and 3.
submit work {
	list double numbers:w
	bind_pipeline pipeline=@double
	bind_buffer_write allocation=@numbers size=20 binding=0
	push_constants data=[5]
	dispatch groups_x=1 groups_y=1 groups_z=1 base_x=1
}
expect bytes numbers hex=[02 00 00 00  04 00 00 00  0c 00 00 00  10 00 00 00  05 00 00 00]

# From SPIR-V assembly, into the same memory, 16 bytes further.
pipeline answer compute="shaders/answer.spvasm"
submit work {
	list answer numbers:w
	bind_pipeline pipeline=@answer
	bind_buffer_write allocation=@numbers offset=16 size=4
	dispatch groups_x=1 groups_y=1 groups_z=1
}
expect bytes numbers offset=12 hex=[10 00 00 00  2a 00 00 00]
destroy answer
expect SUCCESS
