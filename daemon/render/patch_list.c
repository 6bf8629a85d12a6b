/* SPDX-License-Identifier: MIT */
#include "daemon/render/patch_list.h"

_Static_assert(sizeof(struct penstock_patch_location) == 24 &&
		       offsetof(struct penstock_patch_location, allocation_offset) == 0 &&
		       offsetof(struct penstock_patch_location, allocation_index) == 8 &&
		       offsetof(struct penstock_patch_location, patch_offset) == 16 &&
		       offsetof(struct penstock_patch_location, split_offset) == 20,
	       "penstock_patch_put writes three words");

void penstock_patch_list_unbind(struct penstock_patch_list *list, uint32_t unbound,
				uint32_t split_offset)
{
	while (unbound != 0) {
		uint32_t slot = (uint32_t)__builtin_ctz(unbound);

		penstock_patch_list_put(list, slot, PENSTOCK_PATCH_NULL_INDEX, 0, split_offset, 0);
		unbound &= unbound - 1;
	}
}
