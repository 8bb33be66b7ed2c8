/*
 * deflater.c - the matches that zlib, GNU gzip and Chromium's zlib would take
 *
 * All three look for matches alike. Every position is entered under a hash of its next bytes into a
 * chain, newest first; where a match is wanted, the chain is followed for so many steps, and the
 * first of the longest is taken. What they differ in is the hash, the size of a block, and
 * what happens near the end.
 *
 *   window  |<-------- 32 KiB -------->|<-------- 32 KiB -------->|
 *              ... block_start ... at ............ filled
 *                  |   in symbols   |   to come   |
 *
 * Once 'at' comes near the end, the upper half becomes the lower one. What lies in the window
 * beyond 'filled' is kept as the originals have it, since it is compared and hashed now and then.
 */
#include <stdlib.h>

#include "block_writer.h"
#include "deflate.h"
#include "match_chains.h"
#include "miniz_deflater.h"

enum {
    SLIDE_FROM = DFL_WINDOW_SIZE + DFL_MAX_DISTANCE,
    TOO_FAR = 4096,       /* a match of three bytes costs more than literals from here on */
    SHORT_CUT_FROM = 128, /* steps: with 32, level 5 was slower by a fifth, by it and without it */
    CHECK_EVERY = 4096,   /* symbols, whether GNU gzip ends a block early */
};

/* How hard a level tries; the same in all three. */
struct effort {
    uint16_t good_length; /* with a match of this length at hand, a quarter of the steps */
    uint16_t lazy_length; /* with such a match at hand, none; fast levels enter no longer match */
    uint16_t nice_length; /* a match that ends the search */
    uint16_t steps;
    bool lazy;
};

static const struct effort efforts[10] = {
    {0, 0, 0, 0, false},        {4, 4, 8, 4, false},     {4, 5, 16, 8, false},
    {4, 6, 32, 32, false},      {4, 4, 16, 16, true},    {8, 16, 32, 32, true},
    {8, 16, 128, 128, true},    {8, 32, 128, 256, true}, {32, 128, 258, 1024, true},
    {32, 258, 258, 4096, true},
};

struct dfl_deflater {
    struct dfl_parameters parameters;
    struct effort effort;
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
    struct dfl_miniz_deflater *miniz; /* decides about all, or NULL */
    struct dfl_block_writer writer;
    struct dfl_chains chains;
};

static void slide(struct dfl_deflater *deflater) {
    deflater->at -= DFL_WINDOW_SIZE;
    deflater->filled -= DFL_WINDOW_SIZE;
    deflater->match_start -= DFL_WINDOW_SIZE;
    deflater->block_start -= DFL_WINDOW_SIZE;
    dfl_slide_chains(&deflater->chains,
                     deflater->parameters.family == DFL_GZIP ? DFL_WINDOW_SIZE : deflater->filled,
                     deflater->short_cut);
}

/* ---- What is taken ---------------------------------------------------------------------- */

/* Ends the block before 'at'. */
static void end_block(struct dfl_deflater *deflater, uint32_t at, bool last) {
    const int32_t start = deflater->block_start;
    const uint8_t *const plain = start >= 0 ? deflater->chains.window + start : NULL;
    if (!dfl_write_block(&deflater->writer, plain, (size_t)((int32_t)at - start), last)) {
        deflater->failed = true;
        deflater->writer.count = 0;
    }
    deflater->block_start = (int32_t)at;
}

/*
 * GNU gzip's guess, every so many symbols: a block that consists of literals for the most part and
 * still halves the bytes may as well end, as what follows will have other frequencies. It is made
 * before the symbol at 'at' is behind.
 */
static bool ends_early(const struct dfl_deflater *deflater, uint32_t at) {
    const struct dfl_block_writer *const writer = &deflater->writer;
    uint32_t matches = 0;
    uint64_t bits = 8 * (uint64_t)writer->count;
    for (uint32_t symbol = 0; symbol < DFL_DISTANCES; symbol++) {
        const uint32_t count = writer->distance_counts[symbol];
        matches += count;
        bits += (uint64_t)count * (5 + dfl_extra_bits_of_distance(symbol));
    }
    const uint32_t plain_size = (uint32_t)((int32_t)at - deflater->block_start);
    return matches < writer->count / 2 && bits / 8 < plain_size / 2;
}

/* Whether a block ends that now has one symbol more. */
VCD_INLINE bool block_ends(const struct dfl_deflater *deflater, uint32_t at, bool full) {
    return full || (deflater->writer.count % CHECK_EVERY == 0 && deflater->may_end_early &&
                    ends_early(deflater, at));
}

/* Whether matches are looked for at all, this near to the end. */
VCD_INLINE bool searchable(const struct dfl_deflater *deflater, uint32_t at) {
    return deflater->parameters.family != DFL_GZIP || at <= DFL_WINDOW_ROOM - DFL_MIN_LOOKAHEAD;
}

/*
 * zlib cuts a match to what is left before it compares, GNU gzip afterwards: then the longest
 * match may be so by grace of bytes behind the end.
 */
VCD_INLINE uint32_t find_match(struct dfl_deflater *deflater, uint32_t at,
                               const struct dfl_entered *entered, uint32_t length, bool short_cut,
                               bool tail) {
    const struct effort *const effort = &deflater->effort;
    const uint32_t left = deflater->filled - at;
    const bool cut = tail && deflater->parameters.family != DFL_GZIP && left < DFL_MAX_MATCH;
    const uint32_t limit = cut ? left : DFL_MAX_MATCH;
    const struct dfl_search search = {
        .at = at,
        .limit = limit,
        .nice_length = effort->nice_length < limit ? effort->nice_length : limit,
        .steps = length >= effort->good_length ? effort->steps / 4u : effort->steps,
    };
    const uint32_t found = short_cut && !tail
                               ? dfl_longest_match_by_four(&deflater->chains, &search, entered,
                                                           length, &deflater->match_start)
                               : dfl_longest_match(&deflater->chains, &search, entered->before,
                                                   length, &deflater->match_start);
    return tail && found > left ? left : found;
}

/* What every step begins with near the end, where the window may have to slide once more. */
VCD_INLINE uint32_t slide_in_tail(struct dfl_deflater *deflater, uint32_t at) {
    if (at >= SLIDE_FROM && deflater->parameters.family != DFL_GZIP) {
        deflater->at = at;
        slide(deflater);
        at = deflater->at;
    }
    return at;
}

/* Levels 1 to 3: a match is taken where it is found. */
VCD_INLINE void take_at_once(struct dfl_deflater *deflater, enum dfl_hash hash, bool tail) {
    const uint32_t least = tail ? 1 : DFL_MIN_LOOKAHEAD;
    uint32_t at = deflater->at;
    while (deflater->filled - at >= least) {
        if (tail) {
            at = slide_in_tail(deflater, at);
        }
        const uint32_t end = deflater->filled;
        struct dfl_entered entered = {0};
        uint32_t length = DFL_MIN_MATCH - 1;
        if (!tail || end - at >= DFL_MIN_MATCH) {
            entered = dfl_enter(&deflater->chains, at, hash, false);
        }
        if (entered.before != 0 && at - entered.before <= DFL_MAX_DISTANCE &&
            (!tail || searchable(deflater, at))) {
            length = find_match(deflater, at, &entered, length, false, tail);
        }
        bool full;
        if (length >= DFL_MIN_MATCH) {
            full = dfl_add_match(&deflater->writer, length, at - deflater->match_start);
            full = block_ends(deflater, at, full);
            if (length <= deflater->effort.lazy_length &&
                (!tail || end - at - length >= DFL_MIN_MATCH)) {
                for (uint32_t inside = at + 1; inside < at + length; inside++) {
                    (void)dfl_enter(&deflater->chains, inside, hash, false);
                }
            }
            at += length;
        } else {
            full = dfl_add_literal(&deflater->writer, deflater->chains.window[at]);
            full = block_ends(deflater, at, full);
            at++;
        }
        if (full) {
            end_block(deflater, at, false);
        }
    }
    deflater->at = at;
}

/* Levels 4 to 9: a match waits for the next byte, where a longer one may begin. */
VCD_INLINE void take_lazily(struct dfl_deflater *deflater, enum dfl_hash hash, bool short_cut,
                            bool tail) {
    const uint32_t least = tail ? 1 : DFL_MIN_LOOKAHEAD;
    uint32_t at = deflater->at, length = deflater->length;
    bool waiting = deflater->waiting;
    while (deflater->filled - at >= least) {
        if (tail) {
            at = slide_in_tail(deflater, at);
        }
        const uint32_t end = deflater->filled;
        struct dfl_entered entered = {0};
        if (!tail || end - at >= DFL_MIN_MATCH) {
            entered = dfl_enter(&deflater->chains, at, hash, short_cut);
        }
        const uint32_t waiting_length = length, waiting_start = deflater->match_start;
        length = DFL_MIN_MATCH - 1;
        if (entered.before != 0 && waiting_length < deflater->effort.lazy_length &&
            at - entered.before <= DFL_MAX_DISTANCE && (!tail || searchable(deflater, at))) {
            length = find_match(deflater, at, &entered, waiting_length, short_cut, tail);
            if (length == DFL_MIN_MATCH && at - deflater->match_start > TOO_FAR) {
                length = DFL_MIN_MATCH - 1;
            }
        }
        if (waiting_length >= DFL_MIN_MATCH && length <= waiting_length) {
            const bool full = block_ends(
                deflater, at,
                dfl_add_match(&deflater->writer, waiting_length, at - 1 - waiting_start));
            const uint32_t after = at - 1 + waiting_length;
            const uint32_t enter_end = tail && after + 2 > end ? end - 2 : after;
            for (uint32_t inside = at + 1; inside < enter_end; inside++) {
                (void)dfl_enter(&deflater->chains, inside, hash, short_cut);
            }
            at = after;
            waiting = false;
            length = DFL_MIN_MATCH - 1;
            if (full) {
                end_block(deflater, at, false);
            }
        } else {
            if (waiting) {
                const bool full =
                    dfl_add_literal(&deflater->writer, deflater->chains.window[at - 1]);
                if (block_ends(deflater, at, full)) {
                    end_block(deflater, at, false);
                }
            }
            waiting = true;
            at++;
        }
    }
    deflater->at = at;
    deflater->length = length;
    deflater->waiting = waiting;
}

VCD_INLINE void take_by(struct dfl_deflater *deflater, enum dfl_hash hash, bool tail) {
    if (deflater->effort.lazy) {
        if (!tail && deflater->short_cut) {
            take_lazily(deflater, hash, true, false);
        } else {
            take_lazily(deflater, hash, false, tail);
        }
    } else {
        take_at_once(deflater, hash, tail);
    }
}

/* A copy of the loops for each hash: what lies inside them costs most of all time. */
VCD_INLINE void take_all(struct dfl_deflater *deflater, bool tail) {
    switch (deflater->hash) {
    case DFL_HASH_15:
        take_by(deflater, DFL_HASH_15, tail);
        break;
    case DFL_HASH_16:
        take_by(deflater, DFL_HASH_16, tail);
        break;
    case DFL_HASH_FOUR_15:
        take_by(deflater, DFL_HASH_FOUR_15, tail);
        break;
    case DFL_HASH_FOUR_16:
        take_by(deflater, DFL_HASH_FOUR_16, tail);
        break;
    }
}

/* For as long as any match may be taken without looking behind the end. */
static void take(struct dfl_deflater *deflater) {
    take_all(deflater, false);
}

static void take_tail(struct dfl_deflater *deflater) {
    take_all(deflater, true);
}

/* ---- The stream ------------------------------------------------------------------------- */

static void end_stream(struct dfl_deflater *deflater) {
    take(deflater);
    if (deflater->at >= SLIDE_FROM) {
        slide(deflater);
    }
    if (deflater->parameters.family == DFL_GZIP) {
        memset(deflater->chains.window + deflater->filled, 0, DFL_MIN_MATCH - 1);
    }
    take_tail(deflater);
    if (deflater->waiting) {
        (void)dfl_add_literal(&deflater->writer, deflater->chains.window[deflater->at - 1]);
    }
    end_block(deflater, deflater->at, true);
    deflater->ended = true;
}

static void deflate_by_chains(struct dfl_deflater *deflater, const uint8_t *plain,
                              size_t plain_size, bool last) {
    while (plain_size > 0) {
        const size_t size = vcd_min(plain_size, DFL_WINDOW_ROOM - deflater->filled);
        memcpy(deflater->chains.window + deflater->filled, plain, size);
        deflater->filled += (uint32_t)size;
        plain += size;
        plain_size -= size;
        if (deflater->filled == DFL_WINDOW_ROOM) { /* as if all had come at once */
            take(deflater);
            slide(deflater);
        }
    }
    if (last && !deflater->ended) {
        end_stream(deflater);
    }
}

enum dfl_result dfl_deflate(struct dfl_deflater *deflater, const uint8_t *plain, size_t plain_size,
                            bool last, const uint8_t **deflated_out, size_t *deflated_size_out) {
    struct vcd_buffer *const deflated = &deflater->writer.out.bytes;
    deflated->size = 0;
    if (deflater->miniz == NULL) {
        deflate_by_chains(deflater, plain, plain_size, last);
    } else if (!dfl_miniz_deflate(deflater->miniz, plain, plain_size, last)) {
        deflater->failed = true;
    }
    if (deflater->failed || deflated->failed) {
        return DFL_NO_MEMORY;
    }
    *deflated_out = deflated->bytes;
    *deflated_size_out = deflated->size;
    return DFL_OK;
}

bool dfl_parameters_known(const struct dfl_parameters *parameters) {
    if (parameters->family == DFL_MINIZ) {
        return parameters->level >= 2 && parameters->level <= 9 && parameters->mem_level == 8;
    }
    return parameters->family <= DFL_CHROMIUM && parameters->level >= 1 && parameters->level <= 9 &&
           parameters->mem_level >= (parameters->family == DFL_GZIP ? 9 : 8) &&
           parameters->mem_level <= 9;
}

struct dfl_deflater *dfl_deflater_new(const struct dfl_parameters *parameters) {
    struct dfl_deflater *const deflater = calloc(1, sizeof *deflater);
    if (deflater == NULL) {
        return NULL;
    }
    deflater->parameters = *parameters;
    if (parameters->family == DFL_MINIZ) {
        deflater->miniz = dfl_miniz_deflater_new(parameters->level, &deflater->writer.out);
        if (deflater->miniz == NULL || !dfl_reserve(&deflater->writer.out, 0)) {
            dfl_deflater_free(deflater);
            return NULL;
        }
        return deflater;
    }
    deflater->effort = efforts[parameters->level];
    const bool wide = parameters->mem_level == 9;
    deflater->hash = parameters->family == DFL_GZIP   ? DFL_HASH_15
                     : parameters->family == DFL_ZLIB ? (wide ? DFL_HASH_16 : DFL_HASH_15)
                     : wide                           ? DFL_HASH_FOUR_16
                                                      : DFL_HASH_FOUR_15;
    deflater->short_cut = parameters->family != DFL_CHROMIUM &&
                          deflater->effort.steps >= SHORT_CUT_FROM && deflater->effort.lazy;
    deflater->length = DFL_MIN_MATCH - 1;
    deflater->may_end_early = parameters->family == DFL_GZIP && parameters->level > 2;
    deflater->writer.capacity = wide ? DFL_BLOCK_MAX_SYMBOLS : DFL_BLOCK_MAX_SYMBOLS / 2;
    if (!dfl_reserve(&deflater->writer.out, 0)) {
        free(deflater);
        return NULL;
    }
    return deflater;
}

void dfl_deflater_free(struct dfl_deflater *deflater) {
    if (deflater != NULL) {
        vcd_buffer_free(&deflater->writer.out.bytes);
        dfl_miniz_deflater_free(deflater->miniz);
        free(deflater);
    }
}
