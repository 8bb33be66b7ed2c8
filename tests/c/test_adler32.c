/*
 * The vectors give what the definition gives: for every size around a block, at any alignment, in
 * one go or continued, and where sums are largest.
 */
#include "check.h"
#include "vcdiff.h"

static uint32_t by_definition(uint32_t adler, const uint8_t *data, size_t size) {
    uint32_t low = adler & 0xFFFF;
    uint32_t high = adler >> 16;
    for (size_t i = 0; i < size; i++) {
        low = (low + data[i]) % 65521;
        high = (high + low) % 65521;
    }
    return high << 16 | low;
}

static void check_all_sizes(const uint8_t *data, size_t most) {
    for (size_t size = 0; size <= most; size++) {
        uint8_t *const exact = malloc(size + 1);
        memcpy(exact + 1, data, size);
        CHECK_EQUAL(by_definition(1, data, size), vcd_adler32(1, exact + 1, size));
        free(exact);
    }
}

int main(void) {
    enum { SIZE = 3 << 20 };
    uint8_t *const data = malloc(SIZE);

    CHECK_EQUAL(1, vcd_adler32(1, NULL, 0));
    CHECK_EQUAL(0x11E60398, vcd_adler32(1, (const uint8_t *)"Wikipedia", 9));

    uint32_t random = 1;
    for (size_t i = 0; i < SIZE; i++) {
        random = random * 1664525 + 1013904223;
        data[i] = (uint8_t)(random >> 24);
    }
    check_all_sizes(data, 800);
    CHECK_EQUAL(by_definition(1, data, SIZE), vcd_adler32(1, data, SIZE));
    CHECK_EQUAL(by_definition(0xFFF0FFF0, data, 4321), vcd_adler32(0xFFF0FFF0, data, 4321));
    const uint32_t first = vcd_adler32(1, data, 12345);
    CHECK_EQUAL(by_definition(1, data, SIZE), vcd_adler32(first, data + 12345, SIZE - 12345));

    memset(data, 0xFF, SIZE);
    check_all_sizes(data, 800);
    CHECK_EQUAL(by_definition(0xFFF0FFF0, data, SIZE), vcd_adler32(0xFFF0FFF0, data, SIZE));
    free(data);
    return 0;
}
