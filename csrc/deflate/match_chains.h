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
    DFL_OVERREAD = 64,  /* wide loads at the end of the window */
    DFL_FOUR_BITS = 17, /* with 15, a tenth slower: more steps lead to four other bytes */
    DFL_OFFSETS = 64,
    DFL_SECOND_FROM = 8, /* steps in vain; with 4 or 16, levels 6 and 9 were no faster together */
    DFL_FAR_FOR_THREE = 4096, /* behind this, a match of three bytes costs more than literals */
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

VCD_INLINE uint32_t dfl_hash_mask(enum dfl_hash hash) {
    return hash == DFL_HASH_15 || hash == DFL_HASH_FOUR_15 ? 0x7fff : 0xffff;
}

VCD_INLINE uint32_t dfl_hash_of(const uint8_t *bytes, enum dfl_hash hash) {
    const uint32_t mask = dfl_hash_mask(hash);
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
        positions[i] = (uint16_t)(positions[i] > 0x7fff ? positions[i] - 0x8000 : 0);
    }
}

static inline void dfl_forget_wide(uint32_t *positions, size_t count) {
    for (size_t i = 0; i < count; i++) {
        positions[i] &= positions[i] & 0x8000 ? 0xffff7fff : 0xffff0000;
    }
}

/* The first 'size' bytes of the upper half become the lower one; positions lose 32 KiB. */
static inline void dfl_slide_chains(struct dfl_chains *chains, size_t size, enum dfl_hash hash,
                                    bool short_cut) {
    memcpy(chains->window, chains->window + DFL_WINDOW_SIZE, size);
    dfl_forget_wide(chains->heads, (size_t)dfl_hash_mask(hash) + 1);
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

/* Whether matches are looked for at all, so far back as its chain of three leads. */
VCD_INLINE bool dfl_leads_back(const struct dfl_entered *entered, uint32_t at) {
    return entered->before != 0 && at - entered->before <= DFL_MAX_DISTANCE;
}

/* ---- By four bytes ---------------------------------------------------------------------- */

/*
 * A chain of the four bytes that stand at 'offset' of what is looked for: the next place where a
 * match may start by it. All longer matches lie on each of their chains.
 */
struct dfl_trail {
    int32_t start;
    uint32_t offset;
};

VCD_INLINE struct dfl_trail dfl_followed(const struct dfl_chains *chains, struct dfl_trail trail) {
    const uint32_t place = (uint32_t)trail.start + trail.offset;
    return (struct dfl_trail){dfl_four_before(chains, place) - (int32_t)trail.offset, trail.offset};
}

VCD_INLINE struct dfl_trail dfl_farther(struct dfl_trail one, struct dfl_trail other) {
    return other.start < one.start ? other : one;
}

/*
 * The beginning of the chain of the bytes at 'offset', from 1 on. What starts less than that before
 * 'at' is not in it: then it returns 'trail', behind whose start nothing is looked for.
 */
VCD_INLINE struct dfl_trail dfl_beginning(const struct dfl_chains *chains, uint32_t at,
                                          uint32_t offset, struct dfl_trail trail) {
    if (trail.start >= (int32_t)(at - offset)) {
        return trail;
    }
    const uint32_t head = chains->four_heads[dfl_hash_of_four(chains->window + at + offset)];
    return (struct dfl_trail){(int32_t)head - (int32_t)offset, offset};
}

/*
 * The trail for what is longer than 'length', the way from 'trail' on: of all chains the one that
 * leads farthest, for it has jumped over the most. Ends where one leads to 'behind'.
 */
VCD_INLINE struct dfl_trail dfl_first_trail(const struct dfl_chains *chains, uint32_t at,
                                            uint32_t length, int32_t behind,
                                            struct dfl_trail trail) {
    for (uint32_t offset = length - 3; offset > 0 && trail.start > behind; offset--) {
        trail = dfl_farther(trail, dfl_beginning(chains, at, offset, trail));
    }
    return trail;
}

/*
 * The same behind a match of 'length' bytes at 'start', whose positions are in the chains of all
 * its bytes. The chain of those at its end is the only one that it is not in itself.
 */
VCD_INLINE struct dfl_trail dfl_next_trail(const struct dfl_chains *chains, uint32_t at,
                                           uint32_t length, int32_t behind, uint32_t start) {
    struct dfl_trail trail =
        dfl_beginning(chains, at, length - 3, (struct dfl_trail){(int32_t)start, 0});
    if (trail.start <= behind) {
        return trail;
    }
    const uint32_t entered = at - start - 1; /* offsets whose positions are in the chains by now */
    const uint32_t most = length - 4 < entered ? length - 4 : entered;
    const uint32_t offsets = most < DFL_OFFSETS ? most : DFL_OFFSETS;
    for (uint32_t offset = 0; offset <= offsets; offset++) {
        const struct dfl_trail here = {(int32_t)start, offset};
        trail = dfl_farther(trail, dfl_followed(chains, here));
    }
    return trail;
}

/* Whether at 'start' there may be a match longer than 'length', by its first and its last bytes. */
VCD_INLINE bool dfl_may_be_longer(const uint8_t *here, const uint8_t *start, uint32_t length) {
    return vcd_load32(start + length - 3) == vcd_load32(here + length - 3) &&
           vcd_load32(start) == vcd_load32(here);
}

/* The chain that is followed, and where that is crowded a second one; INT32_MAX until then. */
struct dfl_trails {
    struct dfl_trail one, second;
    uint32_t steps;
};

VCD_INLINE struct dfl_trails dfl_along(struct dfl_trail trail) {
    return (struct dfl_trails){trail, {INT32_MAX, 0}, 0};
}

/*
 * Follows 'trails' to where there may be a match longer than 'length', and beyond; false: there is
 * none, or '*patience' has come to 0. The second one is that of the other end of such a match,
 * whose first bytes' chain begins at 'first': once either has ended, there is no longer match.
 */
VCD_INLINE bool dfl_find_longer(const struct dfl_chains *chains, uint32_t at, uint32_t length,
                                int32_t behind, uint32_t first, uint32_t *patience,
                                struct dfl_trails *trails, uint32_t *start_out) {
    const uint8_t *const window = chains->window, *const here = window + at;
    struct dfl_trail one = trails->one, second = trails->second;
    bool found = false;
    while (!found && one.start > behind && second.start > behind && --*patience > 0) {
        *start_out = (uint32_t)one.start;
        found = dfl_may_be_longer(here, window + one.start, length);
        one = dfl_followed(chains, one);
        if (found) {
            continue;
        }
        if (second.start != INT32_MAX) {
            *start_out = (uint32_t)second.start;
            found = dfl_may_be_longer(here, window + second.start, length);
            second = dfl_followed(chains, second);
        } else if (++trails->steps == DFL_SECOND_FROM) {
            second = one.offset > 0 || length == 3 ? (struct dfl_trail){(int32_t)first, 0}
                                                   : dfl_beginning(chains, at, length - 3, one);
        }
    }
    trails->one = one;
    trails->second = second;
    return found;
}

/* The nearest match of three bytes for fewer than 'length', unless it is too far: then 'length'. */
VCD_INLINE uint32_t dfl_nearest_of_three(const struct dfl_chains *chains,
                                         const struct dfl_search *search, uint32_t candidate,
                                         uint32_t length, uint32_t *start_out) {
    const uint8_t *const window = chains->window;
    const uint32_t at = search->at;
    const uint32_t behind = at > DFL_FAR_FOR_THREE ? at - DFL_FAR_FOR_THREE - 1 : 0;
    const uint64_t three = vcd_load64_le(window + at);
    for (uint32_t steps = search->steps; candidate > behind && steps > 0; steps--) {
        if ((vcd_load64_le(window + candidate) ^ three) << 40 == 0) {
            *start_out = candidate;
            return DFL_MIN_MATCH;
        }
        candidate = chains->next[candidate & DFL_WINDOW_MASK];
    }
    return length;
}

/* What is left to a search that has lost its patience; rare, and kept out of the hot loops. */
VCD_COLD uint32_t dfl_give_up(const struct dfl_chains *chains, const struct dfl_search *search,
                              const struct dfl_entered *entered, uint32_t length,
                              uint32_t *start_out) {
    return dfl_leads_back(entered, search->at)
               ? dfl_longest_match(chains, search, entered->before, length, start_out)
               : length;
}

/*
 * Like dfl_longest_match() by chains of four bytes, and with the same result, but that it may miss
 * a match of three bytes that is too far. A longer match has every four of its bytes in common, so
 * the chain of any four leads to it, and the least crowded is taken. How many steps it would have
 * been in the chain of three is the difference of ranks.
 */
VCD_INLINE uint32_t dfl_longest_match_by_four(const struct dfl_chains *chains,
                                              const struct dfl_search *search,
                                              const struct dfl_entered *entered, uint32_t length,
                                              uint32_t *start_out) {
    const uint8_t *const window = chains->window, *const here = window + search->at;
    const uint32_t at = search->at, farthest = dfl_behind(search), first = entered->four_before;
    /* The first position of a chain, and none but this, may be as far as it gets. */
    const int32_t behind = (int32_t)farthest - (farthest > 0 && entered->before == farthest);
    struct dfl_trail trail = {(int32_t)first, 0};
    struct dfl_trails trails;
    uint32_t patience = 4 * search->steps + 64; /* steps are what the originals spend at most */
    uint32_t longest = length, start;
    bool found;
    if (length < DFL_MIN_MATCH) {
        const uint32_t four = vcd_load32(here);
        while (trail.start > behind && vcd_load32(window + trail.start) != four && --patience > 0) {
            trail = dfl_followed(chains, trail);
        }
        found = trail.start > behind && patience > 0;
        start = (uint32_t)trail.start;
    } else {
        trails = dfl_along(dfl_first_trail(chains, at, length, behind, trail));
        found = dfl_find_longer(chains, at, length, behind, first, &patience, &trails, &start);
    }
    while (found) {
        const uint32_t rank = chains->links[start & DFL_WINDOW_MASK] >> 16;
        if ((uint16_t)(entered->rank - rank) > search->steps) {
            break;
        }
        const uint32_t size = (uint32_t)vcd_match_forwards(here, window + start, search->limit);
        if (size > longest) {
            longest = size;
            *start_out = start;
            if (size >= search->nice_length) {
                return longest;
            }
            trails = dfl_along(dfl_next_trail(chains, at, longest, behind, start));
        }
        found = dfl_find_longer(chains, at, longest, behind, first, &patience, &trails, &start);
    }
    if (patience == 0) {
        return dfl_give_up(chains, search, entered, length, start_out);
    }
    return longest >= DFL_MIN_MATCH
               ? longest
               : dfl_nearest_of_three(chains, search, entered->before, length, start_out);
}

#endif
