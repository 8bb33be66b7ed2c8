/* What Python sees of vcdiff.h, in its order, and of other headers; only native/ asks for it. */

enum vcd_result {
    VCD_OK, VCD_MALFORMED, VCD_WRONG_SOURCE, VCD_UNSUPPORTED, VCD_TOO_LARGE, VCD_NO_MEMORY,
    VCD_NEEDS_INDEX, ...
};

struct vcd_where {
    uint64_t window;
    uint64_t offset;
    const char *expected;
    ...;
};

/* ---- Reading a delta ---- */

struct vcd_header {
    uint64_t size;
    uint8_t secondary;
    uint64_t code_table_offset;
    uint64_t code_table_size;
    uint64_t app_offset;
    uint64_t app_size;
    bool has_app;
    ...;
};

struct vcd_window {
    uint64_t offset;
    uint64_t next_offset;
    uint64_t segment_position;
    uint64_t segment_size;
    uint64_t target_size;
    uint64_t data_offset;
    uint64_t data_size;
    uint64_t instruction_offset;
    uint64_t instruction_size;
    uint64_t address_offset;
    uint64_t address_size;
    uint32_t adler32;
    uint8_t indicator;
    uint8_t delta_indicator;
    ...;
};

struct vcd_sections {
    const uint8_t *data;
    size_t data_size;
    const uint8_t *instructions;
    size_t instructions_size;
    const uint8_t *addresses;
    size_t addresses_size;
    ...;
};

struct vcd_summary {
    uint64_t windows;
    uint64_t target_size;
    uint64_t source_size;
    uint64_t target_segments;
    uint64_t packed_windows;
    ...;
};

struct vcd_counts {
    uint64_t adds, add_bytes;
    uint64_t runs, run_bytes;
    uint64_t source_copies, source_copy_bytes;
    uint64_t target_copies, target_copy_bytes;
    ...;
};

struct vcd_code_table;

enum vcd_result vcd_read_header(const uint8_t *delta, size_t delta_size,
                                struct vcd_header *header_out, struct vcd_where *where);
enum vcd_result vcd_read_window(const uint8_t *delta, size_t delta_size, uint64_t offset,
                                struct vcd_window *window_out, struct vcd_where *where);
enum vcd_result vcd_read_summary(const uint8_t *delta, size_t delta_size,
                                 struct vcd_summary *summary_out, struct vcd_where *where);
enum vcd_result vcd_code_table_new(const uint8_t *delta, size_t delta_size,
                                   const struct vcd_header *header,
                                   struct vcd_code_table **table_out, struct vcd_where *where);
void vcd_code_table_free(struct vcd_code_table *table);
enum vcd_result vcd_decode_window(const struct vcd_window *window,
                                  const struct vcd_sections *sections,
                                  const struct vcd_code_table *table, const uint8_t *segment,
                                  uint8_t *target, struct vcd_where *where);
enum vcd_result vcd_inspect_window(const struct vcd_window *window,
                                   const struct vcd_sections *sections,
                                   const struct vcd_code_table *table,
                                   struct vcd_counts *counts_out, struct vcd_where *where);

void advise_huge_pages(uint8_t *memory, size_t size);

/* ---- Making a delta ---- */

#define VCD_WINDOW_MAX_SIZE ...
#define VCD_WINDOW_HEADER_MAX_SIZE ...

struct vcd_index;
struct vcd_encoder;

struct vcd_index *vcd_index_new(const uint8_t *source, size_t source_size, int level);
size_t vcd_index_fill(struct vcd_index *index, size_t most);
void vcd_index_free(struct vcd_index *index);
struct vcd_encoder *vcd_encoder_new(const uint8_t *source, size_t source_size, int level);
void vcd_encoder_free(struct vcd_encoder *encoder);
enum vcd_result vcd_encode_window(struct vcd_encoder *encoder, const struct vcd_index *index,
                                  const uint8_t *target, size_t target_size, size_t from,
                                  size_t size, struct vcd_window *window_out,
                                  struct vcd_sections *sections_out);
/* ---- Merging two deltas ---- */

struct vcd_merger;

struct vcd_merger *vcd_merger_new(void);
void vcd_merger_free(struct vcd_merger *merger);
enum vcd_result vcd_merger_read_first(struct vcd_merger *merger, const struct vcd_window *window,
                                      const struct vcd_sections *sections,
                                      const struct vcd_code_table *table, struct vcd_where *where);
enum vcd_result vcd_merger_read_second(struct vcd_merger *merger, const struct vcd_window *window,
                                       const struct vcd_sections *sections,
                                       const struct vcd_code_table *table, struct vcd_where *where);
enum vcd_result vcd_merge_window(struct vcd_merger *merger, uint64_t from, size_t size,
                                 struct vcd_window *window_out, struct vcd_sections *sections_out,
                                 struct vcd_where *where);

/* ---- Deflating and inflating: deflate.h ---- */

enum dfl_result { DFL_OK, DFL_END, DFL_MALFORMED, DFL_NO_MEMORY, ... };
enum dfl_family { DFL_ZLIB, DFL_GZIP, DFL_CHROMIUM, DFL_MINIZ, DFL_ZLIB_NG, DFL_ZLIB_NG_FULL, ... };

struct dfl_parameters {
    uint8_t family;
    uint8_t level;
    uint8_t mem_level;
    uint8_t caller;
    ...;
};

struct dfl_deflater;

bool dfl_parameters_known(const struct dfl_parameters *parameters);
struct dfl_deflater *dfl_deflater_new(const struct dfl_parameters *parameters);
void dfl_deflater_free(struct dfl_deflater *deflater);
enum dfl_result dfl_deflate(struct dfl_deflater *deflater, const uint8_t *plain, size_t plain_size,
                            bool last, const uint8_t **deflated_out, size_t *deflated_size_out);
enum dfl_result dfl_guess(const uint8_t *plain, size_t plain_size, const uint8_t *deflated,
                          size_t deflated_size, size_t enough,
                          struct dfl_parameters *parameters_out);

struct dfl_range {
    uint64_t searched;
    uint64_t skipped;
    uint64_t reused;
    ...;
};

bool dfl_parameters_reusable(const struct dfl_parameters *parameters);
enum dfl_result dfl_deflater_reuse(struct dfl_deflater *deflater, const uint8_t *deflated,
                                   size_t deflated_size, const struct dfl_range *ranges,
                                   size_t count);
enum dfl_result dfl_find_ranges(const uint8_t *source, size_t source_size, const uint8_t *target,
                                size_t target_size, uint64_t plain_size, uint64_t least,
                                struct dfl_range *ranges, size_t most, size_t *count_out);

enum dfl_result dfl_correct(const uint8_t *plain, size_t plain_size, const uint8_t *deflated,
                            size_t deflated_size, uint8_t *corrections, size_t capacity,
                            size_t *corrections_size_out);

struct dfl_restorer;

struct dfl_restorer *dfl_restorer_new(const uint8_t *corrections, size_t corrections_size);
void dfl_restorer_free(struct dfl_restorer *restorer);
enum dfl_result dfl_restore(struct dfl_restorer *restorer, const uint8_t *plain, size_t plain_size,
                            bool last, const uint8_t **deflated_out, size_t *deflated_size_out);

struct dfl_inflater;

struct dfl_inflater *dfl_inflater_new(void);
void dfl_inflater_free(struct dfl_inflater *inflater);
enum dfl_result dfl_inflate(struct dfl_inflater *inflater, const uint8_t *deflated,
                            size_t deflated_size, size_t *read_out, uint8_t *plain,
                            size_t plain_capacity, size_t *plain_size_out);

/* ---- What both need ---- */

size_t vcd_write_window_header(const struct vcd_window *window, uint8_t *out);

/* ---- difference.h ---- */

struct vcd_approximator;
struct vcd_differences {
    const uint8_t *places;
    size_t places_size;
    const uint8_t *values;
    size_t values_size;
    ...;
};
struct vcd_difference_place {
    size_t places_read;
    size_t values_read;
    uint64_t equal;
    uint64_t run;
    ...;
};

struct vcd_approximator *vcd_approximator_new(void);
void vcd_approximator_free(struct vcd_approximator *approximator);
enum vcd_result vcd_approximate_window(struct vcd_approximator *approximator,
                                       const struct vcd_window *window,
                                       const struct vcd_sections *sections,
                                       const struct vcd_code_table *table, const uint8_t *source,
                                       size_t source_size, uint8_t *target,
                                       struct vcd_where *where);
void vcd_end_block(struct vcd_approximator *approximator, struct vcd_differences *differences_out);
enum vcd_result vcd_add_differences(const struct vcd_differences *differences,
                                    struct vcd_difference_place *place, uint8_t *room, size_t size,
                                    struct vcd_where *where);

/* ---- lzma_encoder.h ---- */

#define VCD_SHRINKING_BLOCK ...

struct vcd_lzma_encoder;

size_t vcd_mark_shrinking(const uint8_t *bytes, size_t size, unsigned least, uint8_t *marks);
struct vcd_lzma_encoder *vcd_lzma_encoder_new(void);
void vcd_lzma_encoder_free(struct vcd_lzma_encoder *encoder);
enum vcd_result vcd_lzma_encode(struct vcd_lzma_encoder *encoder, const uint8_t *bytes, size_t size,
                                const uint8_t **chunks_out, size_t *chunks_size_out);

/* ---- sketch.h ---- */

#define VCD_SKETCH_BINS ...
#define VCD_SKETCH_EMPTY ...

struct vcd_sketch {
    uint64_t least[...];
    ...;
};

void vcd_sketch_start(struct vcd_sketch *sketch);
void vcd_sketch_add(struct vcd_sketch *sketch, const uint8_t *data, size_t size);
void vcd_sketch_note(struct vcd_sketch *sketch, uint64_t identity, uint64_t size);
