/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "tests/shader/module.h"

#include "gpu-backend/shader/program/tools.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct module module_load(const char *name)
{
	const char *build = getenv("PENSTOCK_BUILDDIR");
	struct module module = { NULL, 0 };
	char path[512];
	long bytes;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/shaders/%s.spv", build == NULL ? "." : build, name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s is not there", path);
	fseek(file, 0, SEEK_END);
	bytes = ftell(file);
	rewind(file);
	module.word_count = (uint32_t)(bytes / 4);
	module.words = malloc((size_t)bytes);
	ck_assert(module.words != NULL);
	ck_assert_uint_eq(fread(module.words, 4, module.word_count, file), module.word_count);
	fclose(file);
	return module;
}

struct module module_copy(const uint32_t *words, uint32_t word_count)
{
	struct module module = { malloc(word_count * 4 + 1), word_count };

	ck_assert(module.words != NULL);
	memcpy(module.words, words, word_count * 4);
	return module;
}

struct module module_assemble(const char *text)
{
	spv_context context = spvContextCreate(SPV_ENV_UNIVERSAL_1_3);
	spv_diagnostic diagnostic = NULL;
	spv_binary binary = NULL;
	struct module module;

	ck_assert_msg(spvTextToBinaryWithOptions(context, text, strlen(text),
						 SPV_TEXT_TO_BINARY_OPTION_PRESERVE_NUMERIC_IDS,
						 &binary, &diagnostic) == SPV_SUCCESS,
		      "%s", diagnostic == NULL ? "?" : diagnostic->error);
	module = module_copy(binary->code, (uint32_t)binary->wordCount);
	spvDiagnosticDestroy(diagnostic);
	spvBinaryDestroy(binary);
	spvContextDestroy(context);
	return module;
}

void module_finish(struct module *module)
{
	free(module->words);
	module->words = NULL;
}

bool module_says(const uint32_t *words, uint32_t word_count, const char *text)
{
	spv_context context = spvContextCreate(SPV_ENV_VULKAN_1_3);
	spv_diagnostic diagnostic = NULL;
	spv_text listing = NULL;
	bool says;

	ck_assert(spvBinaryToText(context, words, word_count, SPV_BINARY_TO_TEXT_OPTION_NO_HEADER,
				  &listing, &diagnostic) == SPV_SUCCESS);
	says = strstr(listing->str, text) != NULL;
	spvTextDestroy(listing);
	spvDiagnosticDestroy(diagnostic);
	spvContextDestroy(context);
	return says;
}
