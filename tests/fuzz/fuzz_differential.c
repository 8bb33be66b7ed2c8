/*
 * fuzz_differential.c - what our decoder and upstream xdelta3 both accept, they agree on
 *
 * Equal bytes, to the last one. Where only one of them accepts a delta, the one that refuses
 * must have a reason that is listed here: the tables are all that is known to differ, and a
 * new difference is a finding. Windows with packed sections are not read by our C code and are
 * left out.
 */
#include "engine.h"
#include "fuzz_input.h"

/* What xdelta3 refuses and we read. */
static const char *const refused_by_xdelta3[] = {
    /* it knows the default code table only, and no segments of the target */
    "VCD_CODETABLE not implemented",
    "VCD_TARGET not implemented",
};

/* What we refuse and xdelta3 reads: it does not look, or looks at another place. */
static const char *const refused_by_us[] = {
    "nothing yet",
};

static bool listed(const char *words, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The target by xdelta3, as far as it comes. */
static enum xd3_engine_result decode_by_xdelta3(struct xd3_engine *engine, struct bytes *target) {
    const uint8_t *piece = NULL;
    size_t size = 0;
    enum xd3_engine_result result;
    while ((result = xd3_engine_next(engine, &piece, &size)) == XD3_ENGINE_OK && size > 0) {
        put(target, piece, size);
    }
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct fuzz_input input = fuzz_input_over(bytes, size);
    const struct bytes source = input.source, delta = input.delta;
    struct vcd_where where = {0};
    struct vcd_summary summary;
    enum vcd_result ours = vcd_read_summary(delta.data, delta.size, &summary, &where);
    uint8_t *target = NULL;
    size_t target_size = 0;
    if (ours == VCD_OK) {
        if (summary.packed_windows > 0 || summary.target_size > FUZZ_TARGET_MAX_SIZE) {
            goto done;
        }
        target = malloc(summary.target_size > 0 ? (size_t)summary.target_size : 1);
        ours = vcd_decode(source.data, source.size, delta.data, delta.size, target,
                          (size_t)summary.target_size, &target_size, &where);
    }
    struct bytes theirs = {0};
    struct xd3_engine *const engine = xd3_engine_decoder_new(source.data, source.size, delta.data,
                                                             delta.size, FUZZ_TARGET_MAX_SIZE);
    CHECK(engine != NULL);
    const bool accepted = decode_by_xdelta3(engine, &theirs) == XD3_ENGINE_OK;
    if (ours == VCD_OK && accepted) {
        CHECK_EQUAL(target_size, theirs.size);
        CHECK(theirs.size == 0 || memcmp(target, theirs.data, theirs.size) == 0);
    } else if (ours == VCD_OK) {
        const char *const message = xd3_engine_message(engine);
        if (!listed(message, refused_by_xdelta3,
                    sizeof refused_by_xdelta3 / sizeof *refused_by_xdelta3)) {
            fprintf(stderr, "only xdelta3 refuses: %s\n", message);
            abort();
        }
    } else if (accepted) {
        if (!listed(where.expected, refused_by_us, sizeof refused_by_us / sizeof *refused_by_us)) {
            fprintf(stderr, "only we refuse, at window %llu, offset %llu: %s expected\n",
                    (unsigned long long)where.window, (unsigned long long)where.offset,
                    where.expected);
            abort();
        }
    }
    xd3_engine_free(engine);
    free(theirs.data);
done:
    free(target);
    fuzz_input_free(&input);
    return 0;
}
