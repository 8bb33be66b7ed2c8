/*
 * match_chains.h - the window of a deflater, and where in it a few bytes were seen before
 *
 *   window  |<-------- 32 KiB -------->|<-------- 32 KiB -------->|
 *   head    by hash: the newest position       next    by position: the one before, in a chain
 *
 * 0 ends a chain, so the very first byte of a window is never matched. Positions that share a hash
 * without sharing bytes use up steps of a search: the hash has to be the original's.
 */
#ifndef DFL_MATCH_CHAINS_H
#define DFL_MATCH_CHAINS_H

#include "deflate_format.h"
#include "match_length.h"

enum {
    DFL_WINDOW_ROOM = 2 * DFL_WINDOW_SIZE,
    DFL_WINDOW_MASK = DFL_WINDOW_SIZE - 1,
    /* A longest match, and three bytes to be entered after it. */
    DFL_MIN_LOOKAHEAD = DFL_MAX_MATCH + DFL_MIN_MATCH + 1,
    DFL_MAX_DISTANCE = DFL_WINDOW_SIZE - DFL_MIN_LOOKAHEAD,
    DFL_OVERREAD = 64, /* wide loads at the end of the window */
};

enum dfl_hash {
    DFL_HASH_15,      /* three bytes shifted into 15 bits: zlib and GNU gzip */
    DFL_HASH_16,      /* and into 16 */
    DFL_HASH_FOUR_15, /* four bytes multiplied, 15 bits of the product: Chromium */
    DFL_HASH_FOUR_16, /* and 16 */
};

struct dfl_chains {
    uint16_t head[1 << 16];
    uint16_t next[DFL_WINDOW_SIZE];
    uint8_t window[DFL_WINDOW_ROOM + DFL_OVERREAD];
};

VCD_INLINE uint32_t dfl_hash_of(const uint8_t *bytes, enum dfl_hash hash) {
    const uint32_t mask = hash == DFL_HASH_15 || hash == DFL_HASH_FOUR_15 ? 0x7fff : 0xffff;
    if (hash == DFL_HASH_FOUR_15 || hash == DFL_HASH_FOUR_16) {
        const uint32_t product = (uint32_t)vcd_load64_le(bytes) * 66521 + 66521;
        return product >> 16 & mask;
    }
    const uint32_t shift = hash == DFL_HASH_15 ? 5 : 6;
    return ((uint32_t)bytes[0] << 2 * shift ^ (uint32_t)bytes[1] << shift ^ bytes[2]) & mask;
}

/* Enters a position and returns the one before in its chain, or 0. */
VCD_INLINE uint32_t dfl_enter(struct dfl_chains *chains, uint32_t at, enum dfl_hash hash) {
    uint16_t *const head = &chains->head[dfl_hash_of(chains->window + at, hash)];
    const uint16_t before = *head;
    chains->next[at & DFL_WINDOW_MASK] = before;
    *head = (uint16_t)at;
    return before;
}

static inline void dfl_forget(uint16_t *positions, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint16_t position = positions[i];
        positions[i] = (uint16_t)(position >= DFL_WINDOW_SIZE ? position - DFL_WINDOW_SIZE : 0);
    }
}

/* The first 'size' bytes of the upper half become the lower one; positions lose 32 KiB. */
static inline void dfl_slide_chains(struct dfl_chains *chains, size_t size) {
    memcpy(chains->window, chains->window + DFL_WINDOW_SIZE, size);
    dfl_forget(chains->head, sizeof chains->head / sizeof *chains->head);
    dfl_forget(chains->next, DFL_WINDOW_SIZE);
}

/*
 * Follows the chain from 'candidate' for a match at 'at' that is longer than 'length' and at most
 * 'limit' long, for so many 'steps'; 'nice_length' ends the search. Returns the length of the first
 * of the longest and stores where it starts, or returns 'length'.
 */
VCD_INLINE uint32_t dfl_longest_match(const struct dfl_chains *chains, uint32_t at,
                                      uint32_t candidate, uint32_t length, uint32_t limit,
                                      uint32_t nice_length, uint32_t steps, uint32_t *start_out) {
    const uint8_t *const window = chains->window, *const here = window + at;
    const uint16_t *const next = chains->next;
    const uint32_t oldest = at > DFL_MAX_DISTANCE ? at - DFL_MAX_DISTANCE : 0;
    if (length >= limit) {
        return length;
    }
    const uint64_t first = vcd_load64_le(here);
    if (length < DFL_MIN_MATCH) {
        while ((vcd_load64_le(window + candidate) ^ first) << 40 != 0) {
            candidate = next[candidate & DFL_WINDOW_MASK];
            if (candidate <= oldest || --steps == 0) {
                return length;
            }
        }
        length = (uint32_t)vcd_match_forwards(here, window + candidate, limit);
        *start_out = candidate;
        if (length >= nice_length || length >= limit) {
            return length;
        }
        candidate = next[candidate & DFL_WINDOW_MASK];
        if (candidate <= oldest || --steps == 0) {
            return length;
        }
    }
    /* What makes a match longer is its byte at 'length': four bytes up to it tell nearly always. */
    const uint8_t *end = window + length - 3;
    uint32_t last = vcd_load32(here + length - 3);
    for (;;) {
        const uint32_t following = next[candidate & DFL_WINDOW_MASK];
        if (vcd_load32(end + candidate) == last) {
            const uint32_t found = (uint32_t)vcd_match_forwards(here, window + candidate, limit);
            if (found > length) {
                length = found;
                *start_out = candidate;
                if (found >= nice_length || found >= limit) {
                    return length;
                }
                end = window + length - 3;
                last = vcd_load32(here + length - 3);
            }
        }
        candidate = following;
        if (candidate <= oldest || --steps == 0) {
            return length;
        }
    }
}

#endif
