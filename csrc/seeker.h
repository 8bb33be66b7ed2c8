/*
 * seeker.h - what a few regions of a window could be copied from
 */
#ifndef VCD_SEEKER_H
#define VCD_SEEKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "copy_list.h"

/* A stretch of a window, and the places in the source where the copies on both sides of it end and
   begin; one that is no place in the source is ignored. */
struct vcd_region {
    size_t begin;
    size_t end;
    size_t left;
    size_t right;
};

struct vcd_region_key;

/* Its tables are as large as the regions ask for. All zeros at the start. */
struct vcd_seeker {
    const uint8_t *source;
    size_t source_size;
    size_t step; /* between the places of the source that are looked at */
    const uint8_t *window;
    const struct vcd_region *regions;
    size_t region_count;
    struct vcd_region_key *keys; /* each once, in the order of the window */
    size_t key_count;
    uint32_t *slots; /* of keys, by hash */
    unsigned slot_bits;
    uint64_t *filter; /* a bit for each hash of a key */
    unsigned filter_bits;
    size_t work_left; /* bytes to compare yet: data that repeats itself is not looked at forever */
    struct vcd_copy_list matches;
};

/*
 * Reads the whole source. Fills seeker->matches, in the order of where they begin: what was found,
 * and the 'solid' copies, which are those inside the regions and around them. 'regions' are in
 * order and have some bytes each. Returns false when there is no memory.
 */
bool vcd_seek(struct vcd_seeker *seeker, const uint8_t *source, size_t source_size, size_t step,
              const uint8_t *window, const struct vcd_region *regions, size_t region_count,
              const struct vcd_copy_list *solid);
void vcd_seeker_rest(struct vcd_seeker *seeker);

#endif
