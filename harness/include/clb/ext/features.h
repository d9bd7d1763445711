/* clb/ext/features.h: extension "clb.features/1" of the host and of a method. Features that the host computes, and those that a method
 * derives itself from a part of it that is frozen.
 *
 * A method that derives features has a clb_extractor: the host asks clb_method.get_extension(self, CLB_EXT_FEATURES).
 */
#ifndef CLB_EXT_FEATURES_H
#define CLB_EXT_FEATURES_H

#include "../batch.h"

#define CLB_EXT_FEATURES "clb.features/1"

#ifdef __cplusplus
extern "C" {
#endif

/* Of the host; all [session]. */
typedef struct clb_features {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;

  /* Number of columns of a feature kind; an unknown kind is CLB_E_INVALID. */
  clb_status (*dim)(void* self, const char* kind, int64_t* dim);

  /* Declares a feature kind of `dim` columns that the method derives itself (clb_extractor) from a part that is frozen from now on; its
   * name has no colon and is none of batch.h. The host calls extract once per sample, inside stream_open or before predict, and keeps what
   * comes under `content_hash`, which must cover every tensor of the method that the feature depends on (weights, parameters and plugin are
   * covered by the host). Before rows that are there are served, some are extracted once more; when they differ, the run fails. Only
   * repetitions of the same run share such features; see ext/part_hash.h. Nothing is remembered in the method's state: after load it
   * registers again. The same again changes nothing; other contents under the same name are CLB_E_INVALID. */
  clb_status (*declare)(void* self, const char* kind, int64_t dim, const uint8_t content_hash[32]);
} clb_features;

/* Of a method. */
typedef struct clb_extractor {
  uint32_t struct_size;
  uint32_t reserved;

  /* [session] self: the method. values: [n, dim] float32 for a declared kind; the batch has one part, "images" in the evaluation view.
   * Called inside clb_host.stream_open, or before predict; draws no random numbers. */
  clb_status (*extract)(void* self, const char* kind, const clb_batch* batch, struct DLManagedTensorVersioned** values);
} clb_extractor;

#ifdef __cplusplus
}
#endif
#endif
