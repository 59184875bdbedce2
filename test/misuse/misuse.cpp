// SPDX-License-Identifier: MIT
//
// Programs that misuse memory, made from a table: crime x size x family of functions x thread x time.
// `misuse LIB` runs each as a process of its own with LIB preloaded, ROUNDS times, and its innocent
// twin, which does all but the crime. The criminal must die by a signal, having said one line on stderr
// that begins with what the table expects; the twin must say nothing and exit with 0.
// `misuse LIB --checked`: those alone that the checked library finds as well.
// `misuse --row N [--innocent]` is one of these programs, `misuse --list` names them.
//
// Compiled without optimisation: a compiler may do what it likes with a program that frees twice.

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <malloc.h>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char **environ;

namespace
{

// What a compiler must not know.
template <class T> T hidden(T value)
{
    volatile T copy = value;
    return copy;
}

// ---- families ----

enum Family { MALLOC, CALLOC, REALLOC, ALIGNED, NEW, NEW_ARRAY, SIZED, FAMILIES };
const char *const family_names[] = {"malloc", "calloc", "realloc", "aligned",
                                    "new",    "new[]",  "sized"};

char *get(Family family, size_t size)
{
    switch (family) {
    case CALLOC:
        return static_cast<char *>(calloc(hidden(size_t{1}), size));
    case REALLOC:
        return static_cast<char *>(realloc(hidden(malloc(hidden(size_t{3}))), size));
    case ALIGNED: {
        void *block = nullptr;
        return posix_memalign(&block, 64, size) == 0 ? static_cast<char *>(block) : nullptr;
    }
    case NEW:
    case SIZED:
        return static_cast<char *>(::operator new(size));
    case NEW_ARRAY:
        return static_cast<char *>(::operator new[](size));
    default:
        return static_cast<char *>(malloc(size));
    }
}

void give(Family family, void *block, size_t size)
{
    switch (family) {
    case NEW:
        ::operator delete(block);
        break;
    case SIZED:
        ::operator delete(block, size);
        break;
    case NEW_ARRAY:
        ::operator delete[](block);
        break;
    default:
        free(block);
    }
}

// ---- crimes ----

struct Crime;

struct Case {
    const Crime *crime;
    size_t size;
    Family family;
    bool elsewhere; // the crime is another thread's
    bool later;     // after other work
};

struct Program {
    Case is;
    bool innocent;
    char *block;
};

void work()
{
    void *some[40];
    for (size_t i = 0; i < 40; i++)
        some[i] = malloc(hidden(16 + 40 * i));
    for (size_t i = 0; i < 40; i++)
        free(some[i]);
}

void release(Program &p)
{
    give(p.is.family, p.block, p.is.size);
}

void free_twice(Program &p)
{
    release(p);
    if (p.is.later)
        work();
    if (!p.innocent)
        release(p);
}

void free_twice_other_between(Program &p)
{
    char *other = get(p.is.family, p.is.size);
    release(p);
    give(p.is.family, other, p.is.size);
    if (!p.innocent)
        release(p);
}

void free_at(Program &p, ptrdiff_t offset)
{
    if (!p.innocent)
        give(p.is.family, hidden(p.block) + offset, p.is.size);
    release(p);
}
void free_inside(Program &p)
{
    free_at(p, 16);
}
void free_odd(Program &p)
{
    free_at(p, 1);
}
void free_before(Program &p)
{
    free_at(p, -16);
}
void free_far(Program &p)
{
    free_at(p, ptrdiff_t{1} << 30);
}

void free_stack(Program &p)
{
    char local[64];
    if (!p.innocent)
        give(p.is.family, hidden(&local[16]), p.is.size);
    release(p);
}

char static_data[64];
void free_static(Program &p)
{
    if (!p.innocent)
        give(p.is.family, hidden(&static_data[16]), p.is.size);
    release(p);
}

void free_code(Program &p)
{
    if (!p.innocent)
        give(p.is.family, reinterpret_cast<void *>(hidden(&work)), p.is.size);
    release(p);
}

void write_at(Program &p, ptrdiff_t offset)
{
    volatile char *at = hidden(p.block) + offset;
    if (!p.innocent)
        *at = static_cast<char>(*at ^ 'A');
    if (p.is.later)
        work();
    release(p);
}
void write_behind(Program &p)
{
    write_at(p, static_cast<ptrdiff_t>(p.is.size));
}
void write_8_behind(Program &p)
{
    write_at(p, static_cast<ptrdiff_t>(p.is.size) + 7);
}
void write_before(Program &p)
{
    write_at(p, -1);
}
void write_32_before(Program &p)
{
    write_at(p, -32);
}

// A zero: what is forgotten most often.
void write_zero_behind(Program &p)
{
    if (!p.innocent)
        hidden(p.block)[p.is.size] = 0;
    release(p);
}

char source[80 << 20];

void copy_beyond(Program &p)
{
    memcpy(hidden(p.block), source, hidden(p.is.size + !p.innocent));
    release(p);
}

void copy_from_beyond(Program &p)
{
    memcpy(source, hidden(p.block), hidden(p.is.size + !p.innocent));
    release(p);
}

void move_beyond(Program &p)
{
    memmove(hidden(p.block), source, hidden(p.is.size + !p.innocent));
    release(p);
}

void set_beyond(Program &p)
{
    memset(hidden(p.block), 7, hidden(p.is.size + !p.innocent));
    release(p);
}

void copy_before(Program &p)
{
    memcpy(hidden(p.block) - (p.innocent ? 0 : 16), source,
           hidden(p.is.size < 16 ? p.is.size : 16));
    release(p);
}

void string_beyond(Program &p)
{
    memset(source, 'x', p.is.size);
    source[p.is.size - p.innocent] = '\0';
    strcpy(hidden(p.block), source);
    release(p);
}

void strings_joined_beyond(Program &p)
{
    memset(source, 'x', p.is.size);
    source[p.is.size - 1] = '\0';
    p.block[0] = '\0';
    strcat(hidden(p.block), source);
    if (!p.innocent)
        strcat(hidden(p.block), "y");
    release(p);
}

// Seen when the block's turn comes, or when the heap looks at what was freed lately.
void write_after_free(Program &p)
{
    volatile char *at = hidden(p.block);
    release(p);
    if (!p.innocent) // in the checked build it may be a byte of a link, of any value
        at[p.is.size / 2] = static_cast<char>(at[p.is.size / 2] + 1);
    for (int i = 0; i < 200000 && p.is.size < 200000; i++)
        give(p.is.family, get(p.is.family, p.is.size), p.is.size);
}

// Seen at the latest at the exit.
void write_after_free_only(Program &p)
{
    volatile char *at = hidden(p.block);
    release(p);
    if (!p.innocent)
        at[0] = 'A';
}

void copy_into_freed(Program &p)
{
    release(p);
    if (!p.innocent)
        memcpy(hidden(p.block), source, 1);
}

void resize_freed(Program &p)
{
    release(p);
    if (!p.innocent)
        p.block = static_cast<char *>(realloc(hidden(p.block), p.is.size + 100));
}

void size_of_freed(Program &p)
{
    release(p);
    if (!p.innocent)
        printf("%zu", malloc_usable_size(hidden(p.block)));
}

void resize_inside(Program &p)
{
    if (!p.innocent)
        p.block = static_cast<char *>(realloc(hidden(p.block) + 16, p.is.size));
    release(p);
}

void delete_other_size(Program &p)
{
    ::operator delete(hidden(p.block), p.is.size + !p.innocent);
}

void other_function(Program &p)
{
    bool by_malloc = p.is.family < NEW;
    if (p.innocent)
        release(p);
    else if (by_malloc)
        ::operator delete(hidden(p.block));
    else
        free(hidden(p.block));
}

void other_delete(Program &p)
{
    if (p.innocent)
        release(p);
    else if (p.is.family == NEW_ARRAY)
        ::operator delete(hidden(p.block));
    else
        ::operator delete[](hidden(p.block));
}

void read_of_nothing(Program &p)
{
    volatile char *nothing = static_cast<char *>(malloc(hidden(size_t{0})));
    if (!p.innocent)
        source[0] = *nothing;
    free(const_cast<char *>(nothing));
    release(p);
}

void write_to_nothing(Program &p)
{
    volatile char *nothing = static_cast<char *>(malloc(hidden(size_t{0})));
    if (!p.innocent)
        *nothing = 1;
    free(const_cast<char *>(nothing));
    release(p);
}

// ---- the table ----

enum : unsigned {
    ANY_FAMILY = 1 << FAMILIES,
    BOTH_THREADS = ANY_FAMILY << 1,
    BOTH_TIMES = ANY_FAMILY << 2,
};
constexpr unsigned of(Family family)
{
    return 1u << family;
}
constexpr unsigned MALLOCS = of(MALLOC) | of(CALLOC) | of(REALLOC) | of(ALIGNED);

struct Crime {
    const char *name;
    void (*commit)(Program &);
    unsigned how; // families, and ANY_FAMILY, BOTH_THREADS, BOTH_TIMES
    size_t least; // sizes
    size_t most;
    const char *says[4]; // behind "cairn: ", any of them
    size_t checked = 0;  // the checked library finds it of blocks up to this size
};

#define ACCESS   "access to "
#define SIZE_ANY SIZE_MAX
constexpr size_t MID = 16383;

const Crime crimes[] = {
    {"double free",
     free_twice,
     ANY_FAMILY | BOTH_THREADS | BOTH_TIMES,
     0,
     SIZE_ANY,
     {"double free of "},
     SIZE_ANY},
    {"double free, another between",
     free_twice_other_between,
     ANY_FAMILY,
     0,
     SIZE_ANY,
     {"double free of "},
     SIZE_ANY},
    {"free inside",
     free_inside,
     ANY_FAMILY | BOTH_THREADS,
     17,
     SIZE_ANY,
     {"invalid free of "},
     SIZE_ANY},
    {"free at an odd address",
     free_odd,
     ANY_FAMILY | BOTH_THREADS,
     2,
     SIZE_ANY,
     {"invalid free of "},
     SIZE_ANY},
    {"free before",
     free_before,
     of(MALLOC) | of(NEW),
     16,
     SIZE_ANY,
     {"invalid free of ", "double free of "}},
    {"free far away", free_far, of(MALLOC) | of(NEW), 1, SIZE_ANY, {"invalid free of "}, SIZE_ANY},
    {"free of the stack",
     free_stack,
     of(MALLOC) | of(NEW) | of(NEW_ARRAY) | of(SIZED) | BOTH_THREADS,
     16,
     16,
     {"invalid free of "},
     SIZE_ANY},
    {"free of static data",
     free_static,
     of(MALLOC) | of(NEW) | of(NEW_ARRAY) | of(SIZED) | BOTH_THREADS,
     16,
     16,
     {"invalid free of "},
     SIZE_ANY},
    {"free of code",
     free_code,
     of(MALLOC) | of(NEW) | of(NEW_ARRAY) | of(SIZED),
     16,
     16,
     {"invalid free of "},
     SIZE_ANY},
    {"one byte behind",
     write_behind,
     ANY_FAMILY | BOTH_THREADS | BOTH_TIMES,
     1,
     SIZE_ANY,
     {"overflow of ", ACCESS}},
    {"eight bytes behind",
     write_8_behind,
     of(MALLOC) | of(NEW),
     1,
     SIZE_ANY,
     {"overflow of ", "write after free to ", ACCESS}},
    {"a zero behind",
     write_zero_behind,
     of(MALLOC) | of(NEW_ARRAY),
     1,
     SIZE_ANY,
     {"overflow of ", ACCESS}},
    {"one byte before",
     write_before,
     of(MALLOC) | of(CALLOC) | of(NEW),
     1,
     SIZE_ANY,
     {"overflow of ", "underflow of ", "write after free to ", ACCESS}},
    {"32 bytes before",
     write_32_before,
     of(MALLOC) | of(NEW),
     1,
     SIZE_ANY,
     {"overflow of ", "underflow of ", "write after free to ", ACCESS}},
    {"memcpy beyond",
     copy_beyond,
     of(MALLOC) | of(NEW) | of(ALIGNED) | BOTH_THREADS,
     1,
     SIZE_ANY,
     {"overflow: memcpy writes "}},
    {"memcpy from beyond",
     copy_from_beyond,
     of(MALLOC) | of(NEW),
     1,
     SIZE_ANY,
     {"overflow: memcpy reads "}},
    {"memmove beyond",
     move_beyond,
     of(MALLOC) | of(NEW),
     1,
     SIZE_ANY,
     {"overflow: memmove writes "}},
    {"memset beyond", set_beyond, of(MALLOC) | of(NEW), 1, SIZE_ANY, {"overflow: memset writes "}},
    {"memcpy before",
     copy_before,
     of(MALLOC) | of(NEW),
     1,
     SIZE_ANY,
     {"overflow: memcpy writes ", "memcpy "}},
    {"strcpy beyond",
     string_beyond,
     of(MALLOC) | of(NEW_ARRAY),
     1,
     SIZE_ANY,
     {"overflow: strcpy writes "}},
    {"strcat beyond", strings_joined_beyond, of(MALLOC), 1, SIZE_ANY, {"overflow: strcat writes "}},
    {"write after free",
     write_after_free,
     of(MALLOC) | of(NEW) | of(ALIGNED),
     1,
     MID,
     {"write after free to "},
     31},
    {"write after free, large",
     write_after_free,
     of(MALLOC) | of(NEW),
     MID + 1,
     SIZE_ANY,
     {ACCESS}},
    {"write after free, then the exit",
     write_after_free_only,
     of(MALLOC) | of(NEW),
     1,
     MID,
     {"write after free to "}},
    {"memcpy into a freed block", copy_into_freed, of(MALLOC) | of(NEW), 1, SIZE_ANY, {"memcpy "}},
    {"realloc of a freed block",
     resize_freed,
     MALLOCS,
     1,
     SIZE_ANY,
     {"late realloc of ", "invalid realloc of "},
     SIZE_ANY},
    {"size of a freed block",
     size_of_freed,
     of(MALLOC) | of(NEW),
     1,
     SIZE_ANY,
     {"late size of ", "invalid size of "},
     SIZE_ANY},
    {"realloc inside",
     resize_inside,
     of(MALLOC) | of(CALLOC),
     17,
     SIZE_ANY,
     {"invalid realloc of "},
     SIZE_ANY},
    {"delete of another size",
     delete_other_size,
     of(SIZED) | BOTH_THREADS,
     1,
     SIZE_ANY,
     {"free with a wrong size of "}},
    {"malloc and delete, or new and free",
     other_function,
     of(MALLOC) | of(CALLOC) | of(ALIGNED) | of(NEW) | of(NEW_ARRAY),
     1,
     SIZE_ANY,
     {"delete of ", "free of ", "free by another family of "}},
    {"new and delete[], or new[] and delete",
     other_delete,
     of(NEW) | of(NEW_ARRAY),
     1,
     SIZE_ANY,
     {"delete of ", "delete[] of ", "free by another family of "}},
    {"read of no bytes", read_of_nothing, of(MALLOC), 1, 1, {ACCESS}},
    {"write to no bytes", write_to_nothing, of(MALLOC), 1, 1, {ACCESS}},
};

const size_t sizes[] = {0, 1, 8, 16, 24, 100, 2048, 4096, 16384, 65536, 262144, 4 << 20, 64 << 20};

std::vector<Case> table(bool checked = false)
{
    std::vector<Case> cases;
    for (const Crime &crime : crimes)
        for (int family = 0; family < FAMILIES; family++)
            for (size_t size : sizes)
                for (int variant = 0; variant < 4; variant++) {
                    bool elsewhere = variant & 1, later = variant & 2;
                    if (size == 0 && family == REALLOC)
                        continue; // realloc to nothing is a free
                    if (checked && (crime.checked == 0 || size > crime.checked))
                        continue;
                    if ((!(crime.how & (1u << family)) && !(crime.how & ANY_FAMILY)) ||
                        size < crime.least || size > crime.most ||
                        (elsewhere && !(crime.how & BOTH_THREADS)) ||
                        (later && !(crime.how & BOTH_TIMES)))
                        continue;
                    cases.push_back({&crime, size, static_cast<Family>(family), elsewhere, later});
                }
    return cases;
}

std::string name_of(const Case &c)
{
    return std::string(c.crime->name) + ", " + std::to_string(c.size) + " bytes, " +
           family_names[c.family] + (c.elsewhere ? ", another thread" : "") +
           (c.later ? ", later" : "");
}

// ---- one program ----

void *in_thread(void *program)
{
    Program &p = *static_cast<Program *>(program);
    p.is.crime->commit(p);
    return nullptr;
}

int be(const Case &c, bool innocent)
{
    rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    work();
    Program p = {c, innocent, get(c.family, c.size)};
    if (p.block == nullptr)
        return 2;
    if (!c.elsewhere) {
        c.crime->commit(p);
        return 0;
    }
    pthread_t thread;
    if (pthread_create(&thread, nullptr, in_thread, &p) != 0)
        return 2;
    pthread_join(thread, nullptr);
    return 0;
}

// ---- all of them ----

struct End {
    int status;
    std::string said;
};

End run(const char *self, const char *library, size_t row, bool innocent, bool checked)
{
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    std::string number = std::to_string(row), preload = std::string("LD_PRELOAD=") + library;
    const char *arguments[] = {self, checked ? "--checked-row" : "--row", number.c_str(),
                               innocent ? "--innocent" : nullptr, nullptr};
    /* A sampled block has lines of its own: sampled.c. */
    const char *guards = getenv("CAIRN_GUARDS");
    std::string closing = std::string("CAIRN_GUARDS=") + (guards == nullptr ? "auto" : guards);
    /* With tags much of it would be told in other words, and earlier. */
    const char *environment[] = {preload.c_str(), "CAIRN_SAMPLE=0", "CAIRN_TAGS=0", closing.c_str(),
                                 nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    pid_t child;
    if (posix_spawn(&child, self, &actions, nullptr, const_cast<char **>(arguments),
                    const_cast<char **>(environment)) != 0)
        abort();
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    End end;
    char bytes[1024];
    ssize_t count;
    while ((count = read(ends[0], bytes, sizeof bytes)) > 0)
        end.said.append(bytes, static_cast<size_t>(count));
    close(ends[0]);
    while (waitpid(child, &end.status, 0) < 0 && errno == EINTR) {
    }
    return end;
}

// A block of its own is gone when it is freed, for the checked library: what it was nobody knows.
bool is_late_free(const Crime &crime, const End &end)
{
    return crime.says[0] == std::string("double free of ") &&
           end.said.find("invalid free of ") != std::string::npos;
}

bool is_as_expected(const Crime &crime, const End &end, bool checked)
{
    size_t lines = 0;
    for (char c : end.said)
        lines += c == '\n';
    if (!WIFSIGNALED(end.status) || lines != 1)
        return false;
    for (const char *says : crime.says)
        if (says != nullptr && end.said.rfind(std::string("cairn: ") + says, 0) == 0)
            return true;
    return checked && is_late_free(crime, end);
}

int run_all(const char *self, const char *library, int rounds, bool checked)
{
    std::vector<Case> cases = table(checked);
    size_t failed = 0;
    for (size_t row = 0; row < cases.size(); row++) {
        bool bad = false;
        for (int round = 0; round < rounds && !bad; round++) {
            End end = run(self, library, row, false, checked);
            if (!is_as_expected(*cases[row].crime, end, checked)) {
                printf("not caught as expected: %s (row %zu)\n    status %#x, said: %s\n",
                       name_of(cases[row]).c_str(), row, end.status, end.said.c_str());
                bad = true;
            }
        }
        End twin = run(self, library, row, true, checked);
        if (twin.status != 0 || !twin.said.empty()) {
            printf("innocent, but: %s (row %zu)\n    status %#x, said: %s\n",
                   name_of(cases[row]).c_str(), row, twin.status, twin.said.c_str());
            bad = true;
        }
        failed += bad;
    }
    printf("%zu programs and as many innocent twins, %d rounds: %zu failed\n", cases.size(), rounds,
           failed);
    return failed == 0 && cases.size() >= (checked ? 100 : 400) ? 0 : 1;
}

} // namespace

int main(int count, char **arguments)
{
    std::string first = count > 1 ? arguments[1] : "";
    if (first == "--list") {
        for (const Case &c : table())
            puts(name_of(c).c_str());
        return 0;
    }
    if ((first == "--row" || first == "--checked-row") && count > 2) {
        std::vector<Case> cases = table(first != "--row");
        size_t row = strtoul(arguments[2], nullptr, 10);
        return row < cases.size() ? be(cases[row], count > 3) : 2;
    }
    if (first.empty() || first[0] == '-') {
        fputs("usage: misuse LIB [ROUNDS | --checked] | --list | --row N [--innocent]\n", stderr);
        return 2;
    }
    const char *scale = getenv("CAIRN_TEST_SCALE");
    bool checked = count > 2 && arguments[2] == std::string("--checked");
    int rounds = count > 2 && !checked ? atoi(arguments[2]) : scale != nullptr ? atoi(scale) : 1;
    return run_all("/proc/self/exe", arguments[1], rounds < 1 ? 1 : rounds, checked);
}
