/*
 * config.h - how deltaloft compiles upstream xdelta3; included by its xdelta3.h
 *
 * SECONDARY_LZMA comes from CMake, which knows whether there is a liblzma.
 */
#ifndef DELTALOFT_XDELTA3_CONFIG_H
#define DELTALOFT_XDELTA3_CONFIG_H

#include <limits.h>
#include <stdint.h>

#if SIZE_MAX > UINT32_MAX
#define SIZEOF_SIZE_T 8
#else
#define SIZEOF_SIZE_T 4
#endif
#if ULONG_MAX > UINT32_MAX
#define SIZEOF_UNSIGNED_LONG 8
#else
#define SIZEOF_UNSIGNED_LONG 4
#endif
#define SIZEOF_UNSIGNED_INT 4
#define SIZEOF_UNSIGNED_LONG_LONG 8

#define XD3_USE_LARGEFILE64 1 /* positions in a source have 64 bits */
#define XD3_USE_LARGESIZET 1  /* and so have addresses in a window */
#define XD3_MAIN 0            /* the library, not the command */
#define SECONDARY_DJW 1
#define SECONDARY_FGK 1

/* Read unaligned integers by memcpy(): without this UBSan finds misaligned loads. */
#define HAVE_ALIGNED_ACCESS_REQUIRED 1

/*
 * Upstream decodes LZMA without a limit on memory, so that a dictionary size of
 * 4 GiB in a delta of 60 bytes is allocated. Preset 9, the largest one that is
 * written, takes 65 MiB. lzma.h comes first, for the macro must not meet the
 * declaration.
 */
#if SECONDARY_LZMA
#include <lzma.h>
#define lzma_stream_decoder(stream, limit, flags)                                                  \
    lzma_stream_decoder((stream), UINT64_C(128) << 20, (flags))
#endif

#endif
