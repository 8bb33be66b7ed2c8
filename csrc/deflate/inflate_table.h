/*
 * inflate_table.h - what the next bits mean, by looking them up
 *
 *   bits 0-7     how many bits the code and its extra bits have
 *   bits 8-11    how many of them the code has
 *   bits 13-15   DFL_IS_END, DFL_IS_SUBTABLE; DFL_IS_SPECIAL with these two, or alone: no code
 *   bits 16-30   the literal, the first length or distance; of a subtable: where it begins
 *   bit 31       DFL_IS_LITERAL
 *
 * The next 'bits' bits of the input find an entry. A longer code finds a subtable, whose bits 8-11
 * say how many more bits find an entry in it; that entry's counts are without the first 'bits'.
 */
#ifndef DFL_INFLATE_TABLE_H
#define DFL_INFLATE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "deflate_format.h"

enum {
    DFL_IS_END = 1 << 13,
    DFL_IS_SUBTABLE = 1 << 14,
    DFL_IS_SPECIAL = 1 << 15,
};
#define DFL_IS_LITERAL (UINT32_C(1) << 31)

enum {
    DFL_LITERAL_BITS = 11,
    DFL_DISTANCE_BITS = 9,
    /* A complete code has two symbols at least in each subtable, whose size is 2^(15 - bits) at
       most; a code that is not complete has no subtables. */
    DFL_LITERAL_ENTRIES = (1 << DFL_LITERAL_BITS) + DFL_FIXED_LITERALS / 2 * (1 << 4),
    DFL_DISTANCE_ENTRIES = (1 << DFL_DISTANCE_BITS) + 32 / 2 * (1 << 6),
    DFL_LENGTH_ENTRIES = 1 << DFL_CODE_LENGTH_MAX_LENGTH,
};

/*
 * dfl_inflate_table_build() fills 'entries' for symbols of the 'lengths' given, 0 for those that do
 * not occur, and what 'meanings' says of each: an entry without the length of its code. Returns how
 * many bits find an entry, 'most_bits' at most, or 0 when no code can have such lengths. One
 * code of one bit, or none, is allowed with 'may_lack'; what is lacking is then special.
 */
uint32_t dfl_inflate_table_build(uint32_t *entries, const uint8_t *lengths, uint32_t count,
                                 const uint32_t *meanings, uint32_t most_bits, bool may_lack);

#endif
