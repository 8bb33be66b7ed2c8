/*
 * block_writer.h - symbols until a block is full, then the block
 */
#ifndef DFL_BLOCK_WRITER_H
#define DFL_BLOCK_WRITER_H

#include "bit_writer.h"
#include "common.h"
#include "deflate_format.h"

enum { DFL_BLOCK_MAX_SYMBOLS = 1 << 15 };

/*
 * A symbol:   distance's extra bits  |  distance's symbol  |  literal, or 256 + length's value
 *             from bit 14            |  bits 9 to 13       |  bits 0 to 8
 *
 * A literal has the distance symbol DFL_DISTANCES, which is written with no bits at all.
 */
struct dfl_block_writer {
    struct dfl_bit_writer out;
    uint32_t capacity; /* a block is full when it has one symbol less */
    uint32_t count;
    uint16_t literal_counts[DFL_LITERALS];
    uint16_t distance_counts[DFL_DISTANCES];
    uint32_t symbols[DFL_BLOCK_MAX_SYMBOLS];
};

/* Both return whether the block is full. */
VCD_INLINE bool dfl_add_literal(struct dfl_block_writer *writer, uint8_t byte) {
    writer->literal_counts[byte]++;
    writer->symbols[writer->count++] = (uint32_t)DFL_DISTANCES << 9 | byte;
    return writer->count == writer->capacity - 1;
}

VCD_INLINE bool dfl_add_match(struct dfl_block_writer *writer, uint32_t length, uint32_t distance) {
    const uint32_t value = length - DFL_MIN_MATCH, symbol = dfl_distance_symbol(distance - 1);
    const uint32_t extra = (distance - 1) & ((1u << dfl_extra_bits_of_distance(symbol)) - 1);
    writer->literal_counts[dfl_length_symbol(value)]++;
    writer->distance_counts[symbol]++;
    writer->symbols[writer->count++] = extra << 14 | symbol << 9 | 256 | value;
    return writer->count == writer->capacity - 1;
}

/*
 * dfl_write_block() writes the symbols as the shortest kind of block, and starts the next one.
 * They stand for 'plain_size' bytes, which are at 'plain', unless that is NULL: then they cannot
 * be stored. With 'last' the stream ends. Returns false when there is no memory.
 */
bool dfl_write_block(struct dfl_block_writer *writer, const uint8_t *plain, size_t plain_size,
                     bool last);

#endif
