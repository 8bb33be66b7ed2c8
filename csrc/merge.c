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

/* An instruction of the window in work; EARLIER is a copy within the window. */
struct step {
    enum vcd_piece_kind kind;
    uint32_t size;
    union vcd_origin from; /* of EARLIER: in the window */
};

struct vcd_merger {
    struct vcd_piece_list list;
    uint64_t work; /* done so far, in steps */

    struct walk *walks; /* each interrupts the one before */
    size_t walk_count, walk_capacity;

    uint64_t window; /* in work */
    uint32_t window_size;
    uint32_t here; /* how much of it is there */
    struct step *steps;
    size_t step_count, step_capacity;
    uint64_t segment_start, segment_end;

    struct vcd_buffer literals; /* of several steps that make one ADD */
    struct vcd_window_writer writer;
};

struct vcd_merger *vcd_merger_new(void) {
    return calloc(1, sizeof(struct vcd_merger));
}

void vcd_merger_free(struct vcd_merger *merger) {
    if (merger != NULL) {
        free(merger->list.pieces);
        free(merger->walks);
        free(merger->steps);
        vcd_buffer_free(&merger->literals);
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
        .offset = merger->here,
    };
    return true;
}

/* Whether 'step' goes on where 'last' ends; literals of another place do not. */
static bool goes_on(const struct step *last, const struct step *step) {
    if (last->kind != step->kind) {
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

static bool add_step(struct vcd_merger *merger, struct step step) {
    if (step.kind == VCD_PIECE_RUN && step.size == 1) {
        step.kind = VCD_PIECE_LITERAL;
    }
    struct step *const last =
        merger->step_count > 0 ? &merger->steps[merger->step_count - 1] : NULL;
    if (last != NULL && goes_on(last, &step)) {
        last->size += step.size;
    } else {
        struct step *const steps = vcd_with_room(merger->steps, merger->step_count,
                                                 &merger->step_capacity, sizeof *merger->steps);
        if (steps == NULL) {
            return false;
        }
        merger->steps = steps;
        merger->steps[merger->step_count++] = step;
    }
    merger->here += step.size;
    return true;
}

/* Stretches the segment over a copy, unless source and window together became too large for
   readers with 32-bit addresses. */
static bool fits_segment(struct vcd_merger *merger, uint64_t position, uint64_t size) {
    const uint64_t end = position + size;
    const uint64_t new_start = position < merger->segment_start ? position : merger->segment_start;
    const uint64_t new_end = end > merger->segment_end ? end : merger->segment_end;
    if (new_end - new_start > UINT32_MAX - merger->window_size) {
        return false;
    }
    merger->segment_start = new_start;
    merger->segment_end = new_end;
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
        merger->here == piece->written_offset + piece->written_size) {
        piece->written_size += (uint32_t)size;
        return;
    }
    piece->written = position;
    piece->written_size = (uint32_t)size;
    piece->written_offset = merger->here;
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
    struct step step = {.kind = (enum vcd_piece_kind)piece->kind, .size = (uint32_t)size};

    if (piece->kind == VCD_PIECE_EARLIER) {
        const uint64_t period = piece->at - piece->from.position;
        if (position - walk->start >= period) {
            remember(merger, piece, position, size);
            walk->next += size;
            step.from.position = walk->offset + (position - walk->start - period);
            return progress(add_step(merger, step));
        }
    }
    if (is_written(merger, piece, position, size)) {
        const struct step *const last =
            merger->step_count > 0 ? &merger->steps[merger->step_count - 1] : NULL;
        const struct step again = {.kind = VCD_PIECE_EARLIER,
                                   .size = (uint32_t)size,
                                   .from.position =
                                       piece->written_offset + (position - piece->written)};
        const bool pays = (piece->kind == VCD_PIECE_LITERAL || piece->kind == VCD_PIECE_EARLIER) &&
                          size >= WORTH_REMEMBERING;
        if (pays || (last != NULL && goes_on(last, &again))) {
            walk->next += size;
            return progress(add_step(merger, again));
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
        if (!fits_segment(merger, step.from.position, size)) {
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
    return progress(add_step(merger, step));
}

enum { WINDOW_WORK = 1 << 12 }; /* steps that a window of the merged delta counts */

/*
 * What merging may cost in all: 64 steps for each instruction and each byte of data that was read,
 * for each window what a written one counts, and in any case enough for 64 GiB in one window.
 */
static uint64_t most_work(const struct vcd_piece_list *list) {
    return 64 * list->instructions + WINDOW_WORK * list->windows + ((uint64_t)1 << 24);
}

/* Fills merger->steps for 'size' bytes from 'start' on, or for fewer. */
static enum vcd_result find_steps(struct vcd_merger *merger, uint64_t start, size_t size,
                                  struct vcd_where *where) {
    merger->window++;
    merger->window_size = (uint32_t)size;
    merger->here = 0;
    merger->step_count = 0;
    merger->segment_start = UINT64_MAX;
    merger->segment_end = 0;
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

/* ---- Writing them ------------------------------------------------------------------------- */

/* Writes the literals from step 'i' on as one ADD; returns where others go on. */
static size_t write_literals(struct vcd_merger *merger, size_t i) {
    const struct step *const steps = merger->steps;
    if (i + 1 == merger->step_count || steps[i + 1].kind != VCD_PIECE_LITERAL) {
        vcd_writer_add(&merger->writer, steps[i].from.bytes, steps[i].size);
        return i + 1;
    }
    merger->literals.size = 0;
    for (; i < merger->step_count && steps[i].kind == VCD_PIECE_LITERAL; i++) {
        vcd_buffer_append(&merger->literals, steps[i].from.bytes, steps[i].size);
    }
    vcd_writer_add(&merger->writer, merger->literals.bytes, merger->literals.size);
    return i;
}

static void write_steps(struct vcd_merger *merger, uint64_t segment_size) {
    struct vcd_window_writer *const writer = &merger->writer;
    vcd_writer_start(writer, segment_size);
    for (size_t i = 0; i < merger->step_count && !merger->literals.failed;) {
        const struct step *const step = &merger->steps[i];
        switch (step->kind) {
        case VCD_PIECE_LITERAL:
            i = write_literals(merger, i);
            continue;
        case VCD_PIECE_RUN:
            vcd_writer_run(writer, *step->from.bytes, step->size);
            break;
        case VCD_PIECE_SOURCE:
            vcd_writer_copy(writer, step->from.position - merger->segment_start, step->size);
            break;
        default: /* EARLIER */
            vcd_writer_copy(writer, segment_size + step->from.position, step->size);
            break;
        }
        i++;
    }
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
    const bool has_segment = merger->segment_end > 0;
    const uint64_t segment_size = has_segment ? merger->segment_end - merger->segment_start : 0;
    write_steps(merger, segment_size);
    if (merger->literals.failed || writer->data.failed || writer->instructions.failed ||
        writer->addresses.failed) {
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
    *window_out = (struct vcd_window){
        .indicator = has_segment ? VCD_SOURCE : 0,
        .segment_position = has_segment ? merger->segment_start : 0,
        .segment_size = segment_size,
        .target_size = merger->here,
        .data_size = writer->data.size,
        .instruction_size = writer->instructions.size,
        .address_size = writer->addresses.size,
    };
    return VCD_OK;
}
