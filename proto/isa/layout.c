/* SPDX-License-Identifier: MIT */
#include "proto/isa/layout.h"

#include <string.h>

const struct penstock_layout *penstock_isa_by_mnemonic(const struct penstock_isa *isa,
						       const char *mnemonic, size_t length)
{
	for (unsigned i = 0; i < isa->count; i++) {
		const struct penstock_layout *layout = isa->at(i);

		if (strlen(layout->mnemonic) == length &&
		    memcmp(layout->mnemonic, mnemonic, length) == 0) {
			return layout;
		}
	}
	return NULL;
}
