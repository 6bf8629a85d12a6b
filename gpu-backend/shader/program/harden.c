/* SPDX-License-Identifier: MIT */
/*
 * SPIRV-Tools of Debian 12 (2023.1) has the optimizer in C++ only; its C interface came later. The
 * few functions of it that are needed are called here by the names that the C++ ABI of this
 * platform gives them, so that all the work on a module is in one confined process, and we need
 * no compiler of C++. configure links them, so that a library without them is found there.
 *
 * What the ABI says of their arguments: an object is its address; a class that is not trivial is
 * returned where the first argument points to; an empty std::vector is three zeros, and its memory
 * is what operator new gives. Objects have more room here than they take.
 */
#include "config.h"

#include "gpu-backend/shader/program/harden.h"

#include "gpu-backend/shader/program/tools.h"

#include <stdlib.h>
#include <string.h>

/* spvtools::Optimizer is one pointer, and so is its PassToken. */
struct optimizer {
	void *room[8];
};

struct pass {
	void *room[4];
};

/* std::vector<uint32_t> */
struct word_vector {
	uint32_t *first;
	uint32_t *end;
	uint32_t *capacity_end;
};

/* Optimizer::Optimizer(spv_target_env) */
void optimizer_construct(struct optimizer *optimizer, spv_target_env environment) __asm__(
	"_ZN8spvtools9OptimizerC1E14spv_target_env");

/* Optimizer::~Optimizer() */
void optimizer_destroy(struct optimizer *optimizer) __asm__("_ZN8spvtools9OptimizerD1Ev");

/* Optimizer &Optimizer::RegisterPass(PassToken &&) */
struct optimizer *optimizer_register(struct optimizer *optimizer, struct pass *pass) __asm__(
	"_ZN8spvtools9Optimizer12RegisterPassEONS0_9PassTokenE");

/* bool Optimizer::Run(const uint32_t *, size_t, std::vector<uint32_t> *, spv_optimizer_options) */
bool optimizer_run(const struct optimizer *optimizer, const uint32_t *words, size_t word_count,
		   struct word_vector *ret_words,
		   spv_optimizer_options options) __asm__("_ZNK8spvtools9Optimizer3RunEPKjmPSt6vect"
							  "orIjSaIjEEP23spv_optimizer_options_t");

/* PassToken::~PassToken() */
void pass_destroy(struct pass *pass) __asm__("_ZN8spvtools9Optimizer9PassTokenD1Ev");

typedef struct pass *pass_create(struct pass *ret_pass);

pass_create create_freeze __asm__("_ZN8spvtools33CreateFreezeSpecConstantValuePassEv");
pass_create create_fold __asm__("_ZN8spvtools40CreateFoldSpecConstantOpAndCompositePassEv");
pass_create create_robust_access __asm__("_ZN8spvtools30CreateGraphicsRobustAccessPassEv");

/* operator delete(void *) */
void cxx_delete(void *memory) __asm__("_ZdlPv");

static pass_create *const passes[] = { create_freeze, create_fold, create_robust_access };

static bool run(const uint32_t *words, uint32_t word_count, spv_optimizer_options options,
		struct word_vector *ret_hardened)
{
	struct optimizer optimizer;
	bool ran;

	optimizer_construct(&optimizer, SPV_ENV_VULKAN_1_3);
	for (size_t i = 0; i < PENSTOCK_ARRAY_SIZE(passes); i++) {
		struct pass pass;

		passes[i](&pass);
		optimizer_register(&optimizer, &pass);
		pass_destroy(&pass);
	}
	ran = optimizer_run(&optimizer, words, word_count, ret_hardened, options);
	optimizer_destroy(&optimizer);
	return ran;
}

/* Into memory of ours. */
static enum penstock_status take(const struct word_vector *hardened, uint32_t **ret_words,
				 uint32_t *ret_word_count,
				 struct penstock_spirv_fault *reterr_fault)
{
	size_t count = (size_t)(hardened->end - hardened->first);
	uint32_t *words;

	if (count > PENSTOCK_LIMIT_SHADER_HARDENED_BYTES / sizeof(uint32_t)) {
		return penstock_spirv_refuse(
			reterr_fault, PENSTOCK_SHADER_NO_WORD,
			"with robust access the module has %zu words, and "
			"at most %zu are permitted",
			count, PENSTOCK_LIMIT_SHADER_HARDENED_BYTES / sizeof(uint32_t));
	}
	words = malloc(count * sizeof(*words) + 1);
	if (words == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	memcpy(words, hardened->first, count * sizeof(*words));
	*ret_words = words;
	*ret_word_count = (uint32_t)count;
	return PENSTOCK_STATUS_SUCCESS;
}

enum penstock_status penstock_shader_harden(const uint32_t *words, uint32_t word_count,
					    uint32_t **ret_words, uint32_t *ret_word_count,
					    struct penstock_spirv_fault *reterr_fault)
{
	spv_optimizer_options options = spvOptimizerOptionsCreate();
	struct word_vector hardened = { NULL, NULL, NULL };
	enum penstock_status status;

	if (options == NULL) {
		return PENSTOCK_STATUS_NO_MEMORY;
	}
	/* It was validated, and what comes out of this will be. */
	spvOptimizerOptionsSetRunValidator(options, false);
	spvOptimizerOptionsSetMaxIdBound(options, PENSTOCK_LIMIT_SHADER_IDS);
	if (run(words, word_count, options, &hardened)) {
		status = take(&hardened, ret_words, ret_word_count, reterr_fault);
	} else {
		status = penstock_spirv_refuse(reterr_fault, PENSTOCK_SHADER_NO_WORD,
					       "the module cannot be given robust access");
	}
	cxx_delete(hardened.first);
	spvOptimizerOptionsDestroy(options);
	return status;
}
