// A plugin that was built before the newest member of each struct existed, in this host, with every optional part delivered: each tensor is
// freed, and freed once. (In the preset `san` a tensor that is not freed is a leak as well.)
#include <clb/ext/features.h>

#include <clb/sdk/tensor.hpp>
#include <clb/session/evaluate.hpp>
#include <clb/session/learner.hpp>
#include <map>

#include "session/made_session.hpp"

namespace clb::testing {
namespace {

// Counts of the deleters that were put around those of tensors on their way to the plugin.
struct Count {
  int64_t made = 0, freed = 0, twice = 0;
  std::map<std::string, int64_t> by_name;
};
Count counted;

void watch(const char* name, DLManagedTensorVersioned* tensor) {
  struct Kept {
    void (*deleter)(DLManagedTensorVersioned*);
    bool gone = false;
  };
  static std::map<DLManagedTensorVersioned*, Kept> kept;
  kept[tensor] = {tensor->deleter};
  ++counted.made;
  ++counted.by_name[name];
  tensor->deleter = [](DLManagedTensorVersioned* self) {
    Kept& own = kept.at(self);
    if (std::exchange(own.gone, true)) {
      ++counted.twice;
      return;
    }
    ++counted.freed;
    own.deleter(self);
  };
}

template <class Parts>
void watch_all(const Parts& of) {
  for (uint32_t k = 0; k < of.part_count; ++k) watch(of.parts[k].name, of.parts[k].tensor);
}

// The plugin's table between a host whose batches, and a method whose questions, are watched.
clb_method plugin, watched_method;
const clb_host* host;
clb_host watched_host;

clb_method watched(const std::string& file) {
  plugin = watched_method = session::load_method_table(file);
  watched_method.create = [](const clb_session* session, void** self) {
    host = session->host;
    watched_host = *host;
    watched_host.stream_next = [](void* of, clb_stream* stream, clb_batch* batch) {
      const clb_status status = host->stream_next(of, stream, batch);
      if (status == CLB_OK) watch_all(*batch);
      return status;
    };
    clb_session own = *session;
    own.host = &watched_host;
    return plugin.create(&own, self);
  };
  watched_method.predict = [](void* self, const clb_question* question, DLManagedTensorVersioned** logits) {
    watch_all(*question);
    return plugin.predict(self, question, logits);
  };
  return watched_method;
}

TEST_F(MadeSession, AnOlderPluginFreesEveryTensorOfANewerHostOnce) {
  spec_.protocol.kind = "task";  // grants task ids
  spec_.weights = {{.role = "main", .sha256 = "made", .random = {.image = 32, .patch = 16, .dim = 8, .depth = 1, .heads = 2}}};
  spec_.method.id = "c_method";
  spec_.method.params = {{"batch_size", 7}};
  for (const char* folder : {"plugins", "old_plugins"}) {
    counted = {};
    const auto s = open(-1);
    {
      session::Learner learner(*s, watched(std::string(CLB_BINARY_DIR) + "/tests/" + folder + "/c_method.so"));
      learner.create();
      learner.learn(0);
      session::evaluate(*s, learner.method());
    }
    const int64_t batches = (4 * kTrain + 6) / 7, questions = 1;
    const bool every = std::string(folder) == "old_plugins";
    EXPECT_EQ(counted.by_name["main:cls"], batches + questions) << folder;
    EXPECT_EQ(counted.by_name["labels"], batches) << folder;
    for (const char* optional : {"images", "images:main", "task_ids"})
      EXPECT_EQ(counted.by_name[optional], every ? batches + questions : 0) << folder << " " << optional;
    EXPECT_EQ(counted.by_name["sample_ids"], every ? batches : 0) << folder;
    EXPECT_EQ(counted.freed, counted.made) << folder;
    EXPECT_EQ(counted.twice, 0) << folder;
  }
}

}  // namespace
}  // namespace clb::testing
