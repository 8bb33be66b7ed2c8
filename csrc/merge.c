/*
 * merge.c - two deltas, source -> a and a -> b, become one, source -> b
 *
 * piece_list.h draws what the deltas are read into: pieces of a and of b, in one space of
 * positions. A window of the merged delta is a walk over a stretch of b. Where a piece says
 * 'earlier' and the place lies in the stretch itself, the window copies from itself, however far
 * the copy overlaps. Where it does not, a walk over that place comes in between, a stretch of its
 * own: so a copy of period p costs a walk over p bytes and one overlapping copy. A walk that comes
 * in between ends before the one around it begins, hence only the innermost can be copied from.
 *
 * A piece remembers where in the window it was last written, so that what b takes twice from a is
 * written once. The cost is in proportion to instructions, but for copies of copies that were made
 * to explode: those end at most_work().
 */
#include <assert.h>
#include <stdlib.h>

#include "common.h"
#include "format.h"
#include "growing.h"
#include "piece_list.h"
#include "step_list.h"
#include "window_writer.h"

enum {
    /* Shorter stretches are written again: a COPY costs three to five bytes itself. */
    WORTH_REMEMBERING = 8,
};

/* A walk over a stretch, whose byte 'start' stands in the window at 'offset'. */
struct walk {
    uint64_t start;
    uint64_t next;
    uint64_t end;
    size_t piece; /* that 'next' lies in */
    uint32_t offset;
};

struct vcd_merger {
    struct vcd_piece_list list;
    uint64_t work; /* done so far, in steps */

    struct walk *walks; /* each interrupts the one before */
    size_t walk_count, walk_capacity;

    uint64_t window;            /* in work */
    struct vcd_step_list steps; /* that make it */
    struct vcd_window_writer writer;
};

struct vcd_merger *vcd_merger_new(void) {
    return calloc(1, sizeof(struct vcd_merger));
}

void vcd_merger_free(struct vcd_merger *merger) {
    if (merger != NULL) {
        free(merger->list.pieces);
        free(merger->walks);
        vcd_step_list_free(&merger->steps);
        vcd_writer_free(&merger->writer);
        free(merger);
    }
}

/* ---- Reading both deltas ------------------------------------------------------------------ */

enum vcd_result vcd_merger_read_first(struct vcd_merger *merger, const struct vcd_window *window,
                                      const struct vcd_sections *sections,
                                      const struct vcd_code_table *table, struct vcd_where *where) {
    const bool from_target = (window->indicator & VCD_TARGET) != 0;
    const struct vcd_piece_segment segment = {
        .kind = from_target ? VCD_PIECE_EARLIER : VCD_PIECE_SOURCE,
        .position = window->segment_position,
        .size = window->segment_size,
    };
    if (from_target && segment.position + segment.size > merger->list.size) {
        return vcd_fail(where, VCD_MALFORMED, 0, "a segment inside the target so far");
    }
    const enum vcd_result result =
        vcd_piece_list_read(&merger->list, window, sections, table, &segment, where);
    merger->list.first_size = merger->list.size;
    return result;
}

enum vcd_result vcd_merger_read_second(struct vcd_merger *merger, const struct vcd_window *window,
                                       const struct vcd_sections *sections,
                                       const struct vcd_code_table *table,
                                       struct vcd_where *where) {
    const bool from_target = (window->indicator & VCD_TARGET) != 0;
    const uint64_t room =
        from_target ? merger->list.size - merger->list.first_size : merger->list.first_size;
    if (window->segment_position + window->segment_size > room) {
        return from_target ? vcd_fail(where, VCD_MALFORMED, 0, "a segment inside the target so far")
                           : vcd_fail(where, VCD_WRONG_SOURCE, 0,
                                      "a first delta whose target is long enough for the segment");
    }
    const struct vcd_piece_segment segment = {
        .kind = VCD_PIECE_EARLIER,
        .position = window->segment_position + (from_target ? merger->list.first_size : 0),
        .size = window->segment_size,
    };
    return vcd_piece_list_read(&merger->list, window, sections, table, &segment, where);
}

/* ---- The steps of one window -------------------------------------------------------------- */

static bool begin_walk(struct vcd_merger *merger, uint64_t start, uint64_t size) {
    struct walk *const walks = vcd_with_room(merger->walks, merger->walk_count,
                                             &merger->walk_capacity, sizeof *merger->walks);
    if (walks == NULL) {
        return false;
    }
    merger->walks = walks;
    /* Else it would lead to bytes that the walk around it has yet to write. */
    assert(merger->walk_count == 0 || start + size <= walks[merger->walk_count - 1].start);
    merger->walks[merger->walk_count++] = (struct walk){
        .start = start,
        .next = start,
        .end = start + size,
        .piece = vcd_piece_list_find(&merger->list, start),
        .offset = merger->steps.here,
    };
    return true;
}

/* Whether 'size' bytes from 'position' on, of 'piece', stand in this window already. */
static bool is_written(const struct vcd_merger *merger, const struct vcd_piece *piece,
                       uint64_t position, uint64_t size) {
    return piece->window == merger->window && position >= piece->written &&
           position + size <= piece->written + piece->written_size;
}

static void remember(const struct vcd_merger *merger, struct vcd_piece *piece, uint64_t position,
                     uint64_t size) {
    if (piece->window == merger->window && position == piece->written + piece->written_size &&
        merger->steps.here == piece->written_offset + piece->written_size) {
        piece->written_size += (uint32_t)size;
        return;
    }
    piece->written = position;
    piece->written_size = (uint32_t)size;
    piece->written_offset = merger->steps.here;
    piece->window = merger->window & (UINT64_MAX >> 2);
}

/*
 * A piece that looks back into a single other one, which looks back itself, looks back further; so
 * does the piece that it then sees, and so on. That halves chains, so that the next one who follows
 * a part of them has less to do. Returns whether anything has changed.
 */
static bool shorten(struct vcd_merger *merger, size_t number) {
    const struct vcd_piece_list *const list = &merger->list;
    bool changed = false;
    while (list->pieces[number].kind == VCD_PIECE_EARLIER) {
        struct vcd_piece *const piece = &list->pieces[number];
        const uint64_t seen_end = piece->from.position + (vcd_piece_end(list, number) - piece->at);
        const size_t seen = vcd_piece_list_find(list, piece->from.position);
        const struct vcd_piece *const other = &list->pieces[seen];
        if (other->kind != VCD_PIECE_EARLIER || seen_end > vcd_piece_end(list, seen)) {
            break;
        }
        piece->from.position -= other->at - other->from.position;
        number = vcd_piece_list_find(list, piece->from.position);
        merger->work++;
        changed = true;
    }
    return changed;
}

enum progress { GOES_ON, WINDOW_ENDS, NO_MEMORY };

static enum progress progress(bool done) {
    return done ? GOES_ON : NO_MEMORY;
}

/* Writes what is left of a walk in its piece, or a part of that. */
static enum progress write_part(struct vcd_merger *merger) {
    struct walk *const walk = &merger->walks[merger->walk_count - 1];
    struct vcd_piece *const piece = &merger->list.pieces[walk->piece];
    const uint64_t end = vcd_piece_end(&merger->list, walk->piece);
    const uint64_t position = walk->next;
    const uint64_t in_piece = position - piece->at;
    uint64_t size = (walk->end < end ? walk->end : end) - position;
    struct vcd_step step = {.kind = (enum vcd_piece_kind)piece->kind, .size = (uint32_t)size};

    if (piece->kind == VCD_PIECE_EARLIER) {
        const uint64_t period = piece->at - piece->from.position;
        if (position - walk->start >= period) {
            remember(merger, piece, position, size);
            walk->next += size;
            step.from.position = walk->offset + (position - walk->start - period);
            return progress(vcd_step_list_add(&merger->steps, step));
        }
    }
    if (is_written(merger, piece, position, size)) {
        const struct vcd_step again = {
            .kind = VCD_PIECE_EARLIER,
            .size = (uint32_t)size,
            .from.position = piece->written_offset + (position - piece->written),
        };
        const bool pays = (piece->kind == VCD_PIECE_LITERAL || piece->kind == VCD_PIECE_EARLIER) &&
                          size >= WORTH_REMEMBERING;
        if (pays || vcd_step_list_goes_on(&merger->steps, &again)) {
            walk->next += size;
            return progress(vcd_step_list_add(&merger->steps, again));
        }
    }

    switch (piece->kind) {
    case VCD_PIECE_EARLIER: {
        if (shorten(merger, walk->piece)) {
            return GOES_ON;
        }
        const uint64_t period = piece->at - piece->from.position;
        const uint64_t start = piece->from.position + in_piece % period;
        /* From there on, this walk can be copied from. */
        const uint64_t to_copy = walk->start + period - position;
        size = size < to_copy ? size : to_copy;
        remember(merger, piece, position, size);
        walk->next += size;
        return progress(begin_walk(merger, start, size));
    }
    case VCD_PIECE_SOURCE:
        step.from.position = piece->from.position + in_piece;
        if (!vcd_step_list_reach(&merger->steps, step.from.position, size)) {
            return WINDOW_ENDS;
        }
        break;
    case VCD_PIECE_LITERAL:
        step.from.bytes = piece->from.bytes + in_piece;
        merger->work += size;
        break;
    default: /* RUN */
        step.from.bytes = piece->from.bytes;
        break;
    }
    remember(merger, piece, position, size);
    walk->next += size;
    return progress(vcd_step_list_add(&merger->steps, step));
}

enum { WINDOW_WORK = 1 << 12 }; /* steps that a window of the merged delta counts */

/*
 * What merging may cost in all: 64 steps for each instruction and each byte of data that was read,
 * for each window what a written one counts, and in any case enough for 64 GiB in one window.
 */
static uint64_t most_work(const struct vcd_piece_list *list) {
    return 64 * list->instructions + WINDOW_WORK * list->windows + ((uint64_t)1 << 24);
}

/* Finds the steps for 'size' bytes from 'start' on, or for fewer. */
static enum vcd_result find_steps(struct vcd_merger *merger, uint64_t start, size_t size,
                                  struct vcd_where *where) {
    merger->window++;
    vcd_step_list_start(&merger->steps, (uint32_t)size);
    merger->walk_count = 0;
    enum progress state = progress(begin_walk(merger, start, size));
    const uint64_t most = most_work(&merger->list);
    while (state == GOES_ON && merger->walk_count > 0) {
        struct walk *const walk = &merger->walks[merger->walk_count - 1];
        if (merger->work++ >= most) {
            return vcd_fail(where, VCD_UNSUPPORTED, 0,
                            "deltas that merge in 64 steps for each of their instructions");
        }
        if (walk->next == walk->end) {
            merger->walk_count--;
        } else if (walk->next == vcd_piece_end(&merger->list, walk->piece)) {
            walk->piece++;
        } else {
            state = write_part(merger);
        }
    }
    if (state == GOES_ON) { /* windows that end early count their steps alone */
        merger->work += WINDOW_WORK;
    }
    return state == NO_MEMORY ? vcd_fail(where, VCD_NO_MEMORY, 0, "memory") : VCD_OK;
}

enum vcd_result vcd_merge_window(struct vcd_merger *merger, uint64_t from, size_t size,
                                 struct vcd_window *window_out, struct vcd_sections *sections_out,
                                 struct vcd_where *where) {
    struct vcd_window_writer *const writer = &merger->writer;
    assert(size <= VCD_WINDOW_MAX_SIZE);
    assert(from <= merger->list.size - merger->list.first_size);
    assert(size <= merger->list.size - merger->list.first_size - from);
    const enum vcd_result result = find_steps(merger, merger->list.first_size + from, size, where);
    if (result != VCD_OK) {
        return result;
    }
    if (!vcd_step_list_write(&merger->steps, writer)) {
        return vcd_fail(where, VCD_NO_MEMORY, 0, "memory");
    }
    *sections_out = (struct vcd_sections){
        .data = writer->data.bytes,
        .data_size = writer->data.size,
        .instructions = writer->instructions.bytes,
        .instructions_size = writer->instructions.size,
        .addresses = writer->addresses.bytes,
        .addresses_size = writer->addresses.size,
    };
    const bool has_segment = merger->steps.segment_end > 0;
    *window_out = (struct vcd_window){
        .indicator = has_segment ? VCD_SOURCE : 0,
        .segment_position = has_segment ? merger->steps.segment_start : 0,
        .segment_size = vcd_step_list_segment_size(&merger->steps),
        .target_size = merger->steps.here,
        .data_size = writer->data.size,
        .instruction_size = writer->instructions.size,
        .address_size = writer->addresses.size,
    };
    return VCD_OK;
}
