/*
 * zlib_ng_chains.h - where zlib-ng has seen four bytes before, and the longest match there
 *
 *   window  |<-------- 32 KiB -------->|<-------- 32 KiB -------->|
 *   heads   by a hash of four bytes: what was entered last       next    what was before it
 *
 * Much as zlib's, at level 6. What is entered twice, out of turn, may stand before itself in a
 * chain, or lead to what comes later: a search counts its steps, and so ends.
 */
#ifndef DFL_ZLIB_NG_CHAINS_H
#define DFL_ZLIB_NG_CHAINS_H

#include "match_chains.h"

enum {
    DFL_ZLIB_NG_STEPS = 128,
    DFL_ZLIB_NG_LEAST = 4,                    /* no match is shorter */
    DFL_ZLIB_NG_OVERREAD = DFL_MAX_MATCH + 8, /* behind the last place of a window */
};

struct dfl_zlib_ng_chains {
    uint16_t heads[1 << 16];
    uint16_t next[DFL_WINDOW_SIZE];
    uint8_t window[DFL_WINDOW_ROOM + DFL_ZLIB_NG_OVERREAD];
};

/* Enters a position, and returns the one before in its chain; itself where it is the last. */
VCD_INLINE uint32_t dfl_zlib_ng_enter(struct dfl_zlib_ng_chains *chains, uint32_t at) {
    const uint32_t bytes = (uint32_t)vcd_load64_le(chains->window + at);
    uint16_t *const head = &chains->heads[bytes * UINT32_C(2654435761) >> 16];
    const uint32_t before = *head;
    if (before != at) {
        chains->next[at & DFL_WINDOW_MASK] = (uint16_t)before;
        *head = (uint16_t)at;
    }
    return before;
}

/* The upper half becomes the lower one. */
static inline void dfl_zlib_ng_slide(struct dfl_zlib_ng_chains *chains) {
    memcpy(chains->window, chains->window + DFL_WINDOW_SIZE, DFL_WINDOW_SIZE);
    dfl_forget(chains->heads, sizeof chains->heads / sizeof *chains->heads);
    dfl_forget(chains->next, DFL_WINDOW_SIZE);
}

/*
 * Follows the chain from 'candidate' for the first of the longest matches at 'at', until one has
 * 'enough' bytes. Returns its length and stores where it starts; 2, if there is none. Bytes behind
 * those that are there may be among the length.
 *
 * A match longer than the longest so far agrees in all of its bytes and one more: of less than
 * eight, these are compared, and else the first eight and the last.
 */
VCD_INLINE uint32_t dfl_zlib_ng_longest_match(const struct dfl_zlib_ng_chains *chains, uint32_t at,
                                              uint32_t enough, uint32_t candidate,
                                              uint32_t *start_out) {
    const uint8_t *const window = chains->window, *const here = window + at;
    const uint16_t *const next = chains->next;
    const uint32_t behind = at > DFL_MAX_DISTANCE ? at - DFL_MAX_DISTANCE : 0;
    const uint64_t first = vcd_load64_le(here);
    uint32_t steps = DFL_ZLIB_NG_STEPS, length = DFL_MIN_MATCH - 1;

#define FOLLOW_UNLESS(like)                                                                        \
    while (!(like)) {                                                                              \
        candidate = next[candidate & DFL_WINDOW_MASK];                                             \
        if (--steps == 0 || candidate <= behind) {                                                 \
            return length;                                                                         \
        }                                                                                          \
    }
    while (candidate < at) {
        if (length < 8) {
            const uint32_t others = 8 * (7 - length);
            FOLLOW_UNLESS((vcd_load64_le(window + candidate) ^ first) << others == 0)
        } else {
            const uint8_t *const end = window + length - 7;
            const uint64_t last = vcd_load64_le(here + length - 7);
            FOLLOW_UNLESS(vcd_load64_le(end + candidate) == last &&
                          vcd_load64_le(window + candidate) == first)
        }
        const uint32_t found =
            (uint32_t)vcd_match_forwards(here, window + candidate, DFL_MAX_MATCH);
        if (found > length) {
            *start_out = candidate;
            length = found;
            if (found >= enough) {
                return length;
            }
        }
        candidate = next[candidate & DFL_WINDOW_MASK];
        if (--steps == 0 || candidate <= behind) {
            return length;
        }
    }
    return length;
#undef FOLLOW_UNLESS
}

#endif
