/*
 * symbol_taker.h - a deflater: its window, and the symbols that it takes
 *
 *   window  |<-------- 32 KiB -------->|<-------- 32 KiB -------->|
 *              ... block_start ... at ............ filled
 *                  |   in symbols   |   to come   |
 *
 * Once 'at' comes near the end, the upper half becomes the lower one. What lies in the window
 * beyond 'filled' is kept as the originals have it, since it is compared and hashed now and then.
 */
#ifndef DFL_SYMBOL_TAKER_H
#define DFL_SYMBOL_TAKER_H

#include "block_writer.h"
#include "match_chains.h"
#include "symbol_reader.h"

enum { DFL_SLIDE_FROM = DFL_WINDOW_SIZE + DFL_MAX_DISTANCE };

/* How hard a level tries; the same in all three. */
struct dfl_effort {
    uint16_t good_length; /* with a match of this length at hand, a quarter of the steps */
    uint16_t lazy_length; /* with such a match at hand, none; fast levels enter no longer match */
    uint16_t nice_length; /* a match that ends the search */
    uint16_t steps;
    bool lazy;
};

/*
 * Symbols that are not looked for, since another stream has them.
 *
 *   searched   skipped   reused   searched   skipped   reused ...
 *
 * Of the plain bytes, 'searched' and 'reused' are the target's, 'skipped' and 'reused' those of the
 * other stream.
 */
struct dfl_reuse {
    const struct dfl_range *next, *end; /* ranges that have not begun */
    uint64_t left;                      /* plain bytes of the one that has */
    const uint32_t *symbol, *symbol_end;
    struct dfl_symbol_reader reader;
    uint32_t symbols[DFL_SYMBOLS_AT_ONCE];
};

struct dfl_miniz_deflater;
struct dfl_zlib_ng_deflater;

struct dfl_deflater {
    struct dfl_parameters parameters;
    struct dfl_effort effort;
    enum dfl_hash hash;
    uint32_t at;
    uint32_t filled;
    int32_t block_start;  /* below 0 when it has left the window */
    uint32_t match_start; /* of the last match that was found */
    uint32_t length;      /* of a match that waits for a longer one at the next byte */
    bool waiting;         /* a literal or match does */
    bool short_cut;       /* searches go by chains of four bytes */
    bool may_end_early;
    bool ended;
    bool failed;
    bool broken;                          /* what is to be reused is not what its ranges say */
    uint64_t stop;                        /* where searching ends, counted as 'at' is */
    struct dfl_reuse *reuse;              /* or NULL */
    struct dfl_miniz_deflater *miniz;     /* decides about all, or NULL */
    struct dfl_zlib_ng_deflater *zlib_ng; /* likewise */
    struct dfl_block_writer writer;
    struct dfl_chains chains;
};

void dfl_slide(struct dfl_deflater *deflater);

/* Writes the symbols before 'at'. */
void dfl_end_block(struct dfl_deflater *deflater, uint32_t at, bool last);

/* Takes symbols for as long as any match may be taken without looking behind the end. */
void dfl_take_symbols(struct dfl_deflater *deflater);

/* Takes the rest, once all plain bytes have come. */
void dfl_take_last_symbols(struct dfl_deflater *deflater);

#endif
