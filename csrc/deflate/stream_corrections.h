/*
 * stream_corrections.h - a deflated stream as mistakes of a prediction
 *
 *   plain    --+-- symbols predicted, mistakes --> symbols --+-- codes expected, mistakes --> block
 *   mistakes --+                                             |
 *              +-- where blocks end, what kind they are -----+
 *
 * One walk serves both ways, as in chance_coder.h. Whatever is read, symbols stand for the plain
 * bytes that are there, and all of them have codes.
 */
#ifndef DFL_STREAM_CORRECTIONS_H
#define DFL_STREAM_CORRECTIONS_H

#include "code_corrections.h"
#include "symbol_predictor.h"

struct dfl_stream_chances {
    struct dfl_chance last, kind[3][1 << 2];
    struct dfl_chance same_count, count[DFL_LARGE_CHANCES];
    struct dfl_chance same_size, size[DFL_LARGE_CHANCES];
    struct dfl_chance padded, padding[1 << 3];
    struct dfl_chance effort[1 << 3], most[DFL_LARGE_CHANCES];
    struct dfl_chance wrong[4][DFL_REASONS]; /* by whether the two symbols before were */
    struct dfl_chance literal[DFL_REASONS];
    struct dfl_chance other_length[2], lengths[2][1 << 8];
    struct dfl_chance other_place[2], far, numbers[DFL_LARGE_CHANCES];
    struct dfl_chance distances[DFL_LARGE_CHANCES];
    struct dfl_code_chances codes;
};

struct dfl_walk {
    struct dfl_coder coder;
    struct dfl_block block;
    uint32_t symbols_left; /* of the block that is being read */
    uint32_t mistakes;     /* of the last symbols, one bit each */
    uint32_t kind_before, count_before, size_before;
    struct dfl_stream_chances chances;
    struct dfl_predictor predictor;
};

/* Starts a walk, whose 'block' keeps its memory. When 'coder' reads, 'rules' are what it reads. */
bool dfl_walk_start(struct dfl_walk *walk, const struct dfl_coder *coder,
                    struct dfl_predictor_rules rules);

/* What a block begins with: for a stored one all but its bytes, else how many symbols it has. */
void dfl_decide_header(struct dfl_walk *walk);

/* The bits behind the last block; returns them. */
uint32_t dfl_decide_padding(struct dfl_walk *walk, uint32_t padding);

/*
 * One symbol, where a prediction is possible: returns which, or UINT32_MAX when there is none like
 * that. The predictor goes on behind it.
 */
uint32_t dfl_decide_symbol(struct dfl_walk *walk, uint32_t symbol);

#endif
