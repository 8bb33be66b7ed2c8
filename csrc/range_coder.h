/*
 * range_coder.h - LZMA's range coder, the writing side
 *
 * Every decision is coded by the chance that it is 0, in 2048ths, which then moves by a 32nd
 * towards what came. Decisions of data that hardly shrinks cannot be predicted, so that nothing
 * here branches on one; liblzma does, and takes two and a half times as long.
 *
 *     low    | carry | settled but for a carry: 'pending' bits, at most 24 | 32 bits |
 *
 * What is settled goes out after three decisions at most, each of which settles 8 bits or none.
 */
#ifndef VCD_RANGE_CODER_H
#define VCD_RANGE_CODER_H

#include "common.h"

enum {
    VCD_CHANCE_BITS = 11,
    VCD_CHANCE_START = 1 << (VCD_CHANCE_BITS - 1),
    VCD_CHANCE_SHIFT = 5,
    VCD_CHANCE_REACH = (1 << VCD_CHANCE_BITS) - (1 << VCD_CHANCE_SHIFT) + 1,
    VCD_RANGE_TAIL = 4,  /* bytes that vcd_range_end() writes */
    VCD_RANGE_SPARE = 4, /* bytes behind 'out' that may be written before they count */
};

struct vcd_range_coder {
    uint64_t low;
    uint32_t range;
    unsigned pending;
    uint8_t *out; /* a byte stands before it, for a carry */
};

/* The first byte of 'out' is 0, as LZMA has it. */
static inline struct vcd_range_coder vcd_range_begin(uint8_t *out) {
    *out = 0;
    return (struct vcd_range_coder){.range = UINT32_MAX, .out = out + 1};
}

/* Writes what is settled. */
VCD_INLINE void vcd_range_settle(struct vcd_range_coder *coder) {
    uint8_t *const out = coder->out;
    const uint8_t carry = (uint8_t)(coder->low >> 32 >> coder->pending);
    out[-1] = (uint8_t)(out[-1] + carry);
    if (carry != 0 && out[-1] == 0) {
        uint8_t *before = out - 2;
        while (++*before == 0) {
            before--;
        }
    }
    const uint32_t settled = (uint32_t)((coder->low >> 32) << (32 - coder->pending));
    for (unsigned i = 0; i < VCD_RANGE_SPARE; i++) {
        out[i] = (uint8_t)(settled >> (24 - 8 * i));
    }
    coder->out = out + coder->pending / 8;
    coder->low = (uint32_t)coder->low;
    coder->pending = 0;
}

/* Codes a decision, 0 or 1; settle after three at most. What could be a branch is written so that
   compilers make none of it. */
VCD_INLINE void vcd_range_bit(struct vcd_range_coder *coder, uint16_t *chance, uint32_t bit) {
    const int32_t known = *chance;
    const uint32_t bound = (coder->range >> VCD_CHANCE_BITS) * (uint32_t)known;
    const uint32_t range = bit != 0 ? coder->range - bound : bound;
    /* Towards 2048 or, rounded down, towards 0: never either of them. */
    const int32_t aim = (1 << VCD_CHANCE_BITS) - (int32_t)((0U - bit) & VCD_CHANCE_REACH);
    *chance = (uint16_t)(known + ((aim - known) >> VCD_CHANCE_SHIFT));
    const uint64_t low = coder->low + (bound & (0U - bit));
    const bool is_small = range < UINT32_C(1) << 24;
    coder->range = is_small ? range << 8 : range;
    coder->low = is_small ? low << 8 : low;
    coder->pending += is_small ? 8U : 0U;
}

VCD_INLINE void vcd_range_last_bit(struct vcd_range_coder *coder, uint16_t *chance, uint32_t bit) {
    vcd_range_bit(coder, chance, bit);
    vcd_range_settle(coder);
}

/* A number of 'bits' bits, highest first, with a chance for each beginning: 1 << bits of them. */
VCD_INLINE void vcd_range_number(struct vcd_range_coder *coder, uint16_t *chances, unsigned bits,
                                 uint32_t number) {
    uint32_t so_far = 1;
    while (bits-- > 0) {
        const uint32_t bit = number >> bits & 1;
        vcd_range_last_bit(coder, &chances[so_far], bit);
        so_far = so_far << 1 | bit;
    }
}

/* The same, lowest first. */
VCD_INLINE void vcd_range_reversed(struct vcd_range_coder *coder, uint16_t *chances, unsigned bits,
                                   uint32_t number) {
    uint32_t so_far = 1;
    for (unsigned i = 0; i < bits; i++) {
        const uint32_t bit = number >> i & 1;
        vcd_range_last_bit(coder, &chances[so_far], bit);
        so_far = so_far << 1 | bit;
    }
}

/* The same, highest first, of bits that are as likely 0 as 1. */
static inline void vcd_range_direct(struct vcd_range_coder *coder, unsigned bits, uint32_t number) {
    while (bits-- > 0) {
        const uint32_t half = coder->range >> 1;
        const uint64_t low = coder->low + (half & (0U - (number >> bits & 1)));
        const bool is_small = half < UINT32_C(1) << 24;
        coder->range = is_small ? half << 8 : half;
        coder->low = is_small ? low << 8 : low;
        coder->pending = is_small ? 8 : 0;
        vcd_range_settle(coder);
    }
}

/* Writes what is left. */
static inline void vcd_range_end(struct vcd_range_coder *coder) {
    vcd_range_settle(coder);
    for (unsigned i = 0; i < VCD_RANGE_TAIL; i++) {
        *coder->out++ = (uint8_t)(coder->low >> (24 - 8 * i));
    }
}

#endif
