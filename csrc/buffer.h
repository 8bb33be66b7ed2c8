/*
 * buffer.h - bytes that grow
 *
 * A buffer remembers that it ran out of memory: appending goes on as if nothing
 * had happened, and the one who made it asks 'failed' once, at the end.
 */
#ifndef VCD_BUFFER_H
#define VCD_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "varint.h"

struct vcd_buffer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    bool failed;
};

static inline void vcd_buffer_free(struct vcd_buffer *buffer) {
    free(buffer->bytes);
    memset(buffer, 0, sizeof *buffer);
}

/* Makes room for 'more' bytes and returns where they go, or NULL. */
static inline uint8_t *vcd_buffer_reserve(struct vcd_buffer *buffer, size_t more) {
    if (more > buffer->capacity - buffer->size) {
        const size_t half_more = buffer->capacity + buffer->capacity / 2;
        const size_t needed = buffer->size + more;
        const size_t capacity = needed > half_more ? needed : half_more;
        uint8_t *const bytes = needed < more ? NULL : realloc(buffer->bytes, capacity);
        if (bytes == NULL) {
            buffer->failed = true;
            return NULL;
        }
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    return buffer->bytes + buffer->size;
}

static inline void vcd_buffer_append(struct vcd_buffer *buffer, const uint8_t *bytes, size_t size) {
    uint8_t *const next = vcd_buffer_reserve(buffer, size);
    if (next != NULL && size > 0) {
        memcpy(next, bytes, size);
        buffer->size += size;
    }
}

static inline void vcd_buffer_append_byte(struct vcd_buffer *buffer, uint8_t byte) {
    vcd_buffer_append(buffer, &byte, 1);
}

static inline void vcd_buffer_append_varint(struct vcd_buffer *buffer, uint64_t value) {
    uint8_t *const next = vcd_buffer_reserve(buffer, VCD_VARINT_MAX_SIZE);
    if (next != NULL) {
        buffer->size += (size_t)(vcd_varint_write(next, value) - next);
    }
}

#endif
