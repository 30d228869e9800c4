#ifndef CORE_BASE_LIST_H
#define CORE_BASE_LIST_H

/*
 * list: doubly linked, intrusive, circular with a head. A node that is in no list points at
 * itself, so that taking it out twice does no harm.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The node itself may be removed inside the loop, no other. */
#define list_each(node, head)                                                                      \
    for (struct list *node = (head)->next, *node##_next = (node)->next; (node) != (head);          \
         (node) = node##_next, node##_next = (node)->next)

#endif
