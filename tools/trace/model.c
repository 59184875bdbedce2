/* SPDX-License-Identifier: MIT */
/* What the next event is likely to be: see format.h. */
#include <string.h>

#include "trace/format.h"

void model_reset(struct model *model, uint64_t first_number)
{
    memset(model, 0, offsetof(struct model, ring));
    model->number = first_number - 1;
}
