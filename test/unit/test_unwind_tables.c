/* SPDX-License-Identifier: MIT */
/*
 * unwind_entry.h, unwind_row.h, unwind_expression.h: tables made by hand, in memory, for code that is
 * not there; and nonsense, which must not be believed.
 */
#include "unit/unit.h"

#include "os/unwind_expression.h"
#include "os/unwind_row.h"

enum { CODE = 0x10000, FUNCTION_SIZE = 0x100 };

/* An index, a shared part, and entries behind each other. */
static struct {
    uint8_t bytes[4096] ALIGNED(16);
    size_t size;
} image;

static void put(uint64_t value, size_t size)
{
    memcpy(image.bytes + image.size, &value, size);
    image.size += size;
}

static void put_bytes(const void *bytes, size_t size)
{
    memcpy(image.bytes + image.size, bytes, size);
    image.size += size;
}

/* A record that is filled by the caller, and then ended. */
static size_t begin_record(void)
{
    put(0, 4);
    return image.size;
}

static void end_record(size_t start)
{
    while (image.size % 8 != 0)
        put(0, 1); /* an instruction that does nothing */
    uint32_t size = (uint32_t)(image.size - start);
    memcpy(image.bytes + start - 4, &size, 4);
}

static size_t put_shared(const char *letters, bool has_kind)
{
    size_t start = begin_record();
    put(0, 4);
    put(1, 1);
    put_bytes(letters, strlen(letters) + 1);
    put(1, 1);    /* units of code: 1 byte */
    put(0x78, 1); /* units of data: -8 bytes */
    put(DWARF_RETURN, 1);
    if (has_kind) {
        put(1, 1);
        put(0x1b, 1); /* from here on, 4 bytes, signed */
    }
    uint8_t program[] = {0x0c, DWARF_STACK, 8, 0x80 | DWARF_RETURN, 1};
    put_bytes(program, sizeof program);
    end_record(start);
    return start - 4;
}

static size_t put_entry(size_t shared, uint32_t code, const void *program, size_t size)
{
    size_t start = begin_record();
    put(image.size - shared, 4);
    put((uint64_t)code - image.size, 4);
    put(FUNCTION_SIZE, 4);
    put(0, 1); /* size of what else there is */
    put_bytes(program, size);
    end_record(start);
    return start - 4;
}

enum { COUNT = 3 };

/* Three functions with the same program, and room between them. */
static struct unwind_file make_image(const void *program, size_t size)
{
    memset(&image, 0, sizeof image);
    put(0x3b03ff01,
        4); /* version 1, no pointer, count in 4 bytes, rows of 4 bytes from the index on */
    put(COUNT, 4);
    image.size += (size_t)COUNT * 8;
    size_t shared = put_shared("zR", true);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t code = CODE + 2 * FUNCTION_SIZE * i;
        uint32_t row[] = {code, (uint32_t)put_entry(shared, code, program, size)};
        memcpy(image.bytes + 8 + i * sizeof row, row, sizeof row);
    }
    uintptr_t start = (uintptr_t)image.bytes;
    return (struct unwind_file){start, start + sizeof image.bytes, start};
}

static bool row_at(const struct unwind_file *file, size_t offset, struct unwind_row *row)
{
    struct unwind_entry entry;
    uintptr_t address = file->index + CODE + offset;
    return cairn__unwind_entry_of(file, address, &entry) &&
           cairn__unwind_row_of(&entry, address, row);
}

TEST(entries)
{
    struct unwind_entry entry;
    struct unwind_file file = make_image("", 0);
    for (size_t offset = 0; offset < (2 * COUNT + 1) * FUNCTION_SIZE; offset += 0x40) {
        uintptr_t address = file.index + CODE + offset;
        bool inside = offset / FUNCTION_SIZE % 2 == 0 && offset / FUNCTION_SIZE < 2 * COUNT;
        REQUIRE(cairn__unwind_entry_of(&file, address, &entry) == inside);
        REQUIRE(!inside || entry.start == address - offset % FUNCTION_SIZE);
    }
    REQUIRE(!cairn__unwind_entry_of(&file, file.index + CODE - 1, &entry));
}

/* Indexes and shared parts of another kind are left alone. */
TEST(entries_of_other_kinds)
{
    struct unwind_entry entry;
    struct unwind_file file = make_image("", 0);
    uintptr_t address = file.index + CODE;
    REQUIRE(cairn__unwind_entry_of(&file, address, &entry));
    for (size_t i = 0; i < 4; i++) {
        if (i == 1)
            continue; /* the pointer that is not looked at */
        uint8_t was = image.bytes[i];
        image.bytes[i] ^= 0x08;
        REQUIRE(!cairn__unwind_entry_of(&file, address, &entry));
        image.bytes[i] = was;
    }
    size_t shared = 8 + (size_t)COUNT * 8;
    const size_t places[] = {shared + 4, shared + 8, shared + 9, shared + 10};
    for (size_t i = 0; i < 4; i++) {
        image.bytes[places[i]] ^= 0x20; /* what it is, its version, its letters */
        REQUIRE(!cairn__unwind_entry_of(&file, address, &entry));
        image.bytes[places[i]] ^= 0x20;
    }
    REQUIRE(cairn__unwind_entry_of(&file, address, &entry));
}

/* ---- rows ---- */

static const uint8_t frame_program[] = {
    0x44, /* 4: */
    0x0e,
    16,
    0x80 | DWARF_FRAME,
    2,    /* pushed */
    0x44, /* 8: */
    0x0d,
    DWARF_FRAME, /* is the base */
    0x02,
    8,                  /* 16: */
    0x0a,               /* what is so far, comes back */
    0xc0 | DWARF_FRAME, /* popped */
    0x0c,
    DWARF_STACK,
    8, /* back at the start */
    0x03,
    16,
    0,    /* 32: */
    0x0b, /* back */
    0x04,
    16,
    0,
    0,
    0, /* 48: */
    0x0a,
    0x0a,
    0x0e,
    24,
    0x0b,
    0x0b, /* nothing in the end */
};

static void expect_row(const struct unwind_file *file, size_t offset, unsigned base, int cfa,
                       enum saved_how how)
{
    struct unwind_row row;
    REQUIRE(row_at(file, offset, &row));
    REQUIRE(row.cfa.how == SAVED_IS && row.cfa_register == base && row.cfa.value == cfa);
    REQUIRE(row.saved[DWARF_RETURN].how == SAVED_AT && row.saved[DWARF_RETURN].value == -8);
    REQUIRE(row.saved[DWARF_FRAME].how == how);
    REQUIRE(how == SAVED_NOT || row.saved[DWARF_FRAME].value == -16);
}

TEST(rows)
{
    struct unwind_file file = make_image(frame_program, sizeof frame_program);
    for (size_t offset = 0; offset < 100; offset++) {
        bool pushed = (offset >= 4 && offset < 16) || offset >= 32;
        bool is_base = pushed && offset >= 8;
        expect_row(&file, offset, is_base ? DWARF_FRAME : DWARF_STACK, pushed ? 16 : 8,
                   pushed ? SAVED_AT : SAVED_NOT);
    }
}

static struct saved saved_by(const void *program, size_t size)
{
    struct unwind_row row;
    struct unwind_file file = make_image(program, size);
    REQUIRE(row_at(&file, 0, &row));
    return row.saved[DWARF_FRAME];
}

#define SAVED_BY(...)                                                                              \
    saved_by((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void expect_saved(struct saved saved, enum saved_how how, int32_t value)
{
    REQUIRE(saved.how == how && saved.value == value);
}

TEST(ways_to_save)
{
    expect_saved(SAVED_BY(0x05, DWARF_FRAME, 3), SAVED_AT, -24);
    expect_saved(SAVED_BY(0x11, DWARF_FRAME, 0x7e), SAVED_AT, 16);
    expect_saved(SAVED_BY(0x2f, DWARF_FRAME, 3), SAVED_AT, 24);
    expect_saved(SAVED_BY(0x05, DWARF_FRAME, 3, 0x06, DWARF_FRAME), SAVED_NOT, 0);
    expect_saved(SAVED_BY(0x05, DWARF_FRAME, 3, 0x08, DWARF_FRAME), SAVED_NOT, 0);
    expect_saved(SAVED_BY(0x07, DWARF_FRAME), SAVED_UNDEFINED, 0);
    expect_saved(SAVED_BY(0x09, DWARF_FRAME, 12), SAVED_IN, 12);
    expect_saved(SAVED_BY(0x14, DWARF_FRAME, 2), SAVED_IS, -16);
    expect_saved(SAVED_BY(0x15, DWARF_FRAME, 0x7f), SAVED_IS, 8);
    expect_saved(SAVED_BY(0x2e, 16, 0x2d, 0x05, 100, 1), SAVED_NOT,
                 0); /* arguments, signing, others */
    REQUIRE(SAVED_BY(0x10, DWARF_FRAME, 2, 0x76, 0).how == SAVED_AT_EXPRESSION);
    REQUIRE(SAVED_BY(0x16, DWARF_FRAME, 2, 0x76, 0).how == SAVED_IS_EXPRESSION);
}

static bool has_row(const void *program, size_t size)
{
    struct unwind_row row;
    struct unwind_file file = make_image(program, size);
    return row_at(&file, FUNCTION_SIZE - 1, &row);
}

TEST(programs_that_are_not_believed)
{
    REQUIRE(!has_row("\x0b", 1));                         /* back to what was never remembered */
    REQUIRE(!has_row("\x0a\x0a\x0a\x0a\x0a", 5));         /* too much to remember */
    REQUIRE(!has_row("\x3f", 1));                         /* unknown */
    REQUIRE(!has_row("\x0c\x7f\x08", 3));                 /* from an unknown register */
    REQUIRE(!has_row("\x0e\x80\x80\x80\x80\x80\x10", 7)); /* far too large */
    REQUIRE(!has_row("\x0f\x7f\x76\x00\x00\x00\x00\x00", 8)); /* an expression beyond the end */
    uint64_t seed = 3;
    unsigned found = 0;
    for (size_t round = 0; round < unit_rounds(50000); round++) {
        uint8_t program[32];
        for (size_t i = 0; i < sizeof program; i++)
            program[i] = (uint8_t)unit_below(&seed, i % 3 == 0 ? 0x30 : 0x100);
        found += has_row(program, unit_below(&seed, sizeof program));
    }
    REQUIRE(found > 0);
}

/* ---- expressions ---- */

static uintptr_t words[8] = {11, 22, 33, 44, 55, 66, 77, 88};

static bool evaluate(const void *bytes, size_t size, uintptr_t *result)
{
    struct unwind_registers registers = {.pc = 0};
    registers.value[DWARF_STACK] = (uintptr_t)&words[2];
    registers.value[DWARF_FRAME] = (uintptr_t)&words[4];
    registers.reach.limit = (uintptr_t)&words[8];
    struct bytes expression = {bytes, (const uint8_t *)bytes + size, false};
    return cairn__unwind_evaluate(&registers, expression, 7, result);
}

#define EXPECT(expected, ...)                                                                      \
    do {                                                                                           \
        uintptr_t result = 0;                                                                      \
        REQUIRE(evaluate((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}),   \
                         &result));                                                                \
        REQUIRE(result == (uintptr_t)(expected));                                                  \
    } while (0)

#define EXPECT_NOTHING(...)                                                                        \
    do {                                                                                           \
        uintptr_t result = 0;                                                                      \
        REQUIRE(!evaluate((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}),  \
                          &result));                                                               \
    } while (0)

TEST(expressions)
{
    EXPECT(7, 0x96);
    EXPECT(8, 0x31, 0x22);
    EXPECT(300, 0x10, 0xac, 0x02);
    EXPECT(-2, 0x11, 0x7e);
    EXPECT(-1, 0x09, 0xff);
    EXPECT(255, 0x08, 0xff);
    EXPECT(0x1234, 0x0a, 0x34, 0x12);
    EXPECT(-2, 0x0d, 0xfe, 0xff, 0xff, 0xff);
    EXPECT(0x0102030405060708, 0x0e, 8, 7, 6, 5, 4, 3, 2, 1);
    EXPECT(14, 0x12, 0x22);
    EXPECT(7, 0x35, 0x13);
    EXPECT(7, 0x35, 0x14);
    EXPECT(-2, 0x35, 0x16, 0x1c);
    EXPECT(3, 0x33, 0x1a);
    EXPECT(4, 0x33, 0x1c);
    EXPECT(21, 0x33, 0x1e);
    EXPECT(-7, 0x1f);
    EXPECT(~7, 0x20);
    EXPECT(15, 0x38, 0x21);
    EXPECT(207, 0x23, 0xc8, 0x01);
    EXPECT(28, 0x32, 0x24);
    EXPECT(1, 0x32, 0x25);
    EXPECT(-4, 0x1f, 0x31, 0x26);
    EXPECT(4, 0x33, 0x27);
    EXPECT(0, 0x36, 0x29);
    EXPECT(1, 0x37, 0x2a);
    EXPECT(1, 0x36, 0x2b);
    EXPECT(0, 0x36, 0x2c);
    EXPECT(0, 0x36, 0x2d);
    EXPECT(1, 0x36, 0x2e);
    EXPECT(&words[5], 0x70 + DWARF_FRAME, 8);
    EXPECT(&words[3], 0x92, DWARF_FRAME, 0x78);
    EXPECT(44, 0x70 + DWARF_FRAME, 0x78, 0x06);
    EXPECT(88, 0x70 + DWARF_FRAME, 24, 0x06);
}

TEST(expressions_that_are_not_believed)
{
    EXPECT_NOTHING(0x13, 0x13);                     /* nothing is left */
    EXPECT_NOTHING(0x22);                           /* one is missing */
    EXPECT_NOTHING(0x10);                           /* a number is missing */
    EXPECT_NOTHING(0xf1);                           /* unknown */
    EXPECT_NOTHING(0x92, 60, 0);                    /* an unknown register */
    EXPECT_NOTHING(0x06);                           /* not on the stack */
    EXPECT_NOTHING(0x70 + DWARF_FRAME, 0x68, 0x06); /* below the stack pointer */
    EXPECT_NOTHING(0x70 + DWARF_FRAME, 1, 0x06);    /* across two words */
    EXPECT_NOTHING(0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12,
                   0x12, 0x12, 0x12);
    uint64_t seed = 4;
    for (size_t round = 0; round < unit_rounds(200000); round++) {
        uint8_t bytes[16];
        uintptr_t result;
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)unit_below(&seed, 0x98);
        evaluate(bytes, unit_below(&seed, sizeof bytes), &result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries),
        cmocka_unit_test(entries_of_other_kinds),
        cmocka_unit_test(rows),
        cmocka_unit_test(ways_to_save),
        cmocka_unit_test(programs_that_are_not_believed),
        cmocka_unit_test(expressions),
        cmocka_unit_test(expressions_that_are_not_believed),
    };
    return UNIT_MAIN(tests);
}
