/*
 * deflate_format.h - what RFC 1951 fixes: alphabets, block types, lengths and distances
 *
 *   block      BFINAL (1 bit)  BTYPE (2 bits)  ...          3.2.3
 *   stored     to the byte border, LEN, NLEN, LEN bytes     3.2.4
 *   fixed      symbols                                      3.2.6
 *   dynamic    HLIT HDIST HCLEN, code lengths, symbols      3.2.7
 *
 * A length of 3 to 258 is 'value' 0 to 255 here, a distance of 1 to 32768 is 0 to 32767. From the
 * tables of 3.2.5: codes come in groups, four for each number of extra bits of a length, two for a
 * distance; what the extra bits say are the lowest bits of the value.
 */
#ifndef DFL_DEFLATE_FORMAT_H
#define DFL_DEFLATE_FORMAT_H

#include <stdint.h>

enum {
    DFL_STORED = 0,
    DFL_FIXED = 1,
    DFL_DYNAMIC = 2,

    DFL_END_OF_BLOCK = 256,
    DFL_LITERALS = 286, /* literals, the end of the block, lengths */
    DFL_FIXED_LITERALS = 288,
    DFL_DISTANCES = 30,
    DFL_CODE_MAX_LENGTH = 15,

    /* The code of the code lengths: 0 to 15 are themselves, then come repetitions. */
    DFL_REPEAT_LENGTH = 16,
    DFL_REPEAT_ZERO = 17,
    DFL_REPEAT_ZERO_LONG = 18,
    DFL_CODE_LENGTHS = 19,
    DFL_CODE_LENGTH_MAX_LENGTH = 7,

    DFL_MIN_MATCH = 3,
    DFL_MAX_MATCH = 258,
    DFL_WINDOW_SIZE = 1 << 15,
};

/* The order in which lengths of the code of the code lengths are sent. */
#define DFL_CODE_LENGTH_ORDER                                                                      \
    { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 }

/* The place of the highest bit of a value that is not 0. */
static inline uint32_t dfl_highest_bit(uint32_t value) {
    return 31 - (uint32_t)__builtin_clz(value);
}

static inline uint32_t dfl_length_extra_bits(uint32_t value) {
    return value < 8 || value == 255 ? 0 : dfl_highest_bit(value) - 2;
}

static inline uint32_t dfl_length_symbol(uint32_t value) {
    if (value < 4 || value == 255) {
        return value == 255 ? 285 : 257 + value;
    }
    const uint32_t extra = dfl_highest_bit(value) - 2;
    return 257 + 4 * (extra + 1) + (value >> extra & 3);
}

/* The same for a symbol of a length, less 257: 0 to 28. */
static inline uint32_t dfl_extra_bits_of_length(uint32_t symbol) {
    return symbol < 8 || symbol == 28 ? 0 : symbol / 4 - 1;
}

static inline uint32_t dfl_first_length(uint32_t symbol) {
    if (symbol < 8 || symbol == 28) {
        return symbol == 28 ? 258 : 3 + symbol;
    }
    return 3 + ((4 + (symbol & 3)) << dfl_extra_bits_of_length(symbol));
}

static inline uint32_t dfl_distance_symbol(uint32_t value) {
    if (value < 4) {
        return value;
    }
    const uint32_t highest = dfl_highest_bit(value);
    return 2 * highest + (value >> (highest - 1) & 1);
}

static inline uint32_t dfl_extra_bits_of_distance(uint32_t symbol) {
    return symbol < 4 ? 0 : symbol / 2 - 1;
}

static inline uint32_t dfl_first_distance(uint32_t symbol) {
    return symbol < 4 ? 1 + symbol : 1 + ((2 + (symbol & 1)) << dfl_extra_bits_of_distance(symbol));
}

/* The same for a symbol of the code of the code lengths. */
static inline uint32_t dfl_extra_bits_of_repeat(uint32_t symbol) {
    return symbol == DFL_REPEAT_LENGTH      ? 2
           : symbol == DFL_REPEAT_ZERO      ? 3
           : symbol == DFL_REPEAT_ZERO_LONG ? 7
                                            : 0;
}

/* How many bits a literal or length has in the fixed code. */
static inline uint32_t dfl_fixed_length(uint32_t symbol) {
    return symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8;
}

#endif
