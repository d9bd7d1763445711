// The assets of a run (clb/ext/assets.h): files and data sets that the experiment names and the method declares.
#pragma once

#include <clb/base/hashed_file.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/session/session.hpp>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace clb::session {

class Asset {
 public:
  explicit Asset(const std::string& file) : file_(file) {}
  std::span<const uint8_t> bytes() const { return file_.bytes(); }
  const std::string& sha256() const { return sha256_; }

 private:
  friend class Assets;
  base::HashedFile file_;
  std::string sha256_;
};

// The training images of a data set that is an asset, in the views of the run.
class AuxData {
 public:
  AuxData(const base::DatasetSpec& dataset, Session& session);
  const std::vector<int64_t>& samples() const { return indices_; }  // of the training split, in index order, within the subset
  const data::Views& views() const { return views_; }

 private:
  data::Samples store_;
  data::Views views_;
  std::vector<int64_t> indices_;
};

class Assets {
 public:
  explicit Assets(const base::RunSpec& run) : run_(run) {}

  // Mapped, and its SHA-256 checked, when it is first asked for. PluginError CLB_E_INVALID for a name that the run does not have; Error
  // when the file is not the planned one.
  const Asset& at(const std::string& name);
  bool is_dataset(const std::string& name) const { return run_.execution.asset_datasets.contains(name); }
  // Opened, and held against its fingerprint, when it is first asked for; is_dataset(name) holds.
  const AuxData& dataset(const std::string& name, Session& session);

 private:
  const base::RunSpec& run_;
  std::map<std::string, Asset> open_;
  std::map<std::string, AuxData> datasets_;
};

}  // namespace clb::session
