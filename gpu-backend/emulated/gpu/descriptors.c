/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/descriptors.h"

#include "gpu-backend/emulated/gpu/parts.h"

#include <stdlib.h>
#include <string.h>

/* Buffers of a descriptor may begin at any such multiple. */
#define DESCRIPTOR_ALIGNMENT 16u

#define FIRST_CAPACITY 64u

#define SAMPLER_COMPARES     0x1u
#define SAMPLER_UNNORMALIZED 0x2u
#define SAMPLER_KNOWN        (SAMPLER_COMPARES | SAMPLER_UNNORMALIZED)

/* ---------------------------------------------------------------- what is bound */

void penstock_descriptors_forget(struct penstock_descriptors *descriptors)
{
	if (descriptors->count > 0) {
		memset(descriptors->buckets, 0, sizeof(descriptors->buckets));
		descriptors->count = 0;
	}
}

void penstock_descriptors_fini(struct penstock_descriptors *descriptors)
{
	free(descriptors->list);
	descriptors->list = NULL;
}

static uint32_t *bucket_of(struct penstock_descriptors *descriptors, uint32_t set, uint32_t binding,
			   uint32_t element)
{
	uint32_t hash = (set * 31u + binding) * 61u + element;

	return &descriptors->buckets[hash % PENSTOCK_DESCRIPTOR_BUCKETS];
}

static struct penstock_bound *find(struct penstock_descriptors *descriptors, uint32_t set,
				   uint32_t binding, uint32_t element)
{
	uint32_t number = *bucket_of(descriptors, set, binding, element);

	while (number != 0) {
		struct penstock_bound *bound = &descriptors->list[number - 1];

		if (bound->set == set && bound->binding == binding && bound->element == element) {
			return bound;
		}
		number = bound->next;
	}
	return NULL;
}

static bool make_room(struct penstock_descriptors *descriptors)
{
	uint32_t capacity = descriptors->capacity == 0 ? FIRST_CAPACITY : descriptors->capacity * 2;
	struct penstock_bound *list;

	if (descriptors->count < descriptors->capacity) {
		return true;
	}
	list = realloc(descriptors->list, capacity * sizeof(*list));
	if (list == NULL) {
		return false;
	}
	descriptors->list = list;
	descriptors->capacity = capacity;
	return true;
}

static struct penstock_bound *find_or_add(struct penstock_descriptors *descriptors, uint32_t set,
					  uint32_t binding, uint32_t element)
{
	struct penstock_bound *bound = find(descriptors, set, binding, element);
	uint32_t *bucket = bucket_of(descriptors, set, binding, element);

	if (bound != NULL || !make_room(descriptors)) {
		return bound;
	}
	bound = &descriptors->list[descriptors->count++];
	*bound = (struct penstock_bound){
		.set = set, .binding = binding, .element = element, .next = *bucket
	};
	*bucket = descriptors->count;
	return bound;
}

/* ---------------------------------------------------------------- binding */

static enum penstock_outcome outcome_of(VkResult result)
{
	return result == VK_SUCCESS ? PENSTOCK_OUTCOME_COMPLETED : PENSTOCK_OUTCOME_ILLEGAL;
}

/* A range of no byte is nothing bound. */
static enum penstock_outcome make_range(struct penstock_engine *engine, uint64_t address,
					uint64_t size, bool write,
					struct penstock_object_range *ret_range)
{
	if (address % DESCRIPTOR_ALIGNMENT != 0 || size > PENSTOCK_LIMIT_STORAGE_RANGE_BYTES) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	if (penstock_engine_range(engine, address, size, write) == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	*ret_range = (struct penstock_object_range){ VK_NULL_HANDLE, 0, 0 };
	return size == 0 ? PENSTOCK_OUTCOME_COMPLETED
			 : outcome_of(penstock_objects_range(&engine->vulkan->objects, engine->mmu,
							     address, size, ret_range));
}

static enum penstock_outcome bind_buffer(struct penstock_engine *engine,
					 const struct penstock_member *member,
					 struct penstock_bound *bound)
{
	return make_range(engine,
			  penstock_load64(member->fields + PENSTOCK_DMA_BIND_BUFFER_address),
			  penstock_load64(member->fields + PENSTOCK_DMA_BIND_BUFFER_size),
			  member->id == PENSTOCK_DMA_BIND_BUFFER_WRITE, &bound->range);
}

static enum penstock_outcome bind_texels(struct penstock_engine *engine,
					 const struct penstock_member *member,
					 struct penstock_bound *bound)
{
	struct penstock_objects *objects = &engine->vulkan->objects;
	uint32_t number = penstock_load32(member->fields + PENSTOCK_DMA_BIND_TEXEL_BUFFER_format);
	const struct penstock_texel_format *format = penstock_texel_format_get(number);
	uint64_t size = penstock_load64(member->fields + PENSTOCK_DMA_BIND_TEXEL_BUFFER_size);
	VkBufferViewCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
					.format = (VkFormat)number };
	struct penstock_object_range range;
	enum penstock_outcome outcome;
	VkResult result;

	bound->texels = VK_NULL_HANDLE;
	if (format == NULL || objects->device->formats[format->id].buffer == 0) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	size -= size % format->block_bytes;
	outcome = make_range(
		engine, penstock_load64(member->fields + PENSTOCK_DMA_BIND_TEXEL_BUFFER_address),
		size, member->id == PENSTOCK_DMA_BIND_TEXEL_BUFFER_WRITE, &range);
	if (outcome != PENSTOCK_OUTCOME_COMPLETED || size == 0) {
		return outcome;
	}
	info.buffer = range.buffer;
	info.offset = range.offset;
	info.range = range.size;
	result = objects->device->calls.CreateBufferView(objects->device->device, &info, NULL,
							 &bound->texels);
	return outcome_of(
		penstock_objects_add(objects, PENSTOCK_OBJECT_BUFFER_VIEW, bound->texels, result));
}

static enum penstock_outcome bind_image(struct penstock_engine *engine,
					const struct penstock_member *member,
					struct penstock_bound *bound)
{
	const uint8_t *fields = member->fields;
	const struct penstock_vulkan_image *image = penstock_images_get(
		&engine->vulkan->images, penstock_load32(fields + PENSTOCK_DMA_BIND_IMAGE_image));
	const struct penstock_view view = {
		.type = penstock_load32(fields + PENSTOCK_DMA_BIND_IMAGE_view_type),
		.format = penstock_load32(fields + PENSTOCK_DMA_BIND_IMAGE_format),
		.components = penstock_load32(fields + PENSTOCK_DMA_BIND_IMAGE_components),
		.aspects = penstock_load32(fields + PENSTOCK_DMA_BIND_IMAGE_aspects),
		.first_level = penstock_load32(fields + PENSTOCK_DMA_BIND_IMAGE_first_level),
		.levels = penstock_load32(fields + PENSTOCK_DMA_BIND_IMAGE_levels),
		.first_layer = penstock_load32(fields + PENSTOCK_DMA_BIND_IMAGE_first_layer),
		.layers = penstock_load32(fields + PENSTOCK_DMA_BIND_IMAGE_layers),
	};

	return image == NULL
		       ? PENSTOCK_OUTCOME_ILLEGAL
		       : penstock_images_view(&engine->vulkan->objects, image, &view, &bound->view);
}

/* Fields of bind_sampler that are enumerations, and their last value. */
static const struct {
	uint32_t offset;
	uint32_t last;
} sampler_fields[] = {
	{ PENSTOCK_DMA_BIND_SAMPLER_flags, SAMPLER_KNOWN },
	{ PENSTOCK_DMA_BIND_SAMPLER_mag_filter, VK_FILTER_LINEAR },
	{ PENSTOCK_DMA_BIND_SAMPLER_min_filter, VK_FILTER_LINEAR },
	{ PENSTOCK_DMA_BIND_SAMPLER_mipmap_mode, VK_SAMPLER_MIPMAP_MODE_LINEAR },
	{ PENSTOCK_DMA_BIND_SAMPLER_address_u, VK_SAMPLER_ADDRESS_MODE_MIRROR_CLAMP_TO_EDGE },
	{ PENSTOCK_DMA_BIND_SAMPLER_address_v, VK_SAMPLER_ADDRESS_MODE_MIRROR_CLAMP_TO_EDGE },
	{ PENSTOCK_DMA_BIND_SAMPLER_address_w, VK_SAMPLER_ADDRESS_MODE_MIRROR_CLAMP_TO_EDGE },
	{ PENSTOCK_DMA_BIND_SAMPLER_compare_op, VK_COMPARE_OP_ALWAYS },
	{ PENSTOCK_DMA_BIND_SAMPLER_border_color, VK_BORDER_COLOR_INT_OPAQUE_WHITE },
	{ PENSTOCK_DMA_BIND_SAMPLER_reduction_mode, VK_SAMPLER_REDUCTION_MODE_MAX },
};

static bool sampler_valid(const uint8_t *fields)
{
	for (uint32_t i = 0; i < PENSTOCK_ARRAY_SIZE(sampler_fields); i++) {
		if (penstock_load32(fields + sampler_fields[i].offset) > sampler_fields[i].last) {
			return false;
		}
	}
	return true;
}

static float load_float(const uint8_t *bytes)
{
	float value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static enum penstock_outcome bind_sampler(struct penstock_engine *engine,
					  const struct penstock_member *member,
					  struct penstock_bound *bound)
{
	struct penstock_objects *objects = &engine->vulkan->objects;
	const uint8_t *fields = member->fields;
	uint32_t flags = penstock_load32(fields + PENSTOCK_DMA_BIND_SAMPLER_flags);
	float anisotropy = load_float(fields + PENSTOCK_DMA_BIND_SAMPLER_anisotropy);
	const VkSamplerReductionModeCreateInfo reduction = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_REDUCTION_MODE_CREATE_INFO,
		.reductionMode = (VkSamplerReductionMode)penstock_load32(
			fields + PENSTOCK_DMA_BIND_SAMPLER_reduction_mode),
	};
#define ENUMERATION(type, field) (type) penstock_load32(fields + PENSTOCK_DMA_BIND_SAMPLER_##field)
	const VkSamplerCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
		.pNext = &reduction,
		.magFilter = ENUMERATION(VkFilter, mag_filter),
		.minFilter = ENUMERATION(VkFilter, min_filter),
		.mipmapMode = ENUMERATION(VkSamplerMipmapMode, mipmap_mode),
		.addressModeU = ENUMERATION(VkSamplerAddressMode, address_u),
		.addressModeV = ENUMERATION(VkSamplerAddressMode, address_v),
		.addressModeW = ENUMERATION(VkSamplerAddressMode, address_w),
		.mipLodBias = load_float(fields + PENSTOCK_DMA_BIND_SAMPLER_lod_bias),
		.anisotropyEnable = anisotropy > 0,
		.maxAnisotropy = anisotropy,
		.compareEnable = (flags & SAMPLER_COMPARES) != 0,
		.compareOp = ENUMERATION(VkCompareOp, compare_op),
		.minLod = load_float(fields + PENSTOCK_DMA_BIND_SAMPLER_min_lod),
		.maxLod = load_float(fields + PENSTOCK_DMA_BIND_SAMPLER_max_lod),
		.borderColor = ENUMERATION(VkBorderColor, border_color),
		.unnormalizedCoordinates = (flags & SAMPLER_UNNORMALIZED) != 0,
	};
#undef ENUMERATION
	VkResult result;

	if (!sampler_valid(fields)) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	bound->sampler = VK_NULL_HANDLE;
	result = objects->device->calls.CreateSampler(objects->device->device, &info, NULL,
						      &bound->sampler);
	return outcome_of(
		penstock_objects_add(objects, PENSTOCK_OBJECT_SAMPLER, bound->sampler, result));
}

typedef enum penstock_outcome (*binder)(struct penstock_engine *engine,
					const struct penstock_member *member,
					struct penstock_bound *bound);

static const binder binders[PENSTOCK_DMA_COUNT] = {
	[PENSTOCK_DMA_BIND_BUFFER] = bind_buffer,
	[PENSTOCK_DMA_BIND_BUFFER_WRITE] = bind_buffer,
	[PENSTOCK_DMA_BIND_IMAGE] = bind_image,
	[PENSTOCK_DMA_BIND_SAMPLER] = bind_sampler,
	[PENSTOCK_DMA_BIND_TEXEL_BUFFER] = bind_texels,
	[PENSTOCK_DMA_BIND_TEXEL_BUFFER_WRITE] = bind_texels,
};

_Static_assert((int)PENSTOCK_DMA_BIND_BUFFER_set == (int)PENSTOCK_DMA_BIND_IMAGE_set &&
		       (int)PENSTOCK_DMA_BIND_BUFFER_element ==
			       (int)PENSTOCK_DMA_BIND_IMAGE_element &&
		       (int)PENSTOCK_DMA_BIND_BUFFER_element ==
			       (int)PENSTOCK_DMA_BIND_SAMPLER_element &&
		       (int)PENSTOCK_DMA_BIND_BUFFER_element ==
			       (int)PENSTOCK_DMA_BIND_TEXEL_BUFFER_element &&
		       (int)PENSTOCK_DMA_BIND_BUFFER_address ==
			       (int)PENSTOCK_DMA_BIND_BUFFER_WRITE_address &&
		       (int)PENSTOCK_DMA_BIND_TEXEL_BUFFER_format ==
			       (int)PENSTOCK_DMA_BIND_TEXEL_BUFFER_WRITE_format,
	       "all begin with the same fields");

bool penstock_descriptors_binds(enum penstock_dma_id id)
{
	return binders[id] != NULL;
}

enum penstock_outcome penstock_descriptors_bind(struct penstock_engine *engine,
						const struct penstock_member *member)
{
	struct penstock_bound *bound =
		find_or_add(&engine->vulkan->descriptors,
			    penstock_load32(member->fields + PENSTOCK_DMA_BIND_BUFFER_set),
			    penstock_load32(member->fields + PENSTOCK_DMA_BIND_BUFFER_binding),
			    penstock_load32(member->fields + PENSTOCK_DMA_BIND_BUFFER_element));

	return bound == NULL ? PENSTOCK_OUTCOME_ILLEGAL
			     : binders[member->id](engine, member, bound);
}

/* ---------------------------------------------------------------- sets */

bool penstock_descriptors_fit(const struct penstock_descriptors *descriptors,
			      const struct penstock_vulkan_pipeline *pipeline)
{
	return descriptors->used + pipeline->descriptor_count <= PENSTOCK_VULKAN_DESCRIPTORS &&
	       descriptors->sets_used + pipeline->set_count <= PENSTOCK_VULKAN_SETS;
}

bool penstock_descriptors_empty(struct penstock_descriptors *descriptors,
				const struct penstock_vulkan_device *device)
{
	descriptors->used = descriptors->sets_used = 0;
	return device->calls.ResetDescriptorPool(device->device, device->descriptor_pool, 0) ==
	       VK_SUCCESS;
}

/* Rounded down where a part of a dword would be read whole, past the end. */
static bool fill_buffer(const struct penstock_pipeline_binding *binding,
			const struct penstock_bound *bound, VkDescriptorBufferInfo *ret_info)
{
	bool is_uniform = binding->type == PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER;
	uint64_t size = bound == NULL ? 0 : bound->range.size;

	if (is_uniform) {
		size &= ~(uint64_t)3;
	}
	*ret_info = (VkDescriptorBufferInfo){ .buffer = VK_NULL_HANDLE, .range = VK_WHOLE_SIZE };
	if (size > 0) {
		*ret_info =
			(VkDescriptorBufferInfo){ bound->range.buffer, bound->range.offset, size };
	}
	return !is_uniform || size <= PENSTOCK_LIMIT_UNIFORM_RANGE_BYTES;
}

static bool fill(struct penstock_vulkan *vulkan, const struct penstock_pipeline_binding *binding,
		 uint32_t first)
{
	struct penstock_descriptors *descriptors = &vulkan->descriptors;
	bool good = true;

	for (uint32_t i = 0; i < binding->count; i++) {
		const struct penstock_bound *bound =
			find(descriptors, binding->set, binding->binding, i);
		VkDescriptorImageInfo *image = &descriptors->images[first + i];

		good = fill_buffer(binding, bound, &descriptors->buffers[first + i]) && good;
		descriptors->texels[first + i] = bound == NULL ? VK_NULL_HANDLE : bound->texels;
		*image = (VkDescriptorImageInfo){ .sampler = vulkan->objects.device->sampler,
						  .imageLayout = VK_IMAGE_LAYOUT_GENERAL };
		if (bound != NULL) {
			image->imageView = bound->view;
			if (bound->sampler != VK_NULL_HANDLE) {
				image->sampler = bound->sampler;
			}
		}
	}
	return good;
}

static VkResult make_set(struct penstock_vulkan *vulkan,
			 const struct penstock_vulkan_pipeline *pipeline,
			 const VkDescriptorSetLayout *layout, VkDescriptorSet *ret_set)
{
	const struct penstock_vulkan_device *device = vulkan->objects.device;
	const VkDescriptorSetAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = device->descriptor_pool,
		.descriptorSetCount = 1,
		.pSetLayouts = layout,
	};

	vulkan->descriptors.sets_used++;
	vulkan->descriptors.used += pipeline->descriptor_count;
	return device->calls.AllocateDescriptorSets(device->device, &info, ret_set);
}

enum penstock_outcome penstock_descriptors_make(struct penstock_vulkan *vulkan,
						const struct penstock_vulkan_pipeline *pipeline,
						enum penstock_vulkan_crew crew, uint32_t mask,
						VkDescriptorSet sets[])
{
	struct penstock_descriptors *descriptors = &vulkan->descriptors;
	const struct penstock_vulkan_device *device = vulkan->objects.device;
	const struct penstock_pipeline_binding *bindings =
		penstock_pipeline_bindings(pipeline->blob);
	uint32_t writes = 0;

	for (uint32_t set = 0; set < pipeline->set_count; set++) {
		if ((mask & 1u << set) != 0 &&
		    make_set(vulkan, pipeline, &pipeline->made[crew].sets[set], &sets[set]) !=
			    VK_SUCCESS) {
			return PENSTOCK_OUTCOME_ILLEGAL;
		}
	}
	for (uint32_t i = 0; i < pipeline->blob->binding_count; i++) {
		uint32_t first = pipeline->first[i];

		if ((mask & 1u << bindings[i].set) == 0) {
			continue;
		}
		if (!fill(vulkan, &bindings[i], first)) {
			return PENSTOCK_OUTCOME_ILLEGAL;
		}
		descriptors->writes[writes++] = (VkWriteDescriptorSet){
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.dstSet = sets[bindings[i].set],
			.dstBinding = bindings[i].binding,
			.descriptorCount = bindings[i].count,
			.descriptorType = (VkDescriptorType)bindings[i].type,
			.pBufferInfo = &descriptors->buffers[first],
			.pImageInfo = &descriptors->images[first],
			.pTexelBufferView = &descriptors->texels[first],
		};
	}
	device->calls.UpdateDescriptorSets(device->device, writes, descriptors->writes, 0, NULL);
	return PENSTOCK_OUTCOME_COMPLETED;
}
