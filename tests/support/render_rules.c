/* SPDX-License-Identifier: MIT */
#include "tests/support/render_rules.h"

#include "proto/isa/assembler.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES    16384u
#define COMMAND_BYTES 16384u

uint32_t penstock_rules_assemble(const char *text, uint8_t *ret_bytes, uint32_t capacity)
{
	const struct penstock_assembler assembler = {
		.isa = &penstock_command_isa,
		.file = "rule",
		.first_line = 1,
	};
	struct penstock_errbuf fault = { "" };
	uint32_t length = 0;

	ck_assert_msg(penstock_assemble(&assembler, text, strlen(text), ret_bytes, capacity,
					&length, &fault) == PENSTOCK_STATUS_SUCCESS,
		      "%s\n%s", fault.text, text);
	return length;
}

/* The text with another part; the first of such parts. */
static const char *replaced(const char *text, const char *part, const char *with)
{
	static char result[TEXT_BYTES];
	const char *at = strstr(text, part);

	ck_assert_msg(at != NULL, "\"%s\" is not there", part);
	snprintf(result, sizeof(result), "%.*s%s%s", (int)(at - text), text,
		 with == NULL ? part : with, at + strlen(part));
	return result;
}

static enum penstock_status render(struct penstock_fixture *fixture, const char *text)
{
	static uint8_t command[COMMAND_BYTES];
	uint32_t length = penstock_rules_assemble(text, command, sizeof(command));

	memset(&fixture->refusal, 0, sizeof(fixture->refusal));
	fixture->args.multipass_offset = 0;
	return penstock_fixture_render(fixture, command, length);
}

void penstock_rules_accept(struct penstock_fixture *fixture, const char *text)
{
	ck_assert_msg(render(fixture, text) == PENSTOCK_STATUS_SUCCESS, "%s\n%s",
		      fixture->refusal.sentence, text);
	penstock_fixture_patch(fixture);
	ck_assert_msg(penstock_fixture_check(fixture) == PENSTOCK_STATUS_SUCCESS, "%s\n%s",
		      fixture->fault.text, text);
}

void penstock_rules_refuse(struct penstock_fixture *fixture, const char *text,
			   const struct penstock_rule *rule)
{
	ck_assert_msg(render(fixture, text) != PENSTOCK_STATUS_SUCCESS, "accepted:\n%s", text);
	ck_assert_msg(strcmp(fixture->refusal.instruction, rule->instruction) == 0 &&
			      strcmp(fixture->refusal.operand, rule->operand) == 0 &&
			      strstr(fixture->refusal.sentence, rule->says) != NULL,
		      "%s (%s): %s\nnot %s (%s): %s\n%s", fixture->refusal.instruction,
		      fixture->refusal.operand, fixture->refusal.sentence, rule->instruction,
		      rule->operand, rule->says, text);
}

void penstock_rules_hold(struct penstock_fixture *fixture, const char *text,
			 const struct penstock_rule *rule)
{
	if (rule->prepare != NULL) {
		rule->prepare();
	}
	penstock_rules_accept(fixture, replaced(text, rule->part, rule->good));
	penstock_rules_refuse(fixture, replaced(text, rule->part, rule->bad), rule);
}
