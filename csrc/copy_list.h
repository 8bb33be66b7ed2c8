/*
 * copy_list.h - the copies that make up a target window
 */
#ifndef VCD_COPY_LIST_H
#define VCD_COPY_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "growing.h"

/* 'size' bytes of the window, at 'at', come from 'from': a place in the source, or, from the
   source's size on, in the window itself. What lies between copies has to be added. */
struct vcd_copy {
    uint64_t from;
    uint32_t at;
    uint32_t size;
};

/* In the order of the target. Like a vcd_buffer, it remembers that memory ran out. */
struct vcd_copy_list {
    struct vcd_copy *copies;
    size_t count;
    size_t capacity;
    bool failed;
};

static inline void vcd_copy_list_free(struct vcd_copy_list *list) {
    free(list->copies);
    *list = (struct vcd_copy_list){.failed = list->failed};
}

static inline void vcd_copy_list_push(struct vcd_copy_list *list, uint64_t from, size_t at,
                                      size_t size) {
    struct vcd_copy *const copies =
        vcd_with_room(list->copies, list->count, &list->capacity, sizeof *copies);
    if (copies == NULL) {
        list->failed = true;
        return;
    }
    list->copies = copies;
    copies[list->count++] =
        (struct vcd_copy){.from = from, .at = (uint32_t)at, .size = (uint32_t)size};
}

#endif
