/* SPDX-License-Identifier: MIT */
#include "proto/base/states.h"

static const char *name_of(const struct penstock_states *states, uint32_t state)
{
	return state < states->count && states->states[state].name != NULL
		       ? states->states[state].name
		       : "unknown";
}

void penstock_states_refuse(const struct penstock_states *states, const char *code, uint32_t from,
			    uint32_t to, struct penstock_errbuf *reterr_text)
{
	penstock_errbuf_set(reterr_text, "%s%s cannot become %s that is %s", code, states->noun,
			    name_of(states, to), name_of(states, from));
}
