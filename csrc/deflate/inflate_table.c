/*
 * inflate_table.c - tables from code lengths (RFC 1951, section 3.2.2)
 *
 * Symbols are taken in the order of their codes. As the first bit of a code is the lowest of the
 * input, its place in the table is the code read backwards; in steps of 2^length lie all places
 * whose lowest bits are this code.
 */
#include "inflate_table.h"

/* The code after 'code', both read backwards, in 'length' bits; 0 after the last. */
static uint32_t following(uint32_t code, uint32_t length) {
    uint32_t bit = 1u << (length - 1);
    while ((code & bit) != 0) {
        code ^= bit;
        bit >>= 1;
    }
    return code | bit;
}

static void fill(uint32_t *entries, uint32_t size, uint32_t from, uint32_t step, uint32_t entry) {
    for (uint32_t at = from; at < size; at += step) {
        entries[at] = entry;
    }
}

/* An entry whose code has so many bits, of those that are looked up here. */
static uint32_t with_length(uint32_t meaning, uint32_t length) {
    return meaning + length * 0x101;
}

/* How many bits a subtable needs that begins with a code of 'length' and has all after it. */
static uint32_t subtable_bits(const uint16_t *counts, uint32_t length, uint32_t used,
                              uint32_t main_bits) {
    uint32_t bits = length - main_bits;
    for (uint32_t space = (uint32_t)counts[length] - used; space < 1u << bits;) {
        bits++;
        space = 2 * space + counts[main_bits + bits];
    }
    return bits;
}

uint32_t dfl_inflate_table_build(uint32_t *entries, const uint8_t *lengths, uint32_t count,
                                 const uint32_t *meanings, uint32_t most_bits, bool may_lack) {
    uint16_t counts[DFL_CODE_MAX_LENGTH + 2] = {0};
    uint16_t places[DFL_CODE_MAX_LENGTH + 2] = {0};
    uint16_t sorted[DFL_FIXED_LITERALS];
    uint32_t longest = 0;
    for (uint32_t symbol = 0; symbol < count; symbol++) {
        counts[lengths[symbol]]++;
        longest = lengths[symbol] > longest ? lengths[symbol] : longest;
    }
    counts[0] = 0;
    int32_t space = 1; /* codes of this length that are not taken */
    for (uint32_t length = 1; length <= DFL_CODE_MAX_LENGTH; length++) {
        places[length + 1] = (uint16_t)(places[length] + counts[length]);
        space = 2 * space - counts[length];
        if (space < 0) {
            return 0;
        }
    }
    if (space > 0 && (!may_lack || longest > 1)) {
        return 0;
    }
    const uint32_t used = places[DFL_CODE_MAX_LENGTH + 1];
    for (uint32_t symbol = 0; symbol < count; symbol++) {
        if (lengths[symbol] > 0) {
            sorted[places[lengths[symbol]]++] = (uint16_t)symbol;
        }
    }
    if (space > 0) {
        entries[0] = entries[1] = with_length(DFL_IS_SPECIAL, 1);
        if (used > 0) {
            entries[0] = with_length(meanings[sorted[0]], 1);
        }
        return 1;
    }

    const uint32_t main_bits = longest < most_bits ? longest : most_bits;
    const uint32_t main_size = 1u << main_bits;
    uint32_t length = 1, of_length = 0, code = 0; /* read backwards */
    uint32_t end = main_size, subtable = 0, subtable_size = 0, subtable_of = main_size;
    for (uint32_t i = 0; i < used; i++, of_length++) {
        while (of_length == counts[length]) {
            length++;
            of_length = 0;
        }
        if (length <= main_bits) {
            fill(entries, main_size, code, 1u << length, with_length(meanings[sorted[i]], length));
        } else {
            if ((code & (main_size - 1)) != subtable_of) {
                const uint32_t bits = subtable_bits(counts, length, of_length, main_bits);
                subtable_of = code & (main_size - 1);
                subtable = end;
                subtable_size = 1u << bits;
                end += subtable_size;
                entries[subtable_of] =
                    subtable << 16 | DFL_IS_SPECIAL | DFL_IS_SUBTABLE | bits << 8 | main_bits;
            }
            fill(entries + subtable, subtable_size, code >> main_bits, 1u << (length - main_bits),
                 with_length(meanings[sorted[i]], length - main_bits));
        }
        code = following(code, length);
    }
    return main_bits;
}
