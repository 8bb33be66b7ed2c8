/*
 * deflate.h - the C interface of deltaloft's deflate (RFC 1951): the same bytes again
 *
 * Who changes one line of an archive changes every byte of a deflated stream after it. To store
 * the difference of what was deflated, and yet give back the very file, the stream has to be made
 * again from its plain bytes: bit for bit as the program did that made it first.
 *
 *   plain  -- dfl_deflate(), parameters --> the deflated bytes of that program
 *   plain  <------- dfl_inflate() --------  deflated bytes of any program
 *
 * Deflating makes the decisions of five programs, at most of their levels: which matches to take,
 * where a block ends, which codes it has. It needs none of them, and what it gives depends on
 * nothing but the plain bytes and the parameters: not on the machine, not on how the bytes arrive.
 * Raw deflate only: headers and checksums of zlib and gzip are the caller's business.
 *
 * As in vcdiff.h, this is memory only, with no globals, and functions may be called from several
 * threads at once as long as no two calls share an object. Sizes are in bytes.
 */
#ifndef DEFLATE_H
#define DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dfl_result {
    DFL_OK = 0,
    DFL_END,       /* dfl_inflate() only: the stream has ended */
    DFL_MALFORMED, /* the deflated bytes break RFC 1951, or are not what was said of them */
    DFL_NO_MEMORY,
};

/* ---- Deflating -------------------------------------------------------------------------- */

/* Whose decisions are made. These numbers are stored: they stay. */
enum dfl_family {
    DFL_ZLIB = 0,         /* zlib 1.2 and 1.3, which Python, Java and most others link */
    DFL_GZIP = 1,         /* GNU gzip 1.3 and later, without --rsyncable */
    DFL_CHROMIUM = 2,     /* the zlib of Chromium as Node 20 has it, which enters four bytes */
    DFL_MINIZ = 3,        /* miniz_oxide, by which flate2 and so most Rust programs deflate */
    DFL_ZLIB_NG = 4,      /* zlib-ng 2.3, and zlib-rs, which is zlib-ng in Rust */
    DFL_ZLIB_NG_FULL = 5, /* which enters matches in full: that of CPython 3.14 for Windows */
};

/* Who calls zlib-ng, and how: what it makes depends on it. These numbers are stored, too. */
enum dfl_caller {
    DFL_ANY_CALLER = 0,     /* of other families, where it makes no difference */
    DFL_PYTHON = 1,         /* Python's zlib module, linked with zlib-ng, given all at once */
    DFL_PYTHON_PIECES = 2,  /* or in pieces of 8 KiB */
    DFL_FLATE2 = 3,         /* Rust's flate2, given all at once */
    DFL_FLATE2_FLUSHED = 4, /* likewise, and flushed before the stream ends */
    DFL_FLATE2_PIECES_FLUSHED = 5, /* or in pieces of 8 KiB */
    DFL_PYTHON_ZLIB_NG = 6,        /* the Python package zlib-ng, given all at once */
};

struct dfl_parameters {
    uint8_t family;    /* enum dfl_family */
    uint8_t level;     /* 1 to 9; of miniz from 2 on; of zlib-ng 6 */
    uint8_t mem_level; /* 8 or 9: how many symbols a block may hold; GNU gzip has 9, zlib-ng and
                          miniz have 8 only */
    uint8_t caller;    /* enum dfl_caller */
};

struct dfl_deflater;

/* dfl_parameters_known() says whether 'parameters' name something that can be made again. */
bool dfl_parameters_known(const struct dfl_parameters *parameters);

/*
 * dfl_deflater_new() starts a stream with 'parameters', which are known. It returns NULL when
 * there is no memory, and else what dfl_deflater_free() frees: less than 950 KiB, 1.8 MiB of
 * miniz, 1.2 MiB of zlib-ng, and what has not been taken of the deflated bytes.
 */
struct dfl_deflater *dfl_deflater_new(const struct dfl_parameters *parameters);
void dfl_deflater_free(struct dfl_deflater *deflater);

/*
 * dfl_deflate() deflates the next 'plain_size' bytes at 'plain', and with 'last' ends the stream;
 * the deflater is then done. What can be said of the deflated bytes by now is at
 * '*deflated_out', '*deflated_size_out' of them, until the next call: behind the plain bytes by
 * up to 64 KiB and one block.
 *
 * zlib's decisions depend, once in a great many streams, on how its callers cut the plain bytes:
 * where a piece ends one byte before a multiple of 32 KiB and a match lies at the far edge of the
 * window. Here they are as if there had been one piece.
 *
 * Returns DFL_OK, or DFL_NO_MEMORY or with dfl_deflater_reuse() DFL_MALFORMED; after these, the
 * deflater can only be freed.
 */
enum dfl_result dfl_deflate(struct dfl_deflater *deflater, const uint8_t *plain, size_t plain_size,
                            bool last, const uint8_t **deflated_out, size_t *deflated_size_out);

/* A range of a stream whose symbols another stream has, too; sizes are of plain bytes. */
struct dfl_range {
    uint64_t searched; /* of the stream, from the range before to this one */
    uint64_t skipped;  /* of the other stream, likewise */
    uint64_t reused;   /* of both */
};

/* Whether streams of these parameters can reuse symbols: levels 4 to 9, not of miniz or zlib-ng. */
bool dfl_parameters_reusable(const struct dfl_parameters *parameters);

/*
 * dfl_deflater_reuse() has a deflater with reusable parameters, of which nothing was asked yet,
 * take the symbols of 'count' 'ranges' from the stream at 'deflated', instead of looking for
 * matches there. Neither may change before the deflater is freed. A range begins and ends behind a
 * match, or begins where both streams do; and it ends more than 262 bytes before the plain bytes
 * do. That takes less than 90 KiB more.
 *
 * It saves time, no more: where the ranges are right, the deflated bytes are the same as without
 * them. Ranges and stream may be hostile: then what is made is another deflate stream of the same
 * plain bytes, or dfl_deflate() returns DFL_MALFORMED, and the deflater can only be freed.
 *
 * Returns DFL_OK or DFL_NO_MEMORY.
 */
enum dfl_result dfl_deflater_reuse(struct dfl_deflater *deflater, const uint8_t *deflated,
                                   size_t deflated_size, const struct dfl_range *ranges,
                                   size_t count);

/*
 * dfl_find_ranges() finds what the stream at 'target', of 'plain_size' plain bytes, may reuse of
 * the one at 'source': up to 'most' ranges of at least 'least' plain bytes each, which it stores at
 * 'ranges'. They are what the symbols of both suggest, and proven by nothing: who reuses them
 * compares what is made. In memory are all symbols of the source, 4 bytes each, half as much again
 * to find them by, and the next ones of the target, 1 MiB.
 *
 * Returns DFL_OK and how many there are, DFL_MALFORMED when one of the streams breaks RFC 1951, or
 * DFL_NO_MEMORY.
 */
enum dfl_result dfl_find_ranges(const uint8_t *source, size_t source_size, const uint8_t *target,
                                size_t target_size, uint64_t plain_size, uint64_t least,
                                struct dfl_range *ranges, size_t most, size_t *count_out);

/*
 * dfl_guess() finds parameters that make the 'deflated_size' bytes at 'deflated' from the
 * 'plain_size' bytes at 'plain': all of them, so that it is proven, or the first 'enough'. Of
 * parameters that make the same, which small streams have many, it returns the most common. It
 * takes as long as to deflate that much; when there are none, as long as the first block by each of
 * them.
 *
 * Returns DFL_OK and fills in '*parameters_out', DFL_MALFORMED when there are none, or
 * DFL_NO_MEMORY.
 */
enum dfl_result dfl_guess(const uint8_t *plain, size_t plain_size, const uint8_t *deflated,
                          size_t deflated_size, size_t enough,
                          struct dfl_parameters *parameters_out);

/* ---- Streams of other programs ---------------------------------------------------------- */

/*
 * dfl_correct() finds corrections: what has to be known, besides its plain bytes, to make the
 * stream of 'deflated_size' bytes at 'deflated' again, whichever program made it. They are where
 * its symbols, blocks and codes are not those that were to be expected: 0.2 to 5 % of the plain
 * bytes for most programs, next to nothing for zlib with odd settings. They go to 'corrections',
 * which has room for 'capacity' bytes, and their size to
 * '*corrections_size_out'.
 *
 * Returns DFL_OK, DFL_NO_MEMORY, or DFL_MALFORMED: they would not fit; or the stream is not
 * one of these plain bytes; or it has what no compressor writes. It takes as long as to deflate
 * twice, and 2 MiB.
 */
enum dfl_result dfl_correct(const uint8_t *plain, size_t plain_size, const uint8_t *deflated,
                            size_t deflated_size, uint8_t *corrections, size_t capacity,
                            size_t *corrections_size_out);

struct dfl_restorer;

/*
 * dfl_restorer_new() starts a stream that 'corrections' are for, which have to stay until
 * dfl_restorer_free(). It returns NULL when there is no memory. What it takes is bounded, whatever
 * the corrections: less than 1 MiB, and for the largest block 12 MiB more.
 */
struct dfl_restorer *dfl_restorer_new(const uint8_t *corrections, size_t corrections_size);
void dfl_restorer_free(struct dfl_restorer *restorer);

/*
 * dfl_restore() makes the stream from its plain bytes as dfl_deflate() does. It may also return
 * DFL_MALFORMED: the corrections make no sense, or not with these plain bytes; then the restorer
 * can only be freed. Corrections may be hostile: nothing outside of the buffers is read or written,
 * and the stream has at most twice as many bytes as the plain ones, 4 KiB and one block.
 */
enum dfl_result dfl_restore(struct dfl_restorer *restorer, const uint8_t *plain, size_t plain_size,
                            bool last, const uint8_t **deflated_out, size_t *deflated_size_out);

/* ---- Inflating -------------------------------------------------------------------------- */

struct dfl_inflater;

/* dfl_inflater_new() returns what dfl_inflater_free() frees, less than 80 KiB; NULL: no memory. */
struct dfl_inflater *dfl_inflater_new(void);
void dfl_inflater_free(struct dfl_inflater *inflater);

/*
 * dfl_inflate() inflates the next bytes of one stream, 'deflated_size' of them at 'deflated', into
 * 'plain', which has room for 'plain_capacity'. It stores how many bytes it has read and made.
 * Neither has to be the whole of the stream; fewer and larger pieces are faster.
 *
 * Returns DFL_OK when it needs more room, or with room left, more input; then all input has been
 * read. DFL_END says that the stream has ended with the last of the bytes read. After
 * DFL_MALFORMED nothing more can be read; what was made up to there stands in 'plain'.
 *
 * 'deflated' may be hostile: nothing outside the buffers is read or written. What lies in 'plain'
 * behind the bytes made may be overwritten. The time is proportional to both sizes.
 */
enum dfl_result dfl_inflate(struct dfl_inflater *inflater, const uint8_t *deflated,
                            size_t deflated_size, size_t *read_out, uint8_t *plain,
                            size_t plain_capacity, size_t *plain_size_out);

#ifdef __cplusplus
}
#endif

#endif
