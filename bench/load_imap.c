/*
 * load_imap: times commands of one IMAP connection, or holds many idle ones.
 *
 *   load_imap [-u user] [-w password] [-n rounds] [-b mailbox] host port COMMAND...
 *       selects the mailbox read-only and gives each command `rounds` times; prints for each the
 *       first and the median time in ms and the bytes of the answer
 *   load_imap [-u user] [-w password] -i connections [-p pid] host port
 *       logs in, selects and idles on so many connections; prints the memory of process `pid` and
 *       its children before and after. A %d in the user becomes a number from 1 on.
 *
 * Bounded: a command that takes 120 s ends the program.
 */

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_SIZE = 1 << 20,
    TAIL_MAX = 512,
    ROUNDS_MAX = 101
};

static struct {
    const char *user, *password, *mailbox, *host, *port;
    unsigned rounds, idlers;
    pid_t pid;
    struct addrinfo *address;
    char *buffer;
} load = {.user = "vagrant", .password = "password", .mailbox = "INBOX", .rounds = 5};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
    fprintf(stderr, "load_imap: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n <= 0)
            die("write");
        bytes += n;
        len -= (size_t)n;
    }
}

/* Reads until the last line begins with `start`; returns the bytes read. The tail of the stream is
 * kept so that a line may be cut anywhere. */
static uint64_t read_until(int fd, const char *start)
{
    char tail[TAIL_MAX + 1];
    size_t len = 0;
    uint64_t total = 0;

    for (;;) {
        ssize_t n = read(fd, load.buffer, READ_SIZE);
        size_t kept;
        char *line;

        if (n <= 0)
            die("read");
        total += (uint64_t)n;
        if ((size_t)n >= TAIL_MAX) {
            memcpy(tail, load.buffer + n - TAIL_MAX, TAIL_MAX);
            len = TAIL_MAX;
        } else {
            kept = len + (size_t)n > TAIL_MAX ? TAIL_MAX - (size_t)n : len;
            memmove(tail, tail + len - kept, kept);
            memcpy(tail + kept, load.buffer, (size_t)n);
            len = kept + (size_t)n;
        }
        tail[len] = '\0';
        if (len < 2 || tail[len - 1] != '\n')
            continue;
        line = memrchr(tail, '\n', len - 1);
        line = line == NULL ? tail : line + 1;
        if (strncmp(line, start, strlen(start)) != 0)
            continue;
        if (start[0] == 'z' && strncmp(line + strlen(start), "OK", 2) != 0) {
            fprintf(stderr, "load_imap: %s", line);
            exit(1);
        }
        return total;
    }
}

static uint64_t command(int fd, const char *text)
{
    static unsigned number;
    char tag[16], line[1024];

    snprintf(tag, sizeof(tag), "z%u ", ++number);
    write_all(fd, line, (size_t)snprintf(line, sizeof(line), "%s%s\r\n", tag, text));
    return read_until(fd, tag);
}

static int connection_open(unsigned number, bool read_only)
{
    const char *mark = strstr(load.user, "%d");
    char line[512];
    int fd = socket(load.address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0 || connect(fd, load.address->ai_addr, load.address->ai_addrlen) != 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    read_until(fd, "* OK");
    if (mark == NULL)
        snprintf(line, sizeof(line), "LOGIN %s %s", load.user, load.password);
    else
        snprintf(line, sizeof(line), "LOGIN %.*s%u%s %s", (int)(mark - load.user), load.user,
                 number, mark + 2, load.password);
    command(fd, line);
    snprintf(line, sizeof(line), "%s \"%s\"", read_only ? "EXAMINE" : "SELECT", load.mailbox);
    command(fd, line);
    return fd;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void time_commands(char **commands, int count)
{
    for (int c = 0; c < count; c++) {
        double ms[ROUNDS_MAX] = {0}, first;
        uint64_t bytes = 0;
        int fd = connection_open(1, true);

        for (unsigned i = 0; i < load.rounds; i++) {
            double began = now_ms();

            bytes = command(fd, commands[c]);
            ms[i] = now_ms() - began;
        }
        first = ms[0];
        qsort(ms, load.rounds, sizeof(ms[0]), by_size);
        printf("command=\"%s\" first_ms=%.2f median_ms=%.2f bytes=%llu\n", commands[c], first,
               ms[load.rounds / 2], (unsigned long long)bytes);
        command(fd, "LOGOUT");
        close(fd);
    }
}

/* Resident KiB of the process. */
static long memory_kib(pid_t pid)
{
    char path[64], line[256];
    long kib = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    f = fopen(path, "re");
    if (f == NULL)
        die(path);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    }
    fclose(f);
    return kib;
}

static void hold_idle(void)
{
    long before, after;
    double began = now_ms();

    close(connection_open(1, false));
    before = load.pid == 0 ? 0 : memory_kib(load.pid);
    for (unsigned i = 0; i < load.idlers; i++) {
        int fd = connection_open(i + 1, false);

        write_all(fd, "zi IDLE\r\n", 9);
        read_until(fd, "+");
    }
    printf("idle=%u seconds=%.1f ", load.idlers, (now_ms() - began) / 1e3);
    sleep(3);
    after = load.pid == 0 ? 0 : memory_kib(load.pid);
    printf("rss_before_kib=%ld rss_after_kib=%ld per_connection_kib=%.2f\n", before, after,
           (double)(after - before) / load.idlers);
}

int main(int argc, char **argv)
{
    struct addrinfo want = {.ai_socktype = SOCK_STREAM};
    struct rlimit files;
    int option;

    while ((option = getopt(argc, argv, "u:w:n:b:i:p:")) != -1) {
        switch (option) {
        case 'u':
            load.user = optarg;
            break;
        case 'w':
            load.password = optarg;
            break;
        case 'n':
            load.rounds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'b':
            load.mailbox = optarg;
            break;
        case 'i':
            load.idlers = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            load.pid = (pid_t)strtol(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    }
    if (argc - optind < 2 || load.rounds == 0 || load.rounds > ROUNDS_MAX) {
        fputs("load_imap: see the comment at the top of bench/load_imap.c\n", stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    load.host = argv[optind];
    load.port = argv[optind + 1];
    load.buffer = malloc(READ_SIZE);
    if (load.buffer == NULL || getaddrinfo(load.host, load.port, &want, &load.address) != 0)
        die(load.host);
    alarm(load.idlers > 0 ? 600 : 120);
    if (load.idlers > 0)
        hold_idle();
    time_commands(argv + optind + 2, argc - optind - 2);
    return 0;
}
