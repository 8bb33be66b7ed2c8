/*
 * What is deflated by any parameters comes back, in pieces of any size, from buffers of no more
 * bytes than they say.
 */
#include "check.h"
#include "deflate.h"
#include "plain_bytes.h"

enum { MOST = 200000 };

static size_t deflate_all(const struct dfl_parameters *parameters, const uint8_t *plain,
                          size_t plain_size, size_t piece, uint8_t *deflated) {
    struct dfl_deflater *const deflater = dfl_deflater_new(parameters);
    size_t read = 0, made = 0;
    bool last = false;
    while (!last) {
        const size_t size = plain_size - read < piece ? plain_size - read : piece;
        uint8_t *const copy = exact(plain + read, size);
        const uint8_t *out;
        size_t out_size;
        last = read + size == plain_size;
        CHECK_EQUAL(DFL_OK, dfl_deflate(deflater, copy, size, last, &out, &out_size));
        CHECK(made + out_size <= plain_size + plain_size / 8 + 100);
        memcpy(deflated + made, out, out_size);
        made += out_size;
        read += size;
        free(copy);
    }
    dfl_deflater_free(deflater);
    return made;
}

static void check_inflates(const uint8_t *deflated, size_t deflated_size, const uint8_t *plain,
                           size_t plain_size, size_t piece, size_t room) {
    struct dfl_inflater *const inflater = dfl_inflater_new();
    size_t read = 0, made = 0;
    enum dfl_result result = DFL_OK;
    while (result == DFL_OK) {
        const size_t size = deflated_size - read < piece ? deflated_size - read : piece;
        uint8_t *const in = exact(deflated + read, size), *const out = malloc(room);
        size_t size_read, size_made;
        result = dfl_inflate(inflater, in, size, &size_read, out, room, &size_made);
        CHECK(size_read <= size && size_made <= room && made + size_made <= plain_size);
        CHECK(result == DFL_END || size_made == room || size_read == size);
        CHECK(size_made == 0 || memcmp(plain + made, out, size_made) == 0);
        read += size_read;
        made += size_made;
        free(in);
        free(out);
    }
    CHECK_EQUAL(DFL_END, result);
    CHECK_EQUAL(deflated_size, read);
    CHECK_EQUAL(plain_size, made);
    dfl_inflater_free(inflater);
}

/* In pieces as all at once, and back. */
static void check_deflates(const struct dfl_parameters *parameters) {
    static const size_t sizes[] = {0, 1, 2, 3, 262, 32768, 65273, 65400, 65535, 65536, 65537, MOST};
    static uint8_t plain[MOST], deflated[MOST + MOST / 8 + 100], again[sizeof deflated];
    const bool flushed =
        parameters->caller == DFL_FLATE2_FLUSHED || parameters->caller == DFL_FLATE2_PIECES_FLUSHED;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i];
        uint32_t seed = (uint32_t)(100 * parameters->level + i);
        fill(plain, size, 4, &seed);
        const size_t made = deflate_all(parameters, plain, size, MOST, deflated);
        CHECK_EQUAL(made, deflate_all(parameters, plain, size, 9999, again));
        CHECK(memcmp(deflated, again, made) == 0);
        check_inflates(deflated, made, plain, size, made, size + 1);
        check_inflates(deflated, made, plain, size, 13 * parameters->level, 500);
        CHECK(size > 0 || (made == (flushed ? 7 : 2) &&
                           memcmp(deflated, flushed ? "\0\0\0\377\377\3" : "\3", made) == 0));
    }
}

int main(void) {
    for (uint8_t family = DFL_ZLIB; family <= DFL_MINIZ; family++) {
        for (uint8_t level = 1; level <= 9; level++) {
            for (uint8_t mem_level = 8; mem_level <= 9; mem_level++) {
                const struct dfl_parameters parameters = {family, level, mem_level, 0};
                if (!dfl_parameters_known(&parameters)) {
                    CHECK(family == (mem_level == 8 ? DFL_GZIP : DFL_MINIZ) ||
                          (family == DFL_MINIZ && level == 1));
                    continue;
                }
                check_deflates(&parameters);
            }
        }
    }
    for (uint8_t family = DFL_ZLIB_NG; family <= DFL_ZLIB_NG_FULL; family++) {
        for (uint8_t caller = DFL_PYTHON; caller <= DFL_PYTHON_ZLIB_NG; caller++) {
            const struct dfl_parameters parameters = {family, 6, 8, caller};
            CHECK(dfl_parameters_known(&parameters));
            check_deflates(&parameters);
        }
    }
    const struct dfl_parameters unknown[] = {
        {6, 6, 8, 1}, {3, 1, 8, 0}, {0, 0, 8, 0}, {0, 10, 8, 0}, {0, 6, 10, 0}, {0, 6, 8, 1},
        {3, 6, 8, 1}, {4, 6, 8, 0}, {4, 6, 8, 7}, {4, 6, 9, 1},  {4, 5, 8, 1},  {5, 7, 8, 1}};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        CHECK(!dfl_parameters_known(&unknown[i]));
    }
    return 0;
}
