/*
 * inflate_symbols.h - an inflater, its bits, and the symbols of one block
 *
 *   deflated  ... | next          bits   the first 'count' bits before 'next', lowest first
 *
 * Between calls less than a symbol waits in 'bits'. What a match needs of earlier calls is kept in
 * a ring of 32 KiB.
 */
#ifndef DFL_INFLATE_SYMBOLS_H
#define DFL_INFLATE_SYMBOLS_H

#include "common.h"
#include "deflate.h"
#include "inflate_table.h"

enum dfl_inflater_state {
    DFL_IN_HEADER,
    DFL_IN_STORED_SIZE,
    DFL_IN_STORED,
    DFL_IN_CODE_SIZES,
    DFL_IN_ORDER,
    DFL_IN_LENGTHS,
    DFL_IN_SYMBOLS,
    DFL_IN_COPY,
    DFL_ENDED,
    DFL_BROKEN
};

struct dfl_inflater {
    uint64_t bits;
    uint32_t count;
    enum dfl_inflater_state state;
    bool last;
    uint32_t literal_size, distance_size, order_size; /* of the codes that are being read */
    uint32_t read;                                    /* of their lengths */
    uint32_t left;                                    /* of stored bytes, or of a match */
    uint32_t distance;
    uint32_t literal_bits, distance_bits, length_bits; /* that find an entry */
    uint32_t ring_at;
    uint64_t ring_size; /* bytes that were made before this call, up to what the ring holds */
    uint8_t lengths[DFL_FIXED_LITERALS + DFL_DISTANCES + 138];
    uint32_t literal_meanings[DFL_FIXED_LITERALS];
    uint32_t distance_meanings[32];
    uint32_t length_meanings[DFL_CODE_LENGTHS];
    uint32_t literals[DFL_LITERAL_ENTRIES];
    uint32_t distances[DFL_DISTANCE_ENTRIES];
    uint32_t length_codes[DFL_LENGTH_ENTRIES];
    uint8_t ring[DFL_WINDOW_SIZE];
};

/* The ends of what one call was given. */
struct dfl_span {
    const uint8_t *next, *in_end;
    uint8_t *out_begin, *out, *out_end;
};

/* ---- Bits ------------------------------------------------------------------------------- */

/* Whether 'count' bits, at most 57, are there by now. */
VCD_INLINE bool dfl_have(struct dfl_inflater *inflater, struct dfl_span *span, uint32_t count) {
    while (inflater->count < count) {
        if (span->next == span->in_end) {
            return false;
        }
        inflater->bits |= (uint64_t)*span->next++ << inflater->count;
        inflater->count += 8;
    }
    return true;
}

VCD_INLINE uint32_t dfl_take(struct dfl_inflater *inflater, uint32_t count) {
    const uint32_t taken = (uint32_t)(inflater->bits & ((UINT64_C(1) << count) - 1));
    inflater->bits >>= count;
    inflater->count -= count;
    return taken;
}

VCD_INLINE uint32_t dfl_code_length(uint32_t entry) {
    return entry >> 8 & 15;
}

/* What the extra bits say, when the code is the first of 'bits'. */
VCD_INLINE uint32_t dfl_extra_of(uint64_t bits, uint32_t entry) {
    return (uint32_t)((bits & ((UINT64_C(1) << (entry & 63)) - 1)) >> dfl_code_length(entry));
}

/*
 * Looks up the code that begins 'skip' bits further on, and waits for all bits of it, extra ones
 * included. '*before_out' bits of it are a subtable's.
 */
VCD_INLINE bool dfl_look_up(struct dfl_inflater *inflater, struct dfl_span *span,
                            const uint32_t *entries, uint32_t main_bits, uint32_t skip,
                            uint32_t *entry_out, uint32_t *before_out) {
    for (;;) {
        const uint64_t bits = inflater->bits >> skip;
        uint32_t entry = entries[bits & ((1u << main_bits) - 1)], before = 0;
        if ((entry & DFL_IS_SUBTABLE) != 0) {
            before = main_bits;
            entry =
                entries[(entry >> 16) + (bits >> before & ((1u << dfl_code_length(entry)) - 1))];
        }
        if (skip + before + dfl_code_length(entry) <= inflater->count) {
            *entry_out = entry;
            *before_out = before;
            return dfl_have(inflater, span, skip + before + (entry & 63));
        }
        if (!dfl_have(inflater, span, inflater->count + 1)) {
            return false;
        }
    }
}

/* ---- Symbols ---------------------------------------------------------------------------- */

/* As much of a match as there is room for. Its distance has been checked. */
void dfl_copy_match(struct dfl_inflater *inflater, struct dfl_span *span);

/*
 * dfl_inflate_symbols() goes on with a block, and returns DFL_END behind the last of its symbols.
 * With DFL_OK there is more to do, unless '*waits_out': for more input, or for room.
 */
enum dfl_result dfl_inflate_symbols(struct dfl_inflater *inflater, struct dfl_span *span,
                                    bool *waits_out);

#endif
