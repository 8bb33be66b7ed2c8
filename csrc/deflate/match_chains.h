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

#include <assert.h>

#include "deflate_format.h"
#include "match_length.h"

enum {
    DFL_WINDOW_ROOM = 2 * DFL_WINDOW_SIZE,
    DFL_WINDOW_MASK = DFL_WINDOW_SIZE - 1,
    /* A longest match, and three bytes to be entered after it. */
    DFL_MIN_LOOKAHEAD = DFL_MAX_MATCH + DFL_MIN_MATCH + 1,
    DFL_MAX_DISTANCE = DFL_WINDOW_SIZE - DFL_MIN_LOOKAHEAD,
    DFL_OVERREAD = 64, /* wide loads at the end of the window */
    DFL_FOUR_BITS = 15,
    DFL_OFFSETS = 64,
};

enum dfl_hash {
    DFL_HASH_15,      /* three bytes shifted into 15 bits: zlib and GNU gzip */
    DFL_HASH_16,      /* and into 16 */
    DFL_HASH_FOUR_15, /* four bytes multiplied, 15 bits of the product: Chromium */
    DFL_HASH_FOUR_16, /* and 16 */
};

/*
 * heads   by hash: how many were entered (upper half), the newest position (lower half)
 * links   by position: its number in its own chain (upper half), the position before in the chain
 *         of its first four bytes (lower half)
 */
struct dfl_chains {
    uint32_t heads[1 << 16];
    uint32_t links[DFL_WINDOW_SIZE];
    uint16_t next[DFL_WINDOW_SIZE];
    uint16_t four_heads[1 << DFL_FOUR_BITS];
    uint8_t window[DFL_WINDOW_ROOM + DFL_OVERREAD];
};

/* Where a position's chains go on: 0 is the end. */
struct dfl_entered {
    uint32_t before;
    uint32_t four_before;
    uint16_t rank;
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

VCD_INLINE uint32_t dfl_hash_of_four(const uint8_t *bytes) {
    return vcd_load32(bytes) * UINT32_C(2654435761) >> (32 - DFL_FOUR_BITS);
}

/* Enters a position, with 'short_cut' into the chain of four bytes as well. */
VCD_INLINE struct dfl_entered dfl_enter(struct dfl_chains *chains, uint32_t at, enum dfl_hash hash,
                                        bool short_cut) {
    const uint8_t *const bytes = chains->window + at;
    uint32_t *const head = &chains->heads[dfl_hash_of(bytes, hash)];
    struct dfl_entered entered = {*head & 0xffff, 0, (uint16_t)((*head >> 16) + 1)};
    *head = (uint32_t)entered.rank << 16 | at;
    chains->next[at & DFL_WINDOW_MASK] = (uint16_t)entered.before;
    if (short_cut) {
        uint16_t *const four_head = &chains->four_heads[dfl_hash_of_four(bytes)];
        entered.four_before = *four_head;
        *four_head = (uint16_t)at;
        chains->links[at & DFL_WINDOW_MASK] = (uint32_t)entered.rank << 16 | entered.four_before;
    }
    return entered;
}

/* Positions lose 32 KiB, and what is before them is forgotten; 'wide' ones have an upper half. */
static inline void dfl_forget(uint16_t *positions, size_t count) {
    static_assert(DFL_WINDOW_SIZE == 0x8000, "a position has one bit more than one in a half");
    for (size_t i = 0; i < count; i++) {
        positions[i] = (uint16_t)(positions[i] & 0x8000 ? positions[i] & 0x7fff : 0);
    }
}

static inline void dfl_forget_wide(uint32_t *positions, size_t count) {
    for (size_t i = 0; i < count; i++) {
        positions[i] &= positions[i] & 0x8000 ? 0xffff7fff : 0xffff0000;
    }
}

/* The first 'size' bytes of the upper half become the lower one; positions lose 32 KiB. */
static inline void dfl_slide_chains(struct dfl_chains *chains, size_t size, bool short_cut) {
    memcpy(chains->window, chains->window + DFL_WINDOW_SIZE, size);
    dfl_forget_wide(chains->heads, sizeof chains->heads / sizeof *chains->heads);
    dfl_forget(chains->next, DFL_WINDOW_SIZE);
    if (short_cut) {
        dfl_forget(chains->four_heads, sizeof chains->four_heads / sizeof *chains->four_heads);
        dfl_forget_wide(chains->links, DFL_WINDOW_SIZE);
    }
}

VCD_INLINE int32_t dfl_four_before(const struct dfl_chains *chains, uint32_t at) {
    return (int32_t)(chains->links[at & DFL_WINDOW_MASK] & 0xffff);
}

/* What is looked for: a match at 'at' that is at most 'limit' long; 'nice_length' is enough. */
struct dfl_search {
    uint32_t at;
    uint32_t limit;
    uint32_t nice_length;
    uint32_t steps;
};

/* Positions a search may go to lie behind this one. */
VCD_INLINE uint32_t dfl_behind(const struct dfl_search *search) {
    return search->at > DFL_MAX_DISTANCE ? search->at - DFL_MAX_DISTANCE : 0;
}

/*
 * Follows the chain from 'candidate' for a match that is longer than 'length'. Returns the length
 * of the first of the longest and stores where it starts, or returns 'length'.
 */
VCD_INLINE uint32_t dfl_longest_match(const struct dfl_chains *chains,
                                      const struct dfl_search *search, uint32_t candidate,
                                      uint32_t length, uint32_t *start_out) {
    const uint8_t *const window = chains->window, *const here = window + search->at;
    const uint16_t *const next = chains->next;
    const uint32_t behind = dfl_behind(search), limit = search->limit;
    uint32_t steps = search->steps;
    if (length >= limit) {
        return length;
    }
    if (length < DFL_MIN_MATCH) {
        const uint64_t first = vcd_load64_le(here);
        while ((vcd_load64_le(window + candidate) ^ first) << 40 != 0) {
            candidate = next[candidate & DFL_WINDOW_MASK];
            if (candidate <= behind || --steps == 0) {
                return length;
            }
        }
        length = (uint32_t)vcd_match_forwards(here, window + candidate, limit);
        *start_out = candidate;
        if (length >= search->nice_length) {
            return length;
        }
        candidate = next[candidate & DFL_WINDOW_MASK];
        if (candidate <= behind || --steps == 0) {
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
                if (found >= search->nice_length) {
                    return length;
                }
                end = window + length - 3;
                last = vcd_load32(here + length - 3);
            }
        }
        candidate = following;
        if (candidate <= behind || --steps == 0) {
            return length;
        }
    }
}

/*
 * Behind a match of 'length' bytes at 'start': the next place where a longer one may start, in
 * '*offset_out' bytes before a position of some chain of four bytes. A longer match has all the
 * bytes of this one, so in each of their chains it lies behind them: at the farthest, then.
 */
VCD_INLINE int32_t dfl_next_start(const struct dfl_chains *chains, uint32_t at, uint32_t start,
                                  uint32_t length, uint32_t *offset_out) {
    const uint32_t entered = at - start - 1; /* offsets whose positions are in the chains by now */
    const uint32_t most = length - 4 < entered ? length - 4 : entered;
    const uint32_t offsets = most < DFL_OFFSETS ? most : DFL_OFFSETS;
    int32_t farthest = dfl_four_before(chains, start);
    *offset_out = 0;
    for (uint32_t offset = 1; offset <= offsets; offset++) {
        const int32_t next = dfl_four_before(chains, start + offset);
        if (next - (int32_t)offset < farthest) {
            farthest = next - (int32_t)offset;
            *offset_out = offset;
        }
    }
    return farthest;
}

/*
 * The same for a match at 'at' of which four bytes from 'offset' on are asked for, none of which
 * starts behind 'candidate'.
 */
VCD_INLINE int32_t dfl_peek(const struct dfl_chains *chains, uint32_t at, uint32_t offset,
                            int32_t candidate) {
    if (candidate >= (int32_t)(at - offset)) {
        return candidate;
    }
    const uint8_t *const bytes = chains->window + at + offset;
    return (int32_t)chains->four_heads[dfl_hash_of_four(bytes)] - (int32_t)offset;
}

/*
 * Like dfl_longest_match(), and with the same result, by chains of four bytes. A longer match has
 * every four of its bytes in common, so the chain of any four leads to it, and the least crowded
 * is taken. How many steps it would have been in the chain of three is the difference of ranks.
 */
VCD_INLINE uint32_t dfl_longest_match_by_four(const struct dfl_chains *chains,
                                              const struct dfl_search *search,
                                              const struct dfl_entered *entered, uint32_t length,
                                              uint32_t *start_out) {
    const uint8_t *const window = chains->window, *const here = window + search->at;
    const uint32_t at = search->at, least = length < DFL_MIN_MATCH ? DFL_MIN_MATCH : length;
    /* The first position of a chain, and none but this, may be as far as it gets. */
    const int32_t behind =
        (int32_t)dfl_behind(search) - (entered->before == dfl_behind(search) ? 1 : 0);
    const uint32_t first = vcd_load32(here);
    uint32_t longest = least, offset = 0, last = vcd_load32(here + longest - 3);
    uint32_t patience = 4 * search->steps + 64; /* steps are what the originals spend at most */
    int32_t candidate = (int32_t)entered->four_before;
    for (uint32_t peek = 1; peek <= longest - 3; peek++) {
        const int32_t other = dfl_peek(chains, at, peek, candidate);
        if (other < candidate) {
            candidate = other;
            offset = peek;
        }
    }
    while (candidate > behind) {
        const uint32_t start = (uint32_t)candidate;
        if (--patience == 0) {
            return dfl_longest_match(chains, search, entered->before, length, start_out);
        }
        if (vcd_load32(window + start + longest - 3) == last &&
            vcd_load32(window + start) == first) {
            const uint32_t rank = chains->links[start & DFL_WINDOW_MASK] >> 16;
            if ((uint16_t)(entered->rank - rank) > search->steps) {
                break;
            }
            const uint32_t found =
                (uint32_t)vcd_match_forwards(here, window + start, search->limit);
            if (found > longest) {
                longest = found;
                *start_out = start;
                if (found >= search->nice_length) {
                    return longest;
                }
                last = vcd_load32(here + longest - 3);
                candidate = dfl_next_start(chains, at, start, longest, &offset);
                const int32_t other = dfl_peek(chains, at, longest - 3, candidate);
                if (other < candidate) {
                    candidate = other;
                    offset = longest - 3;
                }
                continue;
            }
        }
        candidate = dfl_four_before(chains, start + offset) - (int32_t)offset;
    }
    if (longest > least || length >= DFL_MIN_MATCH) {
        return longest;
    }
    /* None of four bytes: then the first of three. */
    const uint64_t three = vcd_load64_le(here);
    uint32_t steps = search->steps, next = entered->before;
    while ((vcd_load64_le(window + next) ^ three) << 40 != 0) {
        next = chains->next[next & DFL_WINDOW_MASK];
        if (next <= dfl_behind(search) || --steps == 0) {
            return length;
        }
    }
    *start_out = next;
    return DFL_MIN_MATCH;
}

#endif
