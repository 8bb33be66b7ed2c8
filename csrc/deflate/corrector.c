/*
 * corrector.c - from a stream and its plain bytes to corrections
 *
 * First the stream is gone through for what its matches have in common. Then its beginning is
 * predicted with each effort, and all of it with the one that needed the fewest bytes.
 */
#include <stdlib.h>

#include "deflate.h"
#include "stream_corrections.h"

enum { SAMPLE = 1 << 15 /* symbols */ };

struct stream {
    const uint8_t *plain, *deflated;
    size_t plain_size, deflated_size;
};

struct corrector {
    struct dfl_block_reader reader;
    struct dfl_walk walk;
    size_t fed; /* of the plain bytes */
};

/* What predictions may count on; fails where the stream cannot be read. */
static enum dfl_result survey(struct corrector *corrector, const struct stream *stream,
                              struct dfl_predictor_rules *rules_out) {
    struct dfl_block *const block = &corrector->walk.block;
    uint32_t padding;
    *rules_out = (struct dfl_predictor_rules){0, 0, 0};
    dfl_block_reader_start(&corrector->reader, stream->deflated, stream->deflated_size);
    do {
        const enum dfl_result result = dfl_read_block(&corrector->reader, block);
        if (result != DFL_OK) {
            return result;
        }
        if (block->kind == DFL_STORED && !dfl_skip_stored(&corrector->reader, block->stored_size)) {
            return DFL_MALFORMED;
        }
        for (uint32_t i = 0; i < block->count; i++) {
            const uint32_t length = dfl_length_of(block->symbols[i]);
            const uint32_t distance = dfl_distance_in(block->symbols[i]);
            if (distance > rules_out->max_distance) {
                rules_out->max_distance = distance;
            }
            if (length == DFL_MIN_MATCH && distance > rules_out->far_for_three) {
                rules_out->far_for_three = distance;
            }
        }
    } while (!block->last);
    return dfl_read_padding(&corrector->reader, &padding) ? DFL_OK : DFL_MALFORMED;
}

/* Makes sure that predictions are possible; returns how many bytes are left. */
static size_t feed(struct corrector *corrector, const struct stream *stream) {
    struct dfl_predictor *const predictor = &corrector->walk.predictor;
    if (dfl_predictor_left(predictor) < DFL_PREDICTOR_AHEAD &&
        corrector->fed < stream->plain_size) {
        corrector->fed += dfl_predictor_feed(predictor, stream->plain + corrector->fed,
                                             stream->plain_size - corrector->fed);
    }
    return dfl_predictor_left(predictor);
}

static bool pass_stored(struct corrector *corrector, const struct stream *stream) {
    struct dfl_block_reader *const reader = &corrector->reader;
    struct dfl_predictor *const predictor = &corrector->walk.predictor;
    uint32_t left = corrector->walk.block.stored_size;
    if (!dfl_skip_stored(reader, left)) {
        return false;
    }
    const uint8_t *const bytes = reader->deflated + reader->at;
    while (left > 0) {
        size_t there = feed(corrector, stream);
        there -= corrector->fed < stream->plain_size ? DFL_MIN_MATCH : 0;
        const uint32_t size = (uint32_t)vcd_min(left, there);
        if (size == 0 || memcmp(bytes - left, dfl_predictor_here(predictor), size) != 0) {
            return false;
        }
        dfl_predictor_pass(predictor, size);
        left -= size;
    }
    return true;
}

static bool decide_symbols(struct corrector *corrector, const struct stream *stream) {
    struct dfl_walk *const walk = &corrector->walk;
    const struct dfl_block *const block = &walk->block;
    for (uint32_t i = 0; i < block->count; i++) {
        const uint32_t symbol = block->symbols[i];
        if (feed(corrector, stream) == 0 || dfl_decide_symbol(walk, symbol) != symbol) {
            return false;
        }
    }
    return true;
}

/* Goes through the stream, or through its first symbols, with these rules. */
static enum dfl_result correct(struct corrector *corrector, const struct stream *stream,
                               const struct dfl_predictor_rules *rules, uint64_t most_symbols,
                               uint8_t *corrections, size_t capacity, size_t *size_out) {
    struct dfl_walk *const walk = &corrector->walk;
    struct dfl_block *const block = &walk->block;
    const struct dfl_coder coder = dfl_coder_into(corrections, capacity);
    uint64_t symbols = 0;
    uint32_t padding = 0;
    (void)dfl_walk_start(walk, &coder, *rules);
    dfl_block_reader_start(&corrector->reader, stream->deflated, stream->deflated_size);
    corrector->fed = 0;
    do {
        const enum dfl_result result = dfl_read_block(&corrector->reader, block);
        if (result != DFL_OK) {
            return result;
        }
        dfl_decide_header(walk);
        if (block->kind == DFL_STORED ? !pass_stored(corrector, stream)
                                      : !decide_symbols(corrector, stream)) {
            return DFL_MALFORMED;
        }
        if (block->kind == DFL_DYNAMIC &&
            !dfl_decide_codes(&walk->coder, &walk->chances.codes, block)) {
            return DFL_MALFORMED;
        }
        symbols += block->count + 1;
    } while (!block->last && symbols < most_symbols && !walk->coder.failed);
    if (block->last) {
        (void)dfl_read_padding(&corrector->reader, &padding);
        (void)dfl_decide_padding(walk, padding);
        if (feed(corrector, stream) > 0) {
            return DFL_MALFORMED;
        }
    }
    dfl_coder_flush(&walk->coder);
    *size_out = (size_t)(walk->coder.out - corrections);
    return walk->coder.failed ? DFL_MALFORMED : DFL_OK;
}

enum dfl_result dfl_correct(const uint8_t *plain, size_t plain_size, const uint8_t *deflated,
                            size_t deflated_size, uint8_t *corrections, size_t capacity,
                            size_t *corrections_size_out) {
    const struct stream stream = {plain, deflated, plain_size, deflated_size};
    struct corrector *const corrector = calloc(1, sizeof *corrector);
    struct dfl_predictor_rules rules;
    if (corrector == NULL) {
        return DFL_NO_MEMORY;
    }
    enum dfl_result result = survey(corrector, &stream, &rules);
    size_t least = SIZE_MAX;
    uint32_t best = 0;
    const uint32_t efforts = rules.max_distance > 0 ? DFL_PREDICTORS : 1;
    for (uint32_t effort = 0; effort < efforts && result == DFL_OK; effort++) {
        size_t size = 0;
        rules.effort = effort;
        result = correct(corrector, &stream, &rules, SAMPLE, corrections, capacity, &size);
        if (result == DFL_OK && size < least) {
            least = size;
            best = effort;
        } else if (result == DFL_MALFORMED && corrector->walk.coder.failed) {
            result = DFL_OK; /* another may have room */
        }
    }
    if (result == DFL_OK) {
        rules.effort = best;
        result = correct(corrector, &stream, &rules, UINT64_MAX, corrections, capacity,
                         corrections_size_out);
    }
    free(corrector->walk.block.symbols);
    free(corrector);
    return result;
}
