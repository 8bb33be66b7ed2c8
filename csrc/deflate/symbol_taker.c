/*
 * symbol_taker.c - the matches that zlib, GNU gzip and Chromium's zlib would take
 *
 * All three look for matches alike. Every position is entered under a hash of its next bytes into a
 * chain, newest first; where a match is wanted, the chain is followed for so many steps, and the
 * first of the longest is taken. What they differ in is the hash, the size of a block, and
 * what happens near the end.
 *
 * Where another stream has been deflated by the same program from the same bytes, the same symbols
 * were taken there. For such stretches they are read instead of looked for, and the chains filled
 * as if they had been: from 32 KiB before the end of a stretch on, as far as a match reaches.
 */
#include "symbol_taker.h"

enum { CHECK_EVERY = 4096 }; /* symbols, whether GNU gzip ends a block early */

void dfl_slide(struct dfl_deflater *deflater) {
    deflater->at -= DFL_WINDOW_SIZE;
    deflater->filled -= DFL_WINDOW_SIZE;
    deflater->match_start -= DFL_WINDOW_SIZE;
    deflater->block_start -= DFL_WINDOW_SIZE;
    deflater->stop -= DFL_WINDOW_SIZE;
    dfl_slide_chains(&deflater->chains,
                     deflater->parameters.family == DFL_GZIP ? DFL_WINDOW_SIZE : deflater->filled,
                     deflater->hash, deflater->short_cut);
}

/* ---- What is taken ---------------------------------------------------------------------- */

void dfl_end_block(struct dfl_deflater *deflater, uint32_t at, bool last) {
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
    const struct dfl_effort *const effort = &deflater->effort;
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
    if (at >= DFL_SLIDE_FROM && deflater->parameters.family != DFL_GZIP) {
        deflater->at = at;
        dfl_slide(deflater);
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
        if (dfl_leads_back(&entered, at) && (!tail || searchable(deflater, at))) {
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
            dfl_end_block(deflater, at, false);
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
        /* By four bytes, it is found out where they lead: a branch less that none can foresee. */
        if (waiting_length < deflater->effort.lazy_length &&
            (short_cut || (dfl_leads_back(&entered, at) && (!tail || searchable(deflater, at))))) {
            length = find_match(deflater, at, &entered, waiting_length, short_cut, tail);
            if (length == DFL_MIN_MATCH && at - deflater->match_start > DFL_FAR_FOR_THREE) {
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
                dfl_end_block(deflater, at, false);
            }
            if (!tail && at >= deflater->stop) {
                break;
            }
        } else {
            if (waiting) {
                const bool full =
                    dfl_add_literal(&deflater->writer, deflater->chains.window[at - 1]);
                if (block_ends(deflater, at, full)) {
                    dfl_end_block(deflater, at, false);
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

/* ---- What is taken again ---------------------------------------------------------------- */

/* The next symbol of the other stream, or DFL_STORED_BYTES where there is none. */
VCD_INLINE uint32_t next_symbol(struct dfl_reuse *reuse) {
    if (reuse->symbol == reuse->symbol_end) {
        size_t count = 0;
        if (dfl_read_symbols(&reuse->reader, reuse->symbols, &count) != DFL_OK || count == 0) {
            return DFL_STORED_BYTES;
        }
        reuse->symbol = reuse->symbols;
        reuse->symbol_end = reuse->symbols + count;
    }
    return *reuse->symbol++;
}

/* Begins the range that comes next; false: it does not begin here, or not between symbols. */
static bool begin_range(struct dfl_deflater *deflater) {
    struct dfl_reuse *const reuse = deflater->reuse;
    uint64_t skipped = reuse->next->skipped;
    while (skipped > 0) {
        const uint32_t size = dfl_plain_size_of(next_symbol(reuse));
        if (size == 0 || size > skipped) {
            return false;
        }
        skipped -= size;
    }
    reuse->left = reuse->next->reused;
    return deflater->at == deflater->stop && !deflater->waiting && reuse->left > 0;
}

/* Searching goes on, up to the range after the one that has ended, if there is one. */
static void end_range(struct dfl_deflater *deflater) {
    struct dfl_reuse *const reuse = deflater->reuse;
    reuse->next++;
    deflater->stop = reuse->next < reuse->end ? deflater->at + reuse->next->searched : UINT64_MAX;
}

/* Takes one symbol of the other stream; false: it cannot be one of this. */
VCD_INLINE bool add_again(struct dfl_deflater *deflater, uint32_t at, uint32_t symbol,
                          uint32_t length, bool *full_out) {
    const uint8_t *const here = deflater->chains.window + at;
    const uint32_t distance = symbol & 0xffff;
    if ((symbol & DFL_STORED_BYTES) != 0 || length > deflater->reuse->left) {
        return false;
    }
    if (symbol < 1 << 16) {
        *full_out = dfl_add_literal(&deflater->writer, *here);
        return true;
    }
    if (distance > vcd_min(at, DFL_MAX_DISTANCE) ||
        vcd_match_forwards(here, here - distance, length) != length) {
        return false;
    }
    *full_out = dfl_add_match(&deflater->writer, length, distance);
    return true;
}

/*
 * Takes the symbols of a range. One is taken when searching would have taken it: at the byte after
 * its first one, so that blocks end while the same bytes are in the window.
 */
VCD_INLINE void take_again(struct dfl_deflater *deflater, enum dfl_hash hash, bool short_cut) {
    struct dfl_reuse *const reuse = deflater->reuse;
    uint32_t at = deflater->at;
    while (reuse->left > 0 && deflater->filled - at > DFL_MIN_LOOKAHEAD) {
        const uint32_t symbol = next_symbol(reuse), length = dfl_plain_size_of(symbol);
        bool full;
        if (!add_again(deflater, at, symbol, length, &full)) {
            deflater->broken = true;
            return;
        }
        full = block_ends(deflater, at + 1, full);
        if (reuse->left <= DFL_WINDOW_SIZE + DFL_MAX_MATCH) {
            for (uint32_t inside = at; inside < at + length; inside++) {
                (void)dfl_enter(&deflater->chains, inside, hash, short_cut);
            }
        }
        at += length;
        reuse->left -= length;
        if (full) {
            dfl_end_block(deflater, at, false);
        }
    }
    deflater->at = at;
}

/* ---- All of it -------------------------------------------------------------------------- */

enum way { SEARCHING, SEARCHING_BY_FOUR, AT_THE_END, READING };

VCD_INLINE void take_by(struct dfl_deflater *deflater, enum dfl_hash hash, enum way way) {
    if (way == READING) {
        if (deflater->short_cut) {
            take_again(deflater, hash, true);
        } else {
            take_again(deflater, hash, false);
        }
    } else if (way == SEARCHING_BY_FOUR) {
        take_lazily(deflater, hash, true, false);
    } else if (deflater->effort.lazy) {
        take_lazily(deflater, hash, false, way == AT_THE_END);
    } else {
        take_at_once(deflater, hash, way == AT_THE_END);
    }
}

/* A copy of the loops for each hash: what lies inside them costs most of all time. */
VCD_INLINE void take_all(struct dfl_deflater *deflater, enum way way) {
    switch (deflater->hash) {
    case DFL_HASH_15:
        take_by(deflater, DFL_HASH_15, way);
        break;
    case DFL_HASH_16:
        take_by(deflater, DFL_HASH_16, way);
        break;
    case DFL_HASH_FOUR_15:
        take_by(deflater, DFL_HASH_FOUR_15, way);
        break;
    case DFL_HASH_FOUR_16:
        take_by(deflater, DFL_HASH_FOUR_16, way);
        break;
    }
}

/* Each in a function of its own: together, they have too few registers in their hottest loop. */
static void search_by_four(struct dfl_deflater *deflater) {
    take_all(deflater, SEARCHING_BY_FOUR);
}

static void search(struct dfl_deflater *deflater) {
    if (deflater->short_cut) {
        search_by_four(deflater);
    } else {
        take_all(deflater, SEARCHING);
    }
}

static void read_range(struct dfl_deflater *deflater) {
    take_all(deflater, READING);
}

void dfl_take_symbols(struct dfl_deflater *deflater) {
    const struct dfl_reuse *const reuse = deflater->reuse;
    if (reuse == NULL) {
        search(deflater);
        return;
    }
    while (!deflater->broken) {
        if (reuse->left > 0) {
            read_range(deflater);
            if (reuse->left > 0) {
                return;
            }
            end_range(deflater);
        }
        if (deflater->at < deflater->stop) {
            search(deflater);
        }
        if (deflater->at < deflater->stop) {
            return;
        }
        deflater->broken = !begin_range(deflater);
    }
}

void dfl_take_last_symbols(struct dfl_deflater *deflater) {
    take_all(deflater, AT_THE_END);
}
