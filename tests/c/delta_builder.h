/*
 * delta_builder.h - deltas built field by field, right or wrong on purpose
 *
 * A string of bytes grows by put_*(); put_window() frames three sections as a window whose sizes
 * are right, for tests whose fault lies inside.
 */
#ifndef DELTA_BUILDER_H
#define DELTA_BUILDER_H

#include <stdint.h>

#include "check.h"
#include "format.h"
#include "varint.h"
#include "vcdiff.h"

struct bytes {
    uint8_t *data;
    size_t size;
};

/* Room is a power of two: a sanitizer's realloc() moves the bytes each time. */
static inline size_t room_for(size_t size) {
    size_t room = size > 0 ? 16 : 0;
    while (room < size) {
        room *= 2;
    }
    return room;
}

static inline void put(struct bytes *to, const void *data, size_t size) {
    if (size > 0) {
        if (room_for(to->size + size) > room_for(to->size)) {
            to->data = realloc(to->data, room_for(to->size + size));
        }
        memcpy(to->data + to->size, data, size);
        to->size += size;
    }
}

static inline void put_byte(struct bytes *to, unsigned byte) {
    const uint8_t value = (uint8_t)byte;
    put(to, &value, 1);
}

static inline void put_varint(struct bytes *to, uint64_t value) {
    uint8_t buffer[VCD_VARINT_MAX_SIZE];
    put(to, buffer, (size_t)(vcd_varint_write(buffer, value) - buffer));
}

static inline void put_text(struct bytes *to, const char *text) {
    put(to, text, strlen(text));
}

static inline void put_header(struct bytes *to, unsigned indicator) {
    put(to, "\xD6\xC3\xC4\x00", 4);
    put_byte(to, indicator);
}

struct window_parts {
    unsigned indicator;
    uint64_t segment_size, segment_position;
    uint64_t target_size;
    unsigned delta_indicator;
    uint32_t adler32;
    struct bytes data, instructions, addresses;
};

static inline void put_window(struct bytes *to, const struct window_parts *parts) {
    struct bytes inner = {0};
    put_varint(&inner, parts->target_size);
    put_byte(&inner, parts->delta_indicator);
    put_varint(&inner, parts->data.size);
    put_varint(&inner, parts->instructions.size);
    put_varint(&inner, parts->addresses.size);
    if (parts->indicator & VCD_ADLER32) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            put_byte(&inner, parts->adler32 >> shift & 0xFF);
        }
    }
    put(&inner, parts->data.data, parts->data.size);
    put(&inner, parts->instructions.data, parts->instructions.size);
    put(&inner, parts->addresses.data, parts->addresses.size);

    put_byte(to, parts->indicator);
    if (parts->indicator & (VCD_SOURCE | VCD_TARGET)) {
        put_varint(to, parts->segment_size);
        put_varint(to, parts->segment_position);
    }
    put_varint(to, inner.size);
    put(to, inner.data, inner.size);
    free(inner.data);
}

static inline void free_parts(struct window_parts *parts) {
    free(parts->data.data);
    free(parts->instructions.data);
    free(parts->addresses.data);
    memset(parts, 0, sizeof *parts);
}

/* The same bytes in memory of exactly their size, so that a sanitizer sees every step outside. */
static inline struct bytes exact_copy(const void *data, size_t size) {
    const struct bytes copy = {malloc(size > 0 ? size : 1), size};
    if (size > 0) {
        memcpy(copy.data, data, size);
    }
    return copy;
}

/* Decodes, in memory of exact sizes, and frees 'delta'. On success CHECKs the target. */
static inline enum vcd_result decode_and_check(const char *source, struct bytes *delta,
                                               const void *target, size_t target_size,
                                               struct vcd_where *where) {
    struct bytes exact_source = exact_copy(source, strlen(source));
    struct bytes exact_delta = exact_copy(delta->data, delta->size);
    uint8_t *const room = malloc(target_size > 0 ? target_size : 1);
    size_t size = 0;
    memset(where, 0, sizeof *where);
    const enum vcd_result result =
        vcd_decode(exact_source.data, exact_source.size, exact_delta.data, exact_delta.size, room,
                   target_size, &size, where);
    if (result == VCD_OK) {
        CHECK_EQUAL(target_size, size);
        CHECK(memcmp(target, room, size) == 0);
    } else {
        CHECK(where->expected != NULL);
    }
    free(exact_source.data);
    free(exact_delta.data);
    free(room);
    free(delta->data);
    memset(delta, 0, sizeof *delta);
    return result;
}

#endif
