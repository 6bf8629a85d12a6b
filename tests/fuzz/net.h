/* SPDX-License-Identifier: MIT */
/* Net over substitutes of the other stages (tests/unit/fake_objects.h), for one input. */
#ifndef PENSTOCK_FUZZ_NET_H
#define PENSTOCK_FUZZ_NET_H

#include "daemon/net/net.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_objects.h"

#define PENSTOCK_FUZZ_CONNECTIONS 4u /* so many may there be */

/* Makes the loop; fake is what its last reset made of it. */
struct penstock_net *penstock_fuzz_net_start(uv_loop_t *loop);

/* Nothing of it is left, and every session is given back; closes the loop. */
void penstock_fuzz_net_stop(struct penstock_net *net, uv_loop_t *loop);

#endif
