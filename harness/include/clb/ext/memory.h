/* clb/ext/memory.h: extension "clb.memory/1" of the host. The exemplar memory: the method chooses samples, the host keeps, counts and
 * checkpoints them; they come back through streams of CLB_SOURCE_MEMORY.
 */
#ifndef CLB_EXT_MEMORY_H
#define CLB_EXT_MEMORY_H

#include "../abi.h"

#define CLB_EXT_MEMORY "clb.memory/1"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clb_memory {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;

  /* [session] Replaces the exemplar memory by these samples of the current task's training split or of the memory as it is. Legal in
   * train_task and end_task, for methods that claim CLB_CAP_RAW_REPLAY; another method gets CLB_E_UNSUPPORTED, an id that is not among
   * those or is named twice CLB_E_INVALID. */
  clb_status (*set)(void* self, const int64_t* sample_ids, int64_t count);
} clb_memory;

#ifdef __cplusplus
}
#endif
#endif
