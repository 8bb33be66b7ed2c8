/*
 * source_index.c - the index over a source
 *
 * Keys are sampled, not rolled: any match of 31 bytes covers a whole key, and one
 * store for 16 bytes of source costs a sixteenth of what a rolling hash does.
 */
#include "source_index.h"

#include <stdlib.h>

#include "vcdiff.h"

enum { STEP = 16 };

struct vcd_source *vcd_source_new(const uint8_t *bytes, size_t size) {
    struct vcd_source *const source = calloc(1, sizeof *source);
    if (source != NULL) {
        source->bytes = bytes;
        source->size = size;
        source->step = STEP;
        while (size / source->step >= (size_t)1 << 28) {
            source->step *= 2; /* key numbers leave at least four bits for the tag */
        }
    }
    return source;
}

void vcd_source_free(struct vcd_source *source) {
    if (source != NULL) {
        free(source->slots);
        free(source);
    }
}

enum vcd_result vcd_source_build_index(struct vcd_source *source) {
    if (source->slots != NULL) {
        return VCD_OK;
    }
    const size_t keys =
        source->size < VCD_KEY_SIZE ? 0 : (source->size - VCD_KEY_SIZE) / source->step + 1;
    source->index_bits = 1;
    while (keys >> source->index_bits != 0) {
        source->index_bits++;
    }
    source->bucket_count = keys * 9 / 16 + 1; /* 9 slots for 8 keys */
    source->slots = calloc(source->bucket_count, 2 * sizeof *source->slots);
    if (source->slots == NULL) {
        return VCD_NO_MEMORY;
    }
    for (size_t i = keys; i-- > 0;) { /* backwards: the first of equal keys gets the first slot */
        const uint64_t hash = vcd_hash_key(source->bytes + i * source->step);
        uint32_t *const bucket = vcd_source_bucket(source, hash);
        bucket[1] = bucket[0];
        bucket[0] = vcd_source_tag(source, hash) | (uint32_t)(i + 1);
    }
    return VCD_OK;
}
