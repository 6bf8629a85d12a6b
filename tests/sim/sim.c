/* SPDX-License-Identifier: MIT */
#include "tests/sim/sim.h"

#include "tests/harness.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (1024u * 1024u)

struct sim *sim_current;

void sim_print(const struct sim *sim)
{
	sim_trace_print(&sim->trace, stderr);
	fprintf(stderr, "PENSTOCK_SIM_SEED=%" PRIu64 " at %" PRIu64 " ns, %" PRIu64 " events\n",
		sim->seed, sim->clock.now_ns, sim->trace.count);
}

void sim_fail(struct sim *sim, const char *file, int line, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (sim->sabotage != SIM_SABOTAGE_NONE) {
		_exit(SIM_FOUND);
	}
	sim_print(sim);
	fprintf(stderr, "%s\n", text);
	sim_current = NULL;
	_ck_assert_failed(file, line, text, "PENSTOCK_SIM_SEED=%" PRIu64 ": %s", sim->seed, text);
	abort();
}

/* Some runs are without trouble, some with one kind of it, some with all of them. */
static uint32_t habit(struct sim *sim, uint32_t most)
{
	return sim_chance(&sim->random, 350) ? 1 + sim_below(&sim->random, most) : 0;
}

/* One draw a statement: in an initialiser the compiler chooses their order. */
static void draw_habits(struct sim *sim)
{
	struct sim_habits *habits = &sim->habits;

	habits->hang = habit(sim, 20);
	habits->stray = habit(sim, 20);
	habits->illegal = habit(sim, 20);
	habits->late = habit(sim, 200);
	habits->lost = habit(sim, 60);
	habits->repeated = habit(sim, 200);
	habits->deaths = habit(sim, 500);
	habits->refusals = habit(sim, 300);
	habits->no_space = habit(sim, 100);
	habits->slow = habit(sim, 200);
	habits->stubborn = habit(sim, 400);
	habits->lies = sim_chance(&sim->random, 100) ? 600 : 0;
	habits->lengthy = sim_chance(&sim->random, 500) ? sim_below(&sim->random, 300) : 0;
	habits->large = sim_chance(&sim->random, 450) ? 400 + sim_below(&sim->random, 600) : 0;
	sim->local_bytes = (1 + sim_below(&sim->random, 3)) * MIB;
	if (habits->large > 0) {
		sim->local_bytes = MIB / 16 * 10;
	}
	sim->aperture_bytes = (2 + sim_below(&sim->random, 3)) * MIB;
	sim->commit_limit_bytes = sim->aperture_bytes;
	sim->cap = 1 + sim_below(&sim->random, 6);
	sim->paranoid = sim_chance(&sim->random, 125);
	/* Every fourth run: more is split than does not fit. */
	sim->split_points = sim->seed % 4 == 3 ? 1 + (uint32_t)(sim->seed / 4 % 3) : 0;
}

void sim_run(struct sim *sim, const struct sim_options *options)
{
	*sim = (struct sim){
		.seed = options->seed,
		.sabotage = options->sabotage,
		.random = { options->seed },
		.trace = { .whole = options->whole },
	};
	sim_current = sim;
	sim->directory = penstock_test_directory();
	draw_habits(sim);
	sim_adapter_start(sim);
	sim_workload_start(sim);
	sim_workload_drain(sim);
	sim_workload_end(sim);
	sim_adapter_stop(sim);
	sim_clock_fini(&sim->clock);
	penstock_test_directory_remove(sim->directory);
	sim_current = NULL;
}
