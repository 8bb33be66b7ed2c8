/*
 * step_list.h - the instructions of one merged window, before they are written: what follows on
 * becomes one step, what comes from the source widens the segment, literals in a row are one ADD
 */
#ifndef VCD_STEP_LIST_H
#define VCD_STEP_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "piece_list.h"
#include "window_writer.h"

/* EARLIER is a copy within the window. */
struct vcd_step {
    enum vcd_piece_kind kind;
    uint32_t size;
    union vcd_origin from; /* of EARLIER: in the window */
};

struct vcd_step_list {
    struct vcd_step *steps;
    size_t count, capacity;
    uint32_t window_size;       /* how much of a target they are to make */
    uint32_t here;              /* how much they do */
    uint64_t segment_start;     /* the part of the source that they copy from */
    uint64_t segment_end;       /* 0 if there is none */
    struct vcd_buffer literals; /* of several steps that make one ADD */
};

/* Empties the list, for the steps of a window of at most 'window_size' bytes. */
void vcd_step_list_start(struct vcd_step_list *list, uint32_t window_size);

void vcd_step_list_free(struct vcd_step_list *list);

/* Whether 'step' would go on where the last one ends; literals of another place do not. */
bool vcd_step_list_goes_on(const struct vcd_step_list *list, const struct vcd_step *step);

/* Appends a step; false if memory ran out. */
bool vcd_step_list_add(struct vcd_step_list *list, struct vcd_step step);

/* Stretches the segment over a copy from the source, unless source and window together became too
   large for readers with 32-bit addresses: then false. */
bool vcd_step_list_reach(struct vcd_step_list *list, uint64_t position, uint64_t size);

static inline uint64_t vcd_step_list_segment_size(const struct vcd_step_list *list) {
    return list->segment_end > 0 ? list->segment_end - list->segment_start : 0;
}

/* Writes the steps as a window; false if memory ran out. */
bool vcd_step_list_write(struct vcd_step_list *list, struct vcd_window_writer *writer);

#endif
