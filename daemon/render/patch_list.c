/* SPDX-License-Identifier: MIT */
#include "daemon/render/patch_list.h"

_Static_assert(sizeof(struct penstock_patch_location) == 24, "as in the documents");

void penstock_patch_list_unbind(struct penstock_patch_list *list, uint32_t unbound,
				uint32_t split_offset)
{
	while (unbound != 0) {
		uint32_t slot = (uint32_t)__builtin_ctz(unbound);

		penstock_patch_list_put(list, slot, PENSTOCK_PATCH_NULL_INDEX, 0, split_offset, 0);
		unbound &= unbound - 1;
	}
}
