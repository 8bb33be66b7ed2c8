/*
 * match_length.h - how far two places agree, forwards and backwards
 */
#ifndef VCD_MATCH_LENGTH_H
#define VCD_MATCH_LENGTH_H

#include <stddef.h>
#include <stdint.h>

#include "common.h"

/* The number of equal bytes at 'a' and 'b', up to 'limit'. */
static inline size_t vcd_match_forwards(const uint8_t *a, const uint8_t *b, size_t limit) {
    size_t size = 0;
    /* Four words at once: the compiler makes vectors of it, and a long match runs at the
       speed of memory. */
    while (limit - size >= 32) {
        uint64_t differs = 0;
        for (size_t i = 0; i < 32; i += 8) {
            differs |= vcd_load64_le(a + size + i) ^ vcd_load64_le(b + size + i);
        }
        if (differs != 0) {
            break;
        }
        size += 32;
    }
    while (limit - size >= 8) {
        const uint64_t differs = vcd_load64_le(a + size) ^ vcd_load64_le(b + size);
        if (differs != 0) {
            return size + vcd_lowest_byte(differs);
        }
        size += 8;
    }
    while (size < limit && a[size] == b[size]) {
        size++;
    }
    return size;
}

/* The number of equal bytes that end just before 'a' and 'b', up to 'limit'. */
static inline size_t vcd_match_backwards(const uint8_t *a, const uint8_t *b, size_t limit) {
    size_t size = 0;
    while (limit - size >= 8) {
        const uint64_t differs = vcd_load64_le(a - size - 8) ^ vcd_load64_le(b - size - 8);
        if (differs != 0) {
            return size + 7 - vcd_highest_byte(differs);
        }
        size += 8;
    }
    while (size < limit && a[-1 - (ptrdiff_t)size] == b[-1 - (ptrdiff_t)size]) {
        size++;
    }
    return size;
}

#endif
