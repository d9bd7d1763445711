/* clb/batch.h: a batch of samples, as a stream delivers it for training and as the host makes it for prediction.
 *
 * All tensors are owned by the receiver of the batch (abi.h, rule 3), row-major, on the session's device. A pointer is NULL when that part
 * was not asked for or is not granted. The struct itself is allocated by the receiver (stream_next) or borrowed for the call (predict).
 */
#ifndef CLB_BATCH_H
#define CLB_BATCH_H

#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One kind of feature. The host's own are named "role:kind[@blocks]": "main:cls" is the class token of the weights "main" after the final
 * norm, "main:cls@6-11" are the class tokens that blocks 6 to 11 put out, before the final norm, side by side; "main:cls@last6" counts from
 * the end. Names without a colon are those that the method has registered (clb_host.feature_register). */
typedef struct clb_feature {
  uint32_t struct_size;
  uint32_t reserved;                       /* 0 */
  const char* kind;                        /* borrowed; valid until the next call on the stream, or for the call of predict */
  struct DLManagedTensorVersioned* values; /* [n, d] float32 */
} clb_feature;

typedef struct clb_batch {
  uint32_t struct_size;
  uint32_t feature_count;                      /* elements of features */
  int64_t n;                                   /* samples, at least 1 */
  int64_t epoch;                               /* from 0; 0 at prediction */
  int64_t step;                                /* batches delivered before this one, over all epochs; at prediction: of this evaluation */
  struct DLManagedTensorVersioned* images;     /* [n, 3, H, W], float32, or bfloat16 when the run's precision is bf16 */
  struct DLManagedTensorVersioned* labels;     /* [n] int64, positions in the class order; NULL at prediction */
  struct DLManagedTensorVersioned* sample_ids; /* [n] int64, opaque (a hash; says nothing of class or position); NULL at prediction */
  const clb_feature* features;               /* in the order asked for; the array is the host's, valid as long as `kind` of its elements */
  uint64_t feature_stride;                   /* bytes from one element of features to the next */
  struct DLManagedTensorVersioned* task_ids; /* [n] int64; NULL unless the protocol grants them */
} clb_batch;

#ifdef __cplusplus
}
#endif
#endif
