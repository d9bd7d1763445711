// One run in flight: the parts that the host table, the streams and the evaluation share. Built by run.cpp, lives on one thread.
#pragma once

#include <atomic>
#include <clb/base/run_spec.hpp>
#include <clb/base/spans.hpp>
#include <clb/data/samples.hpp>
#include <clb/data/views.hpp>
#include <clb/features/backbone.hpp>
#include <clb/features/features.hpp>
#include <clb/features/text_features.hpp>
#include <clb/session/device.hpp>
#include <clb/session/emitter.hpp>
#include <clb/stream/keys.hpp>
#include <clb/stream/protocol.hpp>
#include <clb/stream/sample_ids.hpp>
#include <map>
#include <set>
#include <thread>

namespace clb::session {

using base::Spans;
using data::ImageRequest;
using data::Images;
using data::kSplits;
using data::Split;
using features::Backbones;
using features::Features;
using stream::Keys;
using stream::permutation;
using stream::Protocol;

struct Session {
  // runner_hash: SHA-256 of this program; part of the keys of cached features.
  Session(const base::RunSpec& spec, torch::Device device, const std::string& runner_hash, Emitter& emitter, base::Spans& spans);

  void warn(const std::string& text) { emitter.emit(base::Log{"warning", text}); }
  void check_cancelled() const;  // throws PluginError CLB_E_CANCELLED
  void expect_unchanged();       // Error when somebody wrote into plugins or weights that this run uses
  // Is this the thread of the session? Otherwise the name of the function that was called is kept for expect_own_thread.
  bool is_own_thread(const char* function);
  void expect_own_thread() const;  // throws PluginError when a function of the host was called on another thread
  // A call of the plugin; that it used a foreign thread is the reason also where it fails for it.
  template <class Call>
  void call_plugin(Call call) const {
    try {
      call();
    } catch (...) {
      expect_own_thread();
      throw;
    }
    expect_own_thread();
  }
  void progress(const std::string& what, int64_t done, int64_t total);
  Split evaluated_split() const { return protocol.evaluates_test() ? Split::kTest : Split::kTrain; }
  // What a part "images" (role "") or "images:ROLE" is made of; PluginError CLB_E_INVALID for a role that the run does not have.
  const Images& view_of(const data::Views& of, const std::string& role, bool augmented);
  // Computes these kinds for the samples that are wanted now; what the host computes by itself, for every sample of the split that this run
  // will use.
  void require_features(std::vector<std::string> kinds, Split split, std::vector<int64_t> wanted);

  base::RunSpec spec;
  Emitter& emitter;
  Spans& spans;
  torch::Device device;
  torch::ScalarType dtype;  // of frozen weights
  std::string runner_hash;
  Keys keys;
  data::Samples store;
  stream::SampleIds sample_ids;  // of the training split
  Protocol protocol;
  data::Views views;
  Backbones backbones;
  Features features;
  features::TextFeatures text;
  std::set<std::pair<std::string, Split>> complete;  // kinds that the host has computed for all of a split

  int64_t task = -1;                  // the current one
  int64_t streams_opened = 0;         // in this task
  int64_t images_seen = 0;            // training-view images delivered
  std::vector<base::Metric> metrics;  // since the last TaskDone
  int64_t metrics_left_out = 0;       // of the method's (metrics.hpp)
  std::vector<int64_t> memory;        // exemplars: indices into the training split, in the order the method gave

 private:
  features::Surroundings surroundings();

  std::thread::id thread_ = std::this_thread::get_id();
  std::atomic<const char*> off_thread_ = nullptr;  // the function that was called on another thread
};

}  // namespace clb::session
