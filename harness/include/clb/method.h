/* clb/method.h: the table of a continual-learning method.
 *
 * Life of a session, all on one thread [session]:
 *
 *   create
 *   for each task:  begin_task, train_task, end_task, (inputs, predict*)*, save
 *   destroy
 *
 * After `load` on a fresh object the session goes on with begin_task of the next task, or with inputs and predict. Evaluation must not
 * change a method: what `save` writes is equal before and after. The host reseeds LibTorch's generators before create, begin_task,
 * train_task, end_task and each predict.
 */
#ifndef CLB_METHOD_H
#define CLB_METHOD_H

#include "host.h"
#include "param.h"
#include "state.h"

#define CLB_METHOD_ENTRY "clb_method_v0"

#define CLB_PRECISION_FP32 1u
#define CLB_PRECISION_TF32 2u
#define CLB_PRECISION_BF16 3u
/* Frozen weights in bfloat16, images and everything that is computed in float32. A method that takes it for CLB_PRECISION_FP32 is right but
 * for the memory. */
#define CLB_PRECISION_BF16_WEIGHTS 4u

#ifdef __cplusplus
extern "C" {
#endif

/* Device numbers are DLPack's: 1 = CPU, 2 = CUDA. */
typedef struct clb_session {
  uint32_t struct_size;
  uint32_t precision; /* CLB_PRECISION_* */
  const clb_host* host;
  const clb_setting* settings; /* one per parameter of the table, in its order */
  uint32_t setting_count;
  uint32_t setting_stride;
  int32_t device_type;
  int32_t device_index;
  int64_t image_height, image_width; /* after the transforms; 0 when the dataset has no images */
} clb_session;

typedef struct clb_task {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t index;         /* from 0 */
  int64_t domain;        /* of a domain-incremental stream, else 0 */
  const int64_t* labels; /* classes of this task as positions in the class order, ascending */
  int64_t label_count;
  int64_t classes_seen; /* after this task; predict is asked for columns among these */
  int64_t task_count;   /* in the whole stream; -1 when the protocol hides it */
  int64_t class_count;  /* in the whole stream; -1 when the protocol hides it */
} clb_task;

/* What predict wants of each question: names of batch.h. The array is the method's and stays valid until its next call. */
typedef struct clb_inputs {
  uint32_t struct_size;
  uint32_t part_count;
  const char* const* parts;
} clb_inputs;

typedef struct clb_method {
  uint32_t struct_size;
  uint32_t state_version; /* raised when `load` can no longer read older states */

  const char* paper; /* citation */
  const clb_param* params;
  uint32_t param_count;
  uint32_t param_stride;

  clb_status (*create)(const clb_session* session, void** self);
  void (*destroy)(void* self);

  clb_status (*begin_task)(void* self, const clb_task* task); /* optional */
  clb_status (*train_task)(void* self, const clb_task* task);
  clb_status (*end_task)(void* self, const clb_task* task); /* optional */

  clb_status (*inputs)(void* self, clb_inputs* inputs);

  /* Answers a question of the host. logits: [n, column_count] float32 on the session's device, finite; a column for each of
   * question->columns, in that order. */
  clb_status (*predict)(void* self, const clb_question* question, struct DLManagedTensorVersioned** logits);

  clb_status (*save)(void* self, const clb_writer* writer);
  clb_status (*load)(void* self, const clb_reader* reader);

  /* Optional. A table of an extension (folder ext/), or NULL. self is NULL where no object is needed. */
  const void* (*get_extension)(void* self, const char* id);

  /* Roles of the weights that the method may open, each small letters, digits and _: the plan attaches these and no others to a run. NULL:
   * "main" alone. */
  const char* const* roles;
  uint32_t role_count;
  uint32_t reserved;

  uint64_t capabilities; /* CLB_CAP_*, OR-ed to those of the meta section: what is known at run time alone */

  /* Assets that the method may open (ext/assets.h), as roles. NULL: none. */
  const char* const* assets;

  /* Further files whose contents belong to the plugin's hash, absolute or relative to the plugin's own folder: scripts, libraries. A run
   * that was planned with others is refused. NULL: none. */
  const char* const* sources;
  uint32_t asset_count;
  uint32_t source_count;

  /* Optional. Fills what could not be a constant: `table` is the host's copy of this table, of which paper, params, roles, capabilities,
   * assets and sources may be set; what they point to lives as long as the process. Called once, after loading and before anything else; of
   * the host only log and set_error do something. A failure is told through set_error, and the plugin is not used. [session] */
  clb_status (*describe)(const clb_host* host, struct clb_method* table);
} clb_method;

/* The entry: returns a constant that lives as long as the process. Named by CLB_METHOD_ENTRY. */
typedef const clb_method* (*clb_method_entry)(void);

#ifdef __cplusplus
}
#endif
#endif
