/* SPDX-License-Identifier: MIT */
/*
 * An intrusive, circular, doubly linked list. The head is a link of its own. A link that is on no
 * list points at itself, so that removal is idempotent and "is it queued" is a question that can
 * be asked. The comment beside a head names its element: penstock_submission.queue_link.
 */
#ifndef PENSTOCK_LIST_H
#define PENSTOCK_LIST_H

#include "proto/base/base.h"

struct penstock_list {
	struct penstock_list *next;
	struct penstock_list *previous;
};

static inline void penstock_list_init(struct penstock_list *list)
{
	list->next = list;
	list->previous = list;
}

static inline bool penstock_list_empty(const struct penstock_list *list)
{
	return list->next == list;
}

static inline void penstock_list_insert_after(struct penstock_list *at, struct penstock_list *link)
{
	link->next = at->next;
	link->previous = at;
	at->next->previous = link;
	at->next = link;
}

static inline void penstock_list_append(struct penstock_list *head, struct penstock_list *link)
{
	penstock_list_insert_after(head->previous, link);
}

static inline void penstock_list_prepend(struct penstock_list *head, struct penstock_list *link)
{
	penstock_list_insert_after(head, link);
}

static inline void penstock_list_remove(struct penstock_list *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
	penstock_list_init(link);
}

/* The first link, or NULL. */
static inline struct penstock_list *penstock_list_first(const struct penstock_list *head)
{
	return penstock_list_empty(head) ? NULL : head->next;
}

static inline struct penstock_list *penstock_list_pop(struct penstock_list *head)
{
	struct penstock_list *link = penstock_list_first(head);

	if (link != NULL) {
		penstock_list_remove(link);
	}
	return link;
}

#define penstock_list_entry(link, type, member) penstock_container_of(link, type, member)

#define penstock_list_for_each(link, head)                                                         \
	for (struct penstock_list *link = (head)->next; link != (head); link = link->next)

/* The body may remove `link`. */
#define penstock_list_for_each_safe(link, head)                                                    \
	for (struct penstock_list *link = (head)->next, *link##_next = link->next; link != (head); \
	     link = link##_next, link##_next = link->next)

#endif
