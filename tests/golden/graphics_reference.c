/* SPDX-License-Identifier: MIT */
#include "tests/golden/graphics_reference.h"

#include "tests/golden/reference_run.h"

#include <stdlib.h>
#include <string.h>

static uint32_t word(const uint8_t *row, uint32_t at)
{
	return penstock_load32(row + at);
}

static int32_t integer(const uint8_t *row, uint32_t at)
{
	return (int32_t)word(row, at);
}

static float number(const uint8_t *row, uint32_t at)
{
	float value;

	memcpy(&value, row + at, sizeof(value));
	return value;
}

static uint32_t offset_of(const uint8_t *row, uint32_t at)
{
	return (uint32_t)(penstock_load64(row + at) - PENSTOCK_LOCAL_BASE);
}

/* ---------------------------------------------------------------- memory and images */

static VkDeviceMemory allocate(struct run *run, VkDeviceSize size)
{
	const VkMemoryAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
					    .allocationSize = size };
	VkDeviceMemory memory;

	VK(run->vk->AllocateMemory(run->vk->device, &info, NULL, &memory));
	return memory;
}

static void create_memory(struct run *run)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = CANVAS_DATA_BYTES,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
			 VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT |
			 VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT |
			 VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
			 VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT |
			 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	void *mapped;

	VK(run->vk->CreateBuffer(run->vk->device, &info, NULL, &run->buffer));
	run->memory = allocate(run, CANVAS_DATA_BYTES);
	VK(run->vk->BindBufferMemory(run->vk->device, run->buffer, run->memory, 0));
	VK(run->vk->MapMemory(run->vk->device, run->memory, 0, VK_WHOLE_SIZE, 0, &mapped));
	run->mapped = mapped;
	memcpy(run->mapped, run->canvas->memory, CANVAS_DATA_BYTES);
}

static VkImageUsageFlags usage_of(const struct penstock_image *is)
{
	const struct penstock_texel_format *format = penstock_texel_format_get(is->format);
	const VkImageUsageFlags always = VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
					 VK_IMAGE_USAGE_TRANSFER_DST_BIT |
					 VK_IMAGE_USAGE_SAMPLED_BIT;
	const VkImageUsageFlags read = VK_IMAGE_USAGE_INPUT_ATTACHMENT_BIT;

	if (format->block_width > 1) {
		return always;
	}
	return always | read |
	       (format->aspects == PENSTOCK_ASPECT_COLOR
			? VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_STORAGE_BIT
			: VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT);
}

static const struct picture *picture_of(struct run *run, const uint8_t *row)
{
	struct canvas_image of = { .address = penstock_load64(row + PENSTOCK_DMA_IMAGE_address) };
	VkImageCreateInfo info = { .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO };
	VkMemoryRequirements needs;
	struct picture *picture;

	memcpy(&of.description, row + PENSTOCK_DMA_IMAGE_flags, sizeof(of.description));
	for (uint32_t i = 0; i < run->picture_count; i++) {
		if (memcmp(&run->pictures[i].of, &of, sizeof(of)) == 0) {
			return &run->pictures[i];
		}
	}
	ck_assert_uint_lt(run->picture_count, IMAGES);
	picture = &run->pictures[run->picture_count++];
	picture->of = of;
	info.flags = of.description.flags;
	info.imageType = (VkImageType)of.description.type;
	info.format = (VkFormat)of.description.format;
	info.extent =
		(VkExtent3D){ of.description.width, of.description.height, of.description.depth };
	info.mipLevels = of.description.levels;
	info.arrayLayers = of.description.layers;
	info.samples = (VkSampleCountFlagBits)of.description.samples;
	info.tiling = (VkImageTiling)of.description.tiling;
	info.usage = usage_of(&of.description);
	VK(run->vk->CreateImage(run->vk->device, &info, NULL, &picture->image));
	run->vk->GetImageMemoryRequirements(run->vk->device, picture->image, &needs);
	picture->memory = allocate(run, needs.size);
	VK(run->vk->BindImageMemory(run->vk->device, picture->image, picture->memory, 0));
	return picture;
}

static VkImageView view_of(struct run *run, const struct picture *picture, uint32_t type,
			   uint32_t format, uint32_t components, const uint32_t range[5])
{
	const VkImageViewCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.image = picture->image,
		.viewType = (VkImageViewType)type,
		.format = (VkFormat)(format == 0 ? picture->of.description.format : format),
		.components = { components & 255, components >> 8 & 255, components >> 16 & 255,
				components >> 24 },
		.subresourceRange = { range[0], range[1], range[2], range[3], range[4] },
	};

	ck_assert_uint_lt(run->view_count, OBJECTS);
	VK(run->vk->CreateImageView(run->vk->device, &info, NULL, &run->views[run->view_count]));
	return run->views[run->view_count++];
}

static uint32_t aspects_of(const struct picture *picture, uint32_t aspects)
{
	return aspects != 0 ? aspects
			    : penstock_texel_format_get(picture->of.description.format)->aspects;
}

static void bind_pipeline(struct run *run, const uint8_t *row)
{
	reference_pipeline(run, offset_of(row, PENSTOCK_DMA_BIND_PIPELINE_address));
}

/* ---------------------------------------------------------------- what is bound */

static struct bound *bound_at(struct run *run, const uint8_t *row)
{
	uint32_t at[3] = { word(row, 4), word(row, 8), word(row, 12) };

	for (uint32_t i = 0; i < run->bound_count; i++) {
		struct bound *bound = &run->bounds[i];

		if (bound->set == at[0] && bound->binding == at[1] && bound->element == at[2]) {
			return bound;
		}
	}
	ck_assert_uint_lt(run->bound_count, BINDINGS);
	run->bounds[run->bound_count] =
		(struct bound){ .set = at[0], .binding = at[1], .element = at[2] };
	return &run->bounds[run->bound_count++];
}

static void bind_buffer(struct run *run, const uint8_t *row)
{
	bound_at(run, row)->buffer =
		(VkDescriptorBufferInfo){ run->buffer,
					  offset_of(row, PENSTOCK_DMA_BIND_BUFFER_address),
					  penstock_load64(row + PENSTOCK_DMA_BIND_BUFFER_size) };
}

static void bind_texels(struct run *run, const uint8_t *row)
{
	const VkBufferViewCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
		.buffer = run->buffer,
		.format = (VkFormat)word(row, PENSTOCK_DMA_BIND_TEXEL_BUFFER_format),
		.offset = offset_of(row, PENSTOCK_DMA_BIND_TEXEL_BUFFER_address),
		.range = penstock_load64(row + PENSTOCK_DMA_BIND_TEXEL_BUFFER_size),
	};
	VkBufferView *view = &run->buffer_views[run->buffer_view_count++];

	VK(run->vk->CreateBufferView(run->vk->device, &info, NULL, view));
	bound_at(run, row)->texels = *view;
}

static void bind_image(struct run *run, const uint8_t *row)
{
	const struct picture *picture = run->slots[word(row, PENSTOCK_DMA_BIND_IMAGE_image)];
	const uint32_t range[] = {
		aspects_of(picture, word(row, PENSTOCK_DMA_BIND_IMAGE_aspects)),
		word(row, PENSTOCK_DMA_BIND_IMAGE_first_level),
		word(row, PENSTOCK_DMA_BIND_IMAGE_levels),
		word(row, PENSTOCK_DMA_BIND_IMAGE_first_layer),
		word(row, PENSTOCK_DMA_BIND_IMAGE_layers),
	};
	struct bound *bound = bound_at(run, row);

	bound->image.imageView = view_of(run, picture, word(row, PENSTOCK_DMA_BIND_IMAGE_view_type),
					 word(row, PENSTOCK_DMA_BIND_IMAGE_format),
					 word(row, PENSTOCK_DMA_BIND_IMAGE_components), range);
	bound->image.imageLayout = VK_IMAGE_LAYOUT_GENERAL;
}

static void bind_sampler(struct run *run, const uint8_t *row)
{
	struct canvas_sampler is;
	VkSamplerReductionModeCreateInfo reduction = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_REDUCTION_MODE_CREATE_INFO
	};
	VkSamplerCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
				     .pNext = &reduction };
	VkSampler *sampler = &run->samplers[run->sampler_count++];

	memcpy(&is, row + PENSTOCK_DMA_BIND_SAMPLER_flags, sizeof(is));
	reduction.reductionMode = (VkSamplerReductionMode)is.reduction_mode;
	info.magFilter = (VkFilter)is.mag_filter;
	info.minFilter = (VkFilter)is.min_filter;
	info.mipmapMode = (VkSamplerMipmapMode)is.mipmap_mode;
	info.addressModeU = (VkSamplerAddressMode)is.address_u;
	info.addressModeV = (VkSamplerAddressMode)is.address_v;
	info.addressModeW = (VkSamplerAddressMode)is.address_w;
	info.mipLodBias = is.lod_bias;
	info.anisotropyEnable = is.anisotropy > 0;
	info.maxAnisotropy = is.anisotropy;
	info.compareEnable = is.flags & 1;
	info.compareOp = (VkCompareOp)is.compare_op;
	info.minLod = is.min_lod;
	info.maxLod = is.max_lod;
	info.borderColor = (VkBorderColor)is.border_color;
	info.unnormalizedCoordinates = is.flags >> 1 & 1;
	VK(run->vk->CreateSampler(run->vk->device, &info, NULL, sampler));
	bound_at(run, row)->image.sampler = *sampler;
}

static void record_states(struct run *run);

/* Everything, as the pipeline has it. */
static void use_all(struct run *run)
{
	bool graphics = run->blob->kind == PENSTOCK_PIPELINE_GRAPHICS;
	VkPipelineBindPoint point =
		graphics ? VK_PIPELINE_BIND_POINT_GRAPHICS : VK_PIPELINE_BIND_POINT_COMPUTE;
	const struct penstock_pipeline_binding *bindings = penstock_pipeline_bindings(run->blob);
	VkDescriptorSet sets[PENSTOCK_LIMIT_DESCRIPTOR_SETS];
	const VkDescriptorSetAllocateInfo allocate_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = run->descriptors,
		.descriptorSetCount = PENSTOCK_LIMIT_DESCRIPTOR_SETS,
		.pSetLayouts =
			&run->set_layouts[run->set_layout_count - PENSTOCK_LIMIT_DESCRIPTOR_SETS],
	};

	VK(run->vk->AllocateDescriptorSets(run->vk->device, &allocate_info, sets));
	for (uint32_t i = 0; i < run->bound_count; i++) {
		struct bound *bound = &run->bounds[i];
		VkWriteDescriptorSet write = { .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
					       .dstSet = sets[bound->set],
					       .dstBinding = bound->binding,
					       .dstArrayElement = bound->element,
					       .descriptorCount = 1,
					       .pBufferInfo = &bound->buffer,
					       .pImageInfo = &bound->image,
					       .pTexelBufferView = &bound->texels };

		for (uint32_t j = 0; j < run->blob->binding_count; j++) {
			if (bindings[j].set == bound->set &&
			    bindings[j].binding == bound->binding) {
				write.descriptorType = (VkDescriptorType)bindings[j].type;
				run->vk->UpdateDescriptorSets(run->vk->device, 1, &write, 0, NULL);
			}
		}
	}
	run->vk->CmdBindPipeline(run->command, point, run->pipeline);
	run->vk->CmdBindDescriptorSets(run->command, point, run->layout, 0,
				       PENSTOCK_LIMIT_DESCRIPTOR_SETS, sets, 0, NULL);
	run->vk->CmdPushConstants(run->command, run->layout, VK_SHADER_STAGE_ALL, 0, 128,
				  run->push);
	record_states(run);
}

/* ---------------------------------------------------------------- scopes */

static VkImageView target_view(struct run *run, const struct picture *picture, uint32_t format,
			       uint32_t aspects, uint32_t level, uint32_t layer)
{
	uint32_t layers = run->rendering.layerCount, type = picture->of.description.type;
	const uint32_t range[] = { aspects, level, 1, layer, layers };

	return view_of(run, picture,
		       type == 0
			       ? (layers > 1 ? VK_IMAGE_VIEW_TYPE_1D_ARRAY : VK_IMAGE_VIEW_TYPE_1D)
			       : (layers > 1 ? VK_IMAGE_VIEW_TYPE_2D_ARRAY : VK_IMAGE_VIEW_TYPE_2D),
		       format, 0, range);
}

static void begin_rendering(struct run *run, const uint8_t *row)
{
	int32_t left = integer(row, 4), top = integer(row, 8);

	run->rendering = (VkRenderingInfo){
		.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
		.renderArea = { { left, top },
				{ word(row, 12) - (uint32_t)left, word(row, 16) - (uint32_t)top } },
		.layerCount = word(row, PENSTOCK_DMA_BEGIN_RENDERING_layers),
		.viewMask = word(row, PENSTOCK_DMA_BEGIN_RENDERING_view_mask),
		.pColorAttachments = run->colors,
	};
	memset(run->colors, 0, sizeof(run->colors));
	for (uint32_t i = 0; i < 8; i++) {
		run->colors[i].sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO;
	}
	run->has_depth = run->has_stencil = run->began = false;
}

static void color_target(struct run *run, const uint8_t *row)
{
	uint32_t index = word(row, PENSTOCK_DMA_COLOR_TARGET_index);
	VkRenderingAttachmentInfo *info = &run->colors[index];
	uint32_t format = word(row, PENSTOCK_DMA_COLOR_TARGET_format);

	if (index >= run->rendering.colorAttachmentCount) {
		run->rendering.colorAttachmentCount = index + 1;
	}
	info->imageView = target_view(run, run->slots[word(row, PENSTOCK_DMA_COLOR_TARGET_image)],
				      format, 1, word(row, PENSTOCK_DMA_COLOR_TARGET_level),
				      word(row, PENSTOCK_DMA_COLOR_TARGET_first_layer));
	info->imageLayout = VK_IMAGE_LAYOUT_GENERAL;
	info->loadOp = (VkAttachmentLoadOp)word(row, PENSTOCK_DMA_COLOR_TARGET_load_op);
	info->storeOp = (VkAttachmentStoreOp)word(row, PENSTOCK_DMA_COLOR_TARGET_store_op);
	memcpy(&info->clearValue, row + PENSTOCK_DMA_COLOR_TARGET_clear_0, 16);
	info->resolveMode =
		(VkResolveModeFlagBits)word(row, PENSTOCK_DMA_COLOR_TARGET_resolve_mode);
	if (info->resolveMode != 0) {
		info->resolveImageView = target_view(
			run, run->slots[word(row, PENSTOCK_DMA_COLOR_TARGET_resolve_image)], format,
			1, word(row, PENSTOCK_DMA_COLOR_TARGET_resolve_level),
			word(row, PENSTOCK_DMA_COLOR_TARGET_resolve_layer));
		info->resolveImageLayout = VK_IMAGE_LAYOUT_GENERAL;
	}
}

static void depth_stencil_target(struct run *run, const uint8_t *row)
{
	const struct picture *picture =
		run->slots[word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_image)];
	uint32_t all = aspects_of(picture, 0);
	uint32_t used = aspects_of(picture, word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_aspects));
	VkRenderingAttachmentInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
		.imageView = target_view(run, picture, 0, all,
					 word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_level),
					 word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_first_layer)),
		.imageLayout = VK_IMAGE_LAYOUT_GENERAL,
		.clearValue
			.depthStencil = { number(row,
						 PENSTOCK_DMA_DEPTH_STENCIL_TARGET_clear_depth),
					  word(row,
					       PENSTOCK_DMA_DEPTH_STENCIL_TARGET_clear_stencil) },
	};
	uint32_t depth_mode = word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_depth_resolve_mode);
	uint32_t stencil_mode = word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_stencil_resolve_mode);

	if (depth_mode != 0 || stencil_mode != 0) {
		info.resolveImageView = target_view(
			run, run->slots[word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_resolve_image)],
			0, all, word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_resolve_level),
			word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_resolve_layer));
		info.resolveImageLayout = VK_IMAGE_LAYOUT_GENERAL;
	}
	run->has_depth = (used & PENSTOCK_ASPECT_DEPTH) != 0;
	run->has_stencil = (used & PENSTOCK_ASPECT_STENCIL) != 0;
	run->depth = run->stencil = info;
	run->depth.loadOp =
		(VkAttachmentLoadOp)word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_depth_load_op);
	run->depth.storeOp =
		(VkAttachmentStoreOp)word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_depth_store_op);
	run->depth.resolveMode = (VkResolveModeFlagBits)depth_mode;
	run->stencil.loadOp =
		(VkAttachmentLoadOp)word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_stencil_load_op);
	run->stencil.storeOp =
		(VkAttachmentStoreOp)word(row, PENSTOCK_DMA_DEPTH_STENCIL_TARGET_stencil_store_op);
	run->stencil.resolveMode = (VkResolveModeFlagBits)stencil_mode;
}

static void start(struct run *run)
{
	if (run->began) {
		return;
	}
	run->began = true;
	run->rendering.pDepthAttachment = run->has_depth ? &run->depth : NULL;
	run->rendering.pStencilAttachment = run->has_stencil ? &run->stencil : NULL;
	if (run->rendering.viewMask != 0) {
		run->rendering.layerCount = 1;
	}
	run->vk->CmdBeginRendering(run->command, &run->rendering);
}

static void end_rendering(struct run *run, const uint8_t *row)
{
	(void)row;
	start(run);
	run->vk->CmdEndRendering(run->command);
}

static void vertex_buffer(struct run *run, const uint8_t *row)
{
	VkDeviceSize offset = offset_of(row, PENSTOCK_DMA_VERTEX_BUFFER_address);
	VkDeviceSize stride = word(row, PENSTOCK_DMA_VERTEX_BUFFER_stride);
	VkDeviceSize size = penstock_load64(row + PENSTOCK_DMA_VERTEX_BUFFER_size);
	const struct penstock_graphics_state *is = penstock_pipeline_graphics(run->blob);

	run->vk->CmdBindVertexBuffers2(run->command, word(row, PENSTOCK_DMA_VERTEX_BUFFER_binding),
				       1, &run->buffer, &offset, &size,
				       (is->dynamic & PENSTOCK_DYNAMIC_VERTEX_STRIDE) != 0 ? &stride
											   : NULL);
}

/* A buffer of its own: the driver forgets an offset where the draws are indirect. */
static void index_buffer(struct run *run, const uint8_t *row)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = penstock_load64(row + PENSTOCK_DMA_INDEX_BUFFER_size),
		.usage = VK_BUFFER_USAGE_INDEX_BUFFER_BIT,
	};
	VkBuffer *buffer = &run->buffers[run->buffer_count++];

	VK(run->vk->CreateBuffer(run->vk->device, &info, NULL, buffer));
	VK(run->vk->BindBufferMemory(run->vk->device, *buffer, run->memory,
				     offset_of(row, PENSTOCK_DMA_INDEX_BUFFER_address)));
	run->vk->CmdBindIndexBuffer(run->command, *buffer, 0,
				    (VkIndexType)word(row, PENSTOCK_DMA_INDEX_BUFFER_type));
}

static void draw(struct run *run, const uint8_t *row)
{
	start(run);
	use_all(run);
	run->vk->CmdDraw(run->command, word(row, 4), word(row, 8), word(row, 12), word(row, 16));
}

static void draw_indexed(struct run *run, const uint8_t *row)
{
	start(run);
	use_all(run);
	run->vk->CmdDrawIndexed(run->command, word(row, 4), word(row, 8), word(row, 12),
				integer(row, 16), word(row, 20));
}

static void draw_indirect(struct run *run, const uint8_t *row)
{
	start(run);
	use_all(run);
	if ((word(row, 12) & 1) != 0) {
		run->vk->CmdDrawIndirectCount(run->command, run->buffer, run->indirect, run->buffer,
					      run->count, word(row, 4), word(row, 8));
	} else {
		run->vk->CmdDrawIndirect(run->command, run->buffer, run->indirect, word(row, 4),
					 word(row, 8));
	}
}

static void draw_indexed_indirect(struct run *run, const uint8_t *row)
{
	start(run);
	use_all(run);
	if ((word(row, 12) & 1) != 0) {
		run->vk->CmdDrawIndexedIndirectCount(run->command, run->buffer, run->indirect,
						     run->buffer, run->count, word(row, 4),
						     word(row, 8));
	} else {
		run->vk->CmdDrawIndexedIndirect(run->command, run->buffer, run->indirect,
						word(row, 4), word(row, 8));
	}
}

static void clear_target(struct run *run, const uint8_t *row)
{
	VkClearAttachment attachment = { .aspectMask = word(row, 4),
					 .colorAttachment = word(row, 8) };
	int32_t left = integer(row, 12), top = integer(row, 16);
	const VkClearRect rect = { { { left, top },
				     { word(row, 20) - (uint32_t)left,
				       word(row, 24) - (uint32_t)top } },
				   word(row, 28),
				   word(row, 32) };

	start(run);
	memcpy(&attachment.clearValue, row + PENSTOCK_DMA_CLEAR_TARGET_clear_0, 16);
	run->vk->CmdClearAttachments(run->command, 1, &attachment, 1, &rect);
}

static void indirect_buffer(struct run *run, const uint8_t *row)
{
	run->indirect = offset_of(row, PENSTOCK_DMA_INDIRECT_BUFFER_address);
}

static void count_buffer(struct run *run, const uint8_t *row)
{
	run->count = offset_of(row, PENSTOCK_DMA_COUNT_BUFFER_address);
}

static void viewport(struct run *run, const uint8_t *row)
{
	VkViewport is;

	memcpy(&is, row + PENSTOCK_DMA_VIEWPORT_x, sizeof(is));
	run->vk->CmdSetViewport(run->command, word(row, 4), 1, &is);
}

static void scissor(struct run *run, const uint8_t *row)
{
	int32_t left = integer(row, 8), top = integer(row, 12);
	const VkRect2D rect = { { left, top },
				{ word(row, 16) - (uint32_t)left, word(row, 20) - (uint32_t)top } };

	run->vk->CmdSetScissor(run->command, word(row, 4), 1, &rect);
}

static void state(struct run *run, const uint8_t *row)
{
	uint32_t value = word(row, PENSTOCK_DMA_STATE_value);
	VkCommandBuffer to = run->command;

	switch (word(row, PENSTOCK_DMA_STATE_state)) {
	case PENSTOCK_STATE_LINE_WIDTH:
		run->vk->CmdSetLineWidth(to, number(row, PENSTOCK_DMA_STATE_value));
		break;
	case PENSTOCK_STATE_CULL_MODE:
		run->vk->CmdSetCullMode(to, value);
		break;
	case PENSTOCK_STATE_FRONT_FACE:
		run->vk->CmdSetFrontFace(to, (VkFrontFace)value);
		break;
	case PENSTOCK_STATE_TOPOLOGY:
		run->vk->CmdSetPrimitiveTopology(to, (VkPrimitiveTopology)value);
		break;
	case PENSTOCK_STATE_DEPTH_TEST:
		run->vk->CmdSetDepthTestEnable(to, value);
		break;
	case PENSTOCK_STATE_DEPTH_WRITE:
		run->vk->CmdSetDepthWriteEnable(to, value);
		break;
	case PENSTOCK_STATE_DEPTH_COMPARE:
		run->vk->CmdSetDepthCompareOp(to, (VkCompareOp)value);
		break;
	case PENSTOCK_STATE_DEPTH_BOUNDS_TEST:
		run->vk->CmdSetDepthBoundsTestEnable(to, value);
		break;
	case PENSTOCK_STATE_STENCIL_TEST:
		run->vk->CmdSetStencilTestEnable(to, value);
		break;
	case PENSTOCK_STATE_RASTERIZER_DISCARD:
		run->vk->CmdSetRasterizerDiscardEnable(to, value);
		break;
	case PENSTOCK_STATE_DEPTH_BIAS_ENABLE:
		run->vk->CmdSetDepthBiasEnable(to, value);
		break;
	case PENSTOCK_STATE_PRIMITIVE_RESTART:
		run->vk->CmdSetPrimitiveRestartEnable(to, value);
		break;
	default:
		ck_abort_msg("no such state");
	}
}

static void blend_constants(struct run *run, const uint8_t *row)
{
	float constants[4];

	memcpy(constants, row + 4, sizeof(constants));
	run->vk->CmdSetBlendConstants(run->command, constants);
}

static void depth_bias(struct run *run, const uint8_t *row)
{
	run->vk->CmdSetDepthBias(run->command, number(row, 4), number(row, 8), number(row, 12));
}

static void depth_bounds(struct run *run, const uint8_t *row)
{
	run->vk->CmdSetDepthBounds(run->command, number(row, 4), number(row, 8));
}

static void stencil(struct run *run, const uint8_t *row)
{
	uint32_t faces = word(row, 4);

	run->vk->CmdSetStencilOp(run->command, faces, (VkStencilOp)word(row, 8),
				 (VkStencilOp)word(row, 12), (VkStencilOp)word(row, 16),
				 (VkCompareOp)word(row, 20));
	run->vk->CmdSetStencilCompareMask(run->command, faces, word(row, 24));
	run->vk->CmdSetStencilWriteMask(run->command, faces, word(row, 28));
	run->vk->CmdSetStencilReference(run->command, faces, word(row, 32));
}

static void begin_query(struct run *run, const uint8_t *row)
{
	uint32_t statistics = word(row, PENSTOCK_DMA_BEGIN_QUERY_statistics);
	bool occlusion = word(row, PENSTOCK_DMA_BEGIN_QUERY_type) == 0;
	const VkQueryPoolCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType =
			occlusion ? VK_QUERY_TYPE_OCCLUSION : VK_QUERY_TYPE_PIPELINE_STATISTICS,
		.queryCount = 1,
		.pipelineStatistics = statistics,
	};
	struct query *query = &run->queries[run->query_count++];

	start(run);
	VK(run->vk->CreateQueryPool(run->vk->device, &info, NULL, &query->pool));
	run->vk->ResetQueryPool(run->vk->device, query->pool, 0, 1);
	query->offset = offset_of(row, PENSTOCK_DMA_BEGIN_QUERY_address);
	query->words = occlusion ? 1 : (uint32_t)__builtin_popcount(statistics);
	run->vk->CmdBeginQuery(run->command, query->pool, 0,
			       word(row, PENSTOCK_DMA_BEGIN_QUERY_flags) & 1);
}

static void end_query(struct run *run, const uint8_t *row)
{
	(void)row;
	run->vk->CmdEndQuery(run->command, run->queries[run->query_count - 1].pool, 0);
}

/* ---------------------------------------------------------------- ordinary groups */

static VkImageSubresourceLayers layers(const struct picture *picture, uint32_t aspects,
				       uint32_t level, uint32_t first, uint32_t count)
{
	return (VkImageSubresourceLayers){ aspects_of(picture, aspects), level, first, count };
}

static VkOffset3D offset3(const uint8_t *row, uint32_t at)
{
	return (VkOffset3D){ integer(row, at), integer(row, at + 4), integer(row, at + 8) };
}

static VkExtent3D extent3(const uint8_t *row, uint32_t at)
{
	return (VkExtent3D){ word(row, at), word(row, at + 4), word(row, at + 8) };
}

static void copy_level(struct run *run, const uint8_t *row, bool to_image)
{
	const struct picture *picture = run->slots[word(row, 24)];
	const VkBufferImageCopy copy = {
		offset_of(row, 8),
		word(row, 28),
		word(row, 32),
		layers(picture, word(row, 36), word(row, 40), word(row, 44), word(row, 48)),
		offset3(row, 52),
		extent3(row, 64)
	};

	if (to_image) {
		run->vk->CmdCopyBufferToImage(run->command, run->buffer, picture->image,
					      VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
	} else {
		run->vk->CmdCopyImageToBuffer(run->command, picture->image, VK_IMAGE_LAYOUT_GENERAL,
					      run->buffer, 1, &copy);
	}
}

static void copy_buffer_to_image(struct run *run, const uint8_t *row)
{
	copy_level(run, row, true);
}

static void copy_image_to_buffer(struct run *run, const uint8_t *row)
{
	copy_level(run, row, false);
}

static void copy_image(struct run *run, const uint8_t *row)
{
	const struct picture *from = run->slots[word(row, 4)], *to = run->slots[word(row, 8)];
	VkImageCopy copy = { layers(from, word(row, 16), word(row, 20), word(row, 24),
				    word(row, 12)),
			     offset3(row, 40),
			     layers(to, word(row, 28), word(row, 32), word(row, 36), word(row, 12)),
			     offset3(row, 52), extent3(row, 64) };

	run->vk->CmdCopyImage(run->command, from->image, VK_IMAGE_LAYOUT_GENERAL, to->image,
			      VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
}

static void blit_image(struct run *run, const uint8_t *row)
{
	const struct picture *from = run->slots[word(row, 4)], *to = run->slots[word(row, 8)];
	const VkImageBlit blit = {
		layers(from, word(row, 20), word(row, 24), word(row, 28), word(row, 12)),
		{ offset3(row, 40), offset3(row, 52) },
		layers(to, word(row, 20), word(row, 32), word(row, 36), word(row, 12)),
		{ offset3(row, 64), offset3(row, 76) }
	};

	run->vk->CmdBlitImage(run->command, from->image, VK_IMAGE_LAYOUT_GENERAL, to->image,
			      VK_IMAGE_LAYOUT_GENERAL, 1, &blit, (VkFilter)word(row, 16));
}

static void resolve_image(struct run *run, const uint8_t *row)
{
	const struct picture *from = run->slots[word(row, 4)], *to = run->slots[word(row, 8)];
	const VkImageResolve resolve = { layers(from, 1, 0, word(row, 16), word(row, 12)),
					 { integer(row, 28), integer(row, 32), 0 },
					 layers(to, 1, word(row, 20), word(row, 24), word(row, 12)),
					 { integer(row, 36), integer(row, 40), 0 },
					 { word(row, 44), word(row, 48), 1 } };

	run->vk->CmdResolveImage(run->command, from->image, VK_IMAGE_LAYOUT_GENERAL, to->image,
				 VK_IMAGE_LAYOUT_GENERAL, 1, &resolve);
}

static void clear_image(struct run *run, const uint8_t *row)
{
	const struct picture *picture = run->slots[word(row, 4)];
	const VkImageSubresourceRange range = { aspects_of(picture, word(row, 8)), word(row, 12),
						word(row, 16), word(row, 20), word(row, 24) };
	VkClearValue value;

	memcpy(&value, row + 28, sizeof(value));
	if (aspects_of(picture, 0) == PENSTOCK_ASPECT_COLOR) {
		run->vk->CmdClearColorImage(run->command, picture->image, VK_IMAGE_LAYOUT_GENERAL,
					    &value.color, 1, &range);
	} else {
		run->vk->CmdClearDepthStencilImage(run->command, picture->image,
						   VK_IMAGE_LAYOUT_GENERAL, &value.depthStencil, 1,
						   &range);
	}
}

static void dispatch(struct run *run, const uint8_t *row)
{
	use_all(run);
	run->vk->CmdDispatchBase(run->command, word(row, 16), word(row, 20), word(row, 24),
				 word(row, 4), word(row, 8), word(row, 12));
}

static void dispatch_indirect(struct run *run, const uint8_t *row)
{
	(void)row;
	use_all(run);
	run->vk->CmdDispatchIndirect(run->command, run->buffer, run->indirect);
}

static void fill(struct run *run, const uint8_t *row)
{
	run->vk->CmdFillBuffer(run->command, run->buffer, offset_of(row, PENSTOCK_DMA_FILL_address),
			       penstock_load64(row + PENSTOCK_DMA_FILL_size),
			       word(row, PENSTOCK_DMA_FILL_pattern));
}

static void image(struct run *run, const uint8_t *row)
{
	run->slots[word(row, PENSTOCK_DMA_IMAGE_slot)] = picture_of(run, row);
}

/* ---------------------------------------------------------------- rows */

static const struct {
	enum penstock_dma_id id;
	void (*record)(struct run *run, const uint8_t *row);
	uint32_t dynamic; /* 0: the number of the state */
} dynamic_rows[] = {
	{ PENSTOCK_DMA_VIEWPORT, viewport, PENSTOCK_DYNAMIC_VIEWPORT },
	{ PENSTOCK_DMA_SCISSOR, scissor, PENSTOCK_DYNAMIC_SCISSOR },
	{ PENSTOCK_DMA_STATE, state, 0 },
	{ PENSTOCK_DMA_BLEND_CONSTANTS, blend_constants, PENSTOCK_DYNAMIC_BLEND_CONSTANTS },
	{ PENSTOCK_DMA_DEPTH_BIAS, depth_bias, PENSTOCK_DYNAMIC_DEPTH_BIAS },
	{ PENSTOCK_DMA_DEPTH_BOUNDS, depth_bounds, PENSTOCK_DYNAMIC_DEPTH_BOUNDS },
	{ PENSTOCK_DMA_STENCIL, stencil, PENSTOCK_DYNAMIC_STENCIL_OP },
};

static void record_state(struct run *run, const uint8_t *row)
{
	const struct penstock_dma_instruction *is =
		penstock_dma_by_opcode((uint16_t)(word(row, 0) & 0xffff));

	uint32_t dynamic = penstock_pipeline_graphics(run->blob)->dynamic;

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(dynamic_rows); i++) {
		uint32_t bit = dynamic_rows[i].dynamic;

		if (dynamic_rows[i].id != is->id) {
			continue;
		}
		if (bit == 0) {
			bit = 1u << word(row, PENSTOCK_DMA_STATE_state);
		}
		if ((dynamic & bit) != 0) {
			dynamic_rows[i].record(run, row);
		}
	}
}

static void keep_state(struct run *run, const uint8_t *row)
{
	ck_assert_uint_lt(run->state_count, STATES);
	run->states[run->state_count++] = row;
}

static void record_states(struct run *run)
{
	for (uint32_t i = 0; i < run->state_count; i++) {
		record_state(run, run->states[i]);
	}
}

static void (*const rows[PENSTOCK_DMA_COUNT])(struct run *run, const uint8_t *row) = {
	[PENSTOCK_DMA_FILL] = fill,
	[PENSTOCK_DMA_BIND_PIPELINE] = bind_pipeline,
	[PENSTOCK_DMA_BIND_BUFFER] = bind_buffer,
	[PENSTOCK_DMA_BIND_BUFFER_WRITE] = bind_buffer,
	[PENSTOCK_DMA_IMAGE] = image,
	[PENSTOCK_DMA_IMAGE_WRITE] = image,
	[PENSTOCK_DMA_BIND_IMAGE] = bind_image,
	[PENSTOCK_DMA_BIND_SAMPLER] = bind_sampler,
	[PENSTOCK_DMA_BIND_TEXEL_BUFFER] = bind_texels,
	[PENSTOCK_DMA_BIND_TEXEL_BUFFER_WRITE] = bind_texels,
	[PENSTOCK_DMA_BEGIN_RENDERING] = begin_rendering,
	[PENSTOCK_DMA_COLOR_TARGET] = color_target,
	[PENSTOCK_DMA_DEPTH_STENCIL_TARGET] = depth_stencil_target,
	[PENSTOCK_DMA_VERTEX_BUFFER] = vertex_buffer,
	[PENSTOCK_DMA_INDEX_BUFFER] = index_buffer,
	[PENSTOCK_DMA_VIEWPORT] = keep_state,
	[PENSTOCK_DMA_SCISSOR] = keep_state,
	[PENSTOCK_DMA_STATE] = keep_state,
	[PENSTOCK_DMA_BLEND_CONSTANTS] = keep_state,
	[PENSTOCK_DMA_DEPTH_BIAS] = keep_state,
	[PENSTOCK_DMA_DEPTH_BOUNDS] = keep_state,
	[PENSTOCK_DMA_STENCIL] = keep_state,
	[PENSTOCK_DMA_INDIRECT_BUFFER] = indirect_buffer,
	[PENSTOCK_DMA_COUNT_BUFFER] = count_buffer,
	[PENSTOCK_DMA_BEGIN_QUERY] = begin_query,
	[PENSTOCK_DMA_END_QUERY] = end_query,
	[PENSTOCK_DMA_DRAW] = draw,
	[PENSTOCK_DMA_DRAW_INDEXED] = draw_indexed,
	[PENSTOCK_DMA_DRAW_INDIRECT] = draw_indirect,
	[PENSTOCK_DMA_DRAW_INDEXED_INDIRECT] = draw_indexed_indirect,
	[PENSTOCK_DMA_CLEAR_TARGET] = clear_target,
	[PENSTOCK_DMA_DISPATCH] = dispatch,
	[PENSTOCK_DMA_DISPATCH_INDIRECT] = dispatch_indirect,
	[PENSTOCK_DMA_COPY_BUFFER_TO_IMAGE] = copy_buffer_to_image,
	[PENSTOCK_DMA_COPY_IMAGE_TO_BUFFER] = copy_image_to_buffer,
	[PENSTOCK_DMA_COPY_IMAGE] = copy_image,
	[PENSTOCK_DMA_BLIT_IMAGE] = blit_image,
	[PENSTOCK_DMA_RESOLVE_IMAGE] = resolve_image,
	[PENSTOCK_DMA_CLEAR_IMAGE] = clear_image,
	[PENSTOCK_DMA_END_RENDERING] = end_rendering,
};

/* What is behind a group knows nothing of it. */
static void end_group(struct run *run)
{
	const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
	};

	run->vk->CmdPipelineBarrier(run->command, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
				    VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 1, &barrier, 0, NULL, 0,
				    NULL);
	run->bound_count = run->state_count = 0;
	memset(run->push, 0, sizeof(run->push));
}

static void record(struct run *run)
{
	const struct stream *stream = &run->canvas->stream;
	uint32_t offset = 0;

	while (offset < stream->used) {
		struct penstock_dma_decoded row;

		ck_assert_int_eq(
			penstock_dma_decode(stream->bytes + offset, stream->used - offset, &row),
			PENSTOCK_STATUS_SUCCESS);
		if (row.instruction->id == PENSTOCK_DMA_PUSH_CONSTANTS) {
			memcpy((uint8_t *)run->push + word(row.bytes, 4), row.bytes + 8,
			       row.elements * 4);
		} else {
			ck_assert_msg(rows[row.instruction->id] != NULL, "no %s",
				      row.instruction->layout.mnemonic);
			rows[row.instruction->id](run, row.bytes);
		}
		if (row.instruction->layout.opcode >= 0x30) {
			end_group(run);
		}
		offset += row.length;
	}
}

static void begin(struct run *run)
{
	VkDescriptorPoolSize sizes[11];
	const VkDescriptorPoolCreateInfo descriptors = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = OBJECTS * PENSTOCK_LIMIT_DESCRIPTOR_SETS,
		.poolSizeCount = PENSTOCK_ARRAY_SIZE(sizes),
		.pPoolSizes = sizes,
	};
	const VkCommandPoolCreateInfo pool = { .sType =
						       VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO };
	VkCommandBufferAllocateInfo allocate_info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandBufferCount = 1,
	};
	const VkCommandBufferBeginInfo once = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};

	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(sizes); i++) {
		sizes[i] = (VkDescriptorPoolSize){ (VkDescriptorType)i, OBJECTS };
	}
	create_memory(run);
	VK(run->vk->CreateDescriptorPool(run->vk->device, &descriptors, NULL, &run->descriptors));
	VK(run->vk->CreateCommandPool(run->vk->device, &pool, NULL, &run->commands));
	allocate_info.commandPool = run->commands;
	VK(run->vk->AllocateCommandBuffers(run->vk->device, &allocate_info, &run->command));
	VK(run->vk->BeginCommandBuffer(run->command, &once));
}

#define DESTROY_ALL(type, list)                                                                    \
	for (uint32_t i = 0; i < run->list##_count; i++) {                                         \
		run->vk->Destroy##type(run->vk->device, run->list##s[i], NULL);                    \
	}

static void finish(struct run *run)
{
	VkDevice device = run->vk->device;

	run->vk->DestroyDescriptorPool(device, run->descriptors, NULL);
	run->vk->DestroyCommandPool(device, run->commands, NULL);
	DESTROY_ALL(ImageView, view)
	DESTROY_ALL(Sampler, sampler)
	DESTROY_ALL(BufferView, buffer_view)
	DESTROY_ALL(Pipeline, pipeline)
	DESTROY_ALL(PipelineLayout, layout)
	DESTROY_ALL(DescriptorSetLayout, set_layout)
	DESTROY_ALL(ShaderModule, module)
	DESTROY_ALL(Buffer, buffer)
	for (uint32_t i = 0; i < run->query_count; i++) {
		run->vk->DestroyQueryPool(device, run->queries[i].pool, NULL);
	}
	for (uint32_t i = 0; i < run->picture_count; i++) {
		run->vk->DestroyImage(device, run->pictures[i].image, NULL);
		run->vk->FreeMemory(device, run->pictures[i].memory, NULL);
	}
	run->vk->DestroyBuffer(device, run->buffer, NULL);
	run->vk->FreeMemory(device, run->memory, NULL);
}

void graphics_reference_run(struct vulkan_reference *reference, const struct canvas *canvas,
			    uint8_t *data)
{
	struct run *run = calloc(1, sizeof(*run));
	VkSubmitInfo submit = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1 };

	ck_assert_ptr_nonnull(run);
	run->vk = reference;
	run->canvas = canvas;
	begin(run);
	record(run);
	submit.pCommandBuffers = &run->command;
	VK(reference->EndCommandBuffer(run->command));
	VK(reference->QueueSubmit(reference->queue, 1, &submit, VK_NULL_HANDLE));
	VK(reference->QueueWaitIdle(reference->queue));
	for (uint32_t i = 0; i < run->query_count; i++) {
		const struct query *query = &run->queries[i];

		VK(reference->GetQueryPoolResults(
			reference->device, query->pool, 0, 1, query->words * 8,
			run->mapped + query->offset, query->words * 8,
			VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
	}
	memcpy(data, run->mapped, CANVAS_DATA_BYTES);
	finish(run);
	free(run);
}
