/* SPDX-License-Identifier: MIT */
/* See stack_text.h. By recursive descent; depth is bounded by the number of nodes. */
#include "entry/stack_text.h"

#include <string.h>

#include "base/option.h"
#include "base/print.h"

struct parser {
    struct stack_tree *tree;
    const char *text;
    size_t at;
    cairn_stack_error *error;
};

/* ---- errors ---- */

static bool fail_at(struct parser *parser, size_t at, const char *what, struct word word)
{
    struct text line = {parser->error->text, sizeof parser->error->text - 1, 0};
    parser->error->at = at;
    cairn__text_put(&line, what);
    cairn__text_bytes(&line, word.data, word.length);
    line.data[line.length] = '\0';
    return false;
}

/* The same, and which known name comes nearest, if one is near. */
static bool fail_near(struct parser *parser, size_t at, const char *what, struct word word,
                      const char *nearest)
{
    fail_at(parser, at, what, word);
    if (nearest == NULL)
        return false;
    size_t length = strlen(parser->error->text);
    struct text line = {parser->error->text, sizeof parser->error->text - 1, length};
    cairn__text_put(&line, " (did you mean ");
    cairn__text_put(&line, nearest);
    cairn__text_put(&line, "?)");
    line.data[line.length] = '\0';
    return false;
}

struct nearest {
    struct word word;
    unsigned distance;
    const char *name;
};

/* Up to a third of the letters may differ. */
static void consider(struct nearest *nearest, const char *name)
{
    unsigned distance = cairn__word_distance(nearest->word, cairn__word(name));
    if (distance <= (strlen(name) + 1) / 3 && distance < nearest->distance) {
        nearest->distance = distance;
        nearest->name = name;
    }
}

static const char *nearest_kind(struct word word)
{
    struct nearest nearest = {word, NEAR_MAX, NULL};
    for (const struct stack_kind *const *kind = cairn__stack_kinds; *kind != NULL; kind++)
        consider(&nearest, (*kind)->name);
    return nearest.name;
}

static const char *nearest_option(const struct stack_kind *kind, struct word word)
{
    struct nearest nearest = {word, NEAR_MAX, NULL};
    for (const struct stack_option *option = kind->options; option->name != NULL; option++)
        consider(&nearest, option->name);
    return nearest.name;
}

/* ---- words ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static void skip_space(struct parser *parser)
{
    while (is_space(parser->text[parser->at]))
        parser->at++;
}

static struct word without_space(struct word word)
{
    while (word.length > 0 && is_space(word.data[word.length - 1]))
        word.length--;
    while (word.length > 0 && is_space(word.data[0]))
        word = word_from(word, 1);
    return word;
}

/* What stands here, up to one of the characters of the grammar; it may be empty. */
static struct word word_here(struct parser *parser, const char *ends)
{
    skip_space(parser);
    struct word word = {parser->text + parser->at, strcspn(parser->text + parser->at, ends)};
    return without_space(word);
}

static bool take(struct parser *parser, char c)
{
    skip_space(parser);
    if (parser->text[parser->at] != c)
        return false;
    parser->at++;
    return true;
}

/* ---- options ---- */

/* The option that a text without "=" is; NULL if it is none. */
static const struct stack_option *option_alone(const struct stack_kind *kind, struct word word,
                                               size_t *value)
{
    for (const struct stack_option *option = kind->options; option->name != NULL; option++) {
        if (option->type == STACK_WORD && cairn__word_is(word, option->name)) {
            *value = option->value;
            return option;
        }
        if (option->name[0] == '\0' && cairn__parse_size(word, value))
            return option;
    }
    return NULL;
}

static const struct stack_option *option_named(const struct stack_kind *kind, struct word name)
{
    for (const struct stack_option *option = kind->options; option->name != NULL; option++)
        if (option->type != STACK_WORD && option->name[0] != '\0' &&
            cairn__word_is(name, option->name))
            return option;
    return NULL;
}

static bool set_value(struct parser *parser, struct stack_node *node,
                      const struct stack_option *option, size_t value, size_t at, struct word word)
{
    if (node->is_set[option->slot])
        return fail_at(parser, at, "said twice: ", word);
    if (option->type != STACK_WORD && value < option->value)
        return fail_at(parser, at, "too small: ", word);
    node->is_set[option->slot] = true;
    node->values[option->slot] = value;
    return true;
}

static bool parse_named(struct parser *parser, struct stack_node *node, struct word word,
                        size_t equals)
{
    struct word name = without_space((struct word){word.data, equals});
    struct word given = without_space(word_from(word, equals + 1));
    size_t at = (size_t)(word.data - parser->text);
    const struct stack_option *option = option_named(node->kind, name);
    if (option == NULL)
        return fail_near(parser, at, "no such option: ", name, nearest_option(node->kind, name));
    size_t value = 0;
    if (option->type == STACK_NAME) {
        if (given.length == 0 || given.length >= STACK_TEXT_SIZE)
            return fail_at(parser, at, "no name, or one that is too long: ", word);
        memcpy(node->text, given.data, given.length);
        node->text[given.length] = '\0';
        value = option->value;
    } else if (!cairn__parse_size(given, &value)) {
        return fail_at(parser, (size_t)(given.data - parser->text), "not a number: ", given);
    }
    return set_value(parser, node, option, value, at, word);
}

/* Whether the word after a comma is an option of the kind before it. */
static bool is_option(const struct stack_kind *kind, struct word word)
{
    size_t ignored, equals = cairn__word_find(word, '=');
    if (equals < word.length) {
        /* name=value cannot be a stack, unless a stack's ':' comes first. */
        return cairn__word_find(word, ':') > equals;
    }
    return option_alone(kind, word, &ignored) != NULL;
}

static bool parse_option(struct parser *parser, struct stack_node *node)
{
    struct word word = word_here(parser, "(),");
    size_t at = (size_t)(word.data - parser->text);
    size_t equals = cairn__word_find(word, '=');
    if (word.length == 0)
        return fail_at(parser, at, "an option is missing after: ", cairn__word(node->kind->name));
    parser->at = at + word.length;
    if (equals < word.length)
        return parse_named(parser, node, word, equals);
    size_t value = 0;
    const struct stack_option *option = option_alone(node->kind, word, &value);
    if (option == NULL)
        return fail_near(parser, at, "no such option: ", word, nearest_option(node->kind, word));
    return set_value(parser, node, option, value, at, word);
}

static bool parse_options(struct parser *parser, struct stack_node *node)
{
    do {
        if (!parse_option(parser, node))
            return false;
        size_t comma = parser->at;
        if (!take(parser, ','))
            return true;
        if (!is_option(node->kind, word_here(parser, "(),"))) {
            parser->at = comma;
            return true;
        }
    } while (true);
}

/* ---- stacks ---- */

static const struct stack_kind *kind_named(struct word word)
{
    for (const struct stack_kind *const *kind = cairn__stack_kinds; *kind != NULL; kind++)
        if (cairn__word_is(word, (*kind)->name))
            return *kind;
    return NULL;
}

static struct stack_node *parse_stack(struct parser *parser);

static bool parse_children(struct parser *parser, struct stack_node *node)
{
    do {
        if (node->child_count == node->kind->most_children)
            return fail_at(parser, parser->at,
                           "too many in the brackets of: ", cairn__word(node->kind->name));
        struct stack_node *child = parse_stack(parser);
        if (child == NULL)
            return false;
        node->children[node->child_count++] = child;
    } while (take(parser, ','));
    if (!take(parser, ')'))
        return fail_at(parser, parser->at, "a bracket is not closed: that of ",
                       cairn__word(node->kind->name));
    return true;
}

static struct stack_node *parse_stack(struct parser *parser)
{
    struct word name = word_here(parser, ":(),");
    size_t at = (size_t)(name.data - parser->text);
    const struct stack_kind *kind = kind_named(name);
    if (kind == NULL) {
        fail_near(parser, at,
                  name.length == 0 ? "an allocator is missing" : "no such allocator: ", name,
                  nearest_kind(name));
        return NULL;
    }
    if (parser->tree->count == STACK_NODES) {
        fail_at(parser, at, "too many allocators in one stack", word_from(name, name.length));
        return NULL;
    }
    parser->at = at + name.length;
    struct stack_node *node = &parser->tree->nodes[parser->tree->count++];
    *node = (struct stack_node){.kind = kind, .at = at};
    if (take(parser, ':')) {
        if (!parse_options(parser, node))
            return NULL;
    } else if (kind->required_option) {
        fail_at(parser, parser->at, "say how large, as in pool:64: ", name);
        return NULL;
    }
    if (take(parser, '(') && !parse_children(parser, node))
        return NULL;
    if (node->child_count < kind->least_children) {
        fail_at(parser, parser->at, "two stacks in brackets are missing after: ", name);
        return NULL;
    }
    return node;
}

struct stack_node *cairn__stack_parse(struct stack_tree *tree, const char *text,
                                      cairn_stack_error *error)
{
    struct parser parser = {tree, text, 0, error};
    tree->count = 0;
    struct stack_node *root = parse_stack(&parser);
    if (root == NULL)
        return NULL;
    skip_space(&parser);
    if (text[parser.at] != '\0') {
        fail_at(&parser, parser.at, "nothing is expected here: ", cairn__word(text + parser.at));
        return NULL;
    }
    return root;
}
