/*
 * instruction_walk.c - each instruction of a window, for those who do not decode it
 */
#include "instruction_walk.h"

#include <stdlib.h>

enum vcd_result vcd_walk_instructions(const struct vcd_window *window,
                                      const struct vcd_sections *sections,
                                      const struct vcd_code_table *table, vcd_visit visit,
                                      void *context, struct vcd_where *where) {
    if (table == NULL) {
        table = vcd_default_code_table();
    }
    const unsigned near_size = table->near_size;
    const unsigned same_size = table->same_size;
    /* One more than needed: a cache may have no entries, and malloc(0) may return NULL. */
    uint64_t *const caches = malloc((1 + near_size + (size_t)same_size * 256) * sizeof *caches);
    if (caches == NULL) {
        return vcd_fail(where, VCD_NO_MEMORY, 0, "memory");
    }
    struct vcd_instruction_reader reader = vcd_instruction_reader_over(
        window, sections, caches, near_size, caches + near_size, same_size);
    enum vcd_result result = VCD_OK;
    while (result == VCD_OK && vcd_instructions_left(&reader)) {
        struct vcd_instruction instruction = {0};
        result = vcd_read_instruction(&reader, table, near_size, same_size, &instruction, where);
        const uint64_t start = reader.here - window->segment_size - instruction.size;
        if (result == VCD_OK && !visit(context, &instruction, start)) {
            result = vcd_fail(where, VCD_NO_MEMORY, 0, "memory");
        }
    }
    if (result == VCD_OK) {
        result = vcd_finish_instructions(&reader, where);
    }
    free(caches);
    return result;
}
