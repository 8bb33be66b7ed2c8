/*
 * plain_bytes.h - seeded bytes with something to find in them, for tests of deflate
 */
#ifndef PLAIN_BYTES_H
#define PLAIN_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A number below 'below', the same on every machine. */
static inline uint32_t chance(uint32_t *state, uint32_t below) {
    *state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
    return (*state >> 8) % below;
}

/* Noise, runs, and copies of what was before from near and far, which are all of 'kinds' but two.
 */
static inline void fill(uint8_t *plain, size_t size, uint32_t kinds, uint32_t *seed) {
    for (size_t at = 0; at < size;) {
        const uint32_t kind = chance(seed, kinds);
        const size_t length = 1 + chance(seed, kind == 0 ? 400 : 40);
        const size_t distance = at == 0 ? 0 : 1 + chance(seed, at < 40000 ? (uint32_t)at : 40000);
        for (size_t i = 0; i < length && at < size; i++, at++) {
            plain[at] = kind < kinds - 2 && distance > 0 ? plain[at - distance]
                        : kind == kinds - 2              ? (uint8_t)chance(seed, 256)
                                                         : (uint8_t)('a' + chance(seed, 3));
        }
    }
}

/* A copy on the heap, behind whose end the sanitizer watches. */
static inline uint8_t *exact(const void *bytes, size_t size) {
    uint8_t *const copy = malloc(size > 0 ? size : 1);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

#endif
