/*
 * fuzz_inflate.c - a hostile stream touches nothing but its buffers, however it is cut
 *
 *   byte 0       how the stream is cut, and how much room it gets
 *   the rest     the stream
 *
 * All at once and in pieces give the same bytes, the same reason and the same end. What comes out
 * is deflated again by some parameters, and comes back from there.
 */
#include "../c/check.h"
#include "deflate.h"

enum { MOST = 1 << 17 };

struct inflated {
    enum dfl_result result;
    size_t read;
    size_t made;
};

/* Every piece and every room in memory of exactly its size. */
static struct inflated inflate_by(const uint8_t *stream, size_t size, size_t piece, size_t room,
                                  uint8_t *plain, size_t most) {
    struct dfl_inflater *const inflater = dfl_inflater_new();
    struct inflated inflated = {DFL_OK, 0, 0};
    for (;;) {
        const size_t left = size - inflated.read, room_left = most - inflated.made;
        const size_t in_size = left < piece ? left : piece;
        const size_t out_size = room_left < room ? room_left : room;
        uint8_t *const in = malloc(in_size > 0 ? in_size : 1);
        uint8_t *const out = malloc(out_size > 0 ? out_size : 1);
        size_t read = 0, made = 0;
        memcpy(in, stream + inflated.read, in_size);
        inflated.result = dfl_inflate(inflater, in, in_size, &read, out, out_size, &made);
        CHECK(read <= in_size && made <= out_size);
        memcpy(plain + inflated.made, out, made);
        inflated.read += read;
        inflated.made += made;
        free(in);
        free(out);
        CHECK(inflated.result != DFL_OK || read == in_size || made == out_size);
        if (inflated.result != DFL_OK ||
            (read == 0 && made == 0)) { /* no input or no room is left */
            break;
        }
    }
    dfl_inflater_free(inflater);
    return inflated;
}

static void check_comes_back(const uint8_t *plain, size_t size, uint8_t chosen) {
    const uint8_t family = chosen % 6, other = chosen / 6;
    const bool by_zlib_ng = family >= DFL_ZLIB_NG;
    const struct dfl_parameters parameters = {
        family, (uint8_t)(by_zlib_ng ? 6 : other % 8 + 2), (uint8_t)(family == DFL_GZIP ? 9 : 8),
        (uint8_t)(by_zlib_ng ? DFL_PYTHON + other % DFL_PYTHON_ZLIB_NG : DFL_ANY_CALLER)};
    struct dfl_deflater *const deflater = dfl_deflater_new(&parameters);
    const uint8_t *deflated;
    size_t deflated_size;
    CHECK(dfl_parameters_known(&parameters));
    CHECK_EQUAL(DFL_OK, dfl_deflate(deflater, plain, size, true, &deflated, &deflated_size));
    uint8_t *const again = malloc(size > 0 ? size : 1);
    const struct inflated inflated =
        inflate_by(deflated, deflated_size, deflated_size, size, again, size);
    CHECK_EQUAL(DFL_END, inflated.result);
    CHECK_EQUAL(deflated_size, inflated.read);
    CHECK_EQUAL(size, inflated.made);
    CHECK(memcmp(plain, again, size) == 0);
    free(again);
    dfl_deflater_free(deflater);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static uint8_t whole[MOST], pieces[MOST];
    static const size_t some[] = {1, 2, 7, 24, 25, 100, 300, 1000};
    if (size == 0) {
        return 0;
    }
    const uint8_t *const stream = bytes + 1;
    const struct inflated all = inflate_by(stream, size - 1, size, MOST, whole, MOST);
    const struct inflated cut =
        inflate_by(stream, size - 1, some[bytes[0] % 8], some[bytes[0] / 8 % 8], pieces, MOST);
    CHECK_EQUAL(all.result, cut.result);
    CHECK_EQUAL(all.made, cut.made);
    CHECK(memcmp(whole, pieces, all.made) == 0);
    if (all.result == DFL_END) {
        CHECK_EQUAL(all.read, cut.read);
    }
    check_comes_back(whole, all.made, bytes[0]);
    return 0;
}
