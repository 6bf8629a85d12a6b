/* SPDX-License-Identifier: MIT */
#include "tests/golden/reference_run.h"

#include <string.h>

static void create_layout(struct run *run)
{
	const struct penstock_pipeline_binding *bindings = penstock_pipeline_bindings(run->blob);
	const VkPushConstantRange range = { VK_SHADER_STAGE_ALL, 0, 128 };
	VkPipelineLayoutCreateInfo info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
					    .setLayoutCount = PENSTOCK_LIMIT_DESCRIPTOR_SETS,
					    .pushConstantRangeCount = 1,
					    .pPushConstantRanges = &range };

	info.pSetLayouts = &run->set_layouts[run->set_layout_count];
	for (uint32_t set = 0; set < PENSTOCK_LIMIT_DESCRIPTOR_SETS; set++) {
		VkDescriptorSetLayoutBinding list[BINDINGS];
		VkDescriptorSetLayoutCreateInfo layout = {
			.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
			.pBindings = list
		};

		for (uint32_t i = 0; i < run->blob->binding_count; i++) {
			if (bindings[i].set == set) {
				list[layout.bindingCount++] = (VkDescriptorSetLayoutBinding){
					bindings[i].binding, (VkDescriptorType)bindings[i].type,
					bindings[i].count, VK_SHADER_STAGE_ALL, NULL
				};
			}
		}
		VK(run->vk->CreateDescriptorSetLayout(run->vk->device, &layout, NULL,
						      &run->set_layouts[run->set_layout_count++]));
	}
	VK(run->vk->CreatePipelineLayout(run->vk->device, &info, NULL, &run->layout));
	run->layouts[run->layout_count++] = run->layout;
}

static uint32_t create_stages(struct run *run, VkPipelineShaderStageCreateInfo *ret_stages)
{
	const struct penstock_pipeline_stage *stages = penstock_pipeline_stages(run->blob);
	const char *bytes = (const char *)run->blob;

	for (uint32_t i = 0; i < run->blob->stage_count; i++) {
		const VkShaderModuleCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
			.codeSize = stages[i].spirv_bytes,
			.pCode = (const void *)(bytes + stages[i].spirv_offset),
		};
		VkShaderModule *module = &run->modules[run->module_count++];

		VK(run->vk->CreateShaderModule(run->vk->device, &info, NULL, module));
		ret_stages[i] = (VkPipelineShaderStageCreateInfo){
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = (VkShaderStageFlagBits)stages[i].stage,
			.module = *module,
			.pName = bytes + stages[i].entry_offset,
		};
	}
	return run->blob->stage_count;
}

static void create_graphics(struct run *run)
{
	static const uint32_t dynamics[] = { 0,          1,          2,          3,
					     4,          5,          6,          7,
					     8,          1000267000, 1000267001, 1000267002,
					     1000267005, 1000267006, 1000267007, 1000267008,
					     1000267009, 1000267010, 1000267011, 1000377001,
					     1000377002, 1000377004 };
	const struct penstock_graphics_state *is = penstock_pipeline_graphics(run->blob);
	VkPipelineShaderStageCreateInfo stages[6];
	VkPipelineVertexInputStateCreateInfo input = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
		.vertexBindingDescriptionCount = is->vertex_binding_count,
		.pVertexBindingDescriptions = (const void *)is->vertex_bindings,
		.vertexAttributeDescriptionCount = is->vertex_attribute_count,
		.pVertexAttributeDescriptions = (const void *)is->vertex_attributes,
	};
	VkPipelineInputAssemblyStateCreateInfo assembly = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
		.topology = (VkPrimitiveTopology)is->topology,
		.primitiveRestartEnable = is->primitive_restart,
	};
	VkPipelineTessellationStateCreateInfo tessellation = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO,
		.patchControlPoints = is->patch_control_points,
	};
	VkPipelineViewportStateCreateInfo viewport = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
		.viewportCount = is->viewport_count,
		.pViewports = (const void *)is->viewports,
		.scissorCount = is->viewport_count,
		.pScissors = (const void *)is->scissors,
	};
	VkPipelineRasterizationStateCreateInfo raster = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
		.depthClampEnable = is->depth_clamp,
		.rasterizerDiscardEnable = is->rasterizer_discard,
		.polygonMode = (VkPolygonMode)is->polygon_mode,
		.cullMode = is->cull_mode,
		.frontFace = (VkFrontFace)is->front_face,
		.depthBiasEnable = is->depth_bias,
		.depthBiasConstantFactor = is->depth_bias_constant,
		.depthBiasClamp = is->depth_bias_clamp,
		.depthBiasSlopeFactor = is->depth_bias_slope,
		.lineWidth = is->line_width,
	};
	VkPipelineMultisampleStateCreateInfo samples = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
		.rasterizationSamples = (VkSampleCountFlagBits)is->samples,
		.sampleShadingEnable = is->sample_shading,
		.minSampleShading = is->min_sample_shading,
		.pSampleMask = &is->sample_mask,
		.alphaToCoverageEnable = is->alpha_to_coverage,
		.alphaToOneEnable = is->alpha_to_one,
	};
	VkPipelineDepthStencilStateCreateInfo depth = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
		.depthTestEnable = is->depth_test,
		.depthWriteEnable = is->depth_write,
		.depthCompareOp = (VkCompareOp)is->depth_compare_op,
		.depthBoundsTestEnable = is->depth_bounds_test,
		.stencilTestEnable = is->stencil_test,
		.minDepthBounds = is->min_depth_bounds,
		.maxDepthBounds = is->max_depth_bounds,
	};
	VkPipelineColorBlendStateCreateInfo blend = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
		.logicOpEnable = is->logic_op_enable,
		.logicOp = (VkLogicOp)is->logic_op,
		.attachmentCount = is->color_count,
		.pAttachments = (const void *)is->blends,
	};
	VkDynamicState dynamic_list[PENSTOCK_ARRAY_SIZE(dynamics)];
	VkPipelineDynamicStateCreateInfo dynamic = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
		.pDynamicStates = dynamic_list,
	};
	VkPipelineRenderingCreateInfo rendering = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
		.viewMask = is->view_mask,
		.colorAttachmentCount = is->color_count,
		.pColorAttachmentFormats = (const void *)is->color_formats,
		.depthAttachmentFormat = (VkFormat)is->depth_format,
		.stencilAttachmentFormat = (VkFormat)is->stencil_format,
	};
	VkGraphicsPipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
		.pNext = &rendering,
		.stageCount = create_stages(run, stages),
		.pStages = stages,
		.pVertexInputState = &input,
		.pInputAssemblyState = &assembly,
		.pTessellationState = &tessellation,
		.pViewportState = &viewport,
		.pRasterizationState = &raster,
		.pMultisampleState = &samples,
		.pDepthStencilState = &depth,
		.pColorBlendState = &blend,
		.pDynamicState = &dynamic,
		.layout = run->layout,
	};

	memcpy(&depth.front, &is->front, sizeof(depth.front));
	memcpy(&depth.back, &is->back, sizeof(depth.back));
	memcpy(blend.blendConstants, is->blend_constants, sizeof(blend.blendConstants));
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(dynamics); i++) {
		if ((is->dynamic & 1u << i) != 0) {
			dynamic_list[dynamic.dynamicStateCount++] = (VkDynamicState)dynamics[i];
		}
	}
	VK(run->vk->CreateGraphicsPipelines(run->vk->device, VK_NULL_HANDLE, 1, &info, NULL,
					    &run->pipeline));
}

void reference_pipeline(struct run *run, uint32_t offset)
{
	VkPipelineShaderStageCreateInfo stages[6];
	VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT,
	};

	run->blob = (const void *)(run->canvas->memory + offset);
	create_layout(run);
	if (run->blob->kind == PENSTOCK_PIPELINE_GRAPHICS) {
		create_graphics(run);
	} else {
		create_stages(run, stages);
		info.stage = stages[0];
		info.layout = run->layout;
		VK(run->vk->CreateComputePipelines(run->vk->device, VK_NULL_HANDLE, 1, &info, NULL,
						   &run->pipeline));
	}
	run->pipelines[run->pipeline_count++] = run->pipeline;
}
