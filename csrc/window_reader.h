/*
 * window_reader.h - what the verbs that read ask beyond vcdiff.h's vcd_read_header() and so on
 */
#ifndef VCD_WINDOW_READER_H
#define VCD_WINDOW_READER_H

#include "vcdiff.h"

/* The sections of a window that no secondary compressor has packed. */
struct vcd_sections vcd_plain_sections(const uint8_t *delta, const struct vcd_window *window);

#endif
