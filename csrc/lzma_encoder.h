/*
 * lzma_encoder.h - LZMA in a hurry, for sections that would take liblzma most of a delta's time
 */
#ifndef VCD_LZMA_ENCODER_H
#define VCD_LZMA_ENCODER_H

#include <stddef.h>
#include <stdint.h>

#include "vcdiff.h"

/*
 * vcd_mark_shrinking() says of each VCD_SHRINKING_BLOCK bytes of 'bytes', and of the rest, whether
 * they seem to shrink, because they are uneven by 'least' 100ths (see evenness.h): a mark becomes 1
 * or 0. Returns how many marks there are. Takes 0.15 ns a byte.
 */
enum { VCD_SHRINKING_BLOCK = 1 << 13 };
size_t vcd_mark_shrinking(const uint8_t *bytes, size_t size, unsigned least, uint8_t *marks);

/* The scratch space of one thread. */
struct vcd_lzma_encoder;
struct vcd_lzma_encoder *vcd_lzma_encoder_new(void);
void vcd_lzma_encoder_free(struct vcd_lzma_encoder *encoder);

/*
 * vcd_lzma_encode() makes chunks of LZMA2 of 'bytes', which stand alone: the first one resets
 * everything, and no end marker follows. They are read with a dictionary of VCD_LZMA_DICTIONARY
 * bytes. '*chunks_out' points into the encoder and is valid until its next call. What does not
 * shrink stands plain in them. Takes 25 to 40 ns a byte. Returns VCD_OK, VCD_TOO_LARGE from 1 GiB
 * on, or VCD_NO_MEMORY.
 */
enum { VCD_LZMA_DICTIONARY = 1 << 19 };
enum vcd_result vcd_lzma_encode(struct vcd_lzma_encoder *encoder, const uint8_t *bytes, size_t size,
                                const uint8_t **chunks_out, size_t *chunks_size_out);

#endif
