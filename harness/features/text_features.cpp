#include <algorithm>
#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <clb/features/text_features.hpp>
#include <clb/loader/globals.hpp>
#include <clb/sdk/error.hpp>
#include <cstring>
#include <numeric>
#include <optional>

#include "folder_lock.hpp"

namespace clb::features {
namespace {

constexpr int64_t kTextBatchCpu = 64, kTextBatchCuda = 1024;  // sentences

std::string digest_of(const std::vector<std::string>& sentences) {
  base::Sha256 hash;
  for (const std::string& sentence : sentences) hash.update_u64(sentence.size()).update(sentence);
  return base::hex(hash.finish());
}

}  // namespace

torch::Tensor TextFeatures::tokens(const std::string& role, const std::vector<std::string>& sentences, TooLong too_long) const {
  Backbone& backbone = run_.backbones.at(role);
  const int64_t n = static_cast<int64_t>(sentences.size()), context = backbone.text_shape().context;
  auto ids = torch::empty({n, context}, torch::kInt64);
  auto* to = ids.mutable_data_ptr<int64_t>();
  const text::ClipTokens& tokeniser = backbone.tokens();
  for (const std::string& sentence : sentences) {
    try {
      const auto row = tokeniser.row(sentence, context, too_long);
      to = std::copy(row.begin(), row.end(), to);
    } catch (const base::Error& error) {
      throw PluginError(CLB_E_INVALID, error.what(), "", 0);
    }
  }
  return ids;
}

torch::Tensor TextFeatures::compute(const std::string& role, const std::vector<std::string>& sentences, TooLong too_long) const {
  loader::Globals::expect_unchanged_in_call();  // others will be served what is computed here
  Backbone& backbone = run_.backbones.at(role);
  torch::Tensor ids = tokens(role, sentences, too_long);
  ids = ids.narrow(1, 0, ids.argmax(1).max().item<int64_t>() + 1);  // nothing behind the end token counts
  const int64_t n = ids.size(0), size = run_.device.is_cuda() ? kTextBatchCuda : kTextBatchCpu;
  auto values = torch::empty({n, backbone.text_shape().width}, torch::kFloat32);
  for (int64_t first = 0; first < n; first += size) {
    run_.check_cancelled();
    const int64_t count = std::min(size, n - first);
    torch::Tensor batch = ids.narrow(0, first, count);
    if (count < size) batch = torch::cat({batch, batch.narrow(0, 0, 1).expand({size - count, -1})});  // every batch has the same shape
    values.narrow(0, first, count).copy_(backbone.compute_text(batch).narrow(0, 0, count));
    run_.progress("sentences", first + count, n);
  }
  run_.expect_unchanged();  // before others find the values under the hash of the file
  return values;
}

torch::Tensor TextFeatures::rows(const std::string& role, const std::vector<std::string>& sentences, TooLong too_long) {
  Backbone& backbone = run_.backbones.at(role);
  const int64_t n = static_cast<int64_t>(sentences.size()), width = backbone.text_shape().width;
  if (n == 0) return torch::empty({0, width});
  base::Json key = computation(run_);
  key["kind"] = role + ":text";
  key["weights"] = backbone.spec().sha256;
  key["weights_options"] = backbone.options();
  key["vocabulary"] = backbone.spec().vocabulary;
  key["sentences"] = {n, digest_of(sentences), too_long == TooLong::kCut ? "cut" : "whole"};
  const std::string name = base::hex(base::sha256(base::canonical(key)));
  auto& list = lists_[name];
  if (!list)
    list = std::make_unique<FeatureCache>(FeatureCache::Folders{run_.spec.execution.cache_dir, run_.shared_cache}, key, width,
                                          [this](const std::string& text) { run_.warn(text); });
  const auto span = run_.spans.enter("features", -1);
  const auto complete = [&] {
    for (int64_t k = 0; k < n; ++k)
      if (!list->has(k)) return false;
    return true;
  };
  std::optional<base::FileLock> lock;
  if (!complete() && !list->folder().empty()) {
    lock = lock_folder(list->folder(), run_.progress);
    list->load();  // another run may have computed it while we waited
  }
  const bool found = complete();
  if (!found) {
    const auto start = std::chrono::steady_clock::now();
    const torch::Tensor values = compute(role, sentences, too_long);
    std::vector<int64_t> ids(static_cast<size_t>(n));
    std::iota(ids.begin(), ids.end(), 0);
    list->add(ids, values, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  const bool first = accounted_.insert(name).second;
  auto values = torch::empty({n, width}, torch::kFloat32);
  for (int64_t k = 0; k < n; ++k) {
    std::memcpy(values.mutable_data_ptr<float>() + k * width, list->row(k), static_cast<size_t>(width) * sizeof(float));
    if (found && first) seconds_saved_ += list->seconds(k);
  }
  return values;
}

void TextFeatures::take_up(const base::Json& counts) {
  seconds_saved_ = counts.at("seconds_saved").get<double>();
  accounted_ = counts.at("accounted").get<std::set<std::string>>();
}

}  // namespace clb::features
