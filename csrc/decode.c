/*
 * decode.c - from a delta to the target (RFC 3284, section 3 and 5)
 *
 * The work is moving bytes. Long pieces go to memcpy(), which nothing beats. Short
 * ones are the most of a dense delta, and a call each would cost more than the
 * bytes: they are moved by 32 bytes at once, whatever their size, wherever
 * there is room for that in both buffers. What is written too much is overwritten
 * by the next instruction.
 */
#include <assert.h>
#include <stdlib.h>

#include "address_cache.h"
#include "code_table.h"
#include "common.h"
#include "instruction_reader.h"
#include "window_reader.h"

enum { WIDE = 32 };

/* As two halves, in this order: so 'from' may lie as near as 16 bytes before 'to'. */
VCD_INLINE void copy_wide(uint8_t *to, const uint8_t *from) {
    memcpy(to, from, WIDE / 2);
    memcpy(to + WIDE / 2, from + WIDE / 2, WIDE / 2);
}

/* Repeats the 'distance' bytes before 'to'. What can be copied at once doubles each time. */
static void repeat(uint8_t *to, size_t distance, size_t size) {
    const uint8_t *const from = to - distance;
    if (distance == 1) {
        memset(to, *from, size);
        return;
    }
    while (size > 0) {
        const size_t step = vcd_min(size, (size_t)(to - from));
        memcpy(to, from, step);
        to += step;
        size -= step;
    }
}

/* Copies from bytes that do not overlap: the segment or the data section. */
VCD_INLINE void copy_apart(uint8_t *to, const uint8_t *to_end, const uint8_t *from,
                           const uint8_t *from_end, size_t size) {
    if (size <= WIDE && to_end - to >= WIDE && from_end - from >= WIDE) {
        copy_wide(to, from);
    } else {
        memcpy(to, from, size);
    }
}

/* Copies from 'distance' bytes back in the target, which may run into itself. */
VCD_INLINE void copy_back(uint8_t *to, const uint8_t *to_end, size_t distance, size_t size) {
    if (size <= WIDE && to_end - to >= WIDE && distance >= WIDE / 2) {
        copy_wide(to, to - distance);
    } else if (distance >= size) {
        memcpy(to, to - distance, size);
    } else {
        repeat(to, distance, size);
    }
}

VCD_INLINE enum vcd_result run_instructions(const struct vcd_window *window,
                                            const struct vcd_sections *sections,
                                            const struct vcd_code_table *table, uint64_t *near,
                                            unsigned near_size, uint64_t *same, unsigned same_size,
                                            const uint8_t *segment, uint8_t *target,
                                            struct vcd_where *where) {
    struct vcd_instruction_reader reader =
        vcd_instruction_reader_over(window, sections, near, near_size, same, same_size);
    const size_t segment_size = (size_t)window->segment_size;
    const uint8_t *const target_end = target + window->target_size;
    const uint8_t *const data_end = reader.data.end;
    uint8_t *to = target;

    while (vcd_instructions_left(&reader)) {
        struct vcd_instruction instruction = {0};
        const enum vcd_result result =
            vcd_read_instruction(&reader, table, near_size, same_size, &instruction, where);
        if (result != VCD_OK) {
            return result;
        }
        const size_t size = (size_t)instruction.size;
        const size_t address = (size_t)instruction.address;
        if (instruction.type == VCD_COPY) {
            if (address >= segment_size) {
                const uint8_t *const from = target + (address - segment_size);
                copy_back(to, target_end, (size_t)(to - from), size);
            } else if (size <= segment_size - address) {
                copy_apart(to, target_end, segment + address, segment + segment_size, size);
            } else { /* begins in the segment and runs on into the target */
                const size_t head = segment_size - address;
                memcpy(to, segment + address, head);
                copy_back(to + head, target_end, (size_t)(to - target) + head, size - head);
            }
        } else if (instruction.type == VCD_ADD) {
            copy_apart(to, target_end, instruction.data, data_end, size);
        } else if (instruction.type == VCD_RUN) {
            memset(to, *instruction.data, size);
        }
        to += size;
    }
    return vcd_finish_instructions(&reader, where);
}

/* Constants for the sizes: this copy of run_instructions() is the hot one. */
static enum vcd_result run_with_default_table(const struct vcd_window *window,
                                              const struct vcd_sections *sections,
                                              const uint8_t *segment, uint8_t *target,
                                              struct vcd_where *where) {
    uint64_t near[VCD_NEAR_SIZE];
    uint64_t same[VCD_SAME_SIZE * 256];
    return run_instructions(window, sections, vcd_default_code_table(), near, VCD_NEAR_SIZE, same,
                            VCD_SAME_SIZE, segment, target, where);
}

static enum vcd_result run_with_custom_table(const struct vcd_window *window,
                                             const struct vcd_sections *sections,
                                             const struct vcd_code_table *table,
                                             const uint8_t *segment, uint8_t *target,
                                             struct vcd_where *where) {
    /* One more than needed: a cache may have no entries, and malloc(0) may return NULL. */
    uint64_t *const caches =
        malloc((1 + table->near_size + (size_t)table->same_size * 256) * sizeof *caches);
    if (caches == NULL) {
        return vcd_fail(where, VCD_NO_MEMORY, 0, "memory");
    }
    const enum vcd_result result =
        run_instructions(window, sections, table, caches, table->near_size,
                         caches + table->near_size, table->same_size, segment, target, where);
    free(caches);
    return result;
}

enum vcd_result vcd_decode_window(const struct vcd_window *window,
                                  const struct vcd_sections *sections,
                                  const struct vcd_code_table *table, const uint8_t *segment,
                                  uint8_t *target, struct vcd_where *where) {
    const enum vcd_result result =
        table == NULL ? run_with_default_table(window, sections, segment, target, where)
                      : run_with_custom_table(window, sections, table, segment, target, where);
    if (result != VCD_OK) {
        return result;
    }
    if ((window->indicator & VCD_ADLER32) &&
        vcd_adler32(1, target, (size_t)window->target_size) != window->adler32) {
        return vcd_fail(where, VCD_WRONG_SOURCE, sections->instructions_size,
                        "a target window with the Adler-32 that the delta gives");
    }
    return VCD_OK;
}

/* One window of vcd_decode(), whose target so far are 'target_size' bytes at 'target'. */
static enum vcd_result decode_next_window(const uint8_t *source, size_t source_size,
                                          const uint8_t *delta, const struct vcd_window *window,
                                          const struct vcd_code_table *table, uint8_t *target,
                                          size_t target_size, struct vcd_where *where) {
    const bool from_target = (window->indicator & VCD_TARGET) != 0;
    const uint64_t segment_end = window->segment_position + window->segment_size;
    /* vcd_read_summary() has looked at segments of the target. */
    assert(!from_target || segment_end <= target_size);
    if (!from_target && segment_end > source_size) {
        return vcd_fail(where, VCD_WRONG_SOURCE, window->offset,
                        "a source that is long enough for the segment");
    }
    const uint8_t *const segment = window->segment_size > 0
                                       ? (from_target ? target : source) + window->segment_position
                                       : NULL;
    const struct vcd_sections sections = vcd_plain_sections(delta, window);
    const enum vcd_result result =
        vcd_decode_window(window, &sections, table, segment, target + target_size, where);
    if (result != VCD_OK && where != NULL) {
        where->offset += window->instruction_offset;
    }
    return result;
}

enum vcd_result vcd_decode(const uint8_t *source, size_t source_size, const uint8_t *delta,
                           size_t delta_size, uint8_t *target, size_t target_capacity,
                           size_t *target_size_out, struct vcd_where *where) {
    struct vcd_header header;
    struct vcd_summary summary;
    struct vcd_code_table *table = NULL;
    size_t target_size = 0;
    if (where != NULL) {
        where->window = 0;
    }
    enum vcd_result result = vcd_read_header(delta, delta_size, &header, where);
    if (result == VCD_OK) {
        result = vcd_read_summary(delta, delta_size, &summary, where);
    }
    if (result != VCD_OK) {
        return result;
    }
    if (summary.packed_windows > 0) {
        return vcd_fail(where, VCD_UNSUPPORTED, header.size, "sections that are not packed");
    }
    if (summary.target_size > target_capacity) {
        return vcd_fail(where, VCD_TOO_LARGE, header.size, "a target that fits the room for it");
    }
    if (header.code_table_size > 0) {
        result = vcd_code_table_new(delta, delta_size, &header, &table, where);
    }
    uint64_t offset = header.size;
    for (uint64_t i = 0; result == VCD_OK && offset < delta_size; i++) {
        struct vcd_window window;
        if (where != NULL) {
            where->window = i;
        }
        result = vcd_read_window(delta, delta_size, offset, &window, where);
        if (result == VCD_OK) {
            result = decode_next_window(source, source_size, delta, &window, table, target,
                                        target_size, where);
            target_size += (size_t)window.target_size;
            offset = window.next_offset;
        }
    }
    vcd_code_table_free(table);
    *target_size_out = target_size;
    return result;
}
