/* SPDX-License-Identifier: MIT */
/*
 * mlockall, as real-time programs call it: what is reserved but not in use must not become
 * resident, and allocating must go on. Whether an ordinary user may lock depends on the machine,
 * so that is not printed.
 */

#include "pattern.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

static void *work(void *arg)
{
    churn(2, 3000, 50000);
    return arg;
}

int main(void)
{
    churn(1, 1000, 10000);
    (void)!mlockall(MCL_CURRENT | MCL_FUTURE);
    churn(2, 3000, 50000);
    churn(3, 100, 2000000);
    pthread_t thread;
    expect(!pthread_create(&thread, NULL, work, NULL), "thread");
    expect(!pthread_join(thread, NULL), "join");
    munlockall();
    churn(4, 1000, 10000);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("locked and unlocked; less than 512 MiB resident: %s\n",
           usage.ru_maxrss < 512 << 10 ? "yes" : "no");
    return 0;
}
