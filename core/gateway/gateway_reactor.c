#include "core/gateway/gateway_reactor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/ensure.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/thread.h"
#include "core/work/inbox.h"
#include "core/work/job.h"

enum {
    WHY_SIZE = 200,
    COMPLAINT_PAUSE_S = 10, /* between two lines about accept() failing */
};

struct listener {
    struct list node;
    struct gateway_reactor *reactor;
    const struct conn_service *service;
    struct io_op accept;
    struct iovec busy; /* what is said to who can't be accepted */
    int fd;
};

struct gateway_reactor {
    struct gateway_reactor_config config;
    struct list listeners;
    struct thread *thread;
    int told_fd; /* the thread says here that it has opened, well or not, and that it has stopped */
    int may_close_fd; /* it waits here between stopping and closing */
    int beat_fd;      /* it answers here to gateway_reactor_beat() */
    bool beat_is_away, is_open;
    char why[WHY_SIZE];
    char backend_name[16];

    /* the reactor's thread alone */
    struct reactor *reactor;
    struct conn_set *conns;
    struct job go, stop, beat;
    bool stopping, conns_stopped;
    uint64_t complained_ns;
};

struct gateway_reactor *gateway_reactor_new(const struct gateway_reactor_config *config)
{
    struct gateway_reactor *r = xcalloc(1, sizeof(*r));

    r->config = *config;
    r->told_fd = r->may_close_fd = r->beat_fd = -1;
    list_init(&r->listeners);
    return r;
}

void gateway_reactor_listen(struct gateway_reactor *r, int fd, const struct conn_service *service)
{
    struct listener *l = xcalloc(1, sizeof(*l));

    l->reactor = r;
    l->service = service;
    l->fd = fd;
    if (service->busy != NULL) {
        l->busy = (struct iovec){(char *)(uintptr_t)service->busy, strlen(service->busy)};
        l->accept.parts = &l->busy;
        l->accept.count = 1;
    }
    list_add_tail(&r->listeners, &l->node);
}

/* ---- accepting ---- */

static void complain(struct gateway_reactor *r, const struct conn_service *service, int error)
{
    uint64_t now = reactor_now_ns(r->reactor);

    if (r->complained_ns != 0 && now - r->complained_ns < COMPLAINT_PAUSE_S * 1000000000ull)
        return;
    r->complained_ns = now;
    log_say(LOG_WARNING, service->name, "can't accept a connection: %s", strerror(error));
}

static void accepted(struct io_op *op, int result, struct span data UNUSED)
{
    struct listener *l = CONTAINER_OF(op, struct listener, accept);
    struct gateway_reactor *r = l->reactor;

    if (result >= 0)
        conn_open(r->conns, l->service, result);
    else if (result != -ECANCELED)
        complain(r, l->service, -result);
    if (!op->armed && !r->stopping)
        reactor_accept(r->reactor, op, l->fd, accepted);
}

static void go_home(struct job *job)
{
    struct gateway_reactor *r = CONTAINER_OF(job, struct gateway_reactor, go);

    list_each (node, &r->listeners) {
        struct listener *l = CONTAINER_OF(node, struct listener, node);
        reactor_accept(r->reactor, &l->accept, l->fd, accepted);
    }
}

void gateway_reactor_accept(struct gateway_reactor *r)
{
    if (r->thread != NULL)
        inbox_post(r->go.inbox, &r->go);
    else
        go_home(&r->go);
}

/* ---- stopping ---- */

static void conns_stopped(void *context)
{
    struct gateway_reactor *r = context;

    r->conns_stopped = true;
}

static void stop_home(struct job *job)
{
    struct gateway_reactor *r = CONTAINER_OF(job, struct gateway_reactor, stop);

    r->stopping = true;
    list_each (node, &r->listeners) {
        struct listener *l = CONTAINER_OF(node, struct listener, node);
        reactor_cancel(r->reactor, &l->accept);
    }
    conn_set_stop(r->conns, r->config.patience_ms, conns_stopped, r);
}

static bool has_stopped(const struct gateway_reactor *r)
{
    if (!r->conns_stopped)
        return false;
    list_each (node, &r->listeners) {
        if (CONTAINER_OF(node, struct listener, node)->accept.armed)
            return false;
    }
    return true;
}

static void close_all(struct gateway_reactor *r)
{
    list_each (node, &r->listeners) {
        struct listener *l = CONTAINER_OF(node, struct listener, node);
        reactor_close_fd(r->reactor, l->fd);
        l->fd = -1;
    }
    conn_set_close(&r->conns);
    reactor_close(&r->reactor);
}

void gateway_reactor_stop(struct gateway_reactor *r)
{
    inbox_post(r->stop.inbox, &r->stop);
}

/* ---- running ---- */

static void event_tell(int fd)
{
    uint64_t one = 1;

    ensure(write(fd, &one, sizeof(one)) == sizeof(one));
}

static void beat_home(struct job *job)
{
    event_tell(CONTAINER_OF(job, struct gateway_reactor, beat)->beat_fd);
}

bool gateway_reactor_beat(struct gateway_reactor *r)
{
    uint64_t count;

    if (r->beat_is_away && read(r->beat_fd, &count, sizeof(count)) < 0)
        return false;
    r->beat_is_away = true;
    inbox_post(r->beat.inbox, &r->beat);
    return true;
}

bool gateway_reactor_open(struct gateway_reactor *r)
{
    const struct gateway_reactor_config *c = &r->config;
    struct reactor_config config = reactor_config_default;
    int error;

    config.accepts_only = !c->connects;
    error = c->backend != NULL ? reactor_open_with(c->backend, &config, &r->reactor)
                               : reactor_open(c->io, &config, &r->reactor, r->why, WHY_SIZE);

    if (error < 0) {
        if (r->why[0] == '\0')
            (void)snprintf(r->why, WHY_SIZE, "no reactor: %s", strerror(-error));
        return false;
    }
    (void)snprintf(r->backend_name, sizeof(r->backend_name), "%s",
                   reactor_backend_name(r->reactor));
    r->conns = conn_set_open(r->reactor, c->index, c->count);
    conn_set_guard(r->conns, c->budget, c->pressure);
    r->stop.home = stop_home;
    r->beat.home = beat_home;
    r->go.home = go_home;
    r->go.inbox = r->stop.inbox = r->beat.inbox = reactor_inbox(r->reactor);
    r->is_open = true;
    return true;
}

bool gateway_reactor_turn(struct gateway_reactor *r, uint64_t until_ns)
{
    reactor_turn(r->reactor, until_ns);
    log_flush();
    return !has_stopped(r);
}

static void event_wait(int fd)
{
    uint64_t count;

    while (read(fd, &count, sizeof(count)) < 0)
        ensure(errno == EINTR);
}

static void run(void *context)
{
    struct gateway_reactor *r = context;
    bool opened = gateway_reactor_open(r);

    event_tell(r->told_fd);
    if (!opened)
        return;
    while (gateway_reactor_turn(r, UINT64_MAX))
        ;
    event_tell(r->told_fd);
    event_wait(r->may_close_fd);
    close_all(r);
}

bool gateway_reactor_start(struct gateway_reactor *r)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "reactor %u", r->config.index);
    r->told_fd = eventfd(0, EFD_CLOEXEC);
    r->may_close_fd = eventfd(0, EFD_CLOEXEC);
    r->beat_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->told_fd >= 0 && r->may_close_fd >= 0 && r->beat_fd >= 0)
        r->thread = thread_start(name, run, r);
    if (r->thread == NULL) {
        (void)snprintf(r->why, WHY_SIZE, "no thread for a reactor: %s", strerror(errno));
        return false;
    }
    event_wait(r->told_fd);
    if (!r->is_open)
        thread_join(&r->thread);
    return r->is_open;
}

void gateway_reactor_wait(struct gateway_reactor *r)
{
    if (r->thread != NULL)
        event_wait(r->told_fd);
}

void gateway_reactor_close(struct gateway_reactor *r)
{
    if (r->thread != NULL) {
        event_tell(r->may_close_fd);
        thread_join(&r->thread);
    } else if (r->reactor != NULL) {
        close_all(r);
    }
}

struct inbox *gateway_reactor_inbox(const struct gateway_reactor *r)
{
    return reactor_inbox(r->reactor);
}

struct conn_set *gateway_reactor_conns(const struct gateway_reactor *r)
{
    return r->conns;
}

const char *gateway_reactor_why(const struct gateway_reactor *r)
{
    return r->why;
}

const char *gateway_reactor_backend(const struct gateway_reactor *r)
{
    return r->backend_name;
}

void gateway_reactor_free(struct gateway_reactor **reactor)
{
    struct gateway_reactor *r = *reactor;

    ensure(r->reactor == NULL);
    list_each(node, &r->listeners)
    {
        struct listener *l = CONTAINER_OF(node, struct listener, node);

        if (l->fd >= 0 && r->config.backend == NULL)
            close(l->fd);
        free(l);
    }
    if (r->told_fd >= 0)
        close(r->told_fd);
    if (r->may_close_fd >= 0)
        close(r->may_close_fd);
    if (r->beat_fd >= 0)
        close(r->beat_fd);
    free(r);
    *reactor = NULL;
}
