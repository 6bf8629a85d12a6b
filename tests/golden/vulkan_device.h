/* SPDX-License-Identifier: MIT */
/* What vulkan_reference.h has inside, for whoever calls Vulkan plainly. */
#ifndef PENSTOCK_VULKAN_DEVICE_H
#define PENSTOCK_VULKAN_DEVICE_H

#include "tests/golden/vulkan_reference.h"
#include "tests/harness.h"

#include <vulkan/vulkan.h>

#define INSTANCE_CALLS(X)                                                                          \
	X(EnumeratePhysicalDevices)                                                                \
	X(GetPhysicalDeviceFeatures2)                                                              \
	X(CreateDevice)                                                                            \
	X(GetDeviceProcAddr)                                                                       \
	X(DestroyInstance)

#define DEVICE_CALLS(X)                                                                            \
	X(AllocateMemory)                                                                          \
	X(BindBufferMemory)                                                                        \
	X(CmdCopyBuffer)                                                                           \
	X(CmdFillBuffer)                                                                           \
	X(BeginCommandBuffer)                                                                      \
	X(AllocateCommandBuffers)                                                                  \
	X(AllocateDescriptorSets)                                                                  \
	X(CmdBindDescriptorSets)                                                                   \
	X(CmdBindPipeline)                                                                         \
	X(CmdDispatchBase)                                                                         \
	X(CmdPipelineBarrier)                                                                      \
	X(CmdPushConstants)                                                                        \
	X(CreateBuffer)                                                                            \
	X(CreateCommandPool)                                                                       \
	X(CreateComputePipelines)                                                                  \
	X(CreateDescriptorPool)                                                                    \
	X(CreateDescriptorSetLayout)                                                               \
	X(CreatePipelineLayout)                                                                    \
	X(CreateShaderModule)                                                                      \
	X(DestroyBuffer)                                                                           \
	X(DestroyCommandPool)                                                                      \
	X(DestroyDescriptorPool)                                                                   \
	X(DestroyDescriptorSetLayout)                                                              \
	X(DestroyDevice)                                                                           \
	X(DestroyPipeline)                                                                         \
	X(DestroyPipelineLayout)                                                                   \
	X(DestroyShaderModule)                                                                     \
	X(DeviceWaitIdle)                                                                          \
	X(EndCommandBuffer)                                                                        \
	X(FreeMemory)                                                                              \
	X(GetBufferMemoryRequirements)                                                             \
	X(GetDeviceQueue)                                                                          \
	X(MapMemory)                                                                               \
	X(QueueSubmit)                                                                             \
	X(QueueWaitIdle)                                                                           \
	X(UpdateDescriptorSets)                                                                    \
	X(CreateGraphicsPipelines)                                                                 \
	X(CreateImage)                                                                             \
	X(DestroyImage)                                                                            \
	X(BindImageMemory)                                                                         \
	X(GetImageMemoryRequirements)                                                              \
	X(CreateImageView)                                                                         \
	X(CreateSampler)                                                                           \
	X(CreateBufferView)                                                                        \
	X(CreateQueryPool)                                                                         \
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
	X(CmdDrawIndirectCount)                                                                    \
	X(CmdDrawIndexedIndirectCount)                                                             \
	X(CmdDispatchIndirect)                                                                     \
	X(CmdBindVertexBuffers)                                                                    \
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
	X(DestroyImageView)                                                                        \
	X(DestroySampler)                                                                          \
	X(DestroyBufferView)                                                                       \
	X(DestroyQueryPool)

struct vulkan_reference {
	void *library;
	VkInstance instance;
	VkPhysicalDevice physical;
	VkDevice device;
	VkQueue queue;
#define MEMBER(name) PFN_vk##name name;
	INSTANCE_CALLS(MEMBER)
	DEVICE_CALLS(MEMBER)
#undef MEMBER
};

#define VK(call) ck_assert_int_eq(call, VK_SUCCESS)

#endif
