#include "checks.hpp"

#include <clb/meta.h>

namespace clb::conformance {
namespace {

template <uint64_t capability>
const char* unless_claimed(const Subject& subject) {
  return subject.claims(capability) ? nullptr : "not claimed";
}

const char* unless_batch_dependent(const Subject& subject) {
  if (subject.claims(CLB_CAP_BATCH_DEPENDENT)) return "the method says that its predictions depend on the batch";
  return subject.claims(CLB_CAP_STOCHASTIC) ? "the method says that its predictions are drawn" : nullptr;
}

const char* unless_task_ids(const Subject& subject) {
  return subject.claims(CLB_CAP_TASK_ID_TEST) ? "the method says that it needs task ids" : nullptr;
}

}  // namespace

const std::vector<Check>& method_checks() {
  static const std::vector<Check> all{
      {"descriptor", "names, defaults and ranges of the parameters", false, nullptr, descriptor},
      {"life_cycle", "tasks of 4, 3, 2 and 1 classes", false, nullptr, life_cycle},
      {"one_image", "one training image per class", false, nullptr, one_image},
      {"last_batch", "a last batch of one sample", false, nullptr, last_batch_of_one},
      {"one_task", "a stream of one task", false, nullptr, one_task},
      {"resume", "a new process goes on from the saved state, read 1 and 3 bytes at a time", true, nullptr, resume},
      {"damaged_state", "a cut state is refused, a changed one does not crash", false, nullptr, damaged_state},
      {"evaluate_saved", "a new process with the saved state gives the same logits", true, nullptr, evaluate_saved},
      {"evaluation_is_pure", "it leaves no trace whether, how and how often the method is evaluated", true, nullptr, evaluation_is_pure},
      {"state_growth", "the state does not grow with the number of images", true, nullptr, state_growth},
      {"hidden_images", "no training image is found in the state", true, nullptr, hidden_images},
      {"outside", "no other file, shared memory, socket or process is used", true, nullptr, outside},
      {"leftovers", "no thread, process or environment variable is left behind", true, nullptr, leftovers},
      {"batch_invariance", "a prediction does not depend on the other samples of its batch", true, unless_batch_dependent,
       batch_invariance},
      {"columns", "asked for some of the classes, it answers for these", false, nullptr, some_columns},
      {"task_blindness", "a prediction does not depend on the task id", true, unless_task_ids, task_blindness},
      {"label_permutation", "statistics do not depend on the class order", false, unless_claimed<CLB_CAP_STATISTICS_ONLY>,
       label_permutation},
      {"sample_order", "statistics do not depend on the order of samples within a class", false, unless_claimed<CLB_CAP_STATISTICS_ONLY>,
       sample_order},
      {"quiet", "nothing is printed", false, nullptr, quiet},
      {"cancel", "training stops within 2 seconds of being asked", false, nullptr, cancel},
      {"bitwise", "the same run repeats bit for bit in another process", false, unless_claimed<CLB_CAP_BITWISE>, bitwise},
      {"bf16", "precision bf16 works", false, unless_claimed<CLB_CAP_BF16>, bf16},
  };
  return all;
}

const std::vector<Check>& dataset_checks() {
  static const std::vector<Check> all{
      {"descriptor", "citation and licence", false, nullptr, dataset_descriptor},
      {"missing", "a folder without the dataset is refused by name", false, nullptr, dataset_missing},
      {"index", "names, labels, domains and official orders", false, nullptr, dataset_index},
      {"read", "samples are images or vectors, and the same each time", false, nullptr, dataset_read},
      {"threads", "samples may be read on several threads", false, nullptr, dataset_threads},
  };
  return all;
}

}  // namespace clb::conformance
