/* clb/ext/weights.h: extension "clb.weights/1" of the host. The weights of the roles that the method has declared (clb_method.roles).
 */
#ifndef CLB_EXT_WEIGHTS_H
#define CLB_EXT_WEIGHTS_H

#include "../abi.h"

#define CLB_EXT_WEIGHTS "clb.weights/1"

#ifdef __cplusplus
extern "C" {
#endif

/* `bytes` is a whole safetensors file with timm names, mapped read-only for the life of the session and not to be made writable. The texts
 * live as long. */
typedef struct clb_weights {
  uint32_t struct_size;
  uint32_t reserved;
  const void* bytes;
  uint64_t size;
  const char* sha256;  /* 64 lower-case hexadecimal digits */
  const char* options; /* JSON object: "image_size", "heads", "pos_antialias" (see docs/weights.md) */
} clb_weights;

typedef struct clb_weights_source {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;

  /* [session] Fills `weights`, whose struct_size the caller has set. A role that the run does not have is CLB_E_INVALID. */
  clb_status (*open)(void* self, const char* role, clb_weights* weights);
} clb_weights_source;

#ifdef __cplusplus
}
#endif
#endif
