/*
 * effort.h - what a level is worth: time spent to make deltas smaller
 */
#ifndef VCD_EFFORT_H
#define VCD_EFFORT_H

#include <stdbool.h>
#include <stddef.h>

struct vcd_effort {
    bool parses_gaps;        /* or only copies what agrees along the diagonal */
    unsigned local_key_size; /* bytes of the shortest match off the diagonal, 4 to 8 */
    size_t index_step;       /* bytes of source for a sampled key */
    /* Sources up to these sizes are sampled at a half and at a quarter of the step. The index
       then stays below 0.28 times the source plus 11 MiB, and with that many keys below 73 MiB
       (289 MiB from level 7 on) whatever the source: sources of gigabytes, of which two versions
       mostly share long stretches, are sampled more thinly. */
    size_t half_step_up_to;
    size_t quarter_step_up_to;
    size_t most_keys; /* less than 2^28: a key number leaves three bits and more for the tag */
    /* Sources up to these sizes are read once more for a window: for one of a few changes, and, in
       batches, for what a window of more has left over. */
    size_t look_up_to;
    size_t look_again_up_to;
};

/* Twice the step halves the time that the index takes, most of all for large files that hardly
   differ, and cost 0.1 to 0.9 % in size on our corpus' pairs of 60 to 170 MB. */
static inline struct vcd_effort vcd_effort_of(int level) {
    const size_t mib = (size_t)1 << 20;
    if (level <= 3) {
        return (struct vcd_effort){.parses_gaps = false,
                                   .local_key_size = 8,
                                   .index_step = 64,
                                   .half_step_up_to = 48 * mib,
                                   .most_keys = 16 * mib};
    }
    if (level <= 6) {
        return (struct vcd_effort){.parses_gaps = true,
                                   .local_key_size = 8,
                                   .index_step = 32,
                                   .half_step_up_to = 48 * mib,
                                   .quarter_step_up_to = 8 * mib,
                                   .most_keys = 16 * mib,
                                   .look_up_to = 64 * mib,
                                   .look_again_up_to = 32 * mib};
    }
    /* Level 10 is for who inflates and deflates beside it, which takes far more time: on
       botocore's wheels, inflated, 4 % smaller than 9, with an index of half the source's size. */
    return (struct vcd_effort){.parses_gaps = true,
                               .local_key_size = 6,
                               .index_step = 16,
                               .half_step_up_to = level <= 9 ? 36 * mib : 256 * mib,
                               .quarter_step_up_to = 12 * mib,
                               .most_keys = 64 * mib,
                               .look_up_to = 256 * mib,
                               .look_again_up_to = 256 * mib};
}

#endif
