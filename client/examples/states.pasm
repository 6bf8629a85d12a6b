# SPDX-License-Identifier: MIT
# Graphics pipelines and their states: what goes together, and what is refused.
device gpu
context work

pipeline triangle vertex="shaders/color.vert" fragment="shaders/color.frag" {
	topology=triangle_list cull_mode=back front_face=clockwise
	binding binding=0 stride=24 rate=vertex
	attribute location=0 binding=0 format=R32G32_SFLOAT offset=0
	attribute location=1 binding=0 format=R32G32B32A32_SFLOAT offset=8
	target format=R8G8B8A8_UNORM blend=1 source_color=src_alpha destination_color=one_minus_src_alpha
	depth_format=D32_SFLOAT depth_test=1 depth_write=1 depth_compare_op=less
}
expect SUCCESS

# Depth alone, with a viewport that does not change.
pipeline shadow vertex="shaders/color.vert" {
	binding binding=0 stride=24
	attribute location=0 format=R32G32_SFLOAT
	attribute location=1 format=R32G32B32A32_SFLOAT offset=8
	viewport width=1024 height=1024
	scissor width=1024 height=1024
	depth_format=D16_UNORM depth_test=1 depth_write=1 depth_compare_op=less_or_equal
	dynamic depth_bias
	depth_bias=1
}
expect SUCCESS

# A field out of its range; an attribute that is not there; a target of other numbers.
pipeline none vertex="shaders/color.vert" {
	samples=3
}
expect INVALID_PARAMETER
pipeline bare vertex="shaders/color.vert" fragment="shaders/color.frag" {
	target format=R8G8B8A8_UNORM
}
expect INVALID_PARAMETER
pipeline other vertex="shaders/color.vert" fragment="shaders/color.frag" {
	binding stride=24
	attribute location=0 format=R32G32_SFLOAT
	attribute location=1 format=R32G32B32A32_SFLOAT offset=8
	target format=R8G8B8A8_UINT
}
expect INVALID_PARAMETER

# A submission lists it like an allocation. Draws use it, dispatches do not.
submit work {
	list triangle shadow
	nop
}
expect SUCCESS
submit work {
	list triangle
	bind_pipeline pipeline=@triangle
	dispatch groups_x=1 groups_y=1 groups_z=1
}
expect INVALID_PARAMETER
destroy triangle
expect SUCCESS
