/*
 * A stream that reuses the symbols of another is the stream that it is without, byte for byte;
 * ranges and streams that lie touch nothing outside, and lead to no other plain bytes.
 */
#include "check.h"
#include "deflate.h"
#include "plain_bytes.h"

enum { MOST = 160000, ROOM = MOST + MOST / 8 + 100, MOST_RANGES = 500 };

/* Changes, inserts and leaves out a few bytes now and then. */
static size_t edit(const uint8_t *old, size_t size, uint8_t *new, uint32_t every, uint32_t *seed) {
    size_t made = 0;
    for (size_t at = 0; at < size && made < MOST;) {
        if (chance(seed, every) == 0) {
            const uint32_t inserted = chance(seed, 20);
            for (uint32_t i = 0; i < inserted && made < MOST; i++) {
                new[made++] = (uint8_t)chance(seed, 256);
            }
            at += chance(seed, 20);
        } else {
            new[made++] = old[at++];
        }
    }
    return made;
}

/* In pieces; the reused stream and its ranges in memory of exactly their size. */
static enum dfl_result deflate_all(const struct dfl_parameters *parameters, const uint8_t *plain,
                                   size_t plain_size, size_t piece, const uint8_t *stream,
                                   size_t stream_size, const struct dfl_range *ranges, size_t count,
                                   uint8_t *deflated, size_t *size_out) {
    struct dfl_deflater *const deflater = dfl_deflater_new(parameters);
    uint8_t *const other = exact(stream, stream_size);
    uint8_t *const given = exact(ranges, count * sizeof *ranges);
    enum dfl_result result = DFL_OK;
    size_t read = 0;
    bool last = false;
    *size_out = 0;
    if (count > 0) {
        CHECK_EQUAL(DFL_OK, dfl_deflater_reuse(deflater, other, stream_size,
                                               (const struct dfl_range *)(void *)given, count));
    }
    while (!last && result == DFL_OK) {
        const size_t size = plain_size - read < piece ? plain_size - read : piece;
        const uint8_t *out;
        size_t out_size;
        last = read + size == plain_size;
        result = dfl_deflate(deflater, plain + read, size, last, &out, &out_size);
        if (result == DFL_OK) {
            CHECK(*size_out + out_size <= ROOM);
            memcpy(deflated + *size_out, out, out_size);
            *size_out += out_size;
        }
        read += size;
    }
    if (result != DFL_OK) { /* and nothing comes after that */
        const uint8_t *out;
        size_t out_size;
        CHECK_EQUAL(DFL_MALFORMED, dfl_deflate(deflater, plain, 1, true, &out, &out_size));
    }
    dfl_deflater_free(deflater);
    free(other);
    free(given);
    return result;
}

static void check_holds(const uint8_t *deflated, size_t deflated_size, const uint8_t *plain,
                        size_t plain_size) {
    static uint8_t again[MOST + 1];
    struct dfl_inflater *const inflater = dfl_inflater_new();
    size_t read, made;
    CHECK_EQUAL(DFL_END,
                dfl_inflate(inflater, deflated, deflated_size, &read, again, sizeof again, &made));
    CHECK_EQUAL(deflated_size, read);
    CHECK_EQUAL(plain_size, made);
    CHECK(memcmp(plain, again, made) == 0);
    dfl_inflater_free(inflater);
}

static uint8_t old_plain[MOST], new_plain[MOST], old[ROOM], new[ROOM], made[ROOM];
static struct dfl_range ranges[MOST_RANGES];

/* Returns how many plain bytes were reused. */
static uint64_t check_pair(const struct dfl_parameters *parameters, size_t size, uint32_t every,
                           uint64_t least, uint32_t seed) {
    size_t old_size, new_size, made_size, count;
    uint64_t reused = 0;
    fill(old_plain, size, 8, &seed);
    const size_t new_plain_size = edit(old_plain, size, new_plain, every, &seed);
    deflate_all(parameters, old_plain, size, MOST, NULL, 0, NULL, 0, old, &old_size);
    deflate_all(parameters, new_plain, new_plain_size, MOST, NULL, 0, NULL, 0, new, &new_size);
    CHECK_EQUAL(DFL_OK, dfl_find_ranges(old, old_size, new, new_size, new_plain_size, least, ranges,
                                        MOST_RANGES, &count));
    static const size_t pieces[] = {MOST, 1000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        CHECK_EQUAL(DFL_OK, deflate_all(parameters, new_plain, new_plain_size, pieces[i], old,
                                        old_size, ranges, count, made, &made_size));
        CHECK_EQUAL(new_size, made_size);
        CHECK(memcmp(new, made, new_size) == 0);
    }
    for (size_t i = 0; i < count; i++) {
        CHECK(ranges[i].reused >= least);
        reused += ranges[i].reused;
    }
    /* And with ranges that are off, or a stream that is damaged or ends early. */
    for (size_t i = 0; i < 8 && count > 0; i++) {
        struct dfl_range *const wrong = &ranges[chance(&seed, (uint32_t)count)];
        const struct dfl_range right = *wrong;
        const size_t damaged = chance(&seed, (uint32_t)old_size);
        const uint8_t was = old[damaged];
        const uint64_t off = i < 4 ? 1 + chance(&seed, 300) : UINT64_MAX - chance(&seed, 300);
        wrong->searched += i % 4 == 0 ? off : 0;
        wrong->skipped += i % 4 == 1 ? off : 0;
        wrong->reused += i % 4 == 2 ? off : 0;
        old[damaged] = i % 4 == 3 ? (uint8_t)(was ^ 1u << chance(&seed, 8)) : was;
        const size_t cut = i == 7 ? damaged : old_size;
        if (deflate_all(parameters, new_plain, new_plain_size, 50000, old, cut, ranges, count, made,
                        &made_size) == DFL_OK) {
            check_holds(made, made_size, new_plain, new_plain_size);
        }
        *wrong = right;
        old[damaged] = was;
    }
    return reused;
}

int main(void) {
    for (uint8_t family = DFL_ZLIB; family <= DFL_CHROMIUM; family++) {
        for (uint8_t level = 1; level <= 9; level++) {
            const struct dfl_parameters parameters = {family, level,
                                                      family == DFL_GZIP || level % 2 ? 9 : 8, 0};
            CHECK_EQUAL(level >= 4, dfl_parameters_reusable(&parameters));
            if (level < 4) {
                continue;
            }
            uint64_t reused = 0;
            reused += check_pair(&parameters, MOST - 20000, 40000, 500, level);
            reused += check_pair(&parameters, 20000, 20000, 1, 10 + level);
            CHECK(reused > 50000);
        }
    }
    const struct dfl_parameters unknown = {6, 6, 8, 0}, miniz = {DFL_MINIZ, 6, 8, 0},
                                zlib_ng = {DFL_ZLIB_NG, 6, 8, DFL_PYTHON};
    CHECK(!dfl_parameters_reusable(&unknown) && !dfl_parameters_reusable(&miniz));
    CHECK(!dfl_parameters_reusable(&zlib_ng));
    /* Nothing, a stream that breaks off, and what is no stream. */
    size_t count;
    CHECK_EQUAL(DFL_MALFORMED, dfl_find_ranges(old, 0, old, 0, 0, 1, ranges, 1, &count));
    CHECK_EQUAL(DFL_MALFORMED,
                dfl_find_ranges((const uint8_t *)"\7", 1, old, 0, 0, 1, ranges, 1, &count));
    CHECK_EQUAL(DFL_OK, dfl_find_ranges((const uint8_t *)"\3", 2, (const uint8_t *)"\3", 2, 0, 1,
                                        ranges, 1, &count));
    CHECK_EQUAL(0, count);
    return 0;
}
