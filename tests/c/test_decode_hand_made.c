/*
 * Deltas written by hand decode to what the RFC says, and one wrong byte in them is refused.
 */
#include "delta_builder.h"

static const char source[] = "abcdefghijklmnop"; /* section 3's example, and its target: */
static const char target[] = "abcdwxyzefghefghefghefghzzzz";

/* COPY 4, 0 - ADD 4 - COPY 4, 4 - COPY 12, 24 - RUN 4 */
static struct window_parts rfc_example(void) {
    struct window_parts parts = {.indicator = VCD_SOURCE, .segment_size = 16, .target_size = 28};
    put_text(&parts.data, "wxyzz");
    put_byte(&parts.instructions, 20); /* COPY 4, mode SELF */
    put_byte(&parts.addresses, 0);
    put_byte(&parts.instructions, 5); /* ADD 4 */
    put_byte(&parts.instructions, 20);
    put_byte(&parts.addresses, 4);
    put_byte(&parts.instructions, 28); /* COPY 12: four bytes, three times over */
    put_byte(&parts.addresses, 24);
    put_byte(&parts.instructions, 0); /* RUN */
    put_byte(&parts.instructions, 4);
    return parts;
}

static enum vcd_result decode_parts(struct window_parts *parts, struct vcd_where *where) {
    struct bytes delta = {0};
    put_header(&delta, 0);
    put_window(&delta, parts);
    free_parts(parts);
    return decode_and_check(source, &delta, target, strlen(target), where);
}

static void check_rfc_example(void) {
    struct vcd_where where;
    struct window_parts parts = rfc_example();
    CHECK_EQUAL(VCD_OK, decode_parts(&parts, &where));

    parts = rfc_example();
    parts.indicator |= VCD_ADLER32;
    parts.adler32 = vcd_adler32(1, (const uint8_t *)target, strlen(target));
    CHECK_EQUAL(VCD_OK, decode_parts(&parts, &where));
    parts = rfc_example();
    parts.indicator |= VCD_ADLER32;
    parts.adler32 = 1;
    CHECK_EQUAL(VCD_WRONG_SOURCE, decode_parts(&parts, &where));
}

static void check_one_wrong_field(void) {
    struct vcd_where where;
    struct window_parts parts = rfc_example();
    parts.addresses.data[2] = 28; /* here is 16 + 12 = 28 */
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
    CHECK_EQUAL(0, where.window);

    parts = rfc_example();
    put_byte(&parts.data, 'x');
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
    parts = rfc_example();
    put_byte(&parts.addresses, 0);
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
    parts = rfc_example();
    put_byte(&parts.instructions, 2); /* ADD 1 */
    put_byte(&parts.data, 'x');
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
    parts = rfc_example();
    parts.data.size--; /* nothing to RUN */
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
    parts = rfc_example();
    parts.addresses.size--;
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
    parts = rfc_example();
    parts.instructions.size--; /* RUN without a size */
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
    parts = rfc_example();
    parts.instructions.size -= 2; /* 24 bytes of 28 */
    parts.data.size--;
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
    parts = rfc_example();
    parts.instructions.size--; /* RUN of 2^64 - 1 */
    put_varint(&parts.instructions, UINT64_MAX);
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
    parts = rfc_example();
    parts.target_size = 27; /* one less than the instructions make */
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
    parts = rfc_example();
    parts.target_size = 29;
    CHECK_EQUAL(VCD_TOO_LARGE, decode_parts(&parts, &where));
    parts = rfc_example();
    parts.segment_position = 1; /* the segment ends one byte past the source */
    CHECK_EQUAL(VCD_WRONG_SOURCE, decode_parts(&parts, &where));
    parts = rfc_example();
    parts.delta_indicator = VCD_ADDRCOMP;
    CHECK_EQUAL(VCD_MALFORMED, decode_parts(&parts, &where));
}

/* "abc" from the segment's end runs on into the target: op abc op abc ... */
static void check_copy_across_the_border(void) {
    struct window_parts parts = {.indicator = VCD_SOURCE, .segment_size = 16, .target_size = 43};
    put_text(&parts.data, "abc");
    put_byte(&parts.instructions, 4); /* ADD 3 */
    put_byte(&parts.instructions, 19);
    put_varint(&parts.instructions, 40);
    put_byte(&parts.addresses, 14); /* "op", then "abcop..." from the target */
    struct bytes delta = {0};
    put_header(&delta, 0);
    put_window(&delta, &parts);
    free_parts(&parts);
    struct vcd_where where;
    static const char expected[] = "abcopabcopabcopabcopabcopabcopabcopabcopabc";
    CHECK_EQUAL(VCD_OK, decode_and_check(source, &delta, expected, 43, &where));
}

/* The second window copies from the first. */
static void check_target_segment(void) {
    struct bytes delta = {0};
    put_header(&delta, 0);
    struct window_parts parts = rfc_example();
    put_window(&delta, &parts);
    free_parts(&parts);
    parts = (struct window_parts){
        .indicator = VCD_TARGET, .segment_size = 8, .segment_position = 4, .target_size = 8};
    put_byte(&parts.instructions, 24); /* COPY 8 */
    put_byte(&parts.addresses, 0);
    put_window(&delta, &parts);
    free_parts(&parts);
    struct vcd_where where;
    static const char expected[] = "abcdwxyzefghefghefghefghzzzzwxyzefgh";
    CHECK_EQUAL(VCD_OK, decode_and_check(source, &delta, expected, 36, &where));

    /* A fault in the second window is reported there. */
    put_header(&delta, 0);
    parts = rfc_example();
    put_window(&delta, &parts);
    free_parts(&parts);
    const size_t second = delta.size;
    parts = (struct window_parts){.target_size = 8};
    put_byte(&parts.instructions, 24);
    put_byte(&parts.addresses, 0);
    put_window(&delta, &parts);
    free_parts(&parts);
    CHECK_EQUAL(VCD_MALFORMED, decode_and_check(source, &delta, expected, 36, &where));
    CHECK_EQUAL(1, where.window);
    CHECK_EQUAL(second + 8, where.offset); /* behind its only opcode */
}

/* A custom table whose only opcode is ADD 4 then COPY 4 of mode 2, with one NEAR and no SAME. */
static void check_custom_table(void) {
    uint8_t string[1536] = {0};
    string[0] = VCD_ADD;
    string[256] = VCD_COPY;
    string[512] = 4;
    string[768] = 4;
    string[1280] = 2;
    struct window_parts parts = {.target_size = sizeof string};
    put(&parts.data, string, sizeof string);
    put_byte(&parts.instructions, 1);
    put_varint(&parts.instructions, sizeof string);
    struct bytes table = {0};
    put_byte(&table, 1);
    put_byte(&table, 0);
    put_header(&table, 0);
    put_window(&table, &parts);
    free_parts(&parts);

    struct bytes delta = {0};
    put_header(&delta, VCD_CODETABLE);
    put_varint(&delta, table.size);
    put(&delta, table.data, table.size);
    free(table.data);
    parts = (struct window_parts){.indicator = VCD_SOURCE, .segment_size = 16, .target_size = 16};
    put_byte(&parts.instructions, 0);
    put_byte(&parts.addresses, 3); /* NEAR was 0: address 3 */
    put_byte(&parts.instructions, 0);
    put_byte(&parts.addresses, 2); /* 5 */
    put_text(&parts.data, "12345678");
    put_window(&delta, &parts);
    free_parts(&parts);
    struct vcd_where where;
    CHECK_EQUAL(VCD_OK, decode_and_check(source, &delta, "1234defg5678fghi", 16, &where));
}

int main(void) {
    check_rfc_example();
    check_one_wrong_field();
    check_copy_across_the_border();
    check_target_segment();
    check_custom_table();

    /* No windows: an empty target. */
    struct vcd_where where;
    struct bytes delta = {0};
    put_header(&delta, 0);
    CHECK_EQUAL(VCD_OK, decode_and_check(source, &delta, "", 0, &where));
    return 0;
}
