/* SPDX-License-Identifier: MIT */
#include "tests/bench/raw_vulkan.h"

#include "config.h"

#include <vulkan/vulkan.h>

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/shaders/draws_fragment.spv.h" /* draws_fragment_spirv */
#include "tests/bench/shaders/draws_vertex.spv.h"   /* draws_vertex_spirv */

#define IN_FLIGHT 2u

#define INSTANCE_CALLS(X)                                                                          \
	X(EnumeratePhysicalDevices) X(CreateDevice) X(GetDeviceProcAddr) X(DestroyInstance)
#define DEVICE_CALLS(X)                                                                            \
	X(DestroyDevice)                                                                           \
	X(DestroyBuffer)                                                                           \
	X(DestroyImage)                                                                            \
	X(DestroyImageView)                                                                        \
	X(DestroySampler)                                                                          \
	X(DestroyShaderModule)                                                                     \
	X(DestroyDescriptorSetLayout)                                                              \
	X(DestroyPipelineLayout)                                                                   \
	X(DestroyPipeline)                                                                         \
	X(DestroyDescriptorPool)                                                                   \
	X(DestroyCommandPool)                                                                      \
	X(DestroyFence)                                                                            \
	X(FreeMemory)                                                                              \
	X(GetDeviceQueue)                                                                          \
	X(DeviceWaitIdle)                                                                          \
	X(AllocateMemory)                                                                          \
	X(MapMemory)                                                                               \
	X(CreateBuffer)                                                                            \
	X(GetBufferMemoryRequirements)                                                             \
	X(BindBufferMemory)                                                                        \
	X(CreateImage)                                                                             \
	X(GetImageMemoryRequirements)                                                              \
	X(BindImageMemory)                                                                         \
	X(CreateImageView)                                                                         \
	X(CreateSampler)                                                                           \
	X(CreateShaderModule)                                                                      \
	X(CreateDescriptorSetLayout)                                                               \
	X(CreatePipelineLayout)                                                                    \
	X(CreateGraphicsPipelines)                                                                 \
	X(CreateDescriptorPool)                                                                    \
	X(AllocateDescriptorSets)                                                                  \
	X(UpdateDescriptorSets)                                                                    \
	X(CreateCommandPool)                                                                       \
	X(AllocateCommandBuffers)                                                                  \
	X(BeginCommandBuffer)                                                                      \
	X(EndCommandBuffer)                                                                        \
	X(CmdPipelineBarrier)                                                                      \
	X(CmdCopyBufferToImage)                                                                    \
	X(CmdBlitImage)                                                                            \
	X(CmdBeginRendering)                                                                       \
	X(CmdEndRendering)                                                                         \
	X(CmdBindPipeline)                                                                         \
	X(CmdBindDescriptorSets)                                                                   \
	X(CmdBindVertexBuffers)                                                                    \
	X(CmdBindIndexBuffer)                                                                      \
	X(CmdPushConstants)                                                                        \
	X(CmdDraw)                                                                                 \
	X(CmdDrawIndexed)                                                                          \
	X(CreateFence)                                                                             \
	X(WaitForFences)                                                                           \
	X(ResetFences)                                                                             \
	X(QueueSubmit)

struct image {
	VkImage image;
	VkImageView view;
	VkDeviceMemory memory;
};

struct buffer {
	VkBuffer buffer;
	VkDeviceMemory memory;
	uint8_t *mapped;
};

struct raw_vulkan {
	VkInstance instance;
	VkPhysicalDevice physical;
	VkDevice device;
	VkQueue queue;
	VkCommandPool pool;
	VkCommandBuffer commands[IN_FLIGHT];
	VkFence fences[IN_FLIGHT]; /* signalled: its commands are free */
	uint32_t next;

	const struct mesh *mesh; /* NULL: the small draws */
	uint32_t width, height;
	struct image texture, color, depth, frame;
	const uint8_t *frame_bytes; /* mapped */
	struct buffer geometry, staging;
	VkSampler sampler;
	VkDescriptorPool descriptors;
	VkShaderModule modules[2];
	VkDescriptorSetLayout set_layout;
	VkDescriptorSet set;
	VkPipelineLayout layout;
	VkPipeline pipeline;

#define MEMBER(name) PFN_vk##name name;
	INSTANCE_CALLS(MEMBER)
	DEVICE_CALLS(MEMBER)
#undef MEMBER
};

/* ---------------------------------------------------------------- the small draws */

#define GRID 40u /* a row of them */

const struct scene_shader small_draw_vertex_shader = { draws_vertex_spirv,
						       sizeof(draws_vertex_spirv) };
const struct scene_shader small_draw_fragment_shader = { draws_fragment_spirv,
							 sizeof(draws_fragment_spirv) };

struct small_draw small_draw(uint32_t i)
{
	const float size = 2.0F / GRID;

	return (struct small_draw){
		.place = { (float)(i % GRID) * size - 1, (float)(i / GRID) * size - 1, size / 2,
			   size / 2 },
		.color = { (float)(i & 7) / 7, (float)(i >> 3 & 7) / 7, (float)(i >> 6 & 7) / 7,
			   1 },
	};
}

void small_draws_state(uint32_t width, uint32_t height, struct penstock_graphics_state *state)
{
	state->topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
	state->dynamic = 0;
	state->viewport_count = 1;
	state->viewports[0] = (struct penstock_viewport){ .width = (float)width,
							  .height = (float)height,
							  .max_depth = 1 };
	state->scissors[0] = (struct penstock_scissor){ .width = width, .height = height };
	state->samples = 1;
	state->color_count = 1;
	state->color_formats[0] = SCENE_COLOR_FORMAT;
	state->blends[0].write_mask = 0xf;
}

/* ---------------------------------------------------------------- the device */

static bool open_driver(struct raw_vulkan *vulkan)
{
	const VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
						.apiVersion = VK_API_VERSION_1_3 };
	const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
					    .pApplicationInfo = &application };
	void *library = dlopen(PENSTOCK_VULKAN_DRIVER, RTLD_NOW | RTLD_LOCAL);
	PFN_vkGetInstanceProcAddr get =
		library == NULL
			? NULL
			: (PFN_vkGetInstanceProcAddr)dlsym(library, "vk_icdGetInstanceProcAddr");
	PFN_vkCreateInstance create =
		get == NULL ? NULL : (PFN_vkCreateInstance)get(VK_NULL_HANDLE, "vkCreateInstance");
	uint32_t count = 1;

	if (create == NULL || create(&info, NULL, &vulkan->instance) != VK_SUCCESS) {
		return false;
	}
#define LOAD(name)                                                                                 \
	vulkan->name = (PFN_vk##name)get(vulkan->instance, "vk" #name);                            \
	if (vulkan->name == NULL) {                                                                \
		return false;                                                                      \
	}
	INSTANCE_CALLS(LOAD)
#undef LOAD
	return vulkan->EnumeratePhysicalDevices(vulkan->instance, &count, &vulkan->physical) >= 0 &&
	       count == 1;
}

static bool create_device(struct raw_vulkan *vulkan)
{
	VkPhysicalDeviceVulkan13Features v13 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
		.dynamicRendering = VK_TRUE,
	};
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
						.queueCount = 1,
						.pQueuePriorities = &priority };
	const VkDeviceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
					  .pNext = &v13,
					  .queueCreateInfoCount = 1,
					  .pQueueCreateInfos = &queue };

	if (vulkan->CreateDevice(vulkan->physical, &info, NULL, &vulkan->device) != VK_SUCCESS) {
		return false;
	}
#define LOAD(name)                                                                                 \
	vulkan->name = (PFN_vk##name)vulkan->GetDeviceProcAddr(vulkan->device, "vk" #name);        \
	if (vulkan->name == NULL) {                                                                \
		return false;                                                                      \
	}
	DEVICE_CALLS(LOAD)
#undef LOAD
	vulkan->GetDeviceQueue(vulkan->device, 0, 0, &vulkan->queue);
	return true;
}

static bool create_commands(struct raw_vulkan *vulkan)
{
	const VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT
	};
	VkCommandBufferAllocateInfo commands = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandBufferCount = IN_FLIGHT,
	};
	const VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
					  .flags = VK_FENCE_CREATE_SIGNALED_BIT };
	bool good =
		vulkan->CreateCommandPool(vulkan->device, &pool, NULL, &vulkan->pool) == VK_SUCCESS;

	commands.commandPool = vulkan->pool;
	good = good && vulkan->AllocateCommandBuffers(vulkan->device, &commands,
						      vulkan->commands) == VK_SUCCESS;
	for (uint32_t i = 0; good && i < IN_FLIGHT; i++) {
		good = vulkan->CreateFence(vulkan->device, &fence, NULL, &vulkan->fences[i]) ==
		       VK_SUCCESS;
	}
	return good;
}

/* ---------------------------------------------------------------- memory */

/* The driver has one type of memory, which the host sees. */
static VkDeviceMemory allocate(struct raw_vulkan *vulkan, uint64_t size)
{
	const VkMemoryAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
					    .allocationSize = size };
	VkDeviceMemory memory = VK_NULL_HANDLE;

	(void)vulkan->AllocateMemory(vulkan->device, &info, NULL, &memory);
	return memory;
}

static void *map(struct raw_vulkan *vulkan, VkDeviceMemory memory)
{
	void *mapped = NULL;

	if (memory != VK_NULL_HANDLE) {
		(void)vulkan->MapMemory(vulkan->device, memory, 0, VK_WHOLE_SIZE, 0, &mapped);
	}
	return mapped;
}

static bool create_buffer(struct raw_vulkan *vulkan, uint64_t size, VkBufferUsageFlags usage,
			  struct buffer *buffer)
{
	const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
					  .size = size,
					  .usage = usage };
	VkMemoryRequirements needs;

	if (vulkan->CreateBuffer(vulkan->device, &info, NULL, &buffer->buffer) != VK_SUCCESS) {
		return false;
	}
	vulkan->GetBufferMemoryRequirements(vulkan->device, buffer->buffer, &needs);
	buffer->memory = allocate(vulkan, needs.size);
	if (buffer->memory == VK_NULL_HANDLE ||
	    vulkan->BindBufferMemory(vulkan->device, buffer->buffer, buffer->memory, 0) !=
		    VK_SUCCESS) {
		return false;
	}
	buffer->mapped = map(vulkan, buffer->memory);
	return buffer->mapped != NULL;
}

static bool create_image(struct raw_vulkan *vulkan, struct image *image,
			 const VkImageCreateInfo *info, VkImageAspectFlags aspect)
{
	VkImageViewCreateInfo view = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.viewType = VK_IMAGE_VIEW_TYPE_2D,
		.format = info->format,
		.subresourceRange = { .aspectMask = aspect,
				      .levelCount = info->mipLevels,
				      .layerCount = 1 },
	};
	VkMemoryRequirements needs;

	if (vulkan->CreateImage(vulkan->device, info, NULL, &image->image) != VK_SUCCESS) {
		return false;
	}
	vulkan->GetImageMemoryRequirements(vulkan->device, image->image, &needs);
	image->memory = allocate(vulkan, needs.size);
	view.image = image->image;
	return image->memory != VK_NULL_HANDLE &&
	       vulkan->BindImageMemory(vulkan->device, image->image, image->memory, 0) ==
		       VK_SUCCESS &&
	       vulkan->CreateImageView(vulkan->device, &view, NULL, &image->view) == VK_SUCCESS;
}

static VkImageCreateInfo image_info(const struct raw_vulkan *vulkan, uint32_t format,
				    uint32_t samples, VkImageUsageFlags usage)
{
	return (VkImageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = (VkFormat)format,
		.extent = { vulkan->width, vulkan->height, 1 },
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = (VkSampleCountFlagBits)samples,
		.usage = usage,
	};
}

static bool create_targets(struct raw_vulkan *vulkan)
{
	VkImageCreateInfo info =
		image_info(vulkan, SCENE_COLOR_FORMAT, 1, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT);
	bool good;

	info.tiling = VK_IMAGE_TILING_LINEAR;
	good = create_image(vulkan, &vulkan->frame, &info, VK_IMAGE_ASPECT_COLOR_BIT);
	vulkan->frame_bytes = good ? map(vulkan, vulkan->frame.memory) : NULL;
	if (vulkan->mesh == NULL || !good) {
		return vulkan->frame_bytes != NULL;
	}
	info = image_info(vulkan, SCENE_COLOR_FORMAT, SCENE_SAMPLES,
			  VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT);
	good = create_image(vulkan, &vulkan->color, &info, VK_IMAGE_ASPECT_COLOR_BIT);
	info = image_info(vulkan, SCENE_DEPTH_FORMAT, SCENE_SAMPLES,
			  VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT);
	return good && create_image(vulkan, &vulkan->depth, &info, VK_IMAGE_ASPECT_DEPTH_BIT) &&
	       vulkan->frame_bytes != NULL;
}

/* ---------------------------------------------------------------- a submission */

static VkCommandBuffer begin(struct raw_vulkan *vulkan)
{
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT
	};
	VkCommandBuffer commands = vulkan->commands[vulkan->next];

	(void)vulkan->WaitForFences(vulkan->device, 1, &vulkan->fences[vulkan->next], VK_TRUE,
				    UINT64_MAX);
	(void)vulkan->ResetFences(vulkan->device, 1, &vulkan->fences[vulkan->next]);
	(void)vulkan->BeginCommandBuffer(commands, &info);
	return commands;
}

static bool submit(struct raw_vulkan *vulkan)
{
	const VkSubmitInfo info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
				    .commandBufferCount = 1,
				    .pCommandBuffers = &vulkan->commands[vulkan->next] };
	VkFence fence = vulkan->fences[vulkan->next];

	vulkan->next = (vulkan->next + 1) % IN_FLIGHT;
	return vulkan->EndCommandBuffer(*info.pCommandBuffers) == VK_SUCCESS &&
	       vulkan->QueueSubmit(vulkan->queue, 1, &info, fence) == VK_SUCCESS;
}

bool raw_vulkan_finish(struct raw_vulkan *vulkan)
{
	return vulkan->DeviceWaitIdle(vulkan->device) == VK_SUCCESS;
}

/* ---------------------------------------------------------------- the texture */

static void barrier(struct raw_vulkan *vulkan, VkCommandBuffer commands)
{
	static const VkMemoryBarrier all = { .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
					     .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
					     .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT };

	vulkan->CmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
				   VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 1, &all, 0, NULL, 0,
				   NULL);
}

static void make_mip_chain(struct raw_vulkan *vulkan, VkCommandBuffer commands,
			   const VkImageCreateInfo *info)
{
	int32_t width = (int32_t)info->extent.width, height = (int32_t)info->extent.height;

	for (uint32_t level = 1; level < info->mipLevels; level++) {
		const int32_t half = width > 1 ? width / 2 : 1, low = height > 1 ? height / 2 : 1;
		const VkImageBlit blit = {
			.srcSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, level - 1, 0, 1 },
			.srcOffsets = { { 0, 0, 0 }, { width, height, 1 } },
			.dstSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, level, 0, 1 },
			.dstOffsets = { { 0, 0, 0 }, { half, low, 1 } },
		};

		barrier(vulkan, commands);
		vulkan->CmdBlitImage(commands, vulkan->texture.image, VK_IMAGE_LAYOUT_GENERAL,
				     vulkan->texture.image, VK_IMAGE_LAYOUT_GENERAL, 1, &blit,
				     VK_FILTER_LINEAR);
		width = half;
		height = low;
	}
}

static bool create_texture(struct raw_vulkan *vulkan, const struct pixels *pixels)
{
	VkImageCreateInfo info =
		image_info(vulkan, SCENE_TEXTURE_FORMAT, 1,
			   VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT |
				   VK_IMAGE_USAGE_TRANSFER_DST_BIT);
	const uint64_t bytes = (uint64_t)pixels->width * pixels->height * 4;
	const VkBufferImageCopy copy = {
		.imageSubresource = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 },
		.imageExtent = { pixels->width, pixels->height, 1 },
	};
	VkCommandBuffer commands;

	info.extent = copy.imageExtent;
	info.mipLevels = 0;
	for (uint32_t larger = pixels->width > pixels->height ? pixels->width : pixels->height;
	     larger > 0; larger /= 2) {
		info.mipLevels++;
	}
	if (!create_buffer(vulkan, bytes, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, &vulkan->staging) ||
	    !create_image(vulkan, &vulkan->texture, &info, VK_IMAGE_ASPECT_COLOR_BIT)) {
		return false;
	}
	memcpy(vulkan->staging.mapped, pixels->bytes, bytes);
	commands = begin(vulkan);
	vulkan->CmdCopyBufferToImage(commands, vulkan->staging.buffer, vulkan->texture.image,
				     VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
	make_mip_chain(vulkan, commands, &info);
	return submit(vulkan) && raw_vulkan_finish(vulkan);
}

static bool create_geometry(struct raw_vulkan *vulkan)
{
	const uint64_t vertices = vulkan->mesh->vertex_count * (uint64_t)sizeof(struct vertex);
	const uint64_t indices = vulkan->mesh->index_count * (uint64_t)sizeof(uint32_t);
	const VkBufferUsageFlags usage =
		VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT;

	if (!create_buffer(vulkan, vertices + indices, usage, &vulkan->geometry)) {
		return false;
	}
	memcpy(vulkan->geometry.mapped, vulkan->mesh->vertices, vertices);
	memcpy(vulkan->geometry.mapped + vertices, vulkan->mesh->indices, indices);
	return true;
}

/* ---------------------------------------------------------------- the pipeline */

static bool create_set(struct raw_vulkan *vulkan)
{
	const VkSamplerCreateInfo sampler_info = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
		.magFilter = VK_FILTER_LINEAR,
		.minFilter = VK_FILTER_LINEAR,
		.mipmapMode = VK_SAMPLER_MIPMAP_MODE_LINEAR,
		.maxLod = 16,
	};
	const VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1 };
	const VkDescriptorPoolCreateInfo pool_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = 1,
		.poolSizeCount = 1,
		.pPoolSizes = &size,
	};
	VkDescriptorSetAllocateInfo allocate_info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorSetCount = 1,
		.pSetLayouts = &vulkan->set_layout,
	};
	VkDescriptorImageInfo image = { .imageView = vulkan->texture.view,
					.imageLayout = VK_IMAGE_LAYOUT_GENERAL };
	VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.descriptorCount = 1,
		.descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
		.pImageInfo = &image,
	};

	if (vulkan->CreateSampler(vulkan->device, &sampler_info, NULL, &vulkan->sampler) !=
		    VK_SUCCESS ||
	    vulkan->CreateDescriptorPool(vulkan->device, &pool_info, NULL, &vulkan->descriptors) !=
		    VK_SUCCESS) {
		return false;
	}
	allocate_info.descriptorPool = vulkan->descriptors;
	image.sampler = vulkan->sampler;
	if (vulkan->AllocateDescriptorSets(vulkan->device, &allocate_info, &vulkan->set) !=
	    VK_SUCCESS) {
		return false;
	}
	write.dstSet = vulkan->set;
	vulkan->UpdateDescriptorSets(vulkan->device, 1, &write, 0, NULL);
	return true;
}

static bool create_layout(struct raw_vulkan *vulkan)
{
	const VkDescriptorSetLayoutBinding binding = {
		.descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
		.descriptorCount = 1,
		.stageFlags = VK_SHADER_STAGE_FRAGMENT_BIT,
	};
	const VkDescriptorSetLayoutCreateInfo set = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = vulkan->mesh == NULL ? 0 : 1,
		.pBindings = &binding,
	};
	const VkPushConstantRange range = {
		.stageFlags = VK_SHADER_STAGE_VERTEX_BIT,
		.size = vulkan->mesh == NULL ? sizeof(struct small_draw)
					     : sizeof(struct scene_view),
	};
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 1,
		.pSetLayouts = &vulkan->set_layout,
		.pushConstantRangeCount = 1,
		.pPushConstantRanges = &range,
	};

	return vulkan->CreateDescriptorSetLayout(vulkan->device, &set, NULL, &vulkan->set_layout) ==
		       VK_SUCCESS &&
	       vulkan->CreatePipelineLayout(vulkan->device, &info, NULL, &vulkan->layout) ==
		       VK_SUCCESS;
}

static VkShaderModule create_module(struct raw_vulkan *vulkan, const struct scene_shader *shader)
{
	const VkShaderModuleCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = shader->bytes,
		.pCode = shader->words,
	};
	VkShaderModule module = VK_NULL_HANDLE;

	(void)vulkan->CreateShaderModule(vulkan->device, &info, NULL, &module);
	return module;
}

static VkPipelineShaderStageCreateInfo stage_of(VkShaderStageFlagBits stage, VkShaderModule module)
{
	return (VkPipelineShaderStageCreateInfo){
		.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
		.stage = stage,
		.module = module,
		.pName = "main",
	};
}

static bool create_pipeline(struct raw_vulkan *vulkan, const struct penstock_graphics_state *state,
			    const VkPipelineShaderStageCreateInfo stages[2])
{
	VkVertexInputAttributeDescription attributes[PENSTOCK_LIMIT_VERTEX_ATTRIBUTES];
	const VkVertexInputBindingDescription binding = { .stride = sizeof(struct vertex) };
	const VkPipelineVertexInputStateCreateInfo input = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
		.vertexBindingDescriptionCount = state->vertex_binding_count,
		.pVertexBindingDescriptions = &binding,
		.vertexAttributeDescriptionCount = state->vertex_attribute_count,
		.pVertexAttributeDescriptions = attributes,
	};
	const VkPipelineInputAssemblyStateCreateInfo assembly = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
		.topology = (VkPrimitiveTopology)state->topology,
	};
	const VkViewport view = { 0, 0, (float)vulkan->width, (float)vulkan->height, 0, 1 };
	const VkRect2D scissor = { { 0, 0 }, { vulkan->width, vulkan->height } };
	const VkPipelineViewportStateCreateInfo viewport = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
		.viewportCount = 1,
		.pViewports = &view,
		.scissorCount = 1,
		.pScissors = &scissor,
	};
	const VkPipelineRasterizationStateCreateInfo raster = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
		.lineWidth = 1,
	};
	const VkPipelineMultisampleStateCreateInfo samples = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
		.rasterizationSamples = (VkSampleCountFlagBits)state->samples,
	};
	const VkPipelineDepthStencilStateCreateInfo depth = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
		.depthTestEnable = state->depth_test,
		.depthWriteEnable = state->depth_write,
		.depthCompareOp = (VkCompareOp)state->depth_compare_op,
	};
	const VkPipelineColorBlendAttachmentState attachment = { .colorWriteMask = 0xf };
	const VkPipelineColorBlendStateCreateInfo blend = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
		.attachmentCount = 1,
		.pAttachments = &attachment,
	};
	const VkFormat format = (VkFormat)state->color_formats[0];
	const VkPipelineRenderingCreateInfo rendering = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
		.colorAttachmentCount = 1,
		.pColorAttachmentFormats = &format,
		.depthAttachmentFormat = (VkFormat)state->depth_format,
	};
	const VkGraphicsPipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
		.pNext = &rendering,
		.stageCount = 2,
		.pStages = stages,
		.pVertexInputState = &input,
		.pInputAssemblyState = &assembly,
		.pViewportState = &viewport,
		.pRasterizationState = &raster,
		.pMultisampleState = &samples,
		.pDepthStencilState = &depth,
		.pColorBlendState = &blend,
		.layout = vulkan->layout,
	};

	for (uint32_t i = 0; i < state->vertex_attribute_count; i++) {
		attributes[i] = (VkVertexInputAttributeDescription){
			.location = state->vertex_attributes[i].location,
			.format = (VkFormat)state->vertex_attributes[i].format,
			.offset = state->vertex_attributes[i].offset,
		};
	}
	return vulkan->CreateGraphicsPipelines(vulkan->device, VK_NULL_HANDLE, 1, &info, NULL,
					       &vulkan->pipeline) == VK_SUCCESS;
}

static bool create_model_pipeline(struct raw_vulkan *vulkan)
{
	struct penstock_graphics_state state = { .dynamic = 0 };
	VkPipelineShaderStageCreateInfo stages[2];
	bool small = vulkan->mesh == NULL;

	if (small) {
		small_draws_state(vulkan->width, vulkan->height, &state);
	} else {
		scene_state(vulkan->width, vulkan->height, &state);
	}
	vulkan->modules[0] =
		create_module(vulkan, small ? &small_draw_vertex_shader : &scene_vertex_shader);
	vulkan->modules[1] =
		create_module(vulkan, small ? &small_draw_fragment_shader : &scene_fragment_shader);
	stages[0] = stage_of(VK_SHADER_STAGE_VERTEX_BIT, vulkan->modules[0]);
	stages[1] = stage_of(VK_SHADER_STAGE_FRAGMENT_BIT, vulkan->modules[1]);
	return create_layout(vulkan) && create_pipeline(vulkan, &state, stages);
}

/* ---------------------------------------------------------------- a frame */

static VkRenderingAttachmentInfo attachment(VkImageView view)
{
	return (VkRenderingAttachmentInfo){
		.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
		.imageView = view,
		.imageLayout = VK_IMAGE_LAYOUT_GENERAL,
		.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
		.storeOp = VK_ATTACHMENT_STORE_OP_STORE,
		.clearValue = { .color = { .float32 = { 0, 0, 0, 1 } } },
	};
}

static void record_model(struct raw_vulkan *vulkan, VkCommandBuffer commands, float turned)
{
	const struct scene_view view = scene_view(turned, vulkan->width, vulkan->height);
	const VkDeviceSize zero = 0;

	vulkan->CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, vulkan->layout, 0,
				      1, &vulkan->set, 0, NULL);
	vulkan->CmdBindVertexBuffers(commands, 0, 1, &vulkan->geometry.buffer, &zero);
	vulkan->CmdBindIndexBuffer(commands, vulkan->geometry.buffer,
				   vulkan->mesh->vertex_count * (uint64_t)sizeof(struct vertex),
				   VK_INDEX_TYPE_UINT32);
	vulkan->CmdPushConstants(commands, vulkan->layout, VK_SHADER_STAGE_VERTEX_BIT, 0,
				 sizeof(view), &view);
	vulkan->CmdDrawIndexed(commands, vulkan->mesh->index_count, 1, 0, 0, 0);
}

static void record_small_draws(struct raw_vulkan *vulkan, VkCommandBuffer commands)
{
	for (uint32_t i = 0; i < SMALL_DRAWS; i++) {
		const struct small_draw draw = small_draw(i);

		vulkan->CmdPushConstants(commands, vulkan->layout, VK_SHADER_STAGE_VERTEX_BIT, 0,
					 sizeof(draw), &draw);
		vulkan->CmdDraw(commands, 3, 1, 0, 0);
	}
}

bool raw_vulkan_frame(struct raw_vulkan *vulkan, float turned, void *ret_bytes)
{
	const size_t row = ((size_t)vulkan->width * 4 + 63) / 64 * 64;
	VkRenderingAttachmentInfo color =
		attachment(vulkan->mesh == NULL ? vulkan->frame.view : vulkan->color.view);
	VkRenderingAttachmentInfo depth = attachment(vulkan->depth.view);
	const VkRenderingInfo info = {
		.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
		.renderArea = { .extent = { vulkan->width, vulkan->height } },
		.layerCount = 1,
		.colorAttachmentCount = 1,
		.pColorAttachments = &color,
		.pDepthAttachment = vulkan->mesh == NULL ? NULL : &depth,
	};
	VkCommandBuffer commands = begin(vulkan);

	if (vulkan->mesh != NULL) {
		memcpy(color.clearValue.color.float32, scene_background, sizeof(scene_background));
		color.storeOp = depth.storeOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
		color.resolveMode = VK_RESOLVE_MODE_AVERAGE_BIT;
		color.resolveImageView = vulkan->frame.view;
		color.resolveImageLayout = VK_IMAGE_LAYOUT_GENERAL;
		depth.clearValue.depthStencil.depth = 1;
	}
	vulkan->CmdBeginRendering(commands, &info);
	vulkan->CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, vulkan->pipeline);
	if (vulkan->mesh != NULL) {
		record_model(vulkan, commands, turned);
	} else {
		record_small_draws(vulkan, commands);
	}
	vulkan->CmdEndRendering(commands);
	if (!submit(vulkan)) {
		return false;
	}
	if (ret_bytes != NULL) {
		if (!raw_vulkan_finish(vulkan)) {
			return false;
		}
		memcpy(ret_bytes, vulkan->frame_bytes, row * vulkan->height);
	}
	return true;
}

/* ---------------------------------------------------------------- all of it */

struct raw_vulkan *raw_vulkan_new(const struct mesh *mesh, const struct pixels *texture,
				  uint32_t width, uint32_t height)
{
	struct raw_vulkan *vulkan = calloc(1, sizeof(*vulkan));
	bool good;

	if (vulkan == NULL) {
		return NULL;
	}
	vulkan->mesh = mesh;
	vulkan->width = width;
	vulkan->height = height;
	good = open_driver(vulkan) && create_device(vulkan) && create_commands(vulkan) &&
	       create_targets(vulkan) && create_model_pipeline(vulkan);
	if (good && mesh != NULL) {
		good = create_texture(vulkan, texture) && create_geometry(vulkan) &&
		       create_set(vulkan);
	}
	if (!good) {
		raw_vulkan_free(vulkan);
		return NULL;
	}
	return vulkan;
}

static void destroy_image(struct raw_vulkan *vulkan, const struct image *image)
{
	vulkan->DestroyImageView(vulkan->device, image->view, NULL);
	vulkan->DestroyImage(vulkan->device, image->image, NULL);
	vulkan->FreeMemory(vulkan->device, image->memory, NULL);
}

static void destroy_buffer(struct raw_vulkan *vulkan, const struct buffer *buffer)
{
	vulkan->DestroyBuffer(vulkan->device, buffer->buffer, NULL);
	vulkan->FreeMemory(vulkan->device, buffer->memory, NULL);
}

/* Handles that were never made are null, which each call takes. */
static void destroy_all(struct raw_vulkan *vulkan)
{
	(void)vulkan->DeviceWaitIdle(vulkan->device);
	vulkan->DestroyPipeline(vulkan->device, vulkan->pipeline, NULL);
	vulkan->DestroyPipelineLayout(vulkan->device, vulkan->layout, NULL);
	vulkan->DestroyDescriptorPool(vulkan->device, vulkan->descriptors, NULL);
	vulkan->DestroyDescriptorSetLayout(vulkan->device, vulkan->set_layout, NULL);
	vulkan->DestroySampler(vulkan->device, vulkan->sampler, NULL);
	vulkan->DestroyShaderModule(vulkan->device, vulkan->modules[0], NULL);
	vulkan->DestroyShaderModule(vulkan->device, vulkan->modules[1], NULL);
	destroy_image(vulkan, &vulkan->texture);
	destroy_image(vulkan, &vulkan->color);
	destroy_image(vulkan, &vulkan->depth);
	destroy_image(vulkan, &vulkan->frame);
	destroy_buffer(vulkan, &vulkan->geometry);
	destroy_buffer(vulkan, &vulkan->staging);
	for (uint32_t i = 0; i < IN_FLIGHT; i++) {
		vulkan->DestroyFence(vulkan->device, vulkan->fences[i], NULL);
	}
	vulkan->DestroyCommandPool(vulkan->device, vulkan->pool, NULL);
}

/* The driver's library stays: not all of it can be unloaded. */
void raw_vulkan_free(struct raw_vulkan *vulkan)
{
	if (vulkan->device != VK_NULL_HANDLE && vulkan->QueueSubmit != NULL) {
		destroy_all(vulkan);
		vulkan->DestroyDevice(vulkan->device, NULL);
	}
	if (vulkan->instance != VK_NULL_HANDLE && vulkan->DestroyInstance != NULL) {
		vulkan->DestroyInstance(vulkan->instance, NULL);
	}
	free(vulkan);
}
