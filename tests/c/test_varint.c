/*
 * An integer comes back as it was written; what does not fit 64 bits or its bytes is refused.
 */
#include "check.h"
#include "varint.h"

static void check_round_trip(uint64_t value) {
    uint8_t buffer[VCD_VARINT_MAX_SIZE];
    const uint8_t *const end = vcd_varint_write(buffer, value);
    CHECK_EQUAL(vcd_varint_size(value), end - buffer);
    const uint8_t *next = buffer;
    uint64_t read = 0;
    CHECK(vcd_varint_read(&next, end, &read));
    CHECK_EQUAL(value, read);
    CHECK(next == end);
    for (const uint8_t *cut = buffer; cut < end; cut++) {
        next = buffer;
        CHECK(!vcd_varint_read(&next, cut, &read));
        CHECK(next == buffer);
    }
}

int main(void) {
    /* The RFC's own example, section 2. */
    uint8_t buffer[VCD_VARINT_MAX_SIZE];
    CHECK_EQUAL(4, vcd_varint_write(buffer, 123456789) - buffer);
    CHECK(memcmp(buffer, "\xBA\xEF\x9A\x15", 4) == 0);

    check_round_trip(0);
    for (int bit = 0; bit < 64; bit++) {
        check_round_trip((UINT64_C(1) << bit) - 1);
        check_round_trip(UINT64_C(1) << bit);
    }
    check_round_trip(UINT64_MAX);

    /* 2^64: one more than fits. */
    static const uint8_t too_large[] = {0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    const uint8_t *next = too_large;
    uint64_t value = 7;
    CHECK(!vcd_varint_read(&next, too_large + sizeof too_large, &value));
    CHECK(next == too_large);

    /* Leading zeros are odd, but lose nothing. */
    static const uint8_t padded[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                     0x80, 0x80, 0x80, 0x80, 0x80, 0x05};
    next = padded;
    CHECK(vcd_varint_read(&next, padded + sizeof padded, &value));
    CHECK_EQUAL(5, value);
    return 0;
}
