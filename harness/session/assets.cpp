#include <clb/base/error.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/assets.hpp>

namespace clb::session {

AuxData::AuxData(const base::DatasetSpec& dataset, Session& session)
    : store_(
          dataset, session.spec.execution, [&session](const std::string& text) { session.warn(text); },
          [&session](const std::string& what, int64_t done, int64_t total) {
            session.check_cancelled();
            session.progress(what, done, total);
          }),
      views_(store_, session.spec, session.device, image_dtype(session.spec.precision)) {
  std::map<int64_t, int64_t> taken;  // of each class
  const auto labels = store_.labels(Split::kTrain);
  for (size_t i = 0; i < labels.size(); ++i)
    if (dataset.train_per_class == 0 || taken[labels[i]]++ < dataset.train_per_class) indices_.push_back(static_cast<int64_t>(i));
}

const AuxData& Assets::dataset(const std::string& name, Session& session) {
  return datasets_.try_emplace(name, run_.execution.asset_datasets.at(name), session).first->second;
}

const Asset& Assets::at(const std::string& name) {
  if (const auto found = open_.find(name); found != open_.end()) return found->second;
  if (is_dataset(name))
    throw PluginError(CLB_E_INVALID, "the asset \"" + name + "\" is a data set, which is no file; a stream of auxiliary data reads it", "",
                      0);
  const auto planned = run_.assets.find(name);
  const auto file = run_.execution.asset_files.find(name);
  if (planned == run_.assets.end() || file == run_.execution.asset_files.end())
    throw PluginError(CLB_E_INVALID,
                      "the run has no asset \"" + name + "\"; the experiment needs [assets." + name +
                          "] with file and sha256, and the method must declare it",
                      "", 0);
  Asset asset(file->second);
  asset.sha256_ = asset.file_.sha256();
  if (asset.sha256_ != planned->second)
    throw base::Error("the asset " + file->second + " has SHA-256 " + asset.sha256_ + ", the run was planned with " + planned->second +
                      ": the file was replaced; start again with the new digest in the experiment, or put the old file back");
  return open_.emplace(name, std::move(asset)).first->second;
}

}  // namespace clb::session
