/* clb/dataset.h: the table of a dataset.
 *
 * A dataset reads samples and labels from files. It does no transform, no class order and no task split; those belong to the protocol.
 * No DLPack and no LibTorch here: plain arrays with a release call.
 *
 *   describe            [any], before open: facts that need no files
 *   open, close         [session]
 *   index, read, verify [any], after open
 */
#ifndef CLB_DATASET_H
#define CLB_DATASET_H

#include "host.h"
#include "param.h"

#define CLB_DATASET_ENTRY "clb_dataset_v0"

#define CLB_SPLIT_TRAIN 0u
#define CLB_SPLIT_TEST 1u

#define CLB_MODALITY_IMAGES 1u   /* samples are images */
#define CLB_MODALITY_FEATURES 2u /* samples are float32 vectors, served as the feature kind "main:cls" */

#define CLB_FORMAT_U8_HWC 1u  /* bytes of a decoded image, row-major, channels last, 1 (grey) or 3 (RGB) channels */
#define CLB_FORMAT_ENCODED 2u /* bytes of a JPEG or PNG file */
#define CLB_FORMAT_F32 3u     /* little-endian float32 vector */

#ifdef __cplusplus
extern "C" {
#endif

/* An order of classes or of domains that the dataset's authors or a published benchmark prescribe. */
typedef struct clb_order {
  uint32_t struct_size;
  uint32_t reserved;
  const char* name;
  const int64_t* ids; /* class_count original class ids, or domain_count domain ids; each once */
} clb_order;

/* What an open dataset works with; lives for the call. */
typedef struct clb_dataset_session {
  uint32_t struct_size;
  uint32_t reserved;
  const clb_host* host;        /* lives until after close */
  const char* root;            /* a folder, never NULL */
  const clb_setting* settings; /* one per parameter of clb_dataset_info, in its order */
  uint32_t setting_count;
  uint32_t setting_stride;
} clb_dataset_session;

/* Constants that live as long as the process before open, as long as the object after it. */
typedef struct clb_dataset_info {
  uint32_t struct_size;
  uint32_t modality;               /* CLB_MODALITY_* */
  const char* const* class_names;  /* class_count names; may be known only after open */
  int64_t class_count;             /* 0 before open when the files decide */
  const char* const* domain_names; /* domain_count names; NULL when there is one domain */
  int64_t domain_count;            /* at least 1 after open */
  int64_t height, width, channels; /* of every image; 0 when they vary */
  int64_t feature_dim;             /* of CLB_MODALITY_FEATURES, else 0 */
  const char* licence;
  const char* citation;
  const char* default_root; /* folder tried when the experiment gives none; NULL: there is none; "": it reads no files */
  const clb_order* orders;
  uint32_t order_count;
  uint32_t order_stride;

  /* Parameters, known before open: which published split, which part of the files. One that has its neutral value changes no key; a dataset
   * whose samples come out otherwise gives them another fingerprint anyway. */
  const clb_param* params;
  uint32_t param_count;
  uint32_t param_stride;

  const char* const* splits; /* names of what index and read take: 0 "train", 1 "test", then others; NULL: these two */
  uint32_t split_count;
  uint32_t domain_order_count;
  const clb_order* domain_orders; /* elements are order_stride bytes apart, as those of orders */

  /* Of ext/text.h and for reports; each may be NULL. */
  const char* const* readable_names; /* class_count names as people read them ("great white shark"); NULL: class_names are such */
  const char* const* templates;      /* template_count sentences with "{}" where the name belongs */
  int64_t template_count;
  const char* const* group_names; /* of groups of classes (super-classes, "animals"), group_count of them */
  const int64_t* class_groups;    /* class_count numbers, 0 to group_count - 1 */
  int64_t group_count;

  /* What open found, note_count sentences for people: which of several layouts, which split, what was passed over. */
  const char* const* notes;
  int64_t note_count;
} clb_dataset_info;

/* Labels and domains of a split in index order; owned by the dataset, valid until close. */
typedef struct clb_index {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t count;
  const int64_t* labels;  /* count original class ids, 0 to class_count - 1 */
  const int64_t* domains; /* count domain ids, or NULL: all 0 */
} clb_index;

typedef struct clb_sample {
  uint32_t struct_size;
  uint32_t format; /* CLB_FORMAT_* */
  const uint8_t* bytes;
  uint64_t size;                   /* of bytes */
  int64_t height, width, channels; /* of CLB_FORMAT_U8_HWC; 0 otherwise */
  const char* name;                /* the file that holds the sample, for messages; NULL when its number says enough */
} clb_sample;

typedef struct clb_dataset {
  uint32_t struct_size;
  uint32_t reserved;

  /* Fills what is known without files when self is NULL, everything when self is an open dataset. */
  clb_status (*describe)(void* self, clb_dataset_info* info);

  /* A missing or damaged file is CLB_E_IO, with its name and offset in set_error. */
  clb_status (*open)(const clb_dataset_session* session, void** self);
  void (*close)(void* self);

  clb_status (*index)(void* self, uint32_t split, clb_index* index); /* split: CLB_SPLIT_*, or another of describe */

  /* Fills `samples[0..count)`, an array of the caller whose elements are `stride` bytes apart, for positions `ids` of the split. Bytes and
   * names are borrowed until `release(self, token)`; *token may be NULL when nothing has to be released. */
  clb_status (*read)(void* self, uint32_t split, const int64_t* ids, int64_t count, clb_sample* samples, uint32_t stride, void** token);
  void (*release)(void* self, void* token);

  /* Checks what the publisher's checksums or the format allow, beyond what open already checked. Optional. */
  clb_status (*verify)(void* self);

  const void* (*get_extension)(void* self, const char* id); /* optional */
} clb_dataset;

typedef const clb_dataset* (*clb_dataset_entry)(void);

#ifdef __cplusplus
}
#endif
#endif
