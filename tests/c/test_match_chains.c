/*
 * A search by chains of four bytes finds what zlib's own finds, which follows every step of the
 * chain of three, in bytes that are made against its short cuts: fours and threes that share a
 * hash, crowded chains, matches that begin at the farthest place there is or one before, steps that
 * have just been used up, and windows that slide.
 */
#include "check.h"
#include "match_chains.h"
#include "plain_bytes.h"

enum { SIZE = 2 * DFL_WINDOW_ROOM, SEARCHED = 4096, KINDS = 5, EDGE = DFL_MAX_DISTANCE };

struct seen {
    uint32_t matches, lazy, at_the_edge, beyond_the_edge, by_last_step, too_late, nice, far_threes;
};

static struct dfl_chains chains;
static uint8_t plain[SIZE + DFL_OVERREAD];

/* ---- Bytes ------------------------------------------------------------------------------ */

/* Fours whose hash is the same, a few of them again: one of the first, and some from too far. */
static void fill_with_colliding(uint32_t *seed) {
    uint32_t inverse = 1;
    for (int i = 0; i < 5; i++) { /* Newton's */
        inverse *= 2 - UINT32_C(2654435761) * inverse;
    }
    for (size_t at = 0; at + 4 <= SIZE; at += 4) {
        const uint32_t other = chance(seed, chance(seed, 2) > 0 ? 60 : 1 << (32 - DFL_FOUR_BITS));
        const uint32_t four = (UINT32_C(0x12340000) + other) * inverse;
        memcpy(plain + at, &four, sizeof four);
        at += chance(seed, 2);
    }
    memcpy(plain + SEARCHED, plain, 8);
    for (size_t at = EDGE + 3; at + 8 <= SIZE; at += 1 + chance(seed, 1000)) {
        memcpy(plain + at, plain + at - EDGE - 1 - chance(seed, 2), 8);
    }
}

/* Threes that share a hash, as only the low bits of the first count, and a fourth that varies. */
static void fill_with_crowds(uint32_t *seed) {
    for (size_t at = 0; at + 8 <= SIZE;) {
        const uint32_t size = 3 + chance(seed, 3);
        memcpy(plain + at, "abcde", size);
        plain[at] ^= (uint8_t)(chance(seed, 16) << 4);
        plain[at + size] = (uint8_t)chance(seed, 256);
        at += size + 1;
    }
}

/* Noise, and copies from as far as it gets: of all matches, and of those of three bytes. */
static void fill_from_the_edge(uint32_t *seed) {
    for (size_t at = 0; at < SIZE;) {
        const bool copies = at > EDGE && chance(seed, 2) > 0, three = chance(seed, 2) > 0;
        const size_t size = copies && three ? 3 : 1 + chance(seed, copies ? 20 : 40);
        const size_t distance = (three ? DFL_FAR_FOR_THREE : EDGE) - 1 + chance(seed, 3);
        for (size_t i = 0; i < size && at < SIZE; i++, at++) {
            plain[at] = copies ? plain[at - distance] : (uint8_t)chance(seed, 256);
        }
    }
}

static void fill_with(uint32_t kind, uint32_t *seed) {
    memset(plain, 0, sizeof plain);
    if (kind == 0) {
        fill_with_colliding(seed);
    } else if (kind == 1) {
        fill_with_crowds(seed);
    } else if (kind == 2) {
        fill_from_the_edge(seed);
    } else {
        fill(plain, SIZE, kind, seed);
    }
}

/* ---- Searches --------------------------------------------------------------------------- */

/* As zlib's longest_match() has it, without any of its own short cuts. */
static uint32_t step_by_step(const struct dfl_search *search, uint32_t candidate, uint32_t length,
                             uint32_t *start_out, uint32_t *steps_out) {
    const uint32_t behind = search->at > EDGE ? search->at - EDGE : 0;
    uint32_t steps = 0;
    *steps_out = 0;
    if (candidate == 0 || search->at - candidate > EDGE) {
        return length;
    }
    do {
        uint32_t size = 0;
        while (size < search->limit &&
               chains.window[candidate + size] == chains.window[search->at + size]) {
            size++;
        }
        if (size > length) {
            length = size;
            *start_out = candidate;
            *steps_out = steps + 1;
            if (size >= search->nice_length) {
                break;
            }
        }
        candidate = chains.next[candidate & DFL_WINDOW_MASK];
    } while (candidate > behind && ++steps < search->steps);
    return length;
}

static void note(struct seen *seen, const struct dfl_search *search, uint32_t length,
                 uint32_t found, uint32_t distance, uint32_t steps) {
    seen->matches += found > length;
    seen->lazy += found > length && length >= DFL_MIN_MATCH;
    seen->at_the_edge += found > length && distance == EDGE;
    seen->by_last_step += found > length && steps == search->steps;
    seen->nice += found > length && found >= search->nice_length;
}

static void check_search(const struct dfl_entered *entered, const struct dfl_search *search,
                         uint32_t length, struct seen *seen) {
    uint32_t expected_start = 0, start = 0, steps, more_steps, ignored;
    const uint32_t expected =
        step_by_step(search, entered->before, length, &expected_start, &steps);
    const uint32_t found = dfl_longest_match_by_four(&chains, search, entered, length, &start);
    struct dfl_search endless = *search;
    endless.steps = UINT32_MAX;
    seen->too_late +=
        step_by_step(&endless, entered->before, length, &ignored, &more_steps) > expected;
    note(seen, search, length, expected, search->at - expected_start, steps);
    if (expected == DFL_MIN_MATCH && length < expected &&
        search->at - expected_start > DFL_FAR_FOR_THREE) {
        seen->far_threes++;
        CHECK(found == length || search->at - start > DFL_FAR_FOR_THREE);
        return;
    }
    CHECK_EQUAL(expected, found);
    CHECK(expected == length || expected_start == start);
}

static void search_all(enum dfl_hash hash, uint32_t *seed, struct seen *seen) {
    static const uint32_t all_steps[] = {8, 32, 128, 1024}, nice[] = {16, 128, 258};
    uint32_t at = 0, filled = DFL_WINDOW_ROOM;
    memset(&chains, 0, sizeof chains);
    memcpy(chains.window, plain, DFL_WINDOW_ROOM + DFL_OVERREAD);
    for (size_t taken = DFL_WINDOW_ROOM;;) {
        for (; filled - at >= DFL_MIN_LOOKAHEAD; at++) {
            const struct dfl_entered entered = dfl_enter(&chains, at, hash, true);
            if (at > SEARCHED && chance(seed, 8) > 0) {
                continue;
            }
            const struct dfl_search search = {at, DFL_MAX_MATCH, nice[chance(seed, 3)],
                                              all_steps[chance(seed, 4)]};
            check_search(&entered, &search, DFL_MIN_MATCH - 1, seen);
            check_search(&entered, &search, 3 + chance(seed, chance(seed, 2) > 0 ? 4 : 40), seen);
            seen->beyond_the_edge +=
                at > EDGE && memcmp(chains.window + at, chains.window + at - EDGE - 1, 8) == 0;
        }
        if (taken == SIZE) {
            return;
        }
        at -= DFL_WINDOW_SIZE;
        dfl_slide_chains(&chains, DFL_WINDOW_SIZE, hash, true);
        memcpy(chains.window + DFL_WINDOW_SIZE, plain + taken, DFL_WINDOW_SIZE + DFL_OVERREAD);
        taken += DFL_WINDOW_SIZE;
    }
}

int main(void) {
    struct seen seen = {0};
    for (uint32_t number = 0; number < 2 * KINDS; number++) {
        uint32_t seed = number;
        fill_with(number / 2, &seed);
        search_all(number % 2 > 0 ? DFL_HASH_15 : DFL_HASH_16, &seed, &seen);
    }
    CHECK(seen.matches > 100000 && seen.lazy > 10000);
    CHECK(seen.at_the_edge > 500 && seen.beyond_the_edge > 500);
    CHECK(seen.by_last_step > 1000 && seen.too_late > 1000);
    CHECK(seen.nice > 1000 && seen.far_threes > 100);
    return 0;
}
