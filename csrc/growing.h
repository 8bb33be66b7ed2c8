/*
 * growing.h - arrays that grow
 */
#ifndef VCD_GROWING_H
#define VCD_GROWING_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * vcd_with_room() returns 'array', or where it has moved to, with room for one more item than
 * 'count'; NULL when there is no memory, and then 'array' is as it was.
 */
static inline void *vcd_with_room(void *array, size_t count, size_t *capacity, size_t item_size) {
    if (count < *capacity) {
        return array;
    }
    const size_t more = *capacity + *capacity / 2 + 64;
    void *const moved = more > SIZE_MAX / item_size ? NULL : realloc(array, more * item_size);
    if (moved != NULL) {
        *capacity = more;
    }
    return moved;
}

#endif
