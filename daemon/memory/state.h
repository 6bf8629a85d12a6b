/* SPDX-License-Identifier: MIT */
/*
 * The states of an allocation: where its place is, what it is about to do, and which bytes count.
 * Each is changed by a function that knows the arrows of its drawing, and what must be so where an
 * arrow ends (`state.c` has both as tables). Anything else is a defect of ours: the adapter stops.
 *
 *	place   NOWHERE --a range is taken--> CHOSEN
 *	        CHOSEN --local--> PLACING --content is there--> RESIDENT
 *	        CHOSEN --aperture--> RESIDENT
 *	        CHOSEN, PLACING --given back, or its pages were refused--> NOWHERE
 *	        NOWHERE --a restart finds it in local memory--> RESIDENT
 *	        PLACING, RESIDENT --has to leave--> LEAVING
 *	        LEAVING --unmapped, content back, pages and range given back--> NOWHERE
 *
 *	goal    KEEP --has to leave--> EVICT --it has left--> KEEP
 *	        KEEP, EVICT --is shared--> SHARE --it has a file of its own, or not--> KEEP
 *	        KEEP, EVICT --last reference--> DIE
 *
 *	content NONE --backing pages are there--> ZEROS --written--> CURRENT or DIRTY
 *	        CURRENT --written in local memory--> DIRTY --copied back--> CURRENT
 *	        DIRTY --dropped: offered, adapter reset--> LOST --zeroed--> ZEROS
 *	        NONE --a restart finds it--> CURRENT, DIRTY or LOST
 *
 * A place that is taken while the goal is not KEEP is left again. Who SHAREs has a reference. Loop
 * thread.
 */
#ifndef PENSTOCK_ALLOCATION_STATE_H
#define PENSTOCK_ALLOCATION_STATE_H

#include "proto/base/base.h"

struct penstock_vidmm_allocation;

enum penstock_place {
	PENSTOCK_PLACE_NOWHERE,
	PENSTOCK_PLACE_CHOSEN, /* inside of one attempt to prepare a submission */
	PENSTOCK_PLACE_PLACING,
	PENSTOCK_PLACE_RESIDENT,
	PENSTOCK_PLACE_LEAVING,
	PENSTOCK_PLACE_MAX
};

enum penstock_goal {
	PENSTOCK_GOAL_KEEP,
	PENSTOCK_GOAL_EVICT,
	PENSTOCK_GOAL_SHARE,
	PENSTOCK_GOAL_DIE,
	PENSTOCK_GOAL_MAX
};

/* An allocation owns its backing pages all the time: the others say what is in them. */
enum penstock_content {
	PENSTOCK_CONTENT_NONE,    /* pages are being reserved */
	PENSTOCK_CONTENT_ZEROS,   /* nobody wrote it */
	PENSTOCK_CONTENT_CURRENT, /* what it is, whether or not it is in local memory too */
	PENSTOCK_CONTENT_DIRTY,   /* something older: local memory was written */
	PENSTOCK_CONTENT_LOST,    /* something older, and it is zeros from here on */
	PENSTOCK_CONTENT_MAX
};

/*
 * Along an arrow. False: there is none, or what must be so at its end is not; nothing changed, the
 * adapter stops, and the caller leaves things as they are.
 */
bool penstock_allocation_move_place(struct penstock_vidmm_allocation *allocation,
				    enum penstock_place to);
bool penstock_allocation_move_goal(struct penstock_vidmm_allocation *allocation,
				   enum penstock_goal to);
bool penstock_allocation_move_content(struct penstock_vidmm_allocation *allocation,
				      enum penstock_content to);

#endif
