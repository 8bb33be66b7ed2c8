/*
 * code_table.h - what an opcode means (RFC 3284, section 5.4-5.6)
 *
 * An opcode stands for one or two instructions. A size of 0 in the table means
 * that the size follows the opcode as an integer.
 */
#ifndef VCD_CODE_TABLE_H
#define VCD_CODE_TABLE_H

#include <stdint.h>

#include "format.h"

struct vcd_code {
    uint8_t type[2]; /* VCD_NOOP, VCD_ADD, VCD_RUN or VCD_COPY; the second is mostly VCD_NOOP */
    uint8_t size[2]; /* in bytes; 0: read it from the instruction section */
    uint8_t mode[2]; /* the address mode of a VCD_COPY, else 0 */
};

struct vcd_code_table {
    struct vcd_code code[256];
    unsigned near_size; /* of the address cache that goes with it */
    unsigned same_size;
};

/* The table of section 5.6, with NEAR 4 and SAME 3. Shared and constant. */
const struct vcd_code_table *vcd_default_code_table(void);

#endif
