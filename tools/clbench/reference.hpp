// `clbench table --reference`: joins published numbers (results/reference), plugins and presets (plan) and runs (results/report).
#pragma once

#include <clb/reference/claims.hpp>
#include <clb/report/reference.hpp>
#include <clb/report/table.hpp>
#include <memory>
#include <string>
#include <vector>

#include "options.hpp"

namespace clb::cli {

// The published numbers that ship, resolved with the plugins that are installed.
class Published {
 public:
  explicit Published(const Options& options);
  ~Published();

  std::vector<report::AgainstReference> compare(const std::vector<report::MeasuredRun>& runs, const std::string& method);
  const reference::Aliases& aliases() const { return references_.aliases; }
  // Numbers that were reported for exactly what this run computes, seeds aside.
  std::vector<reference::Entry> of(const base::Json& spec);

 private:
  class Settings;
  reference::References references_;
  std::unique_ptr<Settings> settings_;
};

std::vector<reference::Claim> claims_of_the_literature();  // none in a prefix without the file: no table fails for it

// Names of weights by their digest, and whose pre-training labels the data hold: of what ships, and of the folders of weights.
void tell_of_weights(report::TableOptions& table, const Options& options);

std::string reference_table(const Options& options, report::Format format);

}  // namespace clb::cli
