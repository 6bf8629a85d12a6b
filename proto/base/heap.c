/* SPDX-License-Identifier: MIT */
#include "proto/base/heap.h"

/* Of two that have no siblings and no parent. */
static struct penstock_heap_node *meld(struct penstock_heap_node *a, struct penstock_heap_node *b)
{
	struct penstock_heap_node *smaller = b->key < a->key ? b : a;
	struct penstock_heap_node *larger = smaller == a ? b : a;

	larger->next = smaller->child;
	if (larger->next != NULL) {
		larger->next->back = larger;
	}
	larger->back = smaller;
	smaller->child = larger;
	return smaller;
}

static struct penstock_heap_node *alone(struct penstock_heap_node *node)
{
	node->next = NULL;
	node->back = NULL;
	return node;
}

/* Siblings become one: by twos from the left, and those together from the right. */
static struct penstock_heap_node *meld_all(struct penstock_heap_node *first)
{
	struct penstock_heap_node *pairs = NULL; /* the last one first, by `next` */
	struct penstock_heap_node *root = NULL;

	while (first != NULL) {
		struct penstock_heap_node *a = first;
		struct penstock_heap_node *b = a->next;

		first = b == NULL ? NULL : b->next;
		a = b == NULL ? alone(a) : meld(alone(a), alone(b));
		a->next = pairs;
		pairs = a;
	}
	while (pairs != NULL) {
		struct penstock_heap_node *pair = pairs;

		pairs = pair->next;
		root = root == NULL ? alone(pair) : meld(alone(pair), root);
	}
	return root;
}

void penstock_heap_add(struct penstock_heap *heap, struct penstock_heap_node *node)
{
	node->child = NULL;
	(void)alone(node);
	heap->first = heap->first == NULL ? node : meld(heap->first, node);
}

void penstock_heap_remove(struct penstock_heap *heap, struct penstock_heap_node *node)
{
	struct penstock_heap_node *children = meld_all(node->child);

	node->child = NULL;
	if (heap->first == node) {
		heap->first = children;
		return;
	}
	if (node->back->child == node) {
		node->back->child = node->next;
	} else {
		node->back->next = node->next;
	}
	if (node->next != NULL) {
		node->next->back = node->back;
	}
	(void)alone(node);
	if (children != NULL) {
		heap->first = meld(heap->first, children);
	}
}
