/*
 * closer_look.c - the cheapest copies for the few places where a window differs from its source
 *
 *   window  |== trusted ==|- - -==- -====- - -|==== trusted ====|- -=- -|== trusted ==|
 *                         |      region       |                 |region |
 *
 * The delta of a patch release is a kilobyte, of which a wrong turn behind some change (a diagonal
 * that nearly agrees, where another one would agree for long) is a good part. So where a window
 * has hardly a change, only its very long copies are trusted, and what lies between them is decided
 * again, by all that is known (the first look). Where there is more, the small gaps are parsed as
 * ever, and then what they left is (the second look).
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
    TRUSTED = 4096,         /* a copy of this size is not doubted, but for its ends, ... */
    TRUSTED_AGAIN = 64,     /* ... and of this size, when small gaps have been parsed */
    WINDOW_SHARE = 8,       /* of a window, at most one part in so many is region */
    MOST_REGIONS = 1 << 20, /* bytes of all regions of a window */
    BATCH = 1 << 17,        /* bytes of regions for which the source is read once */
    WORTH_GOING_ON = 10,    /* one byte in so many has to be copied that was not before */
    LONG_REGION = 1 << 15,  /* ends at the next copy */
    SMALL_REGION = 64,      /* if bytes were only replaced, the copies there are regular ones */
    LEAST_GAPS = 8,         /* a region has no fewer bytes between copies */
    FEW = 4096,             /* bytes between copies, in all, that hardly shrink when packed */
    MIN_MATCH = 4,
    MAX_SHORT = 24, /* matches up to here may be cut at any byte */
    STEP = 4,       /* through the source; 1 finds hardly more that pays, ... */
    STEP_AGAIN = 8, /* ... and 4 hardly more of what is left over: 1 % */
    ACTIVE = 8,     /* matches that are followed at once */
    NEAR_ITS_END = 64,
    WORTH_ASKING = 24, /* bytes of a gap that say whether it looks compressed */
};

/* Prices in tenths of a bit, as in sections too small to be packed, and as LZMA packs larger ones:
   what goes on along a diagonal is written in two very regular bytes. */
struct vcd_look_prices {
    uint32_t literal;
    uint32_t add;           /* to begin a row of literals */
    uint32_t same_diagonal; /* a copy */
    uint32_t near;
    uint32_t nearer;
    uint32_t far;
    uint32_t size; /* of a size that does not fit into the opcode */
};

static const struct vcd_look_prices plain = {68, 50, 200, 200, 270, 340, 60};
static const struct vcd_look_prices packed = {28, 32, 80, 200, 250, 300, 10};

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
    look->most_source = vcd_effort_of(level).look_up_to;
    look->most_source_again = vcd_effort_of(level).look_again_up_to;
}

void vcd_look_rest(struct vcd_closer_look *look) {
    free(look->nodes);
    look->nodes = NULL;
    vcd_seeker_rest(&look->seeker);
}

void vcd_look_free(struct vcd_closer_look *look) {
    free(look->regions);
    vcd_look_rest(look);
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

/* Finds the regions between copies of 'trusted' bytes; returns whether they are worth the look. */
static bool find_regions(struct vcd_closer_look *look, size_t place,
                         const struct vcd_copy_list *copies, size_t trusted) {
    const bool is_first_look = trusted == TRUSTED;
    const size_t most = vcd_min(look->window_size / WINDOW_SHARE, MOST_REGIONS);
    size_t p = 0; /* behind the last copy */
    size_t gaps_size = 0;
    size_t gaps_random = 0;
    size_t gaps_before = 0; /* the region */
    size_t size = 0;
    struct vcd_region region = {.begin = 0, .left = place};
    look->region_count = 0;
    for (size_t i = 0; i <= copies->count; i++) {
        const bool is_last = i == copies->count;
        const struct vcd_copy copy =
            is_last ? (struct vcd_copy){.at = (uint32_t)look->window_size} : copies->copies[i];
        const bool from_source = !is_last && copy.from < look->source_size;
        const bool is_long = p - region.begin >= LONG_REGION;
        gaps_size += copy.at - p;
        gaps_random += random_bytes(look, p, copy.at - p);
        p = copy.at + copy.size;
        if (!is_last && !is_long && (copy.size < trusted || (is_first_look && !from_source))) {
            continue;
        }
        region.end = copy.at;
        region.right = from_source ? (size_t)copy.from : VCD_NO_PLACE;
        const size_t region_size = region.end - region.begin;
        const bool is_replaced = !is_first_look && region_size <= SMALL_REGION &&
                                 region.right == region.left + region_size;
        if (gaps_size - gaps_before >= LEAST_GAPS && !is_replaced) {
            size += region_size;
            if (size > most || region_size > BATCH || !add_region(look, &region)) {
                return false;
            }
        }
        gaps_before = gaps_size;
        region.left =
            from_source ? (size_t)copy.from + copy.size : region.left + (p - region.begin);
        region.begin = p;
    }
    look->prices = gaps_size <= FEW ? &plain : &packed;
    return gaps_size > 0 && gaps_random <= gaps_size / 2 && (gaps_size <= FEW || !is_first_look);
}

/* How many regions from 'first' on are looked at together. */
static size_t batch_from(const struct vcd_closer_look *look, size_t first) {
    size_t size = 0;
    size_t next = first;
    for (; next < look->region_count; next++) {
        size += look->regions[next].end - look->regions[next].begin;
        if (size > BATCH) {
            break;
        }
    }
    return next - first;
}

/* ---- The shortest path ------------------------------------------------------------------ */

/* What a copy costs whose address is so far from what was expected. */
static uint32_t price_of_copy(const struct vcd_look_prices *prices, uint64_t from,
                              uint64_t expected) {
    const uint64_t distance = from > expected ? from - expected : expected - from;
    return distance == 0                  ? prices->same_diagonal
           : distance < (uint64_t)1 << 14 ? prices->near
           : distance < (uint64_t)1 << 21 ? prices->nearer
                                          : prices->far;
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
    const uint32_t price = nodes[i].price + price_of_copy(look->prices, from, expected);
    for (size_t n = size <= MAX_SHORT ? MIN_MATCH : size; n <= size; n++) {
        uint32_t total = price + (n > 18 ? look->prices->size : 0);
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

/* Returns how many bytes are not copied. */
static size_t push_path(struct vcd_closer_look *look, const struct vcd_region *region,
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
    size_t literals = 0;
    for (size_t i = 0; i < next;) {
        const uint32_t size = nodes[i].copy_size;
        if (size > 0) {
            push_joined(look, copies,
                        &(struct vcd_copy){nodes[i].from, (uint32_t)(region->begin + i), size});
        }
        literals += size == 0;
        i += size > 0 ? size : 1;
    }
    return literals;
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

/* Step 2 for one region. Matches are sorted; '*next_match' is the first that may begin in it.
   Returns how many bytes are not copied. */
static size_t parse_region(struct vcd_closer_look *look, const struct vcd_region *region,
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
        const uint32_t literal = node->price + look->prices->literal +
                                 (i == 0 || node->copy_size > 0 ? look->prices->add : 0);
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
        /* Nobody leaves a long match before its end is near. */
        if (farthest > at + 2 * NEAR_ITS_END) {
            i = farthest - NEAR_ITS_END - region->begin;
        }
    }
    return push_path(look, region, copies);
}

/* Looks at some regions. '*next_copy' is the first of 'known' that may lie behind the regions
   before them, and becomes the first behind these; those between regions stay as they are. Returns
   whether it was worth it. */
static bool look_at_batch(struct vcd_closer_look *look, const struct vcd_region *regions,
                          size_t count, const struct vcd_copy_list *known, size_t *next_copy,
                          struct vcd_copy_list *copies) {
    size_t next = *next_copy;
    for (; next < known->count && known->copies[next].at < regions[0].begin; next++) {
        push_joined(look, copies, &known->copies[next]);
    }
    size_t end = next;
    while (end < known->count && known->copies[end].at < regions[count - 1].end) {
        end++;
    }
    const struct vcd_copy_list around = {.copies = known->copies + next, .count = end - next};
    if (!vcd_seek(&look->seeker, look->source, look->source_size, look->step, look->window, regions,
                  count, &around)) {
        copies->failed = true;
        return false;
    }
    size_t size = 0;
    size_t known_size = 0;
    size_t literals = 0;
    size_t next_match = 0;
    for (size_t i = 0; i < count; i++) {
        for (; next < end && known->copies[next].at < regions[i].begin; next++) {
            push_joined(look, copies, &known->copies[next]);
        }
        size += regions[i].end - regions[i].begin;
        literals += parse_region(look, &regions[i], &next_match, copies);
        for (; next < end && known->copies[next].at < regions[i].end; next++) {
            known_size += known->copies[next].size;
        }
    }
    *next_copy = next;
    return size - known_size >= literals + size / WORTH_GOING_ON;
}

bool vcd_look_closer(struct vcd_closer_look *look, const uint8_t *window, size_t window_size,
                     size_t place, bool is_first_look, const struct vcd_copy_list *known,
                     struct vcd_copy_list *copies) {
    look->window = window;
    look->window_size = window_size;
    look->step = is_first_look ? STEP : STEP_AGAIN;
    if (look->source_size > (is_first_look ? look->most_source : look->most_source_again) ||
        !find_regions(look, place, known, is_first_look ? TRUSTED : TRUSTED_AGAIN)) {
        return false;
    }
    if (look->nodes == NULL) {
        look->nodes = malloc((BATCH + 1) * sizeof *look->nodes);
    }
    copies->failed |= look->nodes == NULL;
    copies->count = 0;
    size_t next_copy = 0;
    for (size_t i = 0; i < look->region_count && !copies->failed;) {
        const size_t count = batch_from(look, i);
        if (!look_at_batch(look, look->regions + i, count, known, &next_copy, copies) &&
            !is_first_look) {
            break;
        }
        i += count;
    }
    for (; next_copy < known->count; next_copy++) {
        push_joined(look, copies, &known->copies[next_copy]);
    }
    return true;
}
