/*
 * key_search.h - the next long match behind a place of a window, by keys of 16 bytes
 */
#ifndef VCD_KEY_SEARCH_H
#define VCD_KEY_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key_table.h"
#include "source_index.h"

enum { VCD_SOLID_SIZE = 32 }; /* a match worth changing the diagonal for */

/* How far to step after so many look-ups without a match. A match of so many steps of the index and
   a key is always found. 15 makes noise a third faster than 7, for 0.01 % more of it. */
enum { VCD_SEARCH_STEP_MAX = 15 };
static inline size_t vcd_search_step(size_t looked_up, size_t most) {
    return vcd_min(1 + 2 * (looked_up >> 12), most);
}

/* A match: window bytes [at - backwards, at + forwards) agree with those around 'from'. */
struct vcd_match {
    size_t from; /* in the source, or behind its size in the window */
    size_t at;
    size_t forwards;
    size_t backwards;
};

struct vcd_key_search {
    const uint8_t *source;
    size_t source_size;
    struct vcd_key_filter filter;     /* of the index, and of window_keys */
    struct vcd_key_table window_keys; /* sampled keys of the window that the source does not have */
};

/* Returns false when there is no memory. */
bool vcd_search_start(struct vcd_key_search *search, const uint8_t *source, size_t source_size);
void vcd_search_free(struct vcd_key_search *search);

/* To be called before the first search of each window, whose searches all take this index. Returns
   false when there is no memory. */
bool vcd_search_new_window(struct vcd_key_search *search, const struct vcd_index *index,
                           size_t window_size);

/* The next match of VCD_SOLID_SIZE bytes whose key lies between 'anchor' and 'end' of a window of
   'size' bytes, and which begins at 'anchor' at the soonest; match.forwards is 0 when there is
   none. */
struct vcd_match vcd_search(struct vcd_key_search *search, const struct vcd_index *index,
                            const uint8_t *window, size_t size, size_t anchor, size_t end);

#endif
