/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/graphics.h"

#include "gpu-backend/graphics_state.h"
#include "proto/wire/limits.h"

#define DYNAMIC_STATES 22u

/* By the bit of PENSTOCK_DYNAMIC_. */
static const VkDynamicState dynamic_states[DYNAMIC_STATES] = {
	VK_DYNAMIC_STATE_VIEWPORT,
	VK_DYNAMIC_STATE_SCISSOR,
	VK_DYNAMIC_STATE_LINE_WIDTH,
	VK_DYNAMIC_STATE_DEPTH_BIAS,
	VK_DYNAMIC_STATE_BLEND_CONSTANTS,
	VK_DYNAMIC_STATE_DEPTH_BOUNDS,
	VK_DYNAMIC_STATE_STENCIL_COMPARE_MASK,
	VK_DYNAMIC_STATE_STENCIL_WRITE_MASK,
	VK_DYNAMIC_STATE_STENCIL_REFERENCE,
	VK_DYNAMIC_STATE_CULL_MODE,
	VK_DYNAMIC_STATE_FRONT_FACE,
	VK_DYNAMIC_STATE_PRIMITIVE_TOPOLOGY,
	VK_DYNAMIC_STATE_VERTEX_INPUT_BINDING_STRIDE,
	VK_DYNAMIC_STATE_DEPTH_TEST_ENABLE,
	VK_DYNAMIC_STATE_DEPTH_WRITE_ENABLE,
	VK_DYNAMIC_STATE_DEPTH_COMPARE_OP,
	VK_DYNAMIC_STATE_DEPTH_BOUNDS_TEST_ENABLE,
	VK_DYNAMIC_STATE_STENCIL_TEST_ENABLE,
	VK_DYNAMIC_STATE_STENCIL_OP,
	VK_DYNAMIC_STATE_RASTERIZER_DISCARD_ENABLE,
	VK_DYNAMIC_STATE_DEPTH_BIAS_ENABLE,
	VK_DYNAMIC_STATE_PRIMITIVE_RESTART_ENABLE,
};

_Static_assert(PENSTOCK_DYNAMIC_ALL == (1u << DYNAMIC_STATES) - 1, "a state for each bit");

bool penstock_graphics_taken(const struct penstock_pipeline *blob, uint32_t stages)
{
	const uint32_t tessellation =
		PENSTOCK_STAGE_TESSELLATION_CONTROL | PENSTOCK_STAGE_TESSELLATION_EVALUATION;
	const struct penstock_graphics_state *state = penstock_pipeline_graphics(blob);
	struct penstock_errbuf text;

	return penstock_graphics_state_valid(state, &text) &&
	       (stages & PENSTOCK_STAGE_VERTEX) != 0 && (stages & ~PENSTOCK_GRAPHICS_STAGES) == 0 &&
	       ((stages & tessellation) == 0 || (stages & tessellation) == tessellation) &&
	       ((stages & tessellation) != 0) ==
		       (state->topology == VK_PRIMITIVE_TOPOLOGY_PATCH_LIST);
}

/* ---------------------------------------------------------------- parts of the description */

/* What VkGraphicsPipelineCreateInfo points to. */
struct description {
	VkShaderModule modules[PENSTOCK_LIMIT_PIPELINE_STAGES];
	VkPipelineShaderStageCreateInfo stages[PENSTOCK_LIMIT_PIPELINE_STAGES];
	uint32_t stage_count;
	VkVertexInputBindingDescription bindings[PENSTOCK_LIMIT_VERTEX_BINDINGS];
	VkVertexInputAttributeDescription attributes[PENSTOCK_LIMIT_VERTEX_ATTRIBUTES];
	VkPipelineVertexInputStateCreateInfo input;
	VkPipelineInputAssemblyStateCreateInfo assembly;
	VkPipelineTessellationStateCreateInfo tessellation;
	VkViewport viewports[PENSTOCK_LIMIT_VIEWPORTS];
	VkRect2D scissors[PENSTOCK_LIMIT_VIEWPORTS];
	VkPipelineViewportStateCreateInfo viewport;
	VkPipelineRasterizationStateCreateInfo rasterization;
	VkSampleMask sample_mask;
	VkPipelineMultisampleStateCreateInfo multisample;
	VkPipelineDepthStencilStateCreateInfo depth_stencil;
	VkPipelineColorBlendAttachmentState blends[PENSTOCK_LIMIT_COLOR_TARGETS];
	VkPipelineColorBlendStateCreateInfo blend;
	VkDynamicState dynamics[DYNAMIC_STATES];
	VkPipelineDynamicStateCreateInfo dynamic;
	VkFormat formats[PENSTOCK_LIMIT_COLOR_TARGETS];
	VkPipelineRenderingCreateInfo rendering;
};

static void describe_input(const struct penstock_graphics_state *state,
			   struct description *description)
{
	for (uint32_t i = 0; i < state->vertex_binding_count; i++) {
		const struct penstock_vertex_binding *from = &state->vertex_bindings[i];

		description->bindings[i] =
			(VkVertexInputBindingDescription){ from->binding, from->stride,
							   (VkVertexInputRate)from->input_rate };
	}
	for (uint32_t i = 0; i < state->vertex_attribute_count; i++) {
		const struct penstock_vertex_attribute *from = &state->vertex_attributes[i];

		description->attributes[i] =
			(VkVertexInputAttributeDescription){ from->location, from->binding,
							     (VkFormat)from->format, from->offset };
	}
	description->input = (VkPipelineVertexInputStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
		.vertexBindingDescriptionCount = state->vertex_binding_count,
		.pVertexBindingDescriptions = description->bindings,
		.vertexAttributeDescriptionCount = state->vertex_attribute_count,
		.pVertexAttributeDescriptions = description->attributes,
	};
	description->assembly = (VkPipelineInputAssemblyStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
		.topology = (VkPrimitiveTopology)state->topology,
		.primitiveRestartEnable = state->primitive_restart,
	};
	description->tessellation = (VkPipelineTessellationStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO,
		.patchControlPoints = state->patch_control_points,
	};
}

static void describe_viewports(const struct penstock_graphics_state *state,
			       struct description *description)
{
	for (uint32_t i = 0; i < state->viewport_count; i++) {
		const struct penstock_viewport *viewport = &state->viewports[i];
		const struct penstock_scissor *scissor = &state->scissors[i];

		description->viewports[i] =
			(VkViewport){ viewport->x,      viewport->y,         viewport->width,
				      viewport->height, viewport->min_depth, viewport->max_depth };
		description->scissors[i] = (VkRect2D){ { scissor->x, scissor->y },
						       { scissor->width, scissor->height } };
	}
	description->viewport = (VkPipelineViewportStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
		.viewportCount = state->viewport_count,
		.pViewports = description->viewports,
		.scissorCount = state->viewport_count,
		.pScissors = description->scissors,
	};
}

static void describe_rasterization(const struct penstock_graphics_state *state,
				   struct description *description)
{
	description->rasterization = (VkPipelineRasterizationStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
		.depthClampEnable = state->depth_clamp,
		.rasterizerDiscardEnable = state->rasterizer_discard,
		.polygonMode = (VkPolygonMode)state->polygon_mode,
		.cullMode = state->cull_mode,
		.frontFace = (VkFrontFace)state->front_face,
		.depthBiasEnable = state->depth_bias,
		.depthBiasConstantFactor = state->depth_bias_constant,
		.depthBiasClamp = state->depth_bias_clamp,
		.depthBiasSlopeFactor = state->depth_bias_slope,
		.lineWidth = state->line_width,
	};
	description->sample_mask = state->sample_mask;
	description->multisample = (VkPipelineMultisampleStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
		.rasterizationSamples = (VkSampleCountFlagBits)state->samples,
		.sampleShadingEnable = state->sample_shading,
		.minSampleShading = state->min_sample_shading,
		.pSampleMask = &description->sample_mask,
		.alphaToCoverageEnable = state->alpha_to_coverage,
		.alphaToOneEnable = state->alpha_to_one,
	};
}

static VkStencilOpState stencil_of(const struct penstock_stencil *from)
{
	return (VkStencilOpState){
		.failOp = (VkStencilOp)from->fail_op,
		.passOp = (VkStencilOp)from->pass_op,
		.depthFailOp = (VkStencilOp)from->depth_fail_op,
		.compareOp = (VkCompareOp)from->compare_op,
		.compareMask = from->compare_mask,
		.writeMask = from->write_mask,
		.reference = from->reference,
	};
}

static void describe_depth_stencil(const struct penstock_graphics_state *state,
				   struct description *description)
{
	description->depth_stencil = (VkPipelineDepthStencilStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
		.depthTestEnable = state->depth_test,
		.depthWriteEnable = state->depth_write,
		.depthCompareOp = (VkCompareOp)state->depth_compare_op,
		.depthBoundsTestEnable = state->depth_bounds_test,
		.stencilTestEnable = state->stencil_test,
		.front = stencil_of(&state->front),
		.back = stencil_of(&state->back),
		.minDepthBounds = state->min_depth_bounds,
		.maxDepthBounds = state->max_depth_bounds,
	};
}

static void describe_blend(const struct penstock_graphics_state *state,
			   struct description *description)
{
	for (uint32_t i = 0; i < state->color_count; i++) {
		const struct penstock_blend *from = &state->blends[i];

		description->formats[i] = (VkFormat)state->color_formats[i];
		description->blends[i] = (VkPipelineColorBlendAttachmentState){
			.blendEnable = from->enable,
			.srcColorBlendFactor = (VkBlendFactor)from->source_color,
			.dstColorBlendFactor = (VkBlendFactor)from->destination_color,
			.colorBlendOp = (VkBlendOp)from->color_op,
			.srcAlphaBlendFactor = (VkBlendFactor)from->source_alpha,
			.dstAlphaBlendFactor = (VkBlendFactor)from->destination_alpha,
			.alphaBlendOp = (VkBlendOp)from->alpha_op,
			.colorWriteMask = from->write_mask,
		};
	}
	description->blend = (VkPipelineColorBlendStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
		.logicOpEnable = state->logic_op_enable,
		.logicOp = (VkLogicOp)state->logic_op,
		.attachmentCount = state->color_count,
		.pAttachments = description->blends,
		.blendConstants = { state->blend_constants[0], state->blend_constants[1],
				    state->blend_constants[2], state->blend_constants[3] },
	};
	description->rendering = (VkPipelineRenderingCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
		.viewMask = state->view_mask,
		.colorAttachmentCount = state->color_count,
		.pColorAttachmentFormats = description->formats,
		.depthAttachmentFormat = (VkFormat)state->depth_format,
		.stencilAttachmentFormat = (VkFormat)state->stencil_format,
	};
}

static void describe_dynamic(const struct penstock_graphics_state *state,
			     struct description *description)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < DYNAMIC_STATES; i++) {
		if ((state->dynamic & 1u << i) != 0) {
			description->dynamics[count++] = dynamic_states[i];
		}
	}
	description->dynamic = (VkPipelineDynamicStateCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
		.dynamicStateCount = count,
		.pDynamicStates = description->dynamics,
	};
}

/* ---------------------------------------------------------------- making */

static VkResult make_stages(const struct penstock_pipeline *blob,
			    const struct penstock_vulkan_device *device,
			    struct description *description)
{
	const struct penstock_pipeline_stage *stages = penstock_pipeline_stages(blob);
	const uint8_t *bytes = (const uint8_t *)blob;

	for (uint32_t i = 0; i < blob->stage_count; i++) {
		const VkShaderModuleCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
			.codeSize = stages[i].spirv_bytes,
			.pCode = (const uint32_t *)(const void *)(bytes + stages[i].spirv_offset),
		};
		VkResult result = device->calls.CreateShaderModule(device->device, &info, NULL,
								   &description->modules[i]);

		if (result != VK_SUCCESS) {
			return result;
		}
		description->stages[description->stage_count++] = (VkPipelineShaderStageCreateInfo){
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = (VkShaderStageFlagBits)stages[i].stage,
			.module = description->modules[i],
			.pName = (const char *)bytes + stages[i].entry_offset,
		};
	}
	return VK_SUCCESS;
}

static VkResult make(const struct penstock_vulkan_device *device,
		     const struct description *description, VkPipelineLayout layout,
		     VkPipeline *ret_pipeline)
{
	const VkGraphicsPipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
		.pNext = &description->rendering,
		.stageCount = description->stage_count,
		.pStages = description->stages,
		.pVertexInputState = &description->input,
		.pInputAssemblyState = &description->assembly,
		.pTessellationState = &description->tessellation,
		.pViewportState = &description->viewport,
		.pRasterizationState = &description->rasterization,
		.pMultisampleState = &description->multisample,
		.pDepthStencilState = &description->depth_stencil,
		.pColorBlendState = &description->blend,
		.pDynamicState = &description->dynamic,
		.layout = layout,
	};

	return device->calls.CreateGraphicsPipelines(device->device, VK_NULL_HANDLE, 1, &info, NULL,
						     ret_pipeline);
}

VkResult penstock_graphics_make(const struct penstock_pipeline *blob,
				const struct penstock_vulkan_device *device,
				VkPipelineLayout layout, VkPipeline *ret_pipeline)
{
	const struct penstock_graphics_state *state = penstock_pipeline_graphics(blob);
	struct description description = { .stage_count = 0 };
	VkResult result = make_stages(blob, device, &description);

	describe_input(state, &description);
	describe_viewports(state, &description);
	describe_rasterization(state, &description);
	describe_depth_stencil(state, &description);
	describe_blend(state, &description);
	describe_dynamic(state, &description);
	if (result == VK_SUCCESS) {
		result = make(device, &description, layout, ret_pipeline);
	}
	for (uint32_t i = 0; i < description.stage_count; i++) {
		device->calls.DestroyShaderModule(device->device, description.modules[i], NULL);
	}
	return result;
}
