/*
 * gap_parser.h - the cheapest copies for a stretch of target that long matches left over
 */
#ifndef VCD_GAP_PARSER_H
#define VCD_GAP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "copy_list.h"
#include "effort.h"
#include "key_table.h"
#include "source_index.h"

struct vcd_gap_node;

struct vcd_gap_parser {
    struct vcd_effort effort;
    const uint8_t *source;
    size_t source_size;
    const struct vcd_index *index;   /* or NULL */
    struct vcd_gap_node *nodes;      /* one for each position of the stretch in work */
    struct vcd_key_table local_keys; /* of the source near the gap, at every byte */
    uint32_t literal_price;          /* see gap_parser.c */
};

/* A gap: 'size' bytes of 'window' at 'at', and where its neighbours were copied from. */
struct vcd_gap {
    const uint8_t *window;
    size_t window_size;
    size_t at;
    size_t size;
    size_t left;  /* the place in the source where the copy before it ended, or VCD_NO_PLACE */
    size_t right; /* the place in the source where the copy behind it begins, or VCD_NO_PLACE */
};

#define VCD_NO_PLACE SIZE_MAX

/* Whether the copies before and behind a gap are on one diagonal: its bytes were replaced. */
static inline bool vcd_gap_is_replaced(const struct vcd_gap *gap) {
    return gap->left != VCD_NO_PLACE && gap->right != VCD_NO_PLACE &&
           gap->right == gap->left + gap->size;
}

/* Returns false when there is no memory. */
bool vcd_gap_parser_start(struct vcd_gap_parser *parser, const uint8_t *source, size_t source_size,
                          int level);
void vcd_gap_parser_free(struct vcd_gap_parser *parser);

/* To be called before the first gap of each window, whose gaps have 'gaps_size' bytes in all.
   'index' may be NULL: then it is not used. */
void vcd_gap_parser_new_window(struct vcd_gap_parser *parser, const struct vcd_index *index,
                               size_t gaps_size);

/* Whether a gap lies among bytes that look compressed: there, short matches are chance, and long
   ones have been found. A short gap says little, so that its surroundings are asked. */
bool vcd_gap_looks_random(const struct vcd_gap *gap);

/* Appends the copies that pay to 'copies', in the order of the target. */
void vcd_parse_gap(struct vcd_gap_parser *parser, const struct vcd_gap *gap,
                   struct vcd_copy_list *copies);

#endif
