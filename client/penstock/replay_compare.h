/* SPDX-License-Identifier: MIT */
/* Whether two answers to the same request are the same, apart from what may differ. */
#ifndef PENSTOCK_REPLAY_COMPARE_H
#define PENSTOCK_REPLAY_COMPARE_H

#include "client/penstock/recording.h"

/*
 * `before` is the recording's, `now` this session's; NULL: it succeeded without an answer of its
 * own. False: *ret_what says what differs, "now, not before".
 */
PENSTOCK_MUST_CHECK
bool penstock_replay_same(const struct penstock_recorded_frame *before,
			  const struct penstock_recorded_frame *now,
			  struct penstock_errbuf *ret_what);

/* "INVALID_HANDLE: sentence", for a refusal or a closing; otherwise the type. NULL: "SUCCESS". */
void penstock_replay_describe(const struct penstock_recorded_frame *frame,
			      struct penstock_errbuf *ret_text);

#endif
