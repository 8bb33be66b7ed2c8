/*
 * A target that is approximated by its source comes back when the differences are added, whatever
 * the pieces; hostile differences are refused, and write nothing outside the room.
 */
#include "difference.h"

#include "delta_builder.h"

enum { SIZE = 40000, LONG = 50 };

static uint32_t chance(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* Encodes with our encoder, approximates, and adds the differences in pieces of 'piece'. */
static void check_round_trip(const uint8_t *source, const uint8_t *target, size_t piece,
                             size_t least_joined) {
    struct vcd_index *const index = vcd_index_new(source, SIZE, 6);
    while (vcd_index_fill(index, SIZE) > 0) {
    }
    struct vcd_encoder *const encoder = vcd_encoder_new(source, SIZE, 6);
    struct vcd_window window;
    struct vcd_sections sections;
    CHECK_EQUAL(VCD_OK,
                vcd_encode_window(encoder, index, target, SIZE, 0, SIZE, &window, &sections));
    CHECK_EQUAL(SIZE, window.target_size);

    struct vcd_approximator *const approximator = vcd_approximator_new();
    uint8_t *const almost = malloc(SIZE);
    memcpy(almost, target, SIZE);
    struct vcd_where where = {0};
    CHECK_EQUAL(VCD_OK, vcd_approximate_window(approximator, &window, &sections, NULL, source, SIZE,
                                               almost, &where));
    struct vcd_differences differences;
    vcd_end_block(approximator, &differences);
    size_t joined = 0;
    for (size_t i = 0; i < SIZE; i++) {
        joined += almost[i] != target[i];
    }
    CHECK(joined >= least_joined);
    CHECK(differences.values_size >= joined);

    struct vcd_difference_place place = {0};
    for (size_t at = 0; at < SIZE; at += piece) {
        const size_t size = piece < SIZE - at ? piece : SIZE - at;
        uint8_t *const room = malloc(size); /* of its own, so that a sanitizer sees its end */
        memcpy(room, almost + at, size);
        CHECK_EQUAL(VCD_OK, vcd_add_differences(&differences, &place, room, size, &where));
        CHECK(memcmp(room, target + at, size) == 0);
        free(room);
    }
    CHECK_EQUAL(differences.places_size, place.places_read);
    CHECK_EQUAL(differences.values_size, place.values_read);

    /* A window of another source is refused. */
    window.segment_position = SIZE;
    CHECK_EQUAL(VCD_WRONG_SOURCE, vcd_approximate_window(approximator, &window, &sections, NULL,
                                                         source, SIZE, almost, &where));
    free(almost);
    vcd_approximator_free(approximator);
    vcd_encoder_free(encoder);
    vcd_index_free(index);
}

static void check_hostile(const char *places, size_t places_size, size_t values_size,
                          enum vcd_result expected) {
    static const uint8_t values[64];
    const struct vcd_differences differences = {(const uint8_t *)places, places_size, values,
                                                values_size};
    struct vcd_difference_place place = {0};
    struct vcd_where where = {0};
    uint8_t *const room = calloc(1, 10);
    CHECK_EQUAL(expected, vcd_add_differences(&differences, &place, room, 10, &where));
    CHECK(expected == VCD_OK || where.expected != NULL);
    free(room);
}

int main(void) {
    uint8_t *const source = malloc(SIZE);
    uint8_t *const target = malloc(SIZE);
    uint32_t state = 5;
    for (size_t i = 0; i < SIZE; i++) {
        source[i] = (uint8_t)chance(&state);
    }
    memcpy(target, source, SIZE);
    check_round_trip(source, target, 1000, 0);
    for (size_t i = LONG; i < SIZE; i += LONG) { /* two bytes of every fifty */
        target[i] = (uint8_t)(target[i] + 1);
        target[i + 1] = (uint8_t)(target[i + 1] - 7);
    }
    check_round_trip(source, target, SIZE, SIZE / LONG);
    check_round_trip(source, target, 1, SIZE / LONG);
    check_round_trip(source, target, 777, SIZE / LONG);
    memset(target + 100, 7, 9000); /* and a gap that is nothing like the source */
    memmove(target + 20000, target + 20100, 15000);
    check_round_trip(source, target, 4096, SIZE / LONG / 2);

    check_hostile("", 0, 0, VCD_OK);
    check_hostile("\x09\x01", 2, 1, VCD_OK);
    check_hostile("\x00\x0A", 2, 10, VCD_OK);
    check_hostile("\x00\x40", 2, 64, VCD_OK); /* goes on in the next piece */
    check_hostile("\x00\x41", 2, 64, VCD_MALFORMED);
    check_hostile("\x09", 1, 1, VCD_MALFORMED);
    check_hostile("\x09\x00", 2, 1, VCD_MALFORMED);
    check_hostile("\x09\x01", 2, 0, VCD_MALFORMED);
    check_hostile("\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x01", 11, 1, VCD_OK);
    check_hostile("\x83\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x01", 11, 1, VCD_MALFORMED);
    check_hostile("\x00\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 11, 64, VCD_MALFORMED);
    free(source);
    free(target);
    return 0;
}
