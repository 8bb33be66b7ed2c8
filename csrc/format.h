/*
 * format.h - the constants of a VCDIFF delta (RFC 3284) and of the extensions we honour
 *
 *   delta    header window*                                                        section 4
 *
 *   header   D6 C3 C4  version:1  Hdr_Indicator:1
 *            [ secondary compressor id:1 ]                      VCD_DECOMPRESS
 *            [ size  near_size:1 same_size:1  delta ]           VCD_CODETABLE        section 7
 *            [ size  bytes ]                                    VCD_APPHEADER        xdelta3's
 *
 *   window   Win_Indicator:1
 *            [ segment size  segment position ]                 VCD_SOURCE or VCD_TARGET
 *            size of what follows
 *            target size  Delta_Indicator:1  data size  instruction size  address size
 *            [ Adler-32 of the target window: 4, big-endian ]   VCD_ADLER32          xdelta3's
 *            data section  instruction section  address section
 *
 * Sizes and positions are the RFC's variable-length integers (varint.h).
 */
#ifndef VCD_FORMAT_H
#define VCD_FORMAT_H

/* The first four bytes: "VCD" with the high bits set, and version 0. */
#define VCD_MAGIC_0 0xD6
#define VCD_MAGIC_1 0xC3
#define VCD_MAGIC_2 0xC4
#define VCD_VERSION 0x00

enum { /* Hdr_Indicator, section 4.1 */
       VCD_DECOMPRESS = 0x01,
       VCD_CODETABLE = 0x02,
       VCD_APPHEADER = 0x04, /* xdelta3's: file names and how inputs were inflated */
};

enum { /* Win_Indicator, section 4.2 */
       VCD_SOURCE = 0x01,
       VCD_TARGET = 0x02,
       VCD_ADLER32 = 0x04, /* xdelta3's, and open-vcdiff's */
};

enum { /* Delta_Indicator, section 4.3: which sections a secondary compressor has packed */
       VCD_DATACOMP = 0x01,
       VCD_INSTCOMP = 0x02,
       VCD_ADDRCOMP = 0x04,
};

enum { /* secondary compressor ids, as xdelta3 assigned them */
       VCD_SECONDARY_DJW = 1,
       VCD_SECONDARY_LZMA = 2,
       VCD_SECONDARY_FGK = 16,
};

enum { /* instruction types of a code table, section 5.4 */
       VCD_NOOP = 0,
       VCD_ADD = 1,
       VCD_RUN = 2,
       VCD_COPY = 3,
};

enum { /* address modes, section 5.3; then come NEAR, then SAME */
       VCD_MODE_SELF = 0,
       VCD_MODE_HERE = 1,
       VCD_MODE_NEAR = 2,
};

enum { /* the default address cache, section 5.1 */
       VCD_NEAR_SIZE = 4,
       VCD_SAME_SIZE = 3,
};

#endif
