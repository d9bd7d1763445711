#include <clb/base/error.hpp>
#include <clb/sdk/error.hpp>
#include <clb/session/assets.hpp>

namespace clb::session {

const Asset& Assets::at(const std::string& name) {
  if (const auto found = open_.find(name); found != open_.end()) return found->second;
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
