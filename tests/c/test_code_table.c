/*
 * The default table is the RFC's; a custom one is read as section 7 says, or refused.
 */
#include "code_table.h"
#include "delta_builder.h"

enum { STRING_SIZE = 1536 };

/* Section 5.6 again, by its rules instead of its lines. */
static void build_default(struct vcd_code *code) {
    memset(code, 0, 256 * sizeof *code);
    int i = 0;
    code[i++].type[0] = VCD_RUN;
    for (unsigned size = 0; size <= 17; size++, i++) {
        code[i].type[0] = VCD_ADD;
        code[i].size[0] = (uint8_t)size;
    }
    for (unsigned mode = 0; mode < 9; mode++) {
        for (unsigned size = 3; size <= 18; size++, i++) {
            code[i].type[0] = VCD_COPY;
            code[i].size[0] = (uint8_t)(size == 3 ? 0 : size);
            code[i].mode[0] = (uint8_t)mode;
        }
    }
    for (unsigned mode = 0; mode < 9; mode++) {
        for (unsigned add = 1; add <= 4; add++) {
            for (unsigned copy = 4; copy <= (mode < 6 ? 6 : 4); copy++, i++) {
                code[i] = (struct vcd_code){
                    {VCD_ADD, VCD_COPY}, {(uint8_t)add, (uint8_t)copy}, {0, (uint8_t)mode}};
            }
        }
    }
    for (unsigned mode = 0; mode < 9; mode++, i++) {
        code[i] = (struct vcd_code){{VCD_COPY, VCD_ADD}, {4, 1}, {(uint8_t)mode, 0}};
    }
    CHECK_EQUAL(256, i);
}

/* A header with a custom table: the cache sizes, and 'string' as one ADD of a whole delta. */
static struct bytes header_with_table(unsigned near, unsigned same, const uint8_t *string,
                                      size_t size, unsigned inner_indicator) {
    struct window_parts parts = {.target_size = size};
    put(&parts.data, string, size);
    put_byte(&parts.instructions, 1);
    put_varint(&parts.instructions, size);
    struct bytes inner = {0};
    put_byte(&inner, near);
    put_byte(&inner, same);
    put_header(&inner, inner_indicator);
    put_window(&inner, &parts);
    free_parts(&parts);

    struct bytes delta = {0};
    put_header(&delta, VCD_CODETABLE);
    put_varint(&delta, inner.size);
    put(&delta, inner.data, inner.size);
    free(inner.data);
    return delta;
}

static enum vcd_result read_table(struct bytes delta, struct vcd_code_table **table_out) {
    struct vcd_header header;
    struct vcd_where where = {0};
    CHECK_EQUAL(VCD_OK, vcd_read_header(delta.data, delta.size, &header, &where));
    const enum vcd_result result =
        vcd_code_table_new(delta.data, delta.size, &header, table_out, &where);
    CHECK((result == VCD_OK) == (*table_out != NULL));
    CHECK(result == VCD_OK || where.expected != NULL);
    CHECK(where.offset <= delta.size);
    free(delta.data);
    return result;
}

static enum vcd_result refused(unsigned near, unsigned same, const uint8_t *string, size_t size,
                               unsigned inner_indicator) {
    struct vcd_code_table *table = NULL;
    return read_table(header_with_table(near, same, string, size, inner_indicator), &table);
}

int main(void) {
    struct vcd_code expected[256];
    build_default(expected);
    const struct vcd_code_table *const standard = vcd_default_code_table();
    CHECK(memcmp(expected, standard->code, sizeof expected) == 0);
    CHECK_EQUAL(4, standard->near_size);
    CHECK_EQUAL(3, standard->same_size);

    /* RUN everywhere, but opcode 1: ADD 7, then COPY 9 of mode 5. The columns are the RFC's. */
    uint8_t string[STRING_SIZE] = {0};
    memset(string, VCD_RUN, 256);
    string[1] = VCD_ADD;
    string[256 + 1] = VCD_COPY;
    string[512 + 1] = 7;
    string[768 + 1] = 9;
    string[1280 + 1] = 5;
    struct vcd_code_table *table = NULL;
    CHECK_EQUAL(VCD_OK, read_table(header_with_table(2, 2, string, STRING_SIZE, 0), &table));
    CHECK_EQUAL(2, table->near_size);
    CHECK_EQUAL(2, table->same_size);
    const struct vcd_code one = {{VCD_ADD, VCD_COPY}, {7, 9}, {0, 5}};
    CHECK(memcmp(&one, &table->code[1], sizeof one) == 0);
    CHECK_EQUAL(VCD_RUN, table->code[255].type[0]);
    vcd_code_table_free(table);

    /* Mode 5 is HERE or below plus NEAR 2 and SAME 1: one too many. */
    CHECK_EQUAL(VCD_MALFORMED, refused(2, 1, string, STRING_SIZE, 0));
    CHECK_EQUAL(VCD_MALFORMED, refused(200, 55, string, STRING_SIZE, 0));
    CHECK_EQUAL(VCD_MALFORMED, refused(2, 2, string, STRING_SIZE - 1, 0));

    string[3] = VCD_COPY + 1;
    CHECK_EQUAL(VCD_MALFORMED, refused(2, 2, string, STRING_SIZE, 0));
    string[3] = VCD_ADD;
    string[1024 + 3] = 1;
    CHECK_EQUAL(VCD_MALFORMED, refused(2, 2, string, STRING_SIZE, 0));
    string[1024 + 3] = 0;
    string[768 + 3] = 1;
    CHECK_EQUAL(VCD_MALFORMED, refused(2, 2, string, STRING_SIZE, 0));
    string[768 + 3] = 0;
    CHECK_EQUAL(VCD_OK, read_table(header_with_table(254, 0, string, STRING_SIZE, 0), &table));
    vcd_code_table_free(table);

    /* One more byte than 1536 has no room. */
    uint8_t longer[STRING_SIZE + 1] = {0};
    CHECK_EQUAL(VCD_MALFORMED, refused(4, 3, longer, sizeof longer, 0));

    /* A table inside the table: where would it end? */
    struct bytes nested = {0};
    put_byte(&nested, 4);
    put_byte(&nested, 3);
    put_header(&nested, VCD_CODETABLE);
    put_varint(&nested, 3);
    put(&nested, "\x04\x03\xD6", 3);
    struct bytes delta = {0};
    put_header(&delta, VCD_CODETABLE);
    put_varint(&delta, nested.size);
    put(&delta, nested.data, nested.size);
    free(nested.data);
    CHECK_EQUAL(VCD_UNSUPPORTED, read_table(delta, &table));
    return 0;
}
