/*
 * deflate_guess.c - which program, at which level, deflated a stream
 *
 * By trying: the likely ones first, each for as long as its bytes are those of the stream. A wrong
 * one is nearly always found out in its first block, after 100 KiB or so; the right one goes on, to
 * the end if the caller wants it proven.
 */
#include "common.h"
#include "deflate.h"

enum {
    PIECE = 1 << 14,
};

/* In the order of how common they are: Python and Java; sdists; Node; tar, gzip, Rust; wheels of
   maturin and of Windows; the rest. */
static const struct dfl_parameters candidates[] = {
    {DFL_ZLIB, 6, 8, 0},
    {DFL_ZLIB, 9, 8, 0},
    {DFL_CHROMIUM, 9, 8, 0},
    {DFL_CHROMIUM, 6, 8, 0},
    {DFL_GZIP, 6, 9, 0},
    {DFL_MINIZ, 6, 8, 0},
    {DFL_GZIP, 9, 9, 0},
    {DFL_MINIZ, 9, 8, 0},
    {DFL_ZLIB_NG, 6, 8, DFL_FLATE2_PIECES_FLUSHED},
    {DFL_ZLIB_NG, 6, 8, DFL_PYTHON},
    {DFL_ZLIB_NG_FULL, 6, 8, DFL_PYTHON},
    {DFL_ZLIB_NG, 6, 8, DFL_FLATE2_FLUSHED},
    {DFL_ZLIB_NG_FULL, 6, 8, DFL_FLATE2_PIECES_FLUSHED},
    {DFL_ZLIB_NG_FULL, 6, 8, DFL_FLATE2_FLUSHED},
    {DFL_ZLIB, 5, 8, 0},
    {DFL_ZLIB, 4, 8, 0},
    {DFL_ZLIB, 7, 8, 0},
    {DFL_ZLIB, 8, 8, 0},
    {DFL_ZLIB, 3, 8, 0},
    {DFL_ZLIB, 2, 8, 0},
    {DFL_ZLIB, 1, 8, 0},
    {DFL_ZLIB, 9, 9, 0},
    {DFL_ZLIB, 6, 9, 0},
    {DFL_ZLIB, 1, 9, 0},
    {DFL_ZLIB, 2, 9, 0},
    {DFL_ZLIB, 3, 9, 0},
    {DFL_ZLIB, 4, 9, 0},
    {DFL_ZLIB, 5, 9, 0},
    {DFL_ZLIB, 7, 9, 0},
    {DFL_ZLIB, 8, 9, 0},
    {DFL_GZIP, 1, 9, 0},
    {DFL_GZIP, 2, 9, 0},
    {DFL_GZIP, 3, 9, 0},
    {DFL_GZIP, 4, 9, 0},
    {DFL_GZIP, 5, 9, 0},
    {DFL_GZIP, 7, 9, 0},
    {DFL_GZIP, 8, 9, 0},
    {DFL_CHROMIUM, 1, 8, 0},
    {DFL_CHROMIUM, 2, 8, 0},
    {DFL_CHROMIUM, 3, 8, 0},
    {DFL_CHROMIUM, 4, 8, 0},
    {DFL_CHROMIUM, 5, 8, 0},
    {DFL_CHROMIUM, 7, 8, 0},
    {DFL_CHROMIUM, 8, 8, 0},
    {DFL_CHROMIUM, 1, 9, 0},
    {DFL_CHROMIUM, 2, 9, 0},
    {DFL_CHROMIUM, 3, 9, 0},
    {DFL_CHROMIUM, 4, 9, 0},
    {DFL_CHROMIUM, 5, 9, 0},
    {DFL_CHROMIUM, 6, 9, 0},
    {DFL_CHROMIUM, 7, 9, 0},
    {DFL_CHROMIUM, 8, 9, 0},
    {DFL_CHROMIUM, 9, 9, 0},
    {DFL_MINIZ, 2, 8, 0},
    {DFL_MINIZ, 3, 8, 0},
    {DFL_MINIZ, 4, 8, 0},
    {DFL_MINIZ, 5, 8, 0},
    {DFL_MINIZ, 7, 8, 0},
    {DFL_MINIZ, 8, 8, 0},
    {DFL_ZLIB_NG, 6, 8, DFL_PYTHON_PIECES},
    {DFL_ZLIB_NG, 6, 8, DFL_FLATE2},
    {DFL_ZLIB_NG, 6, 8, DFL_PYTHON_ZLIB_NG},
    {DFL_ZLIB_NG_FULL, 6, 8, DFL_PYTHON_PIECES},
    {DFL_ZLIB_NG_FULL, 6, 8, DFL_FLATE2},
    {DFL_ZLIB_NG_FULL, 6, 8, DFL_PYTHON_ZLIB_NG},
};

/* Deflates for as long as the bytes are those of the stream; 'enough' of them, where that is less.
 */
static enum dfl_result agrees(const struct dfl_parameters *parameters, const uint8_t *plain,
                              size_t plain_size, const uint8_t *deflated, size_t deflated_size,
                              size_t enough, bool *agrees_out) {
    struct dfl_deflater *const deflater = dfl_deflater_new(parameters);
    enum dfl_result result = deflater == NULL ? DFL_NO_MEMORY : DFL_OK;
    size_t read = 0, compared = 0;
    bool same = true, last = false;
    while (result == DFL_OK && same && !last && (compared < enough || enough >= deflated_size)) {
        const uint8_t *made = NULL;
        size_t made_size = 0;
        const size_t size = vcd_min(plain_size - read, PIECE);
        last = read + size == plain_size;
        result =
            dfl_deflate(deflater, size > 0 ? plain + read : NULL, size, last, &made, &made_size);
        read += size;
        same = made_size <= deflated_size - compared &&
               (made_size == 0 || memcmp(made, deflated + compared, made_size) == 0);
        compared += same ? made_size : 0;
    }
    *agrees_out = same && (!last || compared == deflated_size);
    dfl_deflater_free(deflater);
    return result;
}

enum dfl_result dfl_guess(const uint8_t *plain, size_t plain_size, const uint8_t *deflated,
                          size_t deflated_size, size_t enough,
                          struct dfl_parameters *parameters_out) {
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        bool same = false;
        const enum dfl_result result =
            agrees(&candidates[i], plain, plain_size, deflated, deflated_size, enough, &same);
        if (result != DFL_OK) {
            return result;
        }
        if (same) {
            *parameters_out = candidates[i];
            return DFL_OK;
        }
    }
    return DFL_MALFORMED;
}
