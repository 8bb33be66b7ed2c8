/*
 * fuzz_differential.c - what our decoder and upstream xdelta3 both accept, they agree on
 *
 * Equal bytes, to the last one. Where only one of them accepts a delta, the one that refuses
 * must have a reason that is listed here, and that this delta gives; a new difference is a
 * finding. Windows with packed sections are not read by our C code and are
 * left out.
 */
#include "engine.h"
#include "fuzz_input.h"
#include "instruction_reader.h"
#include "window_reader.h"

/* ---- What is known to differ ------------------------------------------------------------ */

/* What a delta has that xdelta3 does not read. */
struct unread {
    bool code_table;
    bool target_segment;
    bool unknown_compressor;
    bool long_integer; /* with zeros in front; xdelta3 takes no such size of a window */
    bool border_copy;  /* from the segment on into the target */
};

static bool has_border_copy(const struct vcd_window *window, const struct vcd_sections *sections) {
    uint64_t near[VCD_NEAR_SIZE], same[VCD_SAME_SIZE * 256];
    struct vcd_instruction_reader reader =
        vcd_instruction_reader_over(window, sections, near, VCD_NEAR_SIZE, same, VCD_SAME_SIZE);
    while (vcd_instructions_left(&reader)) {
        struct vcd_instruction instruction = {0};
        if (vcd_read_instruction(&reader, vcd_default_code_table(), VCD_NEAR_SIZE, VCD_SAME_SIZE,
                                 &instruction, NULL) != VCD_OK) {
            return false;
        }
        if (instruction.type == VCD_COPY && instruction.address < window->segment_size &&
            instruction.size > window->segment_size - instruction.address) {
            return true;
        }
    }
    return false;
}

/* 'delta' is one that we read. */
static struct unread find_unread(const struct bytes *delta) {
    struct vcd_header header;
    CHECK_EQUAL(VCD_OK, vcd_read_header(delta->data, delta->size, &header, NULL));
    struct unread unread = {
        .code_table = header.code_table_size > 0,
        .unknown_compressor = header.secondary != 0 && header.secondary != VCD_SECONDARY_DJW &&
                              header.secondary != VCD_SECONDARY_LZMA &&
                              header.secondary != VCD_SECONDARY_FGK,
    };
    for (uint64_t offset = header.size; offset < delta->size;) {
        struct vcd_window window;
        uint8_t shortest[VCD_WINDOW_HEADER_MAX_SIZE];
        CHECK_EQUAL(VCD_OK, vcd_read_window(delta->data, delta->size, offset, &window, NULL));
        const struct vcd_sections sections = vcd_plain_sections(delta->data, &window);
        unread.target_segment |= (window.indicator & VCD_TARGET) != 0;
        unread.long_integer |=
            vcd_write_window_header(&window, shortest) < window.data_offset - window.offset;
        unread.border_copy |= !unread.code_table && has_border_copy(&window, &sections);
        offset = window.next_offset;
    }
    return unread;
}

/* Whether xdelta3 refuses with 'message' what we read, and has a reason to. */
static bool may_refuse(const struct unread *unread, const char *message) {
    const struct {
        bool reason;
        const char *message;
    } known[] = {
        {unread->code_table, "VCD_CODETABLE support was removed"},
        {unread->target_segment, "VCD_TARGET not implemented"},
        {unread->unknown_compressor, "unknown secondary compressor ID"},
        {unread->long_integer, "incorrect encoding length (redundent)"},
        {unread->border_copy, "size too large"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].reason && strcmp(known[i].message, message) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether we refuse, for want of what was 'expected', what xdelta3 reads. */
static bool may_be_refused(const char *expected) {
    /* xdelta3 adds to a NEAR entry modulo 2^64, and takes a window whose length counts integers
       with zeros in front as if they had none. */
    return strcmp(expected, "an address within 64 bits") == 0 ||
           strcmp(expected, "the size of the address section") == 0;
}

/* ---- Both of them ----------------------------------------------------------------------- */

/* The target by xdelta3, as far as it comes. */
static enum xd3_engine_result decode_by_xdelta3(struct xd3_engine *engine, struct bytes *target) {
    const uint8_t *piece = NULL;
    size_t size = 0;
    enum xd3_engine_result result;
    while ((result = xd3_engine_next(engine, &piece, &size)) == XD3_ENGINE_OK && size > 0) {
        put(target, piece, size);
    }
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct fuzz_input input = fuzz_input_over(bytes, size);
    const struct bytes source = input.source, delta = input.delta;
    struct vcd_where where = {0};
    struct vcd_summary summary;
    enum vcd_result ours = vcd_read_summary(delta.data, delta.size, &summary, &where);
    uint8_t *target = NULL;
    size_t target_size = 0;
    if (ours == VCD_OK) {
        if (summary.packed_windows > 0 || summary.target_size > FUZZ_TARGET_MAX_SIZE) {
            goto done;
        }
        target = malloc(summary.target_size > 0 ? (size_t)summary.target_size : 1);
        ours = vcd_decode(source.data, source.size, delta.data, delta.size, target,
                          (size_t)summary.target_size, &target_size, &where);
    }
    struct bytes theirs = {0};
    struct xd3_engine *const engine = xd3_engine_decoder_new(source.data, source.size, delta.data,
                                                             delta.size, FUZZ_TARGET_MAX_SIZE);
    CHECK(engine != NULL);
    const bool accepted = decode_by_xdelta3(engine, &theirs) == XD3_ENGINE_OK;
    if (ours == VCD_OK && accepted) {
        CHECK_EQUAL(target_size, theirs.size);
        CHECK(theirs.size == 0 || memcmp(target, theirs.data, theirs.size) == 0);
    } else if (ours == VCD_OK) {
        const char *const message = xd3_engine_message(engine);
        const struct unread unread = find_unread(&delta);
        if (!may_refuse(&unread, message)) {
            fprintf(stderr, "only xdelta3 refuses: %s\n", message);
            abort();
        }
    } else if (accepted) {
        if (!may_be_refused(where.expected)) {
            fprintf(stderr, "only we refuse, at window %llu, offset %llu: %s expected\n",
                    (unsigned long long)where.window, (unsigned long long)where.offset,
                    where.expected);
            abort();
        }
    }
    xd3_engine_free(engine);
    free(theirs.data);
done:
    free(target);
    fuzz_input_free(&input);
    return 0;
}
