/*
 * Corrections make the very stream again, in pieces of any size; damaged ones are refused, or make
 * another stream of the same plain bytes, and touch nothing but their buffers.
 */
#include "check.h"
#include "deflate.h"
#include "plain_bytes.h"
#include "stream_corrections.h"

enum { MOST = 150000, ROOM = 2 * MOST + (1 << 13) };

static size_t deflated_by(const struct dfl_parameters *parameters, const uint8_t *plain,
                          size_t plain_size, uint8_t *deflated) {
    struct dfl_deflater *const deflater = dfl_deflater_new(parameters);
    const uint8_t *out;
    size_t size;
    CHECK_EQUAL(DFL_OK, dfl_deflate(deflater, plain, plain_size, true, &out, &size));
    CHECK(size <= ROOM);
    memcpy(deflated, out, size);
    dfl_deflater_free(deflater);
    return size;
}

/* Returns the size, or SIZE_MAX when the corrections were refused. */
static size_t restored(const uint8_t *corrections, size_t corrections_size, const uint8_t *plain,
                       size_t plain_size, size_t piece, uint8_t *deflated) {
    uint8_t *const kept = exact(corrections, corrections_size);
    struct dfl_restorer *const restorer = dfl_restorer_new(kept, corrections_size);
    enum dfl_result result = DFL_OK;
    size_t read = 0, made = 0;
    bool last = false;
    while (result == DFL_OK && !last) {
        const size_t size = plain_size - read < piece ? plain_size - read : piece;
        uint8_t *const copy = exact(plain + read, size);
        const uint8_t *out;
        size_t out_size;
        last = read + size == plain_size;
        result = dfl_restore(restorer, copy, size, last, &out, &out_size);
        CHECK(result == DFL_OK || result == DFL_MALFORMED);
        if (result == DFL_OK) {
            CHECK(made + out_size <= ROOM);
            memcpy(deflated + made, out, out_size);
            made += out_size;
        }
        read += size;
        free(copy);
    }
    dfl_restorer_free(restorer);
    free(kept);
    return result == DFL_OK ? made : SIZE_MAX;
}

static void check_inflates(const uint8_t *deflated, size_t deflated_size, const uint8_t *plain,
                           size_t plain_size) {
    static uint8_t inflated[MOST + 300];
    struct dfl_inflater *const inflater = dfl_inflater_new();
    size_t read, made;
    const enum dfl_result result =
        dfl_inflate(inflater, deflated, deflated_size, &read, inflated, sizeof inflated, &made);
    if (result == DFL_END) { /* codes may be nonsense, symbols are not */
        CHECK_EQUAL(plain_size, made);
        CHECK(memcmp(plain, inflated, made) == 0);
    }
    dfl_inflater_free(inflater);
}

static uint8_t plain[MOST], deflated[ROOM], again[ROOM];

static size_t corrected(size_t plain_size, size_t deflated_size, uint8_t *corrections) {
    uint8_t *const room = malloc(deflated_size + 100);
    size_t size;
    CHECK_EQUAL(DFL_OK, dfl_correct(plain, plain_size, deflated, deflated_size, room,
                                    deflated_size + 100, &size));
    memcpy(corrections, room, size);
    free(room);
    uint8_t *const tight = malloc(size);
    size_t other;
    CHECK_EQUAL(DFL_MALFORMED,
                dfl_correct(plain, plain_size, deflated, deflated_size, tight, size - 1, &other));
    free(tight);
    return size;
}

static void check_streams(void) {
    static const size_t sizes[] = {0, 1, 2, 3, 262, 32768, 65536, 98304, 131072, MOST};
    static uint8_t corrections[ROOM];
    static const struct dfl_parameters parameters[] = {{DFL_ZLIB, 1, 8, 0},
                                                       {DFL_GZIP, 6, 9, 0},
                                                       {DFL_CHROMIUM, 4, 8, 0},
                                                       {DFL_MINIZ, 6, 8, 0},
                                                       {DFL_ZLIB_NG, 6, 8, DFL_FLATE2_FLUSHED}};
    for (size_t set = 0; set < sizeof parameters / sizeof *parameters; set++) {
        for (size_t i = set; i < sizeof sizes / sizeof *sizes; i += 3) {
            const size_t size = sizes[i];
            uint32_t seed = (uint32_t)(100 * set + i);
            fill(plain, size, 4, &seed);
            const size_t deflated_size = deflated_by(&parameters[set], plain, size, deflated);
            const size_t corrections_size = corrected(size, deflated_size, corrections);
            CHECK_EQUAL(deflated_size,
                        restored(corrections, corrections_size, plain, size, size + 1, again));
            CHECK(memcmp(deflated, again, deflated_size) == 0);
            CHECK_EQUAL(deflated_size,
                        restored(corrections, corrections_size, plain, size, 997, again));
            CHECK(memcmp(deflated, again, deflated_size) == 0);
        }
    }
}

/* Every cut, every bit, and plain bytes that are not the stream's. */
static void check_damage(void) {
    static uint8_t corrections[ROOM];
    const struct dfl_parameters parameters = {DFL_ZLIB, 1, 8, 0};
    const size_t size = 400;
    uint32_t seed = 7;
    fill(plain, size, 4, &seed);
    const size_t deflated_size = deflated_by(&parameters, plain, size, deflated);
    const size_t corrections_size = corrected(size, deflated_size, corrections);
    for (size_t cut = 0; cut < corrections_size; cut++) {
        CHECK_EQUAL(SIZE_MAX, restored(corrections, cut, plain, size, size, again));
    }
    for (size_t other = 0; other < size; other += 11) { /* fewer plain bytes than there should be */
        const size_t made = restored(corrections, corrections_size, plain, other, size, again);
        if (made != SIZE_MAX) {
            check_inflates(again, made, plain, other);
        }
    }
    for (size_t bit = 0; bit < 8 * corrections_size; bit++) {
        corrections[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const size_t made = restored(corrections, corrections_size, plain, size, size, again);
        if (made != SIZE_MAX) {
            CHECK(made <= 2 * size + (1 << 12));
            check_inflates(again, made, plain, size);
        }
        corrections[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    corrections[corrections_size] = 0;
    CHECK_EQUAL(SIZE_MAX, restored(corrections, corrections_size + 1, plain, size, size, again));
    for (size_t place = 0; place < size; place += 7) {
        size_t other;
        plain[place] ^= 1;
        (void)restored(corrections, corrections_size, plain, size, size, again);
        const enum dfl_result result =
            dfl_correct(plain, size, deflated, deflated_size, again, sizeof again, &other);
        CHECK(result == DFL_OK || result == DFL_MALFORMED);
        plain[place] ^= 1;
    }
    for (size_t cut = 0; cut < deflated_size; cut++) {
        uint8_t *const copy = exact(deflated, cut);
        size_t other;
        CHECK_EQUAL(DFL_MALFORMED,
                    dfl_correct(plain, size, copy, cut, again, sizeof again, &other));
        free(copy);
    }
}

/* ---- What a stranger may write ----------------------------------------------------------- */

static struct dfl_walk walk;
static uint8_t hostile[1 << 16];

/* A walk that writes, with whatever it is told. */
static void begin(void) {
    const struct dfl_coder coder = dfl_coder_into(hostile, sizeof hostile);
    memset(&walk.block, 0, sizeof walk.block);
    CHECK(dfl_walk_start(&walk, &coder, (struct dfl_predictor_rules){0, 32768, 32768}));
}

static void header(uint32_t kind, bool last, uint32_t count, uint32_t stored_size) {
    walk.block.kind = kind;
    walk.block.last = last;
    walk.block.count = count;
    walk.block.stored_size = stored_size;
    dfl_decide_header(&walk);
}

static size_t made_of(const uint8_t *bytes, size_t size) {
    dfl_coder_flush(&walk.coder);
    CHECK(!walk.coder.failed);
    return restored(hostile, (size_t)(walk.coder.out - hostile), bytes, size, size + 1, again);
}

static void check_strangers(void) {
    static uint8_t zeros[70000];
    begin();
    header(DFL_FIXED, true, 0, 0);
    (void)dfl_decide_padding(&walk, 0);
    CHECK_EQUAL(2, made_of(zeros, 0)); /* as it should be; and now what should not */

    begin();
    for (uint32_t i = 0; i < 100000; i++) { /* empty blocks without end */
        header(DFL_FIXED, i == 99999, 0, 0);
    }
    (void)dfl_decide_padding(&walk, 0);
    CHECK_EQUAL(SIZE_MAX, made_of(zeros, 0));

    begin();
    header(DFL_STORED, true, 0, 65536); /* which 16 bits do not hold */
    (void)dfl_decide_padding(&walk, 0);
    CHECK_EQUAL(SIZE_MAX, made_of(zeros, 65536));

    begin();
    header(DFL_STORED, true, 0, 9); /* of which there are fewer */
    (void)dfl_decide_padding(&walk, 0);
    CHECK_EQUAL(SIZE_MAX, made_of(zeros, 8));

    begin();
    walk.block.padding = 127; /* more than up to a byte border */
    header(DFL_STORED, true, 0, 0);
    (void)dfl_decide_padding(&walk, 0);
    CHECK_EQUAL(SIZE_MAX, made_of(zeros, 0));

    const struct dfl_coder coder = dfl_coder_into(hostile, sizeof hostile);
    CHECK(!dfl_walk_start(&walk, &coder, (struct dfl_predictor_rules){0, 32769, 3}));
    header(DFL_FIXED, true, 0, 0); /* matches from beyond the window */
    (void)dfl_decide_padding(&walk, 0);
    CHECK_EQUAL(SIZE_MAX, made_of(zeros, 0));

    begin();
    header(DFL_FIXED, true, 0, 0);
    (void)dfl_decide_padding(&walk, 127);
    CHECK_EQUAL(SIZE_MAX, made_of(zeros, 0));

    begin();
    header(3, true, 0, 0);
    walk.coder.failed = false;
    CHECK_EQUAL(SIZE_MAX, made_of(zeros, 0));
}

/* A match that is not there: before the beginning, of other bytes, or of bytes that never come. */
static void check_matches_that_are_none(void) {
    static const struct {
        const char *plain; /* of 17 bytes, nine of which are literals */
        uint32_t length, distance;
    } wrong[] = {
        {"abcdefgh abcdefgh", 3, 10},       {"abcdefgh abcdefgh", 3, 30000},
        {"abcdefgh abcdefgh", 3, 8},        {"abcdefgh abcdefgh", 9, 9},
        {"abcdefgh\0\0\0\0\0\0\0\0", 9, 1}, {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 3, 20},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const uint8_t *const said = (const uint8_t *)wrong[i].plain;
        begin();
        header(DFL_FIXED, true, 10, 0);
        CHECK_EQUAL(17, dfl_predictor_feed(&walk.predictor, said, 17));
        for (uint32_t at = 0; at < 9; at++) {
            CHECK(dfl_decide_symbol(&walk, dfl_literal(said[at])) != UINT32_MAX);
        }
        const uint32_t match = dfl_match(wrong[i].length, wrong[i].distance);
        CHECK_EQUAL(UINT32_MAX, dfl_decide_symbol(&walk, match));
        (void)dfl_decide_padding(&walk, 0);
        CHECK_EQUAL(SIZE_MAX, made_of(said, 17));
    }
}

/* Codes that leave a symbol without any, and lengths that are sent with no code for them. */
static void check_codes_that_are_none(void) {
    for (uint32_t wrong = 0; wrong < 5; wrong++) {
        struct dfl_block *const block = &walk.block;
        begin();
        header(DFL_DYNAMIC, true, 1, 0);
        (void)dfl_predictor_feed(&walk.predictor, (const uint8_t *)"a", 1);
        CHECK(dfl_decide_symbol(&walk, dfl_literal('a')) != UINT32_MAX);
        block->count = 0;
        CHECK(dfl_block_add(block, dfl_literal('a')));
        uint16_t literals[DFL_LITERALS] = {0}, distances[DFL_DISTANCES] = {0};
        literals[wrong == 1 ? 'b' : 'a'] = literals[DFL_END_OF_BLOCK] = 1;
        dfl_build_codes(&block->codes, literals, distances, DFL_AS_ZLIB);
        block->codes.literal.size = wrong == 4 ? DFL_FIXED_LITERALS : block->codes.literal.size;
        dfl_send_lengths(&block->sent, &block->codes, DFL_AS_ZLIB);
        dfl_build_length_code(&block->sent, DFL_AS_ZLIB);
        if (wrong == 2) {
            memset(block->sent.code.lengths, 0, sizeof block->sent.code.lengths);
            block->sent.order_size = 4;
        }
        if (wrong == 3) {
            CHECK_EQUAL(DFL_REPEAT_ZERO_LONG, block->sent.symbols[0]);
            block->sent.repeats[0] = 127; /* zeros beyond the last of them */
        }
        CHECK_EQUAL(wrong == 0, dfl_decide_codes(&walk.coder, &walk.chances.codes, block));
        (void)dfl_decide_padding(&walk, 0);
        const size_t made = made_of((const uint8_t *)"a", 1);
        CHECK_EQUAL(wrong == 0, made != SIZE_MAX);
        free(block->symbols);
        block->symbols = NULL;
        block->capacity = 0;
    }
}

int main(void) {
    check_strangers();
    check_matches_that_are_none();
    check_codes_that_are_none();
    check_streams();
    check_damage();
    return 0;
}
