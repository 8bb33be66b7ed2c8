/*
 * fuzz_inspect.c - counting instructions and decoding them agree, and sizes of any height are safe
 *
 * No target is made, so windows may claim up to 2^64 bytes. Where they claim little, the decoder
 * reads the same window and must come to the same answer at the same place.
 */
#include "fuzz_input.h"
#include "window_reader.h"

enum { DECODED_MAX_SIZE = 1 << 16 };

static void check_against_decoder(const struct vcd_window *window,
                                  const struct vcd_sections *sections,
                                  const struct vcd_code_table *table, enum vcd_result inspected,
                                  const struct vcd_where *inspected_where) {
    struct vcd_where where = {0};
    uint8_t *const segment = calloc(1, window->segment_size > 0 ? (size_t)window->segment_size : 1);
    uint8_t *const target = malloc(window->target_size > 0 ? (size_t)window->target_size : 1);
    const enum vcd_result result = vcd_decode_window(
        window, sections, table, window->segment_size > 0 ? segment : NULL, target, &where);
    if (inspected == VCD_OK) { /* the Adler-32 is not the segment of zeros' */
        CHECK(result == VCD_OK || (result == VCD_WRONG_SOURCE && window->indicator & VCD_ADLER32));
    } else {
        CHECK_EQUAL(inspected, result);
        CHECK_EQUAL(inspected_where->offset, where.offset);
        CHECK(strcmp(inspected_where->expected, where.expected) == 0);
    }
    free(segment);
    free(target);
}

static void check_window(const struct bytes *delta, const struct vcd_window *window,
                         const struct vcd_code_table *table) {
    const struct vcd_sections sections = vcd_plain_sections(delta->data, window);
    struct vcd_where where = {0};
    struct vcd_counts counts = {0};
    const enum vcd_result result = vcd_inspect_window(window, &sections, table, &counts, &where);
    if (result == VCD_OK) {
        CHECK_EQUAL(window->target_size, counts.add_bytes + counts.run_bytes +
                                             counts.source_copy_bytes + counts.target_copy_bytes);
        CHECK_EQUAL(window->data_size, counts.add_bytes + counts.runs);
        CHECK(counts.source_copies == 0 || window->segment_size > 0);
    } else {
        CHECK(result == VCD_MALFORMED && where.expected != NULL);
        CHECK(where.offset <= window->instruction_size);
    }
    if (window->target_size <= DECODED_MAX_SIZE && window->segment_size <= DECODED_MAX_SIZE) {
        check_against_decoder(window, &sections, table, result, &where);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct fuzz_input input = fuzz_input_over(bytes, size);
    const struct bytes *const delta = &input.delta;
    struct vcd_header header;
    struct vcd_code_table *table = NULL;
    enum vcd_result result = vcd_read_header(delta->data, delta->size, &header, NULL);
    if (result == VCD_OK && header.code_table_size > 0) {
        result = vcd_code_table_new(delta->data, delta->size, &header, &table, NULL);
    }
    struct vcd_summary summed = {0};
    for (uint64_t offset = header.size; result == VCD_OK && offset < delta->size;) {
        struct vcd_window window;
        result = vcd_read_window(delta->data, delta->size, offset, &window, NULL);
        if (result == VCD_OK) {
            check_window(delta, &window, table);
            summed.windows++;
            summed.target_size += window.target_size;
            offset = window.next_offset;
        }
    }
    struct vcd_summary summary;
    if (result == VCD_OK && vcd_read_summary(delta->data, delta->size, &summary, NULL) == VCD_OK) {
        CHECK_EQUAL(summed.windows, summary.windows);
        CHECK_EQUAL(summed.target_size, summary.target_size);
    }
    vcd_code_table_free(table);
    fuzz_input_free(&input);
    return 0;
}
