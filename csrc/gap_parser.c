/*
 * gap_parser.c - the cheapest copies for a stretch of target that long matches left over
 *
 * A shortest path over the positions of the gap. From each position lead an edge
 * of one literal, and an edge for each match found there: on the diagonal of the
 * path so far, on those of the gap's neighbours, and by keys of eight bytes in the
 * source nearby, and by a key of the index in the whole source. What recurs among the gaps is left
 * to the secondary compressor: to copy it took a quarter of the time, for 5 % more bytes on a tar
 * of bundles and 0.4 % fewer on others. Edges are priced in bits as they come out of the
 * secondary compressor, on average: a copy that continues the diagonal is written
 * in two very regular bytes, one from far away takes four that are not.
 */
#include "gap_parser.h"

#include <stdlib.h>
#include <string.h>

#include "evenness.h"
#include "match_length.h"

enum {
    STRETCH = 8192,     /* positions parsed at once */
    LOCAL_KEY_SIZE = 8, /* bytes that a local key is made from, or of */
    LOCAL_SLOT_BITS = 16,
    LOCAL_REACH = 1 << 15, /* how far around its neighbours a gap looks into the source */
    MIN_MATCH = 4,
    ENOUGH = 64, /* a match of this size is taken without looking for a better one */
    SMALL_GAP = 32,
    AHEAD = 4, /* positions between the fetch of a bucket and its use */
    REPLACED_MAX_SIZE = 1024,
    /* A gap up to here is parsed closely whatever it looks like: members of archives that are
       small, and deflated, agree in 8 to 30 bytes with what is near. That is 0.1 to 1 % of such
       archives; 1024 instead saves half of it in two thirds of the time. */
    CLOSE_GAP = 4096,
};

/* Prices in tenths of a bit. */
enum {
    PRICE_LITERAL = 28,
    PRICE_FEW_LITERALS = 50,
    PRICE_ADD = 32, /* to begin a row of literals */
    PRICE_SAME_DIAGONAL = 80,
    PRICE_NEIGHBOUR = 130,
    PRICE_LOCAL = 200,
    PRICE_FAR = 300,
};

/* The cheapest way to a position: the edge that arrives there. */
struct vcd_gap_node {
    uint64_t from; /* of the last copy on the way, moved on to here: its diagonal */
    uint32_t price;
    uint32_t copy_size; /* of the edge; 0: a literal */
};

bool vcd_gap_parser_start(struct vcd_gap_parser *parser, const uint8_t *source, size_t source_size,
                          int level) {
    parser->effort = vcd_effort_of(level);
    parser->source = source;
    parser->source_size = source_size;
    parser->nodes = malloc((STRETCH + 1) * sizeof *parser->nodes);
    parser->local_keys.slots = malloc(sizeof *parser->local_keys.slots << LOCAL_SLOT_BITS);
    return parser->nodes != NULL && parser->local_keys.slots != NULL;
}

void vcd_gap_parser_free(struct vcd_gap_parser *parser) {
    free(parser->nodes);
    free(parser->local_keys.slots);
}

void vcd_gap_parser_new_window(struct vcd_gap_parser *parser, const struct vcd_index *index,
                               size_t gaps_size) {
    parser->index = index;
    /* A compressor that sees few literals learns little about them. */
    parser->literal_price = gaps_size < (1 << 14) ? PRICE_FEW_LITERALS : PRICE_LITERAL;
}

static uint64_t hash_local(const uint8_t *key, unsigned size) {
    const uint64_t mixed = (vcd_load64_le(key) << (64 - 8 * size)) * 0x9E3779B97F4A7C15U;
    return mixed ^ mixed >> 32; /* the lower bits, for the tag, are weak without */
}

/* Copies what agrees along the diagonal of the copy before the gap: bytes were replaced. */
static void parse_replaced(const struct vcd_gap_parser *parser, const struct vcd_gap *gap,
                           struct vcd_copy_list *copies) {
    if (gap->left >= parser->source_size) {
        return;
    }
    const uint8_t *const a = gap->window + gap->at;
    const uint8_t *const b = parser->source + gap->left;
    const size_t size = vcd_min(gap->size, parser->source_size - gap->left);
    for (size_t i = 0; i < size;) {
        const size_t run = vcd_match_forwards(a + i, b + i, size - i);
        if (run >= MIN_MATCH) {
            vcd_copy_list_push(copies, gap->left + i, gap->at + i, run);
        }
        i += run + 1;
    }
}

bool vcd_gap_looks_random(const struct vcd_gap *gap) {
    enum { SAMPLE = 2048, LOOKS_RANDOM = 150 };
    size_t from = gap->at;
    size_t stride = gap->size / SAMPLE;
    if (gap->size < SAMPLE) {
        const size_t around = (SAMPLE - gap->size) / 2;
        from -= vcd_min(from, around);
        from = from + SAMPLE <= gap->window_size
                   ? from
                   : gap->window_size - vcd_min(SAMPLE, gap->window_size);
        stride = 1;
    }
    const size_t size = vcd_min(SAMPLE, gap->window_size - from);
    /* Deflated bytes have 0 to 38 in nine cases of ten, machine code and text more than 430 in as
       many. */
    return size == SAMPLE &&
           vcd_unevenness(gap->window + from, SAMPLE * stride, stride) < LOOKS_RANDOM;
}

/* Indexes the part of the source that a stretch may resemble, at every byte; returns where that
   part begins. */
static size_t index_locality(struct vcd_gap_parser *parser, const struct vcd_gap *gap) {
    struct vcd_key_table *const keys = &parser->local_keys;
    const size_t reach = vcd_min(LOCAL_REACH, 2 * gap->size + 256);
    size_t from = gap->left != VCD_NO_PLACE ? gap->left : gap->right;
    size_t end = gap->right != VCD_NO_PLACE ? gap->right : from;
    if (from == VCD_NO_PLACE) {
        from = end = parser->source_size;
    } else if (end < from || end - from > 4 * LOCAL_REACH) {
        end = from;
    }
    from -= vcd_min(from, reach / 2);
    end += vcd_min(reach, parser->source_size - end);
    const size_t count = end - from < LOCAL_KEY_SIZE ? 0 : end - from - LOCAL_KEY_SIZE + 1;
    vcd_key_table_start(keys, count, LOCAL_SLOT_BITS);
    for (size_t i = 0; i < count; i++) {
        const uint64_t hash = hash_local(parser->source + from + i, parser->effort.local_key_size);
        vcd_key_set(vcd_key_slot(keys, hash), hash, i);
    }
    return from;
}

/* Makes the edges of one match: of its full size, and, as another match may begin before its
   end, of smaller ones. */
static void relax(struct vcd_gap_node *nodes, size_t i, size_t size, uint64_t from,
                  uint32_t price) {
    const uint32_t total = nodes[i].price + price;
    const size_t shortest = size <= 24 ? MIN_MATCH : size;
    for (size_t n = shortest; n <= size; n++) {
        if (total < nodes[i + n].price) {
            nodes[i + n] = (struct vcd_gap_node){from + n, total, (uint32_t)n};
        }
    }
}

static void push_path(const struct vcd_gap_node *nodes, size_t at, size_t size,
                      struct vcd_copy_list *copies) {
    const size_t first = copies->count;
    for (size_t i = size; i > 0;) {
        const size_t n = nodes[i].copy_size;
        if (n > 0) {
            vcd_copy_list_push(copies, nodes[i].from - n, at + i - n, n);
        }
        i -= n > 0 ? n : 1;
    }
    for (size_t i = first, j = copies->count; i + 1 < j; i++) { /* the path was walked backwards */
        const struct vcd_copy swapped = copies->copies[i];
        copies->copies[i] = copies->copies[--j];
        copies->copies[j] = swapped;
    }
}

/* Makes the edges of what matches at a place in the source; returns its size. */
static size_t try_place(const struct vcd_gap_parser *parser, size_t i, const uint8_t *here,
                        size_t left, uint64_t place, uint32_t price) {
    if (place >= parser->source_size) {
        return 0;
    }
    const size_t size = vcd_match_forwards(here, parser->source + place,
                                           vcd_min(left, parser->source_size - (size_t)place));
    if (size >= MIN_MATCH) {
        relax(parser->nodes, i, size, place, price);
    }
    return size;
}

/* The same for the diagonals of the path so far and of the gap's neighbours. */
static size_t try_diagonals(const struct vcd_gap_parser *parser, const struct vcd_gap *gap,
                            size_t i) {
    const size_t left = gap->size - i;
    const uint8_t *const here = gap->window + gap->at + i;
    const uint64_t same = parser->nodes[i].from;
    const uint64_t before = gap->left == VCD_NO_PLACE ? VCD_NO_PLACE : gap->left + i;
    const uint64_t behind =
        gap->right == VCD_NO_PLACE || gap->right < left ? VCD_NO_PLACE : gap->right - left;
    size_t longest = try_place(parser, i, here, left, same, PRICE_SAME_DIAGONAL);
    if (before != same) {
        const size_t size = try_place(parser, i, here, left, before, PRICE_NEIGHBOUR);
        longest = vcd_max(longest, size);
    }
    if (behind != same) {
        const size_t size = try_place(parser, i, here, left, behind, PRICE_NEIGHBOUR);
        longest = vcd_max(longest, size);
    }
    return longest;
}

/* The same for what the index of the whole source knows. */
static size_t try_index(const struct vcd_gap_parser *parser, size_t i, const uint8_t *here,
                        size_t left) {
    const struct vcd_index *const index = parser->index;
    if (index == NULL || left < VCD_KEY_SIZE) {
        return 0;
    }
    if (left >= VCD_KEY_SIZE + AHEAD) {
        vcd_prefetch(vcd_index_bucket(index, vcd_hash_key(here + AHEAD)));
    }
    const uint64_t hash = vcd_hash_key(here);
    const uint32_t *const bucket = vcd_index_bucket(index, hash);
    size_t longest = 0;
    for (int k = 0; k < 2; k++) {
        const size_t place = vcd_index_place(index, bucket[k], hash);
        const size_t size = try_place(parser, i, here, left, place, PRICE_FAR);
        longest = vcd_max(longest, size);
    }
    return longest;
}

/* The same by short keys near in the source. */
static size_t try_keys(const struct vcd_gap_parser *parser, const struct vcd_gap *gap,
                       size_t local_from, size_t i) {
    const size_t left = gap->size - i;
    const uint8_t *const here = gap->window + gap->at + i;
    const uint64_t hash = hash_local(here, parser->effort.local_key_size);
    const size_t local = vcd_key_place(vcd_key_slot(&parser->local_keys, hash), hash);
    return local == SIZE_MAX ? 0
                             : try_place(parser, i, here, left, local_from + local, PRICE_LOCAL);
}

static void parse_stretch(struct vcd_gap_parser *parser, const struct vcd_gap *gap,
                          struct vcd_copy_list *copies) {
    struct vcd_gap_node *const nodes = parser->nodes;
    const size_t local_from = index_locality(parser, gap);
    nodes[0] = (struct vcd_gap_node){.from = gap->left};
    for (size_t i = 1; i <= gap->size; i++) {
        nodes[i].price = UINT32_MAX;
    }
    for (size_t i = 0; i < gap->size; i++) {
        const struct vcd_gap_node *const node = &nodes[i];
        const uint32_t literal =
            node->price + parser->literal_price + (i == 0 || node->copy_size > 0 ? PRICE_ADD : 0);
        if (literal < nodes[i + 1].price) {
            const uint64_t from = node->from == VCD_NO_PLACE ? VCD_NO_PLACE : node->from + 1;
            nodes[i + 1] = (struct vcd_gap_node){from, literal, 0};
        }
        const size_t left = gap->size - i;
        if (left < LOCAL_KEY_SIZE) {
            continue;
        }
        size_t longest = try_diagonals(parser, gap, i);
        if (longest < ENOUGH) {
            const size_t by_keys = try_keys(parser, gap, local_from, i);
            const size_t by_index = try_index(parser, i, gap->window + gap->at + i, left);
            longest = vcd_max(longest, vcd_max(by_keys, by_index));
        }
        if (longest >= ENOUGH) {
            i += longest - 1;
        }
    }
    push_path(nodes, gap->at, gap->size, copies);
}

void vcd_parse_gap(struct vcd_gap_parser *parser, const struct vcd_gap *gap,
                   struct vcd_copy_list *copies) {
    if (gap->size <= SMALL_GAP && vcd_gap_is_replaced(gap)) {
        parse_replaced(parser, gap, copies);
        return;
    }
    if (gap->size < LOCAL_KEY_SIZE) {
        return;
    }
    if (!parser->effort.parses_gaps) {
        if (gap->size <= REPLACED_MAX_SIZE) {
            parse_replaced(parser, gap, copies);
        }
        return;
    }
    for (size_t done = 0; done < gap->size;) {
        const size_t size = vcd_min(STRETCH, gap->size - done);
        const struct vcd_gap part = {
            .window = gap->window,
            .window_size = gap->window_size,
            .at = gap->at + done,
            .size = size,
            .left = gap->left == VCD_NO_PLACE ? VCD_NO_PLACE
                                              : vcd_min(gap->left + done, parser->source_size),
            .right = gap->right == VCD_NO_PLACE || gap->size - done - size > gap->right
                         ? VCD_NO_PLACE
                         : gap->right - (gap->size - done - size),
        };
        if (gap->size <= CLOSE_GAP || !vcd_gap_looks_random(&part)) {
            parse_stretch(parser, &part, copies);
        }
        done += size;
    }
}
