/*
 * block_writer.h - symbols until a block is full, then the block
 */
#ifndef DFL_BLOCK_WRITER_H
#define DFL_BLOCK_WRITER_H

#include "bit_writer.h"
#include "common.h"
#include "deflate_format.h"
#include "huffman_code.h"

enum { DFL_BLOCK_MAX_SYMBOLS = 1 << 15 };

/*
 * A symbol:   distance's extra bits  |  distance's symbol  |  literal, or 256 + length's value
 *             from bit 14            |  bits 9 to 13       |  bits 0 to 8
 *
 * A literal has the distance symbol DFL_DISTANCES, which is written with no bits at all.
 */
VCD_INLINE uint32_t dfl_literal(uint8_t byte) {
    return (uint32_t)DFL_DISTANCES << 9 | byte;
}

VCD_INLINE uint32_t dfl_match(uint32_t length, uint32_t distance) {
    const uint32_t symbol = dfl_distance_symbol(distance - 1);
    const uint32_t extra = (distance - 1) & ((1u << dfl_extra_bits_of_distance(symbol)) - 1);
    return extra << 14 | symbol << 9 | 256 | (length - DFL_MIN_MATCH);
}

struct dfl_block_writer {
    struct dfl_bit_writer out;
    uint32_t capacity; /* a block is full when it has one symbol less */
    uint32_t count;
    uint16_t literal_counts[DFL_LITERALS];
    uint16_t distance_counts[DFL_DISTANCES];
    uint32_t symbols[DFL_BLOCK_MAX_SYMBOLS];
};

/*
 * Whose way it is to find codes and to send their lengths: zlib's, with the literals' apart from
 * the distances', or miniz's, with codes dealt out by frequency and runs across that border.
 */
enum dfl_manner { DFL_AS_ZLIB, DFL_AS_MINIZ };

struct dfl_codes {
    struct dfl_huffman_code literal;
    struct dfl_huffman_code distance;
};

/* How the code lengths are sent: symbols of 3.2.7, and how often they repeat beyond the least. */
struct dfl_sent_lengths {
    struct dfl_huffman_code code;
    uint16_t counts[DFL_CODE_LENGTHS];
    uint32_t order_size; /* how many lengths of 'code' are sent, in DFL_CODE_LENGTH_ORDER */
    uint32_t size;
    uint8_t symbols[DFL_LITERALS + DFL_DISTANCES];
    uint8_t repeats[DFL_LITERALS + DFL_DISTANCES];
};

/* Both return whether the block is full. */
VCD_INLINE bool dfl_add_literal(struct dfl_block_writer *writer, uint8_t byte) {
    writer->literal_counts[byte]++;
    writer->symbols[writer->count++] = dfl_literal(byte);
    return writer->count == writer->capacity - 1;
}

VCD_INLINE bool dfl_add_match(struct dfl_block_writer *writer, uint32_t length, uint32_t distance) {
    const uint32_t symbol = dfl_match(length, distance);
    writer->literal_counts[dfl_length_symbol(length - DFL_MIN_MATCH)]++;
    writer->distance_counts[symbol >> 9 & 31]++;
    writer->symbols[writer->count++] = symbol;
    return writer->count == writer->capacity - 1;
}

/*
 * dfl_write_block() writes the symbols as the shortest kind of block, and starts the next one.
 * They stand for 'plain_size' bytes, which are at 'plain', unless that is NULL: then they cannot
 * be stored. With 'last' the stream ends. Returns false when there is no memory.
 */
bool dfl_write_block(struct dfl_block_writer *writer, const uint8_t *plain, size_t plain_size,
                     bool last);

/* ---- The parts of a block, for other rules of where it ends and which kind it is ------------- */

/* Codes for symbols that occur so often, the end of the block included, fewer than 65536 in all. */
void dfl_build_codes(struct dfl_codes *codes, const uint16_t *literal_counts,
                     const uint16_t *distance_counts, enum dfl_manner manner);
void dfl_fixed_codes(struct dfl_codes *codes);

/* How to send the lengths of codes, and then the code for that; 'counts' are as they are sent. */
void dfl_send_lengths(struct dfl_sent_lengths *sent, const struct dfl_codes *codes,
                      enum dfl_manner manner);
void dfl_build_length_code(struct dfl_sent_lengths *sent, enum dfl_manner manner);

/*
 * These write what follows the first three bits of a block: HLIT to the last code length, less than
 * 1 KiB; the symbols and the end of the block; a stored block. The room has been reserved.
 */
void dfl_write_lengths(struct dfl_bit_writer *out, const struct dfl_sent_lengths *sent,
                       const struct dfl_codes *codes);
void dfl_write_symbols(struct dfl_bit_writer *out, const uint32_t *symbols, uint32_t count,
                       const struct dfl_codes *codes);
void dfl_write_stored(struct dfl_bit_writer *out, const uint8_t *plain, size_t plain_size);

#endif
