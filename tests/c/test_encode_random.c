/*
 * What is encoded comes back, whatever source and target look like, and nothing outside them is
 * read: they stand in memory of exactly their size, so a sanitizer sees a step outside.
 *
 * It tells one story. A gap at the start of a window has no copy before it, and "no place" is the
 * largest number there is. Adding the size of a match to it gave a small one, which passed for a
 * place in the source: bytes in front of the source were read, and on a mapped file that was the
 * end of the process.
 *
 *   test_encode_random [seed [pairs]]
 */
#include "delta_builder.h"

static uint64_t state;

/* 0 .. below - 1 */
static size_t pick(size_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(state >> 33) % below;
}

/* A stretch of noise, of words, or of one byte. */
static void put_stretch(struct bytes *bytes) {
    const size_t size = pick(4) == 0 ? pick(6000) : pick(80);
    const size_t kind = pick(3);
    const unsigned base = (unsigned)pick(256);
    for (size_t i = 0; i < size; i++) {
        put_byte(bytes, kind == 0   ? (unsigned)pick(256)
                        : kind == 1 ? 'a' + (unsigned)pick(3)
                                    : base);
    }
}

/* Copies stretches of the source, in order or not, with something of its own between them. */
static void put_resembling(struct bytes *target, const struct bytes *source) {
    size_t at = 0;
    for (size_t left = pick(30); left > 0; left--) {
        if (pick(3) == 0) {
            put_stretch(target);
        }
        at = pick(4) == 0 ? pick(source->size + 1) : at + pick(40);
        const size_t often = pick(2) == 0 ? 200 : 20000;
        for (size_t size = pick(pick(4) == 0 ? 40000 : 2000); size > 0 && at < source->size;
             size--) {
            put_byte(target, pick(often) == 0 ? (unsigned)pick(256) : source->data[at]);
            at++;
        }
    }
}

static void check_pair(void) {
    struct bytes source = {0}, target = {0};
    for (size_t left = pick(pick(4) == 0 ? 200 : 40); left > 0; left--) {
        put_stretch(&source);
    }
    put_resembling(&target, &source);
    struct bytes exact_source = exact_copy(source.data, source.size);
    struct bytes exact_target = exact_copy(target.data, target.size);
    uint8_t *const room = malloc(target.size > 0 ? target.size : 1);

    const int level = 1 + (int)pick(9);
    struct vcd_encoder *const encoder =
        vcd_encoder_new(exact_source.data, exact_source.size, level);
    struct vcd_index *const index = vcd_index_new(exact_source.data, exact_source.size, level);
    CHECK(encoder != NULL && index != NULL);
    /* Windows of a few changes, which are looked at more closely, are large ones. */
    const size_t most = pick(2) == 0 ? 1 + pick(8000) : VCD_WINDOW_MAX_SIZE;
    while (vcd_index_fill(index, most) > 0) {
    }
    for (size_t at = 0; at < target.size;) {
        const size_t size = most < target.size - at ? most : target.size - at;
        struct vcd_window window;
        struct vcd_sections sections;
        enum vcd_result result = vcd_encode_window(encoder, NULL, exact_target.data, target.size,
                                                   at, size, &window, &sections);
        if (result == VCD_NEEDS_INDEX) {
            result = vcd_encode_window(encoder, index, exact_target.data, target.size, at, size,
                                       &window, &sections);
        }
        CHECK_EQUAL(VCD_OK, result);
        CHECK_EQUAL(size, window.target_size);
        CHECK(window.segment_position + window.segment_size <= source.size);
        struct vcd_where where = {0};
        CHECK_EQUAL(VCD_OK, vcd_decode_window(&window, &sections, NULL,
                                              window.segment_size > 0
                                                  ? exact_source.data + window.segment_position
                                                  : NULL,
                                              room + at, &where));
        at += size;
    }
    CHECK(target.size == 0 || memcmp(target.data, room, target.size) == 0);

    vcd_index_free(index);
    vcd_encoder_free(encoder);
    free(room);
    free(exact_source.data);
    free(exact_target.data);
    free(source.data);
    free(target.data);
}

int main(int argc, char **argv) {
    state = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261121;
    const int pairs = argc > 2 ? atoi(argv[2]) : 100;
    printf("seed %llu\n", (unsigned long long)state);
    fflush(stdout);
    for (int i = 0; i < pairs; i++) {
        check_pair();
    }
    return 0;
}
