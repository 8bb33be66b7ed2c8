/*
 * block_writer.c - one block: its codes, its kind, its bits (RFC 1951, sections 3.2.4 to 3.2.7)
 *
 * The kind is chosen by whole bytes, as zlib and gzip do: fixed unless dynamic is shorter, stored
 * unless both are. Of several ways to send code lengths theirs is taken as well: runs from the
 * left, as long as they may be, the code of distances apart from that of literals.
 */
#include "block_writer.h"

#include <assert.h>

static const uint8_t code_length_order[DFL_CODE_LENGTHS] = DFL_CODE_LENGTH_ORDER;

static void build_code(struct dfl_huffman_code *code, const uint16_t *counts, uint32_t count,
                       uint32_t max_length, enum dfl_manner manner) {
    if (manner == DFL_AS_MINIZ) {
        dfl_huffman_code_build_sorted(code, counts, count, max_length);
    } else {
        dfl_huffman_code_build(code, counts, count, max_length);
    }
}

static void send(struct dfl_sent_lengths *sent, uint32_t symbol, uint32_t repeat) {
    sent->counts[symbol]++;
    sent->symbols[sent->size] = (uint8_t)symbol;
    sent->repeats[sent->size++] = (uint8_t)repeat;
}

static void send_lengths(struct dfl_sent_lengths *sent, const uint8_t *lengths, uint32_t count) {
    uint32_t previous = DFL_CODE_MAX_LENGTH + 1;
    for (uint32_t at = 0; at < count;) {
        const uint32_t length = lengths[at];
        const bool repeats = length == 0 || length == previous; /* without a first of its kind */
        const uint32_t most = length == 0 ? 138 : repeats ? 6 : 7;
        uint32_t run = 1;
        while (run < most && at + run < count && lengths[at + run] == length) {
            run++;
        }
        at += run;
        if (run < (repeats ? 3u : 4u)) {
            for (; run > 0; run--) {
                send(sent, length, 0);
            }
        } else if (length == 0) {
            send(sent, run <= 10 ? DFL_REPEAT_ZERO : DFL_REPEAT_ZERO_LONG,
                 run <= 10 ? run - 3 : run - 11);
        } else {
            if (!repeats) {
                send(sent, length, 0);
                run--;
            }
            send(sent, DFL_REPEAT_LENGTH, run - 3);
        }
        previous = length;
    }
}

void dfl_send_lengths(struct dfl_sent_lengths *sent, const struct dfl_codes *codes,
                      enum dfl_manner manner) {
    const struct dfl_huffman_code *const literal = &codes->literal, *distance = &codes->distance;
    memset(sent->counts, 0, sizeof sent->counts);
    sent->size = 0;
    if (manner == DFL_AS_MINIZ) {
        uint8_t lengths[DFL_LITERALS + DFL_DISTANCES];
        memcpy(lengths, literal->lengths, literal->size);
        memcpy(lengths + literal->size, distance->lengths, distance->size);
        send_lengths(sent, lengths, literal->size + distance->size);
    } else {
        send_lengths(sent, literal->lengths, literal->size);
        send_lengths(sent, distance->lengths, distance->size);
    }
}

void dfl_build_length_code(struct dfl_sent_lengths *sent, enum dfl_manner manner) {
    build_code(&sent->code, sent->counts, DFL_CODE_LENGTHS, DFL_CODE_LENGTH_MAX_LENGTH, manner);
    sent->order_size = DFL_CODE_LENGTHS;
    while (sent->order_size > 4 &&
           sent->code.lengths[code_length_order[sent->order_size - 1]] == 0) {
        sent->order_size--;
    }
}

/* How many bits a dynamic block has for its codes. */
static uint64_t count_length_bits(const struct dfl_sent_lengths *sent) {
    uint64_t bits = 5 + 5 + 4 + 3 * (uint64_t)sent->order_size;
    for (uint32_t symbol = 0; symbol < DFL_CODE_LENGTHS; symbol++) {
        bits += (uint64_t)sent->counts[symbol] *
                (sent->code.lengths[symbol] + dfl_extra_bits_of_repeat(symbol));
    }
    return bits;
}

void dfl_write_lengths(struct dfl_bit_writer *out, const struct dfl_sent_lengths *sent,
                       const struct dfl_codes *codes) {
    dfl_write_bits(out, codes->literal.size - 257, 5);
    dfl_write_bits(out, codes->distance.size - 1, 5);
    dfl_write_bits(out, sent->order_size - 4, 4);
    for (uint32_t i = 0; i < sent->order_size; i++) {
        dfl_write_bits(out, sent->code.lengths[code_length_order[i]], 3);
    }
    for (uint32_t i = 0; i < sent->size; i++) {
        const uint32_t symbol = sent->symbols[i], length = sent->code.lengths[symbol];
        dfl_write_bits(out, sent->code.codes[symbol] | (uint64_t)sent->repeats[i] << length,
                       length + dfl_extra_bits_of_repeat(symbol));
    }
}

void dfl_fixed_codes(struct dfl_codes *codes) {
    codes->literal.size = DFL_FIXED_LITERALS;
    for (uint32_t symbol = 0; symbol < DFL_FIXED_LITERALS; symbol++) {
        codes->literal.lengths[symbol] = (uint8_t)dfl_fixed_length(symbol);
    }
    codes->distance.size = DFL_DISTANCES;
    memset(codes->distance.lengths, 5, DFL_DISTANCES);
    dfl_huffman_code_assign(&codes->literal);
    dfl_huffman_code_assign(&codes->distance);
}

void dfl_build_codes(struct dfl_codes *codes, const uint16_t *literal_counts,
                     const uint16_t *distance_counts, enum dfl_manner manner) {
    build_code(&codes->literal, literal_counts, DFL_LITERALS, DFL_CODE_MAX_LENGTH, manner);
    build_code(&codes->distance, distance_counts, DFL_DISTANCES, DFL_CODE_MAX_LENGTH, manner);
}

/* What the symbols cost in bits, dynamic and fixed, without what comes before them. */
static void count_bits(const struct dfl_block_writer *writer, const struct dfl_codes *codes,
                       uint64_t *dynamic_out, uint64_t *fixed_out) {
    uint64_t dynamic = 0, fixed = 0, extra = 0;
    for (uint32_t symbol = 0; symbol < DFL_LITERALS; symbol++) {
        const uint64_t count = writer->literal_counts[symbol];
        dynamic += count * codes->literal.lengths[symbol];
        fixed += count * dfl_fixed_length(symbol);
        extra += symbol > 256 ? count * dfl_extra_bits_of_length(symbol - 257) : 0;
    }
    for (uint32_t symbol = 0; symbol < DFL_DISTANCES; symbol++) {
        const uint64_t count = writer->distance_counts[symbol];
        dynamic += count * codes->distance.lengths[symbol];
        fixed += count * 5;
        extra += count * dfl_extra_bits_of_distance(symbol);
    }
    *dynamic_out = dynamic + extra;
    *fixed_out = fixed + extra;
}

/*
 * The hot loop has no branch on what a symbol is: literals and lengths share a table in which
 * the code and the extra bits are one, and the distance of a literal has no bits.
 */
void dfl_write_symbols(struct dfl_bit_writer *writer, const uint32_t *symbols, uint32_t count,
                       const struct dfl_codes *codes) {
    struct bits {
        uint32_t bits;
        uint8_t count;
        uint8_t extra_count;
    } literals[512], distances[DFL_DISTANCES + 1];
    for (uint32_t byte = 0; byte < 256; byte++) {
        literals[byte] = (struct bits){codes->literal.codes[byte], codes->literal.lengths[byte], 0};
    }
    for (uint32_t value = 0; value < 256; value++) {
        const uint32_t symbol = dfl_length_symbol(value),
                       extra_count = dfl_length_extra_bits(value);
        const uint32_t length = codes->literal.lengths[symbol];
        const uint32_t extra = value & ((1u << extra_count) - 1);
        literals[256 + value] = (struct bits){codes->literal.codes[symbol] | extra << length,
                                              (uint8_t)(length + extra_count), 0};
    }
    for (uint32_t symbol = 0; symbol < DFL_DISTANCES; symbol++) {
        const uint32_t length = codes->distance.lengths[symbol];
        distances[symbol] = (struct bits){codes->distance.codes[symbol], (uint8_t)length,
                                          (uint8_t)(length + dfl_extra_bits_of_distance(symbol))};
    }
    distances[DFL_DISTANCES] = (struct bits){0, 0, 0};

    struct dfl_bit_writer out = *writer; /* in registers */
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t symbol = symbols[i];
        const struct bits literal = literals[symbol & 511], distance = distances[symbol >> 9 & 31];
        const uint64_t far = distance.bits | (uint64_t)(symbol >> 14) << distance.count;
        dfl_write_bits(&out, literal.bits | far << literal.count,
                       (uint32_t)literal.count + distance.extra_count);
    }
    dfl_write_bits(&out, codes->literal.codes[DFL_END_OF_BLOCK],
                   codes->literal.lengths[DFL_END_OF_BLOCK]);
    *writer = out;
}

void dfl_write_stored(struct dfl_bit_writer *out, const uint8_t *plain, size_t plain_size) {
    assert(plain_size <= UINT16_MAX);
    dfl_write_to_byte_border(out);
    dfl_write_bits(out, plain_size, 16);
    dfl_write_bits(out, ~plain_size & UINT16_MAX, 16);
    vcd_buffer_append(&out->bytes, plain, plain_size);
}

bool dfl_write_block(struct dfl_block_writer *writer, const uint8_t *plain, size_t plain_size,
                     bool last) {
    struct dfl_codes codes;
    struct dfl_sent_lengths sent;
    uint64_t dynamic_bits, fixed_bits;
    writer->literal_counts[DFL_END_OF_BLOCK] = 1;
    dfl_build_codes(&codes, writer->literal_counts, writer->distance_counts, DFL_AS_ZLIB);
    dfl_send_lengths(&sent, &codes, DFL_AS_ZLIB);
    dfl_build_length_code(&sent, DFL_AS_ZLIB);
    const uint64_t length_bits = count_length_bits(&sent);
    count_bits(writer, &codes, &dynamic_bits, &fixed_bits);

    const uint64_t dynamic_size = (3 + length_bits + dynamic_bits + 7) / 8;
    const uint64_t fixed_size = (3 + fixed_bits + 7) / 8;
    const uint64_t size = fixed_size <= dynamic_size ? fixed_size : dynamic_size;
    const bool stored = plain != NULL && plain_size + 4 <= size;
    if (!dfl_reserve(&writer->out, (size_t)size + 8)) {
        return false;
    }
    const uint32_t kind = stored ? DFL_STORED : fixed_size == size ? DFL_FIXED : DFL_DYNAMIC;
    dfl_write_bits(&writer->out, kind << 1 | last, 3);
    if (kind == DFL_STORED) {
        dfl_write_stored(&writer->out, plain, plain_size);
    } else {
        if (kind == DFL_FIXED) {
            dfl_fixed_codes(&codes);
        } else {
            dfl_write_lengths(&writer->out, &sent, &codes);
        }
        dfl_write_symbols(&writer->out, writer->symbols, writer->count, &codes);
    }
    if (last) {
        dfl_write_to_byte_border(&writer->out);
    }
    memset(writer->literal_counts, 0, sizeof writer->literal_counts);
    memset(writer->distance_counts, 0, sizeof writer->distance_counts);
    writer->count = 0;
    return true;
}
