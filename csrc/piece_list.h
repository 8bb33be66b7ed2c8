/*
 * piece_list.h - two targets in a row, a and b, as the pieces that the instructions of two deltas
 * make: source -> a and a -> b
 *
 *   a                                   b
 *   |  source | literal | run | earlier |  earlier  | literal | earlier | earlier ...  |
 *        |                         |          |                    |         |
 *        v in the source           +-> in a   +-> in a             +-> in a  +-> in b
 *
 * A COPY of the second delta from a, a COPY of either within a window, and VCD_TARGET are all the
 * same: 'earlier'.
 */
#ifndef VCD_PIECE_LIST_H
#define VCD_PIECE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "vcdiff.h"

enum vcd_piece_kind { VCD_PIECE_SOURCE, VCD_PIECE_LITERAL, VCD_PIECE_RUN, VCD_PIECE_EARLIER };

union vcd_origin {
    uint64_t position;    /* SOURCE: in the source; EARLIER: in a and b, before the piece itself */
    const uint8_t *bytes; /* LITERAL; RUN: one */
};

/* Ends where the next one begins. */
struct vcd_piece {
    uint64_t at;
    union vcd_origin from;
    /* 'written_size' bytes from 'written' on stand in window 'window' at 'written_offset'. */
    uint64_t written;
    uint32_t written_size;
    uint32_t written_offset;
    uint64_t kind : 2;
    uint64_t window : 62; /* the merged delta's, counted from 1 */
};

struct vcd_piece_list {
    struct vcd_piece *pieces;
    size_t count, capacity;
    uint64_t first_size;   /* of a */
    uint64_t size;         /* of a and of b so far */
    uint64_t windows;      /* how many were read, of both */
    uint64_t instructions; /* how many were read, and how many bytes of literals */
};

/* Where bytes that a window copies from its segment are: in the source, or earlier. */
struct vcd_piece_segment {
    enum vcd_piece_kind kind;
    uint64_t position;
    uint64_t size;
};

/* Appends the pieces of one window; contracts as vcd_merger_read_first(). */
enum vcd_result vcd_piece_list_read(struct vcd_piece_list *list, const struct vcd_window *window,
                                    const struct vcd_sections *sections,
                                    const struct vcd_code_table *table,
                                    const struct vcd_piece_segment *segment,
                                    struct vcd_where *where);

/* The number of the piece that 'position' lies in; takes the logarithm of how many there are. */
size_t vcd_piece_list_find(const struct vcd_piece_list *list, uint64_t position);

static inline uint64_t vcd_piece_end(const struct vcd_piece_list *list, size_t piece) {
    return piece + 1 < list->count ? list->pieces[piece + 1].at : list->size;
}

#endif
