/*
 * Instructions are counted by what they make and where it comes from.
 */
#include "delta_builder.h"

int main(void) {
    struct window_parts parts = {0};
    put_text(&parts.data, "wxyzz");
    put(&parts.instructions, "\x14\x05\x14\x1C\x00\x04",
        6);                                   /* COPY 4, ADD 4, COPY 4, COPY 12, RUN */
    put(&parts.addresses, "\x00\x0E\x18", 3); /* 0; 14, which runs on into the target; 24 */
    struct vcd_window window = {.segment_size = 16, .target_size = 28};
    const struct vcd_sections sections = {parts.data.data,         parts.data.size,
                                          parts.instructions.data, parts.instructions.size,
                                          parts.addresses.data,    parts.addresses.size};
    struct vcd_counts counts;
    struct vcd_where where = {0};
    CHECK_EQUAL(VCD_OK, vcd_inspect_window(&window, &sections, NULL, &counts, &where));
    CHECK_EQUAL(1, counts.adds);
    CHECK_EQUAL(4, counts.add_bytes);
    CHECK_EQUAL(1, counts.runs);
    CHECK_EQUAL(4, counts.run_bytes);
    CHECK_EQUAL(2, counts.source_copies);
    CHECK_EQUAL(8, counts.source_copy_bytes);
    CHECK_EQUAL(1, counts.target_copies);
    CHECK_EQUAL(12, counts.target_copy_bytes);

    window.target_size = 29;
    CHECK_EQUAL(VCD_MALFORMED, vcd_inspect_window(&window, &sections, NULL, &counts, &where));
    free_parts(&parts);
    return 0;
}
