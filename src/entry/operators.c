/* SPDX-License-Identifier: MIT */
/*
 * C++ operator new and delete, in C: all that C++17 names, by their Itanium ABI symbols. The
 * library needs libc only, so what belongs to a C++ runtime (libstdc++ or libc++) is a weak
 * reference, or is looked up, on failure only, in a runtime that was loaded later by dlopen.
 *
 * A program may replace some operators and leave the rest to the library; the standard then says
 * which of the rest call which of the replaced ([new.delete]: arrays call the single form, nothrow
 * the throwing one, sized delete the unsized one). Were these to go to the core directly, they
 * would free what the program's own new has made. So only the four at the bottom of the chains do;
 * the others jump there through the symbol, and nothrow new looks first whose that is. All are
 * weak, for the same program when it links us as an object. Not to be linked with -Bsymbolic.
 *
 * new must throw, and a nothrow new must turn an exception of the new_handler into NULL. Throwing
 * takes two calls into the runtime. Catching is the personality routine below: exactly one C
 * function, `caught`, is marked with it, and the unwinder resumes that function behind its call
 * as if the callee had returned the exception. A forced unwind (pthread_exit) passes through.
 *
 * Limit: where a static link has left out std::bad_alloc or all throwing, new aborts with one line
 * instead (-Wl,-u,_ZTISt9bad_alloc brings it in).
 */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include <dlfcn.h>
#include <unwind.h>

#include "base/bits.h"
#include "base/config.h"
#include "core/malloc.h"
#include "os/fatal.h"

#ifndef __EXCEPTIONS
#error "compile this file with -fexceptions"
#endif

/* size_t is mangled as unsigned long or as unsigned int. */
#if __SIZEOF_SIZE_T__ == 8
#define MANGLED(head, tail) head##m##tail
#else
#define MANGLED(head, tail) head##j##tail
#endif

#define NEW                       MANGLED(_Znw, )
#define NEW_NOTHROW               MANGLED(_Znw, RKSt9nothrow_t)
#define NEW_ALIGNED               MANGLED(_Znw, St11align_val_t)
#define NEW_ALIGNED_NOTHROW       MANGLED(_Znw, St11align_val_tRKSt9nothrow_t)
#define NEW_ARRAY                 MANGLED(_Zna, )
#define NEW_ARRAY_NOTHROW         MANGLED(_Zna, RKSt9nothrow_t)
#define NEW_ARRAY_ALIGNED         MANGLED(_Zna, St11align_val_t)
#define NEW_ARRAY_ALIGNED_NOTHROW MANGLED(_Zna, St11align_val_tRKSt9nothrow_t)

#define DELETE                       _ZdlPv
#define DELETE_NOTHROW               _ZdlPvRKSt9nothrow_t
#define DELETE_SIZED                 MANGLED(_ZdlPv, )
#define DELETE_ALIGNED               _ZdlPvSt11align_val_t
#define DELETE_ALIGNED_NOTHROW       _ZdlPvSt11align_val_tRKSt9nothrow_t
#define DELETE_SIZED_ALIGNED         MANGLED(_ZdlPv, St11align_val_t)
#define DELETE_ARRAY                 _ZdaPv
#define DELETE_ARRAY_NOTHROW         _ZdaPvRKSt9nothrow_t
#define DELETE_ARRAY_SIZED           MANGLED(_ZdaPv, )
#define DELETE_ARRAY_ALIGNED         _ZdaPvSt11align_val_t
#define DELETE_ARRAY_ALIGNED_NOTHROW _ZdaPvSt11align_val_tRKSt9nothrow_t
#define DELETE_ARRAY_SIZED_ALIGNED   MANGLED(_ZdaPv, St11align_val_t)

#define OPERATOR CAIRN_EXPORT __attribute__((weak))

typedef void new_handler(void);

/* std::nothrow_t, passed by reference and never looked at. */
struct nothrow;

OPERATOR void *NEW(size_t size);
OPERATOR void *NEW_NOTHROW(size_t size, const struct nothrow *tag);
OPERATOR void *NEW_ALIGNED(size_t size, size_t align);
OPERATOR void *NEW_ALIGNED_NOTHROW(size_t size, size_t align, const struct nothrow *tag);
OPERATOR void *NEW_ARRAY(size_t size);
OPERATOR void *NEW_ARRAY_NOTHROW(size_t size, const struct nothrow *tag);
OPERATOR void *NEW_ARRAY_ALIGNED(size_t size, size_t align);
OPERATOR void *NEW_ARRAY_ALIGNED_NOTHROW(size_t size, size_t align, const struct nothrow *tag);
OPERATOR void DELETE(void *ptr);
OPERATOR void DELETE_NOTHROW(void *ptr, const struct nothrow *tag);
OPERATOR void DELETE_SIZED(void *ptr, size_t size);
OPERATOR void DELETE_ALIGNED(void *ptr, size_t align);
OPERATOR void DELETE_ALIGNED_NOTHROW(void *ptr, size_t align, const struct nothrow *tag);
OPERATOR void DELETE_SIZED_ALIGNED(void *ptr, size_t size, size_t align);
OPERATOR void DELETE_ARRAY(void *ptr);
OPERATOR void DELETE_ARRAY_NOTHROW(void *ptr, const struct nothrow *tag);
OPERATOR void DELETE_ARRAY_SIZED(void *ptr, size_t size);
OPERATOR void DELETE_ARRAY_ALIGNED(void *ptr, size_t align);
OPERATOR void DELETE_ARRAY_ALIGNED_NOTHROW(void *ptr, size_t align, const struct nothrow *tag);
OPERATOR void DELETE_ARRAY_SIZED_ALIGNED(void *ptr, size_t size, size_t align);

/* ---- the C++ runtime, if there is one ---- */

#define WEAK __attribute__((weak, visibility("default")))

WEAK new_handler *_ZSt15get_new_handlerv(void);
WEAK void *__cxa_allocate_exception(size_t size);
WEAK void __cxa_throw(void *object, const void *type, void (*destroy)(void *object));
WEAK void *__cxa_begin_catch(void *exception);
WEAK void __cxa_end_catch(void);
/* std::bad_alloc: its type_info, vtable and destructor. */
WEAK extern const char _ZTISt9bad_alloc;
WEAK extern const void *const _ZTVSt9bad_alloc[];
WEAK void _ZNSt9bad_allocD1Ev(void *object);

#pragma weak dlsym
#pragma weak _Unwind_SetGR

/*
 * A C program that loads C++ libraries by dlopen: the weak references had found nothing by then.
 * dlopen itself is looked up because the static linker warns where it is mentioned.
 */
static COLD void *loaded_later(const char *symbol)
{
    static const char *const runtimes[] = {"libstdc++.so.6", "libc++.so.1"};
    void *(*open)(const char *, int) = dlsym == NULL ? NULL : dlsym(RTLD_DEFAULT, "dlopen");
    if (open == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++) {
        void *runtime = open(runtimes[i], RTLD_LAZY | RTLD_NOLOAD);
        void *found = runtime == NULL ? NULL : dlsym(runtime, symbol);
        if (found != NULL)
            return found;
    }
    return NULL;
}

#define RUNTIME(name) (&name != NULL ? &name : (__typeof__(&name))loaded_later(#name))

static new_handler *current_handler(void)
{
    new_handler *(*get)(void) = RUNTIME(_ZSt15get_new_handlerv);
    return get == NULL ? NULL : get();
}

/*
 * throw std::bad_alloc(), in the calls that a C++ compiler makes of it. The object is one pointer,
 * into its vtable behind the two words (offset, type) that begin one. libstdc++'s __throw_bad_alloc
 * would do the same, but a static link does not bring it along.
 */
static _Noreturn COLD void throw_bad_alloc(void)
{
    void *(*allocate)(size_t) = RUNTIME(__cxa_allocate_exception);
    void (*raise)(void *, const void *, void (*)(void *)) = RUNTIME(__cxa_throw);
    const char *type = RUNTIME(_ZTISt9bad_alloc);
    const void *const(*vtable)[] = RUNTIME(_ZTVSt9bad_alloc);
    void (*destroy)(void *) = RUNTIME(_ZNSt9bad_allocD1Ev);
    if (allocate != NULL && raise != NULL && type != NULL && vtable != NULL && destroy != NULL) {
        const void **object = allocate(sizeof *object);
        *object = *vtable + 2;
        raise(object, type, destroy);
    }
    cairn__fatal("out of memory in operator new, and no C++ runtime to throw std::bad_alloc", NULL);
}

/* ---- catching in C ---- */

typedef void *alloc_function(size_t size, size_t align);

/*
 * For machines that return a result in the register that the unwinder fills first for a handler.
 * On others an exception just passes through a nothrow new, mostly into std::terminate.
 */
#if defined __x86_64__ || defined __i386__ || defined __aarch64__ || defined __riscv
#define MARK_AS_CATCHING __asm__ volatile(".cfi_personality 0x1b, cairn__nothrow_personality")
#define RESULT_REGISTER  __builtin_eh_return_data_regno(0)

/* Found by name, from the assembler line above (0x1b: as a 4-byte distance). */
__attribute__((used)) _Unwind_Reason_Code cairn__nothrow_personality(
    int version, _Unwind_Action actions, _Unwind_Exception_Class origin,
    struct _Unwind_Exception *exception, struct _Unwind_Context *frame);

_Unwind_Reason_Code cairn__nothrow_personality(int version, _Unwind_Action actions,
                                               _Unwind_Exception_Class origin,
                                               struct _Unwind_Exception *exception,
                                               struct _Unwind_Context *frame)
{
    (void)origin;
    void (*set_register)(struct _Unwind_Context *, int, _Unwind_Word) = RUNTIME(_Unwind_SetGR);
    if (version != 1 || (actions & _UA_FORCE_UNWIND) || set_register == NULL)
        return _URC_CONTINUE_UNWIND;
    if (actions & _UA_SEARCH_PHASE)
        return _URC_HANDLER_FOUND;
    if (!(actions & _UA_HANDLER_FRAME))
        return _URC_CONTINUE_UNWIND;
    set_register(frame, RESULT_REGISTER, (_Unwind_Word)(uintptr_t)exception);
    return _URC_INSTALL_CONTEXT;
}
#else
#define MARK_AS_CATCHING ((void)0)
#endif

/* Returns NULL, or the exception that act has thrown: the unwinder returns it for us. */
__attribute__((noinline, returns_twice)) static void *thrown_by(alloc_function *act, size_t size,
                                                                size_t align, void **ptr)
{
    *ptr = act(size, align);
    void *exception = NULL;
    __asm__ volatile("" : "+r"(exception)); /* no compiler may foresee the answer */
    return exception;
}

/* What act returns, or NULL if it throws. */
static COLD void *caught(alloc_function *act, size_t size, size_t align)
{
    MARK_AS_CATCHING;
    void *ptr;
    void *exception = thrown_by(act, size, align, &ptr);
    if (exception == NULL)
        return ptr;
    void *(*begin_catch)(void *) = RUNTIME(__cxa_begin_catch);
    void (*end_catch)(void) = RUNTIME(__cxa_end_catch);
    if (begin_catch != NULL && end_catch != NULL) {
        begin_catch(exception);
        end_catch();
    }
    return NULL;
}

/* ---- after a failure ---- */

/* The new_handler makes room and we try again, until that works, or none is set, or it throws. */
static COLD void *retried(enum family family, size_t size, size_t align)
{
    new_handler *handler;
    while ((handler = current_handler()) != NULL) {
        handler();
        void *ptr = cairn__malloc_by(family, size, align);
        if (ptr != NULL)
            return ptr;
    }
    return NULL;
}

static COLD void *retried_or_thrown(enum family family, size_t size, size_t align)
{
    void *ptr = retried(family, size, align);
    if (ptr == NULL)
        throw_bad_alloc();
    return ptr;
}

/* ---- new ---- */

static NOINLINE void *new_slow(enum family family, size_t size)
{
    void *ptr = cairn__malloc_by(family, size, 1);
    if (LIKELY(ptr != NULL))
        return ptr;
    return retried_or_thrown(family, size, 1);
}

static void *operator_new(size_t size)
{
    void *ptr = cairn__malloc_fast(size);
    if (LIKELY(ptr != NULL))
        return ptr;
    return new_slow(FAMILY_NEW, size);
}

/* As libstdc++: a multiple of the alignment, and not none. What overflows is what nobody has. In the
 * hardened build the size is kept as it is, for delete to be compared with. */
static size_t whole_size(size_t size, size_t align)
{
    if (CAIRN_HARDENED)
        return size_max(size, 1);
    size_t whole = round_up(size_max(size, 1), align);
    return whole == 0 ? SIZE_MAX : whole;
}

static void *new_aligned(enum family family, size_t size, size_t align)
{
    if (UNLIKELY(!is_power_of_two(align)))
        throw_bad_alloc();
    size = whole_size(size, align);
    void *ptr = cairn__malloc_by(family, size, align);
    if (LIKELY(ptr != NULL))
        return ptr;
    return retried_or_thrown(family, size, align);
}

static void *operator_new_aligned(size_t size, size_t align)
{
    return new_aligned(FAMILY_NEW, size, align);
}

/* In the hardened build an array is known as one, unless the program's own new has made it. */
static void *operator_new_array(size_t size)
{
    if (CAIRN_HARDENED && NEW == operator_new)
        return new_slow(FAMILY_NEW_ARRAY, size);
    return NEW(size);
}

static void *operator_new_array_aligned(size_t size, size_t align)
{
    if (CAIRN_HARDENED && NEW_ALIGNED == operator_new_aligned)
        return new_aligned(FAMILY_NEW_ARRAY, size, align);
    return NEW_ALIGNED(size, align);
}

/* Two names each: whether the public one still means ours is how replaced operators are noticed. */
#define IS(function) __attribute__((alias(#function)))
OPERATOR void *NEW(size_t size) IS(operator_new);
OPERATOR void *NEW_ALIGNED(size_t size, size_t align) IS(operator_new_aligned);
OPERATOR void *NEW_ARRAY(size_t size) IS(operator_new_array);
OPERATOR void *NEW_ARRAY_ALIGNED(size_t size, size_t align) IS(operator_new_array_aligned);

/* ---- nothrow new: the throwing form, and NULL instead of an exception ---- */

static void *call_new(size_t size, size_t align)
{
    (void)align;
    return NEW(size);
}

static void *call_new_array(size_t size, size_t align)
{
    (void)align;
    return NEW_ARRAY(size);
}

static void *retry_new(size_t size, size_t align)
{
    return retried(FAMILY_NEW, size, align);
}

static void *retry_new_array(size_t size, size_t align)
{
    return retried(FAMILY_NEW_ARRAY, size, align);
}

static NOINLINE void *nothrow_slow(enum family family, size_t size, size_t align)
{
    void *ptr = cairn__malloc_by(family, size, align);
    if (LIKELY(ptr != NULL))
        return ptr;
    return caught(family == FAMILY_NEW ? retry_new : retry_new_array, size, align);
}

static inline void *nothrow(enum family family, size_t size)
{
    if (UNLIKELY(NEW != operator_new))
        return caught(call_new, size, 1);
    void *ptr = cairn__malloc_fast(size);
    if (LIKELY(ptr != NULL))
        return ptr;
    return nothrow_slow(family, size, 1);
}

static NOINLINE void *nothrow_aligned(enum family family, size_t size, size_t align)
{
    if (UNLIKELY(NEW_ALIGNED != operator_new_aligned))
        return caught(NEW_ALIGNED, size, align);
    if (UNLIKELY(!is_power_of_two(align)))
        return NULL;
    return nothrow_slow(family, whole_size(size, align), align);
}

OPERATOR void *NEW_NOTHROW(size_t size, const struct nothrow *tag)
{
    (void)tag;
    return nothrow(FAMILY_NEW, size);
}

OPERATOR void *NEW_ARRAY_NOTHROW(size_t size, const struct nothrow *tag)
{
    (void)tag;
    if (UNLIKELY(NEW_ARRAY != operator_new_array))
        return caught(call_new_array, size, 1);
    return nothrow(FAMILY_NEW_ARRAY, size);
}

OPERATOR void *NEW_ALIGNED_NOTHROW(size_t size, size_t align, const struct nothrow *tag)
{
    (void)tag;
    return nothrow_aligned(FAMILY_NEW, size, align);
}

OPERATOR void *NEW_ARRAY_ALIGNED_NOTHROW(size_t size, size_t align, const struct nothrow *tag)
{
    (void)tag;
    if (UNLIKELY(NEW_ARRAY_ALIGNED != operator_new_array_aligned))
        return caught(NEW_ARRAY_ALIGNED, size, align);
    return nothrow_aligned(FAMILY_NEW_ARRAY, size, align);
}

/* ---- delete ---- */

/* What a block must be that delete, or delete[], gets: anything, if the program has its own new. */
static enum family of_delete(void)
{
    return NEW == operator_new ? FAMILY_NEW : FAMILY_ANY;
}

static enum family of_delete_array(void)
{
    bool ours = NEW == operator_new && NEW_ARRAY == operator_new_array;
    return ours ? FAMILY_NEW_ARRAY : FAMILY_ANY;
}

static enum family of_delete_aligned(void)
{
    return NEW_ALIGNED == operator_new_aligned ? FAMILY_NEW : FAMILY_ANY;
}

static enum family of_delete_array_aligned(void)
{
    bool ours = NEW_ALIGNED == operator_new_aligned &&
                NEW_ARRAY_ALIGNED == operator_new_array_aligned;
    return ours ? FAMILY_NEW_ARRAY : FAMILY_ANY;
}

static void operator_delete(void *ptr)
{
    cairn__free_by(CAIRN_HARDENED ? of_delete() : FAMILY_ANY, ptr, SIZE_UNKNOWN);
}

static void operator_delete_aligned(void *ptr, size_t align)
{
    (void)align;
    cairn__free_by(CAIRN_HARDENED ? of_delete_aligned() : FAMILY_ANY, ptr, SIZE_UNKNOWN);
}

static void operator_delete_array(void *ptr)
{
    if (CAIRN_HARDENED && DELETE == operator_delete)
        cairn__free_by(of_delete_array(), ptr, SIZE_UNKNOWN);
    else
        DELETE(ptr);
}

static void operator_delete_array_aligned(void *ptr, size_t align)
{
    if (CAIRN_HARDENED && DELETE_ALIGNED == operator_delete_aligned)
        cairn__free_by(of_delete_array_aligned(), ptr, SIZE_UNKNOWN);
    else
        DELETE_ALIGNED(ptr, align);
}

OPERATOR void DELETE(void *ptr) IS(operator_delete);
OPERATOR void DELETE_ALIGNED(void *ptr, size_t align) IS(operator_delete_aligned);
OPERATOR void DELETE_ARRAY(void *ptr) IS(operator_delete_array);
OPERATOR void DELETE_ARRAY_ALIGNED(void *ptr, size_t align) IS(operator_delete_array_aligned);

/* The size counts in the hardened build, where new has told it what the block's is. */
static enum family sized(enum family family, size_t *size)
{
    if (family == FAMILY_ANY)
        *size = SIZE_UNKNOWN;
    return family;
}

OPERATOR void DELETE_SIZED(void *ptr, size_t size)
{
    if (CAIRN_HARDENED && DELETE == operator_delete)
        cairn__free_by(sized(of_delete(), &size), ptr, size);
    else
        DELETE(ptr);
}

OPERATOR void DELETE_NOTHROW(void *ptr, const struct nothrow *tag)
{
    (void)tag;
    DELETE(ptr);
}

OPERATOR void DELETE_SIZED_ALIGNED(void *ptr, size_t size, size_t align)
{
    size = whole_size(size, align);
    if (CAIRN_HARDENED && DELETE_ALIGNED == operator_delete_aligned)
        cairn__free_by(sized(of_delete_aligned(), &size), ptr, size);
    else
        DELETE_ALIGNED(ptr, align);
}

OPERATOR void DELETE_ALIGNED_NOTHROW(void *ptr, size_t align, const struct nothrow *tag)
{
    (void)tag;
    DELETE_ALIGNED(ptr, align);
}

OPERATOR void DELETE_ARRAY_SIZED(void *ptr, size_t size)
{
    if (CAIRN_HARDENED && DELETE_ARRAY == operator_delete_array && DELETE == operator_delete)
        cairn__free_by(sized(of_delete_array(), &size), ptr, size);
    else
        DELETE_ARRAY(ptr);
}

OPERATOR void DELETE_ARRAY_NOTHROW(void *ptr, const struct nothrow *tag)
{
    (void)tag;
    DELETE_ARRAY(ptr);
}

OPERATOR void DELETE_ARRAY_SIZED_ALIGNED(void *ptr, size_t size, size_t align)
{
    size = whole_size(size, align);
    if (CAIRN_HARDENED && DELETE_ARRAY_ALIGNED == operator_delete_array_aligned &&
        DELETE_ALIGNED == operator_delete_aligned)
        cairn__free_by(sized(of_delete_array_aligned(), &size), ptr, size);
    else
        DELETE_ARRAY_ALIGNED(ptr, align);
}

OPERATOR void DELETE_ARRAY_ALIGNED_NOTHROW(void *ptr, size_t align, const struct nothrow *tag)
{
    (void)tag;
    DELETE_ARRAY_ALIGNED(ptr, align);
}
