/*
 * match_finder.h - which parts of a target window to copy, and from where
 */
#ifndef VCD_MATCH_FINDER_H
#define VCD_MATCH_FINDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "closer_look.h"
#include "copy_list.h"
#include "gap_parser.h"
#include "key_search.h"
#include "key_table.h"
#include "source_index.h"
#include "vcdiff.h"

struct vcd_match_finder {
    const uint8_t *source;
    size_t source_size;
    struct vcd_copy_list copies; /* of the last window */
    struct vcd_copy_list solid;  /* the long ones among them */
    struct vcd_gap_parser gaps;
    struct vcd_closer_look look;
    struct vcd_key_search search;
    struct vcd_key_table nearby_keys; /* sampled keys of the source around a place */
    size_t window_size;               /* how much of the window the copies are for */
    size_t gaps_size;                 /* between the solid copies, in all */
    size_t gaps_cost;
};

/* Returns false when there is no memory. */
bool vcd_finder_start(struct vcd_match_finder *finder, const uint8_t *source, size_t source_size,
                      int level);
/* Gives back what the next window can do without, once the copies of this one are of no more use:
   8 MiB between the windows of executables and source tars. */
void vcd_finder_rest(struct vcd_match_finder *finder);
void vcd_finder_free(struct vcd_match_finder *finder);

/* Fills finder->copies for up to 'size' bytes at 'from' of a target of 'target_size', and says in
   finder->window_size for how many. 'index' may be NULL. Returns VCD_OK, VCD_NEEDS_INDEX or
   VCD_NO_MEMORY. */
enum vcd_result vcd_find_copies(struct vcd_match_finder *finder, const struct vcd_index *index,
                                const uint8_t *target, size_t target_size, size_t from,
                                size_t size);

#endif
