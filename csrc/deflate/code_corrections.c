/*
 * code_corrections.c - codes as differences to those that zlib or miniz would have
 *
 * Symbols have frequencies, from which codes follow, and how their lengths are sent, and the code
 * for that. Each of the three is right with one decision. Where it is not, it is gone through:
 *
 *   codes     sizes; of each length, whether it is the expected one, else which
 *   sent      of each place, whether a run is sent there, of how many, and by which symbol
 *   its code  all nineteen lengths; how many of them are sent
 */
#include "code_corrections.h"

enum { LONGEST_ZEROS = 138, SHORT_ZEROS = 10, LONGEST_RUN = 6 };

static const uint8_t code_length_order[DFL_CODE_LENGTHS] = DFL_CODE_LENGTH_ORDER;

/* ---- What is expected ------------------------------------------------------------------- */

/* The builders take fewer than 65536 symbols: of more, frequencies are halved, but none to 0. */
static void scale(uint16_t *scaled, const uint32_t *counts, uint32_t size, uint32_t total) {
    uint32_t shift = 0;
    while (((uint64_t)total >> shift) + size > UINT16_MAX) {
        shift++;
    }
    for (uint32_t symbol = 0; symbol < size; symbol++) {
        const uint32_t count = counts[symbol] >> shift;
        scaled[symbol] = (uint16_t)(count == 0 && counts[symbol] > 0 ? 1 : count);
    }
}

struct frequencies {
    uint16_t literals[DFL_LITERALS];
    uint16_t distances[DFL_DISTANCES];
};

static void count_symbols(const struct dfl_block *block, struct frequencies *frequencies) {
    uint32_t literals[DFL_LITERALS] = {0}, distances[DFL_DISTANCES + 1] = {0};
    literals[DFL_END_OF_BLOCK] = 1;
    for (uint32_t i = 0; i < block->count; i++) {
        const uint32_t symbol = block->symbols[i], value = symbol & 255;
        literals[dfl_is_match_symbol(symbol) ? dfl_length_symbol(value) : value]++;
        distances[symbol >> 9 & 31]++;
    }
    scale(frequencies->literals, literals, DFL_LITERALS, block->count + 1);
    scale(frequencies->distances, distances, DFL_DISTANCES, block->count);
}

static bool same_lengths(const struct dfl_huffman_code *a, const struct dfl_huffman_code *b) {
    return a->size == b->size && memcmp(a->lengths, b->lengths, a->size) == 0;
}

static bool same_codes(const struct dfl_codes *a, const struct dfl_codes *b) {
    return same_lengths(&a->literal, &b->literal) && same_lengths(&a->distance, &b->distance);
}

static bool same_sent(const struct dfl_sent_lengths *a, const struct dfl_sent_lengths *b) {
    return a->size == b->size && memcmp(a->symbols, b->symbols, a->size) == 0 &&
           memcmp(a->repeats, b->repeats, a->size) == 0;
}

/* ---- Codes ------------------------------------------------------------------------------ */

static void decide_lengths(struct dfl_coder *coder, struct dfl_code_chances *chances,
                           struct dfl_huffman_code *code, const struct dfl_huffman_code *expected) {
    for (uint32_t symbol = 0; symbol < code->size; symbol++) {
        const uint32_t likely = symbol < expected->size ? expected->lengths[symbol] : 0;
        if (!dfl_decide(coder, &chances->length_right[likely], code->lengths[symbol] != likely)) {
            code->lengths[symbol] = (uint8_t)likely;
        } else {
            code->lengths[symbol] = (uint8_t)dfl_decide_number(coder, chances->length[likely], 4,
                                                               code->lengths[symbol]);
        }
    }
}

static void decide_both(struct dfl_coder *coder, struct dfl_code_chances *chances,
                        struct dfl_block *block, const struct frequencies *frequencies) {
    struct dfl_codes as_zlib, as_miniz;
    struct dfl_codes *const codes = &block->codes;
    dfl_build_codes(&as_zlib, frequencies->literals, frequencies->distances, DFL_AS_ZLIB);
    dfl_build_codes(&as_miniz, frequencies->literals, frequencies->distances, DFL_AS_MINIZ);
    const bool miniz =
        dfl_decide(coder, &chances->as_miniz[0], coder->writing && !same_codes(codes, &as_zlib));
    const struct dfl_codes *const expected = miniz ? &as_miniz : &as_zlib;
    if (!dfl_decide(coder, &chances->codes_right, coder->writing && !same_codes(codes, expected))) {
        *codes = *expected;
        return;
    }
    if (!coder->writing) {
        memset(codes, 0, sizeof *codes);
    }
    codes->literal.size =
        257 + dfl_decide_number(coder, chances->literal_size, 5, codes->literal.size - 257);
    codes->distance.size =
        1 + dfl_decide_number(coder, chances->distance_size, 5, codes->distance.size - 1);
    decide_lengths(coder, chances, &codes->literal, &expected->literal);
    decide_lengths(coder, chances, &codes->distance, &expected->distance);
}

/* Whether every symbol of a block has a code. */
static bool are_codes_for(const struct dfl_codes *codes, const struct frequencies *frequencies) {
    if (codes->literal.size > DFL_LITERALS || codes->distance.size > DFL_DISTANCES) {
        return false;
    }
    bool all = true;
    for (uint32_t symbol = 0; symbol < DFL_LITERALS; symbol++) {
        all &= frequencies->literals[symbol] == 0 || codes->literal.lengths[symbol] > 0;
    }
    for (uint32_t symbol = 0; symbol < DFL_DISTANCES; symbol++) {
        all &= frequencies->distances[symbol] == 0 || codes->distance.lengths[symbol] > 0;
    }
    return all;
}

/* ---- How they were sent ----------------------------------------------------------------- */

static uint32_t run_of(const struct dfl_sent_lengths *sent, uint32_t place) {
    const uint32_t symbol = sent->symbols[place], repeat = sent->repeats[place];
    return symbol < DFL_REPEAT_LENGTH       ? 1
           : symbol == DFL_REPEAT_ZERO_LONG ? 11 + repeat
                                            : 3 + repeat;
}

static void set_run(struct dfl_sent_lengths *sent, uint32_t place, uint32_t length, uint32_t run) {
    const uint32_t symbol = run == 1             ? length
                            : length > 0         ? DFL_REPEAT_LENGTH
                            : run <= SHORT_ZEROS ? DFL_REPEAT_ZERO
                                                 : DFL_REPEAT_ZERO_LONG;
    sent->symbols[place] = (uint8_t)symbol;
    sent->repeats[place] = (uint8_t)(run == 1 ? 0 : run - (run > SHORT_ZEROS ? 11 : 3));
}

/* Place by place: a run, where there may be one; the longest that there may be, or of how many. */
static bool decide_runs(struct dfl_coder *coder, struct dfl_code_chances *chances,
                        struct dfl_block *block) {
    struct dfl_sent_lengths *const sent = &block->sent;
    const uint32_t literals = block->codes.literal.size;
    const uint32_t count = literals + block->codes.distance.size;
    uint8_t lengths[DFL_LITERALS + DFL_DISTANCES];
    memcpy(lengths, block->codes.literal.lengths, literals);
    memcpy(lengths + literals, block->codes.distance.lengths, count - literals);
    uint32_t place = 0;
    for (uint32_t at = 0; at < count; place++) {
        const uint32_t length = lengths[at], zero = length == 0;
        uint32_t longest = 0;
        if (zero || (at > 0 && lengths[at - 1] == length)) {
            const uint32_t most = zero ? LONGEST_ZEROS : LONGEST_RUN;
            while (longest < most && at + longest < count && lengths[at + longest] == length) {
                longest++;
            }
        }
        uint32_t run = coder->writing ? run_of(sent, place) : 1;
        if (longest >= 3 &&
            dfl_decide(coder, &chances->repeats[zero][vcd_min(longest, 15)], run > 1)) {
            run = dfl_decide(coder, &chances->longest[zero], run != longest)
                      ? dfl_decide_number(coder, chances->run, 8, run)
                      : longest;
        }
        const bool as_before = coder->writing && sent->symbols[place] == DFL_REPEAT_LENGTH;
        if (run == 0 || run == 2 || (run > 1 && run > longest)) {
            return false;
        }
        set_run(sent, place, length, run);
        if (zero && run >= 3 && run <= LONGEST_RUN && at > 0 && lengths[at - 1] == 0 &&
            dfl_decide(coder, &chances->as_before, as_before)) { /* as zopfli does */
            sent->symbols[place] = DFL_REPEAT_LENGTH;
        }
        at += run;
    }
    sent->size = place;
    return true;
}

static bool decide_sent(struct dfl_coder *coder, struct dfl_code_chances *chances,
                        struct dfl_block *block, enum dfl_manner *manner_out) {
    struct dfl_sent_lengths as_zlib, as_miniz;
    struct dfl_sent_lengths *const sent = &block->sent;
    dfl_send_lengths(&as_zlib, &block->codes, DFL_AS_ZLIB);
    dfl_send_lengths(&as_miniz, &block->codes, DFL_AS_MINIZ);
    const bool miniz =
        dfl_decide(coder, &chances->as_miniz[1], coder->writing && !same_sent(sent, &as_zlib));
    const struct dfl_sent_lengths *const expected = miniz ? &as_miniz : &as_zlib;
    *manner_out = miniz ? DFL_AS_MINIZ : DFL_AS_ZLIB;
    if (!dfl_decide(coder, &chances->sent_right, coder->writing && !same_sent(sent, expected))) {
        sent->size = expected->size;
        memcpy(sent->symbols, expected->symbols, expected->size);
        memcpy(sent->repeats, expected->repeats, expected->size);
        return true;
    }
    return decide_runs(coder, chances, block);
}

/* ---- The code for that ------------------------------------------------------------------ */

static void expect_length_code(const struct dfl_sent_lengths *sent, enum dfl_manner manner,
                               struct dfl_sent_lengths *expected) {
    memset(expected->counts, 0, sizeof expected->counts);
    for (uint32_t i = 0; i < sent->size; i++) {
        expected->counts[sent->symbols[i]]++;
    }
    dfl_build_length_code(expected, manner);
}

static bool decide_length_code(struct dfl_coder *coder, struct dfl_code_chances *chances,
                               struct dfl_sent_lengths *sent, enum dfl_manner manner) {
    struct dfl_sent_lengths expected;
    expect_length_code(sent, manner, &expected);
    uint8_t *const lengths = sent->code.lengths;
    const bool differ = memcmp(lengths, expected.code.lengths, DFL_CODE_LENGTHS) != 0;
    if (!dfl_decide(coder, &chances->length_code_right, coder->writing && differ)) {
        memcpy(lengths, expected.code.lengths, sizeof expected.code.lengths);
    } else {
        memset(lengths + DFL_CODE_LENGTHS, 0, sizeof sent->code.lengths - DFL_CODE_LENGTHS);
        for (uint32_t symbol = 0; symbol < DFL_CODE_LENGTHS; symbol++) {
            lengths[symbol] =
                (uint8_t)dfl_decide_number(coder, chances->length_code, 3, lengths[symbol]);
        }
    }
    uint32_t likely = DFL_CODE_LENGTHS;
    while (likely > 4 && lengths[code_length_order[likely - 1]] == 0) {
        likely--;
    }
    if (dfl_decide(coder, &chances->order_right, coder->writing && sent->order_size != likely)) {
        sent->order_size =
            4 + dfl_decide_number(coder, chances->order_size, 4, sent->order_size - 4);
    } else {
        sent->order_size = likely;
    }
    bool all = sent->order_size >= likely && sent->order_size <= DFL_CODE_LENGTHS;
    for (uint32_t i = 0; i < sent->size; i++) {
        all &= lengths[sent->symbols[i]] > 0;
    }
    sent->code.size = DFL_CODE_LENGTHS;
    return all;
}

bool dfl_decide_codes(struct dfl_coder *coder, struct dfl_code_chances *chances,
                      struct dfl_block *block) {
    struct frequencies frequencies;
    enum dfl_manner manner;
    count_symbols(block, &frequencies);
    decide_both(coder, chances, block, &frequencies);
    if (!are_codes_for(&block->codes, &frequencies) ||
        !decide_sent(coder, chances, block, &manner) ||
        !decide_length_code(coder, chances, &block->sent, manner)) {
        return false;
    }
    dfl_huffman_code_assign(&block->codes.literal);
    dfl_huffman_code_assign(&block->codes.distance);
    dfl_huffman_code_assign(&block->sent.code);
    return true;
}
