/*
 * inflate_header.h - the beginning of a stream and of each of its blocks
 */
#ifndef DFL_INFLATE_HEADER_H
#define DFL_INFLATE_HEADER_H

#include "inflate_symbols.h"

/* An inflater that has read nothing. */
void dfl_inflater_begin(struct dfl_inflater *inflater);

/*
 * dfl_inflate_header() takes one step towards the symbols or stored bytes of a block, in a state
 * before them. It stores whether it waits for input; returns DFL_END behind the last block.
 */
enum dfl_result dfl_inflate_header(struct dfl_inflater *inflater, struct dfl_span *span,
                                   bool *waits_out);

#endif
