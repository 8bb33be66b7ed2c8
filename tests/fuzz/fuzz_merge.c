/*
 * fuzz_merge.c - two deltas merged give what both give one after the other
 *
 *   kind:1  source size:2  source  size of the first:2  first  second
 *
 * Both are written as fuzz_input.h says, the first of the kind, the second of kind / 4; kind / 16
 * bounds the windows of the merged one. Held to: the merger reads what the decoder reads, and
 * refuses what the decoder refuses but for an Adler-32, which it cannot know; the merged delta
 * gives the bytes of the second, by our decoder and by xdelta3; whatever sizes deltas claim, no
 * step outside.
 */
#include "engine.h"
#include "fuzz_input.h"
#include "window_reader.h"

enum { DECODED_MAX_SIZE = 1 << 18 };

struct delta {
    struct bytes bytes;
    struct vcd_header header;
    struct vcd_summary summary;
    struct vcd_code_table *table;
    struct bytes target;
};

/* Reads the headers. Returns whether the merger can be given its windows. */
static bool read_delta(struct delta *delta) {
    const struct bytes bytes = delta->bytes;
    return vcd_read_summary(bytes.data, bytes.size, &delta->summary, NULL) == VCD_OK &&
           vcd_read_header(bytes.data, bytes.size, &delta->header, NULL) == VCD_OK &&
           delta->summary.packed_windows == 0 &&
           (delta->header.code_table_size == 0 ||
            vcd_code_table_new(bytes.data, bytes.size, &delta->header, &delta->table, NULL) ==
                VCD_OK);
}

static enum vcd_result decode(struct delta *delta, const struct bytes *source) {
    size_t size = 0;
    delta->target.size = (size_t)delta->summary.target_size;
    delta->target.data = malloc(delta->target.size > 0 ? delta->target.size : 1);
    return vcd_decode(source->data, source->size, delta->bytes.data, delta->bytes.size,
                      delta->target.data, delta->target.size, &size, NULL);
}

static void free_delta(struct delta *delta) {
    free(delta->bytes.data);
    free(delta->target.data);
    vcd_code_table_free(delta->table);
}

typedef enum vcd_result read_window(struct vcd_merger *, const struct vcd_window *,
                                    const struct vcd_sections *, const struct vcd_code_table *,
                                    struct vcd_where *);

static enum vcd_result give(struct vcd_merger *merger, read_window *read,
                            const struct delta *delta) {
    enum vcd_result result = VCD_OK;
    for (uint64_t offset = delta->header.size; result == VCD_OK && offset < delta->bytes.size;) {
        struct vcd_window window;
        struct vcd_where where = {0};
        CHECK_EQUAL(VCD_OK,
                    vcd_read_window(delta->bytes.data, delta->bytes.size, offset, &window, &where));
        const struct vcd_sections sections = vcd_plain_sections(delta->bytes.data, &window);
        result = read(merger, &window, &sections, delta->table, &where);
        CHECK(result == VCD_OK || where.expected != NULL);
        CHECK(result == VCD_OK || where.offset <= window.instruction_size);
        offset = window.next_offset;
    }
    return result;
}

/* Returns the merged delta, up to 'most' bytes of target; none if it is VCD_UNSUPPORTED. */
static struct bytes merge(struct vcd_merger *merger, uint64_t target_size, size_t window_size,
                          uint64_t most) {
    struct bytes merged = {0};
    put_header(&merged, 0);
    for (uint64_t at = 0; at < target_size && at < most;) {
        struct vcd_window window;
        struct vcd_sections sections;
        struct vcd_where where = {0};
        uint8_t header[VCD_WINDOW_HEADER_MAX_SIZE];
        const size_t size =
            target_size - at < window_size ? (size_t)(target_size - at) : window_size;
        const enum vcd_result result =
            vcd_merge_window(merger, at, size, &window, &sections, &where);
        if (result != VCD_OK) {
            CHECK_EQUAL(VCD_UNSUPPORTED, result);
            CHECK(where.expected != NULL);
            free(merged.data);
            return (struct bytes){0};
        }
        CHECK(window.target_size > 0 && window.target_size <= size);
        put(&merged, header, vcd_write_window_header(&window, header));
        put(&merged, sections.data, sections.data_size);
        put(&merged, sections.instructions, sections.instructions_size);
        put(&merged, sections.addresses, sections.addresses_size);
        at += window.target_size;
    }
    return merged;
}

static void check_merged(const struct bytes *source, const struct bytes *target,
                         const struct bytes *merged) {
    struct bytes delta = exact_copy(merged->data, merged->size);
    uint8_t *const room = malloc(target->size > 0 ? target->size : 1);
    size_t size = 0;
    CHECK_EQUAL(VCD_OK, vcd_decode(source->data, source->size, delta.data, delta.size, room,
                                   target->size, &size, NULL));
    CHECK_EQUAL(target->size, size);
    CHECK(memcmp(target->data, room, size) == 0);

    struct xd3_engine *const engine =
        xd3_engine_decoder_new(source->data, source->size, delta.data, delta.size, target->size);
    const uint8_t *piece = NULL;
    CHECK(engine != NULL);
    for (size_t at = 0; at < target->size; at += size) {
        CHECK_EQUAL(XD3_ENGINE_OK, xd3_engine_next(engine, &piece, &size));
        CHECK(size > 0 && size <= target->size - at);
        CHECK(memcmp(target->data + at, piece, size) == 0);
    }
    CHECK_EQUAL(XD3_ENGINE_OK, xd3_engine_next(engine, &piece, &size));
    CHECK_EQUAL(0, size);
    xd3_engine_free(engine);
    free(room);
    free(delta.data);
}

/* Whether the merger may have read on where the decoder gave 'decoded'. */
static bool agree(enum vcd_result decoded, enum vcd_result merger) {
    return decoded == merger || decoded == VCD_WRONG_SOURCE;
}

static void check_pair(const struct bytes *source, struct delta *first, struct delta *second,
                       size_t window_size) {
    const bool small = first->summary.target_size <= DECODED_MAX_SIZE &&
                       second->summary.target_size <= DECODED_MAX_SIZE;
    enum vcd_result decoded = small ? decode(first, source) : VCD_WRONG_SOURCE;
    struct vcd_merger *const merger = vcd_merger_new();
    CHECK(merger != NULL);
    enum vcd_result read = give(merger, vcd_merger_read_first, first);
    CHECK(!small || agree(decoded, read));
    if (read == VCD_OK) {
        const bool first_decodes = decoded == VCD_OK;
        decoded = first_decodes ? decode(second, &first->target) : VCD_WRONG_SOURCE;
        read = give(merger, vcd_merger_read_second, second);
        CHECK(!first_decodes || agree(decoded, read));
    }
    if (read == VCD_OK) {
        CHECK(second->summary.source_size <= first->summary.target_size);
        struct bytes merged =
            merge(merger, second->summary.target_size, window_size, DECODED_MAX_SIZE);
        if (decoded == VCD_OK && merged.size > 0) {
            check_merged(source, &second->target, &merged);
        }
        free(merged.data);
    }
    vcd_merger_free(merger);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct vcd_cursor in = vcd_cursor_over(bytes, size);
    const unsigned kind = take_byte(&in);
    const size_t source_size = vcd_min(take_16(&in), vcd_cursor_left(&in));
    struct bytes source = exact_copy(in.next, source_size);
    in.next += source_size;
    const size_t first_size = vcd_min(take_16(&in), vcd_cursor_left(&in));
    struct vcd_cursor first_in = vcd_cursor_over(in.next, first_size);
    in.next += first_size;

    struct delta first = {.bytes = fuzz_delta(&first_in, kind, source_size)};
    struct delta second = {0};
    if (read_delta(&first)) {
        const size_t first_target =
            first.summary.target_size < SIZE_MAX ? (size_t)first.summary.target_size : SIZE_MAX;
        second.bytes = fuzz_delta(&in, kind >> 2, first_target);
        if (read_delta(&second)) {
            check_pair(&source, &first, &second, (size_t)1 << ((kind >> 4) + 3));
        }
    }
    free_delta(&first);
    free_delta(&second);
    free(source.data);
    return 0;
}
