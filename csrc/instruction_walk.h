/*
 * instruction_walk.h - each instruction of a window, for those who do not decode it
 */
#ifndef VCD_INSTRUCTION_WALK_H
#define VCD_INSTRUCTION_WALK_H

#include "instruction_reader.h"

/* 'start' is where in the target window the instruction begins; false means no memory. */
typedef bool (*vcd_visit)(void *context, const struct vcd_instruction *instruction, uint64_t start);

/*
 * vcd_walk_instructions() hands all instructions to 'visit', each after it was
 * checked, and then checks that nothing is left over. A 'table' of NULL is the
 * default one.
 */
enum vcd_result vcd_walk_instructions(const struct vcd_window *window,
                                      const struct vcd_sections *sections,
                                      const struct vcd_code_table *table, vcd_visit visit,
                                      void *context, struct vcd_where *where);

#endif
