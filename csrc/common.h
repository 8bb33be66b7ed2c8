/*
 * common.h - unaligned loads and bit scans
 */
#ifndef VCD_COMMON_H
#define VCD_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Loads as if the machine were little-endian, so that byte i of a word is memory's byte i. */
static inline uint64_t vcd_load64(const uint8_t *p) {
    uint64_t value;
    memcpy(&value, p, sizeof value);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* Which byte of a word, that is not 0, is the first one not 0, and which the last. */
static inline size_t vcd_lowest_byte(uint64_t word) {
    return (size_t)__builtin_ctzll(word) / 8;
}

static inline size_t vcd_highest_byte(uint64_t word) {
    return 7 - (size_t)__builtin_clzll(word) / 8;
}

static inline size_t vcd_min(size_t a, size_t b) {
    return a < b ? a : b;
}

#endif
