/*
 * engine.c - upstream xdelta3 on memory buffers
 *
 * Upstream is a state machine that asks for input, hands out output and stops at
 * each window's header. The source is one block that is larger than the source, so
 * that upstream never asks for another one. At each window's header, before
 * anything is allocated for the window, what it claims is held against what there
 * is; and every allocation is counted against a budget.
 */
#include "engine.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "xdelta3.h"

static_assert(sizeof(usize_t) == sizeof(size_t), "buffers are passed as they are");

enum { HEADER_MIN_SIZE = 5 }; /* magic, version, Hdr_Indicator */

/* Large enough for every window of upstream's own and for FGK's and DJW's tables. */
static const size_t budget_base = (size_t)4 << 20;
static const size_t budget_per_target_byte = 8;

/* Slots of the source's index: 1 GiB, at 8 bytes. Larger sources are indexed more coarsely. */
static const size_t index_max_slots = (size_t)1 << 27;

struct budget {
    size_t limit; /* 0: none */
    size_t used;
    bool exceeded;
};

struct xd3_engine {
    xd3_stream stream;
    xd3_source source;
    struct budget budget;
    const uint8_t *input; /* what upstream has not been given yet */
    size_t input_size;
    size_t delta_size;    /* decoder */
    size_t source_size;   /* decoder */
    uint64_t target_left; /* decoder: what 'max_size' still allows */
    bool decoding;
    bool in_window; /* decoder: a window's header has been read */
    bool fed;
    bool done;
    enum xd3_engine_result result;
    const char *message;
};

/* ---- Memory ----------------------------------------------------------------------------- */

/* Before each block stands its size; 16 bytes keep the block aligned for anything. */
enum { BLOCK_HEADER_SIZE = 16 };

static void *allocate(void *opaque, size_t items, usize_t size) {
    struct budget *const budget = opaque;
    /* Upstream rounds sizes up: 0 is what a hostile size of almost 2^64 becomes. */
    if (items == 0 || size == 0 || size > (SIZE_MAX - BLOCK_HEADER_SIZE) / items) {
        budget->exceeded = true;
        return NULL;
    }
    const size_t wanted = items * size;
    if (budget->limit != 0 &&
        (budget->used > budget->limit || wanted > budget->limit - budget->used)) {
        budget->exceeded = true;
        return NULL;
    }
    uint8_t *const block = malloc(wanted + BLOCK_HEADER_SIZE);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &wanted, sizeof wanted);
    budget->used += wanted;
    return block + BLOCK_HEADER_SIZE;
}

static void release(void *opaque, void *address) {
    struct budget *const budget = opaque;
    if (address == NULL) {
        return;
    }
    uint8_t *const block = (uint8_t *)address - BLOCK_HEADER_SIZE;
    size_t size;
    memcpy(&size, block, sizeof size);
    budget->used -= size;
    free(block);
}

/* ---- Construction ----------------------------------------------------------------------- */

static uint32_t secondary_flag(enum xd3_engine_secondary secondary) {
    switch (secondary) {
    case XD3_ENGINE_DJW:
        return XD3_SEC_DJW;
    case XD3_ENGINE_LZMA:
        return XD3_SEC_LZMA;
    case XD3_ENGINE_FGK:
        return XD3_SEC_FGK;
    case XD3_ENGINE_NONE:
        break;
    }
    return 0;
}

static struct xd3_engine *engine_new(const uint8_t *source, size_t source_size,
                                     const uint8_t *input, size_t input_size, uint32_t flags) {
    static const uint8_t nothing;
    struct xd3_engine *const engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        return NULL;
    }
    engine->message = "";
    engine->input = input == NULL ? &nothing : input;
    engine->input_size = input_size;
    engine->source_size = source_size;

    xd3_config config;
    xd3_init_config(&config, flags);
    config.winsize = XD3_DEFAULT_WINSIZE;
    config.sprevsz = XD3_DEFAULT_SPREVSZ;
    config.iopt_size = XD3_DEFAULT_IOPT_SIZE;
    config.alloc = allocate;
    config.freef = release;
    config.opaque = &engine->budget;
    /* FGK adapts from section to section, but upstream throws a section away that gains too
       little, after the encoder has learnt from it: the reader is then lost. Debian's command
       cannot read its own. So none is thrown away. */
    const int keep_all = (flags & XD3_SEC_FGK) != 0;
    config.sec_data.inefficient = keep_all;
    config.sec_inst.inefficient = keep_all;
    config.sec_addr.inefficient = keep_all;
    if (xd3_config_stream(&engine->stream, &config) != 0) {
        engine->result = XD3_ENGINE_UNSUPPORTED; /* a compressor that was left out */
        engine->message = engine->stream.msg;
        return engine;
    }

    size_t block_size = XD3_ALLOCSIZE;
    while (block_size <= source_size && block_size <= SIZE_MAX / 2) {
        block_size *= 2;
    }
    engine->source.blksize = block_size;
    engine->source.max_winsize = block_size;
    engine->source.onblk = source_size;
    engine->source.curblk = source == NULL ? &nothing : source;
    return engine;
}

static void set_source(struct xd3_engine *engine) {
    if (engine->result == XD3_ENGINE_OK &&
        xd3_set_source_and_size(&engine->stream, &engine->source, engine->source_size) != 0) {
        engine->result = XD3_ENGINE_FAILED;
        engine->message = engine->stream.msg;
    }
}

struct xd3_engine *xd3_engine_encoder_new(const uint8_t *source, size_t source_size,
                                          const uint8_t *target, size_t target_size, int level,
                                          enum xd3_engine_secondary secondary) {
    const uint32_t flags = secondary_flag(secondary) | XD3_ADLER32 | XD3_FLUSH |
                           (uint32_t)level << XD3_COMPLEVEL_SHIFT;
    struct xd3_engine *const engine = engine_new(source, source_size, target, target_size, flags);
    if (engine != NULL && source_size > 0) {
        set_source(engine);
        const size_t coarse = engine->source.max_winsize / index_max_slots;
        if (engine->stream.smatcher.large_step < coarse) {
            engine->stream.smatcher.large_step = coarse;
        }
    }
    return engine;
}

struct xd3_engine *xd3_engine_decoder_new(const uint8_t *source, size_t source_size,
                                          const uint8_t *delta, size_t delta_size,
                                          uint64_t max_size) {
    struct xd3_engine *const engine = engine_new(source, source_size, delta, delta_size, 0);
    if (engine != NULL) {
        set_source(engine);
        engine->decoding = true;
        engine->delta_size = delta_size;
        engine->target_left = max_size;
        engine->budget.limit =
            delta_size < SIZE_MAX - budget_base ? delta_size + budget_base : SIZE_MAX;
    }
    return engine;
}

void xd3_engine_free(struct xd3_engine *engine) {
    if (engine != NULL) {
        xd3_free_stream(&engine->stream);
        free(engine);
    }
}

/* ---- Work ------------------------------------------------------------------------------- */

static enum xd3_engine_result fail(struct xd3_engine *engine, enum xd3_engine_result result,
                                   const char *message) {
    engine->result = result;
    engine->message = message;
    return result;
}

/* What upstream's return value means. It has one code for all that is wrong with a delta, so
   its messages tell the rest; the version is pinned, and test_xdelta3_engine.py holds each. */
static enum xd3_engine_result verdict(struct xd3_engine *engine, int returned) {
    static const struct {
        const char *message;
        enum xd3_engine_result result;
    } known[] = {
        {"target window checksum mismatch", XD3_ENGINE_WRONG_SOURCE},
        {"hard window size exceeded", XD3_ENGINE_UNSUPPORTED},
        {"unknown secondary compressor ID", XD3_ENGINE_UNSUPPORTED},
        {"unavailable secondary compressor: LZMA", XD3_ENGINE_UNSUPPORTED},
        {"VCDIFF input version > 0 is not supported", XD3_ENGINE_UNSUPPORTED},
    };
    const char *const message =
        engine->stream.msg != NULL ? engine->stream.msg : "unknown error of xdelta3";
    if (engine->budget.exceeded) {
        return fail(engine, XD3_ENGINE_MALFORMED, "sections far larger than their window");
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(message, known[i].message) == 0) {
            return fail(engine, known[i].result, message);
        }
    }
    if (returned == XD3_UNIMPLEMENTED) {
        return fail(engine, XD3_ENGINE_UNSUPPORTED, message);
    }
    if (returned == ENOMEM && strcmp(message, "out of memory") == 0) {
        return fail(engine, XD3_ENGINE_NO_MEMORY, message);
    }
    return fail(engine, engine->decoding ? XD3_ENGINE_MALFORMED : XD3_ENGINE_FAILED, message);
}

/* Holds a window's header against what there is. */
static enum xd3_engine_result check_window(struct xd3_engine *engine) {
    const xd3_stream *const stream = &engine->stream;
    engine->in_window = true;
    if ((stream->dec_win_ind & 1) != 0 && /* VCD_SOURCE */
        (stream->dec_cpyoff > engine->source_size ||
         stream->dec_cpylen > engine->source_size - stream->dec_cpyoff)) {
        return fail(engine, XD3_ENGINE_WRONG_SOURCE, "segment outside the source");
    }
    size_t left = stream->avail_in;
    const size_t sections[] = {stream->data_sect.size, stream->inst_sect.size,
                               stream->addr_sect.size};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (sections[i] > left) {
            return fail(engine, XD3_ENGINE_MALFORMED, "sections past the end of the delta");
        }
        left -= sections[i];
    }
    if (stream->dec_tgtlen > engine->target_left) {
        return fail(engine, XD3_ENGINE_TOO_LARGE, "target larger than allowed");
    }
    engine->target_left -= stream->dec_tgtlen;
    /* Buffers live on from window to window: the budget only grows. */
    const size_t base = engine->delta_size + budget_base;
    const size_t limit = base + (size_t)stream->dec_tgtlen * budget_per_target_byte;
    if (engine->budget.limit < limit) {
        engine->budget.limit = limit;
    }
    return XD3_ENGINE_OK;
}

/* Upstream has used up its input. Returns false when there is no more. */
static bool feed(struct xd3_engine *engine) {
    if (engine->fed && engine->input_size == 0) {
        return false;
    }
    size_t size = engine->input_size;
    if (!engine->decoding && size > engine->stream.winsize) {
        size = engine->stream.winsize;
    }
    xd3_avail_input(&engine->stream, engine->input, size);
    engine->input += size;
    engine->input_size -= size;
    engine->fed = true;
    return true;
}

static enum xd3_engine_result finish(struct xd3_engine *engine) {
    engine->done = true;
    if (engine->decoding && engine->delta_size < HEADER_MIN_SIZE) {
        return fail(engine, XD3_ENGINE_MALFORMED, "a delta of at least 5 bytes expected");
    }
    if (xd3_close_stream(&engine->stream) != 0) {
        return fail(engine, engine->decoding ? XD3_ENGINE_MALFORMED : XD3_ENGINE_FAILED,
                    engine->stream.msg);
    }
    return XD3_ENGINE_OK;
}

enum xd3_engine_result xd3_engine_next(struct xd3_engine *engine, const uint8_t **piece_out,
                                       size_t *size_out) {
    xd3_stream *const stream = &engine->stream;
    *piece_out = NULL;
    *size_out = 0;
    if (engine->result == XD3_ENGINE_OK && !engine->done) {
        xd3_consume_output(stream); /* the piece of the last call */
    }
    while (engine->result == XD3_ENGINE_OK && !engine->done) {
        const int returned = engine->decoding ? xd3_decode_input(stream) : xd3_encode_input(stream);
        switch (returned) {
        case XD3_INPUT:
            if (!feed(engine)) {
                finish(engine);
            }
            break;
        case XD3_OUTPUT:
            if (stream->avail_out > 0) {
                *piece_out = stream->next_out;
                *size_out = stream->avail_out;
                return XD3_ENGINE_OK;
            }
            break;
        case XD3_GOTHEADER:
        case XD3_WINSTART:
            if (engine->decoding) {
                check_window(engine);
            }
            break;
        case XD3_WINFINISH:
            break;
        case XD3_GETSRCBLK: /* cannot be: the one block holds all */
        case 0:
            fail(engine, XD3_ENGINE_FAILED, "xdelta3 asks for what it has");
            break;
        default:
            verdict(engine, returned);
        }
    }
    return engine->result;
}

const char *xd3_engine_message(const struct xd3_engine *engine) {
    return engine->message;
}

int64_t xd3_engine_window(const struct xd3_engine *engine) {
    if (engine->decoding) {
        return engine->in_window ? (int64_t)engine->stream.dec_window_count : -1;
    }
    return (int64_t)engine->stream.current_window;
}

const char *xd3_engine_version(void) {
    return "3.1.1"; /* only the command's source, xdelta3-main.h, says so */
}

const char *xd3_engine_lzma(void) {
#if SECONDARY_LZMA
    return lzma_version_string();
#else
    return NULL;
#endif
}

void xd3_engine_prepare(void) {
    xd3_stream stream;
    if (xd3_config_stream(&stream, NULL) == 0) {
        stream.code_table_func();
    }
    xd3_free_stream(&stream);
}
