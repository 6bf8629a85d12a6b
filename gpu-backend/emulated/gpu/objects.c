/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/objects.h"

#include <stdlib.h>

/* A VkBuffer begins at such a multiple. */
#define BUFFER_ALIGNMENT 64u

#define FIRST_CAPACITY 256u

static void destroy(const struct penstock_vulkan_device *device,
		    const struct penstock_object *object)
{
	const struct penstock_vulkan_calls *calls = &device->calls;

	switch (object->kind) {
	case PENSTOCK_OBJECT_BUFFER:
		calls->DestroyBuffer(device->device, object->handle, NULL);
		break;
	case PENSTOCK_OBJECT_BUFFER_VIEW:
		calls->DestroyBufferView(device->device, object->handle, NULL);
		break;
	case PENSTOCK_OBJECT_IMAGE:
		calls->DestroyImage(device->device, object->handle, NULL);
		break;
	case PENSTOCK_OBJECT_IMAGE_VIEW:
		calls->DestroyImageView(device->device, object->handle, NULL);
		break;
	case PENSTOCK_OBJECT_SAMPLER:
		calls->DestroySampler(device->device, object->handle, NULL);
		break;
	case PENSTOCK_OBJECT_QUERIES:
		calls->DestroyQueryPool(device->device, object->handle, NULL);
		break;
	}
}

void penstock_objects_destroy(struct penstock_objects *objects)
{
	while (objects->count > 0) {
		destroy(objects->device, &objects->list[--objects->count]);
	}
}

void penstock_objects_begin(struct penstock_objects *objects,
			    const struct penstock_vulkan_device *device)
{
	penstock_objects_destroy(objects);
	objects->device = device;
}

void penstock_objects_abandon(struct penstock_objects *objects)
{
	objects->count = 0;
}

void penstock_objects_fini(struct penstock_objects *objects)
{
	penstock_objects_destroy(objects);
	free(objects->list);
	*objects = (struct penstock_objects){ .list = NULL };
}

static bool make_room(struct penstock_objects *objects)
{
	uint32_t capacity = objects->capacity == 0 ? FIRST_CAPACITY : objects->capacity * 2;
	struct penstock_object *list;

	if (objects->count < objects->capacity) {
		return true;
	}
	list = realloc(objects->list, capacity * sizeof(*list));
	if (list == NULL) {
		return false;
	}
	objects->list = list;
	objects->capacity = capacity;
	return true;
}

VkResult penstock_objects_add(struct penstock_objects *objects, enum penstock_object_kind kind,
			      void *handle, VkResult result)
{
	const struct penstock_object object = { kind, handle };

	if (result != VK_SUCCESS) {
		return result;
	}
	if (!make_room(objects)) {
		destroy(objects->device, &object);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	objects->list[objects->count++] = object;
	return VK_SUCCESS;
}

VkDeviceMemory penstock_objects_place(const struct penstock_objects *objects,
				      const struct penstock_mmu *mmu, uint64_t address,
				      uint64_t *ret_offset)
{
	bool is_aperture = address >= mmu->aperture.base;

	*ret_offset = address - (is_aperture ? mmu->aperture.base : mmu->local.base);
	return objects->device
		->windows[is_aperture ? PENSTOCK_VULKAN_APERTURE : PENSTOCK_VULKAN_LOCAL];
}

VkResult penstock_objects_range(struct penstock_objects *objects, const struct penstock_mmu *mmu,
				uint64_t address, uint64_t size,
				struct penstock_object_range *ret_range)
{
	return penstock_objects_range_at(objects, mmu, address, size, BUFFER_ALIGNMENT, ret_range);
}

VkResult penstock_objects_range_at(struct penstock_objects *objects, const struct penstock_mmu *mmu,
				   uint64_t address, uint64_t size, uint32_t alignment,
				   struct penstock_object_range *ret_range)
{
	const struct penstock_vulkan_device *device = objects->device;
	uint64_t offset;
	VkDeviceMemory memory = penstock_objects_place(objects, mmu, address, &offset);
	uint64_t before = offset % alignment;
	const VkExternalMemoryBufferCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.pNext = &external,
		.size = before + size,
		.usage = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
			 VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
			 VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT |
			 VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT |
			 VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
			 VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkBuffer buffer = VK_NULL_HANDLE;
	VkResult result = device->calls.CreateBuffer(device->device, &info, NULL, &buffer);

	result = penstock_objects_add(objects, PENSTOCK_OBJECT_BUFFER, buffer, result);
	if (result != VK_SUCCESS) {
		return result;
	}
	*ret_range = (struct penstock_object_range){ buffer, before, size };
	return device->calls.BindBufferMemory(device->device, buffer, memory, offset - before);
}
