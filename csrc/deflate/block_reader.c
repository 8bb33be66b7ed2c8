/*
 * block_reader.c - blocks and symbols as they were written (RFC 1951, section 3.2)
 *
 * The whole stream is in memory, and what it inflates to is known. Bits behind its end are 0, and
 * each block is asked at its end whether it had any of them.
 */
#include "block_reader.h"

static const uint8_t code_length_order[DFL_CODE_LENGTHS] = DFL_CODE_LENGTH_ORDER;

void dfl_block_reader_start(struct dfl_block_reader *reader, const uint8_t *deflated, size_t size) {
    memset(reader, 0, sizeof *reader);
    reader->deflated = deflated;
    reader->size = size;
    for (uint32_t symbol = 0; symbol < DFL_FIXED_LITERALS; symbol++) {
        reader->meanings[symbol] = symbol << 16;
    }
}

/* ---- Bits ------------------------------------------------------------------------------- */

/* Makes sure of 56 bits. */
VCD_INLINE void refill(struct dfl_block_reader *reader) {
    while (reader->count <= 56) {
        const uint64_t byte = reader->at < reader->size ? reader->deflated[reader->at] : 0;
        reader->bits |= byte << reader->count;
        reader->count += 8;
        reader->at++;
    }
}

VCD_INLINE uint32_t take(struct dfl_block_reader *reader, uint32_t count) {
    const uint32_t taken = (uint32_t)(reader->bits & ((UINT64_C(1) << count) - 1));
    reader->bits >>= count;
    reader->count -= count;
    return taken;
}

static uint32_t read_bits(struct dfl_block_reader *reader, uint32_t count) {
    refill(reader);
    return take(reader, count);
}

static bool is_behind_end(const struct dfl_block_reader *reader) {
    return reader->at - reader->count / 8 > reader->size;
}

/* Reads a symbol of up to 15 bits, which are there; DFL_FIXED_LITERALS: there is no such code. */
VCD_INLINE uint32_t read_symbol(struct dfl_block_reader *reader, const uint32_t *entries,
                                uint32_t main_bits) {
    uint32_t entry = entries[reader->bits & ((1u << main_bits) - 1)];
    if ((entry & DFL_IS_SUBTABLE) != 0) {
        (void)take(reader, main_bits);
        entry = entries[(entry >> 16) + (reader->bits & ((1u << (entry >> 8 & 15)) - 1))];
    }
    (void)take(reader, entry & 63);
    return (entry & DFL_IS_SPECIAL) != 0 ? DFL_FIXED_LITERALS : entry >> 16;
}

/* ---- Codes ------------------------------------------------------------------------------ */

/* One after the other as they were sent, runs in one piece. */
static bool read_lengths(struct dfl_block_reader *reader, struct dfl_sent_lengths *sent,
                         uint8_t *lengths, uint32_t count) {
    const uint32_t main_bits =
        dfl_inflate_table_build(reader->length_codes, sent->code.lengths, DFL_CODE_LENGTHS,
                                reader->meanings, DFL_CODE_LENGTH_MAX_LENGTH, false);
    sent->size = 0;
    for (uint32_t read = 0; read < count;) {
        refill(reader);
        const uint32_t symbol =
            main_bits > 0 ? read_symbol(reader, reader->length_codes, main_bits) : UINT32_MAX;
        if (symbol >= DFL_CODE_LENGTHS || (symbol == DFL_REPEAT_LENGTH && read == 0)) {
            return false;
        }
        const uint32_t repeat = take(reader, dfl_extra_bits_of_repeat(symbol));
        const uint32_t run = symbol < DFL_REPEAT_LENGTH       ? 1
                             : symbol == DFL_REPEAT_ZERO_LONG ? 11 + repeat
                                                              : 3 + repeat;
        if (run > count - read) {
            return false;
        }
        const uint8_t length = symbol < DFL_REPEAT_LENGTH    ? (uint8_t)symbol
                               : symbol == DFL_REPEAT_LENGTH ? lengths[read - 1]
                                                             : 0;
        memset(lengths + read, length, run);
        read += run;
        sent->symbols[sent->size] = (uint8_t)symbol;
        sent->repeats[sent->size++] = (uint8_t)repeat;
    }
    return true;
}

static bool read_codes(struct dfl_block_reader *reader, struct dfl_block *block) {
    struct dfl_huffman_code *const literal = &block->codes.literal;
    struct dfl_huffman_code *const distance = &block->codes.distance;
    struct dfl_sent_lengths *const sent = &block->sent;
    uint8_t lengths[DFL_LITERALS + DFL_DISTANCES];
    literal->size = read_bits(reader, 5) + 257;
    distance->size = read_bits(reader, 5) + 1;
    sent->order_size = read_bits(reader, 4) + 4;
    memset(sent->code.lengths, 0, sizeof sent->code.lengths);
    sent->code.size = DFL_CODE_LENGTHS;
    for (uint32_t i = 0; i < sent->order_size; i++) {
        sent->code.lengths[code_length_order[i]] = (uint8_t)read_bits(reader, 3);
    }
    if (literal->size > DFL_LITERALS || distance->size > DFL_DISTANCES ||
        !read_lengths(reader, sent, lengths, literal->size + distance->size)) {
        return false;
    }
    memset(literal->lengths, 0, sizeof literal->lengths);
    memset(distance->lengths, 0, sizeof distance->lengths);
    memcpy(literal->lengths, lengths, literal->size);
    memcpy(distance->lengths, lengths + literal->size, distance->size);
    return true;
}

/* ---- Blocks ----------------------------------------------------------------------------- */

static enum dfl_result read_symbols(struct dfl_block_reader *reader, struct dfl_block *block) {
    const struct dfl_codes *const codes = &block->codes;
    const uint32_t literal_bits =
        dfl_inflate_table_build(reader->literals, codes->literal.lengths, codes->literal.size,
                                reader->meanings, DFL_LITERAL_BITS, true);
    const uint32_t distance_bits =
        dfl_inflate_table_build(reader->distances, codes->distance.lengths, codes->distance.size,
                                reader->meanings, DFL_DISTANCE_BITS, true);
    if (literal_bits == 0 || distance_bits == 0) {
        return DFL_MALFORMED;
    }
    while (!is_behind_end(reader)) {
        refill(reader);
        const uint32_t literal = read_symbol(reader, reader->literals, literal_bits);
        if (literal == DFL_END_OF_BLOCK) {
            return DFL_OK;
        }
        uint32_t symbol = dfl_literal((uint8_t)literal);
        if (literal > DFL_END_OF_BLOCK) {
            if (literal >= DFL_LITERALS) {
                return DFL_MALFORMED;
            }
            const uint32_t number = literal - 257;
            const uint32_t length =
                dfl_first_length(number) + take(reader, dfl_extra_bits_of_length(number));
            const uint32_t distance = read_symbol(reader, reader->distances, distance_bits);
            if (distance >= DFL_DISTANCES || (length == DFL_MAX_MATCH && number != 28)) {
                return DFL_MALFORMED;
            }
            symbol = dfl_match(length, dfl_first_distance(distance) +
                                           take(reader, dfl_extra_bits_of_distance(distance)));
        }
        if (!dfl_block_add(block, symbol)) {
            return block->count < DFL_MOST_SYMBOLS ? DFL_NO_MEMORY : DFL_MALFORMED;
        }
    }
    return DFL_MALFORMED;
}

enum dfl_result dfl_read_block(struct dfl_block_reader *reader, struct dfl_block *block) {
    block->last = read_bits(reader, 1) != 0;
    block->kind = read_bits(reader, 2);
    block->count = 0;
    if (block->kind == DFL_STORED) {
        (void)dfl_read_padding(reader, &block->padding);
        block->stored_size = read_bits(reader, 16);
        const bool agrees = (block->stored_size ^ UINT16_MAX) == read_bits(reader, 16);
        return agrees && !is_behind_end(reader) ? DFL_OK : DFL_MALFORMED;
    }
    if (block->kind == DFL_FIXED) {
        dfl_fixed_codes(&block->codes);
        memset(block->codes.distance.lengths, 5, 32); /* two of them stand for nothing */
        block->codes.distance.size = 32;
    } else if (block->kind != DFL_DYNAMIC || !read_codes(reader, block)) {
        return DFL_MALFORMED;
    }
    return read_symbols(reader, block);
}

bool dfl_read_padding(struct dfl_block_reader *reader, uint32_t *padding_out) {
    *padding_out = take(reader, reader->count % 8);
    return reader->at - reader->count / 8 == reader->size;
}

bool dfl_skip_stored(struct dfl_block_reader *reader, uint32_t size) {
    reader->at -= reader->count / 8;
    reader->bits = 0;
    reader->count = 0;
    if (reader->at > reader->size || size > reader->size - reader->at) {
        return false;
    }
    reader->at += size;
    return true;
}
