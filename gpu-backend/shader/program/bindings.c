/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/program/bindings.h"

#include <stdlib.h>

static enum penstock_status unreadable(const struct penstock_shader_reader *reader)
{
	return penstock_spirv_refuse(reader->fault, PENSTOCK_SHADER_NO_WORD,
				     "a resource of the module cannot be reflected");
}

/* ---------------------------------------------------------------- blocks */

/* The block's bytes with one element of a runtime array, and that array's stride. */
static enum penstock_status measure_block(const struct penstock_shader_reader *reader,
					  spvc_type type, size_t *ret_bytes, uint32_t *ret_stride)
{
	unsigned members = spvc_type_get_num_member_types(type);
	spvc_type last;
	unsigned dimensions, stride;

	if (members == 0 || spvc_compiler_get_declared_struct_size_runtime_array(
				    reader->compiler, type, 1, ret_bytes) != SPVC_SUCCESS) {
		return unreadable(reader);
	}
	*ret_stride = 0;
	last = spvc_compiler_get_type_handle(reader->compiler,
					     spvc_type_get_member_type(type, members - 1));
	dimensions = last == NULL ? 0 : spvc_type_get_num_array_dimensions(last);
	if (dimensions > 0 && spvc_type_get_array_dimension(last, dimensions - 1) == 0) {
		if (spvc_compiler_type_struct_member_array_stride(
			    reader->compiler, type, members - 1, &stride) != SPVC_SUCCESS) {
			return unreadable(reader);
		}
		*ret_stride = stride;
	}
	return *ret_bytes <= UINT32_MAX ? PENSTOCK_STATUS_SUCCESS : unreadable(reader);
}

static uint32_t access_from(bool not_read, bool not_written)
{
	return (not_read ? 0 : PENSTOCK_BINDING_READ) |
	       (not_written ? 0 : PENSTOCK_BINDING_WRITTEN);
}

/* What every member of the block is decorated with counts for the block. */
static enum penstock_status read_storage_access(const struct penstock_shader_reader *reader,
						spvc_variable_id variable, uint32_t *ret_flags)
{
	const SpvDecoration *decorations;
	size_t count;
	bool not_read = false, not_written = false;

	if (spvc_compiler_get_buffer_block_decorations(reader->compiler, variable, &decorations,
						       &count) != SPVC_SUCCESS) {
		return unreadable(reader);
	}
	for (size_t i = 0; i < count; i++) {
		not_read |= decorations[i] == SpvDecorationNonReadable;
		not_written |= decorations[i] == SpvDecorationNonWritable;
	}
	*ret_flags = access_from(not_read, not_written);
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status read_buffer(const struct penstock_shader_reader *reader,
					const spvc_reflected_resource *resource,
					struct penstock_shader_binding *binding)
{
	spvc_type type = spvc_compiler_get_type_handle(reader->compiler, resource->base_type_id);
	size_t bytes;
	enum penstock_status status = measure_block(reader, type, &bytes, &binding->stride_bytes);

	if (status != PENSTOCK_STATUS_SUCCESS) {
		return status;
	}
	binding->minimum_bytes = (uint32_t)bytes;
	binding->flags = PENSTOCK_BINDING_READ;
	if (binding->kind == PENSTOCK_BINDING_STORAGE_BUFFER) {
		status = read_storage_access(reader, resource->id, &binding->flags);
	}
	return status;
}

/* ---------------------------------------------------------------- images */

static enum penstock_status read_image(const struct penstock_shader_reader *reader,
				       const spvc_reflected_resource *resource,
				       struct penstock_shader_binding *binding)
{
	spvc_type type = spvc_compiler_get_type_handle(reader->compiler, resource->base_type_id);
	spvc_type sampled = spvc_compiler_get_type_handle(reader->compiler,
							  spvc_type_get_image_sampled_type(type));

	if (sampled == NULL) {
		return unreadable(reader);
	}
	binding->dimension = (uint32_t)spvc_type_get_image_dimension(type);
	binding->number = penstock_shader_number_of(spvc_type_get_basetype(sampled));
	binding->flags |= spvc_type_get_image_arrayed(type) ? PENSTOCK_BINDING_ARRAYED : 0;
	binding->flags |= spvc_type_get_image_multisampled(type) ? PENSTOCK_BINDING_MULTI : 0;
	binding->flags |= spvc_type_get_image_is_depth(type) ? PENSTOCK_BINDING_DEPTH : 0;
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status read_sampled(const struct penstock_shader_reader *reader,
					 const spvc_reflected_resource *resource,
					 struct penstock_shader_binding *binding)
{
	enum penstock_status status = read_image(reader, resource, binding);

	binding->flags |= PENSTOCK_BINDING_READ;
	if (binding->dimension == SpvDimBuffer) {
		binding->kind = PENSTOCK_BINDING_UNIFORM_TEXEL_BUFFER;
	}
	return status;
}

static enum penstock_status read_storage_image(const struct penstock_shader_reader *reader,
					       const spvc_reflected_resource *resource,
					       struct penstock_shader_binding *binding)
{
	enum penstock_status status = read_image(reader, resource, binding);
	spvc_type type = spvc_compiler_get_type_handle(reader->compiler, resource->base_type_id);

	binding->flags |= access_from(spvc_compiler_has_decoration(reader->compiler, resource->id,
								   SpvDecorationNonReadable),
				      spvc_compiler_has_decoration(reader->compiler, resource->id,
								   SpvDecorationNonWritable));
	binding->format = (uint32_t)spvc_type_get_image_storage_format(type);
	if (binding->dimension == SpvDimBuffer) {
		binding->kind = PENSTOCK_BINDING_STORAGE_TEXEL_BUFFER;
	}
	return status;
}

static enum penstock_status read_attachment(const struct penstock_shader_reader *reader,
					    const spvc_reflected_resource *resource,
					    struct penstock_shader_binding *binding)
{
	enum penstock_status status = read_image(reader, resource, binding);

	binding->flags |= PENSTOCK_BINDING_READ;
	binding->attachment_index = spvc_compiler_get_decoration(reader->compiler, resource->id,
								 SpvDecorationInputAttachmentIndex);
	return status;
}

static enum penstock_status read_sampler(const struct penstock_shader_reader *reader,
					 const spvc_reflected_resource *resource,
					 struct penstock_shader_binding *binding)
{
	(void)reader;
	(void)resource;
	binding->flags = PENSTOCK_BINDING_READ;
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- one binding */

static const struct kind {
	spvc_resource_type type;
	enum penstock_binding_kind kind;
	enum penstock_status (*read)(const struct penstock_shader_reader *reader,
				     const spvc_reflected_resource *resource,
				     struct penstock_shader_binding *binding);
} kinds[] = {
	{ SPVC_RESOURCE_TYPE_UNIFORM_BUFFER, PENSTOCK_BINDING_UNIFORM_BUFFER, read_buffer },
	{ SPVC_RESOURCE_TYPE_STORAGE_BUFFER, PENSTOCK_BINDING_STORAGE_BUFFER, read_buffer },
	{ SPVC_RESOURCE_TYPE_SEPARATE_IMAGE, PENSTOCK_BINDING_SAMPLED_IMAGE, read_sampled },
	{ SPVC_RESOURCE_TYPE_STORAGE_IMAGE, PENSTOCK_BINDING_STORAGE_IMAGE, read_storage_image },
	{ SPVC_RESOURCE_TYPE_SEPARATE_SAMPLERS, PENSTOCK_BINDING_SAMPLER, read_sampler },
	{ SPVC_RESOURCE_TYPE_SAMPLED_IMAGE, PENSTOCK_BINDING_COMBINED_IMAGE_SAMPLER, read_sampled },
	{ SPVC_RESOURCE_TYPE_SUBPASS_INPUT, PENSTOCK_BINDING_INPUT_ATTACHMENT, read_attachment },
};

/* One descriptor, or an array of them in one dimension. */
static enum penstock_status count_descriptors(const struct penstock_shader_reader *reader,
					      const spvc_reflected_resource *resource,
					      uint32_t *ret_count)
{
	spvc_type type = spvc_compiler_get_type_handle(reader->compiler, resource->type_id);
	unsigned dimensions = spvc_type_get_num_array_dimensions(type);

	if (dimensions > 1) {
		return penstock_spirv_refuse(reader->fault, PENSTOCK_SHADER_NO_WORD,
					     "descriptors have arrays of one dimension, not of %u",
					     dimensions);
	}
	*ret_count = dimensions == 0 ? 1 : spvc_type_get_array_dimension(type, 0);
	if (*ret_count == 0 || *ret_count > PENSTOCK_LIMIT_SHADER_DESCRIPTORS ||
	    (dimensions == 1 && !spvc_type_array_dimension_is_literal(type, 0))) {
		return penstock_spirv_refuse(reader->fault, PENSTOCK_SHADER_NO_WORD,
					     "an array of descriptors has 1 to %u elements",
					     PENSTOCK_LIMIT_SHADER_DESCRIPTORS);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status place(const struct penstock_shader_reader *reader,
				  const spvc_reflected_resource *resource,
				  struct penstock_shader_binding *binding)
{
	if (!spvc_compiler_has_decoration(reader->compiler, resource->id,
					  SpvDecorationDescriptorSet) ||
	    !spvc_compiler_has_decoration(reader->compiler, resource->id, SpvDecorationBinding)) {
		return penstock_spirv_refuse(reader->fault, PENSTOCK_SHADER_NO_WORD,
					     "a resource has no set or no binding");
	}
	binding->set = spvc_compiler_get_decoration(reader->compiler, resource->id,
						    SpvDecorationDescriptorSet);
	binding->binding =
		spvc_compiler_get_decoration(reader->compiler, resource->id, SpvDecorationBinding);
	if (binding->set >= PENSTOCK_LIMIT_DESCRIPTOR_SETS ||
	    binding->binding >= PENSTOCK_LIMIT_BINDING_NUMBER) {
		return penstock_spirv_refuse(reader->fault, PENSTOCK_SHADER_NO_WORD,
					     "set %u, binding %u: sets are below %u, bindings "
					     "below %u",
					     binding->set, binding->binding,
					     PENSTOCK_LIMIT_DESCRIPTOR_SETS,
					     PENSTOCK_LIMIT_BINDING_NUMBER);
	}
	return PENSTOCK_STATUS_SUCCESS;
}

static enum penstock_status read_binding(const struct penstock_shader_reader *reader,
					 const struct kind *kind,
					 const spvc_reflected_resource *resource)
{
	struct penstock_shader_reflection *reflection = reader->reflection;
	struct penstock_shader_binding binding = { .kind = kind->kind };
	enum penstock_status status;

	if (reflection->binding_count == PENSTOCK_LIMIT_SHADER_BINDINGS) {
		return penstock_spirv_refuse(reader->fault, PENSTOCK_SHADER_NO_WORD,
					     "the entry point uses more than %u bindings",
					     PENSTOCK_LIMIT_SHADER_BINDINGS);
	}
	status = place(reader, resource, &binding);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = count_descriptors(reader, resource, &binding.count);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = kind->read(reader, resource, &binding);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		reflection->bindings[reflection->binding_count++] = binding;
	}
	return status;
}

static enum penstock_status read_kind(const struct penstock_shader_reader *reader,
				      const struct kind *kind)
{
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;
	const spvc_reflected_resource *resources;
	size_t count;

	if (spvc_resources_get_resource_list_for_type(reader->resources, kind->type, &resources,
						      &count) != SPVC_SUCCESS) {
		return unreadable(reader);
	}
	for (size_t i = 0; status == PENSTOCK_STATUS_SUCCESS && i < count; i++) {
		const struct penstock_shader_id *variable =
			penstock_shader_id_at(reader->facts, resources[i].id);

		if (variable != NULL && variable->is_used) {
			status = read_binding(reader, kind, &resources[i]);
		}
	}
	return status;
}

/* ---------------------------------------------------------------- push constants */

static enum penstock_status read_push_constants(const struct penstock_shader_reader *reader,
						const spvc_reflected_resource *resource)
{
	struct penstock_shader_reflection *reflection = reader->reflection;
	spvc_type type = spvc_compiler_get_type_handle(reader->compiler, resource->base_type_id);
	unsigned members = spvc_type_get_num_member_types(type), first = UINT32_MAX, offset;
	size_t bytes;

	if (members == 0 || spvc_compiler_get_declared_struct_size(reader->compiler, type,
								   &bytes) != SPVC_SUCCESS) {
		return unreadable(reader);
	}
	for (unsigned i = 0; i < members; i++) {
		if (spvc_compiler_type_struct_member_offset(reader->compiler, type, i, &offset) !=
		    SPVC_SUCCESS) {
			return unreadable(reader);
		}
		first = offset < first ? offset : first;
	}
	if (bytes > PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES || first >= bytes) {
		return penstock_spirv_refuse(reader->fault, PENSTOCK_SHADER_NO_WORD,
					     "push constants take %zu bytes, and there are %u",
					     bytes, PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES);
	}
	reflection->push_offset = first & ~3u;
	reflection->push_bytes = (uint32_t)penstock_align_up(bytes, 4) - reflection->push_offset;
	return PENSTOCK_STATUS_SUCCESS;
}

/* The one that is used: an entry point has one block of them at most. */
static enum penstock_status read_push(const struct penstock_shader_reader *reader)
{
	const spvc_reflected_resource *resources;
	size_t count;

	if (spvc_resources_get_resource_list_for_type(reader->resources,
						      SPVC_RESOURCE_TYPE_PUSH_CONSTANT, &resources,
						      &count) != SPVC_SUCCESS) {
		return unreadable(reader);
	}
	for (size_t i = 0; i < count; i++) {
		const struct penstock_shader_id *variable =
			penstock_shader_id_at(reader->facts, resources[i].id);

		if (variable != NULL && variable->is_used) {
			return read_push_constants(reader, &resources[i]);
		}
	}
	return PENSTOCK_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- all of them */

static int by_place(const void *left, const void *right)
{
	const struct penstock_shader_binding *a = left, *b = right;
	uint64_t place_a = (uint64_t)a->set << 32 | a->binding;
	uint64_t place_b = (uint64_t)b->set << 32 | b->binding;

	return (place_a > place_b) - (place_a < place_b);
}

enum penstock_status penstock_shader_read_bindings(const struct penstock_shader_reader *reader)
{
	struct penstock_shader_reflection *reflection = reader->reflection;
	enum penstock_status status = read_push(reader);

	for (size_t i = 0; status == PENSTOCK_STATUS_SUCCESS && i < PENSTOCK_ARRAY_SIZE(kinds);
	     i++) {
		status = read_kind(reader, &kinds[i]);
	}
	qsort(reflection->bindings, reflection->binding_count, sizeof(*reflection->bindings),
	      by_place);
	return status;
}
