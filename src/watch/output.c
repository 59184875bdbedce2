/* SPDX-License-Identifier: MIT */
/* See output.h. */
#include "watch/output.h"

#include <string.h>

#include "base/bits.h"
#include "os/os.h"

static void to_standard_error(void *context, const char *bytes, size_t count)
{
    (void)context;
    cairn__os_print_error(bytes, count);
}

void cairn__output_init(struct output *output, cairn__write *write, void *context)
{
    output->write = write != NULL ? write : to_standard_error;
    output->context = context;
    output->text = (struct text){output->data, sizeof output->data, 0};
}

void cairn__output_flush(struct output *output)
{
    if (output->text.length > 0)
        output->write(output->context, output->data, output->text.length);
    output->text.length = 0;
}

static void put_bytes(struct output *output, const char *bytes, size_t count)
{
    while (count > 0) {
        if (output->text.length == output->text.size)
            cairn__output_flush(output);
        size_t part = size_min(count, output->text.size - output->text.length);
        cairn__text_bytes(&output->text, bytes, part);
        bytes += part;
        count -= part;
    }
}

void cairn__output_put(struct output *output, const char *string)
{
    put_bytes(output, string, strlen(string));
}

static void put_right(struct output *output, unsigned width, const struct text *text)
{
    for (size_t i = text->length; i < width; i++)
        put_bytes(output, " ", 1);
    put_bytes(output, text->data, text->length);
}

void cairn__output_uint(struct output *output, uint64_t value)
{
    cairn__output_column(output, 0, value);
}

void cairn__output_column(struct output *output, unsigned width, uint64_t value)
{
    TEXT_LINE(number);
    cairn__text_uint(&number, value);
    put_right(output, width, &number);
}

void cairn__output_word(struct output *output, unsigned width, const char *word)
{
    for (size_t i = strlen(word); i < width; i++)
        put_bytes(output, " ", 1);
    cairn__output_put(output, word);
}

void cairn__output_size(struct output *output, unsigned width, uint64_t bytes)
{
    TEXT_LINE(size);
    cairn__text_size(&size, bytes);
    put_right(output, width, &size);
}

void cairn__output_share(struct output *output, uint64_t part, uint64_t whole)
{
    uint64_t thousandths = whole == 0 ? 0 : (uint64_t)((double)part / (double)whole * 1000 + 0.5);
    cairn__output_uint(output, thousandths / 10);
    put_bytes(output, ".", 1);
    cairn__output_uint(output, thousandths % 10);
    cairn__output_put(output, " %");
}

void cairn__output_quoted(struct output *output, const char *bytes, size_t count)
{
    static const char hex[] = "0123456789abcdef";
    put_bytes(output, "\"", 1);
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
        bool plain = byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
        put_bytes(output, plain ? &bytes[i] : escape, plain ? 1 : sizeof escape);
    }
    put_bytes(output, "\"", 1);
}
