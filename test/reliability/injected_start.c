/* SPDX-License-Identifier: MIT */
/*
 * System calls for memory fail while a program starts: strace makes the first, the second, the third
 * and so on of each kind fail. Most belong to the loader, which then says so and ends with 127, and
 * some to libc. Whatever is left is the allocator's: the program must come to its main function and
 * have each block or NULL with ENOMEM.
 */
#include "reliability/reliability.h"

enum { OCCURRENCES = 14, SECONDS = 30, SIZES = 24, LOADER_FAILED = 127 };

static const char *const calls[] = {"mmap", "mprotect", "munmap"};
enum { CALLS = sizeof calls / sizeof calls[0] };

static void *work(void *argument)
{
    void *blocks[SIZES];

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < SIZES; i++) {
            blocks[i] = block_try((size_t)1 << i, i);
        }
        for (size_t i = 0; i < SIZES; i++) {
            block_free(blocks[i], (size_t)1 << i, i);
        }
    }
    return argument;
}

static int be_started(void)
{
    pthread_t thread;

    alarm(SECONDS);
    if (cairn_expected() && symbol_is_system("malloc")) {
        return LOADER_FAILED; /* it goes on without a library that it could not preload */
    }
    work(NULL);
    if (pthread_create(&thread, NULL, work, NULL) == 0) {
        thread_join(thread);
    }
    return 0;
}

static int run(const char *inject)
{
    char preload[1024];
    const char *library = getenv("LD_PRELOAD");
    int status = 0;
    pid_t child = fork();

    expect(child >= 0, "fork: errno %d", errno);
    if (child == 0) {
        snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library == NULL ? "" : library);
        unsetenv("LD_PRELOAD");
        if (inject == NULL) {
            execlp("strace", "strace", "-qq", "-o", "/dev/null", "true", (char *)NULL);
        } else {
            char self[1024] = "";
            expect(readlink("/proc/self/exe", self, sizeof self - 1) > 0, "readlink");
            execlp("strace", "strace", "-qq", "-f", "-o", "/dev/null", "-E", preload, "-e", inject,
                   self, "--started", (char *)NULL);
        }
        _exit(LOADER_FAILED);
    }
    expect(waitpid(child, &status, 0) == child, "waitpid: errno %d", errno);
    return status;
}

int main(int count, char **arguments)
{
    size_t reached = 0;

    if (count == 2 && strcmp(arguments[1], "--started") == 0) {
        return be_started();
    }
    require_cairn_if_expected();
    if (run(NULL) != 0) {
        skip("strace is not installed, or may not trace a process");
    }
    for (size_t call = 0; call < CALLS; call++) {
        /* The first mapping of all is the loader's, which crashes without. */
        for (int when = call == 0 ? 3 : 1; when <= OCCURRENCES * 2; when++) {
            char inject[64];
            snprintf(inject, sizeof inject, "inject=%s:error=ENOMEM:when=%d%s", calls[call],
                     (when + 1) / 2, when % 2 ? "" : "+");
            int status = run(inject);
            expect(WIFEXITED(status), "%s: wait status %#x", inject, status);
            expect(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == LOADER_FAILED, "%s: code %d",
                   inject, WEXITSTATUS(status));
            reached += WEXITSTATUS(status) == 0;
        }
    }
    printf("%zu starts came to main\n", reached);
    expect(reached >= OCCURRENCES, "%zu came to main only", reached);
    return 0;
}
