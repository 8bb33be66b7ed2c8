/*
 * source_index.h - where in the source a key of 16 bytes may be found
 */
#ifndef VCD_SOURCE_INDEX_H
#define VCD_SOURCE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common.h"

enum { VCD_KEY_SIZE = 16 };

/*
 * A bit for each hash of a key, and few others: it answers most look-ups for keys that are not
 * there from the second level of cache, which tables of places do not fit into.
 */
struct vcd_key_filter {
    uint64_t *words;
    unsigned bits; /* 2^bits bits */
};

/* In bytes. */
static inline size_t vcd_filter_size(const struct vcd_key_filter *filter) {
    return (size_t)1 << filter->bits >> 3;
}

static inline bool vcd_filter_has(const struct vcd_key_filter *filter, uint64_t hash) {
    const uint64_t bit = hash >> (64 - filter->bits);
    return (filter->words[bit / 64] >> bit % 64 & 1) != 0;
}

static inline void vcd_filter_add(const struct vcd_key_filter *filter, uint64_t hash) {
    const uint64_t bit = hash >> (64 - filter->bits);
    filter->words[bit / 64] |= (uint64_t)1 << bit % 64;
}

/*
 * One sampled key every 'step' bytes of the source. A slot is 0 or
 *
 *     31                    index_bits                0
 *     | tag: more bits of the hash | key number + 1   |
 *
 * so that a key that is not in the source rarely costs a look at the source.
 */
struct vcd_index {
    const uint8_t *source;
    size_t step;
    uint32_t *slots; /* in buckets of two */
    size_t bucket_count;
    unsigned index_bits;
    size_t missing_keys; /* the first ones; keys are added from the end of the source */
    struct vcd_key_filter filter;
};

static inline uint64_t vcd_hash_key(const uint8_t *key) {
    /* Products with odd constants (of the golden ratio and of pi), added: the upper bits depend
       on all 16 bytes. */
    const uint64_t mixed =
        vcd_load64_le(key) * 0x9E3779B97F4A7C15U + vcd_load64_le(key + 8) * 0xC4CEB9FE1A85EC53U;
    return mixed ^ mixed >> 29;
}

/* The bucket of a hash, without a division: the upper 32 bits, scaled. */
static inline uint32_t *vcd_index_bucket(const struct vcd_index *index, uint64_t hash) {
    return index->slots + 2 * (size_t)(((hash >> 32) * index->bucket_count) >> 32);
}

static inline uint32_t vcd_index_tag(const struct vcd_index *index, uint64_t hash) {
    return (uint32_t)hash << index->index_bits;
}

/* Where a slot of a hash's bucket says that the key stands; SIZE_MAX if that is another key or
   none. Other tags are asked for first: they are the rule, and a rule is cheap to predict. */
static inline size_t vcd_index_place(const struct vcd_index *index, uint32_t slot, uint64_t hash) {
    const uint32_t number_mask = (uint32_t)(((uint64_t)1 << index->index_bits) - 1);
    if (((slot ^ vcd_index_tag(index, hash)) & ~number_mask) != 0 || slot == 0) {
        return SIZE_MAX;
    }
    return (size_t)((slot & number_mask) - 1) * index->step;
}

#endif
