/*
 * code_corrections.h - the codes of a block, and where they are not those that were to be expected
 */
#ifndef DFL_CODE_CORRECTIONS_H
#define DFL_CODE_CORRECTIONS_H

#include "block_reader.h"
#include "chance_coder.h"

struct dfl_code_chances {
    struct dfl_chance as_miniz[2]; /* codes, and how their lengths are sent */
    struct dfl_chance codes_right;
    struct dfl_chance literal_size[1 << 5], distance_size[1 << 5];
    struct dfl_chance length_right[DFL_CODE_MAX_LENGTH + 1];
    struct dfl_chance length[DFL_CODE_MAX_LENGTH + 1][1 << 4];
    struct dfl_chance sent_right;
    struct dfl_chance repeats[2][16];
    struct dfl_chance longest[2];
    struct dfl_chance run[1 << 8];
    struct dfl_chance as_before; /* zeros, by a repetition of the one before */
    struct dfl_chance length_code_right;
    struct dfl_chance length_code[1 << 3];
    struct dfl_chance order_right;
    struct dfl_chance order_size[1 << 4];
};

/*
 * dfl_decide_codes() walks over the codes of a dynamic block, whose symbols are known: where
 * 'coder' writes, 'codes' and 'sent' of the block as well, where it reads, they are found. Returns
 * false when what was read makes no sense.
 */
bool dfl_decide_codes(struct dfl_coder *coder, struct dfl_code_chances *chances,
                      struct dfl_block *block);

#endif
