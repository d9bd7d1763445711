/* A method in plain C: SimpleCIL (plugins/simplecil) without SDK, LibTorch or C++. Class means of frozen features in float64, cosine as
 * logit. Reads features and labels through DLPack, on the CPU only. */
#include <ATen/dlpack.h>
#include <clb/ext/features.h>
#include <clb/meta.h>
#include <clb/method.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char* const kind = "main:cls";

typedef struct {
  const clb_host* host;
  int64_t batch_size;
  int64_t classes, dim;
  double* sums;    /* [classes, dim] */
  int64_t* counts; /* [classes] */
} method;

/* A tensor that this plugin made: the struct and what it points to are one block, so that the deleter is one free. */
typedef struct {
  DLManagedTensorVersioned managed;
  int64_t shape[2], strides[2];
  float values[];
} matrix;

static const clb_param params[] = {{
    .struct_size = sizeof(clb_param),
    .name = "batch_size",
    .help = "features per batch",
    .default_value = {.type = CLB_TYPE_INT, .as = {.i = 16}},
    .min = 1,
    .max = 65536,
}};

static clb_status fail(const clb_host* host, clb_status status, const char* text) {
  host->set_error(host->self, status, text, "c_method.c", 0);
  return status;
}

static clb_status create(const clb_session* session, void** self) {
  if (session->device_type != kDLCPU)
    return fail(session->host, CLB_E_UNSUPPORTED, "c_method runs on the CPU only; set run.device = \"cpu\"");
  if (session->setting_count != 1) return fail(session->host, CLB_E_INVALID, "c_method has one parameter");
  method* made = calloc(1, sizeof *made);
  if (made == NULL) return fail(session->host, CLB_E_NO_MEMORY, "out of memory");
  made->host = session->host;
  made->batch_size = session->settings[0].value.as.i;
  *self = made;
  return CLB_OK;
}

static void destroy(void* self) {
  method* of = self;
  free(of->sums);
  free(of->counts);
  free(of);
}

/* Makes room for `classes` rows; new ones are zero. */
static clb_status grow(method* of, int64_t classes, int64_t dim) {
  double* sums = calloc((size_t)(classes * dim), sizeof *sums);
  int64_t* counts = calloc((size_t)classes, sizeof *counts);
  if (sums == NULL || counts == NULL) {
    free(sums);
    free(counts);
    return fail(of->host, CLB_E_NO_MEMORY, "out of memory");
  }
  if (of->classes > 0) {
    memcpy(sums, of->sums, (size_t)(of->classes * dim) * sizeof *sums);
    memcpy(counts, of->counts, (size_t)of->classes * sizeof *counts);
  }
  free(of->sums);
  free(of->counts);
  of->sums = sums;
  of->counts = counts;
  of->classes = classes;
  of->dim = dim;
  return CLB_OK;
}

/* The first element of a row-major tensor on the CPU of this type and shape ([rows] when cols is 0), or NULL. */
static const void* elements(const DLManagedTensorVersioned* tensor, uint8_t code, uint8_t bits, int64_t rows, int64_t cols) {
  if (tensor == NULL || tensor->version.major != DLPACK_MAJOR_VERSION) return NULL;
  const DLTensor* t = &tensor->dl_tensor;
  if (t->device.device_type != kDLCPU || t->dtype.code != code || t->dtype.bits != bits || t->dtype.lanes != 1) return NULL;
  if (t->ndim != (cols > 0 ? 2 : 1) || t->shape[0] != rows || (cols > 0 && t->shape[1] != cols)) return NULL;
  return (const char*)t->data + t->byte_offset;
}

static void release(DLManagedTensorVersioned* tensor) {
  if (tensor != NULL && tensor->deleter != NULL) tensor->deleter(tensor);
}

static const clb_part* part_at(const clb_part* parts, uint64_t stride, uint32_t k) {
  return (const clb_part*)((const char*)parts + k * stride);
}

static const DLManagedTensorVersioned* find(const clb_part* parts, uint32_t count, uint64_t stride, const char* name) {
  for (uint32_t k = 0; k < count; ++k)
    if (strcmp(part_at(parts, stride, k)->name, name) == 0) return part_at(parts, stride, k)->tensor;
  return NULL;
}

/* All tensors are the receiver's, also those it does not know. */
static void release_all(const clb_part* parts, uint32_t count, uint64_t stride) {
  for (uint32_t k = 0; k < count; ++k) release(part_at(parts, stride, k)->tensor);
}

static clb_status add_batch(method* of, const clb_batch* batch) {
  const int64_t* labels = elements(find(batch->parts, batch->part_count, batch->part_stride, CLB_PART_LABELS), kDLInt, 64, batch->n, 0);
  const float* features = elements(find(batch->parts, batch->part_count, batch->part_stride, kind), kDLFloat, 32, batch->n, of->dim);
  if (labels == NULL || features == NULL) return fail(of->host, CLB_E_INTERNAL, "the batch is not what the stream was asked for");
  for (int64_t i = 0; i < batch->n; ++i) {
    if (labels[i] < 0 || labels[i] >= of->classes) return fail(of->host, CLB_E_INTERNAL, "a label is not among the classes seen");
    for (int64_t j = 0; j < of->dim; ++j) of->sums[labels[i] * of->dim + j] += features[i * of->dim + j];
    ++of->counts[labels[i]];
  }
  return CLB_OK;
}

static clb_status train_task(void* self, const clb_task* task) {
  method* of = self;
  const clb_host* host = of->host;
  int64_t dim = 0;
  const clb_features* features = host->get_extension(host->self, CLB_EXT_FEATURES);
  if (features == NULL) return fail(host, CLB_E_UNSUPPORTED, "this host has no features");
  clb_status status = features->dim(features->self, kind, &dim);
  if (status == CLB_OK) status = grow(of, task->classes_seen, dim);
  if (status != CLB_OK) return status;

#ifdef EVERY_PART /* more than it needs: what is delivered is released, and by whom is counted by a test */
  static const char* const parts[] = {CLB_PART_LABELS, "main:cls", CLB_PART_IMAGES, "images:main", CLB_PART_SAMPLE_IDS, CLB_PART_TASK_IDS};
#else
  static const char* const parts[] = {CLB_PART_LABELS, "main:cls"};
#endif
  const clb_stream_request request = {
      .struct_size = sizeof request,
      .sources = CLB_SOURCE_TRAIN,
      .view = CLB_VIEW_EVAL,
      .parts = parts,
      .part_count = sizeof parts / sizeof *parts,
      .batch_size = of->batch_size,
      .epochs = 1,
  };
  clb_stream* stream = NULL;
  status = host->stream_open(host->self, &request, &stream);
  if (status != CLB_OK) return status;
  while (status == CLB_OK) {
    clb_batch batch = {.struct_size = sizeof batch};
    status = host->stream_next(host->self, stream, &batch);
    if (status != CLB_OK) break;
    status = add_batch(of, &batch);
    release_all(batch.parts, batch.part_count, batch.part_stride);
    if (status == CLB_OK && host->progress(host->self, "batches", batch.epoch, 0) != 0) status = CLB_E_CANCELLED;
  }
  host->stream_close(host->self, stream);
  return status == CLB_END ? CLB_OK : status;
}

static clb_status inputs(void* self, clb_inputs* wanted) {
  (void)self;
#ifdef EVERY_PART
  static const char* const parts[] = {"main:cls", CLB_PART_IMAGES, "images:main", CLB_PART_TASK_IDS};
#else
  static const char* const parts[] = {"main:cls"};
#endif
  wanted->parts = parts;
  wanted->part_count = sizeof parts / sizeof *parts;
  return CLB_OK;
}

static void free_matrix(DLManagedTensorVersioned* managed) { free(managed); } /* the first member of the block */

static matrix* new_matrix(int64_t rows, int64_t cols) {
  matrix* m = calloc(1, sizeof *m + (size_t)(rows * cols) * sizeof(float));
  if (m == NULL) return NULL;
  m->shape[0] = rows;
  m->shape[1] = m->strides[0] = cols;
  m->strides[1] = 1;
  m->managed.version = (DLPackVersion){DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  m->managed.deleter = free_matrix;
  m->managed.dl_tensor = (DLTensor){
      .data = m->values,
      .device = {kDLCPU, 0},
      .ndim = 2,
      .dtype = {kDLFloat, 32, 1},
      .shape = m->shape,
      .strides = m->strides,
  };
  return m;
}

/* Cosine of a feature and a class's sum, which points where its mean does; 0 for a class without samples. */
static double cosine(const float* x, const double* sum, int64_t dim) {
  double product = 0, xx = 0, ss = 0;
  for (int64_t j = 0; j < dim; ++j) {
    product += x[j] * sum[j];
    xx += (double)x[j] * x[j];
    ss += sum[j] * sum[j];
  }
  return xx > 0 && ss > 0 ? product / sqrt(xx * ss) : 0;
}

static clb_status predict(void* self, const clb_question* question, DLManagedTensorVersioned** logits) {
  method* of = self;
  clb_status status = CLB_OK;
  const int64_t n = question->n, columns = question->column_count;
  const float* features = elements(find(question->parts, question->part_count, question->part_stride, kind), kDLFloat, 32, n, of->dim);
  matrix* made = features != NULL ? new_matrix(n, columns) : NULL;
  if (features == NULL) {
    status = fail(of->host, CLB_E_INTERNAL, "the question is not what inputs asked for");
  } else if (made == NULL) {
    status = fail(of->host, CLB_E_NO_MEMORY, "out of memory");
  } else {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t c = 0; c < columns; ++c)
        made->values[i * columns + c] = (float)cosine(features + i * of->dim, of->sums + question->columns[c] * of->dim, of->dim);
    *logits = &made->managed;
  }
  release_all(question->parts, question->part_count, question->part_stride);
  return status;
}

static clb_status save(void* self, const clb_writer* writer) {
  const method* of = self;
  const int64_t sizes[2] = {of->classes, of->dim};
  clb_status status = writer->write(writer->self, sizes, sizeof sizes);
  if (status == CLB_OK) status = writer->write(writer->self, of->sums, (uint64_t)(of->classes * of->dim) * sizeof *of->sums);
  if (status == CLB_OK) status = writer->write(writer->self, of->counts, (uint64_t)of->classes * sizeof *of->counts);
  return status;
}

static clb_status read_exactly(method* of, const clb_reader* reader, void* to, uint64_t count) {
  for (uint64_t at = 0, got = 0; at < count; at += got) {
    const clb_status status = reader->read(reader->self, (char*)to + at, count - at, &got);
    if (status != CLB_OK) return status;
    if (got == 0) return fail(of->host, CLB_E_STATE, "the saved state ends too early");
  }
  return CLB_OK;
}

static clb_status load(void* self, const clb_reader* reader) {
  method* of = self;
  int64_t sizes[2];
  clb_status status = read_exactly(of, reader, sizes, sizeof sizes);
  if (status != CLB_OK) return status;
  if (sizes[0] < 0 || sizes[0] > 1 << 20 || sizes[1] < 0 || sizes[1] > 1 << 16)
    return fail(of->host, CLB_E_STATE, "the saved state has impossible sizes");
  of->classes = 0;
  status = grow(of, sizes[0], sizes[1]);
  if (status == CLB_OK) status = read_exactly(of, reader, of->sums, (uint64_t)(of->classes * of->dim) * sizeof *of->sums);
  if (status == CLB_OK) status = read_exactly(of, reader, of->counts, (uint64_t)of->classes * sizeof *of->counts);
  return status;
}

CLB_EXPORT const clb_method* clb_method_v0(void);
const clb_method* clb_method_v0(void) {
  static const clb_method table = {
      .struct_size = sizeof table,
      .state_version = 1,
      .paper = "Zhou et al., IJCV 2024, arXiv:2303.07338",
      .params = params,
      .param_count = 1,
      .param_stride = sizeof(clb_param),
      .create = create,
      .destroy = destroy,
      .train_task = train_task,
      .inputs = inputs,
      .predict = predict,
      .save = save,
      .load = load,
  };
  return &table;
}

CLB_EXPORT extern const clb_plugin_meta_t clb_plugin_meta;
__attribute__((section(CLB_META_SECTION), used)) const clb_plugin_meta_t clb_plugin_meta = {
    .struct_size = sizeof clb_plugin_meta,
    .kind = CLB_KIND_METHOD,
    .magic = CLB_META_MAGIC,
    .abi_major = CLB_ABI_MAJOR,
    .abi_minor = CLB_ABI_MINOR,
    .capabilities = CLB_CAP_FROZEN_FEATURES | CLB_CAP_STATISTICS_ONLY | CLB_CAP_BITWISE,
    .cxx11_abi = 2,
    .id = "c_method",
    .version = "1.0.0",
    .compiler = "C " __VERSION__,
    .summary = "Zhou et al., IJCV 2024, arXiv:2303.07338",
};
