/* SPDX-License-Identifier: MIT */
/* Synchronisation objects of a script. */
#include "client/penstock/run.h"

#include <inttypes.h>

static uint64_t object_of(const struct penstock_run *run, const struct penstock_step *step)
{
	return run->objects[step->subject].handle;
}

void penstock_run_sync_object(struct penstock_run *run, const struct penstock_step *step)
{
	penstock_run_requested(
		run, step,
		penstock_sync_object_create(run->connection, run->objects[step->device].handle,
					    step->value, &run->objects[step->subject].handle));
}

void penstock_run_open_sync_object(struct penstock_run *run, const struct penstock_step *step)
{
	const struct penstock_share_token token = penstock_run_token(run, step);

	penstock_run_requested(run, step,
			       penstock_sync_object_open(run->connection,
							 run->objects[step->device].handle, &token,
							 &run->objects[step->subject].handle));
}

void penstock_run_signal(struct penstock_run *run, const struct penstock_step *step)
{
	enum penstock_status status =
		step->context == PENSTOCK_SCRIPT_NONE
			? penstock_sync_object_signal(run->connection, object_of(run, step),
						      step->value)
			: penstock_context_signal(run->connection,
						  run->objects[step->context].handle,
						  object_of(run, step), step->value, NULL);

	penstock_run_requested(run, step, status);
}

void penstock_run_wait(struct penstock_run *run, const struct penstock_step *step)
{
	if (step->context != PENSTOCK_SCRIPT_NONE) {
		penstock_run_requested(run, step,
				       penstock_context_wait_for(
					       run->connection, run->objects[step->context].handle,
					       object_of(run, step), step->value, NULL));
		return;
	}
	penstock_run_called(run, step,
			    penstock_sync_object_wait(run->connection, object_of(run, step),
						      step->value, run->timeout_ms));
}

void penstock_run_expect_value(struct penstock_run *run, const struct penstock_step *step)
{
	uint64_t value;
	enum penstock_status status;

	penstock_run_settle(run);
	status = penstock_sync_object_value(run->connection, object_of(run, step), &value);
	if (status != PENSTOCK_STATUS_SUCCESS) {
		penstock_run_fault(run, step, "the value of '%s': %s",
				   penstock_run_subject(run, step), penstock_status_text(status));
	} else if (value != step->value) {
		penstock_run_fault(run, step, "the value of '%s' is %" PRIu64 ", not %" PRIu64,
				   penstock_run_subject(run, step), value, step->value);
	}
}
