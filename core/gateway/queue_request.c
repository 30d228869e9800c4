#include "core/gateway/queue_request.h"

#include <string.h>

#include "core/base/map.h"
#include "core/base/number.h"

enum {
    SECONDS_MAX = 50 * 366 * 86400, /* of an age */
};

enum field_kind {
    FIELD_FLAG, /* without a value */
    FIELD_TEXT,
    FIELD_NUMBER,
    FIELD_AGE,
    FIELD_ACT,
    FIELD_FORMAT,
    FIELD_ID,
    FIELD_STATE,
};

static const char *const act_words[QUEUE_ACTS] = {
    [QUEUE_LIST] = "list",     [QUEUE_SHOW] = "show",         [QUEUE_CAT] = "cat",
    [QUEUE_STAT] = "stat",     [QUEUE_HOLD] = "hold",         [QUEUE_RELEASE] = "release",
    [QUEUE_RETRY] = "retry",   [QUEUE_REQUEUE] = "requeue",   [QUEUE_DELETE] = "delete",
    [QUEUE_EXPIRE] = "expire", [QUEUE_REDIRECT] = "redirect",
};
static const char *const format_words[QUEUE_FORMATS] = {
    [QUEUE_TEXT] = "text",           [QUEUE_JSON] = "json",
    [QUEUE_MAILQ] = "mailq",         [QUEUE_MAILQ_JSON] = "mailq-json",
    [QUEUE_POSTSUPER] = "postsuper", [QUEUE_POSTCAT] = "postcat",
    [QUEUE_QSHAPE] = "qshape",       [QUEUE_QUIET] = "quiet",
};

#define AT(field) offsetof(struct queue_request, field)

static const struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    uint64_t value; /* of a number: the most; of a flag that is a format or a state: which */
} fields[] = {
    {"act",         FIELD_ACT,    AT(act),            0                },
    {"format",      FIELD_FORMAT, AT(format),         0                },
    {"id",          FIELD_ID,     AT(ids),            0                },
    {"from",        FIELD_TEXT,   AT(from),           0                },
    {"to",          FIELD_TEXT,   AT(to),             0                },
    {"to-domain",   FIELD_TEXT,   AT(to_domain),      0                },
    {"reason",      FIELD_TEXT,   AT(reason),         0                },
    {"age",         FIELD_AGE,    AT(age_s),          0                },
    {"younger",     FIELD_AGE,    AT(young_s),        0                },
    {"active",      FIELD_STATE,  AT(states),         QUEUE_IS_ACTIVE  },
    {"deferred",    FIELD_STATE,  AT(states),         QUEUE_IS_DEFERRED},
    {"held",        FIELD_STATE,  AT(states),         QUEUE_IS_HELD    },
    {"all",         FIELD_FLAG,   AT(all),            0                },
    {"limit",       FIELD_NUMBER, AT(limit),          UINT64_MAX       },
    {"dry-run",     FIELD_FLAG,   AT(dry_run),        0                },
    {"address",     FIELD_TEXT,   AT(address),        0                },
    {"by-sender",   FIELD_FLAG,   AT(by_sender),      0                },
    {"parents",     FIELD_FLAG,   AT(parents),        0                },
    {"parents-min", FIELD_NUMBER, AT(parents_min),    1000000          },
    {"linear",      FIELD_FLAG,   AT(is_linear),      0                },
    {"buckets",     FIELD_NUMBER, AT(buckets),        QUEUE_BUCKETS_MAX},
    {"tick",        FIELD_NUMBER, AT(tick_minutes),   100000           },
    {"width",       FIELD_NUMBER, AT(width),          1000             },
    {"top",         FIELD_NUMBER, AT(top),            UINT64_MAX       },
    {"envelope",    FIELD_FLAG,   AT(wants_envelope), 0                },
    {"header",      FIELD_FLAG,   AT(wants_header),   0                },
    {"body",        FIELD_FLAG,   AT(wants_body),     0                },
};

void queue_request_init(struct queue_request *q)
{
    *q = (struct queue_request){.parents_min = 5, .buckets = 10, .tick_minutes = 5, .width = 80};
}

void queue_request_end(struct queue_request *q)
{
    if (q->ids != NULL)
        map_free(&q->ids);
}

static const struct field *field_of(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (span_eq(name, span_str(fields[i].name)))
            return &fields[i];
    }
    return NULL;
}

static bool word_of(struct span word, const char *const *words, unsigned count, unsigned *index_r)
{
    for (*index_r = 0; *index_r < count; ++*index_r) {
        if (span_eq(word, span_str(words[*index_r])))
            return true;
    }
    return false;
}

bool queue_request_act(struct span word, enum queue_act *act_r)
{
    unsigned index;

    if (!word_of(word, act_words, QUEUE_ACTS, &index))
        return false;
    *act_r = (enum queue_act)index;
    return true;
}

bool queue_request_takes_value(struct span name)
{
    const struct field *f = field_of(name);

    return f != NULL && f->kind != FIELD_FLAG && f->kind != FIELD_STATE;
}

/* "90", "90s", "15m", "2h", "1d", "1w". */
static bool age_read(struct span text, uint64_t *seconds_r)
{
    static const char letters[] = "smhdw";
    static const unsigned units[] = {1, 60, 3600, 86400, 7 * 86400};
    const char *letter = text.len > 1 ? memchr(letters, text.at[text.len - 1], 5) : NULL;
    unsigned unit = letter != NULL ? units[letter - letters] : 1;

    if (letter != NULL)
        text.len--;
    if (!number_parse(text, SECONDS_MAX / unit, seconds_r))
        return false;
    *seconds_r *= unit;
    return true;
}

/* Names are words of letters and digits; what else stands there was never one. */
static bool id_add(struct queue_request *q, struct span id)
{
    static char present;

    if (q->ids == NULL)
        q->ids = map_new();
    if (id.len == 0 || map_count(q->ids) >= QUEUE_IDS_MAX)
        return false;
    (void)map_put(q->ids, id, &present);
    return true;
}

static bool set_field(struct queue_request *q, const struct field *f, struct span value)
{
    void *at = (char *)q + f->offset;
    unsigned index;

    switch (f->kind) {
    case FIELD_FLAG:
        *(bool *)at = true;
        return value.len == 0;
    case FIELD_STATE:
        q->states |= (unsigned)f->value;
        return value.len == 0;
    case FIELD_TEXT:
        q->has_from = q->has_from || f->offset == AT(from);
        *(struct span *)at = value;
        return value.len <= QUEUE_VALUE_MAX && memchr(value.at, '\0', value.len) == NULL;
    case FIELD_NUMBER:
        return number_parse(value, f->value, (uint64_t *)at);
    case FIELD_AGE:
        return age_read(value, (uint64_t *)at);
    case FIELD_ACT:
        return queue_request_act(value, &q->act);
    case FIELD_FORMAT:
        if (!word_of(value, format_words, QUEUE_FORMATS, &index))
            return false;
        q->format = (enum queue_format)index;
        return true;
    case FIELD_ID:
        return value.len <= QUEUE_VALUE_MAX && id_add(q, value);
    }
    return false;
}

/* "<>" and "<a@b>" are what people copy from a log. */
static struct span without_brackets(const struct field *f, struct span value)
{
    bool is_address = f->offset == AT(from) || f->offset == AT(to) || f->offset == AT(address);

    if (is_address && value.len >= 2 && value.at[0] == '<' && value.at[value.len - 1] == '>')
        return (struct span){value.at + 1, value.len - 2};
    return value;
}

bool queue_request_set(struct queue_request *q, struct span name, struct span value,
                       struct chain *why)
{
    const struct field *f = field_of(name);

    if (f == NULL)
        chain_addf(why, "there is no \"--%.*s\"\n", (int)span_first(name, 40).len, name.at);
    else if (!set_field(q, f, without_brackets(f, value)))
        chain_addf(why, "--%s: \"%.*s\" can't be\n", f->name, (int)span_first(value, 40).len,
                   value.at);
    else
        return true;
    return false;
}

bool queue_request_changes(const struct queue_request *q)
{
    return q->act >= QUEUE_HOLD;
}

static bool says_whom(const struct queue_request *q)
{
    return q->ids != NULL || q->has_from || q->to.len > 0 || q->to_domain.len > 0 ||
           q->reason.len > 0 || q->age_s > 0 || q->young_s > 0 || q->states != 0 || q->all;
}

bool queue_request_check(const struct queue_request *q, struct chain *why)
{
    if (queue_request_changes(q) && !says_whom(q)) {
        chain_addf(why, "say whom: ids, --to-domain and the like, or --all\n");
        return false;
    }
    if ((q->act == QUEUE_SHOW || q->act == QUEUE_CAT) && !says_whom(q)) {
        chain_addf(why, "say which: an id, or --from and the like\n");
        return false;
    }
    if (q->act == QUEUE_REDIRECT &&
        (q->address.len == 0 || memchr(q->address.at, '@', q->address.len) == NULL)) {
        chain_addf(why, "say where to: --address user@domain\n");
        return false;
    }
    if (q->buckets == 0 || q->tick_minutes == 0) {
        chain_addf(why, "at least one age, of at least a minute\n");
        return false;
    }
    return true;
}

bool queue_request_read(struct queue_request *q, struct span text, struct chain *why)
{
    while (text.len > 0 && text.at[0] != '\n') {
        const char *end = memchr(text.at, '\n', text.len);
        struct span line = span_first(text, end != NULL ? (size_t)(end - text.at) : text.len);
        const char *blank = memchr(line.at, ' ', line.len);
        struct span name = span_first(line, blank != NULL ? (size_t)(blank - line.at) : line.len);

        if (!queue_request_set(q, name, span_after(line, name.len + 1), why))
            return false;
        text = span_after(text, line.len + 1);
    }
    return queue_request_check(q, why);
}
