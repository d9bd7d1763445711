#include <clb/meta.h>

#include <clb/sdk/error.hpp>
#include <clb/session/batches.hpp>
#include <clb/session/memory.hpp>
#include <unordered_set>

namespace clb::session {

void set_memory(Session& session, std::span<const int64_t> sample_ids) {
  if ((session.spec.method.capabilities & CLB_CAP_RAW_REPLAY) == 0)
    throw PluginError(CLB_E_UNSUPPORTED, "the method keeps exemplars and must claim the capability raw_replay");
  if (session.task < 0) throw PluginError(CLB_E_STATE, "exemplars can be chosen only in train_task and end_task");
  auto among = session.protocol.train(session.task);
  among.insert(among.end(), session.memory.begin(), session.memory.end());
  auto chosen = indices_of(session.sample_ids, among, sample_ids);
  if (std::unordered_set<int64_t>(chosen.begin(), chosen.end()).size() != chosen.size())
    throw PluginError(CLB_E_INVALID, "a sample is named twice for the exemplar memory");
  session.memory = std::move(chosen);
}

int64_t memory_bytes(const data::Samples& store, std::span<const int64_t> memory) {
  int64_t bytes = 0;
  for (int64_t index : memory) bytes += store.bytes_of(Split::kTrain, index);
  return bytes;
}

}  // namespace clb::session
