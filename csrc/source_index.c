/*
 * source_index.c - the index over a source
 *
 * Keys are sampled, not rolled: any match of 31 bytes covers a whole key, and one
 * store for 16 bytes of source costs a sixteenth of what a rolling hash does.
 */
#include "source_index.h"

#include <stdlib.h>

#include "effort.h"
#include "large_memory.h"
#include "vcdiff.h"

enum { FILTER_BITS_LEAST = 10, FILTER_BITS_MOST = 23 };

static size_t step_for(size_t source_size, int level) {
    const struct vcd_effort effort = vcd_effort_of(level);
    if (source_size <= effort.quarter_step_up_to) {
        return effort.index_step / 4;
    }
    if (source_size <= effort.half_step_up_to) {
        return effort.index_step / 2;
    }
    const size_t thin = source_size / effort.most_keys + 1;
    return thin > effort.index_step ? thin : effort.index_step;
}

/*
 * Buckets are fetched 32 keys ahead: the index is larger than any cache, and waiting
 * for each took twice as long. Backwards: the first of equal keys gets the first slot.
 */
static void fill(const struct vcd_index *index, size_t first, size_t end) {
    enum { AHEAD = 32 };
    uint64_t hashes[AHEAD];
    for (size_t i = end + AHEAD; i-- > first;) {
        uint64_t *const hash = &hashes[i % AHEAD]; /* of key i, that of key i - AHEAD next */
        if (i < end) {
            uint32_t *const bucket = vcd_index_bucket(index, *hash);
            bucket[1] = bucket[0];
            bucket[0] = vcd_index_tag(index, *hash) | (uint32_t)(i + 1);
            vcd_filter_add(&index->filter, *hash);
        }
        if (i >= first + AHEAD) {
            *hash = vcd_hash_key(index->source + (i - AHEAD) * index->step);
            vcd_prefetch(vcd_index_bucket(index, *hash));
        }
    }
}

struct vcd_index *vcd_index_new(const uint8_t *source, size_t source_size, int level) {
    struct vcd_index *const index = calloc(1, sizeof *index);
    if (index == NULL) {
        return NULL;
    }
    index->source = source;
    index->step = step_for(source_size, level);
    const size_t keys =
        source_size < VCD_KEY_SIZE ? 0 : (source_size - VCD_KEY_SIZE) / index->step + 1;
    index->missing_keys = keys;
    while (keys >> index->index_bits != 0) {
        index->index_bits++;
    }
    index->bucket_count = keys * 9 / 16 + 1; /* 9 slots for 8 keys */
    index->slots = vcd_large_calloc(index->bucket_count * 2 * sizeof *index->slots);
    /* 8 to 16 bits for each key; of 2 million keys, what the second level of cache has. */
    index->filter.bits = FILTER_BITS_LEAST;
    while (index->filter.bits < FILTER_BITS_MOST && keys >> (index->filter.bits - 3) != 0) {
        index->filter.bits++;
    }
    index->filter.words = calloc(vcd_filter_size(&index->filter), 1);
    if (index->slots == NULL || index->filter.words == NULL) {
        vcd_index_free(index);
        return NULL;
    }
    return index;
}

size_t vcd_index_fill(struct vcd_index *index, size_t most) {
    const size_t keys = most / index->step + 1;
    const size_t end = index->missing_keys;
    index->missing_keys = end > keys ? end - keys : 0;
    fill(index, index->missing_keys, end);
    return index->missing_keys * index->step;
}

void vcd_index_free(struct vcd_index *index) {
    if (index != NULL) {
        free(index->slots);
        free(index->filter.words);
        free(index);
    }
}
