/*
 * code_table.c - the default code table, and custom ones (RFC 3284, section 5.6 and 7)
 *
 * A custom table is written as a VCDIFF delta against the default one. Both are
 * strings of 1536 bytes for that, six columns of 256:
 *
 *   types of first, types of second, sizes of first, sizes of second, modes of first, of second
 */
#include "code_table.h"

#include <stdlib.h>

#include "common.h"
#include "vcdiff.h"

enum { COLUMN = 256, TABLE_STRING_SIZE = 6 * COLUMN };

/* ---- Section 5.6, line by line of its drawing -------------------------------------------- */

#define ONE(type, size, mode)                                                                      \
    {                                                                                              \
        {type, VCD_NOOP}, {size, 0}, {                                                             \
            mode, 0                                                                                \
        }                                                                                          \
    }
#define ADD(size) ONE(VCD_ADD, size, 0)
#define COPY(size, mode) ONE(VCD_COPY, size, mode)
#define ADD_COPY(add_size, copy_size, mode)                                                        \
    {                                                                                              \
        {VCD_ADD, VCD_COPY}, {add_size, copy_size}, {                                              \
            0, mode                                                                                \
        }                                                                                          \
    }
#define COPY_ADD(mode)                                                                             \
    {                                                                                              \
        {VCD_COPY, VCD_ADD}, {4, 1}, {                                                             \
            mode, 0                                                                                \
        }                                                                                          \
    }

#define COPIES(mode)                                                                               \
    COPY(0, mode), COPY(4, mode), COPY(5, mode), COPY(6, mode), COPY(7, mode), COPY(8, mode),      \
        COPY(9, mode), COPY(10, mode), COPY(11, mode), COPY(12, mode), COPY(13, mode),             \
        COPY(14, mode), COPY(15, mode), COPY(16, mode), COPY(17, mode), COPY(18, mode)
#define ADD_COPIES_3(add_size, mode)                                                               \
    ADD_COPY(add_size, 4, mode), ADD_COPY(add_size, 5, mode), ADD_COPY(add_size, 6, mode)
#define ADD_COPIES(mode)                                                                           \
    ADD_COPIES_3(1, mode), ADD_COPIES_3(2, mode), ADD_COPIES_3(3, mode), ADD_COPIES_3(4, mode)
#define ADD_COPIES_OF_4(mode)                                                                      \
    ADD_COPY(1, 4, mode), ADD_COPY(2, 4, mode), ADD_COPY(3, 4, mode), ADD_COPY(4, 4, mode)

/* clang-format off */
static const struct vcd_code_table default_table = {
    .near_size = VCD_NEAR_SIZE,
    .same_size = VCD_SAME_SIZE,
    .code = {
        /*   0 */ ONE(VCD_RUN, 0, 0),
        /*   1 */ ADD(0), ADD(1), ADD(2), ADD(3), ADD(4), ADD(5), ADD(6), ADD(7), ADD(8), ADD(9),
                  ADD(10), ADD(11), ADD(12), ADD(13), ADD(14), ADD(15), ADD(16), ADD(17),
        /*  19 */ COPIES(0), COPIES(1), COPIES(2), COPIES(3), COPIES(4),
                  COPIES(5), COPIES(6), COPIES(7), COPIES(8),
        /* 163 */ ADD_COPIES(0), ADD_COPIES(1), ADD_COPIES(2),
                  ADD_COPIES(3), ADD_COPIES(4), ADD_COPIES(5),
        /* 235 */ ADD_COPIES_OF_4(6), ADD_COPIES_OF_4(7), ADD_COPIES_OF_4(8),
        /* 247 */ COPY_ADD(0), COPY_ADD(1), COPY_ADD(2), COPY_ADD(3), COPY_ADD(4),
                  COPY_ADD(5), COPY_ADD(6), COPY_ADD(7), COPY_ADD(8),
    },
};
/* clang-format on */

const struct vcd_code_table *vcd_default_code_table(void) {
    return &default_table;
}

/* ---- Section 7 --------------------------------------------------------------------------- */

static void write_table_string(const struct vcd_code_table *table, uint8_t *out) {
    for (int i = 0; i < COLUMN; i++) {
        const struct vcd_code *const code = &table->code[i];
        for (int half = 0; half < 2; half++) {
            out[(0 + half) * COLUMN + i] = code->type[half];
            out[(2 + half) * COLUMN + i] = code->size[half];
            out[(4 + half) * COLUMN + i] = code->mode[half];
        }
    }
}

static void read_table_string(const uint8_t *string, struct vcd_code_table *table) {
    for (int i = 0; i < COLUMN; i++) {
        struct vcd_code *const code = &table->code[i];
        for (int half = 0; half < 2; half++) {
            code->type[half] = string[(0 + half) * COLUMN + i];
            code->size[half] = string[(2 + half) * COLUMN + i];
            code->mode[half] = string[(4 + half) * COLUMN + i];
        }
    }
}

static enum vcd_result check_table(const struct vcd_code_table *table, const struct vcd_cursor *in,
                                   struct vcd_where *where) {
    for (int i = 0; i < COLUMN; i++) {
        const struct vcd_code *const code = &table->code[i];
        for (int half = 0; half < 2; half++) {
            const unsigned type = code->type[half];
            const unsigned mode = code->mode[half];
            REQUIRE(type <= VCD_COPY, "a code table of NOOP, ADD, RUN and COPY");
            REQUIRE(mode < VCD_MODE_NEAR + table->near_size + table->same_size,
                    "a code table whose modes its caches have");
            REQUIRE(type == VCD_COPY || mode == 0, "a code table where only COPY has a mode");
            REQUIRE(type != VCD_NOOP || code->size[half] == 0,
                    "a code table where NOOP has no size");
        }
    }
    return VCD_OK;
}

/* Reads the cache sizes and the delta that 'in' holds into '*table'. */
static enum vcd_result read_table(const struct vcd_cursor *in, struct vcd_code_table *table,
                                  struct vcd_where *where) {
    uint8_t default_string[TABLE_STRING_SIZE];
    uint8_t string[TABLE_STRING_SIZE];
    size_t string_size = 0;
    struct vcd_header header;

    table->near_size = in->next[0];
    table->same_size = in->next[1];
    REQUIRE(VCD_MODE_NEAR + table->near_size + table->same_size <= 256,
            "cache sizes whose modes fit into a byte");
    const uint8_t *const delta = in->next + 2;
    const size_t delta_size = vcd_cursor_left(in) - 2;
    enum vcd_result result = vcd_read_header(delta, delta_size, &header, where);
    REQUIRE_OR(VCD_UNSUPPORTED, result != VCD_OK || header.code_table_size == 0,
               "a code table that is written with the default one");
    if (result == VCD_OK) {
        write_table_string(&default_table, default_string);
        result = vcd_decode(default_string, sizeof default_string, delta, delta_size, string,
                            sizeof string, &string_size, where);
    }
    if (result != VCD_OK) {
        if (where != NULL) {
            where->offset += 2;
        }
        /* Source and room are given by the RFC here: it is the table that is wrong. */
        return result == VCD_WRONG_SOURCE || result == VCD_TOO_LARGE ? VCD_MALFORMED : result;
    }
    REQUIRE(string_size == sizeof string, "a code table of 1536 bytes");
    read_table_string(string, table);
    return check_table(table, in, where);
}

enum vcd_result vcd_code_table_new(const uint8_t *delta, size_t delta_size,
                                   const struct vcd_header *header,
                                   struct vcd_code_table **table_out, struct vcd_where *where) {
    struct vcd_cursor cursor = vcd_cursor_over(delta, delta_size);
    const struct vcd_cursor *const in = &cursor;
    *table_out = NULL;
    REQUIRE(vcd_cursor_skip(&cursor, header->code_table_offset) && header->code_table_size > 2 &&
                header->code_table_size <= vcd_cursor_left(in),
            "a code table inside the delta");

    struct vcd_code_table *const table = malloc(sizeof *table);
    if (table == NULL) {
        return vcd_fail(where, VCD_NO_MEMORY, header->code_table_offset, "memory");
    }
    const struct vcd_cursor table_in =
        vcd_cursor_over(cursor.next, (size_t)header->code_table_size);
    const enum vcd_result result = read_table(&table_in, table, where);
    if (result != VCD_OK) {
        if (where != NULL) {
            where->window = 0;
            where->offset += header->code_table_offset;
        }
        free(table);
        return result;
    }
    *table_out = table;
    return VCD_OK;
}

void vcd_code_table_free(struct vcd_code_table *table) {
    free(table);
}
