/* SPDX-License-Identifier: MIT */
/* See checked.h. */
#include "core/checked.h"

#include "core/crime.h"
#include "core/secret.h"

#if CHECKED

SEALED uintptr_t cairn__proof_key;

void cairn__checked_start(void)
{
    cairn__proof_key = (uintptr_t)cairn__secret();
}

void cairn__proof_failed(const void *block)
{
    const struct page *page = page_of(block);
    cairn__crime((struct crime){.what = "write after free to",
                                .ptr = block,
                                .detail = ", in its first 16 bytes",
                                .page = page,
                                .size = page->size});
}

void cairn__checked_not_live(const char *what, const struct page *page, const void *ptr)
{
    size_t offset = (size_t)((const char *)ptr - page->start);
    struct crime crime = {
        .kind = "invalid ", .what = what, .ptr = ptr, .page = page, .size = page->size};
    if (offset / page->size >= page->issued) {
        crime.detail = ", which was never allocated";
    } else if (offset % page->size != 0) {
        crime.detail = ", which is inside a block, at byte ";
        crime.number = offset % page->size;
    } else if (what[0] == 'f') {
        crime.kind = "double ";
    } else {
        crime.kind = "late ";
        crime.detail = ", which was freed before";
    }
    cairn__crime(crime);
}

void cairn__checked_no_block(const char *what, const void *ptr)
{
    struct crime crime = {.kind = "invalid ", .what = what, .ptr = ptr};
    const struct page *page = page_near(ptr);
    if (page != NULL && page_owner(page) == OWNER_INTERIOR)
        page -= page->offset;
    struct heap *owner = page == NULL ? NULL : page_owner(page);
    if (page == NULL) {
        crime.detail = ", which is no block of this heap";
    } else if (owner == OWNER_LARGE) {
        crime.detail = ", which is inside a block, at byte ";
        crime.number = (size_t)((const char *)ptr - page->start);
    } else if (owner == OWNER_KEPT && ptr == page->start) {
        crime.kind = what[0] == 'f' ? "double " : "late ";
        crime.detail = ", which was freed before";
    } else {
        crime.detail = ", where no block is (freed before?)";
    }
    cairn__crime(crime);
}

#endif
