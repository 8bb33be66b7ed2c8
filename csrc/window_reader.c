/*
 * window_reader.c - delta header, window headers, the three sections (RFC 3284, section 4)
 *
 * Nothing here knows about instructions. The layout is drawn in format.h.
 */
#include "window_reader.h"

#include "common.h"
#include "format.h"

enum vcd_result vcd_read_header(const uint8_t *delta, size_t delta_size,
                                struct vcd_header *header_out, struct vcd_where *where) {
    struct vcd_cursor cursor = vcd_cursor_over(delta, delta_size);
    const struct vcd_cursor *const in = &cursor;
    struct vcd_header header = {0};
    static const uint8_t magic[3] = {VCD_MAGIC_0, VCD_MAGIC_1, VCD_MAGIC_2};
    uint8_t version = 0;
    uint8_t indicator = 0;

    REQUIRE(delta_size >= sizeof magic && memcmp(delta, magic, sizeof magic) == 0,
            "a VCDIFF delta, which begins with D6 C3 C4");
    cursor.next += sizeof magic;
    REQUIRE(vcd_cursor_byte(&cursor, &version), "a version byte");
    REQUIRE_OR(VCD_UNSUPPORTED, version == VCD_VERSION, "VCDIFF version 0");
    REQUIRE(vcd_cursor_byte(&cursor, &indicator), "a header indicator");
    REQUIRE((indicator & ~(VCD_DECOMPRESS | VCD_CODETABLE | VCD_APPHEADER)) == 0,
            "a header indicator without unknown bits");
    if (indicator & VCD_DECOMPRESS) {
        REQUIRE(vcd_cursor_byte(&cursor, &header.secondary), "a secondary compressor id");
        REQUIRE(header.secondary != 0, "a secondary compressor id other than 0");
    }
    if (indicator & VCD_CODETABLE) {
        REQUIRE(vcd_cursor_varint(&cursor, &header.code_table_size), "the code table's size");
        header.code_table_offset = vcd_cursor_offset(in);
        REQUIRE(header.code_table_size > 2, "a code table of more than its two cache sizes");
        REQUIRE(vcd_cursor_skip(&cursor, header.code_table_size), "a code table inside the delta");
    }
    if (indicator & VCD_APPHEADER) {
        REQUIRE(vcd_cursor_varint(&cursor, &header.app_size), "the application header's size");
        header.app_offset = vcd_cursor_offset(in);
        header.has_app = true;
        REQUIRE(vcd_cursor_skip(&cursor, header.app_size),
                "an application header inside the delta");
    }
    header.size = vcd_cursor_offset(in);
    *header_out = header;
    return VCD_OK;
}

enum vcd_result vcd_read_window(const uint8_t *delta, size_t delta_size, uint64_t offset,
                                struct vcd_window *window_out, struct vcd_where *where) {
    struct vcd_cursor cursor = vcd_cursor_over(delta, delta_size);
    const struct vcd_cursor *const in = &cursor;
    struct vcd_window window = {.offset = offset};
    uint64_t encoding_size = 0;

    REQUIRE(offset < delta_size, "a window");
    cursor.next += offset;
    window.indicator = *cursor.next++;
    REQUIRE((window.indicator & ~(VCD_SOURCE | VCD_TARGET | VCD_ADLER32)) == 0,
            "a window indicator without unknown bits");
    REQUIRE((window.indicator & (VCD_SOURCE | VCD_TARGET)) != (VCD_SOURCE | VCD_TARGET),
            "a segment of the source or of the target, not both");
    if (window.indicator & (VCD_SOURCE | VCD_TARGET)) {
        REQUIRE(vcd_cursor_varint(&cursor, &window.segment_size), "a segment size");
        REQUIRE(vcd_cursor_varint(&cursor, &window.segment_position), "a segment position");
        REQUIRE(window.segment_size <= UINT64_MAX - window.segment_position,
                "a segment that ends within 64 bits");
    }
    REQUIRE(vcd_cursor_varint(&cursor, &encoding_size), "the size of a window's encoding");
    REQUIRE(encoding_size <= vcd_cursor_left(in), "a window that ends inside the delta");
    cursor.end = cursor.next + encoding_size;

    REQUIRE(vcd_cursor_varint(&cursor, &window.target_size), "the size of the target window");
    REQUIRE(window.target_size <= UINT64_MAX - window.segment_size,
            "a segment and target window that add up within 64 bits");
    REQUIRE(vcd_cursor_byte(&cursor, &window.delta_indicator), "a delta indicator");
    REQUIRE((window.delta_indicator & ~(VCD_DATACOMP | VCD_INSTCOMP | VCD_ADDRCOMP)) == 0,
            "a delta indicator without unknown bits");
    REQUIRE(vcd_cursor_varint(&cursor, &window.data_size), "the size of the data section");
    REQUIRE(vcd_cursor_varint(&cursor, &window.instruction_size),
            "the size of the instruction section");
    REQUIRE(vcd_cursor_varint(&cursor, &window.address_size), "the size of the address section");
    if (window.indicator & VCD_ADLER32) {
        REQUIRE(vcd_cursor_left(in) >= 4, "the Adler-32 of the target window");
        for (int i = 0; i < 4; i++) {
            window.adler32 = window.adler32 << 8 | *cursor.next++;
        }
    }

    window.data_offset = vcd_cursor_offset(in);
    REQUIRE(vcd_cursor_skip(&cursor, window.data_size), "a data section inside its window");
    window.instruction_offset = vcd_cursor_offset(in);
    REQUIRE(vcd_cursor_skip(&cursor, window.instruction_size),
            "an instruction section inside its window");
    window.address_offset = vcd_cursor_offset(in);
    REQUIRE(vcd_cursor_skip(&cursor, window.address_size), "an address section inside its window");
    REQUIRE(vcd_cursor_left(in) == 0, "sections that fill their window");
    window.next_offset = vcd_cursor_offset(in);
    *window_out = window;
    return VCD_OK;
}

enum vcd_result vcd_read_summary(const uint8_t *delta, size_t delta_size,
                                 struct vcd_summary *summary_out, struct vcd_where *where) {
    struct vcd_header header;
    enum vcd_result result = vcd_read_header(delta, delta_size, &header, where);
    if (result != VCD_OK) {
        return result;
    }
    struct vcd_cursor cursor = vcd_cursor_over(delta, delta_size);
    const struct vcd_cursor *const in = &cursor;
    struct vcd_summary summary = {0};
    cursor.next += header.size;
    while (vcd_cursor_left(in) > 0) {
        struct vcd_window window;
        if (where != NULL) {
            where->window = summary.windows;
        }
        result = vcd_read_window(delta, delta_size, vcd_cursor_offset(in), &window, where);
        if (result != VCD_OK) {
            return result;
        }
        const uint64_t segment_end = window.segment_position + window.segment_size;
        if (window.indicator & VCD_TARGET) {
            REQUIRE(segment_end <= summary.target_size, "a segment inside the target so far");
            summary.target_segments++;
        } else if (segment_end > summary.source_size) {
            summary.source_size = segment_end;
        }
        REQUIRE(window.delta_indicator == 0 || header.secondary != 0,
                "packed sections only where the header names their compressor");
        summary.packed_windows += window.delta_indicator != 0;
        REQUIRE(window.target_size <= UINT64_MAX - summary.target_size,
                "target windows that add up within 64 bits");
        summary.target_size += window.target_size;
        summary.windows++;
        cursor.next = delta + window.next_offset;
    }
    *summary_out = summary;
    return VCD_OK;
}

struct vcd_sections vcd_plain_sections(const uint8_t *delta, const struct vcd_window *window) {
    return (struct vcd_sections){
        .data = delta + window->data_offset,
        .data_size = (size_t)window->data_size,
        .instructions = delta + window->instruction_offset,
        .instructions_size = (size_t)window->instruction_size,
        .addresses = delta + window->address_offset,
        .addresses_size = (size_t)window->address_size,
    };
}
