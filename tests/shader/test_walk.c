/* SPDX-License-Identifier: MIT */
/* Our own reading of SPIR-V: what it refuses, and with which word. */
#include "config.h"

#include "gpu-backend/shader/spirv.h"
#include "tests/harness.h"
#include "tests/shader/module.h"

#include <spirv.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- what is not permitted */

#define SHADER "OpCapability Shader\n"
#define MODEL  "OpMemoryModel Logical GLSL450\n"

static const struct {
	const char *text;
	const char *sentence; /* is in what is said */
	uint32_t word_offset;
} refused[] = {
	{ SHADER "OpCapability PhysicalStorageBufferAddresses\n" MODEL,
	  "capability PhysicalStorageBufferAddresses is not permitted: it reads and writes any "
	  "address",
	  7 },
	{ SHADER "OpCapability VariablePointers\n" MODEL, "VariablePointers is not permitted", 7 },
	{ SHADER "OpCapability VariablePointersStorageBuffer\n" MODEL,
	  "VariablePointersStorageBuffer is not permitted", 7 },
	{ SHADER "OpCapability RuntimeDescriptorArray\n" MODEL,
	  "capability RuntimeDescriptorArray is not permitted: an index", 7 },
	{ SHADER "OpCapability RayQueryKHR\n" MODEL, "RayQueryKHR is not permitted", 7 },
	{ SHADER "OpCapability MeshShadingEXT\n" MODEL, "MeshShadingEXT is not permitted", 7 },
	{ SHADER "OpCapability DeviceGroup\n" MODEL, "DeviceGroup is not permitted", 7 },
	{ "OpCapability Kernel\n" MODEL, "capability Kernel is not permitted: it is not of Vulkan",
	  5 },
	{ "OpCapability Linkage\n" MODEL, "capability Linkage is not permitted", 5 },
	{ SHADER "OpExtension \"SPV_KHR_physical_storage_buffer\"\n" MODEL,
	  "extension SPV_KHR_physical_storage_buffer is not permitted", 7 },
	{ SHADER "%1 = OpExtInstImport \"OpenCL.std\"\n" MODEL, "OpenCL.std is not permitted", 7 },
	{ SHADER "OpMemoryModel PhysicalStorageBuffer64 GLSL450\n", "addressing model 5348", 7 },
	{ SHADER "OpMemoryModel Physical64 OpenCL\n", "addressing model 2", 7 },
	{ SHADER "OpMemoryModel Logical Simple\n", "memory model 0", 7 },
	{ SHADER, "one memory model, and this has 0", PENSTOCK_SHADER_NO_WORD },
	{ SHADER MODEL MODEL, "one memory model, and this has 2", PENSTOCK_SHADER_NO_WORD },
	{ SHADER MODEL "OpEntryPoint Kernel %1 \"main\"\n", "execution model 6", 10 },
	{ SHADER MODEL "OpEntryPoint RayGenerationKHR %1 \"main\"\n", "execution model 5313", 10 },
	{ SHADER MODEL "OpExecutionMode %1 Xfb\n", "execution mode 11 is not permitted", 10 },
	{ SHADER MODEL "OpExecutionMode %1 OriginLowerLeft\n", "execution mode 8", 10 },
	{ SHADER MODEL "%1 = OpTypeFloat 32\n%2 = OpTypePointer PhysicalStorageBuffer %1\n",
	  "storage class PhysicalStorageBuffer is not permitted: it reads and writes any address",
	  13 },
	{ SHADER MODEL "%1 = OpTypeFloat 32\n%2 = OpTypePointer CrossWorkgroup %1\n",
	  "storage class CrossWorkgroup", 13 },
	{ SHADER MODEL "%1 = OpTypeFloat 32\n%2 = OpTypePointer Private %1\n"
		       "%3 = OpVariable %2 Generic\n",
	  "storage class Generic", 17 },
	{ SHADER MODEL "OpTypeForwardPointer %1 Uniform\n",
	  "OpTypeForwardPointer is not permitted: it is for physical addresses", 10 },
};

START_TEST(walk_refuses_what_is_not_in_the_table_with_its_word)
{
	struct module module = module_assemble(refused[_i].text);
	struct penstock_spirv_fault fault = { 0, "" };

	ck_assert_int_eq(penstock_spirv_walk(module.words, module.word_count, &fault),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_msg(strstr(fault.sentence, refused[_i].sentence) != NULL, "'%s' is not in '%s'",
		      refused[_i].sentence, fault.sentence);
	ck_assert_uint_eq(fault.word_offset, refused[_i].word_offset);
	module_finish(&module);
}
END_TEST

/* Instructions that take a pointer apart, or make one. */
static const uint32_t pointers[] = {
	SpvOpConvertPtrToU,
	SpvOpConvertUToPtr,
	SpvOpPtrCastToGeneric,
	SpvOpGenericCastToPtr,
	SpvOpGenericCastToPtrExplicit,
	SpvOpCopyMemorySized,
	SpvOpPtrAccessChain,
	SpvOpInBoundsPtrAccessChain,
	SpvOpPtrEqual,
	SpvOpPtrNotEqual,
	SpvOpPtrDiff,
};

START_TEST(walk_refuses_arithmetic_with_pointers)
{
	uint32_t words[] = {
		SpvMagicNumber,          0x00010300, 0, 9, 0, 3u << 16 | SpvOpMemoryModel, 0, 1,
		5u << 16 | pointers[_i], 1,          2, 3, 4
	};
	struct penstock_spirv_fault fault = { 0, "" };

	ck_assert_int_eq(penstock_spirv_walk(words, PENSTOCK_ARRAY_SIZE(words), &fault),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert(strstr(fault.sentence, "is not permitted") != NULL);
	ck_assert_uint_eq(fault.word_offset, 8);
}
END_TEST

/* ---------------------------------------------------------------- what is no module */

/* A module that is as short as one can be, with one word changed. */
static const struct {
	uint32_t at, word;
	uint32_t word_offset;
	const char *sentence;
} damaged[] = {
	{ 0, 0x03022307, 0, "is not how SPIR-V begins" }, /* the other byte order */
	{ 1, 0x00010700, 1, "version 0x00010700" },
	{ 1, 0x00000900, 1, "version 0x00000900" },
	{ 1, 0x00010301, 1, "version 0x00010301" },
	{ 3, 0, 3, "the bound of ids is 0" },
	{ 3, PENSTOCK_LIMIT_SHADER_IDS + 1, 3, "the bound of ids is 262145" },
	{ 4, 1, 4, "the schema is 0x00000001" },
	{ 5, 0, 5, "an instruction of 0 words, and 5 words are left" },
	{ 5, 6u << 16 | SpvOpCapability, 5, "an instruction of 6 words, and 5 words are left" },
	{ 5, 1u << 16 | SpvOpCapability, 5, "has 1 words, and needs 2" },
	{ 5, 0xffffu << 16 | SpvOpCapability, 5, "an instruction of 65535 words" },
	{ 6, 4242, 5, "capability 4242 is not known" },
	{ 7, 4u << 16 | SpvOpMemoryModel, 7, "an instruction of 4 words, and 3 words are left" },
};

START_TEST(walk_refuses_words_that_are_no_module)
{
	uint32_t words[] = { SpvMagicNumber,
			     0x00010300,
			     0,
			     1,
			     0,
			     2u << 16 | SpvOpCapability,
			     SpvCapabilityShader,
			     3u << 16 | SpvOpMemoryModel,
			     SpvAddressingModelLogical,
			     SpvMemoryModelGLSL450 };
	struct penstock_spirv_fault fault = { 0, "" };

	ck_assert_int_eq(penstock_spirv_walk(words, PENSTOCK_ARRAY_SIZE(words), &fault),
			 PENSTOCK_STATUS_SUCCESS);
	words[damaged[_i].at] = damaged[_i].word;
	ck_assert_int_eq(penstock_spirv_walk(words, PENSTOCK_ARRAY_SIZE(words), &fault),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_msg(strstr(fault.sentence, damaged[_i].sentence) != NULL, "%s", fault.sentence);
	ck_assert_uint_eq(fault.word_offset, damaged[_i].word_offset);
}
END_TEST

START_TEST(walk_reads_no_name_past_its_instruction)
{
	uint32_t words[] = { SpvMagicNumber, 0x00010300, 0, 1, 0, 2u << 16 | SpvOpExtension,
			     0x41414141 };
	struct penstock_spirv_fault fault = { 0, "" };

	ck_assert_int_eq(penstock_spirv_walk(words, PENSTOCK_ARRAY_SIZE(words), &fault),
			 PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(fault.sentence, "the name of an extension has no end");
}
END_TEST

/* ---------------------------------------------------------------- specialising */

START_TEST(specialise_writes_defaults_of_each_size)
{
	struct module module = module_assemble(
		SHADER "OpCapability Int64\nOpCapability Int16\nOpCapability Int8\n" MODEL
		       "OpDecorate %1 SpecId 10\nOpDecorate %2 SpecId 11\nOpDecorate %3 SpecId 12\n"
		       "OpDecorate %4 SpecId 13\nOpDecorate %5 SpecId 14\nOpDecorate %6 SpecId 15\n"
		       "%10 = OpTypeInt 32 0\n%11 = OpTypeInt 64 0\n%12 = OpTypeInt 16 1\n"
		       "%13 = OpTypeBool\n%14 = OpTypeInt 8 0\n"
		       "%1 = OpSpecConstant %10 1\n%2 = OpSpecConstant %11 2\n"
		       "%3 = OpSpecConstant %12 3\n%4 = OpSpecConstantTrue %13\n"
		       "%5 = OpSpecConstantFalse %13\n%6 = OpSpecConstant %14 4\n");
	static const struct penstock_shader_constant constants[] = {
		{ 10, 4, 0xfedcba98 }, { 11, 8, 0x123456789abcdef0 },
		{ 12, 2, 0xfffe },     { 13, 4, 0 },
		{ 14, 4, 7 },          { 15, 1, 0xff },
		{ 99, 4, 1 }, /* for nobody */
	};
	struct penstock_spirv_fault fault = { 0, "" };

	ck_assert(!penstock_spirv_is_frozen(module.words, module.word_count));
	ck_assert_int_eq(penstock_spirv_specialise(module.words, module.word_count, constants,
						   PENSTOCK_ARRAY_SIZE(constants), &fault),
			 PENSTOCK_STATUS_SUCCESS);
	ck_assert(
		module_says(module.words, module.word_count, "%1 = OpSpecConstant %10 4275878552"));
	ck_assert(module_says(module.words, module.word_count,
			      "%2 = OpSpecConstant %11 1311768467463790320"));
	ck_assert(module_says(module.words, module.word_count, "%3 = OpSpecConstant %12 -2"));
	ck_assert(module_says(module.words, module.word_count, "%4 = OpSpecConstantFalse %13"));
	ck_assert(module_says(module.words, module.word_count, "%5 = OpSpecConstantTrue %13"));
	ck_assert(module_says(module.words, module.word_count, "%6 = OpSpecConstant %14 255"));
	module_finish(&module);
}
END_TEST

START_TEST(specialise_refuses_a_value_of_another_size)
{
	struct module module =
		module_assemble(SHADER MODEL "OpDecorate %1 SpecId 10\n%10 = OpTypeInt 32 0\n"
					     "%1 = OpSpecConstant %10 1\n");
	const struct penstock_shader_constant constant = { 10, 8, 1 };
	struct penstock_spirv_fault fault = { 0, "" };

	ck_assert_int_eq(
		penstock_spirv_specialise(module.words, module.word_count, &constant, 1, &fault),
		PENSTOCK_STATUS_INVALID_PARAMETER);
	ck_assert_str_eq(fault.sentence,
			 "specialisation constant 10 is of 4 bytes, and its value of 8");
	module_finish(&module);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("walk");
	TCase *tcase = tcase_create("walk");

	tcase_add_loop_test(tcase, walk_refuses_what_is_not_in_the_table_with_its_word, 0,
			    (int)PENSTOCK_ARRAY_SIZE(refused));
	tcase_add_loop_test(tcase, walk_refuses_arithmetic_with_pointers, 0,
			    (int)PENSTOCK_ARRAY_SIZE(pointers));
	tcase_add_loop_test(tcase, walk_refuses_words_that_are_no_module, 0,
			    (int)PENSTOCK_ARRAY_SIZE(damaged));
	tcase_add_test(tcase, walk_reads_no_name_past_its_instruction);
	tcase_add_test(tcase, specialise_writes_defaults_of_each_size);
	tcase_add_test(tcase, specialise_refuses_a_value_of_another_size);
	suite_add_tcase(suite, tcase);
	return penstock_test_main(suite);
}
