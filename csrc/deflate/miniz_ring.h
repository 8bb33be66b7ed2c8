/*
 * miniz_ring.h - the window of miniz_oxide, and where in it a match is
 *
 *   ring   |..... behind .....| 'at'  ahead, up to 258 |..... behind .....|      32 KiB
 *
 * Matches are found by chains of three bytes, like zlib's. What differs: a position is entered as
 * soon as its bytes are there, before it is searched; a search goes by threes, and counts one for
 * each candidate that agrees in two bytes and for three that do not; a match of three bytes has to
 * be near. Positions have 16 bits, so some are taken for others 64 KiB on: what is found there are
 * matches as well, or none.
 */
#ifndef DFL_MINIZ_RING_H
#define DFL_MINIZ_RING_H

#include "deflate_format.h"
#include "match_length.h"

enum {
    DFL_RING_MASK = DFL_WINDOW_SIZE - 1,
    DFL_RING_MIRROR = 320, /* a longest match from any place in one piece, and wide loads */
    DFL_RING_HASH_BITS = 15,
    DFL_RING_FOUR_BITS = 17,
    DFL_RING_SECOND_FROM = 8,  /* steps in vain, for a second chain */
    DFL_RING_LONG = 32,        /* with such a match at hand, a quarter of the steps */
    DFL_FAR_IN_RING = 8 << 10, /* for a match of three bytes */
    DFL_NOWHERE = UINT16_MAX,
};

/* Chains of three bytes, and as match_chains.h has them, of four. */
struct dfl_ring {
    uint64_t at;
    uint32_t ahead;    /* bytes in the ring from 'at' on */
    uint32_t behind;   /* bytes in the ring before 'at', of those a match may reach */
    uint32_t steps[2]; /* rounds of a search and one; with a long match at hand */
    bool short_cut;    /* searches go by chains of four bytes */
    uint32_t heads[1 << DFL_RING_HASH_BITS]; /* how many (upper half), the newest position */
    uint16_t next[DFL_WINDOW_SIZE];
    uint16_t ranks[DFL_WINDOW_SIZE]; /* the number of each in its chain */
    uint16_t four_heads[1 << DFL_RING_FOUR_BITS];
    uint16_t four_next[DFL_WINDOW_SIZE];
    uint8_t bytes[DFL_WINDOW_SIZE + DFL_RING_MIRROR];
};

VCD_INLINE uint32_t dfl_ring_hash(const uint8_t *three) {
    return ((uint32_t)three[0] << 10 ^ (uint32_t)three[1] << 5 ^ three[2]) &
           ((1u << DFL_RING_HASH_BITS) - 1);
}

VCD_INLINE void dfl_ring_enter(struct dfl_ring *ring, uint64_t position, const uint8_t *three) {
    uint32_t *const head = &ring->heads[dfl_ring_hash(three)];
    const uint32_t rank = (*head >> 16) + 1;
    ring->next[position & DFL_RING_MASK] = (uint16_t)*head;
    ring->ranks[position & DFL_RING_MASK] = (uint16_t)rank;
    *head = rank << 16 | (position & UINT16_MAX);
}

VCD_INLINE void dfl_ring_enter_four(struct dfl_ring *ring, uint64_t position, const uint8_t *four) {
    const uint32_t hash = vcd_load32(four) * UINT32_C(2654435761) >> (32 - DFL_RING_FOUR_BITS);
    ring->four_next[position & DFL_RING_MASK] = ring->four_heads[hash];
    ring->four_heads[hash] = (uint16_t)position;
}

/* The byte at 'next'. What 'read' bytes before it can be hashed there waits for no store. */
VCD_INLINE void dfl_ring_put(struct dfl_ring *ring, const uint8_t *next, size_t read) {
    uint8_t *const bytes = ring->bytes;
    const uint64_t place = ring->at + ring->ahead++;
    bytes[place & DFL_RING_MASK] = *next;
    if ((place & DFL_RING_MASK) < DFL_RING_MIRROR) {
        bytes[DFL_WINDOW_SIZE + (place & DFL_RING_MASK)] = *next;
    }
    if (place >= 2) {
        dfl_ring_enter(ring, place - 2,
                       read >= 2 ? next - 2 : bytes + ((place - 2) & DFL_RING_MASK));
    }
    if (place >= 3 && ring->short_cut) {
        dfl_ring_enter_four(ring, place - 3,
                            read >= 3 ? next - 3 : bytes + ((place - 3) & DFL_RING_MASK));
    }
}

VCD_INLINE uint16_t dfl_two_bytes(const uint8_t *from) {
    uint16_t bytes;
    memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

/*
 * Returns the length of a match longer than 'length' and its distance, or 'length'. Nearly all time
 * goes by here, waiting for the next candidate.
 */
static inline uint32_t dfl_ring_longest_match(const struct dfl_ring *ring, uint32_t length,
                                              uint32_t limit, uint32_t behind,
                                              uint32_t *distance_out) {
    const uint8_t *const bytes = ring->bytes, *const here = bytes + (ring->at & DFL_RING_MASK);
    const uint16_t *const next = ring->next;
    const uint32_t at = (uint32_t)ring->at;
    const uint16_t first = dfl_two_bytes(here);
    uint32_t steps = ring->steps[length >= DFL_RING_LONG], place = at & DFL_RING_MASK;
    if (length >= limit) {
        return length;
    }
    const uint8_t *end = bytes + length - 1;
    uint16_t last = dfl_two_bytes(here + length - 1);
    while (--steps > 0) {
        uint32_t distance = 0;
        bool agrees = false;
        for (uint32_t i = 0; i < 3 && !agrees; i++) {
            const uint32_t position = next[place];
            distance = (at - position) & UINT16_MAX;
            if (position == 0 || distance > behind) {
                return length;
            }
            place = position & DFL_RING_MASK;
            agrees = dfl_two_bytes(end + place) == last;
        }
        if (!agrees) {
            continue;
        }
        if (distance == 0) {
            return length;
        }
        if (dfl_two_bytes(bytes + place) == first) {
            const uint32_t found = (uint32_t)vcd_match_forwards(here, bytes + place, limit);
            if (found > length) {
                length = found;
                *distance_out = distance;
                if (found == limit) {
                    return length;
                }
                end = bytes + length - 1;
                last = dfl_two_bytes(here + length - 1);
            }
        }
    }
    return length;
}

/* ---- By four bytes ---------------------------------------------------------------------- */

/* The chain of the four bytes at 'offset' of what is looked for, and how far back a match may start
 * by it. DFL_NOWHERE is too far. */
struct dfl_ring_trail {
    uint32_t distance;
    uint32_t offset;
};

/* Positions have 16 bits here, too: what leads back towards 'at' was left 64 KiB ago. */
VCD_INLINE struct dfl_ring_trail dfl_ring_followed(const struct dfl_ring *ring,
                                                   struct dfl_ring_trail trail) {
    const uint32_t from = (uint32_t)ring->at + trail.offset;
    const uint32_t position = ring->four_next[(from - trail.distance) & DFL_RING_MASK];
    const uint32_t distance = (from - position) & UINT16_MAX;
    return (struct dfl_ring_trail){distance > trail.distance ? distance : DFL_NOWHERE,
                                   trail.offset};
}

VCD_INLINE struct dfl_ring_trail dfl_ring_farther(struct dfl_ring_trail one,
                                                  struct dfl_ring_trail other) {
    return other.distance > one.distance ? other : one;
}

/*
 * Of the chains of all fours of a match longer than 'length', the one that leads farthest behind
 * 'distance', where all of 'length' are the same; the one that ends it, first.
 */
static inline struct dfl_ring_trail dfl_ring_farthest(const struct dfl_ring *ring, uint32_t length,
                                                      uint32_t distance) {
    struct dfl_ring_trail trail = dfl_ring_followed(ring, (struct dfl_ring_trail){0, length - 3});
    for (uint32_t offset = 0; offset + 3 < length && trail.distance <= ring->behind; offset++) {
        trail = dfl_ring_farther(
            trail, dfl_ring_followed(ring, (struct dfl_ring_trail){distance, offset}));
    }
    return trail;
}

struct dfl_ring_found {
    uint32_t length;
    uint32_t distance;
};

enum dfl_ring_way { DFL_SURE, DFL_UNSURE };

/*
 * What dfl_ring_longest_match() finds of four bytes and more, by any chain of four of them, as
 * match_chains.h does. The difference of ranks is how many candidates it would have looked at; as
 * it counts one for some of them and one for three of others, it may have given up or not:
 * DFL_UNSURE.
 */
static inline enum dfl_ring_way dfl_ring_find_by_four(const struct dfl_ring *ring,
                                                      struct dfl_ring_found *found) {
    const uint8_t *const bytes = ring->bytes, *const here = bytes + (ring->at & DFL_RING_MASK);
    const uint32_t at = (uint32_t)ring->at, behind = ring->behind;
    const uint32_t sure = ring->steps[found->length >= DFL_RING_LONG] - 1;
    const uint16_t rank = ring->ranks[at & DFL_RING_MASK];
    const uint32_t first = vcd_load32(here);
    uint32_t length = found->length < DFL_MIN_MATCH ? DFL_MIN_MATCH : found->length;
    uint32_t last = vcd_load32(here + length - 3), patience = 12 * sure + 64, steps = 0;
    struct dfl_ring_trail trail = dfl_ring_farthest(ring, length, 0), second = {0, 0};
    while (trail.distance <= behind && second.distance <= behind) {
        if (--patience == 0) {
            return DFL_UNSURE;
        }
        const uint32_t distance = trail.distance;
        const uint8_t *const start = bytes + ((at - distance) & DFL_RING_MASK);
        trail = dfl_ring_followed(ring, trail);
        if (++steps >= DFL_RING_SECOND_FROM) { /* crowded: in turns with that of the other end */
            const struct dfl_ring_trail other = trail;
            if (steps == DFL_RING_SECOND_FROM) {
                second = (struct dfl_ring_trail){0, trail.offset > 0 ? 0 : length - 3};
            }
            trail = steps == DFL_RING_SECOND_FROM ? dfl_ring_followed(ring, second) : second;
            second = other;
        }
        if (vcd_load32(start + length - 3) != last || vcd_load32(start) != first) {
            continue;
        }
        const uint32_t rounds = (uint16_t)(rank - ring->ranks[(at - distance) & DFL_RING_MASK]);
        if (rounds > 3 * sure) {
            return DFL_SURE;
        }
        /* A position of 0 ends a chain. */
        const bool cut =
            distance >= (at & UINT16_MAX) && dfl_ring_hash(bytes) == dfl_ring_hash(here);
        if (rounds > sure || cut) {
            return DFL_UNSURE;
        }
        const uint32_t size = (uint32_t)vcd_match_forwards(here, start, DFL_MAX_MATCH);
        if (size > length) {
            *found = (struct dfl_ring_found){size, distance};
            length = size;
            if (size == DFL_MAX_MATCH) {
                return DFL_SURE;
            }
            last = vcd_load32(here + length - 3);
            trail = dfl_ring_farthest(ring, length, distance);
            second = (struct dfl_ring_trail){0, 0};
            steps = 0;
        }
    }
    return DFL_SURE;
}

/* The match that is longer than 'length', or 'length'; of three bytes, only where it is near. */
static inline uint32_t dfl_ring_match(const struct dfl_ring *ring, uint32_t length,
                                      uint32_t *distance_out) {
    const uint32_t limit = (uint32_t)vcd_min(ring->ahead, DFL_MAX_MATCH);
    if (!ring->short_cut || limit < DFL_MAX_MATCH) {
        return dfl_ring_longest_match(ring, length, limit, ring->behind, distance_out);
    }
    struct dfl_ring_found found = {length, 0};
    if (dfl_ring_find_by_four(ring, &found) == DFL_UNSURE) {
        return dfl_ring_longest_match(ring, length, limit, ring->behind, distance_out);
    }
    if (found.length < DFL_MIN_MATCH) {
        const uint32_t near = (uint32_t)vcd_min(ring->behind, DFL_FAR_IN_RING - 1);
        return dfl_ring_longest_match(ring, length, DFL_MIN_MATCH, near, distance_out);
    }
    *distance_out = found.distance;
    return found.length;
}

#endif
