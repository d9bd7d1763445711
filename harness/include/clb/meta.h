/* clb/meta.h: what can be known of a plugin without loading it.
 *
 * Every plugin defines one constant `clb_plugin_meta`, exported, in the ELF section ".clb.meta". `clbench list` and the loader read it
 * from the file: nothing of the plugin runs. The struct holds no pointers, only fixed arrays of bytes that end in NUL.
 *
 * The loader refuses a file whose magic, kind, ABI version, LibTorch major.minor or C++ string ABI differ from its own and names the
 * field, what it wanted, what it found and what to do. The compiler is information only.
 */
#ifndef CLB_META_H
#define CLB_META_H

#include "abi.h"

#define CLB_META_SECTION ".clb.meta"
#define CLB_META_MAGIC "CLBMETA" /* 8 bytes with its NUL */

#define CLB_KIND_METHOD 1u
#define CLB_KIND_DATASET 2u

/* Capability bits: what a method claims of itself. `clbench validate` tests those that can be tested; a parameter's value may add some
 * (clb_param.implies), and so may the table (clb_method.capabilities). Datasets claim none. */
#define CLB_CAP_TASK_ID_TRAIN (1ull << 0)   /* reads task ids of training samples */
#define CLB_CAP_TASK_ID_TEST (1ull << 1)    /* needs the task id of every test sample */
#define CLB_CAP_KNOWS_HORIZON (1ull << 2)   /* needs the number of tasks or classes to come */
#define CLB_CAP_TEXT_TOWER (1ull << 3)      /* uses class names through a text encoder */
#define CLB_CAP_RAW_REPLAY (1ull << 4)      /* keeps training samples of earlier tasks */
#define CLB_CAP_STATISTICS_ONLY (1ull << 5) /* learns from sums over samples; their order cannot matter */
#define CLB_CAP_FROZEN_FEATURES (1ull << 6) /* predicts from frozen features alone, which may be computed before create */
#define CLB_CAP_BATCH_DEPENDENT (1ull << 7) /* a prediction depends on the other samples of its batch */
#define CLB_CAP_STOCHASTIC (1ull << 8)      /* a prediction draws random numbers */
#define CLB_CAP_EXTERNAL_DATA (1ull << 9)   /* uses data beyond the stream and the declared weights */
#define CLB_CAP_BITWISE (1ull << 10)        /* the same run repeats bit for bit on the same machine */
#define CLB_CAP_BF16 (1ull << 11)           /* supports precision bf16 */
#define CLB_CAP_ZERO_SHOT (1ull << 12)      /* predicts classes that it has not been trained on, from their names */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clb_plugin_meta_t {
  uint32_t struct_size;  /* sizeof(clb_plugin_meta_t) of the plugin's build */
  uint32_t kind;         /* CLB_KIND_* */
  char magic[8];         /* CLB_META_MAGIC */
  uint32_t abi_major;    /* CLB_ABI_MAJOR */
  uint32_t abi_minor;    /* CLB_ABI_MINOR */
  uint64_t capabilities; /* CLB_CAP_*, the defaults' claims */
  uint32_t cxx11_abi;    /* value of _GLIBCXX_USE_CXX11_ABI; 2 = uses no C++ standard library types */
  uint32_t reserved;     /* 0 */
  char id[64];           /* [a-z][a-z0-9_]*, unique among plugins of its kind */
  char version[32];      /* the plugin's own version, "1.0.0" */
  char libtorch[32];     /* "2.11.0"; empty: does not use LibTorch */
  char compiler[64];     /* informational */
  char summary[192];     /* one line: paper or source of the data */
} clb_plugin_meta_t;

#ifdef __cplusplus
}
#endif
#endif
