/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/describer.h"

#include "gpu-backend/emulated/gpu/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS(X)                                                                                   \
	X(EnumeratePhysicalDevices)                                                                \
	X(EnumerateDeviceExtensionProperties)                                                      \
	X(GetPhysicalDeviceProperties2)                                                            \
	X(GetPhysicalDeviceFeatures2)                                                              \
	X(GetPhysicalDeviceFormatProperties2)                                                      \
	X(GetPhysicalDeviceMemoryProperties)

#define EXTENSIONS_MAX 256u

struct penstock_describer {
	void *driver;
	VkInstance instance;
	VkPhysicalDevice physical;
#define CALL(name) PFN_vk##name name;
	CALLS(CALL)
#undef CALL
};

/* ---------------------------------------------------------------- opening */

static enum penstock_status create_instance(struct penstock_describer *describer,
					    PFN_vkGetInstanceProcAddr get,
					    struct penstock_errbuf *reterr_text)
{
	enum penstock_status status =
		penstock_vulkan_create_instance(get, &describer->instance, reterr_text);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
#define CALL(name)                                                                                 \
	describer->name = (PFN_vk##name)get(describer->instance, "vk" #name);                      \
	if (describer->name == NULL) {                                                             \
		return penstock_vulkan_lacks("vk" #name, reterr_text);                             \
	}
	CALLS(CALL)
#undef CALL
	return PENSTOCK_STATUS_SUCCESS;
}

static bool has_extension(const VkExtensionProperties *extensions, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(extensions[i].extensionName, name) == 0) {
			return true;
		}
	}
	return false;
}

/* What a GPU process needs of it and no client sees (device.c). */
static enum penstock_status check_device(const struct penstock_describer *describer,
					 struct penstock_errbuf *reterr_text)
{
	VkExtensionProperties extensions[EXTENSIONS_MAX];
	VkPhysicalDeviceRobustness2FeaturesEXT robustness = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT
	};
	VkPhysicalDeviceFeatures2 features = { .sType =
						       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
					       .pNext = &robustness };
	uint32_t count = EXTENSIONS_MAX;
	VkResult result = describer->EnumerateDeviceExtensionProperties(describer->physical, NULL,
									&count, extensions);

	if (result != VK_SUCCESS && result != VK_INCOMPLETE) {
		return penstock_vulkan_lacks("extensions", reterr_text);
	}
	for (size_t i = 0; i < PENSTOCK_VULKAN_EXTENSIONS; i++) {
		if (!has_extension(extensions, count, penstock_vulkan_extensions[i])) {
			return penstock_vulkan_lacks(penstock_vulkan_extensions[i], reterr_text);
		}
	}
	describer->GetPhysicalDeviceFeatures2(describer->physical, &features);
	return robustness.nullDescriptor ? PENSTOCK_STATUS_SUCCESS
					 : penstock_vulkan_lacks("null descriptors", reterr_text);
}

enum penstock_status penstock_describer_open(struct penstock_describer **ret_describer,
					     struct penstock_errbuf *reterr_text)
{
	struct penstock_describer *describer = calloc(1, sizeof(*describer));
	enum penstock_status status = PENSTOCK_STATUS_NOT_SUPPORTED;
	PFN_vkGetInstanceProcAddr get;
	uint32_t count = 1;

	if (describer == NULL) {
		penstock_errbuf_set(reterr_text, "out of memory");
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	penstock_vulkan_set_threads(PENSTOCK_VULKAN_ALONE);
	get = penstock_vulkan_open_driver(&describer->driver, reterr_text);
	if (get != NULL) {
		status = create_instance(describer, get, reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS &&
	    (describer->EnumeratePhysicalDevices(describer->instance, &count,
						 &describer->physical) < 0 ||
	     count == 0)) {
		status = penstock_vulkan_lacks("device", reterr_text);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = check_device(describer, reterr_text);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(describer); /* the process ends: what is open goes with it */
		return status;
	}
	*ret_describer = describer;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- asking */

/* All that is asked of a device, under the names that facts.def has for it. */
struct answers {
	VkPhysicalDeviceProperties2 properties2;
	VkPhysicalDeviceVulkan11Properties properties11;
	VkPhysicalDeviceVulkan12Properties properties12;
	VkPhysicalDeviceVulkan13Properties properties13;
	VkPhysicalDeviceFeatures2 features2;
	VkPhysicalDeviceVulkan11Features features11;
	VkPhysicalDeviceVulkan12Features features12;
	VkPhysicalDeviceVulkan13Features features13;
};

static void ask(const struct penstock_describer *describer, struct answers *answers)
{
	*answers = (struct answers){
		.properties2 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
				 .pNext = &answers->properties11 },
		.properties11 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
				  .pNext = &answers->properties12 },
		.properties12 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES,
				  .pNext = &answers->properties13 },
		.properties13 = { .sType =
					  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES },
		.features2 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
			       .pNext = &answers->features11 },
		.features11 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
				.pNext = &answers->features12 },
		.features12 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
				.pNext = &answers->features13 },
		.features13 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES },
	};
	describer->GetPhysicalDeviceProperties2(describer->physical, &answers->properties2);
	describer->GetPhysicalDeviceFeatures2(describer->physical, &answers->features2);
}

/* Values of a field of any type as words: what is signed keeps its sign, a single its bits. */
static void take(uint64_t *ret_words, const void *values, size_t count, size_t value_bytes,
		 enum penstock_fact_kind kind)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *value = (const uint8_t *)values + i * value_bytes;

		ret_words[i] = 0;
		memcpy(&ret_words[i], value, value_bytes);
		if (kind == PENSTOCK_FACT_SIGNED) {
			ret_words[i] = (uint64_t)(int64_t)(int32_t)(uint32_t)ret_words[i];
		}
	}
}

static void take_values(const struct answers *answers, struct penstock_fact_values *ret_values)
{
	const VkPhysicalDeviceProperties *properties = &answers->properties2.properties;
	const VkPhysicalDeviceLimits *limits = &properties->limits;
	const VkPhysicalDeviceFeatures *features = &answers->features2.features;
	const VkPhysicalDeviceVulkan11Properties *properties11 = &answers->properties11;
	const VkPhysicalDeviceVulkan12Properties *properties12 = &answers->properties12;
	const VkPhysicalDeviceVulkan13Properties *properties13 = &answers->properties13;
	const VkPhysicalDeviceVulkan11Features *features11 = &answers->features11;
	const VkPhysicalDeviceVulkan12Features *features12 = &answers->features12;
	const VkPhysicalDeviceVulkan13Features *features13 = &answers->features13;

#define FACT(structure, field, kind, count)                                                        \
	_Static_assert(sizeof(structure->field) <= (count) * sizeof(uint64_t),                     \
		       "values are words");                                                        \
	take(ret_values->structure##_##field, &structure->field, count,                            \
	     sizeof(structure->field) / (count), PENSTOCK_FACT_##kind);
#include "proto/adapter/facts.def"
#undef FACT
}

static void take_memory(const struct penstock_describer *describer,
			struct penstock_adapter_facts *ret_facts)
{
	VkPhysicalDeviceMemoryProperties memory;

	describer->GetPhysicalDeviceMemoryProperties(describer->physical, &memory);
	ret_facts->memory_type_count = memory.memoryTypeCount;
	ret_facts->memory_heap_count = memory.memoryHeapCount;
	for (uint32_t i = 0; i < memory.memoryTypeCount; i++) {
		ret_facts->memory_types[i] = (struct penstock_memory_type){
			.flags = memory.memoryTypes[i].propertyFlags,
			.heap = memory.memoryTypes[i].heapIndex,
		};
	}
	for (uint32_t i = 0; i < memory.memoryHeapCount; i++) {
		ret_facts->memory_heaps[i] = memory.memoryHeaps[i].size;
	}
}

static void take_formats(const struct penstock_describer *describer,
			 struct penstock_format_features *ret_formats)
{
	for (uint32_t id = 0; id < PENSTOCK_TEXEL_FORMATS; id++) {
		VkFormatProperties3 features = { .sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_3 };
		VkFormatProperties2 properties = { .sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
						   .pNext = &features };

		describer->GetPhysicalDeviceFormatProperties2(
			describer->physical, (VkFormat)penstock_texel_format_at(id)->number,
			&properties);
		ret_formats[id] = (struct penstock_format_features){
			.linear = features.linearTilingFeatures,
			.optimal = features.optimalTilingFeatures,
			.buffer = features.bufferFeatures,
		};
	}
}

static void take_text(char ret_text[PENSTOCK_FACTS_TEXT_BYTES], const char *text)
{
	snprintf(ret_text, PENSTOCK_FACTS_TEXT_BYTES, "%s", text);
}

void penstock_describer_ask(const struct penstock_describer *describer,
			    struct penstock_adapter_facts *ret_facts)
{
	struct answers answers;

	ask(describer, &answers);
	take_text(ret_facts->device_name, answers.properties2.properties.deviceName);
	take_text(ret_facts->driver_name, answers.properties12.driverName);
	take_text(ret_facts->driver_info, answers.properties12.driverInfo);
	take_values(&answers, &ret_facts->values);
	take_memory(describer, ret_facts);
	take_formats(describer, ret_facts->formats);
}
