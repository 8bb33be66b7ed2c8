/*
 * closer_look.c - the cheapest copies for the few places where a window differs from its source
 *
 *   window  |== trusted ==|- - -==- -====- - -|==== trusted ====|- -=- -|== trusted ==|
 *                         |      region       |                 |region |
 *
 * The delta of a patch release is a kilobyte, of which a wrong turn behind some change (a diagonal
 * that nearly agrees, where another one would agree for long) is a good part. So where all changes
 * of a window are few, only its very long copies are trusted, and what lies between them is
 * decided again, by all that is known:
 *
 *   1. the seeker reads the source again for what the regions could be copied from;
 *   2. that, and the copies found before, are the edges of a shortest path through each region.
 */
#include "closer_look.h"

#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "effort.h"
#include "gap_parser.h"
#include "growing.h"
#include "match_length.h"

enum {
    TRUSTED = 4096,         /* a copy of this size is not doubted, but for its ends */
    MOST_REGIONS = 1 << 17, /* bytes of all regions of a window */
    WINDOW_SHARE = 8,       /* of a window, at most one part in so many is region */
    NEAR_ITS_END = 64,
    MIN_MATCH = 4,
    MAX_SHORT = 24,    /* matches up to here may be cut at any byte */
    ACTIVE = 8,        /* matches that are followed at once */
    WORTH_ASKING = 24, /* bytes of a gap that say whether it looks compressed */
};

/* Prices in tenths of a bit, as in sections too small to be packed. */
enum {
    PRICE_LITERAL = 68,
    PRICE_ADD = 50,
    PRICE_COPY = 60,
    PRICE_SIZE = 60, /* of a size that does not fit into the opcode */
    PRICE_ADDRESS = 70,
};

/* The cheapest way to a position: the edge that arrives there. */
struct vcd_look_node {
    uint64_t place; /* in the source, on the diagonal of the last copy from there */
    uint64_t from;  /* of the copy that arrives here: where it began */
    uint32_t price;
    uint32_t copy_size; /* of the edge; 0: a literal */
};

void vcd_look_start(struct vcd_closer_look *look, const uint8_t *source, size_t source_size,
                    int level) {
    memset(look, 0, sizeof *look);
    look->source = source;
    look->source_size = source_size;
    look->most_source = vcd_effort_of(level).read_again_up_to;
}

void vcd_look_free(struct vcd_closer_look *look) {
    free(look->regions);
    free(look->nodes);
    vcd_seeker_free(&look->seeker);
}

/* ---- Regions ---------------------------------------------------------------------------- */

static bool add_region(struct vcd_closer_look *look, const struct vcd_region *region) {
    struct vcd_region *const regions =
        vcd_with_room(look->regions, look->region_count, &look->region_capacity, sizeof *regions);
    if (regions == NULL) {
        return false;
    }
    look->regions = regions;
    regions[look->region_count++] = *region;
    return true;
}

/* How many bytes of a gap look compressed: for these nothing short is found but by chance. */
static size_t random_bytes(const struct vcd_closer_look *look, size_t at, size_t size) {
    const struct vcd_gap gap = {
        .window = look->window, .window_size = look->window_size, .at = at, .size = size};
    return size >= WORTH_ASKING && vcd_gap_looks_random(&gap) ? size : 0;
}

/* Finds the regions; returns whether they are worth the closer look. */
static bool find_regions(struct vcd_closer_look *look, size_t place,
                         const struct vcd_copy_list *solid) {
    size_t p = 0; /* behind the last copy */
    size_t gaps_size = 0;
    size_t gaps_random = 0;
    size_t size = 0;
    const size_t most = vcd_min(look->window_size / WINDOW_SHARE, MOST_REGIONS);
    struct vcd_region region = {.begin = 0, .left = place};
    look->region_count = 0;
    for (size_t i = 0; i <= solid->count; i++) {
        const bool is_last = i == solid->count;
        const struct vcd_copy copy =
            is_last ? (struct vcd_copy){.at = (uint32_t)look->window_size} : solid->copies[i];
        const bool from_source = !is_last && copy.from < look->source_size;
        gaps_size += copy.at - p;
        gaps_random += random_bytes(look, p, copy.at - p);
        p = copy.at + copy.size;
        if (!is_last && (!from_source || copy.size < TRUSTED)) {
            continue;
        }
        region.end = copy.at;
        region.right = is_last ? VCD_NO_PLACE : (size_t)copy.from;
        size += region.end - region.begin;
        if (size > most || (region.end > region.begin && !add_region(look, &region))) {
            return false;
        }
        region.begin = p;
        region.left = (size_t)copy.from + copy.size;
    }
    return gaps_size > 0 && gaps_random <= gaps_size / 2;
}

/* Room for the path through the longest of them. */
static bool make_nodes(struct vcd_closer_look *look) {
    size_t longest = 0;
    for (size_t i = 0; i < look->region_count; i++) {
        longest = vcd_max(longest, look->regions[i].end - look->regions[i].begin);
    }
    free(look->nodes);
    look->nodes = malloc((longest + 1) * sizeof *look->nodes);
    return look->nodes != NULL;
}

/* ---- The shortest path ------------------------------------------------------------------ */

/* What an address costs that lies so far from what was expected. */
static uint32_t price_of_distance(uint64_t one, uint64_t other) {
    const uint64_t distance = one > other ? one - other : other - one;
    uint32_t price = 2 * PRICE_ADDRESS;
    for (uint64_t left = distance >> 14; left > 0; left >>= 7) {
        price += PRICE_ADDRESS;
    }
    return price;
}

/* Makes the edges of one match from position i on: of all that is left of it, or of less. */
static void relax(const struct vcd_closer_look *look, const struct vcd_region *region, size_t i,
                  const struct vcd_copy *match) {
    struct vcd_look_node *const nodes = look->nodes;
    const size_t region_size = region->end - region->begin;
    const size_t at = region->begin + i;
    const size_t size = vcd_min(match->at + match->size, region->end) - at;
    const uint64_t from = match->from + (at - match->at);
    const bool from_source = from < look->source_size;
    const uint64_t expected = from_source ? nodes[i].place : look->source_size + at;
    const uint32_t price = nodes[i].price + PRICE_COPY + price_of_distance(from, expected);
    for (size_t n = size <= MAX_SHORT ? MIN_MATCH : size; n <= size; n++) {
        uint32_t total = price + (n > 18 ? PRICE_SIZE : 0);
        if (i + n == region_size && from + n == region->right) {
            total = nodes[i].price; /* the copy behind the region begins earlier, that is all */
        }
        if (total < nodes[i + n].price) {
            nodes[i + n] = (struct vcd_look_node){from_source ? from + n : nodes[i].place + n, from,
                                                  total, (uint32_t)n};
        }
    }
}

/* Like vcd_copy_list_push(), but a copy that goes on where the last one ended makes that longer. */
static void push_joined(const struct vcd_closer_look *look, struct vcd_copy_list *copies,
                        const struct vcd_copy *copy) {
    struct vcd_copy *const last = copies->count > 0 ? &copies->copies[copies->count - 1] : NULL;
    if (last != NULL && last->at + last->size == copy->at &&
        last->from + last->size == copy->from &&
        (last->from < look->source_size) == (copy->from < look->source_size)) {
        last->size += copy->size;
        return;
    }
    vcd_copy_list_push(copies, copy->from, copy->at, copy->size);
}

static void push_path(struct vcd_closer_look *look, const struct vcd_region *region,
                      struct vcd_copy_list *copies) {
    struct vcd_look_node *const nodes = look->nodes;
    size_t next = region->end - region->begin;
    uint32_t copy_size = nodes[next].copy_size;
    uint64_t from = nodes[next].from;
    for (size_t i = next; i > 0;) { /* from back to front, each edge is noted where it begins */
        i -= copy_size > 0 ? copy_size : 1;
        const uint32_t edge_size = copy_size;
        const uint64_t edge_from = from;
        copy_size = nodes[i].copy_size;
        from = nodes[i].from;
        nodes[i].copy_size = edge_size;
        nodes[i].from = edge_from;
    }
    for (size_t i = 0; i < next;) {
        const uint32_t size = nodes[i].copy_size;
        if (size > 0) {
            push_joined(look, copies,
                        &(struct vcd_copy){nodes[i].from, (uint32_t)(region->begin + i), size});
        }
        i += size > 0 ? size : 1;
    }
}

/* Matches that cover a position, those that reach farthest. */
struct active {
    struct vcd_copy matches[ACTIVE];
    size_t count;
};

static void activate(struct active *active, const struct vcd_copy *match) {
    size_t nearest = active->count;
    if (active->count < ACTIVE) {
        active->count++;
    } else {
        nearest = 0;
        for (size_t i = 1; i < ACTIVE; i++) {
            if (active->matches[i].at + active->matches[i].size <
                active->matches[nearest].at + active->matches[nearest].size) {
                nearest = i;
            }
        }
        if (active->matches[nearest].at + active->matches[nearest].size > match->at + match->size) {
            return;
        }
    }
    active->matches[nearest] = *match;
}

/* Step 2 for one region. Matches are sorted; '*next_match' is the first that may begin in it. */
static void parse_region(struct vcd_closer_look *look, const struct vcd_region *region,
                         size_t *next_match, struct vcd_copy_list *copies) {
    struct vcd_look_node *const nodes = look->nodes;
    const size_t size = region->end - region->begin;
    struct active active = {.count = 0};
    nodes[0] = (struct vcd_look_node){.place = region->left};
    for (size_t i = 1; i <= size; i++) {
        nodes[i].price = UINT32_MAX;
    }
    for (size_t i = 0; i < size; i++) {
        const size_t at = region->begin + i;
        for (; *next_match < look->seeker.matches.count &&
               look->seeker.matches.copies[*next_match].at <= at;
             ++*next_match) {
            activate(&active, &look->seeker.matches.copies[*next_match]);
        }
        for (size_t k = 0; k < active.count;) {
            if (active.matches[k].at + active.matches[k].size < at + MIN_MATCH) {
                active.matches[k] = active.matches[--active.count];
            } else {
                k++;
            }
        }
        const struct vcd_look_node *const node = &nodes[i];
        if (node->price == UINT32_MAX) {
            continue;
        }
        const uint32_t literal =
            node->price + PRICE_LITERAL + (i == 0 || node->copy_size > 0 ? PRICE_ADD : 0);
        if (literal < nodes[i + 1].price) {
            nodes[i + 1] = (struct vcd_look_node){node->place + 1, 0, literal, 0};
        }
        if (size - i < MIN_MATCH) {
            continue;
        }
        size_t farthest = 0;
        for (size_t k = 0; k < active.count; k++) {
            relax(look, region, i, &active.matches[k]);
            farthest = vcd_max(farthest, active.matches[k].at + active.matches[k].size);
        }
        if (node->place < look->source_size) {
            const size_t n =
                vcd_match_forwards(look->window + at, look->source + node->place,
                                   vcd_min(size - i, look->source_size - (size_t)node->place));
            if (n >= MIN_MATCH) {
                relax(look, region, i, &(struct vcd_copy){node->place, (uint32_t)at, (uint32_t)n});
                farthest = vcd_max(farthest, at + n);
            }
        }
        farthest = vcd_min(farthest, region->end);
        if (farthest >
            at + 2 * NEAR_ITS_END) { /* nobody leaves a long match before its end is near */
            i = farthest - NEAR_ITS_END - region->begin;
        }
    }
    push_path(look, region, copies);
}

bool vcd_look_closer(struct vcd_closer_look *look, const uint8_t *window, size_t window_size,
                     size_t place, const struct vcd_copy_list *solid,
                     struct vcd_copy_list *copies) {
    look->window = window;
    look->window_size = window_size;
    if (look->source_size > look->most_source || !find_regions(look, place, solid)) {
        return false;
    }
    if (!vcd_seek(&look->seeker, look->source, look->source_size, window, look->regions,
                  look->region_count, solid) ||
        !make_nodes(look)) {
        copies->failed = true;
        return true;
    }
    copies->count = 0;
    size_t next_match = 0;
    size_t next_region = 0;
    for (size_t i = 0; i <= solid->count; i++) {
        const size_t at = i < solid->count ? solid->copies[i].at : window_size;
        while (next_region < look->region_count && look->regions[next_region].begin <= at) {
            parse_region(look, &look->regions[next_region++], &next_match, copies);
        }
        const bool is_trusted = i < solid->count && solid->copies[i].size >= TRUSTED &&
                                solid->copies[i].from < look->source_size;
        if (is_trusted) {
            push_joined(look, copies, &solid->copies[i]);
        }
    }
    return true;
}
