/* SPDX-License-Identifier: MIT */
/*
 * See unwind.h. The walk, and the table of rules.
 *
 * The table: 65,536 words, each a rule and what tells its address from the others that belong there;
 * together with the word's place that is the whole address, so nothing is taken for another. What
 * finds its place taken may lie in the next one. A word is read and written at once: threads may
 * race, and whoever loses writes the same or is overwritten. It is memory of its own, up to 512 KiB,
 * used as far as there are addresses.
 *
 * Nothing that a rule says is believed: a load is made only where memory.h says that it can be, at
 * an aligned address, and the stack pointer only goes up, but for signals. So a wrong rule, or a
 * stack full of nonsense, gives a wrong list and never a fault.
 */
#include "os/unwind.h"

#include <stdatomic.h>

#include "os/os.h"
#include "os/unwind_file.h"
#include "os/unwind_machine.h"
#include "os/unwind_memory.h"
#include "os/unwind_rule.h"
#include "os/unwind_step.h"

/* An address is as many bits as a place in the table has, and these beside it. */
enum { PLACE_BITS = 16, TAG_BITS = 31, KEY_BITS = PLACE_BITS + TAG_BITS, RULE_BITS = 32 };
enum { TABLE_SIZE = sizeof(uint64_t) << PLACE_BITS };

_Static_assert((int)ADDRESS_BITS - (int)CODE_SHIFT <= (int)KEY_BITS,
               "an address fits into a place and a tag");

typedef _Atomic uint64_t slot;

static struct {
    _Atomic(slot *) slots;      /* set once; NULL: rules are not kept */
    _Atomic unsigned forgotten; /* how often */
} table;

/* ---- rules ---- */

/* Another number for each address, that looks random in its upper bits; the lowest are 0. */
static inline uint64_t key_of(uintptr_t address)
{
    return (uint64_t)(address >> CODE_SHIFT) * (0x9E3779B97F4A7C15u << (64 - KEY_BITS));
}

static inline size_t place_of(uint64_t key)
{
    return (size_t)(key >> (64 - PLACE_BITS));
}

/* A word without its rule; in the next place instead of its own, it has another last bit. */
static inline uint64_t tagged(uint64_t key, bool in_next)
{
    return key << PLACE_BITS | (uint64_t)in_next << RULE_BITS;
}

/* What there is to know, without what is remembered. */
static uint32_t rule_of(uintptr_t address)
{
    struct unwind_file file;
    if (cairn__unwind_file_of(address, &file))
        return cairn__unwind_rule_in(&file, address);
    return rule_make(cairn__unwind_is_signal_return(address) ? RULE_SIGNAL : RULE_END, 0, 0);
}

/* Also remembers that there is no file, as of code made at run time, until files were loaded. */
static COLD uint32_t find_out(slot *slots, uintptr_t address, uint64_t key)
{
    unsigned forgotten = atomic_load(&table.forgotten);
    uint32_t rule = rule_of(address);
    if (slots == NULL)
        return rule;
    slot *own = &slots[place_of(key)], *next = &slots[place_of(key) ^ 1];
    bool in_next = atomic_load_explicit(own, memory_order_relaxed) != 0 &&
                   (atomic_load_explicit(next, memory_order_relaxed) == 0 || rule % 2 == 0);
    slot *kept = in_next ? next : own;
    atomic_store(kept, tagged(key, in_next) | rule);
    if (atomic_load(&table.forgotten) != forgotten) /* what was read may be of before */
        atomic_store(kept, 0);
    return rule;
}

static NOINLINE uint32_t rule_elsewhere(slot *slots, uintptr_t address, uint64_t key)
{
    if (slots != NULL) {
        uint64_t word = atomic_load_explicit(&slots[place_of(key) ^ 1], memory_order_relaxed);
        if ((word ^ tagged(key, true)) >> RULE_BITS == 0 && word != 0)
            return (uint32_t)word;
    }
    return find_out(slots, address, key);
}

/* A word without a rule is 0, and would be taken for that of the address 0. */
static inline uint32_t rule_for(slot *slots, uintptr_t address)
{
    uint64_t key = key_of(address);
    if (LIKELY(slots != NULL)) {
        uint64_t word = atomic_load_explicit(&slots[place_of(key)], memory_order_relaxed);
        if (LIKELY((word ^ tagged(key, false)) >> RULE_BITS == 0 && (uint32_t)word != 0))
            return (uint32_t)word;
    }
    return rule_elsewhere(slots, address, key);
}

/* ---- the walk ---- */

/* Called by cairn__unwind, below. */
__attribute__((used)) unsigned cairn__unwind_from(uintptr_t *frames, unsigned max, uintptr_t pc,
                                                  uintptr_t stack, uintptr_t frame);

/* Reads a word; sanitizers would take what lies between variables for forbidden. */
static inline __attribute__((always_inline, no_sanitize("address", "thread"))) uintptr_t word_at(
    uintptr_t address)
{
    return *(const uintptr_t *)address;
}

/* False: it is as it was; the rule is of a rarer kind, or there is something else about it. */
static inline bool step(struct unwind_walk *walk, uint32_t rule)
{
    enum rule_kind kind = rule_kind_of(rule);
    uintptr_t saved = rule_frame(rule);
    uintptr_t cfa = (kind == RULE_FROM_FRAME ? walk->frame : walk->stack) + rule_cfa(rule);
    uintptr_t size = cfa - walk->stack;
    if (UNLIKELY(kind > RULE_FROM_FRAME || size - 1 >= walk->reach.limit - walk->stack ||
                 size < saved || size % WORD != 0))
        return false;
    walk->pc = word_at(RETURN_BELOW_CFA ? cfa - WORD : cfa - saved + WORD);
    if (saved != RULE_UNCHANGED * WORD)
        walk->frame = word_at(cfa - saved);
    walk->stack = cfa;
    walk->interrupted = false;
    return true;
}

/* What step() passes on: perhaps only more of the stack is to be seen. */
static NOINLINE bool step_rarely(struct unwind_walk *walk, uint32_t rule,
                                 struct unwind_registers *all)
{
    enum rule_kind kind = rule_kind_of(rule);
    if (kind > RULE_FROM_FRAME)
        return cairn__unwind_step(walk, rule, all);
    uintptr_t cfa = (kind == RULE_FROM_FRAME ? walk->frame : walk->stack) + rule_cfa(rule);
    return cfa > walk->stack && cairn__unwind_extend(&walk->reach, cfa) && step(walk, rule);
}

unsigned cairn__unwind_from(uintptr_t *frames, unsigned max, uintptr_t pc, uintptr_t stack,
                            uintptr_t frame)
{
    slot *slots = atomic_load_explicit(&table.slots, memory_order_acquire);
    struct reach reach;
    cairn__unwind_reach(&reach, stack, true);
    struct unwind_walk walk = {.pc = pc, .stack = stack, .frame = frame, .reach = reach};
    struct unwind_registers all; /* only where they are needed */
    unsigned count = 0;
    all.pc = 0;
    while (count < max) {
        walk.pc = plain_address(walk.pc);
        if (!is_code_address(walk.pc))
            break;
        frames[count++] = walk.pc;
        uint32_t rule = rule_for(slots, walk.pc + walk.interrupted - 1);
        if (UNLIKELY(!step(&walk, rule))) {
            struct unwind_walk other = walk; /* so that this one stays in registers */
            if (!step_rarely(&other, rule, &all))
                break;
            walk = other;
        }
    }
    return count;
}

/*
 * Takes the return address, and the caller's stack and frame pointer, before a compiler has moved
 * anything: what these are inside of a function, no compiler says for all machines alike.
 */
#if defined(__x86_64__) && !defined(__ILP32__)
__asm__(".pushsection .text\n"
        ".hidden cairn__unwind\n"
        ".globl cairn__unwind\n"
        ".type cairn__unwind, @function\n"
        "cairn__unwind:\n"
        ".cfi_startproc\n"
        "movq (%rsp), %rdx\n"
        "leaq 8(%rsp), %rcx\n"
        "movq %rbp, %r8\n"
        "jmp cairn__unwind_from\n"
        ".cfi_endproc\n"
        ".size cairn__unwind, . - cairn__unwind\n"
        ".popsection\n");
#elif defined(__aarch64__) && defined(__LP64__)
__asm__(".pushsection .text\n"
        ".hidden cairn__unwind\n"
        ".globl cairn__unwind\n"
        ".type cairn__unwind, %function\n"
        ".p2align 2\n"
        "cairn__unwind:\n"
        ".cfi_startproc\n"
        "mov x2, x30\n"
        "mov x3, sp\n"
        "mov x4, x29\n"
        "b cairn__unwind_from\n"
        ".cfi_endproc\n"
        ".size cairn__unwind, . - cairn__unwind\n"
        ".popsection\n");
#else
unsigned cairn__unwind(uintptr_t *frames, unsigned max)
{
    (void)frames, (void)max;
    return 0;
}
#endif

/* ---- before and after ---- */

/* Whoever finds out a rule meanwhile sees that the number has changed, or its rule is taken out here. */
static void clear(slot *slots)
{
    atomic_fetch_add(&table.forgotten, 1);
    if (!cairn__os_purge(slots, TABLE_SIZE))
        for (size_t i = 0; i < TABLE_SIZE / sizeof(slot); i++)
            atomic_store_explicit(&slots[i], 0, memory_order_relaxed);
}

void cairn__unwind_forget(void)
{
    slot *slots = atomic_load(&table.slots);
    if (slots != NULL)
        clear(slots);
    cairn__unwind_file_list(false);
}

void cairn__unwind_prepare(void)
{
    slot *none = NULL;
    if (!UNWIND_MACHINE || atomic_load(&table.slots) != NULL) {
        cairn__unwind_forget();
        return;
    }
    cairn__unwind_memory_prepare();
    cairn__unwind_file_list(false);
    slot *slots = cairn__os_map(TABLE_SIZE, cairn__os_page_size());
    if (slots != NULL && !atomic_compare_exchange_strong(&table.slots, &none, slots))
        cairn__os_release(slots, TABLE_SIZE);
}
