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

/* Memory is taken when a window is looked at for the first time. */
struct vcd_closer_look {
    const uint8_t *source;
    size_t source_size;
    size_t most_source; /* larger ones are not read again */
    const uint8_t *window;
    size_t window_size;
    struct vcd_region *regions;
    size_t region_count;
    size_t region_capacity;
    struct vcd_seeker seeker;
    struct vcd_look_node *nodes; /* one for each position of a region */
};

void vcd_look_start(struct vcd_closer_look *look, const uint8_t *source, size_t source_size,
                    int level);
void vcd_look_free(struct vcd_closer_look *look);

/*
 * Looks at a window whose long copies are 'solid'; 'place' is where in the source its first byte
 * is expected. Returns false where there is too much between them, or where that is not worth it;
 * else 'copies' are all copies of the window. When memory runs out, copies->failed is set.
 */
bool vcd_look_closer(struct vcd_closer_look *look, const uint8_t *window, size_t window_size,
                     size_t place, const struct vcd_copy_list *solid, struct vcd_copy_list *copies);

#endif
