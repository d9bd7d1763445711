/* clb/host.h: what the host offers a plugin.
 *
 * One table per session; it and `self` live until after `destroy`. Datasets receive the same table, of which only `log` and `set_error` do
 * something for them. All functions are [session] but `log`, `set_error` and `progress`, which are [any].
 */
#ifndef CLB_HOST_H
#define CLB_HOST_H

#include "batch.h"
#include "stream.h"

#define CLB_LOG_INFO 1
#define CLB_LOG_WARNING 2

#ifdef __cplusplus
extern "C" {
#endif

/* Weights of a role. `bytes` is a whole safetensors file with timm names, mapped read-only for the life of the session
 * and not to be made writable. */
typedef struct clb_weights {
  uint32_t struct_size;
  uint32_t reserved;
  const void* bytes;
  uint64_t size;
  const char* sha256;  /* 64 lower-case hexadecimal digits */
  const char* options; /* JSON object: "image_size", "heads", "pos_antialias" (see docs/weights.md) */
} clb_weights;

typedef struct clb_host {
  uint32_t struct_size;
  uint32_t reserved;
  void* self; /* first argument of every function */

  void (*log)(void* self, int32_t level, const char* text);

  /* Tells why the call that is about to fail fails. `file` and `line` name the place in the plugin's source; the last text on the calling
   * thread wins. */
  void (*set_error)(void* self, clb_status code, const char* text, const char* file, int32_t line);

  /* Reports that `done` of `total` units (0: unknown) of `what` are finished. Non-zero: the run is being cancelled; return CLB_E_CANCELLED
   * soon (within 2 seconds). Cheap enough to call for every batch. */
  int32_t (*progress)(void* self, const char* what, int64_t done, int64_t total);

  /* Stores one number of a named series (a loss, a norm, a usage count) for the record; metrics.h says which names and how many. */
  void (*metric)(void* self, const char* name, int64_t step, double value);

  /* Writes 32 bytes that are a pure function of (a sub-key of the run's seed, name, indices). From them a method seeds its own generators:
   * never from time, addresses or the order of calls. */
  clb_status (*derive_key)(void* self, const char* name, const int64_t* indices, int64_t index_count, uint8_t key[32]);

  /* Streams; see stream.h. A stream is closed at the latest when train_task or end_task returns. stream_next fills a batch whose
   * struct_size the caller has set, and returns CLB_END after the last one. */
  clb_status (*stream_open)(void* self, const clb_stream_request* request, clb_stream** stream);
  clb_status (*stream_info)(void* self, clb_stream* stream, clb_stream_info* info);
  clb_status (*stream_next)(void* self, clb_stream* stream, clb_batch* batch);
  void (*stream_close)(void* self, clb_stream* stream);

  /* Replaces the exemplar memory by these samples of the current task's training split or of the memory as it is. The host keeps, counts
   * and checkpoints them. Legal in train_task and end_task, for methods that claim CLB_CAP_RAW_REPLAY. */
  clb_status (*memory_set)(void* self, const int64_t* sample_ids, int64_t count);

  /* Declares a feature kind of `dim` columns that the method derives itself (clb_method.extract) from a part that is frozen from now on;
   * its name has no colon. The host calls extract once per sample, inside stream_open or before predict, and keeps what comes under
   * `content_hash`, which must cover every tensor of the method that the feature depends on (weights, parameters and plugin are covered by
   * the host). Before rows that are there are served, some are extracted once more; when they differ, the run fails. Only repetitions of
   * the same run share such features; see ext/part_hash.h. Nothing is remembered in the method's state: after load it registers again. The
   * same again changes nothing; other contents under the same name are CLB_E_INVALID. */
  clb_status (*feature_register)(void* self, const char* kind, int64_t dim, const uint8_t content_hash[32]);

  /* Number of columns of a feature kind; an unknown kind is CLB_E_INVALID. */
  clb_status (*feature_dim)(void* self, const char* kind, int64_t* dim);

  clb_status (*weights_open)(void* self, const char* role, clb_weights* weights);

  /* A table of an extension (folder ext/), or NULL when the host does not have it. */
  const void* (*get_extension)(void* self, const char* id);
} clb_host;

#ifdef __cplusplus
}
#endif
#endif
