/*
 * large_memory.h - memory for tables that are read all over
 */
#ifndef VCD_LARGE_MEMORY_H
#define VCD_LARGE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

/*
 * vcd_large_calloc() returns 'size' bytes of 0, to be released by free(), or NULL.
 * Where the system leaves it to programs, large pages are asked for: they cost fewer
 * page faults while a table is filled, and fewer misses of the TLB when it is read.
 */
static inline void *vcd_large_calloc(size_t size) {
#if defined(MADV_HUGEPAGE)
    enum { LARGE_PAGE = 1 << 21 };
    if (size >= LARGE_PAGE && size <= SIZE_MAX - LARGE_PAGE) {
        const size_t rounded = (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
        void *const memory = aligned_alloc(LARGE_PAGE, rounded);
        if (memory != NULL) {
            /* A wish, on which nothing depends; and none for what would be half a page of air. */
            (void)madvise(memory, size / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
            memset(memory, 0, size);
        }
        return memory;
    }
#endif
    return calloc(1, size);
}

#endif
