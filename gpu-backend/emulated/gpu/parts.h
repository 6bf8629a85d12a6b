/* SPDX-License-Identifier: MIT */
/* What vulkan.h has inside; private to vulkan.c and dispatch.c. */
#ifndef PENSTOCK_PARTS_H
#define PENSTOCK_PARTS_H

#include "gpu-backend/emulated/gpu/descriptors.h"
#include "gpu-backend/emulated/gpu/guard.h"
#include "gpu-backend/emulated/gpu/images.h"
#include "gpu-backend/emulated/gpu/objects.h"
#include "gpu-backend/emulated/gpu/pipelines.h"
#include "gpu-backend/emulated/gpu/vulkan.h"
#include "gpu-backend/emulated/patience.h"

struct penstock_scope;

struct penstock_vulkan {
	void *driver; /* of dlopen */
	const struct penstock_mmu *mmu;
	struct penstock_vulkan_device devices[PENSTOCK_VULKAN_DEVICES];
	unsigned device_count;
	struct penstock_pipelines pipelines;
	struct penstock_guard_watch watch;
	struct penstock_patience patience;
	bool may_look;              /* another processor works while this one looks */
	uint64_t band_ns;           /* how long a band should take */
	uint64_t first_band_groups; /* of a pipeline that has not run on the device yet */
	uint64_t part_ns;    /* how long a part of a render scope should take, or of a transfer */
	uint32_t part_draws; /* that take about so long, from the last ones that ran */
	uint64_t first_part_texels; /* of a transfer */

	/* Of what is executed. */
	uint8_t *copy; /* owned: the bytes of groups */
	size_t copy_bytes;
	struct penstock_objects objects;
	struct penstock_images images;
	struct penstock_descriptors descriptors;
	struct penstock_scope *scope; /* owned; made when the first one is executed */
};

/*
 * A private copy of `length` bytes of a DMA buffer, behind `used` bytes of it that are kept, if
 * need be elsewhere. NULL: there is no memory.
 */
uint8_t *penstock_vulkan_copy(struct penstock_vulkan *vulkan, size_t used, const uint8_t *bytes,
			      size_t length);

void penstock_scope_free(struct penstock_scope *scope);

#endif
