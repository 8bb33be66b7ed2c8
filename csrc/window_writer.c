/*
 * window_writer.c - Add and Copy become opcodes, addresses and the three sections of a window
 *
 * The opcodes are those of the default code table (RFC 3284, section 5.6):
 *
 *     0         RUN, size follows
 *     1         ADD, size follows            2-18    ADD of 1-17
 *    19 + 16m   COPY of mode m, size follows  +1...   COPY of 4-18
 *   163 + 12m   ADD of 1-4 and COPY of 4-6 of mode m < 6
 *   235 + 4n    ADD of 1-4 and COPY of 4 of mode 6 + n
 *   247 + m     COPY of 4 of mode m and ADD of 1
 */
#include "window_writer.h"

#include "vcdiff.h"

enum {
    OPCODE_RUN = 0,
    OPCODE_ADD = 1,
    OPCODE_COPY = 19,
    OPCODE_ADD_COPY = 163,
    OPCODE_ADD_COPY_SAME = 235,
    OPCODE_COPY_ADD = 247,
    MODE_SAME = VCD_MODE_NEAR + VCD_NEAR_SIZE,
};

void vcd_writer_start(struct vcd_window_writer *writer, uint64_t segment_size) {
    writer->data.size = 0;
    writer->instructions.size = 0;
    writer->addresses.size = 0;
    writer->here = segment_size;
    writer->cache.near = writer->near;
    writer->cache.same = writer->same;
    vcd_address_cache_reset(&writer->cache, VCD_NEAR_SIZE, VCD_SAME_SIZE);
    writer->last = VCD_LAST_OTHER;
}

void vcd_writer_free(struct vcd_window_writer *writer) {
    vcd_buffer_free(&writer->data);
    vcd_buffer_free(&writer->instructions);
    vcd_buffer_free(&writer->addresses);
}

/* The last instruction was one byte; it becomes the opcode of two. */
static void replace_last(struct vcd_window_writer *writer, unsigned opcode) {
    if (writer->instructions.size > 0) { /* else memory ran out before */
        writer->instructions.bytes[writer->instructions.size - 1] = (uint8_t)opcode;
    }
    writer->last = VCD_LAST_OTHER;
}

void vcd_writer_add(struct vcd_window_writer *writer, const uint8_t *bytes, size_t size) {
    vcd_buffer_append(&writer->data, bytes, size);
    writer->here += size;
    if (size == 1 && writer->last == VCD_LAST_COPY_4) {
        replace_last(writer, OPCODE_COPY_ADD + writer->last_value);
        return;
    }
    if (size <= 17) {
        vcd_buffer_append_byte(&writer->instructions, (uint8_t)(OPCODE_ADD + size));
    } else {
        vcd_buffer_append_byte(&writer->instructions, OPCODE_ADD);
        vcd_buffer_append_varint(&writer->instructions, size);
    }
    writer->last = size <= 4 ? VCD_LAST_SHORT_ADD : VCD_LAST_OTHER;
    writer->last_value = (uint8_t)size;
}

void vcd_writer_run(struct vcd_window_writer *writer, uint8_t byte, size_t size) {
    vcd_buffer_append_byte(&writer->data, byte);
    vcd_buffer_append_byte(&writer->instructions, OPCODE_RUN);
    vcd_buffer_append_varint(&writer->instructions, size);
    writer->here += size;
    writer->last = VCD_LAST_OTHER;
}

/* Writes 'address' in the mode that takes the fewest bytes, and returns the mode. */
static unsigned write_address(struct vcd_window_writer *writer, uint64_t address) {
    const uint64_t slot = address % (VCD_SAME_SIZE * 256);
    unsigned mode;
    if (writer->same[slot] == address) {
        vcd_buffer_append_byte(&writer->addresses, (uint8_t)slot);
        mode = MODE_SAME + (unsigned)(slot / 256);
    } else {
        uint64_t best = address;
        mode = VCD_MODE_SELF;
        if (writer->here - address < best) {
            best = writer->here - address;
            mode = VCD_MODE_HERE;
        }
        for (unsigned i = 0; i < VCD_NEAR_SIZE; i++) {
            if (address >= writer->near[i] && address - writer->near[i] < best) {
                best = address - writer->near[i];
                mode = VCD_MODE_NEAR + i;
            }
        }
        vcd_buffer_append_varint(&writer->addresses, best);
    }
    vcd_address_cache_update(&writer->cache, VCD_NEAR_SIZE, VCD_SAME_SIZE, address);
    return mode;
}

void vcd_writer_copy(struct vcd_window_writer *writer, uint64_t address, size_t size) {
    const unsigned mode = write_address(writer, address);
    writer->here += size;
    if (writer->last == VCD_LAST_SHORT_ADD && size >= 4 && size <= (mode < MODE_SAME ? 6 : 4)) {
        const unsigned add = writer->last_value - 1U;
        replace_last(writer, mode < MODE_SAME
                                 ? OPCODE_ADD_COPY + mode * 12 + add * 3 + (unsigned)(size - 4)
                                 : OPCODE_ADD_COPY_SAME + (mode - MODE_SAME) * 4 + add);
        return;
    }
    if (size >= 4 && size <= 18) {
        vcd_buffer_append_byte(&writer->instructions,
                               (uint8_t)(OPCODE_COPY + mode * 16 + (size - 3)));
    } else {
        vcd_buffer_append_byte(&writer->instructions, (uint8_t)(OPCODE_COPY + mode * 16));
        vcd_buffer_append_varint(&writer->instructions, size);
    }
    writer->last = size == 4 ? VCD_LAST_COPY_4 : VCD_LAST_OTHER;
    writer->last_value = (uint8_t)mode;
}

size_t vcd_write_window_header(const struct vcd_window *window, uint8_t *out) {
    const bool has_segment = (window->indicator & (VCD_SOURCE | VCD_TARGET)) != 0;
    const bool has_adler32 = (window->indicator & VCD_ADLER32) != 0;
    const uint64_t rest =
        vcd_varint_size(window->target_size) + 1 + vcd_varint_size(window->data_size) +
        vcd_varint_size(window->instruction_size) + vcd_varint_size(window->address_size) +
        (has_adler32 ? 4 : 0) + window->data_size + window->instruction_size + window->address_size;
    uint8_t *next = out;
    *next++ = window->indicator;
    if (has_segment) {
        next = vcd_varint_write(next, window->segment_size);
        next = vcd_varint_write(next, window->segment_position);
    }
    next = vcd_varint_write(next, rest);
    next = vcd_varint_write(next, window->target_size);
    *next++ = window->delta_indicator;
    next = vcd_varint_write(next, window->data_size);
    next = vcd_varint_write(next, window->instruction_size);
    next = vcd_varint_write(next, window->address_size);
    if (has_adler32) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            *next++ = (uint8_t)(window->adler32 >> shift);
        }
    }
    return (size_t)(next - out);
}
