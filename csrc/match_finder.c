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
    SOLID_ON_DIAGONAL = 12, /* a match worth staying on it */
    RESYNC_REACH = 96,      /* bytes of difference that step 2 looks across */

    /* The neighbourhood that is searched before the whole source is indexed for it: what was
       inserted or removed between versions is mostly smaller. */
    NEARBY_BEHIND = 1 << 16,
    NEARBY_AHEAD = 1 << 20,
    NEARBY_STEP = 16,
    NEARBY_SLOT_BITS = 17,
    NEARBY_SIZE = 64, /* a match that is believed without having seen the others */
    NEARBY_TRIES = 4, /* in a window */

    /* Gaps are left to what the neighbourhood has when they cost no more than this: a byte that
       looks compressed costs 1, for chance has no matches for it; any other costs TEXT_COST. */
    GAPS_COST_WITHOUT_INDEX = 4096,
    TEXT_COST = 16,
    WORTH_AN_INDEX = 24, /* a smaller gap holds hardly a key */

    /* A window with so many bytes in gaps ends there. They become its data section, which is held
       in memory twice. 1 MiB lets LZMA pack more of what is mixed (0.5 % among 56 MB of deflate),
       but repeats are only found inside a window: a wheel of which 7 MB in 10 were new had a fifth
       of them twice, which windows of 4 MiB kept apart. With 8, two pairs take too much memory. */
    GAPS_MAX_SIZE = 3 << 21,
};

bool vcd_finder_start(struct vcd_match_finder *finder, const uint8_t *source, size_t source_size,
                      int level) {
    memset(finder, 0, sizeof *finder);
    finder->source = source;
    finder->source_size = source_size;
    const bool can_search = vcd_search_start(&finder->search, source, source_size);
    finder->nearby_keys.slots = malloc(sizeof *finder->nearby_keys.slots << NEARBY_SLOT_BITS);
    vcd_look_start(&finder->look, source, source_size, level);
    return vcd_gap_parser_start(&finder->gaps, source, source_size, level) && can_search &&
           finder->nearby_keys.slots != NULL;
}

void vcd_finder_rest(struct vcd_match_finder *finder) {
    vcd_copy_list_free(&finder->copies);
    vcd_copy_list_free(&finder->solid);
    vcd_look_rest(&finder->look);
}

void vcd_finder_free(struct vcd_match_finder *finder) {
    vcd_finder_rest(finder);
    vcd_search_free(&finder->search);
    free(finder->nearby_keys.slots);
    vcd_gap_parser_free(&finder->gaps);
    vcd_look_free(&finder->look);
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

/* Like vcd_search(), but only in the source around 'place', and without an index. */
static struct vcd_match search_nearby(struct vcd_match_finder *finder, const uint8_t *window,
                                      size_t size, size_t anchor, size_t place) {
    const uint8_t *const source = finder->source;
    struct vcd_key_table *const keys = &finder->nearby_keys;
    const size_t from = place - vcd_min(place, NEARBY_BEHIND);
    const size_t end = place + vcd_min(NEARBY_AHEAD, finder->source_size - place);
    vcd_key_table_start(keys, (end - from) / NEARBY_STEP, NEARBY_SLOT_BITS);
    for (size_t s = from; s + VCD_KEY_SIZE <= end; s += NEARBY_STEP) {
        const uint64_t hash = vcd_hash_key(source + s);
        vcd_key_set(vcd_key_slot(keys, hash), hash, s - from);
    }
    const size_t limit = vcd_min(size, anchor + NEARBY_AHEAD);
    size_t looked_up = 0;
    for (size_t p = anchor; p + VCD_KEY_SIZE <= limit;) {
        const uint64_t hash = vcd_hash_key(window + p);
        const size_t found = vcd_key_place(vcd_key_slot(keys, hash), hash);
        if (found != SIZE_MAX) {
            const size_t s = from + found;
            const struct vcd_match match = {
                .from = s,
                .at = p,
                .forwards = vcd_match_forwards(window + p, source + s,
                                               vcd_min(size - p, finder->source_size - s)),
                .backwards = vcd_match_backwards(window + p, source + s, vcd_min(p - anchor, s)),
            };
            if (match.forwards + match.backwards >= NEARBY_SIZE) {
                return match;
            }
        }
        p += vcd_search_step(looked_up++, VCD_SEARCH_STEP_MAX);
    }
    return (struct vcd_match){.at = limit};
}

/* The diagonal to begin with: of equal positions from the start, or else from the end. */
static size_t first_guess(const struct vcd_match_finder *finder, const uint8_t *window,
                          size_t target_size, size_t from, size_t size) {
    const uint8_t *const source = finder->source;
    const size_t source_size = finder->source_size;
    const size_t behind = target_size - from;
    const size_t limit = vcd_min(size, VCD_SOLID_SIZE);
    if (from + limit <= source_size && memcmp(window, source + from, limit) == 0) {
        return from;
    }
    return behind <= source_size ? source_size - behind : VCD_NO_PLACE;
}

/* Step 2: the continuation of the diagonal through 'place'. */
static struct vcd_match follow(const struct vcd_match_finder *finder, const uint8_t *window,
                               size_t size, size_t p, size_t place) {
    if (place >= finder->source_size) {
        return (struct vcd_match){.at = p};
    }
    const size_t limit = vcd_min(size - p, finder->source_size - place);
    const size_t reach = vcd_min(RESYNC_REACH, limit);
    const size_t skip = resync(window + p, finder->source + place, reach);
    if (skip == reach) {
        return (struct vcd_match){.at = p};
    }
    return (struct vcd_match){
        .from = place + skip,
        .at = p + skip,
        .forwards =
            vcd_match_forwards(window + p + skip, finder->source + place + skip, limit - skip),
    };
}

/*
 * Pass one: the long matches. Between them lie the gaps. Without an index, only the
 * neighbourhood is searched, a few times. Returns how much of the window was looked
 * at before the gaps had their largest size together, or SIZE_MAX when that failed.
 */
static size_t find_solid(struct vcd_match_finder *finder, const struct vcd_index *index,
                         const uint8_t *window, size_t size, size_t place) {
    struct vcd_copy_list *const solid = &finder->solid;
    solid->count = 0;
    size_t gaps_left = GAPS_MAX_SIZE;
    unsigned tries_left = NEARBY_TRIES;
    size_t p = 0;
    while (p < size && gaps_left > 0) { /* 'place' is p's on the diagonal */
        struct vcd_match next = follow(finder, window, size, p, place);
        if (next.forwards == 0 && index != NULL) {
            const size_t end = vcd_min(size, p + gaps_left);
            next = vcd_search(&finder->search, index, window, size, p, end);
            if (next.forwards == 0) {
                return end;
            }
        } else if (next.forwards == 0) {
            if (tries_left-- == 0 || place >= finder->source_size) {
                return SIZE_MAX;
            }
            next = search_nearby(finder, window, size, p, place);
            if (next.forwards == 0) {
                return SIZE_MAX;
            }
        }
        const size_t begin = next.at - next.backwards;
        const size_t begin_from = next.from - next.backwards;
        gaps_left -= vcd_min(gaps_left, begin - p);
        vcd_copy_list_push(solid, begin_from, begin, next.backwards + next.forwards);
        if (begin_from < finder->source_size) {
            place = next.from + next.forwards;
        }
        p = next.at + next.forwards;
    }
    return p;
}

/* What pass two does with each gap. */
typedef void gap_visitor(struct vcd_match_finder *finder, const struct vcd_gap *gap);

/* Adds to finder->gaps_cost what it may cost not to look into the whole source for a gap. */
static void weigh_gap(struct vcd_match_finder *finder, const struct vcd_gap *gap) {
    finder->gaps_size += gap->size;
    if (finder->gaps_cost <= GAPS_COST_WITHOUT_INDEX && gap->size >= WORTH_AN_INDEX) {
        const bool is_cheap = vcd_gap_is_replaced(gap) || vcd_gap_looks_random(gap);
        finder->gaps_cost += gap->size * (is_cheap ? 1 : TEXT_COST);
    }
}

static void parse_gap(struct vcd_match_finder *finder, const struct vcd_gap *gap) {
    vcd_parse_gap(&finder->gaps, gap, &finder->copies);
}

/* Visits the gaps between the solid copies, which it appends to finder->copies. */
static void visit_gaps(struct vcd_match_finder *finder, const uint8_t *window, size_t place,
                       gap_visitor *visit) {
    const struct vcd_copy_list *const solid = &finder->solid;
    size_t p = 0;
    finder->copies.count = 0;
    for (size_t i = 0; i <= solid->count; i++) {
        const bool is_last = i == solid->count;
        const struct vcd_copy next =
            is_last ? (struct vcd_copy){.at = (uint32_t)finder->window_size} : solid->copies[i];
        const bool from_source = !is_last && next.from < finder->source_size;
        if (next.at > p) {
            const struct vcd_gap gap = {.window = window,
                                        .window_size = finder->window_size,
                                        .at = p,
                                        .size = next.at - p,
                                        .left = place,
                                        .right = from_source ? next.from : VCD_NO_PLACE};
            visit(finder, &gap);
        }
        if (!is_last) {
            vcd_copy_list_push(&finder->copies, next.from, next.at, next.size);
            p = next.at + next.size;
        }
        if (from_source) {
            place = next.from + next.size;
        }
    }
}

static void weigh_gaps(struct vcd_match_finder *finder, const uint8_t *window, size_t place) {
    finder->gaps_size = 0;
    finder->gaps_cost = 0;
    visit_gaps(finder, window, place, weigh_gap);
}

enum vcd_result vcd_find_copies(struct vcd_match_finder *finder, const struct vcd_index *index,
                                const uint8_t *target, size_t target_size, size_t from,
                                size_t size) {
    const uint8_t *const window = target + from;
    const size_t place = first_guess(finder, window, target_size, from, size);
    /* First without the index, even where there is one: what comes out must not depend on
       whether another window has asked for it. */
    finder->window_size = find_solid(finder, NULL, window, size, place);
    if (finder->window_size != SIZE_MAX) {
        weigh_gaps(finder, window, place);
    }
    const bool needs_index =
        finder->window_size == SIZE_MAX || finder->gaps_cost > GAPS_COST_WITHOUT_INDEX;
    if (needs_index && index == NULL) {
        return VCD_NEEDS_INDEX;
    }
    if (needs_index) {
        if (!vcd_search_new_window(&finder->search, index, size)) {
            return VCD_NO_MEMORY;
        }
        finder->window_size = find_solid(finder, index, window, size, place);
        weigh_gaps(finder, window, place);
    }
    if (!vcd_look_closer(&finder->look, window, finder->window_size, place, true, &finder->solid,
                         &finder->copies)) {
        vcd_gap_parser_new_window(&finder->gaps, needs_index ? index : NULL, finder->gaps_size);
        visit_gaps(finder, window, place, parse_gap);
        if (vcd_look_closer(&finder->look, window, finder->window_size, place, false,
                            &finder->copies, &finder->solid)) {
            const struct vcd_copy_list looked_at = finder->solid;
            finder->solid = finder->copies;
            finder->copies = looked_at;
        }
    }
    return finder->solid.failed || finder->copies.failed ? VCD_NO_MEMORY : VCD_OK;
}
