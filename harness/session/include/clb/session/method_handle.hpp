// The caller's side of a method plugin: loads it (RTLD_NOW | RTLD_LOCAL, never unloaded), copies its table with stubs for what is absent,
// and turns statuses into PluginError with the text that the plugin told the host.
#pragma once

#include <clb/method.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <clb/base/describe.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/parts.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clb::session {

// The table of a plugin file after its metadata has been checked. Error (user's mistake) when this runner cannot load it.
clb_method load_method_table(const std::string& file);
std::vector<std::string> sources_of(const clb_method& table, const std::string& file);  // paths of clb_method.sources; Error: missing
base::MethodInfo method_info(const std::string& file);

class MethodHandle {
 public:
  explicit MethodHandle(const clb_method& table) : table_(table) {}
  ~MethodHandle();
  MethodHandle(const MethodHandle&) = delete;

  void create(const clb_session& session);
  void begin_task(const clb_task& task);
  void train_task(const clb_task& task);
  void end_task(const clb_task& task);
  std::vector<WantedPart> inputs();
  torch::Tensor predict(const HostBatch& batch, std::span<const int64_t> columns);  // positions in the class order, ascending
  torch::Tensor extract(const std::string& kind, const torch::Tensor& images);      // [n, 3, H, W] in the evaluation view
  uint64_t state_version() const { return table_.state_version; }
  void save(const std::function<void(std::string_view)>& write);  // an exception of `write` comes out again
  // What save gave, into a fresh object; a read delivers at most `step` bytes.
  void load(std::span<const uint8_t> bytes, uint64_t step = UINT64_MAX);

 private:
  clb_method table_;
  void* self_ = nullptr;
};

}  // namespace clb::session
