/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/program/validate.h"

#include "gpu-backend/shader/program/tools.h"

#include <ctype.h>
#include <string.h>

/* The word where the n-th instruction begins. */
static uint32_t word_of_instruction(const uint32_t *words, uint32_t word_count, size_t ordinal)
{
	struct penstock_spirv_instruction instruction = { 0 };
	struct penstock_spirv_stream stream;

	penstock_spirv_begin(&stream, words, word_count);
	for (size_t i = 0; i < ordinal; i++) {
		if (!penstock_spirv_next(&stream, &instruction)) {
			return PENSTOCK_SHADER_NO_WORD;
		}
	}
	return ordinal == 0 ? PENSTOCK_SHADER_NO_WORD : instruction.offset;
}

/* One line: what is no printable character is a space, and of several one stays. */
static void take_words(const char *error, struct penstock_spirv_fault *ret_fault)
{
	size_t length = 0;

	for (; *error != '\0' && length < sizeof(ret_fault->sentence) - 1; error++) {
		bool blank = !isgraph((unsigned char)*error);

		if (!blank) {
			ret_fault->sentence[length++] = *error;
		} else if (length > 0 && ret_fault->sentence[length - 1] != ' ') {
			ret_fault->sentence[length++] = ' ';
		}
	}
	while (length > 0 && ret_fault->sentence[length - 1] == ' ') {
		length--;
	}
	ret_fault->sentence[length] = '\0';
}

static enum penstock_status refuse(spv_diagnostic diagnostic, uint32_t word_offset,
				   struct penstock_spirv_fault *reterr_fault)
{
	reterr_fault->word_offset = word_offset;
	take_words(diagnostic == NULL || diagnostic->error == NULL ? "the module is not valid"
								   : diagnostic->error,
		   reterr_fault);
	return PENSTOCK_STATUS_INVALID_PARAMETER;
}

/* The parser speaks of words, the rest of the validator of instructions: so it is run before. */
static enum penstock_status parse(spv_const_context context, const uint32_t *words,
				  uint32_t word_count, struct penstock_spirv_fault *reterr_fault)
{
	spv_diagnostic diagnostic = NULL;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (spvBinaryParse(context, NULL, words, word_count, NULL, NULL, &diagnostic) !=
	    SPV_SUCCESS) {
		size_t word = diagnostic == NULL ? word_count : diagnostic->position.index;

		status = refuse(diagnostic,
				word < word_count ? (uint32_t)word : PENSTOCK_SHADER_NO_WORD,
				reterr_fault);
	}
	spvDiagnosticDestroy(diagnostic);
	return status;
}

static enum penstock_status validate(spv_const_context context, spv_const_validator_options options,
				     const uint32_t *words, uint32_t word_count,
				     struct penstock_spirv_fault *reterr_fault)
{
	spv_const_binary_t binary = { words, word_count };
	spv_diagnostic diagnostic = NULL;
	enum penstock_status status = PENSTOCK_STATUS_SUCCESS;

	if (spvValidateWithOptions(context, options, &binary, &diagnostic) != SPV_SUCCESS) {
		status =
			refuse(diagnostic,
			       diagnostic == NULL ? PENSTOCK_SHADER_NO_WORD
						  : word_of_instruction(words, word_count,
									diagnostic->position.index),
			       reterr_fault);
	}
	spvDiagnosticDestroy(diagnostic);
	return status;
}

enum penstock_status penstock_shader_validate(const uint32_t *words, uint32_t word_count,
					      struct penstock_spirv_fault *reterr_fault)
{
	spv_context context = spvContextCreate(SPV_ENV_VULKAN_1_3);
	spv_validator_options options = spvValidatorOptionsCreate();
	enum penstock_status status = PENSTOCK_STATUS_NO_MEMORY;

	if (context != NULL && options != NULL) {
		/* Features of Vulkan 1.2 and 1.3 that the adapter offers. */
		spvValidatorOptionsSetScalarBlockLayout(options, true);
		spvValidatorOptionsSetUniformBufferStandardLayout(options, true);
		spvValidatorOptionsSetAllowLocalSizeId(options, true);
		spvValidatorOptionsSetUniversalLimit(options, spv_validator_limit_max_id_bound,
						     words[3]);
		status = parse(context, words, word_count, reterr_fault);
		if (status == PENSTOCK_STATUS_SUCCESS) {
			status = validate(context, options, words, word_count, reterr_fault);
		}
	}
	if (options != NULL) {
		spvValidatorOptionsDestroy(options);
	}
	if (context != NULL) {
		spvContextDestroy(context);
	}
	return status;
}
