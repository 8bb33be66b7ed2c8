/*
 * fuzz_corrections.c - streams of any program come back, and hostile corrections do no harm
 *
 *   byte 0       how plain bytes are cut, and how many of the rest are plain
 *   the rest     a stream; and then plain bytes, and corrections that were never theirs
 *
 * Where the rest is a stream, corrections of it make the very same.
 */
#include "../c/check.h"
#include "deflate.h"

enum { MOST = 1 << 17 };

/* Returns how many bytes were made, or SIZE_MAX: refused. All in memory of exactly its size. */
static size_t restored(const uint8_t *corrections, size_t size, const uint8_t *plain,
                       size_t plain_size, size_t piece, uint8_t *deflated, size_t capacity) {
    struct dfl_restorer *const restorer = dfl_restorer_new(corrections, size);
    size_t read = 0, made = 0;
    enum dfl_result result = DFL_OK;
    for (bool last = false; result == DFL_OK && !last;) {
        const size_t in_size = plain_size - read < piece ? plain_size - read : piece;
        uint8_t *const in = malloc(in_size > 0 ? in_size : 1);
        const uint8_t *out;
        size_t out_size = 0;
        memcpy(in, plain + read, in_size);
        read += in_size;
        last = read == plain_size;
        result = dfl_restore(restorer, in, in_size, last, &out, &out_size);
        CHECK(result == DFL_OK || result == DFL_MALFORMED);
        if (result == DFL_OK) {
            CHECK(out_size <= capacity - made);
            memcpy(deflated + made, out, out_size);
            made += out_size;
        }
        free(in);
    }
    dfl_restorer_free(restorer);
    return result == DFL_OK ? made : SIZE_MAX;
}

static void check_comes_back(const uint8_t *stream, size_t size, size_t piece) {
    static uint8_t plain[MOST], corrections[MOST], again[2 * MOST + (1 << 16)];
    struct dfl_inflater *const inflater = dfl_inflater_new();
    size_t read, made, corrections_size;
    const enum dfl_result result =
        dfl_inflate(inflater, stream, size, &read, plain, sizeof plain, &made);
    dfl_inflater_free(inflater);
    if (result != DFL_END ||
        dfl_correct(plain, made, stream, read, corrections, MOST, &corrections_size) != DFL_OK) {
        return;
    }
    CHECK_EQUAL(read,
                restored(corrections, corrections_size, plain, made, piece, again, sizeof again));
    CHECK(memcmp(stream, again, read) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const size_t pieces[] = {1, 7, 300, MOST};
    static uint8_t made[1 << 17];
    if (size == 0) {
        return 0;
    }
    const size_t piece = pieces[bytes[0] % 4], left = size - 1;
    const uint8_t *const rest = bytes + 1;
    check_comes_back(rest, left, piece);
    const size_t plain_size = left * (bytes[0] / 4) / 64;
    uint8_t *const corrections = malloc(left - plain_size > 0 ? left - plain_size : 1);
    memcpy(corrections, rest + plain_size, left - plain_size);
    (void)restored(corrections, left - plain_size, rest, plain_size, piece, made, sizeof made);
    free(corrections);
    return 0;
}
