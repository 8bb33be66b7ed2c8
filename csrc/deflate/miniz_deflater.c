/*
 * miniz_deflater.c - the matches and the blocks of miniz_oxide
 *
 * A match, as miniz_ring.h finds it, is taken when the next byte has no longer one.
 *
 * A block ends when its symbols fill 64 KiB, a byte for a literal, three for a match and one for
 * every eight, or earlier where they are no shorter than the plain bytes.
 */
#include "miniz_deflater.h"

#include <stdlib.h>

#include "block_writer.h"
#include "miniz_ring.h"

enum {
    SHORT_CUT_FROM = 6, /* levels */
    LONG_ENOUGH = 128,  /* such a match does not wait */
    ROOM = 64 << 10,    /* for symbols */
    FAT_FROM = 31 << 10,
    NOT_STORED = 32, /* up to here a block may grow; in C's miniz it may not */
    SMALL = 48,      /* a block of so few bytes has the fixed code */
};

struct dfl_miniz_deflater {
    struct dfl_bit_writer *out;
    uint64_t block_start;
    bool lazy;
    bool ended;
    uint32_t waiting_length; /* of a match that starts one byte before 'at'; or 0 */
    uint32_t waiting_distance;
    uint32_t filled; /* bytes that the symbols take in miniz's memory */
    uint32_t places; /* for flags, in the last of the bytes for eight symbols */
    uint32_t count;
    uint16_t literal_counts[DFL_LITERALS];
    uint16_t distance_counts[DFL_DISTANCES];
    uint32_t symbols[ROOM];
    struct dfl_ring ring;
};

/* ---- Blocks ----------------------------------------------------------------------------- */

/* The plain bytes of a block that are still in the ring. */
static void write_stored(struct dfl_miniz_deflater *deflater, uint32_t plain_size) {
    uint8_t plain[DFL_WINDOW_SIZE];
    for (uint32_t i = 0; i < plain_size; i++) {
        plain[i] = deflater->ring.bytes[(deflater->block_start + i) & DFL_RING_MASK];
    }
    dfl_write_stored(deflater->out, plain, plain_size);
}

static void write_compressed(struct dfl_miniz_deflater *deflater, bool fixed, bool last) {
    struct dfl_codes codes;
    const uint32_t kind = fixed ? DFL_FIXED : DFL_DYNAMIC;
    dfl_write_bits(deflater->out, kind << 1 | last, 3);
    if (fixed) {
        dfl_fixed_codes(&codes);
    } else {
        struct dfl_sent_lengths sent;
        deflater->literal_counts[DFL_END_OF_BLOCK] = 1;
        dfl_build_codes(&codes, deflater->literal_counts, deflater->distance_counts, DFL_AS_MINIZ);
        dfl_send_lengths(&sent, &codes, DFL_AS_MINIZ);
        dfl_build_length_code(&sent, DFL_AS_MINIZ);
        dfl_write_lengths(deflater->out, &sent, &codes);
    }
    dfl_write_symbols(deflater->out, deflater->symbols, deflater->count, &codes);
}

static uint64_t plain_size_of(const struct dfl_miniz_deflater *deflater) {
    return deflater->ring.at - (deflater->waiting_length > 0 ? 1u : 0u) - deflater->block_start;
}

/* A block that has grown is stored instead, where its plain bytes are still at hand. */
static bool end_block(struct dfl_miniz_deflater *deflater, bool last) {
    struct dfl_bit_writer *const out = deflater->out;
    const uint64_t plain_size = plain_size_of(deflater);
    /* No symbol has more than 48 bits, and codes less than 1 KiB; a stored block is smaller. */
    if (!dfl_reserve(out, 6 * (size_t)deflater->count + (2 << 10) + DFL_WINDOW_SIZE)) {
        return false;
    }
    const struct dfl_bit_writer before = *out;
    write_compressed(deflater, plain_size < SMALL, last);
    const bool grown =
        plain_size > NOT_STORED && out->bytes.size - before.bytes.size + 1 >= plain_size;
    if (grown && deflater->ring.at - deflater->block_start <= deflater->ring.behind) {
        *out = before;
        dfl_write_bits(out, DFL_STORED << 1 | last, 3);
        write_stored(deflater, (uint32_t)plain_size);
    }
    if (last) {
        dfl_write_to_byte_border(out);
    }
    memset(deflater->literal_counts, 0, sizeof deflater->literal_counts);
    memset(deflater->distance_counts, 0, sizeof deflater->distance_counts);
    deflater->block_start += plain_size;
    deflater->count = 0;
    deflater->filled = 1;
    deflater->places = 8;
    return true;
}

static void count_symbol(struct dfl_miniz_deflater *deflater, uint32_t size) {
    deflater->filled += size;
    if (--deflater->places == 0) {
        deflater->places = 8;
        deflater->filled++;
    }
}

static void add_literal(struct dfl_miniz_deflater *deflater, uint8_t byte) {
    deflater->literal_counts[byte]++;
    deflater->symbols[deflater->count++] = dfl_literal(byte);
    count_symbol(deflater, 1);
}

static void add_match(struct dfl_miniz_deflater *deflater, uint32_t length, uint32_t distance) {
    deflater->literal_counts[dfl_length_symbol(length - DFL_MIN_MATCH)]++;
    deflater->distance_counts[dfl_distance_symbol(distance - 1)]++;
    deflater->symbols[deflater->count++] = dfl_match(length, distance);
    count_symbol(deflater, 3);
}

static bool block_ends(const struct dfl_miniz_deflater *deflater) {
    const uint64_t plain_size = plain_size_of(deflater);
    return deflater->filled > ROOM - 8 ||
           (plain_size > FAT_FROM && (uint64_t)deflater->filled * 115 >> 7 >= plain_size);
}

/* ---- What is taken ---------------------------------------------------------------------- */

/* Decides about the byte at 'at'; returns how many bytes are then behind. */
static uint32_t take(struct dfl_miniz_deflater *deflater) {
    const uint32_t place = (uint32_t)deflater->ring.at & DFL_RING_MASK;
    const uint32_t waiting = deflater->waiting_length;
    uint32_t distance = 0;
    uint32_t length =
        dfl_ring_match(&deflater->ring, waiting > 0 ? waiting : DFL_MIN_MATCH - 1, &distance);
    if ((length == DFL_MIN_MATCH && distance >= DFL_FAR_IN_RING) || distance == place) {
        length = distance = 0;
    }
    deflater->waiting_length = 0;
    if (waiting > 0 && length <= waiting) {
        add_match(deflater, waiting, deflater->waiting_distance);
        return waiting - 1;
    }
    if (waiting > 0) {
        add_literal(deflater, deflater->ring.bytes[(place - 1) & DFL_RING_MASK]);
    } else if (distance == 0) {
        add_literal(deflater, deflater->ring.bytes[place]);
        return 1;
    }
    if (length >= LONG_ENOUGH || !deflater->lazy) {
        add_match(deflater, length, distance);
        return length;
    }
    deflater->waiting_length = length;
    deflater->waiting_distance = distance;
    return 1;
}

bool dfl_miniz_deflate(struct dfl_miniz_deflater *deflater, const uint8_t *plain, size_t plain_size,
                       bool last) {
    size_t read = 0;
    bool room = true;
    while (room && !deflater->ended && (read < plain_size || last)) {
        while (read < plain_size && deflater->ring.ahead < DFL_MAX_MATCH) {
            dfl_ring_put(&deflater->ring, plain + read, read);
            read++;
        }
        deflater->ring.behind =
            (uint32_t)vcd_min(deflater->ring.behind, DFL_WINDOW_SIZE - deflater->ring.ahead);
        if (deflater->ring.ahead < DFL_MAX_MATCH && !last) {
            break;
        }
        if (deflater->ring.ahead == 0) {
            deflater->ended = true;
            return end_block(deflater, true);
        }
        const uint32_t size = take(deflater);
        deflater->ring.at += size;
        deflater->ring.ahead -= size;
        deflater->ring.behind = (uint32_t)vcd_min(deflater->ring.behind + size, DFL_WINDOW_SIZE);
        if (block_ends(deflater)) {
            room = end_block(deflater, false);
        }
    }
    return room;
}

struct dfl_miniz_deflater *dfl_miniz_deflater_new(uint32_t level, struct dfl_bit_writer *out) {
    static const uint16_t steps[] = {0, 1, 6, 32, 16, 32, 128, 256, 512, 768};
    struct dfl_miniz_deflater *const deflater = calloc(1, sizeof *deflater);
    if (deflater != NULL) {
        deflater->out = out;
        deflater->ring.steps[0] = 1 + (steps[level] + 2u) / 3;
        deflater->ring.steps[1] = 1 + (steps[level] / 4u + 2) / 3;
        deflater->lazy = level > 3;
        deflater->ring.short_cut = level >= SHORT_CUT_FROM;
        deflater->filled = 1;
        deflater->places = 8;
    }
    return deflater;
}

void dfl_miniz_deflater_free(struct dfl_miniz_deflater *deflater) {
    free(deflater);
}
