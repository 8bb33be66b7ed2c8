/*
 * encode.c - a target window becomes the sections of a delta window
 */
#include <stdlib.h>

#include "format.h"
#include "match_finder.h"
#include "vcdiff.h"
#include "window_writer.h"

struct vcd_encoder {
    struct vcd_match_finder finder;
    struct vcd_window_writer writer;
};

struct vcd_encoder *vcd_encoder_new(const uint8_t *source, size_t source_size, int level) {
    struct vcd_encoder *const encoder = calloc(1, sizeof *encoder);
    if (encoder != NULL && !vcd_finder_start(&encoder->finder, source, source_size, level)) {
        vcd_encoder_free(encoder);
        return NULL;
    }
    return encoder;
}

void vcd_encoder_free(struct vcd_encoder *encoder) {
    if (encoder != NULL) {
        vcd_finder_free(&encoder->finder);
        vcd_writer_free(&encoder->writer);
        free(encoder);
    }
}

/* The part of the source that the first copies of a window come from. */
struct segment {
    uint64_t from;
    uint64_t end;
    size_t copy_count;  /* how many copies it serves */
    size_t target_size; /* how much of the window they make up */
};

/*
 * Readers with 32-bit addresses (xdelta3 3.0) can address a segment and a window
 * of less than 4 GiB together: where the copies span more, the window ends early.
 */
static struct segment cover(const struct vcd_copy_list *copies, uint64_t source_size, size_t size) {
    struct segment segment = {.from = UINT64_MAX, .end = 0};
    for (size_t i = 0; i < copies->count; i++) {
        const struct vcd_copy *const copy = &copies->copies[i];
        if (copy->from < source_size) {
            const uint64_t copy_end = copy->from + copy->size;
            const uint64_t from = copy->from < segment.from ? copy->from : segment.from;
            const uint64_t end = copy_end > segment.end ? copy_end : segment.end;
            if (end - from > UINT32_MAX - size) {
                segment.target_size = copy->at;
                return segment;
            }
            segment.from = from;
            segment.end = end;
        }
        segment.copy_count = i + 1;
    }
    segment.target_size = size;
    return segment;
}

enum vcd_result vcd_encode_window(struct vcd_encoder *encoder, const struct vcd_index *index,
                                  const uint8_t *target, size_t target_size, size_t from,
                                  size_t size, struct vcd_window *window_out,
                                  struct vcd_sections *sections_out) {
    const struct vcd_copy_list *const copies = &encoder->finder.copies;
    struct vcd_window_writer *const writer = &encoder->writer;
    const uint8_t *const window = target + from;
    const uint64_t source_size = encoder->finder.source_size;

    const enum vcd_result result =
        vcd_find_copies(&encoder->finder, index, target, target_size, from, size);
    if (result != VCD_OK) {
        return result;
    }
    const struct segment segment = cover(copies, source_size, encoder->finder.window_size);
    const uint64_t segment_size = segment.end > 0 ? segment.end - segment.from : 0;

    vcd_writer_start(writer, segment_size);
    size_t at = 0;
    for (size_t i = 0; i < segment.copy_count; i++) {
        const struct vcd_copy *const copy = &copies->copies[i];
        if (copy->at > at) {
            vcd_writer_add(writer, window + at, copy->at - at);
        }
        vcd_writer_copy(writer,
                        copy->from < source_size ? copy->from - segment.from
                                                 : copy->from - source_size + segment_size,
                        copy->size);
        at = copy->at + copy->size;
    }
    if (segment.target_size > at) {
        vcd_writer_add(writer, window + at, segment.target_size - at);
    }
    if (writer->data.failed || writer->instructions.failed || writer->addresses.failed) {
        return VCD_NO_MEMORY;
    }
    *sections_out = (struct vcd_sections){
        .data = writer->data.bytes,
        .data_size = writer->data.size,
        .instructions = writer->instructions.bytes,
        .instructions_size = writer->instructions.size,
        .addresses = writer->addresses.bytes,
        .addresses_size = writer->addresses.size,
    };
    *window_out = (struct vcd_window){
        .indicator = VCD_ADLER32 | (segment_size > 0 ? VCD_SOURCE : 0),
        .segment_position = segment_size > 0 ? segment.from : 0,
        .segment_size = segment_size,
        .target_size = segment.target_size,
        .data_size = writer->data.size,
        .instruction_size = writer->instructions.size,
        .address_size = writer->addresses.size,
        .adler32 = vcd_adler32(1, window, segment.target_size),
    };
    vcd_finder_rest(&encoder->finder);
    return VCD_OK;
}
