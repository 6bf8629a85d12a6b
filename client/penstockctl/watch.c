/* SPDX-License-Identifier: MIT */
/*
 * What commands share that go on for a while: time, pauses, and being told to stop.
 */
#include "client/penstockctl/commands.h"

#include <signal.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

void watch_begin(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = interrupt;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

bool watch_interrupted(void)
{
	return interrupted != 0;
}

uint64_t watch_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void watch_pause(uint64_t pause_ms)
{
	const struct timespec pause = {
		.tv_sec = (time_t)(pause_ms / 1000),
		.tv_nsec = (long)(pause_ms % 1000) * 1000000,
	};

	(void)nanosleep(&pause, NULL);
}
