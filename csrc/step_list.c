/* step_list.c - see step_list.h */
#include "step_list.h"

#include <stdlib.h>

#include "growing.h"

void vcd_step_list_start(struct vcd_step_list *list, uint32_t window_size) {
    list->count = 0;
    list->window_size = window_size;
    list->here = 0;
    list->segment_start = UINT64_MAX;
    list->segment_end = 0;
}

void vcd_step_list_free(struct vcd_step_list *list) {
    free(list->steps);
    vcd_buffer_free(&list->literals);
}

bool vcd_step_list_goes_on(const struct vcd_step_list *list, const struct vcd_step *step) {
    const struct vcd_step *const last = list->count > 0 ? &list->steps[list->count - 1] : NULL;
    if (last == NULL || last->kind != step->kind) {
        return false;
    }
    switch (step->kind) {
    case VCD_PIECE_LITERAL:
        return last->from.bytes + last->size == step->from.bytes;
    case VCD_PIECE_RUN:
        return *last->from.bytes == *step->from.bytes;
    default:
        return last->from.position + last->size == step->from.position;
    }
}

bool vcd_step_list_add(struct vcd_step_list *list, struct vcd_step step) {
    if (step.kind == VCD_PIECE_RUN && step.size == 1) {
        step.kind = VCD_PIECE_LITERAL;
    }
    if (vcd_step_list_goes_on(list, &step)) {
        list->steps[list->count - 1].size += step.size;
    } else {
        struct vcd_step *const steps =
            vcd_with_room(list->steps, list->count, &list->capacity, sizeof *list->steps);
        if (steps == NULL) {
            return false;
        }
        list->steps = steps;
        list->steps[list->count++] = step;
    }
    list->here += step.size;
    return true;
}

bool vcd_step_list_reach(struct vcd_step_list *list, uint64_t position, uint64_t size) {
    const uint64_t end = position + size;
    const uint64_t new_start = position < list->segment_start ? position : list->segment_start;
    const uint64_t new_end = end > list->segment_end ? end : list->segment_end;
    if (new_end - new_start > UINT32_MAX - list->window_size) {
        return false;
    }
    list->segment_start = new_start;
    list->segment_end = new_end;
    return true;
}

/* Writes the literals from step 'i' on as one ADD; returns where others go on. */
static size_t write_literals(struct vcd_step_list *list, size_t i,
                             struct vcd_window_writer *writer) {
    const struct vcd_step *const steps = list->steps;
    if (i + 1 == list->count || steps[i + 1].kind != VCD_PIECE_LITERAL) {
        vcd_writer_add(writer, steps[i].from.bytes, steps[i].size);
        return i + 1;
    }
    list->literals.size = 0;
    for (; i < list->count && steps[i].kind == VCD_PIECE_LITERAL; i++) {
        vcd_buffer_append(&list->literals, steps[i].from.bytes, steps[i].size);
    }
    vcd_writer_add(writer, list->literals.bytes, list->literals.size);
    return i;
}

bool vcd_step_list_write(struct vcd_step_list *list, struct vcd_window_writer *writer) {
    const uint64_t segment_size = vcd_step_list_segment_size(list);
    vcd_writer_start(writer, segment_size);
    for (size_t i = 0; i < list->count && !list->literals.failed;) {
        const struct vcd_step *const step = &list->steps[i];
        switch (step->kind) {
        case VCD_PIECE_LITERAL:
            i = write_literals(list, i, writer);
            continue;
        case VCD_PIECE_RUN:
            vcd_writer_run(writer, *step->from.bytes, step->size);
            break;
        case VCD_PIECE_SOURCE:
            vcd_writer_copy(writer, step->from.position - list->segment_start, step->size);
            break;
        default: /* EARLIER */
            vcd_writer_copy(writer, segment_size + step->from.position, step->size);
            break;
        }
        i++;
    }
    return !(list->literals.failed || writer->data.failed || writer->instructions.failed ||
             writer->addresses.failed);
}
