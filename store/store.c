#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "core/base/number.h"
#include "store/store_private.h"

#define BALLAST_BYTES        ((uint64_t)64 << 20)
#define MAP_SIZE_DEFAULT     ((uint64_t)64 << 30)
#define SEGMENT_SIZE_DEFAULT ((uint32_t)64 << 20)

const char *store_status_text(enum store_status status)
{
    static const char *const texts[] = {
        [STORE_OK] = "ok",
        [STORE_NOT_FOUND] = "not found",
        [STORE_EXISTS] = "exists already",
        [STORE_INVALID] = "not a name or number that can be",
        [STORE_OVER_QUOTA] = "over quota",
        [STORE_FULL] = "full, try later",
        [STORE_IO] = "the disk failed",
        [STORE_CORRUPT] = "damaged",
        [STORE_GONE] = "gone meanwhile",
        [STORE_LOCKED] = "opened by another process",
        [STORE_VERSION] = "written by a newer program",
    };

    ensure((size_t)status < COUNT_OF(texts));
    return texts[status];
}

void store_say(const struct store *s, const char *format, ...)
{
    char line[512];
    va_list args;

    if (!s->config.say)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    s->config.say(s->config.context, line);
}

/* ---- open and close ---- */

static struct store *store_new(const struct store_config *config)
{
    struct store *s = xcalloc(1, sizeof(*s));

    s->config = *config;
    if (s->config.map_size == 0)
        s->config.map_size = MAP_SIZE_DEFAULT;
    if (s->config.segment_size == 0)
        s->config.segment_size = SEGMENT_SIZE_DEFAULT;
    if (s->config.snapshot_bytes == 0)
        s->config.snapshot_bytes = STORE_SNAPSHOT_BYTES;
    if (s->config.snapshot_s == 0)
        s->config.snapshot_s = STORE_SNAPSHOT_S;
    s->disk = config->disk ? config->disk : &disk_real;
    s->path = xstrdup(config->path);
    s->verified = verified_new();
    s->draft_bytes = gauge_new();
    s->moving = gauge_new();
    s->lock = lock_new();
    list_init(&s->views);
    list_init(&s->parked);
    s->recents = map_new();
    s->uncompactable = map_new();
    s->dying = map_new();
    s->snapshot_failures = gauge_new();
    s->opened_us = clock_wall_us();
    return s;
}

static void store_free(struct store *s)
{
    store_recents_free(s);
    map_free(&s->uncompactable);
    map_free(&s->dying);
    gauge_free(&s->snapshot_failures);
    lock_free(&s->lock);
    gauge_free(&s->moving);
    gauge_free(&s->draft_bytes);
    verified_free(&s->verified);
    free(s->path);
    free(s);
}

static enum store_status open_journal(struct store *s)
{
    const struct journal_config config = {
        .path = s->path,
        .disk = s->disk,
        .segment_size = s->config.segment_size,
        .without_sync = s->config.without_sync,
        .read_only = s->config.read_only_check,
        .salvage = s->config.salvage,
        .say = s->config.say,
        .context = s->config.context,
    };

    return journal_open(&config, &s->journal);
}

static enum store_status open_applier(struct store *s)
{
    const struct applier_config config = {
        .index = s->index,
        .journal = s->journal,
        .manual = s->config.manual,
        .touched = s->config.touched,
        .is_watched = s->config.is_watched,
        .say = s->config.say,
        .context = s->config.context,
    };

    s->applier = applier_open(&config);
    return s->applier ? STORE_OK : STORE_CORRUPT;
}

static void housekeeper_says(void *store, const char *text)
{
    store_say(store, "%s", text);
}

static enum store_status start_threads(struct store *s)
{
    const struct housekeeper_config housekeeper = {
        .journal = s->journal,
        .disk = s->disk,
        .path = s->path,
        .free_min = s->config.free_min,
        .ballast_size = s->config.free_min > BALLAST_BYTES ? BALLAST_BYTES : 0,
        .manual = s->config.manual,
        .find_dead = store_space_dead,
        .purge_one = store_purge,
        .compact_one = store_space_compact,
        .say = housekeeper_says,
        .context = s,
    };
    const struct committer_config committer = {
        .journal = s->journal,
        .applier = s->applier,
        .manual = s->config.manual,
    };

    if (!applier_start(s->applier))
        return STORE_IO;
    s->committer = committer_open(&committer);
    if (!s->committer)
        return STORE_IO;
    s->housekeeper = housekeeper_open(&housekeeper);
    return s->housekeeper ? STORE_OK : STORE_IO;
}

static void parked_end(struct store *s)
{
    list_each (node, &s->parked) {
        struct store_view *v = CONTAINER_OF(node, struct store_view, node);
        index_read_end(&v->txn);
        list_remove(node);
        free(v->pins);
        free(v->since);
        free(v);
    }
}

static void stop(struct store *s)
{
    if (s->housekeeper)
        housekeeper_close(&s->housekeeper);
    if (s->committer)
        committer_close(&s->committer);
    if (s->applier)
        applier_close(&s->applier);
    store_snapshot_drop(s);
    ensure(list_is_empty(&s->views));
    parked_end(s);
    if (s->index)
        index_close(&s->index);
    if (s->journal)
        journal_close(&s->journal);
    store_free(s);
}

static enum store_status start(struct store *s)
{
    enum store_status status = open_journal(s);

    if (status == STORE_OK)
        status = store_recover_index(s);
    if (status == STORE_OK)
        status = open_applier(s);
    if (status == STORE_OK)
        status = store_recover_replay(s);
    if (status == STORE_OK)
        store_space_sweep(s);
    return status == STORE_OK ? start_threads(s) : status;
}

/* A second try helps when the first found the index damaged, or gave up the ballast for room. */
enum store_status store_open(const struct store_config *config, struct store **store_r)
{
    enum store_status status = STORE_OK;

    for (unsigned tries = 2; tries > 0; tries--) {
        struct store *s = store_new(config);
        bool is_worth_it;
        status = start(s);
        if (status == STORE_OK) {
            *store_r = s;
            return STORE_OK;
        }
        is_worth_it = s->is_condemned || status == STORE_FULL;
        if (status == STORE_FULL)
            housekeeper_ballast_drop(s->disk, s->path);
        stop(s);
        if (!is_worth_it)
            break;
    }
    return status;
}

enum store_status store_open_for_check(const struct store_config *config, struct store **store_r)
{
    struct store *s = store_new(config);
    enum store_status status = open_journal(s);

    if (status == STORE_OK)
        *store_r = s;
    else
        stop(s);
    return status;
}

void store_close(struct store **store)
{
    stop(*store);
    *store = NULL;
}

void store_crashed_at(const void *address)
{
    index_condemn_at(address);
}

/* ---- running ---- */

bool store_step(struct store *s, unsigned which)
{
    enum {
        PIECES = 3
    };

    ensure(s->config.manual);
    for (unsigned i = 0; i < PIECES; i++) {
        bool did = false;
        switch ((which + i) % PIECES) {
        case 0:
            did = committer_step(s->committer);
            break;
        case 1:
            did = applier_step(s->applier);
            break;
        default:
            did = housekeeper_step(s->housekeeper);
            break;
        }
        if (did)
            return true;
    }
    return false;
}

bool store_is_full(const struct store *s)
{
    return housekeeper_is_full(s->housekeeper) || applier_is_behind(s->applier);
}

uint64_t store_sync_age_ns(const struct store *s)
{
    return committer_busy_ns(s->committer);
}

static uint64_t live_bytes(struct store *s)
{
    struct span key, value;
    struct index_txn *txn;
    uint64_t live = 0;

    if (index_read_begin(s->index, &txn) != STORE_OK)
        return 0;
    for (bool found = index_seek(txn, INDEX_SEG, SPAN(""), &key, &value); found;
         found = index_next(txn, INDEX_SEG, &key, &value))
        live += value.len == 8 ? number_get64(value.at) : 0;
    index_read_end(&txn);
    return live;
}

void store_numbers(struct store *s, struct store_numbers *numbers_r)
{
    *numbers_r = (struct store_numbers){0};
    journal_numbers(s->journal, numbers_r);
    committer_numbers(s->committer, numbers_r);
    applier_numbers(s->applier, numbers_r);
    numbers_r->live_bytes = live_bytes(s);
    numbers_r->index_bytes = index_bytes(s->index);
}
