/*
 * symbol_ranges.c - where the symbols of one stream stand in another
 *
 *   source   . . . . a b c d e f g . . . h i j k . .
 *                    |             |     |     |          forwards in both
 *   target   . a b c d e f g . . . . h i j k . . . .
 *
 * The first symbols of a run lead by a hash to the places in the source where the same ones stand;
 * the first that goes on for long enough is taken. One that lies far ahead has to be worth it, as
 * what has been passed by does not come again. Time is proportional to both.
 */
#include <assert.h>

#include "deflate.h"
#include "growing.h"
#include "match_chains.h"
#include "symbol_reader.h"

enum {
    ANCHOR_BITS = 2,  /* a quarter of all matches: with all, three times as long for 1 % more */
    HASHED = 8,       /* symbols */
    MOST_PLACES = 16, /* that are looked at for a run */
    WORTH = 16,       /* symbols of the source that one of a run is worth */
    MOST_HASH_BITS = 18,
    NOWHERE = UINT32_MAX,
};

struct symbols {
    uint32_t *values;
    size_t count;
    size_t capacity;
};

struct places {
    const struct symbols *source;
    uint32_t *heads; /* by hash: the first place that is not before the last range */
    uint32_t *next;  /* by place: the next one of its hash */
    unsigned hash_bits;
};

static enum dfl_result read_all(struct symbols *symbols, struct dfl_symbol_reader *reader,
                                const uint8_t *deflated, size_t deflated_size) {
    enum dfl_result result = DFL_OK;
    size_t count = 1;
    dfl_symbol_reader_begin(reader, deflated, deflated_size);
    while (result == DFL_OK && count > 0) {
        void *const values =
            vcd_with_room(symbols->values, symbols->count + DFL_SYMBOLS_AT_ONCE - 1,
                          &symbols->capacity, sizeof *symbols->values);
        if (values == NULL) {
            return DFL_NO_MEMORY;
        }
        symbols->values = values;
        if (symbols->capacity - symbols->count >= DFL_SYMBOLS_AT_ONCE) {
            result = dfl_read_symbols(reader, symbols->values + symbols->count, &count);
            symbols->count += count;
        }
    }
    return symbols->count < NOWHERE ? result : DFL_NO_MEMORY;
}

/* Whether runs are looked for here: behind some of the matches, the same ones in both streams. */
static bool is_anchor(const struct symbols *symbols, size_t at) {
    if (at == 0) {
        return true;
    }
    const uint32_t before = symbols->values[at - 1];
    return before >= 1 << 16 && (before & DFL_STORED_BYTES) == 0 &&
           before * UINT32_C(2654435761) >> (32 - ANCHOR_BITS) == 0;
}

static uint32_t hash_of(const uint32_t *symbols, unsigned bits) {
    uint64_t hash = 0;
    for (size_t i = 0; i < HASHED; i++) {
        hash = (hash ^ symbols[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return (uint32_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits));
}

static bool enter_all(struct places *places) {
    const struct symbols *const source = places->source;
    places->hash_bits = 1;
    while (places->hash_bits < MOST_HASH_BITS && source->count >> places->hash_bits > 0) {
        places->hash_bits++;
    }
    const size_t size = (size_t)1 << places->hash_bits;
    places->heads = malloc(size * sizeof *places->heads);
    places->next = malloc((source->count + 1) * sizeof *places->next);
    if (places->heads == NULL || places->next == NULL) {
        return false;
    }
    for (size_t hash = 0; hash < size; hash++) {
        places->heads[hash] = NOWHERE;
    }
    for (size_t at = source->count; at-- > 0;) { /* so that a chain goes forwards */
        if (is_anchor(source, at) && source->count - at >= HASHED) {
            uint32_t *const head = &places->heads[hash_of(source->values + at, places->hash_bits)];
            places->next[at] = *head;
            *head = (uint32_t)at;
        }
    }
    return true;
}

/* A run of symbols; both sizes are 0 when there is none. */
struct run {
    size_t place; /* in the source */
    size_t count;
    uint64_t plain_size;
};

/* How far the symbols at two places are the same; at most up to the plain size that is 'left'. */
static struct run run_at(const struct symbols *source, size_t place, const struct symbols *target,
                         size_t at, uint64_t left, size_t *seen_out) {
    struct run run = {place, 0, 0};
    uint64_t plain_size = 0;
    size_t count = 0;
    while (place + count < source->count && at + count < target->count) {
        const uint32_t symbol = target->values[at + count];
        plain_size += dfl_plain_size_of(symbol);
        if (symbol != source->values[place + count] || (symbol & DFL_STORED_BYTES) != 0 ||
            plain_size > left) {
            break;
        }
        count++;
        if (symbol >= 1 << 16) { /* behind a match, nothing waits */
            run.count = count;
            run.plain_size = plain_size;
        }
    }
    *seen_out = count;
    return run;
}

/*
 * Finds a run of at least 'least' plain bytes from 'at' on, in the source at or behind 'from'.
 * Stores for how many symbols the best that there is goes on, be it long enough or not.
 */
static struct run find_run(struct places *places, size_t from, const struct symbols *target,
                           size_t at, uint64_t left, uint64_t least, size_t gap, size_t *seen_out) {
    const struct symbols *const source = places->source;
    uint32_t *const head = &places->heads[hash_of(target->values + at, places->hash_bits)];
    *seen_out = 0;
    while (*head != NOWHERE && *head < from) {
        *head = places->next[*head];
    }
    uint32_t place = *head;
    for (uint32_t i = 0; i < MOST_PLACES && place != NOWHERE; i++, place = places->next[place]) {
        size_t seen;
        const struct run run = run_at(source, place, target, at, left, &seen);
        *seen_out = seen > *seen_out ? seen : *seen_out;
        if (run.plain_size >= least && place - from <= WORTH * run.count + gap) {
            return run;
        }
    }
    return (struct run){0, 0, 0};
}

static uint64_t plain_size_of(const struct symbols *symbols, size_t from, size_t to) {
    uint64_t size = 0;
    for (size_t at = from; at < to; at++) {
        size += dfl_plain_size_of(symbols->values[at]);
    }
    return size;
}

static size_t find_all(struct places *places, const struct symbols *target, uint64_t least,
                       struct dfl_range *ranges, size_t most) {
    const uint64_t whole = plain_size_of(target, 0, target->count);
    uint64_t left = whole > DFL_MIN_LOOKAHEAD ? whole - DFL_MIN_LOOKAHEAD - 1 : 0, searched = 0;
    size_t at = 0, from = 0, gap = 0, count = 0;
    while (count < most && left >= least && target->count - at >= HASHED) {
        size_t passed = 1;
        if (is_anchor(target, at)) {
            const struct run run = find_run(places, from, target, at, left, least, gap, &passed);
            if (run.count > 0) {
                ranges[count++] = (struct dfl_range){
                    searched, plain_size_of(places->source, from, run.place), run.plain_size};
                at += run.count;
                from = run.place + run.count;
                left -= run.plain_size;
                searched = gap = 0;
                continue;
            }
            passed = passed > 0 ? passed : 1;
        }
        const uint64_t size = plain_size_of(target, at, at + passed);
        searched += size;
        left -= size < left ? size : left;
        at += passed;
        gap += passed;
    }
    return count;
}

enum dfl_result dfl_find_ranges(const uint8_t *source, size_t source_size, const uint8_t *target,
                                size_t target_size, uint64_t least, struct dfl_range *ranges,
                                size_t most, size_t *count_out) {
    struct dfl_symbol_reader *const reader = malloc(sizeof *reader);
    struct symbols old = {NULL, 0, 0}, new = {NULL, 0, 0};
    struct places places = {&old, NULL, NULL, 0};
    enum dfl_result result = reader == NULL ? DFL_NO_MEMORY : DFL_OK;
    *count_out = 0;
    if (result == DFL_OK) {
        result = read_all(&old, reader, source, source_size);
    }
    if (result == DFL_OK) {
        result = read_all(&new, reader, target, target_size);
    }
    free(reader);
    if (result == DFL_OK) {
        result = enter_all(&places) ? DFL_OK : DFL_NO_MEMORY;
    }
    if (result == DFL_OK) {
        *count_out = find_all(&places, &new, least > 0 ? least : 1, ranges, most);
    }
    free(old.values);
    free(new.values);
    free(places.heads);
    free(places.next);
    return result;
}
