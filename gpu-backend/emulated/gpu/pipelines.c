/* SPDX-License-Identifier: MIT */
#include "gpu-backend/emulated/gpu/pipelines.h"

#include "gpu-backend/emulated/gpu/graphics.h"
#include "gpu-backend/emulated/gpu/parts.h"
#include "proto/isa/layout.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER == (int)VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER &&
		       (int)PENSTOCK_DESCRIPTOR_STORAGE_BUFFER ==
			       (int)VK_DESCRIPTOR_TYPE_STORAGE_BUFFER &&
		       (int)PENSTOCK_STAGE_COMPUTE == (int)VK_SHADER_STAGE_COMPUTE_BIT,
	       "Vulkan's numbers");

/* ---------------------------------------------------------------- the table */

void penstock_pipelines_init(struct penstock_pipelines *pipelines)
{
	*pipelines = (struct penstock_pipelines){ .count_most = PENSTOCK_PIPELINES_MOST,
						  .bytes_most = PENSTOCK_PIPELINES_BYTES_MOST };
	for (size_t i = 0; i < PENSTOCK_PIPELINES_BUCKETS; i++) {
		penstock_list_init(&pipelines->buckets[i]);
	}
	penstock_list_init(&pipelines->used);
}

/* The hash is a strong one: any byte of it will do. */
static struct penstock_list *bucket_of(struct penstock_pipelines *pipelines,
				       const struct penstock_pipeline *header)
{
	return &pipelines->buckets[header->hash[0] % PENSTOCK_PIPELINES_BUCKETS];
}

struct penstock_vulkan_pipeline *penstock_pipelines_find(struct penstock_pipelines *pipelines,
							 const struct penstock_pipeline *header)
{
	penstock_list_for_each (link, bucket_of(pipelines, header)) {
		struct penstock_vulkan_pipeline *pipeline =
			penstock_list_entry(link, struct penstock_vulkan_pipeline, bucket_link);

		if (memcmp(pipeline->blob, header, sizeof(*header)) == 0) {
			penstock_list_remove(&pipeline->use_link);
			penstock_list_prepend(&pipelines->used, &pipeline->use_link);
			pipeline->turn = pipelines->turn;
			return pipeline;
		}
	}
	return NULL;
}

void penstock_pipelines_turn(struct penstock_pipelines *pipelines)
{
	pipelines->turn++;
}

static void unmake(struct penstock_vulkan_made *made, const struct penstock_vulkan_device *device)
{
	const struct penstock_vulkan_calls *calls = &device->calls;

	/* Null handles are taken by each call. */
	calls->DestroyPipeline(device->device, made->pipeline, NULL);
	calls->DestroyPipelineLayout(device->device, made->layout, NULL);
	for (size_t i = 0; i < PENSTOCK_LIMIT_DESCRIPTOR_SETS; i++) {
		calls->DestroyDescriptorSetLayout(device->device, made->sets[i], NULL);
	}
	*made = (struct penstock_vulkan_made){ .band_groups = 0 };
}

static void pipeline_free(struct penstock_vulkan_pipeline *pipeline,
			  const struct penstock_vulkan_device *devices)
{
	for (size_t i = 0; i < PENSTOCK_VULKAN_DEVICES; i++) {
		if (pipeline->made[i].sets[0] != VK_NULL_HANDLE ||
		    pipeline->made[i].layout != VK_NULL_HANDLE) {
			unmake(&pipeline->made[i], &devices[i]);
		}
	}
	free(pipeline->blob);
	free(pipeline->first);
	free(pipeline);
}

static void drop(struct penstock_pipelines *pipelines, struct penstock_vulkan_pipeline *pipeline,
		 const struct penstock_vulkan_device *devices)
{
	penstock_list_remove(&pipeline->bucket_link);
	penstock_list_remove(&pipeline->use_link);
	pipelines->count--;
	pipelines->bytes -= pipeline->blob->bytes;
	pipeline_free(pipeline, devices);
}

void penstock_pipelines_fini(struct penstock_pipelines *pipelines,
			     const struct penstock_vulkan_device *devices)
{
	penstock_list_for_each_safe (link, &pipelines->used) {
		drop(pipelines,
		     penstock_list_entry(link, struct penstock_vulkan_pipeline, use_link), devices);
	}
	free(pipelines->scratch);
}

/* ---------------------------------------------------------------- adding */

uint8_t *penstock_pipelines_scratch(struct penstock_pipelines *pipelines, size_t bytes)
{
	if (bytes > pipelines->scratch_bytes) {
		uint8_t *larger = realloc(pipelines->scratch, bytes);

		if (larger == NULL) {
			return NULL;
		}
		pipelines->scratch = larger;
		pipelines->scratch_bytes = bytes;
	}
	return pipelines->scratch;
}

#define MODULE_HEADER_BYTES 20u
#define MODULE_MAGIC        0x07230203u

/* No more than that it is one: modules are validated before they get here. */
static bool is_module(const struct penstock_pipeline *blob,
		      const struct penstock_pipeline_stage *stage)
{
	return stage->spirv_bytes >= MODULE_HEADER_BYTES &&
	       penstock_load32((const uint8_t *)blob + stage->spirv_offset) == MODULE_MAGIC;
}

/* Of a stage; what a driver has beyond them is one place of its tables behind the last. */
struct stage_use {
	uint32_t uniform_buffers, storage_buffers, samplers, sampled, storage_images;
};

static void count_use(const struct penstock_pipeline_binding *binding, struct stage_use *use)
{
	switch (binding->type) {
	case PENSTOCK_DESCRIPTOR_UNIFORM_BUFFER:
		use->uniform_buffers += binding->count;
		break;
	case PENSTOCK_DESCRIPTOR_STORAGE_BUFFER:
		use->storage_buffers += binding->count;
		break;
	case PENSTOCK_DESCRIPTOR_SAMPLER:
		use->samplers += binding->count;
		break;
	case PENSTOCK_DESCRIPTOR_COMBINED_IMAGE_SAMPLER:
		use->samplers += binding->count;
		use->sampled += binding->count;
		break;
	case PENSTOCK_DESCRIPTOR_STORAGE_IMAGE:
	case PENSTOCK_DESCRIPTOR_STORAGE_TEXEL_BUFFER:
		use->storage_images += binding->count;
		break;
	default: /* sampled images, texel buffers, input attachments */
		use->sampled += binding->count;
		break;
	}
}

/* Whether each of its stages takes what is bound. */
static bool bindings_taken(const struct penstock_pipeline *blob, uint32_t stages,
			   const VkPhysicalDeviceLimits *limits)
{
	const struct penstock_pipeline_binding *bindings = penstock_pipeline_bindings(blob);

	for (uint32_t stage = 1; stage <= PENSTOCK_STAGE_COMPUTE; stage <<= 1) {
		struct stage_use use = { 0 };

		for (uint32_t i = 0; i < blob->binding_count; i++) {
			if ((bindings[i].stages & ~stages) != 0) {
				return false;
			}
			if ((bindings[i].stages & stage) != 0) {
				count_use(&bindings[i], &use);
			}
		}
		if (use.uniform_buffers > limits->maxPerStageDescriptorUniformBuffers ||
		    use.storage_buffers > limits->maxPerStageDescriptorStorageBuffers ||
		    use.samplers > limits->maxPerStageDescriptorSamplers ||
		    use.sampled > limits->maxPerStageDescriptorSampledImages ||
		    use.storage_images > limits->maxPerStageDescriptorStorageImages) {
			return false;
		}
	}
	return true;
}

/* Whether the device takes it: whatever is not said here never reaches the driver. */
static bool is_taken(const struct penstock_pipeline *blob, const VkPhysicalDeviceLimits *limits)
{
	const struct penstock_pipeline_stage *stages = penstock_pipeline_stages(blob);
	uint32_t seen = 0;

	for (uint32_t i = 0; i < blob->stage_count; i++) {
		/* One bit, and above those before it. */
		if (stages[i].stage > PENSTOCK_STAGE_COMPUTE || stages[i].stage <= seen ||
		    (stages[i].stage & (stages[i].stage - 1)) != 0 ||
		    !is_module(blob, &stages[i])) {
			return false;
		}
		seen |= stages[i].stage;
	}
	if (blob->kind == PENSTOCK_PIPELINE_COMPUTE ? seen != PENSTOCK_STAGE_COMPUTE
						    : !penstock_graphics_taken(blob, seen)) {
		return false;
	}
	return (blob->push_stages & ~seen) == 0 &&
	       bindings_taken(blob, PENSTOCK_STAGE_COMPUTE | PENSTOCK_GRAPHICS_STAGES, limits) &&
	       blob->push_constant_bytes <= limits->maxPushConstantsSize;
}

static bool number_descriptors(struct penstock_vulkan_pipeline *pipeline)
{
	const struct penstock_pipeline_binding *bindings =
		penstock_pipeline_bindings(pipeline->blob);
	uint32_t count = pipeline->blob->binding_count;

	pipeline->first = calloc(count + 1, sizeof(*pipeline->first));
	if (pipeline->first == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		pipeline->first[i] = pipeline->descriptor_count;
		pipeline->descriptor_count += bindings[i].count;
		pipeline->set_count = bindings[i].set + 1;
	}
	return true;
}

static struct penstock_vulkan_pipeline *pipeline_new(const uint8_t *bytes, size_t size)
{
	struct penstock_vulkan_pipeline *pipeline = calloc(1, sizeof(*pipeline));

	if (pipeline == NULL) {
		return NULL;
	}
	pipeline->blob = malloc(size);
	if (pipeline->blob != NULL) {
		memcpy(pipeline->blob, bytes, size);
	}
	if (pipeline->blob == NULL || !number_descriptors(pipeline)) {
		free(pipeline->blob);
		free(pipeline);
		return NULL;
	}
	return pipeline;
}

struct penstock_vulkan_pipeline *
penstock_pipelines_add(struct penstock_pipelines *pipelines,
		       const struct penstock_vulkan_device *devices, size_t bytes)
{
	struct penstock_vulkan_pipeline *pipeline;

	if (!penstock_pipeline_valid(pipelines->scratch, bytes) ||
	    !is_taken((const struct penstock_pipeline *)(const void *)pipelines->scratch,
		      &devices[PENSTOCK_VULKAN_ALONE].limits)) {
		return NULL;
	}
	pipeline = pipeline_new(pipelines->scratch, bytes);
	if (pipeline == NULL) {
		return NULL;
	}
	while (!penstock_list_empty(&pipelines->used) &&
	       (pipelines->count >= pipelines->count_most ||
		pipelines->bytes + bytes > pipelines->bytes_most)) {
		struct penstock_vulkan_pipeline *last = penstock_list_entry(
			pipelines->used.previous, struct penstock_vulkan_pipeline, use_link);

		if (last->turn == pipelines->turn) {
			break;
		}
		drop(pipelines, last, devices);
	}
	pipeline->turn = pipelines->turn;
	penstock_list_append(bucket_of(pipelines, pipeline->blob), &pipeline->bucket_link);
	penstock_list_prepend(&pipelines->used, &pipeline->use_link);
	pipelines->count++;
	pipelines->bytes += bytes;
	return pipeline;
}

enum penstock_outcome penstock_pipelines_get(struct penstock_engine *engine, uint64_t address,
					     uint32_t bytes, bool add,
					     struct penstock_vulkan_pipeline **ret_pipeline)
{
	struct penstock_vulkan *vulkan = engine->vulkan;
	const uint8_t *from = penstock_engine_range(engine, address, bytes, false);
	struct penstock_pipeline header;
	uint8_t *copy;

	if (from == NULL) {
		return PENSTOCK_OUTCOME_PAGE_FAULT;
	}
	if (bytes < sizeof(header) || bytes > PENSTOCK_PIPELINE_BYTES_MOST) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	memcpy(&header, from, sizeof(header));
	if (header.bytes != bytes) {
		return PENSTOCK_OUTCOME_ILLEGAL;
	}
	*ret_pipeline = penstock_pipelines_find(&vulkan->pipelines, &header);
	if (*ret_pipeline == NULL && add) {
		copy = penstock_pipelines_scratch(&vulkan->pipelines, bytes);
		if (copy != NULL) {
			memcpy(copy, from, bytes);
			*ret_pipeline =
				penstock_pipelines_add(&vulkan->pipelines, vulkan->devices, bytes);
		}
	}
	return *ret_pipeline == NULL ? PENSTOCK_OUTCOME_ILLEGAL : PENSTOCK_OUTCOME_COMPLETED;
}

bool penstock_vulkan_descriptor_number(const struct penstock_vulkan_pipeline *pipeline,
				       uint32_t set, uint32_t binding, uint32_t element,
				       const struct penstock_pipeline_binding **ret_binding,
				       uint32_t *ret_number)
{
	const struct penstock_pipeline_binding *bindings =
		penstock_pipeline_bindings(pipeline->blob);
	uint32_t low = 0, high = pipeline->blob->binding_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (bindings[middle].set < set ||
		    (bindings[middle].set == set && bindings[middle].binding < binding)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low == pipeline->blob->binding_count || bindings[low].set != set ||
	    bindings[low].binding != binding || element >= bindings[low].count) {
		return false;
	}
	*ret_binding = &bindings[low];
	*ret_number = pipeline->first[low] + element;
	return true;
}

/* ---------------------------------------------------------------- making */

/* Sets are numbered without gaps for Vulkan: one that the pipeline does not have is empty. */
static VkResult make_set(const struct penstock_pipeline *blob, uint32_t set,
			 const struct penstock_vulkan_device *device,
			 VkDescriptorSetLayout *ret_set)
{
	const struct penstock_pipeline_binding *bindings = penstock_pipeline_bindings(blob);
	VkDescriptorSetLayoutBinding list[PENSTOCK_LIMIT_DESCRIPTORS];
	VkDescriptorSetLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .pBindings = list
	};

	for (uint32_t i = 0; i < blob->binding_count; i++) {
		if (bindings[i].set == set) {
			list[info.bindingCount++] = (VkDescriptorSetLayoutBinding){
				.binding = bindings[i].binding,
				.descriptorType = (VkDescriptorType)bindings[i].type,
				.descriptorCount = bindings[i].count,
				.stageFlags = bindings[i].stages,
			};
		}
	}
	return device->calls.CreateDescriptorSetLayout(device->device, &info, NULL, ret_set);
}

static VkResult make_layout(const struct penstock_vulkan_pipeline *pipeline,
			    const struct penstock_vulkan_device *device,
			    struct penstock_vulkan_made *made)
{
	const VkPushConstantRange range = { .stageFlags = pipeline->blob->push_stages,
					    .size = pipeline->blob->push_constant_bytes };
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = pipeline->set_count,
		.pSetLayouts = made->sets,
		.pushConstantRangeCount = range.size > 0,
		.pPushConstantRanges = &range,
	};

	for (uint32_t i = 0; i < pipeline->set_count; i++) {
		VkResult result = make_set(pipeline->blob, i, device, &made->sets[i]);

		if (result != VK_SUCCESS) {
			made->sets[i] = VK_NULL_HANDLE;
			return result;
		}
	}
	return device->calls.CreatePipelineLayout(device->device, &info, NULL, &made->layout);
}

static VkResult make_compute(const struct penstock_pipeline *blob,
			     const struct penstock_vulkan_device *device,
			     struct penstock_vulkan_made *made)
{
	const struct penstock_pipeline_stage *stage = penstock_pipeline_stages(blob);
	const uint8_t *bytes = (const uint8_t *)blob;
	const VkShaderModuleCreateInfo module_info = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = stage->spirv_bytes,
		.pCode = (const uint32_t *)(const void *)(bytes + stage->spirv_offset),
	};
	VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT,
		.stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
			   .pName = (const char *)bytes + stage->entry_offset },
		.layout = made->layout,
	};
	VkResult result = device->calls.CreateShaderModule(device->device, &module_info, NULL,
							   &info.stage.module);

	if (result != VK_SUCCESS) {
		return result;
	}
	result = device->calls.CreateComputePipelines(device->device, VK_NULL_HANDLE, 1, &info,
						      NULL, &made->pipeline);
	device->calls.DestroyShaderModule(device->device, info.stage.module, NULL);
	return result;
}

bool penstock_pipelines_make(struct penstock_vulkan_pipeline *pipeline,
			     const struct penstock_vulkan_device *devices,
			     enum penstock_vulkan_crew crew)
{
	struct penstock_vulkan_made *made = &pipeline->made[crew];
	VkResult result;

	if (made->pipeline != VK_NULL_HANDLE) {
		return true;
	}
	result = make_layout(pipeline, &devices[crew], made);
	if (result == VK_SUCCESS) {
		result = pipeline->blob->kind == PENSTOCK_PIPELINE_COMPUTE
				 ? make_compute(pipeline->blob, &devices[crew], made)
				 : penstock_graphics_make(pipeline->blob, &devices[crew],
							  made->layout, &made->pipeline);
	}
	if (result != VK_SUCCESS) {
		made->pipeline = VK_NULL_HANDLE;
		unmake(made, &devices[crew]);
		return false;
	}
	return true;
}
