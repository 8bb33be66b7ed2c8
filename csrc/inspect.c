/*
 * inspect.c - what the instructions of a window add up to
 */
#include "instruction_walk.h"

struct tally {
    struct vcd_counts counts;
    uint64_t segment_size;
};

static bool count(void *context, const struct vcd_instruction *instruction, uint64_t start) {
    struct tally *const tally = context;
    struct vcd_counts *const counts = &tally->counts;
    (void)start;
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
        if (instruction->address < tally->segment_size) {
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
    return true;
}

enum vcd_result vcd_inspect_window(const struct vcd_window *window,
                                   const struct vcd_sections *sections,
                                   const struct vcd_code_table *table,
                                   struct vcd_counts *counts_out, struct vcd_where *where) {
    struct tally tally = {.segment_size = window->segment_size};
    const enum vcd_result result =
        vcd_walk_instructions(window, sections, table, count, &tally, where);
    if (result == VCD_OK) {
        *counts_out = tally.counts;
    }
    return result;
}
