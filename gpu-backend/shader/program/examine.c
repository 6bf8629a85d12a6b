/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/program/examine.h"

#include "gpu-backend/shader/program/harden.h"
#include "gpu-backend/shader/program/reflect.h"
#include "gpu-backend/shader/program/validate.h"
#include "gpu-backend/shader/spirv.h"

#include <stdlib.h>
#include <string.h>

/* What others made of it is held to the same: a defect of theirs is not the client's word. */
static enum penstock_status look_again(const uint32_t *words, uint32_t word_count,
				       struct penstock_spirv_fault *reterr_fault)
{
	struct penstock_spirv_fault fault = { 0, "" };
	enum penstock_status status = penstock_spirv_walk(words, word_count, &fault);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_shader_validate(words, word_count, &fault);
	}
	if (status == PENSTOCK_STATUS_INVALID_PARAMETER) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "with robust access the module is not valid: %.400s",
					     fault.sentence);
	}
	if (status == PENSTOCK_STATUS_SUCCESS && !penstock_spirv_is_frozen(words, word_count)) {
		return penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					     "a constant of the module cannot be specialised");
	}
	return status;
}

/* The client's words become the hardened ones. */
static enum penstock_status change(const struct penstock_shader_examination *examination,
				   uint32_t **ret_words, uint32_t *ret_word_count,
				   struct penstock_spirv_fault *reterr_fault)
{
	uint32_t word_count = examination->request->word_count;
	enum penstock_status status =
		penstock_spirv_specialise(examination->words, word_count, examination->constants,
					  examination->request->constant_count, reterr_fault);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_shader_harden(examination->words, word_count, ret_words,
						ret_word_count, reterr_fault);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = look_again(*ret_words, *ret_word_count, reterr_fault);
	}
	return status;
}

static enum penstock_status examine(const struct penstock_shader_examination *examination,
				    struct penstock_shader_answer_header *answer,
				    uint32_t **ret_words, struct penstock_spirv_fault *reterr_fault)
{
	const struct penstock_shader_request_header *request = examination->request;
	enum penstock_status status =
		penstock_spirv_walk(examination->words, request->word_count, reterr_fault);

	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_shader_validate(examination->words, request->word_count,
						  reterr_fault);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = change(examination, ret_words, &answer->word_count, reterr_fault);
	}
	if (status == PENSTOCK_STATUS_SUCCESS) {
		status = penstock_shader_reflect(*ret_words, answer->word_count, request->stage,
						 request->entry_point, &answer->reflection,
						 reterr_fault);
	}
	return status;
}

void penstock_shader_examine(const struct penstock_shader_examination *examination,
			     struct penstock_shader_answer_header *ret_answer, uint32_t **ret_words)
{
	struct penstock_spirv_fault fault = { PENSTOCK_SHADER_NO_WORD, "" };
	enum penstock_status status;

	*ret_words = NULL;
	memset(ret_answer, 0, sizeof(*ret_answer));
	ret_answer->magic = PENSTOCK_SHADER_MAGIC;
	status = examine(examination, ret_answer, ret_words, &fault);
	ret_answer->status = penstock_status_to_wire(status);
	ret_answer->word_offset = fault.word_offset;
	if (status == PENSTOCK_STATUS_NO_MEMORY) {
		penstock_spirv_refuse(&fault, PENSTOCK_SHADER_NO_WORD,
				      "there is not enough memory");
	}
	if (status != PENSTOCK_STATUS_SUCCESS) {
		free(*ret_words);
		*ret_words = NULL;
		ret_answer->word_count = 0;
		memset(&ret_answer->reflection, 0, sizeof(ret_answer->reflection));
		memcpy(ret_answer->sentence, fault.sentence, sizeof(ret_answer->sentence));
	}
}
