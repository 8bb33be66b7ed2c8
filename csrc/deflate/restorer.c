/*
 * restorer.c - from plain bytes and corrections to the stream
 *
 * Plain bytes come in pieces, so one state follows the other, and each waits until what its
 * predictions look at has come. A block is written once its last symbol is known.
 */
#include <stdlib.h>

#include "deflate.h"
#include "stream_corrections.h"

enum {
    /* Deflated bytes, on top of twice the plain ones: no program needs more, and who asks for more
       is a stranger that wants memory. */
    MOST_MORE = 1 << 12,
};

enum state { BETWEEN_BLOCKS, IN_SYMBOLS, IN_STORED, ENDED };

struct dfl_restorer {
    enum state state;
    bool all_come;
    bool failed;
    uint64_t plain_size; /* of the blocks so far */
    uint64_t deflated_size;
    uint32_t stored_left;
    struct dfl_bit_writer out;
    struct dfl_walk walk;
};

/* How many plain bytes may be gone over when so many behind them have to be there. */
static uint32_t ready(const struct dfl_restorer *restorer, uint32_t behind) {
    const uint32_t left = dfl_predictor_left(&restorer->walk.predictor);
    return restorer->all_come ? left : left > behind ? left - behind : 0;
}

static bool write_block(struct dfl_restorer *restorer) {
    struct dfl_block *const block = &restorer->walk.block;
    if (block->kind == DFL_FIXED) {
        dfl_fixed_codes(&block->codes);
    } else {
        dfl_write_lengths(&restorer->out, &block->sent, &block->codes);
    }
    dfl_write_symbols(&restorer->out, block->symbols, block->count, &block->codes);
    return true;
}

/* Behind a block: what comes next. */
static bool end_block(struct dfl_restorer *restorer) {
    struct dfl_walk *const walk = &restorer->walk;
    if (walk->block.last) {
        const uint32_t padding = dfl_decide_padding(walk, 0);
        const uint32_t room = (8 - restorer->out.count) % 8;
        if (padding >> room != 0 || !dfl_reserve(&restorer->out, 8)) {
            return false;
        }
        dfl_write_bits(&restorer->out, padding, room);
    }
    restorer->state = walk->block.last ? ENDED : BETWEEN_BLOCKS;
    return restorer->deflated_size + restorer->out.bytes.size <=
           2 * restorer->plain_size + MOST_MORE;
}

static bool begin_block(struct dfl_restorer *restorer) {
    struct dfl_walk *const walk = &restorer->walk;
    struct dfl_block *const block = &walk->block;
    struct dfl_bit_writer *const out = &restorer->out;
    dfl_decide_header(walk);
    block->count = 0;
    if (walk->coder.failed || !dfl_reserve(out, 16)) {
        return false;
    }
    if (block->kind != DFL_STORED) {
        restorer->state = IN_SYMBOLS;
        return true;
    }
    dfl_write_bits(out, block->kind << 1 | block->last, 3);
    const uint32_t room = (8 - out->count) % 8;
    if (block->padding >> room != 0 || block->stored_size > UINT16_MAX) {
        return false;
    }
    dfl_write_bits(out, block->padding, room);
    dfl_write_bits(out, block->stored_size, 16);
    dfl_write_bits(out, block->stored_size ^ UINT16_MAX, 16);
    restorer->stored_left = block->stored_size;
    restorer->state = IN_STORED;
    return true;
}

/* Both store whether they wait for plain bytes, and return false when something is wrong. */
static bool restore_symbols(struct dfl_restorer *restorer, bool *waits_out) {
    struct dfl_walk *const walk = &restorer->walk;
    struct dfl_block *const block = &walk->block;
    for (; walk->symbols_left > 0; walk->symbols_left--) {
        if (ready(restorer, DFL_PREDICTOR_AHEAD - 1) == 0) {
            *waits_out = !restorer->all_come;
            return *waits_out;
        }
        const uint32_t symbol = dfl_decide_symbol(walk, 0);
        if (symbol == UINT32_MAX || walk->coder.failed) {
            return false;
        }
        restorer->plain_size += dfl_length_of(symbol);
        if (!dfl_block_add(block, symbol)) {
            restorer->out.bytes.failed |= block->count < DFL_MOST_SYMBOLS;
            return false;
        }
    }
    if (block->kind == DFL_DYNAMIC &&
        (!dfl_decide_codes(&walk->coder, &walk->chances.codes, block) || walk->coder.failed)) {
        return false;
    }
    /* No symbol has more than 48 bits. */
    if (!dfl_reserve(&restorer->out, 6 * (size_t)block->count + (1 << 10))) {
        return false;
    }
    dfl_write_bits(&restorer->out, block->kind << 1 | block->last, 3);
    return write_block(restorer) && end_block(restorer);
}

static bool restore_stored(struct dfl_restorer *restorer, bool *waits_out) {
    struct dfl_predictor *const predictor = &restorer->walk.predictor;
    const uint32_t there = ready(restorer, DFL_MIN_MATCH);
    const uint32_t size = (uint32_t)vcd_min(restorer->stored_left, there);
    vcd_buffer_append(&restorer->out.bytes, dfl_predictor_here(predictor), size);
    dfl_predictor_pass(predictor, size);
    restorer->stored_left -= size;
    restorer->plain_size += size;
    if (restorer->stored_left > 0) {
        *waits_out = !restorer->all_come;
        return *waits_out && !restorer->out.bytes.failed;
    }
    return end_block(restorer);
}

/* Goes on until plain bytes are wanting, or the stream has ended. */
static bool restore(struct dfl_restorer *restorer) {
    bool waits = false, right = true;
    while (right && !waits && restorer->state != ENDED) {
        right = restorer->state == BETWEEN_BLOCKS ? begin_block(restorer)
                : restorer->state == IN_SYMBOLS   ? restore_symbols(restorer, &waits)
                                                  : restore_stored(restorer, &waits);
    }
    return right;
}

enum dfl_result dfl_restore(struct dfl_restorer *restorer, const uint8_t *plain, size_t plain_size,
                            bool last, const uint8_t **deflated_out, size_t *deflated_size_out) {
    struct vcd_buffer *const deflated = &restorer->out.bytes;
    struct dfl_walk *const walk = &restorer->walk;
    size_t fed = 0;
    restorer->deflated_size += deflated->size;
    deflated->size = 0;
    do {
        fed += fed < plain_size
                   ? dfl_predictor_feed(&walk->predictor, plain + fed, plain_size - fed)
                   : 0;
        restorer->all_come = last && fed == plain_size;
        restorer->failed = restorer->failed || !restore(restorer) ||
                           (restorer->state == ENDED && dfl_predictor_left(&walk->predictor) > 0);
    } while (!restorer->failed && fed < plain_size);
    if (last && !restorer->failed) {
        restorer->failed = !dfl_coder_is_read(&walk->coder);
    }
    if (deflated->failed) {
        return DFL_NO_MEMORY;
    }
    *deflated_out = deflated->bytes;
    *deflated_size_out = deflated->size;
    return restorer->failed ? DFL_MALFORMED : DFL_OK;
}

struct dfl_restorer *dfl_restorer_new(const uint8_t *corrections, size_t corrections_size) {
    struct dfl_restorer *const restorer = calloc(1, sizeof *restorer);
    if (restorer == NULL || !dfl_reserve(&restorer->out, 0)) {
        free(restorer);
        return NULL;
    }
    const struct dfl_coder coder = dfl_coder_from(corrections, corrections_size);
    restorer->failed =
        !dfl_walk_start(&restorer->walk, &coder, (struct dfl_predictor_rules){0, 0, 0});
    return restorer;
}

void dfl_restorer_free(struct dfl_restorer *restorer) {
    if (restorer != NULL) {
        vcd_buffer_free(&restorer->out.bytes);
        free(restorer->walk.block.symbols);
        free(restorer);
    }
}
