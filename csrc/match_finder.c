/*
 * match_finder.c - which parts of a target window to copy, and from where
 *
 * Versions of an artifact mostly agree along a diagonal: target position minus
 * source position stays the same until something was inserted or removed. So
 *
 *   1. follow the diagonal as far as it goes (the speed of memory);
 *   2. where it breaks, look for its continuation behind a few bytes that differ;
 *   3. else look 16-byte keys up in the index of the source, until a long match is
 *      found; extend it both ways and go on at 1;
 *   4. the gap that is left before it goes to the gap parser, which looks closer.
 */
#include "match_finder.h"

#include <stdlib.h>
#include <string.h>

#include "match_length.h"

enum {
    SOLID_SIZE = 32,        /* a match worth changing the diagonal for */
    SOLID_ON_DIAGONAL = 12, /* a match worth staying on it */
    RESYNC_REACH = 96,      /* bytes of difference that step 2 looks across */
    WINDOW_STEP = 16,       /* between sampled keys of the window */
    WINDOW_SLOT_BITS = 18,
    BATCH = 16,     /* look-ups in flight: a memory latency's worth */
    STEP_UP = 4096, /* look-ups without a match that widen the step */
    STEP_MAX = 7,   /* finds any match of 16 * 7 + 15 bytes */
};

bool vcd_finder_start(struct vcd_match_finder *finder, const uint8_t *source, size_t source_size) {
    memset(finder, 0, sizeof *finder);
    finder->source = source;
    finder->source_size = source_size;
    finder->window_keys.bits = WINDOW_SLOT_BITS;
    finder->window_keys.slots = malloc(sizeof *finder->window_keys.slots << WINDOW_SLOT_BITS);
    return vcd_gap_parser_start(&finder->gaps, source, source_size) &&
           finder->window_keys.slots != NULL;
}

void vcd_finder_free(struct vcd_match_finder *finder) {
    free(finder->copies.copies);
    free(finder->solid.copies);
    free(finder->window_keys.slots);
    vcd_gap_parser_free(&finder->gaps);
}

/* The first place below 'limit' where SOLID_ON_DIAGONAL bytes of 'a' and 'b' agree, or 'limit'. */
static size_t resync(const uint8_t *a, const uint8_t *b, size_t limit) {
    size_t i = 0;
    while (i + SOLID_ON_DIAGONAL <= limit) {
        const uint64_t later = vcd_load64_le(a + i + SOLID_ON_DIAGONAL - 8) ^
                               vcd_load64_le(b + i + SOLID_ON_DIAGONAL - 8);
        if (later != 0) { /* no match can begin before the last difference */
            i += SOLID_ON_DIAGONAL - 8 + vcd_highest_byte(later) + 1;
            continue;
        }
        const uint64_t sooner = vcd_load64_le(a + i) ^ vcd_load64_le(b + i);
        if (sooner == 0) {
            return i;
        }
        i += vcd_highest_byte(sooner) + 1;
    }
    return limit;
}

/* A match: window bytes [at - backwards, at + forwards) agree with those around 'from'. */
struct match {
    size_t from; /* in the source, or behind its size in the window */
    size_t at;
    size_t forwards;
    size_t backwards;
};

/* The best match of the 16-byte key at window + p that the index knows. */
static struct match look_up(const struct vcd_match_finder *finder, const struct vcd_index *index,
                            uint64_t hash, const uint8_t *window, size_t size, size_t anchor,
                            size_t p) {
    const uint32_t index_mask = vcd_index_mask(index);
    const uint32_t *const bucket = vcd_index_bucket(index, hash);
    const uint32_t tag = vcd_index_tag(index, hash);
    struct match best = {.at = p};
    for (int i = 0; i < 2; i++) {
        /* Other tags come first: they are the rule, and a rule is cheap to predict. */
        if (((bucket[i] ^ tag) & ~index_mask) != 0 || bucket[i] == 0) {
            continue;
        }
        const size_t place = (size_t)((bucket[i] & index_mask) - 1) * index->step;
        const size_t forwards = vcd_match_forwards(window + p, finder->source + place,
                                                   vcd_min(size - p, finder->source_size - place));
        const size_t backwards =
            vcd_match_backwards(window + p, finder->source + place, vcd_min(p - anchor, place));
        if (forwards + backwards > best.forwards + best.backwards) {
            best.from = place;
            best.forwards = forwards;
            best.backwards = backwards;
        }
    }
    return best;
}

/* Positions to look up, their hashes known and their buckets on the way into the cache. */
struct batch {
    size_t count;
    size_t at[BATCH];
    uint64_t hash[BATCH];
};

static size_t fetch(struct batch *batch, const struct vcd_index *index, const uint8_t *window,
                    size_t size, size_t p, size_t step) {
    batch->count = 0;
    while (batch->count < BATCH && p + VCD_KEY_SIZE <= size) {
        const uint64_t hash = vcd_hash_key(window + p);
        vcd_prefetch(vcd_index_bucket(index, hash));
        batch->at[batch->count] = p;
        batch->hash[batch->count++] = hash;
        p += step;
    }
    return p;
}

/*
 * Step 3: the next long match at 'anchor' or behind it; match.forwards is 0 when
 * there is none.
 *
 * The index is larger than any cache, so that buckets are fetched a batch ahead
 * (3 times faster than waiting for each, on 64 MiB of random bytes). The longer the
 * search, the wider the steps. They are odd, so that within a long match every
 * remainder by the index's step has its turn.
 */
static struct match search(struct vcd_match_finder *finder, const struct vcd_index *index,
                           const uint8_t *window, size_t size, size_t anchor) {
    struct batch batches[2];
    size_t looked_up = 0;
    size_t next = fetch(&batches[0], index, window, size, anchor, 1);
    for (unsigned turn = 0; batches[turn].count > 0; turn ^= 1) {
        const size_t step = vcd_min(1 + 2 * (looked_up / STEP_UP), STEP_MAX);
        next = fetch(&batches[turn ^ 1], index, window, size, next, step);
        for (size_t i = 0; i < batches[turn].count; i++) {
            const size_t p = batches[turn].at[i];
            const uint64_t hash = batches[turn].hash[i];
            struct match best = look_up(finder, index, hash, window, size, anchor, p);
            uint32_t *const slot = vcd_key_slot(&finder->window_keys, hash);
            const size_t place = vcd_key_place(slot, hash);
            if (best.forwards + best.backwards < SOLID_SIZE && place < p) {
                best.from = finder->source_size + place;
                best.forwards = vcd_match_forwards(window + p, window + place, size - p);
                best.backwards =
                    vcd_match_backwards(window + p, window + place, vcd_min(p - anchor, place));
            }
            if (best.forwards + best.backwards >= SOLID_SIZE) {
                return best;
            }
            if (i % WINDOW_STEP == 0) {
                vcd_key_set(slot, hash, p);
            }
        }
        looked_up += batches[turn].count;
    }
    return (struct match){.at = size};
}

/* The diagonal to begin with: of equal positions from the start, or else from the end. */
static size_t first_guess(const struct vcd_match_finder *finder, const uint8_t *window,
                          size_t target_size, size_t from, size_t size) {
    const uint8_t *const source = finder->source;
    const size_t source_size = finder->source_size;
    const size_t behind = target_size - from;
    const size_t limit = vcd_min(size, SOLID_SIZE);
    if (from + limit <= source_size && memcmp(window, source + from, limit) == 0) {
        return from;
    }
    return behind <= source_size ? source_size - behind : VCD_NO_PLACE;
}

/* Pass one: the long matches. Between them lie the gaps. Returns false when it lacks the index. */
static bool find_solid(struct vcd_match_finder *finder, const struct vcd_index *index,
                       const uint8_t *window, size_t size, size_t place) {
    const uint8_t *const source = finder->source;
    const size_t source_size = finder->source_size;
    struct vcd_copy_list *const solid = &finder->solid;
    solid->count = 0;
    finder->needs_index = false;
    for (size_t p = 0; p < size;) { /* 'place' is p's on the diagonal */
        struct match next = {.forwards = 0};
        if (place < source_size) {
            const size_t limit = vcd_min(size - p, source_size - place);
            const size_t reach = vcd_min(RESYNC_REACH, limit);
            const size_t skip = resync(window + p, source + place, reach);
            if (skip < reach) {
                next.from = place + skip;
                next.at = p + skip;
                next.forwards =
                    vcd_match_forwards(window + next.at, source + next.from, limit - skip);
            }
        }
        if (next.forwards == 0) {
            finder->needs_index = true;
            if (index == NULL) {
                return false;
            }
            next = search(finder, index, window, size, p);
            if (next.forwards == 0) {
                return true;
            }
        }
        const size_t begin_from = next.from - next.backwards;
        vcd_copy_list_push(solid, begin_from, next.at - next.backwards,
                           next.backwards + next.forwards);
        if (begin_from < source_size) {
            place = next.from + next.forwards;
        }
        p = next.at + next.forwards;
    }
    return true;
}

/* Pass two: the gaps. Returns their size, when 'copies' is NULL, and parses nothing. */
static size_t parse_gaps(struct vcd_match_finder *finder, const uint8_t *window, size_t size,
                         size_t place, struct vcd_copy_list *copies) {
    const size_t source_size = finder->source_size;
    const struct vcd_copy_list *const solid = &finder->solid;
    size_t gaps_size = 0;
    size_t p = 0;
    for (size_t i = 0; i <= solid->count; i++) {
        const bool is_last = i == solid->count;
        const struct vcd_copy next =
            is_last ? (struct vcd_copy){.at = (uint32_t)size} : solid->copies[i];
        if (next.at > p) {
            gaps_size += next.at - p;
            if (copies != NULL) {
                const struct vcd_gap gap = {
                    .window = window,
                    .at = p,
                    .size = next.at - p,
                    .left = place,
                    .right = is_last || next.from >= source_size ? VCD_NO_PLACE : next.from};
                vcd_parse_gap(&finder->gaps, &gap, copies);
            }
        }
        if (!is_last) {
            if (copies != NULL) {
                vcd_copy_list_push(copies, next.from, next.at, next.size);
            }
            if (next.from < source_size) {
                place = next.from + next.size;
            }
            p = next.at + next.size;
        }
    }
    return gaps_size;
}

enum vcd_result vcd_find_copies(struct vcd_match_finder *finder, const struct vcd_index *index,
                                const uint8_t *target, size_t target_size, size_t from,
                                size_t size) {
    const uint8_t *const window = target + from;
    const size_t place = first_guess(finder, window, target_size, from, size);
    vcd_key_table_clear(&finder->window_keys);
    if (!find_solid(finder, index, window, size, place)) {
        return VCD_NEEDS_INDEX;
    }
    /* Without need, an index that another window asked for must not make a difference. */
    vcd_gap_parser_new_window(&finder->gaps, finder->needs_index ? index : NULL,
                              parse_gaps(finder, window, size, place, NULL));
    finder->copies.count = 0;
    parse_gaps(finder, window, size, place, &finder->copies);
    return finder->solid.failed || finder->copies.failed ? VCD_NO_MEMORY : VCD_OK;
}
