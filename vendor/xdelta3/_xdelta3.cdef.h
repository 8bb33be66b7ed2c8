/* _xdelta3.cdef.h - what Python may see of engine.h, where the contracts are */
enum xd3_engine_result {
    XD3_ENGINE_OK,
    XD3_ENGINE_MALFORMED,
    XD3_ENGINE_WRONG_SOURCE,
    XD3_ENGINE_UNSUPPORTED,
    XD3_ENGINE_TOO_LARGE,
    XD3_ENGINE_NO_MEMORY,
    XD3_ENGINE_FAILED,
    ...
};
enum xd3_engine_secondary { XD3_ENGINE_NONE, XD3_ENGINE_DJW, XD3_ENGINE_LZMA, XD3_ENGINE_FGK, ... };
struct xd3_engine;
void xd3_engine_prepare(void);
const char *xd3_engine_version(void);
const char *xd3_engine_lzma(void);
struct xd3_engine *xd3_engine_encoder_new(const uint8_t *source, size_t source_size,
                                          const uint8_t *target, size_t target_size, int level,
                                          enum xd3_engine_secondary secondary);
struct xd3_engine *xd3_engine_decoder_new(const uint8_t *source, size_t source_size,
                                          const uint8_t *delta, size_t delta_size,
                                          uint64_t max_size);
enum xd3_engine_result xd3_engine_next(struct xd3_engine *engine, const uint8_t **piece_out,
                                       size_t *size_out);
const char *xd3_engine_message(const struct xd3_engine *engine);
int64_t xd3_engine_window(const struct xd3_engine *engine);
void xd3_engine_free(struct xd3_engine *engine);
