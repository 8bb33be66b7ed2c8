/*
 * lzma_encoder.c - LZMA in a hurry, for sections that would take liblzma most of a delta's time
 *
 *     control | plain size - 1 | packed size - 1 | properties | range coded decisions
 *     control | plain size - 1 | plain bytes                       a chunk that does not shrink
 *
 * LZMA without looking ahead: one place is known for each key of four bytes, the last, and the
 * four distances used last are tried. What literals and matches are coded by is LZMA's own, as the
 * LZMA specification of Igor Pavlov's SDK has it; no position bits, three bits of literal context.
 *
 * liblzma's fast mode takes 2.5 times as long for 1 % fewer bytes, on the sections of executables
 * and the literals of wheels.
 */
#include "lzma_encoder.h"

#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "evenness.h"
#include "match_length.h"
#include "range_coder.h"

enum {
    CHUNK = 1 << 15, /* plain bytes; what they are packed to then fits into its 16 bits */
    HEAD = 6,
    CONTROL_PLAIN_FIRST = 1,
    CONTROL_PLAIN = 2,
    CONTROL_STATE = 0xA0, /* resets what was learned, */
    CONTROL_PROPERTIES = 0xC0,
    CONTROL_FIRST = 0xE0, /* and this the dictionary, too */
    CONTROL_MORE = 0x80,
    LITERAL_CONTEXT_BITS = 3,
    PROPERTIES = LITERAL_CONTEXT_BITS,

    STATES = 12,
    LITERAL_STATES = 7, /* from here on, the last was a match */
    DISTANCES = 4,
    SLOT_BITS = 6,
    SPECIAL_SLOTS = 14, /* slots below have a chance for each distance */
    ALIGN_BITS = 4,
    MIN_SIZE = 2,
    MAX_SIZE = 273,

    KEY_BITS = 14,
    SHORT_KEY_BITS = 12,
    SHORT_2_REACH = 128,
    SHORT_3_REACH = 1024,
    FOUR_REACH = 1 << 14, /* four bytes from farther away cost more than they save */
    LAZY_BELOW = 32,      /* a match so short gives way to a longer one at the next byte */
};

/* By vcd_unevenness(). Deflated literals that shrink have 45 to 200, those of executables 100 to
   1400, instructions and addresses more. Matches of two and three bytes pay where literals are dear
   and bytes are not chance: 4 % on executables. */
enum {
    STRIDE = 3,
    SHORT_FROM = 150,
    SHORT_BELOW = 1000,
};

struct size_chances {
    uint16_t is_long, is_longer;
    uint16_t low[8], middle[8], high[256];
};

/* All of them start at one half. */
struct model {
    uint16_t is_match[STATES], is_again[STATES], is_not_last[STATES], is_not_second[STATES],
        is_not_third[STATES], is_last_long[STATES];
    uint16_t slots[4][1 << SLOT_BITS];
    uint16_t special[128];
    uint16_t align[1 << ALIGN_BITS];
    struct size_chances sizes, sizes_again;
    uint16_t literals[1 << LITERAL_CONTEXT_BITS][3 << 8];
};

struct vcd_lzma_encoder {
    struct model model;
    unsigned state;
    uint32_t distances[DISTANCES]; /* each one less than it is */
    bool takes_short;
    /* The last place of a key, and 1: by hash. */
    uint32_t fours[1 << KEY_BITS];
    uint32_t threes[1 << SHORT_KEY_BITS];
    uint32_t twos[1 << SHORT_KEY_BITS];
    struct vcd_buffer chunks;
};

/* A match: 'again' says which of the last distances it has, DISTANCES that it has a new one. */
struct match {
    uint32_t size;
    uint32_t distance;
    unsigned again;
};

size_t vcd_mark_shrinking(const uint8_t *bytes, size_t size, unsigned least, uint8_t *marks) {
    size_t count = 0;
    for (size_t at = 0; at < size; at += VCD_SHRINKING_BLOCK) {
        const size_t block = vcd_min(VCD_SHRINKING_BLOCK, size - at);
        marks[count++] = vcd_unevenness(bytes + at, block, STRIDE) >= least;
    }
    return count;
}

struct vcd_lzma_encoder *vcd_lzma_encoder_new(void) {
    return calloc(1, sizeof(struct vcd_lzma_encoder));
}

void vcd_lzma_encoder_free(struct vcd_lzma_encoder *encoder) {
    if (encoder != NULL) {
        vcd_buffer_free(&encoder->chunks);
        free(encoder);
    }
}

static void forget(struct vcd_lzma_encoder *encoder) {
    uint16_t *const chances = (uint16_t *)&encoder->model;
    for (size_t i = 0; i < sizeof encoder->model / sizeof *chances; i++) {
        chances[i] = VCD_CHANCE_START;
    }
    encoder->state = 0;
    memset(encoder->distances, 0, sizeof encoder->distances);
}

/* ---- Matches ---------------------------------------------------------------------------- */

static size_t hash(uint32_t key, unsigned bits) {
    return key * 0x9E3779B1U >> (32 - bits);
}

static uint32_t *four_at(struct vcd_lzma_encoder *encoder, const uint8_t *bytes) {
    const uint32_t key = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                         (uint32_t)bytes[3] << 24; /* one load where that is the order */
    return &encoder->fours[hash(key, KEY_BITS)];
}

/* Like vcd_match_forwards(), made for matches that end soon. */
VCD_INLINE size_t match_size(const uint8_t *a, const uint8_t *b, size_t most) {
    if (most >= 8) {
        const uint64_t differs = vcd_load64_le(a) ^ vcd_load64_le(b);
        if (differs != 0) {
            return vcd_lowest_byte(differs);
        }
    }
    return vcd_match_forwards(a, b, most);
}

/* What matches at the last place of a key of 'size' bytes, which becomes 'at'. */
VCD_INLINE struct match match_key(uint32_t *slot, const uint8_t *bytes, size_t at, size_t most,
                                  size_t reach, size_t size) {
    const size_t place = *slot;
    *slot = (uint32_t)at + 1;
    if (place == 0 || at + 1 - place > reach) {
        return (struct match){.size = 0};
    }
    const size_t found = match_size(bytes + at, bytes + place - 1, most);
    return (struct match){
        .size = found >= size ? (uint32_t)found : 0,
        .distance = (uint32_t)(at - place),
        .again = DISTANCES,
    };
}

/* The longest at one of the last distances. */
VCD_INLINE struct match match_again(const struct vcd_lzma_encoder *encoder, const uint8_t *bytes,
                                    size_t at, size_t most) {
    struct match best = {.size = 0};
    for (unsigned i = 0; i < DISTANCES; i++) {
        const size_t distance = (size_t)encoder->distances[i] + 1;
        if (distance > at || memcmp(bytes + at, bytes + at - distance, MIN_SIZE) != 0) {
            continue;
        }
        const size_t size = match_size(bytes + at, bytes + at - distance, most);
        if (size > best.size) {
            best = (struct match){(uint32_t)size, encoder->distances[i], i};
        }
    }
    return best;
}

/* The match to take at a place with 'most' bytes left, at least four; its size is 0 for none. */
static struct match find_match(struct vcd_lzma_encoder *encoder, const uint8_t *bytes, size_t at,
                               size_t most) {
    const uint8_t *const here = bytes + at;
    const struct match again = match_again(encoder, bytes, at, most);
    struct match new = match_key(four_at(encoder, here), bytes, at, most, VCD_LZMA_DICTIONARY, 4);
    if (new.size == 4 && new.distance >= FOUR_REACH) {
        new.size = 0;
    }
    if (encoder->takes_short) {
        const uint32_t two = here[0] | (uint32_t)here[1] << 8;
        const uint32_t three = two | (uint32_t)here[2] << 16;
        uint32_t *const two_slot = &encoder->twos[hash(two, SHORT_KEY_BITS)];
        uint32_t *const three_slot = &encoder->threes[hash(three, SHORT_KEY_BITS)];
        const struct match of_three = match_key(three_slot, bytes, at, most, SHORT_3_REACH, 3);
        const struct match of_two = match_key(two_slot, bytes, at, most, SHORT_2_REACH, 2);
        new = new.size > 0 ? new : of_three.size > 0 ? of_three : of_two;
    }
    /* A known distance costs nothing, a new one as much as one to three literals. */
    const uint32_t saved = new.distance >= 1 << 15 ? 3 : new.distance >= 1 << 9 ? 2 : 1;
    if (again.size >= MIN_SIZE && again.size + saved >= new.size) {
        return again;
    }
    if (!encoder->takes_short && new.size > 0 && new.size < LAZY_BELOW && most > 5) {
        const size_t next = *four_at(encoder, here + 1);
        if (next > 0 && at + 2 - next <= VCD_LZMA_DICTIONARY &&
            match_size(here + 1, bytes + next - 1, most - 1) > new.size) {
            new.size = 0;
        }
    }
    return new;
}

/* ---- Decisions -------------------------------------------------------------------------- */

/* Some bits of a literal, at most three; returns them behind those before. */
VCD_INLINE uint32_t put_bits(struct vcd_range_coder *coder, uint16_t *chances, uint32_t so_far,
                             uint32_t literal, unsigned from, unsigned to) {
    for (unsigned i = from; i-- > to;) {
        const uint32_t bit = literal >> i & 1;
        vcd_range_bit(coder, &chances[so_far], bit);
        so_far = so_far << 1 | bit;
    }
    vcd_range_settle(coder);
    return so_far;
}

static void put_literal(struct vcd_lzma_encoder *encoder, struct vcd_range_coder *coder,
                        const uint8_t *bytes, size_t at) {
    const unsigned before = at > 0 ? bytes[at - 1] : 0;
    uint16_t *const chances = encoder->model.literals[before >> (8 - LITERAL_CONTEXT_BITS)];
    const uint32_t literal = bytes[at];
    uint32_t so_far = 1;
    vcd_range_last_bit(coder, &encoder->model.is_match[encoder->state], 0);
    if (encoder->state < LITERAL_STATES) {
        so_far = put_bits(coder, chances, so_far, literal, 8, 5);
        so_far = put_bits(coder, chances, so_far, literal, 5, 2);
        (void)put_bits(coder, chances, so_far, literal, 2, 0);
    } else {
        /* A match ended here: the byte that would have gone on is unlikely, and says more. */
        uint32_t other = bytes[at - encoder->distances[0] - 1];
        uint32_t as_other = 0x100; /* 0 once a bit differed */
        for (unsigned i = 8; i-- > 0;) {
            other <<= 1;
            const uint32_t bit = literal >> i & 1;
            vcd_range_last_bit(coder, &chances[as_other + (other & as_other) + so_far], bit);
            so_far = so_far << 1 | bit;
            as_other &= ~(other ^ (0U - bit));
        }
    }
    encoder->state = encoder->state < 4    ? 0
                     : encoder->state < 10 ? encoder->state - 3
                                           : encoder->state - 6;
}

static void put_size(struct vcd_range_coder *coder, struct size_chances *chances, uint32_t size) {
    const uint32_t number = size - MIN_SIZE;
    vcd_range_last_bit(coder, &chances->is_long, number >= 8);
    if (number < 8) {
        vcd_range_number(coder, chances->low, 3, number);
        return;
    }
    vcd_range_last_bit(coder, &chances->is_longer, number >= 16);
    if (number < 16) {
        vcd_range_number(coder, chances->middle, 3, number - 8);
    } else {
        vcd_range_number(coder, chances->high, 8, number - 16);
    }
}

static void put_distance(struct model *model, struct vcd_range_coder *coder, uint32_t size,
                         uint32_t distance) {
    const unsigned bits = distance < 4 ? 0 : 30 - (unsigned)__builtin_clz(distance);
    const uint32_t slot = 2 * bits + (distance >> bits);
    vcd_range_number(coder, model->slots[vcd_min(size - MIN_SIZE, 3)], SLOT_BITS, slot);
    if (bits == 0) {
        return;
    }
    const uint32_t first = (distance >> bits) << bits;
    if (slot < SPECIAL_SLOTS) {
        vcd_range_reversed(coder, model->special + (first - slot), bits, distance - first);
    } else {
        vcd_range_direct(coder, bits - ALIGN_BITS, (distance - first) >> ALIGN_BITS);
        vcd_range_reversed(coder, model->align, ALIGN_BITS, distance);
    }
}

static void put_match(struct vcd_lzma_encoder *encoder, struct vcd_range_coder *coder,
                      const struct match *match) {
    struct model *const model = &encoder->model;
    uint32_t *const distances = encoder->distances;
    const unsigned state = encoder->state;
    const bool is_again = match->again < DISTANCES;
    vcd_range_bit(coder, &model->is_match[state], 1);
    vcd_range_last_bit(coder, &model->is_again[state], is_again);
    if (!is_again) {
        put_size(coder, &model->sizes, match->size);
        put_distance(model, coder, match->size, match->distance);
    } else {
        vcd_range_bit(coder, &model->is_not_last[state], match->again > 0);
        if (match->again == 0) {
            vcd_range_bit(coder, &model->is_last_long[state], 1);
        } else {
            vcd_range_bit(coder, &model->is_not_second[state], match->again > 1);
            if (match->again > 1) {
                vcd_range_bit(coder, &model->is_not_third[state], match->again > 2);
            }
        }
        vcd_range_settle(coder);
        put_size(coder, &model->sizes_again, match->size);
    }
    for (unsigned i = is_again ? match->again : DISTANCES - 1; i > 0; i--) {
        distances[i] = distances[i - 1];
    }
    distances[0] = match->distance;
    encoder->state = (state < LITERAL_STATES ? 7U : 10U) + is_again;
}

/* Writes the decisions for bytes [from, end); returns where they end, or NULL when they would take
   'room' bytes and more. */
static uint8_t *put_decisions(struct vcd_lzma_encoder *encoder, const uint8_t *bytes, size_t from,
                              size_t end, uint8_t *out, size_t room) {
    struct vcd_range_coder coder = vcd_range_begin(out);
    const uint8_t *const out_end = out + room;
    for (size_t at = from; at < end;) {
        const size_t most = vcd_min(end - at, MAX_SIZE);
        const struct match match =
            most >= 4 ? find_match(encoder, bytes, at, most) : (struct match){.size = 0};
        if (match.size == 0) {
            put_literal(encoder, &coder, bytes, at++);
        } else {
            put_match(encoder, &coder, &match);
            const size_t behind = at + match.size;
            for (at++; at < behind && end - at >= 4; at++) {
                *four_at(encoder, bytes + at) = (uint32_t)at + 1;
            }
            at = behind;
        }
        if (coder.out >= out_end - VCD_RANGE_TAIL) {
            return NULL;
        }
    }
    vcd_range_end(&coder);
    return coder.out;
}

/* ---- Chunks ----------------------------------------------------------------------------- */

enum vcd_result vcd_lzma_encode(struct vcd_lzma_encoder *encoder, const uint8_t *bytes, size_t size,
                                const uint8_t **chunks_out, size_t *chunks_size_out) {
    enum { MOST_OF_ONE_STEP = 64 }; /* that a literal or match is written in, at the very most */
    struct vcd_buffer *const chunks = &encoder->chunks;
    if (size >> 30 != 0) {
        return VCD_TOO_LARGE;
    }
    memset(encoder->fours, 0, sizeof encoder->fours);
    memset(encoder->threes, 0, sizeof encoder->threes);
    memset(encoder->twos, 0, sizeof encoder->twos);
    chunks->size = 0;
    unsigned control = CONTROL_FIRST;
    for (size_t from = 0; from < size;) {
        const size_t plain = vcd_min(CHUNK, size - from);
        uint8_t *const head = vcd_buffer_reserve(chunks, HEAD + plain + MOST_OF_ONE_STEP);
        if (head == NULL) {
            chunks->failed = false;
            return VCD_NO_MEMORY;
        }
        uint8_t *const body = head + (control >= CONTROL_PROPERTIES ? HEAD : HEAD - 1);
        if (control != CONTROL_MORE) {
            forget(encoder);
        }
        const unsigned uneven = vcd_unevenness(bytes + from, plain, STRIDE);
        encoder->takes_short = uneven >= SHORT_FROM && uneven < SHORT_BELOW;
        const uint8_t *body_end = put_decisions(encoder, bytes, from, from + plain, body, plain);
        head[1] = (uint8_t)((plain - 1) >> 8);
        head[2] = (uint8_t)(plain - 1);
        if (body_end != NULL) {
            const size_t packed = (size_t)(body_end - body);
            head[0] = (uint8_t)control;
            head[3] = (uint8_t)((packed - 1) >> 8);
            head[4] = (uint8_t)(packed - 1);
            if (control >= CONTROL_PROPERTIES) {
                head[5] = PROPERTIES;
            }
            control = CONTROL_MORE;
        } else {
            head[0] = control == CONTROL_FIRST ? CONTROL_PLAIN_FIRST : CONTROL_PLAIN;
            memcpy(head + 3, bytes + from, plain);
            body_end = head + 3 + plain;
            control = control >= CONTROL_PROPERTIES ? CONTROL_PROPERTIES : CONTROL_STATE;
        }
        chunks->size += (size_t)(body_end - head);
        from += plain;
    }
    *chunks_out = chunks->bytes;
    *chunks_size_out = chunks->size;
    return VCD_OK;
}
