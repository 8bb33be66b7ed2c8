/*
 * fuzz_pack.c - packing touches nothing but its buffers, and its chunks hold what they say
 *
 *   byte 0       how often the rest is repeated
 *   byte 1       which byte of it changes from time to time
 *   the rest     the section
 *
 * Whether liblzma reads the chunks is for tests/codec/test_lzma_encoder.py; here their sizes have
 * to add up, and an encoder that was used before has to make the same of them.
 */
#include "../c/check.h"
#include "lzma_encoder.h"

enum { DICTIONARY_RESET = 0xE0, PLAIN_FIRST = 1, PLAIN = 2, MOST_GROWTH = 8 };

static void check_chunks(const uint8_t *chunks, size_t size, size_t plain_size) {
    size_t at = 0, plain = 0;
    while (at < size) {
        const unsigned control = chunks[at];
        const bool is_plain = control == PLAIN_FIRST || control == PLAIN;
        CHECK(is_plain || control >= 0x80);
        CHECK(at > 0 || control == PLAIN_FIRST || control >= DICTIONARY_RESET);
        const size_t head = is_plain ? 3 : control >= 0xC0 ? 6 : 5;
        CHECK(size - at > head);
        const size_t held = (size_t)chunks[at + 1] << 8 | chunks[at + 2];
        const size_t packed = is_plain ? held : (size_t)chunks[at + 3] << 8 | chunks[at + 4];
        CHECK(packed + 1 <= size - at - head);
        plain += held + 1 + (is_plain ? 0 : (size_t)(control & 0x1F) << 16);
        at += head + packed + 1;
    }
    CHECK_EQUAL(plain_size, plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 3) {
        return 0;
    }
    const size_t part = size - 2, times = (size_t)bytes[0] + 1, plain_size = part * times;
    uint8_t *const plain = malloc(plain_size);
    for (size_t i = 0; i < times; i++) {
        memcpy(plain + i * part, bytes + 2, part);
        plain[i * part + bytes[1] % part] += (uint8_t)(i / 3);
    }
    struct vcd_lzma_encoder *const encoder = vcd_lzma_encoder_new();
    const uint8_t *chunks;
    size_t chunks_size;
    CHECK_EQUAL(VCD_OK, vcd_lzma_encode(encoder, plain, plain_size, &chunks, &chunks_size));
    CHECK(chunks_size <= plain_size + MOST_GROWTH + plain_size / 1000);
    check_chunks(chunks, chunks_size, plain_size);
    uint8_t *const before = malloc(chunks_size);
    const size_t before_size = chunks_size;
    memcpy(before, chunks, before_size);
    CHECK_EQUAL(VCD_OK, vcd_lzma_encode(encoder, plain, plain_size, &chunks, &chunks_size));
    CHECK_EQUAL(before_size, chunks_size);
    CHECK(memcmp(before, chunks, before_size) == 0);
    vcd_lzma_encoder_free(encoder);
    free(before);
    free(plain);
    return 0;
}
