/* SPDX-License-Identifier: MIT */
/*
 * One device of the Vulkan driver, with what a submission needs; private to the files that call
 * Vulkan. One thread at a time.
 */
#ifndef PENSTOCK_DEVICE_H
#define PENSTOCK_DEVICE_H

#include "gpu-backend/emulated/gpu/mmu.h"
#include "proto/image/format.h"
#include "proto/wire/limits.h"

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

/* What is called, by the instance or the device that it is asked of. */
#define PENSTOCK_VULKAN_INSTANCE_CALLS(X)                                                          \
	X(DestroyInstance)                                                                         \
	X(EnumeratePhysicalDevices)                                                                \
	X(EnumerateDeviceExtensionProperties)                                                      \
	X(GetPhysicalDeviceProperties2)                                                            \
	X(GetPhysicalDeviceFeatures2)                                                              \
	X(GetPhysicalDeviceMemoryProperties)                                                       \
	X(GetPhysicalDeviceFormatProperties2)                                                      \
	X(GetPhysicalDeviceQueueFamilyProperties)                                                  \
	X(CreateDevice)                                                                            \
	X(GetDeviceProcAddr)

#define PENSTOCK_VULKAN_DEVICE_CALLS(X)                                                            \
	X(DestroyDevice)                                                                           \
	X(DeviceWaitIdle)                                                                          \
	X(GetDeviceQueue)                                                                          \
	X(AllocateMemory)                                                                          \
	X(FreeMemory)                                                                              \
	X(CreateBuffer)                                                                            \
	X(DestroyBuffer)                                                                           \
	X(BindBufferMemory)                                                                        \
	X(CreateShaderModule)                                                                      \
	X(DestroyShaderModule)                                                                     \
	X(CreateDescriptorSetLayout)                                                               \
	X(DestroyDescriptorSetLayout)                                                              \
	X(CreatePipelineLayout)                                                                    \
	X(DestroyPipelineLayout)                                                                   \
	X(CreateComputePipelines)                                                                  \
	X(DestroyPipeline)                                                                         \
	X(CreateDescriptorPool)                                                                    \
	X(DestroyDescriptorPool)                                                                   \
	X(ResetDescriptorPool)                                                                     \
	X(AllocateDescriptorSets)                                                                  \
	X(UpdateDescriptorSets)                                                                    \
	X(CreateCommandPool)                                                                       \
	X(DestroyCommandPool)                                                                      \
	X(ResetCommandPool)                                                                        \
	X(AllocateCommandBuffers)                                                                  \
	X(BeginCommandBuffer)                                                                      \
	X(EndCommandBuffer)                                                                        \
	X(CmdBindPipeline)                                                                         \
	X(CmdBindDescriptorSets)                                                                   \
	X(CmdPushConstants)                                                                        \
	X(MapMemory)                                                                               \
	X(GetBufferMemoryRequirements)                                                             \
	X(CmdUpdateBuffer)                                                                         \
	X(CmdDispatchBase)                                                                         \
	X(CmdPipelineBarrier)                                                                      \
	X(CreateGraphicsPipelines)                                                                 \
	X(CreateImage)                                                                             \
	X(DestroyImage)                                                                            \
	X(BindImageMemory)                                                                         \
	X(GetImageMemoryRequirements)                                                              \
	X(CreateImageView)                                                                         \
	X(DestroyImageView)                                                                        \
	X(CreateSampler)                                                                           \
	X(DestroySampler)                                                                          \
	X(CreateBufferView)                                                                        \
	X(DestroyBufferView)                                                                       \
	X(CreateQueryPool)                                                                         \
	X(DestroyQueryPool)                                                                        \
	X(ResetQueryPool)                                                                          \
	X(GetQueryPoolResults)                                                                     \
	X(CmdBeginRendering)                                                                       \
	X(CmdEndRendering)                                                                         \
	X(CmdClearAttachments)                                                                     \
	X(CmdBeginQuery)                                                                           \
	X(CmdEndQuery)                                                                             \
	X(CmdDraw)                                                                                 \
	X(CmdDrawIndexed)                                                                          \
	X(CmdDrawIndirect)                                                                         \
	X(CmdDrawIndexedIndirect)                                                                  \
	X(CmdBindVertexBuffers2)                                                                   \
	X(CmdBindIndexBuffer)                                                                      \
	X(CmdSetViewport)                                                                          \
	X(CmdSetScissor)                                                                           \
	X(CmdSetLineWidth)                                                                         \
	X(CmdSetDepthBias)                                                                         \
	X(CmdSetBlendConstants)                                                                    \
	X(CmdSetDepthBounds)                                                                       \
	X(CmdSetStencilCompareMask)                                                                \
	X(CmdSetStencilWriteMask)                                                                  \
	X(CmdSetStencilReference)                                                                  \
	X(CmdSetCullMode)                                                                          \
	X(CmdSetFrontFace)                                                                         \
	X(CmdSetPrimitiveTopology)                                                                 \
	X(CmdSetDepthTestEnable)                                                                   \
	X(CmdSetDepthWriteEnable)                                                                  \
	X(CmdSetDepthCompareOp)                                                                    \
	X(CmdSetDepthBoundsTestEnable)                                                             \
	X(CmdSetStencilTestEnable)                                                                 \
	X(CmdSetStencilOp)                                                                         \
	X(CmdSetRasterizerDiscardEnable)                                                           \
	X(CmdSetDepthBiasEnable)                                                                   \
	X(CmdSetPrimitiveRestartEnable)                                                            \
	X(CmdCopyBufferToImage)                                                                    \
	X(CmdCopyImageToBuffer)                                                                    \
	X(CmdCopyImage)                                                                            \
	X(CmdBlitImage)                                                                            \
	X(CmdResolveImage)                                                                         \
	X(CmdClearColorImage)                                                                      \
	X(CmdClearDepthStencilImage)                                                               \
	X(CreateFence)                                                                             \
	X(DestroyFence)                                                                            \
	X(ResetFences)                                                                             \
	X(GetFenceStatus)                                                                          \
	X(WaitForFences)                                                                           \
	X(QueueSubmit)

struct penstock_vulkan_calls {
#define CALL(name) PFN_vk##name name;
	PENSTOCK_VULKAN_INSTANCE_CALLS(CALL)
	PENSTOCK_VULKAN_DEVICE_CALLS(CALL)
#undef CALL
};

/* Dispatches that are one submission at most. */
#define PENSTOCK_VULKAN_BATCH 32u

/* Descriptors, and sets of them, of one submission. */
#define PENSTOCK_VULKAN_DESCRIPTORS 65536u
#define PENSTOCK_VULKAN_SETS        8192u

enum penstock_vulkan_window {
	PENSTOCK_VULKAN_LOCAL,
	PENSTOCK_VULKAN_APERTURE,
	PENSTOCK_VULKAN_WINDOWS,
};

struct penstock_vulkan_device {
	struct penstock_vulkan_calls calls;
	VkInstance instance;
	VkPhysicalDevice physical;
	VkDevice device;
	VkQueue queue;
	VkPhysicalDeviceLimits limits;
	struct penstock_format_features formats[PENSTOCK_TEXEL_FORMATS];
	VkDeviceMemory windows[PENSTOCK_VULKAN_WINDOWS]; /* imported; of an empty one: none */
	VkCommandPool command_pool;
	VkCommandBuffer commands;
	VkDescriptorPool descriptor_pool;
	VkSampler sampler; /* of descriptors that have none */
	VkFence fence;
	/* A word that submissions write as they advance, of memory that is the driver's. */
	VkDeviceMemory progress_memory;
	VkBuffer progress_buffer;
	uint32_t *progress;
};

enum penstock_vulkan_crew {
	PENSTOCK_VULKAN_ALONE, /* the driver executes in one thread */
	PENSTOCK_VULKAN_CREW,  /* in as many as there are processors */
	PENSTOCK_VULKAN_DEVICES,
};

/*
 * `get` is the driver's; the windows of the MMU are imported. SUCCESS, NOT_SUPPORTED with a text,
 * NO_MEMORY. What a failure leaves is for destroy.
 */
PENSTOCK_MUST_CHECK
enum penstock_status penstock_vulkan_device_create(struct penstock_vulkan_device *device,
						   PFN_vkGetInstanceProcAddr get,
						   const struct penstock_mmu *mmu,
						   struct penstock_errbuf *reterr_text);
void penstock_vulkan_device_destroy(struct penstock_vulkan_device *device);

#endif
