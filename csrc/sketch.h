/*
 * sketch.h - what a file resembles, in a few bytes: min-hash over samples of its content
 *
 * A sketch is a row of bins. Two files that have a part of their content in common
 * agree in about that part of their bins, whatever moved where. The rules of vcdiff.h
 * hold here too: memory only, no globals, any thread.
 */
#ifndef VCD_SKETCH_H
#define VCD_SKETCH_H

#include <stddef.h>
#include <stdint.h>

enum { VCD_SKETCH_BINS = 96, VCD_SKETCH_WINDOW = 16 };

/*
 * A sketch in the making. 'least' holds for each bin the least hash that fell
 * into it, or VCD_SKETCH_EMPTY. 'tail' is the end of what was read so far, in
 * which windows may begin that are not complete yet.
 */
#define VCD_SKETCH_EMPTY UINT64_MAX
struct vcd_sketch {
    uint64_t least[VCD_SKETCH_BINS];
    uint8_t tail[2 * VCD_SKETCH_WINDOW];
    size_t tail_size;
};

/* vcd_sketch_start() makes 'sketch' that of no bytes at all. */
void vcd_sketch_start(struct vcd_sketch *sketch);

/*
 * vcd_sketch_add() continues 'sketch' with the next 'size' bytes. What comes out
 * depends on all bytes together, not on how they are cut, nor on the machine.
 * Takes about 0.5 ns a byte, and a few times that where every place is sampled.
 */
void vcd_sketch_add(struct vcd_sketch *sketch, const uint8_t *data, size_t size);

/*
 * vcd_sketch_note() takes note of content that is known by an 'identity' only, such
 * as a member of an archive by its checksum. 'size' is that of the content in bytes: it
 * counts for as much as so many bytes would in vcd_sketch_add(). Takes 0.03 ns for each
 * of them, so that the caller must bound a 'size' that somebody merely claims.
 */
void vcd_sketch_note(struct vcd_sketch *sketch, uint64_t identity, uint64_t size);

#endif
