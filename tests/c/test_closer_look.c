/*
 * Where a window hardly differs from its source, no wrong turn is taken.
 *
 * It tells one story. In an archive the header of each member begins like every other, so behind a
 * change the next one was copied from a header that began the same way, and its diagonal was
 * followed, byte by byte, through text that differed here and there, while another place agreed to
 * the end. The delta of a patch release was half as large again as it had to be. And words that
 * stand somewhere else in the source were written out, for nobody had looked there.
 */
#include "delta_builder.h"

static uint64_t state = 3284;

static unsigned pick(unsigned below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % below;
}

static void put_words(struct bytes *to, unsigned count) {
    for (; count > 0; count--) {
        for (unsigned letters = 2 + pick(9); letters > 0; letters--) {
            put_byte(to, 'a' + pick(26));
        }
        put_byte(to, ' ');
    }
}

static struct vcd_sections encoded(struct vcd_encoder *encoder, const struct bytes *source,
                                   const struct bytes *target) {
    struct vcd_index *const index = vcd_index_new(source->data, source->size, 6);
    while (vcd_index_fill(index, source->size) > 0) {
    }
    struct vcd_window window;
    struct vcd_sections sections;
    CHECK_EQUAL(VCD_OK, vcd_encode_window(encoder, index, target->data, target->size, 0,
                                          target->size, &window, &sections));
    vcd_index_free(index);
    uint8_t *const room = malloc(target->size);
    struct vcd_where where = {0};
    CHECK_EQUAL(VCD_OK, vcd_decode_window(&window, &sections, NULL,
                                          source->data + window.segment_position, room, &where));
    CHECK(memcmp(target->data, room, target->size) == 0);
    free(room);
    return sections;
}

/* Of four places that begin alike, one agrees with the target to the end: not the first two, which
   the index knows, and not the last, which is found nearby. */
static void places_that_begin_alike(void) {
    enum { PLACES = 4, RIGHT = 2, SIZE = 2000, ALIKE = 100 };
    struct bytes right = {0}, source = {0}, target = {0};
    put_words(&right, 2 * SIZE);
    right.size = SIZE;
    for (int i = 0; i < PLACES; i++) {
        put_words(&source, 5000);
        while (source.size % 16 != 0) { /* so that sampled keys tell nothing */
            put_byte(&source, '.');
        }
        for (size_t k = 0; k < SIZE; k++) {
            const bool differs = i != RIGHT && k >= ALIKE && k % 24 == 0;
            put_byte(&source, differs ? '#' + (unsigned)i : right.data[k]);
        }
    }
    put_words(&source, 5000);
    put(&target, source.data, 60000);
    put_words(&target, 1);
    put(&target, right.data, SIZE);
    put(&target, source.data + 60000, source.size - 60000);
    const struct bytes exact_source = exact_copy(source.data, source.size);
    const struct bytes exact_target = exact_copy(target.data, target.size);
    struct vcd_encoder *const encoder = vcd_encoder_new(exact_source.data, exact_source.size, 6);
    const struct vcd_sections sections = encoded(encoder, &exact_source, &exact_target);
    CHECK(sections.instructions_size < 20);
    vcd_encoder_free(encoder);
    free(right.data);
    free(source.data);
    free(target.data);
    free(exact_source.data);
    free(exact_target.data);
}

/* A sentence is made of words that stand here and there, 700 kB from it. */
static void words_from_afar(void) {
    struct bytes source = {0}, target = {0};
    put_words(&source, 100000);
    put(&target, source.data + 300000, source.size - 300000);
    size_t written = 0;
    for (unsigned i = 0; i < 20; i++) {
        const size_t size = 18 + pick(6);
        put(&target, source.data + pick(100000), size);
        written += size;
    }
    const struct bytes exact_source = exact_copy(source.data, source.size);
    const struct bytes exact_target = exact_copy(target.data, target.size);
    struct vcd_encoder *const encoder = vcd_encoder_new(exact_source.data, source.size, 6);
    const struct vcd_sections sections = encoded(encoder, &exact_source, &exact_target);
    CHECK(sections.data_size < written / 4);
    vcd_encoder_free(encoder);
    free(source.data);
    free(target.data);
    free(exact_source.data);
    free(exact_target.data);
}

int main(void) {
    places_that_begin_alike();
    words_from_afar();
    return 0;
}
