/*
 * fuzz_reuse.c - hostile symbols in hostile ranges make a stream of the same plain bytes, or none
 *
 *   byte 0       parameters
 *   byte 1       how many ranges, 0 to 7: then two bytes each for searched, skipped and reused
 *   the rest     the other stream, which is inflated as far as it goes: that is the plain bytes
 *
 * What the finder says of that stream and itself is used as well.
 */
#include "../c/check.h"
#include "deflate.h"

enum { MOST = 1 << 17, MOST_RANGES = 8 };

static uint8_t plain[MOST], again[MOST + 1];

static void check_holds(const uint8_t *deflated, size_t deflated_size, size_t plain_size) {
    struct dfl_inflater *const inflater = dfl_inflater_new();
    size_t read, made;
    CHECK_EQUAL(DFL_END,
                dfl_inflate(inflater, deflated, deflated_size, &read, again, sizeof again, &made));
    CHECK_EQUAL(deflated_size, read);
    CHECK_EQUAL(plain_size, made);
    CHECK(memcmp(plain, again, made) == 0);
    dfl_inflater_free(inflater);
}

static void check_reuse(const struct dfl_parameters *parameters, size_t plain_size,
                        const uint8_t *stream, size_t size, const struct dfl_range *ranges,
                        size_t count) {
    struct dfl_deflater *const deflater = dfl_deflater_new(parameters);
    const uint8_t *made;
    size_t made_size;
    CHECK_EQUAL(DFL_OK, dfl_deflater_reuse(deflater, stream, size, ranges, count));
    const enum dfl_result result =
        dfl_deflate(deflater, plain, plain_size, true, &made, &made_size);
    CHECK(result == DFL_OK || result == DFL_MALFORMED);
    if (result == DFL_OK) {
        check_holds(made, made_size, plain_size);
    }
    dfl_deflater_free(deflater);
}

static size_t take_16(const uint8_t **next, const uint8_t *end) {
    size_t value = 0;
    for (int i = 0; i < 2 && *next < end; i++) {
        value = value << 8 | *(*next)++;
    }
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct dfl_range ranges[MOST_RANGES];
    if (size < 2) {
        return 0;
    }
    const uint8_t *next = bytes + 2, *const end = bytes + size;
    const struct dfl_parameters parameters = {
        bytes[0] % 3, (uint8_t)(bytes[0] / 3 % 6 + 4),
        bytes[0] % 3 == 1 ? 9 : (uint8_t)(8 + bytes[0] / 18 % 2), DFL_ANY_CALLER};
    size_t count = bytes[1] % MOST_RANGES;
    for (size_t i = 0; i < count; i++) {
        ranges[i].searched = take_16(&next, end);
        ranges[i].skipped = take_16(&next, end);
        ranges[i].reused = take_16(&next, end);
    }
    const size_t stream_size = (size_t)(end - next);
    uint8_t *const stream = malloc(stream_size > 0 ? stream_size : 1);
    memcpy(stream, next, stream_size);
    struct dfl_inflater *const inflater = dfl_inflater_new();
    size_t read, plain_size;
    (void)dfl_inflate(inflater, stream, stream_size, &read, plain, MOST, &plain_size);
    dfl_inflater_free(inflater);
    check_reuse(&parameters, plain_size, stream, stream_size, ranges, count);
    if (dfl_find_ranges(stream, stream_size, stream, stream_size, plain_size, 1 + bytes[1], ranges,
                        MOST_RANGES, &count) == DFL_OK) {
        CHECK(count <= MOST_RANGES);
        check_reuse(&parameters, plain_size, stream, stream_size, ranges, count);
    }
    free(stream);
    return 0;
}
