/*
 * symbol_reader.c - literals, lengths and distances as they stand in a stream
 *
 * The stream is in memory as a whole, so that a block can be read by loads of eight bytes, up to
 * its last few, which are taken as carefully as an inflater takes all.
 */
#include "symbol_reader.h"

#include "inflate_header.h"

enum {
    FAST_INPUT = 24, /* bytes: two loads of a symbol's, and what the second one reads beyond */
};

void dfl_symbol_reader_begin(struct dfl_symbol_reader *reader, const uint8_t *deflated,
                             size_t deflated_size) {
    dfl_inflater_begin(&reader->inflater);
    reader->span = (struct dfl_span){
        .next = deflated, .in_end = deflated_size > 0 ? deflated + deflated_size : deflated};
}

/* The fast way, as inflate_symbols.c has it. Returns as that does; 'next' is where to store. */
static enum dfl_result read_fast(struct dfl_symbol_reader *reader, uint32_t **next_out,
                                 const uint32_t *end) {
    struct dfl_inflater *const inflater = &reader->inflater;
    const uint32_t *const literals = inflater->literals, *const distances = inflater->distances;
    const uint64_t literal_mask = (UINT64_C(1) << inflater->literal_bits) - 1;
    const uint64_t distance_mask = (UINT64_C(1) << inflater->distance_bits) - 1;
    const uint8_t *next = reader->span.next, *const in_stop = reader->span.in_end - FAST_INPUT;
    uint32_t *out = *next_out;
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

    while (next <= in_stop && out < end) {
        REFILL();
        uint32_t entry = literals[bits & literal_mask];
        if ((entry & DFL_IS_LITERAL) != 0) {
            TAKE(entry);
            *out++ = entry >> 16 & 0xff;
            entry = literals[bits & literal_mask];
            if ((entry & DFL_IS_LITERAL) != 0 && out < end) {
                TAKE(entry);
                *out++ = entry >> 16 & 0xff;
            }
            continue;
        }
        if ((entry & DFL_IS_SPECIAL) != 0) {
            if ((entry & DFL_IS_SUBTABLE) != 0) {
                const uint32_t more = dfl_code_length(entry);
                TAKE(entry);
                entry = literals[(entry >> 16) + (bits & ((1u << more) - 1))];
                if ((entry & DFL_IS_LITERAL) != 0) {
                    TAKE(entry);
                    *out++ = entry >> 16 & 0xff;
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
        *out++ = length << 16 | ((entry >> 16) + dfl_extra_of(bits, entry));
        TAKE(entry);
    }
#undef REFILL
#undef TAKE

    const size_t unused = vcd_min(count / 8, (size_t)(next - reader->span.next));
    reader->span.next = next - unused;
    inflater->count = count - 8 * (uint32_t)unused;
    inflater->bits = bits & ((UINT64_C(1) << inflater->count) - 1);
    *next_out = out;
    return result;
}

/* One symbol, the careful way: nothing follows that an incomplete one could wait for. */
static enum dfl_result read_one(struct dfl_symbol_reader *reader, uint32_t **next_out) {
    struct dfl_inflater *const inflater = &reader->inflater;
    struct dfl_span *const span = &reader->span;
    uint32_t entry, before;
    if (!dfl_look_up(inflater, span, inflater->literals, inflater->literal_bits, 0, &entry,
                     &before)) {
        return DFL_MALFORMED;
    }
    uint32_t symbol = entry >> 16 & 0xff;
    const bool literal = (entry & DFL_IS_LITERAL) != 0;
    if (!literal && (entry & DFL_IS_SPECIAL) != 0) {
        (void)dfl_take(inflater, before + (entry & 63));
        return (entry & DFL_IS_END) != 0 ? DFL_END : DFL_MALFORMED;
    }
    if (!literal) {
        symbol = (entry >> 16) + dfl_extra_of(inflater->bits >> before, entry);
    }
    (void)dfl_take(inflater, before + (entry & 63));
    if (!literal) {
        if (!dfl_look_up(inflater, span, inflater->distances, inflater->distance_bits, 0, &entry,
                         &before) ||
            (entry & DFL_IS_SPECIAL) != 0) {
            return DFL_MALFORMED;
        }
        symbol = symbol << 16 | ((entry >> 16) + dfl_extra_of(inflater->bits >> before, entry));
        (void)dfl_take(inflater, before + (entry & 63));
    }
    *(*next_out)++ = symbol;
    return DFL_OK;
}

static enum dfl_result read_stored(struct dfl_symbol_reader *reader, uint32_t **next_out) {
    const uint32_t size = reader->inflater.left;
    if (size > (size_t)(reader->span.in_end - reader->span.next)) {
        return DFL_MALFORMED;
    }
    if (size > 0) {
        *(*next_out)++ = DFL_STORED_BYTES | size;
    }
    reader->span.next += size;
    reader->inflater.state = DFL_IN_HEADER;
    return DFL_OK;
}

static enum dfl_result step(struct dfl_symbol_reader *reader, uint32_t **next, uint32_t *end) {
    struct dfl_inflater *const inflater = &reader->inflater;
    if (inflater->state == DFL_IN_STORED) {
        return read_stored(reader, next);
    }
    if (inflater->state != DFL_IN_SYMBOLS) {
        bool waits;
        const enum dfl_result result = dfl_inflate_header(inflater, &reader->span, &waits);
        return waits ? DFL_MALFORMED : result;
    }
    const enum dfl_result result = reader->span.in_end - reader->span.next >= FAST_INPUT
                                       ? read_fast(reader, next, end)
                                       : read_one(reader, next);
    if (result != DFL_END) {
        return result;
    }
    inflater->state = DFL_IN_HEADER;
    return DFL_OK;
}

enum dfl_result dfl_read_symbols(struct dfl_symbol_reader *reader, uint32_t *symbols,
                                 size_t *count_out) {
    uint32_t *next = symbols, *const end = symbols + DFL_SYMBOLS_AT_ONCE;
    enum dfl_result result = reader->inflater.state == DFL_BROKEN ? DFL_MALFORMED : DFL_OK;
    while (result == DFL_OK && next < end && reader->inflater.state != DFL_ENDED) {
        result = step(reader, &next, end);
    }
    if (result == DFL_MALFORMED) {
        reader->inflater.state = DFL_BROKEN;
    }
    *count_out = (size_t)(next - symbols);
    return result == DFL_END ? DFL_OK : result;
}
