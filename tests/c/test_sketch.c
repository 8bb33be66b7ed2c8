/*
 * A sketch depends on the bytes and on nothing else: not on how they are cut or aligned. Files that
 * share a part of their bytes share about that part of their bins, wherever it lies.
 */
#include "check.h"
#include "sketch.h"

enum { SIZE = 1 << 18 };

static void fill(uint8_t *data, size_t size, uint64_t seed) {
    for (size_t i = 0; i < size; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        data[i] = (uint8_t)(seed >> 56);
    }
}

/* Bytes that end where their memory does, so that a sanitizer sees one read too many. */
static struct vcd_sketch sketch_of(const uint8_t *data, size_t size, size_t step) {
    struct vcd_sketch sketch;
    vcd_sketch_start(&sketch);
    for (size_t from = 0; from < size; from += step) {
        const size_t piece = size - from < step ? size - from : step;
        uint8_t *const exact = malloc(piece + 1);
        memcpy(exact + 1, data + from, piece);
        vcd_sketch_add(&sketch, exact + 1, piece);
        free(exact);
    }
    return sketch;
}

static size_t alike(const struct vcd_sketch *a, const struct vcd_sketch *b) {
    size_t count = 0;
    for (size_t i = 0; i < VCD_SKETCH_BINS; i++) {
        count += a->least[i] == b->least[i] && a->least[i] != VCD_SKETCH_EMPTY;
    }
    return count;
}

static void check_same(const struct vcd_sketch *a, const struct vcd_sketch *b) {
    for (size_t i = 0; i < VCD_SKETCH_BINS; i++) {
        CHECK_EQUAL(a->least[i], b->least[i]);
    }
}

int main(void) {
    uint8_t *const data = malloc(SIZE);
    fill(data, SIZE, 1);

    const struct vcd_sketch whole = sketch_of(data, SIZE, SIZE);
    CHECK_EQUAL(VCD_SKETCH_BINS, alike(&whole, &whole));
    const struct vcd_sketch start = sketch_of(data, 2000, 2000);
    for (size_t step = 1; step < 70; step++) {
        const struct vcd_sketch cut = sketch_of(data, 2000, step);
        check_same(&start, &cut);
    }
    const struct vcd_sketch cut = sketch_of(data, SIZE, 4099);
    check_same(&whole, &cut);

    /* What has no window, or only windows of one byte, leaves its bins empty. */
    for (size_t size = 0; size < VCD_SKETCH_WINDOW; size++) {
        const struct vcd_sketch nothing = sketch_of(data, size, 1);
        CHECK_EQUAL(0, alike(&nothing, &nothing));
    }
    vcd_sketch_add(&(struct vcd_sketch){.tail_size = 0}, NULL, 0);
    uint8_t *const zeros = calloc(SIZE, 1);
    const struct vcd_sketch blank = sketch_of(zeros, SIZE, SIZE);
    CHECK_EQUAL(0, alike(&blank, &blank));

    /* Half of each: a third of both together, give or take two standard deviations. */
    uint8_t *const other = malloc(SIZE);
    fill(other, SIZE, 2);
    const struct vcd_sketch foreign = sketch_of(other, SIZE, SIZE);
    CHECK_EQUAL(0, alike(&whole, &foreign));
    memcpy(other + 77, data + SIZE / 2, SIZE / 2);
    const struct vcd_sketch half = sketch_of(other, SIZE, SIZE);
    CHECK(alike(&whole, &half) >= 32 - 10 && alike(&whole, &half) <= 32 + 10);

    /* Content noted by identity counts by its size: here for three parts in four. */
    struct vcd_sketch notes[2];
    for (uint64_t i = 0; i < 2; i++) {
        vcd_sketch_start(&notes[i]);
        vcd_sketch_note(&notes[i], 7, 600000);
        vcd_sketch_note(&notes[i], 8 + i, 100000);
    }
    CHECK(alike(&notes[0], &notes[1]) >= 72 - 9 && alike(&notes[0], &notes[1]) <= 72 + 9);

    free(other);
    free(zeros);
    free(data);
    return 0;
}
