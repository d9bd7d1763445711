/* clb/state.h: byte streams through which a method saves and loads its state at a task boundary [session].
 *
 * The host wraps what a method writes in an envelope (plugin id, version, state version, config hash, task, checksum) and checks it before
 * `load`: a method sees only its own bytes. A reader may deliver fewer bytes than asked, down to 1; 0 bytes with CLB_OK means the end.
 */
#ifndef CLB_STATE_H
#define CLB_STATE_H

#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clb_writer {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;
  clb_status (*write)(void* self, const void* bytes, uint64_t count); /* all or an error */
} clb_writer;

typedef struct clb_reader {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;
  clb_status (*read)(void* self, void* bytes, uint64_t count, uint64_t* got); /* 1 to count bytes; *got = 0: end */
} clb_reader;

#ifdef __cplusplus
}
#endif
#endif
