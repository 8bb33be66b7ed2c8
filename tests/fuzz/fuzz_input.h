/*
 * fuzz_input.h - from the bytes that libFuzzer makes up to a source and a delta
 *
 *   kind:1  source size:2  source  rest
 *
 *   kind even    the rest is the delta as it stands: most are wrong in their first bytes
 *   kind odd     the rest is windows without their sizes, from which a delta is framed:
 *
 *     indicator:1  segment size:2  segment position:2  instruction size:1  instructions
 *     and then, for each instruction in turn, its address or its data
 *
 * The second kind reaches what lies behind the framing: its sections are used up exactly
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

/* Takes what one instruction needs, and counts what it makes. */
static inline void take_operands(struct vcd_cursor *in, struct window_parts *parts, unsigned type,
                                 unsigned mode, uint64_t size) {
    const uint64_t room = FUZZ_TARGET_MAX_SIZE / 16 - parts->target_size;
    parts->target_size += size < room ? size : room;
    if (type == VCD_ADD) {
        take(in, &parts->data, (size_t)(size < room ? size : room));
    } else if (type == VCD_RUN) {
        take(in, &parts->data, 1);
    } else if (mode < VCD_MODE_NEAR + VCD_NEAR_SIZE) {
        const size_t low = vcd_cursor_left(in) > 0 && *in->next >= 0x80 ? 2 : 1;
        take(in, &parts->addresses, low);
        if (low == 2) { /* at most two digits, so that it ends */
            parts->addresses.data[parts->addresses.size - 1] &= 0x7F;
        }
    } else {
        take(in, &parts->addresses, 1);
    }
}

static inline void put_fuzzed_window(struct bytes *delta, struct vcd_cursor *in) {
    struct window_parts parts = {.indicator = take_byte(in) & (VCD_SOURCE | VCD_TARGET)};
    parts.segment_size = take_16(in);
    parts.segment_position = take_16(in);
    take(in, &parts.instructions, take_byte(in));
    struct vcd_cursor instructions =
        vcd_cursor_over(parts.instructions.data, parts.instructions.size);
    uint8_t opcode = 0;
    while (vcd_cursor_byte(&instructions, &opcode)) {
        const struct vcd_code *const code = &vcd_default_code_table()->code[opcode];
        for (int half = 0; half < 2 && code->type[half] != VCD_NOOP; half++) {
            uint64_t size = code->size[half];
            if (size == 0) {
                vcd_cursor_varint(&instructions, &size);
            }
            take_operands(in, &parts, code->type[half], code->mode[half], size);
        }
    }
    put_window(delta, &parts);
    free_parts(&parts);
}

static inline struct fuzz_input fuzz_input_over(const uint8_t *bytes, size_t size) {
    struct vcd_cursor in = vcd_cursor_over(bytes, size);
    const bool framed = (take_byte(&in) & 1) != 0;
    const size_t source_size = vcd_min(take_16(&in), vcd_cursor_left(&in));
    struct fuzz_input input = {.source = exact_copy(in.next, source_size)};
    in.next += source_size;
    if (!framed) {
        input.delta = exact_copy(in.next, vcd_cursor_left(&in));
        return input;
    }
    struct bytes delta = {0};
    put_header(&delta, 0);
    while (vcd_cursor_left(&in) > 0) {
        put_fuzzed_window(&delta, &in);
    }
    input.delta = exact_copy(delta.data, delta.size);
    free(delta.data);
    return input;
}

static inline void fuzz_input_free(struct fuzz_input *input) {
    free(input->source.data);
    free(input->delta.data);
}

#endif
