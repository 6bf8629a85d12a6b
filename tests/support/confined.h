/* SPDX-License-Identifier: MIT */
/* Processes that confine themselves, and then do what they may not. */
#ifndef PENSTOCK_TEST_CONFINED_H
#define PENSTOCK_TEST_CONFINED_H

#include "proto/base/base.h"

typedef int confined_by(void); /* 0, or -errno */
typedef void confined_action(void);

/* What leads out of a process, whatever it is for. */
extern confined_action *const confined_forbidden[];
extern const size_t confined_forbidden_count;

#ifndef PENSTOCK_SANITIZERS
/* Makes memory executable that it has written; exits where it cannot. */
void confined_make_code(void);
#endif

/* Takes memory, and gives it back; exits where it cannot. */
void confined_take_memory(void);

/* Whether a process that confines itself and then does `action` is killed for that. */
bool confined_is_killed(confined_by *confine, confined_action *action);

/* Whether it goes on, and ends as it wants. */
bool confined_may(confined_by *confine, confined_action *action);

/* Whether abort() ends it, as it ends others. */
bool confined_gives_up(confined_by *confine);

#endif
