/* clb/ext/assets.h: extension "clb.assets/1" of the host. Files beside weights and data that an experiment names ([assets.NAME]) and a
 * method declares (clb_method.assets): a vocabulary, captions, descriptions of classes. Their SHA-256 is part of the run's key.
 */
#ifndef CLB_EXT_ASSETS_H
#define CLB_EXT_ASSETS_H

#include "../abi.h"

#define CLB_EXT_ASSETS "clb.assets/1"

#ifdef __cplusplus
extern "C" {
#endif

/* `bytes` is the whole file, mapped read-only for the life of the session and not to be made writable. */
typedef struct clb_asset {
  uint32_t struct_size;
  uint32_t reserved;
  const void* bytes;
  uint64_t size;
  const char* sha256; /* 64 lower-case hexadecimal digits */
} clb_asset;

typedef struct clb_assets {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;

  /* [session] Fills `asset`, whose struct_size the caller has set. A name that the run does not have is CLB_E_INVALID. */
  clb_status (*open)(void* self, const char* name, clb_asset* asset);
} clb_assets;

#ifdef __cplusplus
}
#endif
#endif
