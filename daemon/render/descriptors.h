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
	uint32_t changed;        /* when, by the clock of all of them */
	uint16_t newer;          /* in `bound`: that changed behind it, and before it */
	uint16_t older;
	struct penstock_view view;
};

/* A pipeline that everything suited at that time. */
struct penstock_descriptors_suited {
	const struct penstock_render_pipeline *pipeline;
	uint32_t clock;
};

#define PENSTOCK_DESCRIPTORS_SUITED 64u

struct penstock_descriptors {
	uint32_t count;
	uint32_t clock; /* raised by each that is bound */
	uint16_t newest;
	uint64_t known; /* a bit for each of `suited` that is filled */
	struct penstock_descriptors_suited suited[PENSTOCK_DESCRIPTORS_SUITED];
	uint16_t order[PENSTOCK_LIMIT_DESCRIPTORS]; /* by key */
	struct penstock_descriptor_bound bound[PENSTOCK_LIMIT_DESCRIPTORS];
	struct penstock_rounded rounded;
};

/* The members that bind descriptors. */
#define PENSTOCK_DESCRIPTOR_MEMBERS                                                                \
	(PENSTOCK_MEMBER(BIND_BUFFER) | PENSTOCK_MEMBER(BIND_BUFFER_WRITE) |                       \
	 PENSTOCK_MEMBER(BIND_IMAGE) | PENSTOCK_MEMBER(BIND_SAMPLER) |                             \
	 PENSTOCK_MEMBER(BIND_TEXEL_BUFFER) | PENSTOCK_MEMBER(BIND_TEXEL_BUFFER_WRITE))

/* Nothing is bound. The arrays are not touched. */
void penstock_render_descriptors_init(struct penstock_descriptors *descriptors,
				      const struct penstock_walk *walk);

/*
 * The instruction at `bytes`, at `position` in the group, binds what its handler took. With
 * `once` nothing was bound there before; false: refused.
 */
bool penstock_render_descriptors_bind(struct penstock_walk *walk,
				      struct penstock_descriptors *descriptors,
				      const struct penstock_image_slots *slots,
				      const uint8_t *bytes, uint32_t position, bool once);

/*
 * Every descriptor of the pipeline is bound to what it takes; what suited it at an earlier call is
 * not looked at again. False: refused, by what was bound or by the draw or dispatch at `bytes`.
 */
bool penstock_render_descriptors_judge(struct penstock_walk *walk,
				       struct penstock_descriptors *descriptors,
				       const struct penstock_render_pipeline *pipeline,
				       const uint8_t *bytes);

#endif
