/* SPDX-License-Identifier: MIT */
/*
 * vfork and exec, where the child runs in the parent's memory; posix_spawn with file actions and
 * attributes; system and popen; all while another thread allocates.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static atomic_bool stop;

static void *busy(void *arg)
{
    while (!stop)
        churn(1, 200, 6000);
    return arg;
}

static int code_of(pid_t child)
{
    int state;
    expect(waitpid(child, &state, 0) == child, "waitpid");
    return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

static int vfork_and_exec(const char *program, const char *argument)
{
    pid_t child = vfork();
    if (child == 0) {
        execl(program, program, argument, (char *)NULL);
        _exit(126);
    }
    expect(child > 0, "vfork");
    return code_of(child);
}

static void vforks(char *self)
{
    int sum = 0;
    for (int i = 0; i < 100; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        void *block = filled(1000, 1);
        sum += vfork_and_exec(self, number);
        check_and_free(block, 1000, 1);
    }
    printf("100 vforks: codes add up to %d\n", sum);
    printf("exec of nothing: %d\n", vfork_and_exec("/nowhere/nothing", "1"));
}

static void spawns(char *self)
{
    int sum = 0;
    for (int i = 0; i < 100; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        char *argv[] = {self, number, NULL};
        pid_t child;
        expect(!posix_spawn(&child, self, NULL, NULL, argv, environ), "posix_spawn");
        sum += code_of(child);
    }
    printf("100 spawns: codes add up to %d\n", sum);

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 1, "spawned", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (int fd = 4; fd < 10; fd++)
        posix_spawn_file_actions_adddup2(&actions, 1, fd);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    char *argv[] = {"sh", "-c", "echo through a file; echo to 7 >&7; exit 5", NULL};
    pid_t child;
    expect(!posix_spawnp(&child, "sh", &actions, &attributes, argv, environ), "posix_spawnp");
    printf("sh: %d\n", code_of(child));
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    char *nothing[] = {"nothing", NULL};
    printf("spawn of nothing: %s\n",
           strerror(posix_spawn(&child, "/nowhere/nothing", NULL, NULL, nothing, environ)));
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        churn(9, 100, 3000);
        return atoi(argv[1]);
    }
    pthread_t thread;
    expect(!pthread_create(&thread, NULL, busy, NULL), "thread");
    vforks(argv[0]);
    spawns(argv[0]);
    printf("system: %d\n", WEXITSTATUS(system("exit 6")));
    FILE *pipe = popen("printf 'line %s\\n' one two three", "r");
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, pipe) > 0)
        printf("popen: %s", line);
    free(line);
    printf("pclose: %d\n", pclose(pipe));
    stop = 1;
    expect(!pthread_join(thread, NULL), "join");
    return 0;
}
