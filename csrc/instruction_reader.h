/*
 * instruction_reader.h - the instructions of one window, one by one (RFC 3284, section 4.3, 5)
 *
 *   segment                    target window
 *   |--------------------------|------------------|. . . . . . . . . .|
 *   0                  segment_size              here                end
 *
 * An address counts in this one space, and lies before 'here'; a COPY may begin
 * in the segment and run on into the target. What comes out of the reader has
 * been checked: sizes fit the target window, addresses lie before here, bytes of
 * ADD and RUN lie in the data section. The cache sizes are parameters, so that
 * the compiler makes a copy for the default ones (address_cache.h).
 */
#ifndef VCD_INSTRUCTION_READER_H
#define VCD_INSTRUCTION_READER_H

#include "address_cache.h"
#include "code_table.h"
#include "common.h"

struct vcd_instruction {
    unsigned type;       /* VCD_NOOP, VCD_ADD, VCD_RUN or VCD_COPY */
    uint64_t size;       /* of what it makes */
    uint64_t address;    /* of VCD_COPY */
    const uint8_t *data; /* of VCD_ADD: 'size' bytes; of VCD_RUN: one */
};

struct vcd_instruction_reader {
    struct vcd_cursor instructions;
    struct vcd_cursor data;
    struct vcd_cursor addresses;
    struct vcd_address_cache cache;
    const struct vcd_code *code; /* of the opcode whose instructions are being read */
    unsigned half;               /* which of its two comes next; 2: read another opcode */
    uint64_t here;
    uint64_t end;
};

/* 'near' and 'same' belong to the caller, with room for near_size and 256 * same_size. */
VCD_INLINE struct vcd_instruction_reader
vcd_instruction_reader_over(const struct vcd_window *window, const struct vcd_sections *sections,
                            uint64_t *near, unsigned near_size, uint64_t *same,
                            unsigned same_size) {
    struct vcd_instruction_reader reader = {
        .instructions = vcd_cursor_over(sections->instructions, sections->instructions_size),
        .data = vcd_cursor_over(sections->data, sections->data_size),
        .addresses = vcd_cursor_over(sections->addresses, sections->addresses_size),
        .cache = {.near = near, .same = same, .next_near = 0},
        .half = 2,
        .here = window->segment_size,
        .end = window->segment_size + window->target_size,
    };
    vcd_address_cache_reset(&reader.cache, near_size, same_size);
    return reader;
}

VCD_INLINE bool vcd_instructions_left(const struct vcd_instruction_reader *reader) {
    return reader->half != 2 || vcd_cursor_left(&reader->instructions) > 0;
}

/* Section 5.3. */
VCD_INLINE enum vcd_result vcd_read_address(struct vcd_instruction_reader *reader,
                                            unsigned near_size, unsigned same_size, unsigned mode,
                                            uint64_t *address_out, struct vcd_where *where) {
    const struct vcd_cursor *const in = &reader->instructions;
    uint64_t address = 0;
    if (mode < VCD_MODE_NEAR + near_size) {
        REQUIRE(vcd_cursor_varint(&reader->addresses, &address), "an address of a COPY");
        if (mode == VCD_MODE_HERE) {
            address = reader->here - address; /* too far back wraps around, to past here */
        } else if (mode >= VCD_MODE_NEAR) {
            const uint64_t near = reader->cache.near[mode - VCD_MODE_NEAR];
            REQUIRE(address <= UINT64_MAX - near, "an address within 64 bits");
            address += near;
        }
    } else {
        uint8_t entry = 0;
        REQUIRE(vcd_cursor_byte(&reader->addresses, &entry), "an address byte of a COPY");
        address = reader->cache.same[(mode - VCD_MODE_NEAR - near_size) * 256 + entry];
    }
    REQUIRE(address < reader->here, "a COPY address before the current position");
    vcd_address_cache_update(&reader->cache, near_size, same_size, address);
    *address_out = address;
    return VCD_OK;
}

/* vcd_read_instruction() reads the next one; vcd_instructions_left() said that there is one. */
VCD_INLINE enum vcd_result vcd_read_instruction(struct vcd_instruction_reader *reader,
                                                const struct vcd_code_table *table,
                                                unsigned near_size, unsigned same_size,
                                                struct vcd_instruction *out,
                                                struct vcd_where *where) {
    const struct vcd_cursor *const in = &reader->instructions;
    if (reader->half == 2) {
        reader->code = &table->code[*reader->instructions.next++];
        reader->half = 0;
    }
    const struct vcd_code *const code = reader->code;
    const unsigned half = reader->half;
    /* Nearly all second halves are VCD_NOOP: they are skipped here, not handed out. */
    reader->half = half == 0 && code->type[1] != VCD_NOOP ? 1 : 2;

    out->type = code->type[half];
    out->size = code->size[half];
    if (out->type == VCD_NOOP) {
        return VCD_OK;
    }
    if (out->size == 0) {
        REQUIRE(vcd_cursor_varint(&reader->instructions, &out->size), "the size of an instruction");
    }
    REQUIRE(out->size <= reader->end - reader->here, "an instruction that fits the target window");
    if (out->type == VCD_COPY) {
        const enum vcd_result result =
            vcd_read_address(reader, near_size, same_size, code->mode[half], &out->address, where);
        if (result != VCD_OK) {
            return result;
        }
    } else {
        out->data = reader->data.next;
        REQUIRE(vcd_cursor_skip(&reader->data, out->type == VCD_RUN ? 1 : out->size),
                "enough bytes in the data section");
    }
    reader->here += out->size;
    return VCD_OK;
}

/* After the last instruction: is the window full, are the sections used up? */
VCD_INLINE enum vcd_result vcd_finish_instructions(const struct vcd_instruction_reader *reader,
                                                   struct vcd_where *where) {
    const struct vcd_cursor *const in = &reader->instructions;
    REQUIRE(reader->here == reader->end, "instructions that fill the target window");
    REQUIRE(vcd_cursor_left(&reader->data) == 0, "a data section that is used up");
    REQUIRE(vcd_cursor_left(&reader->addresses) == 0, "an address section that is used up");
    return VCD_OK;
}

#endif
