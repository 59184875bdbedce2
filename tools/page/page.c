/* SPDX-License-Identifier: MIT */
/*
 * The page around the bundle: see page.h. The documents stand in a script element that is data, not
 * code. In there only `<` could be read as HTML (an end tag, a comment), and it occurs in strings
 * only, where it is written \u003c; U+2028 and U+2029 are escaped for readers that take the data for
 * JavaScript. A content security policy, which names the digest of the one script that may run,
 * keeps the page from asking for anything else, whatever the data are.
 */
#define _GNU_SOURCE
#include "page/page.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "page/document_file.h"

enum { DIGITS = 7 };

/* JSON as it may stand in a script element. */
static void write_data(const char *json, FILE *to)
{
    const char *from = json;

    for (const char *at = json; *at; at++) {
        bool is_line_end = at[0] == '\xe2' && at[1] == '\x80' && (at[2] & ~1) == '\xa8';
        if (*at != '<' && !is_line_end)
            continue;
        fwrite(from, 1, (size_t)(at - from), to);
        fputs(*at == '<' ? "\\u003c" : at[2] == '\xa8' ? "\\u2028" : "\\u2029", to);
        at += is_line_end ? 2 : 0;
        from = at + 1;
    }
    fputs(from, to);
}

static void write_text(const char *text, FILE *to)
{
    for (; *text; text++) {
        if (*text == '&')
            fputs("&amp;", to);
        else if (*text == '<')
            fputs("&lt;", to);
        else if (*text == '>')
            fputs("&gt;", to);
        else if (*text == '"')
            fputs("&quot;", to);
        else
            fputc(*text, to);
    }
}

void page_write(json_t *documents, const char *title, FILE *to)
{
    if (!title)
        title = json_string_value(json_object_get(json_array_get(documents, 0), "title"));
    document_shorten(documents);
    char *json = json_dumps(documents, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    if (!json) {
        message("out of memory");
        exit(EXIT_OWN_ERROR);
    }
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"",
          to);
    write_text(page_policy, to);
    fputs("\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"generator\" content=\"cairn report\">\n<title>",
          to);
    write_text(title && *title ? title : "Cairn report", to);
    fputs("</title>\n<style>", to);
    fputs(page_style, to);
    fputs(
        "</style>\n</head>\n<body>\n<noscript><p>This page draws its data by JavaScript, which is "
        "switched off. <code>cairn report --text</code> prints them.</p></noscript>\n"
        "<script type=\"application/json\" id=\"documents\">",
        to);
    write_data(json, to);
    fputs("</script>\n<script>", to);
    fputs(page_script, to);
    fputs("</script>\n</body>\n</html>\n", to);
    free(json);
}
