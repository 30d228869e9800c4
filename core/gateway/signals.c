#include "core/gateway/signals.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/ensure.h"
#include "store/store.h"

static sigset_t taken(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    return set;
}

/* Where memory is a file, damage of the file ends the process by a signal. Returning makes it
 * happen again, as it would have without us. */
static struct sigaction before_crash[2];

static void crashed(int number, siginfo_t *info, void *unused)
{
    (void)unused;
    store_crashed_at(info->si_addr);
    sigaction(number, &before_crash[number == SIGBUS], NULL);
}

void signals_take(void)
{
    sigset_t set = taken();
    struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO};

    sigaction(SIGSEGV, &action, &before_crash[0]);
    sigaction(SIGBUS, &action, &before_crash[1]);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static struct timespec time_until(uint64_t until_ns)
{
    uint64_t now_ns = clock_monotonic_ns(), left_ns = until_ns > now_ns ? until_ns - now_ns : 0;

    return (struct timespec){(time_t)(left_ns / 1000000000), (long)(left_ns % 1000000000)};
}

enum signals_request signals_wait(uint64_t until_ns)
{
    sigset_t set = taken();
    int number;

    do {
        struct timespec left = time_until(until_ns);
        number = sigtimedwait(&set, NULL, until_ns == UINT64_MAX ? NULL : &left);
    } while (number < 0 && errno == EINTR);
    ensure(number > 0 || errno == EAGAIN);
    if (number < 0)
        return SIGNALS_NONE;
    if (number == SIGHUP)
        return SIGNALS_RELOAD;
    if (number == SIGUSR2)
        return SIGNALS_TELL;
    return number == SIGUSR1 ? SIGNALS_REOPEN : SIGNALS_STOP;
}

static void too_late(int number)
{
    static const char text[] = "ringpost: did not stop in time, ends here\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

    (void)ignored;
    (void)number;
    _exit(1);
}

void signals_stop_within(unsigned seconds)
{
    struct sigaction action = {.sa_handler = too_late};

    sigaction(SIGALRM, &action, NULL);
    alarm(seconds);
}
