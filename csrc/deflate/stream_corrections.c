/*
 * stream_corrections.c - symbol by symbol: right, or what instead
 */
#include "stream_corrections.h"

#include <assert.h>

bool dfl_walk_start(struct dfl_walk *walk, const struct dfl_coder *coder,
                    struct dfl_predictor_rules rules) {
    struct dfl_stream_chances *const chances = &walk->chances;
    walk->coder = *coder;
    walk->mistakes = 0;
    walk->kind_before = DFL_DYNAMIC;
    walk->count_before = walk->size_before = 0;
    dfl_forget_chances((struct dfl_chance *)chances, sizeof *chances / sizeof(struct dfl_chance));
    rules.effort = dfl_decide_number(&walk->coder, chances->effort, 3, rules.effort);
    rules.max_distance = dfl_decide_large(&walk->coder, chances->most, rules.max_distance + 1) - 1;
    rules.far_for_three =
        dfl_decide_large(&walk->coder, chances->most, rules.far_for_three + 1) - 1;
    static_assert(DFL_PREDICTORS == 1 << 3, "an effort is what three bits say");
    if (rules.max_distance > DFL_WINDOW_SIZE) {
        return false;
    }
    dfl_predictor_start(&walk->predictor, &rules);
    return true;
}

uint32_t dfl_decide_padding(struct dfl_walk *walk, uint32_t padding) {
    if (!dfl_decide(&walk->coder, &walk->chances.padded, padding != 0)) {
        return 0;
    }
    return dfl_decide_number(&walk->coder, walk->chances.padding, 3, padding >> 4) << 4 |
           dfl_decide_number(&walk->coder, walk->chances.padding, 3, padding >> 1 & 7) << 1 |
           dfl_decide_number(&walk->coder, walk->chances.padding, 1, padding & 1);
}

/* A number that is often the one before. */
static uint32_t decide_again(struct dfl_coder *coder, struct dfl_chance *same,
                             struct dfl_chance *numbers, uint32_t number, uint32_t before) {
    return dfl_decide(coder, same, number != before)
               ? dfl_decide_large(coder, numbers, number + 1) - 1
               : before;
}

void dfl_decide_header(struct dfl_walk *walk) {
    struct dfl_stream_chances *const chances = &walk->chances;
    struct dfl_coder *const coder = &walk->coder;
    struct dfl_block *const block = &walk->block;
    block->last = dfl_decide(coder, &chances->last, block->last);
    block->kind = dfl_decide_number(coder, chances->kind[walk->kind_before], 2, block->kind);
    if (block->kind > DFL_DYNAMIC) {
        coder->failed = true;
        block->kind = DFL_STORED;
    }
    walk->kind_before = block->kind;
    if (block->kind == DFL_STORED) {
        block->padding = dfl_decide_padding(walk, block->padding);
        block->stored_size = decide_again(coder, &chances->same_size, chances->size,
                                          block->stored_size, walk->size_before);
        walk->size_before = block->stored_size;
    } else {
        walk->symbols_left = decide_again(coder, &chances->same_count, chances->count, block->count,
                                          walk->count_before);
        walk->count_before = walk->symbols_left;
    }
}

/* Where a match of that length is; returns the distance, or 0 when there is none. */
static uint32_t decide_place(struct dfl_walk *walk, uint32_t length, uint32_t distance,
                             bool as_taken) {
    struct dfl_stream_chances *const chances = &walk->chances;
    struct dfl_coder *const coder = &walk->coder;
    const struct dfl_predictor *const predictor = &walk->predictor;
    uint32_t number = coder->writing ? dfl_number_of(predictor, length, distance) : 0;
    if (!dfl_decide(coder, &chances->other_place[as_taken], number != 1)) {
        return dfl_distance_of(predictor, length, 1);
    }
    if (dfl_decide(coder, &chances->far, number == 0)) {
        distance = dfl_decide_large(coder, chances->distances, distance);
        return dfl_is_match(predictor, length, distance) ? distance : 0;
    }
    number = dfl_decide_large(coder, chances->numbers, number - 1);
    return number < DFL_MOST_HOPS ? dfl_distance_of(predictor, length, number + 1) : 0;
}

/* What stands there instead of what was predicted: its length, 1 for a literal, and distance. */
static struct dfl_found decide_other(struct dfl_walk *walk, const struct dfl_prediction *prediction,
                                     uint32_t length, uint32_t distance) {
    struct dfl_stream_chances *const chances = &walk->chances;
    struct dfl_coder *const coder = &walk->coder;
    const struct dfl_found found = prediction->found;
    const bool matches = prediction->taken.length > 0;
    if (matches && dfl_decide(coder, &chances->literal[prediction->reason], distance == 0)) {
        return (struct dfl_found){1, 0};
    }
    if (found.length > 0 &&
        !dfl_decide(coder, &chances->other_length[matches], length != found.length)) {
        length = found.length;
    } else {
        length = DFL_MIN_MATCH +
                 dfl_decide_number(coder, chances->lengths[matches], 8, length - DFL_MIN_MATCH);
    }
    const bool as_taken = matches && length == found.length;
    return (struct dfl_found){length, decide_place(walk, length, distance, as_taken)};
}

uint32_t dfl_decide_symbol(struct dfl_walk *walk, uint32_t symbol) {
    struct dfl_predictor *const predictor = &walk->predictor;
    const struct dfl_prediction prediction = dfl_predict(predictor);
    const struct dfl_found taken = prediction.taken;
    const uint32_t literal = dfl_literal(*dfl_predictor_here(predictor));
    const uint32_t likely = taken.length > 0 ? dfl_match(taken.length, taken.distance) : literal;
    struct dfl_chance *const wrong = &walk->chances.wrong[walk->mistakes & 3][prediction.reason];
    const bool mistaken = dfl_decide(&walk->coder, wrong, symbol != likely);
    walk->mistakes = walk->mistakes << 1 | mistaken;
    if (!mistaken) {
        dfl_predictor_take(predictor, taken.length > 0 ? taken.length : 1);
        return likely;
    }
    const struct dfl_found other =
        decide_other(walk, &prediction, dfl_length_of(symbol), dfl_distance_in(symbol));
    if (other.length > 1 && other.distance == 0) {
        return UINT32_MAX;
    }
    dfl_predictor_take(predictor, other.length);
    return other.distance > 0 ? dfl_match(other.length, other.distance) : literal;
}
