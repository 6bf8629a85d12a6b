/* SPDX-License-Identifier: MIT */
/*
 * Stands in for penstock-shader: it does what the name of its request's entry point says. "main"
 * is answered with the client's own module and a reflection that says little.
 */
#include "gpu-backend/shader/exchange.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct penstock_shader_request_header request;
static struct penstock_shader_answer_header answer;
static uint32_t words[PENSTOCK_LIMIT_SHADER_BYTES / 4];

static void read_whole(void *memory, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t got = read(PENSTOCK_SHADER_FD, (char *)memory + done, bytes - done);

		if (got <= 0) {
			_exit(0);
		}
		done += (size_t)got;
	}
}

static void say(const void *memory, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t put = write(PENSTOCK_SHADER_FD, (const char *)memory + done, bytes - done);

		if (put <= 0) {
			_exit(0);
		}
		done += (size_t)put;
	}
}

/* A sanitizer's handler would make an exit of it. */
static void crash(void)
{
	(void)signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void use_up_time(void)
{
	raise(SIGXCPU);
}

static void fail(void)
{
	_exit(3);
}

static void hang(void)
{
	for (;;) {
		pause();
	}
}

static void say_nothing(void)
{
}

static void flood(void)
{
	for (;;) {
		say(words, sizeof(words));
	}
}

static void say_half(void)
{
	say(&answer, sizeof(answer) / 2);
}

static void say_more(void)
{
	say(&answer, sizeof(answer));
	say(words, request.word_count * 4);
	say("more", 4);
}

static void say_whole(void)
{
	say(&answer, sizeof(answer));
	say(words, answer.word_count * 4);
}

static void lie_about_magic(void)
{
	answer.magic++;
	say_whole();
}

static void lie_about_status(void)
{
	answer.status = penstock_status_to_wire(PENSTOCK_STATUS_PENDING);
	say_whole();
}

static void lie_about_count(void)
{
	answer.word_count = UINT32_MAX;
	say(&answer, sizeof(answer));
}

static void lie_about_stage(void)
{
	answer.reflection.stage = PENSTOCK_SHADER_VERTEX;
	memset(answer.reflection.workgroup_size, 0, sizeof(answer.reflection.workgroup_size));
	say_whole();
}

static void lie_about_bindings(void)
{
	answer.reflection.binding_count = UINT32_MAX;
	say_whole();
}

/* What the daemon would never have permitted: the capability PhysicalStorageBufferAddresses. */
static void lie_about_words(void)
{
	words[6] = 5347;
	say_whole();
}

static void refuse_without_reason(void)
{
	answer.status = penstock_status_to_wire(PENSTOCK_STATUS_INVALID_PARAMETER);
	answer.word_count = 0;
	say_whole();
}

static void refuse_with_word_outside(void)
{
	answer.word_offset = request.word_count;
	memcpy(answer.sentence, "no", 2);
	refuse_without_reason();
}

static void refuse_without_end(void)
{
	memset(answer.sentence, 'a', sizeof(answer.sentence));
	refuse_without_reason();
}

static void refuse_with_controls(void)
{
	memcpy(answer.sentence, "\033[2J", 4);
	refuse_without_reason();
}

static const struct {
	const char *name;
	void (*act)(void);
} acts[] = {
	{ "main", say_whole },
	{ "crash", crash },
	{ "use_up_time", use_up_time },
	{ "fail", fail },
	{ "hang", hang },
	{ "say_nothing", say_nothing },
	{ "flood", flood },
	{ "say_half", say_half },
	{ "say_more", say_more },
	{ "lie_about_magic", lie_about_magic },
	{ "lie_about_status", lie_about_status },
	{ "lie_about_count", lie_about_count },
	{ "lie_about_stage", lie_about_stage },
	{ "lie_about_bindings", lie_about_bindings },
	{ "lie_about_words", lie_about_words },
	{ "refuse_without_reason", refuse_without_reason },
	{ "refuse_with_word_outside", refuse_with_word_outside },
	{ "refuse_without_end", refuse_without_end },
	{ "refuse_with_controls", refuse_with_controls },
};

int main(void)
{
	read_whole(&request, sizeof(request));
	read_whole(words, request.word_count * 4); /* tests of it send no constants */
	answer.magic = PENSTOCK_SHADER_MAGIC;
	answer.word_offset = PENSTOCK_SHADER_NO_WORD;
	answer.word_count = request.word_count;
	answer.reflection.stage = request.stage;
	for (size_t i = 0; i < 3; i++) {
		answer.reflection.workgroup_size[i] = 1;
	}
	memcpy(answer.reflection.entry_point, request.entry_point, sizeof(request.entry_point));
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(acts); i++) {
		if (strcmp(acts[i].name, request.entry_point) == 0) {
			acts[i].act();
			return 0;
		}
	}
	return 1;
}
