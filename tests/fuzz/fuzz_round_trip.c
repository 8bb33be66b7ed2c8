/*
 * fuzz_round_trip.c - whatever is encoded comes back, by our decoder and by xdelta3
 *
 * Source and target are written by a recipe, so that few bytes make much that resembles:
 *
 *   window size:2  level:1  step*       step: kind:1  size:2  operand
 *
 *   kind & 3    0 literal: the bytes      1 run: a byte       2 noise: a seed
 *               3 copy: a position:2, in the source so far, or with kind & 8 in the target so far
 *   kind & 4    to the target, else to the source
 *
 * Held to: every window decodes; no COPY runs from the segment on into the target; a window is
 * hardly larger than its bytes; an encoder that has an index from the start and is given the
 * windows in the other order writes the same. Source and target stand in memory of exactly
 * their size.
 */
#include "engine.h"
#include "fuzz_input.h"
#include "instruction_reader.h"

enum { SIDE_MAX_SIZE = 1 << 16, WINDOWS_MAX = 32 };

/* ---- The recipe ------------------------------------------------------------------------- */

struct side {
    uint8_t bytes[SIDE_MAX_SIZE];
    size_t size;
};

static void make_noise(uint8_t *to, size_t size, unsigned seed) {
    uint64_t state = seed;
    for (size_t i = 0; i < size; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        to[i] = (uint8_t)(state >> 56);
    }
}

static void follow_step(struct vcd_cursor *in, struct side *source, struct side *target) {
    const unsigned kind = take_byte(in);
    struct side *const side = kind & 4 ? target : source;
    uint8_t *const to = side->bytes + side->size;
    size_t size = vcd_min(take_16(in), SIDE_MAX_SIZE - side->size);
    switch (kind & 3) {
    case 0:
        size = vcd_min(size, vcd_cursor_left(in));
        memcpy(to, in->next, size);
        in->next += size;
        break;
    case 1:
        memset(to, (int)take_byte(in), size);
        break;
    case 2:
        make_noise(to, size, take_byte(in));
        break;
    default: {
        const struct side *const from = kind & 8 ? target : source;
        const size_t position = vcd_min(take_16(in), from->size);
        size = vcd_min(size, from->size - position);
        memcpy(to, from->bytes + position, size);
    }
    }
    side->size += size;
}

/* ---- What is held ----------------------------------------------------------------------- */

static void check_instructions(const struct vcd_window *window,
                               const struct vcd_sections *sections) {
    uint64_t near[VCD_NEAR_SIZE], same[VCD_SAME_SIZE * 256];
    struct vcd_where where = {0};
    struct vcd_instruction_reader reader =
        vcd_instruction_reader_over(window, sections, near, VCD_NEAR_SIZE, same, VCD_SAME_SIZE);
    while (vcd_instructions_left(&reader)) {
        struct vcd_instruction instruction = {0};
        CHECK_EQUAL(VCD_OK, vcd_read_instruction(&reader, vcd_default_code_table(), VCD_NEAR_SIZE,
                                                 VCD_SAME_SIZE, &instruction, &where));
        CHECK(instruction.size > 0);
        if (instruction.type == VCD_COPY && instruction.address < window->segment_size) {
            CHECK(instruction.size <= window->segment_size - instruction.address);
        }
    }
    CHECK_EQUAL(VCD_OK, vcd_finish_instructions(&reader, &where));
}

static void check_window(const struct bytes *source, size_t size, const struct vcd_window *window,
                         const struct vcd_sections *sections) {
    CHECK_EQUAL(size, window->target_size);
    CHECK_EQUAL(sections->data_size, window->data_size);
    CHECK_EQUAL(sections->instructions_size, window->instruction_size);
    CHECK_EQUAL(sections->addresses_size, window->address_size);
    CHECK(window->segment_size <= source->size &&
          window->segment_position <= source->size - window->segment_size);
    /* Adding all of it would take an opcode and the size more. */
    CHECK(window->data_size + window->instruction_size + window->address_size <=
          size + 1 + vcd_varint_size(size));
    check_instructions(window, sections);
}

static void put_encoded(struct bytes *delta, const struct vcd_window *window,
                        const struct vcd_sections *sections) {
    uint8_t header[VCD_WINDOW_HEADER_MAX_SIZE];
    put(delta, header, vcd_write_window_header(window, header));
    put(delta, sections->data, sections->data_size);
    put(delta, sections->instructions, sections->instructions_size);
    put(delta, sections->addresses, sections->addresses_size);
}

/* Encodes the windows first to last, looking into 'index' only when asked to. */
static struct bytes encode(const struct bytes *source, const struct bytes *target,
                           const struct vcd_index *index, int level, size_t window_size,
                           struct bytes *windows) {
    struct vcd_encoder *const encoder = vcd_encoder_new(source->data, source->size, level);
    struct bytes delta = {0};
    CHECK(encoder != NULL);
    put_header(&delta, 0);
    for (size_t at = 0, i = 0; at < target->size; at += window_size, i++) {
        const size_t size = vcd_min(window_size, target->size - at);
        struct vcd_window window;
        struct vcd_sections sections;
        enum vcd_result result = vcd_encode_window(encoder, NULL, target->data, target->size, at,
                                                   size, &window, &sections);
        if (result == VCD_NEEDS_INDEX) {
            result = vcd_encode_window(encoder, index, target->data, target->size, at, size,
                                       &window, &sections);
        }
        CHECK_EQUAL(VCD_OK, result);
        check_window(source, size, &window, &sections);
        put_encoded(&windows[i], &window, &sections);
        put(&delta, windows[i].data, windows[i].size);
    }
    vcd_encoder_free(encoder);
    return delta;
}

/* Encodes them last to first, with the index. */
static void check_other_order(const struct bytes *source, const struct bytes *target,
                              const struct vcd_index *index, int level, size_t window_size,
                              const struct bytes *windows) {
    struct vcd_encoder *const encoder = vcd_encoder_new(source->data, source->size, level);
    CHECK(encoder != NULL);
    for (size_t i = (target->size + window_size - 1) / window_size; i-- > 0;) {
        const size_t at = i * window_size;
        struct vcd_window window;
        struct vcd_sections sections;
        struct bytes again = {0};
        CHECK_EQUAL(VCD_OK,
                    vcd_encode_window(encoder, index, target->data, target->size, at,
                                      vcd_min(window_size, target->size - at), &window, &sections));
        put_encoded(&again, &window, &sections);
        CHECK_EQUAL(windows[i].size, again.size);
        CHECK(memcmp(windows[i].data, again.data, again.size) == 0);
        free(again.data);
    }
    vcd_encoder_free(encoder);
}

static void check_decoders(const struct bytes *source, const struct bytes *target,
                           const struct bytes *encoded) {
    struct bytes delta = exact_copy(encoded->data, encoded->size);
    uint8_t *const room = malloc(target->size > 0 ? target->size : 1);
    size_t size = 0;
    CHECK_EQUAL(VCD_OK, vcd_decode(source->data, source->size, delta.data, delta.size, room,
                                   target->size, &size, NULL));
    CHECK_EQUAL(target->size, size);
    CHECK(memcmp(target->data, room, size) == 0);

    struct xd3_engine *const engine =
        xd3_engine_decoder_new(source->data, source->size, delta.data, delta.size, target->size);
    const uint8_t *piece = NULL;
    size_t at = 0;
    CHECK(engine != NULL);
    do {
        CHECK_EQUAL(XD3_ENGINE_OK, xd3_engine_next(engine, &piece, &size));
        CHECK(size <= target->size - at);
        CHECK(size == 0 || memcmp(target->data + at, piece, size) == 0);
        at += size;
    } while (size > 0);
    CHECK_EQUAL(target->size, at);
    xd3_engine_free(engine);
    free(room);
    free(delta.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct side source_side, target_side;
    struct vcd_cursor in = vcd_cursor_over(bytes, size);
    const size_t asked = 1 + take_16(&in);
    const int level = 1 + (int)take_byte(&in) % 9;
    source_side.size = target_side.size = 0;
    while (vcd_cursor_left(&in) > 0) {
        follow_step(&in, &source_side, &target_side);
    }
    struct bytes source = exact_copy(source_side.bytes, source_side.size);
    struct bytes target = exact_copy(target_side.bytes, target_side.size);
    const size_t fewest = target.size / WINDOWS_MAX + 1;
    const size_t window_size = asked > fewest ? asked : fewest;

    struct bytes windows[WINDOWS_MAX] = {{0}};
    struct vcd_index *const index = vcd_index_new(source.data, source.size, level);
    CHECK(index != NULL);
    while (vcd_index_fill(index, window_size) > 0) {
    }
    struct bytes delta = encode(&source, &target, index, level, window_size, windows);
    check_other_order(&source, &target, index, level, window_size, windows);
    check_decoders(&source, &target, &delta);

    vcd_index_free(index);
    for (size_t i = 0; i < WINDOWS_MAX; i++) {
        free(windows[i].data);
    }
    free(delta.data);
    free(source.data);
    free(target.data);
    return 0;
}
