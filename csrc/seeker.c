/*
 * seeker.c - what a few regions of a window could be copied from
 *
 *   1. every eight bytes of the regions become a key, the first of equal ones; what recurs in the
 *      regions is a match;
 *   2. the whole source is read, and where a key stands, the longest match around it is kept;
 *   3. what agrees along the diagonals of the copies on both sides are matches, too.
 *
 * Reading the source takes 2 ns a step.
 */
#include "seeker.h"

#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "match_length.h"

enum {
    KEY_SIZE = 8,
    MIN_MATCH = 4,
    CERTAIN = 512,      /* the inner bytes of such a copy need no keys ... */
    MARGIN = 64,        /* ... so far from its ends */
    WORK_PER_BYTE = 64, /* of a region */
    /* Of a key. Common ones are asked for no longer: 128 took up to twice the time for 0.1 %. */
    MOST_VISITS = 8,
};

/* A key, and the best match around it. */
struct vcd_region_key {
    uint64_t key;
    uint32_t at;
    uint32_t visits;
    struct vcd_copy match;
};

static const struct vcd_region *region_around(const struct vcd_seeker *seeker, size_t at) {
    size_t low = 0;
    for (size_t high = seeker->region_count; high - low > 1;) {
        const size_t middle = (low + high) / 2;
        if (seeker->regions[middle].begin <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &seeker->regions[low];
}

static uint64_t hash_of(uint64_t key) {
    const uint64_t mixed = key * 0x9E3779B97F4A7C15U;
    return mixed ^ mixed >> 32;
}

static bool is_one_byte(uint64_t key) {
    return key == (key & 0xFF) * 0x0101010101010101U;
}

/* The slot of a key: its own or an empty one. */
static uint32_t *slot_of(const struct vcd_seeker *seeker, uint64_t key) {
    const size_t mask = ((size_t)1 << seeker->slot_bits) - 1;
    size_t i = (size_t)(hash_of(key) >> (64 - seeker->slot_bits));
    while (seeker->slots[i] != 0 && seeker->keys[seeker->slots[i] - 1].key != key) {
        i = (i + 1) & mask;
    }
    return &seeker->slots[i];
}

/* The filter has 16 to 32 bits for each key. */
static uint64_t *filter_word(const struct vcd_seeker *seeker, uint64_t mixed) {
    return &seeker->filter[mixed >> (64 - seeker->filter_bits)];
}

static bool make_room(struct vcd_seeker *seeker) {
    size_t size = 0;
    for (size_t i = 0; i < seeker->region_count; i++) {
        size += seeker->regions[i].end - seeker->regions[i].begin;
    }
    seeker->slot_bits = 10;
    while ((size_t)1 << seeker->slot_bits < 2 * size) {
        seeker->slot_bits++;
    }
    free(seeker->keys);
    free(seeker->slots);
    seeker->keys = malloc(size * sizeof *seeker->keys);
    seeker->slots = calloc((size_t)1 << seeker->slot_bits, sizeof *seeker->slots);
    seeker->key_count = 0;
    seeker->matches.count = 0;
    seeker->work_left = seeker->source_size + WORK_PER_BYTE * size;
    return seeker->keys != NULL && seeker->slots != NULL;
}

/* The longest match of window bytes around 'at', which stays inside a region. */
static struct vcd_copy match_around(struct vcd_seeker *seeker, const struct vcd_region *region,
                                    size_t at, const uint8_t *other, size_t before, size_t behind) {
    const uint8_t *const here = seeker->window + at;
    const size_t forwards = vcd_match_forwards(here, other, vcd_min(region->end - at, behind));
    const size_t backwards = vcd_match_backwards(here, other, vcd_min(at - region->begin, before));
    seeker->work_left -= vcd_min(seeker->work_left, forwards + backwards);
    return (struct vcd_copy){.from = before - backwards,
                             .at = (uint32_t)(at - backwards),
                             .size = (uint32_t)(forwards + backwards)};
}

/* Step 1 for one region, less what lies deep inside 'solid'; what recurs becomes a match. */
static void add_keys(struct vcd_seeker *seeker, const struct vcd_region *region,
                     const struct vcd_copy_list *solid, size_t *next_solid) {
    size_t skip_from = 0;
    size_t skip_end = 0;
    struct vcd_copy last = {0};
    size_t last_distance = 0;
    for (size_t at = region->begin; at + KEY_SIZE <= region->end; at++) {
        while (*next_solid < solid->count && solid->copies[*next_solid].at < at) {
            const struct vcd_copy *const copy = &solid->copies[(*next_solid)++];
            if (copy->size >= CERTAIN) {
                skip_from = copy->at + MARGIN;
                skip_end = copy->at + copy->size - MARGIN;
            }
        }
        if (at >= skip_from && at < skip_end) {
            continue;
        }
        const uint64_t key = vcd_load64(seeker->window + at);
        uint32_t *const slot = slot_of(seeker, key);
        if (*slot == 0) {
            seeker->keys[seeker->key_count] =
                (struct vcd_region_key){.key = key, .at = (uint32_t)at};
            *slot = (uint32_t)++seeker->key_count;
            continue;
        }
        const size_t earlier = seeker->keys[*slot - 1].at;
        const bool inside_run =
            is_one_byte(key) && at > region->begin && seeker->window[at - 1] == seeker->window[at];
        if (inside_run || seeker->work_left == 0 ||
            (at - earlier == last_distance && at < last.at + last.size)) {
            continue;
        }
        last = match_around(seeker, region, at, seeker->window + earlier, earlier, SIZE_MAX);
        last_distance = at - earlier;
        vcd_copy_list_push(&seeker->matches, seeker->source_size + last.from, last.at, last.size);
    }
}

/* A place in the source where a key seems to stand: keeps the longest, or else the nearest. */
static void weigh_place(struct vcd_seeker *seeker, size_t place, struct vcd_copy *last) {
    const uint64_t word = vcd_load64(seeker->source + place);
    const uint32_t slot = *slot_of(seeker, word);
    if (slot == 0 || seeker->work_left == 0) {
        return;
    }
    struct vcd_region_key *const key = &seeker->keys[slot - 1];
    if (place - key->at == last->from - last->at && place < last->from + last->size) {
        return;
    }
    if (++key->visits > MOST_VISITS) {
        const uint64_t mixed = hash_of(word);
        *filter_word(seeker, mixed) &= ~((uint64_t)1 << (mixed & 63));
        return;
    }
    const struct vcd_region *const region = region_around(seeker, key->at);
    const struct vcd_copy match = match_around(seeker, region, key->at, seeker->source + place,
                                               place, seeker->source_size - place);
    *last = match;
    if (match.size < KEY_SIZE + seeker->step - 1 || match.size < key->match.size) {
        return;
    }
    const uint64_t here = region->left + (match.at - region->begin);
    const uint64_t distance = here > match.from ? here - match.from : match.from - here;
    const uint64_t known = here > key->match.from ? here - key->match.from : key->match.from - here;
    if (match.size > key->match.size || distance < known) {
        key->match = match;
    }
}

static bool make_filter(struct vcd_seeker *seeker) {
    seeker->filter_bits = 4;
    while ((size_t)4 << seeker->filter_bits < seeker->key_count) {
        seeker->filter_bits++;
    }
    free(seeker->filter);
    seeker->filter = calloc((size_t)1 << seeker->filter_bits, sizeof *seeker->filter);
    for (size_t i = 0; seeker->filter != NULL && i < seeker->key_count; i++) {
        if (!is_one_byte(seeker->keys[i].key)) {
            const uint64_t mixed = hash_of(seeker->keys[i].key);
            *filter_word(seeker, mixed) |= (uint64_t)1 << (mixed & 63);
        }
    }
    return seeker->filter != NULL;
}

/* Step 2. */
static void read_source(struct vcd_seeker *seeker) {
    struct vcd_copy last = {0};
    for (size_t place = 0; place + KEY_SIZE <= seeker->source_size; place += seeker->step) {
        const uint64_t mixed = hash_of(vcd_load64(seeker->source + place));
        if (*filter_word(seeker, mixed) >> (mixed & 63) & 1) {
            weigh_place(seeker, place, &last);
        }
    }
    for (size_t i = 0; i < seeker->key_count; i++) {
        const struct vcd_copy *const match = &seeker->keys[i].match;
        if (match->size > 0) {
            vcd_copy_list_push(&seeker->matches, match->from, match->at, match->size);
        }
    }
}

/* What agrees along a diagonal of the source within a region. */
static void add_diagonal(struct vcd_seeker *seeker, const struct vcd_region *region, size_t place) {
    if (place >= seeker->source_size) {
        return;
    }
    const uint8_t *const here = seeker->window + region->begin;
    const size_t size = vcd_min(region->end - region->begin, seeker->source_size - place);
    for (size_t i = 0; i < size;) {
        const size_t run = vcd_match_forwards(here + i, seeker->source + place + i, size - i);
        if (run >= MIN_MATCH) {
            vcd_copy_list_push(&seeker->matches, place + i, region->begin + i, run);
        }
        i += run + 1;
    }
}

/* Those of the copies on both sides, and the solid copies between. */
static void add_known(struct vcd_seeker *seeker, const struct vcd_copy_list *solid) {
    for (size_t i = 0; i < seeker->region_count; i++) {
        const struct vcd_region *const region = &seeker->regions[i];
        const size_t size = region->end - region->begin;
        add_diagonal(seeker, region, region->left);
        if (region->right < seeker->source_size && region->right >= size) {
            add_diagonal(seeker, region, region->right - size);
        }
    }
    for (size_t i = 0; i < solid->count; i++) {
        const struct vcd_copy *const copy = &solid->copies[i];
        vcd_copy_list_push(&seeker->matches, copy->from, copy->at, copy->size);
    }
}

static int compare_matches(const void *one, const void *other) {
    const struct vcd_copy *const a = one;
    const struct vcd_copy *const b = other;
    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }
    if (a->size != b->size) {
        return a->size > b->size ? -1 : 1;
    }
    return a->from < b->from ? -1 : a->from > b->from;
}

bool vcd_seek(struct vcd_seeker *seeker, const uint8_t *source, size_t source_size, size_t step,
              const uint8_t *window, const struct vcd_region *regions, size_t region_count,
              const struct vcd_copy_list *solid) {
    seeker->source = source;
    seeker->source_size = source_size;
    seeker->step = step;
    seeker->window = window;
    seeker->regions = regions;
    seeker->region_count = region_count;
    if (!make_room(seeker)) {
        return false;
    }
    size_t next_solid = 0;
    for (size_t i = 0; i < region_count; i++) {
        add_keys(seeker, &regions[i], solid, &next_solid);
    }
    if (!make_filter(seeker)) {
        return false;
    }
    read_source(seeker);
    add_known(seeker, solid);
    if (seeker->matches.count > 0) {
        qsort(seeker->matches.copies, seeker->matches.count, sizeof *seeker->matches.copies,
              compare_matches);
    }
    return !seeker->matches.failed;
}

void vcd_seeker_rest(struct vcd_seeker *seeker) {
    free(seeker->keys);
    free(seeker->slots);
    free(seeker->filter);
    seeker->keys = NULL;
    seeker->slots = NULL;
    seeker->filter = NULL;
    vcd_copy_list_free(&seeker->matches);
}
