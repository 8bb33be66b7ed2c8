/*
 * fuzz_decode.c - a hostile delta touches nothing but its buffers, and both ways in agree
 *
 * vcd_decode() does all at once; beside it the windows are read and decoded one by one, every
 * section, segment and target window in memory of exactly its size. Both give the same bytes, or
 * the same reason at the same place. They start from memory of different contents: a byte of
 * the target that nobody wrote would differ.
 */
#include "fuzz_input.h"

/* Sections and target of one window, apart from everything else. */
static enum vcd_result decode_apart(const struct fuzz_input *input, const struct vcd_window *window,
                                    const struct vcd_code_table *table, uint8_t *target,
                                    size_t target_size, struct vcd_where *where) {
    const bool from_target = (window->indicator & VCD_TARGET) != 0;
    if (!from_target &&
        window->segment_position + window->segment_size > (uint64_t)input->source.size) {
        where->offset = window->offset;
        return VCD_WRONG_SOURCE;
    }
    const uint8_t *const delta = input->delta.data;
    const uint8_t *const segment_from = from_target ? target : input->source.data;
    struct bytes segment =
        exact_copy(segment_from + window->segment_position, (size_t)window->segment_size);
    struct bytes data = exact_copy(delta + window->data_offset, (size_t)window->data_size);
    struct bytes instructions =
        exact_copy(delta + window->instruction_offset, (size_t)window->instruction_size);
    struct bytes addresses =
        exact_copy(delta + window->address_offset, (size_t)window->address_size);
    uint8_t *const room = malloc(window->target_size > 0 ? (size_t)window->target_size : 1);
    memset(room, 0x55, (size_t)window->target_size);
    const struct vcd_sections sections = {data.data,         data.size,      instructions.data,
                                          instructions.size, addresses.data, addresses.size};
    const enum vcd_result result = vcd_decode_window(
        window, &sections, table, segment.size > 0 ? segment.data : NULL, room, where);
    if (result == VCD_OK) {
        memcpy(target + target_size, room, (size_t)window->target_size);
    } else {
        CHECK(where->expected != NULL);
        CHECK(where->offset <= instructions.size);
        where->offset += window->instruction_offset;
    }
    free(segment.data);
    free(data.data);
    free(instructions.data);
    free(addresses.data);
    free(room);
    return result;
}

static enum vcd_result decode_by_windows(const struct fuzz_input *input,
                                         const struct vcd_header *header, uint8_t *target,
                                         struct vcd_where *where) {
    const struct bytes delta = input->delta;
    struct vcd_code_table *table = NULL;
    size_t target_size = 0;
    enum vcd_result result = VCD_OK;
    where->window = 0;
    if (header->code_table_size > 0) {
        result = vcd_code_table_new(delta.data, delta.size, header, &table, where);
        CHECK((result == VCD_OK) == (table != NULL));
    }
    for (uint64_t offset = header->size; result == VCD_OK && offset < delta.size;) {
        struct vcd_window window;
        CHECK_EQUAL(VCD_OK, vcd_read_window(delta.data, delta.size, offset, &window, where));
        CHECK(window.next_offset > offset && window.next_offset <= delta.size);
        CHECK_EQUAL(window.next_offset, window.address_offset + window.address_size);
        result = decode_apart(input, &window, table, target, target_size, where);
        target_size += (size_t)window.target_size;
        offset = window.next_offset;
        where->window += result == VCD_OK;
    }
    vcd_code_table_free(table);
    return result;
}

static void check_target(const struct fuzz_input *input, const struct vcd_header *header,
                         const struct vcd_summary *summary) {
    const size_t size = (size_t)summary->target_size;
    const struct bytes source = input->source, delta = input->delta;
    uint8_t *const apart = malloc(size > 0 ? size : 1);
    uint8_t *const whole = malloc(size > 0 ? size : 1);
    struct vcd_where where_apart = {0}, where = {0};
    size_t size_out = 0;
    memset(whole, 0xAA, size);
    const enum vcd_result by_windows = decode_by_windows(input, header, apart, &where_apart);
    const enum vcd_result result = vcd_decode(source.data, source.size, delta.data, delta.size,
                                              whole, size, &size_out, &where);
    if (summary->packed_windows > 0) {
        CHECK_EQUAL(VCD_UNSUPPORTED, result);
    } else {
        CHECK_EQUAL(by_windows, result);
        if (result == VCD_OK) {
            CHECK_EQUAL(size, size_out);
            CHECK(memcmp(apart, whole, size) == 0);
        } else {
            CHECK_EQUAL(where_apart.window, where.window);
            CHECK_EQUAL(where_apart.offset, where.offset);
        }
        if (size > 0) {
            CHECK_EQUAL(VCD_TOO_LARGE, vcd_decode(source.data, source.size, delta.data, delta.size,
                                                  whole, size - 1, &size_out, NULL));
        }
    }
    free(apart);
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct fuzz_input input = fuzz_input_over(bytes, size);
    const struct bytes delta = input.delta;
    struct vcd_where where = {0};
    struct vcd_header header;
    struct vcd_summary summary;
    enum vcd_result result = vcd_read_header(delta.data, delta.size, &header, &where);
    if (result == VCD_OK) {
        CHECK(header.size <= delta.size);
        CHECK(header.code_table_offset + header.code_table_size <= header.size);
        CHECK(header.app_offset + header.app_size <= header.size);
        result = vcd_read_summary(delta.data, delta.size, &summary, &where);
    }
    if (result != VCD_OK) {
        uint8_t target;
        size_t target_size;
        CHECK(where.expected != NULL && where.offset <= delta.size);
        CHECK_EQUAL(result, vcd_decode(input.source.data, input.source.size, delta.data, delta.size,
                                       &target, 0, &target_size, NULL));
    } else if (summary.target_size <= FUZZ_TARGET_MAX_SIZE) {
        check_target(&input, &header, &summary);
    }
    fuzz_input_free(&input);
    return 0;
}
