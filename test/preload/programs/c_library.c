/* SPDX-License-Identifier: MIT */
/*
 * Those parts of libc that allocate on their own account or for the caller to free: locales,
 * iconv, names of hosts and users, streams in memory, directories, patterns, trees, sorting.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <dirent.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <pwd.h>
#include <regex.h>
#include <search.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>
#include <wordexp.h>

static const char *const word[] = {"pear", "fig", "plum", "apple", "quince", "fig", "date", "lime"};
enum { WORDS = sizeof word / sizeof word[0] };

static void locales(void)
{
    printf("setlocale: %s\n", setlocale(LC_ALL, "C.UTF-8"));
    wchar_t *wide = got(malloc(100 * sizeof *wide));
    size_t length = mbstowcs(wide, "gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac", 100);
    printf("mbstowcs: %zu characters, printed wide: %ls\n", length, wide);
    free(wide);
    for (int i = 0; i < 50; i++) {
        locale_t locale = newlocale(LC_ALL_MASK, i % 2 ? "C" : "C.UTF-8", (locale_t)0);
        locale_t old = uselocale(locale);
        uselocale(old);
        freelocale(locale);
    }
    setlocale(LC_ALL, "C");
}

static void convert(const char *from, const char *to)
{
    iconv_t conversion = iconv_open(to, from);
    expect(conversion != (iconv_t)-1, "iconv_open");
    char text[] = "caf\xc3\xa9 na\xc3\xafve", *in = text, *out = got(calloc(1, 256)), *end = out;
    size_t left = strlen(text), room = 256;
    expect(iconv(conversion, &in, &left, &end, &room) != (size_t)-1, "iconv");
    printf("%s to %s:", from, to);
    for (char *byte = out; byte < end; byte++)
        printf(" %02x", (unsigned char)*byte);
    puts("");
    free(out);
    iconv_close(conversion);
}

static void names(void)
{
    struct addrinfo *found, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    int error = getaddrinfo("localhost", "80", &hints, &found);
    printf("getaddrinfo: %s\n", error ? gai_strerror(error) : "found");
    if (!error) {
        char host[100];
        getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST);
        printf("localhost is %s\n", host);
        freeaddrinfo(found);
    }
    struct passwd *user = getpwuid(0);
    struct group *group = getgrgid(0);
    printf("user 0: %s, group 0: %s\n", user ? user->pw_name : "?", group ? group->gr_name : "?");
    printf("user nobody-at-all: %s\n", getpwnam("nobody-at-all") ? "found" : "none");
}

static void streams(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    for (int i = 0; i < 10000; i++)
        fprintf(stream, "line %d of a stream in memory\n", i);
    fclose(stream);
    printf("open_memstream: %zu bytes, ending %s", size, text + size - 10);
    stream = fmemopen(text, size, "r");
    char *line = NULL;
    size_t room = 0, sum = 0, lines = 0;
    for (ssize_t length; (length = getdelim(&line, &room, ' ', stream)) > 0; lines++)
        sum += (size_t)length;
    printf("getdelim: %zu pieces, %zu bytes\n", lines, sum);
    fclose(stream);
    free(line);
    free(text);
    expect(asprintf(&text, "%0*d|%-300s|%.200f", 500, 7, "left", 1.0 / 3) > 0, "asprintf");
    printf("asprintf: %zu bytes\n", strlen(text));
    free(text);
    int number = 0;
    char *scanned = NULL;
    expect(sscanf("12 apples", "%d %ms", &number, &scanned) == 2, "sscanf");
    printf("sscanf: %d %s\n", number, scanned);
    free(scanned);
    FILE *many[200];
    for (int i = 0; i < 200; i++)
        expect((many[i] = fopen("/dev/null", "r+")) != NULL, "fopen");
    for (int i = 0; i < 200; i++)
        fclose(many[i]);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int by_number(const void *a, const void *b)
{
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static size_t visited;

static int visit(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)path, (void)status, (void)type, (void)place;
    visited++;
    return 0;
}

static void files(void)
{
    mkdir("dir", 0755);
    for (int i = 0; i < WORDS; i++) {
        char *path;
        expect(asprintf(&path, "dir/%s", word[i]) > 0, "asprintf");
        fclose(fopen(path, "w"));
        free(path);
    }
    struct dirent **entry;
    int count = scandir("dir", &entry, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        printf("scandir: %s\n", entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    nftw("dir", visit, 10, FTW_PHYS);
    printf("nftw: %zu\n", visited);
    glob_t globbed;
    glob("dir/[a-f]*", 0, NULL, &globbed);
    for (size_t i = 0; i < globbed.gl_pathc; i++)
        printf("glob: %s\n", globbed.gl_pathv[i]);
    globfree(&globbed);
    wordexp_t expanded;
    expect(!wordexp("one ${LC_ALL} 'two three'", &expanded, 0), "wordexp");
    for (size_t i = 0; i < expanded.we_wordc; i++)
        printf("wordexp: %s\n", expanded.we_wordv[i]);
    wordfree(&expanded);
    char *here = getcwd(NULL, 0), *real = realpath("dir/../dir/fig", NULL);
    expect(here && real && !strncmp(here, real, strlen(here)), "getcwd or realpath");
    printf("realpath: %s\n", real + strlen(here));
    free(here);
    free(real);
}

static void structures(void)
{
    regex_t regex;
    regmatch_t match[3];
    expect(!regcomp(&regex, "^([a-z]+)([0-9]{2,4})(x|y)*$", REG_EXTENDED), "regcomp");
    printf("regexec: %d", regexec(&regex, "plum1234xyx", 3, match, 0));
    printf(" %d..%d\n", (int)match[2].rm_so, (int)match[2].rm_eo);
    regfree(&regex);

    void *root = NULL;
    for (int i = 0; i < WORDS; i++)
        tsearch(word[i], &root, by_text);
    int nodes = 0;
    for (int i = 0; i < WORDS; i++)
        if (tfind(word[i], &root, by_text))
            nodes++, tdelete(word[i], &root, by_text);
    printf("tsearch: %d different, tree %s\n", nodes, root ? "left" : "empty");
    hcreate(100);
    for (int i = 0; i < WORDS; i++)
        hsearch((ENTRY){(char *)word[i], (void *)word[i]}, ENTER);
    printf("hsearch: %s\n", (char *)hsearch((ENTRY){"quince", NULL}, FIND)->data);
    hdestroy();

    const char *sorted[WORDS];
    memcpy(sorted, word, sizeof word);
    qsort(sorted, WORDS, sizeof sorted[0], by_name);
    printf("qsort: %s .. %s\n", sorted[0], sorted[WORDS - 1]);
    int *number = got(malloc(500000 * sizeof *number));
    unsigned state = 1;
    for (int i = 0; i < 500000; i++)
        number[i] = (int)draw(&state, 1u << 24);
    qsort(number, 500000, sizeof *number, by_number);
    for (int i = 1; i < 500000; i++)
        expect(number[i - 1] <= number[i], "qsort");
    printf("qsort: %d .. %d\n", number[0], number[499999]);
    free(number);
    for (int i = 0; i < 300; i++) {
        char name[20];
        snprintf(name, sizeof name, "VARIABLE_%d", i);
        setenv(name, strrchr("x/yyyyyyyyyyyyyyyyyyyyyyyyy", '/'), 1);
    }
    printf("getenv: %s\n", getenv("VARIABLE_299"));
    clearenv();
}

int main(void)
{
    locales();
    convert("UTF-8", "UTF-16LE");
    convert("UTF-8", "ISO-8859-1");
    convert("UTF-8", "IBM037");
    names();
    streams();
    files();
    structures();
    return 0;
}
