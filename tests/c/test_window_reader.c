/*
 * Headers come back field by field, and every field that does not add up is refused.
 */
#include "delta_builder.h"

static enum vcd_result read_header(struct bytes *delta, struct vcd_header *header) {
    struct bytes exact = exact_copy(delta->data, delta->size);
    struct vcd_where where = {0};
    const enum vcd_result result = vcd_read_header(exact.data, exact.size, header, &where);
    CHECK(result == VCD_OK || (where.expected != NULL && where.offset <= exact.size));
    CHECK_EQUAL(result, vcd_read_header(exact.data, exact.size, header, NULL));
    free(exact.data);
    return result;
}

static void check_headers(void) {
    struct vcd_header header;
    struct bytes delta = {0};
    put_header(&delta, VCD_DECOMPRESS | VCD_CODETABLE | VCD_APPHEADER);
    put_byte(&delta, VCD_SECONDARY_LZMA);
    put_varint(&delta, 5);
    put_text(&delta, "table");
    put_varint(&delta, 3);
    put_text(&delta, "app");
    CHECK_EQUAL(VCD_OK, read_header(&delta, &header));
    CHECK_EQUAL(delta.size, header.size);
    CHECK_EQUAL(VCD_SECONDARY_LZMA, header.secondary);
    CHECK_EQUAL(7, header.code_table_offset);
    CHECK_EQUAL(5, header.code_table_size);
    CHECK_EQUAL(13, header.app_offset);
    CHECK_EQUAL(3, header.app_size);
    CHECK(header.has_app);

    /* Every cut is refused. */
    for (size_t full = delta.size; delta.size > 0;) {
        delta.size--;
        CHECK_EQUAL(VCD_MALFORMED, read_header(&delta, &header));
        CHECK(delta.size < full);
    }

    put_header(&delta, VCD_APPHEADER);
    put_varint(&delta, 0);
    CHECK_EQUAL(VCD_OK, read_header(&delta, &header));
    CHECK(header.has_app);
    CHECK_EQUAL(0, header.app_size);

    /* An application header of almost 2^64 bytes. */
    delta.size = 0;
    put_header(&delta, VCD_APPHEADER);
    put_varint(&delta, UINT64_MAX);
    CHECK_EQUAL(VCD_MALFORMED, read_header(&delta, &header));
    /* Compressor 0 would be none; a table needs more than its cache sizes. */
    delta.size = 0;
    put_header(&delta, VCD_DECOMPRESS);
    put_byte(&delta, 0);
    CHECK_EQUAL(VCD_MALFORMED, read_header(&delta, &header));
    delta.size = 0;
    put_header(&delta, VCD_CODETABLE);
    put(&delta, "\x02\x04\x03", 3);
    CHECK_EQUAL(VCD_MALFORMED, read_header(&delta, &header));
    delta.size = 0;
    put_header(&delta, 0x08);
    CHECK_EQUAL(VCD_MALFORMED, read_header(&delta, &header));
    delta.size = 0;
    put(&delta, "\xD6\xC3\xC4S\x00", 5); /* another version: open-vcdiff's SDCH */
    CHECK_EQUAL(VCD_UNSUPPORTED, read_header(&delta, &header));
    delta.size = 0;
    put_text(&delta, "PK\x03\x04 not a delta");
    CHECK_EQUAL(VCD_MALFORMED, read_header(&delta, &header));
    free(delta.data);
}

static enum vcd_result read_window(struct bytes *delta, struct vcd_window *window) {
    struct bytes exact = exact_copy(delta->data, delta->size);
    struct vcd_where where = {.window = 42};
    const enum vcd_result result = vcd_read_window(exact.data, exact.size, 0, window, &where);
    CHECK_EQUAL(42, where.window);
    CHECK(result == VCD_OK || (where.expected != NULL && where.offset <= exact.size));
    free(exact.data);
    return result;
}

/* What is refused when one field of a good window is another. */
static enum vcd_result with_indicator(unsigned indicator, unsigned delta_indicator) {
    struct window_parts parts = {
        .indicator = indicator, .delta_indicator = delta_indicator, .target_size = 1};
    struct bytes delta = {0};
    struct vcd_window window;
    put_window(&delta, &parts);
    const enum vcd_result result = read_window(&delta, &window);
    free(delta.data);
    return result;
}

static enum vcd_result with_sizes(uint64_t segment_size, uint64_t segment_position,
                                  uint64_t encoding_size, uint64_t target_size, uint64_t data_size,
                                  uint64_t instruction_size, uint64_t address_size) {
    struct bytes delta = {0};
    struct vcd_window window;
    put_byte(&delta, VCD_SOURCE);
    put_varint(&delta, segment_size);
    put_varint(&delta, segment_position);
    put_varint(&delta, encoding_size);
    put_varint(&delta, target_size);
    put_byte(&delta, 0);
    put_varint(&delta, data_size);
    put_varint(&delta, instruction_size);
    put_varint(&delta, address_size);
    put_text(&delta, "dddiia");
    const enum vcd_result result = read_window(&delta, &window);
    free(delta.data);
    return result;
}

static void check_windows(void) {
    struct window_parts parts = {.indicator = VCD_SOURCE | VCD_ADLER32,
                                 .segment_size = 1000,
                                 .segment_position = UINT64_C(5000000000),
                                 .target_size = 300,
                                 .delta_indicator = VCD_DATACOMP,
                                 .adler32 = 0x12345678};
    put_text(&parts.data, "data");
    put_text(&parts.instructions, "ii");
    put_text(&parts.addresses, "a");
    struct bytes delta = {0};
    struct vcd_window window;
    put_window(&delta, &parts);
    CHECK_EQUAL(VCD_OK, read_window(&delta, &window));
    CHECK_EQUAL(VCD_SOURCE | VCD_ADLER32, window.indicator);
    CHECK_EQUAL(VCD_DATACOMP, window.delta_indicator);
    CHECK_EQUAL(1000, window.segment_size);
    CHECK_EQUAL(UINT64_C(5000000000), window.segment_position);
    CHECK_EQUAL(300, window.target_size);
    CHECK_EQUAL(0x12345678, window.adler32);
    CHECK_EQUAL(delta.size, window.next_offset);
    CHECK(memcmp(delta.data + window.data_offset, "data", window.data_size) == 0);
    CHECK(memcmp(delta.data + window.instruction_offset, "ii", window.instruction_size) == 0);
    CHECK(memcmp(delta.data + window.address_offset, "a", window.address_size) == 0);
    while (delta.size > 0) {
        delta.size--;
        CHECK_EQUAL(VCD_MALFORMED, read_window(&delta, &window));
    }
    free_parts(&parts);

    /* The window ends inside its Adler-32; what follows in the delta is not part of it. */
    put(&delta, "\x04\x07\x00\x00\x00\x00\x00\x12\x34\x56\x78", 11);
    CHECK_EQUAL(VCD_MALFORMED, read_window(&delta, &window));
    delta.data[1] = 9;
    CHECK_EQUAL(VCD_OK, read_window(&delta, &window));
    CHECK_EQUAL(0x12345678, window.adler32);
    free(delta.data);

    CHECK_EQUAL(VCD_OK, with_indicator(0, 7));
    CHECK_EQUAL(VCD_OK, with_indicator(VCD_TARGET, 0));
    CHECK_EQUAL(VCD_MALFORMED, with_indicator(VCD_SOURCE | VCD_TARGET, 0));
    CHECK_EQUAL(VCD_MALFORMED, with_indicator(0x08, 0));
    CHECK_EQUAL(VCD_MALFORMED, with_indicator(0x80, 0));
    CHECK_EQUAL(VCD_MALFORMED, with_indicator(0, 8));

    /* 5 bytes of sizes, 6 of sections. */
    CHECK_EQUAL(VCD_OK, with_sizes(1, 2, 11, 9, 3, 2, 1));
    CHECK_EQUAL(VCD_MALFORMED, with_sizes(1, 2, 12, 9, 3, 2, 1));
    CHECK_EQUAL(VCD_MALFORMED, with_sizes(1, 2, 10, 9, 3, 2, 1));
    CHECK_EQUAL(VCD_MALFORMED, with_sizes(1, 2, 4, 9, 3, 2, 1));
    CHECK_EQUAL(VCD_MALFORMED, with_sizes(1, 2, UINT64_MAX, 9, 3, 2, 1));
    CHECK_EQUAL(VCD_MALFORMED, with_sizes(1, 2, 11, 9, 2, 2, 1));
    CHECK_EQUAL(VCD_MALFORMED, with_sizes(1, 2, 11, 9, 3, 3, 1));
    CHECK_EQUAL(VCD_MALFORMED, with_sizes(1, 2, 11, 9, 3, 2, 2));
    CHECK_EQUAL(VCD_MALFORMED, with_sizes(1, UINT64_MAX, 11, 9, 3, 2, 1));
    CHECK_EQUAL(VCD_MALFORMED, with_sizes(UINT64_MAX, 0, 11, 9, 3, 2, 1));
}

static enum vcd_result summarize(struct bytes *delta, struct vcd_summary *summary,
                                 uint64_t *window_out) {
    struct vcd_where where = {0};
    const enum vcd_result result = vcd_read_summary(delta->data, delta->size, summary, &where);
    *window_out = where.window;
    return result;
}

static void check_summary(void) {
    struct vcd_summary summary;
    uint64_t window = 0;
    struct bytes delta = {0};
    put_header(&delta, 0);
    CHECK_EQUAL(VCD_OK, summarize(&delta, &summary, &window));
    CHECK_EQUAL(0, summary.windows);
    CHECK_EQUAL(0, summary.target_size);

    struct window_parts parts = {
        .indicator = VCD_SOURCE, .segment_size = 20, .segment_position = 100, .target_size = 30};
    put_window(&delta, &parts);
    parts.segment_position = 10;
    put_window(&delta, &parts);
    parts = (struct window_parts){
        .indicator = VCD_TARGET, .segment_size = 50, .segment_position = 10, .target_size = 5};
    put_window(&delta, &parts);
    CHECK_EQUAL(VCD_OK, summarize(&delta, &summary, &window));
    CHECK_EQUAL(3, summary.windows);
    CHECK_EQUAL(65, summary.target_size);
    CHECK_EQUAL(120, summary.source_size);
    CHECK_EQUAL(1, summary.target_segments);
    CHECK_EQUAL(0, summary.packed_windows);

    /* A segment of the target that is not there yet. */
    const size_t good_size = delta.size;
    parts.segment_position = 16;
    put_window(&delta, &parts);
    CHECK_EQUAL(VCD_MALFORMED, summarize(&delta, &summary, &window));
    CHECK_EQUAL(3, window);

    /* A packed section, and no compressor. */
    delta.size = good_size;
    parts = (struct window_parts){.delta_indicator = VCD_INSTCOMP};
    put_window(&delta, &parts);
    CHECK_EQUAL(VCD_MALFORMED, summarize(&delta, &summary, &window));

    /* Target sizes that add up to 2^64. */
    delta.size = good_size;
    parts = (struct window_parts){.target_size = UINT64_MAX - 64};
    put_window(&delta, &parts);
    CHECK_EQUAL(VCD_MALFORMED, summarize(&delta, &summary, &window));
    free(delta.data);
}

int main(void) {
    check_headers();
    check_windows();
    check_summary();
    return 0;
}
