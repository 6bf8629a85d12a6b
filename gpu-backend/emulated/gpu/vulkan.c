/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/emulated/gpu/vulkan.h"

#include "gpu-backend/emulated/gpu/driver.h"
#include "gpu-backend/emulated/gpu/parts.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a driver offers to a loader; version 5 is what it negotiates for Vulkan 1.1 and later. */
#define INTERFACE_VERSION 5u

/* Engines look at the preemption flag at least so often. */
#define BAND_NS           1000000u
#define FIRST_BAND_GROUPS 64u

/* A part of a render scope costs more to begin than a band of a dispatch does, and one of a
 * transfer.
 */
#define PART_NS           4000000u
#define FIRST_PART_DRAWS  32u
#define FIRST_PART_TEXELS (1u << 20)

#define COPY_BYTES_LEAST (64u << 10)

typedef VkResult (*negotiate_version)(uint32_t *version);

static uint32_t processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
}

/* What is found by name in a library is a function, which C cannot say of a void pointer. */
static PFN_vkVoidFunction function_of(void *driver, const char *name)
{
	union {
		void *symbol;
		PFN_vkVoidFunction function;
	} found = { .symbol = dlsym(driver, name) };

	return found.function;
}

/* No files of anybody's, and no other rasterizer than this. */
static void set_environment(void)
{
	setenv("MESA_SHADER_CACHE_DISABLE", "true", 1);
	setenv("GALLIUM_DRIVER", "llvmpipe", 1);
}

/* The driver counts threads when it makes an instance. */
void penstock_vulkan_set_threads(enum penstock_vulkan_crew crew)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", crew == PENSTOCK_VULKAN_ALONE ? 0 : processors());
	setenv("LP_NUM_THREADS", text, 1);
}

PFN_vkGetInstanceProcAddr penstock_vulkan_open_driver(void **ret_driver,
						      struct penstock_errbuf *reterr_text)
{
	void *driver;
	uint32_t version = INTERFACE_VERSION;
	negotiate_version negotiate;
	PFN_vkGetInstanceProcAddr get;

	set_environment();
	/* Once loaded it stays: its compiler is not made to be taken down. */
	driver = dlopen(PENSTOCK_VULKAN_DRIVER, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (driver == NULL) {
		penstock_errbuf_set(reterr_text, "%s", dlerror());
		return NULL;
	}
	negotiate =
		(negotiate_version)function_of(driver, "vk_icdNegotiateLoaderICDInterfaceVersion");
	get = (PFN_vkGetInstanceProcAddr)function_of(driver, "vk_icdGetInstanceProcAddr");
	if (negotiate == NULL || get == NULL || negotiate(&version) != VK_SUCCESS) {
		penstock_errbuf_set(reterr_text, "%s is no Vulkan driver", PENSTOCK_VULKAN_DRIVER);
		dlclose(driver);
		return NULL;
	}
	*ret_driver = driver;
	return get;
}

const char *const penstock_vulkan_extensions[PENSTOCK_VULKAN_EXTENSIONS] = {
	VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME,
	VK_EXT_ROBUSTNESS_2_EXTENSION_NAME,
	VK_EXT_INDEX_TYPE_UINT8_EXTENSION_NAME,
};

enum penstock_status penstock_vulkan_lacks(const char *what, struct penstock_errbuf *reterr_text)
{
	penstock_errbuf_set(reterr_text, "the Vulkan driver has no %s", what);
	return PENSTOCK_STATUS_NOT_SUPPORTED;
}

enum penstock_status penstock_vulkan_failed(const char *call, VkResult result,
					    struct penstock_errbuf *reterr_text)
{
	penstock_errbuf_set(reterr_text, "%s of the Vulkan driver: result %d", call, (int)result);
	return result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY
		       ? PENSTOCK_STATUS_NO_MEMORY
		       : PENSTOCK_STATUS_NOT_SUPPORTED;
}

enum penstock_status penstock_vulkan_create_instance(PFN_vkGetInstanceProcAddr get,
						     VkInstance *ret_instance,
						     struct penstock_errbuf *reterr_text)
{
	const VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
						.pApplicationName = "penstock-gpu",
						.apiVersion = VK_API_VERSION_1_3 };
	const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
					    .pApplicationInfo = &application };
	PFN_vkCreateInstance create = (PFN_vkCreateInstance)get(VK_NULL_HANDLE, "vkCreateInstance");
	VkResult result;

	if (create == NULL) {
		return penstock_vulkan_lacks("vkCreateInstance", reterr_text);
	}
	result = create(&info, NULL, ret_instance);
	if (result != VK_SUCCESS) {
		*ret_instance = VK_NULL_HANDLE;
		return penstock_vulkan_failed("vkCreateInstance", result, reterr_text);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* With one processor there is no second device: its threads would only be in each other's way. */
static enum penstock_status create_devices(struct penstock_vulkan *vulkan,
					   PFN_vkGetInstanceProcAddr get,
					   struct penstock_errbuf *reterr_text)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	vulkan->device_count = processors() > 1 ? PENSTOCK_VULKAN_DEVICES : 1;
	for (unsigned i = 0; status == PENSTOCK_STATUS_SUCCESS && i < vulkan->device_count; i++) {
		penstock_vulkan_set_threads((enum penstock_vulkan_crew)i);
		status = penstock_vulkan_device_create(&vulkan->devices[i], get, vulkan->mmu,
						       reterr_text);
	}
	return status;
}

enum penstock_status penstock_vulkan_open(const struct penstock_mmu *mmu,
					  struct penstock_vulkan **ret_vulkan,
					  struct penstock_errbuf *reterr_text)
{
	struct penstock_vulkan *vulkan = calloc(1, sizeof(*vulkan));
	enum penstock_status status = PENSTOCK_STATUS_NOT_SUPPORTED;
	PFN_vkGetInstanceProcAddr get;

	if (vulkan == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	vulkan->mmu = mmu;
	vulkan->may_look = processors() > 1;
	vulkan->band_ns = BAND_NS;
	vulkan->first_band_groups = FIRST_BAND_GROUPS;
	vulkan->part_ns = PART_NS;
	vulkan->part_draws = FIRST_PART_DRAWS;
	vulkan->first_part_texels = FIRST_PART_TEXELS;
	penstock_pipelines_init(&vulkan->pipelines);
	get = penstock_vulkan_open_driver(&vulkan->driver, reterr_text);
	if (get != NULL) {
		status = create_devices(vulkan, get, reterr_text);
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_vulkan_close(vulkan);
		return status;
	}
	vulkan->watch.mmu = mmu;
	penstock_guard_set_watch(&vulkan->watch);
	*ret_vulkan = vulkan;
	return PENSTOCK_STATUS_SUCCESS;
}

void penstock_vulkan_close(struct penstock_vulkan *vulkan)
{
	if (vulkan == NULL) {
		return;
	}
	/* Threads that stand still hold what would have to be taken down, and the record of it. */
	if (penstock_guard_watch_touched(&vulkan->watch)) {
		return;
	}
	penstock_guard_set_watch(NULL);
	penstock_objects_fini(&vulkan->objects);
	penstock_descriptors_fini(&vulkan->descriptors);
	penstock_pipelines_fini(&vulkan->pipelines, vulkan->devices);
	for (unsigned i = 0; i < PENSTOCK_VULKAN_DEVICES; i++) {
		penstock_vulkan_device_destroy(&vulkan->devices[i]);
	}
	if (vulkan->driver != NULL) {
		dlclose(vulkan->driver);
	}
	free(vulkan->copy);
	penstock_scope_free(vulkan->scope);
	free(vulkan);
}

uint8_t *penstock_vulkan_copy(struct penstock_vulkan *vulkan, size_t used, const uint8_t *bytes,
			      size_t length)
{
	size_t needed = used + length;

	if (needed > vulkan->copy_bytes) {
		size_t size = needed < COPY_BYTES_LEAST ? COPY_BYTES_LEAST : needed;
		uint8_t *larger = realloc(vulkan->copy, size);

		if (larger == NULL) {
			return NULL;
		}
		vulkan->copy = larger;
		vulkan->copy_bytes = size;
	}
	memcpy(vulkan->copy + used, bytes, length);
	return vulkan->copy + used;
}
