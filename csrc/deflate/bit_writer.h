/*
 * bit_writer.h - bits into bytes, lowest first (RFC 1951, section 3.1.1)
 */
#ifndef DFL_BIT_WRITER_H
#define DFL_BIT_WRITER_H

#include "buffer.h"
#include "common.h"

/* At most 7 bits wait between two calls. The room for what is written has been reserved. */
struct dfl_bit_writer {
    struct vcd_buffer bytes;
    uint64_t bits;
    uint32_t count;
};

/* Room for that many bytes and the word that the last of them is written with. */
static inline bool dfl_reserve(struct dfl_bit_writer *writer, size_t size) {
    return vcd_buffer_reserve(&writer->bytes, size + 16) != NULL;
}

/* Writes the lowest 'count' bits of 'bits', up to 56; the others are 0. */
static inline void dfl_write_bits(struct dfl_bit_writer *writer, uint64_t bits, uint32_t count) {
    const uint64_t all = writer->bits | bits << writer->count;
    const uint32_t filled = writer->count + count;
    vcd_store64_le(writer->bytes.bytes + writer->bytes.size, all);
    writer->bytes.size += filled / 8;
    writer->bits = all >> (filled & ~7u);
    writer->count = filled % 8;
}

/* Fills up the last byte with 0. */
static inline void dfl_write_to_byte_border(struct dfl_bit_writer *writer) {
    dfl_write_bits(writer, 0, (8 - writer->count) % 8);
}

#endif
