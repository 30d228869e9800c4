#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "proto/imap/imap_match.h"
#include "proto/imap/imap_requests.h"

void *imap_request_new(enum request_kind kind, size_t size)
{
    struct imap_request *r;

    ensure(size >= sizeof(*r));
    r = xcalloc(1, size);
    r->base.kind = kind;
    return r;
}

static void fetch_free(struct imap_fetch_request *r)
{
    for (unsigned i = 0; i < r->section_count; i++)
        imap_section_free(&r->sections[i]);
    free(r->sections);
    free(r->wants);
    free(r->uids.at);
}

static void search_free(struct imap_search_request *r)
{
    for (unsigned i = 0; i < r->node_count; i++) {
        free(r->nodes[i].uids.at);
        if (r->nodes[i].needle != NULL)
            r->free_needle(r->nodes[i].needle);
    }
    free(r->nodes);
}

static void store_free(struct imap_store_request *r)
{
    free(r->uids.at);
    free(r->keywords);
}

static void append_free(struct imap_append_request *r)
{
    for (unsigned i = 0; i < r->message_count; i++) {
        free(r->messages[i].keywords);
        free(r->messages[i].text);
    }
    free(r->messages);
    chain_free(&r->body);
    if (r->drafts != NULL)
        r->drop(&r->drafts);
}

void imap_request_free(struct request **request)
{
    struct request *r = *request;

    if (r == NULL)
        return;
    chain_free(&r->out);
    free(((struct imap_request *)r)->changed.at);
    if (r->kind == REQUEST_IMAP_FETCH)
        fetch_free((struct imap_fetch_request *)r);
    else if (r->kind == REQUEST_IMAP_SEARCH)
        search_free((struct imap_search_request *)r);
    else if (r->kind == REQUEST_IMAP_STORE)
        store_free((struct imap_store_request *)r);
    else if (r->kind == REQUEST_IMAP_APPEND)
        append_free((struct imap_append_request *)r);
    else if (r->kind == REQUEST_IMAP_COPY)
        free(((struct imap_copy_request *)r)->uids.at);
    else if (r->kind == REQUEST_IMAP_EXPUNGE)
        free(((struct imap_expunge_request *)r)->uids.at);
    else if (r->kind == REQUEST_IMAP_LIST)
        imap_match_free(&((struct imap_list_request *)r)->match);
    else if (r->kind == REQUEST_IMAP_SELECT)
        imap_view_free(&((struct imap_request *)r)->view);
    free(r);
    *request = NULL;
}
