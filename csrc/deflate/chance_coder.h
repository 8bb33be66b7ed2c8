/*
 * chance_coder.h - decisions into bytes and back: the likelier one was, the less it takes
 *
 * An arithmetic coder as LZMA has it, for one binary decision at a time. What it learns about each
 * kind of decision is a chance: the mean of two that follow what comes, one in a few steps and
 * one in a hundred. A decision that is always the same takes a six-hundredth of a bit.
 *
 * One walk over the decisions serves both ways: with 'writing' a decision is given and noted, else
 * the one given does not matter, and what was noted is returned. What is read may be hostile:
 * any bytes are decisions, and behind their end 'failed' is set.
 */
#ifndef DFL_CHANCE_CODER_H
#define DFL_CHANCE_CODER_H

#include "common.h"

/* That a decision is false, in 65536ths. */
struct dfl_chance {
    uint16_t quick;
    uint16_t slow;
};

struct dfl_coder {
    bool writing;
    bool failed; /* there was no room, or nothing left to read */
    uint8_t held;
    uint32_t range;
    uint32_t code;
    uint64_t low;
    uint64_t held_count;
    uint8_t *out, *out_end;
    const uint8_t *next, *end;
};

enum { DFL_CODER_TAIL = 5 /* bytes */ };

static inline void dfl_forget_chances(struct dfl_chance *chances, size_t count) {
    for (size_t i = 0; i < count; i++) {
        chances[i] = (struct dfl_chance){0x8000, 0x8000};
    }
}

/* ---- Writing ---------------------------------------------------------------------------- */

static inline struct dfl_coder dfl_coder_into(uint8_t *out, size_t capacity) {
    return (struct dfl_coder){.writing = true,
                              .range = UINT32_MAX,
                              .held_count = 1,
                              .out = out,
                              .out_end = out + capacity};
}

static inline void dfl_coder_put(struct dfl_coder *coder, uint8_t byte) {
    if (coder->out == coder->out_end) {
        coder->failed = true;
    } else {
        *coder->out++ = byte;
    }
}

/* The highest byte of 'low' is settled unless a carry may still come. */
static inline void dfl_coder_shift(struct dfl_coder *coder) {
    if (coder->low < 0xff000000 || coder->low > UINT32_MAX) {
        const uint8_t carry = (uint8_t)(coder->low >> 32);
        dfl_coder_put(coder, (uint8_t)(coder->held + carry));
        for (; coder->held_count > 1; coder->held_count--) {
            dfl_coder_put(coder, (uint8_t)(0xff + carry));
        }
        coder->held_count = 0;
        coder->held = (uint8_t)(coder->low >> 24);
    }
    coder->held_count++;
    coder->low = (coder->low & 0xffffff) << 8;
}

static inline void dfl_coder_flush(struct dfl_coder *coder) {
    for (uint32_t i = 0; i < DFL_CODER_TAIL; i++) {
        dfl_coder_shift(coder);
    }
}

/* ---- Reading ---------------------------------------------------------------------------- */

static inline void dfl_coder_get(struct dfl_coder *coder) {
    if (coder->next == coder->end) {
        coder->failed = true;
        coder->code <<= 8;
    } else {
        coder->code = coder->code << 8 | *coder->next++;
    }
}

/* The first byte is 0: nothing was carried into it. */
static inline struct dfl_coder dfl_coder_from(const uint8_t *bytes, size_t size) {
    const struct vcd_cursor cursor = vcd_cursor_over(bytes, size);
    struct dfl_coder coder = {.range = UINT32_MAX, .next = cursor.next, .end = cursor.end};
    dfl_coder_get(&coder);
    coder.failed |= coder.code != 0;
    for (uint32_t i = 1; i < DFL_CODER_TAIL; i++) {
        dfl_coder_get(&coder);
    }
    return coder;
}

/* Whether all has been read, and no more than that. */
static inline bool dfl_coder_is_read(const struct dfl_coder *coder) {
    return !coder->failed && coder->next == coder->end;
}

/* ---- Decisions -------------------------------------------------------------------------- */

VCD_INLINE bool dfl_decide(struct dfl_coder *coder, struct dfl_chance *chance, bool decision) {
    const uint32_t bound = (coder->range >> 16) * (((uint32_t)chance->quick + chance->slow) >> 1);
    if (!coder->writing) {
        decision = coder->code >= bound;
        coder->code -= decision ? bound : 0;
    } else if (decision) {
        coder->low += bound;
    }
    if (decision) {
        coder->range -= bound;
        chance->quick = (uint16_t)(chance->quick - (chance->quick >> 4));
        chance->slow = (uint16_t)(chance->slow - (chance->slow >> 7));
    } else {
        coder->range = bound;
        chance->quick = (uint16_t)(chance->quick + ((UINT16_MAX - chance->quick) >> 4));
        chance->slow = (uint16_t)(chance->slow + ((UINT16_MAX - chance->slow) >> 7));
    }
    while (coder->range < UINT32_C(1) << 24) {
        coder->range <<= 8;
        if (coder->writing) {
            dfl_coder_shift(coder);
        } else {
            dfl_coder_get(coder);
        }
    }
    return decision;
}

/* A number of 'bits' bits, highest first, with a chance for each beginning: 1 << bits of them. */
static inline uint32_t dfl_decide_number(struct dfl_coder *coder, struct dfl_chance *chances,
                                         uint32_t bits, uint32_t number) {
    uint32_t so_far = 1;
    for (uint32_t bit = bits; bit-- > 0;) {
        so_far = so_far << 1 | dfl_decide(coder, &chances[so_far], (number >> bit & 1) != 0);
    }
    return so_far - (1u << bits);
}

enum { DFL_LARGE_BITS = 5, DFL_LARGE_CHANCES = 2 << DFL_LARGE_BITS };

/* A number from 1 on, below 2^31: how many bits it has behind its first, and these. */
static inline uint32_t dfl_decide_large(struct dfl_coder *coder, struct dfl_chance *chances,
                                        uint32_t number) {
    const uint32_t bits =
        dfl_decide_number(coder, chances, DFL_LARGE_BITS, 31 - (uint32_t)__builtin_clz(number | 1));
    uint32_t so_far = 1;
    for (uint32_t bit = bits; bit-- > 0;) {
        struct dfl_chance *const chance = &chances[(1 << DFL_LARGE_BITS) + bit];
        so_far = so_far << 1 | dfl_decide(coder, chance, (number >> bit & 1) != 0);
    }
    return so_far;
}

#endif
