# SPDX-License-Identifier: MIT
# What is refused of shaders and of what uses them, and what for.
device gpu
context work
allocation numbers size=64
pipeline double compute="shaders/double.comp" constants=[0:u32=2]

# Its checker knows what a shader may do.
pipeline anywhere compute="shaders/anywhere.comp"
expect INVALID_PARAMETER
pipeline other compute="shaders/double.comp" entry="other"
expect INVALID_PARAMETER

# The binding that is missing, too small, or only read, is named.
submit work {
	list double numbers:w
	bind_pipeline pipeline=@double
	push_constants data=[4]
	dispatch groups_x=2 groups_y=1 groups_z=1
}
expect INVALID_PARAMETER at 0x14
submit work {
	list double numbers:w
	bind_pipeline pipeline=@double
	bind_buffer allocation=@numbers size=64
	dispatch groups_x=2 groups_y=1 groups_z=1
}
expect INVALID_PARAMETER at 0x8
submit work {
	list double numbers:w
	bind_pipeline pipeline=@double
	bind_buffer_write allocation=@numbers offset=32 size=36
	dispatch groups_x=2 groups_y=1 groups_z=1
}
expect INVALID_PARAMETER at 0x8

# Nothing stands inside a group, and nothing of it outlasts it.
submit work {
	list double numbers:w
	bind_pipeline pipeline=@double
	nop
	dispatch groups_x=2 groups_y=1 groups_z=1
}
expect ILLEGAL_INSTRUCTION at 0x8
submit work {
	list double numbers:w
	bind_pipeline pipeline=@double
	bind_buffer_write allocation=@numbers size=64
	dispatch groups_x=2 groups_y=1 groups_z=1
	dispatch groups_x=2 groups_y=1 groups_z=1
}
expect INVALID_PARAMETER

# With all that it needs it runs; twice nothing is nothing.
submit work {
	list double numbers:w
	bind_pipeline pipeline=@double
	bind_buffer_write allocation=@numbers size=64
	push_constants data=[4]
	dispatch groups_x=2 groups_y=1 groups_z=1
}
expect SUCCESS

# A pipeline is memory that nobody else has access to.
upload double hex=00
expect ACCESS_DENIED
read double size=4 file="nothing"
expect GRAPHICS_INVALID_ALLOCATION_USAGE
share double token=nobodys
expect GRAPHICS_INVALID_ALLOCATION_USAGE
submit work {
	list double:w
	nop
}
expect ACCESS_DENIED
destroy double
expect SUCCESS

# Nothing of what was refused did anything.
expect bytes numbers hex=[00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00]
