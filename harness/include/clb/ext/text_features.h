/* clb/ext/text_features.h: extension "clb.text_features/1" of the host. What the text tower of a role's weights makes of sentences, for
 * methods that claim CLB_CAP_TEXT_TOWER: a method whose text tower is frozen needs neither tokeniser nor tower of its own.
 *
 * Rows are those of the weights as their file has them, computed once and kept in the cache of the host. A row depends on the sentence, the
 * weights, the precision and the machine, and by rounding on the list that it was asked for with: the host computes and keeps lists as
 * wholes.
 */
#ifndef CLB_EXT_TEXT_FEATURES_H
#define CLB_EXT_TEXT_FEATURES_H

#include "../batch.h"

#define CLB_EXT_TEXT_FEATURES "clb.text_features/1"

/* A sentence of more tokens than the tower takes is cut, its last token then being the end; without it such a sentence is CLB_E_INVALID. */
#define CLB_TEXT_CUT 1u

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clb_sentences {
  uint32_t struct_size;
  uint32_t flags;           /* CLB_TEXT_* */
  const char* const* texts; /* UTF-8 */
  int64_t count;
} clb_sentences;

/* All [session]. `role` is one of clb_method.roles whose weights have a text tower; tensors lie on the device of the session and are the
 * caller's. */
typedef struct clb_text_features {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;

  /* [count, context] int64: start token, tokens, end token (the largest id of a row), zeros. */
  clb_status (*tokens)(void* self, const char* role, const clb_sentences* sentences, struct DLManagedTensorVersioned** ids);

  /* [count, width] float32, not normalised. */
  clb_status (*rows)(void* self, const char* role, const clb_sentences* sentences, struct DLManagedTensorVersioned** rows);

  /* The same of a template, "{}" in it replaced by the names of classes at these positions of the class order, of which the method may know
   * (ext/text.h). All classes of the data set are computed together, so that a row does not depend on class order and task. */
  clb_status (*class_rows)(void* self, const char* role, const char* sentence, const int64_t* positions, int64_t count,
                           struct DLManagedTensorVersioned** rows);
} clb_text_features;

#ifdef __cplusplus
}
#endif
#endif
