/* SPDX-License-Identifier: MIT */
/*
 * An intrusive heap, smallest key first (a pairing heap): adding costs O(1), taking the first or
 * any other O(log n) on average over many, and no memory is asked for. Recursion free, so that its
 * depth is nobody's to choose. A node is in one heap at most; who embeds it knows whether it is.
 */
#ifndef PENSTOCK_HEAP_H
#define PENSTOCK_HEAP_H

#include "proto/base/base.h"

struct penstock_heap_node {
	uint64_t key; /* not changed while it is in a heap */
	struct penstock_heap_node *child;
	struct penstock_heap_node *next; /* sibling */
	struct penstock_heap_node *back; /* sibling before, or parent; NULL: it is the first */
};

struct penstock_heap {
	struct penstock_heap_node *first; /* the smallest key; NULL: empty */
};

/* `node` is in no heap; its key is set. */
void penstock_heap_add(struct penstock_heap *heap, struct penstock_heap_node *node);

/* `node` is in this heap. */
void penstock_heap_remove(struct penstock_heap *heap, struct penstock_heap_node *node);

#endif
