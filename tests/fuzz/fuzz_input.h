/*
 * fuzz_input.h - from the bytes that libFuzzer makes up to a source and a delta
 *
 *   kind:1  source size:2  source  rest
 *
 *   kind & 1    0: the rest is the delta as it stands; most are wrong in their first bytes
 *               1: the rest is windows without their sizes, from which a delta is framed:
 *
 *     indicator:1  segment size:2  segment position:2  instruction size:1  instructions
 *     and then, for each instruction in turn, its address or its data
 *
 *     With indicator & 80 hex the segment may lie anywhere, else it is one that there is.
 *
 *   kind & 2    before the windows comes a code table, as what differs from the default one:
 *
 *     more NEAR entries:1  more SAME entries:1  changes:1  change*    change: place:2  byte:1
 *
 * What is framed reaches what lies behind the framing: its sections are used up exactly
 * whatever the instructions are, and only their addresses may be wrong. Integers are big-endian;
 * what is not there is 0 or empty.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "../c/delta_builder.h"
#include "code_table.h"
#include "common.h"

/* One harness, one entry. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { FUZZ_TARGET_MAX_SIZE = 1 << 20 };

struct fuzz_input {
    struct bytes source; /* both in memory of exactly their size */
    struct bytes delta;
};

static inline unsigned take_byte(struct vcd_cursor *from) {
    uint8_t byte = 0;
    vcd_cursor_byte(from, &byte);
    return byte;
}

static inline size_t take_16(struct vcd_cursor *from) {
    const unsigned high = take_byte(from);
    return high << 8 | take_byte(from);
}

/* Moves up to 'size' bytes. */
static inline void take(struct vcd_cursor *from, struct bytes *to, size_t size) {
    const size_t there = vcd_min(size, vcd_cursor_left(from));
    put(to, from->next, there);
    from->next += there;
}

/* Writes the header of a delta with a code table, whose 1536 bytes go out as one ADD (section 7),
   and changes 'table', the default one, accordingly. */
static inline void put_code_table(struct bytes *delta, struct vcd_cursor *in,
                                  struct vcd_code_table *table) {
    enum { COLUMN = 256, STRING_SIZE = 6 * COLUMN };
    uint8_t string[STRING_SIZE];
    struct bytes inner = {0};
    struct window_parts parts = {.target_size = STRING_SIZE};
    table->near_size = (VCD_NEAR_SIZE + take_byte(in)) % 16;
    table->same_size = (VCD_SAME_SIZE + take_byte(in)) % 16;
    for (int column = 0; column < 6; column++) {
        for (int i = 0; i < COLUMN; i++) {
            const struct vcd_code *const code = &table->code[i];
            const uint8_t *const halves = column < 2   ? code->type
                                          : column < 4 ? code->size
                                                       : code->mode;
            string[column * COLUMN + i] = halves[column % 2];
        }
    }
    for (unsigned left = take_byte(in); left > 0; left--) {
        const size_t place = take_16(in) % STRING_SIZE;
        string[place] = (uint8_t)take_byte(in);
    }
    for (int i = 0; i < STRING_SIZE; i++) {
        struct vcd_code *const code = &table->code[i % COLUMN];
        const int column = i / COLUMN;
        uint8_t *const halves = column < 2 ? code->type : column < 4 ? code->size : code->mode;
        halves[column % 2] = string[i];
    }
    put_byte(&inner, table->near_size);
    put_byte(&inner, table->same_size);
    put_header(&inner, 0);
    put(&parts.data, string, sizeof string);
    put_byte(&parts.instructions, 1);
    put_varint(&parts.instructions, STRING_SIZE);
    put_window(&inner, &parts);
    put_header(delta, VCD_CODETABLE);
    put_varint(delta, inner.size);
    put(delta, inner.data, inner.size);
    free(inner.data);
    free_parts(&parts);
}

/* Takes what one instruction needs, and counts what it makes. */
static inline void take_operands(struct vcd_cursor *in, struct window_parts *parts, unsigned type,
                                 bool is_byte, uint64_t size) {
    const uint64_t room = FUZZ_TARGET_MAX_SIZE / 16 - parts->target_size;
    parts->target_size += size < room ? size : room;
    if (type == VCD_ADD) {
        take(in, &parts->data, (size_t)(size < room ? size : room));
    } else if (type == VCD_RUN) {
        take(in, &parts->data, 1);
    } else if (!is_byte) {
        const size_t low = vcd_cursor_left(in) > 0 && *in->next >= 0x80 ? 2 : 1;
        take(in, &parts->addresses, low);
        if (low == 2) { /* at most two digits, so that it ends */
            parts->addresses.data[parts->addresses.size - 1] &= 0x7F;
        }
    } else {
        take(in, &parts->addresses, 1);
    }
}

/* Returns how much the window makes of the target, of which there is 'target_size'. */
static inline size_t put_fuzzed_window(struct bytes *delta, struct vcd_cursor *in,
                                       const struct vcd_code_table *table, size_t source_size,
                                       size_t target_size) {
    const unsigned indicator = take_byte(in);
    struct window_parts parts = {.indicator = indicator & (VCD_SOURCE | VCD_TARGET)};
    parts.segment_size = take_16(in);
    parts.segment_position = take_16(in);
    if (!(indicator & 0x80)) {
        const size_t there = parts.indicator == VCD_TARGET ? target_size : source_size;
        parts.segment_position = vcd_min((size_t)parts.segment_position, there);
        parts.segment_size =
            vcd_min((size_t)parts.segment_size, there - (size_t)parts.segment_position);
    }
    take(in, &parts.instructions, take_byte(in));
    struct vcd_cursor instructions =
        vcd_cursor_over(parts.instructions.data, parts.instructions.size);
    uint8_t opcode = 0;
    while (vcd_cursor_byte(&instructions, &opcode)) {
        const struct vcd_code *const code = &table->code[opcode];
        for (int half = 0; half < 2; half++) {
            uint64_t size = code->size[half];
            if (code->type[half] == VCD_NOOP) {
                continue;
            }
            if (size == 0) {
                vcd_cursor_varint(&instructions, &size);
            }
            take_operands(in, &parts, code->type[half],
                          code->mode[half] >= VCD_MODE_NEAR + table->near_size, size);
        }
    }
    const size_t made = (size_t)parts.target_size;
    put_window(delta, &parts);
    free_parts(&parts);
    return made;
}

/* Makes all that is left of 'in' a delta of this kind, in memory of exactly its size. */
static inline struct bytes fuzz_delta(struct vcd_cursor *in, unsigned kind, size_t source_size) {
    if (!(kind & 1)) {
        return exact_copy(in->next, vcd_cursor_left(in));
    }
    struct bytes delta = {0};
    struct vcd_code_table table = *vcd_default_code_table();
    if (kind & 2) {
        put_code_table(&delta, in, &table);
    } else {
        put_header(&delta, 0);
    }
    size_t target_size = 0;
    while (vcd_cursor_left(in) > 0) {
        target_size += put_fuzzed_window(&delta, in, &table, source_size, target_size);
    }
    const struct bytes exact = exact_copy(delta.data, delta.size);
    free(delta.data);
    return exact;
}

static inline struct fuzz_input fuzz_input_over(const uint8_t *bytes, size_t size) {
    struct vcd_cursor in = vcd_cursor_over(bytes, size);
    const unsigned kind = take_byte(&in);
    const size_t source_size = vcd_min(take_16(&in), vcd_cursor_left(&in));
    struct fuzz_input input = {.source = exact_copy(in.next, source_size)};
    in.next += source_size;
    input.delta = fuzz_delta(&in, kind, source_size);
    return input;
}

static inline void fuzz_input_free(struct fuzz_input *input) {
    free(input->source.data);
    free(input->delta.data);
}

#endif
