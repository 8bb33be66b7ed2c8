/*
 * Two deltas merged give what both give one after the other: instructions of every kind, in windows
 * that copy from the source, from earlier target or from nothing, with overlaps and with copies
 * that run from segment into target. What is written never has such a copy, and holds no more
 * instructions than it should.
 *
 *   test_merge [seed [pairs]]
 */
#include "delta_builder.h"
#include "instruction_reader.h"

static uint64_t state;

/* 0 .. below - 1 */
static size_t pick(size_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(state >> 33) % below;
}

enum { MOST_WINDOWS = 6 };

/* A delta whose sections stay where they are, and its target. */
struct made {
    struct vcd_window windows[MOST_WINDOWS];
    struct window_parts parts[MOST_WINDOWS];
    struct vcd_sections sections[MOST_WINDOWS];
    size_t count;
    struct bytes target;
};

static void free_made(struct made *made) {
    for (size_t i = 0; i < made->count; i++) {
        free_parts(&made->parts[i]);
    }
    free(made->target.data);
    memset(made, 0, sizeof *made);
}

static size_t pick_size(void) {
    return pick(8) == 0 ? 1 + pick(300) : 1 + pick(30);
}

static void put_add(struct window_parts *parts, struct bytes *target, const void *bytes,
                    size_t size) {
    put_byte(&parts->instructions, 1);
    put_varint(&parts->instructions, size);
    put(&parts->data, bytes, size);
    put(target, bytes, size);
}

static void put_run(struct window_parts *parts, struct bytes *target, unsigned byte, size_t size) {
    put_byte(&parts->instructions, 0);
    put_varint(&parts->instructions, size);
    put_byte(&parts->data, byte);
    for (size_t i = 0; i < size; i++) {
        put_byte(target, byte);
    }
}

static void put_copy(struct window_parts *parts, struct bytes *target, size_t window_start,
                     const struct bytes *source, size_t address, size_t size) {
    put_byte(&parts->instructions, 19);
    put_varint(&parts->instructions, size);
    put_varint(&parts->addresses, address);
    const size_t segment_size = (size_t)parts->segment_size;
    const size_t segment = (size_t)parts->segment_position;
    target->data = realloc(target->data, room_for(target->size + size));
    for (size_t i = address; i < address + size; i++) {
        target->data[target->size++] = i >= segment_size
                                           ? target->data[window_start + i - segment_size]
                                       : parts->indicator & VCD_TARGET ? target->data[segment + i]
                                                                       : source->data[segment + i];
    }
}

static void begin_window(struct made *made, unsigned indicator, size_t position, size_t size) {
    made->parts[made->count] = (struct window_parts){
        .indicator = indicator, .segment_position = position, .segment_size = size};
    made->windows[made->count].target_size = made->target.size; /* until end_window() */
}

static void end_window(struct made *made) {
    struct window_parts *const parts = &made->parts[made->count];
    const size_t start = (size_t)made->windows[made->count].target_size;
    made->windows[made->count] = (struct vcd_window){
        .indicator = (uint8_t)parts->indicator,
        .segment_position = parts->segment_position,
        .segment_size = parts->segment_size,
        .target_size = made->target.size - start,
    };
    made->sections[made->count] = (struct vcd_sections){
        .data = parts->data.data,
        .data_size = parts->data.size,
        .instructions = parts->instructions.data,
        .instructions_size = parts->instructions.size,
        .addresses = parts->addresses.data,
        .addresses_size = parts->addresses.size,
    };
    made->count++;
}

static void put_window_from(struct made *made, const struct bytes *source) {
    struct bytes *const target = &made->target;
    const size_t start = target->size;
    const bool from_target = pick(4) == 0;
    const size_t room = from_target ? start : source->size;
    const size_t position = pick(room + 1);
    const size_t size = pick(2) ? room - position : pick(room - position + 1);
    if (pick(6) == 0) {
        begin_window(made, 0, 0, 0);
    } else {
        begin_window(made, from_target ? VCD_TARGET : VCD_SOURCE, position, size);
    }
    struct window_parts *const parts = &made->parts[made->count];
    for (size_t left = pick(25); left > 0; left--) {
        uint8_t bytes[330];
        const size_t here = (size_t)parts->segment_size + target->size - start;
        const size_t length = pick_size();
        const size_t kind = pick(6);
        if (kind == 0 || here == 0) {
            for (size_t i = 0; i < length; i++) {
                bytes[i] = (uint8_t)pick(256);
            }
            put_add(parts, target, bytes, length);
        } else if (kind == 1) {
            put_run(parts, target, (unsigned)pick(256), length);
        } else {
            const size_t back = 1 + (pick(2) ? pick(here) : pick(here < 20 ? here : 20));
            put_copy(parts, target, start, source, here - back, length);
        }
    }
    end_window(made);
}

static struct made make(const struct bytes *source) {
    struct made made = {0};
    for (size_t left = pick(MOST_WINDOWS + 1); left > 0; left--) {
        put_window_from(&made, source);
    }
    return made;
}

static struct vcd_merger *read_both(const struct made *first, const struct made *second) {
    struct vcd_merger *const merger = vcd_merger_new();
    struct vcd_where where = {0};
    CHECK(merger != NULL);
    for (size_t i = 0; i < first->count; i++) {
        CHECK_EQUAL(VCD_OK, vcd_merger_read_first(merger, &first->windows[i], &first->sections[i],
                                                  NULL, &where));
    }
    for (size_t i = 0; i < second->count; i++) {
        CHECK_EQUAL(VCD_OK, vcd_merger_read_second(merger, &second->windows[i],
                                                   &second->sections[i], NULL, &where));
    }
    return merger;
}

/* Counts the instructions; no COPY may run from the segment into the target. */
static uint64_t count_instructions(const struct vcd_window *window,
                                   const struct vcd_sections *sections) {
    uint64_t near[VCD_NEAR_SIZE];
    uint64_t same[VCD_SAME_SIZE * 256];
    struct vcd_instruction_reader reader =
        vcd_instruction_reader_over(window, sections, near, VCD_NEAR_SIZE, same, VCD_SAME_SIZE);
    uint64_t count = 0;
    while (vcd_instructions_left(&reader)) {
        struct vcd_instruction instruction = {0};
        struct vcd_where where = {0};
        CHECK_EQUAL(VCD_OK, vcd_read_instruction(&reader, vcd_default_code_table(), VCD_NEAR_SIZE,
                                                 VCD_SAME_SIZE, &instruction, &where));
        CHECK(instruction.type != VCD_COPY || instruction.address >= window->segment_size ||
              instruction.size <= window->segment_size - instruction.address);
        count++;
    }
    return count;
}

static uint64_t merge_and_check(const struct bytes *source, const struct made *first,
                                const struct made *second, size_t most) {
    struct vcd_merger *const merger = read_both(first, second);
    const struct bytes exact = exact_copy(source->data, source->size);
    uint8_t *const room = malloc(second->target.size > 0 ? second->target.size : 1);
    uint64_t instructions = 0;
    struct vcd_where where = {0};
    for (size_t at = 0; at < second->target.size;) {
        const size_t left = second->target.size - at;
        struct vcd_window window;
        struct vcd_sections sections;
        CHECK_EQUAL(VCD_OK, vcd_merge_window(merger, at, left < most ? left : most, &window,
                                             &sections, &where));
        CHECK_EQUAL(left < most ? left : most, window.target_size);
        CHECK(window.segment_position + window.segment_size <= source->size);
        instructions += count_instructions(&window, &sections);
        CHECK_EQUAL(
            VCD_OK,
            vcd_decode_window(&window, &sections, NULL,
                              window.segment_size > 0 ? exact.data + window.segment_position : NULL,
                              room + at, &where));
        at += (size_t)window.target_size;
    }
    CHECK(second->target.size == 0 || memcmp(second->target.data, room, second->target.size) == 0);
    free(room);
    free(exact.data);
    vcd_merger_free(merger);
    return instructions;
}

static void check_random_pair(void) {
    struct bytes source = {0};
    for (size_t left = pick(400); left > 0; left--) {
        put_byte(&source, (unsigned)pick(256));
    }
    struct made first = make(&source);
    struct made second = make(&first.target);
    merge_and_check(&source, &first, &second, 1 + pick(1000));
    merge_and_check(&source, &first, &second, VCD_WINDOW_MAX_SIZE);
    free_made(&first);
    free_made(&second);
    free(source.data);
}

/* A copy of period 3 that b takes from the middle, over 16 MiB: three bytes in one ADD, and one
 * COPY. */
static void check_period(void) {
    enum { SIZE = 1 << 24 };
    const struct bytes source = {0};
    struct made first = {0};
    begin_window(&first, 0, 0, 0);
    put_add(&first.parts[0], &first.target, "abc", 3);
    put_copy(&first.parts[0], &first.target, 0, &source, 0, SIZE);
    end_window(&first);
    struct made second = {0};
    begin_window(&second, VCD_SOURCE, 1000001, SIZE - 1000001);
    put_copy(&second.parts[0], &second.target, 0, &first.target, 0, SIZE - 1000001);
    end_window(&second);
    CHECK_EQUAL(2, merge_and_check(&source, &first, &second, VCD_WINDOW_MAX_SIZE));
    free_made(&first);
    free_made(&second);
}

/* 40 instructions of a double it each time; b takes the upper half. What comes out is no longer. */
static void check_doubling(void) {
    struct bytes source = {0};
    put_text(&source, "0123456789abcdefghijklmnopqrstuvwxyz");
    struct made first = {0};
    begin_window(&first, VCD_SOURCE, 0, source.size);
    for (size_t i = 0; i < 20; i++) {
        put_copy(&first.parts[0], &first.target, 0, &source, (i * 7) % 30, 3);
    }
    for (size_t i = 0; i < 17; i++) {
        put_copy(&first.parts[0], &first.target, 0, &source, source.size, first.target.size);
    }
    end_window(&first);
    struct made second = {0};
    const size_t half = first.target.size / 2;
    begin_window(&second, VCD_SOURCE, half - 1, half);
    put_copy(&second.parts[0], &second.target, 0, &first.target, 0, half);
    put_copy(&second.parts[0], &second.target, 0, &first.target, 5, half - 5);
    end_window(&second);
    const uint64_t instructions = merge_and_check(&source, &first, &second, VCD_WINDOW_MAX_SIZE);
    CHECK(instructions <= 80);
    free_made(&first);
    free_made(&second);
    free(source.data);
}

/* What b takes twice from a is written once. */
static void check_twice(void) {
    const struct bytes source = {0};
    static const char text[] = "a literal that is long enough to be worth a COPY";
    struct made first = {0};
    begin_window(&first, 0, 0, 0);
    put_add(&first.parts[0], &first.target, text, sizeof text);
    end_window(&first);
    struct made second = {0};
    begin_window(&second, VCD_SOURCE, 0, sizeof text);
    put_copy(&second.parts[0], &second.target, 0, &first.target, 0, sizeof text);
    put_add(&second.parts[0], &second.target, "x", 1);
    put_copy(&second.parts[0], &second.target, 0, &first.target, 3, 20);
    end_window(&second);
    CHECK_EQUAL(2, merge_and_check(&source, &first, &second, VCD_WINDOW_MAX_SIZE));
    free_made(&first);
    free_made(&second);
}

/* Pieces that go on where others end are one instruction: the first delta may be cut at will. */
static void check_cut_pieces(void) {
    struct bytes source = {0};
    put_text(&source, "twenty bytes of text");
    struct made first = {0};
    begin_window(&first, VCD_SOURCE, 0, source.size);
    for (size_t i = 0; i < 4; i++) {
        put_copy(&first.parts[0], &first.target, 0, &source, 5 * i, 5);
    }
    for (size_t i = 0; i < 4; i++) {
        put_run(&first.parts[0], &first.target, 'r', 10);
    }
    put_add(&first.parts[0], &first.target, "add", 3);
    put_add(&first.parts[0], &first.target, "e", 1);
    put_run(&first.parts[0], &first.target, 'd', 1);
    end_window(&first);
    struct made second = {0};
    begin_window(&second, VCD_SOURCE, 0, first.target.size);
    put_copy(&second.parts[0], &second.target, 0, &first.target, 0, first.target.size);
    end_window(&second);
    CHECK_EQUAL(3, merge_and_check(&source, &first, &second, VCD_WINDOW_MAX_SIZE));
    free_made(&first);
    free_made(&second);
    free(source.data);
}

/* A chain of copies, each of the one before, is followed once and not by every window of b. */
static void check_chain(void) {
    enum { LINKS = 20000 };
    struct vcd_merger *const merger = vcd_merger_new();
    struct vcd_where where = {0};
    struct bytes instructions = {0}, addresses = {0};
    put_byte(&instructions, 20); /* COPY of 4 from the source, then from 4 back */
    put_varint(&addresses, 0);
    for (size_t i = 0; i < LINKS; i++) {
        put_byte(&instructions, 20 + 16); /* mode HERE */
        put_varint(&addresses, 4);
    }
    const struct vcd_sections first = {.instructions = instructions.data,
                                       .instructions_size = instructions.size,
                                       .addresses = addresses.data,
                                       .addresses_size = addresses.size};
    const struct vcd_window window = {
        .indicator = VCD_SOURCE, .segment_size = 4, .target_size = 4 * (LINKS + 1)};
    CHECK_EQUAL(VCD_OK, vcd_merger_read_first(merger, &window, &first, NULL, &where));
    static const uint8_t copy[] = {20}, zero[] = {0};
    const struct vcd_sections second = {
        .instructions = copy, .instructions_size = 1, .addresses = zero, .addresses_size = 1};
    const struct vcd_window last = {.indicator = VCD_SOURCE,
                                    .segment_position = 4 * LINKS,
                                    .segment_size = 4,
                                    .target_size = 4};
    for (uint64_t i = 0; i < LINKS; i++) {
        struct vcd_window made;
        struct vcd_sections sections;
        CHECK_EQUAL(VCD_OK, vcd_merger_read_second(merger, &last, &second, NULL, &where));
        CHECK_EQUAL(VCD_OK, vcd_merge_window(merger, i * 4, 4, &made, &sections, &where));
        CHECK_EQUAL(1, count_instructions(&made, &sections));
    }
    vcd_merger_free(merger);
    free(instructions.data);
    free(addresses.data);
}

/* A window whose pieces of source lie 4 GiB apart ends before the second one. */
static void check_wide_segment(void) {
    struct vcd_merger *const merger = vcd_merger_new();
    struct vcd_where where = {0};
    static const uint8_t copy[] = {19, 100}; /* COPY of 100, mode SELF */
    static const uint8_t zero[] = {0};
    const struct vcd_sections sections = {
        .instructions = copy, .instructions_size = 2, .addresses = zero, .addresses_size = 1};
    for (uint64_t i = 0; i < 3; i++) {
        const struct vcd_window window = {.indicator = VCD_SOURCE,
                                          .segment_position = i * UINT32_MAX,
                                          .segment_size = 100,
                                          .target_size = 100};
        CHECK_EQUAL(VCD_OK, vcd_merger_read_first(merger, &window, &sections, NULL, &where));
    }
    static const uint8_t all[] = {19, 0x82, 0x2C}; /* COPY of 300 */
    const struct vcd_sections second = {
        .instructions = all, .instructions_size = 3, .addresses = zero, .addresses_size = 1};
    const struct vcd_window window = {
        .indicator = VCD_SOURCE, .segment_size = 300, .target_size = 300};
    CHECK_EQUAL(VCD_OK, vcd_merger_read_second(merger, &window, &second, NULL, &where));
    for (uint64_t i = 0; i < 3; i++) {
        struct vcd_window made;
        struct vcd_sections made_sections;
        CHECK_EQUAL(VCD_OK, vcd_merge_window(merger, i * 100, (size_t)(300 - i * 100), &made,
                                             &made_sections, &where));
        CHECK_EQUAL(100, made.target_size);
        CHECK_EQUAL(100, made.segment_size);
        CHECK_EQUAL(i * UINT32_MAX, made.segment_position);
    }
    vcd_merger_free(merger);
}

/* Copies of copies made to explode: each window of b takes all of a, in which nothing repeats. */
static void check_explosion(void) {
    enum { PIECES = 5000, WINDOWS = 20000 };
    struct vcd_merger *const merger = vcd_merger_new();
    struct vcd_where where = {0};
    struct bytes instructions = {0}, addresses = {0};
    for (size_t i = 0; i < PIECES; i++) {
        put_byte(&instructions, 20); /* COPY of 4 */
        put_varint(&addresses, (i * 7919) % PIECES);
    }
    const struct vcd_sections first = {.instructions = instructions.data,
                                       .instructions_size = instructions.size,
                                       .addresses = addresses.data,
                                       .addresses_size = addresses.size};
    const struct vcd_window window = {
        .indicator = VCD_SOURCE, .segment_size = PIECES + 4, .target_size = PIECES * 4};
    CHECK_EQUAL(VCD_OK, vcd_merger_read_first(merger, &window, &first, NULL, &where));
    struct bytes all = {0};
    put_byte(&all, 19);
    put_varint(&all, PIECES * 4);
    static const uint8_t zero[] = {0};
    const struct vcd_sections second = {.instructions = all.data,
                                        .instructions_size = all.size,
                                        .addresses = zero,
                                        .addresses_size = 1};
    const struct vcd_window whole = {
        .indicator = VCD_SOURCE, .segment_size = PIECES * 4, .target_size = PIECES * 4};
    enum vcd_result result = VCD_OK;
    size_t windows = 0;
    while (result == VCD_OK && windows < WINDOWS) {
        struct vcd_window made;
        struct vcd_sections sections;
        CHECK_EQUAL(VCD_OK, vcd_merger_read_second(merger, &whole, &second, NULL, &where));
        result =
            vcd_merge_window(merger, windows * PIECES * 4, PIECES * 4, &made, &sections, &where);
        windows++;
    }
    CHECK_EQUAL(VCD_UNSUPPORTED, result);
    CHECK(strstr(where.expected, "64 steps") != NULL);
    vcd_merger_free(merger);
    free(instructions.data);
    free(addresses.data);
    free(all.data);
}

/* What the second delta wants of a, the first one does not make. */
static void check_disagreement(void) {
    struct bytes source = {0};
    put_text(&source, "source");
    struct made first = {0};
    begin_window(&first, VCD_SOURCE, 0, 6);
    put_copy(&first.parts[0], &first.target, 0, &source, 0, 6);
    end_window(&first);
    struct made none = {0};
    struct vcd_merger *const merger = read_both(&first, &none);
    struct vcd_where where = {0};
    static const uint8_t copy[] = {20}, zero[] = {0};
    const struct vcd_sections sections = {
        .instructions = copy, .instructions_size = 1, .addresses = zero, .addresses_size = 1};
    struct vcd_window window = {
        .indicator = VCD_SOURCE, .segment_position = 3, .segment_size = 4, .target_size = 4};
    CHECK_EQUAL(VCD_WRONG_SOURCE, vcd_merger_read_second(merger, &window, &sections, NULL, &where));
    window.indicator = VCD_TARGET;
    CHECK_EQUAL(VCD_MALFORMED, vcd_merger_read_second(merger, &window, &sections, NULL, &where));
    vcd_merger_free(merger);
    free_made(&first);
    free(source.data);
}

int main(int argc, char **argv) {
    state = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261122;
    const int pairs = argc > 2 ? atoi(argv[2]) : 400;
    printf("seed %llu\n", (unsigned long long)state);
    fflush(stdout);
    for (int i = 0; i < pairs; i++) {
        check_random_pair();
    }
    check_period();
    check_doubling();
    check_twice();
    check_cut_pieces();
    check_chain();
    check_wide_segment();
    check_explosion();
    check_disagreement();
    return 0;
}
