/*
 * difference.h - copies that are nearly right, and the bytes by which they are wrong
 *
 *   target          ....xx.......x........yyyyyyyyy...........
 *   source          ....oo.......o........|         ..........      on one diagonal, and another
 *   approximation   ....oo.......o........yyyyyyyyy...........      what a delta then describes
 *   differences         xx-oo    x-o                                added to it, bytes modulo 256
 *
 * A program that was linked again differs from the one before in an address
 * every few bytes. COPY and ADD in turn cost an opcode and an address each time;
 * one long COPY and a list of differences cost a third of that. The idea is
 * Colin Percival's: "Naive Differences of Executable Code", 2003 (bsdiff).
 *
 * Differences are cut into blocks, each of which stands alone:
 *
 *   places    (equal bytes before a run · bytes of the run)*      integers of RFC 3284
 *   values    the bytes of the runs
 */
#ifndef VCD_DIFFERENCE_H
#define VCD_DIFFERENCE_H

#include "vcdiff.h"

/* ---- Making them ------------------------------------------------------------------------ */

/* What approximates the windows of one target, one after the other. */
struct vcd_approximator;

/* NULL means no memory. */
struct vcd_approximator *vcd_approximator_new(void);
void vcd_approximator_free(struct vcd_approximator *approximator);

/*
 * vcd_approximate_window() replaces bytes of 'target', the target of 'window', by
 * those of 'source' that lie beside the window's copies, where about half of
 * them or more are the same, and notes the differences. 'source' is all of the
 * source, of 'source_size' bytes; 'sections' are plain; 'table' may be NULL.
 * Windows come in their order. Returns VCD_OK, VCD_MALFORMED, VCD_WRONG_SOURCE
 * when the segment lies outside the source, or VCD_NO_MEMORY.
 */
enum vcd_result vcd_approximate_window(struct vcd_approximator *approximator,
                                       const struct vcd_window *window,
                                       const struct vcd_sections *sections,
                                       const struct vcd_code_table *table, const uint8_t *source,
                                       size_t source_size, uint8_t *target,
                                       struct vcd_where *where);

/* The bytes of a block; they belong to the approximator. */
struct vcd_differences {
    const uint8_t *places;
    size_t places_size;
    const uint8_t *values;
    size_t values_size;
};

/*
 * vcd_end_block() hands out the differences of the windows since the last block,
 * which stay as they are until the next window is approximated.
 */
void vcd_end_block(struct vcd_approximator *approximator, struct vcd_differences *differences_out);

/* ---- Adding them ------------------------------------------------------------------------ */

/* Where in a block a reader is; all 0 at its beginning. */
struct vcd_difference_place {
    size_t places_read;
    size_t values_read;
    uint64_t equal; /* bytes before the next run, or */
    uint64_t run;   /* bytes of this run that are left */
};

/*
 * vcd_add_differences() adds what belongs to the next 'size' bytes of a block,
 * the approximation of which is in 'room', and moves 'place' on. The
 * differences may be hostile. Returns VCD_OK or VCD_MALFORMED.
 */
enum vcd_result vcd_add_differences(const struct vcd_differences *differences,
                                    struct vcd_difference_place *place, uint8_t *room, size_t size,
                                    struct vcd_where *where);

#endif
