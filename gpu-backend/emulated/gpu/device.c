/* SPDX-License-Identifier: MIT */
/* One device of the driver, with what a submission needs: made once, used for each. */
#include "gpu-backend/emulated/gpu/device.h"

#include "gpu-backend/emulated/gpu/driver.h"

#include <string.h>

/* ---------------------------------------------------------------- instance, physical device */

static enum penstock_status create_instance(struct penstock_vulkan_device *device,
					    PFN_vkGetInstanceProcAddr get,
					    struct penstock_errbuf *reterr_text)
{
	enum penstock_status status =
		penstock_vulkan_create_instance(get, &device->instance, reterr_text);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
#define CALL(name)                                                                                 \
	device->calls.name = (PFN_vk##name)get(device->instance, "vk" #name);                      \
	if (device->calls.name == NULL) {                                                          \
		return penstock_vulkan_lacks("vk" #name, reterr_text);                             \
	}
	PENSTOCK_VULKAN_INSTANCE_CALLS(CALL)
#undef CALL
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status choose_physical(struct penstock_vulkan_device *device,
					    struct penstock_errbuf *reterr_text)
{
	VkPhysicalDeviceProperties2 properties = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2
	};
	uint32_t count = 1;
	VkResult result =
		device->calls.EnumeratePhysicalDevices(device->instance, &count, &device->physical);

	if (result != VK_SUCCESS && result != VK_INCOMPLETE) {
		return penstock_vulkan_failed("vkEnumeratePhysicalDevices", result, reterr_text);
	}
	if (count == 0) {
		return penstock_vulkan_lacks("device", reterr_text);
	}
	device->calls.GetPhysicalDeviceProperties2(device->physical, &properties);
	if (properties.properties.apiVersion < VK_API_VERSION_1_3) {
		return penstock_vulkan_lacks("Vulkan 1.3", reterr_text);
	}
	device->limits = properties.properties.limits;
	return PENSTOCK_STATUS_SUCCESS;
}

static void ask_formats(struct penstock_vulkan_device *device)
{
	for (uint32_t i = 0; i < PENSTOCK_TEXEL_FORMATS; i++) {
		VkFormatProperties3 all = { .sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3 };
		VkFormatProperties2 properties = { .sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
						   .pNext = &all };

		device->calls.GetPhysicalDeviceFormatProperties2(
			device->physical, (VkFormat)penstock_texel_format_at(i)->number,
			&properties);
		device->formats[i] = (struct penstock_format_features){
			.linear = all.linearTilingFeatures,
			.optimal = all.optimalTilingFeatures,
			.buffer = all.bufferFeatures,
		};
	}
}

/* ---------------------------------------------------------------- device */

/* Each of its features: what a shader may use of them is decided before it gets here. */
struct features {
	VkPhysicalDeviceFeatures2 core;
	VkPhysicalDeviceVulkan11Features v11;
	VkPhysicalDeviceVulkan12Features v12;
	VkPhysicalDeviceVulkan13Features v13;
	VkPhysicalDeviceRobustness2FeaturesEXT robustness;
	VkPhysicalDeviceIndexTypeUint8FeaturesEXT bytes_as_indices;
};

static enum penstock_status ask_features(struct penstock_vulkan_device *device,
					 struct features *features,
					 struct penstock_errbuf *reterr_text)
{
	*features = (struct features){
		.core = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2 },
		.v11 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES },
		.v12 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES },
		.v13 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES },
		.robustness = { .sType =
					VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT },
		.bytes_as_indices = { .sType =
					      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_INDEX_TYPE_UINT8_FEATURES_EXT },
	};
	features->core.pNext = &features->v11;
	features->v11.pNext = &features->v12;
	features->v12.pNext = &features->v13;
	features->v13.pNext = &features->robustness;
	features->robustness.pNext = &features->bytes_as_indices;
	device->calls.GetPhysicalDeviceFeatures2(device->physical, &features->core);
	if (!features->core.features.robustBufferAccess || !features->robustness.nullDescriptor) {
		return penstock_vulkan_lacks("robust buffer access or null descriptors",
					     reterr_text);
	}
	if (!features->v13.dynamicRendering || !features->v12.hostQueryReset ||
	    !features->bytes_as_indices.indexTypeUint8) {
		return penstock_vulkan_lacks(
			"dynamic rendering, reset of queries or indices of a byte", reterr_text);
	}
	/* A shader has no business with addresses. */
	features->v12.bufferDeviceAddress = VK_FALSE;
	features->v12.bufferDeviceAddressCaptureReplay = VK_FALSE;
	features->v12.bufferDeviceAddressMultiDevice = VK_FALSE;
	return PENSTOCK_STATUS_SUCCESS;
}

/* One queue that draws and computes, of the first family: what a driver for one thread has. */
static enum penstock_status create_device(struct penstock_vulkan_device *device,
					  struct penstock_errbuf *reterr_text)
{
	const VkQueueFlags needed = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
						.queueCount = 1,
						.pQueuePriorities = &priority };
	VkQueueFamilyProperties family = { .queueCount = 0 };
	struct features features;
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &features.core,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.enabledExtensionCount = PENSTOCK_VULKAN_EXTENSIONS,
		.ppEnabledExtensionNames = penstock_vulkan_extensions,
	};
	uint32_t count = 1;
	enum penstock_status status = ask_features(device, &features, reterr_text);
	VkResult result;

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	device->calls.GetPhysicalDeviceQueueFamilyProperties(device->physical, &count, &family);
	if (count == 0 || (family.queueFlags & needed) != needed) {
		return penstock_vulkan_lacks("queue that draws and computes", reterr_text);
	}
	result = device->calls.CreateDevice(device->physical, &info, NULL, &device->device);
	if (result != VK_SUCCESS) {
		device->device = VK_NULL_HANDLE;
		return penstock_vulkan_failed("vkCreateDevice", result, reterr_text);
	}
#define CALL(name)                                                                                 \
	device->calls.name =                                                                       \
		(PFN_vk##name)device->calls.GetDeviceProcAddr(device->device, "vk" #name);         \
	if (device->calls.name == NULL) {                                                          \
		return penstock_vulkan_lacks("vk" #name, reterr_text);                             \
	}
	PENSTOCK_VULKAN_DEVICE_CALLS(CALL)
#undef CALL
	device->calls.GetDeviceQueue(device->device, 0, 0, &device->queue);
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- the windows */

/* The first type of memory that the host sees without being told to; the count: there is none. */
static uint32_t coherent_type(const struct penstock_vulkan_device *device, uint32_t *ret_count)
{
	const VkMemoryPropertyFlags needed =
		VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
	VkPhysicalDeviceMemoryProperties properties;
	uint32_t type = 0;

	device->calls.GetPhysicalDeviceMemoryProperties(device->physical, &properties);
	while (type < properties.memoryTypeCount &&
	       (properties.memoryTypes[type].propertyFlags & needed) != needed) {
		type++;
	}
	*ret_count = properties.memoryTypeCount;
	return type;
}

static enum penstock_status import_window(struct penstock_vulkan_device *device,
					  const struct penstock_mmu_window *window,
					  VkDeviceMemory *ret_memory,
					  struct penstock_errbuf *reterr_text)
{
	const VkImportMemoryHostPointerInfoEXT import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
		.pHostPointer = window->host,
	};
	VkMemoryAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
				      .pNext = &import,
				      .allocationSize = window->size_bytes };
	uint32_t types;
	VkResult result;

	if (window->size_bytes == 0) {
		return PENSTOCK_STATUS_SUCCESS;
	}
	info.memoryTypeIndex = coherent_type(device, &types);
	if (info.memoryTypeIndex == types) {
		return penstock_vulkan_lacks("coherent memory", reterr_text);
	}
	result = device->calls.AllocateMemory(device->device, &info, NULL, ret_memory);
	if (result != VK_SUCCESS) {
		*ret_memory = VK_NULL_HANDLE;
		return penstock_vulkan_failed("vkAllocateMemory", result, reterr_text);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status import_windows(struct penstock_vulkan_device *device,
					   const struct penstock_mmu *mmu,
					   struct penstock_errbuf *reterr_text)
{
	enum penstock_status status = import_window(
		device, &mmu->local, &device->windows[PENSTOCK_VULKAN_LOCAL], reterr_text);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = import_window(device, &mmu->aperture,
				       &device->windows[PENSTOCK_VULKAN_APERTURE], reterr_text);
	}
	return status;
}

/* ---------------------------------------------------------------- of each submission */

static VkResult create_pools(struct penstock_vulkan_device *device)
{
	static const VkDescriptorPoolSize sizes[] = {
		{ VK_DESCRIPTOR_TYPE_SAMPLER, PENSTOCK_VULKAN_DESCRIPTORS },
		{ VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, PENSTOCK_VULKAN_DESCRIPTORS },
		{ VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, PENSTOCK_VULKAN_DESCRIPTORS },
		{ VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, PENSTOCK_VULKAN_DESCRIPTORS },
		{ VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, PENSTOCK_VULKAN_DESCRIPTORS },
		{ VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, PENSTOCK_VULKAN_DESCRIPTORS },
		{ VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, PENSTOCK_VULKAN_DESCRIPTORS },
		{ VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, PENSTOCK_VULKAN_DESCRIPTORS },
		{ VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT, PENSTOCK_VULKAN_DESCRIPTORS },
	};
	const VkDescriptorPoolCreateInfo descriptors = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = PENSTOCK_VULKAN_SETS,
		.poolSizeCount = PENSTOCK_ARRAY_SIZE(sizes),
		.pPoolSizes = sizes,
	};
	const VkCommandPoolCreateInfo pool = { .sType =
						       VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO };
	const VkSamplerCreateInfo sampler = { .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO };
	VkResult result = device->calls.CreateDescriptorPool(device->device, &descriptors, NULL,
							     &device->descriptor_pool);

	if (result != VK_SUCCESS) {
		device->descriptor_pool = VK_NULL_HANDLE;
		return result;
	}
	result = device->calls.CreateSampler(device->device, &sampler, NULL, &device->sampler);
	if (result != VK_SUCCESS) {
		device->sampler = VK_NULL_HANDLE;
		return result;
	}
	result =
		device->calls.CreateCommandPool(device->device, &pool, NULL, &device->command_pool);
	if (result != VK_SUCCESS) {
		device->command_pool = VK_NULL_HANDLE;
	}
	return result;
}

static VkResult create_progress(struct penstock_vulkan_device *device)
{
	const VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
					    .size = sizeof(*device->progress),
					    .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT };
	VkMemoryAllocateInfo memory = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO };
	VkMemoryRequirements requirements;
	void *mapped = NULL;
	uint32_t types;
	VkResult result =
		device->calls.CreateBuffer(device->device, &buffer, NULL, &device->progress_buffer);

	if (result != VK_SUCCESS) {
		device->progress_buffer = VK_NULL_HANDLE;
		return result;
	}
	device->calls.GetBufferMemoryRequirements(device->device, device->progress_buffer,
						  &requirements);
	memory.allocationSize = requirements.size;
	memory.memoryTypeIndex = coherent_type(device, &types);
	result = device->calls.AllocateMemory(device->device, &memory, NULL,
					      &device->progress_memory);
	if (result != VK_SUCCESS) {
		device->progress_memory = VK_NULL_HANDLE;
		return result;
	}
	result = device->calls.BindBufferMemory(device->device, device->progress_buffer,
						device->progress_memory, 0);
	if (result == VK_SUCCESS) {
		result = device->calls.MapMemory(device->device, device->progress_memory, 0,
						 VK_WHOLE_SIZE, 0, &mapped);
	}
	device->progress = mapped;
	return result;
}

static enum penstock_status create_submission(struct penstock_vulkan_device *device,
					      struct penstock_errbuf *reterr_text)
{
	const VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	VkCommandBufferAllocateInfo commands = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	VkResult result = create_pools(device);

	if (result != VK_SUCCESS) {
		return penstock_vulkan_failed("pools", result, reterr_text);
	}
	result = create_progress(device);
	if (result != VK_SUCCESS) {
		return penstock_vulkan_failed("progress", result, reterr_text);
	}
	commands.commandPool = device->command_pool;
	result = device->calls.AllocateCommandBuffers(device->device, &commands, &device->commands);
	if (result != VK_SUCCESS) {
		return penstock_vulkan_failed("vkAllocateCommandBuffers", result, reterr_text);
	}
	result = device->calls.CreateFence(device->device, &fence, NULL, &device->fence);
	if (result != VK_SUCCESS) {
		device->fence = VK_NULL_HANDLE;
		return penstock_vulkan_failed("vkCreateFence", result, reterr_text);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- create and destroy */

enum penstock_status penstock_vulkan_device_create(struct penstock_vulkan_device *device,
						   PFN_vkGetInstanceProcAddr get,
						   const struct penstock_mmu *mmu,
						   struct penstock_errbuf *reterr_text)
{
	enum penstock_status status = create_instance(device, get, reterr_text);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = choose_physical(device, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		ask_formats(device);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = create_device(device, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = import_windows(device, mmu, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = create_submission(device, reterr_text);
	}
	return status;
}

void penstock_vulkan_device_destroy(struct penstock_vulkan_device *device)
{
	const struct penstock_vulkan_calls *calls = &device->calls;

	/* Handles that were never made are null, which each call takes. */
	if (device->device != VK_NULL_HANDLE && calls->QueueSubmit != NULL) {
		calls->DestroyFence(device->device, device->fence, NULL);
		calls->DestroyBuffer(device->device, device->progress_buffer, NULL);
		calls->FreeMemory(device->device, device->progress_memory, NULL);
		calls->DestroyCommandPool(device->device, device->command_pool, NULL);
		calls->DestroyDescriptorPool(device->device, device->descriptor_pool, NULL);
		calls->DestroySampler(device->device, device->sampler, NULL);
		for (unsigned i = 0; i < PENSTOCK_VULKAN_WINDOWS; i++) {
			calls->FreeMemory(device->device, device->windows[i], NULL);
		}
		calls->DestroyDevice(device->device, NULL);
	}
	if (device->instance != VK_NULL_HANDLE && calls->DestroyInstance != NULL) {
		calls->DestroyInstance(device->instance, NULL);
	}
	memset(device, 0, sizeof(*device));
}
