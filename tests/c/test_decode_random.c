/*
 * Wide copies, overlaps and careful ends give what moving byte by byte gives. Sections, segment and
 * target stand in memory of exactly their size, so a sanitizer sees a step outside.
 *
 *   test_decode_random [seed [windows]]
 */
#include "code_table.h"
#include "delta_builder.h"

static uint64_t state;

/* 0 .. below - 1 */
static size_t pick(size_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(state >> 33) % below;
}

/* Mostly short, sometimes long: both sides of the 32 bytes that are moved at once. */
static size_t pick_size(void) {
    return pick(8) == 0 ? 1 + pick(300) : 1 + pick(40);
}

static void put_instruction(struct window_parts *parts, struct bytes *target,
                            const struct bytes *segment) {
    const size_t size = pick_size();
    const size_t here = segment->size + target->size;
    switch (pick(4)) {
    case 0:
        put_byte(&parts->instructions, 1);
        put_varint(&parts->instructions, size);
        for (size_t i = 0; i < size; i++) {
            put_byte(&parts->data, (unsigned)pick(256));
            put_byte(target, parts->data.data[parts->data.size - 1]);
        }
        break;
    case 1:
        put_byte(&parts->instructions, 0);
        put_varint(&parts->instructions, size);
        put_byte(&parts->data, (unsigned)pick(256));
        for (size_t i = 0; i < size; i++) {
            put_byte(target, parts->data.data[parts->data.size - 1]);
        }
        break;
    default: {
        if (here == 0) {
            return;
        }
        /* Near the end of the target, where copies overlap, or anywhere. */
        const size_t back = 1 + (pick(2) ? pick(here) : pick(here < 40 ? here : 40));
        put_byte(&parts->instructions, 19);
        put_varint(&parts->instructions, size);
        put_varint(&parts->addresses, here - back);
        for (size_t i = 0; i < size; i++) {
            const size_t address = here - back + i;
            put_byte(target, address < segment->size ? segment->data[address]
                                                     : target->data[address - segment->size]);
        }
    }
    }
}

static void check_random_window(void) {
    struct bytes segment = {0};
    struct bytes target = {0};
    struct window_parts parts = {.indicator = VCD_SOURCE | VCD_ADLER32};
    for (size_t left = pick(200); left > 0; left--) {
        put_byte(&segment, (unsigned)pick(256));
    }
    for (size_t left = pick(60); left > 0; left--) {
        put_instruction(&parts, &target, &segment);
    }
    const struct vcd_window window = {
        .indicator = VCD_SOURCE | VCD_ADLER32,
        .segment_size = segment.size,
        .target_size = target.size,
        .adler32 = vcd_adler32(1, target.data, target.size),
    };
    struct bytes data = exact_copy(parts.data.data, parts.data.size);
    struct bytes instructions = exact_copy(parts.instructions.data, parts.instructions.size);
    struct bytes addresses = exact_copy(parts.addresses.data, parts.addresses.size);
    struct bytes exact_segment = exact_copy(segment.data, segment.size);
    uint8_t *const room = malloc(target.size > 0 ? target.size : 1);
    const struct vcd_sections sections = {data.data,         data.size,      instructions.data,
                                          instructions.size, addresses.data, addresses.size};
    struct vcd_where where = {0};
    CHECK_EQUAL(VCD_OK,
                vcd_decode_window(&window, &sections, NULL, exact_segment.data, room, &where));
    CHECK(target.size == 0 || memcmp(target.data, room, target.size) == 0);

    /* With the default table given as if it were a custom one. */
    memset(room, 0, target.size);
    CHECK_EQUAL(VCD_OK, vcd_decode_window(&window, &sections, vcd_default_code_table(),
                                          exact_segment.data, room, &where));

    struct vcd_counts counts;
    CHECK_EQUAL(VCD_OK, vcd_inspect_window(&window, &sections, NULL, &counts, &where));
    CHECK_EQUAL(target.size, counts.add_bytes + counts.run_bytes + counts.source_copy_bytes +
                                 counts.target_copy_bytes);

    /* One byte of the sections wrong: any answer, but no step outside. */
    for (int i = 0; i < 8; i++) {
        struct bytes *const hurt = (struct bytes *[]){&data, &instructions, &addresses}[pick(3)];
        if (hurt->size > 0) {
            uint8_t *const byte = &hurt->data[pick(hurt->size)];
            const uint8_t right = *byte;
            *byte = (uint8_t)pick(256);
            vcd_decode_window(&window, &sections, NULL, exact_segment.data, room, &where);
            vcd_inspect_window(&window, &sections, NULL, &counts, &where);
            *byte = right;
        }
    }
    free(data.data);
    free(instructions.data);
    free(addresses.data);
    free(exact_segment.data);
    free(segment.data);
    free(target.data);
    free(room);
    free_parts(&parts);
}

int main(int argc, char **argv) {
    state = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261121;
    const int windows = argc > 2 ? atoi(argv[2]) : 3000;
    printf("seed %llu\n", (unsigned long long)state);
    fflush(stdout);
    for (int i = 0; i < windows; i++) {
        check_random_window();
    }
    return 0;
}
