/*
 * effort.h - what a level is worth: time spent to make deltas smaller
 */
#ifndef VCD_EFFORT_H
#define VCD_EFFORT_H

#include <stdbool.h>
#include <stddef.h>

enum { VCD_LEVEL_MIN = 1, VCD_LEVEL_MAX = 9 };

struct vcd_effort {
    bool parses_gaps;        /* or only copies what agrees along the diagonal */
    unsigned local_key_size; /* bytes of the shortest match off the diagonal, 4 to 8 */
    size_t index_step;       /* bytes of source for a sampled key */
    /* Sources up to these sizes are sampled at a half and at a quarter of the step. The index
       then stays below 0.28 times the source plus 10 MiB. */
    size_t half_step_up_to;
    size_t quarter_step_up_to;
};

static inline struct vcd_effort vcd_effort_of(int level) {
    if (level <= 3) {
        return (struct vcd_effort){.parses_gaps = false, .local_key_size = 8, .index_step = 32};
    }
    if (level <= 6) {
        return (struct vcd_effort){.parses_gaps = true,
                                   .local_key_size = 8,
                                   .index_step = 16,
                                   .half_step_up_to = (size_t)1 << 23};
    }
    return (struct vcd_effort){.parses_gaps = true,
                               .local_key_size = 6,
                               .index_step = 16,
                               .half_step_up_to = (size_t)36 << 20,
                               .quarter_step_up_to = (size_t)12 << 20};
}

#endif
