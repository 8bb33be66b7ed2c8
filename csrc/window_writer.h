/*
 * window_writer.h - Add and Copy become opcodes, addresses and the three sections of a window
 *
 * The match finder says what to copy from where; this room alone knows opcodes
 * and address modes (RFC 3284, section 5).
 */
#ifndef VCD_WINDOW_WRITER_H
#define VCD_WINDOW_WRITER_H

#include <stdint.h>

#include "address_cache.h"
#include "buffer.h"

struct vcd_window_writer {
    struct vcd_buffer data;
    struct vcd_buffer instructions;
    struct vcd_buffer addresses;
    uint64_t here; /* segment size plus what has been written of the target */
    uint64_t near[VCD_NEAR_SIZE];
    uint64_t same[VCD_SAME_SIZE * 256];
    struct vcd_address_cache cache;
    /* The last instruction, if it is one that an opcode of two could hold as its first half. */
    enum { VCD_LAST_OTHER, VCD_LAST_SHORT_ADD, VCD_LAST_COPY_4 } last;
    uint8_t last_value; /* the size of the ADD, or the address mode of the COPY */
};

/* Starts a window; buffers keep their memory from window to window. */
void vcd_writer_start(struct vcd_window_writer *writer, uint64_t segment_size);

/* 'size' > 0 bytes of the target's own. */
void vcd_writer_add(struct vcd_window_writer *writer, const uint8_t *bytes, size_t size);

/* 'size' > 1 times 'byte'. */
void vcd_writer_run(struct vcd_window_writer *writer, uint8_t byte, size_t size);

/* 'size' > 0 bytes from 'address', which is below writer->here: the segment, then the target. */
void vcd_writer_copy(struct vcd_window_writer *writer, uint64_t address, size_t size);

void vcd_writer_free(struct vcd_window_writer *writer);

#endif
