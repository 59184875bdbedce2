/* SPDX-License-Identifier: MIT */
/* The freestanding form at work. */
#include <stdio.h>

#include "kit.h"

int main(void)
{
    const char *broken = kit_check();
    puts(broken == NULL ? "ok" : broken);
    return broken != NULL;
}
