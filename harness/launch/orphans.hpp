// Processes that a runner started and that left its group: once their parent has gone they are ours to end.
#pragma once

#include <sys/types.h>

#include <set>

namespace clb::launch {

// While it lives, orphans among our descendants become our children (PR_SET_CHILD_SUBREAPER).
class Adoption {
 public:
  Adoption();
  ~Adoption();
  Adoption(const Adoption&) = delete;

 private:
  int before_ = 0;
};

// An adoption that ends whom it brought.
class Orphans {
 public:
  Orphans();
  Orphans(const Orphans&) = delete;

  // Kills and reaps all children of this process but `known` and those that it had before.
  void end(const std::set<pid_t>& known) const;

 private:
  std::set<pid_t> children_before_;
  Adoption adoption_;
};

}  // namespace clb::launch
