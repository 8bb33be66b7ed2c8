/*
 * symbol_reader.h - the symbols of a deflated stream, without the bytes they stand for
 *
 *   literal    its byte                       below 1 << 16
 *   match      length << 16 | distance
 *   stored     DFL_STORED_BYTES | how many    nobody knows which symbols they would have been
 */
#ifndef DFL_SYMBOL_READER_H
#define DFL_SYMBOL_READER_H

#include "inflate_symbols.h"

#define DFL_STORED_BYTES (UINT32_C(1) << 31)

enum { DFL_SYMBOLS_AT_ONCE = 1 << 10 };

struct dfl_symbol_reader {
    struct dfl_inflater inflater;
    struct dfl_span span; /* to the end of the stream; there is no room */
};

/* How many plain bytes a symbol stands for. */
VCD_INLINE uint32_t dfl_plain_size_of(uint32_t symbol) {
    return (symbol & DFL_STORED_BYTES) != 0 ? symbol & 0xffff : symbol < 1 << 16 ? 1 : symbol >> 16;
}

/* Begins with the stream at 'deflated', of at most 'deflated_size' bytes, which stay there. */
void dfl_symbol_reader_begin(struct dfl_symbol_reader *reader, const uint8_t *deflated,
                             size_t deflated_size);

/*
 * dfl_read_symbols() stores the next symbols, up to DFL_SYMBOLS_AT_ONCE, and how many they are; 0
 * behind the last one. Returns DFL_OK, or DFL_MALFORMED where the stream breaks RFC 1951 or ends
 * early. Distances may reach anywhere. The stream may be hostile.
 */
enum dfl_result dfl_read_symbols(struct dfl_symbol_reader *reader, uint32_t *symbols,
                                 size_t *count_out);

#endif
