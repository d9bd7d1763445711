/* clb/ext/trace.h: extension "clb.x-trace/1" of the host. Intermediate tensors come out for tests and debugging; absent in an ordinary run.
 *
 * A method asks clb_host.get_extension(CLB_EXT_TRACE) once in create; NULL means that nobody listens and nothing need be computed.
 */
#ifndef CLB_EXT_TRACE_H
#define CLB_EXT_TRACE_H

#include "../abi.h"

#define CLB_EXT_TRACE "clb.x-trace/1"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clb_trace {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;
  /* [session] The tensor becomes the host's (abi.h, rule 3). */
  void (*emit)(void* self, const char* name, struct DLManagedTensorVersioned* tensor);
} clb_trace;

#ifdef __cplusplus
}
#endif
#endif
