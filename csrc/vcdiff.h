/*
 * vcdiff.h - the C interface of deltaloft's VCDIFF codec (RFC 3284)
 *
 * A delta describes a target by instructions that ADD bytes of its own, COPY
 * from a source or from the target so far, or RUN one byte. This library knows
 * memory only: no files, no threads, no callbacks, no globals, nothing printed.
 *
 * Sizes, offsets and addresses are in bytes. Buffers belong to the caller and
 * must stay unchanged for as long as a call, or an object that was given them,
 * uses them. Every function may be called from several threads at once, as long
 * as no two calls share an object that one of them changes.
 *
 * There are four ways in:
 *
 *   one call       vcd_decode()
 *   by windows     vcd_read_header(), then vcd_read_window() and vcd_decode_window();
 *                  windows that only need the source may be decoded in any order,
 *                  side by side
 *   making one     vcd_encoder_new(), vcd_encode_window(), vcd_index_new() when it is asked for
 *   two into one   vcd_merger_new(), vcd_merger_read_first(), vcd_merger_read_second(),
 *                  vcd_merge_window()
 *
 * Secondary compression is the caller's business: who reads windows is handed
 * plain sections, who makes them hands out plain sections.
 */
#ifndef VCDIFF_H
#define VCDIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Results ---------------------------------------------------------------------------- */

enum vcd_result {
    VCD_OK = 0,
    VCD_MALFORMED,    /* the delta breaks RFC 3284 */
    VCD_WRONG_SOURCE, /* well-formed, but not made from this source: a segment lies outside it, or
                         the Adler-32 of a window differs */
    VCD_UNSUPPORTED,  /* well-formed, but asks for what this call does not do */
    VCD_TOO_LARGE,    /* the target does not fit into the room the caller gave */
    VCD_NO_MEMORY,
    VCD_NEEDS_INDEX, /* vcd_encode_window() only: call it again, with an index */
};

/*
 * Where and why a call failed. 'window' counts from 0; 'offset' is the place in
 * the delta that was being read. 'expected' is a literal in English that says
 * what was expected there; it is never NULL after a failure.
 */
struct vcd_where {
    uint64_t window;
    uint64_t offset;
    const char *expected;
};

/* ---- Reading a delta -------------------------------------------------------------------- */

/* The header of a delta; parts that are absent have size 0. */
struct vcd_header {
    uint64_t size;              /* of the whole header: where the first window begins */
    uint8_t secondary;          /* compressor id, 0 when there is none */
    uint64_t code_table_offset; /* of the custom code table: near_size, same_size, delta */
    uint64_t code_table_size;
    uint64_t app_offset; /* of the application header's bytes */
    uint64_t app_size;
    bool has_app; /* an application header may be there and empty */
};

/* One window's header: where its parts lie in the delta, not what they say. */
struct vcd_window {
    uint64_t offset;           /* of Win_Indicator */
    uint64_t next_offset;      /* of the next window, or the delta's size */
    uint64_t segment_position; /* in the source, or with VCD_TARGET in the target */
    uint64_t segment_size;
    uint64_t target_size;
    uint64_t data_offset;
    uint64_t data_size;
    uint64_t instruction_offset;
    uint64_t instruction_size;
    uint64_t address_offset;
    uint64_t address_size;
    uint32_t adler32;        /* of the target window, if 'indicator' has VCD_ADLER32 */
    uint8_t indicator;       /* VCD_SOURCE, VCD_TARGET, VCD_ADLER32 of format.h */
    uint8_t delta_indicator; /* VCD_DATACOMP, VCD_INSTCOMP, VCD_ADDRCOMP */
};

/* The three sections of a window, plain. */
struct vcd_sections {
    const uint8_t *data;
    size_t data_size;
    const uint8_t *instructions;
    size_t instructions_size;
    const uint8_t *addresses;
    size_t addresses_size;
};

/*
 * vcd_read_header() reads the header of 'delta', which may be hostile, into
 * '*header_out'. Returns VCD_OK, VCD_MALFORMED, or VCD_UNSUPPORTED for another
 * version than 0; 'where' may be NULL.
 */
enum vcd_result vcd_read_header(const uint8_t *delta, size_t delta_size,
                                struct vcd_header *header_out, struct vcd_where *where);

/*
 * vcd_read_window() reads the window header at 'offset' into '*window_out' and
 * checks that the window's parts lie inside 'delta' and fill it exactly. What the
 * parts hold is not looked at. 'offset' < delta_size; start at header.size and go
 * on at next_offset until that is delta_size. '*where' then counts 'window' as the
 * caller set it. Returns VCD_OK or VCD_MALFORMED.
 */
enum vcd_result vcd_read_window(const uint8_t *delta, size_t delta_size, uint64_t offset,
                                struct vcd_window *window_out, struct vcd_where *where);

/* What the headers of all windows add up to. */
struct vcd_summary {
    uint64_t windows;
    uint64_t target_size;     /* of all windows together */
    uint64_t source_size;     /* a source must have at least this size */
    uint64_t target_segments; /* windows that copy from earlier windows (VCD_TARGET) */
    uint64_t packed_windows;  /* windows with a section under the secondary compressor */
};

/*
 * vcd_read_summary() reads the header and every window header of 'delta', and
 * checks what no window can know alone: that segments of the target lie in earlier
 * windows, and that sections are packed only where the header names a compressor.
 * Takes time in proportion to the number of windows. Returns like vcd_read_header().
 */
enum vcd_result vcd_read_summary(const uint8_t *delta, size_t delta_size,
                                 struct vcd_summary *summary_out, struct vcd_where *where);

/* A code table other than RFC 3284's default. */
struct vcd_code_table;

/*
 * vcd_code_table_new() reads the custom code table of a delta (section 7) into
 * '*table_out', to be released by vcd_code_table_free(). Returns VCD_OK,
 * VCD_MALFORMED, VCD_UNSUPPORTED for a table that is itself written with a custom
 * table or packed, or VCD_NO_MEMORY. Offsets in 'where' are places in 'delta'.
 */
enum vcd_result vcd_code_table_new(const uint8_t *delta, size_t delta_size,
                                   const struct vcd_header *header,
                                   struct vcd_code_table **table_out, struct vcd_where *where);
void vcd_code_table_free(struct vcd_code_table *table);

/*
 * vcd_decode_window() rebuilds one target window.
 * 'sections' are the window's, plain. 'segment' holds the window's segment_size
 * bytes of source (or of earlier target, with VCD_TARGET); NULL when that is 0.
 * 'target' is never NULL.
 * 'table' is NULL for the default one. The window's target_size bytes go to
 * 'target', which must not overlap 'segment'. The Adler-32 is checked when there
 * is one. Offsets in 'where' are places in the instruction section, just behind the
 * instruction at fault, whichever section lacks what it asks for.
 * Returns VCD_OK, VCD_MALFORMED, VCD_WRONG_SOURCE, or VCD_NO_MEMORY (only custom
 * tables allocate); then the bytes in 'target' are undefined. Nothing outside the
 * buffers is read or written, whatever the sections say.
 */
enum vcd_result vcd_decode_window(const struct vcd_window *window,
                                  const struct vcd_sections *sections,
                                  const struct vcd_code_table *table, const uint8_t *segment,
                                  uint8_t *target, struct vcd_where *where);

/*
 * vcd_decode() rebuilds the whole target that 'delta' describes from 'source'.
 * The target goes to 'target', which has room for 'target_capacity'; its size is
 * stored in '*target_size_out'. Windows of every kind and custom code tables are
 * read; sections under a secondary compressor are VCD_UNSUPPORTED here.
 * Returns VCD_OK or the reason; then the bytes in 'target' are undefined.
 */
enum vcd_result vcd_decode(const uint8_t *source, size_t source_size, const uint8_t *delta,
                           size_t delta_size, uint8_t *target, size_t target_capacity,
                           size_t *target_size_out, struct vcd_where *where);

/* What the instructions of one window add up to. */
struct vcd_counts {
    uint64_t adds, add_bytes;
    uint64_t runs, run_bytes;
    uint64_t source_copies, source_copy_bytes; /* from the segment; one that runs on into the
                                                  target counts here */
    uint64_t target_copies, target_copy_bytes; /* from the target window itself */
};

/* vcd_inspect_window() is like vcd_decode_window(), but only counts and checks instructions. */
enum vcd_result vcd_inspect_window(const struct vcd_window *window,
                                   const struct vcd_sections *sections,
                                   const struct vcd_code_table *table,
                                   struct vcd_counts *counts_out, struct vcd_where *where);

/* ---- Making a delta --------------------------------------------------------------------- */

/*
 * An index over a source: filled once, then immutable, shared by any number of
 * encoders in any number of threads. The source must outlive it. 'level' is 1 (fast)
 * to 9 (small). Takes up to 0.28 bytes for each byte of source and 11 MiB, and never
 * more than 73 MiB (289 from level 7 on). NULL means no memory.
 * vcd_index_fill() reads the next 'most' bytes of the source, from its end to its
 * beginning, in 1 to 4 ns each, and returns how many are left. Call it until none is:
 * in between, the caller may be interrupted, or give pages of a mapped source back.
 */
struct vcd_index;
struct vcd_index *vcd_index_new(const uint8_t *source, size_t source_size, int level);
size_t vcd_index_fill(struct vcd_index *index, size_t most);
void vcd_index_free(struct vcd_index *index);

/* The scratch space of one thread that encodes against one source, which must outlive it, at one
   level, 1 (fast) to 9 (small): its windows only take an index of the same level, but those of the
   levels up to 3 any. */
struct vcd_encoder;
struct vcd_encoder *vcd_encoder_new(const uint8_t *source, size_t source_size, int level);
void vcd_encoder_free(struct vcd_encoder *encoder);

/*
 * vcd_encode_window() encodes 'size' bytes at 'from' of a target as one window.
 * size <= VCD_WINDOW_MAX_SIZE. What comes out depends on nothing but the
 * source, the target's size and these bytes.
 * 'index' is one over the encoder's source, or NULL: most windows of most targets
 * follow their source so closely that nothing has to be looked up. One that does
 * not is answered by VCD_NEEDS_INDEX; make one and call again.
 * '*window_out' gets everything but offsets; its section sizes are those of
 * '*sections_out', which points into the encoder and is valid until its next
 * call. The window may cover less than asked for: when its copies would span more
 * source than a reader with 32-bit addresses can address, or when 4 MiB of it are
 * like nothing in the source. window_out->target_size says how much; go on there.
 * Returns VCD_OK, VCD_NEEDS_INDEX or VCD_NO_MEMORY.
 */
enum { VCD_WINDOW_MAX_SIZE = 1 << 24 }; /* Debian's xdelta3 3.0.11 reads no larger ones */
enum vcd_result vcd_encode_window(struct vcd_encoder *encoder, const struct vcd_index *index,
                                  const uint8_t *target, size_t target_size, size_t from,
                                  size_t size, struct vcd_window *window_out,
                                  struct vcd_sections *sections_out);

/* ---- Merging two deltas ----------------------------------------------------------------- */

/*
 * Makes of two deltas, source -> a and a -> b, the windows of one, source -> b. Neither source
 * nor a is needed. Takes 40 bytes for each instruction of both deltas. NULL means no memory.
 */
struct vcd_merger;
struct vcd_merger *vcd_merger_new(void);
void vcd_merger_free(struct vcd_merger *merger);

/*
 * vcd_merger_read_first() reads the next window of the first delta, all of whose windows come in
 * their order before those of the second. 'window', 'sections', 'table' and offsets in 'where' are
 * as in vcd_decode_window(). The data section must stay as it is while the merger is in use.
 * Returns VCD_OK, VCD_MALFORMED, VCD_UNSUPPORTED when all targets together exceed 64 bits, or
 * VCD_NO_MEMORY; after a failure the merger can only be freed.
 */
enum vcd_result vcd_merger_read_first(struct vcd_merger *merger, const struct vcd_window *window,
                                      const struct vcd_sections *sections,
                                      const struct vcd_code_table *table, struct vcd_where *where);

/* Like vcd_merger_read_first(), for the second delta; VCD_WRONG_SOURCE when it copies from beyond
   what the first one makes. */
enum vcd_result vcd_merger_read_second(struct vcd_merger *merger, const struct vcd_window *window,
                                       const struct vcd_sections *sections,
                                       const struct vcd_code_table *table, struct vcd_where *where);

/*
 * vcd_merge_window() describes 'size' bytes at 'from' of b as one window of the merged delta.
 * size <= VCD_WINDOW_MAX_SIZE; the windows of the second delta that make these bytes have been
 * read. '*window_out' and '*sections_out' are as those of vcd_encode_window(), and the window may
 * cover less for the same reason; it has no Adler-32, since nobody has seen its bytes.
 * Copies from earlier target within both deltas can be nested so that a window would take far more
 * instructions than both deltas have. It is VCD_UNSUPPORTED when all windows so far take more than
 * 64 steps for each instruction and byte of data that was read, and 2^24 more: decode and encode
 * again then. Returns VCD_OK, VCD_UNSUPPORTED or VCD_NO_MEMORY.
 */
enum vcd_result vcd_merge_window(struct vcd_merger *merger, uint64_t from, size_t size,
                                 struct vcd_window *window_out, struct vcd_sections *sections_out,
                                 struct vcd_where *where);

/* ---- What both need --------------------------------------------------------------------- */

/*
 * vcd_write_window_header() writes the header of 'window', whose section sizes are
 * those of the sections as they will follow (plain or packed), to 'out', which has
 * room for VCD_WINDOW_HEADER_MAX_SIZE. Returns the header's size.
 */
enum { VCD_WINDOW_HEADER_MAX_SIZE = 80 };
size_t vcd_write_window_header(const struct vcd_window *window, uint8_t *out);

/* vcd_adler32() continues the Adler-32 (RFC 1950) 'adler', 1 at the start, over 'data'. */
uint32_t vcd_adler32(uint32_t adler, const uint8_t *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
