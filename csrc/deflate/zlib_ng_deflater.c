/*
 * zlib_ng_deflater.c - the matches that zlib-ng takes at level 6, for its callers
 *
 *              at                   there
 *    ... | current match ....... | next match ...
 *                       <-- moved to the left as far as it goes
 *
 * At each place the longest match is taken, or a literal. Before that, the match behind it is
 * looked for, and where it can begin earlier, so that nothing is left of the current one but a byte
 * at most, it does.
 *
 * What comes out depends on the calls: wherever one of them ends, for want of plain bytes or of
 * room for deflated ones, the next match is forgotten, and a literal taken in its place, since its
 * place is in the chains by then and hides what is before. So the caller is followed as well: how
 * many bytes he gives at once, and which room he has for what comes out.
 */
#include "zlib_ng_deflater.h"

#include <stdlib.h>

#include "zlib_ng_chains.h"

enum {
    PIECE_SIZE = 8 << 10,
    ENTERED_LENGTH = 256,
    NICE_LENGTH = 128, /* a match that ends the search */
};

/* From 'entered' on its bytes are not in the chains yet, but for the first. */
struct match {
    uint32_t at;
    uint32_t start;
    uint32_t length;
    uint32_t entered;
};

/* How a caller deflates: what he gives at once, and for each call room in KiB, the last for ever.
 */
struct calls {
    const uint32_t *rooms, *last_room;
    uint64_t piece_size;
    bool repeated; /* for the same plain bytes, until there is room left */
    bool flushed;  /* before the end */
};

enum stage { WRITING, FLUSHING, ENDING, ENDED };

struct dfl_zlib_ng_deflater {
    bool full; /* matches of any length are entered in full */
    struct calls calls;
    struct dfl_block_writer *writer;
    enum stage stage;
    uint32_t at;
    uint32_t ahead;  /* bytes in the window from 'at' on */
    bool filling;    /* more are being read behind these: */
    uint32_t read;   /* so many by now, */
    uint32_t wanted; /* and so many still, before anything else is done */
    bool failed;
    int32_t block_start; /* below 0 when it has left the window */
    uint64_t piece_left; /* of what the caller gives at once: what has not been read */
    const uint32_t *next_room;
    uint64_t room;     /* for deflated bytes, in this call */
    uint64_t pending;  /* deflated bytes that no room has been found for */
    struct match next; /* of no length: not looked for */
    struct dfl_zlib_ng_chains chains;
};

/* ---- The caller ------------------------------------------------------------------------- */

/* Python's list of buffers; what flate2 writes through; bytes objects that double. */
static const uint32_t growing[] = {32,    64,    256,   1024,  4096,  8192,   16384,  16384, 32768,
                                   32768, 32768, 32768, 65536, 65536, 131072, 131072, 262144};
static const uint32_t constant[] = {32};
static const uint32_t doubling[] = {16,   16,   32,    64,    128,   256,    512,    1024,  2048,
                                    4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288};

#define ROOMS(rooms) (rooms), (rooms) + sizeof(rooms) / sizeof *(rooms)-1

static const struct calls callers[] = {
    [DFL_PYTHON] = {ROOMS(growing), UINT64_MAX, true, false},
    [DFL_PYTHON_PIECES] = {ROOMS(growing), PIECE_SIZE, true, false},
    [DFL_FLATE2] = {ROOMS(constant), UINT64_MAX, false, false},
    [DFL_FLATE2_FLUSHED] = {ROOMS(constant), UINT64_MAX, false, true},
    [DFL_FLATE2_PIECES_FLUSHED] = {ROOMS(constant), PIECE_SIZE, false, true},
    [DFL_PYTHON_ZLIB_NG] = {ROOMS(doubling), UINT64_MAX, true, false},
};

/* Hands out what there is room for; returns whether there is some left. */
static bool hand_out(struct dfl_zlib_ng_deflater *deflater) {
    const uint64_t size = deflater->pending < deflater->room ? deflater->pending : deflater->room;
    deflater->pending -= size;
    deflater->room -= size;
    return deflater->room > 0;
}

/* Calls again, with the next of the caller's rooms, until something can be done. */
static void call_again(struct dfl_zlib_ng_deflater *deflater) {
    do {
        deflater->room = (uint64_t)*deflater->next_room << 10;
        deflater->next_room += deflater->next_room < deflater->calls.last_room ? 1 : 0;
    } while (!hand_out(deflater));
}

/* Calls for another piece, or another purpose. */
static void call(struct dfl_zlib_ng_deflater *deflater) {
    deflater->next_room = deflater->calls.rooms;
    call_again(deflater);
}

/* ---- Plain bytes ------------------------------------------------------------------------ */

/* What a caller has given, that has not been taken. */
struct given {
    const uint8_t *plain;
    size_t size;
    bool last; /* there will be no more */
};

/* Reads on; false: not all that is wanted has been given. */
static bool read_wanted(struct dfl_zlib_ng_deflater *deflater, struct given *given) {
    const size_t size = vcd_min(deflater->wanted, given->size);
    if (size > 0) {
        uint8_t *const end = deflater->chains.window + deflater->at + deflater->ahead;
        memcpy(end + deflater->read, given->plain, size);
        given->plain += size;
        given->size -= size;
        deflater->wanted -= (uint32_t)size;
        deflater->read += (uint32_t)size;
    }
    return deflater->wanted == 0 || given->last;
}

/*
 * Fills the window with what there is of a piece, as zlib-ng does when it runs out of bytes to
 * come. The byte before 'at' is entered again each time. Returns false when more has to be given
 * first.
 */
static bool fill(struct dfl_zlib_ng_deflater *deflater, struct given *given) {
    do {
        if (!deflater->filling) {
            if (deflater->at >= DFL_WINDOW_SIZE + DFL_MAX_DISTANCE) {
                dfl_zlib_ng_slide(&deflater->chains);
                deflater->at -= DFL_WINDOW_SIZE;
                deflater->block_start -= DFL_WINDOW_SIZE;
            }
            const uint64_t room = DFL_WINDOW_ROOM - deflater->at - deflater->ahead;
            deflater->wanted =
                (uint32_t)(room < deflater->piece_left ? room : deflater->piece_left);
            deflater->filling = true;
        }
        if (!read_wanted(deflater, given)) {
            return false;
        }
        deflater->filling = false;
        deflater->piece_left = deflater->wanted > 0 ? 0 : deflater->piece_left - deflater->read;
        deflater->ahead += deflater->read;
        if (deflater->read > 0 && deflater->ahead >= DFL_MIN_MATCH && deflater->at > 0) {
            (void)dfl_zlib_ng_enter(&deflater->chains, deflater->at - 1);
        }
        deflater->read = 0;
    } while (deflater->ahead < DFL_MIN_LOOKAHEAD && deflater->piece_left > 0);
    return true;
}

/* ---- Matches ---------------------------------------------------------------------------- */

static void enter_all(struct dfl_zlib_ng_deflater *deflater, uint32_t at, uint32_t end) {
    for (; at < end; at++) {
        (void)dfl_zlib_ng_enter(&deflater->chains, at);
    }
}

/*
 * A match at 'at', whose chain goes on at 'candidate'; of one byte: a literal. With as many bytes
 * as are ahead the search ends, or with 'full' with more, by grace of what lies behind them.
 */
VCD_INLINE struct match find(const struct dfl_zlib_ng_deflater *deflater, uint32_t at,
                             uint32_t candidate) {
    struct match match = {.at = at, .start = 0, .length = 1, .entered = at};
    if (candidate != 0 && candidate < at && at - candidate <= DFL_MAX_DISTANCE) {
        const uint32_t all = deflater->ahead + (deflater->full ? 1 : 0);
        const uint32_t enough = all < NICE_LENGTH ? all : NICE_LENGTH;
        const uint32_t found =
            dfl_zlib_ng_longest_match(&deflater->chains, at, enough, candidate, &match.start);
        if (found >= DFL_ZLIB_NG_LEAST && match.start < at) {
            match.length = found < deflater->ahead ? found : deflater->ahead;
        }
    }
    return match;
}

/* Enters the bytes of a match behind its first one. */
VCD_INLINE void enter_match(struct dfl_zlib_ng_deflater *deflater, const struct match *match) {
    const uint32_t end = match->at + match->length;
    if (deflater->ahead <= match->length + DFL_ZLIB_NG_LEAST || match->length < DFL_ZLIB_NG_LEAST) {
        return;
    }
    if (match->length > ENTERED_LENGTH && !deflater->full) { /* the last byte only */
        (void)dfl_zlib_ng_enter(&deflater->chains, end - 1);
    } else if (match->at < match->entered) {
        enter_all(deflater, match->entered, end);
    } else {
        enter_all(deflater, match->at + 1, end);
    }
}

/* Moves the next match to the left, if then at most a byte is left of the current one. */
VCD_INLINE void move_next(const struct dfl_zlib_ng_deflater *deflater, struct match *current,
                          struct match *next) {
    const uint8_t *const window = deflater->chains.window;
    const uint32_t length = current->length;
    if (length <= 1 || next->start < length - 1 ||
        window[next->start - (length - 1)] != window[next->at - (length - 1)]) {
        return;
    }
    const uint32_t behind = next->at > DFL_MAX_DISTANCE ? next->at - DFL_MAX_DISTANCE : 0;
    uint32_t moved = 0;
    while (moved < length && next->at - moved > behind && next->length + moved < 256 &&
           next->start - moved > 1 &&
           window[next->start - moved - 1] == window[next->at - moved - 1]) {
        moved++;
    }
    if (moved > 0 && length - moved <= 1) {
        next->entered = next->at + 1;
        next->at -= moved;
        next->start -= moved;
        next->length += moved;
        current->length -= moved;
    }
}

/* ---- Blocks ----------------------------------------------------------------------------- */

/* Returns whether there is room left for more of them. */
static bool end_block(struct dfl_zlib_ng_deflater *deflater, bool last) {
    struct dfl_block_writer *const writer = deflater->writer;
    const int32_t start = deflater->block_start;
    const uint8_t *const plain = start >= 0 ? deflater->chains.window + start : NULL;
    const size_t size = writer->out.bytes.size;
    if (!dfl_write_block(writer, plain, (size_t)((int32_t)deflater->at - start), last)) {
        deflater->failed = true;
        writer->count = 0;
    }
    deflater->block_start = (int32_t)deflater->at;
    deflater->pending += writer->out.bytes.size - size;
    return hand_out(deflater);
}

/* Takes one symbol; returns false where the call ends, since there is no room left. */
VCD_INLINE bool take(struct dfl_zlib_ng_deflater *deflater) {
    struct match current = deflater->next;
    if (current.length == 0) {
        const uint32_t at = deflater->at;
        const bool entered = deflater->ahead >= DFL_ZLIB_NG_LEAST;
        current = find(deflater, at, entered ? dfl_zlib_ng_enter(&deflater->chains, at) : 0);
    }
    enter_match(deflater, &current);
    const uint32_t there = current.at + current.length;
    deflater->next.length = 0;
    if (deflater->ahead > DFL_MIN_LOOKAHEAD && there < DFL_WINDOW_ROOM - DFL_MIN_LOOKAHEAD) {
        deflater->next = find(deflater, there, dfl_zlib_ng_enter(&deflater->chains, there));
        if (deflater->next.length > 1) {
            move_next(deflater, &current, &deflater->next);
        }
    }
    bool full = false;
    if (current.length >= DFL_ZLIB_NG_LEAST) {
        full = dfl_add_match(deflater->writer, current.length, current.at - current.start);
    } else if (current.length > 0) {
        full = dfl_add_literal(deflater->writer, deflater->chains.window[current.at]);
    }
    deflater->at += current.length;
    deflater->ahead -= current.length;
    return !full || end_block(deflater, false);
}

/* ---- The stream ------------------------------------------------------------------------- */

/* Takes all that a call takes; 'given' is for filling the window. Returns false: more is needed. */
static bool take_all(struct dfl_zlib_ng_deflater *deflater, struct given *given) {
    for (;;) {
        if (deflater->ahead < DFL_MIN_LOOKAHEAD) {
            if (!fill(deflater, given)) {
                return false;
            }
            deflater->next.length = 0;
            if (deflater->ahead < (deflater->stage == WRITING ? DFL_MIN_LOOKAHEAD : 1)) {
                return true;
            }
        }
        if (!take(deflater)) {
            deflater->next.length = 0;
            return true;
        }
    }
}

/* What a caller writes who flushes: the block so far, and an empty one that is stored. */
static bool flush(struct dfl_zlib_ng_deflater *deflater) {
    struct dfl_bit_writer *const out = &deflater->writer->out;
    if ((deflater->writer->count == 0 || end_block(deflater, false)) && !deflater->failed) {
        if (!dfl_reserve(out, 8)) {
            return false;
        }
        dfl_write_bits(out, DFL_STORED << 1, 3);
        dfl_write_stored(out, NULL, 0);
    }
    return !deflater->failed;
}

/* Behind a call that has ended: calls again, as the caller would; false: more has to be given. */
static bool go_on(struct dfl_zlib_ng_deflater *deflater, const struct given *given) {
    const bool full = deflater->room == 0;
    if (full &&
        (deflater->calls.repeated || deflater->piece_left > 0 || deflater->stage != WRITING)) {
        call_again(deflater);
        if (deflater->stage == FLUSHING) { /* flate2 does not flush again */
            deflater->stage = WRITING;
        }
        return true;
    }
    if (given->size > 0) {
        deflater->piece_left = deflater->calls.piece_size;
    } else if (!given->last) {
        return false;
    } else if (deflater->calls.flushed) {
        deflater->calls.flushed = false;
        if (!full) {
            deflater->stage = FLUSHING;
            return true;
        }
    } else {
        deflater->stage = ENDING;
    }
    call(deflater);
    return true;
}

bool dfl_zlib_ng_deflate(struct dfl_zlib_ng_deflater *deflater, const uint8_t *plain,
                         size_t plain_size, bool last) {
    struct given given = {plain, plain_size, last};
    while (!deflater->failed && deflater->stage != ENDED) {
        /* Without room, a call has ended, and there was nothing yet to call again with. */
        if (deflater->room > 0 && !take_all(deflater, &given)) {
            break;
        }
        if (deflater->stage == WRITING || deflater->room == 0) {
            if (!go_on(deflater, &given)) {
                break;
            }
        } else if (deflater->stage == FLUSHING) {
            deflater->failed = !flush(deflater);
            deflater->stage = ENDING;
            call(deflater);
        } else {
            (void)end_block(deflater, true);
            deflater->stage = ENDED;
        }
    }
    return !deflater->failed;
}

struct dfl_zlib_ng_deflater *dfl_zlib_ng_deflater_new(const struct dfl_parameters *parameters,
                                                      struct dfl_block_writer *writer) {
    struct dfl_zlib_ng_deflater *const deflater = calloc(1, sizeof *deflater);
    if (deflater != NULL) {
        deflater->full = parameters->family == DFL_ZLIB_NG_FULL;
        deflater->calls = callers[parameters->caller];
        deflater->piece_left = deflater->calls.piece_size;
        deflater->writer = writer;
        call(deflater);
    }
    return deflater;
}

void dfl_zlib_ng_deflater_free(struct dfl_zlib_ng_deflater *deflater) {
    free(deflater);
}
