/* clb/ext/text.h: extension "clb.text/1" of the host. Classes as people name them, templates of sentences, and captions, for methods that
 * claim CLB_CAP_TEXT_TOWER.
 *
 * Names and templates come from the data set (clb_dataset_info.readable_names, .templates) or, where it has none, from
 * share/datasets/<id>.toml; a name that nobody gives is the class's own, its underscores as spaces.
 *
 * Captions: a stream of CLB_SOURCE_AUX with clb_stream_request.aux = the name of an asset of the run (ext/assets.h), a UTF-8 file with one
 * caption a line, delivers the part "aux:captions" in batches of its own size; epochs = 0 makes it endless. Its view is without meaning.
 */
#ifndef CLB_EXT_TEXT_H
#define CLB_EXT_TEXT_H

#include "../abi.h"

#define CLB_EXT_TEXT "clb.text/1"

#ifdef __cplusplus
extern "C" {
#endif

/* All [session]. What is returned lives as long as the session. */
typedef struct clb_text {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;

  /* The name of the class at this position of the class order, never empty. Of the classes seen, the current task's included; of those to
   * come for methods that claim CLB_CAP_ZERO_SHOT. Another position is CLB_E_INVALID. */
  clb_status (*class_name)(void* self, int64_t position, const char** name);

  /* Sentences with "{}" where the name belongs, at least one ("a photo of a {}." where nobody gives any). */
  clb_status (*templates)(void* self, const char* const** templates, int64_t* count);
} clb_text;

#ifdef __cplusplus
}
#endif
#endif
