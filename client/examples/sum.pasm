# SPDX-License-Identifier: MIT
# Fills, a dispatch, and a copy of what it wrote, in one submission: each sees what is before it.
device gpu
context work
allocation numbers size=4096
allocation weights hex=[03 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00]
allocation total size=256
allocation kept size=256
pipeline sum compute="shaders/sum.comp"

submit work {
	list sum numbers:w weights total:w kept:w
	fill destination=@numbers size=4096 pattern=2
	fill destination=@numbers offset=1024 size=4 pattern=100
	fill destination=@total size=256 pattern=0
	bind_pipeline pipeline=@sum
	bind_buffer allocation=@numbers size=4096 binding=0
	bind_buffer allocation=@weights size=16 binding=1
	bind_buffer_write allocation=@total offset=32 size=8 set=1 binding=0
	dispatch groups_x=16 groups_y=1 groups_z=1
	copy source=@total source_offset=32 destination=@kept size=8
}
expect SUCCESS

# 3 * (1023 * 2 + 100) = 6438, by 16 workgroups
expect bytes kept hex=[26 19 00 00  10 00 00 00]
