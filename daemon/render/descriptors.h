/* SPDX-License-Identifier: MIT */
/*
 * What is bound to descriptors in a group, by set, binding and element, and whether that is what
 * the shaders of a pipeline use. Private to render.
 */
#ifndef PENSTOCK_RENDER_DESCRIPTORS_H
#define PENSTOCK_RENDER_DESCRIPTORS_H

#include "daemon/render/group.h"
#include "daemon/render/images.h"

/* A descriptor to which something is bound; of a combined one both. */
struct penstock_descriptor_bound {
	uint32_t key;            /* in the order of set, binding, element */
	uint32_t position;       /* of `resource` among the instructions of the group */
	const uint8_t *resource; /* what bound a buffer or an image; NULL: none */
	const uint8_t *sampler;  /* likewise */
	struct penstock_view view;
};

#define PENSTOCK_DESCRIPTORS_CHANGED 16u

struct penstock_descriptors {
	uint32_t count;
	uint32_t changed_count; /* since the last judgement; beyond the array: too many */
	uint16_t changed[PENSTOCK_DESCRIPTORS_CHANGED]; /* in `bound` */
	uint16_t order[PENSTOCK_LIMIT_DESCRIPTORS];     /* by key */
	struct penstock_descriptor_bound bound[PENSTOCK_LIMIT_DESCRIPTORS];
	struct penstock_rounded rounded;
};

/* The members that bind descriptors. */
#define PENSTOCK_DESCRIPTOR_MEMBERS                                                                \
	(PENSTOCK_MEMBER(BIND_BUFFER) | PENSTOCK_MEMBER(BIND_BUFFER_WRITE) |                       \
	 PENSTOCK_MEMBER(BIND_IMAGE) | PENSTOCK_MEMBER(BIND_SAMPLER) |                             \
	 PENSTOCK_MEMBER(BIND_TEXEL_BUFFER) | PENSTOCK_MEMBER(BIND_TEXEL_BUFFER_WRITE))

/* Nothing is bound. The arrays are not touched. */
void penstock_descriptors_init(struct penstock_descriptors *descriptors,
			       const struct penstock_walk *walk);

/*
 * The instruction at `bytes`, at `position` in the group, binds what its handler took. With
 * `once` nothing was bound there before; false: refused.
 */
bool penstock_descriptors_bind(struct penstock_walk *walk, struct penstock_descriptors *descriptors,
			       const struct penstock_image_slots *slots, const uint8_t *bytes,
			       uint32_t position, bool once);

/*
 * Every descriptor of the pipeline is bound to what it takes; with `changed_only` only those are
 * looked at that were bound since the last call, which found that of the same pipeline. False:
 * refused, by what was bound or by the draw or dispatch at `bytes`.
 */
bool penstock_descriptors_judge(struct penstock_walk *walk,
				struct penstock_descriptors *descriptors,
				const struct penstock_render_pipeline *pipeline,
				const uint8_t *bytes, bool changed_only);

#endif
