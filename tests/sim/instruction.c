/* SPDX-License-Identifier: MIT */
/*
 * Instructions of a submission: how its DMA buffer says them, and what each does to the bytes of
 * the model. Some are long enough to be preempted inside; these are done in pieces, of which each
 * has its effect when the GPU has executed it.
 */
#include "tests/sim/sim.h"

#include "gpu-backend/dma.h"
#include "gpu-backend/emulated/gpu/engine.h"
#include "proto/wire/limits.h"

#include <string.h>

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)

#define SHORT_BYTES 16384u

/* A long raster operation: rows of so many pixels of 32 bits. */
#define ROW_PIXELS 1024u
#define ROW_BYTES  (4u * ROW_PIXELS)

/* ---------------------------------------------------------------- where it is */

uint32_t sim_job_offset(const struct sim_job *job, uint32_t instruction)
{
	return instruction == job->count ? job->work.submission.args.dma_length
					 : job->instructions[instruction].dma_offset;
}

uint64_t sim_job_duration(const struct sim_job *job, uint32_t instruction)
{
	return instruction < job->count ? job->instructions[instruction].duration_ns : MICROSECOND;
}

/* What a GPU that was given an offset makes of it. */
uint32_t sim_job_at(struct sim *sim, const struct sim_job *job, uint32_t offset)
{
	uint32_t at = 0;

	while (sim_job_offset(job, at) < offset) {
		at++;
	}
	SIM_CHECK(sim, sim_job_offset(job, at) == offset,
		  "job %u goes on at 0x%x, where it has no instruction", job->number, offset);
	return at;
}

/* A position counts bytes; of a raster operation rows of its rectangle, from bit 22 on. */
static uint64_t bytes_at(const struct sim_instruction *instruction, uint64_t position)
{
	return instruction->effect == SIM_EFFECT_XOR ? (position >> 22) * instruction->row_bytes
						     : position;
}

/* The engine looks at its flag once it did so many bytes more. */
static uint64_t band_bytes(const struct sim_instruction *instruction)
{
	return instruction->effect == SIM_EFFECT_XOR ? 4ull * PENSTOCK_BAND_PIXELS
						     : PENSTOCK_BAND_BYTES;
}

bool sim_job_flag(struct sim *sim, const struct sim_job *job, uint32_t at, uint64_t position,
		  uint64_t *ret_address)
{
	const struct sim_instruction *instruction = &job->instructions[at];
	uint64_t done, band, start;

	if (at == job->count || instruction->size == 0) {
		return false;
	}
	done = bytes_at(instruction, position);
	band = band_bytes(instruction);
	if (instruction->size - done <= band + 16) {
		return false;
	}
	start = job->places[instruction->to].address + instruction->to_offset + done;
	*ret_address = penstock_align_up(
		start + sim_between(&sim->random, 0, instruction->size - done - band - 16), 8);
	return true;
}

/* ---------------------------------------------------------------- effects */

static void fill(struct sim_thing *to, const struct sim_instruction *instruction, uint64_t from,
		 uint64_t end)
{
	for (uint64_t i = from; i < end; i += 4) {
		memcpy(to->bytes + instruction->to_offset + i, &instruction->value, 4);
	}
}

static void invert(struct sim_thing *to, const struct sim_instruction *instruction, uint64_t from,
		   uint64_t end)
{
	for (uint64_t i = from; i < end; i += 4) {
		uint8_t *bytes = to->bytes + instruction->to_offset + i;

		penstock_store32(bytes, penstock_load32(bytes) ^ instruction->value);
	}
}

void sim_instruction_effect(const struct sim_job *job, uint32_t at, uint64_t position, uint64_t end)
{
	const struct sim_instruction *instruction = &job->instructions[at];
	struct sim_thing *to = job->things[instruction->to];
	uint64_t from_byte = bytes_at(instruction, position);
	uint64_t end_byte =
		end == SIM_POSITION_END ? instruction->size : bytes_at(instruction, end);

	switch (instruction->effect) {
	case SIM_EFFECT_NONE:
	case SIM_EFFECT_FAULT:
		return;
	case SIM_EFFECT_FILL:
		fill(to, instruction, from_byte, end_byte);
		return;
	case SIM_EFFECT_COPY:
		memmove(to->bytes + instruction->to_offset + from_byte,
			job->things[instruction->from]->bytes + instruction->from_offset +
				from_byte,
			end_byte - from_byte);
		return;
	case SIM_EFFECT_XOR:
		invert(to, instruction, from_byte, end_byte);
		return;
	}
}

/* ---------------------------------------------------------------- what it needs */

uint32_t sim_instruction_things(const struct sim_job *job, uint32_t at,
				const struct sim_thing *ret_things[2])
{
	const struct sim_instruction *instruction = &job->instructions[at];

	if (instruction->effect == SIM_EFFECT_NONE || instruction->effect == SIM_EFFECT_FAULT) {
		return 0;
	}
	ret_things[0] = job->things[instruction->to];
	ret_things[1] = job->things[instruction->from];
	return instruction->effect == SIM_EFFECT_COPY ? 2 : 1;
}

/* ---------------------------------------------------------------- making some */

/* An element that may be written; false: there is none. */
static bool pick_target(struct sim *sim, const struct sim_job *job, uint32_t *ret_element)
{
	if (job->thing_count == 0) {
		return false;
	}
	*ret_element = sim_below(&sim->random, job->thing_count);
	return job->work.references[*ret_element].write_operation;
}

static uint64_t pick_range(struct sim *sim, const struct sim_thing *thing, bool all,
			   uint64_t *ret_offset)
{
	uint64_t size, last = (thing->size - 4) / 4;

	*ret_offset = sim_between(&sim->random, 0, all && last > 1024 ? 1024 : last) * 4;
	size = (thing->size - *ret_offset) / 4 * 4;
	return size < SHORT_BYTES || all ? size : sim_spread(&sim->random, 4, SHORT_BYTES) / 4 * 4;
}

static void add_fill(struct sim *sim, struct sim_job *job, struct sim_instruction *instruction)
{
	(void)sim;
	instruction->effect = SIM_EFFECT_FILL;
	work_fill(&job->work, instruction->to, instruction->to_offset, instruction->size,
		  instruction->value);
}

static void add_invert(struct sim *sim, struct sim_job *job, struct sim_instruction *instruction)
{
	uint32_t rows = (uint32_t)(instruction->size / ROW_BYTES);

	if (job->context->queue.node_ordinal != PENSTOCK_NODE_RENDER_ORDINAL) {
		add_fill(sim, job, instruction);
		return;
	}
	instruction->effect = SIM_EFFECT_XOR;
	if (rows < 2) {
		instruction->row_bytes = instruction->size;
		work_invert(&job->work, instruction->to, instruction->to_offset,
			    (uint32_t)(instruction->size / 4), 1, instruction->value);
		return;
	}
	instruction->row_bytes = ROW_BYTES;
	instruction->size = (uint64_t)rows * ROW_BYTES;
	work_invert(&job->work, instruction->to, instruction->to_offset, ROW_PIXELS, rows,
		    instruction->value);
}

/* Most of what no segments hold at once is not asked for: it costs a device each time. */
static bool is_wise(struct sim *sim, const struct sim_job *job,
		    const struct sim_instruction *instruction)
{
	const struct sim_thing *things[2] = { job->things[instruction->to],
					      job->things[instruction->from] };

	return sim_things_fit(sim, things, 2) || sim_chance(&sim->random, 200);
}

static void add_copy(struct sim *sim, struct sim_job *job, struct sim_instruction *instruction)
{
	bool all = instruction->size > SHORT_BYTES;
	uint64_t size;

	instruction->from = sim_below(&sim->random, job->thing_count);
	size = pick_range(sim, job->things[instruction->from], all, &instruction->from_offset);
	/* In one thing they might overlap. */
	if (instruction->from == instruction->to || !is_wise(sim, job, instruction)) {
		instruction->from = 0;
		instruction->from_offset = 0;
		add_fill(sim, job, instruction);
		return;
	}
	instruction->effect = SIM_EFFECT_COPY;
	instruction->size = size < instruction->size ? size : instruction->size;
	work_copy(&job->work, instruction->from, instruction->from_offset, instruction->to,
		  instruction->to_offset, instruction->size);
}

static void add_one(struct sim *sim, struct sim_job *job)
{
	static void (*const kinds[])(struct sim * sim, struct sim_job * job,
				     struct sim_instruction * instruction) = { add_fill, add_invert,
									       add_copy };
	struct sim_instruction *instruction = &job->instructions[job->count++];
	bool is_long = sim_chance(&sim->random, sim->habits.lengthy);

	*instruction =
		(struct sim_instruction){ .dma_offset = job->work.submission.args.dma_length };
	instruction->duration_ns = sim_spread(&sim->random, MICROSECOND, 60 * MICROSECOND);
	instruction->value = (uint32_t)sim_next(&sim->random);
	if (!pick_target(sim, job, &instruction->to)) {
		work_nop(&job->work);
		return;
	}
	instruction->size =
		pick_range(sim, job->things[instruction->to], is_long, &instruction->to_offset);
	if (is_long) {
		instruction->duration_ns =
			sim_spread(&sim->random, 100 * MICROSECOND, 4 * MILLISECOND);
	}
	kinds[sim_below(&sim->random, PENSTOCK_ARRAY_SIZE(kinds))](sim, job, instruction);
}

/* Its device will be lost, where it comes so far. */
static void add_fault(struct sim *sim, struct sim_job *job)
{
	struct sim_instruction *instruction = &job->instructions[job->count++];

	*instruction = (struct sim_instruction){
		.effect = SIM_EFFECT_FAULT,
		.dma_offset = job->work.submission.args.dma_length,
		.duration_ns = sim_spread(&sim->random, MICROSECOND, 60 * MICROSECOND),
	};
	job->may_fault = true;
	if (sim_chance(&sim->random, 500)) {
		work_stray_fill(&job->work,
				PENSTOCK_APERTURE_BASE + sim->aperture_bytes + 4 * job->number, 4,
				1);
	} else {
		work_illegal(&job->work);
	}
}

static bool moves_much(const struct sim_job *job)
{
	for (uint32_t i = 0; i < job->count; i++) {
		if (job->instructions[i].size > SHORT_BYTES) {
			return true;
		}
	}
	return false;
}

void sim_instructions_add(struct sim *sim, struct sim_job *job)
{
	struct penstock_render_args *args = &job->work.submission.args;
	uint32_t count = sim_below(&sim->random, SIM_INSTRUCTIONS);

	for (uint32_t i = 0; i < count; i++) {
		add_one(sim, job);
	}
	args->work_bytes = sim_chance(&sim->random, 500) ? sim_below(&sim->random, 40000)
							 : PENSTOCK_WORK_UNKNOWN;
	if (moves_much(job)) {
		args->work_bytes = PENSTOCK_WORK_UNKNOWN;
	}
	if (sim_chance(&sim->random, sim->habits.slow)) {
		args->work_bytes = PENSTOCK_WORK_UNKNOWN;
		for (uint32_t i = 0; i < count; i++) {
			job->instructions[i].duration_ns =
				sim_spread(&sim->random, MILLISECOND, 40 * MILLISECOND);
		}
	}
	if (sim_chance(&sim->random, sim->habits.hang) && job->count > 0) {
		job->hangs_at = sim_below(&sim->random, job->count);
	} else if (!sim->paranoid &&
		   sim_chance(&sim->random, sim->habits.stray + sim->habits.illegal)) {
		add_fault(sim, job); /* the checker would find it first */
	}
}
