/* The floor: the least that a program of this kind does. It becomes a subreaper, runs a command, reaps what ends, exits as the command did. */
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int status;
    pid_t command, pid;

    if (argc < 2)
        return 125;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    command = vfork();
    if (command == 0) {
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    while ((pid = wait(&status)) > 0)
        if (pid == command)
            break;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
