/* SPDX-License-Identifier: MIT */
/*
 * What the daemon itself reads about shaders: words through our walk, constants into words, and
 * what a penstock-shader process left behind. Nothing is read past its end (sanitizers), a refusal
 * has a sentence and a word of the module, and what is taken holds on a second look.
 */
#include "config.h"

#include "gpu-backend/shader/host/answer.h"
#include "gpu-backend/shader/spirv.h"
#include "tests/fuzz/input.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* To the byte, so that a sanitizer sees the end. */
static uint32_t *copy_words(const struct penstock_fuzz_input *input, uint32_t *ret_count)
{
	uint32_t count = (uint32_t)(input->left / sizeof(uint32_t));
	uint32_t *words = malloc(count * sizeof(uint32_t) + (count == 0));

	PENSTOCK_REQUIRE(words != NULL);
	memcpy(words, input->at, count * sizeof(uint32_t));
	*ret_count = count;
	return words;
}

static bool is_fault(const struct penstock_spirv_fault *fault, uint32_t word_count)
{
	return fault->sentence[0] != '\0' &&
	       (fault->word_offset <= word_count || fault->word_offset == PENSTOCK_SHADER_NO_WORD);
}

static void walk(struct penstock_fuzz_input *input)
{
	struct penstock_shader_constant constant = {
		.id = penstock_fuzz_take(input, 1),
		.bytes = 1u << penstock_fuzz_take(input, 1) % 4,
		.value = penstock_fuzz_take(input, 2),
	};
	struct penstock_spirv_fault fault = { 0, "" };
	uint32_t count;
	uint32_t *words = copy_words(input, &count);

	if (penstock_spirv_walk(words, count, &fault) != PENSTOCK_STATUS_SUCCESS) {
		PENSTOCK_REQUIRE(is_fault(&fault, count));
	} else if (penstock_spirv_specialise(words, count, &constant, 1, &fault) ==
		   PENSTOCK_STATUS_INVALID_PARAMETER) {
		PENSTOCK_REQUIRE(is_fault(&fault, count));
	} else {
		/* Values do not make of a module what is no module. */
		PENSTOCK_REQUIRE(penstock_spirv_walk(words, count, &fault) ==
				 PENSTOCK_STATUS_SUCCESS);
	}
	free(words);
}

static void judge(const struct penstock_shader_answer *answer,
		  const struct penstock_shader_asked *asked,
		  const struct penstock_shader_leaving *leaving)
{
	struct penstock_spirv_fault fault;

	PENSTOCK_REQUIRE((answer->status == PENSTOCK_STATUS_SUCCESS) == (answer->words != NULL));
	if (answer->status != PENSTOCK_STATUS_SUCCESS) {
		PENSTOCK_REQUIRE(answer->sentence[0] != '\0' &&
				 strlen(answer->sentence) < PENSTOCK_SHADER_SENTENCE_BYTES);
		PENSTOCK_REQUIRE(answer->word_offset == PENSTOCK_SHADER_NO_WORD ||
				 answer->word_offset < asked->word_count);
		return;
	}
	PENSTOCK_REQUIRE((const char *)(answer->words + answer->word_count) ==
			 (const char *)leaving->bytes + leaving->byte_count);
	PENSTOCK_REQUIRE(penstock_reflection_valid(answer->reflection));
	PENSTOCK_REQUIRE(penstock_spirv_walk(answer->words, answer->word_count, &fault) ==
			 PENSTOCK_STATUS_SUCCESS);
	PENSTOCK_REQUIRE(penstock_spirv_is_frozen(answer->words, answer->word_count));
}

/*
 * An answer of the input's bytes; its first words may be made right, so that what is behind them
 * is reached.
 */
static void read_answer(struct penstock_fuzz_input *input)
{
	uint32_t flags = penstock_fuzz_take(input, 1);
	struct penstock_shader_leaving leaving = {
		.over_time = (flags & 64) != 0,
		.over_long = (flags & 32) != 0,
		.wait_status = flags & 16 ? SIGSEGV : 0,
		.byte_count = input->left,
	};
	struct penstock_shader_asked asked = { PENSTOCK_SHADER_COMPUTE, 64, "main" };
	struct penstock_shader_answer_header *header = malloc(input->left + 1);
	struct penstock_errbuf text = { "" };
	struct penstock_shader_answer answer;

	PENSTOCK_REQUIRE(header != NULL);
	memcpy(header, input->at, input->left);
	leaving.bytes = header;
	if ((flags & 1) != 0 && input->left >= sizeof(*header)) {
		header->magic = PENSTOCK_SHADER_MAGIC;
		header->status = 0;
		header->word_offset = PENSTOCK_SHADER_NO_WORD;
		header->word_count = (uint32_t)((input->left - sizeof(*header)) / 4);
		memset(header->sentence, 0, sizeof(header->sentence));
		memset(header->reflection.entry_point, 0, sizeof(header->reflection.entry_point));
		memcpy(header->reflection.entry_point, "main", 4);
	}
	penstock_shader_answer_read(&leaving, &asked, &text, &answer);
	judge(&answer, &asked, &leaving);
	free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct penstock_fuzz_input input = { data, size };

	if (penstock_fuzz_choose(&input, 2) == 0) {
		walk(&input);
	} else {
		read_answer(&input);
	}
	return 0;
}
