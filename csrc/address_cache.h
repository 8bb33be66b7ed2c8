/*
 * address_cache.h - NEAR and SAME caches for COPY addresses (RFC 3284, section 5.1-5.3)
 *
 * Both sides of a delta keep the same caches and update them after every COPY.
 * NEAR holds the last 'near_size' addresses, a ring; SAME holds, for each
 * remainder of 'same_size' * 256, the last address that had it. An address is
 * then written as itself, as its distance from here, as its distance past a
 * NEAR entry, or as the one byte that picks a SAME entry.
 *
 * The sizes are parameters, so that the compiler makes a copy for the default
 * ones: a remainder by a constant costs a tenth of one by a variable.
 */
#ifndef VCD_ADDRESS_CACHE_H
#define VCD_ADDRESS_CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "format.h"

/* 'near' has near_size entries and 'same' same_size * 256; the caller owns both. */
struct vcd_address_cache {
    uint64_t *near;
    uint64_t *same;
    unsigned next_near;
};

/* A new window starts with all entries 0 (section 5.1). */
static inline void vcd_address_cache_reset(struct vcd_address_cache *cache, unsigned near_size,
                                           unsigned same_size) {
    cache->next_near = 0;
    memset(cache->near, 0, near_size * sizeof *cache->near);
    memset(cache->same, 0, (size_t)same_size * 256 * sizeof *cache->same);
}

/* After each COPY, whatever its mode. */
static inline void vcd_address_cache_update(struct vcd_address_cache *cache, unsigned near_size,
                                            unsigned same_size, uint64_t address) {
    if (near_size > 0) {
        cache->near[cache->next_near] = address;
        cache->next_near = cache->next_near + 1 == near_size ? 0 : cache->next_near + 1;
    }
    if (same_size > 0) {
        cache->same[address % ((uint64_t)same_size * 256)] = address;
    }
}

#endif
