/* clb/metrics.h: names of metrics that mean something to the host, and how much clb_host.metric takes.
 *
 * A name is UTF-8 of 1 to CLB_METRIC_NAME_BYTES bytes without control characters, quotes and backslashes. Any name that is not in this
 * header is a method's own.
 */
#ifndef CLB_METRICS_H
#define CLB_METRICS_H

#include "abi.h"

#define CLB_METRIC_NAME_BYTES 128
#define CLB_METRICS_PER_TASK 250000 /* further ones are counted and left out, with a warning; one batch in ten will do for a series */

/* Written by a method, or on its behalf by clb::fit and clb::Method; tables read them. A further fit in the same task puts a phase and a
 * slash before its names ("alignment/loss"). */
#define CLB_METRIC_LOSS "loss"                                   /* mean of an epoch; step: the epoch */
#define CLB_METRIC_TRAINABLE_PARAMETERS "trainable_parameters"   /* of the task, as all below; step: the task */
#define CLB_METRIC_UPDATES "updates"                             /* steps of the optimiser */
#define CLB_METRIC_IMAGES_X_EPOCHS "images_x_epochs"             /* samples that the updates saw */
#define CLB_METRIC_RELATIVE_CHANGE "relative_change"             /* of what is trained, by norm */
#define CLB_METRIC_DROPPED "dropped"                             /* samples of an epoch that drop_last leaves out */
#define CLB_METRIC_STATE_PARAMETER_BYTES "state_parameter_bytes" /* bytes of the state that are parameters, not statistics */

/* Usage of parts, a general kind: CLB_METRIC_USAGE "PART/LAYER" (a prompt, an expert, an adapter of a pool; layer 0 where there is one) is
 * how often the part was chosen in the task. step: the part's number. */
#define CLB_METRIC_USAGE "usage/"

/* Measured and written by the host. clb_host.metric refuses them: the call that used one fails with CLB_E_INVALID. */
#define CLB_METRIC_STATE_BYTES "state_bytes"
#define CLB_METRIC_EXEMPLARS "exemplars"
#define CLB_METRIC_EXEMPLAR_BYTES "exemplar_bytes"
#define CLB_METRIC_FORWARDS_PER_TEST_IMAGE "forwards_per_test_image"
#define CLB_HOST_METRICS                                                                                                            \
  CLB_METRIC_STATE_BYTES, CLB_METRIC_EXEMPLARS, CLB_METRIC_EXEMPLAR_BYTES, CLB_METRIC_FORWARDS_PER_TEST_IMAGE, "peak_device_bytes", \
      "images_seen", "images_read", "seconds_waited", "forwards_charged", "forwards_saved", "cached_seconds_saved", "bwt", "fwt",   \
      "transfer"

/* So it does with names that begin like these: the metrics of tables, and what is measured in each phase. */
#define CLB_HOST_METRIC_FAMILIES "acc.", "forget.", "time.", "memory.", "state.", "params.", "peak_rss_bytes"

#endif
