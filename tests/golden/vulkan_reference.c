/* SPDX-License-Identifier: MIT */
#include "tests/golden/vulkan_device.h"

#include "config.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define SETS     8u
#define BINDINGS 16u

/* ---------------------------------------------------------------- the device */

static void create_instance(struct vulkan_reference *reference)
{
	const VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
						.apiVersion = VK_API_VERSION_1_3 };
	const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
					    .pApplicationInfo = &application };
	PFN_vkGetInstanceProcAddr get;
	PFN_vkCreateInstance create;
	uint32_t count = 1;

	reference->library = dlopen(PENSTOCK_VULKAN_DRIVER, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(reference->library != NULL, "%s", dlerror());
	get = (PFN_vkGetInstanceProcAddr)dlsym(reference->library, "vk_icdGetInstanceProcAddr");
	ck_assert_msg(get != NULL, "%s", dlerror());
	create = (PFN_vkCreateInstance)get(VK_NULL_HANDLE, "vkCreateInstance");
	ck_assert_msg(create != NULL, "no vkCreateInstance");
	VK(create(&info, NULL, &reference->instance));
#define LOAD(name)                                                                                 \
	reference->name = (PFN_vk##name)get(reference->instance, "vk" #name);                      \
	ck_assert_msg(reference->name != NULL, "no vk" #name);
	INSTANCE_CALLS(LOAD)
#undef LOAD
	ck_assert_int_ge(reference->EnumeratePhysicalDevices(reference->instance, &count,
							     &reference->physical),
			 0);
	ck_assert_uint_eq(count, 1);
}

static void create_device(struct vulkan_reference *reference)
{
	VkPhysicalDeviceIndexTypeUint8FeaturesEXT bytes_as_indices = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_INDEX_TYPE_UINT8_FEATURES_EXT
	};
	VkPhysicalDeviceVulkan13Features v13 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
		.pNext = &bytes_as_indices
	};
	VkPhysicalDeviceVulkan12Features v12 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &v13
	};
	VkPhysicalDeviceVulkan11Features v11 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, .pNext = &v12
	};
	VkPhysicalDeviceFeatures2 core = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
					   .pNext = &v11 };
	const float priority = 1;
	const VkDeviceQueueCreateInfo queue = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
						.queueCount = 1,
						.pQueuePriorities = &priority };
	static const char *const extensions[] = { VK_EXT_INDEX_TYPE_UINT8_EXTENSION_NAME };
	const VkDeviceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
					  .pNext = &core,
					  .queueCreateInfoCount = 1,
					  .pQueueCreateInfos = &queue,
					  .enabledExtensionCount = 1,
					  .ppEnabledExtensionNames = extensions };

	reference->GetPhysicalDeviceFeatures2(reference->physical, &core);
	VK(reference->CreateDevice(reference->physical, &info, NULL, &reference->device));
#define LOAD(name)                                                                                 \
	reference->name =                                                                          \
		(PFN_vk##name)reference->GetDeviceProcAddr(reference->device, "vk" #name);         \
	ck_assert_msg(reference->name != NULL, "no vk" #name);
	DEVICE_CALLS(LOAD)
#undef LOAD
	reference->GetDeviceQueue(reference->device, 0, 0, &reference->queue);
}

struct vulkan_reference *vulkan_reference_new(void)
{
	struct vulkan_reference *reference = calloc(1, sizeof(*reference));

	ck_assert_ptr_nonnull(reference);
	create_instance(reference);
	create_device(reference);
	return reference;
}

/* The driver's library stays: not all of it can be unloaded. */
void vulkan_reference_free(struct vulkan_reference *reference)
{
	if (reference == NULL) {
		return;
	}
	reference->DestroyDevice(reference->device, NULL);
	reference->DestroyInstance(reference->instance, NULL);
	free(reference);
}

/* ---------------------------------------------------------------- memory */

/* A program on its way. */
struct run {
	struct vulkan_reference *vk;
	const struct compute_case *program;
	VkCommandPool commands;
	VkCommandBuffer command;
	VkDescriptorPool descriptors;
	VkBuffer buffers[COMPUTE_MEMORIES];
	VkDeviceMemory memories[COMPUTE_MEMORIES];
	void *mapped[COMPUTE_MEMORIES];
	struct {
		VkDescriptorSetLayout sets[SETS];
		VkPipelineLayout layout;
		VkShaderModule module;
		VkPipeline pipeline;
	} steps[COMPUTE_STEPS];
};

/* Memory of type 0, which this driver has only one of. */
static void create_memory(struct run *run, unsigned m, const uint8_t *content)
{
	const uint32_t size = run->program->memories[m].size_bytes;
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = size,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
			 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryAllocateInfo allocate = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO };
	VkMemoryRequirements needs;
	VkDevice device = run->vk->device;

	if (size == 0) {
		return;
	}
	VK(run->vk->CreateBuffer(device, &info, NULL, &run->buffers[m]));
	run->vk->GetBufferMemoryRequirements(device, run->buffers[m], &needs);
	allocate.allocationSize = needs.size;
	VK(run->vk->AllocateMemory(device, &allocate, NULL, &run->memories[m]));
	VK(run->vk->BindBufferMemory(device, run->buffers[m], run->memories[m], 0));
	VK(run->vk->MapMemory(device, run->memories[m], 0, VK_WHOLE_SIZE, 0, &run->mapped[m]));
	memcpy(run->mapped[m], content, size);
}

/* ---------------------------------------------------------------- pipelines */

static VkDescriptorType type_of(const struct compute_bind *bind)
{
	return bind->access == COMPUTE_UNIFORM ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER
					       : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

/* What is bound is what the pipeline has. */
static void create_set_layout(struct run *run, const struct compute_step *step, unsigned set,
			      VkDescriptorSetLayout *ret_layout)
{
	VkDescriptorSetLayoutBinding bindings[BINDINGS];
	VkDescriptorSetLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.pBindings = bindings,
	};

	for (const struct compute_bind *bind = step->binds; bind->size > 0; bind++) {
		if (bind->set != set) {
			continue;
		}
		if (bind->element > 0) { /* they stand in order */
			bindings[info.bindingCount - 1].descriptorCount++;
			continue;
		}
		bindings[info.bindingCount++] = (VkDescriptorSetLayoutBinding){
			.binding = bind->binding,
			.descriptorType = type_of(bind),
			.descriptorCount = 1,
			.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		};
	}
	VK(run->vk->CreateDescriptorSetLayout(run->vk->device, &info, NULL, ret_layout));
}

static void create_layout(struct run *run, unsigned s)
{
	const VkPushConstantRange range = { VK_SHADER_STAGE_COMPUTE_BIT, 0,
					    COMPUTE_PUSHED * sizeof(uint32_t) };
	const VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = SETS,
		.pSetLayouts = run->steps[s].sets,
		.pushConstantRangeCount = 1,
		.pPushConstantRanges = &range,
	};

	for (unsigned set = 0; set < SETS; set++) {
		create_set_layout(run, &run->program->steps[s], set, &run->steps[s].sets[set]);
	}
	VK(run->vk->CreatePipelineLayout(run->vk->device, &info, NULL, &run->steps[s].layout));
}

static void create_pipeline(struct run *run, unsigned s)
{
	const struct compute_step *step = &run->program->steps[s];
	VkSpecializationMapEntry entries[16];
	uint64_t values[16];
	const VkSpecializationInfo specialization = {
		.mapEntryCount = step->constant_count,
		.pMapEntries = entries,
		.dataSize = sizeof(values),
		.pData = values,
	};
	VkShaderModuleCreateInfo module = { .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO };
	VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT,
		.stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
			   .pName = "main",
			   .pSpecializationInfo = &specialization },
	};
	void *spirv = compute_shader(step->shader, &module.codeSize);

	ck_assert_uint_le(step->constant_count, PENSTOCK_ARRAY_SIZE(entries));
	for (uint32_t i = 0; i < step->constant_count; i++) {
		values[i] = step->constants[i].value;
		entries[i] = (VkSpecializationMapEntry){ step->constants[i].id,
							 (uint32_t)(i * sizeof(values[0])),
							 step->constants[i].size_bytes };
	}
	module.pCode = spirv;
	create_layout(run, s);
	VK(run->vk->CreateShaderModule(run->vk->device, &module, NULL, &run->steps[s].module));
	info.stage.module = run->steps[s].module;
	info.layout = run->steps[s].layout;
	VK(run->vk->CreateComputePipelines(run->vk->device, VK_NULL_HANDLE, 1, &info, NULL,
					   &run->steps[s].pipeline));
	free(spirv);
}

/* ---------------------------------------------------------------- steps */

static void bind_sets(struct run *run, unsigned s)
{
	const VkDescriptorSetAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = run->descriptors,
		.descriptorSetCount = SETS,
		.pSetLayouts = run->steps[s].sets,
	};
	VkDescriptorSet sets[SETS];

	VK(run->vk->AllocateDescriptorSets(run->vk->device, &info, sets));
	for (const struct compute_bind *bind = run->program->steps[s].binds; bind->size > 0;
	     bind++) {
		const VkDescriptorBufferInfo buffer = { run->buffers[bind->memory], bind->offset,
							bind->size };
		const VkWriteDescriptorSet write = {
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.dstSet = sets[bind->set],
			.dstBinding = bind->binding,
			.dstArrayElement = bind->element,
			.descriptorCount = 1,
			.descriptorType = type_of(bind),
			.pBufferInfo = &buffer,
		};

		run->vk->UpdateDescriptorSets(run->vk->device, 1, &write, 0, NULL);
	}
	run->vk->CmdBindDescriptorSets(run->command, VK_PIPELINE_BIND_POINT_COMPUTE,
				       run->steps[s].layout, 0, SETS, sets, 0, NULL);
}

/* Push constants that are not given are zero. */
static void dispatch(struct run *run, unsigned s)
{
	const struct compute_step *step = &run->program->steps[s];
	uint32_t pushed[COMPUTE_PUSHED] = { 0 };

	memcpy((uint8_t *)pushed + step->push_offset, step->push,
	       step->push_dwords * sizeof(uint32_t));
	create_pipeline(run, s);
	run->vk->CmdBindPipeline(run->command, VK_PIPELINE_BIND_POINT_COMPUTE,
				 run->steps[s].pipeline);
	bind_sets(run, s);
	run->vk->CmdPushConstants(run->command, run->steps[s].layout, VK_SHADER_STAGE_COMPUTE_BIT,
				  0, sizeof(pushed), pushed);
	run->vk->CmdDispatchBase(run->command, step->base[0], step->base[1], step->base[2],
				 step->groups[0], step->groups[1], step->groups[2]);
}

static void record(struct run *run, unsigned s)
{
	const struct compute_step *step = &run->program->steps[s];
	const VkBufferCopy region = { step->source_offset, step->destination_offset, step->size };
	const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
	};

	if (step->kind == COMPUTE_DISPATCH) {
		dispatch(run, s);
	} else if (step->kind == COMPUTE_COPY) {
		run->vk->CmdCopyBuffer(run->command, run->buffers[step->source],
				       run->buffers[step->destination], 1, &region);
	} else {
		run->vk->CmdFillBuffer(run->command, run->buffers[step->destination],
				       step->destination_offset, step->size, step->pattern);
	}
	run->vk->CmdPipelineBarrier(run->command, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
				    VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 1, &barrier, 0, NULL, 0,
				    NULL);
}

static void begin(struct run *run)
{
	const VkCommandPoolCreateInfo pool = { .sType =
						       VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO };
	const VkDescriptorPoolSize sizes[] = {
		{ VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, COMPUTE_STEPS * COMPUTE_BINDS },
		{ VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, COMPUTE_STEPS * COMPUTE_BINDS },
	};
	const VkDescriptorPoolCreateInfo descriptors = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = COMPUTE_STEPS * SETS,
		.poolSizeCount = PENSTOCK_ARRAY_SIZE(sizes),
		.pPoolSizes = sizes,
	};
	VkCommandBufferAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	const VkCommandBufferBeginInfo once = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};

	VK(run->vk->CreateDescriptorPool(run->vk->device, &descriptors, NULL, &run->descriptors));
	VK(run->vk->CreateCommandPool(run->vk->device, &pool, NULL, &run->commands));
	allocate.commandPool = run->commands;
	VK(run->vk->AllocateCommandBuffers(run->vk->device, &allocate, &run->command));
	VK(run->vk->BeginCommandBuffer(run->command, &once));
}

static void finish(struct run *run, uint8_t *memories[])
{
	VkDevice device = run->vk->device;

	for (unsigned m = 0; m < COMPUTE_MEMORIES; m++) {
		if (run->mapped[m] != NULL) {
			memcpy(memories[m], run->mapped[m], run->program->memories[m].size_bytes);
		}
		run->vk->DestroyBuffer(device, run->buffers[m], NULL);
		run->vk->FreeMemory(device, run->memories[m], NULL);
	}
	for (unsigned s = 0; s < COMPUTE_STEPS; s++) {
		run->vk->DestroyPipeline(device, run->steps[s].pipeline, NULL);
		run->vk->DestroyShaderModule(device, run->steps[s].module, NULL);
		run->vk->DestroyPipelineLayout(device, run->steps[s].layout, NULL);
		for (unsigned set = 0; set < SETS; set++) {
			run->vk->DestroyDescriptorSetLayout(device, run->steps[s].sets[set], NULL);
		}
	}
	run->vk->DestroyDescriptorPool(device, run->descriptors, NULL);
	run->vk->DestroyCommandPool(device, run->commands, NULL);
}

void vulkan_reference_run(struct vulkan_reference *reference, const struct compute_case *program,
			  uint8_t *memories[])
{
	struct run run = { .vk = reference, .program = program };
	VkSubmitInfo submit = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
				.commandBufferCount = 1,
				.pCommandBuffers = &run.command };

	for (unsigned m = 0; m < COMPUTE_MEMORIES; m++) {
		create_memory(&run, m, memories[m]);
	}
	begin(&run);
	for (unsigned s = 0; s < COMPUTE_STEPS && program->steps[s].kind != 0; s++) {
		record(&run, s);
	}
	VK(reference->EndCommandBuffer(run.command));
	VK(reference->QueueSubmit(reference->queue, 1, &submit, VK_NULL_HANDLE));
	VK(reference->QueueWaitIdle(reference->queue));
	finish(&run, memories);
}
