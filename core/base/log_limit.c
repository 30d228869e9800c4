#include "core/base/log_limit.h"

#include <pthread.h>
#include <string.h>

#include "core/base/map.h"

struct place {
    int64_t second;
    unsigned written, unsaid;
    char source[LOG_LIMIT_NAME];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct place places[LOG_LIMIT_SOURCES];
static unsigned unsaid_places; /* with lines left unsaid */
static unsigned next_place;    /* where log_limit_rest() looks next */
static int64_t quiet_second;   /* nothing is left to say until it is over */

static void take_unsaid(struct place *p, struct log_limit_rest *rest_r)
{
    if (p->unsaid == 0)
        return;
    memcpy(rest_r->source, p->source, sizeof(p->source));
    rest_r->count = p->unsaid;
    p->unsaid = 0;
    unsaid_places--;
}

static void begin_second(struct place *p, struct span source, int64_t second)
{
    size_t len = source.len < LOG_LIMIT_NAME ? source.len : LOG_LIMIT_NAME - 1;

    p->second = second;
    p->written = 0;
    memcpy(p->source, source.at, len);
    p->source[len] = '\0';
}

bool log_limit_take(struct span source, int64_t second, struct log_limit_rest *rest_r)
{
    struct place *p = &places[map_hash(source) % LOG_LIMIT_SOURCES];
    bool may;

    rest_r->count = 0;
    pthread_mutex_lock(&lock);
    if (p->second != second) {
        take_unsaid(p, rest_r);
        begin_second(p, source, second);
        p->written = rest_r->count > 0;
    }
    may = p->written < LOG_LIMIT_LINES;
    if (may)
        p->written++;
    else if (p->unsaid++ == 0)
        unsaid_places++;
    pthread_mutex_unlock(&lock);
    return may;
}

bool log_limit_rest(int64_t second, struct log_limit_rest *rest_r)
{
    bool may_be_left;

    rest_r->count = 0;
    pthread_mutex_lock(&lock);
    may_be_left = unsaid_places > 0 && second != quiet_second;
    for (unsigned i = 0; may_be_left && i < LOG_LIMIT_SOURCES && rest_r->count == 0; i++) {
        struct place *p = &places[next_place++ % LOG_LIMIT_SOURCES];

        if (p->unsaid == 0 || p->second == second)
            continue;
        take_unsaid(p, rest_r);
        p->second = second; /* the line about it is one of this second */
        p->written = 1;
    }
    if (rest_r->count == 0)
        quiet_second = second;
    pthread_mutex_unlock(&lock);
    return rest_r->count > 0;
}
