/* SPDX-License-Identifier: MIT */
/*
 * What a client says of images and of graphics pipelines, as it is on the wire. Installed as
 * penstock/graphics.h, so it includes nothing of the project and is C and C++.
 *
 * Enumerations, formats and bits are Vulkan's, by their numbers (Vk... in the comments); a struct
 * has only words of 32 bits, so it is the same everywhere.
 */
#ifndef PENSTOCK_GRAPHICS_H
#define PENSTOCK_GRAPHICS_H

#include <stdint.h>

#define PENSTOCK_LIMIT_COLOR_TARGETS     8u
#define PENSTOCK_LIMIT_VERTEX_BINDINGS   16u
#define PENSTOCK_LIMIT_VERTEX_ATTRIBUTES 32u
#define PENSTOCK_LIMIT_VIEWPORTS         16u
#define PENSTOCK_LIMIT_MIP_LEVELS        15u

/* ---------------------------------------------------------------- images */

/*
 * An image as it lies in an allocation, from an offset on that is a multiple of
 * PENSTOCK_IMAGE_ALIGNMENT. Several may lie in the same bytes. The same description at the same
 * bytes is the same image: nothing is created.
 */
struct penstock_image {
	uint32_t flags;   /* VkImageCreateFlagBits: mutable format, cube, 2D array of 3D */
	uint32_t type;    /* VkImageType: 0, 1, 2 for 1D, 2D, 3D */
	uint32_t format;  /* VkFormat */
	uint32_t width;   /* texels */
	uint32_t height;  /* 1 of a 1D image */
	uint32_t depth;   /* 1 but of a 3D image */
	uint32_t levels;  /* of the mip chain, at least 1 */
	uint32_t layers;  /* at least 1; of a 3D image 1 */
	uint32_t samples; /* 1 or 4 */
	uint32_t tiling;  /* VkImageTiling: 0 optimal, 1 linear */
};

#define PENSTOCK_IMAGE_ALIGNMENT 64u

/* ---------------------------------------------------------------- pipelines */

/*
 * penstock_graphics_state.dynamic: what is not the pipeline's but said in a render scope before a
 * draw. In the order of VkDynamicState and, from bit 9, of its extended ones.
 */
#define PENSTOCK_DYNAMIC_VIEWPORT             0x000001u /* viewport */
#define PENSTOCK_DYNAMIC_SCISSOR              0x000002u /* scissor */
#define PENSTOCK_DYNAMIC_LINE_WIDTH           0x000004u /* state 2, the bits of a single */
#define PENSTOCK_DYNAMIC_DEPTH_BIAS           0x000008u /* depth_bias */
#define PENSTOCK_DYNAMIC_BLEND_CONSTANTS      0x000010u /* blend_constants */
#define PENSTOCK_DYNAMIC_DEPTH_BOUNDS         0x000020u /* depth_bounds */
#define PENSTOCK_DYNAMIC_STENCIL_COMPARE_MASK 0x000040u /* stencil */
#define PENSTOCK_DYNAMIC_STENCIL_WRITE_MASK   0x000080u /* stencil */
#define PENSTOCK_DYNAMIC_STENCIL_REFERENCE    0x000100u /* stencil */
#define PENSTOCK_DYNAMIC_CULL_MODE            0x000200u /* state 9: VkCullModeFlags */
#define PENSTOCK_DYNAMIC_FRONT_FACE           0x000400u /* state 10: VkFrontFace */
#define PENSTOCK_DYNAMIC_TOPOLOGY             0x000800u /* state 11: VkPrimitiveTopology */
#define PENSTOCK_DYNAMIC_VERTEX_STRIDE        0x001000u /* vertex_buffer's stride */
#define PENSTOCK_DYNAMIC_DEPTH_TEST           0x002000u /* state 13: 0, 1 */
#define PENSTOCK_DYNAMIC_DEPTH_WRITE          0x004000u /* state 14 */
#define PENSTOCK_DYNAMIC_DEPTH_COMPARE        0x008000u /* state 15: VkCompareOp */
#define PENSTOCK_DYNAMIC_DEPTH_BOUNDS_TEST    0x010000u /* state 16 */
#define PENSTOCK_DYNAMIC_STENCIL_TEST         0x020000u /* state 17 */
#define PENSTOCK_DYNAMIC_STENCIL_OP           0x040000u /* stencil: the four operations */
#define PENSTOCK_DYNAMIC_RASTERIZER_DISCARD   0x080000u /* state 19 */
#define PENSTOCK_DYNAMIC_DEPTH_BIAS_ENABLE    0x100000u /* state 20 */
#define PENSTOCK_DYNAMIC_PRIMITIVE_RESTART    0x200000u /* state 21 */
#define PENSTOCK_DYNAMIC_ALL                  0x3FFFFFu

/* The `state` operand is the number of the bit. */
#define PENSTOCK_STATE_LINE_WIDTH         2u
#define PENSTOCK_STATE_CULL_MODE          9u
#define PENSTOCK_STATE_FRONT_FACE         10u
#define PENSTOCK_STATE_TOPOLOGY           11u
#define PENSTOCK_STATE_DEPTH_TEST         13u
#define PENSTOCK_STATE_DEPTH_WRITE        14u
#define PENSTOCK_STATE_DEPTH_COMPARE      15u
#define PENSTOCK_STATE_DEPTH_BOUNDS_TEST  16u
#define PENSTOCK_STATE_STENCIL_TEST       17u
#define PENSTOCK_STATE_RASTERIZER_DISCARD 19u
#define PENSTOCK_STATE_DEPTH_BIAS_ENABLE  20u
#define PENSTOCK_STATE_PRIMITIVE_RESTART  21u

/* VkVertexInputBindingDescription */
struct penstock_vertex_binding {
	uint32_t binding; /* < PENSTOCK_LIMIT_VERTEX_BINDINGS */
	uint32_t stride;  /* bytes */
	uint32_t input_rate;
};

/* VkVertexInputAttributeDescription */
struct penstock_vertex_attribute {
	uint32_t location;
	uint32_t binding;
	uint32_t format;
	uint32_t offset;
};

/* VkViewport */
struct penstock_viewport {
	float x, y, width, height, min_depth, max_depth;
};

/* VkRect2D */
struct penstock_scissor {
	int32_t x, y;
	uint32_t width, height;
};

/* VkStencilOpState */
struct penstock_stencil {
	uint32_t fail_op;
	uint32_t pass_op;
	uint32_t depth_fail_op;
	uint32_t compare_op;
	uint32_t compare_mask;
	uint32_t write_mask;
	uint32_t reference;
};

/* VkPipelineColorBlendAttachmentState */
struct penstock_blend {
	uint32_t enable;
	uint32_t source_color;
	uint32_t destination_color;
	uint32_t color_op;
	uint32_t source_alpha;
	uint32_t destination_alpha;
	uint32_t alpha_op;
	uint32_t write_mask;
};

/*
 * VkGraphicsPipelineCreateInfo without its shaders and layout. What is dynamic, and what is behind
 * a count, is zero; but a dynamic topology says of which class it will be. Zeros are sound defaults
 * but for: samples (1), sample_mask (all ones), line_width (1), write masks, viewport_count (1).
 */
struct penstock_graphics_state {
	uint32_t dynamic; /* PENSTOCK_DYNAMIC_ */

	uint32_t vertex_binding_count;
	uint32_t vertex_attribute_count;
	struct penstock_vertex_binding vertex_bindings[PENSTOCK_LIMIT_VERTEX_BINDINGS];
	struct penstock_vertex_attribute vertex_attributes[PENSTOCK_LIMIT_VERTEX_ATTRIBUTES];

	uint32_t topology;
	uint32_t primitive_restart;
	uint32_t patch_control_points; /* 0: no tessellation */

	uint32_t viewport_count; /* as many scissors */
	struct penstock_viewport viewports[PENSTOCK_LIMIT_VIEWPORTS];
	struct penstock_scissor scissors[PENSTOCK_LIMIT_VIEWPORTS];

	uint32_t depth_clamp;
	uint32_t rasterizer_discard;
	uint32_t polygon_mode;
	uint32_t cull_mode;
	uint32_t front_face;
	uint32_t depth_bias;
	float depth_bias_constant;
	float depth_bias_clamp;
	float depth_bias_slope;
	float line_width;

	uint32_t samples; /* 1 or 4 */
	uint32_t sample_shading;
	float min_sample_shading;
	uint32_t sample_mask;
	uint32_t alpha_to_coverage;
	uint32_t alpha_to_one;

	uint32_t depth_test;
	uint32_t depth_write;
	uint32_t depth_compare_op;
	uint32_t depth_bounds_test;
	uint32_t stencil_test;
	struct penstock_stencil front;
	struct penstock_stencil back;
	float min_depth_bounds;
	float max_depth_bounds;

	uint32_t logic_op_enable;
	uint32_t logic_op;
	float blend_constants[4];
	struct penstock_blend blends[PENSTOCK_LIMIT_COLOR_TARGETS];

	/* The targets of the render scopes that it draws in: VkPipelineRenderingCreateInfo. */
	uint32_t color_count;
	uint32_t color_formats[PENSTOCK_LIMIT_COLOR_TARGETS]; /* 0: none there */
	uint32_t depth_format;                                /* 0: none */
	uint32_t stencil_format;
	uint32_t view_mask;
};

#endif
