/* SPDX-License-Identifier: MIT */
/*
 * Where texels are, held against the driver of the emulated GPU: every format that it has, both
 * tilings, extents around what is rounded, chains of levels, layers, cubes, slices and samples. A
 * layout of ours that were smaller than the driver's would let it write behind an image.
 */
#include "config.h"
#include "proto/image/image.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CALLS(X)                                                                                   \
	X(EnumeratePhysicalDevices)                                                                \
	X(GetPhysicalDeviceFormatProperties)                                                       \
	X(GetPhysicalDeviceImageFormatProperties)                                                  \
	X(CreateDevice)                                                                            \
	X(DestroyInstance)                                                                         \
	X(DestroyDevice)                                                                           \
	X(GetDeviceQueue)                                                                          \
	X(AllocateMemory)                                                                          \
	X(FreeMemory)                                                                              \
	X(CreateBuffer)                                                                            \
	X(DestroyBuffer)                                                                           \
	X(BindBufferMemory)                                                                        \
	X(CreateImage)                                                                             \
	X(DestroyImage)                                                                            \
	X(BindImageMemory)                                                                         \
	X(GetImageMemoryRequirements)                                                              \
	X(GetImageSubresourceLayout)                                                               \
	X(CreateCommandPool)                                                                       \
	X(DestroyCommandPool)                                                                      \
	X(ResetCommandPool)                                                                        \
	X(AllocateCommandBuffers)                                                                  \
	X(BeginCommandBuffer)                                                                      \
	X(EndCommandBuffer)                                                                        \
	X(CmdCopyBufferToImage)                                                                    \
	X(CmdClearColorImage)                                                                      \
	X(QueueSubmit)                                                                             \
	X(QueueWaitIdle)

/* Imported from host memory: images in the first half, what is copied to them in the second. */
#define HALF_BYTES (16u << 20)

static struct {
#define CALL(name) PFN_vk##name name;
	CALLS(CALL)
#undef CALL
	VkInstance instance;
	VkPhysicalDevice physical;
	VkDevice device;
	VkQueue queue;
	VkDeviceMemory memory;
	VkBuffer buffer;
	VkCommandPool pool;
	VkCommandBuffer commands;
	uint8_t *host;
} vk;

#define VK(call) ck_assert_int_eq(call, VK_SUCCESS)

/* ---------------------------------------------------------------- the driver */

static void open_instance(void)
{
	const VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
						.apiVersion = VK_API_VERSION_1_3 };
	const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
					    .pApplicationInfo = &application };
	void *library = dlopen(PENSTOCK_VULKAN_DRIVER, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	PFN_vkGetInstanceProcAddr get;
	PFN_vkCreateInstance create;
	uint32_t count = 1;

	ck_assert_msg(library != NULL, "%s", dlerror());
	get = (PFN_vkGetInstanceProcAddr)dlsym(library, "vk_icdGetInstanceProcAddr");
	ck_assert_ptr_nonnull(get);
	create = (PFN_vkCreateInstance)get(VK_NULL_HANDLE, "vkCreateInstance");
	VK(create(&info, NULL, &vk.instance));
#define CALL(name)                                                                                 \
	vk.name = (PFN_vk##name)get(vk.instance, "vk" #name);                                      \
	ck_assert_msg(vk.name != NULL, "no vk" #name);
	CALLS(CALL)
#undef CALL
	ck_assert_int_ge(vk.EnumeratePhysicalDevices(vk.instance, &count, &vk.physical), 0);
	ck_assert_uint_eq(count, 1);
}

static void open_device(void)
{
	static const char *const extensions[] = { VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME };
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
						.queueCount = 1,
						.pQueuePriorities = &priority };
	const VkDeviceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
					  .queueCreateInfoCount = 1,
					  .pQueueCreateInfos = &queue,
					  .enabledExtensionCount = 1,
					  .ppEnabledExtensionNames = extensions };

	VK(vk.CreateDevice(vk.physical, &info, NULL, &vk.device));
	vk.GetDeviceQueue(vk.device, 0, 0, &vk.queue);
}

static void import_memory(void)
{
	const VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
					    .size = HALF_BYTES,
					    .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT };
	VkImportMemoryHostPointerInfoEXT import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	const VkMemoryAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
					    .pNext = &import,
					    .allocationSize = 2 * HALF_BYTES };

	vk.host = mmap(NULL, 2 * HALF_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	ck_assert_ptr_ne(vk.host, MAP_FAILED);
	import.pHostPointer = vk.host;
	VK(vk.AllocateMemory(vk.device, &info, NULL, &vk.memory));
	VK(vk.CreateBuffer(vk.device, &buffer, NULL, &vk.buffer));
	VK(vk.BindBufferMemory(vk.device, vk.buffer, vk.memory, HALF_BYTES));
}

static void open_driver(void)
{
	const VkCommandPoolCreateInfo pool = { .sType =
						       VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO };
	VkCommandBufferAllocateInfo commands = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandBufferCount = 1
	};

	open_instance();
	open_device();
	import_memory();
	VK(vk.CreateCommandPool(vk.device, &pool, NULL, &vk.pool));
	commands.commandPool = vk.pool;
	VK(vk.AllocateCommandBuffers(vk.device, &commands, &vk.commands));
}

static void close_driver(void)
{
	vk.DestroyCommandPool(vk.device, vk.pool, NULL);
	vk.DestroyBuffer(vk.device, vk.buffer, NULL);
	vk.FreeMemory(vk.device, vk.memory, NULL);
	munmap(vk.host, 2 * HALF_BYTES);
	vk.DestroyDevice(vk.device, NULL);
	vk.DestroyInstance(vk.instance, NULL);
}

/* ---------------------------------------------------------------- images */

static VkFormatFeatureFlags features_of(const struct penstock_image *image)
{
	VkFormatProperties properties;

	vk.GetPhysicalDeviceFormatProperties(vk.physical, (VkFormat)image->format, &properties);
	return image->tiling == VK_IMAGE_TILING_LINEAR ? properties.linearTilingFeatures
						       : properties.optimalTilingFeatures;
}

/* Every use that the format has, as the GPU makes them. */
static VkImageUsageFlags usage_of(const struct penstock_image *image)
{
	static const struct {
		VkFormatFeatureFlags feature;
		VkImageUsageFlags usage;
	} uses[] = {
		{ VK_FORMAT_FEATURE_TRANSFER_SRC_BIT, VK_IMAGE_USAGE_TRANSFER_SRC_BIT },
		{ VK_FORMAT_FEATURE_TRANSFER_DST_BIT, VK_IMAGE_USAGE_TRANSFER_DST_BIT },
		{ VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT, VK_IMAGE_USAGE_SAMPLED_BIT },
		{ VK_FORMAT_FEATURE_STORAGE_IMAGE_BIT, VK_IMAGE_USAGE_STORAGE_BIT },
		{ VK_FORMAT_FEATURE_COLOR_ATTACHMENT_BIT, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT },
		{ VK_FORMAT_FEATURE_DEPTH_STENCIL_ATTACHMENT_BIT,
		  VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT },
	};
	VkFormatFeatureFlags have = features_of(image);
	VkImageUsageFlags usage = 0;

	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(uses); i++) {
		usage |= (have & uses[i].feature) != 0 ? uses[i].usage : 0;
	}
	return usage;
}

/* VK_NULL_HANDLE: the driver has no such image. */
static VkImage create(const struct penstock_image *image)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.flags = image->flags,
		.imageType = (VkImageType)image->type,
		.format = (VkFormat)image->format,
		.extent = { image->width, image->height, image->depth },
		.mipLevels = image->levels,
		.arrayLayers = image->layers,
		.samples = (VkSampleCountFlagBits)image->samples,
		.tiling = (VkImageTiling)image->tiling,
		.usage = usage_of(image),
	};
	VkImageFormatProperties most;
	VkImage made = VK_NULL_HANDLE;

	if (info.usage == 0 ||
	    vk.GetPhysicalDeviceImageFormatProperties(vk.physical, info.format, info.imageType,
						      info.tiling, info.usage, info.flags,
						      &most) != VK_SUCCESS ||
	    (most.sampleCounts & image->samples) == 0 || most.maxMipLevels < image->levels ||
	    most.maxArrayLayers < image->layers || most.maxExtent.width < image->width ||
	    most.maxExtent.height < image->height || most.maxExtent.depth < image->depth) {
		return VK_NULL_HANDLE;
	}
	VK(vk.CreateImage(vk.device, &info, NULL, &made));
	return made;
}

static const char *text_of(const struct penstock_image *image)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "%s %uD %ux%ux%u, %u levels, %u layers, %u samples, tiling %u, flags %#x",
		 penstock_texel_format_get(image->format)->name, image->type + 1, image->width,
		 image->height, image->depth, image->levels, image->layers, image->samples,
		 image->tiling, image->flags);
	return text;
}

static void lay_out(const struct penstock_image *image, struct penstock_image_layout *layout)
{
	struct penstock_errbuf error = { .text = "" };

	ck_assert_msg(penstock_image_lay_out(image, layout, &error) == PENSTOCK_STATUS_SUCCESS,
		      "%s: %s", text_of(image), error.text);
}

/* ---------------------------------------------------------------- sizes */

static void compare_levels(const struct penstock_image *image,
			   const struct penstock_image_layout *layout, VkImage made)
{
	VkImageAspectFlags aspect = layout->format->aspects;

	for (uint32_t level = 0; level < image->levels; level++) {
		const struct penstock_image_level *ours = &layout->levels[level];
		const VkImageSubresource first = { .aspectMask = aspect, .mipLevel = level };
		VkSubresourceLayout theirs;

		vk.GetImageSubresourceLayout(vk.device, made, &first, &theirs);
		ck_assert_msg(theirs.offset == ours->offset && theirs.rowPitch == ours->row_bytes,
			      "%s: level %u at %lu with rows of %lu, ours %lu and %u",
			      text_of(image), level, (unsigned long)theirs.offset,
			      (unsigned long)theirs.rowPitch, (unsigned long)ours->offset,
			      ours->row_bytes);
		if (image->type == VK_IMAGE_TYPE_3D) {
			ck_assert_uint_eq(theirs.depthPitch, ours->layer_bytes);
		} else if (image->layers > 1) {
			ck_assert_uint_eq(theirs.arrayPitch, ours->layer_bytes);
		}
	}
}

static unsigned compared;

static void compare(const struct penstock_image *image)
{
	VkImage made = create(image);
	struct penstock_image_layout layout;
	VkMemoryRequirements theirs;

	if (made == VK_NULL_HANDLE) {
		return;
	}
	lay_out(image, &layout);
	vk.GetImageMemoryRequirements(vk.device, made, &theirs);
	ck_assert_msg(layout.bytes == theirs.size, "%s: %lu bytes, ours %lu", text_of(image),
		      (unsigned long)theirs.size, (unsigned long)layout.bytes);
	ck_assert_uint_le(theirs.alignment, PENSTOCK_IMAGE_ALIGNMENT);
	if (image->tiling == VK_IMAGE_TILING_LINEAR) {
		compare_levels(image, &layout, made);
	}
	vk.DestroyImage(vk.device, made, NULL);
	compared++;
}

static uint32_t chain_of(uint32_t width, uint32_t height, uint32_t depth)
{
	return 32u - (uint32_t)__builtin_clz(width | height | depth);
}

/* With and without its whole chain. */
static void compare_chains(struct penstock_image image)
{
	image.levels = 1;
	compare(&image);
	image.levels = chain_of(image.width, image.height, image.depth);
	compare(&image);
}

static const uint32_t extents[] = { 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 63, 64, 65, 100, 257 };

static void compare_extents(const struct penstock_image *of, uint32_t width)
{
	for (size_t h = 0; h < PENSTOCK_ARRAY_SIZE(extents); h++) {
		struct penstock_image image = *of;
		static const uint32_t layers[] = { 1, 2, 7 };

		image.width = width;
		image.height = image.type == VK_IMAGE_TYPE_1D ? 1 : extents[h];
		image.depth = image.type == VK_IMAGE_TYPE_3D ? extents[h] % 9 + 1 : 1;
		for (size_t l = 0; l < PENSTOCK_ARRAY_SIZE(layers); l++) {
			image.layers = image.type == VK_IMAGE_TYPE_3D ? 1 : layers[l];
			compare_chains(image);
		}
		if (image.type == VK_IMAGE_TYPE_2D && image.tiling == VK_IMAGE_TILING_OPTIMAL) {
			image.levels = 1;
			image.samples = 4;
			compare(&image);
		}
	}
}

/* Every type of images of the format, in one tiling. */
static void compare_format(uint32_t format, uint32_t tiling)
{
	struct penstock_image image = {
		.format = format, .levels = 1, .layers = 1, .samples = 1, .tiling = tiling
	};

	for (image.type = VK_IMAGE_TYPE_1D; image.type <= VK_IMAGE_TYPE_3D; image.type++) {
		for (size_t w = 0; w < PENSTOCK_ARRAY_SIZE(extents); w++) {
			compare_extents(&image, extents[w]);
		}
	}
	image.type = VK_IMAGE_TYPE_2D;
	image.depth = 1;
	image.flags = VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT;
	for (size_t w = 0; w < PENSTOCK_ARRAY_SIZE(extents); w++) {
		for (image.layers = 6; image.layers <= 13; image.layers++) {
			image.width = image.height = extents[w];
			compare_chains(image);
		}
	}
	image = (struct penstock_image){ .flags = VK_IMAGE_CREATE_2D_ARRAY_COMPATIBLE_BIT |
						  VK_IMAGE_CREATE_MUTABLE_FORMAT_BIT,
					 .type = VK_IMAGE_TYPE_3D,
					 .format = format,
					 .width = 33,
					 .height = 17,
					 .depth = 9,
					 .layers = 1,
					 .samples = 1,
					 .tiling = tiling };
	compare_chains(image);
}

#define FORMATS_A_TEST 16

START_TEST(image_sizes_are_the_drivers_for_every_format)
{
	const uint32_t first = (uint32_t)_i * FORMATS_A_TEST;

	open_driver();
	compared = 0;
	for (uint32_t id = first; id < first + FORMATS_A_TEST && id < PENSTOCK_TEXEL_FORMATS;
	     id++) {
		const struct penstock_texel_format *format = penstock_texel_format_at(id);

		compare_format(format->number, VK_IMAGE_TILING_OPTIMAL);
		compare_format(format->number, VK_IMAGE_TILING_LINEAR);
	}
	/* ETC2, which the driver may lack, fills no sixteen of them */
	ck_assert_uint_gt(compared, 0);
	close_driver();
}
END_TEST

START_TEST(large_images_are_as_large_as_the_drivers)
{
	static const struct penstock_image large[] = {
		{ 0, VK_IMAGE_TYPE_1D, VK_FORMAT_R8G8B8A8_UNORM, 16384, 1, 1, 15, 2048, 1, 0 },
		{ 0, VK_IMAGE_TYPE_2D, VK_FORMAT_R8_UNORM, 16384, 16384, 1, 15, 1, 1, 0 },
		{ 0, VK_IMAGE_TYPE_2D, VK_FORMAT_R8_UNORM, 16383, 1025, 1, 14, 7, 1, 1 },
		{ 0, VK_IMAGE_TYPE_2D, VK_FORMAT_BC1_RGBA_UNORM_BLOCK, 8191, 1023, 1, 13, 3, 1, 0 },
		{ 0, VK_IMAGE_TYPE_2D, VK_FORMAT_D32_SFLOAT_S8_UINT, 4095, 2161, 1, 1, 2, 4, 0 },
		{ 0, VK_IMAGE_TYPE_3D, VK_FORMAT_R8_UNORM, 2048, 513, 259, 12, 1, 1, 0 },
	};

	open_driver();
	compared = 0;
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(large); i++) {
		compare(&large[i]);
		ck_assert_msg(compared == i + 1, "%s: the driver has none", text_of(&large[i]));
	}
	close_driver();
}
END_TEST

/* ---------------------------------------------------------------- places */

static VkImage place(const struct penstock_image *image, struct penstock_image_layout *layout)
{
	VkImage made = create(image);

	ck_assert_msg(made != VK_NULL_HANDLE, "%s", text_of(image));
	lay_out(image, layout);
	ck_assert_uint_le(layout->bytes, HALF_BYTES);
	memset(vk.host, 0, HALF_BYTES);
	VK(vk.BindImageMemory(vk.device, made, vk.memory, 0));
	return made;
}

static void begin(void)
{
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO
	};

	VK(vk.ResetCommandPool(vk.device, vk.pool, 0));
	VK(vk.BeginCommandBuffer(vk.commands, &info));
}

static void execute(void)
{
	const VkSubmitInfo info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
				    .commandBufferCount = 1,
				    .pCommandBuffers = &vk.commands };

	VK(vk.EndCommandBuffer(vk.commands));
	VK(vk.QueueSubmit(vk.queue, 1, &info, VK_NULL_HANDLE));
	VK(vk.QueueWaitIdle(vk.queue));
}

static uint32_t blocks(uint32_t texels, uint32_t block)
{
	return (texels + block - 1) / block;
}

/* Each level's layers, or slices, one behind the other, tight, out of the buffer. */
static void copy_all(const struct penstock_image *image, const struct penstock_image_layout *layout,
		     VkImage made)
{
	uint64_t offset = 0;

	begin();
	for (uint32_t level = 0; level < image->levels; level++) {
		const struct penstock_image_level *at = &layout->levels[level];
		const VkBufferImageCopy region = {
			.bufferOffset = offset,
			.imageSubresource = { .aspectMask = layout->format->aspects,
					      .mipLevel = level,
					      .layerCount = image->layers },
			.imageExtent = { at->width, at->height, at->depth },
		};

		vk.CmdCopyBufferToImage(vk.commands, vk.buffer, made, VK_IMAGE_LAYOUT_GENERAL, 1,
					&region);
		offset += (uint64_t)blocks(at->width, layout->format->block_width) *
			  blocks(at->height, layout->format->block_height) *
			  layout->format->block_bytes * at->depth * image->layers;
	}
	execute();
}

/* Whether each row of blocks of the image is where the layout says that it is. */
static void find_all(const struct penstock_image *image, const struct penstock_image_layout *layout)
{
	const uint8_t *next = vk.host + HALF_BYTES;

	for (uint32_t level = 0; level < image->levels; level++) {
		const struct penstock_image_level *at = &layout->levels[level];
		uint32_t rows = blocks(at->height, layout->format->block_height);
		size_t row_bytes = (size_t)blocks(at->width, layout->format->block_width) *
				   layout->format->block_bytes;

		for (uint32_t row = 0; row < rows * at->depth * image->layers; row++) {
			const uint8_t *ours = vk.host + at->offset + row / rows * at->layer_bytes +
					      (uint64_t)(row % rows) * at->row_bytes;

			ck_assert_msg(memcmp(ours, next, row_bytes) == 0, "%s: level %u, row %u",
				      text_of(image), level, row);
			next += row_bytes;
		}
	}
}

START_TEST(optimal_images_have_their_texels_where_the_layout_says)
{
	static const uint32_t formats[] = {
		VK_FORMAT_R8_UINT,           VK_FORMAT_R16G16_UINT,
		VK_FORMAT_R8G8B8A8_UNORM,    VK_FORMAT_B8G8R8A8_UNORM,
		VK_FORMAT_R16G16B16A16_UINT, VK_FORMAT_R32G32B32A32_UINT,
		VK_FORMAT_D16_UNORM,         VK_FORMAT_D32_SFLOAT,
		VK_FORMAT_S8_UINT,           VK_FORMAT_BC1_RGBA_UNORM_BLOCK,
		VK_FORMAT_BC7_UNORM_BLOCK,   VK_FORMAT_ETC2_R8G8B8A8_UNORM_BLOCK,
	};
	struct penstock_image images[] = {
		{ 0, VK_IMAGE_TYPE_1D, 0, 37, 1, 1, 6, 3, 1, 0 },
		{ 0, VK_IMAGE_TYPE_2D, 0, 5, 3, 1, 1, 1, 1, 0 },
		{ 0, VK_IMAGE_TYPE_2D, 0, 65, 33, 1, 7, 3, 1, 0 },
		{ VK_IMAGE_CREATE_CUBE_COMPATIBLE_BIT, VK_IMAGE_TYPE_2D, 0, 20, 20, 1, 5, 12, 1,
		  0 },
		{ 0, VK_IMAGE_TYPE_3D, 0, 20, 12, 9, 5, 1, 1, 0 },
	};

	open_driver();
	for (uint32_t i = 0; i < HALF_BYTES; i++) {
		vk.host[HALF_BYTES + i] = (uint8_t)(i * 2654435761u >> 24 | 1);
	}
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(images); i++) {
		struct penstock_image_layout layout;
		VkImage made;

		images[i].format = formats[_i];
		/* of one dimension, or of three, are colours that are not compressed */
		if (usage_of(&images[i]) == 0 ||
		    (images[i].type != VK_IMAGE_TYPE_2D && formats[_i] >= VK_FORMAT_D16_UNORM)) {
			continue;
		}
		made = place(&images[i], &layout);
		copy_all(&images[i], &layout, made);
		find_all(&images[i], &layout);
		vk.DestroyImage(vk.device, made, NULL);
	}
	close_driver();
}
END_TEST

START_TEST(samples_follow_each_other_by_the_size_of_all_layers)
{
	const struct penstock_image image = {
		0, VK_IMAGE_TYPE_2D, VK_FORMAT_R8G8B8A8_UINT, 21, 11, 1, 1, 3, 4, 0
	};
	const VkClearColorValue color = { .uint32 = { 1, 2, 3, 4 } };
	const VkImageSubresourceRange second = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 1, 1 };
	struct penstock_image_layout layout;
	VkImage made;

	open_driver();
	made = place(&image, &layout);
	begin();
	vk.CmdClearColorImage(vk.commands, made, VK_IMAGE_LAYOUT_GENERAL, &color, 1, &second);
	execute();
	for (uint32_t sample = 0; sample < image.samples; sample++) {
		for (uint32_t layer = 0; layer < image.layers; layer++) {
			const uint8_t *texel = vk.host + sample * layout.sample_bytes +
					       layer * layout.levels[0].layer_bytes +
					       10 * layout.levels[0].row_bytes + 20 * 4;
			uint32_t word;

			memcpy(&word, texel, sizeof(word));
			ck_assert_uint_eq(word, layer == 1 ? 0x04030201u : 0);
		}
	}
	vk.DestroyImage(vk.device, made, NULL);
	close_driver();
}
END_TEST

/* ---------------------------------------------------------------- main */

int main(void)
{
	Suite *suite = suite_create("image layout");
	TCase *sizes = tcase_create("sizes");
	TCase *places = tcase_create("places");

	tcase_set_timeout(sizes, 120);
	tcase_add_loop_test(sizes, image_sizes_are_the_drivers_for_every_format, 0,
			    (PENSTOCK_TEXEL_FORMATS + FORMATS_A_TEST - 1) / FORMATS_A_TEST);
	tcase_add_test(sizes, large_images_are_as_large_as_the_drivers);
	suite_add_tcase(suite, sizes);
	tcase_set_timeout(places, 120);
	tcase_add_loop_test(places, optimal_images_have_their_texels_where_the_layout_says, 0, 12);
	tcase_add_test(places, samples_follow_each_other_by_the_size_of_all_layers);
	suite_add_tcase(suite, places);
	return penstock_test_main(suite);
}
