// The assets of a run (clb/ext/assets.h): files that the experiment names and the method declares.
#pragma once

#include <clb/base/hashed_file.hpp>
#include <clb/base/run_spec.hpp>
#include <map>
#include <span>
#include <string>

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

class Assets {
 public:
  explicit Assets(const base::RunSpec& run) : run_(run) {}

  // Mapped, and its SHA-256 checked, when it is first asked for. PluginError CLB_E_INVALID for a name that the run does not have; Error
  // when the file is not the planned one.
  const Asset& at(const std::string& name);

 private:
  const base::RunSpec& run_;
  std::map<std::string, Asset> open_;
};

}  // namespace clb::session
