/*
 * inflater.c - plain bytes from deflated ones, as input comes and room is there (RFC 1951)
 */
#include <stdlib.h>

#include "inflate_header.h"

enum { RING_MASK = DFL_WINDOW_SIZE - 1 };

/* ---- The stream ------------------------------------------------------------------------- */

static void copy_stored(struct dfl_inflater *inflater, struct dfl_span *span) {
    const size_t come = (size_t)(span->in_end - span->next);
    const size_t room = (size_t)(span->out_end - span->out);
    const size_t size = vcd_min(inflater->left, vcd_min(come, room));
    if (size > 0) {
        memcpy(span->out, span->next, size);
        span->out += size;
        span->next += size;
        inflater->left -= (uint32_t)size;
    }
}

/* One step. Stores whether it waits for input or room; returns DFL_END behind the last block. */
static enum dfl_result step(struct dfl_inflater *inflater, struct dfl_span *span, bool *waits_out) {
    enum dfl_result result = DFL_OK;
    *waits_out = false;
    switch (inflater->state) {
    case DFL_IN_HEADER:
    case DFL_IN_STORED_SIZE:
    case DFL_IN_CODE_SIZES:
    case DFL_IN_ORDER:
    case DFL_IN_LENGTHS:
        return dfl_inflate_header(inflater, span, waits_out);
    case DFL_IN_STORED:
        copy_stored(inflater, span);
        if (inflater->left > 0) {
            break;
        }
        inflater->state = DFL_IN_HEADER;
        return DFL_OK;
    case DFL_IN_SYMBOLS:
        result = dfl_inflate_symbols(inflater, span, waits_out);
        if (result == DFL_END) {
            inflater->state = DFL_IN_HEADER;
            *waits_out = false;
            return DFL_OK;
        }
        return result;
    case DFL_IN_COPY:
        dfl_copy_match(inflater, span);
        if (inflater->left > 0) {
            break;
        }
        inflater->state = DFL_IN_SYMBOLS;
        return DFL_OK;
    case DFL_ENDED:
        return DFL_END;
    case DFL_BROKEN:
        return DFL_MALFORMED;
    }
    *waits_out = true;
    return DFL_OK;
}

/* Keeps of what this call made what later matches may need. */
static void keep(struct dfl_inflater *inflater, const struct dfl_span *span) {
    const size_t made = (size_t)(span->out - span->out_begin);
    const size_t size = vcd_min(made, DFL_WINDOW_SIZE);
    const size_t first = vcd_min(size, DFL_WINDOW_SIZE - inflater->ring_at);
    if (size > 0) {
        memcpy(inflater->ring + inflater->ring_at, span->out - size, first);
        memcpy(inflater->ring, span->out - size + first, size - first);
    }
    inflater->ring_at = (uint32_t)(inflater->ring_at + size) & RING_MASK;
    inflater->ring_size = vcd_min((size_t)inflater->ring_size + size, DFL_WINDOW_SIZE);
}

enum dfl_result dfl_inflate(struct dfl_inflater *inflater, const uint8_t *deflated,
                            size_t deflated_size, size_t *read_out, uint8_t *plain,
                            size_t plain_capacity, size_t *plain_size_out) {
    /* Without bytes there may be no pointer, to which not even 0 may be added. */
    static const uint8_t no_input[1];
    uint8_t no_room[1];
    const uint8_t *const in = deflated_size > 0 ? deflated : no_input;
    uint8_t *const out = plain_capacity > 0 ? plain : no_room;
    struct dfl_span span = {in, in + deflated_size, out, out, out + plain_capacity};
    enum dfl_result result = DFL_OK;
    bool waits = false;
    while (result == DFL_OK && !waits) {
        result = step(inflater, &span, &waits);
    }
    if (result == DFL_MALFORMED) {
        inflater->state = DFL_BROKEN;
    }
    keep(inflater, &span);
    *read_out = (size_t)(span.next - in);
    *plain_size_out = (size_t)(span.out - out);
    return result;
}

struct dfl_inflater *dfl_inflater_new(void) {
    struct dfl_inflater *const inflater = malloc(sizeof *inflater);
    if (inflater != NULL) {
        dfl_inflater_begin(inflater);
    }
    return inflater;
}

void dfl_inflater_free(struct dfl_inflater *inflater) {
    free(inflater);
}
