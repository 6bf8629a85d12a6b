/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/program/reflect.h"

#include "gpu-backend/shader/program/bindings.h"
#include "gpu-backend/shader/program/facts.h"
#include "gpu-backend/shader/program/measure.h"
#include "gpu-backend/shader/program/slots.h"
#include "gpu-backend/shader/program/uses.h"

/* ---------------------------------------------------------------- builtins */

/* What a stage takes from the fixed functions around it, or gives them. */
static const struct {
	SpvBuiltIn builtin;
	SpvStorageClass storage;
	uint32_t flag;
} builtins[] = {
	{ SpvBuiltInNumWorkgroups, SpvStorageClassInput, PENSTOCK_SHADER_COUNTS_GROUPS },
	{ SpvBuiltInPosition, SpvStorageClassOutput, PENSTOCK_SHADER_WRITES_POSITION },
	{ SpvBuiltInPointSize, SpvStorageClassOutput, PENSTOCK_SHADER_WRITES_POINTSIZE },
	{ SpvBuiltInLayer, SpvStorageClassOutput, PENSTOCK_SHADER_WRITES_LAYER },
	{ SpvBuiltInViewportIndex, SpvStorageClassOutput, PENSTOCK_SHADER_WRITES_VIEWPORT },
	{ SpvBuiltInFragDepth, SpvStorageClassOutput, PENSTOCK_SHADER_WRITES_DEPTH },
	{ SpvBuiltInFragStencilRefEXT, SpvStorageClassOutput, PENSTOCK_SHADER_WRITES_STENCIL },
	{ SpvBuiltInSampleId, SpvStorageClassInput, PENSTOCK_SHADER_SAMPLE_SHADING },
	{ SpvBuiltInSamplePosition, SpvStorageClassInput, PENSTOCK_SHADER_SAMPLE_SHADING },
};

static void take_builtins(const struct penstock_shader_reader *reader)
{
	spvc_compiler_update_active_builtins(reader->compiler);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(builtins); i++) {
		if (spvc_compiler_has_active_builtin(reader->compiler, builtins[i].builtin,
						     builtins[i].storage)) {
			reader->reflection->flags |= builtins[i].flag;
		}
	}
}

static void take_deeds(const struct penstock_shader_facts *facts,
		       struct penstock_shader_reflection *reflection)
{
	reflection->flags |= facts->writes_memory ? PENSTOCK_SHADER_WRITES_MEMORY : 0;
	reflection->flags |= facts->has_derivatives ? PENSTOCK_SHADER_DERIVATIVES : 0;
	reflection->flags |= facts->discards ? PENSTOCK_SHADER_DISCARDS : 0;
	reflection->flags |= facts->has_subgroups ? PENSTOCK_SHADER_SUBGROUPS : 0;
}

/* ---------------------------------------------------------------- SPIRV-Cross */

static enum penstock_status failed(spvc_context context, struct penstock_spirv_fault *reterr_fault)
{
	return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
				     "the module cannot be reflected: %.400s",
				     spvc_context_get_last_error_string(context));
}

static enum penstock_status read_with(struct penstock_shader_reader *reader, spvc_context context)
{
	enum penstock_status status;

	if (spvc_compiler_set_entry_point(reader->compiler, reader->reflection->entry_point,
					  (SpvExecutionModel)reader->reflection->stage) !=
		    SPVC_SUCCESS ||
	    spvc_compiler_create_shader_resources(reader->compiler, &reader->resources) !=
		    SPVC_SUCCESS) {
		return failed(context, reader->fault);
	}
	status = penstock_shader_read_bindings(reader);
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_shader_read_slots(reader);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		take_builtins(reader);
	}
	return status;
}

static enum penstock_status read_module(const struct penstock_shader_facts *facts,
					const uint32_t *words, uint32_t word_count,
					struct penstock_shader_reflection *reflection,
					struct penstock_spirv_fault *reterr_fault)
{
	struct penstock_shader_reader reader = {
		.facts = facts,
		.reflection = reflection,
		.fault = reterr_fault,
	};
	spvc_context context;
	spvc_parsed_ir module;
	enum penstock_status status;

	if (spvc_context_create(&context) != SPVC_SUCCESS) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	if (spvc_context_parse_spirv(context, words, word_count, &module) == SPVC_SUCCESS &&
	    spvc_context_create_compiler(context, SPVC_BACKEND_NONE, module,
					 SPVC_CAPTURE_MODE_TAKE_OWNERSHIP,
					 &reader.compiler) == SPVC_SUCCESS) {
		status = read_with(&reader, context);
	} else {
		status = failed(context, reterr_fault);
	}
	spvc_context_destroy(context);
	return status;
}

enum penstock_status penstock_shader_reflect(const uint32_t *words, uint32_t word_count,
					     uint32_t stage, const char *entry_point,
					     struct penstock_shader_reflection *ret_reflection,
					     struct penstock_spirv_fault *reterr_fault)
{
	struct penstock_shader_facts facts;
	enum penstock_status status = penstock_shader_facts_init(
		&facts, words, word_count, stage, entry_point, ret_reflection, reterr_fault);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_shader_uses(&facts, words, word_count, reterr_fault);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		take_deeds(&facts, ret_reflection);
		status = penstock_shader_measure(&facts, words, word_count, ret_reflection,
						 reterr_fault);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = read_module(&facts, words, word_count, ret_reflection, reterr_fault);
	}
	penstock_shader_facts_finish(&facts);
	return status;
}
