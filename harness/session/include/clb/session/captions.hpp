// The lines of an asset as a stream of CLB_SOURCE_AUX (clb/ext/text.h): unlabelled, in batches of its own size, endless where asked for.
#pragma once

#include <clb/session/assets.hpp>
#include <clb/session/stream.hpp>
#include <string_view>
#include <vector>

namespace clb::session {

class Captions final : public BatchSource {
 public:
  Captions(Session& session, const clb_stream_request& request, Assets& assets);  // PluginError for what cannot be served

  clb_stream_info info() const override;
  std::optional<HostBatch> next() override;

 private:
  Session& session_;
  int64_t task_, id_;  // id_: counts the streams of the task
  bool shuffle_, drop_last_;
  int64_t batch_size_, epochs_, step_ = 0;  // epochs_ 0: endless
  bool wanted_;                             // the captions themselves; else batches of nothing but their size
  std::vector<std::string_view> lines_;
  std::vector<int64_t> order_;  // of order_epoch_
  int64_t order_epoch_ = -1;
};

}  // namespace clb::session
