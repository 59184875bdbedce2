/* SPDX-License-Identifier: MIT */
#include "lab/lab.h"
int lab_sweep(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 0;
}
