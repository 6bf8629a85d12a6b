/* SPDX-License-Identifier: MIT */
/* Which descriptions of a driver are believed, and what of them is passed on. */
#include "proto/adapter/facts.h"
#include "proto/graphics.h"
#include "proto/wire/limits.h"
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct penstock_description description;
static struct penstock_fact_values *const values = &description.facts.values;

/* What a driver that has no more than it must might say. */
static void make_good(void)
{
	memset(&description, 0, sizeof(description));
	description.magic = PENSTOCK_FACTS_MAGIC;
	description.version = PENSTOCK_FACTS_VERSION;
	description.bytes = sizeof(description);
	description.works = 1;
	description.facts.memory_type_count = description.facts.memory_heap_count = 1;
	values->properties_apiVersion[0] = 1u << 22 | 3u << 12 | 230;
	values->features_robustBufferAccess[0] = 1;
	values->features13_dynamicRendering[0] = 1;
}

static void set_text(char ret_text[PENSTOCK_FACTS_TEXT_BYTES], const char *text)
{
	snprintf(ret_text, PENSTOCK_FACTS_TEXT_BYTES, "%s", text);
}

static const char *fault(void)
{
	return penstock_description_fault(&description, sizeof(description));
}

static void expect_fault(const char *text)
{
	const char *found = fault();

	ck_assert_msg(found != NULL && strstr(found, text) != NULL, "'%s', not '%s'",
		      found != NULL ? found : "none", text);
}

/* ---------------------------------------------------------------- what is believed */

START_TEST(what_a_driver_says_is_believed)
{
	ck_assert_ptr_null(fault());
}
END_TEST

START_TEST(what_is_no_description_is_not_read)
{
	ck_assert_ptr_nonnull(penstock_description_fault(&description, 0));
	ck_assert_ptr_nonnull(penstock_description_fault(&description, sizeof(description) - 1));
	ck_assert_ptr_nonnull(penstock_description_fault(&description, sizeof(description) + 1));
	description.bytes--;
	expect_fault("no description");
	make_good();
	description.magic ^= 1;
	expect_fault("no description");
	make_good();
	description.version++;
	expect_fault("no description");
	make_good();
	description.works = 2;
	expect_fault("no description");
}
END_TEST

START_TEST(a_driver_that_does_not_work_is_told_with_its_reason)
{
	description.works = 0;
	set_text(description.why, "no\x1b[1m driver\n");
	expect_fault("no?[1m driver?");
	description.why[0] = '\0';
	expect_fault("does not say why");
	memset(description.why, 'x', sizeof(description.why));
	expect_fault("no description");
}
END_TEST

START_TEST(texts_end_and_are_printable)
{
	set_text(description.facts.device_name, "a\tb\x80");
	ck_assert_ptr_null(fault());
	ck_assert_str_eq(description.facts.device_name, "a?b?");
	memset(description.facts.driver_info, 'x', sizeof(description.facts.driver_info));
	expect_fault("cannot be");
}
END_TEST

/* A value that each kind cannot have; sizes can be anything. */
START_TEST(values_are_of_their_kind)
{
	static const uint64_t wrong[] = {
		[PENSTOCK_FACT_FLAG] = 2,
		[PENSTOCK_FACT_NUMBER] = 1ull << 32,
		[PENSTOCK_FACT_SIGNED] = 1ull << 31,
		[PENSTOCK_FACT_SINGLE] = UINT64_MAX,
	};

	for (uint32_t id = 0; id < PENSTOCK_FACTS; id++) {
		const struct penstock_fact *fact = penstock_fact_at(id);
		uint64_t *last = (uint64_t *)values + fact->first + fact->count - 1;

		if (fact->kind == PENSTOCK_FACT_SIZE) {
			continue;
		}
		make_good();
		*last = wrong[fact->kind];
		expect_fault("cannot be");
	}
	make_good();
	values->limits_minTexelOffset[0] = (uint64_t)-32;
	ck_assert_ptr_null(fault());
}
END_TEST

START_TEST(memory_types_are_of_heaps_that_there_are)
{
	description.facts.memory_type_count = 0;
	expect_fault("cannot be");
	description.facts.memory_type_count = PENSTOCK_FACTS_MEMORY_TYPES + 1;
	expect_fault("cannot be");
	make_good();
	description.facts.memory_heap_count = PENSTOCK_FACTS_MEMORY_HEAPS + 1;
	expect_fault("cannot be");
	make_good();
	description.facts.memory_types[0].heap = 1;
	expect_fault("cannot be");
}
END_TEST

START_TEST(a_driver_that_lacks_what_every_adapter_needs_is_none)
{
	values->properties_apiVersion[0] = 1u << 22 | 2u << 12 | 200;
	expect_fault("no Vulkan 1.3");
	make_good();
	values->features_robustBufferAccess[0] = 0;
	expect_fault("no robust buffer access");
	make_good();
	values->features13_dynamicRendering[0] = 0;
	expect_fault("no dynamic rendering");
}
END_TEST

/* Whatever a process wrote: what is believed of it can be shown, and is within its arrays. */
START_TEST(any_bytes_are_refused_or_within_bounds)
{
	uint32_t seed = 1;

	for (uint32_t round = 0; round < 20000; round++) {
		make_good();
		for (uint32_t i = 0; i < 4; i++) {
			seed = seed * 1664525 + 1013904223;
			((uint8_t *)&description)[(seed >> 8) % sizeof(description)] =
				(uint8_t)(seed & 1 ? 1 : seed >> 24);
		}
		if (fault() != NULL) {
			continue;
		}
		ck_assert_uint_lt(strnlen(description.facts.device_name, 256), 256);
		ck_assert_uint_le(description.facts.memory_type_count, PENSTOCK_FACTS_MEMORY_TYPES);
		ck_assert_uint_lt(description.facts.memory_types[0].heap,
				  description.facts.memory_heap_count);
		penstock_adapter_facts_carry(&description.facts);
		ck_assert_uint_le(values->limits_maxViewports[0], PENSTOCK_LIMIT_VIEWPORTS);
	}
}
END_TEST

/* ---------------------------------------------------------------- what is carried */

START_TEST(what_is_not_carried_is_taken_away)
{
	memset(values, 0xff, sizeof(*values));
	memset(description.facts.formats, 0xff, sizeof(description.facts.formats));
	penstock_adapter_facts_carry(&description.facts);
	ck_assert_uint_eq(values->features12_bufferDeviceAddress[0], 0);
	ck_assert_uint_eq(values->features_sparseBinding[0], 0);
	ck_assert_uint_eq(values->features11_variablePointers[0], 0);
	ck_assert_uint_eq(values->features12_runtimeDescriptorArray[0], 0);
	ck_assert_uint_eq(values->limits_maxImageDimension2D[0], PENSTOCK_LIMIT_IMAGE_EXTENT);
	ck_assert_uint_eq(values->limits_maxComputeWorkGroupCount[2], PENSTOCK_LIMIT_WORKGROUPS);
	ck_assert_uint_eq(values->limits_framebufferColorSampleCounts[0], 5);
	ck_assert_uint_eq(description.facts.formats[0].optimal, 0x30001dfff);
	ck_assert_uint_eq(description.facts.formats[PENSTOCK_TEXEL_FORMATS - 1].buffer,
			  0x30001dfff);
}
END_TEST

START_TEST(what_is_less_than_the_limits_stays_and_alignments_grow)
{
	values->limits_maxImageDimension2D[0] = 4096;
	values->limits_minUniformBufferOffsetAlignment[0] = 1;
	values->limits_minStorageBufferOffsetAlignment[0] = 256;
	values->features_geometryShader[0] = 1;
	penstock_adapter_facts_carry(&description.facts);
	ck_assert_uint_eq(values->limits_maxImageDimension2D[0], 4096);
	ck_assert_uint_eq(values->limits_minUniformBufferOffsetAlignment[0], 16);
	ck_assert_uint_eq(values->limits_minStorageBufferOffsetAlignment[0], 256);
	ck_assert_uint_eq(values->features_geometryShader[0], 1);
}
END_TEST

START_TEST(facts_are_found_by_name)
{
	const struct penstock_fact *fact = penstock_fact_by_name("limits.maxComputeWorkGroupSize");

	ck_assert_ptr_nonnull(fact);
	ck_assert_uint_eq(fact->count, 3);
	values->limits_maxComputeWorkGroupSize[2] = 64;
	ck_assert_uint_eq(penstock_fact_values_of(&description.facts, fact)[2], 64);
	ck_assert_ptr_null(penstock_fact_by_name("limits"));
	ck_assert_ptr_null(penstock_fact_by_name(""));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("facts");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, make_good, NULL);
	tcase_add_test(tests, what_a_driver_says_is_believed);
	tcase_add_test(tests, what_is_no_description_is_not_read);
	tcase_add_test(tests, a_driver_that_does_not_work_is_told_with_its_reason);
	tcase_add_test(tests, texts_end_and_are_printable);
	tcase_add_test(tests, values_are_of_their_kind);
	tcase_add_test(tests, memory_types_are_of_heaps_that_there_are);
	tcase_add_test(tests, a_driver_that_lacks_what_every_adapter_needs_is_none);
	tcase_add_test(tests, any_bytes_are_refused_or_within_bounds);
	tcase_add_test(tests, what_is_not_carried_is_taken_away);
	tcase_add_test(tests, what_is_less_than_the_limits_stays_and_alignments_grow);
	tcase_add_test(tests, facts_are_found_by_name);
	suite_add_tcase(suite, tests);
	return penstock_test_main(suite);
}
