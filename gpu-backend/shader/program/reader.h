/* SPDX-License-Identifier: MIT */
/* A module that SPIRV-Cross has read, on its way into a reflection. */
#ifndef PENSTOCK_SHADER_READER_H
#define PENSTOCK_SHADER_READER_H

#include "gpu-backend/shader/program/facts.h"

#include <spirv_cross_c.h>

struct penstock_shader_reader {
	spvc_compiler compiler;
	spvc_resources resources;
	const struct penstock_shader_facts *facts;
	struct penstock_shader_reflection *reflection;
	struct penstock_spirv_fault *fault;
};

/* FLOAT, SIGNED, UNSIGNED of a scalar's base type; NONE: it is none that a stage takes. */
static inline enum penstock_shader_number penstock_shader_number_of(spvc_basetype type)
{
	static const uint8_t numbers[] = {
		[SPVC_BASETYPE_INT8] = PENSTOCK_NUMBER_SIGNED,
		[SPVC_BASETYPE_UINT8] = PENSTOCK_NUMBER_UNSIGNED,
		[SPVC_BASETYPE_INT16] = PENSTOCK_NUMBER_SIGNED,
		[SPVC_BASETYPE_UINT16] = PENSTOCK_NUMBER_UNSIGNED,
		[SPVC_BASETYPE_INT32] = PENSTOCK_NUMBER_SIGNED,
		[SPVC_BASETYPE_UINT32] = PENSTOCK_NUMBER_UNSIGNED,
		[SPVC_BASETYPE_INT64] = PENSTOCK_NUMBER_SIGNED,
		[SPVC_BASETYPE_UINT64] = PENSTOCK_NUMBER_UNSIGNED,
		[SPVC_BASETYPE_FP16] = PENSTOCK_NUMBER_FLOAT,
		[SPVC_BASETYPE_FP32] = PENSTOCK_NUMBER_FLOAT,
		[SPVC_BASETYPE_FP64] = PENSTOCK_NUMBER_FLOAT,
	};

	return (size_t)type < PENSTOCK_ARRAY_SIZE(numbers)
		       ? (enum penstock_shader_number)numbers[type]
		       : PENSTOCK_NUMBER_NONE;
}

#endif
