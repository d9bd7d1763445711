/* A dataset in plain C: stripes of CLASSES kinds, computed from a formula; there are no files. Shows that the ABI needs no SDK. `read`
 * makes the samples and `release` frees them, so that a sanitizer catches a host that looks at them later. */
#include <clb/dataset.h>
#include <clb/meta.h>
#include <stdlib.h>

enum { SIDE = 16, CLASSES = 6, TRAIN_PER_CLASS = 8, TEST_PER_CLASS = 4, MOST = CLASSES * TRAIN_PER_CLASS };

static const char* const class_names[CLASSES] = {"one", "two", "three", "four", "five", "six"};

typedef struct {
  const clb_host* host;
  int64_t labels[MOST]; /* of both splits: classes take turns, so that the test split's are the first of the same */
} dataset;

static int64_t sample_count(uint32_t split) { return CLASSES * (split == CLB_SPLIT_TRAIN ? TRAIN_PER_CLASS : TEST_PER_CLASS); }

static clb_status fail(const clb_host* host, clb_status status, const char* text) {
  host->set_error(host->self, status, text, "c_dataset.c", 0);
  return status;
}

static clb_status describe(void* self, clb_dataset_info* info) {
  (void)self; /* nothing depends on files */
  info->modality = CLB_MODALITY_IMAGES;
  info->class_names = class_names;
  info->class_count = CLASSES;
  info->domain_count = 1;
  info->height = info->width = SIDE;
  info->channels = 1;
  info->licence = "public domain";
  info->citation = "made from a formula";
  return CLB_OK;
}

static clb_status open_dataset(const clb_dataset_session* session, void** self) {
  dataset* made = calloc(1, sizeof *made); /* there are no files, and so no use for the root */
  if (made == NULL) return fail(session->host, CLB_E_NO_MEMORY, "out of memory");
  made->host = session->host;
  for (int64_t i = 0; i < MOST; ++i) made->labels[i] = i % CLASSES;
  *self = made;
  return CLB_OK;
}

static void close_dataset(void* self) { free(self); }

static clb_status get_index(void* self, uint32_t split, clb_index* index) {
  const dataset* of = self;
  if (split != CLB_SPLIT_TRAIN && split != CLB_SPLIT_TEST) return fail(of->host, CLB_E_INVALID, "there is no such split");
  index->count = sample_count(split);
  index->labels = of->labels;
  index->domains = NULL;
  return CLB_OK;
}

/* Class k has k + 1 bright bands, wider from one sample to the next; test samples lie between the training samples. */
static uint8_t pixel(int64_t label, uint32_t split, int64_t i, int64_t y, int64_t x) {
  const int64_t phase = (x * (label + 1) * 256 / SIDE) % 256, width = 100 + 6 * (i / CLASSES) + (split == CLB_SPLIT_TEST ? 3 : 0);
  return (uint8_t)(phase < width ? 200 + y : 40 + 2 * y);
}

static clb_status read_samples(void* self, uint32_t split, const int64_t* ids, int64_t count, clb_sample* samples, uint32_t stride,
                               void** token) {
  const dataset* of = self;
  *token = NULL;
  if (split != CLB_SPLIT_TRAIN && split != CLB_SPLIT_TEST) return fail(of->host, CLB_E_INVALID, "there is no such split");
  for (int64_t k = 0; k < count; ++k)
    if (ids[k] < 0 || ids[k] >= sample_count(split)) return fail(of->host, CLB_E_INVALID, "there is no such sample");
  uint8_t* pixels = malloc((size_t)count * SIDE * SIDE + 1); /* + 1: malloc(0) may give NULL */
  if (pixels == NULL) return fail(of->host, CLB_E_NO_MEMORY, "out of memory");
  *token = pixels;
  for (int64_t k = 0; k < count; ++k) {
    clb_sample* sample = (clb_sample*)((char*)samples + (size_t)k * stride);
    sample->format = CLB_FORMAT_U8_HWC;
    sample->bytes = pixels;
    sample->size = SIDE * SIDE;
    sample->height = sample->width = SIDE;
    sample->channels = 1;
    for (int64_t y = 0; y < SIDE; ++y)
      for (int64_t x = 0; x < SIDE; ++x) *pixels++ = pixel(of->labels[ids[k]], split, ids[k], y, x);
  }
  return CLB_OK;
}

static void release(void* self, void* token) {
  (void)self;
  free(token);
}

CLB_EXPORT const clb_dataset* clb_dataset_v0(void);
const clb_dataset* clb_dataset_v0(void) {
  static const clb_dataset table = {
      .struct_size = sizeof table,
      .describe = describe,
      .open = open_dataset,
      .close = close_dataset,
      .index = get_index,
      .read = read_samples,
      .release = release,
  };
  return &table;
}

CLB_EXPORT extern const clb_plugin_meta_t clb_plugin_meta;
__attribute__((section(CLB_META_SECTION), used)) const clb_plugin_meta_t clb_plugin_meta = {
    .struct_size = sizeof clb_plugin_meta,
    .kind = CLB_KIND_DATASET,
    .magic = CLB_META_MAGIC,
    .abi_major = CLB_ABI_MAJOR,
    .abi_minor = CLB_ABI_MINOR,
    .cxx11_abi = 2,
    .id = "c_dataset",
    .version = "1.0.0",
    .compiler = "C " __VERSION__,
    .summary = "stripes, made from a formula",
};
