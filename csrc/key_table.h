/*
 * key_table.h - a small table from keys to the last place where each stood
 *
 *     31             VCD_PLACE_BITS               0
 *     | tag: hash bits |  place + 1, or 0: empty  |
 *
 * Most look-ups are for keys that are not there. The tag answers nearly all of these
 * without a look at the place, which would be a miss of the cache each time.
 */
#ifndef VCD_KEY_TABLE_H
#define VCD_KEY_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    VCD_PLACE_BITS = 25, /* a window has 2^24 places */
    VCD_PLACE_MASK = (1 << VCD_PLACE_BITS) - 1,
};

struct vcd_key_table {
    uint32_t *slots; /* 2^bits of them in use; the caller's */
    unsigned bits;
};

/* Empties a table for 'count' keys: with no more than 2^most_bits slots, which there is memory for,
   and no more than that many keys need, since to touch fresh memory takes longer than to fill it.
 */
static inline void vcd_key_table_start(struct vcd_key_table *table, size_t count,
                                       unsigned most_bits) {
    table->bits = 8;
    while (table->bits < most_bits && count >> table->bits != 0) {
        table->bits++;
    }
    memset(table->slots, 0, sizeof *table->slots << table->bits);
}

/* The slot of a 64-bit hash whose upper bits are good. */
static inline uint32_t *vcd_key_slot(const struct vcd_key_table *table, uint64_t hash) {
    return table->slots + (hash >> (64 - table->bits));
}

/* Where a slot says that the key stood; SIZE_MAX if that was another key or none. */
static inline size_t vcd_key_place(const uint32_t *slot, uint64_t hash) {
    const uint32_t differs = *slot ^ (uint32_t)hash;
    const uint32_t place = *slot & VCD_PLACE_MASK;
    return differs >> VCD_PLACE_BITS != 0 || place == 0 ? SIZE_MAX : place - 1;
}

static inline void vcd_key_set(uint32_t *slot, uint64_t hash, size_t place) {
    *slot = ((uint32_t)hash & ~(uint32_t)VCD_PLACE_MASK) | (uint32_t)(place + 1);
}

#endif
