/*
 * deflater.c - a stream as zlib, GNU gzip or Chromium's zlib would have made it
 *
 * Plain bytes fill the window; each time it is full, symbols are taken of it as if all had come at
 * once. miniz and zlib-ng have rooms of their own.
 */
#include <stdlib.h>

#include "deflate.h"
#include "miniz_deflater.h"
#include "symbol_taker.h"
#include "zlib_ng_deflater.h"

enum { SHORT_CUT_FROM = 32 }; /* steps: with 16, level 4 was slower by a sixth through text */

static const struct dfl_effort efforts[10] = {
    {0, 0, 0, 0, false},        {4, 4, 8, 4, false},     {4, 5, 16, 8, false},
    {4, 6, 32, 32, false},      {4, 4, 16, 16, true},    {8, 16, 32, 32, true},
    {8, 16, 128, 128, true},    {8, 32, 128, 256, true}, {32, 128, 258, 1024, true},
    {32, 258, 258, 4096, true},
};

/* ---- The stream ------------------------------------------------------------------------- */

static void end_stream(struct dfl_deflater *deflater) {
    dfl_take_symbols(deflater);
    if (deflater->reuse != NULL && deflater->reuse->next != deflater->reuse->end) {
        deflater->broken = true;
    }
    if (deflater->broken) {
        return;
    }
    if (deflater->at >= DFL_SLIDE_FROM) {
        dfl_slide(deflater);
    }
    if (deflater->parameters.family == DFL_GZIP) {
        memset(deflater->chains.window + deflater->filled, 0, DFL_MIN_MATCH - 1);
    }
    dfl_take_last_symbols(deflater);
    if (deflater->waiting) {
        (void)dfl_add_literal(&deflater->writer, deflater->chains.window[deflater->at - 1]);
    }
    dfl_end_block(deflater, deflater->at, true);
    deflater->ended = true;
}

static void deflate_by_chains(struct dfl_deflater *deflater, const uint8_t *plain,
                              size_t plain_size, bool last) {
    while (plain_size > 0 && !deflater->broken) {
        const size_t size = vcd_min(plain_size, DFL_WINDOW_ROOM - deflater->filled);
        memcpy(deflater->chains.window + deflater->filled, plain, size);
        deflater->filled += (uint32_t)size;
        plain += size;
        plain_size -= size;
        if (deflater->filled == DFL_WINDOW_ROOM) { /* as if all had come at once */
            dfl_take_symbols(deflater);
            if (!deflater->broken) {
                dfl_slide(deflater);
            }
        }
    }
    if (last && !deflater->ended && !deflater->broken) {
        end_stream(deflater);
    }
}

enum dfl_result dfl_deflate(struct dfl_deflater *deflater, const uint8_t *plain, size_t plain_size,
                            bool last, const uint8_t **deflated_out, size_t *deflated_size_out) {
    struct vcd_buffer *const deflated = &deflater->writer.out.bytes;
    deflated->size = 0;
    if (deflater->zlib_ng != NULL) {
        deflater->failed = !dfl_zlib_ng_deflate(deflater->zlib_ng, plain, plain_size, last);
    } else if (deflater->miniz != NULL) {
        deflater->failed = !dfl_miniz_deflate(deflater->miniz, plain, plain_size, last);
    } else {
        deflate_by_chains(deflater, plain, plain_size, last);
    }
    if (deflater->broken) {
        return DFL_MALFORMED;
    }
    if (deflater->failed || deflated->failed) {
        return DFL_NO_MEMORY;
    }
    *deflated_out = deflated->bytes;
    *deflated_size_out = deflated->size;
    return DFL_OK;
}

bool dfl_parameters_known(const struct dfl_parameters *parameters) {
    const uint8_t level = parameters->level;
    if (parameters->family == DFL_ZLIB_NG || parameters->family == DFL_ZLIB_NG_FULL) {
        return level == 6 && parameters->mem_level == 8 && parameters->caller >= DFL_PYTHON &&
               parameters->caller <= DFL_PYTHON_ZLIB_NG;
    }
    if (parameters->caller != DFL_ANY_CALLER) {
        return false;
    }
    if (parameters->family == DFL_MINIZ) {
        return level >= 2 && level <= 9 && parameters->mem_level == 8;
    }
    return parameters->family <= DFL_CHROMIUM && level >= 1 && level <= 9 &&
           parameters->mem_level >= (parameters->family == DFL_GZIP ? 9 : 8) &&
           parameters->mem_level <= 9;
}

struct dfl_deflater *dfl_deflater_new(const struct dfl_parameters *parameters) {
    struct dfl_deflater *const deflater = calloc(1, sizeof *deflater);
    if (deflater == NULL) {
        return NULL;
    }
    deflater->parameters = *parameters;
    deflater->writer.capacity =
        parameters->mem_level == 9 ? DFL_BLOCK_MAX_SYMBOLS : DFL_BLOCK_MAX_SYMBOLS / 2;
    if (parameters->family == DFL_MINIZ) {
        deflater->miniz = dfl_miniz_deflater_new(parameters->level, &deflater->writer.out);
    } else if (parameters->family > DFL_MINIZ) {
        deflater->zlib_ng = dfl_zlib_ng_deflater_new(parameters, &deflater->writer);
    }
    if (parameters->family >= DFL_MINIZ) {
        if ((deflater->miniz == NULL && deflater->zlib_ng == NULL) ||
            !dfl_reserve(&deflater->writer.out, 0)) {
            dfl_deflater_free(deflater);
            return NULL;
        }
        return deflater;
    }
    deflater->effort = efforts[parameters->level];
    deflater->stop = UINT64_MAX;
    const bool wide = parameters->mem_level == 9;
    deflater->hash = parameters->family == DFL_GZIP   ? DFL_HASH_15
                     : parameters->family == DFL_ZLIB ? (wide ? DFL_HASH_16 : DFL_HASH_15)
                     : wide                           ? DFL_HASH_FOUR_16
                                                      : DFL_HASH_FOUR_15;
    deflater->short_cut = parameters->family != DFL_CHROMIUM &&
                          deflater->effort.steps >= SHORT_CUT_FROM && deflater->effort.lazy;
    deflater->length = DFL_MIN_MATCH - 1;
    deflater->may_end_early = parameters->family == DFL_GZIP && parameters->level > 2;
    if (!dfl_reserve(&deflater->writer.out, 0)) {
        free(deflater);
        return NULL;
    }
    return deflater;
}

bool dfl_parameters_reusable(const struct dfl_parameters *parameters) {
    return dfl_parameters_known(parameters) && parameters->family < DFL_MINIZ &&
           efforts[parameters->level].lazy;
}

enum dfl_result dfl_deflater_reuse(struct dfl_deflater *deflater, const uint8_t *deflated,
                                   size_t deflated_size, const struct dfl_range *ranges,
                                   size_t count) {
    assert(deflater->reuse == NULL && dfl_parameters_reusable(&deflater->parameters));
    if (count == 0) {
        return DFL_OK;
    }
    struct dfl_reuse *const reuse = malloc(sizeof *reuse);
    if (reuse == NULL) {
        return DFL_NO_MEMORY;
    }
    reuse->next = ranges;
    reuse->end = ranges + count;
    reuse->left = 0;
    reuse->symbol = reuse->symbol_end = reuse->symbols;
    dfl_symbol_reader_begin(&reuse->reader, deflated, deflated_size);
    deflater->reuse = reuse;
    deflater->stop = ranges->searched;
    return DFL_OK;
}

void dfl_deflater_free(struct dfl_deflater *deflater) {
    if (deflater != NULL) {
        free(deflater->reuse);
        dfl_miniz_deflater_free(deflater->miniz);
        dfl_zlib_ng_deflater_free(deflater->zlib_ng);
        vcd_buffer_free(&deflater->writer.out.bytes);
        free(deflater);
    }
}
