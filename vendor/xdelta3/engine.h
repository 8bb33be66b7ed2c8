/*
 * engine.h - upstream xdelta3 on memory buffers: deltaloft's second engine, and its judge
 *
 * One object encodes one target or decodes one delta. It hands out what it makes
 * piece by piece, so that nobody has to know the size beforehand:
 *
 *   xd3_engine_decoder_new()  or  xd3_engine_encoder_new()
 *   xd3_engine_next() until it hands out an empty piece or fails
 *   xd3_engine_free()
 *
 * Sizes are in bytes. Buffers belong to the caller and must stay unchanged until
 * xd3_engine_free(). An object belongs to one thread at a time.
 */
#ifndef XD3_ENGINE_H
#define XD3_ENGINE_H

#include <stddef.h>
#include <stdint.h>

enum xd3_engine_result {
    XD3_ENGINE_OK = 0,
    XD3_ENGINE_MALFORMED,    /* the delta breaks RFC 3284 or xdelta3's extensions */
    XD3_ENGINE_WRONG_SOURCE, /* a segment lies outside the source, or an Adler-32 differs */
    XD3_ENGINE_UNSUPPORTED,  /* well-formed, but not read by xdelta3, or not by this build of it */
    XD3_ENGINE_TOO_LARGE,    /* the target would exceed 'max_size' */
    XD3_ENGINE_NO_MEMORY,
    XD3_ENGINE_FAILED /* xdelta3 contradicts itself */
};

enum xd3_engine_secondary {
    XD3_ENGINE_NONE = 0,
    XD3_ENGINE_DJW = 1,
    XD3_ENGINE_LZMA = 2,
    XD3_ENGINE_FGK = 16
};

struct xd3_engine;

/*
 * xd3_engine_prepare() builds the tables that upstream would build, unguarded, at
 * first use. Call it once before anything else, while there is one thread.
 */
void xd3_engine_prepare(void);

/* xd3_engine_version() is upstream's version, as its command would print it. */
const char *xd3_engine_version(void);

/* xd3_engine_lzma() says which liblzma reads and writes LZMA sections; NULL: none was built in. */
const char *xd3_engine_lzma(void);

/*
 * xd3_engine_encoder_new() prepares to encode 'target' against 'source', of which
 * every byte can be copied, whatever its size; size 0: the target is compressed
 * against itself. 'level' is 1 to 9, as in `xdelta3 -9`; windows and
 * Adler-32 are those of the command, too. Memory: up to 8 times the source's size,
 * at most 1 GiB, for its index, and what LZMA takes. NULL means no memory.
 */
struct xd3_engine *xd3_engine_encoder_new(const uint8_t *source, size_t source_size,
                                          const uint8_t *target, size_t target_size, int level,
                                          enum xd3_engine_secondary secondary);

/*
 * xd3_engine_decoder_new() prepares to rebuild the target that 'delta' describes
 * from 'source'. 'delta' may be hostile: no window is started that would carry the
 * target past 'max_size', and no more is allocated at a time than 8 times the
 * current window (at most 64 MiB, upstream's limit) and the delta's size, plus 4 MiB;
 * LZMA has up to 384 MiB of its own. But what reads it is foreign C: see README.md.
 * NULL means no memory.
 */
struct xd3_engine *xd3_engine_decoder_new(const uint8_t *source, size_t source_size,
                                          const uint8_t *delta, size_t delta_size,
                                          uint64_t max_size);

/*
 * xd3_engine_next() makes the next piece of the delta or target and stores where
 * it is in '*piece_out', valid until the next call, and its size in '*size_out';
 * size 0 means that there is no more. Returns XD3_ENGINE_OK, or the reason,
 * then and for every later call; xd3_engine_message() has the words.
 */
enum xd3_engine_result xd3_engine_next(struct xd3_engine *engine, const uint8_t **piece_out,
                                       size_t *size_out);

/* The words for the last result, never NULL; and the window, from 0, or -1: the header. */
const char *xd3_engine_message(const struct xd3_engine *engine);
int64_t xd3_engine_window(const struct xd3_engine *engine);

/* xd3_engine_free() takes NULL as well. */
void xd3_engine_free(struct xd3_engine *engine);

#endif
