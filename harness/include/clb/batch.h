/* clb/batch.h: named tensors of samples, as a stream delivers them for training and as the host gives them to a method in a question.
 *
 * What crosses is one array of parts. A part is delivered when its name was asked for (clb_stream_request.parts, clb_inputs.parts), and
 * nothing else is. The names:
 *
 *   images         [n, 3, H, W] in the view of the stream, float32, or bfloat16 when the run's precision is bf16
 *   images:ROLE    the same as the weights of this role want them: of their size, with their mean and standard deviation
 *   labels         [n] int64, positions in the class order; of a stream alone
 *   sample_ids     [n] int64, opaque (a hash; says nothing of class or position); of a stream alone
 *   task_ids       [n] int64; left out unless the protocol grants them
 *   ROLE:KIND[@B]  [n, d] float32, frozen features that the host computes: "main:cls" is the class token of the weights "main" after the
 *                  final norm, "main:cls@6-11" are the class tokens that blocks 6 to 11 put out, before the final norm, side by side;
 *                  "main:cls@last6" counts from the end
 *   NAME           [n, d] float32, features that the method derives itself (ext/features.h); no colon
 *   aux:captions   [n, longest] uint8, UTF-8 filled up with zeros; of a stream of CLB_SOURCE_AUX alone (ext/text.h)
 *
 * All tensors are row-major, on the session's device, and OWNED BY THE RECEIVER (abi.h, rule 3): it releases every part in a loop, also one
 * whose name it does not know.
 */
#ifndef CLB_BATCH_H
#define CLB_BATCH_H

#include "abi.h"

#define CLB_PART_IMAGES "images"
#define CLB_PART_LABELS "labels"
#define CLB_PART_SAMPLE_IDS "sample_ids"
#define CLB_PART_TASK_IDS "task_ids"
#define CLB_PART_CAPTIONS "aux:captions"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clb_part {
  uint32_t struct_size;
  uint32_t reserved;                       /* 0 */
  const char* name;                        /* as it was asked for; borrowed as the array that this element is of */
  struct DLManagedTensorVersioned* tensor; /* never NULL */
} clb_part;

/* Allocated by the receiver (clb_host.stream_next) or borrowed for the call (ext/features.h). */
typedef struct clb_batch {
  uint32_t struct_size;
  uint32_t part_count;
  const clb_part* parts; /* in the order asked for; the array is the host's, valid until the next call on the stream or for the call */
  uint64_t part_stride;  /* bytes from one element of parts to the next */
  int64_t n;             /* samples, at least 1 */
  int64_t epoch;         /* from 0 */
  int64_t step;          /* batches delivered before this one, over all epochs */
} clb_batch;

/* Test samples, and the classes that are to be told apart. Borrowed for the call of predict; the tensors are the receiver's. */
typedef struct clb_question {
  uint32_t struct_size;
  uint32_t part_count;
  const clb_part* parts; /* those of clb_inputs, in its order */
  uint64_t part_stride;
  int64_t n;              /* samples, at least 1 */
  const int64_t* columns; /* positions in the class order, ascending: the columns of the answer. All are among the classes seen, but for a
                             method that claims CLB_CAP_ZERO_SHOT */
  int64_t column_count;
  int64_t step; /* questions before this one in this evaluation */
} clb_question;

#ifdef __cplusplus
}
#endif
#endif
