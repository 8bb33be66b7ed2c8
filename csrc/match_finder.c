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
    SOLID_SIZE = 32,          /* a match worth changing the diagonal for */
    SOLID_ON_DIAGONAL = 12,   /* a match worth staying on it */
    RESYNC_REACH = 96,        /* bytes of difference that step 2 looks across */
    WINDOW_STEP = 16,         /* between sampled keys of the window */
    WINDOW_SLOT_BITS = 18,
};

bool vcd_finder_start(struct vcd_match_finder *finder, const struct vcd_source *source) {
    memset(finder, 0, sizeof *finder);
    finder->source = source;
    finder->window_slots = malloc(sizeof *finder->window_slots << WINDOW_SLOT_BITS);
    return vcd_gap_parser_start(&finder->gaps) && finder->window_slots != NULL;
}

void vcd_finder_free(struct vcd_match_finder *finder) {
    free(finder->copies.copies);
    free(finder->solid.copies);
    free(finder->window_slots);
    vcd_gap_parser_free(&finder->gaps);
}

/* The first place below 'limit' where SOLID_ON_DIAGONAL bytes of 'a' and 'b' agree, or 'limit'. */
static size_t resync(const uint8_t *a, const uint8_t *b, size_t limit) {
    size_t i = 0;
    while (i + SOLID_ON_DIAGONAL <= limit) {
        const uint64_t later = vcd_load64(a + i + SOLID_ON_DIAGONAL - 8) ^
                               vcd_load64(b + i + SOLID_ON_DIAGONAL - 8);
        if (later != 0) { /* no match can begin before the last difference */
            i += SOLID_ON_DIAGONAL - 8 + vcd_highest_byte(later) + 1;
            continue;
        }
        const uint64_t sooner = vcd_load64(a + i) ^ vcd_load64(b + i);
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

/* Step 3: the next long match at 'p' or behind it; match.forwards is 0 when there is none. */
static struct match search(struct vcd_match_finder *finder, const uint8_t *window, size_t size,
                           size_t p) {
    const struct vcd_source *const source = finder->source;
    const uint32_t index_mask = vcd_source_index_mask(source);
    const size_t anchor = p;
    size_t misses = 0;
    /* The longer the search, the wider the steps. They are odd, so that in a long match all
       remainders by the source's step have their turn. */
    for (size_t step = 1; p + VCD_KEY_SIZE <= size; p += step) {
        const uint64_t hash = vcd_hash_key(window + p);
        struct match best = {.at = p};
        const uint32_t *const bucket = vcd_source_bucket(source, hash);
        const uint32_t tag = vcd_source_tag(source, hash);
        for (int i = 0; i < 2; i++) {
            if (bucket[i] == 0 || ((bucket[i] ^ tag) & ~index_mask) != 0) {
                continue;
            }
            const size_t c = (size_t)((bucket[i] & index_mask) - 1) * source->step;
            const size_t forwards = vcd_match_forwards(window + p, source->bytes + c,
                                                       vcd_min(size - p, source->size - c));
            const size_t backwards =
                vcd_match_backwards(window + p, source->bytes + c, vcd_min(p - anchor, c));
            if (forwards + backwards > best.forwards + best.backwards) {
                best.from = c;
                best.forwards = forwards;
                best.backwards = backwards;
            }
        }
        uint32_t *const slot = &finder->window_slots[hash >> (64 - WINDOW_SLOT_BITS)];
        if (best.forwards + best.backwards < SOLID_SIZE && *slot != 0) {
            const size_t c = *slot - 1;
            best.from = source->size + c;
            best.forwards = vcd_match_forwards(window + p, window + c, size - p);
            best.backwards = vcd_match_backwards(window + p, window + c, vcd_min(p - anchor, c));
        }
        if (best.forwards + best.backwards >= SOLID_SIZE) {
            return best;
        }
        if (misses % WINDOW_STEP == 0) {
            *slot = (uint32_t)p + 1;
        }
        misses++;
        step = vcd_min(1 + 2 * (misses >> 12), 7);
    }
    return (struct match){.at = size};
}

/* The diagonal to begin with: of equal positions from the start, or else from the end. */
static size_t first_guess(const struct vcd_source *source, const uint8_t *window,
                          size_t target_size, size_t from, size_t size) {
    const size_t behind = target_size - from;
    const size_t limit = vcd_min(size, SOLID_SIZE);
    if (from + limit <= source->size && memcmp(window, source->bytes + from, limit) == 0) {
        return from;
    }
    return behind <= source->size ? source->size - behind : VCD_NO_PLACE;
}

/* Pass one: the long matches. Between them lie the gaps. Returns false when it lacks the index. */
static bool find_solid(struct vcd_match_finder *finder, const uint8_t *window, size_t size,
                       size_t place) {
    const struct vcd_source *const source = finder->source;
    struct vcd_copy_list *const solid = &finder->solid;
    solid->count = 0;
    finder->uses_index = false;
    for (size_t p = 0; p < size;) { /* 'place' is p's on the diagonal */
        struct match next = {.forwards = 0};
        if (place < source->size) {
            const size_t limit = vcd_min(size - p, source->size - place);
            const size_t reach = vcd_min(RESYNC_REACH, limit);
            const size_t skip = resync(window + p, source->bytes + place, reach);
            if (skip < reach) {
                next.from = place + skip;
                next.at = p + skip;
                next.forwards =
                    vcd_match_forwards(window + next.at, source->bytes + next.from, limit - skip);
            }
        }
        if (next.forwards == 0) {
            if (source->slots == NULL) {
                return false;
            }
            finder->uses_index = true;
            next = search(finder, window, size, p);
            if (next.forwards == 0) {
                return true;
            }
        }
        const size_t begin_from = next.from - next.backwards;
        vcd_copy_list_push(solid, begin_from, next.at - next.backwards,
                           next.backwards + next.forwards);
        if (begin_from < source->size) {
            place = next.from + next.forwards;
        }
        p = next.at + next.forwards;
    }
    return true;
}

/* Pass two: the gaps. Returns their size, when 'copies' is NULL, and parses nothing. */
static size_t parse_gaps(struct vcd_match_finder *finder, const uint8_t *window, size_t size,
                         size_t place, struct vcd_copy_list *copies) {
    const struct vcd_source *const source = finder->source;
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
                    .right = is_last || next.from >= source->size ? VCD_NO_PLACE : next.from};
                vcd_parse_gap(&finder->gaps, source, &gap, copies);
            }
        }
        if (!is_last) {
            if (copies != NULL) {
                vcd_copy_list_push(copies, next.from, next.at, next.size);
            }
            if (next.from < source->size) {
                place = next.from + next.size;
            }
            p = next.at + next.size;
        }
    }
    return gaps_size;
}

enum vcd_result vcd_find_copies(struct vcd_match_finder *finder, const uint8_t *target,
                                size_t target_size, size_t from, size_t size) {
    const uint8_t *const window = target + from;
    const size_t place = first_guess(finder->source, window, target_size, from, size);
    memset(finder->window_slots, 0, sizeof *finder->window_slots << WINDOW_SLOT_BITS);
    if (!find_solid(finder, window, size, place)) {
        return VCD_NEEDS_INDEX;
    }
    const size_t gaps_size = parse_gaps(finder, window, size, place, NULL);
    vcd_gap_parser_new_window(&finder->gaps, gaps_size, finder->uses_index);
    finder->copies.count = 0;
    parse_gaps(finder, window, size, place, &finder->copies);
    return finder->solid.failed || finder->copies.failed ? VCD_NO_MEMORY : VCD_OK;
}
