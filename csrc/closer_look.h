/*
 * closer_look.h - the cheapest copies for the few places where a window differs from its source
 */
#ifndef VCD_CLOSER_LOOK_H
#define VCD_CLOSER_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "copy_list.h"
#include "seeker.h"

struct vcd_look_node;
struct vcd_look_prices;

/* Memory is taken when a window is looked at for the first time. */
struct vcd_closer_look {
    const uint8_t *source;
    size_t source_size;
    size_t most_source;       /* larger ones are not read for a first look, */
    size_t most_source_again; /* or for a second one */
    const uint8_t *window;
    size_t window_size;
    size_t step;
    struct vcd_region *regions;
    size_t region_count;
    size_t region_capacity;
    struct vcd_seeker seeker;
    const struct vcd_look_prices *prices;
    struct vcd_look_node *nodes; /* one for each position of a region */
};

void vcd_look_start(struct vcd_closer_look *look, const uint8_t *source, size_t source_size,
                    int level);
/* Gives back what only the next look needs. */
void vcd_look_rest(struct vcd_closer_look *look);
void vcd_look_free(struct vcd_closer_look *look);

/*
 * Looks at a window. The first look knows its long copies, and is for windows with few bytes
 * between them; the second one knows all its copies. 'place' is where in the source the window's
 * first byte is expected. Returns false where there is too much to look at, or where that is not
 * worth it; else 'copies' become all copies of the window. When memory runs out, copies->failed is
 * set.
 */
bool vcd_look_closer(struct vcd_closer_look *look, const uint8_t *window, size_t window_size,
                     size_t place, bool is_first_look, const struct vcd_copy_list *known,
                     struct vcd_copy_list *copies);

#endif
