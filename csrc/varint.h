/*
 * varint.h - the RFC's variable-length integers (RFC 3284, section 2)
 *
 * Base 128, most significant digit first; every byte but the last has its high
 * bit set. 123456789 is BA EF 9A 15. We hold them in 64 bits: ten bytes at most.
 */
#ifndef VCD_VARINT_H
#define VCD_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VCD_VARINT_MAX_SIZE = 10 };

/*
 * vcd_varint_read() reads one integer at '*next', which it moves past it.
 * Returns false, and leaves '*next' alone, when the integer runs into 'end' or
 * does not fit into 64 bits.
 */
static inline bool vcd_varint_read(const uint8_t **next, const uint8_t *end, uint64_t *value_out) {
    const uint8_t *p = *next;
    uint64_t value = 0;
    while (p != end) {
        const uint8_t byte = *p++;
        if (value > UINT64_MAX >> 7) {
            return false;
        }
        value = value << 7 | (byte & 0x7F);
        if (byte < 0x80) {
            *next = p;
            *value_out = value;
            return true;
        }
    }
    return false;
}

/* vcd_varint_size() says how many bytes vcd_varint_write() will write. */
static inline size_t vcd_varint_size(uint64_t value) {
    size_t size = 1;
    while (value >>= 7) {
        size++;
    }
    return size;
}

/*
 * vcd_varint_write() writes 'value' at 'next', which has room for
 * vcd_varint_size(value) bytes, and returns where the next byte goes.
 */
static inline uint8_t *vcd_varint_write(uint8_t *next, uint64_t value) {
    const size_t size = vcd_varint_size(value);
    for (size_t i = size; i-- > 0;) {
        next[i] = (uint8_t)((value & 0x7F) | (i + 1 == size ? 0 : 0x80));
        value >>= 7;
    }
    return next + size;
}

#endif
