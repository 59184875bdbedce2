/* SPDX-License-Identifier: MIT */
/* A stack of allocators from text, as it may stand in a configuration file. */
#include <stdio.h>
#include <string.h>

#include <cairn/stack.h>

static void try(const char *text)
{
    cairn_stack_error error;
    cairn_stack *stack = cairn_stack_create(text, (cairn_allocator){NULL, NULL}, &error);
    if (stack == NULL) {
        printf("%s\n%*s^ %s\n", text, (int)error.at, "", error.text);
        return;
    }
    cairn_allocator allocator = cairn_stack_allocator(stack);
    char *word = cairn_allocator_duplicate_string(allocator, "it works");
    printf("%s: %s%s\n", text, word != NULL ? word : "no memory",
           cairn_stack_is_thread_safe(stack) ? ", for all threads" : "");
    cairn_allocator_dealloc(allocator, word, (cairn_layout){sizeof "it works", 1});
    cairn_stack_destroy(stack);
}

int main(void)
{
    try("counted(fit:best,deferred)");
    try("locked(limited:64K(slab_set(system)))");
    try("fallback(bump:4K,heap)");
    try("counted(fitt:best)");
    try("guarded(arena:chunk=lots)");
    return 0;
}
