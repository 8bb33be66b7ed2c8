/*
 * huffman_code.h - code lengths from frequencies, and codes from lengths
 */
#ifndef DFL_HUFFMAN_CODE_H
#define DFL_HUFFMAN_CODE_H

#include <stdint.h>

#include "deflate_format.h"

struct dfl_huffman_code {
    uint16_t codes[DFL_FIXED_LITERALS]; /* first bit lowest, as they are written */
    uint8_t lengths[DFL_FIXED_LITERALS];
    uint32_t size; /* one more than the last symbol that has a code */
};

/*
 * dfl_huffman_code_build() finds codes of up to 'max_length' bits for the 'count' symbols that
 * occur as often as 'frequencies' say, fewer than 65536 times in all. There are always two codes.
 */
void dfl_huffman_code_build(struct dfl_huffman_code *code, const uint16_t *frequencies,
                            uint32_t count, uint32_t max_length);

/*
 * The same as miniz finds them: a code of one symbol, or of none, is left as it is. 'size' is 1 at
 * least.
 */
void dfl_huffman_code_build_sorted(struct dfl_huffman_code *code, const uint16_t *frequencies,
                                   uint32_t count, uint32_t max_length);

/* Fills in 'codes' where 'lengths' and 'size' are known (RFC 1951, section 3.2.2). */
void dfl_huffman_code_assign(struct dfl_huffman_code *code);

#endif
