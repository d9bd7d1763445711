// Whether the rows of a results file are what their content says: keys are hashes, columns repeat the spec, attempts are complete. For
// `clbench audit`; counts are recounted by results/audit.
#pragma once

#include <clb/base/second_look.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace clb::store {

struct AttemptAudit {
  int64_t id = 0;
  std::string uuid, status;  // newest; "" when it has none
  struct Task {
    int64_t after_task = 0;
    std::string classes;  // JSON
    bool predictions = false;
    std::string logit_hash;
  };
  std::vector<Task> tasks;
  bool targets = false;
  std::optional<base::SecondLook> look;
  bool sealed = false;              // its seal was written with its last event; an older clbench wrote none
  std::string sealed_spec;          // SHA-256 of the spec that its run had then
  std::vector<std::string> broken;  // tables that do not hold of it what was sealed
};

// Belongs to one thread. Error (exit 2) when the file is missing, damaged anywhere or newer.
class RowAudit {
 public:
  explicit RowAudit(const std::filesystem::path& file);
  ~RowAudit();

  // What differs; empty when nothing does.
  std::vector<std::string> shared() const;             // rows that runs share: keys of machines, builds, plugins; labels stored twice
  std::vector<std::string> run(int64_t run_id) const;  // the run's rows against its spec

  std::vector<AttemptAudit> attempts(int64_t run_id) const;
  std::string spec_sha256(int64_t run_id) const;  // of the spec as it is stored

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clb::store
