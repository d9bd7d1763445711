// The C table of the host (clb/host.h) over a Session.
#pragma once

#include <clb/ext/assets.h>
#include <clb/ext/features.h>
#include <clb/ext/memory.h>
#include <clb/ext/part_hash.h>
#include <clb/ext/text.h>
#include <clb/ext/text_features.h>
#include <clb/ext/weights.h>
#include <clb/host.h>

#include <clb/session/assets.hpp>
#include <clb/session/batches.hpp>
#include <clb/session/session.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace clb::session {

class Host {
 public:
  explicit Host(Session& session);
  Host(const Host&) = delete;

  const clb_host* table() const { return &table_; }
  void close_streams();  // those that a method left open

 private:
  clb_host table_{};
  clb_memory memory_{};
  clb_features features_{};
  clb_part_hash part_hash_{};
  clb_weights_source weights_{};
  clb_assets assets_{};
  clb_text text_{};
  clb_text_features text_features_{};
  Session& session_;
  Assets assets_of_run_;
  std::vector<const char*> templates_;  // none: the run has no text
  std::vector<std::unique_ptr<BatchSource>> streams_;
  std::map<std::string, std::pair<std::string, std::string>> told_;  // hash and options of the weights, by role
  friend struct HostCalls;
};

}  // namespace clb::session
