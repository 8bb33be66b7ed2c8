/*
 * piece_list.c - the instructions of two deltas become pieces of their targets
 */
#include "piece_list.h"

#include <stdlib.h>

#include "common.h"
#include "growing.h"
#include "instruction_walk.h"

static bool add_piece(struct vcd_piece_list *list, struct vcd_piece piece, uint64_t size) {
    if (size == 0) {
        return true;
    }
    struct vcd_piece *const pieces =
        vcd_with_room(list->pieces, list->count, &list->capacity, sizeof *list->pieces);
    if (pieces == NULL) {
        return false;
    }
    list->pieces = pieces;
    piece.at = list->size;
    list->pieces[list->count++] = piece;
    list->size += size;
    list->instructions++;
    return true;
}

/* A list while a window is added to it. */
struct adding {
    struct vcd_piece_list *list;
    const struct vcd_piece_segment *segment;
    uint64_t window_start;
};

static bool add_instruction(void *context, const struct vcd_instruction *instruction,
                            uint64_t start) {
    const struct adding *const adding = context;
    struct vcd_piece_list *const list = adding->list;
    const struct vcd_piece_segment *const segment = adding->segment;
    (void)start; /* the list knows */
    const uint64_t size = instruction->size;
    const uint64_t address = instruction->address;
    switch (instruction->type) {
    case VCD_ADD:
        list->instructions += size;
        return add_piece(
            list, (struct vcd_piece){.kind = VCD_PIECE_LITERAL, .from.bytes = instruction->data},
            size);
    case VCD_RUN:
        return add_piece(
            list, (struct vcd_piece){.kind = VCD_PIECE_RUN, .from.bytes = instruction->data}, size);
    case VCD_COPY: {
        /* One that begins in the segment and runs on into the target is two. */
        const uint64_t left = address < segment->size ? segment->size - address : 0;
        const uint64_t head = size < left ? size : left;
        const uint64_t tail = address + head - segment->size; /* if there is one */
        return add_piece(list,
                         (struct vcd_piece){.kind = (unsigned)segment->kind & 3,
                                            .from.position = segment->position + address},
                         head) &&
               add_piece(list,
                         (struct vcd_piece){.kind = VCD_PIECE_EARLIER,
                                            .from.position = adding->window_start + tail},
                         size - head);
    }
    default: /* VCD_NOOP */
        return true;
    }
}

enum vcd_result vcd_piece_list_read(struct vcd_piece_list *list, const struct vcd_window *window,
                                    const struct vcd_sections *sections,
                                    const struct vcd_code_table *table,
                                    const struct vcd_piece_segment *segment,
                                    struct vcd_where *where) {
    if (window->target_size > UINT64_MAX - list->size) {
        return vcd_fail(where, VCD_UNSUPPORTED, 0, "targets that add up within 64 bits");
    }
    struct adding adding = {list, segment, list->size};
    const enum vcd_result result =
        vcd_walk_instructions(window, sections, table, add_instruction, &adding, where);
    if (result == VCD_OK) {
        list->windows++;
    }
    return result;
}

size_t vcd_piece_list_find(const struct vcd_piece_list *list, uint64_t position) {
    size_t low = 0;
    size_t high = list->count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (list->pieces[middle].at <= position) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}
