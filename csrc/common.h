/*
 * common.h - what every room of csrc/ needs: unaligned loads, the bounded cursor, REQUIRE()
 *
 *   begin        next              end
 *     |  read so far |  still to come |      a cursor never moves past its end
 */
#ifndef VCD_COMMON_H
#define VCD_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "varint.h"
#include "vcdiff.h"

/* For hot loops, where the compiler must make a copy for each set of constant parameters. */
#if defined(__GNUC__)
#define VCD_INLINE static inline __attribute__((always_inline))
#define VCD_COLD static __attribute__((cold, noinline, unused))
#else
#define VCD_INLINE static inline
#define VCD_COLD static
#endif

/* ---- Numbers in memory, at any alignment, in the machine's own byte order ---------------- */

static inline uint32_t vcd_load32(const void *from) {
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint64_t vcd_load64(const void *from) {
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* The same in little-endian order, so that byte i of the word is memory's byte i. */
static inline uint64_t vcd_load64_le(const void *from) {
    const uint64_t value = vcd_load64(from);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(value);
#else
    return value;
#endif
}

static inline void vcd_store64_le(void *to, uint64_t value) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(to, &value, sizeof value);
}

/* Which byte of a word that is not 0 is the first that is not 0, and which the last. */
static inline size_t vcd_lowest_byte(uint64_t word) {
    return (size_t)__builtin_ctzll(word) / 8;
}

static inline size_t vcd_highest_byte(uint64_t word) {
    return 7 - (size_t)__builtin_clzll(word) / 8;
}

/* Says that 'address' will be read soon. */
static inline void vcd_prefetch(const void *address) {
    __builtin_prefetch(address);
}

static inline size_t vcd_min(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t vcd_max(size_t a, size_t b) {
    return a > b ? a : b;
}

/* ---- The bounded cursor ------------------------------------------------------------------ */

struct vcd_cursor {
    const uint8_t *begin;
    const uint8_t *next;
    const uint8_t *end;
};

static inline struct vcd_cursor vcd_cursor_over(const uint8_t *bytes, size_t size) {
    /* An absent section may be NULL, to which not even 0 may be added. */
    static const uint8_t nothing[1];
    const uint8_t *const begin = size > 0 ? bytes : nothing;
    return (struct vcd_cursor){begin, begin, begin + size};
}

static inline size_t vcd_cursor_left(const struct vcd_cursor *cursor) {
    return (size_t)(cursor->end - cursor->next);
}

static inline uint64_t vcd_cursor_offset(const struct vcd_cursor *cursor) {
    return (uint64_t)(cursor->next - cursor->begin);
}

/* The readers return false, and leave the cursor alone, when the bytes are not there. */
VCD_INLINE bool vcd_cursor_byte(struct vcd_cursor *cursor, uint8_t *value_out) {
    if (cursor->next == cursor->end) {
        return false;
    }
    *value_out = *cursor->next++;
    return true;
}

VCD_INLINE bool vcd_cursor_varint(struct vcd_cursor *cursor, uint64_t *value_out) {
    const uint8_t *next = cursor->next;
    if (next != cursor->end && *next < 0x80) { /* most sizes and addresses in NEAR are one byte */
        *value_out = *next;
        cursor->next = next + 1;
        return true;
    }
    uint64_t value = 0;
    const bool read = vcd_varint_read(&next, cursor->end, &value);
    cursor->next = next;
    *value_out = value;
    return read;
}

VCD_INLINE bool vcd_cursor_skip(struct vcd_cursor *cursor, uint64_t size) {
    if (size > vcd_cursor_left(cursor)) {
        return false;
    }
    cursor->next += size;
    return true;
}

/* ---- Failures ---------------------------------------------------------------------------- */

/* vcd_fail() notes a failure in 'where', which may be NULL, and returns 'result'. */
VCD_COLD enum vcd_result vcd_fail(struct vcd_where *where, enum vcd_result result, uint64_t offset,
                                  const char *expected) {
    if (where != NULL) {
        where->offset = offset;
        where->expected = expected;
    }
    return result;
}

/*
 * REQUIRE() returns VCD_MALFORMED unless 'condition' holds, and says that the
 * literal 'expected' was expected. The function around it has a parameter or
 * variable 'where' and a cursor pointer 'in', which tells the offset.
 */
#define REQUIRE(condition, expected) REQUIRE_OR(VCD_MALFORMED, condition, expected)
#define REQUIRE_OR(result, condition, expected)                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return vcd_fail(where, result, vcd_cursor_offset(in), "" expected);                    \
        }                                                                                          \
    } while (0)

#endif
