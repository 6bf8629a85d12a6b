# SPDX-License-Identifier: MIT
# A render scope: two triangles, the nearer of which is drawn first, into a surface with a depth
# buffer. Then the picture, half as large, by a blit.
device gpu
context draw

pipeline color vertex="shaders/color.vert" fragment="shaders/color.frag" {
	topology=triangle_list
	binding stride=24
	attribute location=0 format=R32G32_SFLOAT
	attribute location=1 format=R32G32B32A32_SFLOAT offset=8
	target format=B8G8R8A8_UNORM
	depth_format=D32_SFLOAT depth_test=1 depth_write=1 depth_compare_op=less
}

# Rows of a surface are a multiple of 64 bytes long, as those of a linear image.
allocation picture width=64 height=64 format=A8R8G8B8
allocation depth size=16384
allocation small width=32 height=32 format=A8R8G8B8 pitch=128

# x, y, and red, green, blue, alpha, as the bytes of singles: the upper left half of the target in
# red, and all of it in green.
allocation vertices size=144 hex=[
	00 00 80 bf  00 00 80 bf   00 00 80 3f  00 00 00 00  00 00 00 00  00 00 80 3f
	00 00 80 3f  00 00 80 bf   00 00 80 3f  00 00 00 00  00 00 00 00  00 00 80 3f
	00 00 80 bf  00 00 80 3f   00 00 80 3f  00 00 00 00  00 00 00 00  00 00 80 3f
	00 00 80 bf  00 00 80 bf   00 00 00 00  00 00 80 3f  00 00 00 00  00 00 80 3f
	00 00 40 40  00 00 80 bf   00 00 00 00  00 00 80 3f  00 00 00 00  00 00 80 3f
	00 00 80 bf  00 00 40 40   00 00 00 00  00 00 80 3f  00 00 00 00  00 00 80 3f
]

submit draw {
	list color vertices picture:w depth:w
	begin_rendering area=(0,0,64,64) layers=1
	image_write allocation=@picture slot=0 type=1 format=B8G8R8A8_UNORM width=64 height=64 depth=1 levels=1 layers=1 samples=1 tiling=1
	image_write allocation=@depth slot=1 type=1 format=D32_SFLOAT width=64 height=64 depth=1 levels=1 layers=1 samples=1
	color_target image=0 load_op=1 clear_3=0x3f800000
	depth_stencil_target image=1 depth_load_op=1 clear_depth=1
	bind_pipeline pipeline=@color
	scissor rect=(0,0,64,64)
	vertex_buffer allocation=@vertices size=144

	# the depth of a draw is its viewport's
	viewport width=64 height=64 min_depth=0.25 max_depth=0.25
	draw vertices=3 instances=1
	viewport width=64 height=64 min_depth=0.5 max_depth=0.5
	scissor rect=(0,0,64,48)
	draw vertices=3 instances=1 first_vertex=3
	end_rendering
}
expect SUCCESS
expect pixels picture x=5 y=5 color=0xffff0000
expect pixels picture x=60 y=40 color=0xff00ff00
expect pixels picture x=60 y=60 color=0xff000000
expect pixels picture x=5 y=50 color=0xffff0000

submit draw {
	list picture small:w
	image allocation=@picture slot=0 type=1 format=B8G8R8A8_UNORM width=64 height=64 depth=1 levels=1 layers=1 samples=1 tiling=1
	image_write allocation=@small slot=1 type=1 format=B8G8R8A8_UNORM width=32 height=32 depth=1 levels=1 layers=1 samples=1 tiling=1
	blit_image source=0 destination=1 layers=1 source_x1=64 source_y1=64 source_z1=1 destination_x1=32 destination_y1=32 destination_z1=1
}
expect SUCCESS
expect pixels small x=2 y=2 color=0xffff0000
expect pixels small x=30 y=20 color=0xff00ff00

# A draw says what it lacks: here nothing was said of its viewport.
submit draw {
	list color vertices picture:w
	begin_rendering area=(0,0,64,64) layers=1
	image_write allocation=@picture slot=0 type=1 format=B8G8R8A8_UNORM width=64 height=64 depth=1 levels=1 layers=1 samples=1 tiling=1
	color_target image=0 load_op=1
	bind_pipeline pipeline=@color
	vertex_buffer allocation=@vertices size=144
	draw vertices=3 instances=1
	end_rendering
}
expect INVALID_PARAMETER

read picture png="triangle.png"
