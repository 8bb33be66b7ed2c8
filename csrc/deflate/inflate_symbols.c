/*
 * inflate_symbols.c - literals and matches, of which nothing is trusted
 *
 * Two ways through a block. The fast one runs where at least FAST_INPUT bytes of input and
 * FAST_ROOM of room are left, so it asks once for all that a match may need, loads eight bytes at a
 * time and writes beyond what it means to. The careful one takes the input byte by byte, and a
 * symbol only when all of it has come and there is room: it can stop anywhere and go on with the
 * next call.
 */
#include "inflate_symbols.h"

enum {
    RING_MASK = DFL_WINDOW_SIZE - 1,
    FAST_INPUT = 24,
    FAST_ROOM = DFL_MAX_MATCH + 32,
};

/* ---- Matches ---------------------------------------------------------------------------- */

void dfl_copy_match(struct dfl_inflater *inflater, struct dfl_span *span) {
    while (inflater->left > 0 && span->out < span->out_end) {
        const size_t room = (size_t)(span->out_end - span->out);
        const size_t made = (size_t)(span->out - span->out_begin);
        size_t size = vcd_min(inflater->left, room);
        if (inflater->distance > made) {
            const size_t back = inflater->distance - made;
            const size_t from = (inflater->ring_at - back) & RING_MASK;
            size = vcd_min(size, vcd_min(back, DFL_WINDOW_SIZE - from));
            memcpy(span->out, inflater->ring + from, size);
        } else {
            const uint8_t *const from = span->out - inflater->distance;
            for (size_t i = 0; i < size; i++) { /* they may overlap */
                span->out[i] = from[i];
            }
        }
        span->out += size;
        inflater->left -= (uint32_t)size;
    }
}

static bool reaches(const struct dfl_inflater *inflater, const struct dfl_span *span,
                    uint32_t distance) {
    return distance <= (uint64_t)(span->out - span->out_begin) + inflater->ring_size;
}

/* Copies 'length' bytes, and writes up to 15 more, from what this call has made. */
VCD_INLINE void copy_wide(uint8_t *out, size_t distance, size_t length) {
    const uint8_t *from = out - distance;
    uint8_t *const end = out + length;
    if (distance >= 16) {
        do {
            memcpy(out, from, 16);
            out += 16;
            from += 16;
        } while (out < end);
    } else if (distance == 1) {
        memset(out, *from, length);
    } else {
        /* Of a word that overlaps, the first 'distance' bytes are right; then there are twice as
           many to copy from. */
        while (out < end) {
            vcd_store64_le(out, vcd_load64_le(from));
            if (distance < 8) {
                out += distance;
                distance *= 2;
            } else {
                out += 8;
                from += 8;
            }
        }
    }
}

/* ---- Symbols ---------------------------------------------------------------------------- */

/*
 * The fast way. An iteration begins with 56 bits at least: enough for two literals from the main
 * table (22) and a length (20); a distance (28) is asked for again. Returns DFL_END behind the
 * last symbol of the block, DFL_OK when input or room come to their end.
 */
static enum dfl_result inflate_fast(struct dfl_inflater *inflater, struct dfl_span *span) {
    const uint32_t *const literals = inflater->literals, *const distances = inflater->distances;
    const uint64_t literal_mask = (UINT64_C(1) << inflater->literal_bits) - 1;
    const uint64_t distance_mask = (UINT64_C(1) << inflater->distance_bits) - 1;
    const uint8_t *next = span->next, *const in_stop = span->in_end - FAST_INPUT;
    uint8_t *out = span->out, *const out_stop = span->out_end - FAST_ROOM;
    uint64_t bits = inflater->bits;
    uint32_t count = inflater->count;
    enum dfl_result result = DFL_OK;

#define REFILL()                                                                                   \
    do {                                                                                           \
        bits |= vcd_load64_le(next) << count;                                                      \
        next += (63 - count) / 8;                                                                  \
        count |= 56;                                                                               \
    } while (0)
#define TAKE(taken) (bits >>= (taken)&63, count -= (taken)&63)

    REFILL();
    uint32_t entry = literals[bits & literal_mask];
    while (next <= in_stop && out <= out_stop) {
        if ((entry & DFL_IS_LITERAL) != 0) {
            TAKE(entry);
            *out++ = (uint8_t)(entry >> 16);
            entry = literals[bits & literal_mask];
            if ((entry & DFL_IS_LITERAL) != 0) {
                TAKE(entry);
                *out++ = (uint8_t)(entry >> 16);
                entry = literals[bits & literal_mask];
                if ((entry & DFL_IS_LITERAL) != 0) {
                    TAKE(entry);
                    *out++ = (uint8_t)(entry >> 16);
                    REFILL();
                    entry = literals[bits & literal_mask];
                    continue;
                }
            }
        }
        if ((entry & DFL_IS_SPECIAL) != 0) {
            if ((entry & DFL_IS_SUBTABLE) != 0) {
                const uint32_t more = dfl_code_length(entry);
                TAKE(entry);
                entry = literals[(entry >> 16) + (bits & ((1u << more) - 1))];
                if ((entry & DFL_IS_LITERAL) != 0) {
                    TAKE(entry);
                    *out++ = (uint8_t)(entry >> 16);
                    REFILL();
                    entry = literals[bits & literal_mask];
                    continue;
                }
            }
            if ((entry & DFL_IS_SPECIAL) != 0) {
                TAKE(entry);
                result = (entry & DFL_IS_END) != 0 ? DFL_END : DFL_MALFORMED;
                break;
            }
        }
        const uint32_t length = (entry >> 16) + dfl_extra_of(bits, entry);
        TAKE(entry);
        REFILL();
        entry = distances[bits & distance_mask];
        if ((entry & DFL_IS_SPECIAL) != 0) {
            if ((entry & DFL_IS_SUBTABLE) != 0) {
                const uint32_t more = dfl_code_length(entry);
                TAKE(entry);
                entry = distances[(entry >> 16) + (bits & ((1u << more) - 1))];
            }
            if ((entry & DFL_IS_SPECIAL) != 0) {
                result = DFL_MALFORMED;
                break;
            }
        }
        const uint32_t distance = (entry >> 16) + dfl_extra_of(bits, entry);
        TAKE(entry);
        REFILL();
        entry = literals[bits & literal_mask]; /* on its way while the match is copied */
        if (distance <= (size_t)(out - span->out_begin)) {
            copy_wide(out, distance, length);
            out += length;
        } else {
            span->out = out;
            if (!reaches(inflater, span, distance)) {
                result = DFL_MALFORMED;
                break;
            }
            inflater->left = length;
            inflater->distance = distance;
            dfl_copy_match(inflater, span);
            out = span->out;
        }
    }
#undef REFILL
#undef TAKE

    /* Whole bytes that were not needed are given back: before this call's there were none, as
       what has waited was less than the first symbol. */
    const size_t unused = vcd_min(count / 8, (size_t)(next - span->next));
    span->next = next - unused;
    span->out = out;
    inflater->count = count - 8 * (uint32_t)unused;
    inflater->bits = bits & ((UINT64_C(1) << inflater->count) - 1);
    return result;
}

/* The careful way: one symbol, or none with '*waits_out'. DFL_END is behind the last of a block. */
static enum dfl_result inflate_symbol(struct dfl_inflater *inflater, struct dfl_span *span,
                                      bool *waits_out) {
    uint32_t entry, before;
    *waits_out = true;
    if (!dfl_look_up(inflater, span, inflater->literals, inflater->literal_bits, 0, &entry,
                     &before)) {
        return DFL_OK;
    }
    if ((entry & DFL_IS_LITERAL) != 0) {
        if (span->out == span->out_end) {
            return DFL_OK;
        }
        *span->out++ = (uint8_t)(entry >> 16);
        (void)dfl_take(inflater, before + (entry & 63));
        *waits_out = false;
        return DFL_OK;
    }
    if ((entry & DFL_IS_SPECIAL) != 0) {
        (void)dfl_take(inflater, before + (entry & 63));
        return (entry & DFL_IS_END) != 0 ? DFL_END : DFL_MALFORMED;
    }
    const uint32_t length = (entry >> 16) + dfl_extra_of(inflater->bits >> before, entry);
    const uint32_t skip = before + (entry & 63);
    if (!dfl_look_up(inflater, span, inflater->distances, inflater->distance_bits, skip, &entry,
                     &before)) {
        return DFL_OK;
    }
    if ((entry & DFL_IS_SPECIAL) != 0) {
        return DFL_MALFORMED;
    }
    inflater->left = length;
    inflater->distance = (entry >> 16) + dfl_extra_of(inflater->bits >> (skip + before), entry);
    (void)dfl_take(inflater, skip);
    (void)dfl_take(inflater, before + (entry & 63));
    *waits_out = false;
    if (!reaches(inflater, span, inflater->distance)) {
        return DFL_MALFORMED;
    }
    inflater->state = DFL_IN_COPY;
    return DFL_OK;
}

enum dfl_result dfl_inflate_symbols(struct dfl_inflater *inflater, struct dfl_span *span,
                                    bool *waits_out) {
    if (span->in_end - span->next >= FAST_INPUT && span->out_end - span->out >= FAST_ROOM) {
        const enum dfl_result result = inflate_fast(inflater, span);
        if (result != DFL_OK) {
            return result;
        }
    }
    return inflate_symbol(inflater, span, waits_out);
}
