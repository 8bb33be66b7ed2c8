/*
 * symbol_predictor.c - zlib's decisions, each made on what was really written before
 *
 * As in deflater.c, positions are entered into chains by their first three bytes, and a match waits
 * for the next place, where a longer one may begin. Here, however, a wrong prediction is no harm:
 * what comes next is predicted from the symbol that stood there. The farthest match, and the
 * farthest of three bytes, are known of the stream, so windows of any size and other rules for
 * three bytes are met.
 */
#include "symbol_predictor.h"

#include "match_length.h"

enum { FIRST = 2 * DFL_WINDOW_SIZE /* position; what was never entered is too far away */ };

struct effort {
    uint16_t least_length;
    uint16_t good_length;
    uint16_t lazy_length;
    uint16_t nice_length;
    uint16_t steps;
    uint16_t entered_length; /* matches up to here have the places in them entered */
};

/*
 * The numbers are stored: they stay. zlib's levels 6, 8, 4 and 1; the longest match of many, at
 * once and lazily; and the newest of four bytes or three, as the fastest levels of other programs
 * take it.
 */
static const struct effort efforts[DFL_PREDICTORS] = {
    {3, 8, 16, 128, 128, 258}, {3, 32, 128, 258, 1024, 258}, {3, 4, 4, 16, 16, 258},
    {3, 4, 0, 8, 4, 4},        {3, 258, 0, 258, 64, 258},    {3, 258, 258, 258, 256, 258},
    {4, 258, 0, 4, 64, 258},   {3, 258, 0, 3, 64, 0},
};

void dfl_predictor_start(struct dfl_predictor *predictor, const struct dfl_predictor_rules *rules) {
    memset(predictor, 0, sizeof *predictor);
    predictor->rules = *rules;
    predictor->start = predictor->at = predictor->filled = predictor->entered = FIRST;
    predictor->ahead_at = 0;
}

size_t dfl_predictor_feed(struct dfl_predictor *predictor, const uint8_t *plain, size_t size) {
    if (predictor->at - predictor->start >= 2 * DFL_WINDOW_SIZE) {
        const uint32_t gone = predictor->at - predictor->start - DFL_WINDOW_SIZE;
        memmove(predictor->window, predictor->window + gone,
                predictor->filled - predictor->start - gone);
        predictor->start += gone;
    }
    const uint32_t used = predictor->filled - predictor->start;
    const size_t taken = vcd_min(size, DFL_PREDICTOR_ROOM - used);
    if (taken > 0) {
        memcpy(predictor->window + used, plain, taken);
    }
    predictor->filled += (uint32_t)taken;
    return taken;
}

/* ---- Chains ----------------------------------------------------------------------------- */

static const uint8_t *bytes_at(const struct dfl_predictor *predictor, uint32_t position) {
    return predictor->window + (position - predictor->start);
}

static uint32_t *head_of(struct dfl_predictor *predictor, uint32_t position) {
    const uint8_t *const bytes = bytes_at(predictor, position);
    const uint32_t hash = (uint32_t)bytes[0] << 10 ^ (uint32_t)bytes[1] << 5 ^ bytes[2];
    return &predictor->heads[hash & (DFL_PREDICTOR_HASH_SIZE - 1)];
}

/* Enters what lies before 'end', but for places with less than three bytes. */
static void enter_until(struct dfl_predictor *predictor, uint32_t end) {
    for (; predictor->entered != end; predictor->entered++) {
        const uint32_t position = predictor->entered;
        if (predictor->filled - position >= DFL_MIN_MATCH) {
            uint32_t *const head = head_of(predictor, position);
            predictor->next[position % DFL_WINDOW_SIZE] = *head;
            *head = position;
        }
    }
}

/* The nearest place that may begin like 'position', all before which has been entered. */
static uint32_t first_candidate(struct dfl_predictor *predictor, uint32_t position) {
    return predictor->filled - position >= DFL_MIN_MATCH ? *head_of(predictor, position) : 0;
}

/*
 * The one behind a candidate; 0 is too far from anywhere. A place that was overwritten leads back
 * towards 'position'.
 */
static uint32_t following(const struct dfl_predictor *predictor, uint32_t position,
                          uint32_t candidate) {
    const uint32_t next = predictor->next[candidate % DFL_WINDOW_SIZE];
    return position - next > position - candidate ? next : position - UINT32_MAX / 2;
}

static uint32_t limit_at(const struct dfl_predictor *predictor, uint32_t position) {
    return (uint32_t)vcd_min(predictor->filled - position, DFL_MAX_MATCH);
}

/* The first of the longest matches that are longer than 'length'. */
static struct dfl_found find(const struct dfl_predictor *predictor, uint32_t position,
                             uint32_t candidate, uint32_t length) {
    const struct effort *const effort = &efforts[predictor->rules.effort];
    const uint8_t *const here = bytes_at(predictor, position);
    const uint32_t limit = limit_at(predictor, position);
    const uint32_t nice = (uint32_t)vcd_min(effort->nice_length, limit);
    uint32_t steps = length >= effort->good_length ? effort->steps / 4u : effort->steps;
    struct dfl_found found = {0, 0};
    for (; steps > 0 && position - candidate <= predictor->rules.max_distance && length < limit;
         steps--) {
        const uint8_t *const there = bytes_at(predictor, candidate);
        if (there[length] == here[length] && there[0] == here[0]) {
            const uint32_t size = (uint32_t)vcd_match_forwards(here, there, limit);
            if (size > length) {
                length = size;
                found = (struct dfl_found){size, position - candidate};
                if (size >= nice) {
                    break;
                }
            }
        }
        candidate = following(predictor, position, candidate);
    }
    return found;
}

/* ---- Symbols ---------------------------------------------------------------------------- */

static uint32_t reason_of(struct dfl_found taken) {
    static const uint8_t classes[] = {0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 7, 7, 7, 7};
    const uint32_t value = taken.length - DFL_MIN_MATCH, distance = taken.distance;
    const uint32_t of_length = value < sizeof classes ? classes[value]
                               : value < 30           ? 8
                               : value < 62           ? 9
                               : value < 255          ? 10
                                                      : 11;
    const uint32_t of_distance = distance <= 512     ? 0
                                 : distance <= 4096  ? 1
                                 : distance <= 16384 ? 2
                                                     : 3;
    return 4 + 4 * of_length + of_distance;
}

struct dfl_prediction dfl_predict(struct dfl_predictor *predictor) {
    const struct effort *const effort = &efforts[predictor->rules.effort];
    const uint32_t at = predictor->at;
    struct dfl_prediction prediction = {.reason = 0};
    enter_until(predictor, at);
    predictor->first = first_candidate(predictor, at);
    struct dfl_found found = predictor->ahead;
    if (predictor->ahead_at != at || found.length == 0) {
        found = find(predictor, at, predictor->first, effort->least_length - 1u);
    }
    prediction.found = found;
    if (found.length == 0) {
        return prediction;
    }
    if (found.length == DFL_MIN_MATCH && found.distance > predictor->rules.far_for_three) {
        prediction.reason = 1;
        return prediction;
    }
    if (found.length < effort->lazy_length && dfl_predictor_left(predictor) > 1) {
        enter_until(predictor, at + 1);
        predictor->ahead_at = at + 1;
        predictor->ahead =
            find(predictor, at + 1, first_candidate(predictor, at + 1), found.length);
        if (predictor->ahead.length > 0) {
            prediction.reason = predictor->ahead.length == found.length + 1 ? 2 : 3;
            return prediction;
        }
    }
    prediction.taken = found;
    prediction.reason = reason_of(found);
    return prediction;
}

uint32_t dfl_distance_of(const struct dfl_predictor *predictor, uint32_t length, uint32_t number) {
    const uint32_t at = predictor->at;
    uint32_t candidate = predictor->first;
    for (uint32_t steps = 0; steps < DFL_MOST_HOPS && number > 0; steps++) {
        if (at - candidate > predictor->rules.max_distance) {
            return 0;
        }
        if (dfl_is_match(predictor, length, at - candidate) && --number == 0) {
            return at - candidate;
        }
        candidate = following(predictor, at, candidate);
    }
    return 0;
}

uint32_t dfl_number_of(const struct dfl_predictor *predictor, uint32_t length, uint32_t distance) {
    const uint32_t at = predictor->at;
    uint32_t candidate = predictor->first, number = 0;
    for (uint32_t steps = 0; steps < DFL_MOST_HOPS; steps++) {
        if (at - candidate > predictor->rules.max_distance) {
            return 0;
        }
        number += dfl_is_match(predictor, length, at - candidate) ? 1 : 0;
        if (at - candidate == distance) {
            return number;
        }
        candidate = following(predictor, at, candidate);
    }
    return 0;
}

bool dfl_is_match(const struct dfl_predictor *predictor, uint32_t length, uint32_t distance) {
    const uint8_t *const here = dfl_predictor_here(predictor);
    if (length > dfl_predictor_left(predictor) || distance == 0 || distance > DFL_WINDOW_SIZE ||
        distance > predictor->at - predictor->start) {
        return false;
    }
    return vcd_match_forwards(here, here - distance, length) == length;
}

void dfl_predictor_pass(struct dfl_predictor *predictor, uint32_t size) {
    enter_until(predictor, predictor->at + size);
    predictor->at += size;
}

void dfl_predictor_take(struct dfl_predictor *predictor, uint32_t size) {
    const uint32_t end = predictor->at + size;
    if (size <= efforts[predictor->rules.effort].entered_length) {
        enter_until(predictor, end);
    } else {
        enter_until(predictor, predictor->at + 1);
        predictor->entered = end;
    }
    predictor->at = end;
}
