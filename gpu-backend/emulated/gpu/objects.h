/* SPDX-License-Identifier: MIT */
/*
 * Objects of the driver that live as long as a group is executed: they are cheap to make, so none
 * is kept. All of one device; the list is the only owner.
 */
#ifndef PENSTOCK_OBJECTS_H
#define PENSTOCK_OBJECTS_H

#include "gpu-backend/emulated/gpu/device.h"

enum penstock_object_kind {
	PENSTOCK_OBJECT_BUFFER,
	PENSTOCK_OBJECT_BUFFER_VIEW,
	PENSTOCK_OBJECT_IMAGE,
	PENSTOCK_OBJECT_IMAGE_VIEW,
	PENSTOCK_OBJECT_SAMPLER,
	PENSTOCK_OBJECT_QUERIES,
};

struct penstock_object {
	enum penstock_object_kind kind;
	void *handle;
};

struct penstock_objects {
	const struct penstock_vulkan_device *device; /* borrowed; of all that is in the list */
	struct penstock_object *list;
	uint32_t count;
	uint32_t capacity;
};

/* A range of GPU addresses as the driver sees it: a buffer that ends where the range does. */
struct penstock_object_range {
	VkBuffer buffer;
	VkDeviceSize offset;
	VkDeviceSize size;
};

/* Destroys what there is; what is made from now on is the device's. */
void penstock_objects_begin(struct penstock_objects *objects,
			    const struct penstock_vulkan_device *device);

/* The last first. */
void penstock_objects_destroy(struct penstock_objects *objects);

/* The driver is lost with them. */
void penstock_objects_abandon(struct penstock_objects *objects);

void penstock_objects_fini(struct penstock_objects *objects);

/* `result` of the call that made `handle`; VK_SUCCESS: the list owns it. */
VkResult penstock_objects_add(struct penstock_objects *objects, enum penstock_object_kind kind,
			      void *handle, VkResult result);

/* Where a GPU address is in the device's imported memory; it is in a window. */
VkDeviceMemory penstock_objects_place(const struct penstock_objects *objects,
				      const struct penstock_mmu *mmu, uint64_t address,
				      uint64_t *ret_offset);

/* Of at least a byte, in one window. `alignment`: of where the buffer begins, before the range. */
VkResult penstock_objects_range_at(struct penstock_objects *objects, const struct penstock_mmu *mmu,
				   uint64_t address, uint64_t size, uint32_t alignment,
				   struct penstock_object_range *ret_range);

/* With the alignment of the driver. */
VkResult penstock_objects_range(struct penstock_objects *objects, const struct penstock_mmu *mmu,
				uint64_t address, uint64_t size,
				struct penstock_object_range *ret_range);

#endif
