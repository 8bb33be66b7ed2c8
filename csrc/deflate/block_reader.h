/*
 * block_reader.h - a deflated stream into its blocks, with all that a writer may have chosen
 */
#ifndef DFL_BLOCK_READER_H
#define DFL_BLOCK_READER_H

#include "block_writer.h"
#include "deflate.h"
#include "inflate_table.h"

enum { DFL_MOST_SYMBOLS = 1 << 20 };

/*
 * One block. 'symbols' are as block_writer.h draws them. 'padding' are the bits up to a byte
 * border: before the size of a stored block.
 */
struct dfl_block {
    bool last;
    uint32_t kind; /* DFL_STORED, DFL_FIXED, DFL_DYNAMIC */
    uint32_t padding;
    uint32_t stored_size;
    uint32_t count;
    uint32_t capacity;
    uint32_t *symbols;
    struct dfl_codes codes;       /* of a dynamic block */
    struct dfl_sent_lengths sent; /* and how they were sent */
};

/* Returns false when there is no memory, or when a block would have more than DFL_MOST_SYMBOLS. */
static inline bool dfl_block_add(struct dfl_block *block, uint32_t symbol) {
    if (block->count == block->capacity) {
        const uint32_t capacity = block->capacity == 0 ? 1 << 12 : 2 * block->capacity;
        uint32_t *const symbols = capacity > DFL_MOST_SYMBOLS
                                      ? NULL
                                      : realloc(block->symbols, (size_t)capacity * sizeof *symbols);
        if (symbols == NULL) {
            return false;
        }
        block->symbols = symbols;
        block->capacity = capacity;
    }
    block->symbols[block->count++] = symbol;
    return true;
}

/* Whether a symbol is a match; its length and distance, or the literal's length, and none. */
VCD_INLINE bool dfl_is_match_symbol(uint32_t symbol) {
    return (symbol & 256) != 0;
}

VCD_INLINE uint32_t dfl_length_of(uint32_t symbol) {
    return dfl_is_match_symbol(symbol) ? (symbol & 255) + DFL_MIN_MATCH : 1;
}

VCD_INLINE uint32_t dfl_distance_in(uint32_t symbol) {
    return dfl_is_match_symbol(symbol) ? dfl_first_distance(symbol >> 9 & 31) + (symbol >> 14) : 0;
}

struct dfl_block_reader {
    const uint8_t *deflated;
    size_t size;
    size_t at; /* may lie behind the end, where all bits are 0 */
    uint64_t bits;
    uint32_t count;
    uint32_t meanings[DFL_FIXED_LITERALS];
    uint32_t literals[DFL_LITERAL_ENTRIES];
    uint32_t distances[DFL_DISTANCE_ENTRIES];
    uint32_t length_codes[DFL_LENGTH_ENTRIES];
};

void dfl_block_reader_start(struct dfl_block_reader *reader, const uint8_t *deflated, size_t size);

/*
 * dfl_read_block() reads the next block into '*block', whose 'symbols' are used again. Behind the
 * last one dfl_read_padding() reads the bits up to a byte border, and says whether that is the end.
 * Returns DFL_OK, DFL_NO_MEMORY or DFL_MALFORMED; that, too, for what RFC 1951 allows and
 * 'struct dfl_block' cannot tell: a match of 258 bytes by another symbol than 285, a block of more
 * than DFL_MOST_SYMBOLS.
 */
enum dfl_result dfl_read_block(struct dfl_block_reader *reader, struct dfl_block *block);
bool dfl_read_padding(struct dfl_block_reader *reader, uint32_t *padding_out);

/* Goes over the bytes of a stored block, which has been read up to there. */
bool dfl_skip_stored(struct dfl_block_reader *reader, uint32_t size);

#endif
