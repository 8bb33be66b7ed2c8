/*
 * zlib_ng_deflater.h - the decisions of zlib-ng, and of zlib-rs, which is zlib-ng in Rust
 */
#ifndef DFL_ZLIB_NG_DEFLATER_H
#define DFL_ZLIB_NG_DEFLATER_H

#include "block_writer.h"
#include "deflate.h"

struct dfl_zlib_ng_deflater;

/*
 * dfl_zlib_ng_deflater_new() starts a stream with 'parameters' of this family, which are known; it
 * returns NULL when there is no memory. Blocks go to 'writer', which is empty, holds as many
 * symbols as zlib-ng's, and has to live as long.
 */
struct dfl_zlib_ng_deflater *dfl_zlib_ng_deflater_new(const struct dfl_parameters *parameters,
                                                      struct dfl_block_writer *writer);
void dfl_zlib_ng_deflater_free(struct dfl_zlib_ng_deflater *deflater);

/* Deflates what comes next, and with 'last' ends the stream. Returns false: there is no memory. */
bool dfl_zlib_ng_deflate(struct dfl_zlib_ng_deflater *deflater, const uint8_t *plain,
                         size_t plain_size, bool last);

#endif
