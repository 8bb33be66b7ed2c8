/*
 * check.h - CHECK(): one promise, and where it was broken
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define CHECK_EQUAL(expected, actual)                                                              \
    do {                                                                                           \
        const unsigned long long expected_ = (unsigned long long)(expected);                       \
        const unsigned long long actual_ = (unsigned long long)(actual);                           \
        if (expected_ != actual_) {                                                                \
            fprintf(stderr, "%s:%d: %s: expected %llu, found %llu\n", __FILE__, __LINE__, #actual, \
                    expected_, actual_);                                                           \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#endif
