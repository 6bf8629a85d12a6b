/* SPDX-License-Identifier: MIT */
#include "daemon/memory/state.h"

#include "daemon/memory/internal.h"
#include "proto/base/states.h"

#include <stdio.h>
#include <string.h>

#define TO(state) (1u << PENSTOCK_##state)

static const struct penstock_state place_states[PENSTOCK_PLACE_MAX] = {
	[PENSTOCK_PLACE_NOWHERE] = { "NOWHERE", TO(PLACE_CHOSEN) | TO(PLACE_RESIDENT) },
	[PENSTOCK_PLACE_CHOSEN] = { "CHOSEN",
				    TO(PLACE_NOWHERE) | TO(PLACE_PLACING) | TO(PLACE_RESIDENT) },
	[PENSTOCK_PLACE_PLACING] = { "PLACING",
				     TO(PLACE_NOWHERE) | TO(PLACE_RESIDENT) | TO(PLACE_LEAVING) },
	[PENSTOCK_PLACE_RESIDENT] = { "RESIDENT", TO(PLACE_LEAVING) },
	[PENSTOCK_PLACE_LEAVING] = { "LEAVING", TO(PLACE_NOWHERE) },
};

static const struct penstock_states places = { "the place of an allocation", PENSTOCK_PLACE_MAX,
					       place_states };

static const struct penstock_state goal_states[PENSTOCK_GOAL_MAX] = {
	[PENSTOCK_GOAL_KEEP] = { "KEEP", TO(GOAL_EVICT) | TO(GOAL_SHARE) | TO(GOAL_DIE) },
	[PENSTOCK_GOAL_EVICT] = { "EVICT", TO(GOAL_KEEP) | TO(GOAL_SHARE) | TO(GOAL_DIE) },
	[PENSTOCK_GOAL_SHARE] = { "SHARE", TO(GOAL_KEEP) },
	[PENSTOCK_GOAL_DIE] = { "DIE", 0 },
};

static const struct penstock_states goals = { "the goal of an allocation", PENSTOCK_GOAL_MAX,
					      goal_states };

static const struct penstock_state content_states[PENSTOCK_CONTENT_MAX] = {
	[PENSTOCK_CONTENT_NONE] = { "NONE", TO(CONTENT_ZEROS) | TO(CONTENT_CURRENT) |
						    TO(CONTENT_DIRTY) | TO(CONTENT_LOST) },
	[PENSTOCK_CONTENT_ZEROS] = { "ZEROS", TO(CONTENT_CURRENT) | TO(CONTENT_DIRTY) },
	[PENSTOCK_CONTENT_CURRENT] = { "CURRENT", TO(CONTENT_DIRTY) },
	[PENSTOCK_CONTENT_DIRTY] = { "DIRTY", TO(CONTENT_CURRENT) | TO(CONTENT_LOST) },
	[PENSTOCK_CONTENT_LOST] = { "LOST", TO(CONTENT_ZEROS) },
};

static const struct penstock_states contents = { "the content of an allocation",
						 PENSTOCK_CONTENT_MAX, content_states };

/* Whether it is an arrow, and what must be so at its end `stands`: otherwise the adapter stops. */
static bool may_move(const struct penstock_vidmm_allocation *allocation,
		     const struct penstock_states *states, unsigned from, unsigned to, bool stands)
{
	bool drawn = penstock_states_drawn(states, from, to);
	struct penstock_errbuf text;
	size_t length;

	if (PENSTOCK_LIKELY(drawn && stands)) {
		return true;
	}
	penstock_states_refuse(states, "", from, to, &text);
	length = strlen(text.text);
	if (drawn) {
		snprintf(text.text + length, sizeof(text.text) - length,
			 ", with its bytes as they are");
	}
	return penstock_vidmm_holds(allocation->process->vidmm, false, text.text);
}

/* ---------------------------------------------------------------- what must be so */

static bool in_local(const struct penstock_vidmm_allocation *allocation)
{
	return allocation->segment_id == PENSTOCK_SEGMENT_LOCAL;
}

/* Nothing of it is in a segment any more, or nothing was yet. */
static bool may_be_nowhere(const struct penstock_vidmm_allocation *allocation)
{
	return allocation->busy == 0 && !allocation->location.local &&
	       (!allocation->local_reserved || allocation->process->vidmm->keep) &&
	       penstock_list_empty(&allocation->mappings);
}

/* It has bytes that can be brought, and nobody may lose them while they come. */
static bool may_be_chosen(const struct penstock_vidmm_allocation *allocation)
{
	return allocation->content != PENSTOCK_CONTENT_NONE &&
	       allocation->content != PENSTOCK_CONTENT_LOST && allocation->busy == 0;
}

static bool may_be_placing(const struct penstock_vidmm_allocation *allocation)
{
	return in_local(allocation) && !allocation->location.local;
}

/* The bytes are where the record says, and that is where it is. */
static bool may_be_resident(const struct penstock_vidmm_allocation *allocation)
{
	return in_local(allocation)
		       ? allocation->location.local && allocation->local_reserved &&
				 allocation->location.local_offset == allocation->segment_offset
		       : !allocation->location.local;
}

static bool may_be_leaving(const struct penstock_vidmm_allocation *allocation)
{
	return allocation->goal != PENSTOCK_GOAL_KEEP;
}

static bool (*const place_stands[PENSTOCK_PLACE_MAX])(
	const struct penstock_vidmm_allocation *allocation) = {
	[PENSTOCK_PLACE_NOWHERE] = may_be_nowhere, [PENSTOCK_PLACE_CHOSEN] = may_be_chosen,
	[PENSTOCK_PLACE_PLACING] = may_be_placing, [PENSTOCK_PLACE_RESIDENT] = may_be_resident,
	[PENSTOCK_PLACE_LEAVING] = may_be_leaving,
};

/* Whose bytes count in local memory is there; whose are lost is not. */
static bool content_stands(const struct penstock_vidmm_allocation *allocation,
			   enum penstock_content to)
{
	switch (to) {
	case PENSTOCK_CONTENT_DIRTY:
		return allocation->location.local;
	case PENSTOCK_CONTENT_LOST:
	case PENSTOCK_CONTENT_ZEROS:
		return !allocation->location.local;
	case PENSTOCK_CONTENT_NONE:
	case PENSTOCK_CONTENT_CURRENT:
	case PENSTOCK_CONTENT_MAX:
		break;
	}
	return true;
}

/* ---------------------------------------------------------------- moves */

bool penstock_allocation_move_place(struct penstock_vidmm_allocation *allocation,
				    enum penstock_place to)
{
	bool stands = (unsigned)to < PENSTOCK_PLACE_MAX && place_stands[to](allocation);

	if (!may_move(allocation, &places, allocation->place, to, stands)) {
		return false;
	}
	allocation->place = to;
	return true;
}

bool penstock_allocation_move_goal(struct penstock_vidmm_allocation *allocation,
				   enum penstock_goal to)
{
	if (!may_move(allocation, &goals, allocation->goal, to, true)) {
		return false;
	}
	allocation->goal = to;
	return true;
}

bool penstock_allocation_move_content(struct penstock_vidmm_allocation *allocation,
				      enum penstock_content to)
{
	if (!may_move(allocation, &contents, allocation->content, to,
		      content_stands(allocation, to))) {
		return false;
	}
	allocation->content = to;
	return true;
}
