/* clb/ext/part_hash.h: extension "clb.x-part-hash/1" of the host. Features under a hash that was computed from the tensors of their part in
 * the moment of the call, as nn::register_part of the SDK does it.
 *
 * Such features are shared by all runs whose parts are equal, whatever their seeds and class orders. What clb_features.declare
 * declares is shared by repetitions of one run alone, because a hash of another origin may leave out something in which runs differ.
 */
#ifndef CLB_EXT_PART_HASH_H
#define CLB_EXT_PART_HASH_H

#include "../abi.h"

#define CLB_EXT_PART_HASH "clb.x-part-hash/1"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clb_part_hash {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;
  /* [session] As clb_features.declare. */
  clb_status (*declare)(void* self, const char* kind, int64_t dim, const uint8_t content_hash[32]);
} clb_part_hash;

#ifdef __cplusplus
}
#endif
#endif
