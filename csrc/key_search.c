/*
 * key_search.c - the next long match behind a place of a window, by keys of 16 bytes
 *
 * The index of the source is larger than any cache. Most keys of what is new are not in it, which a
 * filter tells that fits the second level; the buckets of the others are fetched a batch ahead.
 * The longer a search, the wider its steps. They are odd, so that within a long match every
 * remainder by the index's step has its turn.
 */
#include "key_search.h"

#include <stdlib.h>
#include <string.h>

#include "match_length.h"

enum {
    WINDOW_STEP = 16, /* between sampled keys of the window */
    WINDOW_SLOT_BITS = 17,
    BATCH = 32, /* look-ups at once, a few of which get past the filter */
    /* Sources that are indexed finely are small, and short matches are asked for. */
    FINE_STEP = 8,
    FINE_STEP_MAX = 7,
};

bool vcd_search_start(struct vcd_key_search *search, const uint8_t *source, size_t source_size) {
    memset(search, 0, sizeof *search);
    search->source = source;
    search->source_size = source_size;
    search->window_keys.slots = malloc(sizeof *search->window_keys.slots << WINDOW_SLOT_BITS);
    return search->window_keys.slots != NULL;
}

void vcd_search_free(struct vcd_key_search *search) {
    free(search->filter.words);
    free(search->window_keys.slots);
}

bool vcd_search_new_window(struct vcd_key_search *search, const struct vcd_index *index,
                           size_t window_size) {
    const size_t size = vcd_filter_size(&index->filter);
    if (search->filter.bits != index->filter.bits) {
        free(search->filter.words);
        search->filter.words = malloc(size);
        search->filter.bits = search->filter.words == NULL ? 0 : index->filter.bits;
    }
    if (search->filter.words == NULL) {
        return false;
    }
    memcpy(search->filter.words, index->filter.words, size);
    vcd_key_table_start(&search->window_keys, window_size / WINDOW_STEP, WINDOW_SLOT_BITS);
    return true;
}

/* The best match of the 16-byte key at window + p that the index knows. */
static struct vcd_match look_up(const struct vcd_key_search *search, const struct vcd_index *index,
                                uint64_t hash, const uint8_t *window, size_t size, size_t anchor,
                                size_t p) {
    const uint32_t *const bucket = vcd_index_bucket(index, hash);
    struct vcd_match best = {.at = p};
    for (int i = 0; i < 2; i++) {
        const size_t place = vcd_index_place(index, bucket[i], hash);
        if (place == SIZE_MAX) {
            continue;
        }
        const size_t forwards = vcd_match_forwards(window + p, search->source + place,
                                                   vcd_min(size - p, search->source_size - place));
        const size_t backwards =
            vcd_match_backwards(window + p, search->source + place, vcd_min(p - anchor, place));
        if (forwards + backwards > best.forwards + best.backwards) {
            best.from = place;
            best.forwards = forwards;
            best.backwards = backwards;
        }
    }
    return best;
}

/* Positions whose keys may be known, or will be from then on: their hashes, and their buckets on
   the way into the cache. */
struct batch {
    size_t looked_up; /* positions in all */
    size_t count;
    size_t at[BATCH];
    uint64_t hash[BATCH];
    bool is_sampled[BATCH];
};

static size_t fetch(const struct vcd_key_search *search, struct batch *batch,
                    const struct vcd_index *index, const uint8_t *window, size_t end, size_t p,
                    size_t step) {
    size_t count = 0;
    size_t i = 0;
    for (; i < BATCH && p + VCD_KEY_SIZE <= end; i++) {
        const uint64_t hash = vcd_hash_key(window + p);
        const bool is_sampled = i % WINDOW_STEP == 0;
        if (is_sampled || vcd_filter_has(&search->filter, hash)) {
            vcd_prefetch(vcd_index_bucket(index, hash));
            batch->at[count] = p;
            batch->hash[count] = hash;
            batch->is_sampled[count++] = is_sampled;
        }
        if (is_sampled) {
            vcd_filter_add(&search->filter, hash);
        }
        p += step;
    }
    batch->looked_up = i;
    batch->count = count;
    return p;
}

struct vcd_match vcd_search(struct vcd_key_search *search, const struct vcd_index *index,
                            const uint8_t *window, size_t size, size_t anchor, size_t end) {
    struct batch batches[2];
    const size_t step_max = index->step <= FINE_STEP ? FINE_STEP_MAX : VCD_SEARCH_STEP_MAX;
    size_t looked_up = 0;
    size_t next = fetch(search, &batches[0], index, window, end, anchor, 1);
    for (unsigned turn = 0; batches[turn].looked_up > 0; turn ^= 1) {
        const struct batch *const batch = &batches[turn];
        const size_t step = vcd_search_step(looked_up, step_max);
        next = fetch(search, &batches[turn ^ 1], index, window, end, next, step);
        for (size_t i = 0; i < batch->count; i++) {
            const size_t p = batch->at[i];
            const uint64_t hash = batch->hash[i];
            struct vcd_match best = look_up(search, index, hash, window, size, anchor, p);
            uint32_t *const slot = vcd_key_slot(&search->window_keys, hash);
            const size_t place = vcd_key_place(slot, hash);
            if (best.forwards + best.backwards < VCD_SOLID_SIZE && place < p) {
                best.from = search->source_size + place;
                best.forwards = vcd_match_forwards(window + p, window + place, size - p);
                best.backwards =
                    vcd_match_backwards(window + p, window + place, vcd_min(p - anchor, place));
            }
            if (best.forwards + best.backwards >= VCD_SOLID_SIZE) {
                return best;
            }
            if (batch->is_sampled[i]) {
                vcd_key_set(slot, hash, p);
            }
        }
        looked_up += batch->looked_up;
    }
    return (struct vcd_match){.at = end};
}
