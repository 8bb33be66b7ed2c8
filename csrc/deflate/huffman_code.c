/*
 * huffman_code.c - code lengths from frequencies, as zlib and gzip find them
 *
 * Huffman: the two rarest nodes become one, until one is left. Many codes are equally short, and
 * the decoder takes any of them; to arrive at the very same, what counts is
 *
 *   the order of equals   the shallower node first; among the same depth the one that lies first
 *                         in a heap of this layout, filled in the order of the symbols
 *   too long              pairs of codes that are longer than allowed are moved below shorter
 *                         ones, and lengths are dealt out again, the longest to the rarest
 *   too few               a code of less than two symbols is filled up with unused ones
 *
 * miniz is another matter: only how many codes have which length comes from the tree, and they go
 * to the symbols by frequency.
 */
#include "huffman_code.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_NODES = 2 * DFL_LITERALS };

/*
 *   taken   n0 n1 n2 n3 ... root        in pairs, as they left the heap: children before parents
 *   weight  frequency << 8 | depth      compares as one number
 */
struct tree {
    uint32_t weight[MAX_NODES];
    uint16_t parent[MAX_NODES];
    uint16_t heap[MAX_NODES]; /* from 1; children of i at 2i and 2i + 1 */
    uint16_t taken[MAX_NODES];
    uint32_t heap_size;
    uint32_t taken_count;
};

static void sift_down(struct tree *tree, uint32_t place) {
    uint16_t *const heap = tree->heap;
    const uint16_t node = heap[place];
    const uint32_t weight = tree->weight[node];
    for (uint32_t child = 2 * place; child <= tree->heap_size; child = 2 * place) {
        if (child < tree->heap_size && tree->weight[heap[child + 1]] <= tree->weight[heap[child]]) {
            child++;
        }
        if (weight <= tree->weight[heap[child]]) {
            break;
        }
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = node;
}

/* Fills the heap with what occurs, and with what must be there; returns one more than the last. */
static uint32_t plant(struct tree *tree, const uint16_t *frequencies, uint32_t count) {
    uint32_t size = 0;
    tree->heap_size = tree->taken_count = 0;
    for (uint32_t symbol = 0; symbol < count; symbol++) {
        if (frequencies[symbol] > 0) {
            tree->weight[symbol] = (uint32_t)frequencies[symbol] << 8;
            tree->heap[++tree->heap_size] = (uint16_t)symbol;
            size = symbol + 1;
        }
    }
    while (tree->heap_size < 2) {
        const uint32_t symbol = size < 3 ? size++ : 0;
        tree->weight[symbol] = 1 << 8;
        tree->heap[++tree->heap_size] = (uint16_t)symbol;
    }
    for (uint32_t place = tree->heap_size / 2; place > 0; place--) {
        sift_down(tree, place);
    }
    return size;
}

static void grow(struct tree *tree, uint32_t first_node) {
    uint16_t *const heap = tree->heap;
    uint32_t node = first_node;
    while (tree->heap_size > 1) {
        const uint16_t rarest = heap[1];
        heap[1] = heap[tree->heap_size--];
        sift_down(tree, 1);
        const uint16_t other = heap[1];
        const uint32_t a = tree->weight[rarest], b = tree->weight[other];
        const uint32_t depth = 1 + ((a & 0xff) > (b & 0xff) ? a & 0xff : b & 0xff);
        tree->taken[tree->taken_count++] = rarest;
        tree->taken[tree->taken_count++] = other;
        tree->weight[node] = ((a >> 8) + (b >> 8)) << 8 | depth;
        tree->parent[rarest] = tree->parent[other] = (uint16_t)node;
        heap[1] = (uint16_t)node++;
        sift_down(tree, 1);
    }
    tree->taken[tree->taken_count++] = heap[1];
}

/* Codes longer than 'max_length' hang 'excess' nodes too deep: finds other places for them. */
static void shorten(const struct tree *tree, uint8_t *lengths, uint32_t leaves, uint16_t *counts,
                    uint32_t max_length, int32_t excess) {
    for (; excess > 0; excess -= 2) {
        uint32_t length = max_length - 1;
        while (counts[length] == 0) {
            length--;
        }
        counts[length]--; /* this leaf becomes a node, with itself and one of the two below */
        counts[length + 1] = (uint16_t)(counts[length + 1] + 2);
        counts[max_length]--;
    }
    const uint16_t *next = tree->taken;
    for (uint32_t length = max_length; length > 0; length--) {
        for (uint32_t left = counts[length]; left > 0; next++) {
            if (*next < leaves) {
                lengths[*next] = (uint8_t)length;
                left--;
            }
        }
    }
}

void dfl_huffman_code_build(struct dfl_huffman_code *code, const uint16_t *frequencies,
                            uint32_t count, uint32_t max_length) {
    struct tree tree;
    uint8_t depth[MAX_NODES]; /* from the root, at most max_length */
    uint16_t counts[DFL_CODE_MAX_LENGTH + 1] = {0};
    int32_t excess = 0;
    assert(count <= DFL_LITERALS && max_length <= DFL_CODE_MAX_LENGTH);
    code->size = plant(&tree, frequencies, count);
    grow(&tree, count);

    memset(code->lengths, 0, sizeof code->lengths);
    depth[tree.taken[tree.taken_count - 1]] = 0;
    for (uint32_t i = tree.taken_count - 1; i-- > 0;) {
        const uint16_t node = tree.taken[i];
        uint32_t length = depth[tree.parent[node]] + 1u;
        if (length > max_length) {
            length = max_length;
            excess++;
        }
        depth[node] = (uint8_t)length;
        if (node < count) {
            code->lengths[node] = (uint8_t)length;
            counts[length]++;
        }
    }
    if (excess > 0) {
        shorten(&tree, code->lengths, count, counts, max_length, excess);
    }
    dfl_huffman_code_assign(code);
}

/* ---- As miniz finds them ---------------------------------------------------------------- */

/* Symbols that occur, the rarest first and equals in their order; returns how many. */
static uint32_t sort(uint16_t *sorted, const uint16_t *frequencies, uint32_t count) {
    uint16_t other[DFL_LITERALS];
    uint32_t used = 0;
    for (uint32_t symbol = 0; symbol < count; symbol++) {
        if (frequencies[symbol] > 0) {
            sorted[used++] = (uint16_t)symbol;
        }
    }
    for (uint32_t shift = 0; shift < 16; shift += 8) { /* by the lower byte, then by the upper */
        uint32_t places[257] = {0};
        for (uint32_t i = 0; i < used; i++) {
            places[(frequencies[sorted[i]] >> shift & 0xff) + 1]++;
        }
        for (uint32_t byte = 0; byte < 256; byte++) {
            places[byte + 1] += places[byte];
        }
        for (uint32_t i = 0; i < used; i++) {
            other[places[frequencies[sorted[i]] >> shift & 0xff]++] = sorted[i];
        }
        memcpy(sorted, other, used * sizeof *sorted);
    }
    return used;
}

/*
 * Counts how many codes have which length, up to 31 bits. Leaves and nodes wait in a row each, both
 * in the order of their weights; of equals, the leaf is taken.
 */
static void count_lengths(uint32_t *counts, const uint16_t *sorted, const uint16_t *frequencies,
                          uint32_t used) {
    uint32_t weights[DFL_LITERALS];
    uint16_t parents[2 * DFL_LITERALS]; /* of leaves, then of nodes */
    uint8_t depths[DFL_LITERALS];
    uint32_t leaf = 0, node = 0;
    for (uint32_t next = 0; next + 1 < used; next++) {
        weights[next] = 0;
        for (uint32_t pair = 0; pair < 2; pair++) {
            if (leaf < used && (node == next || frequencies[sorted[leaf]] <= weights[node])) {
                weights[next] += frequencies[sorted[leaf]];
                parents[leaf++] = (uint16_t)next;
            } else {
                weights[next] += weights[node];
                parents[used + node++] = (uint16_t)next;
            }
        }
    }
    depths[used - 2] = 0;
    for (uint32_t i = used - 2; i-- > 0;) {
        depths[i] = (uint8_t)(depths[parents[used + i]] + 1);
    }
    for (uint32_t i = 0; i < used; i++) {
        counts[depths[parents[i]] + 1]++;
    }
}

/* Makes codes longer than 'max_length' that long, and others longer for as many bits as it takes.
 */
static void limit_lengths(uint32_t *counts, uint32_t max_length) {
    uint32_t taken = 0; /* of 2^max_length codes */
    for (uint32_t length = max_length + 1; length < 32; length++) {
        counts[max_length] += counts[length];
    }
    for (uint32_t length = 1; length <= max_length; length++) {
        taken += counts[length] << (max_length - length);
    }
    for (; taken > 1u << max_length; taken--) {
        uint32_t length = max_length - 1;
        while (counts[length] == 0) {
            length--;
        }
        counts[max_length]--;
        counts[length]--;
        counts[length + 1] += 2;
    }
}

void dfl_huffman_code_build_sorted(struct dfl_huffman_code *code, const uint16_t *frequencies,
                                   uint32_t count, uint32_t max_length) {
    uint16_t sorted[DFL_LITERALS];
    uint32_t counts[32] = {0}; /* Fibonacci's numbers: fewer than 65536 in all give 24 bits */
    assert(count <= DFL_LITERALS && max_length <= DFL_CODE_MAX_LENGTH);
    const uint32_t used = sort(sorted, frequencies, count);
    if (used > 1) {
        count_lengths(counts, sorted, frequencies, used);
        limit_lengths(counts, max_length);
    } else {
        counts[1] = used;
    }
    memset(code->lengths, 0, sizeof code->lengths);
    code->size = 1;
    uint32_t left = used;
    for (uint32_t length = 1; length <= max_length; length++) {
        for (; counts[length] > 0; counts[length]--) {
            const uint32_t symbol = sorted[--left];
            code->lengths[symbol] = (uint8_t)length;
            code->size = symbol + 1 > code->size ? symbol + 1 : code->size;
        }
    }
    dfl_huffman_code_assign(code);
}

static uint16_t reversed(uint32_t code, uint32_t length) {
    uint32_t bits = code;
    bits = (bits & 0x5555) << 1 | (bits >> 1 & 0x5555);
    bits = (bits & 0x3333) << 2 | (bits >> 2 & 0x3333);
    bits = (bits & 0x0f0f) << 4 | (bits >> 4 & 0x0f0f);
    bits = (bits & 0x00ff) << 8 | (bits >> 8 & 0x00ff);
    return (uint16_t)(bits >> (16 - length));
}

void dfl_huffman_code_assign(struct dfl_huffman_code *code) {
    uint32_t counts[DFL_CODE_MAX_LENGTH + 1] = {0};
    uint32_t next[DFL_CODE_MAX_LENGTH + 1] = {0};
    for (uint32_t symbol = 0; symbol < code->size; symbol++) {
        counts[code->lengths[symbol]]++;
    }
    counts[0] = 0;
    for (uint32_t length = 1; length <= DFL_CODE_MAX_LENGTH; length++) {
        next[length] = (next[length - 1] + counts[length - 1]) << 1;
    }
    for (uint32_t symbol = 0; symbol < code->size; symbol++) {
        const uint32_t length = code->lengths[symbol];
        code->codes[symbol] = length > 0 ? reversed(next[length]++, length) : 0;
    }
}
