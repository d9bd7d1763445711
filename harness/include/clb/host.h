/* clb/host.h: what the host offers every plugin. What is not for everybody is an extension: memory, derived features, weights, text,
 * assets, trace, each in a header of its own in the folder ext/.
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

  /* The host's table of an extension (folder ext/), valid as long as this table, or NULL when the host does not have it. */
  const void* (*get_extension)(void* self, const char* id);

  /* Streams; see stream.h. A stream is closed at the latest when train_task or end_task returns. stream_next fills a batch whose
   * struct_size the caller has set, and returns CLB_END after the last one; a caller whose struct ends before part_stride is given no
   * part. */
  clb_status (*stream_open)(void* self, const clb_stream_request* request, clb_stream** stream);
  clb_status (*stream_info)(void* self, clb_stream* stream, clb_stream_info* info);
  clb_status (*stream_next)(void* self, clb_stream* stream, clb_batch* batch);
  void (*stream_close)(void* self, clb_stream* stream);

  /* Stores one number of a named series (a loss, a norm, a usage count) for the record; metrics.h says which names and how many. */
  void (*metric)(void* self, const char* name, int64_t step, double value);

  /* Writes 32 bytes that are a pure function of (a sub-key of the run's seed, name, indices). From them a method seeds its own generators:
   * never from time, addresses or the order of calls. */
  clb_status (*derive_key)(void* self, const char* name, const int64_t* indices, int64_t index_count, uint8_t key[32]);
} clb_host;

#ifdef __cplusplus
}
#endif
#endif
