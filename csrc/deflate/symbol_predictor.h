/*
 * symbol_predictor.h - which symbol a deflater of zlib's kind would write next, whatever came
 * before
 */
#ifndef DFL_SYMBOL_PREDICTOR_H
#define DFL_SYMBOL_PREDICTOR_H

#include "common.h"
#include "deflate_format.h"

enum {
    DFL_PREDICTOR_HASH_SIZE = 1 << 15,
    DFL_PREDICTOR_ROOM = 4 * DFL_WINDOW_SIZE,
    DFL_PREDICTOR_AHEAD = DFL_MAX_MATCH + DFL_MIN_MATCH + 1, /* what a prediction looks at */
    DFL_PREDICTORS = 8,
    DFL_MOST_HOPS = 4096,
};

/* What of the stream is known beforehand. */
struct dfl_predictor_rules {
    uint32_t effort;        /* below DFL_PREDICTORS */
    uint32_t max_distance;  /* up to 32768; 0: there are no matches */
    uint32_t far_for_three; /* the farthest match of three bytes */
};

struct dfl_found {
    uint32_t length; /* 0: none */
    uint32_t distance;
};

/*
 *   window  |  behind, up to 32 KiB  | at   ahead   | filled
 *
 * Positions count from the beginning of the stream, modulo 2^32; 'start' is that of the window.
 */
struct dfl_predictor {
    struct dfl_predictor_rules rules;
    uint32_t start, at, filled;
    uint32_t entered;       /* up to here */
    uint32_t first;         /* candidate of the position at hand */
    struct dfl_found ahead; /* found for 'ahead_at' when the symbol before was predicted */
    uint32_t ahead_at;
    uint32_t heads[DFL_PREDICTOR_HASH_SIZE];
    uint32_t next[DFL_WINDOW_SIZE];
    uint8_t window[DFL_PREDICTOR_ROOM + 64];
};

/* A literal has no length. 'found' is the match at this place, taken or not. */
struct dfl_prediction {
    struct dfl_found taken;
    struct dfl_found found;
    uint32_t reason; /* what kind of case it is, below DFL_REASONS */
};

enum { DFL_REASONS = 52 };

void dfl_predictor_start(struct dfl_predictor *predictor, const struct dfl_predictor_rules *rules);

/* Takes as much of what is plain as there is room for; returns how much that was. */
size_t dfl_predictor_feed(struct dfl_predictor *predictor, const uint8_t *plain, size_t size);

static inline uint32_t dfl_predictor_left(const struct dfl_predictor *predictor) {
    return predictor->filled - predictor->at;
}

static inline const uint8_t *dfl_predictor_here(const struct dfl_predictor *predictor) {
    return predictor->window + (predictor->at - predictor->start);
}

/*
 * dfl_predict() predicts the symbol at 'at', where at least one byte is left: all that are, or
 * DFL_PREDICTOR_AHEAD.
 */
struct dfl_prediction dfl_predict(struct dfl_predictor *predictor);

/*
 * The candidates for a match of at least 'length' bytes at 'at', the nearest first, have numbers
 * from 1 on. These say which distance one has, or which one has a distance; 0: none, or beyond
 * DFL_MOST_HOPS steps. They go for a place that has been predicted.
 */
uint32_t dfl_distance_of(const struct dfl_predictor *predictor, uint32_t length, uint32_t number);
uint32_t dfl_number_of(const struct dfl_predictor *predictor, uint32_t length, uint32_t distance);

/* Whether there is a match of 'length' bytes at that distance, all of them there and behind. */
bool dfl_is_match(const struct dfl_predictor *predictor, uint32_t length, uint32_t distance);

/*
 * Both go on by so many bytes, of a symbol or of a stored block. Behind them all that are left are
 * there, or DFL_MIN_MATCH.
 */
void dfl_predictor_take(struct dfl_predictor *predictor, uint32_t size);
void dfl_predictor_pass(struct dfl_predictor *predictor, uint32_t size);

#endif
