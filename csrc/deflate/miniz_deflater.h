/*
 * miniz_deflater.h - the decisions of miniz_oxide, which is miniz in Rust
 */
#ifndef DFL_MINIZ_DEFLATER_H
#define DFL_MINIZ_DEFLATER_H

#include "bit_writer.h"

struct dfl_miniz_deflater;

/*
 * dfl_miniz_deflater_new() starts a stream at a 'level' of 2 to 9, and returns NULL when there is
 * no memory. What it is deflated to goes to '*out', which has to live as long.
 */
struct dfl_miniz_deflater *dfl_miniz_deflater_new(uint32_t level, struct dfl_bit_writer *out);
void dfl_miniz_deflater_free(struct dfl_miniz_deflater *deflater);

/* Deflates what comes next, and with 'last' ends the stream. Returns false: no memory for 'out'. */
bool dfl_miniz_deflate(struct dfl_miniz_deflater *deflater, const uint8_t *plain, size_t plain_size,
                       bool last);

#endif
