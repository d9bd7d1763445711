/* clb/stream.h: what a method asks of the data of the current task. Streams are opened, read and closed through clb_host [session].
 *
 * A method owns its training loop and pulls batches. The order of a shuffled stream and the boxes, flips and colours of the training view
 * are pure functions of (seed, task, stream, epoch, sample): the same for every method, batch size, precision, device and thread count.
 * `stream` counts the streams that were opened in this task.
 *
 * Auxiliary data are an asset of the run: a file of captions (ext/text.h), whose batches have the part "aux:captions" and no view, or
 * another data set, whose training images come unlabelled as "images" and "images:ROLE" in either view. They have no sample ids, come in
 * batches of a size of their own and, with epochs = 0, without end.
 */
#ifndef CLB_STREAM_H
#define CLB_STREAM_H

#include "abi.h"

#define CLB_SOURCE_TRAIN 1u  /* the current task's training split */
#define CLB_SOURCE_MEMORY 2u /* the exemplars that the host keeps (ext/memory.h) */
#define CLB_SOURCE_AUX 4u    /* unlabelled data beside the stream of tasks; alone, and with `aux` */

#define CLB_VIEW_TRAIN 1u /* augmented as the method's configuration says */
#define CLB_VIEW_EVAL 2u  /* the protocol's deterministic evaluation transform */

#define CLB_STREAM_REPEATS 1u /* in each epoch a sample's images are the same: nothing of this view is drawn at random */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clb_stream clb_stream; /* opaque, the host's */

typedef struct clb_stream_request {
  uint32_t struct_size;
  uint32_t sources;          /* mask of CLB_SOURCE_*, at least one bit */
  uint32_t view;             /* CLB_VIEW_*; features exist for CLB_VIEW_EVAL only */
  uint32_t part_count;       /* names in parts; 0: batches of nothing but their size */
  const char* const* parts;  /* what to deliver (batch.h); none twice */
  uint32_t shuffle;          /* 1: a new order each epoch; 0: order of the class order, then of the dataset */
  uint32_t drop_last;        /* 1: no batch smaller than batch_size */
  int64_t batch_size;        /* at least 1 */
  int64_t epochs;            /* at least 1; of CLB_SOURCE_AUX 0 as well: endless */
  const int64_t* sample_ids; /* restrict to these samples of the sources, in this order when shuffle is 0; NULL: all of them */
  int64_t sample_id_count;   /* 0 beside a pointer: none of them. An id outside the sources makes the request CLB_E_INVALID */
  const char* aux;           /* of CLB_SOURCE_AUX: the name of an asset of the run (ext/assets.h); else NULL */
} clb_stream_request;

typedef struct clb_stream_info {
  uint32_t struct_size;
  uint32_t flags;            /* CLB_STREAM_* */
  int64_t samples;           /* per epoch */
  int64_t batches_per_epoch; /* after drop_last */
  int64_t batches;           /* over all epochs; INT64_MAX: endless */
  int64_t dropped;           /* samples per epoch that drop_last leaves out */
} clb_stream_info;

#ifdef __cplusplus
}
#endif
#endif
