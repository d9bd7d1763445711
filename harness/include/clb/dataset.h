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

/* A class order that the dataset's authors or a published benchmark prescribe. */
typedef struct clb_order {
  uint32_t struct_size;
  uint32_t reserved;
  const char* name;
  const int64_t* classes; /* class_count original class ids */
} clb_order;

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
  const char* default_root; /* folder tried when the experiment gives none; NULL: there is no such place */
  const clb_order* orders;
  uint32_t order_count;
  uint32_t order_stride;
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

  /* root: a folder, never NULL. A missing or damaged file is CLB_E_IO, with its name and offset in set_error. */
  clb_status (*open)(const clb_host* host, const char* root, void** self);
  void (*close)(void* self);

  clb_status (*index)(void* self, uint32_t split, clb_index* index);

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
