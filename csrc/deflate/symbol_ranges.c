/*
 * symbol_ranges.c - where the symbols of one stream stand in another
 *
 *   source   . . . . a b c d e f g . . . h i j k . .
 *                    |             |     |     |          forwards in both
 *   target   . a b c d e f g . . . . h i j k . . . .
 *                                    |<-- read ahead -->|
 *
 * The first symbols of a run lead by a hash to the places in the source where the same ones stand;
 * the first that goes on for long enough is taken. One that lies far ahead has to be worth it, as
 * what has been passed by does not come again. Time is proportional to both. The symbols of the
 * source are all in memory, of the target only the next ones.
 */
#include "deflate.h"
#include "growing.h"
#include "match_chains.h"
#include "symbol_reader.h"

enum {
    ANCHOR_BITS = 3,     /* a quarter of all matches: with all, three times as long for 1 % more */
    HASHED = 8,          /* symbols */
    MOST_PLACES = 16,    /* that are looked at for a run */
    WORTH = 16,          /* symbols of the source that one of a run is worth */
    AHEAD = 1 << 16,     /* symbols of the target, by which the worth of a run is known */
    MOST_HASH_BITS = 22, /* with 18, a relinked program of 170 MB took twice the time */
    NOWHERE = UINT32_MAX,
};

/* The symbols of a stream from 'begin' to 'count'. */
struct symbols {
    struct dfl_symbol_reader reader;
    uint32_t *values;
    size_t begin;
    size_t count;
    size_t capacity;
    bool all; /* there are no more */
};

/* A place of the source where a run may begin. */
struct place {
    uint32_t at;
    uint32_t next; /* the next one of its head */
    uint32_t tag;  /* of its first symbols */
};

struct places {
    const struct symbols *source;
    struct place *places; /* in their order */
    uint32_t *heads;      /* by hash: the first that is not before the last range */
    unsigned hash_bits;
};

static void begin(struct symbols *symbols, const uint8_t *deflated, size_t deflated_size) {
    dfl_symbol_reader_begin(&symbols->reader, deflated, deflated_size);
    symbols->values = NULL;
    symbols->begin = symbols->count = symbols->capacity = 0;
    symbols->all = false;
}

/* Reads until 'wanted' symbols are there, or all. Those before 'begin' are let go of. */
static enum dfl_result read_ahead(struct symbols *symbols, size_t wanted) {
    if (symbols->begin > 0) {
        symbols->count -= symbols->begin;
        memmove(symbols->values, symbols->values + symbols->begin,
                symbols->count * sizeof *symbols->values);
        symbols->begin = 0;
    }
    enum dfl_result result = DFL_OK;
    while (result == DFL_OK && !symbols->all && symbols->count < wanted) {
        void *const values =
            vcd_with_room(symbols->values, symbols->count + DFL_SYMBOLS_AT_ONCE - 1,
                          &symbols->capacity, sizeof *symbols->values);
        if (values == NULL) {
            return DFL_NO_MEMORY;
        }
        symbols->values = values;
        if (symbols->capacity - symbols->count >= DFL_SYMBOLS_AT_ONCE) {
            size_t count;
            result = dfl_read_symbols(&symbols->reader, symbols->values + symbols->count, &count);
            symbols->count += count;
            symbols->all = count == 0;
        }
    }
    return symbols->count < NOWHERE ? result : DFL_NO_MEMORY;
}

/* Whether runs are looked for behind this symbol: one of some matches, the same in both streams. */
static bool leads_to_anchor(uint32_t before) {
    return (before - (1 << 16) < DFL_STORED_BYTES - (1 << 16)) &
           (before * UINT32_C(2654435761) >> (32 - ANCHOR_BITS) == 0);
}

static uint64_t hash_of(const uint32_t *symbols) {
    uint64_t pairs[HASHED / 2];
    memcpy(pairs, symbols, sizeof pairs);
    const uint64_t hash =
        (pairs[0] * UINT64_C(0x9e3779b97f4a7c15) ^ pairs[1] * UINT64_C(0xc4ceb9fe1a85ec53)) +
        (pairs[2] * UINT64_C(0xd6e8feb86659fd93) ^ pairs[3] * UINT64_C(0xff51afd7ed558ccd));
    return (hash ^ hash >> 29) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint32_t *head_of(const struct places *places, uint64_t hash) {
    return &places->heads[hash >> (64 - places->hash_bits)];
}

static bool enter_all(struct places *places) {
    const struct symbols *const source = places->source;
    size_t count = 0, capacity = 0;
    for (size_t at = 0; at + HASHED <= source->count; at++) {
        if (at == 0 || leads_to_anchor(source->values[at - 1])) {
            struct place *const moved =
                vcd_with_room(places->places, count, &capacity, sizeof *moved);
            if (moved == NULL) {
                return false;
            }
            places->places = moved;
            moved[count++].at = (uint32_t)at;
        }
    }
    places->hash_bits = 1;
    while (places->hash_bits < MOST_HASH_BITS && count >> places->hash_bits > 0) {
        places->hash_bits++;
    }
    const size_t size = (size_t)1 << places->hash_bits;
    places->heads = malloc(size * sizeof *places->heads);
    if (places->heads == NULL) {
        return false;
    }
    memset(places->heads, 0xff, size * sizeof *places->heads);
    while (count-- > 0) { /* backwards, so that a chain goes forwards */
        struct place *const place = &places->places[count];
        const uint64_t hash = hash_of(source->values + place->at);
        uint32_t *const head = head_of(places, hash);
        place->tag = (uint32_t)hash;
        place->next = *head;
        *head = (uint32_t)count;
    }
    return true;
}

/* A run of symbols; both sizes are 0 when there is none. */
struct run {
    size_t place; /* in the source */
    size_t count;
    uint64_t plain_size;
};

/* What is being done: the next symbol of the target is looked for at or behind 'from'. */
struct search {
    struct places places;
    struct symbols *target;
    size_t from;
    size_t gap;    /* symbols of the target since the last range */
    uint64_t left; /* plain bytes of the target that ranges may still have */
    uint64_t least;
};

/*
 * How far the symbols at 'place' and the next ones of the target are the same, as far as these are
 * read and may be in a range. Stores how many are, though a run ends behind a match.
 */
static struct run run_at(const struct search *search, size_t place, size_t *seen_out) {
    const struct symbols *const source = search->places.source, *const target = search->target;
    const uint32_t *const there = source->values + place;
    const uint32_t *const here = target->values + target->begin;
    const size_t most = vcd_min(source->count - place, target->count - target->begin);
    struct run run = {place, 0, 0};
    uint64_t plain_size = 0;
    size_t count = 0;
    while (count < most) {
        const uint32_t symbol = here[count];
        plain_size += dfl_plain_size_of(symbol);
        if (symbol != there[count] || (symbol & DFL_STORED_BYTES) != 0 ||
            plain_size > search->left) {
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
 * Finds a run that begins with the next symbol of the target and is long enough. Stores for how
 * many symbols the best that there is goes on, be it long enough or not.
 */
static struct run find_run(struct search *search, size_t *seen_out) {
    const struct place *const places = search->places.places;
    const uint64_t hash = hash_of(search->target->values + search->target->begin);
    uint32_t *const head = head_of(&search->places, hash);
    *seen_out = 0;
    while (*head != NOWHERE && places[*head].at < search->from) {
        *head = places[*head].next;
    }
    uint32_t number = *head;
    for (uint32_t i = 0; i < MOST_PLACES && number != NOWHERE; i++, number = places[number].next) {
        if (places[number].tag == (uint32_t)hash) {
            size_t seen;
            const struct run run = run_at(search, places[number].at, &seen);
            *seen_out = seen > *seen_out ? seen : *seen_out;
            if (run.plain_size >= search->least &&
                run.place - search->from <= WORTH * run.count + search->gap) {
                return run;
            }
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

/* Goes on behind so many symbols of the target, and reads what may be needed next. */
static enum dfl_result go_on(struct search *search, size_t symbols, uint64_t plain_size) {
    struct symbols *const target = search->target;
    const size_t ahead = search->least > AHEAD ? (size_t)search->least : AHEAD;
    target->begin += symbols;
    search->left -= plain_size < search->left ? plain_size : search->left;
    return target->all || target->count - target->begin >= ahead ? DFL_OK
                                                                 : read_ahead(target, 4 * ahead);
}

/* Takes a run for a range, however far it goes on. */
static enum dfl_result take_run(struct search *search, struct run run, struct dfl_range *range) {
    enum dfl_result result = DFL_OK;
    size_t seen;
    range->skipped = plain_size_of(search->places.source, search->from, run.place);
    range->reused = 0;
    for (; result == DFL_OK && run.count > 0; run = run_at(search, search->from, &seen)) {
        range->reused += run.plain_size;
        search->from = run.place + run.count;
        result = go_on(search, run.count, run.plain_size);
    }
    search->gap = 0;
    return result;
}

/* Passes symbols by, up to the next place where a run may begin. Returns their plain size. */
static uint64_t pass_by(struct search *search, size_t least, enum dfl_result *result) {
    const struct symbols *const target = search->target;
    const uint32_t *const next = target->values + target->begin;
    const size_t most = target->count - target->begin;
    uint64_t size = 0;
    size_t count = 0;
    while (count < most) {
        const uint32_t symbol = next[count++];
        size += dfl_plain_size_of(symbol);
        if (count >= least && leads_to_anchor(symbol)) {
            break;
        }
    }
    search->gap += count;
    *result = go_on(search, count, size);
    return size;
}

static enum dfl_result find_all(struct search *search, struct dfl_range *ranges, size_t most,
                                size_t *count_out) {
    struct symbols *const target = search->target;
    enum dfl_result result = go_on(search, 0, 0);
    uint64_t searched = 0;
    while (result == DFL_OK && *count_out < most && search->left >= search->least &&
           target->count - target->begin >= HASHED) {
        size_t seen;
        const struct run run = find_run(search, &seen);
        if (run.count == 0) {
            searched += pass_by(search, seen, &result);
            continue;
        }
        struct dfl_range *const range = &ranges[(*count_out)++];
        result = take_run(search, run, range);
        range->searched = searched;
        searched = 0;
    }
    while (result == DFL_OK && !target->all) {
        target->begin = target->count;
        result = read_ahead(target, AHEAD);
    }
    return result;
}

enum dfl_result dfl_find_ranges(const uint8_t *source, size_t source_size, const uint8_t *target,
                                size_t target_size, uint64_t plain_size, uint64_t least,
                                struct dfl_range *ranges, size_t most, size_t *count_out) {
    struct symbols *const old = malloc(sizeof *old), *const new = malloc(sizeof *new);
    struct search search = {
        .places = {.source = old},
        .target = new,
        .left = plain_size > DFL_MIN_LOOKAHEAD ? plain_size - DFL_MIN_LOOKAHEAD - 1 : 0,
        .least = least > 0 ? least : 1,
    };
    enum dfl_result result = DFL_NO_MEMORY;
    *count_out = 0;
    if (old != NULL && new != NULL) {
        begin(old, source, source_size);
        begin(new, target, target_size);
        result = read_ahead(old, SIZE_MAX);
        if (result == DFL_OK) {
            result = enter_all(&search.places) ? find_all(&search, ranges, most, count_out)
                                               : DFL_NO_MEMORY;
        }
        free(old->values);
        free(new->values);
    }
    free(old);
    free(new);
    free(search.places.heads);
    free(search.places.places);
    return result;
}
