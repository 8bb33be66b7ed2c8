/*
 * inspect.c - what the instructions of a window add up to
 */
#include <stdlib.h>

#include "code_table.h"
#include "common.h"
#include "instruction_reader.h"

static void count(struct vcd_counts *counts, const struct vcd_instruction *instruction,
                  uint64_t segment_size) {
    switch (instruction->type) {
    case VCD_ADD:
        counts->adds++;
        counts->add_bytes += instruction->size;
        break;
    case VCD_RUN:
        counts->runs++;
        counts->run_bytes += instruction->size;
        break;
    case VCD_COPY:
        if (instruction->address < segment_size) {
            counts->source_copies++;
            counts->source_copy_bytes += instruction->size;
        } else {
            counts->target_copies++;
            counts->target_copy_bytes += instruction->size;
        }
        break;
    default: /* VCD_NOOP */
        break;
    }
}

enum vcd_result vcd_inspect_window(const struct vcd_window *window,
                                   const struct vcd_sections *sections,
                                   const struct vcd_code_table *table,
                                   struct vcd_counts *counts_out, struct vcd_where *where) {
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
    struct vcd_counts counts = {0};
    enum vcd_result result = VCD_OK;
    while (vcd_instructions_left(&reader)) {
        struct vcd_instruction instruction = {0};
        result = vcd_read_instruction(&reader, table, near_size, same_size, &instruction, where);
        if (result != VCD_OK) {
            goto done;
        }
        count(&counts, &instruction, window->segment_size);
    }
    result = vcd_finish_instructions(&reader, where);
    *counts_out = counts;
done:
    free(caches);
    return result;
}
