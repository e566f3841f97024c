/*
 * What times the programs, and the commands that they are given. `compare` builds and runs it.
 *
 *   driver race ROUNDS STAMP CONTENDER...     runs them in turn, ROUNDS times; a line of nanoseconds for each round
 *   driver signals ROUNDS CONTENDER...        sends each a signal in turn; a line of nanoseconds until the command's handler
 *   driver namespace COMMAND...               runs COMMAND as PID 1 of a PID namespace: the kernel ends what it leaves
 *   driver crowd N                            N processes that sleep, until standard input ends
 *   driver orphans N                          a command that makes N orphans, which end at once
 *   driver strays N STAMP [setsid]            a command that leaves N processes asleep, and writes down when it ended
 *   driver catch                              a command that tells descriptor 3 when a signal came
 *   driver idle                               a command that sleeps
 *
 * A CONTENDER is words, the last of which is followed by `:::`. Where STAMP is a file, a run is timed from the moment that its command wrote
 * there; where it is `-`, from its start.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 32

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "driver: %s: %s\n", what, strerror(errno));
    exit(1);
}

static volatile uint64_t *stamp_of(const char *file)
{
    if (strcmp(file, "-") == 0)
        return NULL;
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        fail(file);
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        fail(file);
    close(fd);
    return at;
}

static int split(char **words, char **contenders[MOST])
{
    int count = 0;
    contenders[0] = words;
    for (; *words; words++)
        if (strcmp(*words, ":::") == 0) {
            *words = NULL;
            contenders[++count] = words + 1;
            if (count == MOST - 1)
                break;
        }
    return count;
}

/* As a shell starts a program, but without copying ourselves. */
static pid_t start(char **words)
{
    pid_t pid = vfork();
    if (pid == 0) {
        execv(words[0], words);
        _exit(127);
    }
    if (pid < 0)
        fail("vfork");
    return pid;
}

static int race(int rounds, const char *file, char **words)
{
    char **contenders[MOST];
    int count = split(words, contenders);
    volatile uint64_t *stamp = stamp_of(file);

    for (int round = -1; round < rounds; round++) {
        for (int n = 0; n < count; n++) {
            /* Each comes first, second, … equally often: who runs after whom makes a difference. */
            int which = (n + round + 1) % count, status = 0;
            uint64_t begun = now();
            if (stamp)
                *stamp = 0;
            pid_t pid = start(contenders[which]);
            waitpid(pid, &status, 0);
            uint64_t ended = now();
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                fprintf(stderr, "driver: %s failed (%d)\n", contenders[which][0], status);
                return 1;
            }
            if (stamp)
                begun = *stamp;
            /* The first round warms up. */
            if (round >= 0)
                printf("%d %llu\n", which, (unsigned long long)(ended - begun));
        }
    }
    return 0;
}

static int signals(int rounds, char **words)
{
    char **contenders[MOST];
    int count = split(words, contenders), ends[MOST];
    pid_t pids[MOST];
    uint64_t came;

    for (int n = 0; n < count; n++) {
        int pipes[2];
        if (pipe2(pipes, O_CLOEXEC) != 0)
            fail("pipe");
        /* Out of the way of descriptor 3, which is the command's. */
        ends[n] = fcntl(pipes[0], F_DUPFD_CLOEXEC, 10);
        int other = fcntl(pipes[1], F_DUPFD_CLOEXEC, 10);
        close(pipes[0]);
        close(pipes[1]);
        if (dup2(other, 3) != 3)
            fail("dup2");
        close(other);
        pids[n] = start(contenders[n]);
        close(3);
        if (read(ends[n], &came, sizeof came) != sizeof came)
            fail("the command did not start");
    }
    for (int round = -1; round < rounds; round++) {
        for (int n = 0; n < count; n++) {
            int which = (n + round + 1) % count;
            /* Time enough for all to fall asleep. */
            usleep(300);
            uint64_t sent = now();
            kill(pids[which], SIGUSR1);
            if (read(ends[which], &came, sizeof came) != sizeof came)
                fail("the signal did not come");
            if (round >= 0)
                printf("%d %llu\n", which, (unsigned long long)(came - sent));
        }
    }
    for (int n = 0; n < count; n++) {
        kill(pids[n], SIGTERM);
        waitpid(pids[n], NULL, 0);
    }
    return 0;
}

static void tell(int signal)
{
    uint64_t came = now();
    (void)signal;
    if (write(3, &came, sizeof came) < 0)
        _exit(1);
}

static void catch(void)
{
    signal(SIGUSR1, tell);
    tell(0);
    for (;;)
        pause();
}

static int namespace(char **words)
{
    pid_t pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    int status;
    if (pid == 0) {
        execv(words[0], words);
        _exit(127);
    }
    if (pid < 0)
        fail("cannot make a PID namespace");
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void sleepers(int count, int apart)
{
    for (int n = 0; n < count; n++) {
        pid_t pid = fork();
        if (pid < 0)
            fail("fork");
        if (pid == 0) {
            if (apart)
                setsid();
            for (;;)
                pause();
        }
    }
}

static int crowd(int count)
{
    char byte;
    setpgid(0, 0);
    sleepers(count, 0);
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    kill(0, SIGKILL);
    return 0;
}

static int strays(int count, const char *file, int apart)
{
    volatile uint64_t *stamp = stamp_of(file);
    sleepers(count, apart);
    *stamp = now();
    _exit(0);
}

static int orphans(int count)
{
    for (int n = 0; n < count; n++) {
        pid_t parent = fork();
        if (parent < 0)
            fail("fork");
        if (parent == 0) {
            fork();
            _exit(0);
        }
        waitpid(parent, NULL, 0);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "race") == 0 && argc > 4)
        return race(atoi(argv[2]), argv[3], argv + 4);
    if (strcmp(what, "signals") == 0 && argc > 3)
        return signals(atoi(argv[2]), argv + 3);
    if (strcmp(what, "namespace") == 0 && argc > 2)
        return namespace(argv + 2);
    if (strcmp(what, "crowd") == 0 && argc > 2)
        return crowd(atoi(argv[2]));
    if (strcmp(what, "orphans") == 0 && argc > 2)
        return orphans(atoi(argv[2]));
    if (strcmp(what, "strays") == 0 && argc > 3)
        return strays(atoi(argv[2]), argv[3], argc > 4);
    if (strcmp(what, "catch") == 0)
        catch();
    if (strcmp(what, "idle") == 0)
        for (;;)
            pause();
    fprintf(stderr, "driver: see the head of driver.c\n");
    return 2;
}
