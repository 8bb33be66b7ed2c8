/*
 * source_index.c - the index over a source
 *
 * Keys are sampled, not rolled: any match of 31 bytes covers a whole key, and one
 * store for 16 bytes of source costs a sixteenth of what a rolling hash does.
 */
#include "source_index.h"

#include <stdlib.h>

#include "large_memory.h"
#include "vcdiff.h"

enum { STEP = 16 };

struct vcd_index *vcd_index_new(const uint8_t *source, size_t source_size) {
    struct vcd_index *const index = calloc(1, sizeof *index);
    if (index == NULL) {
        return NULL;
    }
    index->source = source;
    index->step = STEP;
    while (source_size / index->step >= (size_t)1 << 28) {
        index->step *= 2; /* key numbers leave at least three bits for the tag */
    }
    const size_t keys =
        source_size < VCD_KEY_SIZE ? 0 : (source_size - VCD_KEY_SIZE) / index->step + 1;
    while (keys >> index->index_bits != 0) {
        index->index_bits++;
    }
    index->bucket_count = keys * 9 / 16 + 1; /* 9 slots for 8 keys */
    index->slots = vcd_large_calloc(index->bucket_count * 2 * sizeof *index->slots);
    if (index->slots == NULL) {
        free(index);
        return NULL;
    }
    for (size_t i = keys; i-- > 0;) { /* backwards: the first of equal keys gets the first slot */
        const uint64_t hash = vcd_hash_key(source + i * index->step);
        uint32_t *const bucket = vcd_index_bucket(index, hash);
        bucket[1] = bucket[0];
        bucket[0] = vcd_index_tag(index, hash) | (uint32_t)(i + 1);
    }
    return index;
}

void vcd_index_free(struct vcd_index *index) {
    if (index != NULL) {
        free(index->slots);
        free(index);
    }
}
