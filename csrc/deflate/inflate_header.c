/*
 * inflate_header.c - what stands before the symbols of a block: its kind, its codes (RFC 1951, 3.2)
 *
 * One state after the other, each of which waits until all bits of what it reads have come. What
 * zlib takes is taken, and nothing else.
 */
#include <assert.h>

#include "inflate_header.h"

static const uint8_t code_length_order[DFL_CODE_LENGTHS] = DFL_CODE_LENGTH_ORDER;

/* ---- Codes ------------------------------------------------------------------------------ */

static bool build_tables(struct dfl_inflater *inflater, uint32_t literal_size,
                         uint32_t distance_size) {
    inflater->literal_bits =
        dfl_inflate_table_build(inflater->literals, inflater->lengths, literal_size,
                                inflater->literal_meanings, DFL_LITERAL_BITS, true);
    inflater->distance_bits = dfl_inflate_table_build(
        inflater->distances, inflater->lengths + literal_size, distance_size,
        inflater->distance_meanings, DFL_DISTANCE_BITS, true);
    return inflater->literal_bits > 0 && inflater->distance_bits > 0;
}

static void use_fixed_codes(struct dfl_inflater *inflater) {
    for (uint32_t symbol = 0; symbol < DFL_FIXED_LITERALS; symbol++) {
        inflater->lengths[symbol] = (uint8_t)dfl_fixed_length(symbol);
    }
    memset(inflater->lengths + DFL_FIXED_LITERALS, 5, 32);
    (void)build_tables(inflater, DFL_FIXED_LITERALS, 32);
}

/* One code length, or a repetition. Returns DFL_END when it has not come yet. */
static enum dfl_result read_length(struct dfl_inflater *inflater, struct dfl_span *span) {
    uint32_t entry, before;
    if (!dfl_look_up(inflater, span, inflater->length_codes, inflater->length_bits, 0, &entry,
                     &before)) {
        return DFL_END;
    }
    const uint32_t symbol = entry >> 16, extra = dfl_extra_of(inflater->bits, entry);
    (void)dfl_take(inflater, entry & 63);
    if (symbol < DFL_REPEAT_LENGTH) {
        inflater->lengths[inflater->read++] = (uint8_t)symbol;
        return DFL_OK;
    }
    if (symbol == DFL_REPEAT_LENGTH && inflater->read == 0) {
        return DFL_MALFORMED;
    }
    const uint8_t length = symbol == DFL_REPEAT_LENGTH ? inflater->lengths[inflater->read - 1] : 0;
    const uint32_t repeats = extra + (symbol == DFL_REPEAT_ZERO_LONG ? 11 : 3);
    memset(inflater->lengths + inflater->read, length, repeats);
    inflater->read += repeats;
    return DFL_OK;
}

/* ---- Headers ---------------------------------------------------------------------------- */

enum dfl_result dfl_inflate_header(struct dfl_inflater *inflater, struct dfl_span *span,
                                   bool *waits_out) {
    enum dfl_result result = DFL_OK;
    *waits_out = false;
    switch (inflater->state) {
    case DFL_IN_HEADER:
        if (inflater->last) {
            inflater->state = DFL_ENDED;
            return DFL_END;
        }
        if (!dfl_have(inflater, span, 3)) {
            break;
        }
        inflater->last = dfl_take(inflater, 1) != 0;
        const uint32_t kind = dfl_take(inflater, 2);
        if (kind == DFL_FIXED) {
            use_fixed_codes(inflater);
        }
        inflater->state = kind == DFL_STORED    ? DFL_IN_STORED_SIZE
                          : kind == DFL_FIXED   ? DFL_IN_SYMBOLS
                          : kind == DFL_DYNAMIC ? DFL_IN_CODE_SIZES
                                                : DFL_BROKEN;
        return kind <= DFL_DYNAMIC ? DFL_OK : DFL_MALFORMED;
    case DFL_IN_STORED_SIZE:
        (void)dfl_take(inflater, inflater->count % 8);
        if (!dfl_have(inflater, span, 32)) {
            break;
        }
        inflater->left = dfl_take(inflater, 16);
        inflater->state = DFL_IN_STORED;
        return (inflater->left ^ UINT16_MAX) == dfl_take(inflater, 16) ? DFL_OK : DFL_MALFORMED;
    case DFL_IN_CODE_SIZES:
        if (!dfl_have(inflater, span, 14)) {
            break;
        }
        inflater->literal_size = dfl_take(inflater, 5) + 257;
        inflater->distance_size = dfl_take(inflater, 5) + 1;
        inflater->order_size = dfl_take(inflater, 4) + 4;
        inflater->read = 0;
        memset(inflater->lengths, 0, DFL_CODE_LENGTHS);
        inflater->state = DFL_IN_ORDER;
        return inflater->literal_size <= DFL_LITERALS && inflater->distance_size <= DFL_DISTANCES
                   ? DFL_OK
                   : DFL_MALFORMED;
    case DFL_IN_ORDER:
        if (!dfl_have(inflater, span, 3)) {
            break;
        }
        inflater->lengths[code_length_order[inflater->read++]] = (uint8_t)dfl_take(inflater, 3);
        if (inflater->read < inflater->order_size) {
            return DFL_OK;
        }
        inflater->length_bits =
            dfl_inflate_table_build(inflater->length_codes, inflater->lengths, DFL_CODE_LENGTHS,
                                    inflater->length_meanings, DFL_CODE_LENGTH_MAX_LENGTH, false);
        inflater->read = 0;
        inflater->state = DFL_IN_LENGTHS;
        return inflater->length_bits > 0 ? DFL_OK : DFL_MALFORMED;
    case DFL_IN_LENGTHS:
        result = read_length(inflater, span);
        if (result == DFL_END) {
            break;
        }
        const uint32_t size = inflater->literal_size + inflater->distance_size;
        if (result == DFL_MALFORMED || inflater->read < size) {
            return result;
        }
        inflater->state = DFL_IN_SYMBOLS;
        return inflater->read == size && inflater->lengths[DFL_END_OF_BLOCK] > 0 &&
                       build_tables(inflater, inflater->literal_size, inflater->distance_size)
                   ? DFL_OK
                   : DFL_MALFORMED;
    default:
        assert(false);
    }
    *waits_out = true;
    return DFL_OK;
}

void dfl_inflater_begin(struct dfl_inflater *inflater) {
    memset(inflater, 0, sizeof *inflater);
    for (uint32_t symbol = 0; symbol < DFL_FIXED_LITERALS; symbol++) {
        const uint32_t length = symbol - DFL_END_OF_BLOCK - 1;
        inflater->literal_meanings[symbol] =
            symbol < DFL_END_OF_BLOCK    ? DFL_IS_LITERAL | symbol << 16
            : symbol == DFL_END_OF_BLOCK ? DFL_IS_SPECIAL | DFL_IS_END
            : symbol < DFL_LITERALS
                ? dfl_first_length(length) << 16 | dfl_extra_bits_of_length(length)
                : DFL_IS_SPECIAL;
    }
    for (uint32_t symbol = 0; symbol < 32; symbol++) {
        inflater->distance_meanings[symbol] =
            symbol < DFL_DISTANCES
                ? dfl_first_distance(symbol) << 16 | dfl_extra_bits_of_distance(symbol)
                : DFL_IS_SPECIAL;
    }
    for (uint32_t symbol = 0; symbol < DFL_CODE_LENGTHS; symbol++) {
        inflater->length_meanings[symbol] = symbol << 16 | dfl_extra_bits_of_repeat(symbol);
    }
}
