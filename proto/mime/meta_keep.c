#include "proto/mime/meta_keep.h"

#include "core/base/attr.h"

static const struct span dropped[] = {
    {"Received",               8 },
    {"Received-SPF",           12},
    {"Return-Path",            11},
    {"DKIM-Signature",         14},
    {"DomainKey-Signature",    19},
    {"Authentication-Results", 22},
};

static const struct span dropped_prefixes[] = {
    {"ARC-",  4},
    {"DKIM-", 5},
    {"X-",    2}
};

static const struct span kept[] = {
    {"X-Priority",                      10},
    {"X-Mailer",                        8 },
    {"X-Label",                         7 },
    {"X-Original-To",                   13},
    {"X-TUID",                          6 },
    {"X-OfflineIMAP",                   13},
    {"X-K9mail-Identity",               17},
    {"X-Uniform-Type-Identifier",       25},
    {"X-Universally-Unique-Identifier", 31},
    {"X-Spam-Flag",                     11},
};

static bool is_among(struct span name, const struct span *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_eq_nocase(name, names[i]))
            return true;
    }
    return false;
}

bool meta_keeps(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(dropped_prefixes); i++) {
        struct span prefix = dropped_prefixes[i];

        if (span_eq_nocase(span_first(name, prefix.len), prefix))
            return is_among(name, kept, COUNT_OF(kept));
    }
    return !is_among(name, dropped, COUNT_OF(dropped));
}
