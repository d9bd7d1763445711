#include <clb/base/hashed_file.hpp>
#include <clb/base/sha256.hpp>
#include <utility>

namespace clb::base {

const std::string& HashedFile::sha256() {
  if (!sha256_.empty()) return sha256_;
  const Moment moment = now();
  stamp_ = file_.stamp();
  settled_ = stamp_.settled(moment);
  return sha256_ = hex(base::sha256(bytes()));
}

bool HashedFile::unchanged() {
  if (sha256_.empty()) return true;
  const Stamp stamp = file_.stamp();
  if (stamp == stamp_ && settled_) return true;
  if (stamp.size != bytes().size()) return false;  // beyond its new end nothing may be read
  const std::string before = std::exchange(sha256_, "");
  if (sha256() == before) return true;
  sha256_ = before;
  settled_ = false;
  return false;
}

bool HashedFile::still_in_place() const {
  const auto there = stamp_of(path());
  return there && there->same_file(file_.stamp());
}

}  // namespace clb::base
