/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "gpu-backend/shader/host/answer.h"

#include "gpu-backend/shader/spirv.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static void tell(struct penstock_shader_answer *ret_answer, enum penstock_status status,
		 const char *sentence)
{
	*ret_answer = (struct penstock_shader_answer){
		.status = status,
		.word_offset = PENSTOCK_SHADER_NO_WORD,
		.sentence = sentence,
	};
}

/* ---------------------------------------------------------------- how it ended */

/* False: it ended as one does that has answered. */
static bool failed(const struct penstock_shader_leaving *leaving,
		   struct penstock_errbuf *reterr_text, struct penstock_shader_answer *ret_answer)
{
	int status = leaving->wait_status;

	if (leaving->over_time) {
		tell(ret_answer, PENSTOCK_STATUS_TIMEOUT, "the shader takes too long to check");
	} else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
		penstock_errbuf_set(reterr_text,
				    "the shader takes more than %u s of processor time to check",
				    PENSTOCK_LIMIT_SHADER_CPU_S);
		tell(ret_answer, PENSTOCK_STATUS_TIMEOUT, reterr_text->text);
	} else if (leaving->no_memory) {
		tell(ret_answer, PENSTOCK_STATUS_NO_MEMORY,
		     "there is no memory for what the program that checks shaders says");
	} else if (leaving->over_long) {
		tell(ret_answer, PENSTOCK_STATUS_UNSUCCESSFUL,
		     "the program that checks shaders said too much");
	} else if (WIFSIGNALED(status)) {
		penstock_errbuf_set(reterr_text,
				    "the program that checks shaders ended with signal %d",
				    WTERMSIG(status));
		tell(ret_answer, PENSTOCK_STATUS_UNSUCCESSFUL, reterr_text->text);
	} else if (WEXITSTATUS(status) != 0) {
		penstock_errbuf_set(reterr_text,
				    "the program that checks shaders ended with status %d",
				    WEXITSTATUS(status));
		tell(ret_answer, PENSTOCK_STATUS_UNSUCCESSFUL, reterr_text->text);
	} else {
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------- what it said */

/* Text for a person, with an end. */
static bool is_sentence(const char sentence[PENSTOCK_SHADER_SENTENCE_BYTES])
{
	size_t length = strnlen(sentence, PENSTOCK_SHADER_SENTENCE_BYTES);

	for (size_t i = 0; i < length; i++) {
		if (sentence[i] < ' ' || sentence[i] > '~') {
			return false;
		}
	}
	return length < PENSTOCK_SHADER_SENTENCE_BYTES;
}

static bool is_refusal(const struct penstock_shader_answer_header *header, uint32_t word_count)
{
	return header->sentence[0] != '\0' && header->word_count == 0 &&
	       (header->word_offset == PENSTOCK_SHADER_NO_WORD ||
		header->word_offset < word_count || word_count == 0);
}

/* The hardened words are held to what a client's are: whoever made them may have been taken over.
 */
static bool is_success(const struct penstock_shader_answer_header *header, const uint32_t *words,
		       const struct penstock_shader_asked *asked)
{
	struct penstock_spirv_fault fault;

	return header->sentence[0] == '\0' && header->word_offset == PENSTOCK_SHADER_NO_WORD &&
	       penstock_reflection_valid(&header->reflection) &&
	       header->reflection.stage == asked->stage &&
	       strcmp(header->reflection.entry_point, asked->entry_point) == 0 &&
	       penstock_spirv_walk(words, header->word_count, &fault) == PENSTOCK_STATUS_SUCCESS &&
	       penstock_spirv_is_frozen(words, header->word_count);
}

static bool is_whole(const struct penstock_shader_leaving *leaving)
{
	const struct penstock_shader_answer_header *header = leaving->bytes;

	return leaving->byte_count >= sizeof(*header) && header->magic == PENSTOCK_SHADER_MAGIC &&
	       header->word_count <= PENSTOCK_LIMIT_SHADER_HARDENED_BYTES / sizeof(uint32_t) &&
	       leaving->byte_count == sizeof(*header) + header->word_count * sizeof(uint32_t) &&
	       is_sentence(header->sentence);
}

/* False: it makes no sense. */
static bool take(const struct penstock_shader_leaving *leaving,
		 const struct penstock_shader_asked *asked,
		 struct penstock_shader_answer *ret_answer)
{
	const struct penstock_shader_answer_header *header = leaving->bytes;
	const uint32_t *words;
	enum penstock_status status;

	if (!is_whole(leaving)) {
		return false;
	}
	words = (const uint32_t *)(header + 1);
	status = penstock_status_from_wire(header->status);
	switch ((int)status) {
	case PENSTOCK_STATUS_SUCCESS:
		*ret_answer = (struct penstock_shader_answer){
			.status = status,
			.word_offset = PENSTOCK_SHADER_NO_WORD,
			.sentence = "",
			.words = words,
			.word_count = header->word_count,
			.reflection = &header->reflection,
		};
		return is_success(header, words, asked);
	case PENSTOCK_STATUS_INVALID_PARAMETER:
	case PENSTOCK_STATUS_NO_MEMORY:
		tell(ret_answer, status, header->sentence);
		ret_answer->word_offset = header->word_offset;
		return is_refusal(header, asked->word_count);
	default:
		return false;
	}
}

void penstock_shader_answer_read(const struct penstock_shader_leaving *leaving,
				 const struct penstock_shader_asked *asked,
				 struct penstock_errbuf *reterr_text,
				 struct penstock_shader_answer *ret_answer)
{
	if (failed(leaving, reterr_text, ret_answer)) {
		return;
	}
	if (!take(leaving, asked, ret_answer)) {
		tell(ret_answer, PENSTOCK_STATUS_UNSUCCESSFUL,
		     "the program that checks shaders gave an answer that cannot be");
	}
}
